//! Configuration fields that several platforms have.

use crate::http_client::OutboundUrl;
use crate::json::fields::text;
use serde_json::Value;

/// The base URL of an API.
///
/// # Errors
/// What is wrong, without the value.
pub(super) fn base_url(value: Value) -> Result<OutboundUrl, String> {
    OutboundUrl::base(&text(value)?)
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
