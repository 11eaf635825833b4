//! Batches of the dispatcher: which messages return to the queue, and with which delay.

use crate::single_function::{OnQueue, SingleFunction};
use axum::http::header::RETRY_AFTER;
use jiff::{SignedDuration, Timestamp};
use shared::delivery::probe::{ProbeEnvelope, ProbeOutcome, ProbeResult, SignedWith};
use shared::ledger::{Outcome, RecordState, key};
use std::time::Duration;
use tests::simulators::genesys_cloud::{self, WIRE, Webhook};
use tests::simulators::messaging_service::{MessagingService, Reply};
use tokio::sync::watch;

const DISPATCHER: &str = "message-dispatcher";
const ENOUGH_TIME: Duration = Duration::from_secs(30);

async fn with_service_answering(reply: Reply) -> SingleFunction {
    SingleFunction::delivering_to(MessagingService::with_handler(move |_, _| reply.clone()).await, DISPATCHER).await
}

fn new<'w>(group: &'static str, webhook: &'w Webhook) -> OnQueue<'w> {
    OnQueue { group, webhook, age: Duration::ZERO }
}

fn handle(index: usize, wait: u64) -> (String, u64) {
    (format!("r-{index}"), wait)
}

#[tokio::test]
async fn delays_double_from_one_second_with_up_to_half_as_jitter() {
    let single = with_service_answering(Reply::status(500)).await;
    let webhook = single.text();
    for longest in [1, 2, 4, 8] {
        assert_eq!(vec!["m-0"], single.dispatch(&webhook).await);
        let waits = single.waits();
        // Half a second counts as one: SQS has whole seconds only.
        assert!((longest / 2).max(1) <= waits[0].1 && waits[0].1 <= longest, "{waits:?}");
    }
    assert_eq!(4, single.service.attempts().len());
}

#[tokio::test]
async fn a_longer_retry_after_replaces_the_delay() {
    let single = with_service_answering(Reply::status(429).header(RETRY_AFTER, "77")).await;
    assert_eq!(vec!["m-0"], single.dispatch(&single.text()).await);
    assert_eq!(vec![handle(0, 77)], single.waits());
}

