use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use shared::delivery::envelope::{InboundEnvelope, QueueMessage, Replay};
use shared::delivery::parking::ParkedMessage;
use shared::delivery::payload::DeliveryPayload;

/// A failed message with its latest failure. The queue may hold several copies: a dispatcher that crashed before it
/// acknowledged the message leaves one, and so does an interrupted replay.
pub(crate) struct FailedMessage {
    pub(crate) parked: ParkedMessage,
    integration: String,
    kind: &'static str,
    message_id: String,
    conversation_id: Option<String>,
    received_at: Timestamp,
    replay: Option<Replay>,
    /// The ids of all copies on the queue.
    pub(super) copies: Vec<String>,
}

/// What is printed. Only `delivery` contains text and addresses.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    pub(crate) integration: String,
    pub(crate) kind: &'static str,
    pub(crate) message_id: String,
    pub(crate) webhook_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) conversation_id: Option<String>,
    pub(crate) reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// Why the last attempt failed, if the message was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    pub(crate) attempts: u64,
    pub(crate) received_at: Timestamp,
    /// When it was last replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replayed_at: Option<Timestamp>,
    pub(crate) failed_at: Timestamp,
    pub(crate) group: String,
    /// The payload that the messaging service received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delivery: Option<Value>,
    /// The body of the request that was to be posted to the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<Value>,
}

impl FailedMessage {
    /// Parses a message of the queue; `None` if it is of another version.
    pub(super) fn read(id: &str, body: &str) -> Option<Self> {
        let parked: ParkedMessage = serde_json::from_str(body).ok()?;
        let copies = vec![id.to_owned()];
        match QueueMessage::read(parked.envelope.get()).ok()? {
            QueueMessage::Message(envelope) => {
                let message = envelope.message().ok()?;
                Some(Self {
                    parked,
                    integration: envelope.integration.to_string(),
                    kind: message.kind.name(),
                    message_id: message.message_id,
                    conversation_id: message.conversation_id,
                    received_at: envelope.received_at,
                    replay: envelope.replay,
                    copies,
                })
            }
            QueueMessage::Inbound(envelope) => Some(Self {
                parked,
                integration: envelope.integration.to_string(),
                kind: InboundEnvelope::KIND,
                message_id: envelope.inbound.message_id.unwrap_or_default(),
                conversation_id: None,
                received_at: envelope.received_at,
                replay: envelope.replay,
                copies,
            }),
            QueueMessage::Receipt(_) | QueueMessage::Probe(_) | QueueMessage::Withdrawal(_) => None,
        }
    }

    /// Adds another copy of the same message. The latest failure counts.
    pub(super) fn merge(&mut self, other: Self) {
        let mut copies = std::mem::take(&mut self.copies);
        copies.extend(other.copies.iter().cloned());
        if other.parked.failed_at > self.parked.failed_at {
            *self = other;
        }
        self.copies = copies;
    }

    pub(crate) fn integration(&self) -> &str {
        &self.integration
    }

    pub(crate) fn message_id(&self) -> &str {
        &self.message_id
    }

    pub(crate) fn conversation_id(&self) -> Option<&str> {
        self.conversation_id.as_deref()
    }

    /// The platform's id, or the `webhook-id` of a message without one.
    pub(super) fn shown_id(&self) -> String {
        let ids = [self.message_id(), &self.parked.webhook_id];
        ids.into_iter().find(|id| !id.is_empty()).unwrap_or_default().to_owned()
    }

    /// Matches the platform's message id and the webhook-id.
    pub(super) fn has_id(&self, id: &str) -> bool {
        self.message_id == id || self.parked.webhook_id == id
    }

    /// The order within its group. Sequence numbers have 128 bits.
    /// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>.
    pub(super) fn sequence(&self) -> (Option<u128>, Timestamp) {
        let number = self.parked.sequence_number.as_deref().and_then(|number| number.parse().ok());
        (number, self.received_at)
    }
}

impl View {
    pub(crate) fn new(failed: &FailedMessage) -> Self {
        let parked = &failed.parked;
        Self {
            integration: failed.integration.clone(),
            kind: failed.kind,
            message_id: failed.message_id.clone(),
            webhook_id: parked.webhook_id.clone(),
            conversation_id: failed.conversation_id.clone(),
            reason: parked.reason.clone(),
            status: parked.status,
            error: parked.error.clone(),
            attempts: parked.attempts,
            received_at: failed.received_at,
            replayed_at: failed.replay.as_ref().map(|replay| replay.at),
            failed_at: parked.failed_at,
            group: parked.group.clone(),
            delivery: None,
            request: None,
        }
    }

