//! The parts of the vendor's published models that Patchbay sends. Everything else is refused.

#![allow(dead_code)] // most fields are there only so that they are accepted

use super::contacts::Named;
use super::platform::Refusal;
use crate::simulators::highlevel::PROVIDER_ID;
use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use url::Url;

/// The body of `PUT /conversations/messages/{messageId}/status`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) status: Word,
    error: Option<StatusError>,
    email_message_id: Option<String>,
    recipients: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Word {
    Delivered,
    Failed,
    Pending,
    Read,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusError {
    code: String,
    r#type: String,
    message: String,
}

impl Status {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        match &self.error {
            Some(_) if self.status != Word::Failed => Err(Refusal::new(422, "error belongs to the status failed")),
            Some(error) if [&error.code, &error.r#type, &error.message].into_iter().any(String::is_empty) => {
                Err(Refusal::new(422, "error must have a code, a type and a message"))
            }
            _ => Ok(()),
        }
    }
}

/// The body of `PUT /conversations/messages/email/{id}/status`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EmailStatus {
    status: EmailWord,
    pub(super) events: Option<Events>,
    recipients: Option<Vec<EmailRecipient>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum EmailWord {
    Pending,
    Scheduled,
    Sent,
    Delivered,
    Read,
    Undelivered,
    Connected,
    Failed,
    Opened,
    Clicked,
}

/// Counters that are added to the stored ones.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub(super) struct Events {
    pub(super) delivered: u64,
    pub(super) opened: u64,
    pub(super) clicked: u64,
    pub(super) replied: u64,
    pub(super) failed: u64,
    pub(super) accepted: u64,
    pub(super) rejected: u64,
    pub(super) unsubscribed: u64,
    pub(super) complained: u64,
    pub(super) stored: u64,
}

impl Events {
    pub(super) fn sum(&self) -> u64 {
        let Self { delivered, opened, clicked, replied, failed, accepted, rejected, unsubscribed, complained, stored } =
            self;
        [delivered, opened, clicked, replied, failed, accepted, rejected, unsubscribed, complained, stored]
            .into_iter()
            .sum()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EmailRecipient {
    email_id: String,
    status: EmailWord,
    fail_reason: Option<String>,
}

/// The body of `POST /conversations/messages/inbound`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Inbound {
    r#type: InboundType,
    pub(super) conversation_id: Option<String>,
    pub(super) contact_id: Option<String>,
    conversation_provider_id: Option<String>,
    message: Option<String>,
    html: Option<String>,
    subject: Option<String>,
    email_from: Option<String>,
    email_to: Option<String>,
    email_cc: Option<Vec<String>>,
    email_bcc: Option<Vec<String>>,
    email_message_id: Option<String>,
    attachments: Option<Vec<Url>>,
    alt_id: Option<String>,
    direction: Option<Direction>,
    date: Option<Timestamp>,
    call: Option<InboundCall>,
}

/// The types of customers' messages, as the platform spells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[allow(clippy::upper_case_acronyms, non_camel_case_types)] // the spelling is the contract's
enum InboundType {
    SMS,
    RCS,
    Email,
    WhatsApp,
    GMB,
    IG,
    FB,
    Custom,
    WebChat,
    Live_Chat,
    Call,
    IVR_Call,
    Campaign_Call,
    Campaign_VoiceMail,
    TIKTOK,
    ALL_IN_ONE_CHAT,
    FORM_SUBMISSION,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Inbound,
    Outbound,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InboundCall {
    to: String,
    from: String,
    status: CallStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum CallStatus {
    Pending,
    Completed,
    Answered,
    Busy,
    NoAnswer,
    Failed,
    Canceled,
    Voicemail,
}

fn not_empty<'i>(ids: impl IntoIterator<Item = Option<&'i String>>) -> Result<(), Refusal> {
    let is_empty = ids.into_iter().flatten().any(String::is_empty);
    if is_empty { Err(Refusal::new(422, "an id must not be empty")) } else { Ok(()) }
}

/// Whether the provider is that of the token's app.
fn check_provider(id: Option<&str>) -> Result<(), Refusal> {
    if id.is_some_and(|id| id != PROVIDER_ID) {
        return Err(Refusal::new(400, "Invalid conversationProviderId"));
    }
    Ok(())
}

impl Inbound {
    /// A customer's call is from one of the contact's numbers.
    pub(super) fn named(&self) -> Named<'_> {
        Named {
            id: self.contact_id.as_deref(),
            conversation: self.conversation_id.as_deref(),
            phone: self.call.as_ref().map(|call| call.from.as_str()),
            email: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        let ids = [&self.conversation_id, &self.contact_id, &self.conversation_provider_id];
        not_empty(ids.map(Option::as_ref))?;
        if self.conversation_id.is_none() && self.contact_id.is_none() {
            return Err(Refusal::new(422, "conversationId or contactId should not be empty"));
        }
        if self.attachments.as_ref().is_some_and(Vec::is_empty) {
            return Err(Refusal::new(422, "attachments should not be empty"));
        }
        check_provider(self.conversation_provider_id.as_deref())?;
        use InboundType::{Call, Campaign_Call, Campaign_VoiceMail, Custom, Email, IVR_Call, SMS};
        let is_call = matches!(self.r#type, Call | IVR_Call | Campaign_Call | Campaign_VoiceMail);
        match (self.r#type, &self.conversation_provider_id) {
            (Call, None) => Err(Refusal::new(422, "conversationProviderId should not be empty")),
            (Call, Some(_)) if self.call.is_none() => Err(Refusal::new(422, "call should not be empty")),
            (_, _) if self.call.is_some() && !is_call => Err(Refusal::new(422, "call belongs to a call")),
            (SMS | Email | Custom | Call, _) | (_, None) => Ok(()),
            (_, Some(_)) => Err(Refusal::new(400, "Incorrect conversationProviderId/type")),
        }
    }

    /// Whether the platform adds the message. If not, it answers with a 201 without a body.
    pub(super) fn is_added(&self) -> bool {
        self.r#type != InboundType::Custom || self.conversation_provider_id.is_some()
    }

    pub(super) fn is_email(&self) -> bool {
        self.r#type == InboundType::Email || self.html.is_some() || self.subject.is_some()
    }
}

/// The body of `POST /conversations/messages`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Outbound {
    r#type: OutboundType,
    pub(super) contact_id: String,
    message: Option<String>,
    html: Option<String>,
    subject: Option<String>,
    attachments: Option<Vec<Url>>,
    email_from: Option<String>,
    email_to: Option<String>,
    email_cc: Option<Vec<String>>,
    email_bcc: Option<Vec<String>>,
    email_reply_mode: Option<ReplyMode>,
    thread_id: Option<String>,
    reply_message_id: Option<String>,
    template_id: Option<String>,
    pub(super) scheduled_timestamp: Option<u64>,
    conversation_provider_id: Option<String>,
    from_number: Option<String>,
    to_number: Option<String>,
    appointment_id: Option<String>,
    custom_subtype_id: Option<String>,
    sub_type: Option<IgnoredAny>,
    status: Option<IgnoredAny>,
    forward: Option<IgnoredAny>,
    uses_native_scheduling_ai: Option<bool>,
    optimization_period: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[allow(clippy::upper_case_acronyms, non_camel_case_types)] // the spelling is the contract's
enum OutboundType {
    SMS,
    RCS,
    Email,
    WhatsApp,
    IG,
    FB,
    Custom,
    Live_Chat,
    TIKTOK,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReplyMode {
    Reply,
    ReplyAll,
}

impl Outbound {
    pub(super) fn named(&self) -> Named<'_> {
        let (id, email) = (Some(&*self.contact_id), self.email_to.as_deref());
        Named { id, email, phone: self.to_number.as_deref(), conversation: None }
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        not_empty([Some(&self.contact_id), self.conversation_provider_id.as_ref()])?;
        check_provider(self.conversation_provider_id.as_deref())?;
        if self.r#type == OutboundType::Custom && self.conversation_provider_id.is_none() {
            return Err(Refusal::new(400, "conversationProviderId is required"));
        }
        let has_content = self.message.is_some()
            || self.html.is_some()
            || self.template_id.is_some()
            || self.attachments.as_ref().is_some_and(|files| !files.is_empty());
        if has_content {
            Ok(())
        } else {
            Err(Refusal::new(422, "There is no message or attachments for this message."))
        }
    }

