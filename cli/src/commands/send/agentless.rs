use super::body::{email, object};
use crate::api::client::CallerArgs;
use crate::ui::help::examples;
use crate::ui::values::time;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

#[derive(Debug, Args)]
#[command(override_usage = "patchbay send agentless <INTEGRATION> --to <ADDRESS> --text <TEXT> [OPTIONS]")]
#[command(after_help = examples(&[
    "patchbay send agentless acme --to customer-17 \\\n    --text 'Your parcel has arrived.'",
    "patchbay send agentless acme --to ada@example.com --channel Email \\\n    --subject 'Your parcel' --text 'It has arrived.'",
    "patchbay send agentless acme --body - --idempotency-key order-4712",
]))]
pub(crate) struct Agentless {
    #[command(flatten)]
    pub(crate) caller_args: CallerArgs,
    /// Address of the customer
    #[arg(long, value_name = "ADDRESS", required_unless_present_any = ["body", "external_contact_id"])]
    #[arg(conflicts_with_all = ["body", "external_contact_id"])]
    to: Option<String>,
    /// Id of the customer as an external contact of the platform
    #[arg(long, value_name = "ID", conflicts_with = "body")]
    external_contact_id: Option<String>,
    /// The text
    #[arg(long, required_unless_present_any = ["body", "html", "attachment"], conflicts_with = "body")]
    text: Option<String>,
    /// The messenger [default: open]
    #[arg(long, conflicts_with = "body")]
    messenger_type: Option<String>,
    /// The channel, for platforms with several: SMS, Email, WhatsApp and so on
    #[arg(long, conflicts_with = "body")]
    channel: Option<String>,
    /// Subject of an email
    #[arg(long, conflicts_with = "body")]
    subject: Option<String>,
    /// HTML of an email
    #[arg(long, conflicts_with = "body")]
    html: Option<String>,
    /// URL of a file
    #[arg(long, value_name = "URL", conflicts_with = "body")]
    attachment: Vec<String>,
    /// When to send it, such as 2026-01-02T03:04:05Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "body")]
    at: Option<Timestamp>,
    /// Use the customer's active conversation if there is one
    #[arg(long, conflicts_with = "body")]
    use_existing_conversation: bool,
}

impl Agentless {
    pub(crate) fn body(&self) -> Value {
        let attachments: Vec<_> = self.attachment.iter().map(|url| json!({ "url": url })).collect();
        object([
            ("toAddress", self.to.clone().map(Value::from)),
            ("externalContactId", self.external_contact_id.clone().map(Value::from)),
            ("textBody", self.text.clone().map(Value::from)),
            ("toAddressMessengerType", self.messenger_type.clone().map(Value::from)),
            ("channel", self.channel.clone().map(Value::from)),
            ("email", email(self.subject.as_deref(), self.html.as_deref())),
            ("attachments", (!attachments.is_empty()).then_some(attachments.into())),
            ("scheduledTimestamp", self.at.map(|at| at.as_second().into())),
            ("useExistingActiveConversation", self.use_existing_conversation.then_some(true.into())),
        ])
    }
}
