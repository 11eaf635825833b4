//! From Genesys Cloud's wire format to the common message.

use super::content::{self, Content as Part};
use super::wire::{EventType, MessageType, Webhook};
use crate::message::{Attachment, Content, Intent, Kind, Message, Other, Receipt, Typing};
use crate::platform::PlatformName;

/// How long a typing event that does not say so is shown.
const DEFAULT_TYPING_MILLISECONDS: u64 = 5_000;

impl Webhook {
    /// The common form of this message.
    #[must_use]
    pub fn into_message(self) -> Message {
        let kind = self.kind();
        let is_message = !matches!(kind, Kind::Receipt(_) | Kind::Typing(_));
        Message {
            platform: PlatformName::GenesysCloud,
            message_id: self.message_id().unwrap_or_default().to_owned(),
            direction: self.direction(),
            fallback_text: if is_message { self.fallback_text() } else { None },
            kind,
            conversation_id: self.conversation_id,
            from: self.channel.from,
            to: self.channel.to,
            time: self.channel.time,
            delivery_id: None,
            intent: Intent::Request,
        }
    }

    fn kind(&self) -> Kind {
        match &self.message_type {
            MessageType::Text => Kind::Text(self.shown()),
            MessageType::Structured => Kind::Structured(self.shown()),
            MessageType::Receipt => Kind::Receipt(Receipt {
                status: self.status.clone(),
                reasons: self.reasons.clone(),
                is_final_receipt: self.is_final_receipt,
            }),
            MessageType::Event => match self.typing() {
                Some(typing) => Kind::Typing(typing),
                None => self.other(),
            },
            MessageType::Other(_) => self.other(),
        }
    }

    fn other(&self) -> Kind {
        Kind::Other(Other { platform_type: self.message_type.as_str().to_owned() })
    }

    fn typing(&self) -> Option<Typing> {
        let event = self.events.iter().find(|event| event.event_type == Some(EventType::Typing))?;
        let duration = event.typing.as_ref().and_then(|typing| typing.duration);
        Some(Typing { duration_milliseconds: duration.unwrap_or(DEFAULT_TYPING_MILLISECONDS) })
    }

    fn shown(&self) -> Content {
        let template_text = || {
            self.content.iter().find_map(|item| match &item.content {
                Part::Notification(template) => template.body.as_ref()?.text.clone(),
                _ => None,
            })
        };
        Content {
            text: self.text.clone().or_else(template_text),
            content: self.content.iter().map(content::ContentItem::to_value).collect(),
            attachments: self.content.iter().filter_map(attachment).collect(),
            originating_entity: self.originating_entity.clone(),
        }
    }
}

fn attachment(item: &content::ContentItem) -> Option<Attachment> {
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
