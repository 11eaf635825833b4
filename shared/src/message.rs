//! The normalised message: one shape for what every platform sends.

use crate::fields::text;
use crate::identity::Identity;
use crate::integration::IntegrationName;
use crate::open_enum::open_enum;
use crate::platform::PlatformName;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// The longest id of a message, in bytes; Genesys Cloud's have 32.
pub const MAXIMUM_ID_BYTES: usize = 512;

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
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Party>,
    /// Whom it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Party>,
    /// The platform's time of the message, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// What kind of thing it is, with what only this kind has.
    #[serde(flatten)]
    pub kind: Kind,
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

/// One end of a conversation.
#[derive(Clone, Default, PartialEq, Serialize, serde::Deserialize)]
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
    /// URL of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// Addresses and names stay out of whatever prints a party.
impl fmt::Debug for Party {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Party").field("id_type", &self.id_type).finish_non_exhaustive()
    }
}

/// What a message is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Kind {
    /// Text, with or without attachments.
    Text(Content),
    /// Something to show with structure: quick replies, cards, a template, a date picker.
    Structured(Content),
    /// What became of an earlier message.
    Receipt(Receipt),
    /// Somebody is typing.
    Typing(Typing),
    /// A type that is not known here, or an event other than typing: all there is to it is the platform's original.
    Other(Other),
}

/// What a message shows.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// The text; of a notification template without one, the template's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The parts of the message in the platform's normalised format.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub content: Vec<Value>,
    /// The files among the parts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// `Human` or `Bot`, where the platform says who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub originating_entity: Option<String>,
}

/// What was written stays out of whatever prints it.
impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Content")
            .field("parts", &self.content.len())
            .field("attachments", &self.attachments.len())
            .finish_non_exhaustive()
    }
}

/// A file that belongs to a message.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// `Image`, `Video`, `Audio`, `File` or `Link`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Where to fetch it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its media type by RFC 6838.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
}

/// What became of an earlier message.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Where the message stands now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ReceiptStatus>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// Whether no further receipt will come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_final_receipt: Option<bool>,
}

/// Why a message failed.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
pub struct Reason {
    /// The platform's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The platform's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Somebody is typing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Typing {
    /// For how long to show it.
    #[serde(rename = "durationMilliseconds")]
    pub duration_milliseconds: u64,
}

/// A message of a type that is not known here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Other {
    /// The platform's word for the type.
    pub platform_type: String,
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
    /// several receipts.
    #[must_use]
    pub fn identity(&self, integration: &IntegrationName) -> Identity {
        let status = match &self.kind {
            Kind::Receipt(receipt) => receipt.status.as_ref().map_or("", ReceiptStatus::as_str),
            _ => "",
        };
        Identity::of(&[
            self.platform.as_str(),
            integration.as_str(),
            &self.message_id,
            self.time.as_deref().unwrap_or_default(),
            self.kind.distinction(),
            status,
        ])
    }

    /// The group within which order is kept: one customer of one integration.
    #[must_use]
    pub fn group(&self, integration: &IntegrationName) -> Identity {
        Identity::of(&["group", integration.as_str(), self.customer().unwrap_or_default()])
    }
}

impl Kind {
    /// A short name, for logs: never the platform's own word, which may be anything.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "Text",
            Self::Structured(_) => "Structured",
            Self::Receipt(_) => "Receipt",
            Self::Typing(_) => "Typing",
            Self::Other(_) => "Other",
        }
    }

    /// What tells this kind from others, for identities.
    fn distinction(&self) -> &str {
        match self {
            Self::Other(other) => &other.platform_type,
            known => known.name(),
        }
    }

    /// Whether a Failed receipt can be due when it is not delivered: only for what was written to the customer.
    #[must_use]
    pub fn expects_receipt(&self) -> bool {
        match self {
            Self::Text(_) | Self::Structured(_) => true,
            Self::Other(other) => !other.platform_type.eq_ignore_ascii_case("Event"),
            Self::Receipt(_) | Self::Typing(_) => false,
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
        let same = Message { conversation_id: Some("c".to_owned()), ..text.clone() };
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
        let shown = format!("{:?}", message(Kind::Text(content)));
        assert!(!shown.contains("private words") && !shown.contains("customer"), "{shown}");
    }
}
