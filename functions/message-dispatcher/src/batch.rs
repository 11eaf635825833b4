//! One batch of records: customers side by side, the messages of each customer in order.

use crate::dispatcher::Dispatcher;
use crate::outcome::Disposition;
use crate::task::ReceiveContext;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use shared::delivery::envelope::QueueMessage;
use shared::delivery::records::{Queue, Returned, SENT_AT, invocation_deadline, item_failure, receive_count, sent_at};
use shared::model::integration_name::IntegrationName;
use shared::observability::emf::Emf;
use shared::observability::metrics::Event;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{self, JoinSet};
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, error_span};

/// Retry delay for a group whose task panicked.
const PANIC_RETRY_DELAY: Duration = Duration::from_secs(60);

/// How long the groups of a batch wait for each other. Lambda unlocks a group when its batch ends, so one customer would
/// wait for another whose messaging service is slow. After this, each group is unlocked when it ends.
const BATCH_GRACE_PERIOD: Duration = Duration::from_secs(1);

/// The records of one invocation.
pub(crate) struct Batch {
    groups: Vec<Group>,
    request_id: String,
    deadline: Timestamp,
}

/// The records of one customer, in order.
struct Group {
    id: String,
    records: Vec<SqsMessage>,
}

/// What must be known of a group if its task panics: its records without their bodies, which may be large.
struct GroupSummary {
    integration: Option<IntegrationName>,
    records: Vec<SqsMessage>,
}

/// What happens to records.
#[derive(Default)]
struct BatchResult {
    acknowledged: Vec<SqsMessage>,
    returned: Vec<Returned>,
}

impl From<LambdaEvent<SqsEvent>> for Batch {
    fn from(event: LambdaEvent<SqsEvent>) -> Self {
        Self {
            groups: grouped(event.payload.records),
            request_id: event.context.request_id,
            deadline: invocation_deadline(event.context.deadline),
        }
    }
}

impl Batch {
    /// Dispatches all records. The response names those that return to the queue: of a group, the first that has to be
    /// retried and all behind it.
    pub(crate) async fn handle(self, dispatcher: Arc<Dispatcher>, queue: &Queue) -> SqsBatchResponse {
        let span = error_span!("batch", request_id = self.request_id);
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = self.dispatch(dispatcher, queue).instrument(span).await;
        response
    }

