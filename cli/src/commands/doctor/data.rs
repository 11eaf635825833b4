//! The ledger's table and the queues.

use super::deployed::Deployed;
use super::report::{Check, DATA, Finding, counted};
use crate::aws_error::AwsError;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::TimeToLiveStatus;
use aws_sdk_sqs::types::QueueAttributeName::{
    ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed, ApproximateNumberOfMessagesNotVisible,
};

const REDEPLOY: &str = "deploy the template again (`make deploy`)";

/// So many messages on the queue are worth a look.
const MANY: usize = 1_000;

/// Examines all of them.
pub(super) async fn examine(deployed: &Deployed, aws: &SdkConfig) -> Vec<Check> {
    let (ledger, queue, dead_letters, failed) =
        tokio::join!(ledger(deployed, aws), queue(deployed, aws), dead_letters(deployed, aws), failed(deployed, aws));
    vec![
        ledger.about(DATA, "ledger"),
        queue.about(DATA, "queue"),
        dead_letters.about(DATA, "dead letters"),
        failed.about(DATA, "failed messages"),
    ]
}

fn without(output: &str) -> Finding {
    Finding::skipped(format!("because the stack has no output {output}"))
}

async fn ledger(deployed: &Deployed, aws: &SdkConfig) -> Finding {
    let Some(table) = deployed.output("LedgerTable") else { return without("LedgerTable") };
    let client = aws_sdk_dynamodb::Client::new(aws);
    let answer = match client.describe_time_to_live().table_name(table).send().await {
        Ok(answer) => answer,
        Err(error) => return Finding::of(AwsError::of("dynamodb:DescribeTimeToLive", &error), "the table", REDEPLOY),
    };
    let time_to_live = answer
        .time_to_live_description
        .unwrap_or_else(|| aws_sdk_dynamodb::types::TimeToLiveDescription::builder().build());
    let on = matches!(time_to_live.time_to_live_status(), Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
    match time_to_live.attribute_name() {
        Some("expiresAt") if on => Finding::ok("there, and forgets what is over"),
        _ => Finding::warning(
            "the table does not forget: its time to live is off, or on another attribute than expiresAt",
            format!("{REDEPLOY}, or turn the time to live on for the attribute expiresAt"),
        ),
    }
}

/// How many messages are waiting, and how many are being dispatched or held back.
async fn counts(aws: &SdkConfig, url: &str) -> Result<(usize, usize), AwsError> {
    let client = aws_sdk_sqs::Client::new(aws);
    let names =
        [ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed, ApproximateNumberOfMessagesNotVisible];
    let asked = client.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
    let answer = asked.send().await.map_err(|error| AwsError::of("sqs:GetQueueAttributes", &error))?;
    let attributes = answer.attributes.unwrap_or_default();
    let count = |name| attributes.get(&name).and_then(|count| count.parse::<usize>().ok()).unwrap_or_default();
    let held = count(ApproximateNumberOfMessagesDelayed) + count(ApproximateNumberOfMessagesNotVisible);
    Ok((count(ApproximateNumberOfMessages), held))
}

async fn queue(deployed: &Deployed, aws: &SdkConfig) -> Finding {
    let Some(url) = deployed.output("MessageQueueUrl") else { return without("MessageQueueUrl") };
    match counts(aws, url).await {
        Err(error) => Finding::of(error, "the queue", REDEPLOY),
        Ok((waiting, held)) => {
            let seen = format!("{} waiting, {held} being dispatched or held back", counted(waiting, "message"));
            match waiting + held {
                ..MANY => Finding::ok(seen),
                _ => Finding::warning(seen, "see whether the messaging services answer, and how fast"),
            }
        }
    }
}

async fn dead_letters(deployed: &Deployed, aws: &SdkConfig) -> Finding {
    let Some(url) = deployed.output("DeadLetterQueueUrl") else { return without("DeadLetterQueueUrl") };
    match counts(aws, url).await {
        Err(error) => Finding::of(error, "the queue of dead letters", REDEPLOY),
        Ok((0, 0)) => Finding::ok("none"),
        Ok((waiting, held)) => Finding::warning(
            format!("{} waiting", counted(waiting + held, "dead letter")),
            "look at them with `patchbay dead-letters list`, and put them back with `patchbay dead-letters redrive` once \
             the cause is gone",
        ),
    }
}

async fn failed(deployed: &Deployed, aws: &SdkConfig) -> Finding {
    let Some(url) = deployed.output("ParkingQueueUrl") else { return without("ParkingQueueUrl") };
    match counts(aws, url).await {
        Err(error) => Finding::of(error, "the queue of failed messages", REDEPLOY),
        Ok((0, 0)) if !deployed.keeps_failed => Finding::ok("not kept, as the parameter KeepFailedMessages says"),
        Ok((0, 0)) => Finding::ok("none is kept"),
        Ok((waiting, held)) => {
            Finding::ok(format!("{} kept: `patchbay failed list` shows them", counted(waiting + held, "message")))
        }
    }
}
