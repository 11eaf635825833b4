//! Failed messages are kept: parked before they are acknowledged, with the reason. No other message is parked.

use crate::single_function::{OnQueue, SingleFunction};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::delivery::envelope::{ReceiptEnvelope, Replay};
use shared::delivery::id::DeliveryId;
use shared::ledger::{Acceptance, Acquire, FailedAttempt, LeaseRequest, OnExpiredLease, Outcome, RecordState, key};
use std::time::Duration;
use tests::harness::command::Command;
use tests::harness::stack::FAILED_MESSAGES;
use tests::simulators::genesys_cloud::{self, WIRE, Webhook};
use tests::simulators::messaging_service::{MessagingService, Reply};

const DISPATCHER: &str = "message-dispatcher";
const ENOUGH_TIME: Duration = Duration::from_secs(30);

async fn with_service_answering(status: u16) -> SingleFunction {
    SingleFunction::delivering_to(MessagingService::with_handler(move |_, _| Reply::status(status)).await, DISPATCHER)
        .await
}

/// The messages on the parking queue and the receipts on the message queue since the last call.
fn sent(single: &SingleFunction) -> (Vec<Value>, Vec<Value>) {
    let parking_queue = std::env::var("PARKING_QUEUE_URL").unwrap();
    let calls = single.aws.take_calls().into_iter().filter(|call| call.operation == "SendMessage");
    let (parked, others): (Vec<_>, Vec<_>) = calls.partition(|call| call.input["QueueUrl"] == parking_queue.as_str());
    let bodies = |calls: Vec<tests::harness::aws_proxy::Call>| {
        calls.iter().map(|call| serde_json::from_str(call.input["MessageBody"].as_str().unwrap()).unwrap()).collect()
    };
    (bodies(parked), bodies(others))
}

fn typing(single: &SingleFunction) -> Webhook {
    let sample = WIRE.iter().find(|sample| sample.name == "typing").unwrap();
    sample.fill(&single.integration.integration_id, "c")
}

#[tokio::test]
async fn each_final_status_parks_the_message_and_becomes_a_failed_receipt() {
    for (status, reason, code) in [
        (400, "refused", "InvalidMessageStructure"),
        (410, "gone", "InvalidDestination"),
        (413, "refused", "InvalidMediaContentLength"),
        (422, "refused", "InvalidMessageStructure"),
    ] {
        let single = with_service_answering(status).await;
        let webhook = single.text();
        assert!(single.dispatch(&webhook).await.is_empty());
        let (parked, receipts) = sent(&single);
        let [parked] = parked.as_slice() else { panic!("{status}: {parked:?}") };
        assert_eq!(
            (json!(reason), json!(status), json!(single.service.attempts()[0].id), json!("g")),
            (parked["reason"].clone(), parked["status"].clone(), parked["webhookId"].clone(), parked["group"].clone())
        );
        assert_eq!(webhook.json(), parked["envelope"]["original"]);
        assert_eq!(json!(single.integration.name.as_str()), parked["envelope"]["integration"]);
        let receipt = &receipts[0]["receipt"];
        assert_eq!((&json!("Failed"), &json!(code)), (&receipt["status"], &receipt["reasons"][0]["code"]), "{status}");
    }
}

#[tokio::test]
async fn a_message_of_a_million_bytes_is_parked_and_replayed_whole() {
    let service = MessagingService::with_handler(|_, before| Reply::status(if before == 0 { 413 } else { 200 })).await;
    let single = SingleFunction::delivering_to(service, DISPATCHER).await;
    let mut json = single.text().json();
    let missing = 1_000_000 - json.to_string().len() + "hello".len();
    json["text"] = "x".repeat(missing).into();
    let webhook = Webhook::new(json.to_string());
    assert_eq!(1_000_000, webhook.body.len());
    assert!(single.dispatch_envelope(&single.envelope(&webhook, Duration::ZERO)).await.is_empty());
    let _alone = FAILED_MESSAGES.lock().await;
    let replay = ["--json", "failed", "replay", "--yes", "--integration", single.integration.name.as_str()];
    assert_eq!(json!(1), Command::new(&replay).run().await.succeeded().json()["replayed"]);
    assert_eq!(missing, single.service.wait_for(&webhook.id()).await.text().len());
}

