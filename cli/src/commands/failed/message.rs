use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use shared::delivery::envelope::Envelope;
use shared::delivery::parking::ParkedMessage;
use shared::delivery::payload::DeliveryPayload;
use shared::model::message::Message;

/// A failed message with its latest failure. The queue may hold several copies: a dispatcher that crashed before it
/// acknowledged the message leaves one, and so does an interrupted replay.
pub(crate) struct FailedMessage {
    pub(crate) parked: ParkedMessage,
    envelope: Envelope,
    message: Message,
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
}

impl FailedMessage {
    /// Parses a message of the queue; `None` if it is of another version.
    pub(super) fn read(id: &str, body: &str) -> Option<Self> {
        let parked: ParkedMessage = serde_json::from_str(body).ok()?;
        let envelope = parked.envelope().ok()?;
        let message = envelope.message().ok()?;
        Some(Self { parked, envelope, message, copies: vec![id.to_owned()] })
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
        self.envelope.integration.as_str()
    }

    pub(crate) fn message_id(&self) -> &str {
        &self.message.message_id
    }

    pub(crate) fn conversation_id(&self) -> Option<&str> {
        self.message.conversation_id.as_deref()
    }

    /// Matches the platform's message id and the webhook-id.
    pub(super) fn has_id(&self, id: &str) -> bool {
        self.message.message_id == id || self.parked.webhook_id == id
    }

    /// The order within its group. Sequence numbers have 128 bits.
    /// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>.
    pub(super) fn sequence(&self) -> (Option<u128>, Timestamp) {
        let number = self.parked.sequence_number.as_deref().and_then(|number| number.parse().ok());
        (number, self.envelope.received_at)
    }
}

impl View {
    pub(crate) fn new(failed: &FailedMessage) -> Self {
        let FailedMessage { parked, envelope, message, .. } = failed;
        Self {
            integration: envelope.integration.to_string(),
            kind: message.kind.name(),
            message_id: message.message_id.clone(),
            webhook_id: parked.webhook_id.clone(),
            conversation_id: message.conversation_id.clone(),
            reason: parked.reason.clone(),
            status: parked.status,
            error: parked.error.clone(),
            attempts: parked.attempts,
            received_at: envelope.received_at,
            replayed_at: envelope.replay.as_ref().map(|replay| replay.at),
            failed_at: parked.failed_at,
            group: parked.group.clone(),
            delivery: None,
        }
    }

    pub(crate) fn with_text(failed: &FailedMessage) -> Self {
        let delivery = serde_json::to_value(DeliveryPayload::new(&failed.envelope, &failed.message)).ok();
        Self { delivery, ..Self::new(failed) }
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
