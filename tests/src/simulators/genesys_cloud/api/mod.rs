//! The API of Genesys Cloud: tokens, messages from both sides, receipts, media, the directory and cards. It checks
//! every request against the published models as strictly as the real platform, can inject faults, and posts webhooks.

mod agents;
mod answers;
mod channels;
mod control;
mod conversation_calls;
mod conversations;
mod inbound;
mod integrations;
mod media;
pub(crate) mod models;
mod outbound;
mod platform;
mod profiles;
mod router;
#[cfg(test)]
mod tests;
mod tokens;
mod transcripts;
mod users;
mod webhooks;

pub use crate::simulators::faults::Fault;
pub use conversations::{AGENT, Conversation, QUEUE};
pub use media::{ScanResult, Upload};
pub use platform::Call;
pub use profiles::Kind;
pub use transcripts::{Entry, Shown, State, Transcript};
pub use webhooks::{Author, Posted};

use crate::harness::listener::listen;
use crate::harness::server::{Server, origin};
use crate::simulators::credentials::Credentials;
use crate::simulators::messaging_service::WAIT_TIMEOUT;
use platform::Platform;
use router::router;
use serde_json::Value;
use std::sync::Arc;

pub const CLIENT_ID: &str = "client-of-the-tests";
pub const CLIENT_SECRET: &str = "client-secret-of-the-tests";

/// The names of the calls in these tests.
pub const OPERATIONS: [&str; 29] = [
    "agentless",
    "receipt",
    "inbound-message",
    "inbound-event",
    "structured-response",
    "agent-message",
    "agent-typing",
    "create-upload",
    "media",
    "users",
    "user-search",
    "channel-message",
    "create-integration",
    "integrations",
    "integration",
    "update-integration",
    "identity-resolution",
    "update-identity-resolution",
    "delete-integration",
    "conversation",
    "end-conversation",
    "messaging-settings",
    "create-messaging-setting",
    "messaging-setting",
    "update-messaging-setting",
    "supported-contents",
    "create-supported-content",
    "supported-content",
    "update-supported-content",
];

/// The running platform. It ends when this is dropped.
pub struct GenesysCloud {
    /// The `domain` of an integration that uses this platform.
    pub url: String,
    platform: Arc<Platform>,
    _server: Server,
}

impl Drop for GenesysCloud {
    fn drop(&mut self) {
        self.platform.webhooks.end();
    }
}

impl GenesysCloud {
    pub async fn start() -> Self {
        let listener = listen();
        let url = origin(&listener);
        let platform = Arc::new(Platform::new(url.clone()));
        let server = Server::on(listener, router(Arc::clone(&platform)));
        Self { url, platform, _server: server }
    }

    /// The accepted secrets of the OAuth client.
    #[must_use]
    pub fn client_secrets(&self) -> &Credentials {
        &self.platform.tokens.secrets
    }

    /// The valid tokens.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        self.platform.tokens.good()
    }

    /// The number of token requests.
    #[must_use]
    pub fn token_requests(&self) -> usize {
        *self.platform.tokens.requests.lock().expect("no panic")
    }

    /// All successful calls.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.platform.calls.lock().expect("no panic").clone()
    }

    /// The successful calls of one operation.
    #[must_use]
    pub fn calls_of(&self, operation: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.operation == operation).collect()
    }

    /// The number of calls, successful or not.
    #[must_use]
    pub fn attempts(&self) -> usize {
        *self.platform.attempts.borrow()
    }

    /// Waits for at least `count` successful calls, and returns them.
    pub async fn wait_for_calls(&self, count: usize) -> Vec<Call> {
        self.wait_until(|calls| calls.len() >= count).await;
        self.calls()
    }

    /// Waits for at least `count` successful calls of one operation, and returns them.
    pub async fn wait_for_calls_of(&self, operation: &str, count: usize) -> Vec<Call> {
        self.wait_until(|calls| calls.iter().filter(|call| call.operation == operation).count() >= count).await;
        self.calls_of(operation)
    }

    /// Waits for a successful call, and returns it.
    pub async fn wait_for_call(&self, wanted: impl Fn(&Call) -> bool) -> Call {
        self.wait_until(|calls| calls.iter().any(&wanted)).await;
        self.calls().into_iter().find(wanted).expect("it was there")
    }

    async fn wait_until(&self, enough: impl Fn(&[Call]) -> bool) {
        let mut attempts = self.platform.attempts.subscribe();
        let waiting = attempts.wait_for(|_| enough(&self.calls()));
        let in_time = tokio::time::timeout(WAIT_TIMEOUT, waiting).await.is_ok();
        assert!(in_time, "the platform was not called; so far: {:?}", self.calls());
    }

    /// The customer's conversation, if any. The newest one if several integrations have one.
    #[must_use]
    pub fn conversation(&self, customer: &str) -> Option<Conversation> {
        self.platform.conversations.of(customer)
    }

    /// The customer's messages and responses in a conversation, as the platform returned them, each once.
    #[must_use]
    pub fn inbound_messages(&self, conversation: &Conversation) -> Vec<Value> {
        self.platform.conversations.messages(conversation)
    }

    /// All created uploads, with their bytes if uploaded.
    #[must_use]
    pub fn uploads(&self) -> Vec<Upload> {
        self.platform.uploads.all()
    }

    /// The number of uploads of bytes, successful or not.
    #[must_use]
    pub fn upload_attempts(&self) -> usize {
        *self.platform.uploads.attempts.lock().expect("no panic")
    }

    /// The Open Messaging integrations that were created through the API, in their present state.
    #[must_use]
    pub fn integrations(&self) -> Vec<Value> {
        self.platform.integrations.all()
    }

    /// The messaging settings or supported content profiles, in their present state.
    #[must_use]
    pub fn profiles(&self, kind: Kind) -> Vec<Value> {
        self.platform.profiles.of(kind)
    }

    /// How many times agents have seen that this customer is typing.
    #[must_use]
    pub fn shown_typing(&self, customer: &str) -> usize {
        self.platform.shown_typing.lock().expect("no panic").iter().filter(|one| *one == customer).count()
    }

    /// The identity resolution of an Open Messaging integration.
    #[must_use]
    pub fn identity_resolution(&self, integration_id: &str) -> Value {
        self.platform.integrations.identity_resolution(integration_id)
    }

    /// Waits for at least `count` finished webhook attempts, and returns them.
    pub async fn wait_for_webhooks(&self, count: usize) -> Vec<Posted> {
        let mut posted = self.platform.webhooks.posted();
        let waiting = tokio::time::timeout(WAIT_TIMEOUT, posted.wait_for(|posted| posted.len() >= count)).await;
        let Ok(posted) = waiting else { panic!("no webhooks; so far: {:?}", self.webhooks()) };
        posted.expect("the platform is there").clone()
    }

    /// Waits until every webhook has a final response or no retries left, and returns all attempts.
    pub async fn finished_webhooks(&self) -> Vec<Posted> {
        let mut pending = self.platform.webhooks.pending();
        let in_time = tokio::time::timeout(WAIT_TIMEOUT, pending.wait_for(|pending| *pending == 0)).await.is_ok();
        assert!(in_time, "webhooks are still to be posted; so far: {:?}", self.webhooks());
        self.webhooks()
    }

    /// All finished webhook attempts.
    #[must_use]
    pub fn webhooks(&self) -> Vec<Posted> {
        self.platform.webhooks.posted().borrow().clone()
    }
}
