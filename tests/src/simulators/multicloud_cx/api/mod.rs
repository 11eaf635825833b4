//! The API of Genesys Multicloud CX: customers' messages, their files, and receipts. It checks every call as strictly as the
//! contract allows, can inject faults, and records successful calls.

mod answers;
mod media;
mod models;
mod platform;
#[cfg(test)]
mod tests;

pub use crate::simulators::faults::Fault;
pub use media::StoredFile;
pub use platform::Call;

use crate::harness::server::Server;
use crate::simulators::credentials::Credentials;
use crate::simulators::faults::Target;
use crate::simulators::messaging_service::WAIT_TIMEOUT;
use answers::Refusal;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use platform::Platform;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub const CONTACT_CENTER_ID: &str = "0ff723ff-6c6f-44e0-9ce3-ce579337eadd";
/// The app secret of all its channels.
pub const APP_SECRET: &str = "test-app-secret";
pub const API_KEY: &str = "api-key-of-the-tests";

/// The running platform. It ends when this is dropped.
pub struct MulticloudCx {
    /// The `apiBaseUrl` of an integration that uses this platform.
    pub url: String,
    platform: Arc<Platform>,
    _server: Server,
}

impl MulticloudCx {
    pub async fn start() -> Self {
        Self::with(Platform::default()).await
    }

    /// Starts it behind an API gateway that requires a key.
    pub async fn start_behind_gateway() -> Self {
        Self::with(Platform { api_keys: Some(Credentials::of(API_KEY)), ..Platform::default() }).await
    }

    async fn with(platform: Platform) -> Self {
        let platform = Arc::new(platform);
        let router = Router::new()
            .route("/digital/nexus/v3/channels/{channel}/messages", post(platform::messages))
            .route("/digital/nexus/v3/channels/{channel}/media", post(media::upload))
            .layer(DefaultBodyLimit::disable())
            .fallback(|| async { Refusal::not_found() })
            .with_state(Arc::clone(&platform));
        let server = Server::start(router);
        Self { url: format!("{}/digital", server.origin), platform, _server: server }
    }

    /// The accepted app secrets.
    #[must_use]
    pub fn app_secrets(&self) -> &Credentials {
        &self.platform.app_secrets
    }

    /// The accepted keys of its gateway.
    #[must_use]
    pub fn api_keys(&self) -> &Credentials {
        self.platform.api_keys.as_ref().expect("a gateway")
    }

    /// Injects faults into the next calls, one each.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.platform.faults.plan(Target::AnyCall, faults);
    }

    /// Injects faults into the next uploads, one each.
    pub fn fail_uploads(&self, faults: impl IntoIterator<Item = Fault>) {
        self.platform.faults.plan(Target::Operation("media".to_owned()), faults);
    }

    /// The largest number of uploads at the same time.
    #[must_use]
    pub fn most_uploads(&self) -> usize {
        self.platform.most_uploads.load(Ordering::SeqCst)
    }

    /// All uploaded files, in order.
    #[must_use]
    pub fn files(&self) -> Vec<StoredFile> {
        self.platform.files.lock().expect("no panic").clone()
    }

    /// All successful calls with messages or receipts.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.platform.calls.lock().expect("no panic").clone()
    }

    /// All messages in the channels, in order.
    #[must_use]
    pub fn messages(&self) -> Vec<Value> {
        self.calls().into_iter().flat_map(|call| call.messages).collect()
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
