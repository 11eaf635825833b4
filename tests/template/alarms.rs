//! The alarms and the dashboard: each metric that they watch is written, and each metric that is written is shown.

use crate::document::{CONVERSATION_EVENTS, FUNCTIONS, Resources, SENDERS, template};
use crate::permissions::every_condition;
use serde_json::{Value, json};
use shared::observability::metrics::Event;
use std::collections::BTreeSet;
use tests::spec::documents::Document;
use tests::spec::template::{CALLING, FilteredMetric, Named, RECEIVERS, RENEWING, ROUTES, writers};

/// The maximum number of metrics in an alarm's expression.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create-alarm-on-metric-math-expression.html>
const MAX_METRICS_PER_ALARM: usize = 10;
fn alarms(resources: &Resources) -> Vec<(&str, &Value)> {
    resources.of_type("AWS::CloudWatch::Alarm")
}

fn widgets(resources: &Resources) -> Vec<Value> {
    Named::widgets(resources.properties("Dashboard"))
}

#[test]
fn each_alarm_describes_its_meaning_and_links_to_the_operations_guide() {
    let anchors = Document::read("docs/operate.md").anchors();
    for (id, alarm) in alarms(&Resources::when(&every_condition())) {
        assert_eq!(json!({"Fn::Sub": format!("${{AWS::StackName}}-{id}")}), alarm["AlarmName"]);
        let description = alarm["AlarmDescription"]["Fn::Sub"].as_str().unwrap();
        // The heading of the same name has this anchor.
        let link = format!(" See ${{RunbookUrl}}#{}", id.to_lowercase());
        let meaning = description.strip_suffix(&link).unwrap_or_else(|| panic!("{id}: {description}"));
        assert!(meaning.split_whitespace().count() > 5, "{id}: {meaning}");
        assert!(anchors.contains(&id.to_lowercase()), "{id}");
    }
}

#[test]
fn the_link_of_an_alarm_leads_to_the_runbook() {
    let parameter = &template()["Parameters"]["RunbookUrl"];
    let path = parameter["Default"].as_str().unwrap();
    assert_eq!("# Operate", Document::read(path).text.lines().next().unwrap());
    assert_eq!(
        r"docs/operate\.md|https://[^ #]+", parameter["AllowedPattern"],
        "a link gets its anchor from the alarm"
    );
}

#[test]
fn each_alarm_notifies_its_targets_when_it_begins_and_when_it_ends() {
    let targets = |conditions: &[&str]| {
        let resources = Resources::when(conditions);
        let mut actions = Vec::new();
        for (id, alarm) in alarms(&resources) {
            assert_eq!(alarm["OKActions"], alarm["AlarmActions"], "{id}");
            assert_ne!(false, alarm["ActionsEnabled"], "{id}");
            actions.push(alarm["AlarmActions"].clone());
        }
        actions.dedup();
        actions
    };
    let (topic, email) = (json!({"Ref": "AlarmTopicArn"}), json!({"Ref": "AlarmTopic"}));
    assert_eq!(vec![json!([])], targets(&["HasAlarms"]));
    assert_eq!(vec![json!([topic])], targets(&["HasAlarms", "HasAlarmTopic"]));
    assert_eq!(vec![json!([email])], targets(&["HasAlarms", "HasAlarmEmail"]));
    assert_eq!(vec![json!([topic, email])], targets(&every_condition()));
    assert!(alarms(&Resources::when(&["HasAlarmTopic"])).is_empty(), "alarms are opt-in");
    assert!(!Resources::by_default().has("AlarmTopic"));
}

#[test]
fn missing_data_raises_no_alarm() {
    for (id, alarm) in alarms(&Resources::when(&every_condition())) {
        assert_eq!("notBreaching", alarm["TreatMissingData"], "{id}");
    }
}

