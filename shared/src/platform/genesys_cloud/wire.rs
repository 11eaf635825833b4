//! The envelope of Genesys Cloud's normalized message format, as sent to an open messaging webhook.

use super::content::{Content, ContentItem};
use crate::json::lenient::{self, Members};
use crate::json::open_enum::open_enum;
use crate::model::message::{AdditionalId, Direction, IdType, Metadata, Party, PublicPost, Reason, ReceiptStatus};
use crate::platform::payload;

open_enum! {
    /// Media is `Text` with an attachment in its content.
    MessageType {
        Text = "Text",
        Structured = "Structured",
        Receipt = "Receipt",
        Event = "Event",
    }
}

open_enum! {
    EventType { Typing = "Typing", }
}

open_enum! {
    Visibility { Public = "Public", Private = "Private", }
}

/// A call of the outbound webhook of an open messaging integration.
pub struct Webhook {
    id: Option<String>,
    pub(super) message_type: MessageType,
    pub(super) channel: Channel,
    /// Absent from messages without text.
    pub(super) text: Option<String>,
    pub(super) content: Vec<ContentItem>,
    pub(super) events: Vec<Event>,
    /// Only of a receipt.
    pub(super) status: Option<ReceiptStatus>,
    pub(super) reasons: Vec<Reason>,
    pub(super) is_final_receipt: Option<bool>,
    direction: Option<Direction>,
    /// `Human` or `Bot`.
    pub(super) originating_entity: Option<String>,
    pub(super) conversation_id: Option<String>,
    pub(super) metadata: Metadata,
}

/// The integration, sender and recipient of a message.
#[derive(Default)]
pub(super) struct Channel {
    /// The integration's id; absent from short messages.
    id: Option<String>,
    /// Another copy of the message's id.
    message_id: Option<String>,
    pub(super) to: Option<Party>,
    pub(super) from: Option<Party>,
    /// In ISO 8601.
    pub(super) time: Option<String>,
    /// Only of a public message.
    pub(super) public: Option<PublicPost>,
}

pub(super) struct Event {
    event_type: Option<EventType>,
    typing: Option<Typing>,
}

struct Typing {
    /// In milliseconds.
    duration: Option<u64>,
}

impl From<Members<'_>> for Webhook {
    fn from(members: Members<'_>) -> Self {
        let text = members.text("text");
        let content: Vec<_> = members.list("content").map(lenient::value).map(ContentItem::from).collect();
        let events: Vec<_> = members.objects("events").map(Event::from).collect();
        let status = members.word("status");
        let inferred_type = || match () {
            () if status.is_some() => MessageType::Receipt,
            () if !events.is_empty() => MessageType::Event,
            () if content.iter().any(is_structured) => MessageType::Structured,
            () if text.is_some() || !content.is_empty() => MessageType::Text,
            () => MessageType::Other(String::new()),
        };
        Self {
            id: members.id("id"),
            message_type: members.word("type").unwrap_or_else(inferred_type),
            channel: members.object("channel").map(Channel::from).unwrap_or_default(),
            text,
            content,
            events,
            status,
            reasons: payload::reasons(&members),
            is_final_receipt: members.flag("isFinalReceipt"),
            direction: members.word("direction"),
            originating_entity: members.text("originatingEntity"),
            conversation_id: members.id("conversationId"),
            metadata: members.json("metadata").map(Metadata).unwrap_or_default(),
        }
    }
}

/// Whether a part of a message without a type is neither text nor a file.
fn is_structured(item: &ContentItem) -> bool {
    !matches!(item.content, Content::Attachment(_) | Content::Text(_))
}

impl From<Members<'_>> for Channel {
    fn from(members: Members<'_>) -> Self {
        let public = members.object("publicMetadata").map(public_post);
        Self {
            id: members.id("id"),
            message_id: members.id("messageId"),
            to: members.object("to").map(party),
            from: members.object("from").map(party),
            time: members.text("time"),
            public: match members.word("type") {
                Some(Visibility::Public) => Some(public.unwrap_or_default()),
                Some(Visibility::Private) => None,
                Some(Visibility::Other(_)) | None => public,
            },
        }
    }
}

fn public_post(metadata: Members<'_>) -> PublicPost {
    PublicPost {
        reply_to_id: metadata.id("replyToId").or_else(|| metadata.id("inReplyToMessageId")),
        root_id: metadata.id("rootId"),
        url: metadata.text("url"),
    }
}

fn party(party: Members<'_>) -> Party {
    let additional_id = |id: Members<'_>| Some(AdditionalId { r#type: id.text("type"), value: id.id("value")? });
    Party {
        id: party.id("id"),
        id_type: party.word::<IdType>("idType"),
        // Both spellings occur.
        nickname: party.text("nickname").or_else(|| party.text("nickName")),
        first_name: party.text("firstName"),
        last_name: party.text("lastName"),
        email: party.text("email"),
        phone: None,
        image: party.text("image"),
        external_contact_id: party.id("externalContactId"),
        additional_ids: party.objects("additionalIds").filter_map(additional_id).collect(),
    }
}

impl From<Members<'_>> for Event {
    fn from(event: Members<'_>) -> Self {
        let typing = event.object("typing");
        Self {
            event_type: event.word("eventType"),
            typing: typing.map(|typing| Typing { duration: typing.count("duration") }),
        }
    }
}

impl Event {
    /// `Some` for a typing event, with its duration if there is one.
    pub(super) fn typing(&self) -> Option<Option<u64>> {
        let is_typing = match &self.event_type {
            Some(event_type) => *event_type == EventType::Typing,
            None => self.typing.is_some(),
        };
        is_typing.then(|| self.typing.as_ref()?.duration)
    }
}

impl Webhook {
    /// The message's id, in the envelope or in the channel.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        payload::first_id([&self.id, &self.channel.message_id])
    }

    /// The direction. By default, a receipt is for an inbound message, and everything else is outbound.
    #[must_use]
    pub fn direction(&self) -> Direction {
        match (&self.direction, &self.message_type) {
            (Some(known @ (Direction::Inbound | Direction::Outbound)), _) => known.clone(),
            (_, MessageType::Receipt) => Direction::Inbound,
            _ => Direction::Outbound,
        }
    }

    /// The id of the open messaging integration.
    ///
    /// Short messages lack `channel.id`. In them, the integration is the sender of an outbound message and the recipient
    /// of an inbound one (a receipt for a customer's message).
    #[must_use]
    pub fn integration_id(&self) -> Option<&str> {
        let party = if self.direction() == Direction::Inbound { &self.channel.to } else { &self.channel.from };
        self.channel.id.as_deref().or_else(|| party.as_ref()?.id.as_deref())
    }
}
