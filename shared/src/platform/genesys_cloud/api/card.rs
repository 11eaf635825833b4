//! Cards through the open messaging API.
//!
//! The operation is not in the vendor's API specification, and an organization may not have it. The format is that of the
//! vendor's tutorials.

use super::{Call, Client};
use crate::model::card::{Action, ButtonReply, Card, CardMessage, Cards};
use crate::platform::genesys_cloud::config::Config;
use crate::platform::{ApiError, SentMessage};
use serde::Serialize;
use tokio::time::Instant;

#[derive(Serialize)]
struct OpenMessage<'m> {
    r#type: &'static str,
    content: Vec<OpenCard<'m>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OpenCard<'m> {
    r#type: &'static str,
    card_type: &'static str,
    title: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subtitle: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<OpenImage<'m>>,
    actions: Vec<OpenAction<'m>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OpenImage<'m> {
    url: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    alt_text: Option<&'m str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "type")]
enum OpenAction<'m> {
    PostBack { title: &'m str, payload: &'m str },
    ImBack { title: &'m str, payload: &'m str },
    OpenUrl { title: &'m str, url: &'m str },
}

impl Client {
    /// Sends a card to a user's channel. It is not retried if the platform may have accepted it.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn send_card(
        &self,
        config: &Config,
        channel: &str,
        message: &CardMessage,
        deadline: Instant,
    ) -> Result<SentMessage, ApiError> {
        let path = ["api", "v2", "openmessaging", "channels", channel, "messages"];
        self.call(config, &Call::post(&path, &open_message(message))?, deadline).await
    }
}

/// The cards of a carousel become cards of one message, and quick replies become `imBack` buttons.
fn open_message(message: &CardMessage) -> OpenMessage<'_> {
    let mut content: Vec<_> = match &message.cards {
        Cards::None => vec![OpenCard {
            r#type: "card",
            card_type: "basic",
            title: message.text.as_deref().unwrap_or_default(),
            subtitle: None,
            image: None,
            actions: Vec::new(),
        }],
        cards => cards.as_slice().iter().map(open_card).collect(),
    };
    if let Some(last) = content.last_mut() {
        last.actions.extend(message.quick_replies.iter().map(|reply| im_back(&reply.reply)));
    }
    OpenMessage { r#type: "message", content }
}

fn open_card(card: &Card) -> OpenCard<'_> {
    OpenCard {
        r#type: "card",
        card_type: "basic",
        title: &card.title,
        subtitle: card.subtitle.as_deref(),
        image: card
            .image
            .as_ref()
            .map(|image| OpenImage { url: image.url.as_str(), alt_text: image.alt_text.as_deref() }),
        actions: card.actions.iter().map(open_action).collect(),
    }
}

fn open_action(action: &Action) -> OpenAction<'_> {
    match action {
        Action::PostBack(reply) => OpenAction::PostBack { title: &reply.title, payload: &reply.payload },
        Action::ImBack(reply) => im_back(reply),
        Action::OpenUrl { title, url } => OpenAction::OpenUrl { title, url: url.as_str() },
    }
}

fn im_back(reply: &ButtonReply) -> OpenAction<'_> {
    OpenAction::ImBack { title: &reply.title, payload: &reply.payload }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::fields;
    use crate::model::card::CardRequest;
    use serde_json::{Value, json};

    fn sent(body: Value) -> String {
        let request = fields::read(body, CardRequest::read).unwrap_or_else(|errors| panic!("{errors:?}"));
        serde_json::to_string(&open_message(&request.message)).unwrap()
    }

    #[test]
    fn the_card_of_the_tutorial_is_serialized_exactly() {
        let body = json!({"userId": "u", "card": {
            "title": "Approval Request",
            "subtitle": "Please review the attached document.",
            "image": {"url": "https://example.com/logo.png", "altText": "Company Logo"},
            "actions": [
                {"type": "postBack", "title": "Approve", "payload": r#"{"action": "approve", "id": "12345"}"#},
                {"type": "imBack", "title": "Reject", "payload": "Reject Request"},
                {"type": "openUrl", "title": "View Details", "url": "https://example.com/details/12345"},
            ],
        }});
        let expected = concat!(
            r#"{"type":"message","content":[{"type":"card","cardType":"basic","title":"Approval Request","#,
            r#""subtitle":"Please review the attached document.","#,
            r#""image":{"url":"https://example.com/logo.png","altText":"Company Logo"},"actions":["#,
            r#"{"type":"postBack","title":"Approve","payload":"{\"action\": \"approve\", \"id\": \"12345\"}"},"#,
            r#"{"type":"imBack","title":"Reject","payload":"Reject Request"},"#,
            r#"{"type":"openUrl","title":"View Details","url":"https://example.com/details/12345"}]}]}"#,
        );
        assert_eq!(expected, sent(body));
    }

    #[test]
    fn a_carousel_becomes_several_cards_and_quick_replies_become_im_backs() {
        let carousel =
            json!({"userId": "u", "carousel": [{"title": "1"}, {"title": "2"}], "quickReplies": [{"title": "Ok"}]});
        assert_eq!(
            concat!(
                r#"{"type":"message","content":[{"type":"card","cardType":"basic","title":"1","actions":[]},"#,
                r#"{"type":"card","cardType":"basic","title":"2","#,
                r#""actions":[{"type":"imBack","title":"Ok","payload":"Ok"}]}]}"#,
            ),
            sent(carousel)
        );
        let replies = json!({"userId": "u", "text": "Well?", "quickReplies": [{"title": "Ok", "payload": "fine"}]});
        assert_eq!(
            concat!(
                r#"{"type":"message","content":[{"type":"card","cardType":"basic","title":"Well?","#,
                r#""actions":[{"type":"imBack","title":"Ok","payload":"fine"}]}]}"#,
            ),
            sent(replies)
        );
    }
}
