//! From Multicloud CX's wire format to the common message.

use super::wire::{Address, Channel, MessageType, Webhook, WireReason};
use crate::message::{
    Content, Direction, Email, IdType, Intent, Kind, Message, Other, Party, Reason, Receipt, ReceiptStatus,
};
use crate::platform::PlatformName;
use crate::platform::body::id_of;
use serde_json::Value;

impl Webhook {
    /// The common form of this message, which came as `body`. All that comes goes out to the customer; where there are several, the first stands
    /// for all, whose order is kept.
    #[must_use]
    pub fn into_message(self, body: &[u8]) -> Message {
        let kind = self.kind();
        let message_id = self.message_id().map_or_else(|| id_of(body), str::to_owned);
        let channel = self.channel.as_ref();
        let to = channel.and_then(|channel| channel.to.known().next());
        let id_type = channel.and_then(Channel::customers_id_type);
        Message {
            platform: PlatformName::MulticloudCx,
            message_id,
            conversation_id: None,
            direction: Direction::Outbound,
            from: channel.and_then(|channel| channel.from.known().next()).map(Address::party),
            to: to.map(|to| Party { id_type, ..to.party() }),
            time: channel.and_then(|channel| channel.time.clone()),
            delivery_id: None,
            intent: Intent::Request,
            fallback_text: self.fallback_text(&kind),
            kind,
        }
    }

    fn kind(&self) -> Kind {
        match &self.message_type {
            MessageType::Text => Kind::Text(self.shown()),
            MessageType::RichMedia => Kind::Structured(self.shown()),
            MessageType::Email => Kind::Email(Box::new(self.email())),
            MessageType::Receipt => Kind::Receipt(Receipt {
                status: self.status.clone().map(ReceiptStatus::from),
                reasons: self.reasons.iter().map(WireReason::reason).collect(),
                is_final_receipt: None,
            }),
            MessageType::Other(word) => Kind::Other(Other { platform_type: word.clone() }),
        }
    }

    fn shown(&self) -> Content {
        Content { text: self.text.clone(), content: self.content.iter().cloned().collect(), ..Content::default() }
    }

    fn email(&self) -> Email {
        let to = self.channel.iter().flat_map(|channel| channel.to.known());
        Email {
            subject: self.subject.clone(),
            text: self.part("text").or_else(|| self.text.clone()),
            html: self.part("html"),
            recipients: to.filter_map(|address| address.id.clone()).collect(),
            reply_to: self.reply_to().map(Address::party).map(Box::new),
            ..Email::default()
        }
    }

    /// The text of the first part of this type.
    fn part(&self, part_type: &str) -> Option<String> {
        let is_it = |part: &&Value| {
            part.get("type").and_then(Value::as_str).is_some_and(|word| word.eq_ignore_ascii_case(part_type))
        };
        self.content.iter().find(is_it)?.get("text")?.as_str().map(str::to_owned)
    }
}

impl Channel {
    /// What sort of address customers have on it.
    fn customers_id_type(&self) -> Option<IdType> {
        match self.channel_type.as_deref()?.to_ascii_lowercase().as_str() {
            "sms" => Some(IdType::Phone),
            "email" => Some(IdType::Email),
            _ => None,
        }
    }
}

impl Address {
    fn party(&self) -> Party {
        Party { id: self.id.clone(), nickname: self.name.clone(), ..Party::default() }
    }
}

impl WireReason {
    fn reason(&self) -> Reason {
        Reason { code: self.code.clone(), message: self.message.clone() }
    }
}
