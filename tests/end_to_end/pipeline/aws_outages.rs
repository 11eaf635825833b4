//! AWS is unreachable: a single function behind a proxy that fails operations.

use crate::single_function::SingleFunction;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tests::harness::caller::Request;
use tests::simulators::genesys_cloud::api::GenesysCloud;
use tests::simulators::genesys_cloud::{self, Webhook};
use tests::simulators::highlevel;
use tests::simulators::messaging_service::{MessagingService, Reply, WAIT_TIMEOUT};
use tokio::sync::watch;

#[tokio::test]
async fn a_warm_webhook_costs_one_call_to_aws() {
    let single = SingleFunction::start("webhook-receiver").await;
    assert_eq!(200, single.post(&single.text()).await.0);
    assert_eq!(vec!["GetSecretValue", "SendMessage"], single.aws.take_operations());
    for _ in 0..3 {
        assert_eq!(200, single.post(&single.text()).await.0);
        assert_eq!(vec!["SendMessage"], single.aws.take_operations());
    }
}

#[tokio::test]
async fn an_unknown_integration_costs_one_call_to_aws() {
    let single = SingleFunction::start("webhook-receiver").await;
    for _ in 0..3 {
        assert_eq!(404, single.post_to("unheard-of", &single.text()).await.0);
    }
    assert_eq!(vec!["GetSecretValue"], single.aws.take_operations());
}

#[tokio::test]
async fn three_hundred_unknown_names_cost_a_function_no_more_reads_than_its_budget() {
    let single = SingleFunction::start("webhook-receiver").await;
    assert_eq!(200, single.post(&single.text()).await.0);
    let (started_at, mut answers) = (Instant::now(), Vec::new());
    for number in 0..300 {
        answers.push(single.post_to(&format!("made-up-{number}"), &single.text()).await);
    }
    let seconds = usize::try_from(started_at.elapsed().as_secs()).unwrap() + 1;
    let reads = single.aws.take_operations().iter().filter(|operation| *operation == "GetSecretValue").count();
    assert!(reads <= 1 + 20 + seconds, "{reads} reads in {seconds} seconds");
    for (status, answer) in &answers {
        let expected = if *status == 404 { "integration-not-found" } else { "unavailable" };
        assert_eq!(json!(format!("urn:patchbay:problem:{expected}")), answer["type"]);
    }
    assert_eq!(
        reads - 1,
        answers.iter().filter(|(status, _)| *status == 404).count(),
        "no other integration is reported as unknown"
    );
    // Cached integrations are not affected. A new one is found as soon as the budget allows.
    assert_eq!(200, single.post(&single.text()).await.0);
    let new = single.stack.integration(&single.service.url, |_| {}).await;
    let webhook = genesys_cloud::text(&new, "c", "hello");
    let found = async { while single.post_to(new.name.as_str(), &webhook).await.0 != 200 {} };
    tokio::time::timeout(WAIT_TIMEOUT, found).await.expect("the new integration is found");
}

#[tokio::test]
async fn a_malformed_signature_header_forces_no_read() {
    let single = SingleFunction::start("webhook-receiver").await;
    assert_eq!(401, single.post(&Webhook { signature: None, ..single.text() }).await.0);
    assert_eq!(vec!["GetSecretValue"], single.aws.take_operations());
}

#[tokio::test]
async fn forged_webhooks_force_one_fresh_read_of_the_secret() {
    let single = SingleFunction::start("webhook-receiver").await;
    for _ in 0..3 {
        assert_eq!(401, single.post(&single.text().signed_with("not-the-right-one")).await.0);
    }
    assert_eq!(vec!["GetSecretValue", "GetSecretValue"], single.aws.take_operations());
}

#[tokio::test]
async fn nothing_is_acknowledged_while_the_queue_is_unreachable() {
    let single = SingleFunction::start("webhook-receiver").await;
    single.aws.fail_operation("SendMessage");
    let webhook = single.text();
    let (status, body) = single.post(&webhook).await;
    assert_eq!((503, &json!("urn:patchbay:problem:unavailable")), (status, &body["type"]));
    single.aws.restore();
    assert_eq!(200, single.post(&webhook).await.0);
    single.service.wait_for(&webhook.id()).await;
}

#[tokio::test]
async fn without_secrets_nothing_is_acknowledged_and_with_cached_ones_everything_works() {
    let single = SingleFunction::start("webhook-receiver").await;
    single.aws.fail_operation("GetSecretValue");
    assert_eq!(503, single.post(&single.text()).await.0);

    let single = SingleFunction::start("webhook-receiver").await;
    assert_eq!(200, single.post(&single.text()).await.0);
    single.aws.fail_operation("GetSecretValue");
    assert_eq!(200, single.post(&single.text()).await.0);
    for _ in 0..2 {
        // Without a fresh read, a forged signature cannot be distinguished from one with a rotated secret.
        assert_eq!(503, single.post(&single.text().signed_with("forged-or-rotated")).await.0);
    }
}

