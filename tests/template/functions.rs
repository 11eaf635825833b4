//! Timeouts, concurrency, logs and runtime settings of the functions.

use crate::document::{FUNCTIONS, Resources, SENDERS, short, template};
use serde_json::{Value, json};

/// API Gateway's integration timeout.
const API_GATEWAY_TIMEOUT_SECONDS: u64 = 30;
/// The platforms' timeout for a webhook.
const WEBHOOK_TIMEOUT_SECONDS: u64 = 10;
/// The minimum ratio of the visibility timeout to the function's timeout:
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
const VISIBILITY_RATIO: u64 = 6;

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
fn the_template_has_exactly_the_known_functions() {
    let resources = Resources::by_default();
    let mut found: Vec<_> = resources.of_type("AWS::Lambda::Function").into_iter().map(|(id, _)| id).collect();
    let mut known = FUNCTIONS.to_vec();
    found.sort_unstable();
    known.sort_unstable();
    assert_eq!(known, found);
}

#[test]
fn a_function_times_out_before_its_client() {
    let resources = Resources::by_default();
    let receiver = resources.properties("WebhookReceiver")["Timeout"].as_u64().unwrap();
    assert!(receiver <= WEBHOOK_TIMEOUT_SECONDS, "{receiver}");
    // A provider that waits less repeats its request; a platform that fetches a file waits for it.
    let channel = resources.properties("ChannelReceiver")["Timeout"].as_u64().unwrap();
    assert!(channel < API_GATEWAY_TIMEOUT_SECONDS, "{channel}");
    for sender in SENDERS {
        assert_eq!("SenderTimeoutSeconds", short(&resources.properties(sender)["Timeout"]), "{sender}");
    }
    let sender = parameter("SenderTimeoutSeconds")["MaxValue"].as_u64().unwrap();
    assert!(sender < API_GATEWAY_TIMEOUT_SECONDS, "{sender}");
}

#[test]
fn the_visibility_timeout_is_at_least_six_times_the_dispatchers_timeout() {
    let resources = Resources::by_default();
    assert_eq!("DispatcherTimeoutSeconds", short(&resources.properties("MessageDispatcher")["Timeout"]));
    for lane in ["MessageQueue", "RetryQueue"] {
        assert_eq!("QueueVisibilityTimeoutSeconds", short(&resources.properties(lane)["VisibilityTimeout"]), "{lane}");
    }

    let rule = &template()["Rules"]["VisibilityInProportion"];
    assert_eq!(json!({"Fn::Equals": [{"Ref": "DeletionProtection"}, "true"]}), rule["RuleCondition"]);
    let timeouts = numbers(&parameter("DispatcherTimeoutSeconds")["AllowedValues"]);
    let visibilities = numbers(&parameter("QueueVisibilityTimeoutSeconds")["AllowedValues"]);
    let expected = timeouts.iter().map(|timeout| {
        let long_enough = visibilities.iter().filter(|visibility| **visibility >= VISIBILITY_RATIO * timeout);
        let long_enough: Vec<_> = long_enough.map(u64::to_string).collect();
        assert!(!long_enough.is_empty(), "{timeout} s have no visibility timeout");
        json!({"Fn::And": [
            {"Fn::Equals": [{"Ref": "DispatcherTimeoutSeconds"}, timeout.to_string()]},
            {"Fn::Contains": [long_enough, {"Ref": "QueueVisibilityTimeoutSeconds"}]},
        ]})
    });
    assert_eq!(json!({"Fn::Or": Vec::from_iter(expected)}), rule["Assertions"][0]["Assert"]);

    let default = |name| parameter(name)["Default"].as_u64().unwrap();
    assert!(default("QueueVisibilityTimeoutSeconds") >= VISIBILITY_RATIO * default("DispatcherTimeoutSeconds"));
}

#[test]
fn each_function_writes_json_to_its_own_log_group_with_a_retention() {
    let resources = Resources::by_default();
    for function in FUNCTIONS {
        let logging = &resources.properties(function)["LoggingConfig"];
        assert_eq!("JSON", logging["LogFormat"], "{function}");
        assert_eq!("LogLevel", short(&logging["ApplicationLogLevel"]), "{function}");
        assert_eq!("SystemLogLevel", short(&logging["SystemLogLevel"]), "{function}");
        assert_eq!(format!("{function}Logs"), short(&logging["LogGroup"]));
    }
    let groups = resources.of_type("AWS::Logs::LogGroup");
    assert_eq!(FUNCTIONS.len() + 1, groups.len(), "one per function and one for the API");
    for (id, group) in groups {
        assert_eq!("LogRetentionDays", short(&group["RetentionInDays"]), "{id}");
    }
}

