//! The queues of the two lanes.

use crate::record::{Lane, Record};
use aws_sdk_sqs::Client;
use jiff::Timestamp;
use shared::delivery::queue::{MessageQueue, SendError};
use shared::delivery::records::Queue;
use shared::delivery::retry_lane::MovedRecord;

pub(crate) struct Lanes {
    direct: Queue,
    retry: Queue,
    retry_queue: MessageQueue,
    retry_queue_name: String,
}

impl Lanes {
    pub(crate) fn new(client: &Client, queue_url: String, retry_queue_url: String) -> Self {
        Self {
            direct: Queue::new(client.clone(), queue_url),
            retry: Queue::new(client.clone(), retry_queue_url.clone()),
            retry_queue_name: retry_queue_url.rsplit('/').next().unwrap_or_default().to_owned(),
            retry_queue: MessageQueue::new(client.clone(), retry_queue_url),
        }
    }

    /// The lane of a queue, by its ARN.
    pub(crate) fn lane_of(&self, queue_arn: &str) -> Lane {
        if queue_arn.rsplit(':').next() == Some(&self.retry_queue_name) { Lane::Retry } else { Lane::Direct }
    }

    pub(crate) fn queue(&self, lane: Lane) -> &Queue {
        match lane {
            Lane::Direct => &self.direct,
            Lane::Retry => &self.retry,
        }
    }

    /// Sends a record of the direct lane to the retry lane.
    pub(crate) async fn send_to_retry_lane(&self, record: &Record, due_at: Option<Timestamp>) -> Result<(), SendError> {
        let moved = MovedRecord { due_at, ..record.moved.clone() };
        let body = record.body().to_owned();
        self.retry_queue.send_moved(record.group(), record.deduplication_id(), body, &moved).await
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
        let lanes = Lanes::new(&client, url("patchbay-messages.fifo"), url("patchbay-retry.fifo"));
        let lane = |name: &str| lanes.lane_of(&format!("arn:aws:sqs:eu-central-1:1:{name}"));
        assert_eq!(Lane::Retry, lane("patchbay-retry.fifo"));
        assert_eq!(Lane::Direct, lane("patchbay-messages.fifo"));
    }
}
