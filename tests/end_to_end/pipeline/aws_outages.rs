//! AWS is unreachable: a single function behind a proxy that fails operations.

use crate::single_function::Alone;
use serde_json::{Value, json};
use std::time::Instant;
use tests::harness::caller::Request;
use tests::simulators::genesys_cloud::api::GenesysCloud;
use tests::simulators::genesys_cloud::{self, Webhook};
use tests::simulators::messaging_service::{MessagingService, PATIENCE, Reply};
use tokio::sync::watch;

#[tokio::test]
async fn a_warm_webhook_costs_one_call_to_aws() {
    let alone = Alone::start("webhook-receiver").await;
    assert_eq!(200, alone.post(&alone.text()).await.0);
    assert_eq!(vec!["GetSecretValue", "SendMessage"], alone.aws.take_operations());
    for _ in 0..3 {
        assert_eq!(200, alone.post(&alone.text()).await.0);
        assert_eq!(vec!["SendMessage"], alone.aws.take_operations());
    }
}

#[tokio::test]
async fn an_unknown_integration_costs_one_call_to_aws() {
    let alone = Alone::start("webhook-receiver").await;
    for _ in 0..3 {
        assert_eq!(404, alone.post_to("unheard-of", &alone.text()).await.0);
    }
    assert_eq!(vec!["GetSecretValue"], alone.aws.take_operations());
}

#[tokio::test]
async fn three_hundred_unknown_names_cost_a_function_no_more_reads_than_its_budget() {
    let alone = Alone::start("webhook-receiver").await;
    assert_eq!(200, alone.post(&alone.text()).await.0);
    let (started_at, mut answers) = (Instant::now(), Vec::new());
    for number in 0..300 {
        answers.push(alone.post_to(&format!("made-up-{number}"), &alone.text()).await);
    }
    let seconds = usize::try_from(started_at.elapsed().as_secs()).unwrap() + 1;
    let reads = alone.aws.take_operations().iter().filter(|operation| *operation == "GetSecretValue").count();
    assert!(reads <= 1 + 20 + seconds, "{reads} reads in {seconds} seconds");
    for (status, answer) in &answers {
        let expected = if *status == 404 { "integration-not-found" } else { "unavailable" };
        assert_eq!(json!(format!("urn:patchbay:problem:{expected}")), answer["type"]);
    }
    assert_eq!(reads - 1, answers.iter().filter(|(status, _)| *status == 404).count(), "no other is called unknown");
    // Cached integrations are not affected. A new one is found as soon as the budget allows.
    assert_eq!(200, alone.post(&alone.text()).await.0);
    let new = alone.stack.integration(&alone.service.url, |_| {}).await;
    let webhook = genesys_cloud::text(&new, "c", "hello");
    let found = async { while alone.post_to(new.name.as_str(), &webhook).await.0 != 200 {} };
    tokio::time::timeout(PATIENCE, found).await.expect("the new integration is found");
}

#[tokio::test]
async fn a_malformed_signature_header_forces_no_read() {
    let alone = Alone::start("webhook-receiver").await;
    assert_eq!(401, alone.post(&Webhook { signature: None, ..alone.text() }).await.0);
    assert_eq!(vec!["GetSecretValue"], alone.aws.take_operations());
}

#[tokio::test]
async fn forged_webhooks_force_one_fresh_read_of_the_secret() {
    let alone = Alone::start("webhook-receiver").await;
    for _ in 0..3 {
        assert_eq!(401, alone.post(&alone.text().signed_with("not-the-right-one")).await.0);
    }
    assert_eq!(vec!["GetSecretValue", "GetSecretValue"], alone.aws.take_operations());
}

#[tokio::test]
async fn nothing_is_acknowledged_while_the_queue_is_unreachable() {
    let alone = Alone::start("webhook-receiver").await;
    alone.aws.cut("SendMessage");
    let webhook = alone.text();
    let (status, body) = alone.post(&webhook).await;
    assert_eq!((503, &json!("urn:patchbay:problem:unavailable")), (status, &body["type"]));
    alone.aws.restore();
    assert_eq!(200, alone.post(&webhook).await.0);
    alone.service.wait_for(&webhook.id()).await;
}

