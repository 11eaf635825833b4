//! Returning and deleting records of the queue.

use crate::retry::retry_transient;
use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry};
use jiff::Timestamp;
use shared::aws::sdk_error;
use std::time::Duration;

/// The queue. A batch has at most ten records, which is also the limit of one call.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html>.
pub(crate) struct Queue {
    client: Client,
    url: String,
}

/// A record that returns to the queue.
pub(crate) struct Returned {
    pub(crate) record: SqsMessage,
    pub(crate) visibility_timeout: Duration,
}

impl Queue {
    pub(crate) fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sets the visibility timeout of each record. While SQS is unavailable this is retried, because the queue's own timeout
    /// is minutes long. If it fails, the records are visible after that timeout, in the same order.
    pub(crate) async fn set_visibility_timeouts(&self, records: &[Returned], deadline: Timestamp) {
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

    /// Deletes acknowledged records before Lambda does, which is when the whole batch has ended. Deleting twice does no harm,
    /// and neither does a failure.
    pub(crate) async fn delete(&self, records: &[SqsMessage]) {
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
