//! Whether Lambda can run the functions and invokes them with the queues' messages.

use super::functions::functions;
use super::quota;
use super::report::Finding;
use super::reporter::Group;
use super::stack::DeployedStack;
use crate::aws::error::AwsError;
use crate::aws::log_groups::recent_logs;
use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::{LastUpdateStatus, LastUpdateStatusReasonCode, State, StateReasonCode};
use futures::future::join_all;

/// An event source mapping from a queue to a function.
#[derive(Clone, Copy)]
struct Trigger {
    check: &'static str,
    /// The logical id that SAM derives for it.
    id: &'static str,
    function: &'static str,
    works: &'static str,
}

const MESSAGES: Trigger = Trigger {
    check: "direct lane's trigger",
    id: "MessageDispatcherMessages",
    function: "MessageDispatcher",
    works: "the dispatcher receives messages from the direct lane",
};

const RETRIES: Trigger = Trigger {
    check: "retry lane's trigger",
    id: "MessageDispatcherRetries",
    function: "MessageDispatcher",
    works: "the dispatcher receives messages from the retry lane",
};

const EVENTS: Trigger = Trigger {
    check: "conversation events' trigger",
    id: "ConversationEventsEvents",
    function: "ConversationEvents",
    works: "the function receives conversation events from their queue",
};

const REDEPLOY: &str = "deploy the template again (`make deploy`)";

pub(super) async fn check(deployed: &DeployedStack, aws: &SdkConfig, group: &Group) {
    let client = &Client::new(aws);
    let states = functions(deployed.receives_events()).map(|function| async move {
        group.report(&format!("{}'s state", function.name), function_state(client, deployed, function.name).await);
    });
    let triggers = [MESSAGES, RETRIES].into_iter().chain(deployed.receives_events().then_some(EVENTS));
    let triggers = triggers.map(|one| async move { group.report(one.check, trigger(client, deployed, one).await) });
    let concurrency = async { group.report("concurrency", quota::check(client, deployed).await) };
    tokio::join!(join_all(states), join_all(triggers), concurrency);
}

async fn function_state(client: &Client, deployed: &DeployedStack, function: &str) -> Finding {
    let name = match deployed.required_resource(function) {
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
            return Finding::from_aws_error(
                AwsError::of("lambda:GetFunctionConfiguration", &error),
                "the function",
                REDEPLOY,
            );
        }
    };
    match concurrency {
        Ok(concurrency) if concurrency.reserved_concurrent_executions() == Some(0) => return stopped(name),
        Ok(_) => {}
        Err(error) => {
            return Finding::from_aws_error(
                AwsError::of("lambda:GetFunctionConcurrency", &error),
                "the function",
                REDEPLOY,
            );
        }
    }
    let reason = answer.state_reason_code().map(StateReasonCode::as_str);
    let update_reason = answer.last_update_status_reason_code().map(LastUpdateStatusReasonCode::as_str);
    classify_function(
        (answer.state().map_or("", State::as_str), reason),
        (answer.last_update_status().map_or("", LastUpdateStatus::as_str), update_reason),
    )
}

/// The function was stopped by hand: the template reserves no concurrency, or more than zero.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>.
fn stopped(name: &str) -> Finding {
    Finding::fault(
        "it never runs: its reserved concurrency is 0",
        format!(
            "let it run again: `aws lambda delete-function-concurrency --function-name {name}`, or restore its \
             reserved concurrency"
        ),
    )
}

/// By the function's state and the status of its last update, each with its reason.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html>.
fn classify_function((state, reason): (&str, Option<&str>), (update, update_reason): (&str, Option<&str>)) -> Finding {
    let because = |reason: Option<&str>| reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    match (state, update) {
        ("Pending", _) | (_, "InProgress") => {
            Finding::warning("Lambda is still setting it up", "wait for the deployment, and run this again")
        }
        // Functions that are older than Lambda's states have none.
        ("Active" | "Inactive" | "", "Failed") => Finding::warning(
            format!("its last update failed{}; the previous version still runs", because(update_reason)),
            REDEPLOY,
        ),
        ("Active" | "", _) => Finding::ok("Active"),
        ("Inactive", _) => Finding::ok("Inactive: the next request wakes it"),
        _ => Finding::fault(format!("it cannot run: Lambda calls it {state}{}", because(reason)), REDEPLOY),
    }
}

