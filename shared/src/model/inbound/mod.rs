//! What customers do, as the messaging service tells it: they write, they type, they choose an answer.

mod parts;
mod read;

use crate::digest::Identity;
use crate::model::message::IdType;
use crate::model::trace_id::TraceId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use url::Url;

/// A message that a customer wrote: a text, files, or both, or an email of which the text is a part.
#[derive(Clone, PartialEq)]
pub struct InboundMessage {
    /// Who, when, and under which id.
    pub origin: Origin,
    /// The text.
    pub text: Option<String>,
    /// The files.
    pub attachments: Vec<InboundAttachment>,
    /// What makes it an email. Only some platforms take one.
    pub email: Option<InboundEmail>,
    /// The platform's conversation that it belongs to, for platforms that do not find it themselves.
    pub conversation_id: Option<String>,
    /// The channel that it came by, for platforms that have several.
    pub channel: Option<Channel>,
    /// What the platform is to know of the message.
    pub metadata: BTreeMap<String, String>,
    /// Whether the platform is to say which conversation it goes into, which takes it longer.
    pub prefetch_conversation_id: bool,
    /// The caller's trace, for platforms that take one.
    pub trace_id: Option<TraceId>,
}

/// What only an email has.
#[derive(Clone, PartialEq)]
pub struct InboundEmail {
    /// The subject.
    pub subject: Option<String>,
    /// The body as HTML.
    pub html: Option<String>,
}

/// The channel that a message came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Channel {
    /// A short message.
    #[serde(rename = "SMS")]
    Sms,
    /// An email.
    Email,
    /// A channel of the company's own.
    Custom,
}

/// A button or an answer that a customer chose.
#[derive(Clone, PartialEq)]
pub struct InboundResponse {
    /// Who, when, and under which id.
    pub origin: Origin,
    /// The message that offered it, by the platform's id.
    pub originating_message_id: String,
    /// What was chosen.
    pub choice: Choice,
}

impl InboundMessage {
    /// Tells it from another message that comes under the same id: by whose it is and what it says, not by what is known
    /// of its writer, which may change between two attempts.
    #[must_use]
    pub fn fingerprint(&self) -> Identity {
        let urls: Vec<_> = self.attachments.iter().map(|attachment| attachment.url.as_str()).collect();
        let files = match urls.as_slice() {
            [] => String::new(),
            [url] => (*url).to_owned(),
            several => Identity::of(several).to_string(),
        };
        let mut said = vec![self.origin.from.id.as_str(), self.text.as_deref().unwrap_or_default(), &files];
        if let Some(InboundEmail { subject, html }) = &self.email {
            said.extend([subject, html].map(|text| text.as_deref().unwrap_or_default()));
        }
        // What neither the email nor the platform's default says of the channel.
        match (self.channel, &self.email) {
            (Some(Channel::Email), None) => said.push("Email"),
            (Some(Channel::Sms), Some(_)) => said.push("SMS"),
            (Some(Channel::Custom), _) => said.push("Custom"),
            (None | Some(Channel::Email), _) | (Some(Channel::Sms), None) => {}
        }
        Identity::of(&said)
    }
}

impl InboundResponse {
    /// Tells it from another choice that comes under the same id: by whose it is and what was chosen.
    #[must_use]
    pub fn fingerprint(&self) -> Identity {
        let Choice { r#type, text, payload, .. } = &self.choice;
        Identity::of(&[&self.origin.from.id, &self.originating_message_id, r#type.as_str(), text, payload])
    }
}

/// A customer is typing.
#[derive(Clone, PartialEq)]
pub struct InboundTyping {
    /// Who.
    pub from: Customer,
    /// Since when.
    pub time: Timestamp,
}

/// Who did it, when, and under which id.
#[derive(Clone, PartialEq)]
pub struct Origin {
    /// The messaging service's id.
    pub message_id: String,
    /// Who.
    pub from: Customer,
    /// When; where the caller does not say, when the request came. What counts is the time of the first request under the id,
    /// which the ledger keeps.
    pub time: Timestamp,
    /// What the platform is to know of the participant.
    pub custom_attributes: BTreeMap<String, String>,
}

/// A customer: `OpenMessagingFromRecipient`.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// A name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// The address or opaque id.
    pub id: String,
    /// What sort of id it is.
    pub id_type: IdType,
    /// Given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// URL of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Url>,
    /// Electronic mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// Addresses and names stay out of whatever prints a customer.
impl fmt::Debug for Customer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Customer").field("id_type", &self.id_type).finish_non_exhaustive()
    }
}

/// A file: `OpenContentAttachment`. The platform fetches it.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InboundAttachment {
    /// The messaging service's id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What sort of file it is.
    pub media_type: MediaType,
    /// Where it is: `https`.
    pub url: Url,
    /// Its media type by RFC 6838.
    pub mime: String,
    /// Text to go with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// SHA-256 of its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
}

/// What sort of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaType {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A recording.
    Audio,
    /// Another file.
    File,
    /// A page.
    Link,
}

/// What was chosen: `ContentButtonResponse`.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// The button's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What offered it.
    pub r#type: ChoiceType,
    /// What was shown.
    pub text: String,
    /// What it sends.
    pub payload: String,
}

impl ChoiceType {
    /// The platform's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Button => "Button",
            Self::QuickReply => "QuickReply",
            Self::DatePicker => "DatePicker",
        }
    }
}

/// What offered a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ChoiceType {
    /// A card's button; a card's `postBack`.
    Button,
    /// A quick reply; a card's `imBack`.
    QuickReply,
    /// A date picker.
    DatePicker,
}
