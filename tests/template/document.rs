//! The template, with what SAM adds, and with its conditions decided.

use serde_json::{Map, Value, json};
pub(crate) use tests::spec::openapi::root;
pub(crate) use tests::spec::template::{FUNCTIONS, SENDERS, transformed as template};

/// The resources that a stack has.
pub(crate) struct Resources(Map<String, Value>);

impl Resources {
    /// The resources of a stack for which just these conditions hold.
    pub(crate) fn when(conditions: &[&str]) -> Self {
        for condition in conditions {
            assert!(template()["Conditions"].get(condition).is_some(), "there is no condition {condition}");
        }
        let resources = template()["Resources"].as_object().unwrap();
        let kept = resources.iter().filter(|(_, resource)| match &resource["Condition"] {
            Value::String(condition) => conditions.contains(&condition.as_str()),
            _ => true,
        });
        Self(kept.map(|(id, resource)| (id.clone(), decided(resource, conditions).unwrap())).collect())
    }

    /// The stack of somebody who has given no more than he must.
    pub(crate) fn by_default() -> Self {
        Self::when(&["IsProtected", "HasAlarms", "KeepsFailedMessages"])
    }

    /// The properties of one.
    pub(crate) fn properties(&self, id: &str) -> &Value {
        &self.resource(id)["Properties"]
    }

    /// One, with its policies.
    pub(crate) fn resource(&self, id: &str) -> &Value {
        self.0.get(id).unwrap_or_else(|| panic!("there is no resource {id}"))
    }

    /// Whether there is one of this name.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// All of a type, with their logical ids.
    pub(crate) fn of_type(&self, name: &str) -> Vec<(&str, &Value)> {
        let found = self.0.iter().filter(|(_, resource)| resource["Type"] == name);
        found.map(|(id, resource)| (id.as_str(), &resource["Properties"])).collect()
    }

    /// All, with their logical ids.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(id, resource)| (id.as_str(), resource))
    }
}

/// The value with each `Fn::If` replaced by the branch that counts; nothing where that is `AWS::NoValue`.
pub(crate) fn decided(value: &Value, conditions: &[&str]) -> Option<Value> {
    match value {
        Value::Object(object) if *value == json!({"Ref": "AWS::NoValue"}) => {
            assert_eq!(object.len(), 1);
            None
        }
        Value::Object(object) => match object.get("Fn::If") {
            Some(choice) => {
                let branch = if conditions.contains(&choice[0].as_str().unwrap()) { 1 } else { 2 };
                decided(&choice[branch], conditions)
            }
            None => {
                let kept = object.iter().filter_map(|(key, value)| Some((key.clone(), decided(value, conditions)?)));
                Some(Value::Object(kept.collect()))
            }
        },
        Value::Array(items) => Some(Value::Array(items.iter().filter_map(|item| decided(item, conditions)).collect())),
        other => Some(other.clone()),
    }
}

/// A reference in short: the logical id for `Ref` and for the ARN, and text as it is, with what it names in braces.
pub(crate) fn short(reference: &Value) -> String {
    match reference {
        Value::String(text) => text.clone(),
        Value::Object(_) => {
            if let Some(Value::String(id)) = reference.get("Ref") {
                id.clone()
            } else if let Some(Value::String(text)) = reference.get("Fn::Sub") {
                text.clone()
            } else if let Some(Value::Array(parts)) = reference.get("Fn::GetAtt") {
                match parts[1].as_str().unwrap() {
                    "Arn" => parts[0].as_str().unwrap().to_owned(),
                    other => format!("{}.{other}", parts[0].as_str().unwrap()),
                }
            } else {
                panic!("not a reference: {reference}")
            }
        }
        other => panic!("not a reference: {other}"),
    }
}

/// One string, or several.
pub(crate) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(short).collect(),
        one => vec![short(one)],
    }
}
