//! Models of messages to the customer: agentless messages, and messages of agents in a conversation.

use super::fields::{Date, FileName, Text};
use super::{Invalid, Model};
use serde::Deserialize;
use std::num::NonZeroU64;

/// `SendAgentlessOutboundMessageRequest`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Agentless {
    pub(crate) from_address: Text,
    to_address: Option<Text>,
    external_contact_id: Option<Text>,
    pub(crate) to_address_messenger_type: Messenger,
    pub(crate) text_body: Option<Text>,
    messaging_template: Option<Template>,
    use_existing_active_conversation: Option<bool>,
}

impl Agentless {
    /// The recipient.
    pub(crate) fn customer(&self) -> &str {
        self.to_address.as_ref().or(self.external_contact_id.as_ref()).map(|to| &**to).unwrap_or_default()
    }

    /// Whether it may join an open conversation.
    pub(crate) fn joins(&self) -> bool {
        self.use_existing_active_conversation.unwrap_or_default()
    }
}

impl Model for Agentless {
    fn check(&self) -> Result<(), Invalid> {
        let (address, contact) = (self.to_address.is_some(), self.external_contact_id.is_some());
        match (self.to_address_messenger_type, address, contact) {
            (Messenger::Open | Messenger::Sms, false, false) => return Err(Invalid::new("toAddress", "is required")),
            (Messenger::Whatsapp | Messenger::Apple, false, _) => {
                return Err(Invalid::new("toAddress", "is required"));
            }
            (Messenger::Whatsapp | Messenger::Apple, true, true) => {
                return Err(Invalid::new("externalContactId", "is for WebMessaging, SMS and Open only"));
            }
            (Messenger::Webmessaging, _, false) => return Err(Invalid::new("externalContactId", "is required")),
            (Messenger::Webmessaging, true, true) => {
                return Err(Invalid::new("toAddress", "cannot be used for WebMessaging"));
            }
            _ => {}
        }
        let limit = if self.to_address_messenger_type == Messenger::Sms { 765 } else { 2_000 };
        if self.text_body.as_ref().is_some_and(|text| text.chars().count() > limit) {
            return Err(Invalid::new("textBody", "is too long"));
        }
        match (self.to_address_messenger_type, self.text_body.is_some(), self.messaging_template.is_some()) {
            (Messenger::Open, _, true) => Err(Invalid::new("messagingTemplate", "open messages are text only")),
            (Messenger::Open | Messenger::Sms, false, _) => Err(Invalid::new("textBody", "is required")),
            (Messenger::Whatsapp, _, false) => Err(Invalid::new("messagingTemplate", "is required")),
            (_, false, false) => Err(Invalid::new("textBody", "or messagingTemplate is required")),
            _ => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Messenger {
    Sms,
    Whatsapp,
    Open,
    Webmessaging,
    Apple,
}

/// `SendMessagingTemplateRequest`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Template {
    pub(crate) response_id: Option<Text>,
    parameters: Option<Vec<Parameter>>,
    header_parameters: Option<Vec<Parameter>>,
    pub(crate) body_parameters: Option<Vec<Parameter>>,
    button_url_parameters: Option<Vec<Parameter>>,
    carousel_parameters: Option<CarouselParameters>,
}

/// `TemplateParameter`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameter {
    pub(crate) id: Option<Text>,
    pub(crate) value: Option<Text>,
}

/// `CarouselParameters`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CarouselParameters {
    card_parameters: Option<Vec<CardParameters>>,
}

/// `CardParameters`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CardParameters {
    index: Option<u64>,
    body_parameters: Option<Vec<Parameter>>,
    button_url_parameters: Option<Vec<Parameter>>,
}

/// `AdditionalMessage`. The model calls `textBody` required; the operation accepts a file or a template without it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct AdditionalMessage {
    text_body: Option<Text>,
    media_ids: Option<Vec<Text>>,
    messaging_template: Option<Template>,
}

