//! The dead-letter queue.

use super::letter::Letter;
use crate::failure::Failure;
use crate::sqs::{self, BATCH, refused};
use crate::stack::Stack;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use shared::aws::sdk_error;
use std::collections::HashSet;
use std::time::Duration;

/// How long an empty queue is listened to, in seconds: a short look may miss what is there.
const LISTEN: i32 = 1;
/// What was looked at comes back when it has been hidden for long enough: on a long queue again and again, before all
/// has been looked at. More often than this, and than each once, it is not taken.
const REPEATS: usize = 200;

/// The dead-letter queue and the queue that its messages came from.
pub(super) struct DeadLetterQueue {
    client: Client,
    url: String,
    source: String,
    /// How long what was received stays hidden from others, should we be cut off.
    hidden: Duration,
    /// What has been received, by its id.
    seen: HashSet<String>,
    /// How often something came that had been received before.
    repeats: usize,
    /// The receipt handles of what is to go back.
    held: Vec<String>,
}

impl DeadLetterQueue {
    pub(super) async fn open(stack: &Stack, hidden: Duration) -> Result<Self, Failure> {
        Ok(Self {
            client: Client::new(&stack.aws),
            url: stack.output("DeadLetterQueueUrl").await?.to_owned(),
            source: stack.output("MessageQueueUrl").await?.to_owned(),
            hidden,
            seen: HashSet::new(),
            repeats: 0,
            held: Vec::new(),
        })
    }

    /// About how many messages there are.
    pub(super) async fn length(&self) -> Result<u64, Failure> {
        sqs::length(&self.client, &self.url, "the dead-letter queue").await
    }

    /// Receives up to `wanted` messages, and hands over those that were not received before, which may be none of them.
    /// `None` when the queue gives no more, and when it is given up (see [`Self::is_given_up`]).
    ///
    /// What is received is hidden, and so is what stands behind it in its group, until it is put back or deleted.
    pub(super) async fn receive(&mut self, wanted: usize) -> Result<Option<Vec<Letter>>, Failure> {
        if self.is_given_up() {
            return Ok(None);
        }
        let count = i32::try_from(wanted.clamp(1, BATCH)).unwrap_or(1);
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(count)
            .visibility_timeout(i32::try_from(self.hidden.as_secs()).unwrap_or(i32::MAX))
            .wait_time_seconds(LISTEN)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .map_err(|error| refused("the dead-letter queue cannot be read")(&sdk_error(&error)))?;
        let messages = answer.messages.unwrap_or_default();
        if messages.is_empty() {
            return Ok(None);
        }
        let mut letters = Vec::new();
        for message in messages {
            let handle = message.receipt_handle().map(str::to_owned);
            match Letter::read(message) {
                Some(letter) if self.seen.insert(letter.id.clone()) => letters.push(letter),
                _ => {
                    self.held.extend(handle);
                    self.repeats += 1;
                }
            }
        }
        Ok(Some(letters))
    }

    /// Whether the queue is too long to look through: what was looked at came back before the end was reached.
    pub(super) fn is_given_up(&self) -> bool {
        self.repeats > self.seen.len() + REPEATS
    }

    /// Keeps a message hidden until all is put back.
    pub(super) fn hold(&mut self, letter: &Letter) {
        self.held.push(letter.receipt_handle.clone());
    }

    /// Puts back what is held. What cannot be put back comes back by itself a little later.
    pub(super) async fn put_back(&mut self) {
        let _ = sqs::put_back(&self.client, &self.url, &std::mem::take(&mut self.held)).await;
    }

    /// Moves a message to the end of its group on the queue that it came from.
    ///
    /// It is sent before it is deleted, so that it may be there twice but never not at all; the ledger drops a repeat.
    /// Its deduplication id is made of the id that it has on this queue: under its first one SQS would drop it in
    /// silence if it came within five minutes of being first sent, and under a random one it would come twice if it was
    /// sent and not deleted. When it comes here again it has another id.
    pub(super) async fn redrive(&self, letter: &Letter) -> Result<(), Failure> {
        let sent = self
            .client
            .send_message()
            .queue_url(&self.source)
            .message_group_id(&letter.group)
            .message_deduplication_id(format!("redrive-{}", letter.id))
            .message_body(&letter.body)
            .send()
            .await;
        sent.map_err(|error| refused("a message could not be put back onto the queue")(&sdk_error(&error)))?;
        let deletion = self.client.delete_message().queue_url(&self.url).receipt_handle(&letter.receipt_handle);
        deletion.send().await.map(drop).map_err(|error| {
            refused("a message is on the queue again, and could not be taken off the dead-letter queue")(&sdk_error(
                &error,
            ))
        })
    }
}
