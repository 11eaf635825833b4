//! What becomes of messages on the queue.

use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry};
use shared::aws::cause;
use shared::envelope::ReceiptEnvelope;
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

/// Why a receipt is not on the queue.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error("the receipt cannot be written: {0}")]
    Unwritable(#[from] serde_json::Error),
    #[error("the queue is out of reach: {0}")]
    Unavailable(String),
}

impl Queue {
    pub(crate) fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Puts a receipt on the queue, in a group of its own customer's receipts. The queue drops what comes twice within
    /// five minutes, the ledger what comes twice later.
    pub(crate) async fn send_receipt(&self, envelope: &ReceiptEnvelope) -> Result<(), SendError> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_group_id(envelope.receipt.group(&envelope.integration).as_str())
            .message_deduplication_id(envelope.receipt.identity(&envelope.integration).as_str())
            .message_body(envelope.to_queue()?)
            .send()
            .await
            .map(drop)
            .map_err(|error| SendError::Unavailable(cause(&error)))
    }

    /// Sets the wait of each message. Where that fails, it comes again after the queue's own time-out, in order all the
    /// same.
    pub(crate) async fn hold_back(&self, messages: &[GoingBack]) {
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
        match request.set_entries(Some(entries.collect())).send().await {
            Ok(output) if output.failed().is_empty() => {}
            Ok(output) => tracing::warn!(failed = output.failed().len(), "some waits could not be set"),
            Err(error) => tracing::warn!(reason = cause(&error), "the waits could not be set"),
        }
    }

    /// Takes settled messages off the queue ahead of Lambda, which does so when the whole batch is through: deleting
    /// twice does no harm, and neither does it when this fails.
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
            tracing::warn!(reason = cause(&error), "settled messages could not be deleted early");
        }
    }
}
