//! The bodies of third-party messaging webhooks.
//!
//! A rejected message is lost, because the platform only retries after a 5xx. So fields that differ from the samples are
//! read leniently, or count as absent.

use crate::json::lenient::{self, Members};
use crate::json::open_enum::open_enum;
use crate::model::message::Reason;
use crate::platform::payload;
use serde_json::Value;

open_enum! {
    MessageType {
        Text = "Text",
        Email = "Email",
        RichMedia = "RichMedia",
        Receipt = "Receipt",
    }
}

pub enum Notification {
    /// A message or a receipt.
    Message(Box<Webhook>),
    /// An event of the interactions webhook.
    Interactions,
}

/// An outbound message. The id and the context are in the channel or next to it.
pub struct Webhook {
    pub(super) message_type: MessageType,
    pub(super) channel: Option<Channel>,
    message_id: Option<String>,
    reply_to: Vec<Address>,
    pub(super) text: Option<String>,
    /// Only of an email.
    pub(super) subject: Option<String>,
    pub(super) content: Vec<Value>,
    /// Only of a receipt.
    pub(super) status: Option<String>,
    pub(super) reasons: Vec<Reason>,
}

/// The channel, sender and recipients of a message.
pub(super) struct Channel {
    id: Option<String>,
    /// `sms`, `email`.
    pub(super) channel_type: Option<String>,
    /// The sender. If there are several, the first one counts.
    pub(super) from: Vec<Address>,
    pub(super) to: Vec<Address>,
    pub(super) time: Option<String>,
    message_id: Option<String>,
    reply_to: Vec<Address>,
}

/// A participant, written as an object or just as the address.
pub(super) struct Address {
    pub(super) id: String,
    pub(super) name: Option<String>,
}

impl From<Members<'_>> for Notification {
    fn from(members: Members<'_>) -> Self {
        // Both webhooks have the same URL and signature and differ only in their fields.
        let has_entities = members.object("data").is_some_and(|data| data.has("entities"));
        if has_entities && !members.has("channel") && !members.has("type") {
            return Self::Interactions;
        }
        Self::Message(Box::new(Webhook::from(members)))
    }
}

impl From<Members<'_>> for Webhook {
    fn from(members: Members<'_>) -> Self {
        let channel = members.object("channel").map(Channel::from);
        let (text, subject, status) = (members.text("text"), members.text("subject"), members.text("status"));
        let content: Vec<_> = members.list("content").map(lenient::value).collect();
        let is_email = || channel.as_ref().and_then(|channel| channel.channel_type.as_deref()) == Some("email");
        let inferred_type = || match () {
            () if status.is_some() => MessageType::Receipt,
            () if subject.is_some() || is_email() => MessageType::Email,
            () if !content.is_empty() => MessageType::RichMedia,
            () if text.is_some() => MessageType::Text,
            () => MessageType::Other(String::new()),
        };
        Self {
            message_type: members.word("type").unwrap_or_else(inferred_type),
            message_id: members.id("messageId"),
            reply_to: reply_to(&members),
            reasons: payload::reasons(&members),
            channel,
            text,
            subject,
            content,
            status,
        }
    }
}

impl From<Members<'_>> for Channel {
    fn from(members: Members<'_>) -> Self {
        Self {
            id: members.id("id"),
            channel_type: members.text("type").map(|word| word.to_ascii_lowercase()),
            from: addresses(&members, "from"),
            to: addresses(&members, "to"),
            time: members.text("time"),
            message_id: members.id("messageId"),
            reply_to: reply_to(&members),
        }
    }
}

fn reply_to(members: &Members<'_>) -> Vec<Address> {
    members.object("context").map(|context| addresses(&context, "replyTo")).unwrap_or_default()
}

/// The participants that have an address.
fn addresses(members: &Members<'_>, name: &str) -> Vec<Address> {
    let address = |value| match Members::of(value) {
        Some(party) => {
            Some(Address { id: party.id("id")?, name: party.text("name").or_else(|| party.text("nickname")) })
        }
        None => Some(Address { id: lenient::id(value)?, name: None }),
    };
    members.list(name).filter_map(address).collect()
}

impl Webhook {
    /// The message's id, in the channel or next to it.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        let within = self.channel.as_ref().map(|channel| &channel.message_id);
        payload::first_id(within.into_iter().chain([&self.message_id]))
    }

    /// The reply address, from the channel or next to it.
    #[must_use]
    pub(super) fn reply_to(&self) -> Option<&Address> {
        self.channel.iter().flat_map(|channel| &channel.reply_to).chain(&self.reply_to).next()
    }

    /// Whether the message belongs to this channel. If it does not contain a channel id, the sender must be the channel,
    /// because several channels may share a secret.
    #[must_use]
    pub fn belongs_to(&self, channel_id: &str) -> bool {
        let Some(channel) = &self.channel else { return false };
        let sender = || channel.from.first().map(|sender| sender.id.as_str());
        // Domains are case-insensitive.
        channel.id.as_deref().or_else(sender).is_some_and(|id| id.eq_ignore_ascii_case(channel_id))
    }
}
