//! `patchbay failed`: messages that were refused or given up are kept on the parking queue.

mod coverage;
mod discard;
mod filter;
mod message;
mod queue;
mod replay;

use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::help::examples;
use crate::ui::output::{Output, key_values, sanitize, seconds, short_group};
use crate::ui::table::Column::{self, Optional, Required};
use crate::ui::table::table;
use clap::{Args, Subcommand};
use coverage::{Coverage, count_by_integration, format_counts};
use discard::Discard;
use filter::Filter;
pub(crate) use message::{FailedMessage, View};
use queue::{ParkedMessages, ParkingQueue};
use replay::Replay;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the failed messages
    List(List),
    /// Show the details of the failed messages
    Show(Show),
    /// Send them to the direct lane again, each customer's in order, to be delivered with the same webhook-id
    Replay(Replay),
    /// Delete those that must not be delivered any more
    Discard(Discard),
}

#[derive(Debug, Args)]
#[command(after_help = examples(&[
    "patchbay failed list",
    "patchbay failed list --integration acme --since 2d",
]))]
pub(crate) struct List {
    #[command(flatten)]
    filter: Filter,
}

#[derive(Debug, Args)]
#[command(after_help = examples(&[
    "patchbay failed show --message c327c2078ca056db130c55ce648d9fa2",
    "patchbay failed show --integration acme --since 12h --show-text",
]))]
pub(crate) struct Show {
    #[command(flatten)]
    filter: Filter,
    /// Also show the delivery's payload: the text, and the customer's address
    #[arg(long)]
    show_text: bool,
}

/// Kept messages, in order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Listing {
    pub(crate) failed: Vec<View>,
    by_integration: BTreeMap<String, usize>,
    #[serde(flatten)]
    pub(crate) coverage: Coverage,
}

pub(crate) async fn run(command: Command, stack: &Stack, output: Output) -> Result<(), CliError> {
    match command {
        Command::List(List { filter }) => {
            let listing = matching(stack, output, &filter, View::new).await?;
            output.result(&listing, Listing::rows);
        }
        Command::Show(Show { filter, show_text }) => {
            let view = if show_text { View::with_text } else { View::new };
            let listing = matching(stack, output, &filter, view).await?;
            filter.require_match(listing.failed.len())?;
            output.result(&listing, Listing::details);
        }
        Command::Replay(replay) => replay.run(stack, output).await?,
        Command::Discard(discard) => discard.run(stack, output).await?,
    }
    Ok(())
}

async fn matching(
    stack: &Stack,
    output: Output,
    filter: &Filter,
    view: fn(&FailedMessage) -> View,
) -> Result<Listing, CliError> {
    let listing = Listing::read(stack, output, |message| filter.matches(message), view).await?;
    filter.require_integration(stack, listing.failed.len()).await?;
    Ok(listing)
}

impl Listing {
    /// Reads the messages without removing them.
    pub(crate) async fn read(
        stack: &Stack,
        output: Output,
        wanted: impl Fn(&FailedMessage) -> bool,
        view: fn(&FailedMessage) -> View,
    ) -> Result<Self, CliError> {
        let read = ParkingQueue::with(stack, output, async |queue| queue.read(wanted).await).await?;
        let ParkedMessages { messages, coverage } = read;
        let mut wanted: Vec<_> = messages.iter().collect();
        wanted.sort_by_key(|message| (message.integration().to_owned(), message.parked.failed_at, message.sequence()));
        Ok(Self {
            by_integration: count_by_integration(wanted.iter().copied()),
            failed: wanted.into_iter().map(view).collect(),
            coverage,
        })
    }

    fn rows(&self) -> String {
        let mut parts = vec![match self.failed.as_slice() {
            [] => "No matching failed messages are kept.".to_owned(),
            failed => table(COLUMNS, failed.iter().map(row)),
        }];
        parts.extend((!self.failed.is_empty()).then(|| format_counts(&self.by_integration)));
        parts.extend(self.coverage.notes());
        parts.join("\n\n")
    }

    fn details(&self) -> String {
        if self.failed.is_empty() {
            return self.rows();
        }
        self.failed.iter().map(details).chain(self.coverage.notes()).collect::<Vec<_>>().join("\n\n")
    }
}

const COLUMNS: [Column; 6] = [
    Required("integration"),
    Optional("kind"),
    Required("message id"),
    Required("reason"),
    Optional("failed"),
    Optional("customer's group"),
];

fn row(view: &View) -> [String; 6] {
    [
        view.integration.clone(),
        view.kind.to_owned(),
        view.message_id.clone(),
        view.failure_reason(),
        seconds(view.failed_at),
        short_group(&view.group),
    ]
}

fn details(view: &View) -> String {
    let mut lines = vec![
        ("integration", view.integration.clone()),
        ("kind", view.kind.to_owned()),
        ("message id", view.message_id.clone()),
        ("webhook-id", view.webhook_id.clone()),
        ("reason", view.failure_reason()),
        ("received", view.received_at.to_string()),
        ("failed", view.failed_at.to_string()),
    ];
    lines.extend(view.replayed_at.map(|at| ("replayed", at.to_string())));
    lines.extend(view.conversation_id.clone().map(|id| ("conversation id", id)));
    lines.push(("customer's group", view.group.clone()));
    let content = view.delivery.as_ref().or(view.request.as_ref());
    lines.extend(content.and_then(customer).map(|address| ("customer", address)));
    let delivery = content.and_then(|delivery| serde_json::to_string_pretty(delivery).ok());
    let delivery = delivery.map(|text| text.lines().map(sanitize).collect::<Vec<_>>().join("\n"));
    std::iter::once(key_values(lines)).chain(delivery).collect::<Vec<_>>().join("\n")
}

/// The address in the payload of a delivery, or in a request to the platform.
fn customer(content: &Value) -> Option<String> {
    let address = content.pointer("/data/to/id").or_else(|| content.pointer("/from/id"))?;
    address.as_str().map(str::to_owned)
}
