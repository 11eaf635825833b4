//! Responses of the API: `{"status": {"code", "message"}, "data": {"ids"}}`; after an upload, `data` has the file's `url`.

use crate::model::trace_id::TraceId;
use crate::platform::{ApiError, PlatformError, is_safe_code};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use url::Url;

/// A successful response.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PostResponse {
    /// The platform's ids of the posted messages.
    pub(super) ids: Vec<String>,
    /// The platform's URL of an uploaded file.
    pub(super) url: Option<Url>,
}

impl PostResponse {
    /// Reads a response. `body` is `None` if it was truncated.
    ///
    /// The HTTP status alone does not mean success, because a code other than 0 in the body is an error. So the outcome is
    /// unknown if the body is unreadable. A missing body or a missing code counts as success.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: Option<&[u8]>) -> Result<Self, ApiError> {
        let json: Option<Value> = match body {
            Some([]) if status.is_success() => Some(Value::Object(serde_json::Map::new())),
            body => body.and_then(|body| serde_json::from_slice(body).ok()).filter(Value::is_object),
        };
        let text = |pointer: &str| json.as_ref()?.pointer(pointer)?.as_str().map(str::to_owned);
        let code = json.as_ref().and_then(|json| json.pointer("/status/code")).and_then(code);
        let error = || PlatformError {
            status: status.as_u16(),
            code: code.clone().filter(|code| is_safe_code(code)),
            message: text("/status/message"),
            correlation_id: TraceId::from_headers(headers).map(|id| id.to_string()),
            lacks_permission: false,
        };
        match &json {
            _ if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                Err(ApiError::Credentials(error()))
            }
            _ if status.is_client_error() && code.as_deref().is_some_and(is_rate_limit) => {
                Err(ApiError::from_response(StatusCode::TOO_MANY_REQUESTS, headers, error()))
            }
            _ if !status.is_success() => Err(ApiError::from_response(status, headers, error())),
            None => Err(ApiError::OutcomeUnknown { cause: "the response cannot be read", error: None }),
            Some(json) => {
                if let Some(code) = code.as_deref().filter(|code| *code != "0") {
                    return Err(ApiError::from_response(status_of(code), headers, error()));
                }
                let ids = json.pointer("/data/ids").and_then(Value::as_array).into_iter().flatten();
                Ok(Self {
                    ids: ids.filter_map(Value::as_str).map(str::to_owned).collect(),
                    url: text("/data/url").and_then(|url| url.parse().ok()),
                })
            }
        }
    }
}

/// A code as text; whole numbers in any notation become plain digits.
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

/// The HTTP status that corresponds to a code other than 0. The codes are those of the reasons in receipts. Any other code
/// from 500 to 599 is treated as an HTTP status, so that the outcome is unknown.
fn status_of(code: &str) -> StatusCode {
    match code {
        code if is_rate_limit(code) => StatusCode::TOO_MANY_REQUESTS,
        "500" | "510" | "512" | "520" | "530" => StatusCode::BAD_REQUEST,
        code if code.len() == 3 && code.starts_with('5') => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// Whether this is the platform's or HTTP's code for an exceeded rate limit.
fn is_rate_limit(code: &str) -> bool {
    matches!(code, "310" | "429")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn read(status: u16, body: &str) -> Result<PostResponse, ApiError> {
        let headers = HeaderMap::from_iter([("x-b3-traceid".parse().unwrap(), "463ac35c9f6413ad".parse().unwrap())]);
        PostResponse::read(StatusCode::from_u16(status).unwrap(), &headers, Some(body.as_bytes()))
    }

    #[test]
    fn code_0_is_success_with_or_without_ids() {
        let ids = vec!["1613473893265-0".to_owned()];
        assert_eq!(
            Ok(PostResponse { ids, url: None }),
            read(200, r#"{"status":{"code":0},"data":{"ids":["1613473893265-0"]}}"#)
        );
        for body in [
            r#"{"status":{"code":0}}"#,
            r#"{"status":{"code":"0"},"data":null}"#,
            r#"{"status":{"code":0.0}}"#,
            "{}",
            "",
        ] {
            assert_eq!(Ok(PostResponse::default()), read(200, body), "{body}");
        }
    }

    #[test]
    fn an_upload_is_answered_with_the_files_url() {
        let url = |url: &str| {
            read(200, &format!(r#"{{"status":{{"code":0}},"data":{{"mediaId":"m","url":{url}}}}}"#)).unwrap().url
        };
        assert_eq!("genesys://nexus/m".parse().ok(), url("\"genesys://nexus/m\""));
        for none in ["null", "7", "\"\"", "\"nexus/m\""] {
            assert_eq!(None, url(none), "{none}");
        }
    }

    #[test]
    fn another_code_is_a_rejection_even_with_status_200() {
        let error = PlatformError {
            status: 200,
            code: Some("350".to_owned()),
            message: Some("Not allowed".to_owned()),
            correlation_id: Some("463ac35c9f6413ad".to_owned()),
            lacks_permission: false,
        };
        let body = r#"{"status":{"code":350,"message":"Not allowed"},"data":{"ids":["1"]}}"#;
        assert_eq!(Err(ApiError::Refused(error.clone())), read(200, body));
        let error = PlatformError { status: 400, ..error };
        assert_eq!(Err(ApiError::Refused(error)), read(400, body));
    }

    #[test]
    fn a_code_means_a_rate_limit_an_unknown_outcome_or_a_rejection() {
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
        // The status of a failed response takes precedence over the code.
        assert!(matches!(code(503, "310"), Err(ApiError::OutcomeUnknown { .. })));
        assert!(matches!(code(400, "503"), Err(ApiError::Refused(_))));
    }

    #[test]
    fn a_code_that_is_a_text_is_not_passed_on() {
        for (code, expected) in [("Ada Lovelace, +15555550123", None), ("not-allowed", Some("not-allowed"))] {
            let refused = read(200, &format!(r#"{{"status":{{"code":"{code}"}}}}"#));
            let Err(ApiError::Refused(error)) = refused else { panic!("{refused:?}") };
            assert_eq!(expected, error.code.as_deref());
        }
    }

    #[test]
    fn an_error_status_takes_precedence_over_the_code() {
        let body = r#"{"status":{"code":0}}"#;
        for status in [401, 403] {
            assert!(matches!(read(status, body), Err(ApiError::Credentials(_))), "{status}");
        }
        assert!(matches!(read(404, "<html>"), Err(ApiError::Refused(_))));
        assert!(matches!(read(429, body), Err(ApiError::RateLimited { .. })));
        assert!(matches!(read(500, body), Err(ApiError::OutcomeUnknown { .. })));
    }

    #[test]
    fn the_outcome_of_an_unreadable_success_is_unknown() {
        for body in ["<html>", "[]", "{\"status\":"] {
            assert!(matches!(read(200, body), Err(ApiError::OutcomeUnknown { error: None, .. })), "{body}");
        }
        let truncated = PostResponse::read(StatusCode::OK, &HeaderMap::new(), None);
        assert!(matches!(truncated, Err(ApiError::OutcomeUnknown { .. })));
    }
}
