//! The alarms and the dashboard: nothing that they watch is never written, and nothing that is written goes unseen.

use crate::document::{FUNCTIONS, Resources, SENDERS};
use crate::permissions::every_condition;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tests::spec::template::{CALLING, METRICS, Named, ROUTES};

/// An alarm may be computed from so many metrics.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create-alarm-on-metric-math-expression.html>
const METRICS_OF_AN_ALARM: usize = 10;
/// All alarms. docs/operate.md has a heading for each.
const ALARMS: [&str; 21] = [
    "CallersRefused",
    "CredentialsRefused",
    "DeadLetters",
    "DeliveriesFailed",
    "DeliveriesGivenUp",
    "DeliveriesRetried",
    "DispatcherAtCapacity",
    "EndpointGone",
    "FunctionErrors",
    "FunctionThrottles",
    "OldestMessage",
    "OutcomesUnknown",
    "ParkedMessagesExpire",
    "PlatformUnreachable",
    "RateLimitHeadroom",
    "ReceiptsFailed",
    "ServerErrors",
    "SignaturesRefused",
    "TokensRefused",
    "Unavailable",
    "UnreadableReceipts",
];

fn alarms(resources: &Resources) -> Vec<(&str, &Value)> {
    resources.of_type("AWS::CloudWatch::Alarm")
}

fn widgets(resources: &Resources) -> Vec<Value> {
    Named::widgets(resources.properties("Dashboard"))
}

#[test]
fn the_alarms_are_these() {
    let resources = Resources::by_default();
    let found: BTreeSet<_> = alarms(&resources).into_iter().map(|(id, _)| id).collect();
    assert_eq!(found, BTreeSet::from(ALARMS));
    assert_eq!(alarms(&Resources::when(&["HasAlarmTopic"])), [], "nobody asked for alarms");
}

#[test]
fn each_alarm_says_what_it_means_and_where_the_guide_tells_what_to_do() {
    for (id, alarm) in alarms(&Resources::by_default()) {
        assert_eq!(alarm["AlarmName"], json!({"Fn::Sub": format!("${{AWS::StackName}}-{id}")}));
        let description = alarm["AlarmDescription"].as_str().unwrap();
        let link = format!(" See docs/operate.md#{}", id.to_lowercase());
        let meaning = description.strip_suffix(&link).unwrap_or_else(|| panic!("{id}: {description}"));
        assert!(meaning.split_whitespace().count() > 5, "{id}: {meaning}");
    }
}

#[test]
fn each_alarm_tells_whom_it_should_that_it_began_and_that_it_is_over() {
    let told = |conditions: &[&str]| {
        let resources = Resources::when(conditions);
        let mut actions = Vec::new();
        for (id, alarm) in alarms(&resources) {
            assert_eq!(alarm["AlarmActions"], alarm["OKActions"], "{id}");
            assert_ne!(alarm["ActionsEnabled"], false, "{id}");
            actions.push(alarm["AlarmActions"].clone());
        }
        assert_eq!(actions.len(), ALARMS.len());
        actions.dedup();
        actions
    };
    let (topic, email) = (json!({"Ref": "AlarmTopicArn"}), json!({"Ref": "AlarmTopic"}));
    assert_eq!(told(&["HasAlarms"]), [json!([])]);
    assert_eq!(told(&["HasAlarms", "HasAlarmTopic"]), [json!([topic])]);
    assert_eq!(told(&["HasAlarms", "HasAlarmEmail"]), [json!([email])]);
    assert_eq!(told(&every_condition()), [json!([topic, email])]);
    assert!(!Resources::by_default().has("AlarmTopic"));
}

#[test]
fn an_alarm_is_not_raised_by_silence() {
    for (id, alarm) in alarms(&Resources::by_default()) {
        assert_eq!(alarm["TreatMissingData"], "notBreaching", "{id}");
    }
}

