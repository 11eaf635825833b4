//! The kinds of messages, each with its own content.

use super::{Party, ReceiptStatus};
use crate::model::conversation::ConversationEvent;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum MessageKind {
    /// Text, with or without attachments.
    Text(Content),
    /// Quick replies, cards, a template, a date picker.
    Structured(Content),
    Email(Box<Email>),
    /// A phone call that took place.
    Call(CallLog),
    Voicemail(CallLog),
    /// The delivery status of an earlier message.
    Receipt(Receipt),
    Typing(Typing),
    /// What happened to the conversation.
    Conversation(Box<ConversationEvent>),
    /// What the customer wrote or chose could not be posted to the platform.
    InboundFailed(Box<InboundFailure>),
    /// An unknown type, or an event other than typing.
    Other(Other),
}

#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// The text of the message; if it has none, the text of its parts and its template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The parts of the message in the platform's normalized format.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub content: Vec<Value>,
    /// The files among the parts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The addresses of all recipients, if there are several. The first one is in `to` of the message.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    /// `Human` or `Bot`, if the platform says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub originating_entity: Option<String>,
    /// The platform's word for the delivery status of a message that it has sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// Hides the text.
impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Content")
            .field("parts", &self.content.len())
            .field("attachments", &self.attachments.len())
            .finish_non_exhaustive()
    }
}

/// An email. Its sender is in `from` of the message, the first recipient in `to`.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Email {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The body as plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bcc: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Box<Party>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The platform's id of the email, which an answer refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<String>,
    /// The platform's word for the delivery status of an email that it has sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// Hides the text.
impl fmt::Debug for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Email").field("attachments", &self.attachments.len()).finish_non_exhaustive()
    }
}

/// A phone call or a voicemail.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallLog {
    /// The platform's description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The platform's word for how the call ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u64>,
    /// The recording of a voicemail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_url: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// Hides the text.
impl fmt::Debug for CallLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CallLog").field("duration_seconds", &self.duration_seconds).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// `Image`, `Video`, `Audio`, `File` or `Link`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The media type by RFC 6838.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
}

/// The delivery status of an earlier message.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ReceiptStatus>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// Whether this is the last receipt for the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_final_receipt: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Why what a customer wrote or chose could not be posted to the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InboundFailure {
    /// The route of the request: `inbound/messages` or `inbound/responses`.
    pub route: String,
    /// The last part of the problem's `type`, as the route would have answered with it; `expired` if it was given up.
    pub reason: String,
    /// The problem's detail.
    pub detail: String,
    /// The platform's status, if it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_status: Option<u16>,
    /// The platform's code, if its answer has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_code: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Typing {
    #[serde(rename = "durationMilliseconds")]
    pub duration_milliseconds: u64,
}

/// A message of an unknown type, with the content that every type may have.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Other {
    /// The platform's word for the type.
    pub platform_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The platform's word for the delivery status, or for how a call ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u64>,
}

/// Hides the text.
impl fmt::Debug for Other {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Other").field("platform_type", &self.platform_type).finish_non_exhaustive()
    }
}

impl MessageKind {
    /// The name for logs. It is never the platform's word, which may be anything.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "Text",
            Self::Structured(_) => "Structured",
            Self::Email(_) => "Email",
            Self::Call(_) => "Call",
            Self::Voicemail(_) => "Voicemail",
            Self::Receipt(_) => "Receipt",
            Self::Typing(_) => "Typing",
            Self::Conversation(event) => event.change.name(),
            Self::InboundFailed(_) => "InboundFailed",
            Self::Other(_) => "Other",
        }
    }

    pub(super) fn dedup_discriminator(&self) -> &str {
        match self {
            Self::Other(other) => &other.platform_type,
            known => known.name(),
        }
    }

    /// Whether a failed delivery is reported with a receipt: only for messages written to the customer.
    #[must_use]
    pub fn expects_receipt(&self) -> bool {
        match self {
            Self::Text(_) | Self::Structured(_) | Self::Email(_) => true,
            Self::Other(other) => !other.platform_type.eq_ignore_ascii_case("Event"),
            Self::Call(_)
            | Self::Voicemail(_)
            | Self::Receipt(_)
            | Self::Typing(_)
            | Self::Conversation(_)
            | Self::InboundFailed(_) => false,
        }
    }
}
