//! An integration's configuration as the JSON that it is stored as.

use crate::failure::Failure;
use serde_json::{Map, Value};
use shared::integration::Integration;
use shared::json::fields::{self, FieldError};
use shared::model::integration_name::IntegrationName;

/// An integration's configuration, while it is looked at or changed. It holds secrets and has no printed form.
#[derive(Clone, PartialEq)]
pub(super) struct Document(Value);

impl Document {
    /// One that says nothing yet.
    pub(super) fn new() -> Self {
        Self(Value::Object(Map::new()))
    }

    /// Reads one as it was written.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(Value::is_object).map(Self)
    }

    /// The value at a JSON pointer.
    pub(super) fn get(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer)
    }

    /// The text at a JSON pointer.
    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.get(pointer)?.as_str()
    }

    /// The elements of the list at a JSON pointer; none where there is no list.
    pub(super) fn list(&self, pointer: &str) -> &[Value] {
        self.get(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Puts a value at a JSON pointer whose segments are names; objects that are not there are made.
    pub(super) fn set(&mut self, pointer: &str, value: Value) {
        let mut place = &mut self.0;
        for name in pointer.split('/').skip(1) {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            let Value::Object(members) = place else { return };
            place = members.entry(name).or_insert(Value::Null);
        }
        *place = value;
    }

    /// Takes over all that `given` says; the rest stays as it is. Lists are taken over whole.
    pub(super) fn merge(&mut self, given: &Self) {
        merge(&mut self.0, &given.0);
    }

    /// Where the two say something different.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        differences(&self.0, &other.0, "", &mut found);
        found
    }

    /// What the functions make of it.
    pub(super) fn read(&self, name: &IntegrationName) -> Result<Integration, Failure> {
        Integration::parse(name.clone(), &self.to_text()).map_err(|faults| unusable(name, &faults))
    }

    /// What the functions find wrong with it.
    pub(super) fn faults(&self, name: &IntegrationName) -> Vec<FieldError> {
        Integration::parse(name.clone(), &self.to_text()).err().unwrap_or_default()
    }

    /// As it is written.
    pub(super) fn to_text(&self) -> String {
        self.0.to_string()
    }

    /// The JSON.
    pub(super) fn value(&self) -> &Value {
        &self.0
    }
}

/// These are the faults of an integration's configuration.
pub(super) fn unusable(name: &IntegrationName, faults: &[FieldError]) -> Failure {
    let faults: Vec<_> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    Failure::Failed(format!("the configuration of `{name}` is not usable:{}", faults.concat()))
}

fn merge(place: &mut Value, given: &Value) {
    match (place, given) {
        (Value::Object(members), Value::Object(given)) => {
            for (name, value) in given {
                merge(members.entry(name).or_insert(Value::Null), value);
            }
        }
        (place, given) => *place = given.clone(),
    }
}

fn differences(one: &Value, other: &Value, at: &str, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let added = other.keys().filter(|name| !one.contains_key(*name));
            for name in one.keys().chain(added) {
                let value = |members: &Map<String, Value>| members.get(name).cloned().unwrap_or_default();
                differences(&value(one), &value(other), &fields::pointer(at, name), found);
            }
        }
        _ if one == other => {}
        _ => found.push(at.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_given_is_taken_over_and_all_else_stays() {
        let mut document = Document(json!({"a": 1, "delivery": {"url": "u", "signingSecrets": ["s"]}}));
        let before = document.clone();
        document.merge(&Document(json!({"delivery": {"url": "v"}, "list": [2]})));
        assert_eq!(&json!({"a": 1, "delivery": {"url": "v", "signingSecrets": ["s"]}, "list": [2]}), document.value());
        assert_eq!(vec!["/delivery/url", "/list"], before.differences(&document));
        assert!(document.differences(&document).is_empty());
    }

    #[test]
    fn a_value_is_put_where_nothing_was() {
        let mut document = Document::new();
        document.set("/delivery/url", "u".into());
        document.set("/a", 1.into());
        assert_eq!(&json!({"delivery": {"url": "u"}, "a": 1}), document.value());
    }

    #[test]
    fn what_is_wrong_is_named_without_the_value() {
        let failure = Document(json!({"platform": "hidden"})).read(&"acme".parse().unwrap()).unwrap_err().to_string();
        assert!(
            failure.contains("\n  /platform must be") && failure.contains("\n  /delivery is required"),
            "{failure}"
        );
        assert!(!failure.contains("hidden"), "{failure}");
    }
}
