//! The normalised message: one shape for what every platform sends.

pub(crate) mod fallback_text;
mod html;
mod kind;
mod public;

pub use fallback_text::FallbackText;
pub use kind::{Attachment, Call, Content, Email, Kind, Other, Reason, Receipt, Typing, Voicemail};
pub use public::PublicPost;

use crate::digest::Identity;
use crate::json::fields::text;
use crate::json::open_enum::open_enum;
use crate::model::integration_name::IntegrationName;
use crate::platform::PlatformName;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::fmt;

/// A message, receipt or event that a platform sent, in the words of the platform's own normalised format.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The platform that sent it.
    pub platform: PlatformName,
    /// The platform's id of the message; of a receipt, the id of the message that it speaks of.
    pub message_id: String,
    /// The conversation on the platform, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// Which way it goes, seen from the platform.
    pub direction: Direction,
    /// What the platform wants with it.
    pub intent: Intent,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Party>,
    /// Whom it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Party>,
    /// The platform's time of the message, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// What it answers, where it is public.
    #[serde(flatten)]
    pub public: Option<PublicPost>,
    /// What was attached to it on the platform.
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// The platform's id of this notification of the message, where it has one: it is by that that the message is known
    /// when it comes again.
    #[serde(skip)]
    pub delivery_id: Option<String>,
    /// The message as plain text, for a channel that has nothing else; none where there is nothing to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_text: Option<FallbackText>,
    /// What kind of thing it is, with what only this kind has.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What a platform wants with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// It is to be sent, and the platform wants to know what becomes of it.
    Request,
    /// It is to be sent, and came without an id, so that nobody could tell the platform what becomes of it.
    RequestWithoutId,
    /// The platform has sent it itself, and tells of it.
    Observation,
}

impl Intent {
    /// The messaging service's word: whether it is to send the message, or only to know of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request | Self::RequestWithoutId => "send",
            Self::Observation => "sent",
        }
    }
}

impl Serialize for Intent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

open_enum! {
    /// Which way a message goes, seen from the platform.
    Direction { Inbound = "Inbound", Outbound = "Outbound", }
}

open_enum! {
    /// What sort of thing a party's id is.
    IdType { Email = "Email", Phone = "Phone", Opaque = "Opaque", }
}

impl IdType {
    /// Reads it from a caller's field, in any case; nothing but what the platforms take.
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
    /// What became of a message.
    ReceiptStatus {
        Sent = "Sent",
        Delivered = "Delivered",
        Read = "Read",
        Failed = "Failed",
        Published = "Published",
        Removed = "Removed",
    }
}

/// Metadata that was attached to a message on the platform, by name.
#[derive(Clone, Default, PartialEq, Serialize)]
pub struct Metadata(pub Map<String, Value>);

impl Metadata {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// It may hold anything, and stays out of whatever prints it.
impl fmt::Debug for Metadata {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metadata").field("members", &self.0.len()).finish()
    }
}

/// One end of a conversation.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Party {
    /// The address or opaque id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What sort of id it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_type: Option<IdType>,
    /// A name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// Given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// Electronic mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Telephone number, where the id is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// URL of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The platform's id of the contact that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_contact_id: Option<String>,
    /// Further ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional_ids: Vec<AdditionalId>,
}

/// A further id of one end of a conversation.
#[derive(Clone, PartialEq, Serialize)]
pub struct AdditionalId {
    /// What sort of id it is, in the platform's word: `PhoneNumber`, `Username`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// The id.
    pub value: String,
}

/// Addresses and names stay out of whatever prints a party.
impl fmt::Debug for Party {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Party").field("id_type", &self.id_type).finish_non_exhaustive()
    }
}

impl Message {
    /// The customer: who it is for or, of a receipt for an inbound message, who wrote the message.
    #[must_use]
    pub fn customer(&self) -> Option<&str> {
        let party = match self.direction {
            Direction::Inbound => &self.from,
            Direction::Outbound | Direction::Other(_) => &self.to,
        };
        party.as_ref()?.id.as_deref()
    }

    /// The platform's time of the message, where it is one.
    #[must_use]
    pub fn sent_at(&self) -> Option<Timestamp> {
        self.time.as_deref()?.parse().ok()
    }

    /// What makes this the same message when it comes again to the same integration.
    ///
    /// The id alone will not do: a receipt carries the id of the message that it speaks of, and one message may have
    /// several receipts. A notification with an id of its own is the same as long as that is.
    #[must_use]
    pub fn identity(&self, integration: &IntegrationName) -> Identity {
        let status = match &self.kind {
            Kind::Receipt(receipt) => receipt.status.as_ref().map_or("", ReceiptStatus::as_str),
            _ => "",
        };
        Identity::of(&[
            self.platform.as_str(),
            integration.as_str(),
            self.delivery_id.as_ref().unwrap_or(&self.message_id),
            self.time.as_deref().unwrap_or_default(),
            self.kind.distinction(),
            status,
        ])
    }

