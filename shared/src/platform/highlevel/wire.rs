//! HighLevel's webhook bodies.

use super::message_type::MessageType;
use crate::fields::Fault;
use crate::json_bounds;
use crate::limits::MAXIMUM_ID_BYTES;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
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
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Head {
    #[serde(rename = "type")]
    event_type: Text,
    pub(super) location_id: Text,
    pub(super) app_id: Text,
    version_id: Text,
    webhook_id: Text,
    timestamp: Text,
    message_id: Text,
    contact_id: Text,
    message_type: Text,
    direction: Text,
}

/// `OutboundMessage`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OutboundMessage {
    pub(super) webhook_id: Text,
    pub(super) message_id: Text,
    pub(super) message_type: Text,
    pub(super) message_type_string: Text,
    pub(super) conversation_id: Text,
    pub(super) conversation_provider_id: Text,
    pub(super) contact_id: Text,
    pub(super) user_id: Text,
    pub(super) direction: Text,
    pub(super) date_added: Text,
    pub(super) body: Text,
    pub(super) plain_text: Text,
    pub(super) subject: Text,
    pub(super) from: Text,
    pub(super) to: Texts,
    pub(super) cc: Texts,
    pub(super) bcc: Texts,
    pub(super) cc_list: Texts,
    pub(super) bcc_list: Texts,
    pub(super) attachments: Texts,
    pub(super) status: Text,
    pub(super) call_status: Text,
    pub(super) call_duration: Number,
}

/// `ProviderOutboundMessage`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ProviderMessage {
    #[serde(rename = "type")]
    pub(super) channel: Text,
    pub(super) message_id: Text,
    pub(super) contact_id: Text,
    pub(super) user_id: Text,
    pub(super) message: Text,
    pub(super) html: Text,
    pub(super) subject: Text,
    pub(super) phone: Text,
    pub(super) email_to: Texts,
    pub(super) email_from: Text,
    pub(super) attachments: Texts,
}

/// A text that is not empty. Whatever else stands in its place counts as nothing.
#[derive(Deserialize, Default)]
#[serde(from = "Value")]
pub(super) struct Text(pub(super) Option<String>);

impl From<Value> for Text {
    fn from(value: Value) -> Self {
        match value {
            Value::String(text) if !text.is_empty() => Self(Some(text)),
            _ => Self(None),
        }
    }
}

impl Text {
    pub(super) fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// Texts, as a list or as one; an element may be an object that has its text in `url`.
#[derive(Deserialize, Default)]
#[serde(from = "Value")]
pub(super) struct Texts(pub(super) Vec<String>);

impl From<Value> for Texts {
    fn from(value: Value) -> Self {
        let elements = match value {
            Value::Array(elements) => elements,
            one => vec![one],
        };
        let text = |mut element: Value| Text::from(element.get_mut("url").map_or(Value::Null, Value::take)).0;
        Self(
            elements
                .into_iter()
                .filter_map(|one| if one.is_string() { Text::from(one).0 } else { text(one) })
                .collect(),
        )
    }
}

/// A whole number, perhaps written as a text or with a fraction.
#[derive(Deserialize, Default)]
#[serde(from = "Value")]
pub(super) struct Number(pub(super) Option<u64>);

impl From<Value> for Number {
    fn from(value: Value) -> Self {
        let number = match value {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_f64(),
        };
        Self(number.filter(|number| *number >= 0.0).map(|number| number.round() as u64))
    }
}

impl Head {
    /// When the platform says that it wrote the event.
    pub(super) fn written_at(&self) -> Option<Timestamp> {
        self.timestamp.as_str()?.parse().ok()
    }

    /// Whether the platform says when it wrote the event. A provider's request need not have it.
    pub(super) fn has_time(&self) -> bool {
        self.timestamp.0.is_some()
    }

    /// Whether it is the flat body of a provider's request, whatever its type: the message's, the contact's and the
    /// location's id, and nothing of what an app's event has.
    fn is_request(&self) -> bool {
        let needed = [&self.message_id, &self.contact_id, &self.location_id];
        let of_events =
            [&self.app_id, &self.version_id, &self.webhook_id, &self.timestamp, &self.message_type, &self.direction];
        needed.iter().all(|field| field.0.is_some()) && of_events.iter().all(|field| field.0.is_none())
    }
}

impl OutboundMessage {
    /// What sort of message it is; a staff note if anything says that it is one, and else what is known before what is
    /// not.
    pub(super) fn sort(&self) -> Option<MessageType> {
        let word = self.message_type.as_str().map(MessageType::read);
        let type_string = self.message_type_string.as_str().map(MessageType::read);
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
        self.channel.as_str().map(MessageType::read)
    }
}

/// Reads a webhook body.
///
/// # Errors
/// What is wrong with the body, and where.
pub(super) fn read(body: &[u8]) -> Result<(Head, Webhook), Fault> {
    json_bounds::check(body)?;
    // A list would be read as the fields in their order.
    if body.trim_ascii().first().is_some_and(|first| *first == b'[') {
        return Err(fault("", "must be an object"));
    }
    let head: Head = parse(body)?;
    let webhook = match head.event_type.as_str() {
        None => return Err(fault("/type", "is required")),
        Some("OutboundMessage") => {
            let message: OutboundMessage = parse(body)?;
            check_id("/webhookId", &message.webhook_id)?;
            check_id("/messageId", &message.message_id)?;
            Webhook::Observed(Box::new(message))
        }
        Some(word) if is_requested(&MessageType::read(word), &head) => {
            let message: ProviderMessage = parse(body)?;
            check_id("/messageId", &message.message_id)?;
            Webhook::Requested(Box::new(message))
        }
        Some(_) => Webhook::Other,
    };
    if head.location_id.0.is_none() && !matches!(webhook, Webhook::Other) {
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

fn check_id(pointer: &str, id: &Text) -> Result<(), Fault> {
    match id.as_str() {
        Some(id) if id.len() > MAXIMUM_ID_BYTES => {
            Err(fault(pointer, &format!("must have at most {MAXIMUM_ID_BYTES} bytes")))
        }
        _ => Ok(()),
    }
}

/// Every field takes any value, so that all that can be wrong is wrong with the whole.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| {
        let what = if error.is_data() { "is not an object with each field once" } else { "is not valid JSON" };
        fault("", &format!("{what} (line {}, column {})", error.line(), error.column()))
    })
}

pub(super) fn fault(pointer: &str, detail: &str) -> Fault {
    Fault { pointer: pointer.to_owned(), detail: detail.to_owned() }
}
