//! The parts of the vendor's published models that Patchbay sends. Everything else is refused.

#![allow(dead_code)] // most fields are there only so that they are accepted

use super::platform::Refusal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

/// The body of `PUT /conversations/messages/{messageId}/status`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) status: Word,
    error: Option<StatusError>,
    email_message_id: Option<String>,
    recipients: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Word {
    Delivered,
    Failed,
    Pending,
    Read,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusError {
    code: String,
    r#type: String,
    message: String,
}

impl Status {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        match &self.error {
            Some(_) if self.status != Word::Failed => Err(Refusal::new(422, "error belongs to the status failed")),
            Some(error) if [&error.code, &error.r#type, &error.message].into_iter().any(String::is_empty) => {
                Err(Refusal::new(422, "error must have a code, a type and a message"))
            }
            _ => Ok(()),
        }
    }
}

/// The body of `POST /conversations/messages/inbound`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Inbound {
    r#type: Channel,
    pub(super) conversation_id: String,
    contact_id: String,
    conversation_provider_id: String,
    message: Option<String>,
    html: Option<String>,
    subject: Option<String>,
    attachments: Option<Vec<Url>>,
    alt_id: Option<String>,
    direction: Option<Direction>,
    date: Option<Timestamp>,
}

#[derive(Deserialize)]
enum Channel {
    #[serde(rename = "SMS")]
    Sms,
    Email,
    Custom,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Inbound,
    Outbound,
}

impl Inbound {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let ids = [&self.conversation_id, &self.contact_id, &self.conversation_provider_id];
        if ids.into_iter().any(String::is_empty) { Err(Refusal::new(422, "an id must not be empty")) } else { Ok(()) }
    }
}
