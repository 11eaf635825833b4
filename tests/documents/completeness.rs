//! The guides are complete.

use serde_json::Value;
use shared::api::problem::ProblemType;
use shared::model::receipt::{ReasonCode, ReportedOutcome};
use shared::observability::metrics::Event;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;
use tests::spec::documents::{Document, Row, root};

#[test]
fn every_problem_type_is_explained_once() {
    let guide = Document::read("docs/api.md");
    let shown: Vec<_> = guide.rows_under("Problem types").map(|row| row.cells[0].as_str()).collect();
    let types: Vec<_> = ProblemType::ALL.iter().map(|problem_type| problem_type.as_str()).collect();
    for problem_type in &types {
        assert_eq!(1, shown.iter().filter(|shown| *shown == problem_type).count(), "{problem_type}");
    }
    assert_eq!(types.len(), shown.len(), "{shown:?}");
}

#[test]
fn every_reason_code_is_explained_once_with_its_number() {
    let guide = Document::read("docs/api.md");
    let shown: Vec<_> =
        guide.rows_under("Reason codes").map(|row| (row.cells[0].as_str(), row.cells[1].clone())).collect();
    let number = |name: &str| {
        let code = ReasonCode::from_name(name).unwrap();
        let number = Some(code.number()).filter(|number| ReasonCode::from_number(*number) == Some(code));
        number.map(|number| number.to_string()).unwrap_or_default()
    };
    assert_eq!(Vec::from_iter(ReasonCode::WORDS.iter().map(|name| (*name, number(name)))), shown);
}

#[test]
fn every_word_for_a_status_is_in_the_guide_once() {
    let guide = Document::read("docs/api.md");
    let shown: Vec<_> = guide.rows_under("Words for a status").flat_map(|row| row.cells[0].split(", ")).collect();
    assert_eq!(Vec::from_iter(ReportedOutcome::status_words()), shown);
}

#[test]
fn make_test_runs_every_program_of_tests() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    let words: Vec<_> = makefile.split_whitespace().map(|word| word.trim_end_matches(';')).collect();
    let run: BTreeSet<_> = words.windows(2).filter(|pair| pair[0] == "--test").map(|pair| pair[1].to_owned()).collect();
    let manifest = std::fs::read_to_string(root().join("tests/Cargo.toml")).unwrap();
    let (_, targets) = manifest.split_once("[[test]]").unwrap();
    let declared =
        targets.lines().filter_map(|line| Some(line.strip_prefix("name = \"")?.trim_end_matches('"').to_owned()));
    let folders = ["bench/tests", "demo/tests", "shared/tests", "examples/messaging-service/tests"]
        .map(|folder| root().join(folder));
    let found = folders.iter().flat_map(|folder| folder.read_dir().unwrap());
    let found = found.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    assert_eq!(declared.chain(found).collect::<BTreeSet<_>>(), run);
}

/// The definition that a reference names.
fn definition<'s>(schema: &'s Value, reference: &Value) -> &'s Value {
    schema.pointer(reference["$ref"].as_str().unwrap().trim_start_matches('#')).unwrap()
}

/// The required fields of an object, with those of the schemas that it consists of.
fn required<'s>(schema: &'s Value, object: &'s Value) -> Vec<&'s str> {
    let object = if object.get("$ref").is_some() { definition(schema, object) } else { object };
    let parts = object["allOf"].as_array().into_iter().flatten().flat_map(|part| required(schema, part));
    parts.chain(object["required"].as_array().into_iter().flatten().flat_map(Value::as_str)).collect()
}

#[test]
fn every_type_of_delivery_is_explained_once() {
    let schema = std::fs::read_to_string(root().join("shared/schema/delivery.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let deliveries = schema["oneOf"].as_array().unwrap().iter().map(|it| &definition(&schema, it)["properties"]);
    let deliveries: Vec<_> = deliveries.map(|it| (it["type"]["const"].as_str().unwrap(), &it["data"])).collect();
    let mut types: Vec<_> = deliveries.iter().map(|(name, _)| *name).collect();
    let guide = Document::read("docs/messaging-service.md");
    let mut shown: Vec<_> = guide.rows_under("The types").flat_map(|row| row.cells[0].split(", ")).collect();
    types.sort_unstable();
    shown.sort_unstable();
    assert_eq!(types, shown);
    for (name, data) in deliveries {
        let required = required(&schema, data).into_iter();
        let of_all = ["integration", "platform", "messageId", "direction", "intent", "time", "original"];
        let required: Vec<_> = required.filter(|name| !of_all.contains(name)).collect();
        let is_of_it = |row: &&Row| row.cells[0].split(", ").any(|shown| shown == name);
        let row = guide.rows_under("The types").find(is_of_it).unwrap();
        assert_eq!(required.join(", "), row.cells[2], "the required fields of `{}`", row.cells[0]);
    }
}

#[test]
fn every_metric_is_explained_once() {
    let mut names: Vec<_> = Event::METRICS.iter().map(|metric| metric.name).collect();
    let guide = Document::read("docs/operate.md");
    let mut shown: Vec<_> = guide.rows_under("Metrics").map(|row| row.cells[0].as_str()).collect();
    names.sort_unstable();
    shown.sort_unstable();
    assert_eq!(names, shown);
}

/// What stands before a test's name in a source with this extension.
fn start_of_a_test(extension: &OsStr) -> Option<&'static str> {
    match extension.to_str() {
        Some("rs") => Some("fn "),
        Some("py") => Some("def test_"),
        _ => None,
    }
}

/// The names of all functions in the folder's sources, including Rust's tests, and of Python's tests.
fn names_of_tests(folder: &Path, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names_of_tests(&path, names);
        } else if let Some(start) = path.extension().and_then(start_of_a_test) {
            let text = std::fs::read_to_string(&path).unwrap();
            let functions =
                text.lines().filter_map(|line| line.trim_start().trim_start_matches("async ").strip_prefix(start));
            names.extend(functions.filter_map(|rest| rest.split('(').next()).map(str::to_owned));
        }
    }
}

/// The words that can only be names of tests.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|it: char| !(it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_'));
    words.filter(|word| word.matches('_').count() >= 4)
}

#[test]
fn every_test_that_a_document_names_exists() {
    let mut known = Vec::new();
    for folder in ["functions", "shared", "tests", "cli", "demo", "examples", "bench", "infra"] {
        let folder = root().join(folder);
        if folder.exists() {
            names_of_tests(&folder, &mut known);
        }
    }
    for document in Document::all() {
        for name in names_in(&document.text) {
            assert!(known.iter().any(|known| known == name), "{}: there is no {name}", document.path.display());
        }
    }
}

#[test]
fn every_threat_names_a_test_of_its_countermeasure() {
    let model = Document::read("docs/threat-model.md");
    let threats: Vec<_> = model.rows.iter().filter(|row| row.heading.contains('→')).collect();
    assert!(threats.len() > 20, "{threats:?}");
    for threat in threats {
        let [_, _, shown_by] = threat.cells.as_slice() else { panic!("{threat:?}") };
        assert!(names_in(shown_by).count() > 0, "{threat:?}");
    }
}