    pub(crate) fn with_text(failed: &FailedMessage) -> Self {
        let view = Self::new(failed);
        match QueueMessage::read(failed.parked.envelope.get()) {
            Ok(QueueMessage::Message(envelope)) => {
                let message = envelope.message().ok();
                let payload = |message| serde_json::to_value(DeliveryPayload::new(&envelope, &message)).ok();
                Self { delivery: message.and_then(payload), ..view }
            }
            Ok(QueueMessage::Inbound(envelope)) => {
                Self { request: serde_json::to_value(envelope.inbound.body).ok(), ..view }
            }
            _ => view,
        }
    }

    pub(crate) fn failure_reason(&self) -> String {
        match (self.status, &self.error) {
            (Some(status), _) => format!("{} ({status})", self.reason),
            (None, Some(error)) => format!("{} ({error})", self.reason),
            (None, None) => self.reason.clone(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests fail by panicking
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    fn failed(id: &str, failed_at: &str, sequence_number: &str) -> FailedMessage {
        let channel = json!({"id": "i", "to": {"id": "hidden-customer"}, "messageId": "m-1"});
        let envelope = json!({
            "integration": "acme", "platform": "genesys-cloud", "receivedAt": "2026-01-02T03:04:05Z",
            "original": {"type": "Text", "text": "hidden text", "direction": "Outbound", "channel": channel},
        });
        let parked = json!({
            "webhookId": "msg_00", "reason": "refused", "status": 422, "failedAt": failed_at, "group": "0a",
            "sequenceNumber": sequence_number, "envelope": envelope,
        });
        FailedMessage::read(id, &parked.to_string()).unwrap()
    }

    #[test]
    fn text_and_addresses_are_shown_on_request_only() {
        let failed = failed("1", "2026-01-02T03:05:00Z", "1");
        let hidden = serde_json::to_string(&View::new(&failed)).unwrap();
        assert!(hidden.contains("m-1") && hidden.contains("msg_00") && !hidden.contains("hidden"), "{hidden}");
        let shown = serde_json::to_value(View::with_text(&failed)).unwrap();
        assert_eq!("hidden text", shown["delivery"]["data"]["text"]);
        assert_eq!("hidden-customer", shown["delivery"]["data"]["to"]["id"]);
    }

    #[test]
    fn what_a_customer_wrote_is_shown_as_the_request_that_was_to_be_posted() {
        let inbound = json!({
            "route": "inbound/messages", "caller": "crm", "customer": "hidden-customer", "messageId": "m-1",
            "fingerprint": "f", "body": {"messageId": "m-1", "text": "hidden text"},
        });
        let envelope = json!({"integration": "acme", "receivedAt": "2026-01-02T03:04:05Z", "inbound": inbound});
        let parked = json!({
            "webhookId": "msg_00", "reason": "platform-refused", "status": 400, "failedAt": "2026-01-02T03:05:00Z",
            "group": "0a", "envelope": envelope,
        });
        let failed = FailedMessage::read("1", &parked.to_string()).unwrap();
        let hidden = serde_json::to_value(View::new(&failed)).unwrap();
        assert_eq!(("acme", "m-1"), (hidden["integration"].as_str().unwrap(), hidden["messageId"].as_str().unwrap()));
        assert!(!hidden.to_string().contains("hidden"), "{hidden}");
        assert_eq!("hidden text", serde_json::to_value(View::with_text(&failed)).unwrap()["request"]["text"]);
    }

    #[test]
    fn of_several_copies_the_latest_failure_counts_and_all_ids_are_kept() {
        for order in [["03:05", "03:09"], ["03:09", "03:05"]] {
            let [mut one, other] = order.map(|time| failed(time, &format!("2026-01-02T{time}:00Z"), "1"));
            one.merge(other);
            assert_eq!(("2026-01-02T03:09:00Z", 2), (one.parked.failed_at.to_string().as_str(), one.copies.len()));
        }
    }

    #[test]
    fn sequence_numbers_are_ordered_by_value() {
        let sequence = |number: &str| failed("1", "2026-01-02T03:05:00Z", number).sequence();
        assert!(sequence("9") < sequence("10") && sequence("18849496460467696127") < sequence("18849496460467696128"));
    }

    #[test]
    fn a_message_of_another_version_is_not_parsed() {
        assert!(FailedMessage::read("1", r#"{"version": 99}"#).is_none());
    }
}
