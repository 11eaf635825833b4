//! The parking queue: failed messages, kept until an operator replays them or their retention time ends.
//!
//! It is a standard queue. In a FIFO queue at most ten messages of a group can be in flight, so that eleven failed messages
//! of one customer could not be listed. The sequence numbers that the messages had on the FIFO queue keep their order.

use crate::aws::sdk_error;
use crate::delivery::envelope::Replay;
use crate::delivery::queue::SendError;
use aws_sdk_sqs::Client;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use std::collections::BTreeMap;

/// A message on the parking queue.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParkedMessage {
    /// The `webhook-id`. A replay has the same.
    pub webhook_id: String,
    /// Why it failed.
    pub reason: String,
    /// The status with which the messaging service refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why the last attempt failed, if it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub failed_at: Timestamp,
    /// How many delivery attempts there were.
    #[serde(default)]
    pub attempts: u64,
    /// Its group on the FIFO queue.
    pub group: String,
    /// Its sequence number on the FIFO queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<String>,
    /// The message as it was queued, byte for byte.
    pub envelope: Box<RawValue>,
}

impl ParkedMessage {
    /// The JSON that replays the message on the FIFO queue. Fields of the envelope that this version does not know are kept.
    ///
    /// # Errors
    /// Another version wrote it, in a form that this version cannot parse.
    pub fn to_replay(&self, id: &str, at: Timestamp) -> Result<String, serde_json::Error> {
        let replay = Replay {
            id: id.to_owned(),
            at,
            sequence_number: self.sequence_number.clone(),
            attempts_before: self.attempts,
        };
        let mut members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(self.envelope.get())?;
        members.insert("replay".to_owned(), to_raw_value(&replay)?);
        serde_json::to_string(&members)
    }
}

/// Whether failed messages are kept.
#[derive(Debug, Clone)]
pub enum Parking {
    On(ParkingQueue),
    Off,
    /// The setting is missing: during a deployment, code may run that is newer than its settings.
    Unknown,
}

impl Parking {
    /// Reads the setting: the URL of the queue, or `none` if failed messages are not kept.
    #[must_use]
    pub fn from_setting(setting: Option<String>, client: Client) -> Self {
        match setting.as_deref() {
            None => Self::Unknown,
            Some("none") => Self::Off,
            Some(url) => Self::On(ParkingQueue::new(client, url.to_owned())),
        }
    }

    /// Keeps a message, if failed messages are kept.
    ///
    /// # Errors
    /// It is unknown whether they are, it cannot be serialized, or the queue is unavailable.
    pub async fn park(
        &self,
        message: impl FnOnce() -> Result<ParkedMessage, serde_json::Error>,
    ) -> Result<(), SendError> {
        match self {
            Self::On(queue) => queue.park(&message()?).await,
            Self::Off => Ok(()),
            Self::Unknown => Err(SendError::Unavailable("no parking queue is configured".to_owned())),
        }
    }
}

/// Sends messages to the parking queue.
#[derive(Debug, Clone)]
pub struct ParkingQueue {
    client: Client,
    url: String,
}

impl ParkingQueue {
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Parks a message. When this returns, the message is stored durably. Parking it twice stores two copies.
    ///
    /// # Errors
    /// The queue is unavailable.
    pub async fn park(&self, message: &ParkedMessage) -> Result<(), SendError> {
        let request = self.client.send_message().queue_url(&self.url).message_body(serde_json::to_string(message)?);
        request.send().await.map(drop).map_err(|error| SendError::Unavailable(sdk_error(&error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::envelope::Envelope;
    use crate::delivery::queue::{MAX_BYTES, MAX_SQS_BYTES};
    use crate::delivery::retry_lane::MAX_ATTRIBUTES;
    use crate::limits::MAX_LOGGED_BYTES;

    const ID: &str = "2f1e0d9c-8b7a-4695-8473-625140302f1e";

    fn parked(envelope: &str) -> ParkedMessage {
        ParkedMessage {
            webhook_id: format!("msg_{}", "0".repeat(64)),
            reason: "refused".to_owned(),
            status: Some(422),
            error: Some("\u{1}".repeat(MAX_LOGGED_BYTES)),
            failed_at: "2026-01-02T03:04:05.678901234Z".parse().unwrap(),
            attempts: u64::MAX,
            group: "0".repeat(64),
            // 128 bits.
            sequence_number: Some(u128::MAX.to_string()),
            envelope: RawValue::from_string(envelope.to_owned()).unwrap(),
        }
    }

    #[test]
    fn a_replay_is_the_unchanged_envelope_with_the_replay_added() {
        let original = "{ \"b\" : 1.0,\t\"a\":12345678901234567890123, \"a\": \"\\ufffe ä\" }";
        let envelope = format!(
            "{{\"integration\":\"acme\",\"platform\":\"genesys-cloud\",\"receivedAt\":\"2026-01-01T00:00:00Z\",\
             \"fromTheFuture\":{{\"a\":1}},\"original\":{original}}}"
        );
        let at: Timestamp = "2026-01-03T00:00:00Z".parse().unwrap();
        let replayed = parked(&envelope).to_replay(ID, at).unwrap();
        assert!(replayed.contains("\"fromTheFuture\":{\"a\":1}"));
        let read: Envelope = serde_json::from_str(&replayed).unwrap();
        assert_eq!((original, at), (&*serde_json::to_string(&read.original()).unwrap(), read.due_since()));
        assert_eq!("2026-01-01T00:00:00Z", read.received_at.to_string());
        let first = read.replay.unwrap();
        assert_eq!((ID, Some(u128::MAX.to_string())), (first.id.as_str(), first.sequence_number));
        // A second replay, of the message that was parked when the first one failed.
        let again = parked(&replayed).to_replay("other", at).unwrap();
        assert_eq!("other", serde_json::from_str::<Envelope>(&again).unwrap().replay.unwrap().id);
        assert_eq!(1, again.matches("\"replay\"").count());
    }

    #[test]
    fn the_largest_queued_message_can_be_parked_replayed_moved_and_parked_again() {
        let rest = r#"{"integration":"acme","original":""}"#;
        let mut envelope = format!(r#"{{"integration":"acme","original":"{}"}}"#, "x".repeat(MAX_BYTES - rest.len()));
        assert_eq!(MAX_BYTES, envelope.len());
        for _ in 0..2 {
            let message = parked(&envelope);
            assert!(serde_json::to_string(&message).unwrap().len() <= MAX_SQS_BYTES);
            envelope = message.to_replay(ID, message.failed_at).unwrap();
            assert!(envelope.len() + MAX_ATTRIBUTES <= MAX_SQS_BYTES);
        }
    }
}
