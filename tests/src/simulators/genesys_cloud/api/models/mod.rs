//! The parts of the vendor's published models that Patchbay sends: fields, words, lengths. Everything else is refused.

#![allow(dead_code)] // most fields are there only so that they are accepted

mod cards;
mod fields;
mod inbound;
mod integration;
mod outbound;
mod profile;
mod receipt;
mod users;

pub(crate) use cards::{CARD_PAYLOAD, ChannelMessage};
pub(crate) use fields::{IdType, Text, WebAddress};
pub(crate) use inbound::{InboundEvent, InboundMessage, MessageChannel, StructuredResponse};
pub(crate) use integration::{OpenIntegrationRequest, OpenIntegrationUpdate};
pub(crate) use outbound::{AdditionalMessage, AgentMessage, Agentless, Messenger, Template, Typing, UploadRequest};
pub(crate) use profile::{IdentityResolution, MessagingSettingPatch, MessagingSettingRequest, SupportedContent};
pub(crate) use receipt::Receipt;
pub(crate) use users::{SearchCriterion, UserSearch};

use serde::de::DeserializeOwned;
use serde_json::Value;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invalid {
    pub(crate) field: String,
    pub(crate) message: String,
}

impl Invalid {
    pub(crate) fn new(field: &str, message: &str) -> Self {
        Self { field: field.to_owned(), message: format!("{field} {message}").trim_start().to_owned() }
    }
}

pub(crate) trait Model: DeserializeOwned {
    /// Checks what the field types cannot express.
    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

pub(crate) fn read<M: Model>(body: &Value) -> Result<M, Invalid> {
    if let Some(field) = null_in(body, "") {
        return Err(Invalid::new(&field, "must not be null"));
    }
    let model: M = serde_path_to_error::deserialize(body)
        .map_err(|error| Invalid::new(&error.path().to_string(), &error.inner().to_string()))?;
    model.check()?;
    Ok(model)
}

/// The path of a null. The models have none.
fn null_in(value: &Value, field: &str) -> Option<String> {
    match value {
        Value::Null => Some(field.to_owned()),
        Value::Array(items) => items.iter().find_map(|item| null_in(item, field)),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| null_in(value, name)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// For the models' tests: a valid example, and invalid changes to it.
#[cfg(test)]
pub(crate) mod edges {
    use super::{Model, read};
    use serde_json::Value;

    /// Asserts that the model accepts `example`.
    pub(crate) fn accepts<M: Model>(example: &Value) {
        if let Err(invalid) = read::<M>(example) {
            panic!("refused: {invalid:?}: {example}");
        }
    }

    /// Asserts that the model refuses `example` with the value at `pointer` set to `value`, or removed if `value` is
    /// `None`. A missing place is created.
    pub(crate) fn refuses<M: Model>(example: &Value, pointer: &str, value: Option<Value>) {
        let mut changed = example.clone();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        let parent = changed.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer} has no parent"));
        match (parent, value) {
            (Value::Array(items), Some(value)) if name == "-" => items.push(value),
            (Value::Array(items), Some(value)) => items[name.parse::<usize>().expect("an index")] = value,
            (Value::Array(items), None) => drop(items.remove(name.parse().expect("an index"))),
            (parent, Some(value)) => parent[name] = value,
            (parent, None) => {
                let fields = parent.as_object_mut().expect("an object");
                fields.remove(name).unwrap_or_else(|| panic!("{pointer} was not there"));
            }
        }
        assert_ne!(example, &changed, "{pointer} was so all along");
        assert!(read::<M>(&changed).is_err(), "accepted although {pointer} is invalid: {changed}");
    }
}
