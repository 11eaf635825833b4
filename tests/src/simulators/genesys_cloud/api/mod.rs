//! The API of Genesys Cloud: tokens, messages from both sides, receipts, media, the directory and cards. It checks
//! every request against the published models as strictly as the real platform, can inject faults, and posts webhooks.

mod answers;
mod channels;
mod conversation_calls;
mod conversations;
mod inbound;
mod integrations;
mod media;
pub(crate) mod models;
mod outbound;
mod platform;
mod profiles;
#[cfg(test)]
mod tests;
mod tokens;
mod users;
mod webhooks;

pub use crate::simulators::faults::Fault;
pub use conversations::{AGENT, Conversation, QUEUE};
pub use media::{ScanResult, Upload};
pub use platform::Call;
pub use profiles::Kind;
pub use webhooks::Posted;

use super::events::EventSource;
use crate::harness::listener::listen;
use crate::simulators::credentials::Credentials;
use answers::Refusal;
use axum::Router;
use axum::routing::{any, get, patch, post, put};
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
use crate::simulators::messaging_service::WAIT_TIMEOUT;

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

    /// Injects faults into the next calls, one each.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.platform.faults.plan(Target::AnyCall, faults);
    }

    /// Injects faults into the next calls of one operation. They come before faults of any call.
    pub fn fail_operation(&self, operation: &str, faults: impl IntoIterator<Item = Fault>) {
        assert!(OPERATIONS.contains(&operation), "{operation} is none of {OPERATIONS:?}");
        self.platform.faults.plan(Target::Operation(operation.to_owned()), faults);
    }

    /// Injects faults into the next requests for a token.
    pub fn fail_tokens(&self, faults: impl IntoIterator<Item = Fault>) {
        self.platform.faults.plan(Target::Tokens, faults);
    }

    /// Injects faults into the next uploads of bytes.
    pub fn fail_uploads(&self, faults: impl IntoIterator<Item = Fault>) {
        self.platform.faults.plan(Target::Uploads, faults);
    }

    /// Sets the lifetime of new tokens.
    pub fn set_token_life(&self, life: Duration) {
        *self.platform.tokens.life.lock().expect("no panic") = life;
    }

    /// The accepted secrets of the OAuth client.
    #[must_use]
    pub fn client_secrets(&self) -> &Credentials {
        &self.platform.tokens.secrets
    }

    /// Invalidates all tokens.
    pub fn revoke_tokens(&self) {
        self.platform.tokens.revoke();
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

    /// The customer's conversation as it would be after an inbound message, without creating one.
    pub fn open_conversation(&self, integration_id: &str, customer: &str) -> Conversation {
        self.know_integration(integration_id);
        self.platform.conversations.joined(integration_id, customer, IdType::Opaque)
    }

    /// Replaces the agents of a conversation, by default one connected: their communications and states.
    pub fn set_agents(&self, conversation: &Conversation, agents: &[(&str, &'static str)]) {
        self.platform.conversations.set_agents(conversation, agents);
    }

    /// Puts what happens to conversations onto the event bus, from now on.
    pub fn connect_events(&self, source: EventSource) {
        *self.platform.events.lock().expect("no panic") = Some(source);
    }

    /// An agent ends the conversation. Returns when its events are on the event bus.
    pub async fn end_conversation(&self, conversation: &Conversation) {
        let ended = self.platform.conversations.end(&conversation.conversation_id);
        let ended = ended.unwrap_or_else(|_| panic!("there is no such conversation"));
        let source = self.platform.events.lock().expect("no panic").clone().expect("an event source");
        source.put_end(&ended, "PEER").await;
    }

    /// The customer's messages and responses in a conversation, as the platform returned them, each once.
    #[must_use]
    pub fn inbound_messages(&self, conversation: &Conversation) -> Vec<Value> {
        self.platform.conversations.messages(conversation)
    }

    /// Makes an Open Messaging integration exist, without showing it among those of the API.
    pub fn know_integration(&self, id: &str) {
        self.platform.known_integrations.lock().expect("no panic").insert(id.to_owned());
    }

    /// Makes a configuration one of this platform, where its integration exists from now on.
    pub fn host(&self, configuration: &mut Value) {
        configuration["domain"] = self.url.clone().into();
        self.know_integration(configuration["integrationId"].as_str().expect("an id"));
    }

    /// Makes a message to a customer exist, which the customer's responses may refer to.
    pub fn know_message(&self, id: &str) {
        self.platform.conversations.remember(id);
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

    /// Sets the result of the scan of uploads.
    pub fn set_scan_result(&self, scan_result: ScanResult) {
        *self.platform.uploads.scan_result.lock().expect("no panic") = scan_result;
    }

    /// Adds a user to the directory with a channel. Several users may have the same address.
    pub fn add_user(&self, id: &str, email: &str) {
        self.platform.users.add(id, email);
    }

    /// Searches return every user, whatever they ask for.
    pub fn ignore_search_criteria(&self) {
        self.platform.users.ignores_criteria.store(true, Ordering::Relaxed);
    }

    /// Removes a user and the user's channel.
    pub fn remove_user(&self, id: &str) {
        self.platform.users.remove(id);
    }

    /// The Open Messaging integrations that were created through the API, in their present state.
    #[must_use]
    pub fn integrations(&self) -> Vec<Value> {
        self.platform.integrations.all()
    }

    /// Adds an Open Messaging integration, as if by hand.
    pub fn add_integration(&self, id: &str, webhook_url: &str, secret: &str) {
        self.platform.integrations.add(json!({
            "id": id,
            "name": "made by hand",
            "outboundNotificationWebhookUrl": webhook_url,
            "outboundNotificationWebhookSignatureSecretToken": secret,
            "createStatus": "Completed",
        }));
    }

    /// The messaging settings or supported content profiles, in their present state.
    #[must_use]
    pub fn profiles(&self, kind: Kind) -> Vec<Value> {
        self.platform.profiles.of(kind)
    }

    /// Adds a profile with this content, as if by hand, and returns its id.
    pub fn add_profile(&self, kind: Kind, profile: Value) -> String {
        self.platform.profiles.add(kind, profile, true)["id"].as_str().expect("an id").to_owned()
    }

    /// Assigns a profile to an Open Messaging integration, as if by hand.
    pub fn assign_profile(&self, integration_id: &str, kind: Kind, profile: &str) {
        let reference = self.platform.profiles.reference(kind, &profile.into()).expect("a profile");
        self.platform.integrations.set(integration_id, kind.field(), reference);
    }

    /// Enables typing in both directions and every media type for an Open Messaging integration, as if by hand.
    pub fn allow_everything(&self, integration_id: &str) {
        let on = json!({"inbound": "Enabled", "outbound": "Enabled"});
        let setting = json!({"name": "Everything", "event": {"typing": {"on": on}}});
        let any = json!([{"type": "*/*"}]);
        let content = json!({"name": "Everything", "mediaTypes": {"allow": {"inbound": any, "outbound": any}}});
        for (kind, profile) in [(Kind::MessagingSetting, setting), (Kind::SupportedContent, content)] {
            self.assign_profile(integration_id, kind, &self.add_profile(kind, profile));
        }
    }

    /// Refuses new supported content profiles from now on.
    pub fn disable_supported_content(&self) {
        self.platform.profiles.creation_disabled.store(true, Ordering::Relaxed);
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

    /// Changes a field of an Open Messaging integration, as if by hand.
    pub fn set_integration(&self, id: &str, field: &str, value: impl Into<Value>) {
        self.platform.integrations.set(id, field, value.into());
    }

    /// Deletes an Open Messaging integration, as if by hand.
    pub fn remove_integration(&self, id: &str) {
        self.platform.integrations.remove(id);
    }

    /// Revokes a permission of the client's role, such as `messaging:integration:add`.
    pub fn revoke_permission(&self, permission: &str) {
        self.platform.revoked.lock().expect("no panic").insert(permission.to_owned());
    }

    pub fn grant_permission(&self, permission: &str) {
        self.platform.revoked.lock().expect("no panic").remove(permission);
    }

    /// Removes the operation that sends cards: its path responds 404.
    pub fn without_channels(&self) {
        self.platform.has_channels.store(false, Ordering::Relaxed);
    }

    /// Posts the integration's messages and receipts to its webhook, signed with its secret, from now on.
    pub fn connect(&self, webhook_url: impl Into<String>, secret: impl Into<String>, integration_id: &str) {
        self.know_integration(integration_id);
        self.platform.webhooks.connect(integration_id, webhook_url.into(), secret.into(), Vec::new());
    }

    /// An agent writes to a customer. Posts the message to the integration's webhook in the background and returns its
    /// id.
    pub fn post_text(&self, integration_id: &str, customer: &str, text: &str) -> String {
        let id = Uuid::new_v4().simple().to_string();
        let conversation = self.open_conversation(integration_id, customer);
        self.know_message(&id);
        self.platform.webhooks.post(Webhook::text(&conversation, &id, text));
        id
    }

    /// Sets the timeout of later webhooks (10 s by default) and the pause before a retry (5 s by default).
    pub fn set_webhook_timeout(&self, time_out: Duration, pause: Duration) {
        self.platform.webhooks.set_timeouts(time_out, pause);
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

fn router(platform: Arc<Platform>) -> Router {
    const MESSAGES: &str = "/api/v2/conversations/messages";
    const MESSAGING: &str = "/api/v2/conversations/messaging";
    const INTEGRATIONS: &str = "/api/v2/conversations/messaging/integrations/open";
    let inbound = |rest: &str| format!("{MESSAGES}/{{integration}}/inbound/open/{rest}");
    let communication = |rest: &str| format!("{MESSAGES}/{{conversation}}/communications/{{communication}}/{rest}");
    let mut router = Router::new();
    for kind in Kind::BOTH {
        let collection = format!("{MESSAGING}/{}", kind.collection());
        router = router
            .route(
                &collection,
                get(move |state, incoming| profiles::list(kind, state, incoming))
                    .post(move |state, incoming| profiles::create(kind, state, incoming)),
            )
            .route(
                &format!("{collection}/{{profile}}"),
                get(move |state, id, incoming| profiles::one(kind, state, id, incoming))
                    .patch(move |state, id, incoming| profiles::update(kind, state, id, incoming)),
            );
    }
    router
        .route("/oauth/token", post(tokens::token))
        .route("/api/v2/conversations/{conversation}", get(conversation_calls::show))
        .route(&format!("{MESSAGES}/{{conversation}}"), patch(conversation_calls::end))
        .route("/api/v2/conversations/messages/agentless", post(outbound::agentless))
        .route(&inbound("receipt"), post(inbound::receipt))
        .route(&inbound("message"), post(inbound::message))
        .route(&inbound("event"), post(inbound::event))
        .route(&inbound("structured/response"), post(inbound::structured_response))
        .route(&communication("messages"), post(outbound::agent_message))
        .route(&communication("typing"), post(outbound::agent_typing))
        .route(&communication("messages/media/uploads"), post(media::create))
        .route(&communication("messages/media/{media}"), get(media::status))
        .route("/api/v2/users", get(users::list))
        .route("/api/v2/users/search", post(users::search))
        .route("/api/v2/openmessaging/channels/{channel}/messages", any(channels::channel_message))
        .route(INTEGRATIONS, get(integrations::list).post(integrations::create))
        .route(
            &format!("{INTEGRATIONS}/{{integration}}"),
            get(integrations::one).patch(integrations::update).delete(integrations::delete),
        )
        .route(
            &format!("{MESSAGING}/identityresolution/integrations/open/{{integration}}"),
            get(integrations::identity_resolution).put(integrations::set_identity_resolution),
        )
        .route("/uploads/{upload}", put(media::put))
        .route("/media/{media}", get(media::download))
        .fallback(|_: Incoming| async { Refusal::not_found("The requested resource was not found.") })
        .with_state(platform)
}
