//! How a call to the platform can fail, told apart by what the caller may do next.

use crate::outbound::retry_after;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The platform's own words about an error: `ErrorBody`, as far as it is of use to a caller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlatformError {
    /// The HTTP status of the platform's answer.
    pub status: u16,
    /// The platform's code, such as `bad.request`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The platform's sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What to name when asking the platform's support: `ININ-Correlation-Id`, else `contextId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

/// Why a call brought no answer that could be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The platform does not give us a token: the client id or secret is wrong. Nothing was sent.
    #[error("the platform refused the OAuth client: status {}", .0.status)]
    Credentials(PlatformError),
    /// The call never reached the platform. Nothing was sent.
    #[error("the platform is out of reach: {0}")]
    NotSent(&'static str),
    /// The platform does not take so much. Nothing was sent.
    #[error("the platform takes {maximum} bytes at the most")]
    TooLarge {
        /// So many bytes it takes.
        maximum: usize,
    },
    /// The platform wants fewer calls. Nothing was done.
    #[error("the platform's rate limit is reached")]
    RateLimited {
        /// The wait that it asks for.
        retry_after: Duration,
    },
    /// The platform refused the request. Nothing was done.
    #[error("the platform refused the request: status {}", .0.status)]
    Refused(PlatformError),
    /// Whether the platform did what was asked cannot be told: it broke off, or did not answer in time.
    #[error("the outcome is unknown: {cause}")]
    Unknown {
        /// What happened.
        cause: &'static str,
        /// What the platform said, if it said anything.
        error: Option<PlatformError>,
    },
}

impl ApiError {
    /// Whether the same call may work later, given whether it may be made twice.
    #[must_use]
    pub fn is_worth_repeating(&self, may_repeat: bool) -> bool {
        match self {
            Self::NotSent(_) | Self::RateLimited { .. } => true,
            Self::Unknown { .. } => may_repeat,
            Self::Credentials(_) | Self::Refused(_) | Self::TooLarge { .. } => false,
        }
    }

    /// Why no answer came.
    pub(super) fn from_transport(error: &reqwest::Error) -> Self {
        if error.is_connect() {
            Self::NotSent("no connection")
        } else if error.is_timeout() {
            Self::Unknown { cause: "no answer in time", error: None }
        } else {
            Self::Unknown { cause: "the connection broke", error: None }
        }
    }

    /// What an answer other than success means.
    pub(super) fn from_answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        if status == StatusCode::TOO_MANY_REQUESTS {
            let wait = retry_after(headers, Timestamp::now()).unwrap_or(Duration::from_secs(1));
            return Self::RateLimited { retry_after: wait };
        }
        let error = PlatformError::read(status, headers, body);
        if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED {
            Self::Unknown { cause: "the platform failed while working on it", error: Some(error) }
        } else {
            Self::Refused(error)
        }
    }
}

impl PlatformError {
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        #[derive(Deserialize, Default)]
        #[serde(rename_all = "camelCase", default)]
        struct ErrorBody {
            code: Option<String>,
            message: Option<String>,
            context_id: Option<String>,
        }
        let body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
        let correlation_id = headers.get("inin-correlation-id").and_then(|value| value.to_str().ok());
        Self {
            status: status.as_u16(),
            // Codes go into the log: they are words such as `bad.request`, or none of ours.
            code: body.code.filter(|code| is_code(code)),
            message: body.message,
            correlation_id: correlation_id.map(str::to_owned).or(body.context_id),
        }
    }
}

/// The longest code of an error.
const MAXIMUM_CODE_BYTES: usize = 100;

fn is_code(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MAXIMUM_CODE_BYTES).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> ApiError {
        let headers = HeaderMap::from_iter([("inin-correlation-id".parse().unwrap(), "c-1".parse().unwrap())]);
        ApiError::from_answer(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes())
    }

    #[test]
    fn the_platforms_code_message_and_correlation_id_are_kept() {
        let body = r#"{"message": "No such conversation", "code": "not.found", "status": 404, "contextId": "x", "errors": []}"#;
        let ApiError::Refused(error) = answer(404, body) else { panic!() };
        assert_eq!(Some("not.found"), error.code.as_deref());
        assert_eq!(Some("No such conversation"), error.message.as_deref());
        assert_eq!(Some("c-1"), error.correlation_id.as_deref());
    }

    #[test]
    fn a_code_that_is_no_code_is_left_out() {
        for code in ["not a code", "", &"x".repeat(101)] {
            let ApiError::Refused(error) = answer(400, &format!(r#"{{"code": "{code}"}}"#)) else { panic!() };
            assert_eq!(None, error.code);
        }
    }

    #[test]
    fn an_error_without_a_readable_body_is_an_error_all_the_same() {
        assert!(matches!(answer(400, "<html>"), ApiError::Refused(PlatformError { status: 400, .. })));
    }

    #[test]
    fn a_5xx_leaves_the_outcome_open_but_for_501() {
        for status in [500, 502, 503, 504] {
            assert!(matches!(answer(status, ""), ApiError::Unknown { .. }), "{status}");
        }
        assert!(matches!(answer(501, ""), ApiError::Refused(_)));
    }

    #[test]
    fn what_may_be_repeated_depends_on_whether_it_may_be_done_twice() {
        let unknown = answer(503, "");
        assert!(unknown.is_worth_repeating(true) && !unknown.is_worth_repeating(false));
        for always in [ApiError::NotSent("x"), answer(429, "")] {
            assert!(always.is_worth_repeating(false));
        }
        assert!(!answer(400, "").is_worth_repeating(true));
    }
}