#[test]
fn an_alarm_watches_one_value_and_stays_within_cloudwatchs_limit_of_metrics() {
    for (id, alarm) in alarms(&Resources::when(&every_condition())) {
        assert!(Named::of_alarm(alarm).len() <= MAX_METRICS_PER_ALARM, "{id}");
        let Value::Array(metrics) = &alarm["Metrics"] else { continue };
        let returned: Vec<_> =
            metrics.iter().filter(|metric| metric.get("ReturnData") != Some(&json!(false))).collect();
        assert_eq!(1, returned.len(), "{id}");
        assert!(returned[0].get("Expression").is_some(), "{id}");
        let ids: BTreeSet<_> = metrics.iter().map(|metric| metric["Id"].as_str().unwrap()).collect();
        assert_eq!(metrics.len(), ids.len(), "{id}: duplicate id");
    }
}

#[test]
fn a_sum_includes_every_function_that_writes_the_metric() {
    let resources = Resources::by_default();
    let functions = |id: &str| -> BTreeSet<String> {
        let named = Named::of_alarm(resources.properties(id));
        named.iter().map(|metric| metric.function().unwrap().to_owned()).collect()
    };
    let summed: [(&str, &[&str]); 12] = [
        ("FunctionErrors", &FUNCTIONS),
        ("FunctionThrottles", &FUNCTIONS),
        ("Unavailable", ROUTES),
        ("SignaturesRefused", &RECEIVERS),
        ("CallersRefused", &SENDERS),
        ("CredentialsRefused", CALLING),
        ("TokensRefused", CALLING),
        ("AuthorizationsNotRenewed", RENEWING),
        ("AuthorizationsEnding", RENEWING),
        ("OutcomesUnknown", &SENDERS),
        ("PlatformUnreachable", CALLING),
        ("RateLimitHeadroom", CALLING),
    ];
    for (id, expected) in summed {
        assert_eq!(
            expected.iter().map(|function| (*function).to_owned()).collect::<BTreeSet<_>>(),
            functions(id),
            "{id}"
        );
        let same: BTreeSet<_> =
            Named::of_alarm(resources.properties(id)).into_iter().map(|named| named.metric).collect();
        assert_eq!(1, same.len(), "{id} sums {same:?}");
    }
}

#[test]
fn no_alarm_or_widget_watches_a_metric_that_is_never_written() {
    let resources = Resources::when(&every_condition());
    let watched = alarms(&resources).into_iter().map(|(id, alarm)| (id.to_owned(), Named::of_alarm(alarm)));
    let shown = widgets(&resources)
        .into_iter()
        .map(|widget| (widget["properties"]["title"].to_string(), Named::of_widget(&widget)));
    for (place, metrics) in watched.chain(shown) {
        for metric in metrics {
            assert_eq!(None, metric.fault(), "{place}: {metric:?}");
        }
    }
}

#[test]
fn the_dashboard_shows_every_metric_that_is_written() {
    let shown: Vec<Named> = widgets(&Resources::when(&every_condition())).iter().flat_map(Named::of_widget).collect();
    for metric in Event::METRICS {
        assert!(shown.iter().any(|named| named.metric == metric.name), "{} is not shown", metric.name);
    }
    let throttled = FilteredMetric::all();
    assert_eq!(2, throttled.len());
    for metric in throttled {
        assert!(shown.iter().any(|named| metric.is(named)), "{metric:?} is not shown");
    }
}

#[test]
fn each_metric_of_throttled_requests_has_an_alarm() {
    let resources = Resources::by_default();
    let watched: Vec<_> = alarms(&resources).into_iter().flat_map(|(_, alarm)| Named::of_alarm(alarm)).collect();
    for metric in FilteredMetric::all() {
        assert!(watched.iter().any(|named| metric.is(named)), "{metric:?}");
    }
}

