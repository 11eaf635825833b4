//! Reads a caller's card, in Patchbay's format or in Genesys Cloud's normalized one: `ConversationContentCard`,
//! `ConversationContentCarousel` and `ConversationContentQuickReply`.

use super::{
    Action, ButtonReply, CAROUSEL_CARDS, Card, CardMessage, CardRecipient, Cards, DefaultAction, Image, MAX_PAYLOAD,
    QuickReply, WebAddress,
};
use crate::json::fields::{Fields, one_of, text};
use crate::model::receipt::Recipient;
use serde_json::Value;
use std::collections::HashSet;
use url::Url;

/// The prefix of a user's channel.
const USER_CHANNEL: &str = "user:";

/// A caller's request to send a card.
#[derive(Clone, PartialEq)]
pub struct CardRequest {
    pub recipient: CardRecipient,
    pub message: CardMessage,
    /// JSON pointers of the members that can only be sent in Genesys Cloud's normalized format.
    pub normalized_only: Vec<String>,
}

impl CardRequest {
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mut normalized_only = Vec::new();
        let recipient = recipient(fields);
        let message = message(fields, &mut normalized_only);
        Some(Self { recipient: recipient?, message: message?, normalized_only })
    }
}

fn recipient(fields: &mut Fields<'_>) -> Option<CardRecipient> {
    const RECIPIENT_FIELDS: [&str; 4] = ["to", "userId", "channelId", "email"];
    let count = RECIPIENT_FIELDS.iter().filter(|name| fields.has(name)).count();
    let to = fields.optional_value_or_object("to", Recipient::from_id, Recipient::read).map(CardRecipient::Customer);
    let user = fields.optional("userId", segment).map(CardRecipient::User);
    let channel = fields.optional("channelId", channel).map(CardRecipient::User);
    let email = fields.optional("email", email).map(CardRecipient::Email);
    if count != 1 {
        fields.error("to", "is required, or userId, channelId or email instead (exactly one of them)");
        return None;
    }
    to.or(user).or(channel).or(email)
}

fn channel(value: Value) -> Result<String, String> {
    let id = text(value)?.strip_prefix(USER_CHANNEL).map(str::to_owned);
    id.map(Value::String).and_then(|id| segment(id).ok()).ok_or_else(|| "must be `user:{userId}`".to_owned())
}

/// An id that is safe as a segment of a URL's path.
fn segment(value: Value) -> Result<String, String> {
    let text = text(value)?;
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let is_valid = text.len() <= 128 && text.chars().all(plain) && !text.chars().all(|character| character == '.');
    if is_valid { Ok(text) } else { Err("must be an id of letters, digits, hyphens, underscores and dots".to_owned()) }
}

fn email(value: Value) -> Result<String, String> {
    let text = text(value)?;
    let is_valid = text.len() <= 254
        && text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && !text.contains(|character: char| character.is_whitespace() || character.is_control());
    if is_valid { Ok(text) } else { Err("must be an email address".to_owned()) }
}

fn message(fields: &mut Fields<'_>, normalized_only: &mut Vec<String>) -> Option<CardMessage> {
    let (has_card, has_text) = (fields.has("card"), fields.has("text"));
    let (names_carousel, names_replies) = (fields.has("carousel"), fields.has("quickReplies"));
    let words = fields.optional("text", text);
    let card = fields.optional_object("card", |fields| card(fields, normalized_only));
    let carousel = carousel(fields, normalized_only);
    let quick_replies = fields.objects("quickReplies", |fields| quick_reply(fields, normalized_only));
    // Generated clients write an empty list for an absent one. A list with errors is not empty.
    let has_carousel = carousel.as_ref().is_none_or(|cards| !cards.is_empty());
    let has_replies = quick_replies.as_ref().is_none_or(|replies| !replies.is_empty());
    let most = *CAROUSEL_CARDS.end();
    let wrong_count = format!("must have 1 to {most} cards");
    if carousel.as_ref().is_some_and(|cards| cards.len() > most) {
        fields.error("carousel", &wrong_count);
    }
    if carousel.as_ref().is_some_and(|cards| cards.len() > 1 && has_repeated_reply(cards)) {
        fields.error("carousel", "must not have two buttons with the same title and payload");
    }
    match (has_card, has_carousel, has_replies) {
        (true, true, _) => {
            fields.error("carousel", "cannot be combined with a card");
        }
        (false, false, false) if names_carousel => fields.error("carousel", &wrong_count),
        (false, false, false) if names_replies => fields.error("quickReplies", "must have at least one element"),
        (false, false, false) => fields.error("card", "is required, or a carousel or quickReplies instead"),
        (false, false, true) if !has_text => fields.error("text", "is required for quick replies without a card"),
        _ => {}
    }
    let cards = match (card, has_carousel) {
        (Some(card), _) => Cards::One(Box::new(card)),
        (None, true) => carousel?.into(),
        (None, false) => Cards::None,
    };
    Some(CardMessage { text: words, cards, quick_replies: quick_replies? })
}

