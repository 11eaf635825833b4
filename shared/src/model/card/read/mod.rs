//! Reading a caller's card, in our own form or in the platform's normalised one: `ConversationContentCard`,
//! `ConversationContentCarousel` and `ConversationContentQuickReply`.

use super::{
    Action, ButtonReply, CAROUSEL_CARDS, Card, CardMessage, CardRecipient, Cards, DefaultAction, Image,
    MAXIMUM_PAYLOAD, QuickReply, WebAddress,
};
use crate::json::fields::{Fields, one_of, text};
use crate::model::receipt::Recipient;
use serde_json::Value;
use std::collections::HashSet;
use url::Url;

/// The prefix of a user's channel.
const USER_CHANNEL: &str = "user:";

/// What a caller asks for.
#[derive(Clone, PartialEq)]
pub struct CardRequest {
    /// Whom it is for.
    pub recipient: CardRecipient,
    /// What is shown.
    pub message: CardMessage,
    /// Where members stand that only a message in the platform's normalised form can carry.
    pub normalized_only: Vec<String>,
}

impl CardRequest {
    /// Reads a request.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mut normalized_only = Vec::new();
        let recipient = recipient(fields);
        let message = message(fields, &mut normalized_only);
        Some(Self { recipient: recipient?, message: message?, normalized_only })
    }
}

fn recipient(fields: &mut Fields<'_>) -> Option<CardRecipient> {
    const WAYS: [&str; 4] = ["to", "userId", "channelId", "email"];
    let given = WAYS.iter().filter(|name| fields.has(name)).count();
    let to = fields.optional_value_or_object("to", Recipient::of_id, Recipient::read).map(CardRecipient::Customer);
    let user = fields.optional("userId", segment).map(CardRecipient::User);
    let channel = fields.optional("channelId", channel).map(CardRecipient::User);
    let email = fields.optional("email", email).map(CardRecipient::Email);
    if given != 1 {
        fields.fault("to", "is required, or one of userId, channelId and email in its place; and only one of them");
        return None;
    }
    to.or(user).or(channel).or(email)
}

/// A user's channel.
fn channel(value: Value) -> Result<String, String> {
    let id = text(value)?.strip_prefix(USER_CHANNEL).map(str::to_owned);
    id.map(Value::String).and_then(|id| segment(id).ok()).ok_or_else(|| "must be `user:{userId}`".to_owned())
}

/// What can stand in a path.
fn segment(value: Value) -> Result<String, String> {
    let text = text(value)?;
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let good = text.len() <= 128 && text.chars().all(plain) && !text.chars().all(|character| character == '.');
    if good { Ok(text) } else { Err("must be an id of letters, digits, hyphens, underscores and dots".to_owned()) }
}

fn email(value: Value) -> Result<String, String> {
    let text = text(value)?;
    let good = text.len() <= 254
        && text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && !text.contains(|character: char| character.is_whitespace() || character.is_control());
    if good { Ok(text) } else { Err("must be an e-mail address".to_owned()) }
}

fn message(fields: &mut Fields<'_>, normalized_only: &mut Vec<String>) -> Option<CardMessage> {
    let (has_card, has_text) = (fields.has("card"), fields.has("text"));
    let (names_carousel, names_replies) = (fields.has("carousel"), fields.has("quickReplies"));
    let words = fields.optional("text", text);
    let card = fields.optional_object("card", |fields| card(fields, normalized_only));
    let carousel = carousel(fields, normalized_only);
    let quick_replies = fields.objects("quickReplies", |fields| quick_reply(fields, normalized_only));
    // Generated clients write an empty list where there is none. One that cannot be read is not empty.
    let has_carousel = carousel.as_ref().is_none_or(|cards| !cards.is_empty());
    let has_replies = quick_replies.as_ref().is_none_or(|replies| !replies.is_empty());
    let most = *CAROUSEL_CARDS.end();
    let wrong_count = format!("must have 1 to {most} cards");
    if carousel.as_ref().is_some_and(|cards| cards.len() > most) {
        fields.fault("carousel", &wrong_count);
    }
    if carousel.as_ref().is_some_and(|cards| cards.len() > 1 && has_repeated_reply(cards)) {
        fields.fault("carousel", "must not have two buttons with the same title and payload");
    }
    match (has_card, has_carousel, has_replies) {
        (true, true, _) => {
            fields.fault("carousel", "cannot go with a card: a card of its own, or one of the carousel's");
        }
        (false, false, false) if names_carousel => fields.fault("carousel", &wrong_count),
        (false, false, false) if names_replies => fields.fault("quickReplies", "must have at least one element"),
        (false, false, false) => fields.fault("card", "is required, or a carousel or quickReplies in its place"),
        (false, false, true) if !has_text => fields.fault("text", "is required where quick replies have no card"),
        _ => {}
    }
    let cards = match (card, has_carousel) {
        (Some(card), _) => Cards::One(Box::new(card)),
        (None, true) => carousel?.into(),
        (None, false) => Cards::None,
    };
    Some(CardMessage { text: words, cards, quick_replies: quick_replies? })
}

