//! Genesys Multicloud CX in both directions, with its differences from Genesys Cloud.

mod deferred_files;
mod file_host;
mod files;
mod messages;
mod receipts;
mod signals;
mod webhooks;

use serde_json::{Value, json};
use tests::harness::caller::Request;
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud::ApiResponse;
use tests::simulators::messaging_service::{MessagingService, Reply};
use tests::simulators::multicloud_cx::api::MulticloudCx;
use tests::simulators::multicloud_cx::{Webhook, configuration, sample};

const CHANNEL: &str = "0123456789";
const CUSTOMER: &str = "16504661149";

/// The stack, the platform, a messaging service, and an integration that connects them.
struct Fixture {
    stack: Stack,
    platform: MulticloudCx,
    service: MessagingService,
    integration: TestIntegration,
}

impl Fixture {
    async fn start() -> Self {
        Self::answering(Reply::status(200)).await
    }

    /// With a messaging service that sends this reply.
    async fn answering(reply: Reply) -> Self {
        Self::configured(MulticloudCx::start().await, reply, |_| {}).await
    }

    /// In a channel without uploads: its files are named by their own URLs.
    async fn without_uploads() -> Self {
        let off = |configuration: &mut Value| configuration["uploadFiles"] = false.into();
        Self::configured(MulticloudCx::start().await, Reply::status(200), off).await
    }

    async fn configured(platform: MulticloudCx, reply: Reply, change: impl FnOnce(&mut Value)) -> Self {
        let stack = Stack::connect().await;
        let service = MessagingService::with_handler(move |_, _| reply.clone()).await;
        let mut configuration = configuration(&platform.url, CHANNEL, &service.url);
        change(&mut configuration);
        let integration = stack.integration_of(CHANNEL, &configuration).await;
        Self { stack, platform, service, integration }
    }

    fn webhook(name: &str) -> Webhook {
        sample(name).fill(CHANNEL, CUSTOMER)
    }

    async fn post(&self, webhook: &Webhook) -> ApiResponse {
        webhook.post(&self.stack, &self.integration).await
    }

    /// Posts a webhook that must be accepted, and returns the message's id.
    async fn send(&self, webhook: &Webhook) -> String {
        webhook.accepted(&self.stack, &self.integration).await;
        webhook.id()
    }

    async fn call(&self, route: &str, body: &Value) -> ApiResponse {
        Request::new(body).signed().post(&self.stack, &self.integration, route).await
    }
}

fn receipt(message_id: &str, status: &str) -> Value {
    json!({"messageId": message_id, "to": {"id": CUSTOMER}, "status": status})
}

fn two_delivered() -> Value {
    json!({"receipts": [receipt("m-1", "delivered"), receipt("m-2", "delivered")]})
}

/// A receipt in the platform's form.
fn posted(message_id: &str, status: &str) -> Value {
    json!({
        "channel": {"from": {"id": CHANNEL}, "to": {"id": CUSTOMER}, "messageId": message_id},
        "type": "Receipt",
        "status": status,
    })
}

fn written(message_id: &str, change: &Value) -> Value {
    let mut body = json!({"messageId": message_id, "from": {"id": CUSTOMER}, "time": "2026-01-02T03:04:05Z"});
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    body
}
