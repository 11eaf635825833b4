//! The check itself, on crates that have what it is to find.

use crate::check;
use crate::table::{Levels, Reserved};
use crate::tree::Tree;
use std::collections::BTreeMap;
use std::path::Path;
use tests::spec::documents::Document;

fn planted(files: &[(&str, &str)]) -> Tree {
    let texts: BTreeMap<_, _> = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Tree::new("planted", &texts).unwrap()
}

fn document(rows: &str) -> Document {
    Document::parse(
        Path::new("x.md"),
        format!("# Levels\n| Level | Row | Modules | |\n| --- | --- | --- | --- |\n{rows}"),
    )
}

fn levels(rows: &str) -> Levels {
    Levels::read(&document(rows), "Levels").unwrap()
}

/// What the modules of the files import from one another.
fn imports(files: &[(&str, &str)]) -> Vec<String> {
    planted(files).imports().iter().map(ToString::to_string).collect()
}

/// What the module `a::b`, with this text, imports from `c` and `c::d`, and with it `a`.
fn imports_of(text: &str) -> Vec<String> {
    let files = [("lib.rs", ""), ("a/mod.rs", ""), ("a/b.rs", text), ("a/e.rs", ""), ("c.rs", ""), ("c/d.rs", "")];
    let imports = planted(&files).imports();
    imports.iter().map(|import| format!("{} {}", import.to, import.name)).collect()
}

#[test]
fn an_import_from_a_higher_level_is_found_with_its_line_and_both_rows() {
    let imports = planted(&[("low.rs", "\nuse crate::high::Up;"), ("high.rs", "use crate::low::Down;")]).imports();
    let broken = check::upward(&imports, &levels("| 2 | above | `high` | |\n| 1 | below | `low` | |\n"));
    let expected = "planted/src/low.rs:2: low imports `Up` from high: `below` is on level 1, `above` on level 2";
    assert_eq!([expected], broken.as_slice());
}

#[test]
fn rows_of_one_level_do_not_import_one_another_and_modules_of_one_row_may() {
    let imports = planted(&[("a.rs", "use crate::b::B;"), ("b.rs", "use crate::a::A;")]).imports();
    assert_eq!(2, check::upward(&imports, &levels("| 1 | one | `a` | |\n| 1 | other | `b` | |\n")).len());
    assert!(check::upward(&imports, &levels("| 1 | one | `a` `b` | |\n")).is_empty());
}

#[test]
fn a_path_is_read_in_whatever_form_it_is_written() {
    for (text, expected) in [
        ("use crate::c::C;", ["c C"].as_slice()),
        ("use crate::c::{self, C as D, d::{E, F}};", &["c C", "c c", "c::d E", "c::d F"]),
        ("use crate::{c::C, a::{e, e::G}};", &["a::e G", "a::e e", "c C"]),
        ("pub(crate) use crate::c::d::E as _;", &["c::d E"]),
        ("use super::super::c::C;", &["c C"]),
        ("use super::e::{G};", &["a::e G"]),
        ("use super::A;", &["a A"]),
        ("use crate::Root;", &["crate Root"]),
        ("fn f() { crate::c::d::g(super::e::H, self::i()) }", &["a::e H", "c::d g"]),
        ("fn f<T: super::e::Trait>() -> <crate::c::C as T>::X {}", &["a::e Trait", "c C"]),
        ("mod inner { use super::super::e::G; fn f() { super::super::super::c::g() } }", &["a::e G", "c g"]),
        ("use crate::c as other; fn f() { other::d::g(); }", &["c c", "c::d g"]),
        ("use crate::c::C; fn f() { C::new(); }", &["c C"]),
        ("macro_rules! m { ($x:ident) => { $crate::c::C::$x() }; }", &["c C"]),
        ("fn f() { println!(\"{}\", crate::c::g()); }", &["c g"]),
        ("#[serde(with = \"crate::c::d\")] struct S;", &["c::d d"]),
        ("use crate::c::*;", &["c *"]),
        ("use crate::c::Choice::*;", &["c Choice"]),
        ("use crate::r#c::C;", &["c C"]),
    ] {
        assert_eq!(expected, imports_of(text), "{text}");
    }
}

