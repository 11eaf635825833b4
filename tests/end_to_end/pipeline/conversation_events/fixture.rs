//! A conversation whose events come from the platform.

use serde_json::Value;
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud::events::{EventSource, Session};
use tests::simulators::genesys_cloud::{self, Webhook};
use tests::simulators::messaging_service::{Attempt, MessagingService};
use uuid::Uuid;

/// A customer's conversation in an integration, and the event source of its organisation.
pub(super) struct Story {
    pub(super) stack: Stack,
    pub(super) service: MessagingService,
    pub(super) integration: TestIntegration,
    pub(super) source: EventSource,
    pub(super) conversation_id: String,
    pub(super) customer: String,
}

impl Story {
    pub(super) async fn start() -> Self {
        Self::with(MessagingService::start().await).await
    }

    pub(super) async fn with(service: MessagingService) -> Self {
        let stack = Stack::connect().await;
        let integration = stack.integration(&service.url, |_| {}).await;
        let source = EventSource::of(&stack);
        let (conversation_id, customer) = (Uuid::new_v4().to_string(), format!("customer-{}", Uuid::new_v4()));
        Self { stack, service, integration, source, conversation_id, customer }
    }

    pub(super) fn session(&self) -> Session {
        Session::new(&self.conversation_id)
    }

    /// A message of the agent, whose webhook names the conversation.
    pub(super) fn message(&self) -> Webhook {
        let mut webhook = genesys_cloud::text(&self.integration, &self.customer, "hello").json();
        webhook["conversationId"] = self.conversation_id.clone().into();
        webhook["channel"]["to"]["idType"] = "Email".into();
        Webhook::new(webhook.to_string())
    }

    /// The agent has written: it is known whose conversation it is.
    pub(super) async fn agent_writes(&self) {
        let message = self.message();
        message.accepted(&self.stack, &self.integration).await;
        self.service.wait_for(&message.id()).await;
    }

    /// The accepted deliveries of events, once there are this many.
    pub(super) async fn events(&self, count: usize) -> Vec<Value> {
        let is_event = |attempt: &&Attempt| attempt.body["data"].get("sessionId").is_some();
        let accepted = |attempt: &&Attempt| attempt.answered.is_success() && is_event(attempt);
        let enough = |attempts: &[Attempt]| attempts.iter().filter(accepted).count() >= count;
        let attempts = self.service.wait_until(enough).await;
        attempts.iter().filter(accepted).map(|attempt| attempt.body.clone()).collect()
    }
}

pub(super) fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}
