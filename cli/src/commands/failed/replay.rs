//! `patchbay failed replay`.

use super::extent::{Extent, TOO_MANY, counted, numbers};
use super::filter::Filter;
use super::message::FailedMessage;
use super::queue::{Parked, ParkingQueue};
use crate::ask;
use crate::failure::Failure;
use crate::output::{Output, pairs};
use crate::stack::Stack;
use clap::Args;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;
use std::cell::Cell;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Of how many customers messages are sent at the same time.
const CONCURRENCY: usize = 16;
/// Progress is said after so many.
const PROGRESS_EVERY: usize = 500;

/// Which to replay.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    filter: Filter,
    /// Only say what would be replayed
    #[arg(long)]
    dry_run: bool,
    /// Replay even where more messages are kept than one run reads: a customer's messages may then arrive in another order
    #[arg(long)]
    any_order: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What was replayed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Replayed {
    dry_run: bool,
    /// What the log names the attempts by.
    replay_id: String,
    replayed: usize,
    by_integration: BTreeMap<String, usize>,
    #[serde(flatten)]
    extent: Extent,
}

/// One run's way through the messages.
struct Run<'r> {
    queue: &'r ParkingQueue,
    replay_id: &'r str,
    at: Timestamp,
    output: Output,
    sent: Cell<usize>,
    /// Whether something has failed: then all ends, each customer's messages after the last that was sent.
    stopped: Cell<bool>,
}

impl Replay {
    pub(super) async fn run(&self, stack: &Stack, output: Output) -> Result<(), Failure> {
        if !self.dry_run && !self.yes {
            ask::confirmed(&self.question(ParkingQueue::length(stack).await?), self.yes)?;
        }
        let mut queue = ParkingQueue::open(stack, output).await?;
        let result = self.replay(&mut queue, output).await;
        queue.close().await;
        let (replayed, failure) = result?;
        // What was done is said whatever has failed.
        output.result(&replayed, Replayed::human);
        match failure {
            Some(failure) => Err(failure),
            None if replayed.extent.cut => Err(Failure::Failed(format!("{TOO_MANY}: run this again for the rest"))),
            None => Ok(()),
        }
    }

    fn question(&self, length: u64) -> String {
        let which = self.filter.words();
        format!("Failed messages of all integrations: about {length}. Replay all{which}?")
    }

    async fn replay(&self, queue: &mut ParkingQueue, output: Output) -> Result<(Replayed, Option<Failure>), Failure> {
        let Parked { messages: wanted, extent } = queue.read(&self.filter).await?;
        self.filter.insist_on(wanted.len())?;
        let (replay_id, dry_run) = (Uuid::new_v4().to_string(), self.dry_run);
        let mut replayed =
            Replayed { dry_run, replay_id, replayed: wanted.len(), by_integration: BTreeMap::new(), extent };
        if dry_run {
            replayed.by_integration = counted(wanted.iter());
            return Ok((replayed, None));
        }
        if extent.cut && !self.any_order {
            return Err(Failure::Failed(format!(
                "{TOO_MANY}, so that customers' messages cannot be kept in order; nothing was replayed. --any-order replays \
                 what was read nevertheless"
            )));
        }
        let (sent, failure) = {
            let run = Run {
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
        (replayed.replayed, replayed.by_integration) = (sent.len(), counted(sent.iter()));
        Ok((replayed, failure))
    }
}

/// Each customer's messages in their order.
fn by_customer(messages: Vec<FailedMessage>) -> Vec<Vec<FailedMessage>> {
    let mut groups: BTreeMap<String, Vec<FailedMessage>> = BTreeMap::new();
    for message in messages {
        groups.entry(message.parked.group.clone()).or_default().push(message);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.iter_mut().for_each(|group| group.sort_by_key(FailedMessage::place));
    groups
}

impl Run<'_> {
    /// Sends several customers' messages side by side, each customer's one after the other. Returns what was sent, and what
    /// failed first.
    async fn send_all(&self, groups: Vec<Vec<FailedMessage>>) -> (Vec<FailedMessage>, Option<Failure>) {
        let ended = stream::iter(groups).map(|group| self.send_group(group)).buffer_unordered(CONCURRENCY);
        ended
            .fold((Vec::new(), None), async |(mut sent, failure), (more, failed)| {
                sent.extend(more);
                (sent, failure.or(failed))
            })
            .await
    }

    async fn send_group(&self, group: Vec<FailedMessage>) -> (Vec<FailedMessage>, Option<Failure>) {
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
                self.output.say(&format!("{} so far ...", self.sent.get()));
            }
            sent.push(message);
        }
        (sent, None)
    }

    async fn send(&self, message: &FailedMessage) -> Result<(), Failure> {
        if self.queue.is_over() {
            return Err(Failure::Failed("the time for one run is over: run this again for the rest".to_owned()));
        }
        self.queue.replay(message, self.replay_id, self.at).await
    }
}

impl Replayed {
    fn human(&self) -> String {
        let done = if self.dry_run { "would be replayed" } else { "replayed" };
        let mut lines = vec![(done, self.replayed.to_string())];
        lines.extend((!self.by_integration.is_empty()).then(|| ("of which", numbers(&self.by_integration))));
        lines.extend((!self.dry_run).then(|| ("replay id", self.replay_id.clone())));
        std::iter::once(pairs(lines)).chain(self.extent.remarks()).collect::<Vec<_>>().join("\n\n")
    }
}
