//! One message on the dead-letter queue, as far as it may be shown: no text, no address.

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use jiff::Timestamp;
use serde::Serialize;
use shared::delivery::envelope::Queued;
use shared::delivery::payload::webhook_id;
use shared::model::integration_name::IntegrationName;

/// A message on the dead-letter queue.
pub(super) struct Letter {
    /// The queue's id of it.
    pub(super) id: String,
    pub(super) receipt_handle: String,
    /// Its group, within which order is kept.
    pub(super) group: String,
    pub(super) body: String,
    pub(super) shown: Shown,
}

/// What may be shown of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) integration: Option<String>,
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_id: Option<String>,
    /// Under which it would be delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_id: Option<String>,
    /// When Patchbay took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) received_at: Option<Timestamp>,
    /// When the queue got it.
    #[serde(skip_serializing_if = "Option::is_none")]
    queued_at: Option<Timestamp>,
    /// How often it has been received.
    pub(super) receives: u64,
    group: String,
}

/// What a message that this version cannot read is called.
const UNREADABLE: &str = "unreadable";

impl Letter {
    /// Reads what SQS handed over.
    pub(super) fn read(message: Message) -> Option<Self> {
        let attribute = |name| message.attributes()?.get(&name).cloned();
        let number = |name| attribute(name)?.parse::<i64>().ok();
        let group = attribute(MessageSystemAttributeName::MessageGroupId)?;
        let body = message.body()?.to_owned();
        let shown = Shown {
            receives: number(MessageSystemAttributeName::ApproximateReceiveCount)
                .and_then(|count| count.try_into().ok())
                .unwrap_or_default(),
            queued_at: number(MessageSystemAttributeName::SentTimestamp)
                .and_then(|time| Timestamp::from_millisecond(time).ok()),
            group: group.clone(),
            ..Shown::of(&body)
        };
        let (id, receipt_handle) = (message.message_id()?.to_owned(), message.receipt_handle()?.to_owned());
        Some(Self { id, receipt_handle, group, body, shown })
    }

    /// Whether this version can read it.
    pub(super) fn is_readable(&self) -> bool {
        self.shown.kind != UNREADABLE
    }

    /// Whether it is of that integration.
    pub(super) fn is_of(&self, name: &IntegrationName) -> bool {
        self.shown.integration.as_deref() == Some(name.as_str())
    }
}

impl Shown {
    /// Stands for its customer.
    pub(super) fn group(&self) -> &str {
        &self.group
    }

    fn of(body: &str) -> Self {
        let mut shown = Self {
            integration: None,
            kind: UNREADABLE,
            message_id: None,
            webhook_id: None,
            received_at: None,
            queued_at: None,
            receives: 0,
            group: String::new(),
        };
        match Queued::read(body) {
            Ok(Queued::Message(envelope)) => {
                shown.integration = Some(envelope.integration.to_string());
                shown.received_at = Some(envelope.received_at);
                if let Ok(message) = envelope.message() {
                    shown.kind = message.kind.name();
                    shown.webhook_id = Some(webhook_id(&envelope.integration, &message));
                    shown.message_id = Some(message.message_id);
                }
            }
            Ok(Queued::Receipt(envelope)) => {
                shown.integration = Some(envelope.integration.to_string());
                shown.received_at = Some(envelope.received_at);
                shown.kind = "receipt to the platform";
                shown.message_id = Some(envelope.receipt.message_id);
            }
            Ok(Queued::Probe(probe)) => {
                shown.integration = Some(probe.integration.to_string());
                shown.received_at = Some(probe.received_at);
                shown.kind = "test delivery";
            }
            Err(_) => {}
        }
        shown
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    /// A message as SQS hands it over.
    pub(in super::super) fn message(group: &str, body: &str) -> Message {
        let message = Message::builder().message_id("id").receipt_handle("handle").body(body);
        message.attributes(MessageSystemAttributeName::MessageGroupId, group).build()
    }

    #[test]
    fn a_message_is_shown_by_its_ids_and_its_kind_and_never_by_its_text_or_its_customer() {
        let channel = json!({"id": "i", "to": {"id": "hidden-customer"}, "messageId": "m-1"});
        let original = json!({"type": "Text", "text": "hidden text", "direction": "Outbound", "channel": channel});
        let envelope = json!({
            "integration": "acme", "platform": "genesys-cloud", "receivedAt": "2026-01-02T03:04:05Z",
            "original": original,
        });
        let shown = serde_json::to_value(Shown::of(&envelope.to_string())).unwrap();
        assert_eq!(
            ("acme", "Text", "m-1", "2026-01-02T03:04:05Z"),
            (
                shown["integration"].as_str().unwrap(),
                shown["kind"].as_str().unwrap(),
                shown["messageId"].as_str().unwrap(),
                shown["receivedAt"].as_str().unwrap(),
            )
        );
        assert!(!shown.to_string().contains("hidden"), "{shown}");
    }

    #[test]
    fn a_receipt_is_shown_by_the_message_that_it_speaks_of() {
        let receipt = json!({
            "messageId": "m-2", "to": {"id": "hidden"}, "status": "Failed", "isFinal": true,
            "time": "2026-01-02T03:04:05Z",
        });
        let envelope = json!({"integration": "acme", "receivedAt": "2026-01-02T03:04:05Z", "receipt": receipt});
        let shown = Shown::of(&envelope.to_string());
        assert_eq!(("receipt to the platform", Some("m-2")), (shown.kind, shown.message_id.as_deref()));
        assert!(!format!("{shown:?}").contains("hidden"));
    }

    #[test]
    fn what_another_version_wrote_is_unreadable_and_no_more_is_said_of_it() {
        let shown = Shown::of(r#"{"version": 99, "text": "hidden"}"#);
        assert_eq!((UNREADABLE, None), (shown.kind, shown.integration.as_deref()));
        assert!(!format!("{shown:?}").contains("hidden"));
    }
}