/// A list of cards, or Genesys Cloud's format: `{"cards": [...]}`.
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
        |url| match image_url(url) {
            Ok(url) => Ok(Image { url, alt_text: None }),
            Err(detail) => Err(format!("{detail}, or an object with `url` and `altText`")),
        },
        |image| {
            let url = image.required("url", image_url);
            let alt_text = image.optional("altText", text);
            Some(Image { url: url?, alt_text })
        },
    );
    collect_pointers(fields, &["video", "defaultAction"], normalized_only);
    let video = fields.optional("video", image_url);
    let default_action = fields.optional_object("defaultAction", default_action);
    let actions = fields.objects("actions", action);
    Some(Card { title: title?, subtitle, image, video, default_action, actions: actions? })
}

/// Adds the pointers of those members that are present.
fn collect_pointers(fields: &mut Fields<'_>, names: &[&'static str], pointers: &mut Vec<String>) {
    for name in names {
        if fields.has(name) {
            pointers.push(fields.pointer(name));
        }
    }
}

/// A text under Patchbay's name or Genesys Cloud's name for it.
fn either(fields: &mut Fields<'_>, ours: &'static str, platforms: &'static str) -> Option<String> {
    match (fields.optional(ours, text), fields.optional(platforms, text)) {
        (Some(one), Some(other)) if one != other => {
            fields.error(platforms, &format!("must be the same as `{ours}`: they are two names of one field"));
            None
        }
        (one, other) => one.or(other),
    }
}

/// The label of a button: `title`, or Genesys Cloud's `text`.
fn title(fields: &mut Fields<'_>) -> Option<String> {
    if !fields.has("title") && !fields.has("text") {
        fields.error("title", "is required, or `text` instead");
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
            let payload = fields.required("payload", payload_text);
            Some(Action::ImBack(ButtonReply { title: title?, payload: payload? }))
        }
        Some(Kind::OpenUrl) => {
            skip(fields, "payload");
            let url = fields.required("url", page_url);
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
            Some(DefaultAction::OpenUrl { title, url: fields.required("url", page_url)? })
        }
        None => skip_target(fields),
    }
}

/// Ignores both members, because it depends on the type which one is needed, and the type is invalid.
fn skip_target<T>(fields: &mut Fields<'_>) -> Option<T> {
    skip(fields, "payload");
    skip(fields, "url");
    None
}

/// Ignores a member. Genesys Cloud's model of an action always has both `payload` and `url`.
fn skip(fields: &mut Fields<'_>, name: &'static str) {
    fields.optional(name, Ok);
}

fn quick_reply(fields: &mut Fields<'_>, normalized_only: &mut Vec<String>) -> Option<QuickReply> {
    fields.optional("action", one_of(&[("Message", ())]));
    collect_pointers(fields, &["image", "summaryText"], normalized_only);
    let image = fields.optional("image", image_url);
    let summary_text = fields.optional("summaryText", text);
    let name = if fields.has("title") { "title" } else { "text" };
    let title = title(fields);
    let payload = if fields.has("payload") {
        fields.required("payload", payload)
    } else {
        title.clone().and_then(|title| bounded(title).map_err(|detail| fields.error(name, &detail)).ok())
    };
    Some(QuickReply { reply: ButtonReply { title: title?, payload: payload? }, image, summary_text })
}

/// A string, or any JSON value, which is sent as its text.
pub(crate) fn payload(value: Value) -> Result<String, String> {
    match value {
        Value::Null => Err("must be a string or a JSON value".to_owned()),
        Value::String(_) => payload_text(value),
        json => bounded(json.to_string()),
    }
}

fn payload_text(value: Value) -> Result<String, String> {
    text(value).and_then(bounded)
}

fn bounded(payload: String) -> Result<String, String> {
    if payload.chars().count() > MAX_PAYLOAD {
        return Err(format!(
            "must have at most {MAX_PAYLOAD} characters: send an identifier, and look the rest up by it"
        ));
    }
    Ok(payload)
}

fn image_url(value: Value) -> Result<WebAddress, String> {
    web_address(value, &["https"])
}

fn page_url(value: Value) -> Result<WebAddress, String> {
    web_address(value, &["https", "http"])
}

fn web_address(value: Value, schemes: &[&str]) -> Result<WebAddress, String> {
    // Browsers ignore these characters in URLs; other clients do not.
    let is_ignored = |character: char| character.is_whitespace() || character.is_control() || character == '\\';
    let is_allowed =
        |url: Url| schemes.contains(&url.scheme()) && url.username().is_empty() && url.password().is_none();
    match value {
        Value::String(text) if !text.contains(is_ignored) && Url::parse(&text).is_ok_and(is_allowed) => {
            Ok(WebAddress(text))
        }
        _ => Err(format!("must be a URL of {} without a user name", schemes.join(" or "))),
    }
}

#[cfg(test)]
mod tests;
