//! `patchbay failed`: messages that were refused or given up, and are kept on the parking queue.

mod extent;
mod filter;
mod message;
mod queue;
mod replay;

use crate::failure::Failure;
use crate::output::{Output, pairs, plain, table};
use crate::stack::Stack;
use clap::{Args, Subcommand};
use extent::{Extent, counted, numbers};
use filter::Filter;
use message::{FailedMessage, View};
use queue::{Parked, ParkingQueue};
use replay::Replay;
use serde::Serialize;
use std::collections::BTreeMap;

/// So many digits tell groups apart on a screen.
const GROUP_DIGITS: usize = 12;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the messages that are kept
    List(List),
    /// Show all that is known of them, one by one
    Show(Show),
    /// Put them back onto the queue, each customer's in their order, to be delivered under the same webhook-id
    Replay(Replay),
}

/// Which to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    filter: Filter,
}

/// Which to show.
#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    filter: Filter,
    /// Also show what the messaging service got: the text, and the customer's address
    #[arg(long)]
    show_text: bool,
}

/// What is kept.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    failed: Vec<View>,
    by_integration: BTreeMap<String, usize>,
    #[serde(flatten)]
    extent: Extent,
}

pub(crate) async fn run(command: Command, stack: &Stack, output: Output) -> Result<(), Failure> {
    match command {
        Command::List(List { filter }) => {
            let listing = Listing::read(stack, output, &filter, View::of).await?;
            output.result(&listing, Listing::rows);
        }
        Command::Show(Show { filter, show_text }) => {
            let view = if show_text { View::with_text } else { View::of };
            let listing = Listing::read(stack, output, &filter, view).await?;
            filter.insist_on(listing.failed.len())?;
            output.result(&listing, Listing::details);
        }
        Command::Replay(replay) => replay.run(stack, output).await?,
    }
    Ok(())
}

impl Listing {
    /// Reads what is kept, and leaves it there.
    async fn read(
        stack: &Stack,
        output: Output,
        filter: &Filter,
        view: fn(&FailedMessage) -> View,
    ) -> Result<Self, Failure> {
        let mut queue = ParkingQueue::open(stack, output).await?;
        let read = queue.read(filter).await;
        queue.close().await;
        let Parked { messages, extent } = read?;
        let mut wanted: Vec<_> = messages.iter().collect();
        wanted.sort_by_key(|message| (message.integration().to_owned(), message.parked.failed_at, message.place()));
        Ok(Self {
            by_integration: counted(wanted.iter().copied()),
            failed: wanted.into_iter().map(view).collect(),
            extent,
        })
    }

    /// A line for each.
    fn rows(&self) -> String {
        let mut parts = vec![match self.failed.as_slice() {
            [] => "No failed messages are kept that match.".to_owned(),
            failed => table(HEADINGS, failed.iter().map(row)),
        }];
        parts.extend((!self.failed.is_empty()).then(|| numbers(&self.by_integration)));
        parts.extend(self.extent.remarks());
        parts.join("\n\n")
    }

    /// A paragraph for each.
    fn details(&self) -> String {
        if self.failed.is_empty() {
            return self.rows();
        }
        self.failed.iter().map(details).chain(self.extent.remarks()).collect::<Vec<_>>().join("\n\n")
    }
}

const HEADINGS: [&str; 6] = ["integration", "kind", "message id", "reason", "failed", "customer's group"];

fn row(view: &View) -> [String; 6] {
    [
        view.integration.clone(),
        view.kind.to_owned(),
        view.message_id.clone(),
        view.why(),
        view.failed_at.to_string(),
        view.group.chars().take(GROUP_DIGITS).collect(),
    ]
}

fn details(view: &View) -> String {
    let mut lines = vec![
        ("integration", view.integration.clone()),
        ("kind", view.kind.to_owned()),
        ("message id", view.message_id.clone()),
        ("webhook-id", view.webhook_id.clone()),
        ("reason", view.why()),
        ("received", view.received_at.to_string()),
        ("failed", view.failed_at.to_string()),
    ];
    lines.extend(view.replayed_at.map(|at| ("replayed", at.to_string())));
    lines.extend(view.conversation_id.clone().map(|id| ("conversation id", id)));
    lines.push(("customer's group", view.group.clone()));
    let delivery = view.delivery.as_ref().and_then(|delivery| serde_json::to_string_pretty(delivery).ok());
    let delivery = delivery.map(|text| text.lines().map(plain).collect::<Vec<_>>().join("\n"));
    std::iter::once(pairs(lines)).chain(delivery).collect::<Vec<_>>().join("\n")
}
