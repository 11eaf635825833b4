//! The FIFO queue between receiver and dispatcher.

use aws_sdk_sqs::Client;
use shared::aws::cause;
use shared::envelope::Envelope;
use shared::message::Message;

/// The largest message that SQS takes, in bytes.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>.
const MAXIMUM_BYTES: usize = 1_048_576;

/// Puts messages on the queue.
pub(crate) struct MessageQueue {
    client: Client,
    url: String,
}

/// Why a message is not on the queue.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error("the message is larger than the queue takes")]
    TooLarge,
    #[error("the message cannot be written: {0}")]
    Unwritable(#[from] serde_json::Error),
    #[error("the queue is out of reach: {0}")]
    Unavailable(String),
}

impl MessageQueue {
    pub(crate) fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends `envelope`, which holds `message`. When this returns, the message is stored durably.
    ///
    /// SQS itself drops what comes again within five minutes; the ledger drops what comes later.
    pub(crate) async fn send(&self, envelope: &Envelope, message: &Message) -> Result<(), SendError> {
        let body = envelope.to_queue()?;
        if body.len() > MAXIMUM_BYTES {
            return Err(SendError::TooLarge);
        }
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_group_id(message.group(&envelope.integration).as_str())
            .message_deduplication_id(message.identity(&envelope.integration).as_str())
            .message_body(body)
            .send()
            .await
            .map(drop)
            .map_err(|error| SendError::Unavailable(cause(&error)))
    }
}
