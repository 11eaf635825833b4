//! One batch of events, in the order of the platform's times.

use crate::handler::{EventHandler, ReadEvent};
use crate::outcome::Outcome;
use crate::visibility::{EventQueue, Returned};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use shared::aws::OPERATION_TIMEOUT;
use shared::limits::bounded;
use std::time::Duration;
use tracing::{Instrument, error_span};

/// What an event needs at most: three calls to the ledger and one to each queue.
const EVENT_TIME: Duration = OPERATION_TIMEOUT.saturating_mul(5);

/// Handles all records. The response names those that are received again.
pub(crate) async fn handle(
    handler: &EventHandler,
    queue: &EventQueue,
    event: LambdaEvent<SqsEvent>,
) -> SqsBatchResponse {
    let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
    let deadline = Timestamp::from_millisecond(deadline).unwrap_or(Timestamp::MAX);
    let span = error_span!("batch", request_id = event.context.request_id);
    let failed = handle_all(handler, event.payload.records, deadline).instrument(span.clone()).await;
    let returned: Vec<_> = failed.iter().filter_map(returned).collect();
    queue.set_visibility_timeouts(&returned).instrument(span).await;
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed.into_iter().map(item_failure).collect();
    response
}

/// Returns the records that have to be received again.
async fn handle_all(handler: &EventHandler, records: Vec<SqsMessage>, deadline: Timestamp) -> Vec<SqsMessage> {
    let mut events: Vec<_> = records
        .into_iter()
        .map(|record| {
            let event = handler.read(record.body.as_deref().unwrap_or_default());
            (record, event)
        })
        .collect();
    // The platform does not keep the order, but most events of a batch can be put into it.
    events.sort_by_key(|(_, event)| event.as_ref().ok().and_then(ReadEvent::time));
    let mut failed = Vec::new();
    for (record, event) in events {
        let conversation_id = event.as_ref().ok().and_then(ReadEvent::conversation_id);
        let span = error_span!("event", conversation_id = conversation_id.map(bounded).as_deref());
        let outcome = outcome(handler, &record, event, deadline).instrument(span.clone()).await;
        span.in_scope(|| outcome.log());
        if !outcome.is_final() {
            failed.push(record);
        }
    }
    failed
}

async fn outcome(
    handler: &EventHandler,
    record: &SqsMessage,
    event: Result<ReadEvent, Outcome>,
    deadline: Timestamp,
) -> Outcome {
    let event = match event {
        Ok(event) => event,
        Err(outcome) => return outcome,
    };
    let now = Timestamp::now();
    if Duration::try_from(deadline.duration_since(now)).unwrap_or_default() < EVENT_TIME {
        return Outcome::Retried { reason: "too little time is left".to_owned(), is_error: false };
    }
    handler.handle(event, sent_at(record).unwrap_or(now), receive_count(record)).await
}

/// When the queue received the event. It is the same on every attempt.
fn sent_at(record: &SqsMessage) -> Option<Timestamp> {
    Timestamp::from_millisecond(record.attributes.get("SentTimestamp")?.parse().ok()?).ok()
}

fn returned(record: &SqsMessage) -> Option<Returned> {
    Some(Returned { receipt_handle: record.receipt_handle.clone()?, receive_count: receive_count(record) })
}

fn receive_count(record: &SqsMessage) -> u32 {
    let count = record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
    count.unwrap_or(1)
}

/// A record without an id fails the whole batch: Lambda treats an empty id so.
fn item_failure(record: SqsMessage) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = record.message_id.unwrap_or_default();
    failure
}
