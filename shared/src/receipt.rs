//! Delivery receipts: what the platform hears of a message that it sent.

use crate::fields::{Fields, text};
use crate::identity::Identity;
use crate::integration::IntegrationName;
use crate::message::IdType;
use crate::open_enum::open_enum;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// What the agent is told where nobody said more.
pub const NOT_DELIVERED: &str = "The message could not be delivered.";

/// What became of a message, as the platform is to hear it. It is the same on every attempt, its time included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryReceipt {
    /// The id under which the platform sent the message.
    pub message_id: String,
    /// The customer.
    pub to: Recipient,
    /// Whether the message got through.
    pub status: DeliveryStatus,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<FailureReason>,
    /// When that was found out.
    pub time: Timestamp,
    /// Whether no further receipt will come for this message.
    pub is_final: bool,
}

/// The customer whom a message was for.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recipient {
    /// The address or opaque id.
    pub id: String,
    /// What sort of id it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_type: Option<IdType>,
}

impl Recipient {
    /// Reads `{"id": …, "idType": …}`.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.required("id", text);
        let id_type = fields.optional("idType", IdType::from_field);
        Some(Self { id: id?, id_type })
    }

    /// A recipient of whom no more than the id is known.
    ///
    /// # Errors
    /// The id is empty, or no text.
    pub fn of_id(value: Value) -> Result<Self, String> {
        text(value).map(|id| Self { id, id_type: None })
    }
}

/// Addresses stay out of whatever prints a recipient.
impl fmt::Debug for Recipient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Recipient").finish_non_exhaustive()
    }
}

/// Whether a message got through: the two states that every platform takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryStatus {
    /// It did.
    Delivered,
    /// It did not, and will not.
    Failed,
}

impl DeliveryStatus {
    /// The platforms' word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "Delivered",
            Self::Failed => "Failed",
        }
    }
}

/// Why a message did not get through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureReason {
    /// The platforms' code.
    pub code: ReasonCode,
    /// A sentence for the agent.
    pub message: String,
}

open_enum! {
    /// Why a message did not get through: Genesys' words, `ConversationReason.code`.
    ReasonCode {
        MessageExpired = "MessageExpired",
        RateLimited = "RateLimited",
        MessageNotAllowed = "MessageNotAllowed",
        GeneralError = "GeneralError",
        UnsupportedMessage = "UnsupportedMessage",
        UnknownMessage = "UnknownMessage",
        InvalidMessageStructure = "InvalidMessageStructure",
        InvalidDestination = "InvalidDestination",
        ServerError = "ServerError",
        MediaTypeNotAllowed = "MediaTypeNotAllowed",
        InvalidMediaContentLength = "InvalidMediaContentLength",
        RecipientOptedOut = "RecipientOptedOut",
        DataFiltered = "DataFiltered",
    }
}

impl ReasonCode {
    /// The code that has this number in Genesys Multicloud CX; messaging services use either.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            305 => Self::MessageExpired,
            310 => Self::RateLimited,
            350 => Self::MessageNotAllowed,
            500 => Self::GeneralError,
            510 => Self::UnsupportedMessage,
            512 => Self::UnknownMessage,
            520 => Self::InvalidMessageStructure,
            530 => Self::InvalidDestination,
            _ => return None,
        })
    }

    /// The code that has this name, unless nobody knows it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(Self::from(name.to_owned())).filter(|code| !matches!(code, Self::Other(_)))
    }
}

impl DeliveryReceipt {
    /// What makes this the same receipt when it comes again.
    #[must_use]
    pub fn identity(&self, integration: &IntegrationName) -> Identity {
        let last = if self.is_final { "final" } else { "not-final" };
        Identity::of(&["receipt", integration.as_str(), &self.message_id, self.status.as_str(), last])
    }

    /// The group within which order is kept: the receipts of one customer. It is another than that of the customer's
    /// messages, so that a platform that is down holds back no message.
    #[must_use]
    pub fn group(&self, integration: &IntegrationName) -> Identity {
        Identity::of(&["receipts", integration.as_str(), &self.to.id])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_the_same_whenever_it_was_written_and_another_for_another_status() {
        let integration = "acme".parse().unwrap();
        let receipt = DeliveryReceipt {
            message_id: "m".to_owned(),
            to: Recipient { id: "c".to_owned(), id_type: None },
            status: DeliveryStatus::Failed,
            reasons: Vec::new(),
            time: Timestamp::UNIX_EPOCH,
            is_final: true,
        };
        let later = DeliveryReceipt { time: Timestamp::MAX, ..receipt.clone() };
        assert_eq!(receipt.identity(&integration), later.identity(&integration));
        let other = DeliveryReceipt { status: DeliveryStatus::Delivered, ..receipt.clone() };
        assert_ne!(receipt.identity(&integration), other.identity(&integration));
    }

    #[test]
    fn codes_are_known_by_name_and_by_number() {
        assert_eq!(Some(ReasonCode::InvalidDestination), ReasonCode::from_number(530));
        assert_eq!(Some(ReasonCode::InvalidDestination), ReasonCode::from_name("invaliddestination"));
        assert_eq!((None, None), (ReasonCode::from_number(1), ReasonCode::from_name("Weather")));
    }
}