#[test]
fn a_query_for_metrics_in_the_logs_reads_those_of_every_function_that_writes_them() {
    let mut queries = 0;
    for widget in widgets(&Resources::by_default()).iter().filter(|widget| widget["type"] == "log") {
        let query = widget["properties"]["query"].as_str().unwrap();
        let read: BTreeSet<_> = query.split("SOURCE '").skip(1).map(|rest| rest.split('\'').next().unwrap()).collect();
        for metric in query.split("sum(").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            assert!(Event::METRICS.iter().any(|known| known.name == metric), "{metric}");
            let logs: Vec<_> = writers(metric).iter().map(|function| format!("{function}Logs")).collect();
            assert_eq!(logs.iter().map(String::as_str).collect::<BTreeSet<_>>(), read, "{query}");
            queries += 1;
        }
    }
    assert!(queries > 0);
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html>
const MAX_SEARCH_LENGTH: usize = 1024;
/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>
const MAX_FUNCTION_NAME_LENGTH: usize = 64;

#[test]
fn no_search_expression_exceeds_its_limit_with_the_longest_function_names() {
    let mut searches = 0;
    for widget in widgets(&Resources::when(&every_condition())) {
        for row in widget["properties"]["metrics"].as_array().into_iter().flatten() {
            let Some(expression) = row[0].get("expression") else { continue };
            let expression = FUNCTIONS.iter().chain([&CONVERSATION_EVENTS]).fold(
                expression.as_str().unwrap().to_owned(),
                |text, function| {
                    text.replace(&format!("\"{function}\""), &format!("\"{}\"", "x".repeat(MAX_FUNCTION_NAME_LENGTH)))
                },
            );
            assert!(expression.contains(&"x".repeat(MAX_FUNCTION_NAME_LENGTH)), "{expression}");
            assert!(expression.len() <= MAX_SEARCH_LENGTH, "{}: {expression}", expression.len());
            searches += 1;
        }
    }
    assert!(searches > 0);
}

#[test]
fn the_alarms_on_waiting_messages_span_more_than_the_time_between_two_attempts() {
    // The maximum delay of `backoff.rs`, and the timeout of an attempt.
    let apart = 15 * 60 + 10;
    let resources = Resources::by_default();
    for id in ["DeliveriesRetried", "CircuitOpen"] {
        let alarm = resources.properties(id);
        assert!(alarm["EvaluationPeriods"].as_u64().unwrap() * alarm["Period"].as_u64().unwrap() > apart, "{id}");
        assert_eq!(1, alarm["DatapointsToAlarm"], "{id}");
    }
}

/// Among how many messages of a FIFO queue SQS looks for those to return.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/avoid-backlog-with-the-same-message-group-id.html>
const FIFO_WINDOW: u64 = 120_000;

#[test]
fn the_alarms_on_full_lanes_are_raised_before_messages_are_hidden() {
    let resources = Resources::by_default();
    for (id, queue, threshold) in [
        ("DirectLaneHalfFull", "MessageQueue.QueueName", FIFO_WINDOW / 2),
        ("RetryLaneHalfFull", "RetryQueue.QueueName", FIFO_WINDOW / 2),
        ("RetryLaneNearlyFull", "RetryQueue.QueueName", 100_000),
    ] {
        let alarm = resources.properties(id);
        assert_eq!(threshold, alarm["Threshold"], "{id}");
        let counted: BTreeSet<_> = Named::of_alarm(alarm).into_iter().map(|named| named.metric).collect();
        let expected = ["ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesVisible"];
        assert_eq!(BTreeSet::from(expected.map(str::to_owned)), counted, "those that wait for an attempt count too");
        for named in Named::of_alarm(alarm) {
            assert_eq!(vec![queue], named.dimensions["QueueName"], "{id}");
        }
    }
}

#[test]
fn widgets_do_not_overlap() {
    let cells = |widget: &Value| {
        let number = |name: &str| widget[name].as_u64().unwrap();
        let (x, y, width, height) = (number("x"), number("y"), number("width"), number("height"));
        assert!(x + width <= 24, "a dashboard is 24 wide: {widget}");
        Vec::from_iter((x..x + width).flat_map(move |column| (y..y + height).map(move |row| (column, row))))
    };
    let mut taken = BTreeSet::new();
    for widget in widgets(&Resources::when(&every_condition())) {
        for cell in cells(&widget) {
            assert!(taken.insert(cell), "{widget}");
        }
    }
}
