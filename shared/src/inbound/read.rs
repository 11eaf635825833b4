//! Reading what the messaging service sends.

use super::{
    Channel, Choice, ChoiceType, Customer, InboundAttachment, InboundEmail, InboundMessage, InboundResponse,
    InboundTyping, MediaType, Origin,
};
use crate::card::payload;
use crate::fields::{Fields, boolean, id, mime, parsed, text};
use crate::message::IdType;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

impl InboundMessage {
    /// Reads a request.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let origin = Origin::read(fields);
        let has_body = ["text", "attachment", "email"].into_iter().any(|name| fields.has(name));
        let words = fields.optional("text", text);
        let email = fields.optional_object("email", InboundEmail::read);
        let attachment = fields.optional_object("attachment", InboundAttachment::read);
        let conversation_id = fields.optional("conversationId", id);
        let channel = fields.optional("channel", Channel::from_field);
        let metadata = fields.optional("metadata", flat_map);
        let prefetch = fields.optional("prefetchConversationId", boolean);
        if !has_body {
            fields.fault("text", "is required, unless there is an attachment or an email");
        }
        if words.is_none() && attachment.is_none() && email.as_ref().is_some_and(|email| email.html.is_none()) {
            fields.fault("text", "is required, unless there is HTML or an attachment");
        }
        Some(Self {
            origin: origin?,
            text: words,
            attachment,
            email,
            conversation_id,
            channel,
            metadata: metadata.unwrap_or_default(),
            prefetch_conversation_id: prefetch.unwrap_or_default(),
            trace_id: None,
        })
    }
}

impl InboundEmail {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let subject = fields.optional("subject", text);
        let html = fields.optional("html", text);
        Some(Self { subject, html })
    }
}

impl Channel {
    fn from_field(value: Value) -> Result<Self, String> {
        Ok(match text(value)?.to_ascii_lowercase().as_str() {
            "sms" => Self::Sms,
            "email" => Self::Email,
            "custom" => Self::Custom,
            _ => return Err("must be `SMS`, `Email` or `Custom`".to_owned()),
        })
    }
}

impl InboundResponse {
    /// Reads a request.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let origin = Origin::read(fields);
        let originating_message_id = fields.required("originatingMessageId", id);
        let own_id = fields.optional("id", id);
        let choice_type = fields.required("type", choice_type);
        let words = fields.required("text", text);
        let payload = fields.required("payload", payload);
        Some(Self {
            origin: origin?,
            originating_message_id: originating_message_id?,
            choice: Choice { id: own_id, r#type: choice_type?, text: words?, payload: payload? },
        })
    }
}

impl InboundTyping {
    /// Reads a request.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("eventType", |value| match value.as_str() {
            Some(word) if word.eq_ignore_ascii_case("Typing") => Ok(()),
            _ => Err("must be `Typing`".to_owned()),
        });
        let from = fields.object("from", Customer::read);
        let time = fields.optional("time", time);
        Some(Self { from: from?, time: time.unwrap_or_else(Timestamp::now) })
    }
}

impl Origin {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let message_id = fields.required("messageId", id);
        let from = fields.object("from", Customer::read);
        let time = fields.required("time", time);
        let custom_attributes = fields.optional("customAttributes", flat_map);
        Some(Self {
            message_id: message_id?,
            from: from?,
            time: time?,
            custom_attributes: custom_attributes.unwrap_or_default(),
        })
    }
}

impl Customer {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let own_id = fields.required("id", id);
        let id_type = fields.optional("idType", IdType::from_field);
        let nickname = fields.optional("nickname", text);
        let first_name = fields.optional("firstName", text);
        let last_name = fields.optional("lastName", text);
        let image = fields.optional("image", https);
        let email = fields.optional("email", text);
        let id_type = id_type.unwrap_or(IdType::Opaque);
        Some(Self { id: own_id?, id_type, nickname, first_name, last_name, image, email })
    }
}

impl InboundAttachment {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let own_id = fields.optional("id", id);
        let url = fields.required("url", https);
        let mime = fields.required("mime", mime);
        let media_type = fields.optional("mediaType", |value| {
            serde_json::from_value(value).map_err(|_| "must be `Image`, `Video`, `Audio`, `File` or `Link`".to_owned())
        });
        let words = fields.optional("text", text);
        let sha256 = fields.optional("sha256", text);
        let filename = fields.optional("filename", text);
        let mime = mime?;
        let media_type = media_type.unwrap_or_else(|| MediaType::of(&mime));
        Some(Self { id: own_id, media_type, url: url?, mime, text: words, sha256, filename })
    }
}

impl MediaType {
    /// What sort of file has this media type.
    #[must_use]
    pub fn of(mime: &str) -> Self {
        match mime.split('/').next() {
            Some("image") => Self::Image,
            Some("video") => Self::Video,
            Some("audio") => Self::Audio,
            _ => Self::File,
        }
    }
}

fn time(value: Value) -> Result<Timestamp, String> {
    parsed("a time by RFC 3339, such as 2026-01-02T03:04:05.678Z")(value)
}

/// A flat map of strings: the platform takes no other.
fn flat_map(value: Value) -> Result<BTreeMap<String, String>, String> {
    serde_json::from_value(value).map_err(|_| "must be an object whose values are all strings".to_owned())
}

