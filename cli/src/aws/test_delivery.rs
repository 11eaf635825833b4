//! A test delivery: it is put on the queue, the dispatcher sends it to the messaging service, and its result is read
//! from the ledger.

use crate::aws::error::AwsError;
use crate::aws::outputs;
use crate::aws::stack::Stack;
use crate::error::CliError;
use jiff::Timestamp;
use shared::delivery::probe::{ProbeEnvelope, ProbeResult, SignedWith};
use shared::ledger::{Ledger, RecordState, key};
use shared::model::integration_name::IntegrationName;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The dispatcher may have a cold start, and an attempt takes up to ten seconds.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) enum TestDeliveryError {
    Enqueue(AwsError),
    ReadResult(String),
    /// No function made the delivery in time.
    Timeout,
    Cli(CliError),
}

impl From<TestDeliveryError> for CliError {
    fn from(error: TestDeliveryError) -> Self {
        match error {
            TestDeliveryError::Enqueue(error) => error.diagnose("the direct lane", "see what SQS says").into(),
            TestDeliveryError::ReadResult(why) => {
                Self::Failed(format!("the result of a test delivery cannot be read: {why}"))
            }
            TestDeliveryError::Timeout => Self::Failed(format!(
                "no function made a test delivery within {} s: `patchbay doctor` checks whether the dispatcher runs",
                TIMEOUT.as_secs()
            )),
            TestDeliveryError::Cli(failure) => failure,
        }
    }
}

impl From<CliError> for TestDeliveryError {
    fn from(failure: CliError) -> Self {
        Self::Cli(failure)
    }
}

/// Makes the dispatcher send one test delivery to the integration's messaging service.
pub(crate) async fn send(
    stack: &Stack,
    name: &IntegrationName,
    signed_with: SignedWith,
) -> Result<ProbeResult, TestDeliveryError> {
    // Functions of a version without this output do not recognize a test delivery.
    stack.configuration_cache().await?;
    let (queue_url, table) =
        (stack.output(outputs::MESSAGE_QUEUE_URL).await?, stack.output(outputs::LEDGER_TABLE).await?);
    let probe = ProbeEnvelope::new(name.clone(), signed_with, Timestamp::now());
    let body = probe.to_json().map_err(|error| CliError::Failed(error.to_string()))?;
    let message = aws_sdk_sqs::Client::new(&stack.aws).send_message().queue_url(queue_url).message_body(body);
    let message = message.message_group_id(probe.group().as_str()).message_deduplication_id(probe.identity().as_str());
    message.send().await.map_err(|error| TestDeliveryError::Enqueue(AwsError::of("sqs:SendMessage", &error)))?;

    let ledger = Ledger::new(aws_sdk_dynamodb::Client::new(&stack.aws), table);
    let (key, deadline) = (key::probe(name, &probe.probe), Instant::now() + TIMEOUT);
    loop {
        let entry = ledger.get(&key).await.map_err(|error| TestDeliveryError::ReadResult(error.to_string()))?;
        if let Some(RecordState::Completed(completed)) = entry.map(|entry| entry.state) {
            let result = completed.response.as_deref().and_then(ProbeResult::from_stored);
            return result.ok_or_else(|| TestDeliveryError::ReadResult("the result cannot be read".to_owned()));
        }
        if Instant::now() >= deadline {
            return Err(TestDeliveryError::Timeout);
        }
        sleep(POLL_INTERVAL).await;
    }
}
