//! Records that a function received from a queue: what SQS says of them, and returning and deleting them.

use crate::aws::retry::retry_transient;
use crate::aws::sdk_error;
use aws_lambda_events::sqs::{BatchItemFailure, SqsMessage};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry};
use jiff::Timestamp;
use std::time::Duration;

/// The attribute with the time at which the queue received a message, in milliseconds.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>.
pub const SENT_AT: &str = "SentTimestamp";

/// The queue. A batch has at most ten records, which is also the limit of one call.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html>.
#[derive(Debug)]
pub struct Queue {
    client: Client,
    url: String,
}

/// A record that returns to the queue.
#[derive(Debug)]
pub struct Returned {
    pub record: SqsMessage,
    pub visibility_timeout: Duration,
}

/// The end of the invocation, from Lambda's context.
#[must_use]
pub fn invocation_deadline(milliseconds: u64) -> Timestamp {
    let milliseconds = i64::try_from(milliseconds).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

/// When the queue received a record. It is the same on every attempt.
#[must_use]
pub fn sent_at(record: &SqsMessage) -> Option<Timestamp> {
    Timestamp::from_millisecond(record.attributes.get(SENT_AT)?.parse().ok()?).ok()
}

/// How many times a record was received, this time included.
#[must_use]
pub fn receive_count(record: &SqsMessage) -> u64 {
    let count = record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
    count.unwrap_or(1)
}

/// A record without an id fails the whole batch: Lambda treats an empty id so.
#[must_use]
pub fn item_failure(record: SqsMessage) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = record.message_id.unwrap_or_default();
    failure
}

impl Queue {
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sets the visibility timeout of each record. While SQS is unavailable this is retried, because the queue's own timeout
    /// is minutes long. If it fails, the records are visible after that timeout, in the same order.
    pub async fn set_visibility_timeouts(&self, records: &[Returned], deadline: Timestamp) {
        if records.is_empty() {
            return;
        }
        let entries = records.iter().enumerate().filter_map(|(index, returned)| {
            // Whole seconds, rounded up: a retry must not be early.
            let seconds =
                returned.visibility_timeout.as_secs() + u64::from(returned.visibility_timeout.subsec_nanos() > 0);
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(returned.record.receipt_handle.as_deref()?)
                .visibility_timeout(i32::try_from(seconds).unwrap_or(i32::MAX))
                .build()
                .ok()
        });
        let request = self.client.change_message_visibility_batch().queue_url(&self.url);
        let request = request.set_entries(Some(entries.collect()));
        let set = async || match request.clone().send().await {
            // An error of SQS is retried. An error of ours, such as an expired receipt handle, is permanent.
            Ok(output) => output
                .failed()
                .iter()
                .find(|entry| !entry.sender_fault())
                .map_or(Ok(()), |entry| Err(format!("some records failed: {}", entry.code()))),
            Err(error) => Err(sdk_error(&error)),
        };
        if let Err(reason) = retry_transient(deadline, set, |_| true).await {
            tracing::warn!(reason, "the visibility timeouts could not be set");
        }
    }

    /// Sends a body.
    ///
    /// # Errors
    /// SQS is unavailable, or does not accept the body.
    pub async fn send(&self, body: &str) -> Result<(), String> {
        let request = self.client.send_message().queue_url(&self.url).message_body(body);
        request.send().await.map(drop).map_err(|error| sdk_error(&error))
    }

    /// Deletes acknowledged records before Lambda does, which is when the whole batch has ended. Deleting twice does no harm,
    /// and neither does a failure.
    pub async fn delete(&self, records: &[SqsMessage]) {
        if records.is_empty() {
            return;
        }
        let entries = records.iter().enumerate().filter_map(|(index, record)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(record.receipt_handle.as_deref()?)
                .build()
                .ok()
        });
        let request = self.client.delete_message_batch().queue_url(&self.url);
        if let Err(error) = request.set_entries(Some(entries.collect())).send().await {
            tracing::warn!(reason = sdk_error(&error), "acknowledged records could not be deleted early");
        }
    }
}
