//! The levels, as ARCHITECTURE.md states them.

use tests::spec::documents::Document;

/// The levels of one crate.
#[derive(Debug)]
pub(crate) struct Levels {
    rows: Vec<Row>,
}

/// One row: modules that may import one another, and what is on a lower level.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) level: u8,
    pub(crate) name: String,
    places: Vec<Place>,
}

/// `a` is that module and all in it, `a::*` only what is in it.
#[derive(Debug, PartialEq, Eq)]
struct Place(String);

impl Levels {
    /// Reads the table under a heading: the level, the row's name, its modules, and what they are for.
    pub(crate) fn read(document: &Document, heading: &str) -> Result<Self, String> {
        let rows = document.rows_under(heading).map(|row| match row.cells.as_slice() {
            [level, name, places, _] => Ok(Row {
                level: level.parse().map_err(|_| format!("{heading}: `{level}` is no level"))?,
                name: name.clone(),
                places: places.split_whitespace().map(|place| Place(place.to_owned())).collect(),
            }),
            cells => Err(format!("{heading}: a row has four cells, and not {cells:?}")),
        });
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        if rows.is_empty() { Err(format!("there is no table under `{heading}`")) } else { Ok(Self { rows }) }
    }

    /// The row that names a module, or else the one that names the innermost module around it.
    pub(crate) fn row(&self, module: &str) -> Option<&Row> {
        self.named(module).map(|(_, row)| row)
    }

    fn named(&self, module: &str) -> Option<(&Place, &Row)> {
        let places = self.rows.iter().flat_map(|row| row.places.iter().map(move |place| (place, row)));
        places.filter(|(place, _)| place.has(module)).max_by_key(|(place, _)| place.depth())
    }

    /// Modules that no row names, and names that stand for no module.
    pub(crate) fn faults<'m>(&self, modules: impl Iterator<Item = &'m str> + Clone) -> Vec<String> {
        let unnamed = modules.clone().filter(|module| self.row(module).is_none());
        let mut faults: Vec<_> = unnamed.map(|module| format!("no row names {module}")).collect();
        let used: Vec<_> = modules.filter_map(|module| self.named(module)).map(|(place, _)| place).collect();
        for row in &self.rows {
            let idle = row.places.iter().filter(|place| !used.contains(place));
            faults.extend(idle.map(|Place(place)| format!("the row `{}` names {place}, which is no module", row.name)));
        }
        faults
    }
}

impl Place {
    fn has(&self, module: &str) -> bool {
        let inside = |outer: &str| module.strip_prefix(outer).is_some_and(|rest| rest.starts_with("::"));
        match self.0.strip_suffix("::*") {
            Some(outer) => inside(outer),
            None => module == self.0 || inside(&self.0),
        }
    }

    /// How far inside it is: `a`, then `a::*`, then `a::b`.
    fn depth(&self) -> usize {
        2 * self.0.split("::").count() - usize::from(self.0.ends_with("::*"))
    }
}

/// Modules that only some may import.
#[derive(Debug)]
pub(crate) struct Reserved {
    module: Place,
    /// Rows of the same crate, and other crates.
    by: Vec<String>,
}

impl Reserved {
    /// Reads the table under a heading: the module, and who may import it.
    pub(crate) fn read(document: &Document, heading: &str) -> Result<Vec<Self>, String> {
        let rows = document.rows_under(heading).map(|row| match row.cells.as_slice() {
            [module, by] => Ok(Self { module: Place(module.clone()), by: by.split(", ").map(str::to_owned).collect() }),
            cells => Err(format!("{heading}: a row has two cells, and not {cells:?}")),
        });
        rows.collect()
    }

    /// Whether `module` may not be imported by that row or crate.
    pub(crate) fn refuses(&self, module: &str, by: &str) -> bool {
        self.module.has(module) && !self.by.iter().any(|one| one == by)
    }
}
