//! Error responses: `ErrorBody`.

use crate::platform::PlatformError;
use crate::platform::error::is_safe_code;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ErrorBody {
    code: Option<String>,
    message: Option<String>,
    context_id: Option<String>,
}

/// Reads an error response. Unreadable parts are ignored.
pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> PlatformError {
    let body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let correlation_id = headers.get("inin-correlation-id").and_then(|value| value.to_str().ok());
    PlatformError {
        status: status.as_u16(),
        code: body.code.filter(|code| is_safe_code(code)),
        message: body.message,
        correlation_id: correlation_id.map(str::to_owned).or(body.context_id).filter(|id| is_safe_code(id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: StatusCode, body: &str) -> PlatformError {
        let headers = HeaderMap::from_iter([("inin-correlation-id".parse().unwrap(), "c-1".parse().unwrap())]);
        read(status, &headers, body.as_bytes())
    }

    #[test]
    fn the_platforms_code_message_and_correlation_id_are_kept() {
        let body = r#"{"message": "No such conversation", "code": "not.found", "status": 404, "contextId": "x", "errors": []}"#;
        let error = answer(StatusCode::NOT_FOUND, body);
        assert_eq!(Some("not.found"), error.code.as_deref());
        assert_eq!(Some("No such conversation"), error.message.as_deref());
        assert_eq!(Some("c-1"), error.correlation_id.as_deref());
    }

    #[test]
    fn a_code_that_is_not_a_plain_identifier_is_ignored() {
        for code in ["not a code", "", &"x".repeat(101)] {
            assert_eq!(None, answer(StatusCode::BAD_REQUEST, &format!(r#"{{"code": "{code}"}}"#)).code);
        }
    }

    #[test]
    fn an_error_without_a_readable_body_keeps_its_status() {
        assert_eq!(400, answer(StatusCode::BAD_REQUEST, "<html>").status);
    }
}
