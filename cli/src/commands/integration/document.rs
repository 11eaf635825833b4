//! An integration's configuration as stored JSON.

use crate::api::channel;
use crate::error::CliError;
use serde_json::{Map, Value};
use shared::integration::Integration;
use shared::json::fields::{self, FieldError};
use shared::model::integration_name::IntegrationName;

/// Holds secrets, and therefore implements neither `Debug` nor `Display`.
#[derive(Clone, PartialEq)]
pub(super) struct Document(Value);

impl Document {
    pub(super) fn new() -> Self {
        Self(Value::Object(Map::new()))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(Value::is_object).map(Self)
    }

    pub(super) fn get(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer)
    }

    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.get(pointer)?.as_str()
    }

    /// The elements of the list at a JSON pointer; empty if there is none.
    pub(super) fn list(&self, pointer: &str) -> &[Value] {
        self.get(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Sets the value at a JSON pointer of names only; missing objects are created.
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

    /// Removes the member of an object at a JSON pointer of names only.
    pub(super) fn remove(&mut self, pointer: &str) {
        if let Some((parent, name)) = pointer.rsplit_once('/')
            && let Some(Value::Object(members)) = self.0.pointer_mut(parent)
        {
            members.remove(name);
        }
    }

    /// Sets every field of `changes` and keeps the others. Lists are replaced as a whole.
    pub(super) fn merge(&mut self, changes: &Self) {
        merge(&mut self.0, &changes.0);
    }

    /// The JSON pointers of the fields that differ.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        differences(&self.0, &other.0, "", &mut found);
        found
    }

    /// What the channel's provider calls, if there is a channel.
    pub(super) fn channel_url(&self, name: &IntegrationName) -> Option<String> {
        channel::address(self.text("/channel/publicUrl")?, name)
    }

    /// Parses it as the functions do.
    pub(super) fn to_integration(&self, name: &IntegrationName) -> Result<Integration, CliError> {
        Integration::parse(name.clone(), &self.to_text()).map_err(|faults| invalid_configuration(name, &faults))
    }

    /// The errors that the functions' parser reports.
    pub(super) fn field_errors(&self, name: &IntegrationName) -> Vec<FieldError> {
        Integration::parse(name.clone(), &self.to_text()).err().unwrap_or_default()
    }

    pub(super) fn to_text(&self) -> String {
        self.0.to_string()
    }

    pub(super) fn value(&self) -> &Value {
        &self.0
    }
}

pub(super) fn invalid_configuration(name: &IntegrationName, faults: &[FieldError]) -> CliError {
    let faults: Vec<_> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    CliError::Failed(format!("the configuration of `{name}` is invalid:{}", faults.concat()))
}

fn merge(target: &mut Value, changes: &Value) {
    match (target, changes) {
        (Value::Object(members), Value::Object(changes)) => {
            for (name, value) in changes {
                merge(members.entry(name).or_insert(Value::Null), value);
            }
        }
        (target, changes) => *target = changes.clone(),
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
    fn a_merge_replaces_given_fields_and_keeps_the_others() {
        let mut document = Document(json!({"a": 1, "delivery": {"url": "u", "signingSecrets": ["s"]}}));
        let before = document.clone();
        document.merge(&Document(json!({"delivery": {"url": "v"}, "list": [2]})));
        assert_eq!(&json!({"a": 1, "delivery": {"url": "v", "signingSecrets": ["s"]}, "list": [2]}), document.value());
        assert_eq!(vec!["/delivery/url", "/list"], before.differences(&document));
        assert!(document.differences(&document).is_empty());
    }

    #[test]
    fn a_missing_object_is_created() {
        let mut document = Document::new();
        document.set("/delivery/url", "u".into());
        document.set("/a", 1.into());
        assert_eq!(&json!({"delivery": {"url": "u"}, "a": 1}), document.value());
    }

    #[test]
    fn a_member_is_removed_at_any_depth() {
        let mut document = Document(json!({"a": {"b": 1, "c": 2}, "d": 3}));
        for pointer in ["/a/b", "/d", "/x", "/a/x/y", ""] {
            document.remove(pointer);
        }
        assert_eq!(&json!({"a": {"c": 2}}), document.value());
    }

    #[test]
    fn field_errors_do_not_contain_the_value() {
        let failure =
            Document(json!({"platform": "hidden"})).to_integration(&"acme".parse().unwrap()).unwrap_err().to_string();
        assert!(
            failure.contains("\n  /platform must be") && failure.contains("\n  /delivery is required"),
            "{failure}"
        );
        assert!(!failure.contains("hidden"), "{failure}");
    }
}