#[test]
fn certificate_roots_are_compiled_in_unless_a_file_or_a_layer_with_it_is_configured() {
    let set = |conditions: &[&str], function: &str| {
        let properties = Resources::when(conditions).properties(function).clone();
        let file = properties["Environment"]["Variables"].get("SSL_CERT_FILE").map(short);
        (file, properties["Layers"].as_array().map_or(0, Vec::len))
    };
    for function in FUNCTIONS {
        assert_eq!((None, 0), set(&[], function), "{function}");
        let both = set(&["HasTrustedRootsFile", "HasTrustedRootsLayer"], function);
        assert_eq!((Some("TrustedRootsFile".to_owned()), 1), both, "{function}");
    }
    let is_set = |name| json!({"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]});
    let rule = &template()["Rules"]["TrustedRootsLayerHasFile"];
    assert_eq!(is_set("TrustedRootsLayerArn"), rule["RuleCondition"]);
    assert_eq!(is_set("TrustedRootsFile"), rule["Assertions"][0]["Assert"]);
}

#[test]
fn each_function_publishes_metrics_as_the_parameter_says() {
    for function in FUNCTIONS {
        let by_default = Resources::by_default();
        let variables = &by_default.properties(function)["Environment"]["Variables"];
        assert_eq!("MetricsByIntegration", short(&variables["METRICS_BY_INTEGRATION"]), "{function}");
    }
    assert_eq!("false", parameter("MetricsByIntegration")["Default"]);
}

#[test]
fn concurrency_is_reserved_only_where_configured() {
    let reserved = |conditions: &[&str], function: &str| {
        Resources::when(conditions).properties(function).get("ReservedConcurrentExecutions").map(short)
    };
    for function in FUNCTIONS {
        assert_eq!(None, reserved(&[], function), "{function}");
    }
    let receivers = reserved(&["ReservesReceiver"], "WebhookReceiver");
    assert_eq!(Some("ReceiverReservedConcurrency"), receivers.as_deref());
    let dispatchers = reserved(&["ReservesDispatcher"], "MessageDispatcher");
    assert_eq!(Some("DispatcherReservedConcurrency"), dispatchers.as_deref());
    for sender in SENDERS {
        let senders = reserved(&["ReservesSenders"], sender);
        assert_eq!(Some("SenderReservedConcurrency"), senders.as_deref(), "{sender}");
    }
}

#[test]
fn each_lane_has_a_maximum_concurrency_of_its_own_so_that_the_other_lane_and_webhooks_have_the_rest() {
    let resources = Resources::by_default();
    let lanes = [("MessageQueue", "DispatcherConcurrency"), ("RetryQueue", "RetryConcurrency")];
    let sources = resources.of_type("AWS::Lambda::EventSourceMapping");
    assert_eq!(lanes.len(), sources.len());
    for (queue, concurrency) in lanes {
        let (_, source) = sources.iter().find(|(_, source)| short(&source["EventSourceArn"]) == queue).unwrap();
        assert_eq!(concurrency, short(&source["ScalingConfig"]["MaximumConcurrency"]));
        assert_eq!("MessageDispatcher", short(&source["FunctionName"]));
        assert_eq!(json!(["ReportBatchItemFailures"]), source["FunctionResponseTypes"]);
    }
}

#[test]
fn architecture_memory_and_tracing_follow_their_parameters() {
    for function in FUNCTIONS {
        let by_default = Resources::by_default();
        let properties = by_default.properties(function);
        assert_eq!(json!([{"Ref": "Architecture"}]), properties["Architectures"], "{function}");
        assert_eq!("MemoryMegabytes", short(&properties["MemorySize"]), "{function}");
        // SAM always writes the object.
        assert_eq!(json!({}), properties["TracingConfig"], "{function}");
        assert_eq!("Active", Resources::when(&["IsTraced"]).properties(function)["TracingConfig"]["Mode"]);
    }
    assert_eq!("arm64", parameter("Architecture")["Default"]);
    assert_eq!(json!(["arm64", "x86_64"]), parameter("Architecture")["AllowedValues"]);
}
