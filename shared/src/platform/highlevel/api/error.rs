//! Error responses.

use crate::platform::PlatformError;
use crate::platform::error::is_safe_code;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

/// The body of an error response; `message` is a text or a list of texts. In version `v3`, `error` is an object with the code
/// and the message.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ErrorBody {
    error: Value,
    message: Value,
    trace_id: Value,
}

/// Reads an error response. Unreadable parts are ignored.
pub(super) fn read(status: StatusCode, body: &[u8]) -> PlatformError {
    let ErrorBody { error, message, trace_id } = serde_json::from_slice(body).unwrap_or_default();
    let (code, message) = match &error {
        Value::Object(error) => (error.get("code"), error.get("message")),
        code => (Some(code), Some(&message)),
    };
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(texts) => {
            let texts: Vec<_> = texts.iter().filter_map(Value::as_str).collect();
            Some(texts.join("; ")).filter(|joined| !joined.is_empty())
        }
        _ => None,
    };
    PlatformError {
        status: status.as_u16(),
        // Both are logged, so they must be plain identifiers.
        code: code.and_then(text).filter(|code| is_safe_code(code)),
        message: message.and_then(text),
        correlation_id: text(&trace_id).filter(|id| is_safe_code(id)),
        lacks_permission: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_message_and_a_list_of_messages_are_read() {
        let body = br#"{"statusCode": 422, "error": "Unprocessable", "message": ["a", "b"], "traceId": "t-1"}"#;
        let error = read(StatusCode::UNPROCESSABLE_ENTITY, body);
        assert_eq!(Some("Unprocessable"), error.code.as_deref());
        assert_eq!(Some("a; b"), error.message.as_deref());
        assert_eq!(Some("t-1"), error.correlation_id.as_deref());
        assert_eq!(Some("m"), read(StatusCode::BAD_REQUEST, br#"{"message": "m"}"#).message.as_deref());
    }

    #[test]
    fn the_code_and_the_message_of_version_3_are_read() {
        let body = br#"{"error": {"code": "FORBIDDEN", "message": "not allowed until downstreamed", "details": {}}}"#;
        let error = read(StatusCode::FORBIDDEN, body);
        let words = (error.code.as_deref(), error.message.as_deref());
        assert_eq!((Some("FORBIDDEN"), Some("not allowed until downstreamed")), words);
    }

    #[test]
    fn a_code_or_an_id_that_is_not_a_plain_identifier_is_ignored() {
        for word in ["Unprocessable Entity", "", "a\nb", "ä", &"x".repeat(101)] {
            let body = serde_json::json!({"error": word, "message": "m", "traceId": word}).to_string();
            let error = read(StatusCode::UNPROCESSABLE_ENTITY, body.as_bytes());
            assert_eq!((None, None), (error.code, error.correlation_id), "{word:?}");
            assert_eq!(Some("m"), error.message.as_deref());
        }
    }

    #[test]
    fn an_error_without_a_readable_body_keeps_its_status() {
        assert_eq!(400, read(StatusCode::BAD_REQUEST, b"<html>").status);
    }
}
