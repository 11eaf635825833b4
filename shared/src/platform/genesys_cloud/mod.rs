//! Genesys Cloud Open Messaging.
//!
//! Source: <https://developer.genesys.cloud/commdigital/digital/openmessaging/>. The documented messages have fewer fields
//! than the real ones, so everything is optional, enum values are case-insensitive, and unknown fields and values are
//! kept. Only the fields that identify the integration must be valid.

pub mod api;
pub mod config;
pub mod content;
mod conversation_event;
mod fallback_text;
mod normalize;
mod platform;
pub mod region;
pub mod wire;

use super::payload;
use crate::json::fields::FieldError;
pub use wire::Webhook;

/// The members that a message contains but is not identified by.
const CONTENT: [&str; 3] = ["text", "content", "metadata"];

/// Reads a webhook body.
///
/// # Errors
/// It is not a JSON object.
pub fn read(body: &[u8]) -> Result<Webhook, FieldError> {
    payload::read(body).map(Webhook::from)
}

/// Reads a webhook body for what identifies the message, without its content.
fn read_identity(body: &[u8]) -> Result<Webhook, FieldError> {
    payload::read_without(&CONTENT, body).map(Webhook::from)
}
