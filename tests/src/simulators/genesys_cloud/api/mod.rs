//! Genesys Cloud as far as we call it: tokens, messages from either side, receipts, media, the directory and cards. It
//! checks every request against the published models as strictly as the real one, it can be told to fail, and it posts
//! its webhooks where it is told to.

mod answers;
mod channels;
mod conversations;
mod inbound;
mod integrations;
mod media;
pub(crate) mod models;
mod outbound;
mod platform;
#[cfg(test)]
mod tests;
mod tokens;
mod users;
mod webhooks;

pub use crate::simulators::faults::Fault;
pub use conversations::Conversation;
pub use media::{Upload, Verdict};
pub use platform::Call;
pub use webhooks::Posted;

use crate::harness::listener::listen;
use crate::simulators::credentials::Credentials;
use answers::Refusal;
use axum::Router;
use axum::routing::{any, get, post, put};
use models::IdType;
use platform::{Incoming, Platform};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use uuid::Uuid;
use webhooks::Webhook;

use crate::harness::server::{Server, origin};
use crate::simulators::faults::Target;
use crate::simulators::messaging_service::PATIENCE;

/// The OAuth client that it knows.
pub const CLIENT_ID: &str = "client-of-the-tests";
/// That client's secret.
pub const CLIENT_SECRET: &str = "client-secret-of-the-tests";

/// What the calls are called here.
pub const OPERATIONS: [&str; 16] = [
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
    "channel-message",
    "create-integration",
    "integrations",
    "integration",
    "update-integration",
    "delete-integration",
];

/// The running platform; it ends when this is dropped.
pub struct GenesysCloud {
    /// What an integration's `domain` must be to lead here.
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
    /// Starts it.
    pub async fn start() -> Self {
        let listener = listen();
        let url = origin(&listener);
        let platform = Arc::new(Platform::new(url.clone()));
        let server = Server::on(listener, router(Arc::clone(&platform)));
        Self { url, platform, _server: server }
    }

