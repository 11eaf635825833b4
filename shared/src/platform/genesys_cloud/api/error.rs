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
    let code = body.code.filter(|code| is_safe_code(code));
    // `missing.permissions`, `missing.any.permissions`.
    let lacks_permission =
        status == StatusCode::FORBIDDEN && code.as_deref().is_some_and(|code| code.starts_with("missing."));
    PlatformError {
        status: status.as_u16(),
        code,
        lacks_permission,
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
    fn a_403_that_names_missing_permissions_says_that_one_is_lacking() {
        let lacks = |status, code: &str| answer(status, &format!(r#"{{"code": "{code}"}}"#)).lacks_permission;
        assert!(lacks(StatusCode::FORBIDDEN, "missing.any.permissions"));
        for (status, code) in [
            (StatusCode::UNAUTHORIZED, "authentication.required"),
            (StatusCode::FORBIDDEN, "not.authorized"),
            (StatusCode::BAD_REQUEST, "missing.value"),
        ] {
            assert!(!lacks(status, code), "{status} {code}");
        }
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
