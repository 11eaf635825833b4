//! What is on the queue: messages and receipts, with their integration and the time at which they were accepted.
//!
//! A platform's message is queued as the platform sent it, and parsed when it is taken off the queue. So the queue never
//! holds two copies of a message, and a large message still fits.

use crate::delivery::probe::ProbeEnvelope;
use crate::json::fields::FieldError;
use crate::model::card::{CardDocument, OutboundCard};
use crate::model::conversation::{CustomerAddress, EventContent};
use crate::model::endpoint::{Endpoint, EndpointKind};
use crate::model::integration_name::IntegrationName;
use crate::model::message::Message;
use crate::model::platform_name::PlatformName;
use crate::model::receipt::DeliveryReceipt;
use crate::model::trace_id::TraceId;
use crate::platform::Withdrawal;
use jiff::Timestamp;
use memchr::memmem;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A message for the messaging service.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "EnvelopeFields")]
pub struct Envelope {
    pub integration: IntegrationName,
    pub platform: PlatformName,
    /// When it was accepted.
    pub received_at: Timestamp,
    #[serde(skip_serializing_if = "EnvelopeOrigin::is_platform")]
    pub origin: EnvelopeOrigin,
    /// The platform's trace, if it sent one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
    /// The request to deliver it again, if its delivery had failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    #[serde(flatten)]
    pub content: EnvelopeContent,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EnvelopeContent {
    /// The platform's JSON, normalized.
    Original(Box<RawValue>),
    /// A card of a caller.
    Card(Box<OutboundCard>),
    /// An event of a conversation. A release that cannot read it returns the envelope to the queue.
    ConversationEvent(Box<QueuedConversationEvent>),
}

/// An event of a conversation, with what the platform does not say in it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueuedConversationEvent {
    pub customer: CustomerAddress,
    /// The platform's JSON, normalized.
    pub original: Box<RawValue>,
}

/// The fields of an envelope. `flatten` cannot read a [`RawValue`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EnvelopeFields {
    integration: IntegrationName,
    platform: PlatformName,
    received_at: Timestamp,
    #[serde(default)]
    origin: EnvelopeOrigin,
    trace_id: Option<TraceId>,
    replay: Option<Replay>,
    original: Option<Box<RawValue>>,
    card: Option<Box<OutboundCard>>,
    conversation_event: Option<Box<QueuedConversationEvent>>,
}

impl QueuedConversationEvent {
    /// Parses the event.
    ///
    /// # Errors
    /// The platform's JSON is invalid; it was valid when it was queued.
    fn message(&self, platform: PlatformName) -> Result<Message, FieldError> {
        match platform.parse_conversation_event(self.original.get().as_bytes())?.content {
            EventContent::OfConversation { update: Some(update), .. } => Ok(update.message(platform, &self.customer)),
            EventContent::OfConversation { update: None, .. } | EventContent::Ignored(_) => {
                Err(FieldError::new("", "is not an event that is delivered"))
            }
        }
    }
}

impl TryFrom<EnvelopeFields> for Envelope {
    type Error = &'static str;

    fn try_from(fields: EnvelopeFields) -> Result<Self, Self::Error> {
        let EnvelopeFields { integration, platform, received_at, origin, trace_id, replay, .. } = fields;
        let content = match (fields.conversation_event, fields.card, fields.original) {
            (Some(event), ..) => EnvelopeContent::ConversationEvent(event),
            (None, Some(card), _) => EnvelopeContent::Card(card),
            (None, None, Some(original)) => EnvelopeContent::Original(original),
            (None, None, None) => return Err("missing field `original`, `card` or `conversationEvent`"),
        };
        Ok(Self { integration, platform, received_at, origin, trace_id, replay, content })
    }
}

/// The JSON that a delivery has as `data.original`.
#[derive(Serialize)]
#[serde(untagged)]
pub enum OriginalDocument<'e> {
    Platform(&'e RawValue),
    Card(Box<CardDocument<'e>>),
}

/// An operator's request to deliver a failed message again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replay {
    /// Identifies the request: the ledger allows each request once.
    pub id: String,
    pub at: Timestamp,
    /// The original sequence number on the queue, so that messages that fail again keep their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<String>,
    /// The number of earlier attempts. They do not count for the backoff of the replay.
    #[serde(default)]
    pub attempts_before: u64,
}

/// Who made the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnvelopeOrigin {
    /// The platform sent it to the webhook.
    #[default]
    Platform,
    /// A card of a caller, under the platform's id of its text trace.
    TracedCard,
    /// A card of a caller, under an id of ours: the platform accepts no receipts for it.
    Card,
}

impl EnvelopeOrigin {
    fn is_platform(&self) -> bool {
        *self == Self::Platform
    }
}

