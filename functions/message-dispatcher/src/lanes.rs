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
    retry_queue_url: String,
}

impl Lanes {
    pub(crate) fn new(client: &Client, queue_url: String, retry_queue_url: String) -> Self {
        Self {
            direct: Queue::new(client.clone(), queue_url),
            retry: Queue::new(client.clone(), retry_queue_url.clone()),
            retry_queue: MessageQueue::new(client.clone(), retry_queue_url.clone()),
            retry_queue_url,
        }
    }

    pub(crate) fn lane_of(&self, queue_arn: &str) -> Lane {
        Lane::of(queue_arn, &self.retry_queue_url)
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
