//! HTTP calls to the platforms: timeouts, retries, URLs, and the log and the metric of each attempt.
//!
//! The timeout of an attempt is taken from the time left until the deadline. An attempt is repeated if that is safe and
//! the deadline leaves time for it.

use super::error::{ApiError, is_safe_code};
use crate::http_client::{BodyError, HttpClient, TIMEOUT, read_body_limited};
use crate::model::platform_name::PlatformName;
use crate::model::trace_id::TraceId;
use crate::observability::calls;
use crate::observability::emf::Emf;
use crate::observability::logging::{log_at, set_correlation_id};
use crate::observability::metrics::CallOutcome;
use backon::{ExponentialBuilder, Retryable};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Level;
use url::Url;

/// No attempt starts with less time than this: it would probably time out, and its outcome would be unknown.
pub(super) const MIN_ATTEMPT_TIME: Duration = Duration::from_secs(2);
/// The largest response body that is read.
pub(super) const MAX_RESPONSE_BYTES: usize = 512 * 1024;

/// How often and when a call is retried: exponential backoff, doubling, with jitter.
#[derive(Debug, Clone, Copy)]
pub(super) struct RetryPolicy {
    pub(super) max_retries: usize,
    pub(super) initial_delay: Duration,
    pub(super) max_delay: Duration,
}

/// The policy of calls that have no special needs.
pub(super) const DEFAULT_RETRY_POLICY: RetryPolicy =
    RetryPolicy { max_retries: 4, initial_delay: Duration::from_millis(200), max_delay: Duration::from_secs(2) };

/// Runs `attempt`, with retries by `policy` while `is_retryable` allows it and the deadline leaves time.
///
/// If the outcome of one attempt is unknown and no later attempt succeeds, the outcome stays unknown: a later refusal says
/// nothing about the earlier attempt.
pub(super) async fn with_retries<A, F: Future<Output = Result<A, ApiError>>>(
    policy: RetryPolicy,
    is_retryable: impl Fn(&ApiError) -> bool,
    deadline: Instant,
    attempt: impl FnMut() -> F,
) -> Result<A, ApiError> {
    let mut unknown = None;
    let backoff = ExponentialBuilder::default()
        .with_min_delay(policy.initial_delay)
        .with_max_delay(policy.max_delay)
        .with_max_times(policy.max_retries)
        .with_jitter();
    let result = attempt
        .retry(backoff)
        .when(|error| is_retryable(error))
        .adjust(|error, wait| {
            let wait = match error {
                ApiError::RateLimited { retry_after } => wait.map(|wait| wait.max(*retry_after)),
                _ => wait,
            };
            wait.filter(|wait| Instant::now() + *wait + MIN_ATTEMPT_TIME < deadline)
        })
        .notify(|error, _| {
            if matches!(error, ApiError::OutcomeUnknown { .. }) {
                unknown = Some(error.clone());
            }
        })
        .await;
    result.map_err(|error| match error {
        // Refused credentials take precedence: the caller of this function tries again with fresh ones, or an operator acts.
        ApiError::OutcomeUnknown { .. } | ApiError::Credentials(_) | ApiError::NotAuthorized { .. } => error,
        _ => unknown.unwrap_or(error),
    })
}

pub(super) struct ApiResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Result<Vec<u8>, BodyError>,
}

/// Makes one attempt. `classify` turns the response into the result, which is logged and counted.
pub(super) async fn call<A>(
    http: &HttpClient,
    platform: PlatformName,
    request: reqwest::RequestBuilder,
    trace_id: Option<&TraceId>,
    classify: impl FnOnce(ApiResponse) -> Result<A, ApiError>,
) -> Result<A, ApiError> {
    call_with_limit(http, platform, request, MAX_RESPONSE_BYTES, trace_id, classify).await
}

