//! The envelope of Genesys Cloud's normalised message format, as it comes to an open-messaging webhook.

use super::content::ContentItem;
use crate::message::{Direction, Party, Reason, ReceiptStatus};
use crate::open_enum::open_enum;
use serde::Deserialize;

open_enum! {
    /// What a webhook carries. Media is `Text` with an attachment in its content.
    MessageType {
        Text = "Text",
        Structured = "Structured",
        Receipt = "Receipt",
        Event = "Event",
    }
}

open_enum! {
    /// What kind of event it is.
    EventType { Typing = "Typing", }
}

/// One notification to the outbound webhook of an open-messaging integration.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    id: Option<String>,
    /// What it is.
    #[serde(rename = "type")]
    pub message_type: MessageType,
    /// Where it comes from and goes to.
    #[serde(default, deserialize_with = "null_as_default")]
    pub channel: Channel,
    /// The text; absent from messages that are only media or structure.
    pub text: Option<String>,
    /// The parts.
    #[serde(default, deserialize_with = "null_as_default")]
    pub content: Vec<ContentItem>,
    /// The events, where it is one.
    #[serde(default, deserialize_with = "null_as_default")]
    pub events: Vec<Event>,
    /// What became of the message, where this is a receipt.
    pub status: Option<ReceiptStatus>,
    /// Why it failed.
    #[serde(default, deserialize_with = "null_as_default")]
    pub reasons: Vec<Reason>,
    /// Whether no further receipt will come.
    pub is_final_receipt: Option<bool>,
    direction: Option<Direction>,
    /// `Human` or `Bot`.
    pub originating_entity: Option<String>,
    /// The conversation.
    pub conversation_id: Option<String>,
}

/// Where a message comes from and goes to.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// The integration's id; absent from lean messages.
    pub id: Option<String>,
    /// The message's id once more.
    pub message_id: Option<String>,
    /// The receiving end.
    pub to: Option<Party>,
    /// The sending end.
    pub from: Option<Party>,
    /// When, in ISO 8601.
    pub time: Option<String>,
}

/// An event in a conversation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What happened.
    pub event_type: Option<EventType>,
    /// How long to show that somebody types.
    pub typing: Option<Typing>,
}

/// A typing event's own part.
#[derive(Deserialize)]
pub struct Typing {
    /// In milliseconds.
    pub duration: Option<u64>,
}

impl Webhook {
    /// The message's id, wherever it stands.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        [&self.id, &self.channel.message_id].into_iter().flatten().map(String::as_str).find(|id| !id.is_empty())
    }

    /// Which way it goes. Where it does not say, a receipt speaks of an inbound message, and all else goes out.
    #[must_use]
    pub fn direction(&self) -> Direction {
        match (&self.direction, &self.message_type) {
            (Some(known @ (Direction::Inbound | Direction::Outbound)), _) => known.clone(),
            (_, MessageType::Receipt) => Direction::Inbound,
            _ => Direction::Outbound,
        }
    }

    /// The id of the open-messaging integration that this belongs to.
    ///
    /// Lean messages lack `channel.id`; there the integration is the sender of an outbound message and the addressee
    /// of an inbound one (a receipt for what the customer wrote).
    #[must_use]
    pub fn integration_id(&self) -> Option<&str> {
        if let Some(id) = &self.channel.id {
            return Some(id);
        }
        let party = if self.direction() == Direction::Inbound { &self.channel.to } else { &self.channel.from };
        party.as_ref()?.id.as_deref()
    }
}

/// Reads an explicit `null` like an absent field.
fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}
