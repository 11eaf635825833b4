//! When messages that went back to the queue come again.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;
use std::time::Duration;

/// How many messages one call may name.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html>.
const MAXIMUM_ENTRIES: usize = 10;

/// Sets when messages come again.
pub(crate) struct Visibility {
    client: Client,
    queue_url: String,
}

/// A message that goes back, and the wait before it comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GoingBack {
    pub(crate) message_id: String,
    pub(crate) receipt_handle: String,
    pub(crate) wait: Duration,
}

impl Visibility {
    pub(crate) fn new(client: Client, queue_url: String) -> Self {
        Self { client, queue_url }
    }

    /// Sets the wait of each message. Where that fails, the message comes again after the queue's own time-out: later
    /// than it might, and still in order.
    pub(crate) async fn set(&self, messages: &[GoingBack]) {
        for chunk in messages.chunks(MAXIMUM_ENTRIES) {
            let result = self
                .client
                .change_message_visibility_batch()
                .queue_url(&self.queue_url)
                .set_entries(Some(chunk.iter().enumerate().filter_map(entry).collect()))
                .send()
                .await;
            match result {
                Ok(output) if output.failed().is_empty() => {}
                Ok(output) => tracing::warn!(failed = output.failed().len(), "some waits could not be set"),
                Err(error) => tracing::warn!("the waits could not be set: {}", DisplayErrorContext(&error)),
            }
        }
    }
}

fn entry((index, message): (usize, &GoingBack)) -> Option<ChangeMessageVisibilityBatchRequestEntry> {
    // Whole seconds, rounded up: a wait must not be cut short.
    let seconds = message.wait.as_secs() + u64::from(message.wait.subsec_nanos() > 0);
    ChangeMessageVisibilityBatchRequestEntry::builder()
        .id(index.to_string())
        .receipt_handle(&message.receipt_handle)
        .visibility_timeout(i32::try_from(seconds).unwrap_or(i32::MAX))
        .build()
        .ok()
}
