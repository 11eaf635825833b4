//! Messages on the retry lane: copies of records of the message queue, with what would be lost otherwise.

use crate::delivery::queue::{MessageQueue, SendError};
use aws_sdk_sqs::types::MessageAttributeValue;
use jiff::Timestamp;

const SEQUENCE_NUMBER: &str = "sequenceNumber";
const SENT_AT: &str = "sentAt";
const DUE_AT: &str = "dueAt";

/// What a message on the retry lane keeps of its record on the message queue, in message attributes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MovedRecord {
    /// Its place in its group.
    pub sequence_number: Option<String>,
    /// When the message queue received it.
    pub sent_at: Option<Timestamp>,
    /// The time of the next attempt.
    pub due_at: Option<Timestamp>,
}

impl MovedRecord {
    /// Reads the attributes. What is missing or malformed is left out.
    #[must_use]
    pub fn from_attributes<'a>(attribute: impl Fn(&str) -> Option<&'a str>) -> Self {
        let time = |name| Timestamp::from_millisecond(attribute(name)?.parse().ok()?).ok();
        Self {
            sequence_number: attribute(SEQUENCE_NUMBER).map(str::to_owned),
            sent_at: time(SENT_AT),
            due_at: time(DUE_AT),
        }
    }

    fn attributes(&self) -> impl Iterator<Item = (&'static str, String)> {
        let time = |time: Option<Timestamp>| time.map(|time| time.as_millisecond().to_string());
        [(SEQUENCE_NUMBER, self.sequence_number.clone()), (SENT_AT, time(self.sent_at)), (DUE_AT, time(self.due_at))]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
    }
}

impl MessageQueue {
    /// Sends a message that was received from the message queue to this queue, the retry lane. When this returns, it is
    /// stored durably. SQS drops a copy with the same deduplication id for five minutes, the ledger later ones.
    ///
    /// What the message queue accepted may have grown by the members of a replay, and grows by the attributes. There is room
    /// for both.
    ///
    /// # Errors
    /// The queue is unavailable.
    pub async fn send_moved(
        &self,
        group: &str,
        deduplication_id: &str,
        body: String,
        moved: &MovedRecord,
    ) -> Result<(), SendError> {
        self.send_with(group, deduplication_id, body, |request| {
            moved.attributes().fold(request, |request, (name, value)| {
                let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
                match value {
                    Ok(value) => request.message_attributes(name, value),
                    Err(_) => request,
                }
            })
        })
        .await
    }
}

/// What the attributes take of a message's size at most: SQS counts their names, types and values.
#[cfg(test)]
pub(super) const MAX_ATTRIBUTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attributes_are_small() {
        let sequence_number = Some(u128::MAX.to_string());
        let moved = MovedRecord { sequence_number, sent_at: Some(Timestamp::MAX), due_at: Some(Timestamp::MAX) };
        let bytes: usize = moved.attributes().map(|(name, value)| name.len() + "String".len() + value.len()).sum();
        assert!(bytes <= MAX_ATTRIBUTES, "{bytes}");
    }

    #[test]
    fn what_was_written_is_read() {
        let time = Timestamp::from_millisecond(1_800_000_000_123).ok();
        let moved =
            MovedRecord { sequence_number: Some("18849496460467696128".to_owned()), sent_at: time, due_at: time };
        for moved in [moved, MovedRecord::default()] {
            let attributes: Vec<_> = moved.attributes().collect();
            let read = MovedRecord::from_attributes(|name| {
                attributes.iter().find(|(written, _)| *written == name).map(|(_, value)| value.as_str())
            });
            assert_eq!(moved, read);
        }
    }

    #[test]
    fn a_malformed_attribute_is_left_out() {
        let read = MovedRecord::from_attributes(|name| Some(if name == SEQUENCE_NUMBER { "x" } else { "soon" }));
        assert_eq!(MovedRecord { sequence_number: Some("x".to_owned()), ..MovedRecord::default() }, read);
    }
}
