use super::message::DeadLetter;
use crate::aws::outputs;
use crate::aws::sqs::{self, BATCH_SIZE, operation_failed};
use crate::aws::stack::Stack;
use crate::error::CliError;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use shared::aws::sdk_error;
use std::collections::HashSet;
use std::time::Duration;

/// Of long polling: a short poll may miss messages.
const WAIT_SECONDS: i32 = 1;
/// On a long queue, messages become visible again before the end is reached. The walk ends after this many repeated
/// receives, in addition to one for each message.
const MAX_REPEATED_RECEIVES: usize = 200;

/// The dead-letter queue, and the source queue of its messages.
pub(super) struct DeadLetterQueue {
    client: Client,
    url: String,
    source: String,
    /// Received messages stay hidden for this long if the command is interrupted.
    visibility_timeout: Duration,
    /// The ids of the messages received so far.
    seen: HashSet<String>,
    /// The number of repeated receives.
    repeats: usize,
    /// The receipt handles of the messages to release.
    hidden: Vec<String>,
}

impl DeadLetterQueue {
    pub(super) async fn open(stack: &Stack, visibility_timeout: Duration) -> Result<Self, CliError> {
        Ok(Self {
            client: Client::new(&stack.aws),
            url: stack.output(outputs::DEAD_LETTER_QUEUE_URL).await?.to_owned(),
            source: stack.output(outputs::MESSAGE_QUEUE_URL).await?.to_owned(),
            visibility_timeout,
            seen: HashSet::new(),
            repeats: 0,
            hidden: Vec::new(),
        })
    }

    /// The approximate number of messages.
    pub(super) async fn length(&self) -> Result<u64, CliError> {
        sqs::message_count(&self.client, &self.url, "the dead-letter queue").await
    }

    /// Receives up to `wanted` messages, and returns those that were not received before (possibly none). `None` if the
    /// queue returns no more, or if the walk is exhausted (see [`Self::is_exhausted`]).
    ///
    /// A received message hides itself and the rest of its group until it is released or deleted.
    pub(super) async fn receive(&mut self, wanted: usize) -> Result<Option<Vec<DeadLetter>>, CliError> {
        if self.is_exhausted() {
            return Ok(None);
        }
        let count = i32::try_from(wanted.clamp(1, BATCH_SIZE)).unwrap_or(1);
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(count)
            .visibility_timeout(i32::try_from(self.visibility_timeout.as_secs()).unwrap_or(i32::MAX))
            .wait_time_seconds(WAIT_SECONDS)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .map_err(|error| operation_failed("the dead-letter queue cannot be read")(&sdk_error(&error)))?;
        let messages = answer.messages.unwrap_or_default();
        if messages.is_empty() {
            return Ok(None);
        }
        let mut new = Vec::new();
        for message in messages {
            let handle = message.receipt_handle().map(str::to_owned);
            match DeadLetter::read(message) {
                Some(dead_letter) if self.seen.insert(dead_letter.id.clone()) => new.push(dead_letter),
                _ => {
                    self.hidden.extend(handle);
                    self.repeats += 1;
                }
            }
        }
        Ok(Some(new))
    }

    /// Whether the queue is too long: messages became visible again before its end was reached.
    pub(super) fn is_exhausted(&self) -> bool {
        self.repeats > self.seen.len() + MAX_REPEATED_RECEIVES
    }

    /// Keeps a message hidden until [`Self::release`].
    pub(super) fn keep_hidden(&mut self, dead_letter: &DeadLetter) {
        self.hidden.push(dead_letter.receipt_handle.clone());
    }

    /// Makes the hidden messages visible. If that fails, they become visible when their visibility timeout ends.
    pub(super) async fn release(&mut self) {
        let _ = sqs::make_visible(&self.client, &self.url, &std::mem::take(&mut self.hidden)).await;
    }

    /// Moves a message to the end of its group on the source queue.
    ///
    /// It is sent before it is deleted, so that it may be duplicated but is never lost; the ledger drops the duplicate.
    /// The deduplication id is derived from the id on this queue: SQS would silently drop the original one within five
    /// minutes, and a random one would not deduplicate a message that was sent but not deleted. If the message moves
    /// here again, it has a new id.
    pub(super) async fn redrive(&self, dead_letter: &DeadLetter) -> Result<(), CliError> {
        let sent = self
            .client
            .send_message()
            .queue_url(&self.source)
            .message_group_id(&dead_letter.group)
            .message_deduplication_id(format!("redrive-{}", dead_letter.id))
            .message_body(&dead_letter.body)
            .send()
            .await;
        sent.map_err(|error| operation_failed("a message could not be sent to the direct lane")(&sdk_error(&error)))?;
        let deletion = self.client.delete_message().queue_url(&self.url).receipt_handle(&dead_letter.receipt_handle);
        deletion.send().await.map(drop).map_err(|error| {
            operation_failed(
                "a message was sent to the direct lane, but could not be deleted from the dead-letter queue",
            )(&sdk_error(&error))
        })
    }
}
