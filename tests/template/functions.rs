//! How long, how many and where the functions run.

use crate::document::{FUNCTIONS, Resources, SENDERS, short, template};
use serde_json::{Value, json};

/// API Gateway waits for a function no longer.
const API_GATEWAY_SECONDS: u64 = 30;
/// The platforms wait for the answer to a webhook no longer.
const PLATFORM_SECONDS: u64 = 10;
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
const VISIBILITY_TIMES: u64 = 6;

fn parameter(name: &str) -> &'static Value {
    let parameter = &template()["Parameters"][name];
    assert!(parameter.is_object(), "there is no parameter {name}");
    parameter
}

fn numbers(values: &Value) -> Vec<u64> {
    let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
    values.as_array().unwrap().iter().map(|value| number(value).unwrap()).collect()
}

#[test]
fn the_functions_are_those_that_are_known_here() {
    let resources = Resources::by_default();
    let mut found: Vec<_> = resources.of_type("AWS::Lambda::Function").into_iter().map(|(id, _)| id).collect();
    let mut known = FUNCTIONS.to_vec();
    found.sort_unstable();
    known.sort_unstable();
    assert_eq!(found, known);
}

#[test]
fn a_function_ends_before_those_who_wait_for_it_give_up() {
    let resources = Resources::by_default();
    let receiver = resources.properties("WebhookReceiver")["Timeout"].as_u64().unwrap();
    assert!(receiver <= PLATFORM_SECONDS, "{receiver}");
    for sender in SENDERS {
        assert_eq!(short(&resources.properties(sender)["Timeout"]), "SenderTimeoutSeconds", "{sender}");
    }
    let sender = parameter("SenderTimeoutSeconds")["MaxValue"].as_u64().unwrap();
    assert!(sender < API_GATEWAY_SECONDS, "{sender}");
}

#[test]
fn a_message_stays_out_of_sight_six_times_as_long_as_the_dispatcher_may_run() {
    let resources = Resources::by_default();
    assert_eq!(short(&resources.properties("MessageDispatcher")["Timeout"]), "DispatcherTimeoutSeconds");
    let visibility = &resources.properties("MessageQueue")["VisibilityTimeout"];
    assert_eq!(short(visibility), "QueueVisibilityTimeoutSeconds");

    let rule = &template()["Rules"]["VisibilityInProportion"];
    assert_eq!(rule["RuleCondition"], json!({"Fn::Equals": [{"Ref": "DeletionProtection"}, "true"]}));
    let timeouts = numbers(&parameter("DispatcherTimeoutSeconds")["AllowedValues"]);
    let visibilities = numbers(&parameter("QueueVisibilityTimeoutSeconds")["AllowedValues"]);
    let expected = timeouts.iter().map(|timeout| {
        let long_enough = visibilities.iter().filter(|visibility| **visibility >= VISIBILITY_TIMES * timeout);
        let long_enough: Vec<_> = long_enough.map(u64::to_string).collect();
        assert!(!long_enough.is_empty(), "{timeout} s have no visibility time-out");
        json!({"Fn::And": [
            {"Fn::Equals": [{"Ref": "DispatcherTimeoutSeconds"}, timeout.to_string()]},
            {"Fn::Contains": [long_enough, {"Ref": "QueueVisibilityTimeoutSeconds"}]},
        ]})
    });
    assert_eq!(rule["Assertions"][0]["Assert"], json!({"Fn::Or": Vec::from_iter(expected)}));

    let default = |name| parameter(name)["Default"].as_u64().unwrap();
    assert!(default("QueueVisibilityTimeoutSeconds") >= VISIBILITY_TIMES * default("DispatcherTimeoutSeconds"));
}

#[test]
fn each_function_writes_json_into_a_log_group_of_its_own_that_forgets() {
    let resources = Resources::by_default();
    for function in FUNCTIONS {
        let logging = &resources.properties(function)["LoggingConfig"];
        assert_eq!(logging["LogFormat"], "JSON", "{function}");
        assert_eq!(short(&logging["ApplicationLogLevel"]), "LogLevel", "{function}");
        assert_eq!(short(&logging["LogGroup"]), format!("{function}Logs"));
    }
    let groups = resources.of_type("AWS::Logs::LogGroup");
    assert_eq!(groups.len(), FUNCTIONS.len() + 1, "one for each function, and one for the API");
    for (id, group) in groups {
        assert_eq!(short(&group["RetentionInDays"]), "LogRetentionDays", "{id}");
    }
}

#[test]
fn concurrency_is_reserved_where_that_is_asked_for_and_nowhere_else() {
    let reserved = |conditions: &[&str], function: &str| {
        Resources::when(conditions).properties(function).get("ReservedConcurrentExecutions").map(short)
    };
    for function in FUNCTIONS {
        assert_eq!(reserved(&[], function), None, "{function}");
    }
    let receivers = reserved(&["ReservesReceiver"], "WebhookReceiver");
    assert_eq!(receivers.as_deref(), Some("ReceiverReservedConcurrency"));
    let dispatchers = reserved(&["ReservesDispatcher"], "MessageDispatcher");
    assert_eq!(dispatchers.as_deref(), Some("DispatcherConcurrency"), "as much as Lambda may start for the queue");
    for sender in SENDERS {
        let senders = reserved(&["ReservesSenders"], sender);
        assert_eq!(senders.as_deref(), Some("SenderReservedConcurrency"), "{sender}");
    }
}

#[test]
fn the_dispatcher_leaves_the_rest_of_the_accounts_concurrency_to_the_webhooks() {
    let resources = Resources::by_default();
    let [(_, source)] = resources.of_type("AWS::Lambda::EventSourceMapping")[..] else { panic!("one queue") };
    assert_eq!(short(&source["ScalingConfig"]["MaximumConcurrency"]), "DispatcherConcurrency");
    assert_eq!(source["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
}

#[test]
fn the_processors_the_memory_and_the_traces_are_those_asked_for() {
    for function in FUNCTIONS {
        let by_default = Resources::by_default();
        let properties = by_default.properties(function);
        assert_eq!(properties["Architectures"], json!([{"Ref": "Architecture"}]), "{function}");
        assert_eq!(short(&properties["MemorySize"]), "MemoryMegabytes", "{function}");
        assert_eq!(properties["TracingConfig"]["Mode"], "PassThrough", "{function}");
        assert_eq!(Resources::when(&["IsTraced"]).properties(function)["TracingConfig"]["Mode"], "Active");
    }
    assert_eq!(parameter("Architecture")["Default"], "arm64");
    assert_eq!(parameter("Architecture")["AllowedValues"], json!(["arm64", "x86_64"]));
}
