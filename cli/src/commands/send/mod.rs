//! `patchbay send`.

mod agentless;
mod body;
mod card;
mod inbound;
mod receipt;

use crate::answer::Answer;
use crate::caller::Calling;
use crate::failure::Failure;
use crate::file;
use crate::output::{Output, pairs};
use crate::stack::Stack;
use body::Made;
use clap::Subcommand;
use serde::Serialize;
use serde_json::Value;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A message to a customer that no agent writes
    Agentless(agentless::Agentless),
    /// A card, to a customer or to a user of the platform
    Card(card::Card),
    /// What became of a message, as the messaging service tells it
    Receipt(receipt::Receipt),
    /// What a customer does
    #[command(subcommand)]
    Inbound(inbound::Inbound),
}

/// What programs get.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    #[serde(flatten)]
    answer: &'a Answer,
    idempotency_key: &'a str,
}

pub(crate) async fn run(command: Command, stack: &Stack, output: Output) -> Result<(), Failure> {
    match command {
        Command::Agentless(agentless) => {
            post(&agentless.calling, "agentless", |_| Ok(agentless.body().into()), stack, output).await
        }
        Command::Card(card) => post(&card.calling, "cards", |_| card.body().map(Made::from), stack, output).await,
        Command::Receipt(receipt) => {
            post(&receipt.calling, "receipts", |_| Ok(receipt.body().into()), stack, output).await
        }
        Command::Inbound(inbound) => {
            post(inbound.calling(), inbound.route(), |key| Ok(inbound.body(key)), stack, output).await
        }
    }
}

/// Posts what was asked for, and shows the answer.
async fn post(
    calling: &Calling,
    route: &str,
    make: impl FnOnce(&str) -> Result<Made, Failure>,
    stack: &Stack,
    output: Output,
) -> Result<(), Failure> {
    let key = calling.key();
    let (body, options) = match &calling.body {
        Some(path) => (file::read(path)?, String::new()),
        None => {
            let made = make(&key)?;
            (made.body.to_string().into_bytes(), made.options)
        }
    };
    let another = match route {
        "inbound/messages" | "inbound/responses" => "another key and another message id",
        _ => "another key",
    };
    let again = format!(
        "With the same key it is not done twice: repeat it with --idempotency-key '{key}'{options}. See whether it has \
         been done before you send it under {another}."
    );
    let answer = calling.post(stack, route, &key, body, &again).await?;
    let report = Report { answer: &answer, idempotency_key: &key };
    if answer.is_good() {
        output.result(&report, human);
        return Ok(());
    }
    output.data(&report);
    let hint = match (answer.problem(), answer.status) {
        (Some("outcome-unknown"), _) => Some(format!("Unknown is neither done nor refused. {again}")),
        (_, 207 | 409 | 429 | 503) => Some(format!("Repeat it with --idempotency-key '{key}'{options}.")),
        _ => None,
    };
    let lines: Vec<_> = std::iter::once(answer.trouble()).chain(hint).collect();
    Err(Failure::Failed(lines.join("\n  ")))
}

fn human(report: &Report<'_>) -> String {
    let replayed = if report.answer.is_replayed() { ", as it was answered before" } else { "" };
    let first = ("status", format!("{}{replayed}", report.answer.status));
    // What a receipt's own row would say is above it.
    let said = |name: &str, value: &Value| name == "status" && *value == report.answer.status;
    let fields = report.answer.body.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, value)| !said(name, value)).map(|(name, value)| {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name.as_str(), shown)
    });
    let last = ("idempotency key", report.idempotency_key.to_owned());
    pairs(std::iter::once(first).chain(fields).chain([last]))
}
