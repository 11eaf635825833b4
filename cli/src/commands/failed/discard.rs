//! `patchbay failed discard`.

use super::coverage::{Coverage, count_by_integration, counted, listed};
use super::filter::Filter;
use super::message::FailedMessage;
use super::queue::{ParkedMessages, ParkingQueue};
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::help::examples;
use crate::ui::output::{Output, key_values};
use crate::ui::prompt;
use clap::Args;
use futures::{StreamExt, stream};
use serde::Serialize;
use std::collections::BTreeMap;

/// The number of messages that are deleted at the same time.
const CONCURRENCY: usize = 16;

#[derive(Debug, Args)]
#[command(after_help = examples(&[
    "patchbay failed discard --message c327c2078ca056db130c55ce648d9fa2",
    "patchbay failed discard --integration acme --reason refused --dry-run",
]))]
pub(crate) struct Discard {
    #[command(flatten)]
    filter: Filter,
    /// Only print what would be deleted
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Discarded {
    dry_run: bool,
    discarded: usize,
    by_integration: BTreeMap<String, usize>,
    /// The platform's ids, or the `webhook-id` of a message without one.
    message_ids: Vec<String>,
    #[serde(flatten)]
    coverage: Coverage,
}

impl Discard {
    pub(super) async fn run(&self, stack: &Stack, output: Output) -> Result<(), CliError> {
        self.filter.require_selection()?;
        if !self.dry_run {
            let which = self.filter.describe();
            prompt::confirm(
                &format!("Delete all failed messages{which}? They cannot be replayed afterwards."),
                self.yes,
            )?;
        }
        let (discarded, failure) = ParkingQueue::with(stack, output, async |queue| self.discard(queue).await).await?;
        if failure.is_none() {
            self.filter.require_integration(stack, discarded.discarded).await?;
        }
        // The result is printed even if a message could not be deleted.
        output.result(&discarded, Discarded::human);
        failure.map_or_else(|| discarded.coverage.require_all(), Err)
    }

    async fn discard(&self, queue: &mut ParkingQueue) -> Result<(Discarded, Option<CliError>), CliError> {
        let ParkedMessages { messages: wanted, coverage } = queue.read(|message| self.filter.matches(message)).await?;
        self.filter.require_match(wanted.len())?;
        let (discarded, failure) = if self.dry_run { (wanted, None) } else { delete(queue, wanted).await };
        let mut message_ids: Vec<_> = discarded.iter().map(FailedMessage::shown_id).collect();
        message_ids.sort_unstable();
        let by_integration = count_by_integration(discarded.iter());
        let (dry_run, discarded) = (self.dry_run, discarded.len());
        Ok((Discarded { dry_run, discarded, by_integration, message_ids, coverage }, failure))
    }
}

/// Returns the deleted messages, and the first error.
async fn delete(queue: &mut ParkingQueue, messages: Vec<FailedMessage>) -> (Vec<FailedMessage>, Option<CliError>) {
    let deletions = stream::iter(messages).map(async |message| queue.discard(&message).await.map(|()| message));
    let ended: Vec<_> = deletions.buffer_unordered(CONCURRENCY).collect().await;
    let (mut deleted, mut first) = (Vec::new(), None);
    for end in ended {
        match end {
            Ok(message) => {
                queue.forget(&message.copies);
                deleted.push(message);
            }
            Err(failure) => first = first.or(Some(failure)),
        }
    }
    (deleted, first)
}

impl Discarded {
    fn human(&self) -> String {
        let done = if self.dry_run { "would be deleted" } else { "deleted" };
        let counts = counted(done, self.discarded, &self.by_integration);
        let parts = std::iter::once(key_values(counts)).chain(listed(&self.message_ids)).chain(self.coverage.notes());
        parts.collect::<Vec<_>>().join("\n\n")
    }
}