#[test]
fn an_alarm_watches_one_value_of_no_more_metrics_than_cloudwatch_allows() {
    for (id, alarm) in alarms(&Resources::by_default()) {
        assert!(Named::of_alarm(alarm).len() <= METRICS_OF_AN_ALARM, "{id}");
        let Value::Array(metrics) = &alarm["Metrics"] else { continue };
        let returned: Vec<_> =
            metrics.iter().filter(|metric| metric.get("ReturnData") != Some(&json!(false))).collect();
        assert_eq!(returned.len(), 1, "{id}");
        assert!(returned[0].get("Expression").is_some(), "{id}");
        let ids: BTreeSet<_> = metrics.iter().map(|metric| metric["Id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), metrics.len(), "{id}: two of one name");
    }
}

#[test]
fn a_sum_leaves_no_function_out_that_writes_what_it_sums() {
    let resources = Resources::by_default();
    let functions = |id: &str| -> BTreeSet<String> {
        let named = Named::of_alarm(resources.properties(id));
        named.iter().map(|metric| metric.function().unwrap().to_owned()).collect()
    };
    let summed: [(&str, &[&str]); 9] = [
        ("FunctionErrors", &FUNCTIONS),
        ("FunctionThrottles", &FUNCTIONS),
        ("Unavailable", ROUTES),
        ("CallersRefused", &SENDERS),
        ("CredentialsRefused", CALLING),
        ("TokensRefused", CALLING),
        ("OutcomesUnknown", &SENDERS),
        ("PlatformUnreachable", CALLING),
        ("RateLimitHeadroom", CALLING),
    ];
    for (id, expected) in summed {
        assert_eq!(functions(id), expected.iter().map(|function| (*function).to_owned()).collect(), "{id}");
        let same: BTreeSet<_> =
            Named::of_alarm(resources.properties(id)).into_iter().map(|named| named.metric).collect();
        assert_eq!(same.len(), 1, "{id} sums {same:?}");
    }
}

#[test]
fn no_alarm_and_no_widget_watches_a_metric_that_nobody_writes() {
    let resources = Resources::by_default();
    let watched = alarms(&resources).into_iter().map(|(id, alarm)| (id.to_owned(), Named::of_alarm(alarm)));
    let shown = widgets(&resources)
        .into_iter()
        .map(|widget| (widget["properties"]["title"].to_string(), Named::of_widget(&widget)));
    for (place, metrics) in watched.chain(shown) {
        for metric in metrics {
            assert_eq!(metric.fault(), None, "{place}: {metric:?}");
        }
    }
}

#[test]
fn the_dashboard_shows_every_metric_that_is_written() {
    let shown: Vec<Named> = widgets(&Resources::by_default()).iter().flat_map(Named::of_widget).collect();
    for metric in &METRICS {
        assert!(shown.iter().any(|named| named.metric == metric.name), "{} is nowhere", metric.name);
    }
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html>
const CHARACTERS_OF_A_SEARCH: usize = 1024;
/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>
const CHARACTERS_OF_A_FUNCTION: usize = 64;

#[test]
fn no_search_is_too_long_however_long_the_functions_names_are() {
    let mut searches = 0;
    for widget in widgets(&Resources::by_default()) {
        for row in widget["properties"]["metrics"].as_array().unwrap() {
            let Some(expression) = row[0].get("expression") else { continue };
            let expression = FUNCTIONS.iter().fold(expression.as_str().unwrap().to_owned(), |text, function| {
                text.replace(&format!("\"{function}\""), &format!("\"{}\"", "x".repeat(CHARACTERS_OF_A_FUNCTION)))
            });
            assert!(expression.contains(&"x".repeat(CHARACTERS_OF_A_FUNCTION)), "{expression}");
            assert!(expression.len() <= CHARACTERS_OF_A_SEARCH, "{}: {expression}", expression.len());
            searches += 1;
        }
    }
    assert!(searches > 0);
}

#[test]
fn a_retried_message_is_watched_for_longer_than_two_attempts_are_apart() {
    // The longest wait of `backoff.rs`, and an attempt.
    let apart = 15 * 60 + 10;
    let resources = Resources::by_default();
    let alarm = resources.properties("DeliveriesRetried");
    assert!(alarm["EvaluationPeriods"].as_u64().unwrap() * alarm["Period"].as_u64().unwrap() > apart);
    assert_eq!(alarm["DatapointsToAlarm"], 1);
}

#[test]
fn no_widget_covers_another() {
    let cells = |widget: &Value| {
        let number = |name: &str| widget[name].as_u64().unwrap();
        let (x, y, width, height) = (number("x"), number("y"), number("width"), number("height"));
        assert!(x + width <= 24, "a dashboard is 24 wide: {widget}");
        Vec::from_iter((x..x + width).flat_map(move |column| (y..y + height).map(move |row| (column, row))))
    };
    let mut taken = BTreeSet::new();
    for widget in widgets(&Resources::by_default()) {
        for cell in cells(&widget) {
            assert!(taken.insert(cell), "{widget}");
        }
    }
}
