//! A record of an SQS event.

use aws_lambda_events::sqs::SqsMessage;
use jiff::Timestamp;
use shared::delivery::envelope::QueueMessage;
use shared::delivery::records::{receive_count, sent_at};
use shared::delivery::retry_lane::MovedRecord;
use shared::model::endpoint::Endpoint;
use std::time::Duration;

/// A queue on which messages wait. Each has batches of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Direct,
    Retry,
}

/// A record, and what it was when the message queue received it.
pub(crate) struct Record {
    pub(crate) message: SqsMessage,
    pub(crate) lane: Lane,
    pub(crate) moved: MovedRecord,
}

impl Record {
    pub(crate) fn new(message: SqsMessage, lane: Lane) -> Self {
        let moved = match lane {
            Lane::Direct => MovedRecord {
                sequence_number: message.attributes.get("SequenceNumber").cloned(),
                sent_at: sent_at(&message),
                due_at: None,
            },
            Lane::Retry => {
                MovedRecord::from_attributes(|name| message.message_attributes.get(name)?.string_value.as_deref())
            }
        };
        Self { message, lane, moved }
    }

    pub(crate) fn body(&self) -> &str {
        self.message.body.as_deref().unwrap_or_default()
    }

    pub(crate) fn group(&self) -> &str {
        self.attribute("MessageGroupId").unwrap_or_default()
    }

    /// The id under which SQS drops copies of it.
    pub(crate) fn deduplication_id(&self) -> &str {
        self.attribute("MessageDeduplicationId").or(self.moved.sequence_number.as_deref()).unwrap_or_default()
    }

    /// How often it was received on its lane, this time included.
    pub(crate) fn receive_count(&self) -> u64 {
        receive_count(&self.message)
    }

    pub(crate) fn endpoint(&self) -> Option<Endpoint> {
        QueueMessage::peek_endpoint(self.body())
    }

    /// How long ago the message queue received it.
    pub(crate) fn age(&self) -> Option<Duration> {
        let sent_at = self.moved.sent_at.or_else(|| sent_at(&self.message))?;
        Some(Timestamp::now().duration_since(sent_at).try_into().unwrap_or_default())
    }

    /// The record without its body, which may be large.
    pub(crate) fn without_body(&self) -> Self {
        let mut message = SqsMessage::default();
        message.message_id.clone_from(&self.message.message_id);
        message.receipt_handle.clone_from(&self.message.receipt_handle);
        message.attributes.clone_from(&self.message.attributes);
        Self { message, lane: self.lane, moved: self.moved.clone() }
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.message.attributes.get(name).map(String::as_str)
    }
}
