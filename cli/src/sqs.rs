//! What commands do on any queue.

use crate::failure::Failure;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;
use aws_sdk_sqs::types::QueueAttributeName::{ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible};
use futures::{StreamExt, stream};
use shared::aws::sdk_error;
use std::fmt::Display;

/// How many messages one call takes.
pub(crate) const BATCH: usize = 10;
/// How many calls are made at the same time.
const CONCURRENCY: usize = 8;

/// What was to be done did not work.
pub(crate) fn refused<'a>(what: &'a str) -> impl Fn(&dyn Display) -> Failure + 'a {
    move |cause| Failure::Failed(format!("{what}: {cause}"))
}

/// About how many messages there are on a queue, those in flight included; `called` is what the queue is called.
pub(crate) async fn length(client: &Client, url: &str, called: &str) -> Result<u64, Failure> {
    let names = [ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible];
    let request = client.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.into()));
    let answer = request.send().await;
    let answer = answer.map_err(|error| refused(&format!("{called} cannot be counted"))(&sdk_error(&error)))?;
    let counts = answer.attributes().into_iter().flat_map(|attributes| attributes.values());
    Ok(counts.filter_map(|count| count.parse::<u64>().ok()).sum())
}

/// Makes received messages visible again, and returns whether all are. Others are so by themselves a little later.
pub(crate) async fn put_back(client: &Client, url: &str, receipt_handles: &[String]) -> bool {
    let put_back = async |handles: &[String]| {
        let entries = handles.iter().enumerate().filter_map(|(index, handle)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(index.to_string());
            entry.receipt_handle(handle).visibility_timeout(0).build().ok()
        });
        let request = client.change_message_visibility_batch().queue_url(url);
        let answer = request.set_entries(Some(entries.collect())).send().await;
        answer.is_ok_and(|answer| answer.failed().is_empty())
    };
    let put_back = stream::iter(receipt_handles.chunks(BATCH)).map(put_back).buffer_unordered(CONCURRENCY);
    put_back.fold(true, async |all, these| all && these).await
}
