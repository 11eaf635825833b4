use super::body::{ID_TYPES, object};
use crate::api::client::CallerArgs;
use crate::ui::help::examples;
use clap::Args;
use serde_json::{Value, json};

#[derive(Debug, Args)]
#[command(
    override_usage = "patchbay send receipt <INTEGRATION> --message-id <ID> --to <ADDRESS> --status <STATUS> [OPTIONS]"
)]
#[command(after_help = examples(&[
    "patchbay send receipt acme --message-id c327c2078ca056db130c55ce648d9fa2 \\\n    --to customer-17 --status delivered",
    "patchbay send receipt acme --message-id c327c2078ca056db130c55ce648d9fa2 \\\n    --to customer-17 --status failed --reason '530=No such number'",
]))]
pub(crate) struct Receipt {
    #[command(flatten)]
    pub(crate) caller_args: CallerArgs,
    /// Id of the message, as delivered to the messaging service
    #[arg(long, value_name = "ID", required_unless_present = "body", conflicts_with = "body")]
    message_id: Option<String>,
    /// Address of the customer
    #[arg(long, value_name = "ADDRESS", required_unless_present = "body", conflicts_with = "body")]
    to: Option<String>,
    /// Type of the address: Email, Phone or Opaque
    #[arg(long, value_name = "TYPE", value_parser = ID_TYPES, ignore_case = true, hide_possible_values = true)]
    #[arg(conflicts_with = "body")]
    id_type: Option<String>,
    /// Status of the message: delivered, read, failed and so on
    #[arg(long, required_unless_present = "body", conflicts_with = "body")]
    status: Option<String>,
    /// Why it failed: a code such as InvalidDestination or 530, optionally with `=` and a message
    #[arg(long, value_name = "CODE[=MESSAGE]", conflicts_with = "body")]
    reason: Vec<String>,
    /// Id of the message as an email, for platforms that have one
    #[arg(long, value_name = "ID", conflicts_with = "body")]
    email_message_id: Option<String>,
    /// Further receipts for this message will follow
    #[arg(long, conflicts_with = "body")]
    not_final: bool,
}

impl Receipt {
    pub(crate) fn body(&self) -> Value {
        let to = object([("id", self.to.clone().map(Value::from)), ("idType", self.id_type.clone().map(Value::from))]);
        let reasons: Vec<_> = self.reason.iter().map(|reason| self::reason(reason)).collect();
        object([
            ("messageId", self.message_id.clone().map(Value::from)),
            ("emailMessageId", self.email_message_id.clone().map(Value::from)),
            ("to", Some(to)),
            ("status", self.status.clone().map(Value::from)),
            ("reasons", (!reasons.is_empty()).then_some(reasons.into())),
            ("isFinalReceipt", self.not_final.then_some(false.into())),
        ])
    }
}

/// A code by name or number, optionally with a message.
fn reason(text: &str) -> Value {
    let (code, message) = text.split_once('=').map_or((text, None), |(code, message)| (code, Some(message)));
    let code = code.parse::<u64>().map_or_else(|_| json!(code), |number| json!(number));
    object([("code", Some(code)), ("message", message.map(Value::from))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_name_or_a_number_with_an_optional_message() {
        assert_eq!(json!({"code": "InvalidDestination"}), reason("InvalidDestination"));
        assert_eq!(json!({"code": 530, "message": "No such number"}), reason("530=No such number"));
    }
}
