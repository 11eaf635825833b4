//! AWS itself out of reach: one function on its own, with a proxy before the emulated AWS that can cut it off.

use serde_json::{Value, json};
use shared::envelope::Envelope;
use shared::platform::PlatformName;
use tests::aws_proxy::AwsProxy;
use tests::genesys_cloud::{self, Webhook};
use tests::lambda_host::LambdaHost;
use tests::messaging_service::MessagingService;
use tests::stack::{Stack, TestIntegration};

struct Alone {
    stack: Stack,
    service: MessagingService,
    integration: TestIntegration,
    aws: AwsProxy,
    function: LambdaHost,
}

impl Alone {
    async fn start(function: &str) -> Self {
        let stack = Stack::connect().await;
        let service = MessagingService::start().await;
        let integration = stack.integration(&service.url, |_| {}).await;
        let aws = AwsProxy::start().await;
        let function = LambdaHost::start(function, &[("AWS_ENDPOINT_URL", &aws.url)]).await;
        Self { stack, service, integration, aws, function }
    }

    fn text(&self) -> Webhook {
        genesys_cloud::text(&self.integration, "c", "hello")
    }

    async fn post(&self, webhook: &Webhook) -> (u64, Value) {
        self.post_to(self.integration.name.as_str(), webhook).await
    }

    async fn post_to(&self, integration: &str, webhook: &Webhook) -> (u64, Value) {
        let path = format!("/integrations/{integration}/webhook");
        let headers = [("x-hub-signature-256", webhook.signature.as_deref().unwrap_or_default())];
        let body = std::str::from_utf8(&webhook.body).unwrap();
        self.function.request(&path, integration, &headers, body).await
    }

    /// Has the dispatcher take `webhook` off a queue, and returns the ids that go back.
    async fn dispatch(&self, webhook: &Webhook) -> Vec<String> {
        let name = self.integration.name.clone();
        let envelope = Envelope::new(name, PlatformName::GenesysCloud, jiff::Timestamp::now(), &webhook.body).unwrap();
        let event = json!({"Records": [{
            "messageId": "m-1", "receiptHandle": "r-1", "body": envelope.to_queue().unwrap(), "eventSource": "aws:sqs",
            "attributes": {"MessageGroupId": "g-1", "ApproximateReceiveCount": "1"}, "messageAttributes": {},
        }]});
        let answer = self.function.invoke(event).await;
        let failures = answer["batchItemFailures"].as_array().unwrap_or_else(|| panic!("{answer}"));
        failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn a_warm_webhook_costs_one_call_to_aws() {
    let alone = Alone::start("webhook-receiver").await;
    assert_eq!(200, alone.post(&alone.text()).await.0);
    assert_eq!(vec!["GetSecretValue", "SendMessage"], alone.aws.take_calls());
    for _ in 0..3 {
        assert_eq!(200, alone.post(&alone.text()).await.0);
        assert_eq!(vec!["SendMessage"], alone.aws.take_calls());
    }
}

#[tokio::test]
async fn an_unknown_integration_costs_one_call_to_aws() {
    let alone = Alone::start("webhook-receiver").await;
    for _ in 0..3 {
        assert_eq!(404, alone.post_to("unheard-of", &alone.text()).await.0);
    }
    assert_eq!(vec!["GetSecretValue"], alone.aws.take_calls());
}

#[tokio::test]
async fn forged_webhooks_force_one_fresh_read_of_the_secret() {
    let alone = Alone::start("webhook-receiver").await;
    for _ in 0..3 {
        assert_eq!(401, alone.post(&alone.text().signed_with("not-the-right-one")).await.0);
    }
    assert_eq!(vec!["GetSecretValue", "GetSecretValue"], alone.aws.take_calls());
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
    // Whether this signature is forged or made with a rotated secret cannot be told now.
    assert_eq!(503, alone.post(&alone.text().signed_with("forged-or-rotated")).await.0);
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
    assert_eq!(vec!["m-1"], alone.dispatch(&webhook).await);
    assert!(alone.service.attempts().is_empty());
    alone.aws.restore();
    assert!(alone.dispatch(&webhook).await.is_empty());
    assert_eq!(webhook.id(), alone.service.attempts()[0].message_id());
}

#[tokio::test]
async fn a_message_goes_back_while_its_integrations_configuration_is_out_of_reach() {
    let alone = Alone::start("message-dispatcher").await;
    alone.aws.cut("GetSecretValue");
    assert_eq!(vec!["m-1"], alone.dispatch(&alone.text()).await);
    assert!(alone.service.attempts().is_empty());
}

#[tokio::test]
async fn a_delivery_costs_two_writes_to_the_ledger() {
    let alone = Alone::start("message-dispatcher").await;
    assert!(alone.dispatch(&alone.text()).await.is_empty());
    assert_eq!(vec!["GetSecretValue", "UpdateItem", "UpdateItem"], alone.aws.take_calls());
    assert!(alone.dispatch(&alone.text()).await.is_empty());
    assert_eq!(vec!["UpdateItem", "UpdateItem"], alone.aws.take_calls());
}
