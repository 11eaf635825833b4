//! Receipts of messages are reported to the platform.

use crate::fixtures::WithPlatform;
use crate::observability::logs::log_with;
use crate::single_function::SingleFunction;
use axum::http::header;
use serde_json::{Value, json};
use std::time::Duration;
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud;
use tests::simulators::genesys_cloud::api::{Call, Fault, GenesysCloud};
use tests::simulators::messaging_service::{MessagingService, Reply};

struct Fixture {
    stack: Stack,
    platform: GenesysCloud,
    service: MessagingService,
    integration: TestIntegration,
}

impl Fixture {
    /// A messaging service with this reply, and a changed configuration.
    async fn new(reply: Reply, change: impl FnOnce(&mut Value)) -> Self {
        let service = MessagingService::with_handler(move |_, _| reply.clone()).await;
        let WithPlatform { stack, platform, integration } = WithPlatform::delivering_to(&service.url, change).await;
        Self { stack, platform, service, integration }
    }

    async fn send(&self) -> String {
        let webhook = genesys_cloud::text(&self.integration, "customer-1", "hello");
        webhook.accepted(&self.stack, &self.integration).await;
        webhook.id()
    }

    async fn receipt(&self) -> Value {
        let mut calls = self.platform.wait_for_calls(1).await;
        assert_eq!("receipt", calls[0].operation);
        calls.remove(0).body
    }
}

#[tokio::test]
async fn a_message_that_is_refused_becomes_a_failed_receipt() {
    let fixture = Fixture::new(Reply::status(400), |_| {}).await;
    let id = fixture.send().await;
    let receipt = fixture.receipt().await;
    let time = receipt["channel"]["time"].clone();
    assert_eq!(
        json!({
            "id": id,
            "channel": {"to": {"id": "customer-1", "idType": "Opaque"}, "time": time},
            "status": "Failed",
            "reasons": [{
                "code": "InvalidMessageStructure",
                "message": "The messaging service refused the message with status 400.",
            }],
            "isFinalReceipt": true,
        }),
        receipt
    );
}

#[tokio::test]
async fn a_message_that_is_given_up_becomes_a_failed_receipt() {
    let fixture = Fixture::new(Reply::status(503), |configuration| {
        configuration["delivery"]["giveUpAfterSeconds"] = 1.into();
    })
    .await;
    fixture.send().await;
    assert_eq!("MessageExpired", fixture.receipt().await["reasons"][0]["code"]);
}

#[tokio::test]
async fn a_receipt_in_the_response_is_posted() {
    let answer = json!({"receipt": {"status": "Failed", "reasons": [{"code": 530, "message": "No such number"}]}});
    let fixture = Fixture::new(Reply::status(200).body(answer.to_string()), |_| {}).await;
    let id = fixture.send().await;
    let receipt = fixture.receipt().await;
    assert_eq!((&json!(id), &json!("Failed")), (&receipt["id"], &receipt["status"]));
    assert_eq!(json!([{"code": "InvalidDestination", "message": "No such number"}]), receipt["reasons"]);
}

/// A messaging service that replies with the message's text, and a configuration with these `receipts`.
async fn echoing(receipts: &str) -> Fixture {
    let service = MessagingService::with_handler(|attempt, _| Reply::status(200).body(attempt.text())).await;
    let change = |configuration: &mut Value| configuration["delivery"]["receipts"] = receipts.into();
    let WithPlatform { stack, platform, integration } = WithPlatform::delivering_to(&service.url, change).await;
    Fixture { stack, platform, service, integration }
}

impl Fixture {
    /// Sends a message that gets this reply, and returns its id.
    async fn send_for(&self, answer: &str) -> String {
        let webhook = genesys_cloud::text(&self.integration, "customer-1", answer);
        webhook.accepted(&self.stack, &self.integration).await;
        webhook.id()
    }
}

