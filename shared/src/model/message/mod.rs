//! The normalized message: one form for the messages, receipts and events of all platforms.

pub(crate) mod fallback_text;
mod html;
mod kind;
mod public;
mod references;

pub use fallback_text::{Answer, Block, FallbackText, Line, Section};
pub use kind::{Attachment, CallLog, Content, Email, InboundFailure, MessageKind, Other, Reason, Receipt, Typing};
pub use public::PublicPost;
pub use references::References;

use crate::digest::Digest;
use crate::json::fields::text;
use crate::json::open_enum::open_enum;
use crate::model::integration_name::IntegrationName;
use crate::model::platform_name::PlatformName;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::fmt;

/// A message, receipt or event from a platform.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    pub platform: PlatformName,
    /// The platform's id of the message. For a receipt, the id of the message that it is about.
    pub message_id: String,
    /// The platform's conversation, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// From the platform's point of view.
    pub direction: Direction,
    pub intent: Intent,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Party>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Party>,
    /// The platform's time of the message, as received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Only for public messages.
    #[serde(flatten)]
    pub public: Option<PublicPost>,
    #[serde(flatten)]
    pub references: References,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// The platform's id of the webhook, if it has one. It is then the basis of deduplication.
    #[serde(skip)]
    pub delivery_id: Option<String>,
    /// The word for the kind in the deduplication id, if an earlier version read the message as another kind: an upgrade
    /// must not change the id.
    #[serde(skip)]
    pub former_kind: Option<String>,
    /// The message as plain text, for channels that support nothing else. `None` if there is no text to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_text: Option<FallbackText>,
    #[serde(flatten)]
    pub kind: MessageKind,
}

/// Whether the messaging service is to send a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Send it, and report the delivery status to the platform.
    Send,
    /// Send it. It has no id, so its delivery status cannot be reported.
    SendUntracked,
    /// The platform has already sent it; this is a notification.
    Sent,
}

impl Intent {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Send | Self::SendUntracked => "send",
            Self::Sent => "sent",
        }
    }
}

impl Serialize for Intent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

open_enum! {
    /// From the platform's point of view.
    Direction { Inbound = "Inbound", Outbound = "Outbound", }
}

open_enum! {
    /// The type of a party's id.
    IdType { Email = "Email", Phone = "Phone", Opaque = "Opaque", }
}

impl IdType {
    /// Reads a caller's field, case-insensitively. Only the types that platforms accept are valid.
    ///
    /// # Errors
    /// What is wrong, without the value.
    pub fn from_field(value: Value) -> Result<Self, String> {
        match Self::from(text(value)?) {
            Self::Other(_) => Err("must be `Email`, `Phone` or `Opaque`".to_owned()),
            known => Ok(known),
        }
    }
}

open_enum! {
    /// The delivery status in a platform's receipt.
    ReceiptStatus {
        Sent = "Sent",
        Delivered = "Delivered",
        Read = "Read",
        Failed = "Failed",
        Published = "Published",
        Removed = "Removed",
    }
}

/// Metadata of a message on the platform, by name.
#[derive(Clone, Default, PartialEq, Serialize)]
pub struct Metadata(pub Map<String, Value>);

impl Metadata {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Hides the content, which may be anything.
impl fmt::Debug for Metadata {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metadata").field("members", &self.0.len()).finish()
    }
}

/// A participant in a conversation.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Party {
    /// The address or opaque id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_type: Option<IdType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Phone number, if the id is something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The platform's id of the contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_contact_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional_ids: Vec<AdditionalId>,
}

/// Another id of a participant.
#[derive(Clone, PartialEq, Serialize)]
pub struct AdditionalId {
    /// The platform's word for the type: `PhoneNumber`, `Username`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    pub value: String,
}

/// Hides addresses and names.
impl fmt::Debug for Party {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Party").field("id_type", &self.id_type).finish_non_exhaustive()
    }
}