    pub(super) fn is_email(&self) -> bool {
        self.r#type == OutboundType::Email
    }
}

/// The body of `POST /conversations/providers/live-chat/typing`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Typing {
    pub(super) location_id: String,
    is_typing: IsTyping,
    visitor_id: String,
    conversation_id: String,
}

/// The published model has a text.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum IsTyping {
    True,
    False,
}

impl Typing {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        not_empty([&self.location_id, &self.visitor_id, &self.conversation_id].map(Some))
    }
}

/// The body of `POST /contacts/upsert`, of which `tags` would replace all tags.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Upsert {
    pub(super) location_id: String,
    pub(super) phone: Option<String>,
    pub(super) email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    name: Option<String>,
    source: Option<String>,
    tags: Option<Vec<String>>,
    gender: Option<String>,
    address1: Option<String>,
    city: Option<String>,
    state: Option<String>,
    postal_code: Option<String>,
    website: Option<String>,
    timezone: Option<String>,
    dnd: Option<bool>,
    dnd_settings: Option<IgnoredAny>,
    inbound_dnd_settings: Option<IgnoredAny>,
    custom_fields: Option<Vec<IgnoredAny>>,
    date_of_birth: Option<IgnoredAny>,
    country: Option<String>,
    company_name: Option<String>,
    assigned_to: Option<String>,
    create_new_if_duplicate_allowed: Option<bool>,
}

impl Upsert {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        not_empty([Some(&self.location_id), self.phone.as_ref(), self.email.as_ref()])
    }

    pub(super) fn name(&self) -> Option<String> {
        let parts: Vec<_> = [&self.first_name, &self.last_name].into_iter().flatten().cloned().collect();
        self.name.clone().or_else(|| (!parts.is_empty()).then(|| parts.join(" ")))
    }
}
