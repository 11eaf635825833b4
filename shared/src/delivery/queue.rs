//! Sending messages and receipts to the FIFO queue, from which the dispatcher receives them.

use crate::aws::sdk_error;
use crate::delivery::envelope::{Envelope, InboundEnvelope, ReceiptEnvelope, WithdrawalEnvelope};
use crate::delivery::id::DeliveryId;
use crate::delivery::large_body::{self, LARGE, PLACEHOLDER};
use crate::digest::Digest;
use crate::model::message::Message;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;

/// The largest message that SQS accepts, in bytes.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>.
pub(crate) const MAX_SQS_BYTES: usize = 1_048_576;
/// Reserved for the fields that are added when a message is parked or replayed.
const ROOM_FOR_PARKING: usize = 4_096;
/// The largest message that is sent to the queue, in bytes.
pub(crate) const MAX_BYTES: usize = MAX_SQS_BYTES - ROOM_FOR_PARKING;

#[derive(Debug, Clone)]
pub struct MessageQueue {
    client: Client,
    url: String,
}

/// Why something was not queued.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("the message is too large for the queue")]
    TooLarge,
    /// Never happens: all members can be serialized.
    #[error("the message cannot be serialized: {0}")]
    Serialization(#[from] serde_json::Error),
    /// SQS did not answer, or refused. It may have stored the message nevertheless.
    #[error("the queue is unavailable: {0}")]
    Unavailable(String),
}

impl MessageQueue {
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends `envelope`, from which `message` was parsed. When this returns, the message is stored durably. Returns the id
    /// under which it is delivered.
    ///
    /// SQS deduplicates within five minutes, the ledger after that.
    ///
    /// # Errors
    /// It is too large, or the queue is unavailable.
    pub async fn send_message(&self, envelope: &Envelope, message: &Message) -> Result<DeliveryId, SendError> {
        let (group, id) =
            (message.ordering_group(&envelope.integration), DeliveryId::new(&envelope.integration, message));
        self.send(&group, id.digest(), envelope.to_json()?).await?;
        Ok(id)
    }

    /// Sends a receipt. The receipts of a customer are a group. Duplicates are dropped like those of messages.
    ///
    /// # Errors
    /// The queue is unavailable.
    pub async fn send_receipt(&self, envelope: &ReceiptEnvelope) -> Result<(), SendError> {
        let group = envelope.receipt.ordering_group(&envelope.integration);
        self.send(&group, &envelope.queue_deduplication_id(), envelope.to_json()?).await
    }

    /// Sends what a customer did, for the platform. When this returns, it is stored durably. Returns the id under which it is
    /// handled. Duplicates are dropped like those of messages.
    ///
    /// # Errors
    /// It is too large, or the queue is unavailable.
    pub async fn send_inbound(&self, envelope: &InboundEnvelope) -> Result<DeliveryId, SendError> {
        let id = DeliveryId::of_inbound(envelope);
        self.send(&envelope.ordering_group(), id.digest(), envelope.to_json()?).await?;
        Ok(id)
    }

    /// Sends the report that an integration's app was uninstalled.
    ///
    /// # Errors
    /// The queue is unavailable.
    pub async fn send_withdrawal(&self, envelope: &WithdrawalEnvelope) -> Result<(), SendError> {
        let (integration, withdrawal) = (envelope.integration.as_str(), &envelope.withdrawal);
        let at = withdrawal.at.unwrap_or(envelope.received_at).to_string();
        let group = Digest::of_parts(&["withdrawal", integration]);
        let id = Digest::of_parts(&["withdrawal", integration, &at, &serde_json::to_string(&withdrawal.details)?]);
        self.send(&group, &id, serde_json::to_string(envelope)?).await
    }

    pub(super) async fn send(&self, group: &Digest, deduplication_id: &Digest, body: String) -> Result<(), SendError> {
        if body.len() > MAX_BYTES {
            return Err(SendError::TooLarge);
        }
        self.send_with(group.as_str(), deduplication_id.as_str(), body, |request| request).await
    }

    /// Sends a message that SQS accepts, with what `extend` adds to the request.
    pub(super) async fn send_with(
        &self,
        group: &str,
        deduplication_id: &str,
        body: String,
        extend: impl FnOnce(SendMessageFluentBuilder) -> SendMessageFluentBuilder,
    ) -> Result<(), SendError> {
        let request = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_group_id(group)
            .message_deduplication_id(deduplication_id);
        let request = extend(request);
        let sent = if body.len() < LARGE {
            request.message_body(body).send().await
        } else {
            let request = request.message_body(PLACEHOLDER).customize();
            request.map_request(move |request| large_body::insert(request, &body)).send().await
        };
        sent.map(drop).map_err(|error| SendError::Unavailable(sdk_error(&error)))
    }
}
