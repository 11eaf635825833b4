//! Texts of messages, where they are still kept and can be read: the parking queue and the dead-letter queue.

use crate::aws::stack::Stack;
use crate::commands::{dead_letters, failed};
use crate::error::CliError;
use crate::ui::output::{Output, key_values, sanitize};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashSet;

/// The payload of a delivery, with text and addresses.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeptText {
    kept_on: &'static str,
    webhook_id: String,
    delivery: Value,
}

/// Finds those with this id or one of these `webhook-id`s.
pub(super) async fn find(
    stack: &Stack,
    output: Output,
    id: &str,
    webhook_ids: &HashSet<String>,
) -> Result<Vec<KeptText>, CliError> {
    let is_wanted = |webhook_id: &str, ids: [Option<&str>; 2]| {
        webhook_id == id || webhook_ids.contains(webhook_id) || ids.contains(&Some(id))
    };
    let failed_wanted = |message: &failed::FailedMessage| {
        is_wanted(&message.parked.webhook_id, [Some(message.message_id()), message.conversation_id()])
    };
    let parked = failed::Listing::read(stack, output, failed_wanted, failed::View::with_text).await?;
    let parked = parked.failed.into_iter().filter_map(|view| {
        Some(KeptText { kept_on: "parking queue", webhook_id: view.webhook_id, delivery: view.delivery? })
    });
    let dead_letters =
        dead_letters::deliveries(stack, |webhook_id, message_id| is_wanted(webhook_id, [message_id, None]));
    let dead_letters = dead_letters.await?.into_iter().map(|(webhook_id, delivery)| KeptText {
        kept_on: "dead-letter queue",
        webhook_id,
        delivery,
    });
    Ok(parked.chain(dead_letters).collect())
}

impl KeptText {
    pub(super) fn describe(&self) -> String {
        let heading =
            key_values([("webhook-id", self.webhook_id.clone()), ("kept on", format!("the {}", self.kept_on))]);
        let delivery = serde_json::to_string_pretty(&self.delivery).unwrap_or_default();
        std::iter::once(heading).chain(delivery.lines().map(sanitize)).collect::<Vec<_>>().join("\n")
    }
}
