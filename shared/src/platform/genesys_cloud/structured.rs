//! A card in the platform's normalized format, as it would be sent to an open messaging webhook.
//!
//! Source: the published models `ConversationContentCard`, `ConversationContentCarousel` and
//! `ConversationContentQuickReply`.

use super::content::{Card as NormalizedCard, CardAction, Carousel, Content, ContentItem, QuickReply};
use crate::model::card::{Action, ButtonReply, Card, CardMessage, Cards, DefaultAction, WebAddress};
use crate::model::receipt::Recipient;
use serde::Serialize;
use serde_json::{Map, Value};

/// A structured message from the integration to a customer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StructuredMessage<'m> {
    id: &'m str,
    channel: Channel<'m>,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'m str>,
    content: Vec<ContentItem>,
    originating_entity: &'static str,
    direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<&'m str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Channel<'m> {
    id: &'m str,
    platform: &'static str,
    r#type: &'static str,
    message_id: &'m str,
    to: &'m Recipient,
    from: From<'m>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct From<'m> {
    id: &'m str,
    id_type: &'static str,
}

impl<'m> StructuredMessage<'m> {
    /// The card as message `id`. It has no time, so that a retry creates the same message.
    #[must_use]
    pub fn new(
        integration_id: &'m str,
        id: &'m str,
        conversation_id: Option<&'m str>,
        to: &'m Recipient,
        message: &'m CardMessage,
    ) -> Self {
        Self {
            id,
            channel: Channel {
                id: integration_id,
                platform: "Open",
                r#type: "Private",
                message_id: id,
                to,
                from: From { id: integration_id, id_type: "Opaque" },
            },
            r#type: "Structured",
            text: message.text.as_deref(),
            content: content(message),
            originating_entity: "Bot",
            direction: "Outbound",
            conversation_id,
        }
    }
}

/// The parts: the card or carousel, and quick replies, which include the card's `imBack` buttons. In a carousel, these stay
/// buttons, because a quick reply does not belong to a particular card.
fn content(message: &CardMessage) -> Vec<ContentItem> {
    let (cards, im_backs) = match &message.cards {
        Cards::None => (None, Vec::new()),
        Cards::One(card) => {
            let im_backs = card.actions.iter().filter_map(|action| match action {
                Action::ImBack(reply) => Some(reply),
                _ => None,
            });
            (Some(Content::Card(normalized(card, false))), im_backs.collect())
        }
        Cards::Carousel(cards) => {
            let cards = Some(cards.iter().map(|card| normalized(card, true)).collect());
            (Some(Content::Carousel(Carousel { cards, ..Carousel::default() })), Vec::new())
        }
    };
    let im_backs = im_backs.into_iter().map(quick_reply);
    let replies = message.quick_replies.iter().map(|reply| QuickReply {
        image: reply.image.as_ref().map(address),
        summary_text: reply.summary_text.clone(),
        ..quick_reply(&reply.reply)
    });
    let replies = im_backs.chain(replies).map(Content::QuickReply);
    cards.into_iter().chain(replies).map(|content| ContentItem { content, extra: Map::new() }).collect()
}

fn normalized(card: &Card, in_a_carousel: bool) -> NormalizedCard {
    let actions = card.actions.iter().filter_map(|action| match action {
        Action::PostBack(reply) => Some(button(reply)),
        Action::ImBack(reply) => in_a_carousel.then(|| button(reply)),
        Action::OpenUrl { title, url } => Some(link(Some(title), url)),
    });
    let default_action = card.default_action.as_ref().map(|action| match action {
        DefaultAction::PostBack { title, payload } => postback(title.as_ref(), payload),
        DefaultAction::OpenUrl { title, url } => link(title.as_ref(), url),
    });
    let mut extra = Map::new();
    // Not part of the platform's model, but needed for accessibility.
    if let Some(alt_text) = card.image.as_ref().and_then(|image| image.alt_text.clone()) {
        extra.insert("imageAltText".to_owned(), Value::String(alt_text));
    }
    NormalizedCard {
        title: Some(card.title.clone()),
        description: card.subtitle.clone(),
        image: card.image.as_ref().map(|image| address(&image.url)),
        video: card.video.as_ref().map(address),
        default_action,
        actions: Some(actions.collect()),
        extra,
    }
}

fn button(reply: &ButtonReply) -> CardAction {
    postback(Some(&reply.title), &reply.payload)
}

fn postback(title: Option<&String>, payload: &str) -> CardAction {
    CardAction {
        r#type: Some("Postback".to_owned()),
        text: title.cloned(),
        payload: Some(payload.to_owned()),
        ..CardAction::default()
    }
}

fn link(title: Option<&String>, url: &WebAddress) -> CardAction {
    CardAction {
        r#type: Some("Link".to_owned()),
        text: title.cloned(),
        url: Some(address(url)),
        ..CardAction::default()
    }
}

fn address(url: &WebAddress) -> String {
    url.as_str().to_owned()
}

fn quick_reply(reply: &ButtonReply) -> QuickReply {
    QuickReply {
        text: Some(reply.title.clone()),
        payload: Some(reply.payload.clone()),
        action: Some("Message".to_owned()),
        ..QuickReply::default()
    }
}
