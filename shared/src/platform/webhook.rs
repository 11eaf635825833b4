//! What a platform's webhook can be asked for.

use super::api::Route;
use crate::json::fields::{FieldError, Fields};
use crate::model::inbound::InboundMessage;
use crate::model::message::Message;
use crate::model::receipt::DeliveryStatus;
use crate::signature::{MatchedSecret, SignatureError};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;

/// What came to a webhook with a good signature.
#[derive(Debug)]
pub enum Received {
    /// A message for the messaging service.
    Message(Box<Message>),
    /// Something that is acknowledged and not handed on: what, for the log.
    Ignored(&'static str),
}

/// Why a webhook body with a good signature was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(FieldError),
    /// It belongs to another integration of the platform.
    #[error("the message does not belong to this integration")]
    Foreign,
}

/// An integration's side of its platform: what its configuration says, and what that makes of a webhook.
pub(crate) trait Platform: Sized {
    /// The sender routes that the platform has calls for.
    const ROUTES: &'static [Route];

    /// Whether one call takes several receipts.
    const BATCHES_RECEIPTS: bool = false;

    /// Whether the platform is told of a customer's message that comes again, by its id and time. Where it is not, a
    /// message whose outcome is unknown is never posted again.
    const TELLS_REPEATS: bool = false;

    /// Whether the platform takes all files of this customer's message in one call; else each goes in a message of its own.
    fn takes_several_files(_message: &InboundMessage) -> bool {
        false
    }

    /// What the platform is told where a messaging service says `status`; nothing, where it has no word for it.
    fn receipt_status(status: DeliveryStatus) -> Option<DeliveryStatus> {
        match status {
            DeliveryStatus::Delivered | DeliveryStatus::Read => Some(DeliveryStatus::Delivered),
            DeliveryStatus::Failed => Some(DeliveryStatus::Failed),
            DeliveryStatus::Pending | DeliveryStatus::Removed => None,
        }
    }

    /// Reads the fields of an integration's configuration that are the platform's own.
    fn read_config(fields: &mut Fields<'_>) -> Option<Self>;

    /// Checks that the platform signed these very bytes, and with which secret.
    fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<MatchedSecret, SignatureError>;

    /// The header that the platform would send with these bytes, where what it signs with is ours as well.
    fn sign(&self, _body: &[u8]) -> Option<(HeaderName, String)> {
        None
    }

    /// Reads a webhook body that came at `now`, and checks that it belongs to this integration.
    fn accept(&self, body: &[u8], now: Timestamp) -> Result<Received, Rejection>;

    /// Reads a message that was accepted before.
    fn read(body: &[u8]) -> Result<Message, FieldError>;

    /// The integration's own address on the platform.
    fn address(&self) -> &str;
}
