//! Converts HighLevel's webhooks to normalized messages.

use super::address;
use super::message_type::MessageType;
use super::wire::{OutboundMessage, ProviderMessage, Webhook, read};
use crate::json::fields::FieldError;
use crate::model::message::{
    Attachment, CallLog, Content, Direction, Email, IdType, Intent, Message, MessageKind, Metadata, Other, Party,
    PublicPost, References,
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
        Webhook::Install | Webhook::Uninstall | Webhook::Other => {
            Err(FieldError::new("/type", "is not the type of a message"))
        }
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
        let message_type = self.message_type();
        let message = Message {
            platform: PlatformName::HighLevel,
            message_id: message_id.unwrap_or_else(|| id_of(body)),
            delivery_id: first_id([&self.webhook_id]).map(str::to_owned),
            former_kind: Some(self.former_kind()),
            intent: Intent::Sent,
            conversation_id: self.conversation_id.clone(),
            direction,
            from,
            to,
            time: self.date_added.clone(),
            public: public(message_type.as_ref()),
            references: References {
                original_message_id: self.original_message_id.clone(),
                reply_to_alt_id: self.reply_to_alt_id.clone(),
                reply_message_id: self.reply_message_id.clone(),
            },
            metadata: Metadata::default(),
            fallback_text: None,
            kind: self.into_kind(message_type)?,
        };
        Ok(Message { fallback_text: message.kind.fallback_text(), ..message })
    }

    fn into_kind(self, message_type: Option<MessageType>) -> Result<MessageKind, FieldError> {
        let attachments = attachments(&self.attachments);
        let call_status = self.call_status.or_else(|| self.status.clone());
        Ok(match message_type {
            Some(MessageType::InternalComment) => {
                return Err(FieldError::new("/messageType", "is an internal comment, which is never forwarded"));
            }
            Some(MessageType::Email) => {
                // Where there is `html`, `body` is something else.
                let (html, body) = if self.html.is_some() { (self.html, self.body) } else { (self.body, None) };
                MessageKind::Email(Box::new(Email {
                    subject: self.subject,
                    text: self.plain_text.or(body),
                    html,
                    recipients: self.to,
                    cc: first_non_empty(self.cc_list, self.cc),
                    bcc: first_non_empty(self.bcc_list, self.bcc),
                    reply_to: None,
                    attachments,
                    email_message_id: self.email_message_id,
                    thread_id: self.thread_id,
                    status: self.status,
                }))
            }
            Some(MessageType::Call | MessageType::IvrCall) => MessageKind::Call(CallLog {
                text: self.body,
                status: call_status,
                duration_seconds: self.call_duration,
                recording_url: None,
                attachments,
            }),
            Some(MessageType::Voicemail) => MessageKind::Voicemail(CallLog {
                text: self.body,
                status: call_status,
                duration_seconds: self.call_duration,
                recording_url: attachments.first().and_then(|recording| recording.url.clone()),
                attachments,
            }),
            Some(MessageType::Other(_)) | None => MessageKind::Other(Other {
                platform_type: platform_type(message_type),
                text: self.body,
                attachments,
                status: call_status,
                duration_seconds: self.call_duration,
            }),
            Some(_) => {
                MessageKind::Text(Content { text: self.body, attachments, status: self.status, ..Content::default() })
            }
        })
    }
}

impl ProviderMessage {
    /// Normalizes this message, which was received as `body`.
    pub(super) fn into_message(self, body: &[u8]) -> Message {
        let message_type = self.message_type();
        let former_kind = Some(self.former_kind());
        let addresses = match &self.phone {
            Some(phone) if message_type != MessageType::Email => vec![phone.clone()],
            _ => self.email_to.clone(),
        };
        let sender: Vec<_> = self.email_from.iter().cloned().collect();
        let attachments = attachments(&self.attachments);
        let public = public(Some(&message_type));
        let text = self.message;
        let kind = match message_type {
            MessageType::Email => MessageKind::Email(Box::new(Email {
                subject: self.subject,
                text: self.plain_text.or(text),
                html: self.html,
                recipients: self.email_to,
                cc: self.email_cc,
                bcc: self.email_bcc,
                attachments,
                email_message_id: self.email_message_id,
                thread_id: self.thread_id,
                ..Email::default()
            })),
            MessageType::Call | MessageType::IvrCall | MessageType::Voicemail | MessageType::Other(_) => {
                MessageKind::Other(Other { platform_type: self.channel, text, attachments, ..Other::default() })
            }
            _ => MessageKind::Text(Content { text, attachments, ..Content::default() }),
        };
        let message_id = first_id([&self.message_id]).map(str::to_owned);
        let intent = if message_id.is_some() { Intent::Send } else { Intent::SendUntracked };
        Message {
            platform: PlatformName::HighLevel,
            message_id: message_id.unwrap_or_else(|| id_of(body)),
            delivery_id: None,
            former_kind,
            intent,
            conversation_id: None,
            direction: Direction::Outbound,
            from: company_party(self.user_id, &sender),
            to: customer(self.contact_id, &addresses),
            time: None,
            public,
            references: References {
                original_message_id: None,
                reply_to_alt_id: self.reply_to_alt_id,
                reply_message_id: self.reply_message_id,
            },
            metadata: Metadata::default(),
            fallback_text: kind.fallback_text(),
            kind,
        }
    }
}

/// A comment or an answer to a review is public. The platform does not say to which post.
fn public(message_type: Option<&MessageType>) -> Option<PublicPost> {
    message_type.filter(|known| known.is_public()).map(|_| PublicPost::default())
}

fn platform_type(message_type: Option<MessageType>) -> String {
    if let Some(MessageType::Other(letters)) = message_type { letters } else { String::new() }
}

fn direction(word: &Option<String>) -> Direction {
    match Direction::from(word.clone().unwrap_or_default()) {
        Direction::Inbound => Direction::Inbound,
        Direction::Outbound | Direction::Other(_) => Direction::Outbound,
    }
}

/// The customer, identified by the contact's id if there is one, otherwise by the address.
fn customer(contact_id: Option<String>, addresses: &[String]) -> Option<Party> {
    let by_address = addresses.first().map(|address| address::party(address));
    match contact_id {
        Some(id) => Some(Party { id: Some(id), id_type: Some(IdType::Opaque), ..by_address.unwrap_or_default() }),
        None => by_address,
    }
}

/// The company, identified by its address, otherwise by the user who wrote.
fn company_party(user_id: Option<String>, addresses: &[String]) -> Option<Party> {
    let by_user = |id| Party { id: Some(id), id_type: Some(IdType::Opaque), ..Party::default() };
    addresses.first().map(|address| address::party(address)).or_else(|| user_id.map(by_user))
}

fn first_non_empty(list: Vec<String>, other: Vec<String>) -> Vec<String> {
    if list.is_empty() { other } else { list }
}

fn attachments(urls: &[String]) -> Vec<Attachment> {
    urls.iter().map(|url| Attachment { url: Some(url.clone()), ..Attachment::default() }).collect()
}
