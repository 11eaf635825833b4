//! The ledger's table, the queues and their backlog.

use super::report::{Finding, pluralize};
use super::reporter::Group;
use super::stack::DeployedStack;
use crate::aws::error::AwsError;
use crate::aws::outputs;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::TimeToLiveStatus;
use aws_sdk_sqs::types::QueueAttributeName::{
    ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed, ApproximateNumberOfMessagesNotVisible,
};

const REDEPLOY: &str = "deploy the template again (`make deploy`)";

/// A backlog from which on a lane is reported.
const BACKLOG_WARNING: usize = 1_000;
/// From here on the alarm RetryLaneNearlyFull is raised.
const NEARLY_FULL: usize = 100_000;

/// A queue on which messages wait for the dispatcher.
#[derive(Clone, Copy)]
enum Lane {
    Direct,
    Retry,
}

impl Lane {
    fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct lane",
            Self::Retry => "retry lane",
        }
    }

    /// The stack's output with its URL.
    fn output(self) -> &'static str {
        match self {
            Self::Direct => outputs::MESSAGE_QUEUE_URL,
            Self::Retry => outputs::RETRY_QUEUE_URL,
        }
    }
}

pub(super) async fn check(deployed: &DeployedStack, aws: &SdkConfig, group: Group) {
    tokio::join!(
        async { group.report("ledger", ledger(deployed, aws).await) },
        async { group.report(Lane::Direct.name(), backlog(deployed, aws, Lane::Direct).await) },
        async { group.report(Lane::Retry.name(), backlog(deployed, aws, Lane::Retry).await) },
        async { group.report("dead letters", dead_letters(deployed, aws).await) },
        async { group.report("failed messages", failed(deployed, aws).await) },
        async {
            if let Some(url) = deployed.output(outputs::EVENT_DEAD_LETTER_QUEUE_URL) {
                group.report("conversation events' dead letters", event_dead_letters(aws, url).await);
            }
        }
    );
}

fn missing_output(output: &str) -> Finding {
    Finding::skipped(format!("because the stack has no output {output}"))
}

