//! AWS itself out of reach: one function on its own, with a proxy before the emulated AWS that can cut it off.

use crate::alone::Alone;
use serde_json::{Value, json};
use tests::caller::Request;
use tests::genesys_cloud::Webhook;
use tests::genesys_cloud_api::GenesysCloud;
use tests::messaging_service::MessagingService;

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
async fn a_header_that_no_secret_could_have_made_forces_no_read() {
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
async fn nothing_is_acknowledged_while_the_queue_is_out_of_reach() {
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
async fn without_secrets_nothing_is_acknowledged_and_with_the_last_good_ones_all_goes_on() {
    let alone = Alone::start("webhook-receiver").await;
    alone.aws.cut("GetSecretValue");
    assert_eq!(503, alone.post(&alone.text()).await.0);

    let alone = Alone::start("webhook-receiver").await;
    assert_eq!(200, alone.post(&alone.text()).await.0);
    alone.aws.cut("GetSecretValue");
    assert_eq!(200, alone.post(&alone.text()).await.0);
    for _ in 0..2 {
        // Whether this signature is forged or made with a rotated secret cannot be told now.
        assert_eq!(503, alone.post(&alone.text().signed_with("forged-or-rotated")).await.0);
    }
}

#[tokio::test]
async fn a_faulty_configuration_is_not_told_to_the_platform() {
    let alone = Alone::start("webhook-receiver").await;
    let faulty =
        alone.stack.integration(&alone.service.url, |configuration| configuration["colour"] = "red".into()).await;
    let (status, body) = alone.post_to(faulty.name.as_str(), &alone.text()).await;
    assert_eq!(503, status);
    assert!(!body.to_string().contains("colour"), "{body}");
}

#[tokio::test]
async fn nothing_is_delivered_while_the_ledger_is_out_of_reach() {
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
async fn a_message_goes_back_while_its_integrations_configuration_is_out_of_reach() {
    let alone = Alone::start("message-dispatcher").await;
    alone.aws.cut("GetSecretValue");
    assert_eq!(vec!["m-0"], alone.dispatch(&alone.text()).await);
    assert!(alone.service.attempts().is_empty());
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
