//! HighLevel's webhook bodies.

use super::message_type::MessageType;
use crate::json::fields::FieldError;
use crate::platform::lenient::{self, Members};
use crate::platform::payload;
use jiff::Timestamp;

/// The members that a message contains but is not identified by.
const CONTENT: [&str; 6] = ["body", "plainText", "subject", "message", "html", "attachments"];

pub(super) enum Webhook {
    /// A message that a user has sent on any channel.
    OutboundMessage(Box<OutboundMessage>),
    /// A request to a conversation provider to send a message.
    ProviderMessage(Box<ProviderMessage>),
    /// An event of another type.
    Other,
}

/// The owner and the type of an event.
pub(super) struct EventHeader {
    event_type: Option<String>,
    pub(super) location_id: Option<String>,
    pub(super) app_id: Option<String>,
    version_id: Option<String>,
    webhook_id: Option<String>,
    timestamp: Option<String>,
    message_id: Option<String>,
    contact_id: Option<String>,
    message_type: Option<String>,
    direction: Option<String>,
}
pub(super) struct OutboundMessage {
    pub(super) webhook_id: Option<String>,
    pub(super) message_id: Option<String>,
    pub(super) message_type: Option<String>,
    pub(super) message_type_string: Option<String>,
    pub(super) conversation_id: Option<String>,
    pub(super) conversation_provider_id: Option<String>,
    pub(super) contact_id: Option<String>,
    pub(super) user_id: Option<String>,
    pub(super) direction: Option<String>,
    pub(super) date_added: Option<String>,
    pub(super) body: Option<String>,
    pub(super) plain_text: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: Vec<String>,
    pub(super) cc: Vec<String>,
    pub(super) bcc: Vec<String>,
    pub(super) cc_list: Vec<String>,
    pub(super) bcc_list: Vec<String>,
    pub(super) attachments: Vec<String>,
    pub(super) status: Option<String>,
    pub(super) call_status: Option<String>,
    pub(super) call_duration: Option<u64>,
}

/// `ProviderOutboundMessage`.
pub(super) struct ProviderMessage {
    pub(super) channel: Option<String>,
    pub(super) message_id: Option<String>,
    pub(super) contact_id: Option<String>,
    pub(super) user_id: Option<String>,
    pub(super) message: Option<String>,
    pub(super) html: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) email_to: Vec<String>,
    pub(super) email_from: Option<String>,
    pub(super) attachments: Vec<String>,
}

impl From<&Members<'_>> for EventHeader {
    fn from(members: &Members<'_>) -> Self {
        Self {
            event_type: members.text("type"),
            location_id: members.text("locationId"),
            app_id: members.text("appId"),
            version_id: members.text("versionId"),
            webhook_id: members.text("webhookId"),
            timestamp: members.text("timestamp"),
            message_id: members.text("messageId"),
            contact_id: members.id("contactId"),
            message_type: members.text("messageType"),
            direction: members.text("direction"),
        }
    }
}

impl From<&Members<'_>> for OutboundMessage {
    fn from(members: &Members<'_>) -> Self {
        Self {
            webhook_id: members.text("webhookId"),
            message_id: members.text("messageId"),
            message_type: members.text("messageType"),
            message_type_string: members.text("messageTypeString"),
            conversation_id: members.id("conversationId"),
            conversation_provider_id: members.text("conversationProviderId"),
            contact_id: members.id("contactId"),
            user_id: members.id("userId"),
            direction: members.text("direction"),
            date_added: members.text("dateAdded"),
            body: members.text("body"),
            plain_text: members.text("plainText"),
            subject: members.text("subject"),
            from: members.text("from"),
            to: texts(members, "to"),
            cc: texts(members, "cc"),
            bcc: texts(members, "bcc"),
            cc_list: texts(members, "ccList"),
            bcc_list: texts(members, "bccList"),
            attachments: texts(members, "attachments"),
            status: members.text("status"),
            call_status: members.text("callStatus"),
            call_duration: members.count("callDuration"),
        }
    }
}

