//! What comes to the webhook of third-party messaging.
//!
//! A message that is refused is lost: the platform sends it once more only after a 5xx. So a field that has another shape
//! than the samples' is read as far as it makes sense, and counts as nothing where it makes none.

use crate::open_enum::open_enum;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

open_enum! {
    /// What a webhook carries.
    MessageType {
        Text = "Text",
        Email = "Email",
        RichMedia = "RichMedia",
        Receipt = "Receipt",
    }
}

/// What came.
pub enum Notification {
    /// A message, or a receipt.
    Message(Box<Webhook>),
    /// What the sibling webhook tells of interactions.
    Interactions,
}

/// The sibling webhook's body, as far as it tells it from a message.
#[derive(Deserialize)]
pub(super) struct Interactions {
    data: Option<InteractionsData>,
    channel: Option<IgnoredAny>,
    r#type: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct InteractionsData {
    entities: Option<IgnoredAny>,
}

impl Interactions {
    /// Whether it has what interactions have, and nothing that messages have.
    pub(super) fn is_what_it_is(&self) -> bool {
        let has_entities = self.data.as_ref().is_some_and(|data| data.entities.is_some());
        has_entities && self.channel.is_none() && self.r#type.is_none()
    }
}

/// One message that goes out. The id and the context stand within the channel or beside it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// What it is.
    #[serde(rename = "type")]
    pub message_type: MessageType,
    /// Where it comes from and goes to.
    pub channel: Option<Channel>,
    #[serde(default, deserialize_with = "id")]
    message_id: Option<String>,
    #[serde(default)]
    context: Context,
    /// The text.
    #[serde(default, deserialize_with = "text")]
    pub text: Option<String>,
    /// The subject of an electronic mail.
    #[serde(default, deserialize_with = "text")]
    pub subject: Option<String>,
    /// The parts.
    #[serde(default)]
    pub content: List<Value>,
    /// What became of the message, where this is a receipt.
    #[serde(default, deserialize_with = "text")]
    pub status: Option<String>,
    /// Why it failed.
    #[serde(default)]
    pub reasons: List<WireReason>,
}

/// Where a message comes from and goes to.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// The channel's id.
    #[serde(default, deserialize_with = "id")]
    pub id: Option<String>,
    /// What sort of channel it is: `sms`, `email`.
    #[serde(default, rename = "type", deserialize_with = "text")]
    pub channel_type: Option<String>,
    /// The sending end; were there several, the first.
    #[serde(default)]
    pub from: List<Address>,
    /// The receiving end, or several.
    #[serde(default)]
    pub to: List<Address>,
    /// When.
    #[serde(default, deserialize_with = "text")]
    pub time: Option<String>,
    #[serde(default, deserialize_with = "id")]
    message_id: Option<String>,
    #[serde(default)]
    context: Context,
}

/// One end, which is written as an object or, in short, as its address.
#[derive(Default)]
pub struct Address {
    /// The address.
    pub id: Option<String>,
    /// A name to show.
    pub name: Option<String>,
}

impl From<Value> for Address {
    fn from(mut value: Value) -> Self {
        if !value.is_object() {
            return Self { id: id_of(value), name: None };
        }
        let mut take = |name: &str| value.get_mut(name).map_or(Value::Null, Value::take);
        let (id, name, nickname) = (take("id"), take("name"), take("nickname"));
        Self { id: id_of(id), name: text_of(name).or_else(|| text_of(nickname)) }
    }
}

/// What goes with a message.
#[derive(Deserialize, Default)]
#[serde(from = "Value")]
pub struct Context {
    /// Where answers go.
    pub reply_to: List<Address>,
}

impl From<Value> for Context {
    fn from(mut value: Value) -> Self {
        Self { reply_to: value.get_mut("replyTo").map(Value::take).unwrap_or_default().into() }
    }
}

/// Why a message failed.
#[derive(Default)]
pub struct WireReason {
    /// The code: a number.
    pub code: Option<String>,
    /// The platform's words.
    pub message: Option<String>,
}

impl From<Value> for WireReason {
    fn from(mut value: Value) -> Self {
        let mut take = |name: &str| value.get_mut(name).map_or(Value::Null, Value::take);
        Self { code: id_of(take("code")), message: text_of(take("message")) }
    }
}

/// A list, which is written without its brackets where it has one element. A null is no element.
#[derive(Deserialize, Default)]
#[serde(from = "Value", bound = "T: From<Value>")]
pub struct List<T>(Vec<T>);

impl<T: From<Value>> From<Value> for List<T> {
    fn from(value: Value) -> Self {
        let elements = match value {
            Value::Array(elements) => elements,
            one => vec![one],
        };
        Self(elements.into_iter().filter(|element| !element.is_null()).map(T::from).collect())
    }
}

impl<T> List<T> {
    /// All elements.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}

impl List<Address> {
    /// Those that have an address.
    pub fn known(&self) -> impl Iterator<Item = &Address> {
        self.iter().filter(|address| address.id.is_some())
    }
}

/// A text.
fn text_of(value: Value) -> Option<String> {
    if let Value::String(text) = value { Some(text) } else { None }
}

/// An id, which may be written as a whole number; one with a fraction or an exponent has lost what it was. An empty one is
/// none.
fn id_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        Value::Number(number) if number.is_u64() || number.is_i64() => Some(number.to_string()),
        _ => None,
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Value::deserialize(deserializer).map(text_of)
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Value::deserialize(deserializer).map(id_of)
}

impl Webhook {
    /// The message's id, wherever it stands.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        let within = self.channel.as_ref().and_then(|channel| channel.message_id.as_deref());
        within.or(self.message_id.as_deref())
    }

    /// Where answers go, wherever that stands.
    #[must_use]
    pub fn reply_to(&self) -> Option<&Address> {
        let within = self.channel.as_ref().map(|channel| &channel.context);
        within.into_iter().chain([&self.context]).find_map(|context| context.reply_to.known().next())
    }

    /// Whether it belongs to this channel. Where a message names none, its sender must be the channel: the same secret may
    /// sign for others.
    #[must_use]
    pub fn belongs_to(&self, channel_id: &str) -> bool {
        let Some(channel) = &self.channel else { return false };
        let sender = || channel.from.known().next()?.id.as_deref();
        // Domains mean the same in either case.
        channel.id.as_deref().or_else(sender).is_some_and(|id| id.eq_ignore_ascii_case(channel_id))
    }
}
