//! `patchbay failed replay`.

use super::coverage::{Coverage, TOO_MANY, count_by_integration, counted, listed};
use super::filter::Filter;
use super::message::FailedMessage;
use super::queue::{ParkedMessages, ParkingQueue, time_is_up};
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::help::examples;
use crate::ui::output::{Output, key_values};
use crate::ui::prompt;
use clap::Args;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;
use shared::delivery::record::OUTCOME_UNKNOWN;
use std::cell::Cell;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The number of customers whose messages are sent at the same time.
const CONCURRENCY: usize = 16;
/// Progress is printed after this many messages.
const PROGRESS_EVERY: usize = 500;

#[derive(Debug, Args)]
#[command(after_help = examples(&[
    "patchbay failed replay --integration acme --since 2d --dry-run",
    "patchbay failed replay --integration acme --reason expired,gone --yes",
    "patchbay failed replay --message c327c2078ca056db130c55ce648d9fa2 --yes",
]))]
pub(crate) struct Replay {
    #[command(flatten)]
    filter: Filter,
    /// Only print what would be replayed
    #[arg(long)]
    dry_run: bool,
    /// Replay even if more messages are kept than one run reads: a customer's messages may then arrive out of sequence
    #[arg(long)]
    any_order: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Replayed {
    dry_run: bool,
    /// The id of the replayed attempts in the log.
    replay_id: String,
    replayed: usize,
    by_integration: BTreeMap<String, usize>,
    /// How many were left out, because they may have arrived.
    left_out: usize,
    /// What would be replayed: the platform's ids, or the `webhook-id` of a message without one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    message_ids: Vec<String>,
    #[serde(flatten)]
    coverage: Coverage,
}

struct ReplayRun<'r> {
    queue: &'r ParkingQueue,
    replay_id: &'r str,
    at: Timestamp,
    output: Output,
    sent: Cell<usize>,
    /// Set by the first error: no further message is sent, so that each customer's order is kept.
    stopped: Cell<bool>,
}

impl Replay {
    pub(super) async fn run(&self, stack: &Stack, output: Output) -> Result<(), CliError> {
        if !self.dry_run && !self.yes {
            prompt::confirm(&self.question(ParkingQueue::length(stack).await?), self.yes)?;
        }
        let (replayed, failure) =
            ParkingQueue::with(stack, output, async |queue| self.replay(queue, output).await).await?;
        if failure.is_none() {
            self.filter.require_integration(stack, replayed.replayed + replayed.left_out).await?;
        }
        // The result is printed even if a message failed.
        output.result(&replayed, Replayed::human);
        failure.map_or_else(|| replayed.coverage.require_all(), Err)
    }

    fn question(&self, length: u64) -> String {
        let which = self.filter.describe();
        let but = if self.filter.leaves_out_unknown() { ", but not those that may have arrived" } else { "" };
        format!("Failed messages of all integrations: about {length}. Replay all{which}{but}?")
    }

    async fn replay(&self, queue: &mut ParkingQueue, output: Output) -> Result<(Replayed, Option<CliError>), CliError> {
        let ParkedMessages { messages, coverage } = queue.read(|message| self.filter.matches(message)).await?;
        self.filter.require_match(messages.len())?;
        let (unknown, wanted): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| self.filter.leaves_out_of_replay(message));
        let (replay_id, dry_run) = (Uuid::new_v4().to_string(), self.dry_run);
        let mut replayed = Replayed {
            dry_run,
            replay_id,
            replayed: wanted.len(),
            by_integration: BTreeMap::new(),
            left_out: unknown.len(),
            message_ids: Vec::new(),
            coverage,
        };
        if dry_run {
            replayed.by_integration = count_by_integration(wanted.iter());
            replayed.message_ids = by_customer(wanted).iter().flatten().map(FailedMessage::shown_id).collect();
            return Ok((replayed, None));
        }
        if coverage.truncated && !self.any_order {
            return Err(CliError::Failed(format!(
                "{TOO_MANY}, so customers' messages cannot be kept in order; nothing was replayed. --any-order replays \
                 anyway"
            )));
        }
        let (sent, failure) = {
            let run = ReplayRun {
                queue,
                replay_id: &replayed.replay_id,
                at: queue.now(),
                output,
                sent: Cell::default(),
                stopped: Cell::default(),
            };
            run.send_all(by_customer(wanted)).await
        };
        for message in &sent {
            queue.forget(&message.copies);
        }
        (replayed.replayed, replayed.by_integration) = (sent.len(), count_by_integration(sent.iter()));
        Ok((replayed, failure))
    }
}

/// Groups the messages by customer, each group in order.
fn by_customer(messages: Vec<FailedMessage>) -> Vec<Vec<FailedMessage>> {
    let mut groups: BTreeMap<String, Vec<FailedMessage>> = BTreeMap::new();
    for message in messages {
        groups.entry(message.parked.group.clone()).or_default().push(message);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.iter_mut().for_each(|group| group.sort_by_key(FailedMessage::sequence));
    groups
}

impl ReplayRun<'_> {
    /// Sends several customers' messages in parallel, each customer's sequentially. Returns the sent messages, and the
    /// first error.
    async fn send_all(&self, groups: Vec<Vec<FailedMessage>>) -> (Vec<FailedMessage>, Option<CliError>) {
        let ended = stream::iter(groups).map(|group| self.send_group(group)).buffer_unordered(CONCURRENCY);
        ended
            .fold((Vec::new(), None), async |(mut sent, failure), (more, failed)| {
                sent.extend(more);
                (sent, failure.or(failed))
            })
            .await
    }

    async fn send_group(&self, group: Vec<FailedMessage>) -> (Vec<FailedMessage>, Option<CliError>) {
        let mut sent = Vec::new();
        for message in group {
            if self.stopped.get() {
                break;
            }
            if let Err(failure) = self.send(&message).await {
                self.stopped.set(true);
                return (sent, Some(failure));
            }
            self.sent.set(self.sent.get() + 1);
            if self.sent.get().is_multiple_of(PROGRESS_EVERY) {
                self.output.progress(&format!("{} so far ...", self.sent.get()));
            }
            sent.push(message);
        }
        (sent, None)
    }

    async fn send(&self, message: &FailedMessage) -> Result<(), CliError> {
        if self.queue.is_expired() {
            return Err(time_is_up());
        }
        self.queue.replay(message, self.replay_id, self.at).await
    }
}

impl Replayed {
    fn human(&self) -> String {
        let done = if self.dry_run { "would be replayed" } else { "replayed" };
        let mut lines = counted(done, self.replayed, &self.by_integration);
        lines.extend((!self.dry_run).then(|| ("replay id", self.replay_id.clone())));
        std::iter::once(key_values(lines))
            .chain(listed(&self.message_ids))
            .chain((self.left_out > 0).then(|| {
                format!(
                    "Left out because they may have arrived: {}. With `--reason {OUTCOME_UNKNOWN}` this command replays those.",
                    self.left_out
                )
            }))
            .chain(self.coverage.notes())
            .collect::<Vec<_>>()
            .join("\n\n")
    }
}
