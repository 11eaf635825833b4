//! A single process of a function, behind a proxy in front of the emulated AWS.

use jiff::Timestamp;
use serde_json::{Value, json};
use shared::delivery::envelope::Envelope;
use shared::platform::PlatformName;
use std::time::Duration;
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::caller::Request;
use tests::harness::lambda_host::LambdaHost;
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud::{self, Webhook};
use tests::simulators::messaging_service::MessagingService;

/// A function with no other clients.
pub(crate) struct SingleFunction {
    pub(crate) stack: Stack,
    pub(crate) service: MessagingService,
    pub(crate) integration: TestIntegration,
    pub(crate) aws: AwsProxy,
    function: LambdaHost,
}

/// A message on the dispatcher's queue.
pub(crate) struct OnQueue<'w> {
    pub(crate) group: &'static str,
    pub(crate) webhook: &'w Webhook,
    pub(crate) age: Duration,
}

impl SingleFunction {
    pub(crate) async fn start(function: &str) -> Self {
        Self::delivering_to(MessagingService::start().await, function).await
    }

    pub(crate) async fn delivering_to(service: MessagingService, function: &str) -> Self {
        Self::configured(service, function, |_| {}).await
    }

    pub(crate) async fn configured(service: MessagingService, function: &str, change: impl FnOnce(&mut Value)) -> Self {
        Self::set_up(service, function, change, &[]).await
    }

    /// With these environment variables and the stack's.
    pub(crate) async fn with_environment(
        service: MessagingService,
        function: &str,
        environment: &[(&str, &str)],
    ) -> Self {
        Self::set_up(service, function, |_| {}, environment).await
    }

    async fn set_up(
        service: MessagingService,
        function: &str,
        change: impl FnOnce(&mut Value),
        environment: &[(&str, &str)],
    ) -> Self {
        let stack = Stack::connect().await;
        let integration = stack.integration(&service.url, change).await;
        let aws = AwsProxy::start().await;
        let environment: Vec<_> = environment.iter().copied().chain([("AWS_ENDPOINT_URL", aws.url.as_str())]).collect();
        let function = LambdaHost::start(function, &environment).await;
        Self { stack, service, integration, aws, function }
    }

    pub(crate) fn text(&self) -> Webhook {
        genesys_cloud::text(&self.integration, "c", "hello")
    }

    pub(crate) async fn post(&self, webhook: &Webhook) -> (u64, Value) {
        self.post_to(self.integration.name.as_str(), webhook).await
    }

    /// A request to a caller endpoint.
    pub(crate) async fn request(&self, route: &str, request: &Request) -> (u64, Value) {
        let path = format!("/integrations/{}/{route}", self.integration.name);
        let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.function.request(&path, self.integration.name.as_str(), &headers, &request.body).await
    }

    pub(crate) async fn post_to(&self, integration: &str, webhook: &Webhook) -> (u64, Value) {
        let header = webhook.signature.as_deref().map(|signature| ("x-hub-signature-256", signature));
        self.post_signed(integration, std::str::from_utf8(&webhook.body).unwrap(), header.as_slice()).await
    }

    /// A webhook of any platform.
    pub(crate) async fn post_signed(&self, integration: &str, body: &str, headers: &[(&str, &str)]) -> (u64, Value) {
        let path = format!("/integrations/{integration}/webhook");
        self.function.request(&path, integration, headers, body).await
    }

    /// Dispatches `webhook`. Returns the ids of the messages that return to the queue.
    pub(crate) async fn dispatch(&self, webhook: &Webhook) -> Vec<String> {
        self.dispatch_all(&[OnQueue { group: "g", webhook, age: Duration::ZERO }], Duration::from_secs(30)).await
    }

    /// Dispatches it as a message that was received before.
    pub(crate) async fn dispatch_again(&self, webhook: &Webhook) -> Vec<String> {
        self.dispatch_received(webhook, 2).await
    }

    /// Dispatches it with this receive count.
    pub(crate) async fn dispatch_received(&self, webhook: &Webhook, receives: usize) -> Vec<String> {
        let mut record = self.own_record(&self.envelope(webhook, Duration::ZERO));
        record["attributes"]["ApproximateReceiveCount"] = receives.to_string().into();
        self.hand_over(vec![record], Duration::from_secs(30)).await
    }

    /// Dispatches a message with this body.
    pub(crate) async fn dispatch_body(&self, body: &str) -> Vec<String> {
        let mut record = self.record(0, &OnQueue { group: "g", webhook: &self.text(), age: Duration::ZERO });
        record["body"] = body.into();
        self.hand_over(vec![record], Duration::from_secs(30)).await
    }

    /// Dispatches a batch of messages with the ids `m-0`, `m-1` and so on, and this time until the deadline. Returns
    /// the ids of the messages that return to the queue.
    pub(crate) async fn dispatch_all(&self, batch: &[OnQueue<'_>], time_allowed: Duration) -> Vec<String> {
        let records = batch.iter().enumerate().map(|(index, message)| self.record(index, message)).collect();
        self.hand_over(records, time_allowed).await
    }

    async fn hand_over(&self, records: Vec<Value>, time_allowed: Duration) -> Vec<String> {
        let answer = self.function.invoke_within(time_allowed, json!({"Records": records})).await;
        let failures = answer["batchItemFailures"].as_array().unwrap_or_else(|| panic!("{answer}"));
        failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
    }

    /// The visibility timeouts that the dispatcher has set since the last call, by receipt handle.
    pub(crate) fn waits(&self) -> Vec<(String, u64)> {
        let set = self.aws.take_calls().into_iter().filter(|call| call.operation == "ChangeMessageVisibilityBatch");
        let entries = set.flat_map(|call| call.input["Entries"].as_array().cloned().unwrap());
        entries
            .map(|entry| {
                let handle = entry["ReceiptHandle"].as_str().unwrap().to_owned();
                (handle, entry["VisibilityTimeout"].as_u64().unwrap())
            })
            .collect()
    }

    fn record(&self, index: usize, message: &OnQueue<'_>) -> Value {
        record(index, message.group, &self.envelope(message.webhook, message.age))
    }

    /// The envelope of `webhook`, received this long ago.
    pub(crate) fn envelope(&self, webhook: &Webhook, age: Duration) -> Envelope {
        let (name, received_at) = (self.integration.name.clone(), Timestamp::now() - age);
        Envelope::new(name, PlatformName::GenesysCloud, received_at, &webhook.body).unwrap()
    }

    /// Dispatches this envelope in its customer's group of the stack's queue.
    pub(crate) async fn dispatch_envelope(&self, envelope: &Envelope) -> Vec<String> {
        self.hand_over(vec![self.own_record(envelope)], Duration::from_secs(30)).await
    }

    fn own_record(&self, envelope: &Envelope) -> Value {
        let group = envelope.message().unwrap().ordering_group(&self.integration.name);
        record(0, group.as_str(), envelope)
    }
}

fn record(index: usize, group: &str, envelope: &Envelope) -> Value {
    json!({
        "messageId": format!("m-{index}"),
        "receiptHandle": format!("r-{index}"),
        "body": envelope.to_json().unwrap(),
        "eventSource": "aws:sqs",
        "attributes": {"MessageGroupId": group, "ApproximateReceiveCount": "1"},
        "messageAttributes": {},
    })
}
