//! What is on the queue: messages and receipts, with their integration and the time at which they were accepted.
//!
//! A platform's message is queued as the platform sent it, and parsed when it is taken off the queue. So the queue never
//! holds two copies of a message, and a large message still fits.

mod conversation_event;
pub mod inbound;
mod inbound_failure;
mod queue_message;
#[cfg(test)]
mod tests;

use crate::json::fields::FieldError;
use crate::model::card::{CardDocument, OutboundCard};
use crate::model::integration_name::IntegrationName;
use crate::model::message::Message;
use crate::model::platform_name::PlatformName;
use crate::model::trace_id::TraceId;
pub use conversation_event::QueuedConversationEvent;
pub use inbound::{FromChannel, InboundContent, InboundEnvelope};
pub use inbound_failure::QueuedInboundFailure;
use jiff::Timestamp;
use memchr::memmem;
pub use queue_message::{ProviderReport, QueueMessage, ReceiptEnvelope, WithdrawalEnvelope};
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
    /// An event of a conversation. A version that cannot read it returns the envelope to the queue.
    ConversationEvent(Box<QueuedConversationEvent>),
    /// What a customer did that could not be posted. A version that cannot read it returns the envelope to the queue.
    InboundFailure(Box<QueuedInboundFailure>),
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
    inbound_failure: Option<Box<QueuedInboundFailure>>,
}

impl TryFrom<EnvelopeFields> for Envelope {
    type Error = &'static str;

    fn try_from(fields: EnvelopeFields) -> Result<Self, Self::Error> {
        let EnvelopeFields { integration, platform, received_at, origin, trace_id, replay, .. } = fields;
        let contents = [
            fields.inbound_failure.map(EnvelopeContent::InboundFailure),
            fields.conversation_event.map(EnvelopeContent::ConversationEvent),
            fields.card.map(EnvelopeContent::Card),
            fields.original.map(EnvelopeContent::Original),
        ];
        let content = contents.into_iter().flatten().next();
        let content = content.ok_or("missing field `original`, `card`, `conversationEvent` or `inboundFailure`")?;
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
        Ok(Self::of_content(integration, platform, received_at, content))
    }

    #[must_use]
    pub fn of_conversation_event(
        integration: IntegrationName,
        platform: PlatformName,
        received_at: Timestamp,
        event: QueuedConversationEvent,
    ) -> Self {
        let content = EnvelopeContent::ConversationEvent(Box::new(event));
        Self::of_content(integration, platform, received_at, content)
    }

    #[must_use]
    pub fn of_inbound_failure(
        integration: IntegrationName,
        platform: PlatformName,
        failure: QueuedInboundFailure,
    ) -> Self {
        let failed_at = failure.time;
        Self::of_content(integration, platform, failed_at, EnvelopeContent::InboundFailure(Box::new(failure)))
    }

    fn of_content(
        integration: IntegrationName,
        platform: PlatformName,
        received_at: Timestamp,
        content: EnvelopeContent,
    ) -> Self {
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
            (EnvelopeContent::InboundFailure(failure), _) => Ok(failure.message(self.platform)),
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
            EnvelopeContent::InboundFailure(failure) => OriginalDocument::Platform(&failure.original),
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