#[tokio::test]
async fn without_secrets_nothing_is_acknowledged_and_with_cached_ones_everything_works() {
    let alone = Alone::start("webhook-receiver").await;
    alone.aws.cut("GetSecretValue");
    assert_eq!(503, alone.post(&alone.text()).await.0);

    let alone = Alone::start("webhook-receiver").await;
    assert_eq!(200, alone.post(&alone.text()).await.0);
    alone.aws.cut("GetSecretValue");
    assert_eq!(200, alone.post(&alone.text()).await.0);
    for _ in 0..2 {
        // Without a fresh read, a forged signature cannot be told from one with a rotated secret.
        assert_eq!(503, alone.post(&alone.text().signed_with("forged-or-rotated")).await.0);
    }
}

#[tokio::test]
async fn errors_of_the_configuration_are_not_revealed_to_the_platform() {
    let alone = Alone::start("webhook-receiver").await;
    let faulty =
        alone.stack.integration(&alone.service.url, |configuration| configuration["colour"] = "red".into()).await;
    let (status, body) = alone.post_to(faulty.name.as_str(), &alone.text()).await;
    assert_eq!(503, status);
    assert!(!body.to_string().contains("colour"), "{body}");
}

#[tokio::test]
async fn nothing_is_delivered_while_the_ledger_is_unreachable() {
    let alone = Alone::start("message-dispatcher").await;
    let webhook = alone.text();
    alone.aws.cut("UpdateItem");
    assert_eq!(vec!["m-0"], alone.dispatch(&webhook).await);
    assert!(alone.service.attempts().is_empty());
    alone.aws.restore();
    assert!(alone.dispatch(&webhook).await.is_empty());
    assert_eq!(webhook.id(), alone.service.attempts()[0].message_id());
}

#[tokio::test]
async fn a_message_returns_to_the_queue_while_its_configuration_is_unreachable() {
    let alone = Alone::start("message-dispatcher").await;
    alone.aws.cut("GetSecretValue");
    assert_eq!(vec!["m-0"], alone.dispatch(&alone.text()).await);
    assert!(alone.service.attempts().is_empty());
}

/// Dispatches a message with this receive count, and returns the visibility timeout that is set.
async fn wait_after(alone: &Alone, webhook: &Webhook, receives: usize) -> u64 {
    let _ = alone.waits();
    assert_eq!(vec!["m-0"], alone.dispatch_received(webhook, receives).await);
    let waits = alone.waits();
    assert_eq!(1, waits.len(), "{waits:?}");
    waits[0].1
}

#[tokio::test]
async fn an_error_of_dynamodb_is_retried_within_seconds_and_does_not_count_as_an_attempt() {
    let service = MessagingService::behaving(|_, before| Reply::status(if before < 5 { 500 } else { 200 })).await;
    let alone = Alone::delivering_to(service, "message-dispatcher").await;
    let webhook = alone.text();
    for receives in 1..=4 {
        wait_after(&alone, &webhook, receives).await;
    }
    alone.aws.cut("UpdateItem");
    for receives in 5..=8 {
        let wait = wait_after(&alone, &webhook, receives).await;
        assert!((2..=4).contains(&wait), "{wait}");
    }
    alone.aws.restore();
    let wait = wait_after(&alone, &webhook, 9).await;
    assert!((8..=16).contains(&wait), "it is the fifth attempt: {wait}");
    assert!(alone.dispatch_received(&webhook, 10).await.is_empty());
    assert_eq!(6, alone.service.attempts().len());
}

