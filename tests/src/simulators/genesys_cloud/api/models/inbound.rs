//! Models of the customer's side: messages, events, and button responses.

use super::fields::{Date, IdType, Text, WebAddress};
use super::{Invalid, Model};
use serde::Deserialize;
use std::collections::BTreeMap;

/// `OpenInboundNormalizedMessage`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct InboundMessage {
    pub(crate) channel: MessageChannel,
    text: Option<String>,
    content: Option<Vec<Content>>,
    metadata: Option<BTreeMap<String, String>>,
}

impl Model for InboundMessage {
    fn check(&self) -> Result<(), Invalid> {
        let attachments = self.content.iter().flatten().filter(|content| content.attachment.is_some()).count();
        let text = self.text.as_ref().filter(|text| !text.is_empty());
        match (text, attachments, self.content.as_ref().map(Vec::len)) {
            (_, 2.., _) => Err(Invalid::new("content", "may have one attachment only")),
            (None, 0, _) => Err(Invalid::new("text", "or content is required")),
            (_, _, Some(0)) => Err(Invalid::new("content", "must not be empty")),
            _ => Ok(()),
        }
    }
}

/// `OpenInboundMessageMessagingChannel`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct MessageChannel {
    pub(crate) from: From,
    pub(crate) time: Date,
    pub(crate) message_id: Option<Text>,
    metadata: Option<ChannelMetadata>,
}

/// `OpenMessagingFromRecipient`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct From {
    nickname: Option<Text>,
    pub(crate) id: Text,
    pub(crate) id_type: IdType,
    first_name: Option<Text>,
    last_name: Option<Text>,
    image: Option<Text>,
    email: Option<Text>,
}

/// `ConversationChannelMetadata`, with the participant data that the SDK's model lacks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ChannelMetadata {
    sub_type: Option<SubType>,
    custom_attributes: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
enum SubType {
    None,
    GoogleBusinessProfile,
    RoadsideAssistance,
    YouTube,
}

/// `OpenInboundMessageContent`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Content {
    attachment: Option<Attachment>,
}

/// `OpenContentAttachment`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Attachment {
    id: Option<Text>,
    media_type: MediaType,
    url: WebAddress,
    mime: Text,
    text: Option<Text>,
    sha256: Option<Text>,
    filename: Option<Text>,
    thumbnail: Option<Thumbnail>,
}

#[derive(Debug, Deserialize)]
enum MediaType {
    Image,
    Video,
    Audio,
    File,
    Link,
}

/// `OpenContentThumbnail`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Thumbnail {
    url: Option<WebAddress>,
    mime: Option<Text>,
    sha256: Option<Text>,
    content_size_bytes: Option<u64>,
}

/// `OpenInboundNormalizedEvent`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct InboundEvent {
    pub(crate) channel: EventChannel,
    events: Vec<Event>,
}

impl Model for InboundEvent {
    fn check(&self) -> Result<(), Invalid> {
        if self.events.is_empty() { Err(Invalid::new("events", "must not be empty")) } else { Ok(()) }
    }
}

/// `OpenInboundMessagingChannel`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventChannel {
    from: From,
    pub(crate) time: Date,
}

/// `OpenEvent`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Event {
    event_type: EventType,
}

#[derive(Debug, Deserialize)]
enum EventType {
    Typing,
}

/// `OpenInboundStructuredResponseMessage`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct StructuredResponse {
    pub(crate) channel: MessageChannel,
    button_response: ButtonResponse,
    pub(crate) originating_message_id: Text,
}

impl Model for StructuredResponse {}

/// `ContentButtonResponse`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ButtonResponse {
    id: Option<Text>,
    r#type: ButtonType,
    text: Text,
    payload: Text,
}

#[derive(Debug, Deserialize)]
enum ButtonType {
    Button,
    QuickReply,
    DatePicker,
}

#[cfg(test)]
mod tests {
    use super::super::edges::{accepts, refuses};
    use super::*;
    use serde_json::{Value, json};

    fn message() -> Value {
        json!({
            "channel": {
                "from": {"id": "c", "idType": "Email", "nickname": "N", "firstName": "F", "lastName": "L", "image": "i", "email": "e"},
                "time": "2026-01-02T03:04:05.678Z",
                "messageId": "m",
                "metadata": {"subType": "None", "customAttributes": {"order": "1", "note": ""}},
            },
            "text": "hi",
            "content": [{"attachment": {
                "id": "a", "mediaType": "Image", "url": "https://example.com/a.png", "mime": "image/png", "text": "t",
                "sha256": "s", "filename": "a.png",
                "thumbnail": {"url": "https://example.com/t.png", "mime": "image/png", "sha256": "s", "contentSizeBytes": 1},
            }}],
            "metadata": {"a": "b"},
        })
    }

