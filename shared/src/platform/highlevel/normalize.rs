//! Converts HighLevel's webhooks to normalized messages.

use super::message_type::MessageType;
use super::wire::{OutboundMessage, ProviderMessage, Webhook, read};
use crate::json::fields::FieldError;
use crate::model::message::{
    Attachment, CallLog, Content, Direction, Email, FallbackText, IdType, Intent, Message, MessageKind, Metadata,
    Other, Party,
};
use crate::model::platform_name::PlatformName;
use crate::platform::payload::{first_id, id_of};

/// Reads a webhook body that is a message.
///
/// # Errors
/// The body is invalid or is not a message.
pub(super) fn read_message(body: &[u8]) -> Result<Message, FieldError> {
    match read(body)?.1 {
        Webhook::OutboundMessage(message) => message.into_message(body),
        Webhook::ProviderMessage(message) => Ok(message.into_message(body)),
        Webhook::Other => Err(FieldError::new("/type", "is not the type of a message")),
    }
}

impl OutboundMessage {
    /// Normalizes this message, which was received as `body`.
    ///
    /// # Errors
    /// It is an internal comment.
    pub(super) fn into_message(self, body: &[u8]) -> Result<Message, FieldError> {
        let direction = direction(&self.direction);
        let sender: Vec<_> = self.from.iter().cloned().collect();
        let user = self.user_id.clone();
        let (from, to) = match direction {
            Direction::Inbound => (customer(self.contact_id.clone(), &sender), company_party(None, &self.to)),
            _ => (company_party(user, &sender), customer(self.contact_id.clone(), &self.to)),
        };
        let message_id = first_id([&self.message_id, &self.webhook_id]).map(str::to_owned);
        let shown =
            Content { text: self.body.clone(), attachments: attachments(&self.attachments), ..Content::default() };
        let message = Message {
            platform: PlatformName::HighLevel,
            message_id: message_id.unwrap_or_else(|| id_of(body)),
            delivery_id: first_id([&self.webhook_id]).map(str::to_owned),
            intent: Intent::Sent,
            conversation_id: self.conversation_id.clone(),
            direction,
            from,
            to,
            time: self.date_added.clone(),
            public: None,
            metadata: Metadata::default(),
            fallback_text: None,
            kind: self.kind()?,
        };
        Ok(Message { fallback_text: fallback_text(&message.kind, shown), ..message })
    }

    fn kind(self) -> Result<MessageKind, FieldError> {
        let message_type = self.message_type();
        let attachments = attachments(&self.attachments);
        Ok(match message_type {
            Some(MessageType::InternalComment) => {
                return Err(FieldError::new("/messageType", "is an internal comment, which is never forwarded"));
            }
            Some(MessageType::Email) => MessageKind::Email(Box::new(Email {
                subject: self.subject,
                text: self.plain_text,
                html: self.body,
                recipients: self.to,
                cc: first_non_empty(self.cc_list, self.cc),
                bcc: first_non_empty(self.bcc_list, self.bcc),
                reply_to: None,
                attachments,
            })),
            Some(MessageType::Call) => MessageKind::Call(CallLog {
                text: self.body,
                status: self.call_status.or(self.status),
                duration_seconds: self.call_duration,
                recording_url: None,
                attachments,
            }),
            Some(MessageType::Voicemail) => MessageKind::Voicemail(CallLog {
                text: self.body,
                status: self.call_status.or(self.status),
                duration_seconds: self.call_duration,
                recording_url: attachments.first().and_then(|recording| recording.url.clone()),
                attachments,
            }),
            Some(MessageType::Other(word)) => MessageKind::Other(Other { platform_type: word }),
            None => MessageKind::Other(Other { platform_type: String::new() }),
            Some(_) => MessageKind::Text(Content { text: self.body, attachments, ..Content::default() }),
        })
    }
}