/// The same, for a call whose response may be larger.
pub(super) async fn call_with_limit<A>(
    http: &HttpClient,
    platform: PlatformName,
    request: reqwest::RequestBuilder,
    maximum_response: usize,
    trace_id: Option<&TraceId>,
    classify: impl FnOnce(ApiResponse) -> Result<A, ApiError>,
) -> Result<A, ApiError> {
    let started = Instant::now();
    let (result, status, named) = match http.send(request).await {
        Ok(response) => {
            let (status, headers) = (response.status(), response.headers().clone());
            let named = correlation_id(&headers);
            let body = read_body_limited(response, maximum_response).await;
            (classify(ApiResponse { status, headers, body }), Some(status.as_u16()), named)
        }
        Err(error) => (Err(ApiError::from_transport(&error)), None, None),
    };
    let log = CallLog { platform, status, trace_id, duration: started.elapsed() };
    log.write(result.as_ref().err(), named);
    result
}

/// One finished attempt.
struct CallLog<'c> {
    platform: PlatformName,
    status: Option<u16>,
    trace_id: Option<&'c TraceId>,
    duration: Duration,
}

impl CallLog<'_> {
    fn write(self, error: Option<&ApiError>, named: Option<String>) {
        let platform_error = error.and_then(ApiError::platform_error);
        let correlation_id = named.or_else(|| platform_error?.correlation_id.clone());
        if let Some(id) = &correlation_id {
            set_correlation_id(id);
        }
        let outcome = error.map_or(CallOutcome::Succeeded, ApiError::outcome);
        let emf = Emf::of(calls::add(outcome, self.duration));
        let (platform, status) = (self.platform.as_str(), self.status);
        let milliseconds = self.duration.as_millis() as u64;
        let (result, trace_id) = (outcome.as_str(), self.trace_id.map(TraceId::as_str));
        let code = platform_error.and_then(|error| error.code.as_deref());
        let level = if outcome == CallOutcome::Succeeded { Level::DEBUG } else { Level::WARN };
        log_at!(
            level,
            %emf,
            platform,
            trace_id,
            // Empty if there is none, so that the span does not repeat the id of an earlier call.
            correlation_id = correlation_id.as_deref().unwrap_or_default(),
            outcome = "platform_called",
            result,
            status,
            code,
            milliseconds
        );
    }
}

/// The platform's id of the call: Genesys Cloud's header, else a trace id, which Genesys Multicloud CX returns.
fn correlation_id(headers: &HeaderMap) -> Option<String> {
    let named = headers.get("inin-correlation-id").and_then(|value| value.to_str().ok()).filter(|id| is_safe_code(id));
    named.map(str::to_owned).or_else(|| TraceId::from_headers(headers).map(|id| id.to_string()))
}

/// Serializes a request body.
pub(super) fn json_body(body: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(body).map_err(|_| ApiError::NotSent("the body cannot be serialized"))
}

/// The URL of `path` below `base`. Every segment is encoded, so that none of them can change host or path.
///
/// # Errors
/// A segment cannot be part of a URL. Nothing was sent, and the caller's request is at error.
pub(super) fn join_path(base: &Url, path: &[&str]) -> Result<Url, ApiError> {
    let invalid = || ApiError::invalid_field("", "contains an id that cannot be part of a URL of the platform");
    let mut url = base.clone();
    // `.` and `..` are path navigation, encoded or not.
    if path.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
        return Err(invalid());
    }
    url.path_segments_mut().map_err(|()| invalid())?.pop_if_empty().extend(path);
    // The HTTP client rejects URLs that are too long.
    if http::Uri::try_from(url.as_str()).is_err() { Err(invalid()) } else { Ok(url) }
}