impl Message {
    /// A message with nothing but these.
    #[must_use]
    pub fn new(
        platform: PlatformName,
        message_id: String,
        direction: Direction,
        intent: Intent,
        kind: MessageKind,
    ) -> Self {
        Self {
            platform,
            message_id,
            conversation_id: None,
            direction,
            intent,
            from: None,
            to: None,
            time: None,
            public: None,
            references: References::default(),
            metadata: Metadata::default(),
            delivery_id: None,
            former_kind: None,
            fallback_text: None,
            kind,
        }
    }

    /// The customer: the recipient of an outbound message, the sender of an inbound one.
    #[must_use]
    pub fn customer(&self) -> Option<&str> {
        self.customer_party()?.id.as_deref()
    }

    /// The customer with all that the platform says of them.
    #[must_use]
    pub fn customer_party(&self) -> Option<&Party> {
        match self.direction {
            Direction::Inbound => self.from.as_ref(),
            Direction::Outbound | Direction::Other(_) => self.to.as_ref(),
        }
    }

    /// The platform's time of the message, if it is valid.
    #[must_use]
    pub fn sent_at(&self) -> Option<Timestamp> {
        self.time.as_deref()?.parse().ok()
    }

    /// The same for every copy of this message to the same integration.
    ///
    /// The message id is not enough: receipts carry the id of the message that they are about, and a message may have
    /// several receipts. If the webhook has its own id, that is used instead of the message id.
    #[must_use]
    pub fn deduplication_id(&self, integration: &IntegrationName) -> Digest {
        let status = match &self.kind {
            MessageKind::Receipt(receipt) => receipt.status.as_ref().map_or("", ReceiptStatus::as_str),
            _ => "",
        };
        Digest::of_parts(&[
            self.platform.as_str(),
            integration.as_str(),
            self.delivery_id.as_ref().unwrap_or(&self.message_id),
            self.time.as_deref().unwrap_or_default(),
            self.former_kind.as_deref().unwrap_or_else(|| self.kind.dedup_discriminator()),
            status,
        ])
    }

    /// Whether the platform expects a delivery receipt.
    #[must_use]
    pub fn expects_receipt(&self) -> bool {
        self.intent == Intent::Send && self.kind.expects_receipt()
    }

    /// The group within which order is kept: one customer of one integration. A message without a customer is a separate
    /// group, so that it does not block others.
    #[must_use]
    pub fn ordering_group(&self, integration: &IntegrationName) -> Digest {
        match self.customer() {
            Some(customer) => customer_group(integration, customer),
            None => Digest::of_parts(&["group without a customer", integration.as_str(), &self.message_id]),
        }
    }
}

