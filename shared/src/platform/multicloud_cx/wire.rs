//! What comes to the webhook of third-party messaging.
//!
//! A message that is refused is lost: the platform sends it once more only after a 5xx. So a field that has another shape
//! than the samples' is read as far as it makes sense, and counts as nothing where it makes none.

use crate::json::open_enum::open_enum;
use crate::model::message::Reason;
use crate::platform::lenient::{self, Members};
use crate::platform::payload;
use serde_json::Value;

open_enum! {
    /// What a webhook carries.
    MessageType {
        Text = "Text",
        Email = "Email",
        RichMedia = "RichMedia",
        Receipt = "Receipt",
    }
}

/// What came.
pub enum Notification {
    /// A message, or a receipt.
    Message(Box<Webhook>),
    /// What the sibling webhook tells of interactions.
    Interactions,
}

/// One message that goes out. The id and the context stand within the channel or beside it.
pub struct Webhook {
    /// What it is.
    pub(super) message_type: MessageType,
    /// Where it comes from and goes to.
    pub(super) channel: Option<Channel>,
    message_id: Option<String>,
    reply_to: Vec<Address>,
    /// The text.
    pub(super) text: Option<String>,
    /// The subject of an electronic mail.
    pub(super) subject: Option<String>,
    /// The parts.
    pub(super) content: Vec<Value>,
    /// What became of the message, where this is a receipt.
    pub(super) status: Option<String>,
    /// Why it failed.
    pub(super) reasons: Vec<Reason>,
}

/// Where a message comes from and goes to.
pub(super) struct Channel {
    /// The channel's id.
    id: Option<String>,
    /// What sort of channel it is: `sms`, `email`.
    pub(super) channel_type: Option<String>,
    /// The sending end; were there several, the first. All have an address.
    pub(super) from: Vec<Address>,
    /// The receiving end, or several.
    pub(super) to: Vec<Address>,
    /// When.
    pub(super) time: Option<String>,
    message_id: Option<String>,
    reply_to: Vec<Address>,
}

/// One end, which is written as an object or, in short, as its address.
pub(super) struct Address {
    /// The address.
    pub(super) id: String,
    /// A name to show.
    pub(super) name: Option<String>,
}

impl From<Members> for Notification {
    fn from(mut members: Members) -> Self {
        // Both kinds come signed alike to the same address, and only their fields tell them apart.
        let has_entities = members.object("data").is_some_and(|data| data.has("entities"));
        if has_entities && !members.has("channel") && !members.has("type") {
            return Self::Interactions;
        }
        Self::Message(Box::new(Webhook::from(members)))
    }
}

impl From<Members> for Webhook {
    fn from(mut members: Members) -> Self {
        let channel = members.object("channel").map(Channel::from);
        let (text, subject, status) = (members.text("text"), members.text("subject"), members.text("status"));
        let content: Vec<_> = members.list("content").collect();
        let is_email = || channel.as_ref().and_then(|channel| channel.channel_type.as_deref()) == Some("email");
        let by_its_members = || match () {
            () if status.is_some() => MessageType::Receipt,
            () if subject.is_some() || is_email() => MessageType::Email,
            () if !content.is_empty() => MessageType::RichMedia,
            () if text.is_some() => MessageType::Text,
            () => MessageType::Other(String::new()),
        };
        Self {
            message_type: members.word("type").unwrap_or_else(by_its_members),
            message_id: members.id("messageId"),
            reply_to: reply_to(&mut members),
            reasons: payload::reasons(&mut members),
            channel,
            text,
            subject,
            content,
            status,
        }
    }
}

impl From<Members> for Channel {
    fn from(mut members: Members) -> Self {
        Self {
            id: members.id("id"),
            channel_type: members.text("type").map(|word| word.to_ascii_lowercase()),
            from: addresses(&mut members, "from"),
            to: addresses(&mut members, "to"),
            time: members.text("time"),
            message_id: members.id("messageId"),
            reply_to: reply_to(&mut members),
        }
    }
}

/// Where answers go.
fn reply_to(members: &mut Members) -> Vec<Address> {
    members.object("context").map(|mut context| addresses(&mut context, "replyTo")).unwrap_or_default()
}

/// The ends that have an address.
fn addresses(members: &mut Members, name: &str) -> Vec<Address> {
    let address = |value: Value| match value {
        Value::Object(members) => {
            let mut end = Members(members);
            Some(Address { id: end.id("id")?, name: end.text("name").or_else(|| end.text("nickname")) })
        }
        id => Some(Address { id: lenient::id(id)?, name: None }),
    };
    members.list(name).filter_map(address).collect()
}

impl Webhook {
    /// The message's id, wherever it stands.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        let within = self.channel.as_ref().map(|channel| &channel.message_id);
        payload::first_id(within.into_iter().chain([&self.message_id]))
    }

    /// Where answers go, wherever that stands.
    #[must_use]
    pub(super) fn reply_to(&self) -> Option<&Address> {
        self.channel.iter().flat_map(|channel| &channel.reply_to).chain(&self.reply_to).next()
    }

    /// Whether it belongs to this channel. Where a message names none, its sender must be the channel: the same secret may
    /// sign for others.
    #[must_use]
    pub fn belongs_to(&self, channel_id: &str) -> bool {
        let Some(channel) = &self.channel else { return false };
        let sender = || channel.from.first().map(|sender| sender.id.as_str());
        // Domains mean the same in either case.
        channel.id.as_deref().or_else(sender).is_some_and(|id| id.eq_ignore_ascii_case(channel_id))
    }
}
