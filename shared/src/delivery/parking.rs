//! The parking queue: messages that will not be delivered, kept until somebody replays them or their time is over.
//!
//! It is a standard queue. Of a FIFO queue no more than ten messages of a group can be in flight, so that of a customer
//! with eleven failed messages not all could be listed. The order is kept by the sequence numbers that the messages had
//! on the FIFO queue.

use crate::aws::sdk_error;
use crate::delivery::envelope::{Envelope, Replay};
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
    /// Under which it was delivered, and is again when it is replayed.
    pub webhook_id: String,
    /// Why it will not be delivered.
    pub reason: String,
    /// The status with which it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// When it failed.
    pub failed_at: Timestamp,
    /// How many attempts to deliver it there have been.
    #[serde(default)]
    pub attempts: u64,
    /// Its group on the FIFO queue, within which order is kept.
    pub group: String,
    /// Its place in the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<String>,
    /// The message exactly as it was queued.
    pub envelope: Box<RawValue>,
}

impl ParkedMessage {
    /// The message inside.
    ///
    /// # Errors
    /// Another version has written it.
    pub fn envelope(&self) -> Result<Envelope, serde_json::Error> {
        serde_json::from_str(self.envelope.get())
    }

    /// The queue's text for a replay of it. What this version does not know of the envelope is kept.
    ///
    /// # Errors
    /// Another version has written it.
    pub fn replayed(&self, id: &str, at: Timestamp) -> Result<String, serde_json::Error> {
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
    /// On this queue.
    On(ParkingQueue),
    /// Switched off.
    Off,
    /// Not known yet: in the middle of a deployment, code may run that is newer than its settings.
    Unknown,
}

impl Parking {
    /// By the setting, which is `none` where it is switched off.
    #[must_use]
    pub fn of(setting: Option<String>, client: Client) -> Self {
        match setting.as_deref() {
            None => Self::Unknown,
            Some("none") => Self::Off,
            Some(url) => Self::On(ParkingQueue::new(client, url.to_owned())),
        }
    }
}

/// Puts messages on the parking queue.
#[derive(Debug, Clone)]
pub struct ParkingQueue {
    client: Client,
    url: String,
}

impl ParkingQueue {
    /// The queue at `url`.
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Parks a message. When this returns, it is stored durably; when it is repeated, there are copies of it.
    ///
    /// # Errors
    /// The queue is out of reach.
    pub async fn park(&self, message: &ParkedMessage) -> Result<(), SendError> {
        let request = self.client.send_message().queue_url(&self.url).message_body(serde_json::to_string(message)?);
        request.send().await.map(drop).map_err(|error| SendError::Unavailable(sdk_error(&error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::queue::{MAXIMUM_BYTES, MAXIMUM_SQS_BYTES};

    const ID: &str = "2f1e0d9c-8b7a-4695-8473-625140302f1e";

    fn parked(envelope: &str) -> ParkedMessage {
        ParkedMessage {
            webhook_id: format!("msg_{}", "0".repeat(64)),
            reason: "refused".to_owned(),
            status: Some(422),
            failed_at: "2026-01-02T03:04:05.678901234Z".parse().unwrap(),
            attempts: u64::MAX,
            group: "0".repeat(64),
            // 128 bits.
            sequence_number: Some(u128::MAX.to_string()),
            envelope: RawValue::from_string(envelope.to_owned()).unwrap(),
        }
    }

    #[test]
    fn a_replay_is_the_envelope_as_it_was_but_for_the_request() {
        let original = "{ \"b\" : 1.0,\t\"a\":12345678901234567890123, \"a\": \"\\ufffe ä\" }";
        let envelope = format!(
            "{{\"integration\":\"acme\",\"platform\":\"genesys-cloud\",\"receivedAt\":\"2026-01-01T00:00:00Z\",\
             \"fromTheFuture\":{{\"a\":1}},\"original\":{original}}}"
        );
        let at: Timestamp = "2026-01-03T00:00:00Z".parse().unwrap();
        let replayed = parked(&envelope).replayed(ID, at).unwrap();
        assert!(replayed.contains("\"fromTheFuture\":{\"a\":1}"));
        let read: Envelope = serde_json::from_str(&replayed).unwrap();
        assert_eq!((original, at), (read.original.get(), read.due_since()));
        assert_eq!("2026-01-01T00:00:00Z", read.received_at.to_string());
        let first = read.replay.unwrap();
        assert_eq!((ID, Some(u128::MAX.to_string())), (first.id.as_str(), first.sequence_number));
        // Once more, of what is parked after a replay has failed.
        let again = parked(&replayed).replayed("other", at).unwrap();
        assert_eq!("other", serde_json::from_str::<Envelope>(&again).unwrap().replay.unwrap().id);
        assert_eq!(1, again.matches("\"replay\"").count());
    }

    #[test]
    fn the_largest_message_that_is_queued_can_be_parked_and_replayed_and_parked_again() {
        let rest = r#"{"integration":"acme","original":""}"#;
        let mut envelope =
            format!(r#"{{"integration":"acme","original":"{}"}}"#, "x".repeat(MAXIMUM_BYTES - rest.len()));
        assert_eq!(MAXIMUM_BYTES, envelope.len());
        for _ in 0..2 {
            let message = parked(&envelope);
            assert!(serde_json::to_string(&message).unwrap().len() <= MAXIMUM_SQS_BYTES);
            envelope = message.replayed(ID, message.failed_at).unwrap();
            assert!(envelope.len() <= MAXIMUM_SQS_BYTES);
        }
    }
}
