//! One crate: its files, the modules that they are, and what they import from one another.

use crate::source::{Path, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A module, by its path from the crate's root.
type Module = Vec<String>;

/// How often a name may be handed on from one `use` to the next.
const MAX_REEXPORTS: usize = 8;

/// The files in a crate's `src`, but for those that are compiled for tests alone.
#[derive(Debug)]
pub(crate) struct Tree {
    files: BTreeMap<Module, File>,
}

#[derive(Debug)]
struct File {
    /// The module's path, as it is shown.
    title: String,
    place: String,
    source: Source,
}

/// One import of a module from another, each in a file of its own.
#[derive(Debug, Clone)]
pub(crate) struct Import {
    /// The module that imports: `a::b`, or `crate` for the root.
    pub(crate) from: String,
    /// The module that defines what is imported.
    pub(crate) to: String,
    /// What is imported; `*` for all that is there.
    pub(crate) name: String,
    /// The file and the line.
    pub(crate) place: String,
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, name, place } = self;
        write!(f, "{place}: {from} imports `{name}` from {to}")
    }
}

/// Where a path leads.
enum Target<'t> {
    /// To what a file of this crate defines, or to that file's module itself, which has no name here.
    Here(&'t File, Option<String>),
    /// Out of the crate.
    Elsewhere(Vec<String>),
}

impl Tree {
    /// The crate in a folder: its files, each with its place in `src` and its text.
    pub(crate) fn new(folder: &str, texts: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut files = BTreeMap::new();
        for (name, text) in texts {
            let place = format!("{folder}/src/{name}");
            let source = Source::read(text).map_err(|error| format!("{place}: {error}"))?;
            let module = module(name);
            let title = if module.is_empty() { "crate".to_owned() } else { module.join("::") };
            files.insert(module, File { title, place, source });
        }
        let mut for_tests: BTreeSet<Module> = BTreeSet::new();
        for (module, file) in &files {
            for_tests.extend(file.source.for_tests.iter().map(|name| child(module, name)));
        }
        files.retain(|module, _| (1..=module.len()).all(|length| !for_tests.contains(&module[..length])));
        Ok(Self { files })
    }

    /// The modules that have files of their own.
    pub(crate) fn modules(&self) -> impl Iterator<Item = &str> + Clone {
        self.files.values().map(|file| file.title.as_str())
    }

    /// What its modules import from one another.
    pub(crate) fn imports(&self) -> Vec<Import> {
        let mut imports = self.targets(|target| match target {
            Target::Here(file, name) => Some((file.title.clone(), name)),
            Target::Elsewhere(_) => None,
        });
        imports.retain(|import| import.from != import.to);
        imports
    }

    /// What its modules import from another crate, which they call `name`.
    pub(crate) fn imports_from(&self, name: &str, other: &Self) -> Vec<Import> {
        self.targets(|target| {
            let Target::Elsewhere(mut path) = target else { return None };
            let root = path.first_mut().filter(|first| *first == name)?;
            "crate".clone_into(root);
            match other.resolve(&[], &path, 0)? {
                Target::Here(file, name) => Some((file.title.clone(), name)),
                Target::Elsewhere(_) => None,
            }
        })
    }

    fn targets(&self, chosen: impl Fn(Target<'_>) -> Option<(String, Option<String>)>) -> Vec<Import> {
        let mut imports = BTreeMap::new();
        for (module, file) in &self.files {
            for Path { line, inside, segments, glob } in &file.source.paths {
                let target = self.resolve(&[module.as_slice(), inside].concat(), segments, 0);
                let Some((to, name)) = target.and_then(&chosen) else { continue };
                let name = match name {
                    Some(name) => name,
                    None if *glob => "*".to_owned(),
                    None => segments.last().cloned().unwrap_or_default(),
                };
                // A name that a `use` brings in may be written many times.
                let place = || format!("{}:{line}", file.place);
                imports.entry((file.title.clone(), to, name)).or_insert_with(place);
            }
        }
        imports.into_iter().map(|((from, to, name), place)| Import { from, to, name, place }).collect()
    }

    /// Follows a path that is written in a module, through the names that other modules only hand on.
    fn resolve(&self, module: &[String], path: &[String], reexports: usize) -> Option<Target<'_>> {
        let (first, rest) = path.split_first()?;
        let elsewhere = || Some(Target::Elsewhere(path.to_vec()));
        let mut here = match first.as_str() {
            "crate" => Module::new(),
            "self" => module.to_vec(),
            "super" => module.split_last()?.1.to_vec(),
            name if self.files.contains_key(&child(module, name)) => child(module, name),
            name => {
                return match self.given(module, name) {
                    Some(given) if reexports < MAX_REEXPORTS => {
                        self.resolve(module, &[given, rest].concat(), reexports + 1)
                    }
                    _ => elsewhere(),
                };
            }
        };
        for (index, name) in rest.iter().enumerate() {
            if name == "super" {
                here.pop()?;
            } else if self.files.contains_key(&child(&here, name)) {
                here.push(name.clone());
            } else {
                let (file, _) = self.file(&here)?;
                let given = self.given(&here, name).filter(|_| reexports < MAX_REEXPORTS);
                let handed_on = given.and_then(|given| {
                    let rest = rest.get(index + 1..).unwrap_or_default();
                    self.resolve(&here, &[given, rest].concat(), reexports + 1)
                });
                return Some(match handed_on {
                    Some(Target::Here(file, defined)) => Target::Here(file, defined.or_else(|| Some(name.clone()))),
                    _ => Target::Here(file, Some(name.clone())),
                });
            }
        }
        self.file(&here).map(|(file, _)| Target::Here(file, None))
    }

    /// The path that a `use` of a module gives this name to.
    fn given(&self, module: &[String], name: &str) -> Option<&[String]> {
        let (file, inside) = self.file(module)?;
        file.source.names.get(&(inside.to_vec(), name.to_owned())).map(Vec::as_slice)
    }

    /// The file that a module is in, and the modules of that file around it.
    fn file<'m>(&self, module: &'m [String]) -> Option<(&File, &'m [String])> {
        (0..=module.len()).rev().find_map(|length| {
            let (outside, inside) = module.split_at(length);
            Some((self.files.get(outside)?, inside))
        })
    }
}

/// The module that a file is.
fn module(path: &str) -> Module {
    let path = path.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').filter(|name| !matches!(*name, "main" | "lib")).map(str::to_owned).collect()
}

fn child(module: &[String], name: &str) -> Module {
    [module, &[name.to_owned()]].concat()
}