    /// The next calls go wrong so, one after the other.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.platform.faults.plan(Target::AnyCall, faults);
    }

    /// The next calls of one operation go wrong so; its own faults come before those for any call.
    ///
    /// # Panics
    /// If there is no such operation.
    pub fn fail_operation(&self, operation: &str, faults: impl IntoIterator<Item = Fault>) {
        assert!(OPERATIONS.contains(&operation), "{operation} is none of {OPERATIONS:?}");
        self.platform.faults.plan(Target::Operation(operation.to_owned()), faults);
    }

    /// The next requests for a token go wrong so.
    pub fn fail_tokens(&self, faults: impl IntoIterator<Item = Fault>) {
        self.platform.faults.plan(Target::Tokens, faults);
    }

    /// The next uploads of bytes go wrong so.
    pub fn fail_uploads(&self, faults: impl IntoIterator<Item = Fault>) {
        self.platform.faults.plan(Target::Uploads, faults);
    }

    /// How long tokens live from now on.
    pub fn set_token_life(&self, life: Duration) {
        *self.platform.tokens.life.lock().expect("no panic") = life;
    }

    /// The secrets of the OAuth client.
    #[must_use]
    pub fn client_secrets(&self) -> &Credentials {
        &self.platform.tokens.secrets
    }

    /// All tokens given out so far are no longer good.
    pub fn revoke_tokens(&self) {
        self.platform.tokens.revoke();
    }

    /// The tokens that are good.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        self.platform.tokens.good()
    }

    /// How many tokens were asked for.
    #[must_use]
    pub fn token_requests(&self) -> usize {
        *self.platform.tokens.requests.lock().expect("no panic")
    }

    /// All calls that were done.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.platform.calls.lock().expect("no panic").clone()
    }

    /// The calls of one operation that were done.
    #[must_use]
    pub fn calls_of(&self, operation: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.operation == operation).collect()
    }

    /// How many calls came in, whatever became of them.
    #[must_use]
    pub fn attempts(&self) -> usize {
        *self.platform.attempts.borrow()
    }

    /// Waits until so many calls have been done, and returns them.
    pub async fn wait_for_calls(&self, count: usize) -> Vec<Call> {
        self.wait_until(|calls| calls.len() >= count).await;
        self.calls()
    }

    /// Waits until so many calls of one operation have been done, and returns them.
    pub async fn wait_for_calls_of(&self, operation: &str, count: usize) -> Vec<Call> {
        self.wait_until(|calls| calls.iter().filter(|call| call.operation == operation).count() >= count).await;
        self.calls_of(operation)
    }

    async fn wait_until(&self, enough: impl Fn(&[Call]) -> bool) {
        let mut attempts = self.platform.attempts.subscribe();
        let waiting = attempts.wait_for(|_| enough(&self.calls()));
        let in_time = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(in_time, "the platform was not called; so far: {:?}", self.calls());
    }

    /// The customer's conversation, if there is one; the newest, if several integrations have one.
    #[must_use]
    pub fn conversation(&self, customer: &str) -> Option<Conversation> {
        self.platform.conversations.of(customer)
    }

    /// The customer's conversation as it would be after an inbound message, without there being one.
    pub fn open_conversation(&self, integration_id: &str, customer: &str) -> Conversation {
        self.platform.conversations.joined(integration_id, customer, IdType::Opaque)
    }

    /// The customer's messages and responses in a conversation, as the platform answered them; each once, however often
    /// it was posted.
    #[must_use]
    pub fn inbound_messages(&self, conversation: &Conversation) -> Vec<Value> {
        self.platform.conversations.messages(conversation)
    }

    /// All uploads that were created, with their bytes where they are there.
    #[must_use]
    pub fn uploads(&self) -> Vec<Upload> {
        self.platform.uploads.all()
    }

    /// How many times somebody put bytes, whatever became of them.
    #[must_use]
    pub fn upload_attempts(&self) -> usize {
        *self.platform.uploads.attempts.lock().expect("no panic")
    }

    /// What the check of uploads comes to from now on.
    pub fn set_verdict(&self, verdict: Verdict) {
        *self.platform.uploads.verdict.lock().expect("no panic") = verdict;
    }

    /// A user in the directory, and with it the user's channel. Several may have the same address.
    pub fn add_user(&self, id: &str, email: &str) {
        self.platform.users.add(id, email);
    }

    /// A user who leaves, and with whom the user's channel goes.
    pub fn remove_user(&self, id: &str) {
        self.platform.users.remove(id);
    }

    /// The open-messaging integrations that were made through the API, as they are now.
    #[must_use]
    pub fn integrations(&self) -> Vec<Value> {
        self.platform.integrations.all()
    }

    /// An open-messaging integration that somebody made by hand.
    pub fn add_integration(&self, id: &str, webhook_url: &str, secret: &str) {
        self.platform.integrations.add(json!({
            "id": id,
            "name": "made by hand",
            "outboundNotificationWebhookUrl": webhook_url,
            "outboundNotificationWebhookSignatureSecretToken": secret,
            "createStatus": "Completed",
        }));
    }

    /// Somebody changes a field of an open-messaging integration by hand, or the platform does so.
    ///
    /// # Panics
    /// If there is none with that id.
    pub fn set_integration(&self, id: &str, field: &str, value: impl Into<Value>) {
        self.platform.integrations.set(id, field, value.into());
    }

    /// Somebody deletes an open-messaging integration by hand.
    ///
    /// # Panics
    /// If there is none with that id.
    pub fn remove_integration(&self, id: &str) {
        self.platform.integrations.remove(id);
    }

    /// Takes a permission from the client's role, such as `messaging:integration:add`.
    pub fn withhold(&self, permission: &str) {
        self.platform.withheld.lock().expect("no panic").insert(permission.to_owned());
    }

    /// Gives it back.
    pub fn grant(&self, permission: &str) {
        self.platform.withheld.lock().expect("no panic").remove(permission);
    }

    /// The organisation does not have the operation that takes cards: all on that path is answered 404.
    pub fn without_channels(&self) {
        self.platform.has_channels.store(false, Ordering::Relaxed);
    }

    /// From now on the integration's messages and receipts are posted to its webhook, signed with its secret.
    pub fn connect(&self, webhook_url: impl Into<String>, secret: impl Into<String>, integration_id: &str) {
        self.platform.webhooks.connect(integration_id, webhook_url.into(), secret.into());
    }

    /// An agent writes to a customer: posts the message to the integration's webhook by and by, and returns its id.
    pub fn post_text(&self, integration_id: &str, customer: &str, text: &str) -> String {
        let id = Uuid::new_v4().simple().to_string();
        let conversation = self.open_conversation(integration_id, customer);
        self.platform.webhooks.post(Webhook::text(&conversation, &id, text));
        id
    }

    /// How long webhooks that are yet to come wait for an answer (10 s if nothing else is said), and for how long they
    /// pause before they are posted once more (5 s).
    pub fn set_webhook_patience(&self, time_out: Duration, pause: Duration) {
        self.platform.webhooks.be_patient(time_out, pause);
    }

    /// Waits until so many attempts to post a webhook have come to an end, and returns them.
    pub async fn wait_for_webhooks(&self, count: usize) -> Vec<Posted> {
        let mut posted = self.platform.webhooks.posted();
        let waiting = tokio::time::timeout(PATIENCE, posted.wait_for(|posted| posted.len() >= count)).await;
        let Ok(posted) = waiting else { panic!("no webhooks; so far: {:?}", self.webhooks()) };
        posted.expect("the platform is there").clone()
    }

    /// Waits until every webhook has been answered for good or given up, and returns all attempts.
    pub async fn settled_webhooks(&self) -> Vec<Posted> {
        let mut pending = self.platform.webhooks.pending();
        let in_time = tokio::time::timeout(PATIENCE, pending.wait_for(|pending| *pending == 0)).await.is_ok();
        assert!(in_time, "webhooks are still to be posted; so far: {:?}", self.webhooks());
        self.webhooks()
    }

    /// All attempts to post a webhook that have come to an end.
    #[must_use]
    pub fn webhooks(&self) -> Vec<Posted> {
        self.platform.webhooks.posted().borrow().clone()
    }
}

