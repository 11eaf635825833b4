//! What the platform answers: `{"status": {"code", "message"}, "data": {"ids"}}`.

use crate::model::trace_id::TraceId;
use crate::platform::{ApiError, PlatformError};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// An answer that says that it was done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// The platform's ids of what was put into the channel.
    pub(super) ids: Vec<String>,
}

impl Answer {
    /// Reads an answer; `body` is none where it broke off.
    ///
    /// The HTTP status is half the answer: a code other than 0 is an error, too. So a success whose body cannot be read
    /// says nothing; one that has no body, or no code, has nothing against it.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: Option<&[u8]>) -> Result<Self, ApiError> {
        let json: Option<Value> = match body {
            Some([]) if status.is_success() => Some(Value::Object(serde_json::Map::new())),
            body => body.and_then(|body| serde_json::from_slice(body).ok()).filter(Value::is_object),
        };
        let text = |pointer: &str| json.as_ref()?.pointer(pointer)?.as_str().map(str::to_owned);
        let code = json.as_ref().and_then(|json| json.pointer("/status/code")).and_then(code);
        let error = || PlatformError {
            status: status.as_u16(),
            code: code.clone(),
            message: text("/status/message"),
            correlation_id: TraceId::from_headers(headers).map(|id| id.to_string()),
        };
        match &json {
            _ if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                Err(ApiError::Credentials(error()))
            }
            _ if status.is_client_error() && code.as_deref().is_some_and(is_rate_limit) => {
                Err(ApiError::from_response(StatusCode::TOO_MANY_REQUESTS, headers, error()))
            }
            _ if !status.is_success() => Err(ApiError::from_response(status, headers, error())),
            None => Err(ApiError::OutcomeUnknown { cause: "the answer cannot be read", error: None }),
            Some(json) => {
                if let Some(code) = code.as_deref().filter(|code| *code != "0") {
                    return Err(ApiError::from_response(status_of(code), headers, error()));
                }
                let ids = json.pointer("/data/ids").and_then(Value::as_array).into_iter().flatten();
                Ok(Self { ids: ids.filter_map(Value::as_str).map(str::to_owned).collect() })
            }
        }
    }
}

/// A code as a text: a whole number in digits alone, however it is written.
fn code(value: &Value) -> Option<String> {
    let (number, word) = match value {
        Value::Number(number) => (number.as_f64(), number.to_string()),
        Value::String(text) => (text.trim().parse().ok(), text.clone()),
        _ => return None,
    };
    Some(match number {
        Some(number) if number.fract() == 0.0 => (number as i64).to_string(),
        _ => word,
    })
}

/// The HTTP status that says what a code other than 0 says. Codes are those of receipts' reasons; one of 500 and above that
/// is no such reason is taken for HTTP's, which leaves open what was done.
fn status_of(code: &str) -> StatusCode {
    match code {
        code if is_rate_limit(code) => StatusCode::TOO_MANY_REQUESTS,
        "500" | "510" | "512" | "520" | "530" => StatusCode::BAD_REQUEST,
        code if code.len() == 3 && code.starts_with('5') => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// Whether this is the code of the rate limit: the platform's own, or HTTP's.
fn is_rate_limit(code: &str) -> bool {
    matches!(code, "310" | "429")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn read(status: u16, body: &str) -> Result<Answer, ApiError> {
        let headers = HeaderMap::from_iter([("x-b3-traceid".parse().unwrap(), "463ac35c9f6413ad".parse().unwrap())]);
        Answer::read(StatusCode::from_u16(status).unwrap(), &headers, Some(body.as_bytes()))
    }

    #[test]
    fn code_0_is_success_with_or_without_ids() {
        let ids = vec!["1613473893265-0".to_owned()];
        assert_eq!(Ok(Answer { ids }), read(200, r#"{"status":{"code":0},"data":{"ids":["1613473893265-0"]}}"#));
        for body in [
            r#"{"status":{"code":0}}"#,
            r#"{"status":{"code":"0"},"data":null}"#,
            r#"{"status":{"code":0.0}}"#,
            "{}",
            "",
        ] {
            assert_eq!(Ok(Answer::default()), read(200, body), "{body}");
        }
    }

    #[test]
    fn another_code_is_a_refusal_though_the_status_is_200() {
        let error = PlatformError {
            status: 200,
            code: Some("350".to_owned()),
            message: Some("Not allowed".to_owned()),
            correlation_id: Some("463ac35c9f6413ad".to_owned()),
        };
        let body = r#"{"status":{"code":350,"message":"Not allowed"},"data":{"ids":["1"]}}"#;
        assert_eq!(Err(ApiError::Refused(error.clone())), read(200, body));
        let error = PlatformError { status: 400, ..error };
        assert_eq!(Err(ApiError::Refused(error)), read(400, body));
    }

    #[test]
    fn a_code_says_whether_to_wait_to_leave_it_open_or_to_give_up() {
        let code = |status, code: &str| read(status, &format!(r#"{{"status":{{"code":{code}}}}}"#));
        let wait = Err(ApiError::RateLimited { retry_after: Duration::from_secs(1) });
        for limit in ["310", "429", "310.0", "\"429\""] {
            assert_eq!((&wait, &wait), (&code(200, limit), &code(400, limit)), "{limit}");
        }
        for open in ["501", "503", "503.0", "\"599\""] {
            assert!(matches!(code(200, open), Err(ApiError::OutcomeUnknown { .. })), "{open}");
        }
        for refused in ["500", "510", "512", "520", "530", "305", "0.5", "-1", "5", "5000", "\"5xx!\""] {
            assert!(matches!(code(200, refused), Err(ApiError::Refused(_))), "{refused}");
        }
        // The status of a failure is as good as the code.
        assert!(matches!(code(503, "310"), Err(ApiError::OutcomeUnknown { .. })));
        assert!(matches!(code(400, "503"), Err(ApiError::Refused(_))));
    }

    #[test]
    fn a_status_counts_whatever_the_code_says() {
        let body = r#"{"status":{"code":0}}"#;
        for status in [401, 403] {
            assert!(matches!(read(status, body), Err(ApiError::Credentials(_))), "{status}");
        }
        assert!(matches!(read(404, "<html>"), Err(ApiError::Refused(_))));
        assert!(matches!(read(429, body), Err(ApiError::RateLimited { .. })));
        assert!(matches!(read(500, body), Err(ApiError::OutcomeUnknown { .. })));
    }

    #[test]
    fn a_success_that_cannot_be_read_says_nothing() {
        for body in ["<html>", "[]", "{\"status\":"] {
            assert!(matches!(read(200, body), Err(ApiError::OutcomeUnknown { error: None, .. })), "{body}");
        }
        let broken_off = Answer::read(StatusCode::OK, &HeaderMap::new(), None);
        assert!(matches!(broken_off, Err(ApiError::OutcomeUnknown { .. })));
    }
}
