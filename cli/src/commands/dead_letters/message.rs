use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use shared::delivery::envelope::{InboundEnvelope, QueueMessage, ReceiptEnvelope};
use shared::delivery::id::DeliveryId;
use shared::delivery::payload::DeliveryPayload;
use shared::model::integration_name::IntegrationName;

pub(super) struct DeadLetter {
    /// Its id on the dead-letter queue.
    pub(super) id: String,
    pub(super) receipt_handle: String,
    /// The message group, within which order is kept.
    pub(super) group: String,
    pub(super) body: String,
    pub(super) view: DeadLetterView,
}

/// What is printed: no text, and no address.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeadLetterView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) integration: Option<String>,
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) webhook_id: Option<String>,
    /// When Patchbay received it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) received_at: Option<Timestamp>,
    /// When it was sent to the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    queued_at: Option<Timestamp>,
    #[serde(rename = "receives")]
    pub(super) receive_count: u64,
    group: String,
}

/// The kind of a message that this version cannot read.
const UNREADABLE: &str = "unreadable";

impl DeadLetter {
    pub(super) fn read(message: Message) -> Option<Self> {
        let attribute = |name| message.attributes()?.get(&name).cloned();
        let number = |name| attribute(name)?.parse::<i64>().ok();
        let group = attribute(MessageSystemAttributeName::MessageGroupId)?;
        let body = message.body()?.to_owned();
        let view = DeadLetterView {
            receive_count: number(MessageSystemAttributeName::ApproximateReceiveCount)
                .and_then(|count| count.try_into().ok())
                .unwrap_or_default(),
            queued_at: number(MessageSystemAttributeName::SentTimestamp)
                .and_then(|time| Timestamp::from_millisecond(time).ok()),
            group: group.clone(),
            ..DeadLetterView::of(&body)
        };
        let (id, receipt_handle) = (message.message_id()?.to_owned(), message.receipt_handle()?.to_owned());
        Some(Self { id, receipt_handle, group, body, view })
    }

    pub(super) fn is_readable(&self) -> bool {
        self.view.kind != UNREADABLE
    }

    /// The payload of its delivery, with text and addresses, if it is a message.
    pub(super) fn delivery(&self) -> Option<Value> {
        let Ok(QueueMessage::Message(envelope)) = QueueMessage::read(&self.body) else { return None };
        serde_json::to_value(DeliveryPayload::new(&envelope, &envelope.message().ok()?)).ok()
    }

    pub(super) fn belongs_to(&self, name: &IntegrationName) -> bool {
        self.view.integration.as_deref() == Some(name.as_str())
    }
}

impl DeadLetterView {
    /// One group per customer.
    pub(super) fn group(&self) -> &str {
        &self.group
    }

    fn of(body: &str) -> Self {
        let mut view = Self {
            integration: None,
            kind: UNREADABLE,
            message_id: None,
            webhook_id: None,
            received_at: None,
            queued_at: None,
            receive_count: 0,
            group: String::new(),
        };
        match QueueMessage::read(body) {
            Ok(QueueMessage::Message(envelope)) => {
                view.integration = Some(envelope.integration.to_string());
                view.received_at = Some(envelope.received_at);
                if let Ok(message) = envelope.message() {
                    view.kind = message.kind.name();
                    view.webhook_id = Some(DeliveryId::new(&envelope.integration, &message).to_string());
                    view.message_id = Some(message.message_id);
                }
            }
            Ok(QueueMessage::Receipt(envelope)) => {
                view.integration = Some(envelope.integration.to_string());
                view.received_at = Some(envelope.received_at);
                view.kind = ReceiptEnvelope::KIND;
                view.message_id = Some(envelope.receipt.message_id);
            }
            Ok(QueueMessage::Inbound(envelope)) => {
                view.integration = Some(envelope.integration.to_string());
                view.received_at = Some(envelope.received_at);
                view.kind = InboundEnvelope::KIND;
                view.webhook_id = Some(DeliveryId::of_inbound(&envelope).to_string());
                view.message_id = envelope.inbound.message_id;
            }
            Ok(QueueMessage::Probe(probe)) => {
                view.integration = Some(probe.integration.to_string());
                view.received_at = Some(probe.received_at);
                view.kind = "test delivery";
            }
            Ok(QueueMessage::Withdrawal(envelope)) => {
                view.integration = Some(envelope.integration.to_string());
                view.received_at = Some(envelope.received_at);
                view.kind = "withdrawal of an authorization";
            }
            Err(_) => {}
        }
        view
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    pub(in super::super) fn message(group: &str, body: &str) -> Message {
        let message = Message::builder().message_id("id").receipt_handle("handle").body(body);
        message.attributes(MessageSystemAttributeName::MessageGroupId, group).build()
    }

    #[test]
    fn a_message_is_shown_by_its_ids_and_kind_without_text_or_customer() {
        let channel = json!({"id": "i", "to": {"id": "hidden-customer"}, "messageId": "m-1"});
        let original = json!({"type": "Text", "text": "hidden text", "direction": "Outbound", "channel": channel});
        let envelope = json!({
            "integration": "acme", "platform": "genesys-cloud", "receivedAt": "2026-01-02T03:04:05Z",
            "original": original,
        });
        let view = serde_json::to_value(DeadLetterView::of(&envelope.to_string())).unwrap();
        assert_eq!(
            ("acme", "Text", "m-1", "2026-01-02T03:04:05Z"),
            (
                view["integration"].as_str().unwrap(),
                view["kind"].as_str().unwrap(),
                view["messageId"].as_str().unwrap(),
                view["receivedAt"].as_str().unwrap(),
            )
        );
        assert!(!view.to_string().contains("hidden"), "{view}");
    }

    #[test]
    fn a_receipt_is_shown_by_the_id_of_its_message() {
        let receipt = json!({
            "messageId": "m-2", "to": {"id": "hidden"}, "status": "Failed", "isFinal": true,
            "time": "2026-01-02T03:04:05Z",
        });
        let envelope = json!({"integration": "acme", "receivedAt": "2026-01-02T03:04:05Z", "receipt": receipt});
        let view = DeadLetterView::of(&envelope.to_string());
        assert_eq!(("receipt to the platform", Some("m-2")), (view.kind, view.message_id.as_deref()));
        assert!(!format!("{view:?}").contains("hidden"));
    }

    #[test]
    fn a_message_of_another_version_is_unreadable_and_shown_without_details() {
        let view = DeadLetterView::of(r#"{"version": 99, "text": "hidden"}"#);
        assert_eq!((UNREADABLE, None), (view.kind, view.integration.as_deref()));
        assert!(!format!("{view:?}").contains("hidden"));
    }
}
