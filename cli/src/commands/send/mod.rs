//! `patchbay send`.

mod agentless;
mod body;
mod cancel;
mod card;
mod inbound;
mod receipt;

use crate::api::client::CallerArgs;
use crate::api::response::ApiResponse;
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::help::examples;
use crate::ui::input;
use crate::ui::output::{Output, key_values};
use body::RequestBody;
use clap::Subcommand;
use serde::Serialize;
use serde_json::Value;
use shared::api::problem::ProblemType;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send a message to a customer without an agent
    Agentless(agentless::Agentless),
    /// Cancel a scheduled message
    Cancel(cancel::Cancel),
    /// Send a card to a customer or to a user of the platform
    Card(card::Card),
    /// Report the delivery status of a message to the platform
    Receipt(receipt::Receipt),
    /// Send a customer's message, typing event or response
    #[command(subcommand, after_help = examples(&[
        "patchbay send inbound message acme --from customer-17 \\\n    --text 'Where is my parcel?'",
        "patchbay send inbound typing acme --from customer-17",
    ]))]
    Inbound(inbound::Inbound),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    #[serde(flatten)]
    response: &'a ApiResponse,
    idempotency_key: &'a str,
}

pub(crate) async fn run(command: Command, stack: &Stack, output: Output) -> Result<(), CliError> {
    match command {
        Command::Agentless(agentless) => {
            post(&agentless.caller_args, "agentless", |_| Ok(agentless.body().into()), stack, output).await
        }
        Command::Cancel(cancel) => {
            post(&cancel.caller_args, "agentless/cancel", |_| Ok(cancel.body().into()), stack, output).await
        }
        Command::Card(card) => {
            post(&card.caller_args, "cards", |_| card.body().map(RequestBody::from), stack, output).await
        }
        Command::Receipt(receipt) => {
            post(&receipt.caller_args, "receipts", |_| Ok(receipt.body().into()), stack, output).await
        }
        Command::Inbound(inbound) => {
            post(inbound.caller_args(), inbound.route(), |key| Ok(inbound.body(key)), stack, output).await
        }
    }
}

/// Posts the request, and prints the response.
async fn post(
    caller_args: &CallerArgs,
    route: &str,
    make: impl FnOnce(&str) -> Result<RequestBody, CliError>,
    stack: &Stack,
    output: Output,
) -> Result<(), CliError> {
    let key = caller_args.key();
    let (body, options) = match &caller_args.body {
        Some(path) => (input::read(path)?, String::new()),
        None => {
            let body = make(&key)?;
            (body.body.to_string().into_bytes(), body.retry_options)
        }
    };
    let another = match route {
        "inbound/messages" | "inbound/responses" => "another key and another message id",
        _ => "another key",
    };
    let retry_hint = format!(
        "Retry it with --idempotency-key '{key}'{options}: with the same key it is not done twice. Check whether it \
         was done before you send it with {another}."
    );
    let response = caller_args.post(stack, route, &key, body, &retry_hint, output).await?;
    let report = Report { response: &response, idempotency_key: &key };
    if response.is_success() {
        output.result(&report, human);
        return Ok(());
    }
    output.data(&report);
    let hint = match (response.problem(), response.status) {
        (Some(ProblemType::OutcomeUnknown), _) => Some(format!("It may have been done. {retry_hint}")),
        (_, 207 | 409 | 429 | 503) => Some(format!("Retry it with --idempotency-key '{key}'{options}.")),
        _ => None,
    };
    let lines: Vec<_> = std::iter::once(response.describe_error()).chain(hint).collect();
    Err(CliError::Failed(lines.join("\n  ")))
}

fn human(report: &Report<'_>) -> String {
    let replayed = if report.response.is_replayed() { ", replayed" } else { "" };
    let first = ("status", format!("{}{replayed}", report.response.status));
    // A receipt repeats the status of the response.
    let is_status = |name: &str, value: &Value| name == "status" && *value == report.response.status;
    let fields = report.response.body.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, value)| !is_status(name, value)).map(|(name, value)| {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name.as_str(), shown)
    });
    let last = ("idempotency key", report.idempotency_key.to_owned());
    key_values(std::iter::once(first).chain(fields).chain([last]))
}
