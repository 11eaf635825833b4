//! Accepting receipts before they are posted: each is one durable write.

use crate::poster::{BatchItem, CONCURRENCY, PostOutcome, batch_response, by_message, response, well_formed};
use crate::request::{Receipts, StatusReport};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use shared::api::problem::Problem;
use shared::api::{Reply, RequestContext};
use shared::delivery::envelope::ReceiptEnvelope;
use shared::delivery::queue::MessageQueue;

/// Puts receipts onto the queue.
pub(crate) struct ReceiptAcceptor {
    queue: MessageQueue,
}

impl ReceiptAcceptor {
    pub(crate) fn new(queue: MessageQueue) -> Self {
        Self { queue }
    }

    /// Answers a batch with 202 and an outcome for each receipt.
    pub(crate) async fn accept(&self, context: &RequestContext, receipts: Receipts) -> Result<Reply, Problem> {
        let receipts = receipts.with_trace_id(context.trace_id.as_ref());
        match receipts.for_platform(context.integration.platform.name())? {
            Receipts::One(report) => {
                let outcome = self.enqueue(context, &report).await?;
                Ok(Reply::accepted(response(&report, outcome)))
            }
            Receipts::Batch(entries) => {
                let (reports, mut items) = well_formed(context, entries);
                let enqueuing = by_message(reports).map(|reports| async move {
                    let mut items = Vec::new();
                    for (index, report) in reports {
                        let result = self.enqueue(context, &report).await;
                        items.push(BatchItem::new(context, index, &report, result));
                    }
                    items
                });
                let enqueued: Vec<_> = stream::iter(enqueuing).buffer_unordered(CONCURRENCY).concat().await;
                items.extend(enqueued);
                Ok(Reply::accepted(batch_response(items)))
            }
        }
    }

    async fn enqueue(&self, context: &RequestContext, report: &StatusReport) -> Result<PostOutcome, Problem> {
        let StatusReport::Forward(receipt) = report else { return Ok(PostOutcome::Acknowledged) };
        let envelope = ReceiptEnvelope {
            integration: context.integration.name.clone(),
            received_at: Timestamp::now(),
            receipt: receipt.clone(),
            provider: None,
        };
        match self.queue.send_receipt(&envelope).await {
            Ok(()) => Ok(PostOutcome::Queued),
            Err(error) => {
                tracing::error!(reason = %error, "the receipt could not be queued");
                // It may be on the queue nevertheless. A copy does no harm.
                Err(Problem::unavailable("The receipt could not be queued."))
            }
        }
    }
}
