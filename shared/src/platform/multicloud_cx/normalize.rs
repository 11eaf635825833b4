//! Converts Multicloud CX's webhooks to normalized messages.

use super::wire::{Address, Channel, MessageType, Webhook};
use crate::model::message::{
    Content, Direction, Email, IdType, Intent, Message, MessageKind, Metadata, Other, Party, Receipt, ReceiptStatus,
    References,
};
use crate::model::platform_name::PlatformName;
use crate::platform::payload::id_of;
use serde_json::Value;

impl Webhook {
    /// Normalizes this message, which was received as `body`. All messages are outbound. If there are several recipients,
    /// the first one determines the ordering group.
    #[must_use]
    pub fn into_message(self, body: &[u8]) -> Message {
        let kind = self.kind();
        let message_id = self.message_id().map_or_else(|| id_of(body), str::to_owned);
        let channel = self.channel.as_ref();
        let to = channel.and_then(|channel| channel.to.first());
        let id_type = channel.and_then(Channel::customers_id_type);
        Message {
            platform: PlatformName::MulticloudCx,
            message_id,
            conversation_id: None,
            direction: Direction::Outbound,
            from: channel.and_then(|channel| channel.from.first()).map(Address::party),
            to: to.map(|to| Party { id_type, ..to.party() }),
            time: channel.and_then(|channel| channel.time.clone()),
            public: None,
            references: References::default(),
            metadata: Metadata::default(),
            delivery_id: None,
            former_kind: None,
            intent: Intent::Send,
            fallback_text: self.fallback_text(&kind),
            kind,
        }
    }

    fn kind(&self) -> MessageKind {
        match &self.message_type {
            MessageType::Text => MessageKind::Text(self.content()),
            MessageType::RichMedia => MessageKind::Structured(self.content()),
            MessageType::Email => MessageKind::Email(Box::new(self.email())),
            MessageType::Receipt => MessageKind::Receipt(Receipt {
                status: self.status.clone().map(ReceiptStatus::from),
                reasons: self.reasons.clone(),
                is_final_receipt: None,
            }),
            MessageType::Other(word) => MessageKind::Other(Other { platform_type: word.clone(), ..Other::default() }),
        }
    }

    fn content(&self) -> Content {
        let recipients = Some(self.recipients()).filter(|recipients| recipients.len() > 1).unwrap_or_default();
        Content { text: self.text.clone(), content: self.content.clone(), recipients, ..Content::default() }
    }

    fn email(&self) -> Email {
        let own_text = || self.text.clone().filter(|text| !text.trim().is_empty());
        // A part without a type is the text or the HTML, whichever is missing.
        let mut untyped = self.parts(None);
        Email {
            subject: self.subject.clone(),
            text: self.parts(Some("text")).next().or_else(own_text).or_else(|| untyped.next()),
            html: self.parts(Some("html")).next().or_else(|| untyped.next()),
            recipients: self.recipients(),
            reply_to: self.reply_to().map(Address::party).map(Box::new),
            ..Email::default()
        }
    }

    fn recipients(&self) -> Vec<String> {
        let to = self.channel.iter().flat_map(|channel| &channel.to);
        to.map(|address| address.id.clone()).collect()
    }

    /// The texts of the parts with this type, or of those without a type. Blank texts are skipped.
    fn parts(&self, part_type: Option<&str>) -> impl Iterator<Item = String> {
        let text = |part: &Value, name: &str| {
            part.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned)
        };
        let matches = move |part: &Value| match (text(part, "type"), part_type) {
            (Some(word), Some(part_type)) => word.eq_ignore_ascii_case(part_type),
            (word, part_type) => word.is_none() && part_type.is_none(),
        };
        self.content.iter().filter(move |part| matches(part)).filter_map(move |part| text(part, "text"))
    }
}

impl Channel {
    /// The type of customers' addresses on this channel.
    fn customers_id_type(&self) -> Option<IdType> {
        match self.channel_type.as_deref()? {
            "sms" => Some(IdType::Phone),
            "email" => Some(IdType::Email),
            _ => None,
        }
    }
}

impl Address {
    fn party(&self) -> Party {
        Party { id: Some(self.id.clone()), nickname: self.name.clone(), ..Party::default() }
    }
}
