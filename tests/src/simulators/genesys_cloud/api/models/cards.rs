//! Cards, as the tutorial posts them to a user's channel. Source: the structured-message tutorial. No published model
//! has them.

use super::fields::{Text, WebAddress};
use super::{Invalid, Model};
use serde::Deserialize;

/// The maximum length of a postback payload.
pub(crate) const CARD_PAYLOAD: usize = 2_048;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelMessage {
    r#type: MessageType,
    content: Vec<Card>,
}

impl Model for ChannelMessage {
    fn check(&self) -> Result<(), Invalid> {
        if self.content.is_empty() { Err(Invalid::new("content", "must not be empty")) } else { Ok(()) }
    }
}

impl ChannelMessage {
    /// The longest postback payload, in characters.
    pub(crate) fn longest_payload(&self) -> usize {
        let actions = self.content.iter().flat_map(|card| &card.actions);
        let lengths = actions.map(|action| match action {
            Action::PostBack { payload, .. } => payload.chars().count(),
            Action::ImBack { .. } | Action::OpenUrl { .. } => 0,
        });
        lengths.max().unwrap_or_default()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum MessageType {
    Message,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Card {
    r#type: ContentType,
    card_type: CardType,
    title: Text,
    subtitle: Option<Text>,
    image: Option<Image>,
    actions: Vec<Action>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ContentType {
    Card,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CardType {
    Basic,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Image {
    url: WebAddress,
    alt_text: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", deny_unknown_fields, rename_all = "camelCase")]
enum Action {
    PostBack { title: Text, payload: Text },
    ImBack { title: Text, payload: Text },
    OpenUrl { title: Text, url: WebAddress },
}

#[cfg(test)]
mod tests {
    use super::super::edges::{accepts, refuses};
    use super::super::read;
    use super::*;
    use serde_json::{Value, json};

    fn message() -> Value {
        json!({"type": "message", "content": [{
            "type": "card", "cardType": "basic", "title": "t", "subtitle": "s",
            "image": {"url": "https://example.com/a.png", "altText": "a"},
            "actions": [
                {"type": "postBack", "title": "t", "payload": "p"},
                {"type": "imBack", "title": "t", "payload": "p"},
                {"type": "openUrl", "title": "t", "url": "https://example.com/"},
            ],
        }]})
    }

    #[test]
    fn a_card_may_have_everything_or_just_what_it_needs() {
        accepts::<ChannelMessage>(&message());
        let card = json!({"type": "card", "cardType": "basic", "title": "t", "actions": []});
        accepts::<ChannelMessage>(&json!({"type": "message", "content": [card, card]}));
    }

    #[test]
    fn anything_but_a_basic_card_is_refused() {
        for (pointer, value) in [
            ("/type", None),
            ("/type", Some(json!("Message"))),
            ("/text", Some(json!("hi"))),
            ("/content", None),
            ("/content", Some(json!([]))),
            ("/content", Some(json!({}))),
            ("/content/0/type", None),
            ("/content/0/type", Some(json!("text"))),
            ("/content/0/cardType", None),
            ("/content/0/cardType", Some(json!("hero"))),
            ("/content/0/title", None),
            ("/content/0/title", Some(json!(""))),
            ("/content/0/description", Some(json!("d"))),
            ("/content/0/image", Some(json!("https://example.com/a.png"))),
            ("/content/0/image/url", None),
            ("/content/0/image/width", Some(json!(1))),
            ("/content/0/actions", None),
            ("/content/0/actions/0/type", None),
            ("/content/0/actions/0/type", Some(json!("Postback"))),
            ("/content/0/actions/0/title", None),
            ("/content/0/actions/0/payload", None),
            ("/content/0/actions/0/url", Some(json!("https://example.com/"))),
            ("/content/0/actions/1/payload", None),
            ("/content/0/actions/2/url", None),
            ("/content/0/actions/2/payload", Some(json!("p"))),
        ] {
            refuses::<ChannelMessage>(&message(), pointer, value);
        }
    }

    #[test]
    fn only_a_post_backs_payload_is_measured_and_in_characters() {
        let longest = |kind: usize| {
            let mut message = message();
            message["content"][0]["actions"][kind]["payload"] = "é".repeat(CARD_PAYLOAD + 1).into();
            read::<ChannelMessage>(&message).unwrap().longest_payload()
        };
        assert_eq!((CARD_PAYLOAD + 1, 1), (longest(0), longest(1)));
    }
}