#[tokio::test]
async fn a_message_that_is_given_up_is_parked() {
    let single = with_service_answering(503).await;
    let webhook = single.text();
    let old = OnQueue { group: "g", webhook: &webhook, age: Duration::from_secs(6 * 3600 + 1) };
    assert!(single.dispatch_all(&[old], ENOUGH_TIME).await.is_empty());
    let (parked, receipts) = sent(&single);
    assert_eq!((1, 1), (parked.len(), receipts.len()));
    assert_eq!((&json!("expired"), None), (&parked[0]["reason"], parked[0].get("status")));
}

#[tokio::test]
async fn a_message_whose_integration_was_removed_too_long_ago_is_parked() {
    let single = SingleFunction::start(DISPATCHER).await;
    single.integration.remove().await;
    let webhook = single.text();
    let old = OnQueue { group: "g", webhook: &webhook, age: Duration::from_secs(3 * 24 * 3600 + 60) };
    assert!(single.dispatch_all(&[old], ENOUGH_TIME).await.is_empty());
    let (parked, receipts) = sent(&single);
    assert_eq!((1, 0), (parked.len(), receipts.len()), "without the integration, no receipt can be posted");
    assert_eq!(json!("orphaned"), parked[0]["reason"]);
}

/// Work under this key fails, and is retried.
async fn fail(single: &SingleFunction, key: &str) {
    let (ledger, now) = (single.stack.ledger(), Timestamp::now());
    let request = LeaseRequest { key, now, until: now, fingerprint: None, on_expired_lease: OnExpiredLease::Reclaim };
    let Acquire::Acquired(lease) = ledger.acquire(request).await.unwrap() else { panic!("{key}") };
    let failed = FailedAttempt {
        attempt: 1,
        at: now,
        reason: "status 503".to_owned(),
        next_attempt_at: now,
        gives_up_at: now,
        received_at: now,
        kind: "Text".to_owned(),
        message_id: "m".to_owned(),
        conversation_id: None,
        group: "g".to_owned(),
    };
    ledger.release_failed(&lease, now, Acceptance::Possible, &failed).await.unwrap();
}

#[tokio::test]
async fn nothing_of_an_integration_that_was_removed_too_long_ago_is_retried_any_more() {
    let single = SingleFunction::start(DISPATCHER).await;
    single.integration.remove().await;
    let (webhook, age) = (single.text(), Duration::from_secs(3 * 24 * 3600 + 60));
    let envelope = single.envelope(&webhook, age);
    let id = DeliveryId::new(&envelope.integration, &envelope.message().unwrap());
    let delivery = key::delivery(&envelope.integration, id.digest().as_str());
    let receipt = json!({
        "messageId": "m", "to": {"id": "c"}, "status": "Delivered", "time": Timestamp::now(), "isFinal": true,
    });
    let receipt = ReceiptEnvelope {
        integration: envelope.integration.clone(),
        received_at: Timestamp::now() - age,
        receipt: serde_json::from_value(receipt).unwrap(),
        provider: None,
    };
    let keys = [delivery, key::receipt(&envelope.integration, &receipt.deduplication_id())];
    for key in &keys {
        fail(&single, key).await;
    }
    let ledger = single.stack.ledger();
    let retried = async || ledger.failing(&envelope.integration, Timestamp::MIN, 10).await.unwrap().items.len();
    assert_eq!(2, retried().await);

    assert!(single.dispatch_envelope(&envelope).await.is_empty());
    assert!(single.dispatch_body(&receipt.to_json().unwrap()).await.is_empty());
    assert_eq!(0, retried().await);
    for key in &keys {
        let record = ledger.get(key).await.unwrap().unwrap();
        let RecordState::Completed(completed) = &record.state else { panic!("{record:?}") };
        assert_eq!(Outcome::Failed, completed.outcome, "{key}");
    }
    let (parked, receipts) = sent(&single);
    assert_eq!((1, 0), (parked.len(), receipts.len()));
    assert_eq!(
        (json!("orphaned"), json!(id.to_string())),
        (parked[0]["reason"].clone(), parked[0]["webhookId"].clone())
    );
}

