//! The transformed template with its conditions evaluated.

use serde_json::{Map, Value, json};
pub(crate) use tests::spec::openapi::root;
pub(crate) use tests::spec::template::{CONVERSATION_EVENTS, FUNCTIONS, SENDERS, transformed as template};

/// The resources of a stack.
pub(crate) struct Resources(Map<String, Value>);

impl Resources {
    /// The resources of a stack for which exactly these conditions hold.
    pub(crate) fn when(conditions: &[&str]) -> Self {
        for condition in conditions {
            assert!(template()["Conditions"].get(condition).is_some(), "there is no condition {condition}");
        }
        let resources = template()["Resources"].as_object().unwrap();
        let kept = resources.iter().filter(|(_, resource)| match &resource["Condition"] {
            Value::String(condition) => conditions.contains(&condition.as_str()),
            _ => true,
        });
        Self(kept.map(|(id, resource)| (id.clone(), evaluate(resource, conditions).unwrap())).collect())
    }

    /// The resources of a stack with default parameters.
    pub(crate) fn by_default() -> Self {
        Self::when(&["IsProtected", "HasAlarms", "KeepsFailedMessages"])
    }

    pub(crate) fn properties(&self, id: &str) -> &Value {
        &self.resource(id)["Properties"]
    }

    pub(crate) fn resource(&self, id: &str) -> &Value {
        self.0.get(id).unwrap_or_else(|| panic!("there is no resource {id}"))
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// The properties of all resources of a type, with their logical ids.
    pub(crate) fn of_type(&self, name: &str) -> Vec<(&str, &Value)> {
        let found = self.0.iter().filter(|(_, resource)| resource["Type"] == name);
        found.map(|(id, resource)| (id.as_str(), &resource["Properties"])).collect()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(id, resource)| (id.as_str(), resource))
    }
}

/// The value with each `Fn::If` replaced by the chosen branch. `None` when that is `AWS::NoValue`.
pub(crate) fn evaluate(value: &Value, conditions: &[&str]) -> Option<Value> {
    match value {
        Value::Object(object) if *value == json!({"Ref": "AWS::NoValue"}) => {
            assert_eq!(1, object.len());
            None
        }
        Value::Object(object) => match object.get("Fn::If") {
            Some(choice) => {
                let branch = if conditions.contains(&choice[0].as_str().unwrap()) { 1 } else { 2 };
                evaluate(&choice[branch], conditions)
            }
            None => {
                let kept = object.iter().filter_map(|(key, value)| Some((key.clone(), evaluate(value, conditions)?)));
                Some(Value::Object(kept.collect()))
            }
        },
        Value::Array(items) => Some(Value::Array(items.iter().filter_map(|item| evaluate(item, conditions)).collect())),
        other => Some(other.clone()),
    }
}

/// A reference in short: the logical id for `Ref` and for an ARN, the text of a string or an `Fn::Sub`.
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

pub(crate) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(short).collect(),
        one => vec![short(one)],
    }
}