impl From<&Members<'_>> for ProviderMessage {
    fn from(members: &Members<'_>) -> Self {
        Self {
            channel: members.text("type"),
            message_id: members.text("messageId"),
            contact_id: members.id("contactId"),
            user_id: members.id("userId"),
            message: members.text("message"),
            html: members.text("html"),
            subject: members.text("subject"),
            phone: members.text("phone"),
            email_to: texts(members, "emailTo"),
            email_from: members.text("emailFrom"),
            attachments: texts(members, "attachments"),
        }
    }
}

/// A list of texts or a single one. An element may be an object with the text in `url`.
fn texts(members: &Members<'_>, name: &str) -> Vec<String> {
    let text = |element| match Members::of(element) {
        Some(members) => members.text("url"),
        None => lenient::text(element),
    };
    members.list(name).filter_map(text).collect()
}

impl EventHeader {
    pub(super) fn written_at(&self) -> Option<Timestamp> {
        self.timestamp.as_deref()?.parse().ok()
    }

    /// Whether the event has a time, which is optional in a provider's request.
    pub(super) fn has_time(&self) -> bool {
        self.timestamp.is_some()
    }

    /// Whether the body has the form of a provider's request: the ids of message, contact and location, and no field that
    /// only an app's event has.
    fn is_request(&self) -> bool {
        let required = [&self.message_id, &self.contact_id, &self.location_id];
        let event_only =
            [&self.app_id, &self.version_id, &self.webhook_id, &self.timestamp, &self.message_type, &self.direction];
        required.iter().all(|field| field.is_some()) && event_only.iter().all(|field| field.is_none())
    }
}

impl OutboundMessage {
    /// An internal comment if either field says so; otherwise a known type is preferred to an unknown one.
    pub(super) fn message_type(&self) -> Option<MessageType> {
        let word = self.message_type.as_deref().map(MessageType::read);
        let type_string = self.message_type_string.as_deref().map(MessageType::read);
        match (word, type_string) {
            (_, Some(MessageType::InternalComment)) => Some(MessageType::InternalComment),
            (Some(MessageType::Other(_)), Some(known)) if known.is_known() => Some(known),
            (word, type_string) => word.or(type_string),
        }
    }
}

impl ProviderMessage {
    pub(super) fn message_type(&self) -> Option<MessageType> {
        self.channel.as_deref().map(MessageType::read)
    }
}

/// Reads a webhook body.
///
/// # Errors
/// It is not a JSON object, or its type or location is missing.
pub(super) fn read(body: &[u8]) -> Result<(EventHeader, Webhook), FieldError> {
    webhook(payload::read(body)?)
}

/// Reads a webhook body for what identifies the message, without its content.
///
/// # Errors
/// Those of [`read`].
pub(super) fn read_identity(body: &[u8]) -> Result<(EventHeader, Webhook), FieldError> {
    webhook(payload::read_without(&CONTENT, body)?)
}

fn webhook(members: Members<'_>) -> Result<(EventHeader, Webhook), FieldError> {
    let header = EventHeader::from(&members);
    let webhook = match header.event_type.as_deref() {
        None => return Err(FieldError::new("/type", "is required")),
        Some("OutboundMessage") => Webhook::OutboundMessage(Box::new(OutboundMessage::from(&members))),
        Some(word) if is_provider_message(&MessageType::read(word), &header) => {
            Webhook::ProviderMessage(Box::new(ProviderMessage::from(&members)))
        }
        Some(_) => Webhook::Other,
    };
    if header.location_id.is_none() && !matches!(webhook, Webhook::Other) {
        return Err(FieldError::new("/locationId", "is required"));
    }
    Ok((header, webhook))
}

/// Whether the event is a provider's request. For types that are not expected in requests it depends on the form of the
/// body. An internal comment never is one.
fn is_provider_message(message_type: &MessageType, header: &EventHeader) -> bool {
    match message_type {
        MessageType::InternalComment => false,
        MessageType::Call | MessageType::Voicemail | MessageType::Other(_) => header.is_request(),
        _ => true,
    }
}