/// HighLevel repeats a 429 under both of its published policies, and a 503 under one of them.
#[tokio::test]
async fn highlevel_is_asked_to_retry_with_429_while_nothing_can_be_stored() {
    let single = SingleFunction::start("webhook-receiver").await;
    let keys = highlevel::Keys::generate();
    let location = highlevel::integration(&single.stack, &keys, &single.service.url, |_| {}).await;
    let body = highlevel::Sample::wire("sms").fill(&location.integration_id, "contact-17");
    let raw = body.to_string();
    let post = async |keys: &highlevel::Keys| {
        let signature = keys.signature(raw.as_bytes());
        single.post_signed(location.name.as_str(), &raw, &[("x-ghl-signature", &*signature)]).await
    };
    let assert_to_be_retried = |(status, answer): (u64, Value)| {
        assert_eq!((429, &json!("urn:patchbay:problem:unavailable")), (status, &answer["type"]));
        assert_eq!(json!(429), answer["status"]);
    };
    // The integration is not known yet: its platform is known by the header.
    single.aws.fail_operation("GetSecretValue");
    assert_to_be_retried(post(&keys).await);
    single.aws.restore();
    single.aws.fail_operation("SendMessage");
    assert_to_be_retried(post(&keys).await);
    // A fresh read could have another key.
    single.aws.fail_operation("GetSecretValue");
    assert_to_be_retried(post(&highlevel::Keys::generate()).await);
    single.aws.restore();
    assert_eq!(200, post(&keys).await.0);
    single.service.wait_for(body["messageId"].as_str().unwrap()).await;
}

#[tokio::test]
async fn errors_of_the_configuration_are_not_revealed_to_the_platform() {
    let single = SingleFunction::start("webhook-receiver").await;
    let faulty =
        single.stack.integration(&single.service.url, |configuration| configuration["colour"] = "red".into()).await;
    let (status, body) = single.post_to(faulty.name.as_str(), &single.text()).await;
    assert_eq!(503, status);
    assert!(!body.to_string().contains("colour"), "{body}");
}

#[tokio::test]
async fn nothing_is_delivered_while_the_ledger_is_unreachable() {
    let single = SingleFunction::start("message-dispatcher").await;
    let webhook = single.text();
    single.aws.fail_operation("UpdateItem");
    assert_eq!(vec!["m-0"], single.dispatch(&webhook).await);
    assert!(single.service.attempts().is_empty());
    single.aws.restore();
    assert!(single.dispatch(&webhook).await.is_empty());
    assert_eq!(webhook.id(), single.service.attempts()[0].message_id());
}

#[tokio::test]
async fn a_message_returns_to_the_queue_while_its_configuration_is_unreachable() {
    let single = SingleFunction::start("message-dispatcher").await;
    single.aws.fail_operation("GetSecretValue");
    assert_eq!(vec!["m-0"], single.dispatch(&single.text()).await);
    assert!(single.service.attempts().is_empty());
}

/// Dispatches a message with this receive count, and returns the visibility timeout that is set.
async fn wait_after(single: &SingleFunction, webhook: &Webhook, receives: usize) -> u64 {
    let _ = single.waits();
    assert_eq!(vec!["m-0"], single.dispatch_received(webhook, receives).await);
    let mut waits = single.waits();
    // The SDK repeats a call whose answer is late.
    waits.dedup();
    assert_eq!(1, waits.len(), "{waits:?}");
    waits[0].1
}

#[tokio::test]
async fn an_error_of_dynamodb_is_retried_within_seconds_and_does_not_count_as_an_attempt() {
    let service = MessagingService::with_handler(|_, before| Reply::status(if before < 5 { 500 } else { 200 })).await;
    let single = SingleFunction::delivering_to(service, "message-dispatcher").await;
    let webhook = single.text();
    for receives in 1..=4 {
        wait_after(&single, &webhook, receives).await;
    }
    single.aws.fail_operation("UpdateItem");
    for receives in 5..=8 {
        let wait = wait_after(&single, &webhook, receives).await;
        assert!((2..=4).contains(&wait), "{wait}");
    }
    single.aws.restore();
    let wait = wait_after(&single, &webhook, 9).await;
    assert!((8..=16).contains(&wait), "it is the fifth attempt: {wait}");
    assert!(single.dispatch_received(&webhook, 10).await.is_empty());
    assert_eq!(6, single.service.attempts().len());
}