#[test]
fn the_line_is_that_of_the_name_in_a_list_over_several_lines() {
    let imports = imports(&[("a.rs", "use crate::{\n    b::{\n        B,\n    },\n};"), ("b.rs", "")]);
    assert_eq!(["planted/src/a.rs:3: a imports `B` from b"], imports.as_slice());
}

#[test]
fn text_that_is_no_import_is_ignored() {
    for text in [
        "// use crate::c::C;",
        "//! [`crate::c::C`]\n/// [`C`](crate::c::C)\nstruct S;",
        "/* crate::c::C */ const TEXT: &str = \"use crate::c::C;\";",
        "pub(in crate::a) struct S;",
        "pub(super) fn f() {}",
        "fn f<'a>() -> impl Sized + use<'a> { ::c::g(); c::g(); x.c::<u8>() }",
        "use std::fmt; use serde::{Serialize, de::Error as _};",
        "fn f() { self::g(); Self::h(); a::b(); }",
    ] {
        assert_eq!(Vec::<String>::new(), imports_of(text), "{text}");
    }
}

#[test]
fn only_test_code_is_exempt() {
    let after = " use crate::c::After;";
    for exempt in [
        "#[cfg(test)] mod tests { use crate::c::C; mod deeper { use crate::c::C; } }",
        "#[cfg(test)] #[allow(unused)] pub(crate) mod tests { use crate::c::C; }",
        "#[cfg(test)] use crate::c::{C, d::E};",
        "#[cfg(test)] fn f(c: crate::c::C) -> crate::c::C { crate::c::g() }",
        "#[cfg(test)] impl crate::c::C { fn f() { crate::c::g(); } }",
        "#[cfg(test)] const C: [crate::c::C; 1] = [crate::c::C { x: 1 }];",
        "#[cfg(all(test, unix))] thread_local! { static X: crate::c::C = crate::c::g(); }",
    ] {
        assert_eq!(["c After"], imports_of(&format!("{exempt}{after}")).as_slice(), "{exempt}");
    }
    for counted in ["#[cfg(not(test))]", "#[cfg(any(test, unix))]", "#[cfg(unix)]", "#[test]"] {
        let text = format!("{counted} fn f() {{ crate::c::g() }}{after}");
        assert_eq!(["c After", "c g"], imports_of(&text).as_slice(), "{counted}");
    }
}

#[test]
fn a_file_whose_module_is_for_tests_alone_is_exempt_with_all_that_is_in_it() {
    let tree = planted(&[
        ("a.rs", "#[cfg(test)]\n#[allow(unused)]\npub(crate) mod tests;\nmod b;"),
        ("a/tests.rs", "mod deeper; use crate::c::C;"),
        ("a/tests/deeper.rs", "use crate::c::C;"),
        ("a/b.rs", "use crate::c::C;"),
        ("c.rs", ""),
    ]);
    assert_eq!(["a", "a::b", "c"], tree.modules().collect::<Vec<_>>().as_slice());
    assert_eq!(1, tree.imports().len());
}

#[test]
fn a_reexported_name_counts_where_it_is_defined() {
    let imports = imports(&[
        ("a/mod.rs", "mod b; mod c; pub use b::{B as Renamed}; pub use self::c as handed;"),
        ("a/b.rs", "pub use super::c::C;"),
        ("a/c.rs", ""),
        ("user.rs", "use crate::a::{Renamed, b::C, handed::D, Own};"),
    ]);
    let of_user: Vec<_> = imports.iter().filter_map(|it| it.strip_prefix("planted/src/user.rs:1: ")).collect();
    let expected = [
        "user imports `Own` from a",
        "user imports `B` from a::b",
        "user imports `C` from a::c",
        "user imports `D` from a::c",
    ];
    assert_eq!(expected, of_user.as_slice());
}

