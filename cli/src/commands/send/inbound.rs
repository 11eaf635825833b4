use super::body::{Made, object};
use crate::caller::Calling;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::Value;

/// What a customer does.
#[derive(Debug, Subcommand)]
pub(crate) enum Inbound {
    /// The customer writes
    Message(Message),
    /// The customer is typing
    Typing(Typing),
    /// The customer chooses on a card, or among quick replies
    Response(Response),
}

/// Who, when, and under which id.
#[derive(Debug, Args)]
pub(crate) struct Origin {
    #[command(flatten)]
    calling: Calling,
    /// The customer
    #[arg(long, value_name = "ADDRESS", required_unless_present = "body", conflicts_with = "body")]
    from: Option<String>,
    /// A name to show
    #[arg(long, value_name = "NAME", conflicts_with = "body")]
    nickname: Option<String>,
    /// The messaging service's id of it; the idempotency key unless given
    #[arg(long, value_name = "ID", conflicts_with = "body")]
    message_id: Option<String>,
    /// When; now unless given
    #[arg(long, conflicts_with = "body")]
    time: Option<Timestamp>,
}

/// A message.
#[derive(Debug, Args)]
pub(crate) struct Message {
    #[command(flatten)]
    origin: Origin,
    /// The text
    #[arg(long, required_unless_present_any = ["body", "attachment"], conflicts_with = "body")]
    text: Option<String>,
    /// The address of a file
    #[arg(long, value_name = "URL", requires = "mime", conflicts_with = "body")]
    attachment: Option<String>,
    /// The file's media type, such as image/png
    #[arg(long, value_name = "TYPE", requires = "attachment")]
    mime: Option<String>,
    /// The platform's conversation, for platforms that do not find it themselves
    #[arg(long, value_name = "ID", conflicts_with = "body")]
    conversation_id: Option<String>,
    /// Ask for the conversation's id
    #[arg(long, conflicts_with = "body")]
    prefetch_conversation_id: bool,
}

/// A typing event.
#[derive(Debug, Args)]
pub(crate) struct Typing {
    #[command(flatten)]
    calling: Calling,
    /// The customer
    #[arg(long, value_name = "ADDRESS", required_unless_present = "body", conflicts_with = "body")]
    from: Option<String>,
}

/// A choice.
#[derive(Debug, Args)]
pub(crate) struct Response {
    #[command(flatten)]
    origin: Origin,
    /// The message that offered it, by the platform's id
    #[arg(long, value_name = "ID", required_unless_present = "body", conflicts_with = "body")]
    originating_message_id: Option<String>,
    /// What was chosen: Button, QuickReply or DatePicker
    #[arg(long = "type", value_name = "TYPE", default_value = "Button", conflicts_with = "body")]
    response_type: String,
    /// Its text
    #[arg(long, required_unless_present = "body", conflicts_with = "body")]
    text: Option<String>,
    /// Its payload; the text unless given
    #[arg(long, conflicts_with = "body")]
    payload: Option<String>,
}

impl Inbound {
    pub(crate) fn calling(&self) -> &Calling {
        match self {
            Self::Message(Message { origin, .. }) | Self::Response(Response { origin, .. }) => &origin.calling,
            Self::Typing(typing) => &typing.calling,
        }
    }

    pub(crate) fn route(&self) -> &'static str {
        match self {
            Self::Message(_) => "inbound/messages",
            Self::Typing(_) => "inbound/events",
            Self::Response(_) => "inbound/responses",
        }
    }

    pub(super) fn body(&self, key: &str) -> Made {
        match self {
            Self::Message(message) => {
                let mime = message.mime.clone().map(Value::from);
                let attachment =
                    message.attachment.clone().map(|url| object([("url", Some(url.into())), ("mime", mime)]));
                message.origin.with(
                    key,
                    object([
                        ("text", message.text.clone().map(Value::from)),
                        ("attachment", attachment),
                        ("conversationId", message.conversation_id.clone().map(Value::from)),
                        ("prefetchConversationId", message.prefetch_conversation_id.then_some(true.into())),
                    ]),
                )
            }
            Self::Typing(typing) => {
                let from = object([("id", typing.from.clone().map(Value::from))]);
                object([("eventType", Some("Typing".into())), ("from", Some(from))]).into()
            }
            Self::Response(response) => {
                let payload = response.payload.clone().or_else(|| response.text.clone());
                response.origin.with(
                    key,
                    object([
                        ("originatingMessageId", response.originating_message_id.clone().map(Value::from)),
                        ("type", Some(response.response_type.clone().into())),
                        ("text", response.text.clone().map(Value::from)),
                        ("payload", payload.map(Value::from)),
                    ]),
                )
            }
        }
    }
}

impl Origin {
    /// The body with who, when, and under which id: the same again under the same key, if the time is given.
    fn with(&self, key: &str, mut body: Value) -> Made {
        let from =
            object([("id", self.from.clone().map(Value::from)), ("nickname", self.nickname.clone().map(Value::from))]);
        let time = self.time.unwrap_or_else(Timestamp::now).to_string();
        let origin = object([
            ("messageId", Some(self.message_id.as_deref().unwrap_or(key).into())),
            ("from", Some(from)),
            ("time", Some(time.clone().into())),
        ]);
        if let (Value::Object(body), Value::Object(origin)) = (&mut body, origin) {
            body.extend(origin);
        }
        let options = if self.time.is_some() { String::new() } else { format!(" --time {time}") };
        Made { body, options }
    }
}
