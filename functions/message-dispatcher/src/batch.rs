//! One batch off the queue: the customers side by side, each customer's messages one after the other.

use crate::dispatcher::{Dispatcher, Reception, Verdict};
use crate::queue::{GoingBack, Queue};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use shared::delivery::envelope::Queued;
use shared::model::integration_name::IntegrationName;
use shared::observability::metrics::Event;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{self, JoinSet};
use tokio::time::{Instant, timeout_at};

/// The wait when a whole group came to grief in a way that nobody foresaw.
const AFTER_A_PANIC: Duration = Duration::from_secs(60);

/// The attribute with the time at which the queue got a message, in milliseconds.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>.
const SENT_AT: &str = "SentTimestamp";

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

/// What is known of a group whatever becomes of it: its messages without their bodies, which may be large.
struct Outline {
    integration: Option<IntegrationName>,
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
        let mut outlines: HashMap<task::Id, Outline> = HashMap::new();
        for group in self.groups {
            let outline = group.outline();
            let run = run(Arc::clone(&dispatcher), group, Arc::clone(&self.request_id), self.deadline);
            outlines.insert(tasks.spawn(run).id(), outline);
        }
        let mut fate = Fate::default();
        let mut failures = Vec::new();
        let patient_until = Instant::now() + PATIENCE;
        while !tasks.is_empty() {
            let joined = match timeout_at(patient_until, tasks.join_next_with_id()).await {
                Ok(joined) => joined,
                Err(_) => {
                    failures.extend(fate.seal(queue, &self.request_id, self.deadline, true).await);
                    tasks.join_next_with_id().await
                }
            };
            match joined {
                Some(Ok((_, ended))) => fate.add(ended),
                Some(Err(error)) => {
                    // What was delivered before the panic is in the ledger, and will be passed over.
                    let records = outlines.remove(&error.id()).map(|outline| outline.after_a_panic(&self.request_id));
                    let records = records.into_iter().flatten();
                    fate.going_back.extend(records.map(|record| GoingBack { record, wait: AFTER_A_PANIC }));
                }
                None => {}
            }
        }
        failures.extend(fate.seal(queue, &self.request_id, self.deadline, false).await);
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = failures;
        response
    }
}

impl Group {
    fn outline(&self) -> Outline {
        let without_body = |record: &SqsMessage| {
            let mut outline = SqsMessage::default();
            outline.message_id.clone_from(&record.message_id);
            outline.receipt_handle.clone_from(&record.receipt_handle);
            let sent_at = record.attributes.get(SENT_AT).map(|time| (SENT_AT.to_owned(), time.clone()));
            outline.attributes.extend(sent_at);
            outline
        };
        let first = self.records.first().and_then(|record| record.body.as_deref());
        Outline {
            integration: first.and_then(Queued::integration_of),
            records: self.records.iter().map(without_body).collect(),
        }
    }
}

impl Outline {
    /// Tells that one of the messages made us panic, and returns them all. Lambda counts no error: the other customers'
    /// messages are well. The panic itself is in the log already.
    fn after_a_panic(self, request_id: &str) -> Vec<SqsMessage> {
        if let Some(integration) = &self.integration {
            Event::Retried(integration).emit();
        }
        let integration = self.integration.as_ref().map(IntegrationName::as_str);
        tracing::error!(request_id, integration, outcome = "retry", reason = "a crash");
        self.records
    }
}

impl Fate {
    fn add(&mut self, other: Self) {
        self.settled.extend(other.settled);
        self.going_back.extend(other.going_back);
    }

    /// Tells the queue, and returns what Lambda has to be told. Settled messages are deleted here only when `early`:
    /// otherwise Lambda is about to.
    async fn seal(
        &mut self,
        queue: &Queue,
        request_id: &str,
        deadline: Timestamp,
        early: bool,
    ) -> Vec<BatchItemFailure> {
        let Self { settled, going_back } = std::mem::take(self);
        if let Some(oldest) = going_back.iter().filter_map(|message| age(&message.record)).max() {
            Event::Requeued(oldest).emit();
        }
        queue.hold_back(request_id, &going_back, deadline).await;
        if early {
            queue.delete(request_id, &settled).await;
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
        let attribute = |name| record.attributes.get(name).map(String::as_str);
        let reception = Reception {
            request_id: &request_id,
            body: record.body.as_deref().unwrap_or_default(),
            group: &group.id,
            sequence_number: attribute("SequenceNumber"),
            receives: attribute("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1),
            deadline,
        };
        match dispatcher.dispatch(reception).await {
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

/// How long ago the queue got it.
fn age(record: &SqsMessage) -> Option<Duration> {
    let sent_at = Timestamp::from_millisecond(record.attributes.get(SENT_AT)?.parse().ok()?).ok()?;
    Some(Timestamp::now().duration_since(sent_at).try_into().unwrap_or_default())
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
    use jiff::SignedDuration;

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

    #[test]
    fn after_a_panic_it_is_known_whose_the_messages_are_and_how_old() {
        let mut first = record("1", "a");
        first.body = Some(r#"{"integration":"acme","of":"another version"}"#.to_owned());
        let sent_at = Timestamp::now() - SignedDuration::from_mins(20);
        first.attributes.insert(SENT_AT.to_owned(), sent_at.as_millisecond().to_string());
        let [group] = &grouped(vec![first, record("2", "a")])[..] else { panic!("one group") };
        let outline = group.outline();
        assert_eq!(Some("acme"), outline.integration.as_ref().map(IntegrationName::as_str));
        let records = outline.after_a_panic("r");
        let ids: Vec<_> = records.iter().map(|record| record.message_id.as_deref().unwrap()).collect();
        assert_eq!(vec!["1", "2"], ids);
        assert!(records[0].body.is_none() && age(&records[0]).unwrap() >= Duration::from_secs(20 * 60));
        assert_eq!(None, age(&records[1]));
    }
}
