//! What customers do, as reported by the messaging service: send messages, type, select a button or quick reply.

mod members;
mod parse;
mod parts;

pub use members::InboundMember;

use crate::digest::Digest;
use crate::model::channel::Channel;
use crate::model::message::IdType;
use crate::model::trace_id::TraceId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use url::Url;

/// A message from a customer: a text, files, or both; or an email, whose plain body is the text; or a call.
#[derive(Clone, PartialEq)]
pub struct InboundMessage {
    pub meta: InboundMeta,
    pub text: Option<String>,
    pub attachments: Vec<InboundAttachment>,
    /// Only some platforms accept emails.
    pub email: Option<InboundEmail>,
    /// Only some platforms accept calls.
    pub call: Option<InboundCall>,
    /// The platform's conversation, for platforms that do not find it themselves.
    pub conversation_id: Option<String>,
    pub channel: Option<Channel>,
    /// Metadata of the message on the platform.
    pub metadata: BTreeMap<String, String>,
    /// Whether to wait for the platform to return the id of the conversation, which takes longer.
    pub prefetch_conversation_id: bool,
    /// For platforms that accept one.
    pub trace_id: Option<TraceId>,
}

#[derive(Clone, Default, PartialEq)]
pub struct InboundEmail {
    pub subject: Option<String>,
    pub html: Option<String>,
    /// The customer's address.
    pub from: Option<String>,
    /// The company's address.
    pub to: Option<String>,
    pub cc: Vec<String>,
    pub bcc: Vec<String>,
    /// The platform's id of the email that it answers.
    pub email_message_id: Option<String>,
}

/// A phone call that took place.
#[derive(Clone, PartialEq, Serialize)]
pub struct InboundCall {
    pub to: String,
    /// The customer's number.
    pub from: String,
    pub status: CallStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallStatus {
    Pending,
    Completed,
    Answered,
    Busy,
    NoAnswer,
    Failed,
    Canceled,
    Voicemail,
}

/// A button or quick reply that a customer selected.
#[derive(Clone, PartialEq)]
pub struct InboundResponse {
    pub meta: InboundMeta,
    /// The platform's id of the message with the button.
    pub originating_message_id: String,
    pub choice: Choice,
}

impl InboundMessage {
    /// Distinguishes messages with the same id by sender and content. It does not depend on the sender's profile, which may
    /// change between two attempts.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        let urls: Vec<_> = self.attachments.iter().map(|attachment| attachment.url.as_str()).collect();
        let files = match urls.as_slice() {
            [] => String::new(),
            [url] => (*url).to_owned(),
            several => Digest::of_parts(several).to_string(),
        };
        let mut parts = vec![self.meta.from.id.as_str(), self.text.as_deref().unwrap_or_default(), &files];
        if let Some(InboundEmail { subject, html, .. }) = &self.email {
            parts.extend([subject, html].map(|text| text.as_deref().unwrap_or_default()));
        }
        // The channel, unless it is the default: Email for an email, otherwise SMS.
        let default = if self.email.is_some() { Channel::Email } else { Channel::Sms };
        parts.extend(self.channel.filter(|channel| *channel != default).map(Channel::as_str));
        if let Some(InboundCall { to, from, .. }) = &self.call {
            parts.extend([to.as_str(), from]);
        }
        Digest::of_parts(&parts)
    }
}

impl InboundResponse {
    /// Distinguishes responses with the same id by sender and choice.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        let Choice { r#type, text, payload, .. } = &self.choice;
        Digest::of_parts(&[&self.meta.from.id, &self.originating_message_id, r#type.as_str(), text, payload])
    }
}

#[derive(Clone, PartialEq)]
pub struct InboundTyping {
    pub from: Customer,
    pub time: Timestamp,
    /// The platform's conversation, for platforms that do not find it themselves.
    pub conversation_id: Option<String>,
    /// The platform's id of a visitor of its live chat.
    pub visitor_id: Option<String>,
}

/// The id, sender and time of something that a customer did.
#[derive(Clone, PartialEq)]
pub struct InboundMeta {
    pub message_id: String,
    pub from: Customer,
    /// Defaults to the time of the request. Retries use the time of the first request with this id, which the ledger stores.
    pub time: Timestamp,
    /// Attributes of the participant on the platform.
    pub custom_attributes: BTreeMap<String, String>,
}

/// `OpenMessagingFromRecipient`.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// The address or opaque id.
    pub id: String,
    pub id_type: IdType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// Hides addresses and names.
impl fmt::Debug for Customer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Customer").field("id_type", &self.id_type).finish_non_exhaustive()
    }
}

/// A file, which the platform downloads, unless it is uploaded to it: `OpenContentAttachment`.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InboundAttachment {
    /// The messaging service's id of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub media_type: MediaType,
    /// `https`.
    pub url: Url,
    /// The media type by RFC 6838.
    pub mime: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// SHA-256 of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<Thumbnail>,
    /// Its JSON pointer in the request.
    #[serde(skip)]
    pub pointer: String,
    /// The platform's own URL of the file, once it is uploaded.
    #[serde(skip)]
    pub uploaded: Option<Url>,
}

/// A small picture of a file: `OpenContentThumbnail`.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Thumbnail {
    /// `https`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// SHA-256 of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_size_bytes: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaType {
    Image,
    Video,
    Audio,
    File,
    Link,
}

/// The selected button: `ContentButtonResponse`.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub r#type: ChoiceType,
    pub text: String,
    pub payload: String,
}

impl ChoiceType {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Button => "Button",
            Self::QuickReply => "QuickReply",
            Self::DatePicker => "DatePicker",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChoiceType {
    /// A button of a card (`postBack`).
    Button,
    /// A quick reply, or a button of a card (`imBack`).
    QuickReply,
    DatePicker,
}