fn router(platform: Arc<Platform>) -> Router {
    const MESSAGES: &str = "/api/v2/conversations/messages";
    const INTEGRATIONS: &str = "/api/v2/conversations/messaging/integrations/open";
    let inbound = |rest: &str| format!("{MESSAGES}/{{integration}}/inbound/open/{rest}");
    let communication = |rest: &str| format!("{MESSAGES}/{{conversation}}/communications/{{communication}}/{rest}");
    Router::new()
        .route("/oauth/token", post(tokens::token))
        .route("/api/v2/conversations/messages/agentless", post(outbound::agentless))
        .route(&inbound("receipt"), post(inbound::receipt))
        .route(&inbound("message"), post(inbound::message))
        .route(&inbound("event"), post(inbound::event))
        .route(&inbound("structured/response"), post(inbound::structured_response))
        .route(&communication("messages"), post(outbound::agent_message))
        .route(&communication("typing"), post(outbound::agent_typing))
        .route(&communication("messages/media/uploads"), post(media::create))
        .route(&communication("messages/media/{media}"), get(media::status))
        .route("/api/v2/users", get(users::users))
        .route("/api/v2/openmessaging/channels/{channel}/messages", any(channels::channel_message))
        .route(INTEGRATIONS, get(integrations::list).post(integrations::create))
        .route(
            &format!("{INTEGRATIONS}/{{integration}}"),
            get(integrations::one).patch(integrations::update).delete(integrations::delete),
        )
        .route("/uploads/{upload}", put(media::put))
        .route("/media/{media}", get(media::download))
        .fallback(|_: Incoming| async { Refusal::not_found("The requested resource was not found.") })
        .with_state(platform)
}
