//! How much is on the queues.

use crate::aws::outputs;
use crate::aws::sqs;
use crate::aws::stack::Stack;
use crate::error::CliError;
use aws_sdk_sqs::Client;
use futures::future::try_join_all;
use serde::Serialize;

/// SQS's approximate numbers, with what is in flight.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QueueLengths {
    pub(super) direct_lane: u64,
    pub(super) retry_lane: u64,
    pub(super) failed: u64,
    pub(super) dead_letters: u64,
}

impl QueueLengths {
    pub(super) async fn read(stack: &Stack) -> Result<Self, CliError> {
        let client = Client::new(&stack.aws);
        let lengths = [
            (outputs::MESSAGE_QUEUE_URL, "the direct lane"),
            (outputs::RETRY_QUEUE_URL, "the retry lane"),
            (outputs::PARKING_QUEUE_URL, "the parking queue"),
            (outputs::DEAD_LETTER_QUEUE_URL, "the dead-letter queue"),
        ]
        .map(|(output, name)| {
            let client = &client;
            async move { sqs::message_count(client, stack.output(output).await?, name).await }
        });
        match try_join_all(lengths).await?.as_slice() {
            &[direct_lane, retry_lane, failed, dead_letters] => {
                Ok(Self { direct_lane, retry_lane, failed, dead_letters })
            }
            _ => Err(CliError::Failed("the queues cannot be counted".to_owned())),
        }
    }

    pub(super) fn describe(&self) -> String {
        format!(
            "All integrations together: about {} on the direct lane, {} on the retry lane, {} failed messages, {} dead \
             letters. The lanes hold receipts too.",
            self.direct_lane, self.retry_lane, self.failed, self.dead_letters
        )
    }
}
