//! What a provider's webhook reports, independent of the provider.

use crate::model::inbound::MediaType;
use crate::model::message::IdType;
use crate::model::receipt::{DeliveryStatus, FailureReason};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Debug, PartialEq)]
pub enum ChannelEvent {
    /// What a customer wrote, sent or pressed.
    Customer(Box<CustomerEvent>),
    Status(StatusReport),
    /// An event that is acknowledged and not passed on; the text names it in the log.
    Ignored(&'static str),
}

/// Hides text and addresses.
#[derive(Clone, PartialEq)]
pub struct CustomerEvent {
    /// The provider's id: the same for each repetition.
    pub message_id: String,
    pub from: ChannelCustomer,
    /// When the customer wrote it, if the provider says so.
    pub time: Option<Timestamp>,
    /// The text; for a press, the button's title if it is known.
    pub text: Option<String>,
    pub files: Vec<ReceivedFile>,
    /// The button that the customer pressed.
    pub press: Option<Press>,
}

impl fmt::Debug for CustomerEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CustomerEvent").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

#[derive(Clone, PartialEq)]
pub struct ChannelCustomer {
    /// The address to answer to.
    pub id: String,
    pub id_type: IdType,
    pub nickname: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
}

/// A file that a customer sent, which stays at the provider.
#[derive(Clone, PartialEq)]
pub struct ReceivedFile {
    pub media_type: MediaType,
    /// The media type by RFC 6838.
    pub mime: String,
    pub filename: Option<String>,
    pub reference: FileReference,
}

/// The provider's own name of a file, which only its API can resolve.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileReference(pub String);

/// A button that a customer pressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Press {
    /// What [`Provider::render`](super::provider::Provider::render) gave the button.
    pub data: String,
    /// What the provider wants the press acknowledged by, if it does.
    #[serde(skip)]
    pub acknowledge: Option<String>,
    /// The provider's id of the message with the button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The message's buttons that open a page. They stay when the others have been answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<LinkButton>,
}

/// Hides its content.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkButton {
    pub label: String,
    pub url: String,
}

impl fmt::Debug for LinkButton {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LinkButton").finish_non_exhaustive()
    }
}

/// The delivery status of a message that was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusReport {
    /// The sealed [`StatusLink`](super::StatusLink) in the address that the provider called.
    pub link: String,
    pub status: DeliveryStatus,
    pub is_final: bool,
    pub reasons: Vec<FailureReason>,
    /// The provider's code of a failure.
    pub code: Option<String>,
}