fn https(value: Value) -> Result<Url, String> {
    let url = Url::parse(&text(value)?).ok().filter(|url| url.scheme() == "https");
    url.ok_or_else(|| "must be an https URL".to_owned())
}

/// What offered the choice, in the platform's words or in those of cards.
fn choice_type(value: Value) -> Result<ChoiceType, String> {
    Ok(match text(value)?.as_str() {
        "Button" | "postBack" => ChoiceType::Button,
        "QuickReply" | "imBack" => ChoiceType::QuickReply,
        "DatePicker" => ChoiceType::DatePicker,
        _ => {
            return Err("must be `Button` (or `postBack`), `QuickReply` (or `imBack`) or `DatePicker`".to_owned());
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields;
    use serde_json::json;

    fn faults<T>(body: Value, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Vec<String> {
        fields::read(body, read).map_or_else(|faults| faults.iter().map(ToString::to_string).collect(), |_| Vec::new())
    }

    #[test]
    fn a_message_has_an_id_a_customer_a_time_and_a_text_or_a_file() {
        let whole = json!({
            "messageId": "m-1", "from": {"id": "c", "idType": "phone", "nickname": "Ada"},
            "time": "2026-01-02T03:04:05Z", "text": "hi", "customAttributes": {"tier": "gold"},
            "attachment": {"url": "https://e.com/a.png", "mime": "image/PNG"}, "prefetchConversationId": true,
        });
        let message = fields::read(whole, InboundMessage::read).unwrap_or_else(|faults| panic!("{faults:?}"));
        let attachment = message.attachment.unwrap();
        assert_eq!((MediaType::Image, "image/png"), (attachment.media_type, attachment.mime.as_str()));
        assert_eq!(IdType::Phone, message.origin.from.id_type);
        assert_eq!(
            vec![
                "/messageId is required",
                "/from is required",
                "/time is required",
                "/text is required, unless there is an attachment or an email",
            ],
            faults(json!({}), InboundMessage::read)
        );
    }

    #[test]
    fn an_electronic_mail_has_a_body_in_either_form() {
        let mail = |text: Option<&str>, email: Value| {
            let mut body =
                json!({"messageId": "m", "from": {"id": "c"}, "time": "2026-01-02T03:04:05Z", "email": email});
            if let Some(text) = text {
                body["text"] = text.into();
            }
            body
        };
        for good in [mail(None, json!({"html": "<p>hi</p>"})), mail(Some("hi"), json!({"subject": "s"}))] {
            assert!(faults(good, InboundMessage::read).is_empty());
        }
        assert_eq!(
            vec!["/text is required, unless there is HTML or an attachment"],
            faults(mail(None, json!({"subject": "s"})), InboundMessage::read)
        );
        assert_eq!(
            vec!["/email/cc is not a known field; known are subject, html"],
            faults(mail(Some("hi"), json!({"subject": "", "cc": "x"})), InboundMessage::read)
        );
        let fingerprint = |body| fields::read(body, InboundMessage::read).map(|message| message.fingerprint()).ok();
        let [one, other] = ["s", "t"].map(|subject| fingerprint(mail(Some("hi"), json!({"subject": subject}))));
        assert!(one.is_some() && one != other);
    }

    #[test]
    fn custom_attributes_are_a_flat_map_of_strings() {
        for attributes in [json!({"a": 1}), json!({"a": {"b": "c"}}), json!(["a"]), json!({"a": null})] {
            let body = json!({
                "messageId": "m", "from": {"id": "c"}, "time": "2026-01-02T03:04:05Z", "text": "t",
                "customAttributes": attributes,
            });
            assert_eq!(
                vec!["/customAttributes must be an object whose values are all strings"],
                faults(body, InboundMessage::read)
            );
        }
    }

    #[test]
    fn files_are_at_https_addresses_and_have_a_media_type() {
        for (url, mime, wrong) in [
            ("http://e.com/a", "image/png", "/attachment/url must be an https URL"),
            ("data:image/png;base64,AA==", "image/png", "/attachment/url must be an https URL"),
            ("https://e.com/a", "png", "/attachment/mime must be a media type, such as image/png"),
            ("https://e.com/a", "image/p ng", "/attachment/mime must be a media type, such as image/png"),
        ] {
            let body = json!({
                "messageId": "m", "from": {"id": "c"}, "time": "2026-01-02T03:04:05Z",
                "attachment": {"url": url, "mime": mime},
            });
            assert_eq!(vec![wrong], faults(body, InboundMessage::read));
        }
    }

    #[test]
    fn a_cards_post_back_is_a_button_and_its_im_back_a_quick_reply() {
        for (word, expected) in [
            ("postBack", ChoiceType::Button),
            ("Button", ChoiceType::Button),
            ("imBack", ChoiceType::QuickReply),
            ("QuickReply", ChoiceType::QuickReply),
            ("DatePicker", ChoiceType::DatePicker),
        ] {
            assert_eq!(Ok(expected), choice_type(word.into()));
        }
        assert!(choice_type("button?".into()).is_err());
    }

    #[test]
    fn only_typing_is_an_event() {
        assert!(faults(json!({"eventType": "Typing", "from": {"id": "c"}}), InboundTyping::read).is_empty());
        assert_eq!(
            vec!["/eventType must be `Typing`"],
            faults(json!({"eventType": "CoBrowse", "from": {"id": "c"}}), InboundTyping::read)
        );
    }
}
