//! The guide to content types agrees with the schema.

use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tests::spec::content_types::Example;
use tests::spec::documents::Document;
use tests::spec::openapi::root;

/// The type of a part that matches no other type.
const OTHER: &str = "OtherPart";

fn schema() -> Value {
    let text = std::fs::read_to_string(root().join("shared/schema/delivery.schema.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The types of parts by their names in the schema.
fn part_types() -> Vec<(String, Validator)> {
    let schema = schema();
    let names = schema["$defs"]["ContentPart"]["anyOf"].as_array().unwrap().iter();
    let names = names.map(|it| it["$ref"].as_str().unwrap().strip_prefix("#/$defs/").unwrap().to_owned());
    let validator = |name: &str| {
        let alone = json!({"$defs": schema["$defs"], "$ref": format!("#/$defs/{name}")});
        jsonschema::validator_for(&alone).unwrap()
    };
    names.map(|name| (name.clone(), validator(&name))).collect()
}

fn types_of<'t>(part: &Value, types: &'t [(String, Validator)]) -> Vec<&'t str> {
    types.iter().filter(|(_, validator)| validator.is_valid(part)).map(|(name, _)| name.as_str()).collect()
}

#[test]
fn every_example_is_of_exactly_its_type_and_every_type_has_an_example() {
    let types = part_types();
    let mut shown = BTreeSet::new();
    for example in Example::all() {
        for part in example.parts() {
            let types = types_of(part, &types);
            let [one] = types.as_slice() else { panic!("{}: {types:?}", example.heading) };
            shown.insert((*one).to_owned());
            if let Some(word) = part.get("contentType").filter(|_| *one != OTHER) {
                let expected = schema()["$defs"][one]["properties"]["contentType"]["const"].take();
                assert_eq!(&expected, word, "{}", example.heading);
                assert!(example.heading == "Text" || example.heading == *word, "{} shows {word}", example.heading);
            }
        }
        assert!(!example.fallback_text.is_empty(), "{}", example.heading);
    }
    shown.insert("MulticloudTextPart".to_owned());
    assert_eq!(types.into_iter().map(|(name, _)| name).collect::<BTreeSet<_>>(), shown);
}

#[test]
fn a_part_with_an_odd_field_keeps_its_type_and_one_with_an_unknown_field_does_not() {
    let types = part_types();
    for example in Example::all().iter().filter(|example| example.heading != "Other content types") {
        for part in example.parts() {
            let mut further = part.clone();
            further["further"] = json!({"new": true});
            assert_eq!(types_of(part, &types), types_of(&further, &types), "{further}");
            for pointer in texts_in(part, String::new()) {
                let mut odd = part.clone();
                *odd.pointer_mut(&pointer).unwrap() = json!(17.5);
                assert_eq!(vec![OTHER], types_of(&odd, &types), "{pointer} of {part}");
            }
        }
    }
}

/// The places of texts and numbers in a part.
fn texts_in(value: &Value, at: String) -> Vec<String> {
    match value {
        Value::Object(members) => members.iter().flat_map(|(name, it)| texts_in(it, format!("{at}/{name}"))).collect(),
        Value::Array(elements) => {
            elements.iter().enumerate().flat_map(|(index, it)| texts_in(it, format!("{at}/{index}"))).collect()
        }
        _ => vec![at],
    }
}

#[test]
fn every_option_of_an_example_has_the_documented_response() {
    for example in Example::all() {
        let Some(answer) = &example.answer else { continue };
        let content = example.members.to_string();
        assert!(content.contains(&answer["payload"].to_string()), "{}: {answer}", example.heading);
        let option = format!(". {}", answer["text"].as_str().unwrap());
        assert!(example.fallback_text.lines().any(|line| line.ends_with(&option)), "{}: {answer}", example.heading);
    }
}

/// The names of the definitions that `schema` refers to.
fn referred_to(schema: &Value, definitions: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => members.values().for_each(|inner| referred_to(inner, definitions, names)),
        Value::Array(elements) => elements.iter().for_each(|inner| referred_to(inner, definitions, names)),
        Value::String(text) => {
            let name = text.strip_prefix("#/$defs/");
            if let Some(name) = name.filter(|name| names.insert((*name).to_owned())) {
                referred_to(&definitions[name], definitions, names);
            }
        }
        _ => {}
    }
}

/// Collects every property in the schema, and the required ones.
fn described<'s>(schema: &'s Value, required: &mut BTreeSet<&'s str>, names: &mut BTreeSet<&'s str>) {
    match schema {
        Value::Object(members) => {
            if let (Some(properties), true) = (members.get("properties"), members.contains_key("type")) {
                for (name, property) in properties.as_object().unwrap() {
                    names.insert(name);
                    let says = property.get("description").or(property.get("$ref")).or(property.get("const"));
                    assert!(says.is_some(), "{name} is not described");
                }
                required.extend(
                    members.get("required").into_iter().flat_map(|it| it.as_array().unwrap()).flat_map(Value::as_str),
                );
            }
            members.values().for_each(|inner| described(inner, required, names));
        }
        Value::Array(elements) => elements.iter().for_each(|inner| described(inner, required, names)),
        _ => {}
    }
}

#[test]
fn every_member_of_a_part_is_described_in_the_schema_and_in_the_guide() {
    let schema = schema();
    let (mut required, mut names) = (BTreeSet::new(), BTreeSet::new());
    let definitions = &schema["$defs"];
    let mut parts = BTreeSet::new();
    referred_to(&definitions["ContentPart"], definitions, &mut parts);
    for part in &parts {
        described(&definitions[part], &mut required, &mut names);
    }
    let guide = Document::read("docs/content-types.md");
    for name in names {
        assert!(guide.names(name), "the guide does not name {name}");
    }
    // Headings name these.
    let holders =
        ["contentType", "attachment", "template", "quickReply", "quickReplyV2", "card", "carousel", "datePicker"];
    for name in required.into_iter().filter(|name| !holders.contains(name)) {
        let marked = [format!("`{name}`\\*"), format!("`{name}[]`\\*")];
        assert!(marked.iter().any(|marked| guide.text.contains(marked)), "the guide does not mark {name}");
    }
}
