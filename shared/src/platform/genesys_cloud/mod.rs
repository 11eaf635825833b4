//! Genesys Cloud Open Messaging.
//!
//! Source: <https://developer.genesys.cloud/commdigital/digital/openmessaging/>. The documentation prints leaner
//! messages than the wire carries, so everything but `type` and an id is read as optional, words of an enumeration in
//! any case, and unknown fields and values are carried.

pub mod api;
pub mod config;
pub mod content;
mod fallback_text;
mod normalize;
mod platform;
pub mod region;
mod structured;
pub mod wire;

use super::body;
use crate::fields::Fault;
pub use structured::StructuredMessage;
pub use wire::Webhook;

/// Reads a webhook body.
///
/// # Errors
/// What is wrong with the body, and where: the JSON pointer of the field, and for broken JSON the line and column.
pub fn read(body: &[u8]) -> Result<Webhook, Fault> {
    let webhook: Webhook = body::read(body)?;
    body::check_id("/id", webhook.message_id())?;
    Ok(webhook)
}