impl ProviderMessage {
    /// Normalizes this message, which was received as `body`.
    pub(super) fn into_message(self, body: &[u8]) -> Message {
        let message_type = self.message_type();
        let is_email = message_type == Some(MessageType::Email);
        let addresses = match &self.phone {
            Some(phone) if !is_email => vec![phone.clone()],
            _ => self.email_to.clone(),
        };
        let sender: Vec<_> = self.email_from.iter().cloned().collect();
        let attachments = attachments(&self.attachments);
        let shown = Content { text: self.message.clone(), attachments: attachments.clone(), ..Content::default() };
        let kind = match message_type {
            Some(MessageType::Email) => MessageKind::Email(Box::new(Email {
                subject: self.subject,
                text: self.message,
                html: self.html,
                recipients: self.email_to,
                attachments,
                ..Email::default()
            })),
            Some(MessageType::Call | MessageType::Voicemail | MessageType::Other(_)) => {
                MessageKind::Other(Other { platform_type: self.channel.unwrap_or_default() })
            }
            _ => MessageKind::Text(Content { text: self.message, attachments, ..Content::default() }),
        };
        let message_id = first_id([&self.message_id]).map(str::to_owned);
        let intent = if message_id.is_some() { Intent::Send } else { Intent::SendUntracked };
        Message {
            platform: PlatformName::HighLevel,
            message_id: message_id.unwrap_or_else(|| id_of(body)),
            delivery_id: None,
            intent,
            conversation_id: None,
            direction: Direction::Outbound,
            from: company_party(self.user_id, &sender),
            to: customer(self.contact_id, &addresses),
            time: None,
            public: None,
            metadata: Metadata::default(),
            fallback_text: fallback_text(&kind, shown),
            kind,
        }
    }
}

fn direction(word: &Option<String>) -> Direction {
    match Direction::from(word.clone().unwrap_or_default()) {
        Direction::Inbound => Direction::Inbound,
        Direction::Outbound | Direction::Other(_) => Direction::Outbound,
    }
}

/// The customer, identified by the contact's id if there is one, otherwise by the address.
fn customer(contact_id: Option<String>, addresses: &[String]) -> Option<Party> {
    let by_address = addresses.first().map(|address| party_from_address(address));
    match contact_id {
        Some(id) => Some(Party { id: Some(id), id_type: Some(IdType::Opaque), ..by_address.unwrap_or_default() }),
        None => by_address,
    }
}

/// The company, identified by its address, otherwise by the user who wrote.
fn company_party(user_id: Option<String>, addresses: &[String]) -> Option<Party> {
    let by_user = |id| Party { id: Some(id), id_type: Some(IdType::Opaque), ..Party::default() };
    addresses.first().map(|address| party_from_address(address)).or_else(|| user_id.map(by_user))
}

/// The party with this address, which may be in angle brackets after a name.
fn party_from_address(address: &str) -> Party {
    let address = match address.rsplit_once('<') {
        Some((_, rest)) => rest.trim_end().trim_end_matches('>'),
        None => address,
    };
    let address = address.trim().to_owned();
    let is_number = address.bytes().any(|byte| byte.is_ascii_digit())
        && address.chars().all(|letter| letter.is_ascii_digit() || " +-().".contains(letter));
    let id = Some(address.clone());
    if address.contains('@') {
        Party { id, id_type: Some(IdType::Email), email: Some(address), ..Party::default() }
    } else if is_number {
        Party { id, id_type: Some(IdType::Phone), phone: Some(address), ..Party::default() }
    } else {
        Party { id, id_type: Some(IdType::Opaque), ..Party::default() }
    }
}

fn first_non_empty(list: Vec<String>, other: Vec<String>) -> Vec<String> {
    if list.is_empty() { other } else { list }
}

fn attachments(urls: &[String]) -> Vec<Attachment> {
    urls.iter().map(|url| Attachment { url: Some(url.clone()), ..Attachment::default() }).collect()
}

/// The message as plain text. For an unknown type, the text and the attachments.
fn fallback_text(kind: &MessageKind, shown: Content) -> Option<FallbackText> {
    match kind {
        MessageKind::Other(_) => MessageKind::Text(shown).fallback_text(),
        known => known.fallback_text(),
    }
}
