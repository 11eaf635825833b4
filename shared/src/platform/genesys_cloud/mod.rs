//! Genesys Cloud Open Messaging.
//!
//! Source: <https://developer.genesys.cloud/commdigital/digital/openmessaging/>. The documentation prints leaner
//! messages than the wire carries, so everything but `type` and an id is read as optional, words of an enumeration in
//! any case, and unknown fields and values are carried.

pub mod config;
pub mod content;
mod normalize;
pub mod region;
pub mod wire;

use crate::fields::{Fault, pointer};
use serde_path_to_error::{Path, Segment};
pub use wire::Webhook;

/// Reads a webhook body.
///
/// # Errors
/// What is wrong with the body, and where: the JSON pointer of the field, and for broken JSON the line and column.
pub fn read(body: &[u8]) -> Result<Webhook, Fault> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let webhook: Webhook = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| describe(to_pointer(error.path()), error.inner()))?;
    json.end().map_err(|error| describe(String::new(), &error))?;
    if webhook.message_id().is_none() {
        return Err(Fault { pointer: "/id".to_owned(), detail: "is required".to_owned() });
    }
    Ok(webhook)
}

/// Says what is wrong at `place`, without a word of the document: serde quotes values in its own messages.
fn describe(place: String, error: &serde_json::Error) -> Fault {
    use serde_json::error::Category;
    let message = error.to_string();
    if let Some((field, _)) = message.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
        return Fault { pointer: pointer(&place, field), detail: "is required".to_owned() };
    }
    let what = match error.classify() {
        Category::Eof => "the JSON ends too early",
        Category::Data => "is not of the expected type",
        Category::Syntax if message.starts_with("recursion limit") => "is nested too deeply",
        Category::Syntax | Category::Io => "is not valid JSON",
    };
    Fault { pointer: place, detail: format!("{what} (line {}, column {})", error.line(), error.column()) }
}

fn to_pointer(path: &Path) -> String {
    path.iter().fold(String::new(), |parent, segment| match segment {
        Segment::Seq { index } => pointer(&parent, &index.to_string()),
        Segment::Map { key } => pointer(&parent, key),
        Segment::Enum { variant } => pointer(&parent, variant),
        Segment::Unknown => parent,
    })
}