#[tokio::test]
async fn a_timeout_of_the_service_is_retried_with_the_same_id() {
    // It accepts the message, but responds after the timeout.
    let service = MessagingService::with_handler(|_, before| {
        Reply::status(200).after(Duration::from_secs(if before == 0 { 11 } else { 0 }))
    });
    let single = SingleFunction::delivering_to(service.await, DISPATCHER).await;
    let webhook = single.text();
    assert_eq!(vec!["m-0"], single.dispatch(&webhook).await);
    assert!(single.dispatch(&webhook).await.is_empty());
    let attempts = single.service.attempts();
    assert_eq!(vec![&attempts[0].id; 2], attempts.iter().map(|attempt| &attempt.id).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_slow_delivery_delays_no_other_customer_of_the_batch() {
    let gate = watch::Sender::new(false);
    let opened = gate.subscribe();
    let service = MessagingService::with_handler(move |attempt, _| {
        let reply = Reply::status(200);
        if attempt.customer() == "slow" { reply.through(opened.clone()) } else { reply }
    });
    let single = SingleFunction::delivering_to(service.await, DISPATCHER).await;
    let slow = genesys_cloud::text(&single.integration, "slow", "1");
    let quick = genesys_cloud::text(&single.integration, "quick", "2");
    let batch = [new("slow", &slow), new("quick", &quick)];
    let quick_is_deleted = async {
        single.aws.wait_for("DeleteMessageBatch").await;
        gate.send_replace(true);
    };
    let (returned, ()) = tokio::join!(single.dispatch_all(&batch, ENOUGH_TIME), quick_is_deleted);
    assert!(returned.is_empty(), "{returned:?}");
    let deleted = single.aws.take_calls().into_iter().find(|call| call.operation == "DeleteMessageBatch").unwrap();
    let handles: Vec<_> =
        deleted.input["Entries"].as_array().unwrap().iter().map(|entry| &entry["ReceiptHandle"]).collect();
    assert_eq!(vec!["r-1"], handles, "the fast customer's group is released while the slow one is being delivered");
}

#[tokio::test]
async fn the_rest_of_a_failed_messages_group_returns_to_the_queue_with_it_and_other_customers_do_not() {
    let service =
        MessagingService::with_handler(|attempt, _| Reply::status(if attempt.text() == "2" { 503 } else { 200 }));
    let single = SingleFunction::delivering_to(service.await, DISPATCHER).await;
    let text = |customer: &str, number: &str| genesys_cloud::text(&single.integration, customer, number);
    let (one, two, three, four) = (text("a", "1"), text("a", "2"), text("a", "3"), text("b", "4"));
    let batch = [new("a", &one), new("a", &two), new("b", &four), new("a", &three)];
    assert_eq!(vec!["m-1", "m-3"], single.dispatch_all(&batch, ENOUGH_TIME).await);
    assert_eq!(vec![handle(1, 1), handle(3, 1)], single.waits());
    let mut tried: Vec<_> = single.service.attempts().iter().map(|attempt| attempt.text().to_owned()).collect();
    tried.sort();
    assert_eq!(vec!["1", "2", "4"], tried, "the third was not attempted");
}

#[tokio::test]
async fn no_delivery_starts_that_could_not_finish_in_time() {
    let single = SingleFunction::start(DISPATCHER).await;
    let webhook = single.text();
    assert_eq!(vec!["m-0"], single.dispatch_all(&[new("a", &webhook)], Duration::from_secs(15)).await);
    assert_eq!(vec![handle(0, 0)], single.waits());
    assert!(single.service.attempts().is_empty());
}

#[tokio::test]
async fn an_expired_message_is_attempted_once_more_and_given_up() {
    let single = with_service_answering(Reply::status(503)).await;
    let webhook = single.text();
    let old = OnQueue { age: Duration::from_secs(6 * 3600 + 1), ..new("a", &webhook) };
    assert!(single.dispatch_all(&[old], ENOUGH_TIME).await.is_empty());
    let record = single.stack.settled(&single.integration, &single.service.attempts()[0].id).await;
    assert_eq!(Outcome::Failed, record.outcome);
    assert!(record.response.unwrap().starts_with(r#"{"reason":"expired""#));
}

#[tokio::test]
async fn a_failed_typing_event_is_not_retried() {
    let single = with_service_answering(Reply::status(503)).await;
    assert!(single.dispatch(&typing(&single)).await.is_empty());
    assert_eq!(1, single.service.attempts().len());
    assert!(single.dispatch(&typing(&single)).await.is_empty());
}

#[tokio::test]
async fn a_stale_typing_event_is_dropped_even_during_an_outage() {
    let single = SingleFunction::start(DISPATCHER).await;
    let mut stale = typing(&single).json();
    stale["channel"]["time"] = "2026-01-01T00:00:00.000Z".into();
    single.aws.fail_operation("GetSecretValue");
    single.aws.fail_operation("UpdateItem");
    assert!(single.dispatch(&Webhook::new(stale.to_string())).await.is_empty());
    assert!(single.service.attempts().is_empty());
}

#[tokio::test]
async fn a_message_of_a_removed_integration_is_kept_for_three_days() {
    let single = SingleFunction::start(DISPATCHER).await;
    single.integration.remove().await;
    let webhook = single.text();
    let of_age = |days: u64| OnQueue { age: Duration::from_secs(days * 24 * 3600 + 60), ..new("a", &webhook) };
    assert_eq!(vec!["m-0"], single.dispatch_all(&[of_age(2)], ENOUGH_TIME).await);
    assert!(single.dispatch_all(&[of_age(3)], ENOUGH_TIME).await.is_empty());
}

fn typing(single: &SingleFunction) -> Webhook {
    let sample = WIRE.iter().find(|sample| sample.name == "typing").unwrap();
    sample.fill(&single.integration.integration_id, "c")
}

#[tokio::test]
async fn a_test_delivery_is_attempted_once_whatever_the_response_and_the_receive_count() {
    let service = MessagingService::with_handler(|_, _| Reply::status(503)).await;
    let single = SingleFunction::delivering_to(service, "message-dispatcher").await;
    let name = &single.integration.name;
    let probe = ProbeEnvelope::new(name.clone(), SignedWith::All, Timestamp::now());
    for _ in 0..2 {
        assert!(single.dispatch_body(&probe.to_json().unwrap()).await.is_empty());
    }
    assert_eq!(1, single.service.attempts().len());
    let entry = single.stack.ledger().get(&key::probe(name, &probe.probe)).await.unwrap().unwrap();
    let RecordState::Completed(record) = entry.state else { panic!("{entry:?}") };
    let result = ProbeResult::from_stored(&record.response.unwrap()).unwrap();
    assert_eq!(ProbeOutcome::Answered(503), result.outcome);
    assert!(result.version.is_some());
}

#[tokio::test]
async fn a_test_delivery_older_than_ten_minutes_is_dropped() {
    let single = with_service_answering(Reply::status(200)).await;
    let asked_at = Timestamp::now() - SignedDuration::from_mins(11);
    let probe = ProbeEnvelope::new(single.integration.name.clone(), SignedWith::All, asked_at);
    assert!(single.dispatch_body(&probe.to_json().unwrap()).await.is_empty());
    assert!(single.service.attempts().is_empty());
}
