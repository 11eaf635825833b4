//! Genesys Cloud Open Messaging.
//!
//! Source: <https://developer.genesys.cloud/commdigital/digital/openmessaging/>. The documentation prints leaner
//! messages than the wire carries, so everything is read as optional, words of an enumeration in any case, and unknown
//! fields and values are carried. Only what says whose message it is has to be right.

pub mod api;
pub mod config;
pub mod content;
mod fallback_text;
mod normalize;
mod platform;
pub mod region;
mod structured;
pub mod wire;

use super::payload;
use crate::json::fields::FieldError;
pub use structured::StructuredMessage;
pub use wire::Webhook;

/// Reads a webhook body.
///
/// # Errors
/// It is not JSON, or not an object: where.
pub fn read(body: &[u8]) -> Result<Webhook, FieldError> {
    payload::read(body).map(Webhook::from)
}