#[tokio::test]
async fn an_error_of_secrets_manager_is_retried_within_seconds_whatever_the_receive_count() {
    let alone = Alone::start("message-dispatcher").await;
    let webhook = alone.text();
    alone.aws.cut("GetSecretValue");
    let wait = wait_after(&alone, &webhook, 12).await;
    assert!((2..=4).contains(&wait), "{wait}");
    alone.aws.restore();
    assert!(alone.dispatch_received(&webhook, 13).await.is_empty());
    alone.service.wait_for(&webhook.id()).await;
}

#[tokio::test]
async fn a_receipt_that_cannot_be_queued_delays_its_customer_by_seconds() {
    let on_accept = |configuration: &mut Value| configuration["delivery"]["receipts"] = "on-accept".into();
    let alone = Alone::configured(MessagingService::start().await, "message-dispatcher", on_accept).await;
    let webhook = alone.text();
    alone.aws.cut("SendMessage");
    let wait = wait_after(&alone, &webhook, 12).await;
    assert!((2..=4).contains(&wait), "{wait}");
    alone.aws.restore();
    assert!(alone.dispatch_received(&webhook, 13).await.is_empty());
    assert_eq!(1, alone.service.attempts().len());
}

#[tokio::test]
async fn the_visibility_timeout_is_set_as_soon_as_the_queue_is_back() {
    let alone = Alone::delivering_to(MessagingService::behaving(|_, _| Reply::status(500)).await, "message-dispatcher");
    let alone = alone.await;
    // The SDK itself tries twice.
    alone.aws.cut_for("ChangeMessageVisibilityBatch", 3);
    assert_eq!(vec!["m-0"], alone.dispatch(&alone.text()).await);
    assert_eq!(vec![("r-0".to_owned(), 1); 4], alone.waits());
}

#[tokio::test]
async fn a_lease_is_released_as_soon_as_the_ledger_is_back() {
    let (gate, closed) = watch::channel(false);
    let service = MessagingService::behaving(move |_, before| match before {
        0 => Reply::status(500).through(closed.clone()),
        _ => Reply::status(200),
    });
    let alone = Alone::delivering_to(service.await, "message-dispatcher").await;
    let webhook = alone.text();
    let outage = async {
        alone.service.wait_until(|attempts| attempts.len() == 1).await;
        // The SDK itself tries twice.
        alone.aws.cut_for("UpdateItem", 3);
        gate.send(true).unwrap();
    };
    let (went_back, ()) = tokio::join!(alone.dispatch(&webhook), outage);
    assert_eq!(vec!["m-0"], went_back);
    assert!(alone.dispatch_received(&webhook, 2).await.is_empty(), "it is free at once");
    assert_eq!(2, alone.service.attempts().len());
}

#[tokio::test]
async fn a_delivery_costs_two_writes_to_the_ledger() {
    let alone = Alone::start("message-dispatcher").await;
    assert!(alone.dispatch(&alone.text()).await.is_empty());
    assert_eq!(vec!["GetSecretValue", "UpdateItem", "UpdateItem"], alone.aws.take_operations());
    assert!(alone.dispatch(&alone.text()).await.is_empty());
    assert_eq!(vec!["UpdateItem", "UpdateItem"], alone.aws.take_operations());
}

#[tokio::test]
async fn a_customers_signed_message_costs_four_writes_to_the_ledger_and_one_without_a_key_two() {
    let platform = GenesysCloud::start().await;
    let change = |configuration: &mut Value| configuration["domain"] = platform.url.clone().into();
    let alone = Alone::configured(MessagingService::start().await, "inbound-sender", change).await;
    let message = |id: &str| {
        let from = json!({"id": "customer-1"});
        Request::new(&json!({"messageId": id, "from": from, "time": "2026-01-02T03:04:05Z", "text": "Hello"}))
    };
    for (request, writes) in [(message("m-1").signed(), 4), (message("m-2").bearing_token(), 2)] {
        assert_eq!(200, alone.request("inbound/messages", &request).await.0);
        let written = alone.aws.take_operations().into_iter().filter(|operation| *operation == "UpdateItem").count();
        assert_eq!(writes, written);
    }
}