#[tokio::test]
async fn a_copy_of_a_delivered_message_is_not_parked_when_its_integration_was_removed() {
    let single = SingleFunction::start(DISPATCHER).await;
    single.integration.remove().await;
    let webhook = single.text();
    let envelope = single.envelope(&webhook, Duration::from_secs(3 * 24 * 3600 + 60));
    let id = DeliveryId::new(&envelope.integration, &envelope.message().unwrap());
    let key = key::delivery(&envelope.integration, id.digest().as_str());
    let (ledger, now) = (single.stack.ledger(), Timestamp::now());
    let request =
        LeaseRequest { key: &key, now, until: now, fingerprint: None, on_expired_lease: OnExpiredLease::Reclaim };
    let Acquire::Acquired(lease) = ledger.acquire(request).await.unwrap() else { panic!("{key}") };
    ledger.complete(&lease, now, Outcome::Succeeded, None).await.unwrap();
    assert!(single.dispatch_envelope(&envelope).await.is_empty());
    assert_eq!(0, sent(&single).0.len());
}

#[tokio::test]
async fn a_typing_event_is_never_parked() {
    for status in [400, 503] {
        let single = with_service_answering(status).await;
        assert!(single.dispatch(&typing(&single)).await.is_empty());
        assert_eq!((1, 0), (single.service.attempts().len(), sent(&single).0.len()), "{status}");
    }
}

#[tokio::test]
async fn delivered_and_retried_messages_are_not_parked() {
    let service = MessagingService::with_handler(|_, before| Reply::status(if before == 0 { 503 } else { 200 })).await;
    let single = SingleFunction::delivering_to(service, DISPATCHER).await;
    let webhook = single.text();
    assert_eq!(vec!["m-0"], single.dispatch(&webhook).await);
    assert!(single.dispatch(&webhook).await.is_empty());
    assert_eq!((2, 0), (single.service.attempts().len(), sent(&single).0.len()));
}

#[tokio::test]
async fn nothing_is_parked_when_keeping_is_switched_off() {
    let service = MessagingService::with_handler(|_, _| Reply::status(422)).await;
    let single = SingleFunction::with_environment(service, DISPATCHER, &[("PARKING_QUEUE_URL", "none")]).await;
    assert!(single.dispatch(&single.text()).await.is_empty());
    let (parked, receipts) = sent(&single);
    assert_eq!((0, 1), (parked.len(), receipts.len()));
}

#[tokio::test]
async fn a_failed_message_stays_on_the_queue_while_the_parking_setting_is_unknown() {
    let service = MessagingService::with_handler(|_, _| Reply::status(422)).await;
    let single = SingleFunction::with_environment(service, DISPATCHER, &[("PARKING_QUEUE_URL", "")]).await;
    assert_eq!(vec!["m-0"], single.dispatch(&single.text()).await);
}

#[tokio::test]
async fn a_failed_message_that_could_not_be_parked_stays_on_the_queue() {
    let single = with_service_answering(422).await;
    let webhook = single.text();
    single.aws.fail_operation("SendMessage");
    assert_eq!(vec!["m-0"], single.dispatch(&webhook).await);
    single.aws.restore();
    let _ = sent(&single);
    assert!(single.dispatch_again(&webhook).await.is_empty());
    let (parked, receipts) = sent(&single);
    assert_eq!((1, 1), (parked.len(), receipts.len()));
    assert_eq!((json!("refused"), json!(422)), (parked[0]["reason"].clone(), parked[0]["status"].clone()));
    assert_eq!(1, single.service.attempts().len(), "the delivery itself was not repeated");
}

