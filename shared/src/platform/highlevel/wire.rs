//! HighLevel's webhook bodies.

use super::address;
use super::message_type::MessageType;
use crate::json::fields::FieldError;
use crate::json::lenient::{self, Members};
use crate::platform::payload;
use jiff::Timestamp;

/// The members that a message contains but is not identified by.
const CONTENT: [&str; 6] = ["body", "plainText", "subject", "message", "html", "attachments"];

/// The members that only an email has, as texts.
const EMAIL_TEXTS: [&str; 3] = ["subject", "html", "emailMessageId"];
/// The same, as addresses.
const EMAIL_ADDRESSES: [&str; 7] = ["emailTo", "emailCc", "emailBcc", "cc", "bcc", "ccList", "bccList"];

pub(super) enum Webhook {
    /// A message that a user has sent on any channel.
    OutboundMessage(Box<OutboundMessage>),
    /// A request to a conversation provider to send a message.
    ProviderMessage(Box<ProviderMessage>),
    /// A location or an agency has installed the app.
    Install,
    /// A location or an agency has uninstalled the app.
    Uninstall,
    /// An event of another type, or without a type.
    Other,
}

/// The owner and the type of an event.
pub(super) struct EventHeader {
    pub(super) event_type: Option<String>,
    pub(super) location_id: Option<String>,
    /// The location of an event of payments, instead of `locationId`.
    pub(super) alt_location_id: Option<String>,
    pub(super) app_id: Option<String>,
    /// The agency, in events about the app.
    pub(super) company_id: Option<String>,
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
    pub(super) original_message_id: Option<String>,
    pub(super) reply_to_alt_id: Option<String>,
    pub(super) reply_message_id: Option<String>,
    /// `messageType`.
    word: Option<MessageType>,
    /// `messageTypeString`.
    type_string: Option<MessageType>,
    has_email_members: bool,
    pub(super) conversation_id: Option<String>,
    pub(super) conversation_provider_id: Option<String>,
    pub(super) contact_id: Option<String>,
    pub(super) user_id: Option<String>,
    pub(super) direction: Option<String>,
    pub(super) date_added: Option<String>,
    pub(super) body: Option<String>,
    pub(super) html: Option<String>,
    pub(super) plain_text: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: Vec<String>,
    pub(super) cc: Vec<String>,
    pub(super) bcc: Vec<String>,
    pub(super) cc_list: Vec<String>,
    pub(super) bcc_list: Vec<String>,
    pub(super) email_message_id: Option<String>,
    pub(super) thread_id: Option<String>,
    pub(super) attachments: Vec<String>,
    pub(super) status: Option<String>,
    pub(super) call_status: Option<String>,
    pub(super) call_duration: Option<u64>,
}

/// `ProviderOutboundMessage`.
pub(super) struct ProviderMessage {
    pub(super) channel: String,
    has_email_members: bool,
    pub(super) message_id: Option<String>,
    pub(super) reply_to_alt_id: Option<String>,
    pub(super) reply_message_id: Option<String>,
    pub(super) contact_id: Option<String>,
    pub(super) user_id: Option<String>,
    pub(super) message: Option<String>,
    pub(super) plain_text: Option<String>,
    pub(super) html: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) email_to: Vec<String>,
    pub(super) email_cc: Vec<String>,
    pub(super) email_bcc: Vec<String>,
    pub(super) email_from: Option<String>,
    pub(super) email_message_id: Option<String>,
    pub(super) thread_id: Option<String>,
    pub(super) attachments: Vec<String>,
}

