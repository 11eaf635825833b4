//! Twilio's error responses: `{"code", "message", "more_info", "status"}`.

use crate::simulators::faults::PlatformErrors;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A failed call.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: i64,
    message: String,
}

impl Refusal {
    /// The error of this code. The codes above 20000 with three more digits are HTTP statuses; all others are answered 400.
    pub(super) fn new(code: i64, message: &str) -> Self {
        let status = match code {
            20_003 => StatusCode::UNAUTHORIZED,
            _ => u16::try_from(code - 20_000)
                .ok()
                .filter(|status| (400..600).contains(status))
                .and_then(|status| StatusCode::from_u16(status).ok())
                .unwrap_or(StatusCode::BAD_REQUEST),
        };
        Self { status, code, message: message.to_owned() }
    }

    pub(super) fn not_found() -> Self {
        Self::new(20_404, "The requested resource was not found")
    }
}

impl PlatformErrors for Refusal {
    fn bad_credentials() -> Response {
        Self::new(20_003, "Authenticate").into_response()
    }

    /// Zero seconds: without `Retry-After`, which the vendor does not promise.
    fn rate_limited(seconds: u64) -> Response {
        let mut response = Self::new(20_429, "Too Many Requests").into_response();
        if seconds > 0 {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }

    fn status(status: StatusCode) -> Response {
        Self::new(20_000 + i64::from(status.as_u16()), "This is simulated.").into_response()
    }

    fn code(code: i64) -> Response {
        Self::new(code, "This is simulated.").into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { status, code, message } = self;
        let more_info = format!("https://www.twilio.com/docs/errors/{code}");
        let body = json!({"code": code, "message": message, "more_info": more_info, "status": status.as_u16()});
        (status, Json(body)).into_response()
    }
}