    #[test]
    fn a_message_may_have_everything_or_just_what_it_needs() {
        accepts::<InboundMessage>(&message());
        let channel = json!({"from": {"id": "c", "idType": "Opaque"}, "time": "2026-01-02T03:04:05.678Z"});
        accepts::<InboundMessage>(&json!({"channel": channel, "text": "hi"}));
        let attachment = json!({"mediaType": "File", "url": "http://127.0.0.1:1/a", "mime": "text/plain"});
        accepts::<InboundMessage>(&json!({"channel": channel, "content": [{"attachment": attachment}]}));
        accepts::<InboundMessage>(&json!({"channel": channel, "text": "", "content": [{"attachment": attachment}]}));
    }

    #[test]
    fn a_message_without_text_and_content_is_refused() {
        let channel = &message()["channel"];
        let example = json!({"channel": channel, "text": "hi"});
        refuses::<InboundMessage>(&example, "/text", None);
        refuses::<InboundMessage>(&example, "/text", Some(json!("")));
        refuses::<InboundMessage>(&example, "/content", Some(json!([])));
        refuses::<InboundMessage>(
            &json!({"channel": channel, "content": message()["content"]}),
            "/content",
            Some(json!([{}])),
        );
    }

    #[test]
    fn a_message_that_departs_from_the_model_is_refused() {
        let second = message()["content"][0].clone();
        for (pointer, value) in [
            ("/channel", None),
            ("/channel/from", None),
            ("/channel/from/id", None),
            ("/channel/from/id", Some(json!(""))),
            ("/channel/from/id", Some(json!(17))),
            ("/channel/from/idType", None),
            ("/channel/from/idType", Some(json!("email"))),
            ("/channel/from/phone", Some(json!("1"))),
            ("/channel/time", None),
            ("/channel/time", Some(json!("2026-01-02T03:04:05"))),
            ("/channel/time", Some(json!(1_767_323_045_678_u64))),
            ("/channel/to", Some(json!({"id": "i"}))),
            ("/channel/messageId", Some(json!(null))),
            ("/channel/metadata/subType", Some(json!("Other"))),
            ("/channel/metadata/other", Some(json!("x"))),
            ("/channel/metadata/customAttributes/order", Some(json!(1))),
            ("/channel/metadata/customAttributes/order", Some(json!({"id": "1"}))),
            ("/metadata/a", Some(json!({"b": "c"}))),
            ("/metadata/a", Some(json!(true))),
            ("/type", Some(json!("Text"))),
            ("/direction", Some(json!("Inbound"))),
            ("/text", Some(json!(5))),
            ("/content/-", Some(second)),
            ("/content/0/contentType", Some(json!("Attachment"))),
            ("/content/0/attachment/mediaType", None),
            ("/content/0/attachment/mediaType", Some(json!("image"))),
            ("/content/0/attachment/url", None),
            ("/content/0/attachment/url", Some(json!("http://example.com/a.png"))),
            ("/content/0/attachment/mime", None),
            ("/content/0/attachment/size", Some(json!(1))),
            ("/content/0/attachment/thumbnail/contentSizeBytes", Some(json!("1"))),
        ] {
            refuses::<InboundMessage>(&message(), pointer, value);
        }
    }

    #[test]
    fn an_event_is_typing_and_its_channel_has_only_from_and_time() {
        let event = json!({
            "channel": {"from": {"id": "c", "idType": "Phone"}, "time": "2026-01-02T03:04:05.678Z"},
            "events": [{"eventType": "Typing"}],
        });
        accepts::<InboundEvent>(&event);
        for (pointer, value) in [
            ("/channel", None),
            ("/channel/from", None),
            ("/channel/time", None),
            ("/channel/messageId", Some(json!("m"))),
            ("/channel/metadata", Some(json!({}))),
            ("/events", None),
            ("/events", Some(json!([]))),
            ("/events/0/eventType", None),
            ("/events/0/eventType", Some(json!("Presence"))),
            ("/events/0/typing", Some(json!({"type": "On"}))),
            ("/text", Some(json!("hi"))),
        ] {
            refuses::<InboundEvent>(&event, pointer, value);
        }
    }

    #[test]
    fn a_structured_response_names_what_it_answers() {
        let response = json!({
            "channel": message()["channel"],
            "buttonResponse": {"id": "b", "type": "Button", "text": "Yes", "payload": "yes"},
            "originatingMessageId": "o",
        });
        accepts::<StructuredResponse>(&response);
        for word in ["QuickReply", "DatePicker"] {
            let mut response = response.clone();
            response["buttonResponse"]["type"] = word.into();
            response["buttonResponse"].as_object_mut().unwrap().remove("id");
            accepts::<StructuredResponse>(&response);
        }
        for (pointer, value) in [
            ("/channel", None),
            ("/channel/from/idType", None),
            ("/buttonResponse", None),
            ("/buttonResponse/type", None),
            ("/buttonResponse/type", Some(json!("Postback"))),
            ("/buttonResponse/text", None),
            ("/buttonResponse/payload", None),
            ("/buttonResponse/payload", Some(json!({}))),
            ("/buttonResponse/originatingMessageId", Some(json!("o"))),
            ("/originatingMessageId", None),
            ("/text", Some(json!("Yes"))),
        ] {
            refuses::<StructuredResponse>(&response, pointer, value);
        }
    }
}
