//! Delivery receipts: reports to the platform about a message that it sent.

mod parse;

use crate::digest::Digest;
use crate::json::fields::{self, Fields};
use crate::json::open_enum::open_enum;
use crate::model::integration_name::IntegrationName;
use crate::model::message::IdType;
use crate::model::trace_id::TraceId;
use jiff::Timestamp;
pub use parse::ReportedOutcome;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// The failure message for the agent if the messaging service gives none.
pub const DEFAULT_FAILURE_MESSAGE: &str = "The message could not be delivered.";

/// The delivery status of a message, as it is reported to the platform. Retries send the same receipt with the same time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryReceipt {
    /// The id under which the platform sent the message.
    pub message_id: String,
    /// The sender of the message as the platform named it, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Recipient>,
    pub to: Recipient,
    pub status: DeliveryStatus,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<FailureReason>,
    pub time: Timestamp,
    /// Whether this is the last receipt for the message.
    pub is_final: bool,
    /// The platform's id of the message as an email, for platforms that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_message_id: Option<String>,
    /// The platform's trace id of the message, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

/// The customer that a message was sent to. A receipt also names the sender in this form.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recipient {
    /// The address or opaque id.
    pub id: String,
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

    /// Reads the short form of a recipient, which is just the id.
    ///
    /// # Errors
    /// The id is not a string, empty or too long.
    pub fn from_id(value: Value) -> Result<Self, String> {
        fields::id(value).map(|id| Self { id, id_type: None })
    }
}

/// Hides the address.
impl fmt::Debug for Recipient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Recipient").finish_non_exhaustive()
    }
}

/// The delivery status of a message. A platform may support only some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryStatus {
    /// Sent, but not yet delivered.
    Pending,
    Delivered,
    /// The customer has read it.
    Read,
    /// Permanently failed.
    Failed,
    /// Deleted after it was delivered.
    Removed,
}

impl DeliveryStatus {
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

/// Why a message was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureReason {
    pub code: ReasonCode,
    /// A sentence that is shown to the agent.
    pub message: String,
}

open_enum! {
    /// Why a message was not delivered, in Genesys Cloud's terms: `ConversationReason.code`.
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
    /// The code with this number in Genesys Multicloud CX. Messaging services use names and numbers.
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

    /// The number of the code in Genesys Multicloud CX; that of a general error if it has none.
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

    /// The known code with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(Self::from(name.to_owned())).filter(|code| !matches!(code, Self::Other(_)))
    }
}

impl DeliveryReceipt {
    /// The same for every copy of this receipt.
    #[must_use]
    pub fn deduplication_id(&self, integration: &IntegrationName) -> Digest {
        let finality = if self.is_final { "final" } else { "not-final" };
        let mut parts = vec!["receipt", integration.as_str(), &self.message_id, self.status.as_str(), finality];
        parts.extend(self.email_recipient());
        if let Some(id) = &self.email_message_id {
            parts.extend(["email", id]);
        }
        Digest::of_parts(&parts)
    }

    /// The address that the receipt is about. An email may have several recipients, each with a status.
    #[must_use]
    pub fn email_recipient(&self) -> Option<&str> {
        (self.to.id_type == Some(IdType::Email)).then_some(&self.to.id)
    }

    /// The group within which order is kept: the receipts of one customer. It differs from the group of the customer's
    /// messages, so that an unavailable platform does not block messages.
    #[must_use]
    pub fn ordering_group(&self, integration: &IntegrationName) -> Digest {
        customer_group(integration, &self.to.id)
    }
}

/// The group of a customer's receipts.
#[must_use]
pub fn customer_group(integration: &IntegrationName, customer: &str) -> Digest {
    Digest::of_parts(&["receipts", integration.as_str(), customer])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deduplication_id_depends_on_the_status_and_not_on_the_time() {
        let integration = "acme".parse().unwrap();
        let receipt = DeliveryReceipt {
            message_id: "m".to_owned(),
            from: None,
            to: Recipient { id: "c".to_owned(), id_type: None },
            status: DeliveryStatus::Failed,
            reasons: Vec::new(),
            time: Timestamp::UNIX_EPOCH,
            is_final: true,
            email_message_id: None,
            trace_id: None,
        };
        let later = DeliveryReceipt { time: Timestamp::MAX, ..receipt.clone() };
        assert_eq!(receipt.deduplication_id(&integration), later.deduplication_id(&integration));
        let other = DeliveryReceipt { status: DeliveryStatus::Delivered, ..receipt.clone() };
        assert_ne!(receipt.deduplication_id(&integration), other.deduplication_id(&integration));
        let to = |address: &str| {
            let to = Recipient { id: address.to_owned(), id_type: Some(IdType::Email) };
            DeliveryReceipt { to, ..receipt.clone() }.deduplication_id(&integration)
        };
        assert_ne!(to("ada@example.com"), to("bob@example.com"), "each recipient of an email has a status");
        let email = |id: &str| DeliveryReceipt { email_message_id: Some(id.to_owned()), ..receipt.clone() };
        let [one, other] = ["e-1", "e-2"].map(|id| email(id).deduplication_id(&integration));
        assert_ne!(one, other, "a receipt may be corrected");
        assert_ne!(one, receipt.deduplication_id(&integration));
    }

    #[test]
    fn a_receipt_in_the_old_format_without_a_sender_is_read_and_written_unchanged() {
        let old =
            r#"{"messageId":"m","to":{"id":"c"},"status":"Delivered","time":"1970-01-01T00:00:00Z","isFinal":true}"#;
        let mut receipt: DeliveryReceipt = serde_json::from_str(old).unwrap();
        assert_eq!((None, old.to_owned()), (receipt.from.clone(), serde_json::to_string(&receipt).unwrap()));
        receipt.from = Some(Recipient { id: "no-reply@company.com".to_owned(), id_type: None });
        let again: DeliveryReceipt = serde_json::from_str(&serde_json::to_string(&receipt).unwrap()).unwrap();
        assert_eq!(receipt, again);
    }

    #[test]
    fn codes_round_trip_through_their_numbers() {
        for number in [305, 310, 350, 500, 510, 512, 520, 530] {
            assert_eq!(number, ReasonCode::from_number(number).unwrap().number());
        }
        for without_number in
            [ReasonCode::ServerError, ReasonCode::RecipientOptedOut, ReasonCode::Other("Weather".to_owned())]
        {
            assert_eq!(500, without_number.number());
        }
    }

    #[test]
    fn codes_are_known_by_name_and_by_number() {
        assert_eq!(Some(ReasonCode::InvalidDestination), ReasonCode::from_number(530));
        assert_eq!(Some(ReasonCode::InvalidDestination), ReasonCode::from_name("invaliddestination"));
        assert_eq!((None, None), (ReasonCode::from_number(1), ReasonCode::from_name("Weather")));
    }
}
