//! Reading a platform's JSON within bounds, with faults that hold no word of it.

use crate::fields::{Fault, pointer};
use crate::identity::Identity;
use crate::json_bounds;
use crate::limits::MAXIMUM_ID_BYTES;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

/// Reads a webhook body.
///
/// # Errors
/// What is wrong with the body, and where: the JSON pointer of the field, and for broken JSON the line and column.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    json_bounds::check(body)?;
    let mut json = serde_json::Deserializer::from_slice(body);
    let webhook = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| describe(to_pointer(error.path()), error.inner()))?;
    json.end().map_err(|error| describe(String::new(), &error))?;
    Ok(webhook)
}

/// The id of a message that has none: its own bytes, which are the same whenever it comes.
pub(super) fn id_of(body: &[u8]) -> String {
    Identity::of_bytes(body.trim_ascii()).as_str().to_owned()
}

/// Checks a message's id, which stands at `place`.
///
/// # Errors
/// There is none, or it is too long.
pub(super) fn check_id(place: &str, id: Option<&str>) -> Result<(), Fault> {
    let fault = |detail: String| Err(Fault { pointer: place.to_owned(), detail });
    match id {
        None => fault("is required".to_owned()),
        Some(id) if id.len() > MAXIMUM_ID_BYTES => fault(format!("must have at most {MAXIMUM_ID_BYTES} bytes")),
        Some(_) => Ok(()),
    }
}

/// Says what is wrong at `place`, without a word of the document: serde quotes values in its own messages.
fn describe(place: String, error: &serde_json::Error) -> Fault {
    use serde_json::error::Category;
    let message = error.to_string();
    let field = |start: &str| message.strip_prefix(start)?.split_once('`').map(|(field, _)| pointer(&place, field));
    if let Some(pointer) = field("missing field `") {
        return Fault { pointer, detail: "is required".to_owned() };
    }
    if let Some(pointer) = field("duplicate field `") {
        return Fault { pointer, detail: "comes more than once".to_owned() };
    }
    let what = match error.classify() {
        _ if message.starts_with("number out of range") => "holds a number that is out of range",
        Category::Eof => "ends too early",
        Category::Data => "is not of the expected type",
        Category::Syntax | Category::Io => "is not valid JSON",
    };
    Fault { pointer: place, detail: format!("{what} (line {}, column {})", error.line(), error.column()) }
}

/// The pointer as far as its names are ours: what lies within a part of the content is named by the sender.
fn to_pointer(path: &Path) -> String {
    let mut pointer_to = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Map { key } => pointer_to = pointer(&pointer_to, key),
            Segment::Seq { index } => {
                pointer_to = pointer(&pointer_to, &index.to_string());
                if pointer_to.starts_with("/content/") {
                    break;
                }
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer_to
}
