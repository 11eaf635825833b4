//! Converts Genesys Cloud's webhooks to normalized messages.

use super::content::{Content as Part, ContentItem};
use super::wire::{Event, MessageType, Webhook};
use crate::model::message::{Attachment, Content, Intent, Message, MessageKind, Other, Receipt, References, Typing};
use crate::model::platform_name::PlatformName;
use crate::platform::payload::id_of;

/// For a typing event without a duration.
const DEFAULT_TYPING_MILLISECONDS: u64 = 5_000;

impl Webhook {
    /// Normalizes this message, which was received as `body`. Without an id, the digest of the body is used, and no receipt
    /// can be sent for the message.
    #[must_use]
    pub fn into_message(mut self, body: &[u8]) -> Message {
        let id = self.message_id().map(str::to_owned);
        let fallback_text = self.fallback_text();
        let kind = self.take_kind();
        let is_message = !matches!(kind, MessageKind::Receipt(_) | MessageKind::Typing(_));
        Message {
            platform: PlatformName::GenesysCloud,
            intent: if id.is_some() { Intent::Send } else { Intent::SendUntracked },
            message_id: id.unwrap_or_else(|| id_of(body)),
            direction: self.direction(),
            fallback_text: fallback_text.filter(|_| is_message),
            kind,
            conversation_id: self.conversation_id,
            from: self.channel.from,
            to: self.channel.to,
            time: self.channel.time,
            public: self.channel.public,
            references: References::default(),
            metadata: self.metadata,
            delivery_id: None,
            former_kind: None,
        }
    }

    fn take_kind(&mut self) -> MessageKind {
        match &self.message_type {
            MessageType::Text => MessageKind::Text(self.take_content()),
            MessageType::Structured => MessageKind::Structured(self.take_content()),
            MessageType::Receipt => MessageKind::Receipt(Receipt {
                status: self.status.clone(),
                reasons: self.reasons.clone(),
                is_final_receipt: self.is_final_receipt,
            }),
            MessageType::Event => match self.events.iter().find_map(Event::typing) {
                Some(duration) => MessageKind::Typing(Typing {
                    duration_milliseconds: duration.unwrap_or(DEFAULT_TYPING_MILLISECONDS),
                }),
                None => self.other(),
            },
            MessageType::Other(_) => self.other(),
        }
    }

    fn other(&self) -> MessageKind {
        MessageKind::Other(Other { platform_type: self.message_type.as_str().to_owned(), ..Other::default() })
    }

    /// Moves the text and the parts into the message, which may be large.
    fn take_content(&mut self) -> Content {
        let is_not_blank = |text: &&str| !text.trim().is_empty();
        let (own, parts) = (self.text.take(), std::mem::take(&mut self.content));
        let in_the_parts = || {
            let texts: Vec<_> = parts.iter().filter_map(ContentItem::text).filter(is_not_blank).collect();
            Some(texts.join("\n")).filter(|text| !text.is_empty())
        };
        let text = if own.as_deref().is_some_and(|text| is_not_blank(&text)) { own } else { in_the_parts().or(own) };
        Content {
            text,
            attachments: parts.iter().filter_map(attachment).collect(),
            content: parts.into_iter().map(ContentItem::into_value).collect(),
            originating_entity: self.originating_entity.clone(),
            ..Content::default()
        }
    }
}

fn attachment(item: &ContentItem) -> Option<Attachment> {
    match &item.content {
        Part::Attachment(file) => Some(Attachment {
            media_type: file.media_type.clone(),
            url: file.url.clone(),
            mime: file.mime.clone(),
            filename: file.filename.clone(),
        }),
        _ => None,
    }
}