/// A list of cards, as it is or as the platform writes it: `{"cards": [...]}`.
fn carousel(fields: &mut Fields<'_>, normalized_only: &mut Vec<String>) -> Option<Vec<Card>> {
    let card = |fields: &mut Fields<'_>| card(fields, normalized_only);
    if fields.has_object("carousel") {
        fields.optional_object("carousel", |carousel| carousel.objects("cards", card))
    } else {
        fields.objects("carousel", card)
    }
}

fn has_repeated_reply(cards: &[Card]) -> bool {
    let mut seen = HashSet::new();
    cards.iter().flat_map(|card| &card.actions).filter_map(Action::reply).any(|reply| !seen.insert(reply))
}

fn card(fields: &mut Fields<'_>, normalized_only: &mut Vec<String>) -> Option<Card> {
    fields.optional("type", one_of(&[("card", ())]));
    fields.optional("cardType", one_of(&[("basic", ())]));
    let title = fields.required("title", text);
    let subtitle = either(fields, "subtitle", "description");
    let image = fields.optional_value_or_object(
        "image",
        |url| match picture(url) {
            Ok(url) => Ok(Image { url, alt_text: None }),
            Err(detail) => Err(format!("{detail}, or an object with `url` and `altText`")),
        },
        |image| {
            let url = image.required("url", picture);
            let alt_text = image.optional("altText", text);
            Some(Image { url: url?, alt_text })
        },
    );
    note(fields, &["video", "defaultAction"], normalized_only);
    let video = fields.optional("video", picture);
    let default_action = fields.optional_object("defaultAction", default_action);
    let actions = fields.objects("actions", action);
    Some(Card { title: title?, subtitle, image, video, default_action, actions: actions? })
}

/// Notes where those of these members stand that are there.
fn note(fields: &mut Fields<'_>, names: &[&'static str], places: &mut Vec<String>) {
    for name in names {
        if fields.has(name) {
            places.push(fields.pointer(name));
        }
    }
}

/// A text that goes by our own name or by the platform's.
fn either(fields: &mut Fields<'_>, ours: &'static str, platforms: &'static str) -> Option<String> {
    match (fields.optional(ours, text), fields.optional(platforms, text)) {
        (Some(one), Some(other)) if one != other => {
            fields.fault(platforms, &format!("must be the same as `{ours}`: they are two names of one field"));
            None
        }
        (one, other) => one.or(other),
    }
}

/// What a button says: `title`, or as the platform writes it `text`.
fn title(fields: &mut Fields<'_>) -> Option<String> {
    if !fields.has("title") && !fields.has("text") {
        fields.fault("title", "is required, or `text` in its place");
    }
    either(fields, "title", "text")
}

fn action(fields: &mut Fields<'_>) -> Option<Action> {
    #[derive(Clone, Copy)]
    enum Kind {
        PostBack,
        ImBack,
        OpenUrl,
    }
    const KINDS: [(&str, Kind); 4] =
        [("postBack", Kind::PostBack), ("imBack", Kind::ImBack), ("openUrl", Kind::OpenUrl), ("Link", Kind::OpenUrl)];
    let kind = fields.required("type", one_of(&KINDS));
    let title = title(fields);
    match kind {
        Some(Kind::PostBack) => {
            skip(fields, "url");
            let payload = fields.required("payload", payload);
            Some(Action::PostBack(ButtonReply { title: title?, payload: payload? }))
        }
        Some(Kind::ImBack) => {
            skip(fields, "url");
            let payload = fields.required("payload", spoken);
            Some(Action::ImBack(ButtonReply { title: title?, payload: payload? }))
        }
        Some(Kind::OpenUrl) => {
            skip(fields, "payload");
            let url = fields.required("url", page);
            Some(Action::OpenUrl { title: title?, url: url? })
        }
        None => skip_target(fields),
    }
}

