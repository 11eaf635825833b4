//! The API of HighLevel: message statuses and customers' messages. It checks every request against the published models
//! as strictly as the real platform, and can inject faults.

mod models;
pub mod oauth;
mod platform;
#[cfg(test)]
mod tests;

pub use platform::{Call, Fault};

use crate::harness::server::Server;
use crate::simulators::credentials::Credentials;
use crate::simulators::messaging_service::WAIT_TIMEOUT;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{post, put};
use axum::{Json, Router};
use models::{Inbound, Status};
use oauth::OAuth;
use platform::{Incoming, Platform, Refusal};
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

pub const TOKEN: &str = "pit-token-of-the-tests";

/// The running platform. It ends when this is dropped.
pub struct HighLevel {
    /// The `apiBaseUrl` of an integration that uses this platform.
    pub url: String,
    platform: Arc<Platform>,
    _server: Server,
}

impl HighLevel {
    pub async fn start() -> Self {
        let platform = Arc::new(Platform::default());
        let router = Router::new()
            .route("/conversations/messages/{message}/status", put(status))
            .route("/conversations/messages/inbound", post(inbound))
            .route("/oauth/token", post(token))
            .route("/oauth/reconnect", post(reconnect))
            .fallback(|_: Incoming| async { Refusal::new(404, "Cannot find what was asked for.").answer() })
            .with_state(Arc::clone(&platform));
        let server = Server::start(router);
        Self { url: server.origin.clone(), platform, _server: server }
    }

    /// The accepted tokens.
    #[must_use]
    pub fn tokens(&self) -> &Credentials {
        &self.platform.tokens
    }

    /// The tokens that expire.
    #[must_use]
    pub fn oauth(&self) -> &OAuth {
        &self.platform.oauth
    }

    /// Injects faults into the next calls, one each.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.platform.faults.lock().expect("no panic").extend(faults);
    }

    /// Refuses the first `count` statuses of each message with this status: the real platform does not find a message
    /// for some seconds after it was sent.
    pub fn refuse_early_statuses(&self, count: usize, status: u16) {
        *self.platform.early.lock().expect("no panic") = (count, status);
    }

    /// All successful calls.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.platform.calls.lock().expect("no panic").clone()
    }

    /// The number of calls, successful or not.
    #[must_use]
    pub fn attempts(&self) -> usize {
        *self.platform.attempts.borrow()
    }

    /// Waits for at least `count` successful calls, and returns them.
    pub async fn wait_for_calls(&self, count: usize) -> Vec<Call> {
        let mut attempts = self.platform.attempts.subscribe();
        let waiting = attempts.wait_for(|_| self.calls().len() >= count);
        let in_time = tokio::time::timeout(WAIT_TIMEOUT, waiting).await.is_ok();
        assert!(in_time, "the platform was not called; so far: {:?}", self.calls());
        self.calls()
    }
}

async fn token(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    platform.oauth.token(&incoming).await
}

async fn reconnect(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    platform.oauth.reconnect(&incoming).map_or_else(Refusal::answer, |body| Json(body).into_response())
}

async fn status(State(platform): State<Arc<Platform>>, Path(message): Path<String>, incoming: Incoming) -> Response {
    let work = || {
        platform.check_early(&message)?;
        let status: Status = incoming.read()?;
        status.check()?;
        Ok(json!({"conversationId": "c-1", "messageId": message, "status": status.status}))
    };
    platform.done("status", &incoming, work)
}

async fn inbound(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    let work = || {
        let message: Inbound = incoming.read()?;
        message.check()?;
        Ok(json!({
            "success": true,
            "conversationId": message.conversation_id,
            "messageId": Uuid::new_v4().simple().to_string(),
            "message": "Message added successfully",
        }))
    };
    platform.done("inbound", &incoming, work)
}
