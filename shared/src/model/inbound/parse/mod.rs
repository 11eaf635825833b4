//! Reads inbound requests of the messaging service.

use super::{
    CallStatus, Choice, ChoiceType, Customer, InboundAttachment, InboundCall, InboundEmail, InboundMessage,
    InboundMeta, InboundResponse, InboundTyping, MediaType, Thumbnail,
};
use crate::http_client::OutboundUrl;
use crate::json::fields::{
    Fields, boolean, https_url, id, integer_in, media_type_with_parameters, one_of, parse_with, text,
};
use crate::limits::MAX_AHEAD;
use crate::model::card::payload;
use crate::model::channel::Channel;
use crate::model::email;
use crate::model::message::IdType;
use jiff::Timestamp;
use serde_json::Value;
use url::Url;

/// Maximum number of files in a message. Each may be sent as a separate message to the platform, within the time of one
/// request.
const MAX_ATTACHMENTS: usize = 10;
/// The size that a thumbnail may state.
const THUMBNAIL_BYTES: std::ops::RangeInclusive<u64> = 0..=1_000_000_000;

impl InboundMessage {
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let meta = InboundMeta::read(fields);
        let (has_text, has_email) = (fields.has("text"), fields.has("email"));
        let words = fields.optional("text", text);
        let email = fields.optional_object("email", InboundEmail::read);
        let is_blank = email.as_ref().is_some_and(|email| *email == InboundEmail::default());
        let has_call = fields.has("call");
        let call = fields.optional_object("call", InboundCall::read);
        let has_text_or_email = has_text || (has_email && !is_blank) || has_call;
        let email = email.filter(|_| !is_blank);
        let attachments = attachments(fields);
        let has_files = attachments.as_ref().is_none_or(|files| !files.is_empty());
        let conversation_id = fields.optional("conversationId", id);
        let channel = fields.optional("channel", one_of(&Channel::named(Channel::INBOUND)));
        let metadata = fields.texts("metadata");
        let prefetch = fields.optional("prefetchConversationId", boolean);
        if !has_text_or_email && !has_files {
            fields.error("text", "is required, unless there is an attachment or an email");
        }
        let lacks_html = email.as_ref().is_some_and(|email| email.html.is_none());
        if words.is_none() && !has_files && !has_call && lacks_html {
            fields.error("text", "is required, unless there is HTML or an attachment");
        }
        Some(Self {
            meta: meta?,
            text: words,
            attachments: attachments?,
            email,
            call,
            conversation_id,
            channel,
            metadata: metadata?,
            prefetch_conversation_id: prefetch.unwrap_or_default(),
            trace_id: None,
        })
    }
}

/// The files, from `attachment` or `attachments`.
fn attachments(fields: &mut Fields<'_>) -> Option<Vec<InboundAttachment>> {
    let has_one = fields.has("attachment");
    let one = fields.optional_object("attachment", InboundAttachment::read);
    let several = fields.objects("attachments", InboundAttachment::read)?;
    if !has_one {
        if several.len() > MAX_ATTACHMENTS {
            fields.error("attachments", &format!("must have at most {MAX_ATTACHMENTS} elements"));
        }
        return Some(several);
    }
    if !several.is_empty() {
        fields.error("attachments", "cannot be combined with `attachment`");
    }
    one.map(|one| vec![one])
}

/// The URL of a file: `https`, or plain `http` on a loopback address, as all URLs in local development.
fn file_url(value: Value) -> Result<Url, String> {
    let local = value.as_str().and_then(|text| text.trim().parse::<OutboundUrl>().ok());
    https_url(value).or_else(|error| local.map(|local| local.url().clone()).ok_or(error))
}

impl InboundEmail {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let subject = fields.optional("subject", text);
        let html = fields.optional("html", text);
        let (from, to) = (fields.optional("from", text), fields.optional("to", text));
        let [cc, bcc] = email::addresses(fields);
        let email_message_id = fields.optional("emailMessageId", id);
        Some(Self { subject, html, from, to, cc, bcc, email_message_id })
    }
}

impl InboundCall {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (to, from) = (fields.required("to", id), fields.required("from", id));
        let status = fields.required("status", one_of(CALL_STATUSES));
        Some(Self { to: to?, from: from?, status: status? })
    }
}

const CALL_STATUSES: &[(&str, CallStatus)] = &[
    ("pending", CallStatus::Pending),
    ("completed", CallStatus::Completed),
    ("answered", CallStatus::Answered),
    ("busy", CallStatus::Busy),
    ("no-answer", CallStatus::NoAnswer),
    ("failed", CallStatus::Failed),
    ("canceled", CallStatus::Canceled),
    ("voicemail", CallStatus::Voicemail),
];