    /// Whether the platform is to hear unasked what became of it.
    #[must_use]
    pub fn expects_receipt(&self) -> bool {
        self.intent == Intent::Request && self.kind.expects_receipt()
    }

    /// The group within which order is kept: one customer of one integration. Where nobody says who the customer is, a
    /// message is a group of its own, so that it holds back no other.
    #[must_use]
    pub fn group(&self, integration: &IntegrationName) -> Identity {
        match self.customer() {
            Some(customer) => Identity::of(&["group", integration.as_str(), customer]),
            None => Identity::of(&["group without a customer", integration.as_str(), &self.message_id]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: Kind) -> Message {
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
            metadata: Metadata::default(),
            delivery_id: None,
            intent: Intent::Request,
            fallback_text: None,
            kind,
        }
    }

    fn receipt(status: ReceiptStatus) -> Kind {
        Kind::Receipt(Receipt { status: Some(status), reasons: Vec::new(), is_final_receipt: None })
    }

    fn integration(name: &str) -> IntegrationName {
        name.parse().unwrap()
    }

    #[test]
    fn identity_is_integration_id_time_type_and_receipt_status() {
        let acme = integration("acme");
        let text = message(Kind::Text(Content::default()));
        let fallback_text = Some(FallbackText("t".to_owned()));
        let same = Message { conversation_id: Some("c".to_owned()), fallback_text, ..text.clone() };
        assert_eq!(text.identity(&acme), same.identity(&acme));

        let identities = [
            text.identity(&acme),
            text.identity(&integration("other")),
            Message { message_id: "m2".to_owned(), ..text.clone() }.identity(&acme),
            Message { time: None, ..text.clone() }.identity(&acme),
            message(receipt(ReceiptStatus::Published)).identity(&acme),
            message(receipt(ReceiptStatus::Failed)).identity(&acme),
        ];
        let distinct: std::collections::HashSet<_> = identities.iter().collect();
        assert_eq!(identities.len(), distinct.len());
    }

    #[test]
    fn a_notification_with_an_id_of_its_own_is_known_by_that() {
        let acme = integration("acme");
        let known_by = |message_id: &str, delivery_id: Option<&str>| {
            let message = message(Kind::Text(Content::default()));
            Message { message_id: message_id.to_owned(), delivery_id: delivery_id.map(str::to_owned), ..message }
                .identity(&acme)
        };
        assert_eq!(known_by("m1", Some("d1")), known_by("m2", Some("d1")));
        assert_ne!(known_by("m1", Some("d1")), known_by("m1", Some("d2")));
        assert_ne!(known_by("m1", Some("d1")), known_by("m1", None));
    }

    #[test]
    fn only_what_the_platform_asked_for_has_a_receipt_unasked() {
        let request = message(Kind::Text(Content::default()));
        assert!(request.expects_receipt());
        for intent in [Intent::Observation, Intent::RequestWithoutId] {
            assert!(!Message { intent, ..request.clone() }.expects_receipt(), "{intent:?}");
        }
        assert!(!message(receipt(ReceiptStatus::Failed)).expects_receipt());
    }

    #[test]
    fn whatever_the_kind_it_is_said_whether_the_message_is_to_be_sent() {
        let kinds = [
            Kind::Text(Content::default()),
            Kind::Structured(Content::default()),
            Kind::Email(Box::default()),
            Kind::Call(Call::default()),
            Kind::Voicemail(Voicemail::default()),
            receipt(ReceiptStatus::Failed),
            Kind::Typing(Typing { duration_milliseconds: 5000 }),
            Kind::Other(Other { platform_type: "Fax".to_owned() }),
        ];
        for kind in kinds {
            for (intent, word) in
                [(Intent::Request, "send"), (Intent::RequestWithoutId, "send"), (Intent::Observation, "sent")]
            {
                let said = serde_json::to_value(Message { intent, ..message(kind.clone()) }).unwrap();
                assert_eq!(word, said["intent"], "{said}");
            }
        }
    }

    #[test]
    fn the_customer_is_the_far_end_whichever_way_the_message_goes() {
        let outbound = message(Kind::Text(Content::default()));
        assert_eq!(Some("customer"), outbound.customer());
        let inbound = Message { direction: Direction::Inbound, ..outbound.clone() };
        assert_eq!(Some("integration"), inbound.customer());
        let acme = integration("acme");
        assert_ne!(outbound.group(&acme), inbound.group(&acme));
        assert_ne!(outbound.group(&acme), outbound.group(&integration("other")));
    }

    #[test]
    fn neither_text_nor_addresses_show_in_debug_output() {
        let content = Content { text: Some("private words".to_owned()), ..Content::default() };
        let metadata = Metadata(Map::from_iter([("order".to_owned(), "private words".into())]));
        let fallback_text = content.text.clone().map(FallbackText);
        let public = Some(PublicPost { url: Some("https://e.com/customer".to_owned()), ..PublicPost::default() });
        let shown = format!("{:?}", Message { fallback_text, metadata, public, ..message(Kind::Text(content)) });
        assert!(!shown.contains("private words") && !shown.contains("customer"), "{shown}");
    }
}