impl Model for AdditionalMessage {
    fn check(&self) -> Result<(), Invalid> {
        match &self.text_body {
            Some(text) if text.chars().count() > 2_000 => Err(Invalid::new("textBody", "is too long")),
            _ => Ok(()),
        }
    }
}

#[derive(Debug)]
pub(crate) enum AgentMessage {
    Text(Text),
    Media { id: Text, text: Option<Text> },
    Template(Template),
}

impl TryFrom<AdditionalMessage> for AgentMessage {
    type Error = Invalid;

    fn try_from(message: AdditionalMessage) -> Result<Self, Invalid> {
        match (message.text_body, message.media_ids, message.messaging_template) {
            (Some(text), None, None) => Ok(Self::Text(text)),
            (text, Some(media), None) => {
                let [id] = <[Text; 1]>::try_from(media).map_err(|_| Invalid::new("mediaIds", "must be one id"))?;
                Ok(Self::Media { id, text })
            }
            (None, None, Some(template)) => Ok(Self::Template(template)),
            _ => Err(Invalid::new("textBody", "or mediaIds must be there, or only messagingTemplate")),
        }
    }
}

/// `MessageTypingEventRequest`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Typing {
    pub(crate) typing: TypingState,
    date_sent: Option<Date>,
}

impl Model for Typing {}

/// `ConversationEventTyping`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TypingState {
    r#type: On,
    pub(crate) duration: Option<u64>,
}

#[derive(Debug, Deserialize)]
enum On {
    On,
}

/// `UploadMediaRequest`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct UploadRequest {
    pub(crate) file_name: FileName,
    pub(crate) content_length_bytes: NonZeroU64,
    content_md5: Option<Text>,
}

impl Model for UploadRequest {}

#[cfg(test)]
mod tests {
    use super::super::edges::{accepts, refuses};
    use super::super::read;
    use super::*;
    use serde_json::{Value, json};

    fn agent_message(body: &Value) -> Result<AgentMessage, Invalid> {
        AgentMessage::try_from(read::<AdditionalMessage>(body)?)
    }

    #[test]
    fn an_agentless_message_to_an_open_integration_is_text_of_up_to_two_thousand_characters() {
        let message = json!({
            "fromAddress": "i", "toAddress": "c", "toAddressMessengerType": "open", "textBody": "é".repeat(2_000),
            "useExistingActiveConversation": true,
        });
        accepts::<Agentless>(&message);
        for (pointer, value) in [
            ("/fromAddress", None),
            ("/toAddress", None),
            ("/toAddressMessengerType", Some(json!("Open"))),
            ("/textBody", None),
            ("/textBody", Some(json!("é".repeat(2_001)))),
            ("/messagingTemplate", Some(json!({"responseId": "r"}))),
            ("/useExistingActiveConversation", Some(json!("yes"))),
            ("/mediaIds", Some(json!(["m"]))),
        ] {
            refuses::<Agentless>(&message, pointer, value);
        }
    }

    #[test]
    fn an_sms_is_shorter_and_needs_a_text_and_whatsapp_needs_a_template_and_an_address() {
        let sms = json!({
            "fromAddress": "i", "externalContactId": "c", "toAddressMessengerType": "sms", "textBody": "x".repeat(765),
        });
        accepts::<Agentless>(&sms);
        refuses::<Agentless>(&sms, "/textBody", Some(json!("x".repeat(766))));
        let mut with_template = sms;
        with_template["messagingTemplate"] = json!({"responseId": "r"});
        accepts::<Agentless>(&with_template);
        refuses::<Agentless>(&with_template, "/textBody", None);
        let parameters = json!([{"id": "1", "value": "v"}]);
        let template = json!({
            "fromAddress": "i", "toAddress": "c", "toAddressMessengerType": "whatsapp",
            "messagingTemplate": {
                "responseId": "r", "parameters": parameters, "headerParameters": parameters, "bodyParameters": parameters,
                "buttonUrlParameters": parameters,
                "carouselParameters": {"cardParameters": [
                    {"index": 0, "bodyParameters": parameters, "buttonUrlParameters": parameters},
                ]},
            },
        });
        accepts::<Agentless>(&template);
        refuses::<Agentless>(&template, "/messagingTemplate/language", Some(json!("en")));
        refuses::<Agentless>(&template, "/toAddress", None);
        refuses::<Agentless>(&template, "/externalContactId", Some(json!("x")));
        let mut with_text = template.clone();
        with_text["textBody"] = "hi".into();
        accepts::<Agentless>(&with_text);
        refuses::<Agentless>(&with_text, "/messagingTemplate", None);
        refuses::<Agentless>(&template, "/messagingTemplate/bodyParameters/0/text", Some(json!("v")));
    }

