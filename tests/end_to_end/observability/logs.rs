//! The log contains what happened, and no personal data or secrets.

use crate::fixtures::WithPlatform;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tests::harness::caller::{BEARER_TOKEN, CALLER_SECRET, Request};
use tests::harness::stack::{SIGNING_SECRET, WEBHOOK_SECRET};
use tests::simulators::genesys_cloud;
use tests::simulators::genesys_cloud::api::{CLIENT_SECRET, Fault};
use tests::simulators::messaging_service::{MessagingService, Reply, WAIT_TIMEOUT};

const ADDRESS: &str = "address-of-a-customer";
const TEXT: &str = "text-of-a-message";

#[tokio::test]
async fn the_functions_log_what_happened_without_texts_addresses_and_secrets() {
    let service = MessagingService::with_handler(|_, before| Reply::status(if before == 0 { 503 } else { 410 })).await;
    let WithPlatform { stack, platform, integration } = WithPlatform::delivering_to(&service.url, |_| {}).await;

    let webhook = genesys_cloud::text(&integration, ADDRESS, TEXT);
    webhook.accepted(&stack, &integration).await;
    let forged = genesys_cloud::text(&integration, ADDRESS, TEXT).signed_with("not-the-right-one");
    forged.post(&stack, &integration).await;
    platform.wait_for_calls(1).await;
    let message = Request::new(&json!({"toAddress": ADDRESS, "textBody": TEXT}));
    platform.fail([Fault::Status(400)]);
    for request in [message.clone(), message.clone().with_bearer_token().key("k"), message.signed()] {
        request.post(&stack, &integration, "agentless").await;
    }
    let receipt = json!({"messageId": "m", "to": {"id": ADDRESS}, "status": "failed"});
    Request::new(&receipt).signed().post(&stack, &integration, "receipts").await;
    let from = json!({"id": ADDRESS, "nickname": TEXT});
    let origin = json!({"messageId": "m", "from": from, "time": "2026-01-02T03:04:05Z", "text": TEXT});
    platform.know_message("o");
    let mut choice = origin.clone();
    choice["originatingMessageId"] = "o".into();
    choice["type"] = "Button".into();
    choice["payload"] = TEXT.into();
    let file = json!({"url": format!("https://127.0.0.1/{TEXT}.png")});
    let conversation = platform.open_conversation(&integration.integration_id, ADDRESS).conversation_id;
    let agent = format!("conversations/{conversation}/communications/current/messages");
    for (route, body) in [
        ("inbound/messages", origin),
        ("inbound/responses", choice),
        ("inbound/events", json!({"eventType": "Typing", "from": from})),
        ("cards", json!({"email": format!("{ADDRESS}@example.com"), "card": {"title": TEXT}})),
        (&agent, json!({"textBody": TEXT})),
        (&agent, json!({ "media": file })),
    ] {
        Request::new(&body).signed().post(&stack, &integration, route).await;
    }

    let expected = [
        ("accepted", "webhook_receiver"),
        ("invalid-signature", "-WebhookReceiver-"),
        ("retry", "message_dispatcher"),
        ("failed", "message_dispatcher"),
        ("receipt_posted", "message_dispatcher"),
        ("unauthenticated", "\"route\":\"agentless\""),
        ("unauthenticated", "neither a Standard Webhooks signature nor a bearer token"),
        ("platform-refused", "\"caller\":\"flows\""),
        ("answered", "\"caller\":\"crm\""),
        ("answered", "\"route\":\"receipts\""),
        ("answered", "\"route\":\"inbound/messages\""),
        ("answered", "\"route\":\"inbound/responses\""),
        ("answered", "\"route\":\"inbound/events\""),
        ("recipient-not-found", "\"route\":\"cards\""),
        ("answered", "\"route\":\"agent/messages\""),
        ("invalid-body", "\"route\":\"agent/messages\""),
    ];
    let log = log_with(integration.name.as_str(), &expected).await;
    let tokens = platform.tokens();
    assert!(!tokens.is_empty());
    let secrets =
        [ADDRESS, TEXT, WEBHOOK_SECRET, SIGNING_SECRET, CLIENT_SECRET, BEARER_TOKEN, CALLER_SECRET, "sha256=", "v1,"];
    for hidden in secrets.into_iter().chain(tokens.iter().map(String::as_str)) {
        assert!(!log.contains(hidden), "{hidden}");
    }
}

#[tokio::test]
async fn the_start_of_a_function_is_logged_with_its_version() {
    let service = MessagingService::start().await;
    let WithPlatform { stack, integration, .. } = WithPlatform::delivering_to(&service.url, |_| {}).await;
    genesys_cloud::text(&integration, ADDRESS, TEXT).accepted(&stack, &integration).await;
    let log = log_with(integration.name.as_str(), &[("accepted", "webhook_receiver")]).await;
    let started: Vec<Value> = log
        .lines()
        .filter(|line| line.contains("\"outcome\":\"started\""))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!started.is_empty());
    for line in started {
        assert_eq!(env!("CARGO_PKG_VERSION"), line["version"]);
    }
}

#[tokio::test]
async fn the_length_of_a_log_line_is_limited_whatever_a_sender_writes() {
    let service = MessagingService::start().await;
    let WithPlatform { stack, integration, .. } = WithPlatform::delivering_to(&service.url, |_| {}).await;
    let mut webhook = genesys_cloud::text(&integration, "customer-1", "hello").json();
    webhook["conversationId"] = "é".repeat(200_000).into();
    let webhook = genesys_cloud::Webhook::new(webhook.to_string());
    webhook.accepted(&stack, &integration).await;
    service.wait_for(&webhook.id()).await;
    let mut receipt = json!({"messageId": "m", "to": {"id": "c"}, "status": "delivered"});
    receipt["x".repeat(200_000)] = 1.into();
    let answer = Request::new(&receipt).signed().post(&stack, &integration, "receipts").await;
    answer.assert_problem(400, "invalid-body");
    assert!(answer.body.to_string().len() < 3_000, "{}", answer.body);

    let expected = [("accepted", "…(cut)"), ("delivered", "…(cut)"), ("invalid-body", "\"route\":\"receipts\"")];
    let log = log_with(integration.name.as_str(), &expected).await;
    for line in log.lines().filter(|line| line.contains(integration.name.as_str())) {
        assert!(line.len() < 3_000, "{} bytes", line.len());
    }
}

/// The log so far, without an incomplete last line.
fn log() -> String {
    let mut log = std::fs::read(std::env::var("STACK_LOG").unwrap()).unwrap();
    log.truncate(log.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
    String::from_utf8(log).unwrap()
}

/// All lines so far.
pub(crate) fn log_lines() -> Vec<Value> {
    log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Waits until the lines about `integration` contain all of `expected`, and returns the whole log.
pub(crate) async fn log_with(integration: &str, expected: &[(&str, &str)]) -> String {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        let log = log();
        let lines: Vec<_> = log.lines().filter(|line| line.contains(integration)).collect();
        let there = |(one, other): &(&str, &str)| lines.iter().any(|line| line.contains(one) && line.contains(other));
        if expected.iter().all(there) {
            return log;
        }
        let missing: Vec<_> = expected.iter().filter(|words| !there(words)).collect();
        assert!(Instant::now() < deadline, "lines are missing: {missing:?}; there are {lines:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
