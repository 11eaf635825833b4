//! One batch of records: customers side by side, the messages of each customer in order.

use crate::backoff;
use crate::dispatcher::Dispatcher;
use crate::group::{GroupResult, NotMoved, Position, Queued, Steps, process_group};
use crate::lanes::Lanes;
use crate::outcome::Disposition;
use crate::record::{Lane, Record};
use crate::task::{COMPLETION_TIME, ReceiveContext};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use shared::aws::retry::{retry_transient, time_until};
use shared::delivery::records::{Returned, invocation_deadline, item_failure};
use shared::ledger::{LedgerError, SequenceNumber};
use shared::model::endpoint::Endpoint;
use shared::model::integration_name::IntegrationName;
use shared::observability::emf::Emf;
use shared::observability::metrics::Event;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{self, JoinSet};
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, error_span};

/// Retry delay for a group whose task panicked.
pub(crate) const PANIC_RETRY_DELAY: Duration = Duration::from_secs(60);

/// How long the groups of a batch wait for each other. Lambda unlocks a group when its batch ends, so one customer would
/// wait for another whose messaging service is slow. After this, each group is unlocked when it ends.
pub(crate) const BATCH_GRACE_PERIOD: Duration = Duration::from_secs(1);

/// The records of one invocation, all of one lane.
pub(crate) struct Batch {
    groups: Vec<Group>,
    lane: Lane,
    request_id: String,
    deadline: Timestamp,
}

/// The records of one customer, in order.
struct Group {
    id: String,
    /// What its messages are posted to.
    endpoint: Option<Endpoint>,
    records: Vec<Record>,
}

/// What must be known of a group if its task panics.
struct GroupSummary {
    endpoint: Option<Endpoint>,
    records: Vec<Record>,
}

/// What happens to records.
#[derive(Default)]
struct BatchResult {
    acknowledged: Vec<SqsMessage>,
    returned: Vec<(Record, Duration)>,
}

/// The worker of a group.
struct Worker<'w> {
    dispatcher: &'w Dispatcher,
    lanes: &'w Lanes,
    group: &'w str,
    endpoint: Option<&'w Endpoint>,
    deadline: Timestamp,
}

impl Batch {
    pub(crate) fn new(event: LambdaEvent<SqsEvent>, lanes: &Lanes) -> Self {
        let queue_arn = event.payload.records.first().and_then(|record| record.event_source_arn.as_deref());
        let lane = lanes.lane_of(queue_arn.unwrap_or_default());
        Self {
            groups: grouped(event.payload.records.into_iter().map(|message| Record::new(message, lane))),
            lane,
            request_id: event.context.request_id,
            deadline: invocation_deadline(event.context.deadline),
        }
    }

    /// Dispatches all records. The response names those that return to the queue: of a group, the first that has to be
    /// retried and all behind it.
    pub(crate) async fn handle(self, dispatcher: Arc<Dispatcher>, lanes: Arc<Lanes>) -> SqsBatchResponse {
        let span = error_span!("batch", request_id = self.request_id);
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = self.dispatch(dispatcher, lanes).instrument(span).await;
        response
    }

    async fn dispatch(self, dispatcher: Arc<Dispatcher>, lanes: Arc<Lanes>) -> Vec<BatchItemFailure> {
        let mut result = BatchResult::default();
        let positions = match self.positions(&dispatcher).await {
            Ok(positions) => positions,
            Err(error) => {
                tracing::error!(outcome = "retry", reason = %error, "the lanes are not known");
                let records = self.groups.into_iter().flat_map(|group| group.records);
                let delayed = |record: Record| {
                    let context = ReceiveContext::new(&record, self.deadline);
                    let after = context.delay_after_internal_error();
                    (record, after)
                };
                result.returned.extend(records.map(delayed));
                return result.flush(&lanes, self.lane, self.deadline, false).await;
            }
        };
        let mut tasks = JoinSet::new();
        let mut summaries: HashMap<task::Id, GroupSummary> = HashMap::new();
        for (group, position) in self.groups.into_iter().zip(positions) {
            let summary = group.summary();
            let dispatched = group.dispatch(position, Arc::clone(&dispatcher), Arc::clone(&lanes), self.deadline);
            summaries.insert(tasks.spawn(dispatched.in_current_span()).id(), summary);
        }
        let mut failures = Vec::new();
        let grace_period_end = Instant::now() + BATCH_GRACE_PERIOD;
        while !tasks.is_empty() {
            let joined = match timeout_at(grace_period_end, tasks.join_next_with_id()).await {
                Ok(joined) => joined,
                Err(_) => {
                    failures.extend(result.flush(&lanes, self.lane, self.deadline, true).await);
                    tasks.join_next_with_id().await
                }
            };
            match joined {
                Some(Ok((_, of_group))) => result.add(of_group),
                // What was delivered before the panic is in the ledger, so it is a duplicate on the retry.
                Some(Err(error)) => {
                    result
                        .returned
                        .extend(summaries.remove(&error.id()).into_iter().flat_map(GroupSummary::into_failed));
                }
                None => {}
            }
        }
        failures.extend(result.flush(&lanes, self.lane, self.deadline, false).await);
        failures
    }

