//! What travels through the queue: the platform's original, and when and for whom it came.
//!
//! The original is not translated before it is queued: it is translated by whoever takes it off the queue, so that the
//! queue never holds two copies of a message and a large message still fits.

use crate::delivery::probe::ProbeEnvelope;
use crate::json::fields::FieldError;
use crate::model::integration_name::IntegrationName;
use crate::model::message::Message;
use crate::model::receipt::DeliveryReceipt;
use crate::model::trace_id::TraceId;
use crate::platform::{PlatformName, genesys_cloud};
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
    /// Whose message it is.
    #[serde(default, skip_serializing_if = "Origin::is_platform")]
    pub origin: Origin,
    /// The platform's trace, where it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
    /// Where it had failed, the request to deliver it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// The platform's JSON, normalized; of a card, what we wrote.
    pub original: Box<RawValue>,
}

/// An operator's request to deliver a message again that had failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replay {
    /// Tells one request from another: the ledger lets each through once.
    pub id: String,
    /// When it was made.
    pub at: Timestamp,
    /// The sequence number that the message had on the queue at first, so that messages that fail again keep their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<String>,
    /// How many attempts there were before it, which do not lengthen the backoff of those to come.
    #[serde(default)]
    pub attempts_before: u64,
}

/// Whose message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The platform's: it came to the webhook.
    #[default]
    Platform,
    /// A card that we wrote, under the id of its text trace on the platform.
    TracedCard,
    /// A card that we wrote, under an id of our own: the platform takes no receipts for it.
    Card,
}

impl Origin {
    fn is_platform(&self) -> bool {
        *self == Self::Platform
    }
}

impl Envelope {
    /// Packs a body that a platform sent, as it was accepted: normalized.
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
        Ok(Self {
            integration,
            platform,
            received_at,
            origin: Origin::Platform,
            trace_id: None,
            replay: None,
            original,
        })
    }

    /// With the platform's trace.
    #[must_use]
    pub fn with_trace_id(self, trace_id: Option<TraceId>) -> Self {
        Self { trace_id, ..self }
    }

    /// When the time began within which it is to be delivered: when it was accepted, or replayed.
    #[must_use]
    pub fn due_since(&self) -> Timestamp {
        self.replay.as_ref().map_or(self.received_at, |replay| replay.at)
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
    pub fn message(&self) -> Result<Message, FieldError> {
        let original = self.original.get().as_bytes();
        match self.origin {
            Origin::Platform => self.platform.parse_message(original),
            Origin::TracedCard | Origin::Card => {
                let card = genesys_cloud::read(original)?.into_message(original);
                Ok(Message { platform: self.platform, ..card })
            }
        }
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
    /// A test delivery for the messaging service.
    Probe(ProbeEnvelope),
}

impl Queued {
    /// Reads the queue's text.
    ///
    /// # Errors
    /// It is none of the three.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
            .map(Self::Message)
            .or_else(|error| serde_json::from_str(text).map(Self::Receipt).map_err(|_| error))
            .or_else(|error| serde_json::from_str(text).map(Self::Probe).map_err(|_| error))
    }

    /// Whose the queue's text is, whichever of the three it is, and whatever else of it cannot be read.
    #[must_use]
    pub fn integration_of(text: &str) -> Option<IntegrationName> {
        #[derive(Deserialize)]
        struct Owned {
            integration: IntegrationName,
        }
        serde_json::from_str(text).ok().map(|Owned { integration }| integration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::json::i_json;

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
    fn the_platforms_trace_comes_back_and_may_be_absent() {
        let trace_id: TraceId = "463ac35c9f6413ad".parse().unwrap();
        for trace_id in [None, Some(trace_id)] {
            let text = envelope("{}").with_trace_id(trace_id.clone()).to_queue().unwrap();
            assert_eq!(trace_id.is_some(), text.contains("traceId"));
            let Ok(Queued::Message(read)) = Queued::read(&text) else { panic!() };
            assert_eq!(trace_id, read.trace_id);
        }
    }

    #[test]
    fn what_a_newer_version_has_put_on_the_queue_is_read_for_what_it_is() {
        let more = |json: String| json.replacen('{', r#"{"fromTheFuture":{"a":1},"#, 1);
        let read = Queued::read(&more(envelope("{}").to_queue().unwrap()));
        assert!(
            matches!(read, Ok(Queued::Message(Envelope { received_at, .. })) if received_at != Timestamp::UNIX_EPOCH)
        );
        let receipt = r#"{"integration":"acme","receivedAt":"2026-01-01T00:00:00Z","receipt":{"messageId":"m","to":{"id":"c"},
            "status":"Delivered","time":"2026-01-01T00:00:00Z","isFinal":true}}"#;
        assert!(matches!(Queued::read(&more(receipt.to_owned())), Ok(Queued::Receipt(_))));
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
    fn a_message_without_an_id_has_the_same_one_where_it_is_accepted_and_where_it_is_delivered() {
        let highlevel = r#"{"type":"SMS","locationId":"l","contactId":"c","message":"TEXT"}"#;
        let multicloud_cx = r#" {"type":"Text","channel":{"id":"1","to":{"id":"c"}},"text":"TEXT"} "#;
        for (platform, body) in [(PlatformName::HighLevel, highlevel), (PlatformName::MulticloudCx, multicloud_cx)] {
            for text in ["plain", "\u{fffe}\u{ffff}", "cut off \\ud83d"] {
                let body = body.replace("TEXT", text);
                let normalized = i_json::normalized(body.as_bytes()).unwrap();
                let accepted = platform.parse_message(&normalized).unwrap();
                let now = Timestamp::UNIX_EPOCH;
                let queued = Envelope::new("acme".parse().unwrap(), platform, now, &normalized).unwrap().to_queue();
                let Ok(Queued::Message(read)) = Queued::read(&queued.unwrap()) else { panic!() };
                assert_eq!(accepted, read.message().unwrap(), "{body}");
                if text == "plain" {
                    let of_the_body = Digest::of_bytes(body.trim().as_bytes());
                    assert_eq!(of_the_body.as_str(), accepted.message_id, "ids stay as they were");
                }
            }
        }
    }

    #[test]
    fn what_is_not_json_in_utf_8_is_refused() {
        for body in [b"{".as_slice(), b"\"\xff\"", b"{} {}", b""] {
            let name = "acme".parse().unwrap();
            assert!(Envelope::new(name, PlatformName::GenesysCloud, Timestamp::UNIX_EPOCH, body).is_err());
        }
    }
}
