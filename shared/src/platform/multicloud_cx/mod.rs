//! Genesys Multicloud CX (Digital Channels), third-party messaging: SMS, electronic mail, and whatever else a channel
//! carries.
//!
//! Source: the vendor's "Third-Party Messaging Overview" and the API and webhook pages that it names. The printed samples
//! are few and in part damaged, so everything is read as optional, and unknown fields and types are carried.

pub mod api;
pub mod config;
mod fallback_text;
mod normalize;
mod platform;
#[cfg(test)]
mod tests;
pub mod wire;

use super::payload;
use crate::json::fields::FieldError;
pub use wire::{Notification, Webhook};

/// Reads a webhook body.
///
/// # Errors
/// It is not JSON, or not an object: where.
pub fn read(body: &[u8]) -> Result<Notification, FieldError> {
    payload::read(body).map(Notification::from)
}

/// Reads a message.
fn read_message(body: &[u8]) -> Result<Webhook, FieldError> {
    payload::read(body).map(Webhook::from)
}
