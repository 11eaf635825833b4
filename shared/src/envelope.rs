//! What travels through the queue: the platform's original, and when and for whom it came.
//!
//! The original is not translated before it is queued: it is translated by whoever takes it off the queue, so that the
//! queue never holds two copies of a message and a large message still fits.

use crate::fields::Fault;
use crate::integration::IntegrationName;
use crate::message::Message;
use crate::platform::PlatformName;
use crate::receipt::DeliveryReceipt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One message on the queue.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// The integration that it came to.
    pub integration: IntegrationName,
    /// The platform that sent it.
    pub platform: PlatformName,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// Who gave the message its id.
    #[serde(default, skip_serializing_if = "IdFrom::is_platform")]
    pub id_from: IdFrom,
    /// The platform's JSON as it came.
    pub original: Box<RawValue>,
}

/// Who gave a message its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdFrom {
    /// The platform, which takes receipts for it.
    #[default]
    Platform,
    /// We did: the platform does not know it.
    Patchbay,
}

impl IdFrom {
    fn is_platform(&self) -> bool {
        *self == Self::Platform
    }
}

impl Envelope {
    /// Packs a body that a platform sent.
    ///
    /// # Errors
    /// The body is not JSON in UTF-8.
    pub fn new(
        integration: IntegrationName,
        platform: PlatformName,
        received_at: Timestamp,
        body: &[u8],
    ) -> Result<Self, serde_json::Error> {
        let original = serde_json::from_slice(body)?;
        Ok(Self { integration, platform, received_at, id_from: IdFrom::Platform, original })
    }

    /// The queue's text for this message.
    ///
    /// # Errors
    /// None that can come up: all parts serialise.
    pub fn to_queue(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self).map(without_refused_characters)
    }

    /// The message inside.
    ///
    /// # Errors
    /// The original cannot be read; it could be when it was accepted.
    pub fn message(&self) -> Result<Message, Fault> {
        self.platform.read(self.original.get().as_bytes())
    }
}

/// SQS takes what XML 1.0 takes, and JSON in UTF-8 may hold two characters more, U+FFFE and U+FFFF. They can only stand
/// inside JSON strings, where an escape means the same.
fn without_refused_characters(json: String) -> String {
    if json.contains(['\u{fffe}', '\u{ffff}']) {
        json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
    } else {
        json
    }
}

/// A delivery receipt on the queue, on its way to the platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptEnvelope {
    /// The integration that it belongs to.
    pub integration: IntegrationName,
    /// When it was put on the queue.
    pub received_at: Timestamp,
    /// The receipt.
    pub receipt: DeliveryReceipt,
}

impl ReceiptEnvelope {
    /// The queue's text for this receipt.
    ///
    /// # Errors
    /// None that can come up: all parts serialise.
    pub fn to_queue(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self).map(without_refused_characters)
    }
}

/// What the dispatcher finds on the queue.
pub enum Queued {
    /// A message for the messaging service.
    Message(Envelope),
    /// A receipt for the platform.
    Receipt(ReceiptEnvelope),
}

impl Queued {
    /// Reads the queue's text.
    ///
    /// # Errors
    /// It is neither of the two.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
            .map(Self::Message)
            .or_else(|error| serde_json::from_str(text).map(Self::Receipt).map_err(|_| error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(body: &str) -> Envelope {
        let received_at = "2026-01-01T00:00:00Z".parse().unwrap();
        Envelope::new("acme".parse().unwrap(), PlatformName::GenesysCloud, received_at, body.as_bytes()).unwrap()
    }

    #[test]
    fn the_original_comes_back_byte_for_byte() {
        let body = "{ \"b\" : 1.0,\t\"a\":12345678901234567890123, \"a\": \"\\u00e4 ä\" }";
        let text = envelope(body).to_queue().unwrap();
        let Ok(Queued::Message(read)) = Queued::read(&text) else { panic!() };
        assert_eq!(body, read.original.get());
    }

    #[test]
    fn characters_that_the_queue_refuses_are_escaped() {
        let text = envelope("{\"text\":\"\u{fffe}\u{ffff}\u{fffd}\"}").to_queue().unwrap();
        assert!(!text.contains(['\u{fffe}', '\u{ffff}']) && text.contains('\u{fffd}'));
        let Ok(Queued::Message(read)) = Queued::read(&text) else { panic!() };
        let read: serde_json::Value = serde_json::from_str(read.original.get()).unwrap();
        assert_eq!("\u{fffe}\u{ffff}\u{fffd}", read["text"]);
    }

    #[test]
    fn what_is_not_json_in_utf_8_is_refused() {
        for body in [b"{".as_slice(), b"\"\xff\"", b"{} {}", b""] {
            let name = "acme".parse().unwrap();
            assert!(Envelope::new(name, PlatformName::GenesysCloud, Timestamp::UNIX_EPOCH, body).is_err());
        }
    }
}
