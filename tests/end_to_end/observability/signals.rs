//! The signals for an operator: one line for the end of each request and message, with ids that connect them, and
//! metrics under the names that alarms and dashboards use.

use super::run::{Counted, counted_until, run};
use crate::fixtures::WithPlatform;
use crate::observability::logs::log_with;
use serde_json::{Value, json};
use shared::observability::metrics::{Event, Metric};
use std::collections::BTreeSet;
use tests::harness::caller::Request;
use tests::harness::stack::Stack;
use tests::simulators::messaging_service::MessagingService;
use tests::simulators::multicloud_cx::api::MulticloudCx;
use tests::simulators::multicloud_cx::{self, sample};
use tests::spec::template::{Named, has_set, words};
use uuid::Uuid;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_real_run_is_counted_under_the_published_names_units_and_dimensions() {
    run().await;
    let counted = counted_until(|counted| Event::METRICS.iter().flat_map(|metric| missing(metric, counted)).collect());
    for one in &counted.await {
        let published = Event::METRICS.into_iter().find(|metric| metric.name == one.name);
        let metric = published.unwrap_or_else(|| panic!("{one:?} is not published"));
        assert!(has_set(&metric, &one.names(), true), "{one:?}");
        assert_eq!((metric.unit, metric.dimension_sets(true).len()), (one.unit.as_str(), one.sets), "{}", metric.name);
        assert!(one.value >= 0.0, "{one:?}");
    }
}

/// The parts of the metric that were not counted.
fn missing(metric: &Metric, counted: &[Counted]) -> Vec<String> {
    let name = metric.name;
    let of_name = || counted.iter().filter(|one| one.name == name);
    let sets = metric.dimension_sets(true).into_iter().map(BTreeSet::from_iter);
    let sets = sets.filter(|set| !of_name().any(|one| *set == one.names()));
    let words = words(name).into_iter();
    let words = words.filter(|word| !of_name().any(|one| one.dimensions.values().any(|value| value == word)));
    sets.map(|set| format!("{name} {set:?}")).chain(words.map(|word| format!("{name} {word}"))).collect()
}

#[tokio::test]
async fn every_metric_that_an_alarm_or_the_dashboard_names_is_written_by_a_real_run() {
    let named: Vec<_> = Named::all().into_iter().filter(Named::is_ours).collect();
    assert!(!named.is_empty(), "the template names no metric of ours");
    run().await;
    counted_until(|counted| {
        let missing = named.iter().filter(|named| !counted.iter().any(|one| one.is(named)));
        missing.map(|named| format!("{named:?}")).collect()
    })
    .await;
}

/// The outcome lines about `integration` by function, once the outcomes of `last` are there.
async fn ends(integration: &str, last: &[(&str, &str)]) -> Vec<Value> {
    let log = log_with(integration, last).await;
    let lines = log.lines().filter(|line| line.contains(integration)).map(|line| serde_json::from_str(line).unwrap());
    let on_the_way = |line: &Value| {
        matches!(line["outcome"].as_str(), None | Some("platform_called" | "token_requested" | "file_uploaded"))
    };
    lines.filter(|line: &Value| !on_the_way(line)).collect()
}

fn of(lines: &[Value], field: &str, value: &str) -> Vec<Value> {
    lines.iter().filter(|line| line[field] == value).cloned().collect()
}

