//! Delivery receipts: what the platform hears of a message that it sent.

mod read;

pub use read::ReportedOutcome;

use crate::digest::Identity;
use crate::json::fields::{self, Fields};
use crate::json::open_enum::open_enum;
use crate::model::integration_name::IntegrationName;
use crate::model::message::IdType;
use crate::model::trace_id::TraceId;
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
    /// The sender of the message, as the platform named it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Recipient>,
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
    /// The platform's trace of the message, where it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

/// The customer whom a message was for; of a receipt, the other end, too.
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
        let id = fields.required("id", fields::id);
        let id_type = fields.optional("idType", IdType::from_field);
        Some(Self { id: id?, id_type })
    }

    /// A recipient of whom no more than the id is known.
    ///
    /// # Errors
    /// The id is empty or too long, or no text.
    pub fn of_id(value: Value) -> Result<Self, String> {
        fields::id(value).map(|id| Self { id, id_type: None })
    }
}

/// Addresses stay out of whatever prints a recipient.
impl fmt::Debug for Recipient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Recipient").finish_non_exhaustive()
    }
}

/// Whether a message got through. Which of these a platform has a word for is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryStatus {
    /// It is on its way.
    Pending,
    /// It did.
    Delivered,
    /// It did, and the customer has read it.
    Read,
    /// It did not, and will not.
    Failed,
    /// It did, and was taken away again.
    Removed,
}

impl DeliveryStatus {
    /// The platforms' word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Delivered => "Delivered",
            Self::Read => "Read",
            Self::Failed => "Failed",
            Self::Removed => "Removed",
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

    /// The code's number in Genesys Multicloud CX; a general error's where it has none.
    #[must_use]
    pub fn number(&self) -> u64 {
        match self {
            Self::MessageExpired => 305,
            Self::RateLimited => 310,
            Self::MessageNotAllowed => 350,
            Self::UnsupportedMessage => 510,
            Self::UnknownMessage => 512,
            Self::InvalidMessageStructure => 520,
            Self::InvalidDestination => 530,
            Self::GeneralError
            | Self::ServerError
            | Self::MediaTypeNotAllowed
            | Self::InvalidMediaContentLength
            | Self::RecipientOptedOut
            | Self::DataFiltered
            | Self::Other(_) => 500,
        }
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
            from: None,
            to: Recipient { id: "c".to_owned(), id_type: None },
            status: DeliveryStatus::Failed,
            reasons: Vec::new(),
            time: Timestamp::UNIX_EPOCH,
            is_final: true,
            trace_id: None,
        };
        let later = DeliveryReceipt { time: Timestamp::MAX, ..receipt.clone() };
        assert_eq!(receipt.identity(&integration), later.identity(&integration));
        let other = DeliveryReceipt { status: DeliveryStatus::Delivered, ..receipt.clone() };
        assert_ne!(receipt.identity(&integration), other.identity(&integration));
    }

    #[test]
    fn a_receipt_from_before_senders_were_known_is_read_and_written_as_it_was() {
        let old =
            r#"{"messageId":"m","to":{"id":"c"},"status":"Delivered","time":"1970-01-01T00:00:00Z","isFinal":true}"#;
        let mut receipt: DeliveryReceipt = serde_json::from_str(old).unwrap();
        assert_eq!((None, old.to_owned()), (receipt.from.clone(), serde_json::to_string(&receipt).unwrap()));
        receipt.from = Some(Recipient { id: "no-reply@company.com".to_owned(), id_type: None });
        let again: DeliveryReceipt = serde_json::from_str(&serde_json::to_string(&receipt).unwrap()).unwrap();
        assert_eq!(receipt, again);
    }

    #[test]
    fn numbers_there_and_back_are_the_same() {
        for number in [305, 310, 350, 500, 510, 512, 520, 530] {
            assert_eq!(number, ReasonCode::from_number(number).unwrap().number());
        }
        for without in [ReasonCode::ServerError, ReasonCode::RecipientOptedOut, ReasonCode::Other("Weather".to_owned())]
        {
            assert_eq!(500, without.number());
        }
    }

    #[test]
    fn codes_are_known_by_name_and_by_number() {
        assert_eq!(Some(ReasonCode::InvalidDestination), ReasonCode::from_number(530));
        assert_eq!(Some(ReasonCode::InvalidDestination), ReasonCode::from_name("invaliddestination"));
        assert_eq!((None, None), (ReasonCode::from_number(1), ReasonCode::from_name("Weather")));
    }
}
