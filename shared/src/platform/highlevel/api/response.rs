//! Reading responses of the API.

use crate::platform::rate_limit::{RateLimit, number};
use crate::platform::transport::ApiResponse;
use crate::platform::{ApiError, PlatformError};
use http::HeaderMap;
use serde_json::{Map, Value};
use std::time::Duration;

/// The delay after the daily limit is exceeded. The platform does not say when it is reset.
const DAILY_LIMIT_WAIT: Duration = Duration::from_secs(3600);

/// The members of a successful response; none if there is no body. If it is unreadable, what the platform did is unknown. A
/// member of an unexpected type does not make it unreadable: the platform did its work.
pub(super) fn body_of(response: &ApiResponse) -> Result<Map<String, Value>, ApiError> {
    let unreadable = || ApiError::OutcomeUnknown { cause: "the response cannot be read", error: None };
    let body = response.body.as_deref().map_err(|_| unreadable())?.trim_ascii();
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice::<Option<_>>(body).map(Option::unwrap_or_default).map_err(|_| unreadable())
}

/// An id in a response.
pub(super) fn id(body: &Map<String, Value>, name: &str) -> Option<String> {
    body.get(name).and_then(id_of)
}

/// A text that is not blank, or a whole number.
pub(super) fn id_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) if number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

/// Checks that the platform added a message: a success status with `success: false`, or without any of these members, is a
/// refusal.
pub(super) fn check_added(response: &ApiResponse, body: &Map<String, Value>, members: &[&str]) -> Result<(), ApiError> {
    let is_absent = |value: &Value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
    let is_added = members.iter().filter_map(|name| body.get(*name)).any(|value| !is_absent(value));
    if is_added && body.get("success") != Some(&Value::Bool(false)) {
        return Ok(());
    }
    let message = body.get("message").and_then(Value::as_str).unwrap_or("The platform added no message.");
    let (status, message) = (response.status.as_u16(), Some(message.to_owned()));
    Err(ApiError::Refused(PlatformError { status, message, ..PlatformError::default() }))
}

/// The limit of each app and location: 100 calls in 10 s and 200,000 a day.
///
/// Source: <https://marketplace.gohighlevel.com/docs/oauth/Faqs/>.
pub(super) fn rate_limit(headers: &HeaderMap) -> RateLimit {
    RateLimit {
        allowed: number(headers, "x-ratelimit-max"),
        remaining: number(headers, "x-ratelimit-remaining"),
        remaining_today: number(headers, "x-ratelimit-daily-remaining"),
        ..RateLimit::default()
    }
}

/// The delay after the rate limit is exceeded, for a response without `Retry-After`.
pub(super) fn retry_delay(headers: &HeaderMap) -> Option<Duration> {
    if number(headers, "x-ratelimit-daily-remaining") == Some(0) {
        return Some(DAILY_LIMIT_WAIT);
    }
    let interval = number(headers, "x-ratelimit-interval-milliseconds")?;
    Some(Duration::from_millis(interval).min(DAILY_LIMIT_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_client::BodyError;
    use http::StatusCode;
    use serde_json::json;

    #[test]
    fn a_success_without_a_body_is_read_and_one_with_an_unreadable_body_has_an_unknown_outcome() {
        let of = |body: Result<&[u8], BodyError>| body_of(&created(body.map(<[u8]>::to_vec))).map(Value::Object);
        for empty in ["", " ", "null", "{}"] {
            assert_eq!(Ok(json!({})), of(Ok(empty.as_bytes())));
        }
        assert_eq!(Ok(json!({"messageIds": null})), of(Ok(br#"{"messageIds": null}"#)));
        for unreadable in [Ok(b"<html>".as_slice()), Ok(b"[1]"), Err(BodyError)] {
            assert!(matches!(of(unreadable), Err(ApiError::OutcomeUnknown { .. })));
        }
    }

    fn created(body: Result<Vec<u8>, BodyError>) -> ApiResponse {
        ApiResponse { status: StatusCode::CREATED, headers: HeaderMap::new(), body }
    }

    #[test]
    fn an_id_in_a_response_is_a_text_or_a_whole_number() {
        for (value, expected) in [
            (json!("m"), Some("m")),
            (json!(17), Some("17")),
            (json!(" "), None),
            (json!(1.5), None),
            (json!(["m"]), None),
            (json!(null), None),
        ] {
            assert_eq!(expected, id_of(&value).as_deref(), "{value}");
        }
    }

    fn headers(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_retry_delay_is_read_from_the_rate_limit_headers() {
        let interval = ("x-ratelimit-interval-milliseconds", "10000");
        assert_eq!(Some(Duration::from_secs(10)), retry_delay(&headers(&[interval])));
        let exceeded = headers(&[interval, ("x-ratelimit-daily-remaining", "0")]);
        assert_eq!(Some(DAILY_LIMIT_WAIT), retry_delay(&exceeded));
        assert_eq!(None, retry_delay(&headers(&[("x-ratelimit-remaining", "7")])));
    }

    #[test]
    fn the_number_of_remaining_calls_is_read() {
        let headers = headers(&[("x-ratelimit-max", "100"), ("x-ratelimit-remaining", "7")]);
        let limit = RateLimit { allowed: Some(100), remaining: Some(7), ..RateLimit::default() };
        assert_eq!(limit, rate_limit(&headers));
    }
}
