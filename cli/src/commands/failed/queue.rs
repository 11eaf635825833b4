//! The parking queue, read as a whole by one run at a time.

use super::coverage::Coverage;
use super::message::FailedMessage;
use crate::aws::clock::AwsClock;
use crate::aws::outputs;
use crate::aws::sqs::{self, BATCH_SIZE, operation_failed};
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::output::Output;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::types::Message;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use shared::aws::sdk_error;
use shared::ledger::{Acquire, Lease, LeaseRequest, Ledger, OnExpiredLease, key};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const NAME: &str = "the parking queue";
const RECEIVERS: usize = 4;
/// Of long polling: with it SQS queries all of its servers.
const WAIT_SECONDS: i32 = 1;
/// The time that a run may take: a minimum, and more at this worst-case throughput.
const MIN_RUN: Duration = Duration::from_secs(30);
const MESSAGES_PER_SECOND: u64 = 20;
/// How many messages one run reads: SQS allows 120,000 in flight.
const MAX_MESSAGES: usize = 100_000;
const MAX_BYTES: usize = 512 * 1024 * 1024;
/// How long to wait for another run.
const LEASE_WAIT: Duration = Duration::from_secs(60);

/// Holds the lease of the parking queue. A run hides the messages that it reads: two runs at a time would each see a
/// part of a customer's messages, and neither could keep their order.
pub(super) struct ParkingQueue {
    client: Client,
    url: String,
    /// The FIFO queue of the dispatcher.
    source: String,
    ledger: Ledger,
    lease: Lease,
    /// Received messages stay hidden for this long if the command is interrupted.
    visibility_timeout: Duration,
    /// How far this machine's clock is ahead of AWS's: other runs use other machines' clocks.
    clock_skew: SignedDuration,
    /// The deadline of this run. The messages that it received stay hidden for longer.
    ends_at: Timestamp,
    /// The receipt handles of received messages, by their ids on the queue.
    handles: HashMap<String, String>,
}

pub(super) struct ParkedMessages {
    pub(super) messages: Vec<FailedMessage>,
    pub(super) coverage: Coverage,
}

impl ParkingQueue {
    /// Works on the queue, and closes it whatever the result.
    pub(super) async fn with<T>(
        stack: &Stack,
        output: Output,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        let mut queue = Self::open(stack, output).await?;
        let result = work(&mut queue).await;
        queue.close().await;
        result
    }

    /// Acquires the lease: waits until no other run reads the queue.
    async fn open(stack: &Stack, output: Output) -> Result<Self, CliError> {
        let clock = AwsClock::default();
        let client = Client::from_conf(Builder::from(&stack.aws).interceptor(clock.clone()).build());
        let url = stack.output(outputs::PARKING_QUEUE_URL).await?.to_owned();
        let source = stack.output(outputs::MESSAGE_QUEUE_URL).await?.to_owned();
        let ledger = stack.ledger().await?;
        let sent = Timestamp::now();
        let length = sqs::message_count(&client, &url, NAME).await?.min(MAX_MESSAGES as u64);
        let clock_skew = clock.ahead(sent);
        let visibility_timeout = MIN_RUN + Duration::from_secs(length / MESSAGES_PER_SECOND);
        let lease = acquire_lease(&ledger, clock_skew, visibility_timeout * 2, output).await?;
        let ends_at = (Timestamp::now() - clock_skew).saturating_add(visibility_timeout).unwrap_or(Timestamp::MAX);
        Ok(Self {
            client,
            url,
            source,
            ledger,
            lease,
            visibility_timeout,
            clock_skew,
            ends_at,
            handles: HashMap::new(),
        })
    }

