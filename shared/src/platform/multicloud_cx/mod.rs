//! Genesys Multicloud CX (Digital Channels), third-party messaging: SMS, email, and other channels.
//!
//! Source: the vendor's "Third-Party Messaging Overview" and the API and webhook pages that it refers to. There are few
//! samples, and some are damaged, so everything is optional, and unknown fields and types are kept.

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
/// It is not a JSON object.
pub fn read(body: &[u8]) -> Result<Notification, FieldError> {
    payload::read(body).map(Notification::from)
}

fn read_message(body: &[u8]) -> Result<Webhook, FieldError> {
    payload::read(body).map(Webhook::from)
}