impl Envelope {
    /// The envelope of a webhook body that was accepted and normalized.
    ///
    /// # Errors
    /// The body is not JSON in UTF-8.
    pub fn new(
        integration: IntegrationName,
        platform: PlatformName,
        received_at: Timestamp,
        body: &[u8],
    ) -> Result<Self, serde_json::Error> {
        let content = EnvelopeContent::Original(serde_json::from_slice(body)?);
        let origin = EnvelopeOrigin::Platform;
        Ok(Self { integration, platform, received_at, origin, trace_id: None, replay: None, content })
    }

    #[must_use]
    pub fn of_conversation_event(
        integration: IntegrationName,
        platform: PlatformName,
        received_at: Timestamp,
        event: QueuedConversationEvent,
    ) -> Self {
        let content = EnvelopeContent::ConversationEvent(Box::new(event));
        let origin = EnvelopeOrigin::Platform;
        Self { integration, platform, received_at, origin, trace_id: None, replay: None, content }
    }

    #[must_use]
    pub fn with_trace_id(self, trace_id: Option<TraceId>) -> Self {
        Self { trace_id, ..self }
    }

    /// The start of the time within which it must be delivered: when it was accepted, or replayed.
    #[must_use]
    pub fn due_since(&self) -> Timestamp {
        self.replay.as_ref().map_or(self.received_at, |replay| replay.at)
    }

    /// The text on the queue.
    ///
    /// # Errors
    /// None in practice: all parts can be serialized.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self).map(escape_noncharacters)
    }

    /// Parses the message.
    ///
    /// # Errors
    /// The platform's JSON is invalid; it was valid when it was accepted.
    pub fn message(&self) -> Result<Message, FieldError> {
        match (&self.content, self.origin) {
            (EnvelopeContent::Card(card), _) => Ok(card.message(self.platform)),
            (EnvelopeContent::ConversationEvent(event), _) => event.message(self.platform),
            (EnvelopeContent::Original(original), EnvelopeOrigin::Platform) => {
                self.platform.parse_message(original.get().as_bytes())
            }
            // Releases up to 2026-11 queued a card as JSON of Genesys Cloud, whatever the platform. Failed messages are
            // kept for at most 35 days, so this branch may be removed 35 days after every stack has a later release.
            (EnvelopeContent::Original(original), EnvelopeOrigin::TracedCard | EnvelopeOrigin::Card) => {
                let card = PlatformName::GenesysCloud.parse_message(original.get().as_bytes())?;
                Ok(Message { platform: self.platform, ..card })
            }
        }
    }

    #[must_use]
    pub fn original(&self) -> OriginalDocument<'_> {
        match &self.content {
            EnvelopeContent::Original(original) => OriginalDocument::Platform(original),
            EnvelopeContent::Card(card) => OriginalDocument::Card(Box::new(card.document())),
            EnvelopeContent::ConversationEvent(event) => OriginalDocument::Platform(&event.original),
        }
    }
}

/// SQS accepts the characters of XML 1.0. JSON allows two more, U+FFFE and U+FFFF, but only in strings, where an escape
/// means the same.
fn escape_noncharacters(json: String) -> String {
    /// The first two of the three UTF-8 bytes of U+FFC0 to U+FFFF.
    const LEAD: &[u8] = b"\xef\xbf";
    let found = memmem::find_iter(json.as_bytes(), LEAD).filter_map(|at| {
        let (end, escape) = (at + LEAD.len() + 1, ["\\ufffe", "\\uffff"]);
        let escape = escape.get(usize::from(json.as_bytes().get(end - 1)?.checked_sub(0xbe)?))?;
        Some((at, end, *escape))
    });
    let (mut escaped, mut from) = (String::new(), 0);
    for (at, end, escape) in found {
        escaped.push_str(json.get(from..at).unwrap_or_default());
        escaped.push_str(escape);
        from = end;
    }
    if from == 0 {
        return json;
    }
    escaped.push_str(json.get(from..).unwrap_or_default());
    escaped
}

/// A receipt for the platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptEnvelope {
    pub integration: IntegrationName,
    /// When it was enqueued.
    pub received_at: Timestamp,
    pub receipt: DeliveryReceipt,
}

impl ReceiptEnvelope {
    /// The text on the queue.
    ///
    /// # Errors
    /// None in practice: all parts can be serialized.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self).map(escape_noncharacters)
    }
}

/// The platform's report that an integration's app was uninstalled. The receiver may not write the tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WithdrawalEnvelope {
    pub integration: IntegrationName,
    /// When it was enqueued.
    pub received_at: Timestamp,
    pub withdrawal: Withdrawal,
}