#[tokio::test]
async fn a_failure_in_the_response_is_posted_with_a_reason_and_never_as_delivered() {
    let general = |message: &str| json!([{"code": "GeneralError", "message": message}]);
    let cases = [
        (json!({"status": "failed"}), general("The message could not be delivered.")),
        (
            json!({"status": "UNDELIVERED", "reasons": [{"code": 30003, "message": "Unreachable destination handset"}]}),
            general("Unreachable destination handset (30003)"),
        ),
        (
            json!({"status": "error", "reasons": [null, {"code": "carrier-violation", "message": null, "more": 1}]}),
            general("The message could not be delivered (carrier-violation)."),
        ),
        (
            json!({"status": "Expired", "reasons": [], "isFinalReceipt": "false"}),
            json!([{"code": "MessageExpired", "message": "The message could not be delivered."}]),
        ),
        (
            json!({"status": "bounced", "reasons": {"code": "530", "message": ""}}),
            json!([{"code": "InvalidDestination", "message": "The message could not be delivered."}]),
        ),
    ];
    for mode in ["explicit", "on-accept"] {
        let fixture = echoing(mode).await;
        for (count, (receipt, reasons)) in cases.iter().enumerate() {
            let id = fixture.send_for(&json!({"receipt": receipt, "id": "theirs"}).to_string()).await;
            let posted = fixture.platform.wait_for_calls(count + 1).await.remove(count).body;
            assert_eq!((&json!(id), &json!("Failed")), (&posted["id"], &posted["status"]), "{mode}: {receipt}");
            let is_final = json!(receipt.get("isFinalReceipt").is_none());
            assert_eq!((reasons, &is_final), (&posted["reasons"], &posted["isFinalReceipt"]), "{mode}: {receipt}");
        }
        assert_eq!(cases.len(), fixture.platform.calls().len());
    }
}

#[tokio::test]
async fn every_word_for_success_in_the_response_is_posted_without_reasons() {
    let fixture = echoing("explicit").await;
    for (count, word) in ["delivered", "READ", "displayed"].into_iter().enumerate() {
        let receipt = json!({"status": word, "reasons": [{"code": 500, "message": ""}], "isFinalReceipt": false});
        fixture.send_for(&json!({ "receipt": receipt }).to_string()).await;
        let posted = fixture.platform.wait_for_calls(count + 1).await.remove(count).body;
        assert_eq!((&json!("Delivered"), &json!(false)), (&posted["status"], &posted["isFinalReceipt"]), "{word}");
        assert_eq!(None, posted.get("reasons"), "{word}");
    }
}