impl InboundResponse {
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let meta = InboundMeta::read(fields);
        let originating_message_id = fields.required("originatingMessageId", id);
        let own_id = fields.optional("id", id);
        let choice_type = fields.required("type", one_of(CHOICE_TYPES));
        let (has_text, has_payload) = (fields.has("text"), fields.has("payload"));
        let words = fields.optional("text", text);
        let payload = fields.optional("payload", payload);
        if !has_text && !has_payload {
            fields.error("text", "is required, or a payload");
        }
        // The platform requires both. A button may show only an image, or send its own text.
        let (words, payload) = match (words, payload) {
            (Some(words), None) if !has_payload => {
                let sent = self::payload(Value::String(words.clone()));
                (Some(words), sent.map_err(|detail| fields.error("text", &detail)).ok())
            }
            (None, payload) if !has_text => (payload.clone(), payload),
            both => both,
        };
        Some(Self {
            meta: meta?,
            originating_message_id: originating_message_id?,
            choice: Choice { id: own_id, r#type: choice_type?, text: words?, payload: payload? },
        })
    }
}

impl InboundTyping {
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("eventType", one_of(&[("Typing", ())]));
        let from = fields.object("from", Customer::read);
        let time = fields.optional("time", time);
        let conversation_id = fields.optional("conversationId", id);
        let visitor_id = fields.optional("visitorId", id);
        Some(Self { from: from?, time: time.unwrap_or_else(Timestamp::now), conversation_id, visitor_id })
    }
}

impl InboundMeta {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let message_id = fields.required("messageId", id);
        let from = fields.object("from", Customer::read);
        let has_time = fields.has("time");
        let time = fields.optional("time", time);
        let time = if has_time { time } else { Some(Timestamp::now()) };
        let custom_attributes = fields.texts("customAttributes");
        Some(Self { message_id: message_id?, from: from?, time: time?, custom_attributes: custom_attributes? })
    }
}

impl Customer {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let own_id = fields.required("id", id);
        let id_type = fields.optional("idType", IdType::from_field);
        let nickname = fields.optional("nickname", text);
        let first_name = fields.optional("firstName", text);
        let last_name = fields.optional("lastName", text);
        let image = fields.optional("image", https_url);
        let email = fields.optional("email", text);
        let id_type = id_type.unwrap_or(IdType::Opaque);
        Some(Self { id: own_id?, id_type, nickname, first_name, last_name, image, email })
    }
}

impl InboundAttachment {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let own_id = fields.optional("id", id);
        let url = fields.required("url", file_url);
        let mime = fields.required("mime", media_type_with_parameters);
        let media_type = fields.optional("mediaType", one_of(MEDIA_TYPES));
        let words = fields.optional("text", text);
        let sha256 = fields.optional("sha256", text);
        let filename = fields.optional("filename", text);
        let thumbnail = fields.optional_object("thumbnail", Thumbnail::read);
        let mime = mime?;
        let media_type = media_type.unwrap_or_else(|| MediaType::from_mime(&mime));
        let thumbnail = thumbnail.filter(|thumbnail| *thumbnail != Thumbnail::default());
        let pointer = fields.path().to_owned();
        Some(Self {
            id: own_id,
            media_type,
            url: url?,
            mime,
            text: words,
            sha256,
            filename,
            thumbnail,
            pointer,
            uploaded: None,
        })
    }
}

impl Thumbnail {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let url = fields.optional("url", https_url);
        let mime = fields.optional("mime", media_type_with_parameters);
        let sha256 = fields.optional("sha256", text);
        let content_size_bytes = fields.optional("contentSizeBytes", integer_in("bytes", THUMBNAIL_BYTES));
        Some(Self { url, mime, sha256, content_size_bytes })
    }
}

const MEDIA_TYPES: &[(&str, MediaType)] = &[
    ("Image", MediaType::Image),
    ("Video", MediaType::Video),
    ("Audio", MediaType::Audio),
    ("File", MediaType::File),
    ("Link", MediaType::Link),
];

impl MediaType {
    #[must_use]
    pub fn from_mime(mime: &str) -> Self {
        match mime.split('/').next() {
            Some("image") => Self::Image,
            Some("video") => Self::Video,
            Some("audio") => Self::Audio,
            _ => Self::File,
        }
    }
}

fn time(value: Value) -> Result<Timestamp, String> {
    let time: Timestamp = parse_with("a time by RFC 3339, such as 2026-01-02T03:04:05.678Z")(value)?;
    let latest = Timestamp::now().saturating_add(MAX_AHEAD).unwrap_or(Timestamp::MAX);
    if (Timestamp::UNIX_EPOCH..=latest).contains(&time) {
        Ok(time)
    } else {
        Err("must be from 1970 to a day from now".to_owned())
    }
}

/// The types of a choice, in Genesys Cloud's words or in those of cards.
const CHOICE_TYPES: &[(&str, ChoiceType)] = &[
    ("Button", ChoiceType::Button),
    ("postBack", ChoiceType::Button),
    ("QuickReply", ChoiceType::QuickReply),
    ("imBack", ChoiceType::QuickReply),
    ("DatePicker", ChoiceType::DatePicker),
];

#[cfg(test)]
mod tests;
