//! The state of the platform, and the checks of every API call.

use super::answers::{Done, Refusal};
use super::conversations::{Conversation, Conversations};
use super::integrations::Integrations;
use super::media::Uploads;
use super::models::{self, Invalid, Model};
use super::profiles::Profiles;
use super::tokens::Tokens;
use super::transcripts::{Shown, Transcripts};
use super::users::Users;
use super::webhooks::Webhooks;
use crate::simulators::faults::{ConnectionReset, Fault, Faults};
use crate::simulators::genesys_cloud::events::EventSource;
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use url::form_urlencoded;
use uuid::Uuid;

/// The rate limit of a token.
const ALLOWED_A_MINUTE: usize = 300;
/// The maximum size of a request body, in bytes.
const BODY_LIMIT: usize = 512_000;

/// A successful call.
#[derive(Debug, Clone)]
pub struct Call {
    /// One of [`OPERATIONS`](super::OPERATIONS).
    pub operation: &'static str,
    pub path: String,
    pub query: BTreeMap<String, String>,
    /// `null` if there is none.
    pub body: Value,
}

pub(super) struct Platform {
    pub(super) url: String,
    pub(super) tokens: Tokens,
    pub(super) faults: Faults,
    pub(super) calls: Mutex<Vec<Call>>,
    pub(super) attempts: watch::Sender<usize>,
    pub(super) conversations: Conversations,
    /// What agents see.
    pub(super) transcripts: Arc<Transcripts>,
    pub(super) uploads: Uploads,
    pub(super) users: Users,
    pub(super) integrations: Integrations,
    pub(super) profiles: Profiles,
    /// The customers whose typing agents have seen, each time.
    pub(super) shown_typing: Mutex<Vec<String>>,
    /// The ids of integrations that were not created through the API.
    pub(super) known_integrations: Mutex<HashSet<String>>,
    /// Permissions that the client's role lacks.
    pub(super) revoked: Mutex<HashSet<String>>,
    /// Whether it has the operation that sends cards.
    pub(super) has_channels: AtomicBool,
    pub(super) webhooks: Webhooks,
    /// Where the events of conversations are put.
    pub(super) events: Mutex<Option<EventSource>>,
}

pub(super) struct Incoming {
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
}

impl<S: Sync> FromRequest<S> for Incoming {
    type Rejection = StatusCode;

    async fn from_request(request: Request, _: &S) -> Result<Self, StatusCode> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.map_err(|_| StatusCode::BAD_REQUEST)?;
        Ok(Self { headers: parts.headers, uri: parts.uri, body })
    }
}

impl Incoming {
    pub(super) fn read<M: Model>(&self) -> Result<M, Refusal> {
        if self.headers.get(header::CONTENT_TYPE).is_none_or(|value| value != "application/json") {
            return Err(Invalid::new("Content-Type", "must be application/json").into());
        }
        if self.body.len() > BODY_LIMIT {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return Err(Refusal::new(status, "request.entity.too.large", "The request's body is too large."));
        }
        let body = serde_json::from_slice(&self.body).map_err(|_| Refusal::bad_request("The body is not JSON."))?;
        Ok(models::read(&body)?)
    }

    /// The raw body. `null` if it is not JSON.
    pub(super) fn body(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(super) fn query(&self) -> BTreeMap<String, String> {
        form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes()).into_owned().collect()
    }

    fn bearer_token(&self) -> Option<&str> {
        self.headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
    }
}

impl Platform {
    pub(super) fn new(url: String) -> Self {
        let transcripts = Arc::<Transcripts>::default();
        Self {
            url,
            tokens: Tokens::default(),
            faults: Faults::default(),
            calls: Mutex::default(),
            attempts: watch::Sender::default(),
            conversations: Conversations::default(),
            uploads: Uploads::default(),
            users: Users::default(),
            integrations: Integrations::default(),
            profiles: Profiles::default(),
            shown_typing: Mutex::default(),
            known_integrations: Mutex::default(),
            revoked: Mutex::default(),
            has_channels: AtomicBool::new(true),
            webhooks: Webhooks::new(Arc::clone(&transcripts)),
            transcripts,
            events: Mutex::default(),
        }
    }

