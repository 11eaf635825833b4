//! Genesys Multicloud CX (Digital Channels), third-party messaging: SMS, electronic mail, and whatever else a channel
//! carries.
//!
//! Source: the vendor's "Third-Party Messaging Overview" and the API and webhook pages that it names. The printed samples
//! are few and in part damaged, so all but `type` is read as optional, and unknown fields and types are carried.

pub mod api;
pub mod config;
mod fallback_text;
mod normalize;
mod platform;
#[cfg(test)]
mod tests;
pub mod wire;

use super::body;
use crate::fields::Fault;
pub use wire::{Notification, Webhook};

/// Reads a webhook body.
///
/// # Errors
/// What is wrong with the body, and where: the JSON pointer of the field, and for broken JSON the line and column.
pub fn read(body: &[u8]) -> Result<Notification, Fault> {
    // Both kinds come signed alike to the same address, and only their fields tell them apart.
    if body::read::<wire::Interactions>(body).is_ok_and(|interactions| interactions.is_what_it_is()) {
        return Ok(Notification::Interactions);
    }
    read_message(body).map(Notification::Message)
}

/// Reads a message.
fn read_message(body: &[u8]) -> Result<Box<Webhook>, Fault> {
    let webhook: Webhook = body::read(body)?;
    if let Some(id) = webhook.message_id() {
        body::check_id("/channel/messageId", Some(id))?;
    }
    Ok(Box::new(webhook))
}