impl From<&Members<'_>> for EventHeader {
    fn from(members: &Members<'_>) -> Self {
        Self {
            event_type: members.text("type"),
            location_id: members.text("locationId"),
            alt_location_id: alt_location_id(members),
            app_id: members.text("appId"),
            company_id: members.text("companyId"),
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

impl OutboundMessage {
    fn new(members: &Members<'_>, has_email_members: bool) -> Self {
        let message_type = |name| members.text(name).map(|word| MessageType::read(&word));
        Self {
            webhook_id: members.text("webhookId"),
            message_id: members.text("messageId"),
            original_message_id: members.text("originalMessageId"),
            reply_to_alt_id: members.text("replyToAltId"),
            reply_message_id: members.text("replyMessageId"),
            word: message_type("messageType"),
            type_string: message_type("messageTypeString"),
            has_email_members,
            conversation_id: members.id("conversationId"),
            conversation_provider_id: members.text("conversationProviderId"),
            contact_id: members.id("contactId"),
            user_id: members.id("userId"),
            direction: members.text("direction"),
            date_added: members.text("dateAdded"),
            body: members.text("body"),
            html: members.text("html"),
            plain_text: members.text("plainText"),
            subject: members.text("subject"),
            from: members.text("from"),
            to: addresses(members, "to"),
            cc: addresses(members, "cc"),
            bcc: addresses(members, "bcc"),
            cc_list: addresses(members, "ccList"),
            bcc_list: addresses(members, "bccList"),
            email_message_id: members.text("emailMessageId"),
            thread_id: members.text("threadId"),
            attachments: texts(members, "attachments"),
            status: members.text("status"),
            call_status: members.text("callStatus"),
            call_duration: members.count("callDuration"),
        }
    }
}

impl ProviderMessage {
    fn new(channel: &str, members: &Members<'_>, has_email_members: bool) -> Self {
        Self {
            channel: channel.to_owned(),
            has_email_members,
            message_id: members.text("messageId"),
            reply_to_alt_id: members.text("replyToAltId"),
            reply_message_id: members.text("replyMessageId"),
            contact_id: members.id("contactId"),
            user_id: members.id("userId"),
            message: members.text("message"),
            plain_text: members.text("plainText"),
            html: members.text("html"),
            subject: members.text("subject"),
            phone: members.text("phone"),
            email_to: addresses(members, "emailTo"),
            email_cc: addresses(members, "emailCc"),
            email_bcc: addresses(members, "emailBcc"),
            email_from: members.text("emailFrom"),
            email_message_id: members.text("emailMessageId"),
            thread_id: members.text("threadId"),
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

/// Addresses: a list, a single one, or several in one text.
fn addresses(members: &Members<'_>, name: &str) -> Vec<String> {
    texts(members, name).iter().flat_map(|list| address::split(list)).collect()
}

fn alt_location_id(members: &Members<'_>) -> Option<String> {
    let is_location = members.text("altType").is_some_and(|word| word.eq_ignore_ascii_case("location"));
    members.text("altId").filter(|_| is_location)
}

fn has_email_members(members: &Members<'_>) -> bool {
    EMAIL_TEXTS.iter().any(|name| members.has_text(name))
        || EMAIL_ADDRESSES.iter().any(|name| !addresses(members, name).is_empty())
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
    pub(super) fn message_type(&self) -> Option<MessageType> {
        MessageType::resolve(self.type_string.as_ref(), self.word.as_ref(), self.has_email_members)
    }

    /// Whether `forwarded` has the type of this message, or one of the words that it is derived from. `Custom` stands for
    /// every kind of message of a conversation provider.
    pub(super) fn is_one_of(&self, forwarded: &[MessageType]) -> bool {
        let Some(message_type) = self.message_type() else { return false };
        let mut words = [&self.word, &self.type_string].into_iter().flatten();
        let is_listed = |said| forwarded.contains(said);
        is_listed(&message_type) || !message_type.is_record() && words.any(is_listed)
    }

    /// The word for the kind in the deduplication id: the first version preferred `messageType`.
    pub(super) fn former_kind(&self) -> String {
        let said = match (&self.word, &self.type_string) {
            (Some(word), Some(known)) if !word.is_in_the_first_version() && known.is_in_the_first_version() => known,
            (Some(said), _) | (None, Some(said)) => said,
            (None, None) => return String::new(),
        };
        said.in_deduplication_id().to_owned()
    }
}

impl ProviderMessage {
    pub(super) fn message_type(&self) -> MessageType {
        let said = MessageType::read(&self.channel);
        MessageType::resolve(Some(&said), None, self.has_email_members).unwrap_or(said)
    }

    /// The word for the kind in the deduplication id: the first version had kinds for texts and emails only.
    pub(super) fn former_kind(&self) -> String {
        match MessageType::read(&self.channel).in_deduplication_id() {
            known @ ("Text" | "Email") => known.to_owned(),
            _ => self.channel.clone(),
        }
    }
}

/// Reads a webhook body.
///
/// # Errors
/// It is not a JSON object, or it is a message without a location.
pub(super) fn read(body: &[u8]) -> Result<(EventHeader, Webhook), FieldError> {
    let members = payload::read(body)?;
    webhook(&members, has_email_members(&members))
}

/// Reads a webhook body for what identifies the message, without its content.
///
/// # Errors
/// Those of [`read`].
pub(super) fn read_identity(body: &[u8]) -> Result<(EventHeader, Webhook), FieldError> {
    let members = payload::read(body)?;
    let is_email = has_email_members(&members);
    webhook(&members.without(&CONTENT), is_email)
}

fn webhook(members: &Members<'_>, is_email: bool) -> Result<(EventHeader, Webhook), FieldError> {
    let header = EventHeader::from(members);
    let webhook = match header.event_type.as_deref() {
        Some("OutboundMessage") => Webhook::OutboundMessage(Box::new(OutboundMessage::new(members, is_email))),
        Some("INSTALL") => Webhook::Install,
        Some("UNINSTALL") => Webhook::Uninstall,
        Some(word) if is_provider_message(&MessageType::read(word), &header) => {
            Webhook::ProviderMessage(Box::new(ProviderMessage::new(word, members, is_email)))
        }
        _ => Webhook::Other,
    };
    let is_message = matches!(webhook, Webhook::OutboundMessage(_) | Webhook::ProviderMessage(_));
    if header.location_id.is_none() && is_message {
        return Err(FieldError::new("/locationId", "is required"));
    }
    Ok((header, webhook))
}

/// Whether the event is a provider's request. For types that are not expected in requests it depends on the form of the
/// body. A record never is one.
fn is_provider_message(message_type: &MessageType, header: &EventHeader) -> bool {
    match message_type {
        MessageType::Sms
        | MessageType::Gmb
        | MessageType::Facebook
        | MessageType::Instagram
        | MessageType::LiveChat
        | MessageType::Email
        | MessageType::WhatsApp
        | MessageType::Custom => true,
        other => !other.is_record() && header.is_request(),
    }
}