    async fn dispatch(self, dispatcher: Arc<Dispatcher>, queue: &Queue) -> Vec<BatchItemFailure> {
        let mut tasks = JoinSet::new();
        let mut summaries: HashMap<task::Id, GroupSummary> = HashMap::new();
        for group in self.groups {
            let summary = group.summary();
            let dispatched = group.dispatch(Arc::clone(&dispatcher), self.deadline).in_current_span();
            summaries.insert(tasks.spawn(dispatched).id(), summary);
        }
        let mut result = BatchResult::default();
        let mut failures = Vec::new();
        let grace_period_end = Instant::now() + BATCH_GRACE_PERIOD;
        while !tasks.is_empty() {
            let joined = match timeout_at(grace_period_end, tasks.join_next_with_id()).await {
                Ok(joined) => joined,
                Err(_) => {
                    failures.extend(result.flush(queue, self.deadline, true).await);
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
        failures.extend(result.flush(queue, self.deadline, false).await);
        failures
    }
}

impl Group {
    fn summary(&self) -> GroupSummary {
        let without_body = |record: &SqsMessage| {
            let mut summary = SqsMessage::default();
            summary.message_id.clone_from(&record.message_id);
            summary.receipt_handle.clone_from(&record.receipt_handle);
            let sent_at = record.attributes.get(SENT_AT).map(|time| (SENT_AT.to_owned(), time.clone()));
            summary.attributes.extend(sent_at);
            summary
        };
        let first = self.records.first().and_then(|record| record.body.as_deref());
        GroupSummary {
            integration: first.and_then(QueueMessage::peek_integration),
            records: self.records.iter().map(without_body).collect(),
        }
    }

    /// Dispatches the records until one has to be retried. That one and all behind it return with the same visibility
    /// timeout, so that they stay in order.
    async fn dispatch(self, dispatcher: Arc<Dispatcher>, deadline: Timestamp) -> BatchResult {
        let mut result = BatchResult::default();
        let mut records = self.records.into_iter();
        while let Some(record) = records.next() {
            let attribute = |name| record.attributes.get(name).map(String::as_str);
            let context = ReceiveContext {
                body: record.body.as_deref().unwrap_or_default(),
                group: &self.id,
                sequence_number: attribute("SequenceNumber"),
                receive_count: receive_count(&record),
                deadline,
            };
            match dispatcher.dispatch(context).await {
                Disposition::Ack => result.acknowledged.push(record),
                Disposition::Retry { after } => {
                    let rest = std::iter::once(record).chain(records);
                    result.returned.extend(rest.map(|record| Returned { record, visibility_timeout: after }));
                    break;
                }
            }
        }
        result
    }
}

impl GroupSummary {
    /// Logs the panic of the group's task, and returns its records. The invocation succeeds: the other customers' messages
    /// are not affected. The panic hook has logged the panic itself.
    fn into_failed(self) -> impl Iterator<Item = Returned> {
        let emf = Emf::of(self.integration.as_ref().map(Event::Retried));
        let integration = self.integration.as_ref().map(IntegrationName::as_str);
        tracing::error!(%emf, integration, outcome = "retry", reason = "panic");
        self.records.into_iter().map(|record| Returned { record, visibility_timeout: PANIC_RETRY_DELAY })
    }
}

impl BatchResult {
    fn add(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        self.returned.extend(other.returned);
    }

    /// Applies the result so far to the queue, and returns the failures for Lambda. Acknowledged records are
    /// deleted here only if `early`: otherwise Lambda is about to delete them.
    async fn flush(&mut self, queue: &Queue, deadline: Timestamp, early: bool) -> Vec<BatchItemFailure> {
        let Self { acknowledged, returned } = std::mem::take(self);
        if let Some(oldest) = returned.iter().filter_map(|returned| age(&returned.record)).max() {
            let (emf, records) = (Emf::of([Event::Requeued(oldest)]), returned.len());
            tracing::info!(%emf, outcome = "requeued", records);
        }
        queue.set_visibility_timeouts(&returned, deadline).await;
        if early {
            queue.delete(&acknowledged).await;
        }
        returned.into_iter().map(|returned| item_failure(returned.record)).collect()
    }
}

/// Groups in the order of their first record, and the records of each in order.
fn grouped(records: Vec<SqsMessage>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for record in records {
        let id = record.attributes.get("MessageGroupId").cloned().unwrap_or_default();
        match groups.iter_mut().find(|group| group.id == id) {
            Some(group) => group.records.push(record),
            None => groups.push(Group { id, records: vec![record] }),
        }
    }
    groups
}

/// How long ago the queue received a record.
fn age(record: &SqsMessage) -> Option<Duration> {
    Some(Timestamp::now().duration_since(sent_at(record)?).try_into().unwrap_or_default())
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

    #[test]
    fn records_are_grouped_by_customer_in_order() {
        let groups = grouped(vec![record("1", "a"), record("2", "b"), record("3", "a"), record("4", "b")]);
        let ids: Vec<Vec<_>> = groups
            .iter()
            .map(|group| group.records.iter().map(|record| record.message_id.clone().unwrap()).collect())
            .collect();
        assert_eq!(vec![vec!["1", "3"], vec!["2", "4"]], ids);
    }

    #[test]
    fn after_a_panic_the_integration_and_the_age_of_the_messages_are_known() {
        let mut first = record("1", "a");
        first.body = Some(r#"{"integration":"acme","of":"another version"}"#.to_owned());
        let sent_at = Timestamp::now() - SignedDuration::from_mins(20);
        first.attributes.insert(SENT_AT.to_owned(), sent_at.as_millisecond().to_string());
        let [group] = &grouped(vec![first, record("2", "a")])[..] else { panic!("one group") };
        let summary = group.summary();
        assert_eq!(Some("acme"), summary.integration.as_ref().map(IntegrationName::as_str));
        let records: Vec<_> = summary.into_failed().map(|returned| returned.record).collect();
        let ids: Vec<_> = records.iter().map(|record| record.message_id.as_deref().unwrap()).collect();
        assert_eq!(vec!["1", "2"], ids);
        assert!(records[0].body.is_none() && age(&records[0]).unwrap() >= Duration::from_secs(20 * 60));
        assert_eq!(None, age(&records[1]));
    }
}