fn default_action(fields: &mut Fields<'_>) -> Option<DefaultAction> {
    #[derive(Clone, Copy)]
    enum Kind {
        PostBack,
        OpenUrl,
    }
    const KINDS: [(&str, Kind); 3] =
        [("postBack", Kind::PostBack), ("openUrl", Kind::OpenUrl), ("Link", Kind::OpenUrl)];
    let kind = fields.required("type", one_of(&KINDS));
    let title = either(fields, "title", "text");
    match kind {
        Some(Kind::PostBack) => {
            skip(fields, "url");
            Some(DefaultAction::PostBack { title, payload: fields.required("payload", payload)? })
        }
        Some(Kind::OpenUrl) => {
            skip(fields, "payload");
            Some(DefaultAction::OpenUrl { title, url: fields.required("url", page)? })
        }
        None => skip_target(fields),
    }
}

/// Without a type it is not known which of these is needed.
fn skip_target<T>(fields: &mut Fields<'_>) -> Option<T> {
    skip(fields, "payload");
    skip(fields, "url");
    None
}

/// The platform's model of an action has both `payload` and `url`, whichever of them its type uses.
fn skip(fields: &mut Fields<'_>, name: &'static str) {
    fields.optional(name, Ok);
}

fn quick_reply(fields: &mut Fields<'_>, normalized_only: &mut Vec<String>) -> Option<QuickReply> {
    fields.optional("action", one_of(&[("Message", ())]));
    note(fields, &["image", "summaryText"], normalized_only);
    let image = fields.optional("image", picture);
    let summary_text = fields.optional("summaryText", text);
    let name = if fields.has("title") { "title" } else { "text" };
    let title = title(fields);
    let payload = if fields.has("payload") {
        fields.required("payload", payload)
    } else {
        title.clone().and_then(|title| bounded(title).map_err(|detail| fields.fault(name, &detail)).ok())
    };
    Some(QuickReply { reply: ButtonReply { title: title?, payload: payload? }, image, summary_text })
}

/// A text, or JSON that is sent as its text.
///
/// # Errors
/// What is wrong, without the value.
pub(crate) fn payload(value: Value) -> Result<String, String> {
    match value {
        Value::Null => Err("must be a string or a JSON value".to_owned()),
        Value::String(_) => spoken(value),
        json => bounded(json.to_string()),
    }
}

fn spoken(value: Value) -> Result<String, String> {
    text(value).and_then(bounded)
}

fn bounded(payload: String) -> Result<String, String> {
    if payload.chars().count() > MAXIMUM_PAYLOAD {
        return Err(format!(
            "must have at most {MAXIMUM_PAYLOAD} characters: send an identifier, and look the rest up by it"
        ));
    }
    Ok(payload)
}

/// The address of what is shown.
fn picture(value: Value) -> Result<WebAddress, String> {
    web_address(value, &["https"])
}

/// The address of what a button opens.
fn page(value: Value) -> Result<WebAddress, String> {
    web_address(value, &["https", "http"])
}

fn web_address(value: Value, schemes: &[&str]) -> Result<WebAddress, String> {
    // Not every reader passes over what a browser passes over.
    let strange = |character: char| character.is_whitespace() || character.is_control() || character == '\\';
    let good = |url: Url| schemes.contains(&url.scheme()) && url.username().is_empty() && url.password().is_none();
    match value {
        Value::String(text) if !text.contains(strange) && Url::parse(&text).is_ok_and(good) => Ok(WebAddress(text)),
        _ => Err(format!("must be a URL of {} without a user name", schemes.join(" or "))),
    }
}

#[cfg(test)]
mod tests;
