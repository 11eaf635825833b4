use super::body::object;
use crate::api::client::CallerArgs;
use clap::Args;
use serde_json::Value;

#[derive(Debug, Args)]
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
    #[arg(long, required_unless_present = "body", conflicts_with = "body")]
    text: Option<String>,
    /// The messenger [default: open]
    #[arg(long, conflicts_with = "body")]
    messenger_type: Option<String>,
    /// Use the customer's active conversation if there is one
    #[arg(long, conflicts_with = "body")]
    use_existing_conversation: bool,
}

impl Agentless {
    pub(crate) fn body(&self) -> Value {
        object([
            ("toAddress", self.to.clone().map(Value::from)),
            ("externalContactId", self.external_contact_id.clone().map(Value::from)),
            ("textBody", self.text.clone().map(Value::from)),
            ("toAddressMessengerType", self.messenger_type.clone().map(Value::from)),
            ("useExistingActiveConversation", self.use_existing_conversation.then_some(true.into())),
        ])
    }
}
