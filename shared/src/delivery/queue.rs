//! Putting messages and receipts on the FIFO queue, off which the dispatcher takes them.

use crate::aws::sdk_error;
use crate::delivery::envelope::{Envelope, ReceiptEnvelope};
use crate::digest::Digest;
use crate::model::message::Message;
use aws_sdk_sqs::Client;

/// The largest message that SQS takes, in bytes.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>.
pub(crate) const MAXIMUM_SQS_BYTES: usize = 1_048_576;
/// What is left free for what a message gets besides when it fails and is parked, and when it is replayed.
const ROOM_FOR_PARKING: usize = 4_096;
/// The largest message that is queued.
pub(crate) const MAXIMUM_BYTES: usize = MAXIMUM_SQS_BYTES - ROOM_FOR_PARKING;

/// Puts messages and receipts on the queue.
#[derive(Debug, Clone)]
pub struct MessageQueue {
    client: Client,
    url: String,
}

/// Why something is not on the queue.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// SQS does not take so much.
    #[error("the message is larger than the queue takes")]
    TooLarge,
    /// It does not serialise, which cannot come up.
    #[error("the message cannot be written: {0}")]
    Unwritable(#[from] serde_json::Error),
    /// SQS did not answer, or refused. It may have the message all the same.
    #[error("the queue is out of reach: {0}")]
    Unavailable(String),
}

impl MessageQueue {
    /// The queue at `url`.
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends `envelope`, which holds `message`. When this returns, the message is stored durably.
    ///
    /// SQS itself drops what comes again within five minutes; the ledger drops what comes later.
    ///
    /// # Errors
    /// It is too large, or the queue is out of reach.
    pub async fn send_message(&self, envelope: &Envelope, message: &Message) -> Result<(), SendError> {
        let (group, identity) =
            (message.ordering_group(&envelope.integration), message.deduplication_id(&envelope.integration));
        self.send(&group, &identity, envelope.to_queue()?).await
    }

    /// Sends a receipt, in a group of its own customer's receipts. Repeats are dropped as with messages.
    ///
    /// # Errors
    /// The queue is out of reach.
    pub async fn send_receipt(&self, envelope: &ReceiptEnvelope) -> Result<(), SendError> {
        let receipt = &envelope.receipt;
        let (group, identity) =
            (receipt.ordering_group(&envelope.integration), receipt.deduplication_id(&envelope.integration));
        self.send(&group, &identity, envelope.to_queue()?).await
    }

    async fn send(&self, group: &Digest, identity: &Digest, body: String) -> Result<(), SendError> {
        if body.len() > MAXIMUM_BYTES {
            return Err(SendError::TooLarge);
        }
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_group_id(group.as_str())
            .message_deduplication_id(identity.as_str())
            .message_body(body)
            .send()
            .await
            .map(drop)
            .map_err(|error| SendError::Unavailable(sdk_error(&error)))
    }
}
