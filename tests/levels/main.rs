//! Which module may import which: the levels of ARCHITECTURE.md, held against the source of `shared`, the command and
//! every function.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod check;
mod planted;
mod source;
mod table;
mod tree;

use std::collections::BTreeMap;
use std::path::Path;
use table::{Levels, Reserved};
use tests::spec::documents::{Document, root};
use tree::{Import, Tree};

/// The crate in a folder.
fn tree(folder: &str) -> Tree {
    let source = root().join(folder).join("src");
    let mut texts = BTreeMap::new();
    collect(&source, &source, &mut texts);
    Tree::new(folder, &texts).unwrap()
}

fn collect(source: &Path, folder: &Path, texts: &mut BTreeMap<String, String>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(source, &path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(source).unwrap().to_str().unwrap().to_owned();
            texts.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// The folders of the functions.
fn functions() -> Vec<String> {
    let entries = root().join("functions").read_dir().unwrap();
    let mut folders: Vec<_> =
        entries.map(|entry| format!("functions/{}", entry.unwrap().file_name().to_str().unwrap())).collect();
    folders.sort();
    folders
}

fn levels(heading: &str) -> Levels {
    Levels::read(&Document::read("ARCHITECTURE.md"), heading).unwrap()
}

#[test]
fn every_module_is_in_a_row_and_every_row_has_modules() {
    for (folder, heading) in [("shared", "Levels of shared"), ("cli", "Levels of cli")] {
        let faults = levels(heading).faults(tree(folder).modules());
        assert!(faults.is_empty(), "{heading}: {faults:#?}");
    }
}

#[test]
fn a_module_imports_from_lower_levels_and_its_own_row() {
    for (folder, heading) in [("shared", "Levels of shared"), ("cli", "Levels of cli")] {
        let imports = tree(folder).imports();
        let broken = check::upward(&imports, &levels(heading));
        assert!(broken.is_empty(), "{broken:#?}");
    }
}

#[test]
fn modules_of_one_platform_or_channel_are_imported_only_where_allowed() {
    let document = Document::read("ARCHITECTURE.md");
    let tables = ["Modules of one platform", "Modules of one channel"];
    let reserved: Vec<_> = tables.into_iter().flat_map(|heading| Reserved::read(&document, heading).unwrap()).collect();
    let (shared, levels) = (tree("shared"), levels("Levels of shared"));
    let imports = shared.imports();
    let row = |import: &Import| levels.row(&import.from).map(|row| row.name.clone());
    let broken = check::reserved(&imports, &reserved, row);
    assert!(broken.is_empty(), "{broken:#?}");
    for folder in functions().into_iter().chain(["cli".to_owned()]) {
        let imports = tree(&folder).imports_from("shared", &shared);
        assert!(!imports.is_empty(), "{folder} imports nothing from shared");
        let name = folder.trim_start_matches("functions/").to_owned();
        let broken = check::reserved(&imports, &reserved, |_| Some(name.clone()));
        assert!(broken.is_empty(), "{folder}: {broken:#?}");
    }
}

/// The levels alone would let a channel use the platforms' interface, and a platform the channels'.
#[test]
fn platforms_and_channels_import_nothing_from_each_other() {
    let imports = tree("shared").imports();
    let is_in = |module: &str, outer: &str| module.split("::").next() == Some(outer);
    let between = |from: &str, to: &str| -> Vec<_> {
        imports.iter().filter(|import| is_in(&import.from, from) && is_in(&import.to, to)).collect()
    };
    assert!(between("platform", "channel").is_empty(), "{:#?}", between("platform", "channel"));
    assert!(between("channel", "platform").is_empty(), "{:#?}", between("channel", "platform"));
    for area in ["platform", "channel"] {
        assert!(!between(area, "model").is_empty(), "{area} is not found");
    }
}

#[test]
fn the_files_of_the_command_and_of_a_function_import_one_another_in_no_circle() {
    for folder in functions().into_iter().chain(["cli".to_owned()]) {
        let imports = tree(&folder).imports();
        let circles = check::circles(&imports);
        assert!(circles.is_empty(), "{folder}: {circles:#?}");
    }
}

#[test]
fn no_module_takes_everything_from_another() {
    for folder in functions().into_iter().chain(["cli".to_owned(), "shared".to_owned()]) {
        let imports = tree(&folder).imports();
        let globs: Vec<_> = check::globs(&imports).collect();
        assert!(globs.is_empty(), "glob imports hide what is imported: {globs:#?}");
    }
}