    /// Refuses the id of an integration that there is not.
    pub(super) fn require_integration(&self, id: &str) -> Result<(), Refusal> {
        let is_known = self.known_integrations.lock().expect("no panic").contains(id)
            || self.integrations.all().iter().any(|one| one["id"] == id);
        if is_known { Ok(()) } else { Err(Refusal::not_found("The open integration was not found.")) }
    }

    /// Disconnects all participants of a conversation. Returns it as it was.
    pub(super) fn end(&self, conversation: &str) -> Result<Conversation, Refusal> {
        let before = self.conversations.end(conversation)?;
        self.transcripts.add(conversation, Shown::Ended);
        Ok(before)
    }

    /// Handles a call: faults, the token, the rate limit, and then its own `work`.
    pub(super) async fn done(
        &self,
        operation: &'static str,
        incoming: &Incoming,
        work: impl FnOnce() -> Result<Done, Refusal>,
    ) -> Response {
        let fault = self.faults.next_call(operation);
        let outcome = Fault::inject::<Refusal>(fault, async { self.work(operation, incoming, work) }).await;
        self.attempts.send_modify(|attempts| *attempts += 1);
        outcome.unwrap_or_else(ConnectionReset::close)
    }

    fn work(
        &self,
        operation: &'static str,
        incoming: &Incoming,
        work: impl FnOnce() -> Result<Done, Refusal>,
    ) -> Response {
        let Some(count) = incoming.bearer_token().and_then(|token| self.tokens.count(token)) else {
            return Refusal::bad_credentials().into_response();
        };
        let worked = match missing_permission(operation, &self.revoked.lock().expect("no panic")) {
            _ if count > ALLOWED_A_MINUTE => Err(Refusal::rate_limited(60)),
            Some(permission) => Err(Refusal::missing_permission(permission)),
            None => work(),
        };
        let mut response = match worked {
            Ok(done) => {
                let path = incoming.uri.path().to_owned();
                let call = Call { operation, path, query: incoming.query(), body: incoming.body() };
                self.calls.lock().expect("no panic").push(call);
                done.webhook.into_iter().for_each(|webhook| self.webhooks.post(webhook));
                done.response
            }
            Err(refusal) => refusal.into_response(),
        };
        let headers = response.headers_mut();
        headers.insert("inin-ratelimit-count", count.into());
        headers.insert("inin-ratelimit-allowed", ALLOWED_A_MINUTE.into());
        headers.insert("inin-ratelimit-reset", 42.into());
        headers.insert("inin-correlation-id", Uuid::new_v4().to_string().parse().expect("a header value"));
        response
    }
}

/// The permission that an operation needs and the client's role lacks.
fn missing_permission(operation: &str, revoked: &HashSet<String>) -> Option<&'static str> {
    let both = |integration: &'static str, resolution: &'static str| {
        if revoked.contains(integration) { integration } else { resolution }
    };
    let needed = match operation {
        "agentless" | "agent-message" | "agent-typing" | "create-upload" | "media" => "conversation:message:create",
        "receipt" | "inbound-message" | "inbound-event" | "structured-response" => "conversation:message:receive",
        "users" | "user-search" => "directory:user:view",
        "channel-message" => "openmessaging:send",
        "integrations" | "integration" => "messaging:integration:view",
        "create-integration" => "messaging:integration:add",
        "update-integration" => "messaging:integration:edit",
        "delete-integration" => "messaging:integration:delete",
        "conversation" => "conversation:communication:view",
        "end-conversation" => "conversation:communication:disconnect",
        "messaging-settings" | "messaging-setting" => "messaging:setting:view",
        "create-messaging-setting" => "messaging:setting:add",
        "update-messaging-setting" => "messaging:setting:edit",
        "supported-contents" | "supported-content" => "messaging:supportedContent:view",
        "create-supported-content" => "messaging:supportedContent:add",
        "update-supported-content" => "messaging:supportedContent:edit",
        "identity-resolution" => both("messaging:integration:view", "messaging:identityResolutionOpen:view"),
        "update-identity-resolution" => both("messaging:integration:edit", "messaging:identityResolutionOpen:edit"),
        _ => return None,
    };
    revoked.contains(needed).then_some(needed)
}
