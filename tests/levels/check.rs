//! What is wrong with the imports of a crate.

use crate::table::{Levels, Reserved};
use crate::tree::Import;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The imports that lead to a higher level, or to another row of the same one.
pub(crate) fn upward(imports: &[Import], levels: &Levels) -> Vec<String> {
    let broken = imports.iter().filter_map(|import| {
        let (from, to) = (levels.row(&import.from)?, levels.row(&import.to)?);
        let levels = format!("`{}` is on level {}, `{}` on level {}", from.name, from.level, to.name, to.level);
        (from != to && from.level <= to.level).then(|| format!("{import}: {levels}"))
    });
    broken.collect()
}

/// The imports of modules that are reserved for others than `by` says.
pub(crate) fn reserved(
    imports: &[Import],
    reserved: &[Reserved],
    by: impl Fn(&Import) -> Option<String>,
) -> Vec<String> {
    let broken = imports.iter().filter_map(|import| {
        let by = by(import)?;
        let refused = reserved.iter().any(|one| one.refuses(&import.to, &by));
        refused.then(|| format!("{import}: {} is not for `{by}`", import.to))
    });
    broken.collect()
}

/// The imports of all that a module has: what they take cannot be read off them.
pub(crate) fn globs(imports: &[Import]) -> impl Iterator<Item = &Import> {
    imports.iter().filter(|import| import.name == "*")
}

/// The circles of modules that import one another: for each module the shortest one through it.
pub(crate) fn circles(imports: &[Import]) -> Vec<Vec<&Import>> {
    let mut found = BTreeMap::new();
    for start in imports.iter().map(|import| import.from.as_str()).collect::<BTreeSet<_>>() {
        if let Some(circle) = circle(imports, start) {
            let modules: BTreeSet<_> = circle.iter().map(|import| import.from.as_str()).collect();
            found.entry(modules).or_insert(circle);
        }
    }
    found.into_values().collect()
}

/// The shortest way from a module back to itself.
fn circle<'i>(imports: &'i [Import], start: &str) -> Option<Vec<&'i Import>> {
    let mut reached: BTreeMap<&str, &Import> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(module) = queue.pop_front() {
        for import in imports.iter().filter(|import| import.from == module) {
            if !reached.contains_key(import.to.as_str()) {
                reached.insert(&import.to, import);
                queue.push_back(&import.to);
            }
        }
    }
    let mut way = vec![*reached.get(start)?];
    while let Some(last) = way.last().filter(|import| import.from != start) {
        way.push(reached.get(last.from.as_str())?);
    }
    way.reverse();
    Some(way)
}