#[tokio::test]
async fn a_message_that_a_killed_dispatcher_recorded_as_failed_is_parked_whatever_its_receive_count() {
    let single = SingleFunction::start(DISPATCHER).await;
    let webhook = single.text();
    let identity = message_identity(&single, &webhook);
    let (ledger, now) = (single.stack.ledger(), Timestamp::now());
    let key = key::delivery(&single.integration.name, &identity);
    let until = now + SignedDuration::from_secs(60);
    let request = LeaseRequest { key: &key, now, until, fingerprint: None, on_expired_lease: OnExpiredLease::Reclaim };
    let Acquire::Acquired(lease) = ledger.acquire(request).await.unwrap() else { panic!("it is free") };
    let record = r#"{"reason":"refused","status":413,"receipt":{"status":"Failed","reasons":["GeneralError"]}}"#;
    ledger.complete(&lease, now, Outcome::Failed, Some(record)).await.unwrap();

    // A redriven dead letter has a receive count of one again.
    for receives in [1, 2] {
        assert!(single.dispatch_received(&webhook, receives).await.is_empty());
        let (parked, receipts) = sent(&single);
        assert_eq!((1, 1), (parked.len(), receipts.len()), "{receives}");
        assert_eq!(json!(413), parked[0]["status"]);
    }
    assert!(single.service.attempts().is_empty());
}

#[tokio::test]
async fn a_dispatcher_killed_between_parking_and_acknowledging_leaves_one_copy_that_is_replayed_once() {
    let service = MessagingService::with_handler(|_, before| Reply::status(if before == 0 { 422 } else { 200 })).await;
    let single = SingleFunction::delivering_to(service, DISPATCHER).await;
    let webhook = single.text();
    assert!(single.dispatch_envelope(&single.envelope(&webhook, Duration::ZERO)).await.is_empty());
    assert!(single.dispatch_again(&webhook).await.is_empty());
    assert_eq!(2, sent(&single).0.len(), "it is parked twice");
    let failed = async |what: &[&str]| {
        let command = Command::new(&["--json", "failed"]).with(what);
        command.with(&["--integration", single.integration.name.as_str()]).run().await.succeeded().json()
    };
    let _alone = FAILED_MESSAGES.lock().await;
    assert_eq!(1, failed(&["list"]).await["failed"].as_array().unwrap().len());
    assert_eq!(json!(1), failed(&["replay", "--yes"]).await["replayed"]);
    single.service.wait_for(&webhook.id()).await;
    assert_eq!(json!(0), failed(&["replay", "--yes"]).await["replayed"], "both copies are gone");
}

fn message_identity(single: &SingleFunction, webhook: &Webhook) -> String {
    let message = single.envelope(webhook, Duration::ZERO).message().unwrap();
    message.deduplication_id(&single.integration.name).as_str().to_owned()
}

/// A replay of `webhook`, which was received seven hours ago and attempted seven times.
async fn dispatch_replay(single: &SingleFunction, webhook: &Webhook, id: &str, at: Timestamp) -> Vec<String> {
    let mut envelope = single.envelope(webhook, Duration::from_secs(7 * 3600));
    envelope.replay =
        Some(Replay { id: id.to_owned(), at, sequence_number: Some("17".to_owned()), attempts_before: 7 });
    single.dispatch_envelope(&envelope).await
}

