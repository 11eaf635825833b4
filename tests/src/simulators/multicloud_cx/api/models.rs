//! The bodies that Patchbay sends. Inferred rules are as strict as published ones.

#![allow(dead_code)] // most fields are there only so that they are accepted

use super::media::MediaAddress;
use crate::simulators::genesys_cloud::api::models::{Invalid, Model, Text};
use serde::Deserialize;

/// The published reason codes.
const CODES: [u64; 8] = [305, 310, 350, 500, 510, 512, 520, 530];

/// The body of every call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Messages {
    pub(super) messages: Vec<Message>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
pub(super) enum Message {
    Text { channel: Channel, text: Text },
    Email { channel: Channel, subject: Option<Text>, content: Vec<Part> },
    RichMedia { channel: Channel, text: Option<Text>, content: Vec<Part> },
    Receipt { channel: ReceiptChannel, status: Status, reasons: Option<Vec<Reason>> },
}

/// The channel of a customer's message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Channel {
    pub(super) r#type: ChannelType,
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) message_id: Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ChannelType {
    Sms,
    Email,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Address {
    pub(super) id: Text,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Part {
    Text { text: Text },
    Html { text: Text },
    Media { url: MediaAddress, mimetype: Text, filename: Option<Text> },
}

/// The channel of a receipt.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ReceiptChannel {
    from: Address,
    to: Address,
    message_id: Text,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Status {
    Delivered,
    Removed,
    Failed,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    code: u64,
    message: Option<Text>,
}

impl Model for Messages {
    fn check(&self) -> Result<(), Invalid> {
        if self.messages.is_empty() {
            return Err(Invalid::new("messages", "must not be empty"));
        }
        self.messages.iter().try_for_each(Message::check)
    }
}

impl Message {
    /// The message, unless it is a receipt.
    pub(super) fn written(&self) -> Option<&Channel> {
        match self {
            Self::Text { channel, .. } | Self::Email { channel, .. } | Self::RichMedia { channel, .. } => Some(channel),
            Self::Receipt { .. } => None,
        }
    }

    /// The addresses of its files.
    pub(super) fn files(&self) -> impl Iterator<Item = &MediaAddress> {
        let content = match self {
            Self::Email { content, .. } | Self::RichMedia { content, .. } => content.as_slice(),
            Self::Text { .. } | Self::Receipt { .. } => &[],
        };
        content.iter().filter_map(|part| match part {
            Part::Media { url, .. } => Some(url),
            Part::Text { .. } | Part::Html { .. } => None,
        })
    }

    fn check(&self) -> Result<(), Invalid> {
        let is_mail = matches!(self, Self::Email { .. });
        if self.written().is_some_and(|channel| (channel.r#type == ChannelType::Email) != is_mail) {
            return Err(Invalid::new("channel.type", "does not go with the message's type"));
        }
        match self {
            Self::Email { content, .. } | Self::RichMedia { content, .. } if content.is_empty() => {
                Err(Invalid::new("content", "must not be empty"))
            }
            Self::Receipt { status, reasons: Some(_), .. } if *status != Status::Failed => {
                Err(Invalid::new("reasons", "belong to Failed receipts"))
            }
            Self::Receipt { reasons: Some(reasons), .. }
                if reasons.iter().any(|reason| !CODES.contains(&reason.code)) =>
            {
                Err(Invalid::new("reasons", "have a code that is not known"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulators::genesys_cloud::api::models::edges::{accepts, refuses};
    use serde_json::{Value, json};

    fn with(message: Value) -> Value {
        json!({"messages": [message]})
    }

    #[test]
    fn the_contracts_bodies_are_accepted_and_deviations_are_refused() {
        let channel = json!({"type": "sms", "from": {"id": "1"}, "to": {"id": "2"}, "messageId": "m"});
        let text = with(json!({"channel": channel, "type": "Text", "text": "t"}));
        accepts::<Messages>(&text);
        for (pointer, value) in [
            ("/messages", Some(json!([]))),
            ("/messages/0/channel", None),
            ("/messages/0/channel/type", None),
            ("/messages/0/channel/type", Some(json!("email"))),
            ("/messages/0/channel/from", None),
            ("/messages/0/channel/to/id", Some(json!(""))),
            ("/messages/0/channel/messageId", None),
            ("/messages/0/channel/time", Some(json!("2026-01-02T03:04:05Z"))),
            ("/messages/0/type", Some(json!("text"))),
            ("/messages/0/text", None),
            ("/messages/0/text", Some(json!(null))),
            ("/messages/0/content", Some(json!([]))),
            ("/status", Some(json!({"code": 0}))),
        ] {
            refuses::<Messages>(&text, pointer, value);
        }
    }

    #[test]
    fn a_mail_has_parts() {
        let channel = json!({"type": "email", "from": {"id": "1"}, "to": {"id": "2"}, "messageId": "m"});
        let parts = json!([{"type": "text", "text": "t"}, {"type": "html", "text": "h"}]);
        let mail = with(json!({"channel": channel, "type": "Email", "subject": "s", "content": parts}));
        accepts::<Messages>(&mail);
        for (pointer, value) in [
            ("/messages/0/channel/type", Some(json!("sms"))),
            ("/messages/0/text", Some(json!("t"))),
            ("/messages/0/content", Some(json!([]))),
            ("/messages/0/content/0/type", Some(json!("rtf"))),
            ("/messages/0/content/1/text", None),
        ] {
            refuses::<Messages>(&mail, pointer, value);
        }
    }

    #[test]
    fn a_file_has_an_address_on_the_platform_or_on_the_internet() {
        let channel = json!({"type": "sms", "from": {"id": "1"}, "to": {"id": "2"}, "messageId": "m"});
        let media = json!({"type": "media", "url": "genesys://nexus/f", "mimetype": "image/png"});
        let rich = with(json!({"channel": channel, "type": "RichMedia", "text": "t", "content": [media]}));
        accepts::<Messages>(&rich);
        for (pointer, value) in [
            ("/messages/0/content/0/url", None),
            ("/messages/0/content/0/url", Some(json!("genesys://other/f"))),
            ("/messages/0/content/0/url", Some(json!("ftp://example.com/f"))),
            ("/messages/0/content/0/mimetype", None),
            ("/messages/0/content/0/mediaId", Some(json!("f"))),
        ] {
            refuses::<Messages>(&rich, pointer, value);
        }
        let mut elsewhere = rich;
        elsewhere["messages"][0]["content"][0]["url"] = "https://example.com/f".into();
        accepts::<Messages>(&elsewhere);
    }

    #[test]
    fn only_a_failed_receipt_has_reasons_and_their_codes_are_numbers() {
        let channel = json!({"from": {"id": "2"}, "to": {"id": "1"}, "messageId": "m"});
        let reasons = json!([{"code": 350, "message": "no"}]);
        let failed = with(json!({"channel": channel, "type": "Receipt", "status": "Failed", "reasons": reasons}));
        accepts::<Messages>(&failed);
        accepts::<Messages>(&with(json!({"channel": channel, "type": "Receipt", "status": "Delivered"})));
        for (pointer, value) in [
            ("/messages/0/channel/from", None),
            ("/messages/0/channel/type", Some(json!("sms"))),
            ("/messages/0/status", Some(json!("Delivered"))),
            ("/messages/0/status", Some(json!("Read"))),
            ("/messages/0/reasons/0/code", None),
            ("/messages/0/reasons/0/code", Some(json!("350"))),
            ("/messages/0/reasons/0/code", Some(json!("MessageNotAllowed"))),
            ("/messages/0/reasons/0/code", Some(json!(351))),
        ] {
            refuses::<Messages>(&failed, pointer, value);
        }
    }
}