#[tokio::test]
async fn a_message_has_one_outcome_line_per_function_with_common_ids() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let platform = MulticloudCx::start().await;
    let configuration = multicloud_cx::configuration(&platform.url, "channel", &service.url);
    let integration = stack.integration_of("channel", &configuration).await;
    let webhook = sample("sms").fill("channel", "customer-1").with_trace_id(TRACE);
    let next = sample("sms").fill("channel", "customer-1");
    let answer = webhook.post(&stack, &integration).await;
    let webhook_id = service.wait_for(&webhook.id()).await.id;
    next.accepted(&stack, &integration).await;

    let name = integration.name.as_str();
    // Two processes may deliver the two messages, and their logs arrive in any order.
    let (own, next) = (webhook.id(), next.id());
    let lines = ends(name, &[(&own, "delivered"), (&next, "accepted"), (&next, "delivered")]).await;
    let lines = of(&lines, "message_id", &own);
    let [accepted, delivered] = ["accepted", "delivered"].map(|outcome| of(&lines, "outcome", outcome));
    assert_eq!((2, 1, 1), (lines.len(), accepted.len(), delivered.len()), "{lines:?}");
    for line in &lines {
        for (field, value) in
            [("integration", name), ("trace_id", TRACE), ("webhook_id", &webhook_id), ("level", "INFO")]
        {
            assert_eq!(value, line[field], "{line}");
        }
        assert!(line["milliseconds"].is_u64() && line["request_id"].is_string(), "{line}");
    }
    assert_eq!(answer.request_id.unwrap(), accepted[0]["request_id"]);
    assert!(delivered[0]["age_seconds"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn a_callers_request_has_one_outcome_line_with_all_ids() {
    let fixture = WithPlatform::start().await;
    let name = fixture.integration.name.as_str();
    let message = json!({"toAddress": "customer-1", "textBody": "hello"});
    let post = async |request: Request| request.post(&fixture.stack, &fixture.integration, "agentless").await;

    let signed_id = format!("msg_{}", Uuid::new_v4().simple());
    let request = Request::new(&message).signed_at(&signed_id, jiff::Timestamp::now());
    let answer = post(request.header("traceparent", TRACEPARENT)).await;
    let correlation_id = Uuid::new_v4().to_string();
    let key = "key-that-a-caller-has-made-up";
    let keyed = Request::new(&message).with_bearer_token().key(key);
    let second = post(keyed.header("x-correlation-id", &correlation_id)).await;
    let invalid_correlation_id = "sentence-of-a-caller";
    let refused =
        post(Request::new(&json!({})).with_bearer_token().header("x-correlation-id", invalid_correlation_id)).await;

    let lines = ends(name, &[("refused", "invalid-body"), ("answered", "crm"), ("answered", "flows")]).await;
    let line = |answer: &tests::simulators::genesys_cloud::ApiResponse| {
        let mut lines = of(&lines, "request_id", answer.request_id.as_deref().unwrap());
        assert_eq!(1, lines.len(), "{lines:?}");
        lines.remove(0)
    };
    let first = line(&answer);
    for (field, value) in [
        ("integration", json!(name)),
        ("platform", json!("genesys-cloud")),
        ("route", json!("agentless")),
        ("caller", json!("crm")),
        ("trace_id", json!(TRACE)),
        ("caller_webhook_id", json!(signed_id)),
        ("outcome", json!("answered")),
        ("status", json!(200)),
        ("replayed", json!(false)),
        ("message_id", answer.body["id"].clone()),
        ("conversation_id", answer.body["conversationId"].clone()),
    ] {
        assert_eq!(value, first[field], "{first}");
    }
    assert!(
        answer.body["id"].is_string() && answer.body["conversationId"].is_string() && first["milliseconds"].is_u64()
    );
    assert_eq!(correlation_id, line(&second)["trace_id"]);
    let third = line(&refused);
    assert_eq!(("WARN", None), (third["level"].as_str().unwrap(), third.get("trace_id")));
    let instance = format!("urn:patchbay:request:{}", third["request_id"].as_str().unwrap());
    assert_eq!(instance, refused.body["instance"]);

    // The line has the call, with the platform's id of it.
    let log = log_with(name, &[]).await;
    assert!(!log.contains(key) && !log.contains(invalid_correlation_id));
    assert!(first["correlation_id"].is_string() && first["platform_milliseconds"].is_u64(), "{first}");
    assert_eq!((json!(1.0), json!("succeeded")), (first["PlatformCalls"].clone(), first["Outcome"].clone()));
    let of_request = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_request = of_request.filter(|line| line["request_id"] == first["request_id"]);
    let outcomes: BTreeSet<_> = of_request.filter_map(|line| line["outcome"].as_str().map(str::to_owned)).collect();
    assert!(outcomes.is_subset(&BTreeSet::from(["token_requested", "answered"].map(str::to_owned))), "{outcomes:?}");
}

#[tokio::test]
async fn the_callers_trace_is_passed_on_with_a_customers_message_and_a_card() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let platform = MulticloudCx::start().await;
    let configuration = multicloud_cx::configuration(&platform.url, "channel", &service.url);
    let integration = stack.integration_of("channel", &configuration).await;
    let written =
        json!({"messageId": "m-1", "from": {"id": "customer-1"}, "text": "hello", "time": "2026-01-02T03:04:05Z"});
    let request = Request::new(&written).signed().header("traceparent", TRACEPARENT);
    let answer = request.post(&stack, &integration, "inbound/messages").await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    assert_eq!(Some(TRACE), platform.calls()[0].trace_id.as_deref());

    let cards = WithPlatform::delivering_to(&service.url, |configuration| {
        configuration["cards"] = json!({"route": "messaging-service", "textTrace": false});
    })
    .await;
    let card = json!({"to": {"id": "customer-1"}, "card": {"title": "Approval Request"}});
    let request = Request::new(&card).signed().header("x-correlation-id", TRACE);
    let answer = request.post(&cards.stack, &cards.integration, "cards").await;
    assert_eq!(202, answer.status.as_u16(), "{:?}", answer.body);
    let delivered = service.wait_for(answer.body["id"].as_str().unwrap()).await;
    assert_eq!(Some(TRACE), delivered.trace_id.as_deref());
    // The caller's line and the dispatcher's line name the delivery.
    let id = delivered.id.as_str();
    log_with(cards.integration.name.as_str(), &[("\"route\":\"cards\"", id), ("delivered", id)]).await;
}