async fn ledger(deployed: &DeployedStack, aws: &SdkConfig) -> Finding {
    let Some(table) = deployed.output(outputs::LEDGER_TABLE) else { return missing_output(outputs::LEDGER_TABLE) };
    let client = aws_sdk_dynamodb::Client::new(aws);
    let answer = match client.describe_time_to_live().table_name(table).send().await {
        Ok(answer) => answer,
        Err(error) => {
            return Finding::from_aws_error(AwsError::of("dynamodb:DescribeTimeToLive", &error), "the table", REDEPLOY);
        }
    };
    let time_to_live = answer
        .time_to_live_description
        .unwrap_or_else(|| aws_sdk_dynamodb::types::TimeToLiveDescription::builder().build());
    let on = matches!(time_to_live.time_to_live_status(), Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
    match time_to_live.attribute_name() {
        Some("expiresAt") if on => Finding::ok("found; expired records are deleted"),
        _ => Finding::warning(
            "expired records are not deleted: the table's time to live is off, or on another attribute than expiresAt",
            format!(
                "turn it on: `aws dynamodb update-time-to-live --table-name {table} --time-to-live-specification \
                 Enabled=true,AttributeName=expiresAt`"
            ),
        ),
    }
}

/// How many messages are waiting, and how many are in flight or delayed.
async fn counts(aws: &SdkConfig, url: &str) -> Result<(usize, usize), AwsError> {
    let client = aws_sdk_sqs::Client::new(aws);
    let names =
        [ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed, ApproximateNumberOfMessagesNotVisible];
    let request = client.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
    let answer = request.send().await.map_err(|error| AwsError::of("sqs:GetQueueAttributes", &error))?;
    let attributes = answer.attributes.unwrap_or_default();
    let count = |name| attributes.get(&name).and_then(|count| count.parse::<usize>().ok()).unwrap_or_default();
    let in_flight = count(ApproximateNumberOfMessagesDelayed) + count(ApproximateNumberOfMessagesNotVisible);
    Ok((count(ApproximateNumberOfMessages), in_flight))
}

async fn backlog(deployed: &DeployedStack, aws: &SdkConfig, lane: Lane) -> Finding {
    let Some(url) = deployed.output(lane.output()) else { return missing_output(lane.output()) };
    match counts(aws, url).await {
        Err(error) => Finding::from_aws_error(error, lane.name(), REDEPLOY),
        Ok((waiting, in_flight)) => classify_backlog(lane, waiting, in_flight),
    }
}

fn classify_backlog(lane: Lane, waiting: usize, in_flight: usize) -> Finding {
    let observed = format!("{} waiting, {in_flight} in flight or delayed", pluralize(waiting, "message"));
    match (lane, waiting + in_flight) {
        (_, ..BACKLOG_WARNING) => Finding::ok(observed),
        (Lane::Retry, NEARLY_FULL..) => Finding::warning(observed, "see docs/operate.md#retrylanenearlyfull"),
        _ => Finding::warning(
            observed,
            "see why they wait: `patchbay messages list --status retrying`, and whether the messaging services answer",
        ),
    }
}

async fn dead_letters(deployed: &DeployedStack, aws: &SdkConfig) -> Finding {
    let Some(url) = deployed.output(outputs::DEAD_LETTER_QUEUE_URL) else {
        return missing_output(outputs::DEAD_LETTER_QUEUE_URL);
    };
    match counts(aws, url).await {
        Err(error) => Finding::from_aws_error(error, "the dead-letter queue", REDEPLOY),
        Ok((0, 0)) => Finding::ok("none"),
        Ok((waiting, in_flight)) => Finding::warning(
            format!("{} waiting", pluralize(waiting + in_flight, "dead letter")),
            "list them: `patchbay dead-letters list`; once the cause is fixed, redrive them: `patchbay dead-letters \
             redrive`",
        ),
    }
}

async fn event_dead_letters(aws: &SdkConfig, url: &str) -> Finding {
    match counts(aws, url).await {
        Err(error) => Finding::from_aws_error(error, "the dead-letter queue of conversation events", REDEPLOY),
        Ok((0, 0)) => Finding::ok("none"),
        Ok((waiting, in_flight)) => Finding::warning(
            format!("{} waiting", pluralize(waiting + in_flight, "event")),
            "see docs/operate.md#conversationeventdeadletters",
        ),
    }
}

async fn failed(deployed: &DeployedStack, aws: &SdkConfig) -> Finding {
    let Some(url) = deployed.output(outputs::PARKING_QUEUE_URL) else {
        return missing_output(outputs::PARKING_QUEUE_URL);
    };
    match counts(aws, url).await {
        Err(error) => Finding::from_aws_error(error, "the parking queue", REDEPLOY),
        Ok((0, 0)) if !deployed.keeps_failed_messages => Finding::ok("not kept, by the parameter KeepFailedMessages"),
        Ok((0, 0)) => Finding::ok("none kept"),
        Ok((waiting, in_flight)) => Finding::ok(format!(
            "{} kept; `patchbay failed list` lists them",
            pluralize(waiting + in_flight, "message")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn a_backlog_is_a_warning_and_one_that_nearly_fills_the_retry_lane_names_the_alarm() {
        assert_eq!(Status::Ok, classify_backlog(Lane::Retry, 999, 0).status);
        let waiting = classify_backlog(Lane::Retry, 0, 1_000);
        assert_eq!(Status::Warning, waiting.status, "those that wait for an attempt count too");
        let names_alarm = |lane, waiting, in_flight| {
            let advice = classify_backlog(lane, waiting, in_flight).advice;
            advice.is_some_and(|advice| advice.contains("retrylanenearlyfull"))
        };
        assert!(!names_alarm(Lane::Retry, 50_000, 49_999));
        assert!(names_alarm(Lane::Retry, 50_000, 50_000));
        assert!(!names_alarm(Lane::Direct, 50_000, 50_000));
    }
}
