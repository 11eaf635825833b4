//! A card on its way to a customer through the messaging service: neutral data on the queue, and the message and the
//! document that it is delivered as, in the form of `docs/content-types.md`.

use super::{Action, ButtonReply, Card, CardMessage, Cards, DefaultAction, QuickReply};
use crate::json::fields::FieldError;
use crate::json::limits;
use crate::model::inbound::ChoiceType;
use crate::model::message::fallback_text::{Answer, Section, Writer};
use crate::model::message::{Content, Direction, FallbackText, IdType, Intent, Message, MessageKind, Party};
use crate::model::platform_name::PlatformName;
use crate::model::receipt::Recipient;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const ORIGINATING_ENTITY: &str = "Bot";

/// A card with its sender and its recipient. It has no time of its own, so that a retry is the same message.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboundCard {
    /// The id of the message.
    pub id: String,
    /// The integration's channel on the platform, which is the sender.
    pub channel_id: String,
    pub to: Recipient,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    pub card: CardMessage,
}

/// The card as `data.original` of a delivery.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CardDocument<'c> {
    id: &'c str,
    channel: Channel<'c>,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'c str>,
    content: Vec<Value>,
    originating_entity: &'static str,
    direction: Direction,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<&'c str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Channel<'c> {
    id: &'c str,
    platform: &'static str,
    r#type: &'static str,
    message_id: &'c str,
    to: &'c Recipient,
    from: Sender<'c>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sender<'c> {
    id: &'c str,
    id_type: IdType,
}

/// One element of `content[]`.
enum Part<'c> {
    Card(&'c Card),
    Carousel(&'c [Card]),
    QuickReply { reply: &'c ButtonReply, options: Option<&'c QuickReply> },
}

impl OutboundCard {
    #[must_use]
    pub fn message(&self, platform: PlatformName) -> Message {
        let content = Content {
            text: self.card.text.clone(),
            content: parts(&self.card).iter().map(Part::to_value).collect(),
            originating_entity: Some(ORIGINATING_ENTITY.to_owned()),
            ..Content::default()
        };
        let party = |id: &str, id_type| Some(Party { id: Some(id.to_owned()), id_type, ..Party::default() });
        let kind = MessageKind::Structured(content);
        Message {
            conversation_id: self.conversation_id.clone(),
            from: party(&self.channel_id, Some(IdType::Opaque)),
            to: party(&self.to.id, self.to.id_type.clone()),
            fallback_text: fallback_text(&self.card),
            ..Message::new(platform, self.id.clone(), Direction::Outbound, Intent::Send, kind)
        }
    }

    /// Checks the document against the limits for JSON from outside, which a platform's message has to meet as well.
    ///
    /// # Errors
    /// The card has too many parts.
    pub fn check_limits(&self) -> Result<(), FieldError> {
        let document = serde_json::to_vec(&self.document()).unwrap_or_default();
        limits::check(&document)
    }

    #[must_use]
    pub fn document(&self) -> CardDocument<'_> {
        CardDocument {
            id: &self.id,
            channel: Channel {
                id: &self.channel_id,
                platform: "Open",
                r#type: "Private",
                message_id: &self.id,
                to: &self.to,
                from: Sender { id: &self.channel_id, id_type: IdType::Opaque },
            },
            r#type: "Structured",
            text: self.card.text.as_deref(),
            content: parts(&self.card).iter().map(Part::to_value).collect(),
            originating_entity: ORIGINATING_ENTITY,
            direction: Direction::Outbound,
            conversation_id: self.conversation_id.as_deref(),
        }
    }
}

/// The card or carousel, then the quick replies. A button of a single card that sends a visible message becomes a quick
/// reply. In a carousel it stays a button, because a quick reply belongs to no card.
fn parts(message: &CardMessage) -> Vec<Part<'_>> {
    let mut parts = match &message.cards {
        Cards::None => Vec::new(),
        Cards::One(card) => {
            let visible = card.actions.iter().filter(|action| matches!(action, Action::ImBack(_)));
            let replies = visible.filter_map(Action::reply).map(|reply| Part::QuickReply { reply, options: None });
            std::iter::once(Part::Card(card)).chain(replies).collect()
        }
        Cards::Carousel(cards) => vec![Part::Carousel(cards)],
    };
    let replies = &message.quick_replies;
    parts.extend(replies.iter().map(|reply| Part::QuickReply { reply: &reply.reply, options: Some(reply) }));
    parts
}

/// The buttons that a card shows itself; see [`parts`].
fn buttons(card: &Card, in_carousel: bool) -> impl Iterator<Item = &Action> {
    card.actions.iter().filter(move |action| in_carousel || !matches!(action, Action::ImBack(_)))
}

