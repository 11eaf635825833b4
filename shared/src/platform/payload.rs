//! Parsing webhook bodies.

use crate::digest::Digest;
use crate::json::fields::FieldError;
use crate::json::lenient::Members;
use crate::json::limits;
use crate::limits::MAX_ID_BYTES;
use crate::model::message::Reason;

/// Parses a webhook body.
///
/// # Errors
/// It is not JSON, not an object, or exceeds a limit: where, without quoting the document.
pub(super) fn read(body: &[u8]) -> Result<Members<'_>, FieldError> {
    limits::check(body)?;
    serde_json::from_slice(body).map_err(|error| describe(&error))
}

/// Parses a webhook body without the members of its `content`. What is left identifies the message. In a message without
/// a type, the content determines the kind, and is kept.
///
/// # Errors
/// Those of [`read`].
pub(super) fn read_without<'j>(content: &[&str], body: &'j [u8]) -> Result<Members<'j>, FieldError> {
    let members = read(body)?;
    Ok(if members.word::<String>("type").is_some() { members.without(content) } else { members })
}

/// The first of these that can be a message's id: not too long for the queue, the ledger and the response.
pub(super) fn first_id<'i>(ids: impl IntoIterator<Item = &'i Option<String>>) -> Option<&'i str> {
    ids.into_iter().flatten().map(String::as_str).find(|id| id.len() <= MAX_ID_BYTES)
}

/// The id of a message that has none: a digest of its bytes, which are the same on every retry.
pub(super) fn id_of(body: &[u8]) -> String {
    Digest::of_bytes(body.trim_ascii()).as_str().to_owned()
}

/// The reasons in a failed receipt. A code may be a number.
pub(super) fn reasons(members: &Members<'_>) -> Vec<Reason> {
    let reasons = members.objects("reasons");
    reasons.map(|reason| Reason { code: reason.id("code"), message: reason.text("message") }).collect()
}

/// Describes a parse error without quoting the document. The parser's own messages quote values.
fn describe(error: &serde_json::Error) -> FieldError {
    use serde_json::error::Category;
    let what = match error.classify() {
        Category::Eof => "ends too early",
        Category::Data => "must be an object",
        Category::Syntax | Category::Io => "is not valid JSON",
    };
    FieldError { pointer: String::new(), detail: format!("{what} (line {}, column {})", error.line(), error.column()) }
}