#[tokio::test]
async fn an_unreadable_receipt_in_the_response_is_logged_and_counted_and_never_treated_as_success() {
    let large = format!(r#"{{"receipt": {{"status": "failed"}}, "more": "{}"}}"#, "x".repeat(64 * 1024));
    let elsewhere = "the response reports an outcome, but not in `receipt`";
    let unreadable = [
        (r#"{"receipt": {"status": "it is lost-in-transit"}}"#, "/receipt/status is not one of the words"),
        (r#"{"receipt": {"status": "with-the-carrier"}}"#, "with-the-carrier"),
        (r#"{"receipt": {"reasons": [{"code": 530}]}}"#, "/receipt/status is required"),
        (r#"{"receipt": "lost-in-transit"}"#, "/receipt must be an object"),
        (r#"{"receipt": {"status": "failed",}}"#, "the response is not valid JSON"),
        (r#"{"receipts": [{"status": "failed"}]}"#, elsewhere),
        (r#"[{"receipt": {"status": "failed"}}]"#, elsewhere),
        (r#"{"status": "failed", "reasons": [{"code": 530}]}"#, elsewhere),
        (&large, "the response is too long or incomplete"),
    ];
    for mode in ["explicit", "on-accept"] {
        let fixture = echoing(mode).await;
        let mut expected = Vec::new();
        for (answer, reason) in &unreadable {
            let id = fixture.send_for(answer).await;
            expected.push((id, *reason));
        }
        // Receipts of one customer are posted in order: none was posted before this one.
        let last = fixture.send_for(r#"{"receipt": {"status": "delivered"}}"#).await;
        assert_eq!(json!(last), fixture.receipt().await["id"], "{mode}");
        assert_eq!(unreadable.len() + 1, fixture.service.accepted().len());

        let name = fixture.integration.name.as_str();
        let expected: Vec<_> = expected.iter().map(|(id, reason)| (id.as_str(), *reason)).collect();
        let log = log_with(name, &expected).await;
        let lines: Vec<Value> =
            log.lines().filter(|line| line.contains(name)).filter_map(|line| serde_json::from_str(line).ok()).collect();
        let logged = lines.iter().filter(|line| line["outcome"] == "unreadable_receipt" && line["level"] == "WARN");
        let counted = lines.iter().filter(|line| line["UnreadableReceipts"] == 1.0);
        assert_eq!((unreadable.len(), unreadable.len()), (logged.count(), counted.count()), "{mode}");
        assert!(!log.contains("lost-in-transit"));
    }
}

#[tokio::test]
async fn a_failure_in_a_response_with_a_content_encoding_is_not_posted_as_delivered() {
    let service = MessagingService::with_handler(|attempt, _| {
        let reply = Reply::status(200).body(attempt.text());
        if attempt.text() == "OK" { reply } else { reply.header(header::CONTENT_ENCODING, "gzip") }
    })
    .await;
    let change = |configuration: &mut Value| configuration["delivery"]["receipts"] = "on-accept".into();
    let WithPlatform { stack, platform, integration } = WithPlatform::delivering_to(&service.url, change).await;
    let fixture = Fixture { stack, platform, service, integration };
    let id = fixture.send_for("compressed").await;
    // Receipts of one customer are posted in order: none was posted before this one.
    let last = fixture.send_for("OK").await;
    assert_eq!(json!(last), fixture.receipt().await["id"]);
    let reason = "the response has a Content-Encoding, or is not in UTF-8";
    log_with(fixture.integration.name.as_str(), &[(id.as_str(), reason)]).await;
}

#[tokio::test]
async fn with_on_accept_a_response_without_a_receipt_means_delivered() {
    let fixture = echoing("on-accept").await;
    for (count, answer) in ["OK", "{}", r#"{"receipt": null}"#, r#"{"id": "m", "ok": true}"#].into_iter().enumerate() {
        let id = fixture.send_for(answer).await;
        let posted = fixture.platform.wait_for_calls(count + 1).await.remove(count).body;
        assert_eq!((json!(id), json!("Delivered")), (posted["id"].clone(), posted["status"].clone()), "{answer}");
    }
}

#[tokio::test]
async fn a_providers_message_reaches_the_platform_and_not_the_ledger() {
    let platform = GenesysCloud::start().await;
    let failed = r#"{"receipt": {"status": "failed", "reasons": [{"code": 530, "message": "No such number"}]}}"#;
    let service = MessagingService::with_handler(move |_, _| Reply::status(200).body(failed)).await;
    let single = SingleFunction::configured(service, "message-dispatcher", |configuration| {
        platform.host(configuration);
    })
    .await;
    let (first, second) = (single.text(), single.text());
    assert!(single.dispatch(&first).await.is_empty());
    let message = |calls: &[Call]| calls.last().map(|call| call.body["reasons"].clone());
    let reasons = |message: &str| Some(json!([{"code": "InvalidDestination", "message": message}]));
    assert_eq!(reasons("No such number"), message(&platform.wait_for_calls(1).await));
    // The ledger keeps the code of the receipt that was not queued.
    single.aws.fail_operation("SendMessage");
    assert_eq!(vec!["m-0"], single.dispatch(&second).await);
    single.aws.restore();
    assert!(single.dispatch_again(&second).await.is_empty());
    assert_eq!(reasons("The message could not be delivered."), message(&platform.wait_for_calls(2).await));
}

#[tokio::test]
async fn acceptance_means_delivery_when_configured() {
    let fixture = Fixture::new(Reply::status(202), |configuration| {
        configuration["delivery"]["receipts"] = "on-accept".into();
    })
    .await;
    fixture.send().await;
    let receipt = fixture.receipt().await;
    assert_eq!(json!("Delivered"), receipt["status"]);
    assert!(receipt.get("reasons").is_none());
}

#[tokio::test]
async fn while_the_platform_is_down_only_the_receipt_is_retried() {
    let fixture = Fixture::new(Reply::status(410), |_| {}).await;
    // More failures than one call retries.
    fixture.platform.fail([Fault::Status(503); 7]);
    fixture.send().await;
    assert_eq!("InvalidDestination", fixture.receipt().await["reasons"][0]["code"]);
    assert_eq!(1, fixture.service.attempts().len());
    assert_eq!(1, fixture.platform.calls().len());
}

#[tokio::test]
async fn a_receipt_whose_response_is_lost_is_posted_again() {
    let fixture = Fixture::new(Reply::status(410), |_| {}).await;
    fixture.platform.fail([Fault::ResponseLost]);
    fixture.send().await;
    let calls = fixture.platform.wait_for_calls(2).await;
    assert_eq!(calls[0].body, calls[1].body, "byte for byte the same, including its time");
}

#[tokio::test]
async fn a_receipt_that_the_platform_refuses_is_not_retried() {
    let fixture = Fixture::new(Reply::status(410), |_| {}).await;
    fixture.platform.fail([Fault::Status(403)]);
    fixture.send().await;
    // The same customer's next receipt comes after it.
    fixture.send().await;
    fixture.platform.wait_for_calls(1).await;
    assert_eq!((1, 2), (fixture.platform.calls().len(), fixture.platform.attempts()));
}

#[tokio::test]
async fn receipts_and_typing_of_the_platform_cause_no_receipt() {
    let fixture = Fixture::new(Reply::status(400), |_| {}).await;
    for name in ["receipt", "typing"] {
        let sample = genesys_cloud::WIRE.iter().find(|sample| sample.name == name).unwrap();
        let webhook = sample.fill(&fixture.integration.integration_id, "customer-1");
        webhook.accepted(&fixture.stack, &fixture.integration).await;
    }
    let id = fixture.send().await;
    assert_eq!(json!(id), fixture.receipt().await["id"]);
    assert_eq!(1, fixture.platform.calls().len());
}

#[tokio::test]
async fn a_receipt_that_could_not_be_queued_is_queued_when_the_message_is_redelivered() {
    let platform = GenesysCloud::start().await;
    let service = MessagingService::with_handler(|_, _| Reply::status(400)).await;
    let single = SingleFunction::configured(service, "message-dispatcher", |configuration| {
        platform.host(configuration);
    })
    .await;
    let webhook = single.text();
    single.aws.fail_operation("SendMessage");
    assert_eq!(vec!["m-0"], single.dispatch(&webhook).await);
    single.aws.restore();
    assert!(single.dispatch_again(&webhook).await.is_empty());
    assert_eq!(json!(webhook.id()), platform.wait_for_calls(1).await[0].body["id"]);
    assert_eq!(1, single.service.attempts().len(), "the delivery itself was not repeated");
}

#[tokio::test]
async fn a_revoked_token_is_replaced_once_and_the_call_retried() {
    let fixture = Fixture::new(Reply::status(410), |_| {}).await;
    fixture.platform.fail([Fault::TokenRevoked]);
    fixture.send().await;
    fixture.platform.wait_for_calls(1).await;
    assert_eq!((2, 2), (fixture.platform.token_requests(), fixture.platform.attempts()));
}

#[tokio::test]
async fn the_platforms_rate_limit_is_waited_for() {
    let fixture = Fixture::new(Reply::status(410), |_| {}).await;
    fixture.platform.fail([Fault::RateLimited(1), Fault::Reset, Fault::Slow(Duration::from_millis(300))]);
    fixture.send().await;
    fixture.platform.wait_for_calls(1).await;
    assert_eq!(3, fixture.platform.attempts());
}

#[tokio::test]
async fn a_receipt_waits_until_a_token_is_available() {
    let fixture = Fixture::new(Reply::status(410), |_| {}).await;
    fixture.platform.fail_tokens([Fault::Status(503); 6]);
    fixture.send().await;
    fixture.platform.wait_for_calls(1).await;
    assert_eq!(7, fixture.platform.token_requests());
}
