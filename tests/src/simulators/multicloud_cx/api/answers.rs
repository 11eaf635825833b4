//! Responses of the platform: `{"status": {"code", "message"}, "data"}`.

use crate::simulators::faults::PlatformErrors;
use crate::simulators::genesys_cloud::api::models::Invalid;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A successful call. Receipts get no id.
pub(super) fn done(ids: &[String]) -> Response {
    let status = json!({"code": 0});
    let body = if ids.is_empty() { json!({"status": status}) } else { json!({"status": status, "data": {"ids": ids}}) };
    Json(body).into_response()
}

/// A failed call.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: i64,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, code: i64, message: &str) -> Self {
        Self { status, code, message: message.to_owned() }
    }

    pub(super) fn bad_request(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 520, message)
    }

    pub(super) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 401, message)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, 404, "There is nothing at this path.")
    }
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::bad_request(&invalid.message)
    }
}

impl PlatformErrors for Refusal {
    fn bad_credentials() -> Response {
        Self::unauthorized("This is simulated.").into_response()
    }

    fn rate_limited(seconds: u64) -> Response {
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, 310, "Rate limit reached.");
        let mut response = refusal.into_response();
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        response
    }

    fn status(status: StatusCode) -> Response {
        Self::new(status, status.as_u16().into(), "This is simulated.").into_response()
    }

    fn code(code: i64) -> Response {
        Self::new(StatusCode::OK, code, "This is simulated.").into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"status": {"code": self.code, "message": self.message}}))).into_response()
    }
}
