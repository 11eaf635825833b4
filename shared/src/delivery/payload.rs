//! The body of a delivery.

use crate::delivery::envelope::{Envelope, OriginalDocument};
use crate::model::integration_name::IntegrationName;
use crate::model::message::{Message, MessageKind};
use jiff::Timestamp;
use serde::Serialize;

/// The body of a delivery. It is the same on every attempt.
#[derive(Serialize)]
pub struct DeliveryPayload<'d> {
    r#type: &'static str,
    timestamp: Timestamp,
    data: Data<'d>,
}

#[derive(Serialize)]
struct Data<'d> {
    integration: &'d IntegrationName,
    #[serde(flatten)]
    message: &'d Message,
    /// The time of receipt, if the message has no time.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
    original: OriginalDocument<'d>,
}

impl<'d> DeliveryPayload<'d> {
    /// The payload for `message`, which was parsed from `envelope`.
    #[must_use]
    pub fn new(envelope: &'d Envelope, message: &'d Message) -> Self {
        Self {
            r#type: event_type(&message.kind),
            timestamp: envelope.received_at,
            data: Data {
                integration: &envelope.integration,
                message,
                time: message.time.is_none().then_some(envelope.received_at),
                original: envelope.original(),
            },
        }
    }

    /// The bytes to sign and to post.
    ///
    /// # Errors
    /// Never: all members can be serialized.
    pub fn to_body(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

/// The body of a test delivery.
#[must_use]
pub fn test_payload(integration: &IntegrationName, now: Timestamp) -> Vec<u8> {
    let body = serde_json::json!({"type": "test", "timestamp": now, "data": {"integration": integration}});
    body.to_string().into_bytes()
}

/// The event type, dotted as in Standard Webhooks.
fn event_type(kind: &MessageKind) -> &'static str {
    match kind {
        MessageKind::Text(_) => "message.text",
        MessageKind::Structured(_) => "message.structured",
        MessageKind::Email(_) => "message.email",
        MessageKind::Call(_) => "message.call",
        MessageKind::Voicemail(_) => "message.voicemail",
        MessageKind::Receipt(_) => "receipt",
        MessageKind::Typing(_) => "typing",
        MessageKind::Conversation(event) => event.change.event_type(),
        MessageKind::InboundFailed(_) => "inbound.failed",
        MessageKind::Other(_) => "message.other",
    }
}
