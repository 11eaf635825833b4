//! The queues of the two lanes.

use crate::record::{Lane, Record};
use aws_sdk_sqs::Client;
use jiff::Timestamp;
use shared::delivery::queue::{MessageQueue, SendError};
use shared::delivery::records::Queue;
use shared::delivery::retry_lane::MovedRecord;

pub(crate) struct Lanes {
    direct: Queue,
    /// There is none while an upgrade from a version without it has replaced the function's code, but not its settings.
    retry: Option<RetryLane>,
}

struct RetryLane {
    name: String,
    queue: Queue,
    sender: MessageQueue,
}

impl Lanes {
    pub(crate) fn new(client: &Client, queue_url: String, retry_queue_url: Option<String>) -> Self {
        let retry_lane = |url: String| RetryLane {
            name: url.rsplit('/').next().unwrap_or_default().to_owned(),
            queue: Queue::new(client.clone(), url.clone()),
            sender: MessageQueue::new(client.clone(), url),
        };
        Self { direct: Queue::new(client.clone(), queue_url), retry: retry_queue_url.map(retry_lane) }
    }

    pub(crate) fn has_retry_lane(&self) -> bool {
        self.retry.is_some()
    }

    /// The lane of a queue, by its ARN.
    pub(crate) fn lane_of(&self, queue_arn: &str) -> Lane {
        let is_retry_lane = |lane: &RetryLane| queue_arn.rsplit(':').next() == Some(&lane.name);
        if self.retry.as_ref().is_some_and(is_retry_lane) { Lane::Retry } else { Lane::Direct }
    }

    pub(crate) fn queue(&self, lane: Lane) -> &Queue {
        match (lane, &self.retry) {
            (Lane::Retry, Some(retry)) => &retry.queue,
            (Lane::Direct, _) | (Lane::Retry, None) => &self.direct,
        }
    }

    /// Sends a record of the direct lane to the retry lane.
    pub(crate) async fn send_to_retry_lane(&self, record: &Record, due_at: Option<Timestamp>) -> Result<(), SendError> {
        let Some(retry) = &self.retry else { return Err(SendError::Unavailable("there is no retry lane".to_owned())) };
        let moved = MovedRecord { due_at, ..record.moved.clone() };
        let body = record.body().to_owned();
        retry.sender.send_moved(record.group(), record.deduplication_id(), body, &moved).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_sqs::config::{BehaviorVersion, Config};

    #[test]
    fn the_queue_of_a_record_is_its_lane() {
        let client = Client::from_conf(Config::builder().behavior_version(BehaviorVersion::latest()).build());
        let url = |name: &str| format!("https://sqs.eu-central-1.amazonaws.com/1/{name}");
        let lanes = |retry_queue_url| Lanes::new(&client, url("patchbay-messages.fifo"), retry_queue_url);
        let lane = |lanes: &Lanes, name: &str| lanes.lane_of(&format!("arn:aws:sqs:eu-central-1:1:{name}"));
        let both = lanes(Some(url("patchbay-retry.fifo")));
        assert_eq!(Lane::Retry, lane(&both, "patchbay-retry.fifo"));
        for lanes in [both, lanes(None)] {
            assert_eq!(Lane::Direct, lane(&lanes, "patchbay-messages.fifo"));
        }
    }
}