#[test]
fn a_cycle_of_reexports_ends() {
    let ring = imports(&[("a.rs", "pub use crate::b::X;"), ("b.rs", "pub use crate::a::X;")]);
    assert_eq!(2, ring.len(), "{ring:?}");
}

#[test]
fn a_cycle_of_any_length_is_found_and_a_chain_is_none() {
    let straight =
        [("a.rs", "use crate::b::B;"), ("b.rs", "use crate::c::C;"), ("c.rs", ""), ("d.rs", "use crate::a::A;")];
    assert!(check::circles(&planted(&straight).imports()).is_empty());
    let closed = [("c.rs", "use crate::d::D;")];
    let imports = planted(&[straight.as_slice(), &closed].concat()).imports();
    let circles = check::circles(&imports);
    let modules: Vec<Vec<_>> =
        circles.iter().map(|way| way.iter().map(|import| import.from.as_str()).collect()).collect();
    assert_eq!(vec![vec!["a", "b", "c", "d"]], modules);
}

#[test]
fn a_module_and_what_it_is_made_of_can_be_a_circle() {
    let imports = planted(&[("a/mod.rs", "mod b; use b::B; const A: u8 = 1;"), ("a/b.rs", "use super::A;")]).imports();
    assert_eq!(1, check::circles(&imports).len());
}

#[test]
fn a_module_that_no_row_names_and_a_row_that_names_no_module_are_found() {
    let tree = planted(&[("main.rs", ""), ("a.rs", ""), ("a/b.rs", ""), ("c.rs", "")]);
    let good = levels("| 1 | all | `crate` `a` `c` | |\n");
    assert!(good.faults(tree.modules()).is_empty());
    let bad = levels("| 1 | one | `crate` `a` `gone` | |\n");
    let expected = ["no row names c", "the row `one` names gone, which is no module"];
    assert_eq!(expected, bad.faults(tree.modules()).as_slice());
}

#[test]
fn the_row_that_names_a_module_most_closely_counts() {
    let levels = levels("| 3 | face | `a` | |\n| 2 | special | `a::b` | |\n| 1 | rest | `a::*` | |\n");
    for (module, row) in
        [("a", "face"), ("a::b", "special"), ("a::b::c", "special"), ("a::d", "rest"), ("a::d::e", "rest")]
    {
        assert_eq!(Some(row), levels.row(module).map(|row| row.name.as_str()), "{module}");
    }
    assert_eq!(None, levels.row("ab"));
}

#[test]
fn a_table_that_cannot_be_read_is_no_table() {
    for (rows, expected) in
        [("", "there is no table under `Levels`"), ("| high | above | `a` | |\n", "Levels: `high` is no level")]
    {
        assert_eq!(expected, Levels::read(&document(rows), "Levels").unwrap_err());
    }
    let texts = BTreeMap::from([("a.rs".to_owned(), "fn {".to_owned())]);
    assert!(Tree::new("planted", &texts).unwrap_err().starts_with("planted/src/a.rs: "));
}

#[test]
fn a_reserved_module_is_only_for_those_who_are_named() {
    let text = "# One\n| Module | For |\n| --- | --- |\n| `a` | own, other |\n";
    let reserved = Reserved::read(&Document::parse(Path::new("x.md"), text.to_owned()), "One").unwrap();
    let library = planted(&[("a.rs", ""), ("a/b.rs", ""), ("c.rs", "")]);
    let user = planted(&[("main.rs", "use library::{c::C, a::b::B}; fn f() { library::a::g() }")]);
    let imports = user.imports_from("library", &library);
    assert_eq!(3, imports.len());
    for (by, broken) in [("own", 0), ("other", 0), ("another", 2)] {
        assert_eq!(broken, check::reserved(&imports, &reserved, |_| Some(by.to_owned())).len(), "{by}");
    }
}

#[test]
fn taking_everything_from_a_module_is_found() {
    let imports = planted(&[("a.rs", "use crate::b::*; use crate::b::Choice::*;"), ("b.rs", "")]).imports();
    assert_eq!(1, check::globs(&imports).count());
}
