//! One batch off the queue: the customers side by side, each customer's messages one after the other.

use crate::dispatcher::{Dispatcher, Verdict};
use crate::visibility::{GoingBack, Visibility};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// The wait when a whole group came to grief in a way that nobody foresaw.
const AFTER_A_PANIC: Duration = Duration::from_secs(60);

/// What one invocation was given.
pub(crate) struct Batch {
    groups: Vec<Group>,
    deadline: Timestamp,
}

/// One customer's messages, in order.
#[derive(Clone, Default)]
struct Group {
    id: String,
    records: Vec<SqsMessage>,
}

impl From<LambdaEvent<SqsEvent>> for Batch {
    fn from(event: LambdaEvent<SqsEvent>) -> Self {
        let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
        Self {
            groups: grouped(event.payload.records),
            deadline: Timestamp::from_millisecond(deadline).unwrap_or(Timestamp::MAX),
        }
    }
}

impl Batch {
    /// Dispatches all messages. The answer names those that go back to the queue: within a group, the first that
    /// could not be settled and all behind it.
    pub(crate) async fn handle(self, dispatcher: Arc<Dispatcher>, visibility: &Visibility) -> SqsBatchResponse {
        let mut tasks = JoinSet::new();
        let mut groups = std::collections::HashMap::new();
        for group in self.groups {
            let task = run(Arc::clone(&dispatcher), group.clone(), self.deadline);
            groups.insert(tasks.spawn(task).id(), group);
        }
        let mut going_back = Vec::new();
        while let Some(joined) = tasks.join_next_with_id().await {
            match joined {
                Ok((_, unsettled)) => going_back.extend(unsettled),
                Err(error) => {
                    tracing::error!("a group of messages could not be dispatched: {error}");
                    // What was delivered before the panic is in the ledger, and will be passed over.
                    let records = groups.remove(&error.id()).map(|group| group.records).unwrap_or_default();
                    going_back.extend(records.into_iter().filter_map(|record| goes_back(record, AFTER_A_PANIC)));
                }
            }
        }
        visibility.set(&going_back).await;
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = going_back.into_iter().map(|message| failed(message.message_id)).collect();
        response
    }
}

/// Dispatches one customer's messages until one cannot be settled; that one and all behind it go back together, with
/// the same wait, so that none overtakes another.
async fn run(dispatcher: Arc<Dispatcher>, group: Group, deadline: Timestamp) -> Vec<GoingBack> {
    let mut records = group.records.into_iter();
    while let Some(record) = records.next() {
        let body = record.body.as_deref().unwrap_or_default();
        let receives = record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
        if let Verdict::ComeAgain(wait) = dispatcher.dispatch(body, receives.unwrap_or(1), deadline).await {
            return std::iter::once(record).chain(records).filter_map(|record| goes_back(record, wait)).collect();
        }
    }
    Vec::new()
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

fn goes_back(record: SqsMessage, wait: Duration) -> Option<GoingBack> {
    Some(GoingBack { message_id: record.message_id?, receipt_handle: record.receipt_handle?, wait })
}

fn failed(message_id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message_id;
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
