//! SQS operations that several commands share.

use crate::error::CliError;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;
use aws_sdk_sqs::types::QueueAttributeName::{ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible};
use futures::{StreamExt, stream};
use shared::aws::sdk_error;
use std::fmt::Display;

/// The most messages that one call takes.
pub(crate) const BATCH_SIZE: usize = 10;
const CONCURRENCY: usize = 8;

pub(crate) fn operation_failed<'a>(what: &'a str) -> impl Fn(&dyn Display) -> CliError + 'a {
    move |cause| CliError::Failed(format!("{what}: {cause}"))
}

/// The approximate number of messages, including those in flight; `queue` is the name for error messages.
pub(crate) async fn message_count(client: &Client, url: &str, queue: &str) -> Result<u64, CliError> {
    let names = [ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible];
    let request = client.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.into()));
    let answer = request.send().await;
    let answer = answer.map_err(|error| operation_failed(&format!("{queue} cannot be counted"))(&sdk_error(&error)))?;
    let counts = answer.attributes().into_iter().flat_map(|attributes| attributes.values());
    Ok(counts.filter_map(|count| count.parse::<u64>().ok()).sum())
}

/// Makes received messages visible again, and returns whether that worked for all. The others become visible when their
/// visibility timeout ends.
pub(crate) async fn make_visible(client: &Client, url: &str, receipt_handles: &[String]) -> bool {
    let make_visible = async |handles: &[String]| {
        let entries = handles.iter().enumerate().filter_map(|(index, handle)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(index.to_string());
            entry.receipt_handle(handle).visibility_timeout(0).build().ok()
        });
        let request = client.change_message_visibility_batch().queue_url(url);
        let answer = request.set_entries(Some(entries.collect())).send().await;
        answer.is_ok_and(|answer| answer.failed().is_empty())
    };
    let made_visible = stream::iter(receipt_handles.chunks(BATCH_SIZE)).map(make_visible).buffer_unordered(CONCURRENCY);
    made_visible.fold(true, async |all, these| all && these).await
}