#[tokio::test]
async fn the_time_limit_and_the_backoff_of_a_replay_start_with_the_replay() {
    let single = with_service_answering(503).await;
    let webhook = single.text();
    let old = OnQueue { group: "g", webhook: &webhook, age: Duration::from_secs(7 * 3600) };
    // It is attempted several times and then given up.
    for _ in 0..6 {
        assert_eq!(vec!["m-0"], single.dispatch(&webhook).await);
    }
    assert!(single.dispatch_all(&[old], ENOUGH_TIME).await.is_empty());
    let _ = sent(&single);
    let now = Timestamp::now();
    assert_eq!(vec!["m-0"], dispatch_replay(&single, &webhook, "r-1", now).await);
    assert_eq!(vec![("r-0".to_owned(), 1)], single.waits());
    // An older replay has no time left.
    assert!(dispatch_replay(&single, &webhook, "r-1", now - SignedDuration::from_hours(7)).await.is_empty());
    let (parked, _) = sent(&single);
    assert_eq!((json!("expired"), json!("17")), (parked[0]["reason"].clone(), parked[0]["sequenceNumber"].clone()));
}

#[tokio::test]
async fn each_replay_is_delivered_exactly_once() {
    let service = MessagingService::with_handler(|_, before| Reply::status(if before < 2 { 422 } else { 200 })).await;
    let single = SingleFunction::delivering_to(service, DISPATCHER).await;
    let webhook = single.text();
    assert!(single.dispatch(&webhook).await.is_empty());
    let now = Timestamp::now();
    // A copy of a failed message may exist because the failed message was not parked.
    for (replay, attempts, parked) in [("r-1", 2, 1), ("r-1", 2, 1), ("r-2", 3, 0), ("r-2", 3, 0), ("r-3", 3, 0)] {
        let _ = sent(&single);
        assert!(dispatch_replay(&single, &webhook, replay, now).await.is_empty());
        assert_eq!((attempts, parked), (single.service.attempts().len(), sent(&single).0.len()), "{replay}");
    }
    let attempts = single.service.attempts();
    assert!(attempts.iter().all(|attempt| (&attempt.id, attempt.text()) == (&attempts[0].id, "hello")));
}

#[tokio::test]
async fn a_refused_signature_reloads_the_configuration_once_in_ten_seconds() {
    let service = MessagingService::with_handler(|attempt, _| {
        Reply::status(match (attempt.path.as_str(), attempt.text()) {
            (_, "first") => 200,
            ("/messages", _) => 401,
            _ => 200,
        })
    })
    .await;
    let single = SingleFunction::delivering_to(service, DISPATCHER).await;
    let text = |text: &str| genesys_cloud::text(&single.integration, "c", text);
    let reads = || single.aws.take_operations().iter().filter(|operation| *operation == "GetSecretValue").count();
    assert!(single.dispatch(&text("first")).await.is_empty());
    assert_eq!(1, reads());
    let webhook = text("second");
    assert_eq!(vec!["m-0"], single.dispatch(&webhook).await);
    assert_eq!(1, reads());
    assert_eq!(vec!["m-0"], single.dispatch(&webhook).await);
    assert_eq!(0, reads(), "not again so soon");
}

#[tokio::test]
async fn after_a_refused_signature_the_next_attempt_uses_the_current_configuration() {
    for status in [401, 403] {
        let service = MessagingService::with_handler(move |attempt, _| {
            Reply::status(if attempt.path == "/messages" && attempt.text() == "second" { status } else { 200 })
        })
        .await;
        let single = SingleFunction::delivering_to(service, DISPATCHER).await;
        let text = |text: &str| genesys_cloud::text(&single.integration, "c", text);
        assert!(single.dispatch(&text("first")).await.is_empty());
        single.integration.configure(&single.integration.configuration(&single.service.at("/rotated"))).await;
        let webhook = text("second");
        assert_eq!(vec!["m-0"], single.dispatch(&webhook).await);
        assert!(single.dispatch(&webhook).await.is_empty());
        let paths: Vec<_> = single.service.attempts().into_iter().map(|attempt| attempt.path).collect();
        assert_eq!(vec!["/messages", "/messages", "/rotated"], paths);
    }
}