#[tokio::test]
async fn an_error_of_secrets_manager_is_retried_within_seconds_whatever_the_receive_count() {
    let single = SingleFunction::start("message-dispatcher").await;
    let webhook = single.text();
    single.aws.fail_operation("GetSecretValue");
    let wait = wait_after(&single, &webhook, 12).await;
    assert!((2..=4).contains(&wait), "{wait}");
    single.aws.restore();
    assert!(single.dispatch_received(&webhook, 13).await.is_empty());
    single.service.wait_for(&webhook.id()).await;
}

#[tokio::test]
async fn a_receipt_that_cannot_be_queued_delays_its_customer_by_seconds() {
    let on_accept = |configuration: &mut Value| configuration["delivery"]["receipts"] = "on-accept".into();
    let single = SingleFunction::configured(MessagingService::start().await, "message-dispatcher", on_accept).await;
    let webhook = single.text();
    single.aws.fail_operation("SendMessage");
    let wait = wait_after(&single, &webhook, 12).await;
    assert!((2..=4).contains(&wait), "{wait}");
    single.aws.restore();
    assert!(single.dispatch_received(&webhook, 13).await.is_empty());
    assert_eq!(1, single.service.attempts().len());
}

#[tokio::test]
async fn the_visibility_timeout_is_set_as_soon_as_the_queue_is_back() {
    let single = SingleFunction::delivering_to(
        MessagingService::with_handler(|_, _| Reply::status(500)).await,
        "message-dispatcher",
    );
    let single = single.await;
    // The SDK itself tries twice.
    single.aws.fail_next("ChangeMessageVisibilityBatch", 3);
    assert_eq!(vec!["m-0"], single.dispatch(&single.text()).await);
    assert_eq!(vec![("r-0".to_owned(), 1); 4], single.waits());
}

#[tokio::test]
async fn a_lease_is_released_as_soon_as_the_ledger_is_back() {
    let (gate, closed) = watch::channel(false);
    let service = MessagingService::with_handler(move |_, before| match before {
        0 => Reply::status(500).through(closed.clone()),
        _ => Reply::status(200),
    });
    let single = SingleFunction::delivering_to(service.await, "message-dispatcher").await;
    let webhook = single.text();
    let outage = async {
        single.service.wait_until(|attempts| attempts.len() == 1).await;
        // The SDK itself tries twice.
        single.aws.fail_next("UpdateItem", 3);
        gate.send(true).unwrap();
    };
    let (went_back, ()) = tokio::join!(single.dispatch(&webhook), outage);
    assert_eq!(vec!["m-0"], went_back);
    assert!(single.dispatch_received(&webhook, 2).await.is_empty(), "it is free at once");
    assert_eq!(2, single.service.attempts().len());
}

/// Dispatches a text and returns the calls of AWS. The circuit is read again after an answer that comes more than a second
/// after the first read: only a slow dispatch may do that.
async fn operations_of_a_delivery(single: &SingleFunction) -> Vec<String> {
    let started_at = Instant::now();
    assert!(single.dispatch(&single.text()).await.is_empty());
    let mut operations = single.aws.take_operations();
    if started_at.elapsed() > Duration::from_secs(1) {
        operations.pop_if(|operation| operation == "BatchGetItem");
    }
    operations
}

#[tokio::test]
async fn a_delivery_costs_one_read_and_two_writes_of_the_ledger() {
    let single = SingleFunction::start("message-dispatcher").await;
    let first = ["BatchGetItem", "GetSecretValue", "UpdateItem", "UpdateItem"];
    assert_eq!(first.to_vec(), operations_of_a_delivery(&single).await);
    assert_eq!(vec!["BatchGetItem", "UpdateItem", "UpdateItem"], operations_of_a_delivery(&single).await);
}

#[tokio::test]
async fn a_customers_signed_message_costs_four_writes_to_the_ledger_and_one_without_a_key_two() {
    let platform = GenesysCloud::start().await;
    let change = |configuration: &mut Value| platform.host(configuration);
    let single = SingleFunction::configured(MessagingService::start().await, "inbound-sender", change).await;
    let message = |id: &str| {
        let from = json!({"id": "customer-1"});
        Request::new(&json!({"messageId": id, "from": from, "time": "2026-01-02T03:04:05Z", "text": "Hello"}))
    };
    for (request, writes) in [(message("m-1").signed(), 4), (message("m-2").with_bearer_token(), 2)] {
        assert_eq!(200, single.request("inbound/messages", &request).await.0);
        let written = single.aws.take_operations().into_iter().filter(|operation| *operation == "UpdateItem").count();
        assert_eq!(writes, written);
    }
}