async fn trigger(client: &Client, deployed: &DeployedStack, trigger: Trigger) -> Finding {
    let uuid = match deployed.required_resource(trigger.id) {
        Ok(uuid) => uuid,
        Err(finding) => return finding,
    };
    match client.get_event_source_mapping().uuid(uuid).send().await {
        Ok(answer) => {
            classify_trigger(trigger, uuid, answer.state().unwrap_or_default(), answer.last_processing_result())
        }
        Err(error) => Finding::from_aws_error(
            AwsError::of("lambda:GetEventSourceMapping", &error),
            "the event source mapping",
            REDEPLOY,
        ),
    }
}

/// By the mapping's state and the result of its last poll.
/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html>.
fn classify_trigger(trigger: Trigger, uuid: &str, state: &str, last: Option<&str>) -> Finding {
    let Trigger { function, works, .. } = trigger;
    match (state, last) {
        ("Enabled", None | Some("No records processed")) => Finding::ok(format!("Enabled: {works}")),
        ("Enabled", Some(last)) if last.starts_with("OK") && last.contains("partial failures") => Finding::warning(
            format!("Enabled, but some messages of the last batch are retried: {last}"),
            "see which: `patchbay messages list --status retrying`",
        ),
        ("Enabled", Some(last)) if last.starts_with("OK") => Finding::ok(format!("Enabled: {works}")),
        ("Enabled", Some(last)) => Finding::warning(
            format!("Enabled, but the last invocation of {function} ended with: {last}"),
            format!(
                "see its logs (`{} --level error`), and run this again: nothing on this queue is processed until this is \
                 fixed",
                recent_logs(function)
            ),
        ),
        ("Creating" | "Enabling" | "Updating", _) => {
            Finding::warning(format!("Lambda is still setting it up: {state}"), "run this again in a minute")
        }
        _ => Finding::fault(
            format!("nothing on this queue is processed: the event source mapping from it to {function} is {state}"),
            format!(
                "turn it on: `aws lambda update-event-source-mapping --uuid {uuid} --enabled`; waiting messages are \
                 not lost"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn a_function_is_ok_if_it_runs_and_its_last_update_succeeded() {
        for (state, update, status) in [
            ("Active", "Successful", Status::Ok),
            ("Inactive", "Successful", Status::Ok),
            ("", "", Status::Ok),
            ("Pending", "Successful", Status::Warning),
            ("Active", "InProgress", Status::Warning),
            ("Active", "Failed", Status::Warning),
            ("Failed", "Successful", Status::Fault),
            ("Failed", "Failed", Status::Fault),
            ("Deactivated", "Successful", Status::Fault),
        ] {
            assert_eq!(status, classify_function((state, None), (update, None)).status, "{state}, {update}");
        }
    }

    #[test]
    fn the_trigger_is_ok_only_if_it_is_enabled_and_succeeds() {
        for (state, last, status) in [
            ("Enabled", None, Status::Ok),
            ("Enabled", Some("No records processed"), Status::Ok),
            ("Enabled", Some("OK"), Status::Ok),
            ("Enabled", Some("OK - 3 records, 1 partial failures"), Status::Warning),
            ("Enabled", Some("PROBLEM: Function call failed"), Status::Warning),
            ("Enabling", None, Status::Warning),
            ("Updating", Some("OK"), Status::Warning),
            ("Disabling", None, Status::Fault),
            ("Disabled", Some("OK"), Status::Fault),
            ("Deleting", None, Status::Fault),
            ("", None, Status::Fault),
        ] {
            assert_eq!(status, classify_trigger(MESSAGES, "uuid", state, last).status, "{state}, {last:?}");
        }
    }
}