    /// Where each group is: one read of the ledger for all of them.
    async fn positions(&self, dispatcher: &Dispatcher) -> Result<Vec<Position>, LedgerError> {
        let endpoints = dispatcher.circuits.stale(self.groups.iter().filter_map(|group| group.endpoint.clone()));
        let groups: Vec<_> = match self.lane {
            Lane::Direct => self.groups.iter().map(|group| group.id.as_str()).collect(),
            Lane::Retry => Vec::new(),
        };
        let read = async || dispatcher.ledger.lane_states(&groups, endpoints.clone()).await;
        let states = retry_transient(self.deadline, read, LedgerError::is_transient).await?;
        dispatcher.circuits.learn(&states);
        Ok(self.groups.iter().map(|group| Position::new(self.lane, states.has_tail(&group.id))).collect())
    }
}

impl Group {
    fn summary(&self) -> GroupSummary {
        GroupSummary {
            endpoint: self.endpoint.clone(),
            records: self.records.iter().map(Record::without_body).collect(),
        }
    }

    async fn dispatch(
        self,
        position: Position,
        dispatcher: Arc<Dispatcher>,
        lanes: Arc<Lanes>,
        deadline: Timestamp,
    ) -> GroupResult<Record> {
        let Self { id, endpoint, records } = self;
        let worker =
            Worker { dispatcher: &dispatcher, lanes: &lanes, group: &id, endpoint: endpoint.as_ref(), deadline };
        let result = process_group(&worker, position, records.into_iter().map(Queued::from).collect()).await;
        if result.moved > 0 {
            let (emf, records) = (Emf::of([Event::Moved(result.moved as u64)]), result.moved);
            let integration = endpoint.as_ref().map(|endpoint| endpoint.integration.as_str());
            tracing::info!(%emf, integration, outcome = "moved", records);
        }
        result
    }
}

impl Steps for Worker<'_> {
    type Record = Record;

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn has_time_to_move(&self) -> bool {
        time_until(self.deadline) >= COMPLETION_TIME
    }

    fn delay_after_not_moved(&self, receive_count: u64) -> Duration {
        backoff::delay_after_internal_error(receive_count, fastrand::f64())
    }

    async fn process(&self, record: &Record) -> Disposition {
        self.dispatcher.dispatch(ReceiveContext::new(record, self.deadline)).await
    }

    async fn extend_tail(&self, tail: SequenceNumber) -> Result<(), NotMoved> {
        if !self.lanes.has_retry_lane() {
            return Err(self.not_moved(&"no retry queue is configured"));
        }
        let extend = || self.dispatcher.ledger.extend_tail(self.group, tail, Timestamp::now());
        retry_transient(self.deadline, extend, LedgerError::is_transient).await.map_err(|error| self.not_moved(&error))
    }

    async fn send_to_retry_lane(&self, record: &Record, due_at: Option<Timestamp>) -> Result<(), NotMoved> {
        self.lanes.send_to_retry_lane(record, due_at).await.map_err(|error| self.not_moved(&error))
    }

    async fn clear_tail(&self, finished: SequenceNumber) {
        let clear = || self.dispatcher.ledger.clear_tail(self.group, finished);
        if let Err(error) = retry_transient(self.deadline, clear, LedgerError::is_transient).await {
            tracing::warn!(reason = %error, "the tail of a group could not be cleared");
        }
    }
}

impl Worker<'_> {
    fn not_moved(&self, reason: &dyn fmt::Display) -> NotMoved {
        let integration = self.endpoint.map(|endpoint| endpoint.integration.as_str());
        tracing::error!(integration, outcome = "retry", reason = %reason, "a record could not be moved to the retry lane");
        NotMoved
    }
}