    #[test]
    fn web_messaging_takes_an_external_contact_and_no_address() {
        let message = json!({
            "fromAddress": "d", "externalContactId": "c", "toAddressMessengerType": "webmessaging", "textBody": "hi",
        });
        accepts::<Agentless>(&message);
        refuses::<Agentless>(&message, "/externalContactId", None);
        refuses::<Agentless>(&message, "/toAddress", Some(json!("c")));
        refuses::<Agentless>(&message, "/textBody", None);
    }

    #[test]
    fn an_agents_message_is_a_text_or_a_file_or_both_or_a_template() {
        let template = json!({"responseId": "r"});
        assert!(matches!(agent_message(&json!({"textBody": "hi"})), Ok(AgentMessage::Text(text)) if &*text == "hi"));
        let file = |body| matches!(agent_message(&body), Ok(AgentMessage::Media { id, .. }) if &*id == "m");
        assert!(file(json!({"mediaIds": ["m"]})) && file(json!({"textBody": "hi", "mediaIds": ["m"]})));
        assert!(matches!(agent_message(&json!({"messagingTemplate": template})), Ok(AgentMessage::Template(_))));
        for wrong in [
            json!({}),
            json!({"textBody": ""}),
            json!({"textBody": "x".repeat(2_001)}),
            json!({"textBody": "hi", "mediaIds": []}),
            json!({"textBody": "hi", "messagingTemplate": template}),
            json!({"mediaIds": ["m"], "messagingTemplate": template}),
            json!({"mediaIds": []}),
            json!({"mediaIds": ["m", "n"]}),
            json!({"mediaIds": "m"}),
            json!({"textBody": "hi", "mediaIds": null}),
            json!({"text": "hi"}),
        ] {
            assert!(agent_message(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_agents_typing_is_on_for_a_while() {
        let typing = json!({"typing": {"type": "On", "duration": 5000}, "dateSent": "2026-01-02T03:04:05.678Z"});
        accepts::<Typing>(&typing);
        accepts::<Typing>(&json!({"typing": {"type": "On"}}));
        for (pointer, value) in [
            ("/typing", None),
            ("/typing/type", None),
            ("/typing/type", Some(json!("Off"))),
            ("/typing/duration", Some(json!("5000"))),
            ("/typing/duration", Some(json!(5.5))),
            ("/typing/eventType", Some(json!("Typing"))),
            ("/dateSent", Some(json!("2026-01-02"))),
            ("/events", Some(json!([]))),
        ] {
            refuses::<Typing>(&typing, pointer, value);
        }
    }

    #[test]
    fn an_upload_has_a_good_name_and_a_length() {
        let upload = json!({"fileName": "map.png", "contentLengthBytes": 1, "contentMd5": "1B2M2Y8AsgTpgAmY7PhCfg=="});
        accepts::<UploadRequest>(&upload);
        accepts::<UploadRequest>(&json!({"fileName": "map.png", "contentLengthBytes": 1}));
        for (pointer, value) in [
            ("/fileName", None),
            ("/fileName", Some(json!("my map.png"))),
            ("/fileName", Some(json!(".png"))),
            ("/contentLengthBytes", None),
            ("/contentLengthBytes", Some(json!(0))),
            ("/contentLengthBytes", Some(json!(-1))),
            ("/contentLengthBytes", Some(json!("1"))),
            ("/contentType", Some(json!("image/png"))),
        ] {
            refuses::<UploadRequest>(&upload, pointer, value);
        }
    }
}
