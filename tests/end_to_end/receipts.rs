//! The platform hears what became of its messages.

use crate::alone::Alone;
use crate::platform::WithPlatform;
use serde_json::{Value, json};
use std::time::Duration;
use tests::genesys_cloud;
use tests::genesys_cloud_api::{Fault, GenesysCloud};
use tests::messaging_service::{MessagingService, Reply};
use tests::stack::{Stack, TestIntegration};

struct Setting {
    stack: Stack,
    platform: GenesysCloud,
    service: MessagingService,
    integration: TestIntegration,
}

impl Setting {
    /// A messaging service that answers so, and a configuration changed so.
    async fn new(reply: Reply, change: impl FnOnce(&mut Value)) -> Self {
        let service = MessagingService::behaving(move |_, _| reply.clone()).await;
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
    let setting = Setting::new(Reply::status(400), |_| {}).await;
    let id = setting.send().await;
    let receipt = setting.receipt().await;
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
    let setting = Setting::new(Reply::status(503), |configuration| {
        configuration["delivery"]["giveUpAfterSeconds"] = 1.into();
    })
    .await;
    setting.send().await;
    assert_eq!("MessageExpired", setting.receipt().await["reasons"][0]["code"]);
}

#[tokio::test]
async fn what_the_messaging_service_says_in_its_answer_is_posted() {
    let answer = json!({"receipt": {"status": "Failed", "reasons": [{"code": 530, "message": "No such number"}]}});
    let setting = Setting::new(Reply::status(200).body(answer.to_string()), |_| {}).await;
    let id = setting.send().await;
    let receipt = setting.receipt().await;
    assert_eq!((&json!(id), &json!("Failed")), (&receipt["id"], &receipt["status"]));
    assert_eq!(json!([{"code": "InvalidDestination", "message": "No such number"}]), receipt["reasons"]);
}

#[tokio::test]
async fn acceptance_is_delivery_where_the_configuration_says_so() {
    let setting = Setting::new(Reply::status(202), |configuration| {
        configuration["delivery"]["receipts"] = "on-accept".into();
    })
    .await;
    setting.send().await;
    let receipt = setting.receipt().await;
    assert_eq!(json!("Delivered"), receipt["status"]);
    assert!(receipt.get("reasons").is_none());
}

#[tokio::test]
async fn while_the_platform_is_down_the_receipt_is_retried_and_not_the_delivery() {
    let setting = Setting::new(Reply::status(410), |_| {}).await;
    // More failures than one call repeats by itself.
    setting.platform.fail([Fault::Status(503); 7]);
    setting.send().await;
    assert_eq!("InvalidDestination", setting.receipt().await["reasons"][0]["code"]);
    assert_eq!(1, setting.service.attempts().len());
    assert_eq!(1, setting.platform.calls().len());
}

#[tokio::test]
async fn a_receipt_whose_answer_is_lost_is_posted_again() {
    let setting = Setting::new(Reply::status(410), |_| {}).await;
    setting.platform.fail([Fault::AnswerLost]);
    setting.send().await;
    let calls = setting.platform.wait_for_calls(2).await;
    assert_eq!(calls[0].body, calls[1].body, "the very same, its time included");
}

#[tokio::test]
async fn a_receipt_that_the_platform_refuses_is_not_repeated() {
    let setting = Setting::new(Reply::status(410), |_| {}).await;
    setting.platform.fail([Fault::Status(403)]);
    setting.send().await;
    // The same customer's next receipt comes behind it.
    setting.send().await;
    setting.platform.wait_for_calls(1).await;
    assert_eq!((1, 2), (setting.platform.calls().len(), setting.platform.attempts()));
}

#[tokio::test]
async fn the_platforms_own_receipts_and_typing_make_no_receipt() {
    let setting = Setting::new(Reply::status(400), |_| {}).await;
    for name in ["receipt", "typing"] {
        let sample = genesys_cloud::WIRE.iter().find(|sample| sample.name == name).unwrap();
        let webhook = sample.fill(&setting.integration.integration_id, "customer-1");
        webhook.accepted(&setting.stack, &setting.integration).await;
    }
    let id = setting.send().await;
    assert_eq!(json!(id), setting.receipt().await["id"]);
    assert_eq!(1, setting.platform.calls().len());
}

#[tokio::test]
async fn a_receipt_that_did_not_get_onto_the_queue_is_put_there_when_the_message_comes_again() {
    let platform = GenesysCloud::start().await;
    let service = MessagingService::behaving(|_, _| Reply::status(400)).await;
    let alone = Alone::configured(service, "message-dispatcher", |configuration| {
        configuration["domain"] = platform.url.clone().into();
    })
    .await;
    let webhook = alone.text();
    alone.aws.cut("SendMessage");
    assert_eq!(vec!["m-0"], alone.dispatch(&webhook).await);
    alone.aws.restore();
    assert!(alone.dispatch_again(&webhook).await.is_empty());
    assert_eq!(json!(webhook.id()), platform.wait_for_calls(1).await[0].body["id"]);
    assert_eq!(1, alone.service.attempts().len(), "the delivery itself was not repeated");
}

#[tokio::test]
async fn a_revoked_token_is_replaced_once_and_the_call_made_again() {
    let setting = Setting::new(Reply::status(410), |_| {}).await;
    setting.platform.fail([Fault::TokenRevoked]);
    setting.send().await;
    setting.platform.wait_for_calls(1).await;
    assert_eq!((2, 2), (setting.platform.token_requests(), setting.platform.attempts()));
}

#[tokio::test]
async fn the_platforms_rate_limit_is_waited_for() {
    let setting = Setting::new(Reply::status(410), |_| {}).await;
    setting.platform.fail([Fault::RateLimited(1), Fault::Reset, Fault::Slow(Duration::from_millis(300))]);
    setting.send().await;
    setting.platform.wait_for_calls(1).await;
    assert_eq!(3, setting.platform.attempts());
}

#[tokio::test]
async fn a_receipt_waits_while_no_token_is_to_be_had() {
    let setting = Setting::new(Reply::status(410), |_| {}).await;
    setting.platform.fail_tokens([Fault::Status(503); 6]);
    setting.send().await;
    setting.platform.wait_for_calls(1).await;
    assert_eq!(7, setting.platform.token_requests());
}
