//! Reading a caller's card.

use super::{
    Action, ButtonReply, CAROUSEL_CARDS, Card, CardMessage, CardRecipient, Cards, Image, MAXIMUM_PAYLOAD, WebAddress,
};
use crate::fields::{Fields, text};
use crate::receipt::Recipient;
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
}

impl CardRequest {
    /// Reads a request.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let recipient = recipient(fields);
        let message = message(fields);
        Some(Self { recipient: recipient?, message: message? })
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

fn message(fields: &mut Fields<'_>) -> Option<CardMessage> {
    let (has_card, has_carousel) = (fields.has("card"), fields.has("carousel"));
    let has_replies = fields.has("quickReplies");
    let has_text = fields.has("text");
    let words = fields.optional("text", text);
    let card = fields.optional_object("card", card);
    let carousel = fields.objects("carousel", self::card);
    let quick_replies = fields.objects("quickReplies", quick_reply);
    if has_carousel && carousel.as_ref().is_some_and(|cards| !CAROUSEL_CARDS.contains(&cards.len())) {
        fields.fault("carousel", &format!("must have {} to {} cards", CAROUSEL_CARDS.start(), CAROUSEL_CARDS.end()));
    }
    if carousel.as_ref().is_some_and(|cards| has_repeated_reply(cards)) {
        fields.fault("carousel", "must not have two buttons with the same title and payload");
    }
    if has_replies && quick_replies.as_ref().is_some_and(Vec::is_empty) {
        fields.fault("quickReplies", "must have at least one element");
    }
    match (has_card, has_carousel, has_replies) {
        (true, true, _) => {
            fields.fault("carousel", "cannot go with a card: a card of its own, or one of the carousel's");
        }
        (false, false, false) => fields.fault("card", "is required, or a carousel or quickReplies in its place"),
        (false, false, true) if !has_text => fields.fault("text", "is required where quick replies have no card"),
        _ => {}
    }
    let cards = match (card, has_carousel) {
        (Some(card), _) => Cards::One(Box::new(card)),
        (None, true) => Cards::Carousel(carousel?),
        (None, false) => Cards::None,
    };
    Some(CardMessage { text: words, cards, quick_replies: quick_replies? })
}

fn has_repeated_reply(cards: &[Card]) -> bool {
    let mut seen = HashSet::new();
    cards.iter().flat_map(|card| &card.actions).filter_map(Action::reply).any(|reply| !seen.insert(reply))
}

fn card(fields: &mut Fields<'_>) -> Option<Card> {
    fields.optional("type", |value| word(&value, "card"));
    fields.optional("cardType", |value| word(&value, "basic"));
    let title = fields.required("title", text);
    if fields.has("subtitle") && fields.has("description") {
        fields.fault("description", "cannot go with a subtitle: they are the same");
    }
    let subtitle = fields.optional("subtitle", text);
    let description = fields.optional("description", text);
    let image = fields.optional_object("image", |image| {
        let url = image.required("url", |value| web_address(value, &["https"]));
        let alt_text = image.optional("altText", text);
        Some(Image { url: url?, alt_text })
    });
    let actions = fields.objects("actions", action);
    Some(Card { title: title?, subtitle: subtitle.or(description), image, actions: actions? })
}

/// The one word that is allowed.
fn word(value: &Value, allowed: &str) -> Result<(), String> {
    if value.as_str() == Some(allowed) { Ok(()) } else { Err(format!("must be `{allowed}`: there is no other card")) }
}

fn action(fields: &mut Fields<'_>) -> Option<Action> {
    enum Kind {
        PostBack,
        ImBack,
        OpenUrl,
    }
    let kind = fields.required("type", |value| match value.as_str() {
        Some("postBack") => Ok(Kind::PostBack),
        Some("imBack") => Ok(Kind::ImBack),
        Some("openUrl") => Ok(Kind::OpenUrl),
        _ => Err("must be `postBack`, `imBack` or `openUrl`".to_owned()),
    });
    let title = fields.required("title", text);
    match kind {
        Some(Kind::PostBack) => {
            let payload = fields.required("payload", payload);
            Some(Action::PostBack(ButtonReply { title: title?, payload: payload? }))
        }
        Some(Kind::ImBack) => {
            let payload = fields.required("payload", spoken);
            Some(Action::ImBack(ButtonReply { title: title?, payload: payload? }))
        }
        Some(Kind::OpenUrl) => {
            let url = fields.required("url", |value| web_address(value, &["https", "http"]));
            Some(Action::OpenUrl { title: title?, url: url? })
        }
        None => {
            // What the other fields should be nobody can tell.
            fields.optional("payload", Ok);
            fields.optional("url", Ok);
            None
        }
    }
}

fn quick_reply(fields: &mut Fields<'_>) -> Option<ButtonReply> {
    let title = fields.required("title", text);
    let payload = if fields.has("payload") {
        fields.required("payload", payload)
    } else {
        title.clone().and_then(|title| bounded(title).map_err(|detail| fields.fault("title", &detail)).ok())
    };
    Some(ButtonReply { title: title?, payload: payload? })
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

fn web_address(value: Value, schemes: &[&str]) -> Result<WebAddress, String> {
    let text = text(value)?;
    // Not every reader passes over what a browser passes over.
    let strange = |character: char| character.is_whitespace() || character.is_control() || character == '\\';
    let good = |url: Url| schemes.contains(&url.scheme()) && url.username().is_empty() && url.password().is_none();
    if !text.contains(strange) && Url::parse(&text).is_ok_and(good) {
        Ok(WebAddress(text))
    } else {
        Err(format!("must be a URL of {} without a user name", schemes.join(" or ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields;
    use serde_json::json;

    fn read(body: Value) -> Result<CardRequest, Vec<String>> {
        fields::read(body, CardRequest::read).map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    fn faults(body: Value) -> Vec<String> {
        read(body).err().unwrap_or_default()
    }

    fn card_with(action: Value) -> Value {
        json!({"to": "c", "card": {"title": "t", "actions": [action]}})
    }

    #[test]
    fn a_card_has_a_title_and_may_have_a_text_a_picture_and_buttons() {
        let body = json!({
            "to": {"id": "c", "idType": "Phone"},
            "card": {
                "type": "card", "cardType": "basic", "title": "t", "description": "d",
                "image": {"url": "https://e.com/a.png", "altText": "a"},
                "actions": [
                    {"type": "postBack", "title": "1", "payload": {"b": 1}},
                    {"type": "imBack", "title": "2", "payload": "two"},
                    {"type": "openUrl", "title": "3", "url": "https://e.com/3"},
                ],
            },
        });
        let request = read(body).unwrap_or_else(|faults| panic!("{faults:?}"));
        let Cards::One(card) = request.message.cards else { panic!() };
        assert_eq!(Some("d"), card.subtitle.as_deref());
        assert_eq!(r#"{"b":1}"#, card.actions[0].reply().unwrap().payload);
        assert_eq!(vec!["/card/title is required"], faults(json!({"to": "c", "card": {}})));
    }

    #[test]
    fn a_card_of_another_type_is_refused() {
        assert_eq!(
            vec!["/card/cardType must be `basic`: there is no other card"],
            faults(json!({"to": "c", "card": {"title": "t", "cardType": "hero"}}))
        );
        assert_eq!(
            vec!["/card/type must be `card`: there is no other card"],
            faults(json!({"to": "c", "card": {"title": "t", "type": "text"}}))
        );
    }

    #[test]
    fn a_payload_has_at_most_2048_characters_as_it_is_sent() {
        for kind in ["postBack", "imBack"] {
            let of = |payload: Value| faults(card_with(json!({"type": kind, "title": "t", "payload": payload})));
            assert!(of("ä".repeat(2_048).into()).is_empty());
            assert_eq!(1, of("ä".repeat(2_049).into()).len());
        }
        let of = |payload: Value| faults(card_with(json!({"type": "postBack", "title": "t", "payload": payload})));
        // As JSON it has two brackets and two quotation marks more.
        assert!(of(json!(["x".repeat(2_044)])).is_empty());
        assert_eq!(
            vec![
                "/card/actions/0/payload must have at most 2048 characters: send an identifier, and look the rest up by it"
            ],
            of(json!(["x".repeat(2_045)]))
        );
        assert_eq!(1, of(Value::Null).len());
    }

    #[test]
    fn a_carousel_has_two_to_ten_cards_and_no_button_twice() {
        let of = |count: usize| {
            let cards: Vec<_> = (0..count).map(|number| json!({"title": number.to_string()})).collect();
            faults(json!({"to": "c", "carousel": cards}))
        };
        assert!(of(2).is_empty() && of(10).is_empty());
        for count in [0, 1, 11] {
            assert_eq!(vec!["/carousel must have 2 to 10 cards"], of(count));
        }
        let button =
            |payload: &str| json!({"title": "t", "actions": [{"type": "postBack", "title": "b", "payload": payload}]});
        assert!(faults(json!({"to": "c", "carousel": [button("1"), button("2")]})).is_empty());
        assert_eq!(
            vec!["/carousel must not have two buttons with the same title and payload"],
            faults(json!({"to": "c", "carousel": [button("1"), button("1")]}))
        );
    }

    #[test]
    fn quick_replies_go_with_a_card_or_under_a_text() {
        let replies = json!([{"title": "Yes"}, {"title": "No", "payload": {"no": true}}]);
        let request = read(json!({"to": "c", "text": "Well?", "quickReplies": replies})).unwrap_or_else(|_| panic!());
        let long = |length| faults(json!({"to": "c", "text": "t", "quickReplies": [{"title": "x".repeat(length)}]}));
        assert!(long(2_048).is_empty());
        assert_eq!(1, long(2_049).len(), "a title is the payload where there is no other");
        assert_eq!("Yes", request.message.quick_replies[0].payload);
        assert!(faults(json!({"to": "c", "card": {"title": "t"}, "quickReplies": replies})).is_empty());
        assert_eq!(
            vec!["/text is required where quick replies have no card"],
            faults(json!({"to": "c", "quickReplies": replies}))
        );
        assert_eq!(
            vec!["/card is required, or a carousel or quickReplies in its place"],
            faults(json!({"to": "c", "text": "t"}))
        );
    }

    #[test]
    fn the_recipient_is_named_in_one_way() {
        let of = |name: &str, value: Value| faults(json!({name: value, "card": {"title": "t"}}));
        for (name, value) in [
            ("to", json!("c")),
            ("to", json!({"id": "c", "idType": "email"})),
            ("userId", json!("5d0d331e-d2a8-4fb5-96f7-7021bef2a8ee")),
            ("channelId", json!("user:5d0d331e-d2a8-4fb5-96f7-7021bef2a8ee")),
            ("email", json!("ada@example.com")),
        ] {
            assert!(of(name, value).is_empty(), "{name}");
        }
        for (name, value) in [
            ("to", json!("")),
            ("userId", json!("../admin")),
            ("userId", json!("..")),
            ("channelId", json!("5d0d331e")),
            ("channelId", json!("user:")),
            ("email", json!("ada")),
            ("email", json!("ada @example.com")),
        ] {
            assert_eq!(1, of(name, value.clone()).len(), "{name} {value}");
        }
        let both = json!({"to": "c", "email": "ada@example.com", "card": {"title": "t"}});
        assert_eq!(1, faults(both).len());
    }

    #[test]
    fn buttons_open_web_pages_only_and_pictures_are_https() {
        for url in [
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://e.com",
            "e.com",
            " https://e.com",
            "ht\ntps://e.com",
            "https:\\\\e.com",
            "https://good.com@e.com/",
        ] {
            assert_eq!(1, faults(card_with(json!({"type": "openUrl", "title": "t", "url": url}))).len(), "{url}");
        }
        let image = |url: &str| faults(json!({"to": "c", "card": {"title": "t", "image": {"url": url}}}));
        assert!(image("https://e.com/a.png").is_empty());
        assert_eq!(1, image("http://e.com/a.png").len());
    }
}
