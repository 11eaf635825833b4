//! What becomes of messages that were taken off the queue.

use crate::patience::patiently;
use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry};
use jiff::Timestamp;
use shared::aws::sdk_error;
use std::time::Duration;

/// The queue. A batch of it has ten messages at the most, as many as one call may name.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html>.
pub(crate) struct Queue {
    client: Client,
    url: String,
}

/// A message that goes back, and the wait before it comes again.
pub(crate) struct GoingBack {
    pub(crate) record: SqsMessage,
    pub(crate) wait: Duration,
}

impl Queue {
    pub(crate) fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sets the wait of each message. While SQS is out of reach that is repeated, for the queue's own time-out is minutes
    /// long; when the time is over, a message is there again after that, in order all the same.
    pub(crate) async fn hold_back(&self, request_id: &str, messages: &[GoingBack], deadline: Timestamp) {
        if messages.is_empty() {
            return;
        }
        let entries = messages.iter().enumerate().filter_map(|(index, message)| {
            // Whole seconds, rounded up: a wait must not be cut short.
            let seconds = message.wait.as_secs() + u64::from(message.wait.subsec_nanos() > 0);
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(message.record.receipt_handle.as_deref()?)
                .visibility_timeout(i32::try_from(seconds).unwrap_or(i32::MAX))
                .build()
                .ok()
        });
        let request = self.client.change_message_visibility_batch().queue_url(&self.url);
        let request = request.set_entries(Some(entries.collect()));
        let set = async || match request.clone().send().await {
            // What SQS could not do is repeated; what is our own fault, such as a handle that has lapsed, stays so.
            Ok(output) => output
                .failed()
                .iter()
                .find(|entry| !entry.sender_fault())
                .map_or(Ok(()), |entry| Err(format!("some could not be: {}", entry.code()))),
            Err(error) => Err(sdk_error(&error)),
        };
        if let Err(reason) = patiently(deadline, set, |_| true).await {
            tracing::warn!(request_id, reason, "the waits could not be set");
        }
    }

    /// Takes settled messages off the queue ahead of Lambda, which does so when the whole batch is through: deleting
    /// twice does no harm, and neither does it when this fails.
    pub(crate) async fn delete(&self, request_id: &str, records: &[SqsMessage]) {
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
            tracing::warn!(request_id, reason = sdk_error(&error), "settled messages could not be deleted early");
        }
    }
}
