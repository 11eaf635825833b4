use super::body::object;
use crate::api::client::CallerArgs;
use crate::ui::help::examples;
use clap::Args;
use serde_json::Value;

#[derive(Debug, Args)]
#[command(override_usage = "patchbay send cancel <INTEGRATION> --message-id <ID> [OPTIONS]")]
#[command(after_help = examples(&[
    "patchbay send cancel acme --message-id GKJxs4P5L8dWc5CFUITM",
]))]
pub(crate) struct Cancel {
    #[command(flatten)]
    pub(crate) caller_args: CallerArgs,
    /// Id of the message
    #[arg(long, value_name = "ID", required_unless_present_any = ["body", "email_message_id"])]
    #[arg(conflicts_with_all = ["body", "email_message_id"])]
    message_id: Option<String>,
    /// Instead: id of the message as an email
    #[arg(long, value_name = "ID", conflicts_with = "body")]
    email_message_id: Option<String>,
}

impl Cancel {
    pub(crate) fn body(&self) -> Value {
        object([
            ("messageId", self.message_id.clone().map(Value::from)),
            ("emailMessageId", self.email_message_id.clone().map(Value::from)),
        ])
    }
}
