use super::body::{ID_TYPES, RequestBody, email, object};
use crate::api::client::CallerArgs;
use crate::ui::help::examples;
use crate::ui::values::time;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::Value;

#[derive(Debug, Subcommand)]
pub(crate) enum Inbound {
    /// A message from the customer
    Message(Message),
    /// A typing event
    Typing(Typing),
    /// The customer's choice on a card or among quick replies
    Response(Response),
}

/// Options of messages and responses.
#[derive(Debug, Args)]
pub(crate) struct InboundArgs {
    #[command(flatten)]
    caller_args: CallerArgs,
    /// Address of the customer
    #[arg(long, value_name = "ADDRESS", required_unless_present = "body", conflicts_with = "body")]
    from: Option<String>,
    /// Type of the address: Email, Phone or Opaque [default: Opaque]
    #[arg(long, value_name = "TYPE", value_parser = ID_TYPES, ignore_case = true, hide_possible_values = true)]
    #[arg(conflicts_with = "body")]
    id_type: Option<String>,
    /// Name to show
    #[arg(long, value_name = "NAME", conflicts_with = "body")]
    nickname: Option<String>,
    /// The messaging service's message id [default: the idempotency key]
    #[arg(long, value_name = "ID", conflicts_with = "body")]
    message_id: Option<String>,
    /// Time of the event, such as 2026-01-02T03:04:05Z [default: now]
    #[arg(long, value_parser = time, conflicts_with = "body")]
    time: Option<Timestamp>,
}

#[derive(Debug, Args)]
#[command(override_usage = "patchbay send inbound message <INTEGRATION> --from <ADDRESS> --text <TEXT> [OPTIONS]")]
#[command(after_help = examples(&[
    "patchbay send inbound message acme --from customer-17 --nickname Ada \\\n    --text 'Where is my parcel?'",
    "patchbay send inbound message acme --from +15555550123 --id-type Phone \\\n    --text 'Where is my parcel?'",
    "patchbay send inbound message acme --from customer-17 \\\n    --attachment https://example.com/parcel.png --mime image/png",
]))]
pub(crate) struct Message {
    #[command(flatten)]
    args: InboundArgs,
    /// The text
    #[arg(long, required_unless_present_any = ["body", "attachment", "html"], conflicts_with = "body")]
    text: Option<String>,
    /// URL of a file
    #[arg(long, value_name = "URL", requires = "mime", conflicts_with = "body")]
    attachment: Option<String>,
    /// The file's media type, such as image/png
    #[arg(long, value_name = "TYPE", requires = "attachment")]
    mime: Option<String>,
    /// Subject of an email
    #[arg(long, conflicts_with = "body")]
    subject: Option<String>,
    /// HTML of an email
    #[arg(long, conflicts_with = "body")]
    html: Option<String>,
    /// The channel, for platforms with several: SMS, Email, WhatsApp and so on
    #[arg(long, conflicts_with = "body")]
    channel: Option<String>,
    /// Id of the conversation, for platforms with ids that customers' messages may name
    #[arg(long, value_name = "ID", conflicts_with = "body")]
    conversation_id: Option<String>,
    /// Request the conversation's id
    #[arg(long, conflicts_with = "body")]
    prefetch_conversation_id: bool,
}