    /// Reads the queue, and returns the wanted messages.
    pub(super) async fn read(&mut self, wanted: impl Fn(&FailedMessage) -> bool) -> Result<ParkedMessages, CliError> {
        let (mut messages, mut coverage, mut bytes) = (HashMap::<String, FailedMessage>::new(), Coverage::default(), 0);
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
                    None => coverage.unreadable += 1,
                    Some(read) if !wanted(&read) => {}
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
            let full = self.handles.len() >= MAX_MESSAGES || bytes >= MAX_BYTES || self.is_expired();
            if nothing_new || full {
                coverage.truncated = full && !nothing_new;
                return Ok(ParkedMessages { messages: messages.into_values().collect(), coverage });
            }
        }
    }

    async fn receive(&self) -> Result<Vec<Message>, CliError> {
        let request = self.client.receive_message().queue_url(&self.url).wait_time_seconds(WAIT_SECONDS);
        let request = request.max_number_of_messages(i32::try_from(BATCH_SIZE).unwrap_or(1));
        let answer = request
            .visibility_timeout(i32::try_from(self.visibility_timeout.as_secs()).unwrap_or(i32::MAX))
            .send()
            .await;
        let answer =
            answer.map_err(|error| operation_failed("the parking queue cannot be read")(&sdk_error(&error)))?;
        Ok(answer.messages.unwrap_or_default())
    }

    /// By AWS's clock.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::now() - self.clock_skew
    }

    /// Whether the deadline of this run has passed: another run may soon see the same messages.
    pub(super) fn is_expired(&self) -> bool {
        self.now() >= self.ends_at
    }

    /// Sends a message to the queue that it came from, and deletes all of its copies here.
    ///
    /// It is sent before it is deleted: if this is interrupted in between, it stays here, and when it is replayed again
    /// the ledger drops what was delivered.
    pub(super) async fn replay(&self, failed: &FailedMessage, replay_id: &str, at: Timestamp) -> Result<(), CliError> {
        let parked = &failed.parked;
        let body = parked.to_replay(replay_id, at).map_err(|error| operation_failed(NOT_SENT)(&error))?;
        let request = self.client.send_message().queue_url(&self.source).message_group_id(&parked.group);
        let request = request.message_deduplication_id(format!("{}-{replay_id}", parked.webhook_id)).message_body(body);
        request.send().await.map_err(|error| operation_failed(NOT_SENT)(&sdk_error(&error)))?;
        self.delete(failed, SENT_NOT_DELETED).await
    }

    /// Deletes all copies of a message that is not to be replayed.
    pub(super) async fn discard(&self, failed: &FailedMessage) -> Result<(), CliError> {
        if self.is_expired() {
            return Err(time_is_up());
        }
        self.delete(failed, NOT_DELETED).await
    }

    async fn delete(&self, failed: &FailedMessage, problem: &'static str) -> Result<(), CliError> {
        for handle in failed.copies.iter().filter_map(|id| self.handles.get(id)) {
            let deletion = self.client.delete_message().queue_url(&self.url).receipt_handle(handle);
            deletion.send().await.map_err(|error| operation_failed(problem)(&sdk_error(&error)))?;
        }
        Ok(())
    }

    /// Deleted messages are not made visible again.
    pub(super) fn forget(&mut self, copies: &[String]) {
        for id in copies {
            self.handles.remove(id);
        }
    }

    /// Makes the messages that were not deleted visible, and releases the lease. If either fails, other runs wait
    /// until the lease expires: by then all messages are visible.
    async fn close(self) {
        let handles: Vec<_> = self.handles.values().cloned().collect();
        if sqs::make_visible(&self.client, &self.url, &handles).await {
            let _ = self.ledger.release(&self.lease, self.now()).await;
        }
    }

    /// The approximate number of messages.
    pub(super) async fn length(stack: &Stack) -> Result<u64, CliError> {
        sqs::message_count(&Client::new(&stack.aws), stack.output(outputs::PARKING_QUEUE_URL).await?, NAME).await
    }
}

const NOT_SENT: &str = "a message could not be sent to the direct lane";
/// Another run may see the same messages from now on.
pub(super) fn time_is_up() -> CliError {
    CliError::Failed("the time limit of one run is reached: run this again for the rest".to_owned())
}

const SENT_NOT_DELETED: &str = "a message was sent to the direct lane, but could not be deleted from the parking queue";
const NOT_DELETED: &str = "a message could not be deleted from the parking queue";

async fn acquire_lease(
    ledger: &Ledger,
    clock_skew: SignedDuration,
    duration: Duration,
    output: Output,
) -> Result<Lease, CliError> {
    let until = Instant::now() + LEASE_WAIT;
    let mut reported = false;
    loop {
        let now = Timestamp::now() - clock_skew;
        let request = LeaseRequest {
            key: key::PARKING_QUEUE,
            now,
            until: now.saturating_add(duration).unwrap_or(Timestamp::MAX),
            fingerprint: None,
            on_expired_lease: OnExpiredLease::Reclaim,
        };
        match ledger.acquire(request).await.map_err(|error| CliError::Failed(error.to_string()))? {
            Acquire::Acquired(lease) => return Ok(lease),
            Acquire::InProgress { until: end, .. } if Instant::now() >= until => {
                return Err(CliError::Failed(format!(
                    "another run of `patchbay failed` reads the messages; its lease expires at {end}"
                )));
            }
            Acquire::InProgress { .. } => {
                if !reported {
                    output.progress("Another run of `patchbay failed` reads the messages; waiting for it ...");
                    reported = true;
                }
                sleep(Duration::from_secs(1)).await;
            }
            Acquire::Completed(_) => return Err(CliError::Failed("unexpected record in the ledger".to_owned())),
        }
    }
}
