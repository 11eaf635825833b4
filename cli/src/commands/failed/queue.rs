//! The parking queue: read as a whole, by one run at a time.

use super::extent::Extent;
use super::filter::Filter;
use super::message::FailedMessage;
use crate::clock::AwsClock;
use crate::failure::Failure;
use crate::output::Output;
use crate::sqs::{self, BATCH, refused};
use crate::stack::Stack;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::types::Message;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use shared::aws::sdk_error;
use shared::ledger::{Bid, Claim, Claimed, Lapsed, Ledger, key};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const NAME: &str = "the parking queue";
/// How many calls receive at the same time.
const RECEIVERS: usize = 4;
/// How long an empty queue is listened to, in seconds: with it SQS asks all of its servers.
const WAIT_SECONDS: i32 = 1;
/// How long a run may take at least, and how many messages it handles in a second at worst.
const MINIMUM_RUN: Duration = Duration::from_secs(30);
const MESSAGES_A_SECOND: u64 = 20;
/// How many messages one run reads: SQS lets 120,000 be in flight.
const MAXIMUM_MESSAGES: usize = 100_000;
/// How many bytes of them it keeps in memory.
const MAXIMUM_BYTES: usize = 512 * 1024 * 1024;
/// How long another run is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The parking queue, while no other run reads it. What a run has read is hidden from others, so that two at a time would
/// each see a part of a customer's messages, and none could keep their order.
pub(super) struct ParkingQueue {
    client: Client,
    url: String,
    /// The FIFO queue, which the dispatcher reads.
    source: String,
    ledger: Ledger,
    lease: Claim,
    /// How long what was received stays hidden, should we be cut off.
    hidden: Duration,
    /// By how much this machine's clock is ahead of AWS's: other runs go by another machine's.
    ahead: SignedDuration,
    /// The end of the time for this run. What it has received is hidden for longer.
    ends_at: Timestamp,
    /// The receipt handles of what was received, by the queue's ids.
    handles: HashMap<String, String>,
}

/// What is on it.
pub(super) struct Parked {
    pub(super) messages: Vec<FailedMessage>,
    pub(super) extent: Extent,
}

impl ParkingQueue {
    /// Waits until no other run reads the queue.
    pub(super) async fn open(stack: &Stack, output: Output) -> Result<Self, Failure> {
        let clock = AwsClock::default();
        let client = Client::from_conf(Builder::from(&stack.aws).interceptor(clock.clone()).build());
        let url = stack.output("ParkingQueueUrl").await?.to_owned();
        let source = stack.output("MessageQueueUrl").await?.to_owned();
        let ledger = Ledger::new(aws_sdk_dynamodb::Client::new(&stack.aws), stack.output("LedgerTable").await?);
        let sent = Timestamp::now();
        let length = sqs::length(&client, &url, NAME).await?.min(MAXIMUM_MESSAGES as u64);
        let ahead = clock.ahead(sent);
        let hidden = MINIMUM_RUN + Duration::from_secs(length / MESSAGES_A_SECOND);
        let lease = lease(&ledger, ahead, hidden * 2, output).await?;
        let ends_at = (Timestamp::now() - ahead).saturating_add(hidden).unwrap_or(Timestamp::MAX);
        Ok(Self { client, url, source, ledger, lease, hidden, ahead, ends_at, handles: HashMap::new() })
    }

    /// Reads the queue, and returns the messages that are wanted.
    pub(super) async fn read(&mut self, wanted: &Filter) -> Result<Parked, Failure> {
        let (mut messages, mut extent, mut bytes) = (HashMap::<String, FailedMessage>::new(), Extent::default(), 0);
        loop {
            let received = join_all((0..RECEIVERS).map(|_| self.receive())).await;
            let mut failure = None;
            let mut nothing_new = true;
            for message in received.into_iter().flat_map(|received| {
                received.unwrap_or_else(|error| {
                    failure = Some(error);
                    Vec::new()
                })
            }) {
                let (Some(id), Some(handle)) = (message.message_id(), message.receipt_handle()) else { continue };
                if self.handles.insert(id.to_owned(), handle.to_owned()).is_some() {
                    continue;
                }
                nothing_new = false;
                let body = message.body().unwrap_or_default();
                match FailedMessage::read(id, body) {
                    None => extent.unreadable += 1,
                    Some(read) if !wanted.matches(&read) => {}
                    Some(read) => match messages.get_mut(&read.parked.webhook_id) {
                        Some(known) => known.merge(read),
                        None => {
                            bytes += body.len();
                            messages.insert(read.parked.webhook_id.clone(), read);
                        }
                    },
                }
            }
            if let Some(failure) = failure {
                return Err(failure);
            }
            let full = self.handles.len() >= MAXIMUM_MESSAGES || bytes >= MAXIMUM_BYTES || self.is_over();
            if nothing_new || full {
                extent.cut = full && !nothing_new;
                return Ok(Parked { messages: messages.into_values().collect(), extent });
            }
        }
    }

