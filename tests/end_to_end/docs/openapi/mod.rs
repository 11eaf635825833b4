//! The deployed functions behave as docs/openapi.yaml states.

mod conformance;
mod examples;
mod generated_clients;
mod reference;
mod refusals;

use crate::fixtures::WithPlatform;
use axum::http::Method;
use serde_json::json;
use tests::harness::caller::Request;
use tests::harness::stack::Stack;
use tests::simulators::genesys_cloud::api::Conversation;
use tests::spec::openapi::{Operation, Received};

/// The Open Messaging integration, the user and the user's address in the examples.
const INTEGRATION_ID: &str = "73cb7fb7-c2db-4996-88f3-0a83a4fea1da";
const USER_ID: &str = "5d0d331e-d2a8-4fb5-96f7-7021bef2a8ee";
const USER_EMAIL: &str = "ada@example.com";
/// The message with the choices in the examples.
const MESSAGE_ID: &str = "c327c2078ca056db130c55ce648d9fa2";

/// The number of operations tested concurrently.
const AT_ONCE: usize = 3;

/// The simulated Genesys Cloud with the examples' data, and an integration of it.
struct Fixture {
    with_platform: WithPlatform,
    conversation: Conversation,
    /// The method of its requests.
    method: Method,
}

impl Fixture {
    /// An integration with this card route. Files may be fetched from `assets_url`.
    async fn start(card_route: &str, delivery_url: &str, assets_url: &str) -> Self {
        let name = format!("test-{}", uuid::Uuid::new_v4());
        let with_platform = WithPlatform::named(&name, INTEGRATION_ID, delivery_url, |configuration| {
            configuration["cards"] = json!({"route": card_route});
            configuration["media"] = json!({"trustedOrigins": [assets_url]});
        })
        .await;
        with_platform.platform.add_user(USER_ID, USER_EMAIL);
        with_platform.platform.know_message(MESSAGE_ID);
        let conversation = with_platform.platform.open_conversation(INTEGRATION_ID, "customer-17");
        Self { with_platform, conversation, method: Method::POST }
    }

    /// The operation's route with real ids.
    fn route(&self, operation: &Operation<'_>) -> String {
        let Conversation { conversation_id, communication_id, .. } = &self.conversation;
        let route = operation.route().replace("{conversationId}", conversation_id);
        route.replace("{communicationId}", communication_id)
    }

    /// Makes the requests of this operation.
    fn of(self, operation: &Operation<'_>) -> Self {
        Self { method: operation.method.parse().expect("a method"), ..self }
    }

    /// The operation's URL.
    fn url(&self, operation: &Operation<'_>) -> String {
        self.with_platform.integration.route_url(&self.route(operation))
    }

    async fn send(&self, url: &str, request: &Request) -> Received {
        send(&self.with_platform.stack, &self.method, url, request).await
    }
}

async fn send(stack: &Stack, method: &Method, url: &str, request: &Request) -> Received {
    let mut builder = stack.http.request(method.clone(), url).body(request.body.clone());
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    Received::read(builder.send().await.expect("the stack answers")).await
}
