//! What a message is, with what only this kind has.

use super::{Party, ReceiptStatus};
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// What a message is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Kind {
    /// Text, with or without attachments.
    Text(Content),
    /// Something to show with structure: quick replies, cards, a template, a date picker.
    Structured(Content),
    /// An electronic mail.
    Email(Box<Email>),
    /// A telephone call that took place.
    Call(Call),
    /// A message that was left on a voicemail.
    Voicemail(Voicemail),
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
    /// The text; where the message itself has none, what its parts say: text, and a template's text.
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

/// An electronic mail. The first addressee stands in the message's `to`, the sender in its `from`.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Email {
    /// The subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The body as plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The body as HTML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// All addressees.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    /// Who gets a copy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<String>,
    /// Who gets a copy without the others' knowing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bcc: Vec<String>,
    /// Where answers go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Box<Party>>,
    /// The files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// What was written stays out of whatever prints it.
impl fmt::Debug for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Email").field("attachments", &self.attachments.len()).finish_non_exhaustive()
    }
}

/// A telephone call that took place.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// What the platform says of it in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How it ended, in the platform's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u64>,
    /// The recordings, where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// What was said stays out of whatever prints it.
impl fmt::Debug for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Call").field("duration_seconds", &self.duration_seconds).finish_non_exhaustive()
    }
}

/// A message that was left on a voicemail.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Voicemail {
    /// What the platform says of it in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How the call ended, in the platform's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// How long it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u64>,
    /// Where to fetch the recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_url: Option<String>,
    /// All files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// What was said stays out of whatever prints it.
impl fmt::Debug for Voicemail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Voicemail").field("duration_seconds", &self.duration_seconds).finish_non_exhaustive()
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
#[derive(Debug, Clone, PartialEq, Serialize)]
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

impl Kind {
    /// A short name, for logs: never the platform's own word, which may be anything.
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
            Self::Other(_) => "Other",
        }
    }

    /// What tells this kind from others, for identities.
    pub(super) fn distinction(&self) -> &str {
        match self {
            Self::Other(other) => &other.platform_type,
            known => known.name(),
        }
    }

    /// Whether a Failed receipt can be due when it is not delivered: only for what was written to the customer.
    #[must_use]
    pub fn expects_receipt(&self) -> bool {
        match self {
            Self::Text(_) | Self::Structured(_) | Self::Email(_) => true,
            Self::Other(other) => !other.platform_type.eq_ignore_ascii_case("Event"),
            Self::Call(_) | Self::Voicemail(_) | Self::Receipt(_) | Self::Typing(_) => false,
        }
    }
}
