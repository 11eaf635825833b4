//! When an event that could not be handled is received again.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;
use shared::aws::sdk_error;
use std::time::Duration;

/// The longest delay.
const MAXIMUM_DELAY: Duration = Duration::from_secs(64);

/// The queue of the platform's events. A batch has at most ten records, which is also the limit of one call.
pub(crate) struct EventQueue {
    client: Client,
    url: String,
}

/// An event that returns to the queue.
pub(crate) struct Returned {
    pub(crate) receipt_handle: String,
    pub(crate) receive_count: u32,
}

impl EventQueue {
    pub(crate) fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sets the visibility timeouts. If this fails, the queue's own timeout applies.
    pub(crate) async fn set_visibility_timeouts(&self, returned: &[Returned]) {
        if returned.is_empty() {
            return;
        }
        let entries = returned.iter().enumerate().filter_map(|(index, one)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(&one.receipt_handle)
                .visibility_timeout(i32::try_from(delay(one.receive_count).as_secs()).unwrap_or(i32::MAX))
                .build()
                .ok()
        });
        let request = self.client.change_message_visibility_batch().queue_url(&self.url);
        if let Err(error) = request.set_entries(Some(entries.collect())).send().await {
            tracing::warn!(reason = sdk_error(&error), "the visibility timeouts could not be set");
        }
    }
}

/// The delay doubles with each receive.
fn delay(receive_count: u32) -> Duration {
    Duration::from_secs(2_u64.saturating_pow(receive_count)).min(MAXIMUM_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_from_two_seconds_to_about_a_minute() {
        let delays: Vec<_> = [1, 2, 3, 6, 7, u32::MAX].into_iter().map(|count| delay(count).as_secs()).collect();
        assert_eq!(vec![2, 4, 8, 64, 64, 64], delays);
    }
}
