//! One batch of events, in the order of the platform's times.

use crate::handler::{EventHandler, ReadEvent};
use crate::outcome::Outcome;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use shared::aws::OPERATION_TIMEOUT;
use shared::aws::retry::time_until;
use shared::delivery::backoff::{doubled, jittered};
use shared::delivery::records::{Queue, Returned, invocation_deadline, item_failure, receive_count, sent_at};
use shared::limits::bounded;
use std::time::Duration;
use tracing::{Instrument, error_span};

/// What an event needs at most: three calls to the ledger and one to each queue.
const EVENT_TIME: Duration = OPERATION_TIMEOUT.saturating_mul(5);

/// The delay after the first receive. It doubles with each further one.
const INITIAL_DELAY: Duration = Duration::from_secs(2);
const MAX_DELAY: Duration = Duration::from_secs(64);

/// Handles all records. The response names those that are received again.
pub(crate) async fn handle(handler: &EventHandler, queue: &Queue, event: LambdaEvent<SqsEvent>) -> SqsBatchResponse {
    let deadline = invocation_deadline(event.context.deadline);
    let span = error_span!("batch", request_id = event.context.request_id);
    let returned = handle_all(handler, event.payload.records, deadline).instrument(span.clone()).await;
    queue.set_visibility_timeouts(&returned, deadline).instrument(span).await;
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = returned.into_iter().map(|returned| item_failure(returned.record)).collect();
    response
}

/// Returns the records that have to be received again.
async fn handle_all(handler: &EventHandler, records: Vec<SqsMessage>, deadline: Timestamp) -> Vec<Returned> {
    let mut events: Vec<_> = records
        .into_iter()
        .map(|record| {
            let event = handler.read(record.body.as_deref().unwrap_or_default());
            (record, event)
        })
        .collect();
    // The platform does not keep the order, but most events of a batch can be put into it. Those without a time are first:
    // events that are not delivered, which may name the customer of the others, and malformed ones.
    events.sort_by_key(|(_, event)| event.as_ref().ok().and_then(ReadEvent::time));
    let mut returned = Vec::new();
    for (record, event) in events {
        let conversation_id = event.as_ref().ok().and_then(ReadEvent::conversation_id);
        let span = error_span!("event", conversation_id = conversation_id.map(bounded).as_deref());
        let outcome = outcome(handler, &record, event, deadline).instrument(span.clone()).await;
        span.in_scope(|| outcome.log());
        if !outcome.is_final() {
            let visibility_timeout = delay(receive_count(&record), fastrand::f64());
            returned.push(Returned { record, visibility_timeout });
        }
    }
    returned
}

async fn outcome(
    handler: &EventHandler,
    record: &SqsMessage,
    event: Result<ReadEvent, Outcome>,
    deadline: Timestamp,
) -> Outcome {
    if time_until(deadline) < EVENT_TIME {
        return Outcome::TooEarly("too little time is left");
    }
    let outcome = match event {
        Ok(event) => handler.handle(event, sent_at(record).unwrap_or_else(Timestamp::now)).await,
        Err(outcome) => outcome,
    };
    match outcome {
        Outcome::Malformed(reason) => handler.keep(record.body.as_deref().unwrap_or_default(), reason).await,
        outcome => outcome,
    }
}

fn delay(receive_count: u64, jitter: f64) -> Duration {
    jittered(doubled(INITIAL_DELAY, receive_count.saturating_sub(1), MAX_DELAY), jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_from_two_seconds_to_about_a_minute() {
        let delays: Vec<_> =
            [0, 1, 2, 3, 6, 7, u64::MAX].into_iter().map(|count| delay(count, 1.0).as_secs()).collect();
        assert_eq!(vec![2, 2, 4, 8, 64, 64, 64], delays);
        assert_eq!(1, delay(1, 0.0).as_secs());
    }
}
