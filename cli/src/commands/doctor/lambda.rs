//! Whether Lambda can run the functions, and takes the queue's messages to the dispatcher.

use super::deployed::Deployed;
use super::functions::FUNCTIONS;
use super::report::{Check, FUNCTIONS_GROUP, Finding};
use crate::aws_error::AwsError;
use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::{LastUpdateStatus, LastUpdateStatusReasonCode, State, StateReasonCode};
use futures::future::join_all;

/// The event source mapping of the queue, as SAM calls what the template's event makes.
const TRIGGER: &str = "MessageDispatcherMessages";

const REDEPLOY: &str = "deploy the template again (`make deploy`)";

/// Examines every function, and the way from the queue.
pub(super) async fn examine(deployed: &Deployed, aws: &SdkConfig) -> Vec<Check> {
    let client = Client::new(aws);
    let states = FUNCTIONS.iter().map(|function| async {
        let finding = function_state(&client, deployed, function.name).await;
        finding.about(FUNCTIONS_GROUP, &format!("{}'s state", function.name))
    });
    let (mut checks, trigger) = tokio::join!(join_all(states), trigger(&client, deployed));
    checks.push(trigger.about(FUNCTIONS_GROUP, "queue's trigger"));
    checks
}

async fn function_state(client: &Client, deployed: &Deployed, function: &str) -> Finding {
    let name = match deployed.needed(function) {
        Ok(name) => name,
        Err(finding) => return finding,
    };
    let (configuration, concurrency) = tokio::join!(
        client.get_function_configuration().function_name(name).send(),
        client.get_function_concurrency().function_name(name).send()
    );
    let answer = match configuration {
        Ok(answer) => answer,
        Err(error) => {
            return Finding::of(AwsError::of("lambda:GetFunctionConfiguration", &error), "the function", REDEPLOY);
        }
    };
    match concurrency {
        Ok(concurrency) if concurrency.reserved_concurrent_executions() == Some(0) => return switched_off(name),
        Ok(_) => {}
        Err(error) => {
            return Finding::of(AwsError::of("lambda:GetFunctionConcurrency", &error), "the function", REDEPLOY);
        }
    }
    let reason = answer.state_reason_code().map(StateReasonCode::as_str);
    let update_reason = answer.last_update_status_reason_code().map(LastUpdateStatusReasonCode::as_str);
    judge_function(
        (answer.state().map_or("", State::as_str), reason),
        (answer.last_update_status().map_or("", LastUpdateStatus::as_str), update_reason),
    )
}

/// Somebody has stopped the function by hand: the template reserves nothing, or more than that.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>.
fn switched_off(name: &str) -> Finding {
    Finding::fault(
        "it is never run: its reserved concurrency is 0",
        format!(
            "let it run: `aws lambda delete-function-concurrency --function-name {name}`, or what was reserved before"
        ),
    )
}

/// What a function's state and that of its last update mean, each with its reason.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html>.
fn judge_function((state, reason): (&str, Option<&str>), (update, update_reason): (&str, Option<&str>)) -> Finding {
    let because = |reason: Option<&str>| reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    match (state, update) {
        ("Pending", _) | (_, "InProgress") => {
            Finding::warning("Lambda is still setting it up", "wait for the deployment, and run this again")
        }
        // Functions without their state are from before there were states.
        ("Active" | "Inactive" | "", "Failed") => Finding::warning(
            format!("its last update failed{}, and the version before it still runs", because(update_reason)),
            REDEPLOY,
        ),
        ("Active" | "", _) => Finding::ok("Active"),
        ("Inactive", _) => Finding::ok("Inactive: the next request wakes it"),
        _ => Finding::fault(format!("it cannot run: Lambda calls it {state}{}", because(reason)), REDEPLOY),
    }
}

async fn trigger(client: &Client, deployed: &Deployed) -> Finding {
    let uuid = match deployed.needed(TRIGGER) {
        Ok(uuid) => uuid,
        Err(finding) => return finding,
    };
    match client.get_event_source_mapping().uuid(uuid).send().await {
        Ok(answer) => judge_trigger(uuid, answer.state().unwrap_or_default(), answer.last_processing_result()),
        Err(error) => {
            Finding::of(AwsError::of("lambda:GetEventSourceMapping", &error), "the event source mapping", REDEPLOY)
        }
    }
}

/// What the mapping's state means, with what came of its last attempt.
/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html>.
fn judge_trigger(uuid: &str, state: &str, last: Option<&str>) -> Finding {
    match (state, last) {
        ("Enabled", None | Some("No records processed")) => {
            Finding::ok("Enabled: the dispatcher gets what is on the queue")
        }
        ("Enabled", Some(last)) if last.starts_with("OK") => {
            Finding::ok(format!("Enabled: the dispatcher gets what is on the queue; the last time: {last}"))
        }
        ("Enabled", Some(last)) => Finding::warning(
            format!("Enabled, but the last time that the dispatcher was to get messages ended with: {last}"),
            "see what MessageDispatcher logs, and run this again: while it stays so nothing is delivered",
        ),
        ("Creating" | "Enabling" | "Updating", _) => {
            Finding::warning(format!("Lambda is still setting it up: {state}"), "run this again in a minute")
        }
        _ => Finding::fault(
            format!("nothing is delivered: the event source mapping from the queue to MessageDispatcher is {state}"),
            format!(
                "turn it on: `aws lambda update-event-source-mapping --uuid {uuid} --enabled`; what waits is not lost"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn a_function_is_good_while_it_runs_and_its_last_update_came_through() {
        for (state, update, verdict) in [
            ("Active", "Successful", Verdict::Ok),
            ("Inactive", "Successful", Verdict::Ok),
            ("", "", Verdict::Ok),
            ("Pending", "Successful", Verdict::Warning),
            ("Active", "InProgress", Verdict::Warning),
            ("Active", "Failed", Verdict::Warning),
            ("Failed", "Successful", Verdict::Fault),
            ("Failed", "Failed", Verdict::Fault),
            ("Deactivated", "Successful", Verdict::Fault),
        ] {
            assert_eq!(verdict, judge_function((state, None), (update, None)).verdict, "{state}, {update}");
        }
    }

    #[test]
    fn the_trigger_is_good_only_while_it_is_enabled_and_brings_messages() {
        for (state, last, verdict) in [
            ("Enabled", None, Verdict::Ok),
            ("Enabled", Some("No records processed"), Verdict::Ok),
            ("Enabled", Some("OK"), Verdict::Ok),
            ("Enabled", Some("PROBLEM: Function call failed"), Verdict::Warning),
            ("Enabling", None, Verdict::Warning),
            ("Updating", Some("OK"), Verdict::Warning),
            ("Disabling", None, Verdict::Fault),
            ("Disabled", Some("OK"), Verdict::Fault),
            ("Deleting", None, Verdict::Fault),
            ("", None, Verdict::Fault),
        ] {
            assert_eq!(verdict, judge_trigger("uuid", state, last).verdict, "{state}, {last:?}");
        }
    }
}
