//! What a stack has that receives conversation events, and no other stack.

use crate::document::{CONVERSATION_EVENTS, Resources, short, template};
use crate::permissions::every_condition;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SOURCE: &str = "HasGenesysEventSource";

fn ids(conditions: &[&str]) -> BTreeSet<String> {
    Resources::when(conditions).all().map(|(id, _)| id.to_owned()).collect()
}

#[test]
fn without_an_event_source_the_stack_has_nothing_of_it() {
    let by_default = ["IsProtected", "HasAlarms", "KeepsFailedMessages"];
    let with_source = [by_default.as_slice(), &[SOURCE, "HasConversationEventAlarms"]].concat();
    let added: Vec<_> = ids(&with_source).difference(&ids(&by_default)).cloned().collect();
    assert_eq!(
        vec![
            "ConversationEventBus",
            "ConversationEventDeadLetterQueue",
            "ConversationEventDeadLetterQueuePolicy",
            "ConversationEventDeadLetters",
            "ConversationEventDeadLettersQuery",
            "ConversationEventQueue",
            "ConversationEventQueuePolicy",
            "ConversationEventRule",
            "ConversationEvents",
            "ConversationEventsDelayed",
            "ConversationEventsEvents",
            "ConversationEventsLogs",
            "ConversationEventsRefused",
            "ConversationEventsRefusedQuery",
            "ConversationEventsRole",
        ],
        added
    );
    assert_eq!("", template()["Parameters"]["GenesysEventSource"]["Default"], "off by default");
    for (id, resource) in Resources::when(&by_default).all() {
        assert!(!resource.to_string().contains("ConversationEvent"), "{id}: {resource}");
    }
    for output in ["ConversationEventQueueUrl", "ConversationEventDeadLetterQueueUrl"] {
        assert_eq!(SOURCE, template()["Outputs"][output]["Condition"], "{output}");
    }
}

#[test]
fn only_functions_that_learn_the_customers_of_conversations_have_the_variable() {
    let set = |conditions: &[&str]| -> BTreeSet<String> {
        let resources = Resources::when(conditions);
        let functions = resources.of_type("AWS::Lambda::Function").into_iter();
        let with_variable =
            functions.filter(|(_, one)| one["Environment"]["Variables"].get("CONVERSATION_EVENTS").is_some());
        with_variable.map(|(id, _)| id.to_owned()).collect()
    };
    assert_eq!(BTreeSet::new(), set(&[]));
    let learning = ["AgentlessSender", "InboundSender", "MessageDispatcher"].map(str::to_owned);
    assert_eq!(BTreeSet::from(learning), set(&[SOURCE]));
}

#[test]
fn the_bus_has_the_name_of_the_event_source_and_the_rule_takes_only_conversation_events_of_messages() {
    let resources = Resources::when(&[SOURCE]);
    let name = json!({"Ref": "GenesysEventSource"});
    let bus = resources.properties("ConversationEventBus");
    assert_eq!((&name, &name), (&bus["Name"], &bus["EventSourceName"]));
    let rule = resources.properties("ConversationEventRule");
    assert_eq!("ConversationEventBus", short(&rule["EventBusName"]));
    assert_eq!(
        json!({
            "source": [name],
            "detail-type": [{"prefix": "v2.detail.events.conversation."}],
            "detail": {"eventBody": {"mediaType": ["MESSAGE"]}},
        }),
        rule["EventPattern"]
    );
}

#[test]
fn an_event_that_cannot_be_queued_or_handled_goes_to_the_dead_letter_queue() {
    let resources = Resources::when(&[SOURCE]);
    let [target] = resources.properties("ConversationEventRule")["Targets"].as_array().unwrap().as_slice() else {
        panic!("one target")
    };
    assert_eq!("ConversationEventQueue", short(&target["Arn"]));
    assert_eq!("ConversationEventDeadLetterQueue", short(&target["DeadLetterConfig"]["Arn"]));
    // EventBridge's own maximum.
    assert_eq!(json!({"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}), target["RetryPolicy"]);
    let redrive = &resources.properties("ConversationEventQueue")["RedrivePolicy"];
    assert_eq!("ConversationEventDeadLetterQueue", short(&redrive["deadLetterTargetArn"]));
    let source = resources.properties("ConversationEventsEvents");
    assert_eq!("ConversationEventQueue", short(&source["EventSourceArn"]));
    assert_eq!(json!(["ReportBatchItemFailures"]), source["FunctionResponseTypes"]);
}

#[test]
fn the_visibility_timeout_is_at_least_six_times_the_functions_timeout() {
    let resources = Resources::when(&[SOURCE]);
    let visibility = &resources.properties("ConversationEventQueue")["VisibilityTimeout"];
    assert_eq!("QueueVisibilityTimeoutSeconds", short(visibility));
    let timeout = resources.properties(CONVERSATION_EVENTS)["Timeout"].as_u64().unwrap();
    let allowed = template()["Parameters"]["QueueVisibilityTimeoutSeconds"]["AllowedValues"].as_array().unwrap();
    let shortest = allowed.iter().filter_map(Value::as_u64).filter(|seconds| *seconds > 25).min().unwrap();
    assert!(shortest >= 6 * timeout, "25 s are for trials");
}

/// The properties that all functions share, under these conditions.
fn shared_properties(conditions: &[&str], function: &str) -> Value {
    let resources = Resources::when(conditions);
    let properties = resources.properties(function);
    let mut shared: serde_json::Map<_, _> =
        ["Architectures", "Handler", "KmsKeyArn", "Layers", "MemorySize", "Runtime", "Tags", "TracingConfig"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), properties.get(name)?.clone())))
            .collect();
    let logging = &properties["LoggingConfig"];
    shared.insert(
        "logs".to_owned(),
        json!([logging["ApplicationLogLevel"], logging["LogFormat"], logging["SystemLogLevel"]]),
    );
    assert_eq!(format!("{function}Logs"), short(&logging["LogGroup"]));
    for name in ["METRICS_BY_INTEGRATION", "SSL_CERT_FILE", "QUEUE_URL"] {
        shared.insert(name.to_owned(), properties["Environment"]["Variables"][name].clone());
    }
    Value::Object(shared)
}

#[test]
fn the_function_is_set_up_like_the_others() {
    for conditions in [vec![SOURCE], every_condition()] {
        let (own, others) =
            (shared_properties(&conditions, CONVERSATION_EVENTS), shared_properties(&conditions, "MessageDispatcher"));
        assert_eq!(others, own);
    }
    let resources = Resources::when(&[SOURCE]);
    assert_eq!("LogRetentionDays", short(&resources.properties("ConversationEventsLogs")["RetentionInDays"]));
}

#[test]
fn in_an_upgrade_the_dispatcher_reads_the_events_before_the_first_one_is_queued() {
    let function = Resources::when(&[SOURCE]).resource(CONVERSATION_EVENTS).clone();
    assert!(function["DependsOn"].to_string().contains("MessageDispatcher"), "{}", function["DependsOn"]);
}

#[test]
fn its_errors_and_throttles_raise_the_alarms_of_all_functions() {
    let with_source = Resources::when(&[SOURCE, "HasAlarms"]);
    for alarm in ["FunctionErrors", "FunctionThrottles"] {
        let watched = with_source.properties(alarm)["Metrics"].to_string();
        assert!(watched.contains(&format!(r#"{{"Ref":"{CONVERSATION_EVENTS}"}}"#)), "{watched}");
    }
}