#[derive(Debug, Args)]
#[command(override_usage = "patchbay send inbound typing <INTEGRATION> --from <ADDRESS> [OPTIONS]")]
#[command(after_help = examples(&[
    "patchbay send inbound typing acme --from customer-17",
]))]
pub(crate) struct Typing {
    #[command(flatten)]
    caller_args: CallerArgs,
    /// Address of the customer
    #[arg(long, value_name = "ADDRESS", required_unless_present = "body", conflicts_with = "body")]
    from: Option<String>,
    /// Id of the conversation, for platforms that need it
    #[arg(long, value_name = "ID", conflicts_with = "body")]
    conversation_id: Option<String>,
    /// Id of the visitor of the platform's live chat, for platforms that need it
    #[arg(long, value_name = "ID", conflicts_with = "body")]
    visitor_id: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    override_usage = "patchbay send inbound response <INTEGRATION> --from <ADDRESS> --originating-message-id <ID> --text <TEXT> [OPTIONS]"
)]
#[command(after_help = examples(&[
    "patchbay send inbound response acme --from customer-17 \\\n    --originating-message-id c327c2078ca056db130c55ce648d9fa2 \\\n    --text Tomorrow",
]))]
pub(crate) struct Response {
    #[command(flatten)]
    args: InboundArgs,
    /// The platform's id of the message that offered the choice
    #[arg(long, value_name = "ID", required_unless_present = "body", conflicts_with = "body")]
    originating_message_id: Option<String>,
    /// Type of the choice: Button, QuickReply or DatePicker
    #[arg(long = "type", value_name = "TYPE", default_value = "Button", conflicts_with = "body")]
    response_type: String,
    /// Text of the choice
    #[arg(long, required_unless_present = "body", conflicts_with = "body")]
    text: Option<String>,
    /// Payload of the choice [default: the text]
    #[arg(long, conflicts_with = "body")]
    payload: Option<String>,
}

impl Inbound {
    pub(crate) fn caller_args(&self) -> &CallerArgs {
        match self {
            Self::Message(Message { args, .. }) | Self::Response(Response { args, .. }) => &args.caller_args,
            Self::Typing(typing) => &typing.caller_args,
        }
    }

    pub(crate) fn route(&self) -> &'static str {
        match self {
            Self::Message(_) => "inbound/messages",
            Self::Typing(_) => "inbound/events",
            Self::Response(_) => "inbound/responses",
        }
    }

    pub(super) fn body(&self, key: &str) -> RequestBody {
        match self {
            Self::Message(message) => {
                let mime = message.mime.clone().map(Value::from);
                let attachment =
                    message.attachment.clone().map(|url| object([("url", Some(url.into())), ("mime", mime)]));
                message.args.with(
                    key,
                    object([
                        ("text", message.text.clone().map(Value::from)),
                        ("attachment", attachment),
                        ("email", email(message.subject.as_deref(), message.html.as_deref())),
                        ("channel", message.channel.clone().map(Value::from)),
                        ("conversationId", message.conversation_id.clone().map(Value::from)),
                        ("prefetchConversationId", message.prefetch_conversation_id.then_some(true.into())),
                    ]),
                )
            }
            Self::Typing(typing) => {
                let from = object([("id", typing.from.clone().map(Value::from))]);
                object([
                    ("eventType", Some("Typing".into())),
                    ("from", Some(from)),
                    ("conversationId", typing.conversation_id.clone().map(Value::from)),
                    ("visitorId", typing.visitor_id.clone().map(Value::from)),
                ])
                .into()
            }
            Self::Response(response) => {
                let payload = response.payload.clone().or_else(|| response.text.clone());
                response.args.with(
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

impl InboundArgs {
    /// Adds sender, time and message id to `body`. With the same key and an explicit time the body is the same again.
    fn with(&self, key: &str, mut body: Value) -> RequestBody {
        let from = object([
            ("id", self.from.clone().map(Value::from)),
            ("idType", self.id_type.clone().map(Value::from)),
            ("nickname", self.nickname.clone().map(Value::from)),
        ]);
        let time = self.time.unwrap_or_else(Timestamp::now).to_string();
        let args = object([
            ("messageId", Some(self.message_id.as_deref().unwrap_or(key).into())),
            ("from", Some(from)),
            ("time", Some(time.clone().into())),
        ]);
        if let (Value::Object(body), Value::Object(args)) = (&mut body, args) {
            body.extend(args);
        }
        let retry_options = if self.time.is_some() { String::new() } else { format!(" --time {time}") };
        RequestBody { body, retry_options }
    }
}