impl Part<'_> {
    fn to_value(&self) -> Value {
        let (content_type, member, content) = match self {
            Self::Card(card) => ("Card", "card", card_value(card, false)),
            Self::Carousel(cards) => {
                let cards = cards.iter().map(|card| card_value(card, true)).collect();
                ("Carousel", "carousel", object([("cards", Some(cards))]))
            }
            Self::QuickReply { reply, options } => {
                let quick_reply = object([
                    ("text", Some(text(&reply.title))),
                    ("payload", Some(text(&reply.payload))),
                    ("image", options.and_then(|options| Some(text(options.image.as_ref()?.as_str())))),
                    ("action", Some(text("Message"))),
                    ("summaryText", options.and_then(|options| Some(text(options.summary_text.as_ref()?)))),
                ]);
                ("QuickReply", "quickReply", quick_reply)
            }
        };
        object([("contentType", Some(text(content_type))), (member, Some(content))])
    }
}

fn card_value(card: &Card, in_carousel: bool) -> Value {
    let image = card.image.as_ref();
    let default_action = card.default_action.as_ref().map(|action| match action {
        DefaultAction::PostBack { title, payload } => button_value(title.as_deref(), Some(payload), None),
        DefaultAction::OpenUrl { title, url } => button_value(title.as_deref(), None, Some(url.as_str())),
    });
    let actions = buttons(card, in_carousel).map(|action| match action {
        Action::PostBack(reply) | Action::ImBack(reply) => button_value(Some(&reply.title), Some(&reply.payload), None),
        Action::OpenUrl { title, url } => button_value(Some(title), None, Some(url.as_str())),
    });
    object([
        ("title", Some(text(&card.title))),
        ("description", card.subtitle.as_deref().map(text)),
        ("image", image.map(|image| text(image.url.as_str()))),
        ("imageAltText", image.and_then(|image| image.alt_text.as_deref()).map(text)),
        ("video", card.video.as_ref().map(|url| text(url.as_str()))),
        ("defaultAction", default_action),
        ("actions", Some(actions.collect())),
    ])
}

fn button_value(title: Option<&str>, payload: Option<&str>, url: Option<&str>) -> Value {
    object([
        ("type", Some(text(if url.is_some() { "Link" } else { "Postback" }))),
        ("text", title.map(text)),
        ("payload", payload.map(text)),
        ("url", url.map(text)),
    ])
}

fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(members.collect::<Map<_, _>>())
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn fallback_text(message: &CardMessage) -> Option<FallbackText> {
    let mut writer = Writer::new(message.text.as_deref());
    for part in parts(message) {
        match part {
            Part::Card(card) => write_card(&mut writer, card, false),
            Part::Carousel(cards) => cards.iter().for_each(|card| write_card(&mut writer, card, true)),
            Part::QuickReply { reply, .. } => {
                writer.section(Section::Options);
                writer.option(&reply.title, Some(Answer::new(ChoiceType::QuickReply, &reply.payload)));
            }
        }
    }
    writer.finish()
}

fn write_card(writer: &mut Writer, card: &Card, in_carousel: bool) {
    writer.section(Section::Block);
    writer.title(&card.title);
    writer.text(card.subtitle.as_deref().unwrap_or_default());
    if let Some(image) = &card.image {
        writer.image(image.alt_text.as_deref().unwrap_or_default(), image.url.as_str());
    }
    if let Some(video) = &card.video {
        writer.text(video.as_str());
    }
    let answer = |payload: &str| Some(Answer::new(ChoiceType::Button, payload));
    for action in buttons(card, in_carousel) {
        match action {
            Action::PostBack(reply) | Action::ImBack(reply) => writer.option(&reply.title, answer(&reply.payload)),
            Action::OpenUrl { title, url } => writer.link(title, url.as_str()),
        }
    }
    // The default action usually repeats a button.
    let repeats = |payload: &str, url: &str| {
        buttons(card, in_carousel).any(|action| match action {
            Action::PostBack(reply) | Action::ImBack(reply) => reply.payload == payload,
            Action::OpenUrl { url: target, .. } => target.as_str() == url,
        })
    };
    match &card.default_action {
        Some(DefaultAction::PostBack { title, payload }) if !repeats(payload, "") => {
            writer.option(title.as_deref().unwrap_or_default(), answer(payload));
        }
        Some(DefaultAction::OpenUrl { title, url }) if !repeats("", url.as_str()) => {
            writer.link(title.as_deref().unwrap_or_default(), url.as_str());
        }
        _ => {}
    }
}
