//! HighLevel's webhook bodies.

use super::message_type::MessageType;
use crate::json::fields::FieldError;
use crate::platform::lenient::{self, Members};
use crate::platform::payload;
use jiff::Timestamp;
use serde_json::Value;

/// What came to the webhook.
pub(super) enum Webhook {
    /// A message that a user has sent, on any channel.
    Observed(Box<OutboundMessage>),
    /// A message that is to be sent by a conversation provider.
    Requested(Box<ProviderMessage>),
    /// An event of another type.
    Other,
}

/// What tells whose event it is, and of which type.
pub(super) struct Head {
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

/// `OutboundMessage`.
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

impl From<Members> for Head {
    fn from(mut members: Members) -> Self {
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

impl From<Members> for OutboundMessage {
    fn from(mut members: Members) -> Self {
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
            to: texts(&mut members, "to"),
            cc: texts(&mut members, "cc"),
            bcc: texts(&mut members, "bcc"),
            cc_list: texts(&mut members, "ccList"),
            bcc_list: texts(&mut members, "bccList"),
            attachments: texts(&mut members, "attachments"),
            status: members.text("status"),
            call_status: members.text("callStatus"),
            call_duration: members.count("callDuration"),
        }
    }
}

impl From<Members> for ProviderMessage {
    fn from(mut members: Members) -> Self {
        Self {
            channel: members.text("type"),
            message_id: members.text("messageId"),
            contact_id: members.id("contactId"),
            user_id: members.id("userId"),
            message: members.text("message"),
            html: members.text("html"),
            subject: members.text("subject"),
            phone: members.text("phone"),
            email_to: texts(&mut members, "emailTo"),
            email_from: members.text("emailFrom"),
            attachments: texts(&mut members, "attachments"),
        }
    }
}

/// Texts, as a list or as one; an element may be an object that has its text in `url`.
fn texts(members: &mut Members, name: &str) -> Vec<String> {
    let text = |element| match element {
        Value::Object(members) => Members(members).text("url"),
        other => lenient::text(other),
    };
    members.list(name).filter_map(text).collect()
}

impl Head {
    /// When the platform says that it wrote the event.
    pub(super) fn written_at(&self) -> Option<Timestamp> {
        self.timestamp.as_deref()?.parse().ok()
    }

    /// Whether the platform says when it wrote the event. A provider's request need not have it.
    pub(super) fn has_time(&self) -> bool {
        self.timestamp.is_some()
    }

    /// Whether it is the flat body of a provider's request, whatever its type: the message's, the contact's and the
    /// location's id, and nothing of what an app's event has.
    fn is_request(&self) -> bool {
        let needed = [&self.message_id, &self.contact_id, &self.location_id];
        let of_events =
            [&self.app_id, &self.version_id, &self.webhook_id, &self.timestamp, &self.message_type, &self.direction];
        needed.iter().all(|field| field.is_some()) && of_events.iter().all(|field| field.is_none())
    }
}

impl OutboundMessage {
    /// What sort of message it is; a staff note if anything says that it is one, and else what is known before what is
    /// not.
    pub(super) fn sort(&self) -> Option<MessageType> {
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
    /// What sort of message it is.
    pub(super) fn sort(&self) -> Option<MessageType> {
        self.channel.as_deref().map(MessageType::read)
    }
}

/// Reads a webhook body.
///
/// # Errors
/// It is not JSON, not an object, or does not say what it is or whose: where.
pub(super) fn read(body: &[u8]) -> Result<(Head, Webhook), FieldError> {
    let members = payload::read(body)?;
    let head = Head::from(members.clone());
    let webhook = match head.event_type.as_deref() {
        None => return Err(fault("/type", "is required")),
        Some("OutboundMessage") => Webhook::Observed(Box::new(OutboundMessage::from(members))),
        Some(word) if is_requested(&MessageType::read(word), &head) => {
            Webhook::Requested(Box::new(ProviderMessage::from(members)))
        }
        Some(_) => Webhook::Other,
    };
    if head.location_id.is_none() && !matches!(webhook, Webhook::Other) {
        return Err(fault("/locationId", "is required"));
    }
    Ok((head, webhook))
}

/// Whether a conversation provider is asked to send a message of this sort. Of those that nobody expects, only what has
/// the form of a request is one; a note of the staff's never is.
fn is_requested(sort: &MessageType, head: &Head) -> bool {
    match sort {
        MessageType::InternalComment => false,
        MessageType::Call | MessageType::Voicemail | MessageType::Other(_) => head.is_request(),
        _ => true,
    }
}

pub(super) fn fault(pointer: &str, detail: &str) -> FieldError {
    FieldError::new(pointer, detail)
}