/// The group of a customer's messages.
#[must_use]
pub fn customer_group(integration: &IntegrationName, customer: &str) -> Digest {
    Digest::of_parts(&["group", integration.as_str(), customer])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: MessageKind) -> Message {
        let party = |id: &str| Some(Party { id: Some(id.to_owned()), ..Party::default() });
        Message {
            platform: PlatformName::GenesysCloud,
            message_id: "m1".to_owned(),
            conversation_id: None,
            direction: Direction::Outbound,
            from: party("integration"),
            to: party("customer"),
            time: Some("2026-01-01T00:00:00.000Z".to_owned()),
            public: None,
            references: References::default(),
            metadata: Metadata::default(),
            delivery_id: None,
            former_kind: None,
            intent: Intent::Send,
            fallback_text: None,
            kind,
        }
    }

    fn receipt(status: ReceiptStatus) -> MessageKind {
        MessageKind::Receipt(Receipt { status: Some(status), reasons: Vec::new(), is_final_receipt: None })
    }

    fn integration(name: &str) -> IntegrationName {
        name.parse().unwrap()
    }

    #[test]
    fn the_deduplication_id_consists_of_integration_id_time_type_and_receipt_status() {
        let acme = integration("acme");
        let text = message(MessageKind::Text(Content::default()));
        let fallback_text = text.kind.fallback_text();
        let same = Message { conversation_id: Some("c".to_owned()), fallback_text, ..text.clone() };
        assert_eq!(text.deduplication_id(&acme), same.deduplication_id(&acme));

        let ids = [
            text.deduplication_id(&acme),
            text.deduplication_id(&integration("other")),
            Message { message_id: "m2".to_owned(), ..text.clone() }.deduplication_id(&acme),
            Message { time: None, ..text.clone() }.deduplication_id(&acme),
            message(receipt(ReceiptStatus::Published)).deduplication_id(&acme),
            message(receipt(ReceiptStatus::Failed)).deduplication_id(&acme),
        ];
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), distinct.len());
    }

    #[test]
    fn a_webhook_with_its_own_id_is_deduplicated_by_it() {
        let acme = integration("acme");
        let id = |message_id: &str, delivery_id: Option<&str>| {
            let message = message(MessageKind::Text(Content::default()));
            Message { message_id: message_id.to_owned(), delivery_id: delivery_id.map(str::to_owned), ..message }
                .deduplication_id(&acme)
        };
        assert_eq!(id("m1", Some("d1")), id("m2", Some("d1")));
        assert_ne!(id("m1", Some("d1")), id("m1", Some("d2")));
        assert_ne!(id("m1", Some("d1")), id("m1", None));
    }

    #[test]
    fn only_messages_that_the_platform_asked_to_send_expect_a_receipt() {
        let request = message(MessageKind::Text(Content::default()));
        assert!(request.expects_receipt());
        for intent in [Intent::Sent, Intent::SendUntracked] {
            assert!(!Message { intent, ..request.clone() }.expects_receipt(), "{intent:?}");
        }
        assert!(!message(receipt(ReceiptStatus::Failed)).expects_receipt());
    }

    #[test]
    fn the_intent_is_serialized_for_every_kind_of_message() {
        let kinds = [
            MessageKind::Text(Content::default()),
            MessageKind::Structured(Content::default()),
            MessageKind::Email(Box::default()),
            MessageKind::Call(CallLog::default()),
            MessageKind::Voicemail(CallLog::default()),
            receipt(ReceiptStatus::Failed),
            MessageKind::Typing(Typing { duration_milliseconds: 5000 }),
            MessageKind::Other(Other { platform_type: "Fax".to_owned(), ..Other::default() }),
        ];
        for kind in kinds {
            for (intent, word) in [(Intent::Send, "send"), (Intent::SendUntracked, "send"), (Intent::Sent, "sent")] {
                let json = serde_json::to_value(Message { intent, ..message(kind.clone()) }).unwrap();
                assert_eq!(word, json["intent"], "{json}");
            }
        }
    }

    #[test]
    fn the_customer_is_the_recipient_of_outbound_and_the_sender_of_inbound_messages() {
        let outbound = message(MessageKind::Text(Content::default()));
        assert_eq!(Some("customer"), outbound.customer());
        let inbound = Message { direction: Direction::Inbound, ..outbound.clone() };
        assert_eq!(Some("integration"), inbound.customer());
        let acme = integration("acme");
        assert_ne!(outbound.ordering_group(&acme), inbound.ordering_group(&acme));
        assert_ne!(outbound.ordering_group(&acme), outbound.ordering_group(&integration("other")));
    }

    #[test]
    fn neither_text_nor_addresses_show_in_debug_output() {
        let content = Content { text: Some("private words".to_owned()), ..Content::default() };
        let metadata = Metadata(Map::from_iter([("order".to_owned(), "private words".into())]));
        let fallback_text = MessageKind::Text(content.clone()).fallback_text();
        let public = Some(PublicPost { url: Some("https://e.com/customer".to_owned()), ..PublicPost::default() });
        let shown = format!("{:?}", Message { fallback_text, metadata, public, ..message(MessageKind::Text(content)) });
        assert!(!shown.contains("private words") && !shown.contains("customer"), "{shown}");
    }
}
