//! Callers: the company's own systems.

use crate::harness::stack::{Stack, TestIntegration};
use crate::simulators::genesys_cloud::ApiResponse;
use axum::http::{HeaderName, Method};
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::signature::standard_webhooks::{SigningSecret, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, sign};
use uuid::Uuid;

/// The token of the caller `flows`.
pub const BEARER_TOKEN: &str = "bearer-token-of-the-tests-0123456789";
/// The signing secret of the caller `crm`.
pub const CALLER_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Both callers, as in an integration's configuration.
#[must_use]
pub fn callers() -> Value {
    json!([{"name": "crm", "signingSecret": CALLER_SECRET}, {"name": "flows", "bearerToken": BEARER_TOKEN}])
}

/// A request to a caller endpoint.
#[derive(Debug, Clone)]
pub struct Request {
    pub body: String,
    pub headers: Vec<(HeaderName, String)>,
}

impl Request {
    /// A request without credentials.
    #[must_use]
    pub fn new(body: &Value) -> Self {
        Self::text(body.to_string())
    }

    /// A request whose body need not be JSON.
    #[must_use]
    pub fn text(body: impl Into<String>) -> Self {
        Self { body: body.into(), headers: Vec::new() }.header("content-type", "application/json")
    }

    #[must_use]
    pub fn with_bearer_token(self) -> Self {
        self.header("authorization", &format!("Bearer {BEARER_TOKEN}"))
    }

    /// Signed by `crm` with a new id.
    #[must_use]
    pub fn signed(self) -> Self {
        self.signed_at(&format!("msg_{}", Uuid::new_v4().simple()), Timestamp::now())
    }

    #[must_use]
    pub fn signed_at(self, id: &str, at: Timestamp) -> Self {
        self.signed_by(CALLER_SECRET, id, at)
    }

    #[must_use]
    pub fn signed_with(self, secret: &str) -> Self {
        let (id, at) = (format!("msg_{}", Uuid::new_v4().simple()), Timestamp::now());
        self.signed_by(secret, &id, at)
    }

    #[must_use]
    pub fn signed_by(self, secret: &str, id: &str, at: Timestamp) -> Self {
        let secret = SigningSecret::parse(secret).expect("a secret");
        let signature = sign(&[secret], id, at, self.body.as_bytes());
        self.header(WEBHOOK_ID.as_str(), id)
            .header(WEBHOOK_TIMESTAMP.as_str(), &at.as_second().to_string())
            .header(WEBHOOK_SIGNATURE.as_str(), &signature)
    }

    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Sets a header, replacing an earlier value.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header's name");
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Posts it to a route of the integration.
    pub async fn post(&self, stack: &Stack, integration: &TestIntegration, route: &str) -> ApiResponse {
        self.send(Method::POST, stack, integration, route).await
    }

    pub async fn get(&self, stack: &Stack, integration: &TestIntegration, route: &str) -> ApiResponse {
        self.send(Method::GET, stack, integration, route).await
    }

    async fn send(&self, method: Method, stack: &Stack, integration: &TestIntegration, route: &str) -> ApiResponse {
        let mut request = stack.http.request(method, integration.route_url(route)).body(self.body.clone());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        ApiResponse::read(request.send().await.expect("the stack answers")).await
    }
}