impl GroupSummary {
    /// Logs the panic of the group's task, and returns its records. The invocation succeeds: the other customers' messages
    /// are not affected. The panic hook has logged the panic itself.
    fn into_failed(self) -> impl Iterator<Item = (Record, Duration)> {
        let integration = self.endpoint.as_ref().map(|endpoint| &endpoint.integration);
        let emf = Emf::of(integration.map(Event::Retried));
        let integration = integration.map(IntegrationName::as_str);
        tracing::error!(%emf, integration, outcome = "retry", reason = "panic");
        self.records.into_iter().map(|record| (record, PANIC_RETRY_DELAY))
    }
}

impl BatchResult {
    fn add(&mut self, group: GroupResult<Record>) {
        self.acknowledged.extend(group.acknowledged.into_iter().map(|record| record.message));
        self.returned.extend(group.returned.into_iter().map(|record| (record, group.visibility_timeout)));
    }

    /// Applies the result so far to the queue, and returns the failures for Lambda. Acknowledged records are
    /// deleted here only if `early`: otherwise Lambda is about to delete them.
    async fn flush(&mut self, lanes: &Lanes, lane: Lane, deadline: Timestamp, early: bool) -> Vec<BatchItemFailure> {
        let Self { acknowledged, returned } = std::mem::take(self);
        if let Some(oldest) = returned.iter().filter_map(|(record, _)| record.age()).max() {
            let (emf, records) = (Emf::of([Event::Requeued(oldest)]), returned.len());
            tracing::info!(%emf, outcome = "requeued", records);
        }
        let returned: Vec<_> = returned
            .into_iter()
            .map(|(record, visibility_timeout)| Returned { record: record.message, visibility_timeout })
            .collect();
        let queue = lanes.queue(lane);
        queue.set_visibility_timeouts(&returned, deadline).await;
        if early {
            queue.delete(&acknowledged).await;
        }
        returned.into_iter().map(|returned| item_failure(returned.record)).collect()
    }
}

impl From<Record> for Queued<Record> {
    fn from(record: Record) -> Self {
        let sequence_number = record.moved.sequence_number.as_deref().and_then(SequenceNumber::parse);
        Self { sequence_number, receive_count: record.receive_count(), due_at: record.moved.due_at, record }
    }
}

/// Groups in the order of their first record, and the records of each in order.
fn grouped(records: impl Iterator<Item = Record>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for record in records {
        match groups.iter_mut().find(|group| group.id == record.group()) {
            Some(group) => group.records.push(record),
            None => {
                let (id, endpoint) = (record.group().to_owned(), record.endpoint());
                groups.push(Group { id, endpoint, records: vec![record] });
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    fn record(id: &str, group: &str) -> SqsMessage {
        let mut record = SqsMessage::default();
        record.message_id = Some(id.to_owned());
        record.attributes.insert("MessageGroupId".to_owned(), group.to_owned());
        record
    }

    fn groups(records: Vec<SqsMessage>) -> Vec<Group> {
        grouped(records.into_iter().map(|message| Record::new(message, Lane::Direct)))
    }

    fn ids<'r>(records: impl IntoIterator<Item = &'r Record>) -> Vec<&'r str> {
        records.into_iter().map(|record| record.message.message_id.as_deref().unwrap()).collect()
    }

    #[test]
    fn records_are_grouped_by_customer_in_order() {
        let groups = groups(vec![record("1", "a"), record("2", "b"), record("3", "a"), record("4", "b")]);
        let ids: Vec<_> = groups.iter().map(|group| ids(&group.records)).collect();
        assert_eq!(vec![vec!["1", "3"], vec!["2", "4"]], ids);
    }

    #[test]
    fn after_a_panic_the_integration_and_the_age_of_the_messages_are_known() {
        let mut first = record("1", "a");
        first.body = Some(r#"{"integration":"acme","of":"another version"}"#.to_owned());
        let sent_at = Timestamp::now() - SignedDuration::from_mins(20);
        first.attributes.insert("SentTimestamp".to_owned(), sent_at.as_millisecond().to_string());
        let [group] = &groups(vec![first, record("2", "a")])[..] else { panic!("one group") };
        let summary = group.summary();
        assert_eq!("acme", summary.endpoint.as_ref().unwrap().integration.as_str());
        let records: Vec<_> = summary.into_failed().map(|(record, _)| record).collect();
        assert_eq!(vec!["1", "2"], ids(&records));
        assert!(records[0].message.body.is_none() && records[0].age().unwrap() >= Duration::from_secs(20 * 60));
        assert_eq!(None, records[1].age());
    }
}
