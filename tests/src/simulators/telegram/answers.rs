//! Telegram's answers: `{"ok", "result"}` or `{"ok", "error_code", "description"}`.

use crate::simulators::faults::PlatformErrors;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};

/// The beginning of a description, and its status.
const STATUSES: [(&str, StatusCode); 8] = [
    ("Bad Request", StatusCode::BAD_REQUEST),
    ("Unauthorized", StatusCode::UNAUTHORIZED),
    ("Forbidden", StatusCode::FORBIDDEN),
    ("Not Found", StatusCode::NOT_FOUND),
    ("Conflict", StatusCode::CONFLICT),
    ("Request Entity Too Large", StatusCode::PAYLOAD_TOO_LARGE),
    ("Too Many Requests", StatusCode::TOO_MANY_REQUESTS),
    ("Internal Server Error", StatusCode::INTERNAL_SERVER_ERROR),
];

/// A call that succeeded: its result, and a description where there is one.
#[derive(Debug)]
pub(super) struct Done {
    result: Value,
    description: Option<&'static str>,
}

impl From<Value> for Done {
    fn from(result: Value) -> Self {
        Self { result, description: None }
    }
}

impl Done {
    /// True, with this description.
    pub(super) fn described(description: &'static str) -> Self {
        Self { result: json!(true), description: Some(description) }
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        let mut body = json!({"ok": true, "result": self.result});
        if let Some(description) = self.description {
            body["description"] = description.into();
        }
        Json(body).into_response()
    }
}

/// A failed call.
#[derive(Debug)]
pub(super) struct Refusal {
    description: String,
    retry_after: Option<u64>,
}

impl Refusal {
    /// With a description that begins with the name of its status.
    pub(super) fn new(description: impl Into<String>) -> Self {
        Self { description: description.into(), retry_after: None }
    }

    pub(super) fn bad_request(reason: &str) -> Self {
        Self::new(format!("Bad Request: {reason}"))
    }

    pub(super) fn retry_after(seconds: u64) -> Self {
        let description = format!("Too Many Requests: retry after {seconds}");
        Self { description, retry_after: Some(seconds) }
    }

    fn status(&self) -> StatusCode {
        let status = STATUSES.iter().find(|(begin, _)| self.description.starts_with(begin));
        status.unwrap_or_else(|| panic!("no status: {}", self.description)).1
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut body = json!({"ok": false, "error_code": status.as_u16(), "description": self.description});
        let Some(seconds) = self.retry_after else { return (status, Json(body)).into_response() };
        body["parameters"] = json!({"retry_after": seconds});
        (status, [(header::RETRY_AFTER, seconds.to_string())], Json(body)).into_response()
    }
}

impl PlatformErrors for Refusal {
    fn bad_credentials() -> Response {
        Self::new("Unauthorized").into_response()
    }

    fn rate_limited(seconds: u64) -> Response {
        Self::retry_after(seconds).into_response()
    }

    /// 500 is the API's own; the other 5xx are pages of the servers before it.
    fn status(status: StatusCode) -> Response {
        let reason = status.canonical_reason().unwrap_or_default();
        if status.is_server_error() && status != StatusCode::INTERNAL_SERVER_ERROR {
            return (status, Html(format!("<html><h1>{reason}</h1></html>"))).into_response();
        }
        let body = json!({"ok": false, "error_code": status.as_u16(), "description": reason});
        (status, Json(body)).into_response()
    }

    fn text(text: &str) -> Response {
        Self::new(text).into_response()
    }
}
