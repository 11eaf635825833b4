//! What a customer wrote, typed or chose, on its way to the platform.

use super::{Replay, escape_noncharacters};
use crate::channel::Press;
use crate::digest::Digest;
use crate::model::integration_name::IntegrationName;
use crate::model::trace_id::TraceId;
use crate::platform::Route;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A caller's request that was accepted before it is executed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InboundEnvelope {
    pub integration: IntegrationName,
    /// When it was accepted.
    pub received_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
    /// The request to post it again, if that had failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    pub inbound: InboundContent,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InboundContent {
    pub route: Route,
    /// The name of the caller, whose ids of messages are its own.
    pub caller: String,
    /// The customer's address.
    pub customer: String,
    /// The caller's id of it. A typing event has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Of the body as the caller sent it.
    pub fingerprint: String,
    /// The body, which was valid when it was accepted, with its time.
    pub body: Box<RawValue>,
    /// If it arrived through a channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<FromChannel>,
}

/// What is known of a customer's message that arrived through a channel, besides its body.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct FromChannel {
    /// The button that the customer pressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub press: Option<Press>,
}

impl InboundEnvelope {
    /// What it is called beside the kinds of messages.
    pub const KIND: &str = "message to the platform";

    /// The same for every copy of this request. The same id with another body is another request: the caller learns that
    /// it was refused.
    #[must_use]
    pub fn deduplication_id(&self) -> Digest {
        let InboundContent { route, caller, message_id, fingerprint, .. } = &self.inbound;
        let received_at = self.received_at.to_string();
        let id = message_id.as_deref().unwrap_or(&received_at);
        Digest::of_parts(&["inbound", self.integration.as_str(), route.as_str(), caller, id, fingerprint])
    }

    /// The group within which order is kept: what one customer did.
    #[must_use]
    pub fn ordering_group(&self) -> Digest {
        customer_group(&self.integration, &self.inbound.customer)
    }

    /// The start of the time within which it must be posted: when it was accepted, or replayed.
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
}

/// The group of what a customer did.
#[must_use]
pub fn customer_group(integration: &IntegrationName, customer: &str) -> Digest {
    Digest::of_parts(&["inbound", integration.as_str(), customer])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::envelope::QueueMessage;

    fn envelope(message_id: Option<&str>, fingerprint: &str) -> InboundEnvelope {
        InboundEnvelope {
            integration: "acme".parse().unwrap(),
            received_at: Timestamp::UNIX_EPOCH,
            trace_id: None,
            replay: None,
            inbound: InboundContent {
                route: Route::InboundMessages,
                caller: "crm".to_owned(),
                customer: "c".to_owned(),
                message_id: message_id.map(str::to_owned),
                fingerprint: fingerprint.to_owned(),
                body: RawValue::from_string("{}".to_owned()).unwrap(),
                channel: None,
            },
        }
    }

    #[test]
    fn the_queue_tells_it_from_messages_and_receipts() {
        let text = envelope(Some("m"), "f").to_json().unwrap();
        assert!(matches!(QueueMessage::read(&text), Ok(QueueMessage::Inbound(_))), "{text}");
    }

    #[test]
    fn the_same_id_with_another_body_is_another_request_of_the_same_group() {
        let (one, other) = (envelope(Some("m"), "f"), envelope(Some("m"), "g"));
        assert_ne!(one.deduplication_id(), other.deduplication_id());
        assert_eq!(one.deduplication_id(), envelope(Some("m"), "f").deduplication_id());
        assert_eq!(one.ordering_group(), other.ordering_group());
    }
}
