//! One batch off the queue: the customers side by side, each customer's messages one after the other.

use crate::dispatcher::{Dispatcher, Reception, Verdict};
use crate::queue::{GoingBack, Queue};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{self, JoinSet};
use tokio::time::{Instant, timeout_at};

/// The wait when a whole group came to grief in a way that nobody foresaw.
const AFTER_A_PANIC: Duration = Duration::from_secs(60);

/// How long the groups of a batch wait for each other. Lambda frees a group when its batch ends, so a customer whose
/// messages are settled would have to wait for another whose messaging service is slow; after this, groups are freed
/// one by one as they end.
const PATIENCE: Duration = Duration::from_secs(1);

/// What one invocation was given.
pub(crate) struct Batch {
    groups: Vec<Group>,
    request_id: Arc<str>,
    deadline: Timestamp,
}

/// One customer's messages, in order.
struct Group {
    id: String,
    records: Vec<SqsMessage>,
}

/// What became of messages.
#[derive(Default)]
struct Fate {
    settled: Vec<SqsMessage>,
    going_back: Vec<GoingBack>,
}

impl From<LambdaEvent<SqsEvent>> for Batch {
    fn from(event: LambdaEvent<SqsEvent>) -> Self {
        let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
        Self {
            groups: grouped(event.payload.records),
            request_id: event.context.request_id.into(),
            deadline: Timestamp::from_millisecond(deadline).unwrap_or(Timestamp::MAX),
        }
    }
}

impl Batch {
    /// Dispatches all messages. The answer names those that go back to the queue: within a group, the first that
    /// could not be settled and all behind it.
    pub(crate) async fn handle(self, dispatcher: Arc<Dispatcher>, queue: &Queue) -> SqsBatchResponse {
        let mut tasks = JoinSet::new();
        let mut groups: HashMap<task::Id, Group> = HashMap::new();
        for group in self.groups {
            let outline = group.outline();
            let run = run(Arc::clone(&dispatcher), group, Arc::clone(&self.request_id), self.deadline);
            groups.insert(tasks.spawn(run).id(), outline);
        }
        let mut fate = Fate::default();
        let mut failures = Vec::new();
        let patient_until = Instant::now() + PATIENCE;
        while !tasks.is_empty() {
            let joined = match timeout_at(patient_until, tasks.join_next_with_id()).await {
                Ok(joined) => joined,
                Err(_) => {
                    failures.extend(fate.seal(queue, true).await);
                    tasks.join_next_with_id().await
                }
            };
            match joined {
                Some(Ok((_, ended))) => fate.add(ended),
                Some(Err(error)) => {
                    // The panic itself is in the log already.
                    // What was delivered before the panic is in the ledger, and will be passed over.
                    let records = groups.remove(&error.id()).map(|group| group.records).unwrap_or_default();
                    fate.going_back.extend(records.into_iter().map(|record| GoingBack { record, wait: AFTER_A_PANIC }));
                }
                None => {}
            }
        }
        failures.extend(fate.seal(queue, false).await);
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = failures;
        response
    }
}

impl Group {
    /// The same without the messages' bodies, which may be large.
    fn outline(&self) -> Self {
        let without_body = |record: &SqsMessage| {
            let mut outline = SqsMessage::default();
            outline.message_id.clone_from(&record.message_id);
            outline.receipt_handle.clone_from(&record.receipt_handle);
            outline
        };
        Self { id: self.id.clone(), records: self.records.iter().map(without_body).collect() }
    }
}

impl Fate {
    fn add(&mut self, other: Self) {
        self.settled.extend(other.settled);
        self.going_back.extend(other.going_back);
    }

    /// Tells the queue, and returns what Lambda has to be told. Settled messages are deleted here only when `early`:
    /// otherwise Lambda is about to.
    async fn seal(&mut self, queue: &Queue, early: bool) -> Vec<BatchItemFailure> {
        let Self { settled, going_back } = std::mem::take(self);
        queue.hold_back(&going_back).await;
        if early {
            queue.delete(&settled).await;
        }
        going_back.into_iter().map(|message| failed(message.record)).collect()
    }
}

/// Dispatches one customer's messages until one cannot be settled; that one and all behind it go back together, with
/// the same wait, so that none overtakes another.
async fn run(dispatcher: Arc<Dispatcher>, group: Group, request_id: Arc<str>, deadline: Timestamp) -> Fate {
    let mut fate = Fate::default();
    let mut records = group.records.into_iter();
    while let Some(record) = records.next() {
        let body = record.body.as_deref().unwrap_or_default();
        let receives = record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
        let reception = Reception { request_id: &request_id, receives: receives.unwrap_or(1), deadline };
        match dispatcher.dispatch(body, reception).await {
            Verdict::Settled => fate.settled.push(record),
            Verdict::ComeAgain(wait) => {
                let rest = std::iter::once(record).chain(records);
                fate.going_back.extend(rest.map(|record| GoingBack { record, wait }));
                break;
            }
        }
    }
    fate
}

/// Groups in the order of their first message, messages in theirs.
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

/// A record without an id fails the whole batch, which is what Lambda makes of an empty one.
fn failed(record: SqsMessage) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = record.message_id.unwrap_or_default();
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, group: &str) -> SqsMessage {
        let mut record = SqsMessage::default();
        record.message_id = Some(id.to_owned());
        record.attributes.insert("MessageGroupId".to_owned(), group.to_owned());
        record
    }

    #[test]
    fn messages_are_grouped_by_customer_and_keep_their_order() {
        let groups = grouped(vec![record("1", "a"), record("2", "b"), record("3", "a"), record("4", "b")]);
        let ids: Vec<Vec<_>> = groups
            .iter()
            .map(|group| group.records.iter().map(|record| record.message_id.clone().unwrap()).collect())
            .collect();
        assert_eq!(vec![vec!["1", "3"], vec!["2", "4"]], ids);
    }
}