/// ISO 8601 with milliseconds, the format of all platforms.
pub(super) fn platform_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The timeout of an attempt that starts now.
pub(super) fn attempt_timeout(deadline: Instant) -> Result<Duration, ApiError> {
    let left = deadline.saturating_duration_since(Instant::now()).min(TIMEOUT);
    if left < MIN_ATTEMPT_TIME { Err(ApiError::NotSent("no time was left")) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};
    use std::collections::VecDeque;

    #[test]
    fn nothing_in_a_path_segment_can_change_host_or_path() {
        let base: Url = "https://api.mypurecloud.de/".parse().unwrap();
        let url = join_path(&base, &["api", "v2", "a/../../b", "c?d#e", "@evil.example", "%2e%2e", "\\x"]).unwrap();
        assert_eq!(
            "https://api.mypurecloud.de/api/v2/a%2F..%2F..%2Fb/c%3Fd%23e/@evil.example/%252e%252e/%5Cx",
            url.as_str()
        );
    }

    #[test]
    fn a_url_that_cannot_be_built_is_an_invalid_request() {
        let base: Url = "https://api.mypurecloud.de/".parse().unwrap();
        for segment in ["", ".", "..", &"x".repeat(70_000)] {
            let error = join_path(&base, &["api", segment]).unwrap_err();
            assert!(matches!(error, ApiError::InvalidRequest(_)), "{error}");
        }
    }

    #[test]
    fn the_path_of_the_base_is_kept_with_or_without_a_trailing_slash() {
        for base in ["https://gateway.example.com/digital", "https://gateway.example.com/digital/"] {
            let url = join_path(&base.parse().unwrap(), &["nexus", "v3"]).unwrap();
            assert_eq!("https://gateway.example.com/digital/nexus/v3", url.as_str());
        }
    }

    /// The number of attempts of a call that always fails with `error`.
    async fn attempts(idempotent: bool, left: Duration, error: &ApiError) -> usize {
        let made = Cell::new(0);
        let attempt = async || -> Result<(), ApiError> {
            made.set(made.get() + 1);
            Err(error.clone())
        };
        let is_retryable = |error: &ApiError| error.is_retryable(idempotent);
        assert_eq!(
            Err(error.clone()),
            with_retries(DEFAULT_RETRY_POLICY, is_retryable, Instant::now() + left, attempt).await
        );
        made.get()
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_with_unknown_outcome_is_retried_only_if_it_is_idempotent() {
        let (long, unknown) = (Duration::from_secs(60), ApiError::OutcomeUnknown { cause: "x", error: None });
        assert_eq!(1 + DEFAULT_RETRY_POLICY.max_retries, attempts(true, long, &unknown).await);
        assert_eq!(1, attempts(false, long, &unknown).await);
        assert_eq!(1 + DEFAULT_RETRY_POLICY.max_retries, attempts(false, long, &ApiError::NotSent("x")).await);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_outcome_stays_unknown_unless_a_later_attempt_succeeds() {
        let unknown = ApiError::OutcomeUnknown { cause: "x", error: None };
        let limited = ApiError::RateLimited { retry_after: Duration::from_secs(600) };
        for (last, expected) in
            [(Err(limited), Err(unknown.clone())), (Err(refused(400)), Err(unknown.clone())), (Ok(()), Ok(()))]
        {
            let ends = RefCell::new(VecDeque::from([Err(unknown.clone()), last]));
            let attempt = async || ends.borrow_mut().pop_front().unwrap_or_else(|| panic!("too many attempts"));
            let is_retryable = |error: &ApiError| error.is_retryable(true);
            let deadline = Instant::now() + Duration::from_secs(60);
            assert_eq!(expected, with_retries(DEFAULT_RETRY_POLICY, is_retryable, deadline, attempt).await);
        }
    }

    fn refused(status: u16) -> ApiError {
        ApiError::Refused(crate::platform::PlatformError { status, ..Default::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn a_delay_that_does_not_fit_before_the_deadline_is_not_started() {
        let limited = ApiError::RateLimited { retry_after: Duration::from_secs(30) };
        assert_eq!(1, attempts(true, Duration::from_secs(31), &limited).await);
        assert_eq!(2, attempts(true, Duration::from_secs(40), &limited).await);
    }
}
