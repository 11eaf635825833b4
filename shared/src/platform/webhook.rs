//! What a platform implements to receive webhooks.

use super::api::Route;
use super::error::ApiError;
use crate::json::fields::FieldError;
use crate::model::conversation::SourceEvent;
use crate::model::inbound::{InboundMember, InboundMessage};
use crate::model::message::Message;
use crate::model::receipt::DeliveryStatus;
use crate::signature::{MatchedSecret, SignatureError};
use http::{HeaderMap, HeaderName, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The content of a webhook with a valid signature.
#[derive(Debug)]
pub enum Received {
    /// A message for the messaging service, without its content: only a delivery needs that, and parses all of the
    /// message. What identifies the message and the kind is the same.
    Message(Box<Message>),
    /// The integration's app was uninstalled.
    Withdrawn(Withdrawal),
    /// An event that is acknowledged and not delivered; the text names it in the log.
    Ignored(&'static str),
}

/// The platform's report that an app was uninstalled: tokens that were issued before have ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Withdrawal {
    /// When the platform wrote it. A report without a time may be an old one that is sent again: it is only believed if the
    /// platform does not renew the tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What the tokens' details must be for the report to be about them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

/// Why a webhook body with a valid signature was rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The body cannot be parsed, or its content is not acceptable.
    #[error("{0}")]
    InvalidPayload(FieldError),
    /// It belongs to another integration of the platform.
    #[error("the message does not belong to this integration")]
    WrongIntegration,
}

/// Implemented by each platform's configuration.
pub(crate) trait WebhookPlatform: Sized {
    /// The caller routes that the platform's API supports.
    const ROUTES: &'static [Route];

    /// The header with the platform's signature.
    const SIGNATURE_HEADER: HeaderName;

    /// The status that makes the platform send a webhook again.
    const RETRY_STATUS: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

    /// Whether one call can carry several receipts.
    const SUPPORTS_RECEIPT_BATCH: bool = false;

    /// Whether the platform deduplicates customers' messages by id and time. If not, a message whose outcome is unknown
    /// is never posted again.
    const DEDUPLICATES_INBOUND: bool = false;

    /// The members of a customer's message that the platform has a place for, besides those that all platforms have.
    const INBOUND_MEMBERS: &'static [InboundMember] = &[];

    /// Whether the platform has an event source with its conversations' events.
    const HAS_CONVERSATION_EVENTS: bool = false;

    /// The longest text, in characters, of an agentless message that shows a card to the agent without reaching the customer;
    /// `None` if the platform has no such message.
    const MAX_TEXT_TRACE: Option<usize> = None;

    /// Whether a receipt may refer to an email by the platform's own id of it.
    const SUPPORTS_EMAIL_RECEIPTS: bool = false;

    /// Whether customers are contacts, known by the platform's own ids, phone numbers or email addresses.
    const HAS_CONTACTS: bool = false;

    /// Whether the platform takes all files of this customer's message in one call. If not, each file is posted as a
    /// message of its own.
    fn supports_several_files(_message: &InboundMessage) -> bool {
        false
    }

    /// Whether the files of this customer's message are uploaded to the platform before the message.
    ///
    /// # Errors
    /// The platform does not accept the message.
    fn uploads_files_of(&self, _message: &InboundMessage) -> Result<bool, ApiError> {
        Ok(false)
    }

    /// The status to report to the platform when a messaging service reports `status`; `None` if the platform has no
    /// equivalent.
    fn receipt_status(status: DeliveryStatus) -> Option<DeliveryStatus> {
        match status {
            DeliveryStatus::Delivered | DeliveryStatus::Read => Some(DeliveryStatus::Delivered),
            DeliveryStatus::Failed => Some(DeliveryStatus::Failed),
            DeliveryStatus::Pending | DeliveryStatus::Removed => None,
        }
    }

    /// Verifies the platform's signature over these bytes; returns which secret matched.
    fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<MatchedSecret, SignatureError>;

    /// The headers that the platform would send with this body as a proof of its origin; none if we do not share its
    /// secret.
    fn sign(&self, _body: &[u8]) -> Vec<(HeaderName, String)> {
        Vec::new()
    }

    /// Parses a webhook body received at `now`, and checks that it belongs to this integration.
    fn parse_webhook(&self, body: &[u8], now: Timestamp) -> Result<Received, Rejection>;

    /// Parses a message that [`Self::parse_webhook`] accepted earlier.
    fn parse_message(body: &[u8]) -> Result<Message, FieldError>;

    /// Parses an event of a conversation from the platform's event source.
    fn parse_conversation_event(_event: &[u8]) -> Result<SourceEvent, FieldError> {
        Err(FieldError::new("", "is of a platform without an event source"))
    }

    /// The platform's id of the channel, account or integration that this integration connects.
    fn channel_id(&self) -> &str;
}
