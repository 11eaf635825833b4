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

/// The members that a message contains but is not identified by.
const CONTENT: [&str; 3] = ["text", "subject", "content"];

/// Reads a webhook body for what identifies the message, without its content.
fn read_identity(body: &[u8]) -> Result<Notification, FieldError> {
    payload::read_without(&CONTENT, body).map(Notification::from)
}

fn read_message(body: &[u8]) -> Result<Webhook, FieldError> {
    payload::read(body).map(Webhook::from)
}
