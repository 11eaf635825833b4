//! Responses of the platform: a result or an `ErrorBody`.

use super::models::Invalid;
use super::webhooks::Webhook;
use crate::simulators::faults::PlatformErrors;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use uuid::Uuid;

/// A successful call: its response, and the webhook that the platform then posts.
pub(crate) struct Done {
    pub(crate) response: Response,
    pub(crate) webhook: Option<Webhook>,
}

impl Done {
    pub(crate) fn answer(body: Value) -> Self {
        Self { response: Json(body).into_response(), webhook: None }
    }

    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        *self.response.status_mut() = status;
        self
    }

    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { response: status.into_response(), webhook: None }
    }

    /// Also posts this webhook.
    pub(crate) fn then(mut self, webhook: impl Into<Option<Webhook>>) -> Self {
        self.webhook = webhook.into();
        self
    }
}

/// A failed call.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    field: Option<String>,
    retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), field: None, retry_after: None }
    }

    pub(crate) fn bad_request(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad.request", message)
    }

    pub(crate) fn bad_credentials() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "bad.credentials", "Invalid login credentials.")
    }

    pub(crate) fn missing_permission(permission: &str) -> Self {
        let message = format!(
            "Unable to perform the requested action. You are missing the following permission(s): {permission}"
        );
        Self::new(StatusCode::FORBIDDEN, "missing.any.permissions", &message)
    }

    pub(crate) fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not.found", message)
    }

    pub(crate) fn rate_limited(seconds: u64) -> Self {
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "too.many.requests", "Rate limit exceeded.");
        Self { retry_after: Some(seconds), ..refusal }
    }

    /// Replaces the message.
    pub(crate) fn saying(self, message: &str) -> Self {
        Self { message: message.to_owned(), ..self }
    }
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self { field: Some(invalid.field), ..Self::bad_request(&invalid.message) }
    }
}

impl PlatformErrors for Refusal {
    fn bad_credentials() -> Response {
        Self::bad_credentials().into_response()
    }

    fn rate_limited(seconds: u64) -> Response {
        Self::rate_limited(seconds).into_response()
    }

    fn status(status: StatusCode) -> Response {
        Self::new(status, "simulated", "This is simulated.").into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let details: Vec<_> =
            self.field.iter().map(|field| json!({"errorCode": self.code, "fieldName": field})).collect();
        let body = json!({
            "message": self.message,
            "code": self.code,
            "status": self.status.as_u16(),
            "contextId": Uuid::new_v4().to_string(),
            "details": details,
            "errors": [],
        });
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