/// Anything on the queue.
pub enum QueueMessage {
    /// A message for the messaging service.
    Message(Envelope),
    /// A receipt for the platform.
    Receipt(ReceiptEnvelope),
    /// A test delivery for the messaging service.
    Probe(ProbeEnvelope),
    /// A platform's report that an app was uninstalled.
    Withdrawal(WithdrawalEnvelope),
}

impl QueueMessage {
    /// Parses the text on the queue.
    ///
    /// # Errors
    /// It is none of them.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
            .map(Self::Message)
            .or_else(|error| serde_json::from_str(text).map(Self::Receipt).map_err(|_| error))
            .or_else(|error| serde_json::from_str(text).map(Self::Probe).map_err(|_| error))
            .or_else(|error| serde_json::from_str(text).map(Self::Withdrawal).map_err(|_| error))
    }

    /// What any text on the queue is to be posted to, even if the rest cannot be read.
    #[must_use]
    pub fn peek_endpoint(text: &str) -> Option<Endpoint> {
        #[derive(Deserialize)]
        struct Peeked {
            integration: IntegrationName,
            receipt: Option<IgnoredAny>,
        }
        let Peeked { integration, receipt } = serde_json::from_str(text).ok()?;
        let kind = if receipt.is_some() { EndpointKind::Platform } else { EndpointKind::MessagingService };
        Some(Endpoint { integration, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::payload::DeliveryPayload;
    use crate::digest::Digest;
    use crate::json::i_json;

    fn envelope(body: &str) -> Envelope {
        let received_at = "2026-01-01T00:00:00Z".parse().unwrap();
        Envelope::new("acme".parse().unwrap(), PlatformName::GenesysCloud, received_at, body.as_bytes()).unwrap()
    }

    #[test]
    fn the_original_is_kept_byte_for_byte() {
        let body = "{ \"b\" : 1.0,\t\"a\":12345678901234567890123, \"a\": \"\\u00e4 ä\" }";
        let text = envelope(body).to_json().unwrap();
        let Ok(QueueMessage::Message(read)) = QueueMessage::read(&text) else { panic!() };
        assert_eq!(body, serde_json::to_string(&read.original()).unwrap());
    }

    #[test]
    fn the_platforms_trace_is_kept_and_may_be_absent() {
        let trace_id: TraceId = "463ac35c9f6413ad".parse().unwrap();
        for trace_id in [None, Some(trace_id)] {
            let text = envelope("{}").with_trace_id(trace_id.clone()).to_json().unwrap();
            assert_eq!(trace_id.is_some(), text.contains("traceId"));
            let Ok(QueueMessage::Message(read)) = QueueMessage::read(&text) else { panic!() };
            assert_eq!(trace_id, read.trace_id);
        }
    }

    #[test]
    fn unknown_fields_of_a_newer_version_are_ignored() {
        let more = |json: String| json.replacen('{', r#"{"fromTheFuture":{"a":1},"#, 1);
        let read = QueueMessage::read(&more(envelope("{}").to_json().unwrap()));
        assert!(
            matches!(read, Ok(QueueMessage::Message(Envelope { received_at, .. })) if received_at != Timestamp::UNIX_EPOCH)
        );
        let receipt = r#"{"integration":"acme","receivedAt":"2026-01-01T00:00:00Z","receipt":{"messageId":"m","to":{"id":"c"},
            "status":"Delivered","time":"2026-01-01T00:00:00Z","isFinal":true}}"#;
        assert!(matches!(QueueMessage::read(&more(receipt.to_owned())), Ok(QueueMessage::Receipt(_))));
    }

    #[test]
    fn a_withdrawal_is_read_back() {
        let withdrawal = Withdrawal { at: Timestamp::UNIX_EPOCH, company_id: Some("c".to_owned()) };
        let integration = "acme".parse().unwrap();
        let envelope = WithdrawalEnvelope { integration, received_at: Timestamp::UNIX_EPOCH, withdrawal };
        let text = serde_json::to_string(&envelope).unwrap();
        let Ok(QueueMessage::Withdrawal(read)) = QueueMessage::read(&text) else { panic!("{text}") };
        assert_eq!(envelope, read);
    }

    #[test]
    fn characters_that_sqs_rejects_are_escaped() {
        let text = envelope("{\"text\":\"\u{fffe}\u{ffff}\u{fffd}\"}").to_json().unwrap();
        assert!(!text.contains(['\u{fffe}', '\u{ffff}']) && text.contains('\u{fffd}'));
        let Ok(QueueMessage::Message(read)) = QueueMessage::read(&text) else { panic!() };
        let read = serde_json::to_value(read.original()).unwrap();
        assert_eq!("\u{fffe}\u{ffff}\u{fffd}", read["text"]);
    }

    #[test]
    fn only_the_characters_that_sqs_rejects_are_escaped() {
        for (text, expected) in [
            ("", ""),
            ("\u{fffe}", "\\ufffe"),
            ("a\u{ffff}\u{ffff}b\u{fffe}", "a\\uffff\\uffffb\\ufffe"),
            ("\u{ffbf}\u{ffc0}\u{fffd}\u{10000}\u{1fffe}", "\u{ffbf}\u{ffc0}\u{fffd}\u{10000}\u{1fffe}"),
            ("\u{fffd}\u{ffff}\u{fffd}ä", "\u{fffd}\\uffff\u{fffd}ä"),
        ] {
            assert_eq!(expected, escape_noncharacters(text.to_owned()));
        }
    }

    #[test]
    fn a_message_without_an_id_has_the_same_derived_id_when_accepted_and_when_delivered() {
        let highlevel = r#"{"type":"SMS","locationId":"l","contactId":"c","message":"TEXT"}"#;
        let multicloud_cx = r#" {"type":"Text","channel":{"id":"1","to":{"id":"c"}},"text":"TEXT"} "#;
        for (platform, body) in [(PlatformName::HighLevel, highlevel), (PlatformName::MulticloudCx, multicloud_cx)] {
            for text in ["plain", "\u{fffe}\u{ffff}", "cut off \\ud83d"] {
                let body = body.replace("TEXT", text);
                let normalized = i_json::normalized(body.as_bytes()).unwrap();
                let accepted = platform.parse_message(&normalized).unwrap();
                let now = Timestamp::UNIX_EPOCH;
                let queued = Envelope::new("acme".parse().unwrap(), platform, now, &normalized).unwrap().to_json();
                let Ok(QueueMessage::Message(read)) = QueueMessage::read(&queued.unwrap()) else { panic!() };
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

    #[test]
    fn a_card_in_the_form_of_2026_11_is_delivered_like_one_in_the_present_form() {
        // Exactly as that release queued it.
        let old = include_str!("../../../tests/fixtures/queue/card-of-2026-11.json");
        let present = include_str!("../../../tests/fixtures/queue/card.json").trim_end();
        let read = |text| match QueueMessage::read(text) {
            Ok(QueueMessage::Message(envelope)) => envelope,
            _ => panic!("{text}"),
        };
        let delivery = |envelope: &Envelope| {
            let message = envelope.message().unwrap();
            String::from_utf8(DeliveryPayload::new(envelope, &message).to_body().unwrap()).unwrap()
        };
        let (old, new) = (read(old), read(present));
        assert_eq!(delivery(&old), delivery(&new));
        assert_eq!(old.message().unwrap(), new.message().unwrap());
        assert_eq!(EnvelopeOrigin::TracedCard, new.origin);
        assert_eq!(present, new.to_json().unwrap());
    }

    #[test]
    fn an_event_of_a_conversation_is_kept_with_its_customer_and_its_original() {
        let original = include_str!("../../../tests/fixtures/genesys-cloud/events/customer-end.json").trim_end();
        let event = format!(r#"{{"customer":{{"id":"ada","idType":"Email"}},"original":{original}}}"#);
        let event: QueuedConversationEvent = serde_json::from_str(&event).unwrap();
        let platform = PlatformName::GenesysCloud;
        let sent = event.message(platform).unwrap();
        let received_at = "2026-06-14T16:12:12Z".parse().unwrap();
        let envelope = Envelope::of_conversation_event("acme".parse().unwrap(), platform, received_at, event);
        let Ok(QueueMessage::Message(read)) = QueueMessage::read(&envelope.to_json().unwrap()) else { panic!() };
        assert_eq!(original, serde_json::to_string(&read.original()).unwrap());
        let message = read.message().unwrap();
        assert_eq!((&sent, Some("ada")), (&message, message.customer()));
        let body = DeliveryPayload::new(&read, &message).to_body().unwrap();
        let delivery: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let data = &delivery["data"];
        assert_eq!(
            ("conversation.ended", "c03d300e-fa79-4353-9695-b97a71322785", "sent", "2026-06-14T16:12:10.949Z"),
            (
                delivery["type"].as_str().unwrap(),
                data["sessionId"].as_str().unwrap(),
                data["intent"].as_str().unwrap(),
                data["time"].as_str().unwrap()
            )
        );
        assert_eq!(None, data.get("fallbackText"));
    }

    #[test]
    fn an_envelope_without_content_is_refused() {
        let empty = r#"{"integration":"acme","platform":"genesys-cloud","receivedAt":"2026-01-01T00:00:00Z"}"#;
        assert!(QueueMessage::read(empty).is_err());
    }
}
