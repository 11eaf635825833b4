//! Configuration fields that several platforms have.

use crate::http_client::{InvalidOutboundUrl, OutboundUrl};
use crate::json::fields::text;
use serde_json::Value;

/// The base URL of an API.
///
/// # Errors
/// What is wrong, without the value.
pub(super) fn base_url(value: Value) -> Result<OutboundUrl, String> {
    let url: OutboundUrl = text(value)?.parse().map_err(|error: InvalidOutboundUrl| error.to_string())?;
    if url.url().query().is_some() { Err("must have no query".to_owned()) } else { Ok(url) }
}

/// A text that is valid as the value of a header.
///
/// # Errors
/// What is wrong, without the value.
pub(super) fn header_text(value: Value) -> Result<String, String> {
    let text = text(value)?;
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if visible { Ok(text) } else { Err("must have visible ASCII characters only".to_owned()) }
}
