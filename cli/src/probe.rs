//! A test delivery through the functions: onto the queue, to the messaging service by the dispatcher, and its result from
//! the ledger.

use crate::aws_error::AwsError;
use crate::failure::Failure;
use crate::stack::Stack;
use jiff::Timestamp;
use shared::delivery::probe::{ProbeEnvelope, ProbeResult, SignedWith};
use shared::ledger::{Ledger, Progress, key};
use shared::model::integration_name::IntegrationName;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long the result is waited for: the dispatcher may have to start, and an attempt takes up to ten seconds.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);
/// How long between two looks at the ledger.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum ProbeError {
    /// It could not be put on the queue.
    NotQueued(AwsError),
    /// The ledger could not be read.
    NotRead(String),
    /// No function has made it in time.
    NotMade,
    /// The stack is not as it should be.
    Stack(Failure),
}

impl From<ProbeError> for Failure {
    fn from(error: ProbeError) -> Self {
        match error {
            ProbeError::NotQueued(error) => error.trouble("the queue", "see what SQS says").into(),
            ProbeError::NotRead(why) => Self::Failed(format!("the result of a test delivery cannot be read: {why}")),
            ProbeError::NotMade => Self::Failed(format!(
                "no function has made a test delivery within {} s: `patchbay doctor` says whether the dispatcher runs",
                TIMEOUT.as_secs()
            )),
            ProbeError::Stack(failure) => failure,
        }
    }
}

impl From<Failure> for ProbeError {
    fn from(failure: Failure) -> Self {
        Self::Stack(failure)
    }
}

/// Has the dispatcher make one test delivery to the integration's messaging service.
pub(crate) async fn send(
    stack: &Stack,
    name: &IntegrationName,
    signed_with: SignedWith,
) -> Result<ProbeResult, ProbeError> {
    // Functions of a version without this output would not know a test delivery for what it is.
    stack.configuration_cache().await?;
    let (queue_url, table) = (stack.output("MessageQueueUrl").await?, stack.output("LedgerTable").await?);
    let probe = ProbeEnvelope::new(name.clone(), signed_with, Timestamp::now());
    let body = probe.to_queue().map_err(|error| Failure::Failed(error.to_string()))?;
    let message = aws_sdk_sqs::Client::new(&stack.aws).send_message().queue_url(queue_url).message_body(body);
    let message = message.message_group_id(probe.group().as_str()).message_deduplication_id(probe.identity().as_str());
    message.send().await.map_err(|error| ProbeError::NotQueued(AwsError::of("sqs:SendMessage", &error)))?;

    let ledger = Ledger::new(aws_sdk_dynamodb::Client::new(&stack.aws), table);
    let (key, deadline) = (key::probe(name, &probe.probe), Instant::now() + TIMEOUT);
    loop {
        let entry = ledger.look(&key).await.map_err(|error| ProbeError::NotRead(error.to_string()))?;
        if let Some(Progress::Settled(settled)) = entry.map(|entry| entry.progress) {
            let result = settled.answer.as_deref().and_then(ProbeResult::read);
            return result.ok_or_else(|| ProbeError::NotRead("the result cannot be read".to_owned()));
        }
        if Instant::now() >= deadline {
            return Err(ProbeError::NotMade);
        }
        sleep(POLL_INTERVAL).await;
    }
}