    async fn receive(&self) -> Result<Vec<Message>, Failure> {
        let request = self.client.receive_message().queue_url(&self.url).wait_time_seconds(WAIT_SECONDS);
        let request = request.max_number_of_messages(i32::try_from(BATCH).unwrap_or(1));
        let answer = request.visibility_timeout(i32::try_from(self.hidden.as_secs()).unwrap_or(i32::MAX)).send().await;
        let answer = answer.map_err(|error| refused("the parking queue cannot be read")(&sdk_error(&error)))?;
        Ok(answer.messages.unwrap_or_default())
    }

    /// The time now, by AWS's clock.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::now() - self.ahead
    }

    /// Whether the time for this run is over: another may see what it has received.
    pub(super) fn is_over(&self) -> bool {
        self.now() >= self.ends_at
    }

    /// Puts a message back onto the queue that it came from, and takes all of its copies off this one.
    ///
    /// It is sent before it is deleted: if this is cut off in between, it stays here, and when it is replayed once more the
    /// ledger drops what was delivered.
    pub(super) async fn replay(&self, failed: &FailedMessage, replay_id: &str, at: Timestamp) -> Result<(), Failure> {
        let parked = &failed.parked;
        let body = parked.replayed(replay_id, at).map_err(|error| refused(NOT_SENT)(&error))?;
        let request = self.client.send_message().queue_url(&self.source).message_group_id(&parked.group);
        let request = request.message_deduplication_id(format!("{}-{replay_id}", parked.webhook_id)).message_body(body);
        request.send().await.map_err(|error| refused(NOT_SENT)(&sdk_error(&error)))?;
        for handle in failed.copies.iter().filter_map(|id| self.handles.get(id)) {
            let deletion = self.client.delete_message().queue_url(&self.url).receipt_handle(handle);
            deletion.send().await.map_err(|error| refused(NOT_DELETED)(&sdk_error(&error)))?;
        }
        Ok(())
    }

    /// These were deleted, and need not be made visible again.
    pub(super) fn forget(&mut self, copies: &[String]) {
        for id in copies {
            self.handles.remove(id);
        }
    }

    /// Makes what was read and not replayed visible again, and releases the lease. Where either fails, others wait until
    /// the lease ends: by then all is visible.
    pub(super) async fn close(self) {
        let handles: Vec<_> = self.handles.values().cloned().collect();
        if sqs::put_back(&self.client, &self.url, &handles).await {
            let _ = self.ledger.release(&self.lease, self.now()).await;
        }
    }

    /// About how many messages there are.
    pub(super) async fn length(stack: &Stack) -> Result<u64, Failure> {
        sqs::length(&Client::new(&stack.aws), stack.output("ParkingQueueUrl").await?, NAME).await
    }
}

const NOT_SENT: &str = "a message could not be put back onto the queue";
const NOT_DELETED: &str = "a message is on the queue again, and could not be taken off the parking queue";

/// Takes the lease, once no other run has it.
async fn lease(ledger: &Ledger, ahead: SignedDuration, duration: Duration, output: Output) -> Result<Claim, Failure> {
    let until = Instant::now() + PATIENCE;
    let mut said = false;
    loop {
        let now = Timestamp::now() - ahead;
        let bid = Bid {
            key: key::PARKING_QUEUE,
            now,
            until: now.saturating_add(duration).unwrap_or(Timestamp::MAX),
            fingerprint: None,
            lapsed: Lapsed::TakeOver,
        };
        match ledger.claim(bid).await.map_err(|error| Failure::Failed(error.to_string()))? {
            Claimed::Won(claim) => return Ok(claim),
            Claimed::InProgress { until: end, .. } if Instant::now() >= until => {
                return Err(Failure::Failed(format!(
                    "another run of `patchbay failed` reads the messages; at the latest it is over at {end}"
                )));
            }
            Claimed::InProgress { .. } => {
                if !said {
                    output.say("Another run of `patchbay failed` reads the messages; waiting for it ...");
                    said = true;
                }
                sleep(Duration::from_secs(1)).await;
            }
            Claimed::Settled(_) => return Err(Failure::Failed("the ledger holds what is never written".to_owned())),
        }
    }
}
