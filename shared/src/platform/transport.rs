//! What calls to every platform have in common: the time that they may take, their repeats, their addresses, and what is
//! told of them in the log and in metrics.
//!
//! Every call has a time-out taken from the time that is left, and repeats where a repeat is safe and fits into that time.

use super::PlatformName;
use super::error::{ApiError, is_code};
use crate::http_client::{self, BodyError};
use crate::model::trace_id::TraceId;
use crate::observability::logging::log_at;
use crate::observability::logging::set_correlation_id;
use crate::observability::metrics::{CallOutcome, Event};
use backon::{ExponentialBuilder, Retryable};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Level;
use url::Url;

/// The longest that one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// A call is not begun with less time than this: it would end with an unknown outcome, and for want of time only.
pub(super) const SHORTEST_ATTEMPT: Duration = Duration::from_secs(2);
/// The largest answer that is read.
pub(super) const MAXIMUM_ANSWER_BYTES: usize = 512 * 1024;

/// When a call is repeated: how often at the most, and the first and the longest wait; each is twice as long as the one
/// before it, with jitter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    pub(super) maximum_repeats: usize,
    pub(super) first_wait: Duration,
    pub(super) longest_wait: Duration,
}

/// The schedule of calls that nothing else is known of.
pub(super) const USUAL: Schedule =
    Schedule { maximum_repeats: 4, first_wait: Duration::from_millis(200), longest_wait: Duration::from_secs(2) };

/// The HTTP client of one platform's calls.
///
/// # Errors
/// The TLS stack could not be set up.
pub(super) fn client() -> Result<reqwest::Client, reqwest::Error> {
    http_client::client(ATTEMPT_TIMEOUT)
}

/// Makes `attempt`, and makes it again by `schedule` where `may_repeat` says so and there is time.
///
/// Where the outcome of one attempt is unknown and no later one succeeds, the outcome is unknown: a later refusal says nothing
/// of what an earlier attempt did.
pub(super) async fn repeated<A, F: Future<Output = Result<A, ApiError>>>(
    schedule: Schedule,
    may_repeat: impl Fn(&ApiError) -> bool,
    deadline: Instant,
    attempt: impl FnMut() -> F,
) -> Result<A, ApiError> {
    let mut unknown = None;
    let backoff = ExponentialBuilder::default()
        .with_min_delay(schedule.first_wait)
        .with_max_delay(schedule.longest_wait)
        .with_max_times(schedule.maximum_repeats)
        .with_jitter();
    let result = attempt
        .retry(backoff)
        .when(|error| may_repeat(error))
        .adjust(|error, wait| {
            let wait = match error {
                ApiError::RateLimited { retry_after } => wait.map(|wait| wait.max(*retry_after)),
                _ => wait,
            };
            wait.filter(|wait| Instant::now() + *wait + SHORTEST_ATTEMPT < deadline)
        })
        .notify(|error, _| {
            if matches!(error, ApiError::Unknown { .. }) {
                unknown = Some(error.clone());
            }
        })
        .await;
    result.map_err(|error| match error {
        // Our credentials are looked at first: the call is made again with new ones, or an operator acts on it.
        ApiError::Unknown { .. } | ApiError::Credentials(_) => error,
        _ => unknown.unwrap_or(error),
    })
}

/// What a platform answered.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Result<Vec<u8>, BodyError>,
}

/// Makes one call. `judge` says what its answer means; that goes into the log and the metrics, whatever it is.
pub(super) async fn call<A>(
    platform: PlatformName,
    request: reqwest::RequestBuilder,
    trace_id: Option<&TraceId>,
    judge: impl FnOnce(Answered) -> Result<A, ApiError>,
) -> Result<A, ApiError> {
    let started = Instant::now();
    let (result, status, named) = match request.send().await {
        Ok(response) => {
            let (status, headers) = (response.status(), response.headers().clone());
            let named = correlation_id(&headers);
            let body = http_client::read_body_limited(response, MAXIMUM_ANSWER_BYTES).await;
            (judge(Answered { status, headers, body }), Some(status.as_u16()), named)
        }
        Err(error) => (Err(ApiError::from_transport(&error)), None, None),
    };
    let called = Called { platform, status, trace_id, milliseconds: started.elapsed().as_millis() as u64 };
    called.tell(result.as_ref().err(), named);
    result
}

/// One call that is over.
struct Called<'c> {
    platform: PlatformName,
    status: Option<u16>,
    trace_id: Option<&'c TraceId>,
    milliseconds: u64,
}

impl Called<'_> {
    fn tell(self, error: Option<&ApiError>, named: Option<String>) {
        let words = error.and_then(ApiError::words);
        let correlation_id = named.or_else(|| words?.correlation_id.clone());
        if let Some(id) = &correlation_id {
            set_correlation_id(id);
        }
        let outcome = error.map_or(CallOutcome::Succeeded, ApiError::outcome);
        Event::PlatformCalled(outcome).emit();
        let (platform, status, milliseconds) = (self.platform.as_str(), self.status, self.milliseconds);
        let (result, trace_id) = (outcome.as_str(), self.trace_id.map(TraceId::as_str));
        let code = words.and_then(|words| words.code.as_deref());
        let level = if outcome == CallOutcome::Succeeded { Level::INFO } else { Level::WARN };
        log_at!(
            level,
            platform,
            trace_id,
            // Empty if it has none: it is not to have the one of an earlier call.
            correlation_id = correlation_id.as_deref().unwrap_or_default(),
            outcome = "platform called",
            result,
            status,
            code,
            milliseconds
        );
    }
}

/// The platforms' own names for what they were asked: Genesys Cloud's, and Genesys Multicloud CX's.
fn correlation_id(headers: &HeaderMap) -> Option<String> {
    let named = headers.get("inin-correlation-id").and_then(|value| value.to_str().ok()).filter(|id| is_code(id));
    named.map(str::to_owned).or_else(|| TraceId::from_headers(headers).map(|id| id.to_string()))
}

/// The bytes of a call's body.
pub(super) fn json_body(body: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(body).map_err(|_| ApiError::NotSent("the body cannot be written"))
}

/// The address of `path` below `base`. The path's segments are encoded one by one, so that none can lead elsewhere.
///
/// # Errors
/// There is no such address, which is the fault of what the request names: nothing can be sent to it.
pub(super) fn address(base: &Url, path: &[&str]) -> Result<Url, ApiError> {
    let unfit = || ApiError::unfit("", "names something that cannot be part of an address of the platform's");
    let mut url = base.clone();
    // A lone dot or two would be taken for a step up or nowhere, encoded or not.
    if path.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
        return Err(unfit());
    }
    url.path_segments_mut().map_err(|()| unfit())?.pop_if_empty().extend(path);
    // The HTTP client takes no longer ones.
    if http::Uri::try_from(url.as_str()).is_err() { Err(unfit()) } else { Ok(url) }
}

/// A time as the platforms write it: ISO 8601 with milliseconds.
pub(super) fn platform_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// How long an attempt may take.
pub(super) fn time_left(deadline: Instant) -> Result<Duration, ApiError> {
    let left = deadline.saturating_duration_since(Instant::now()).min(ATTEMPT_TIMEOUT);
    if left < SHORTEST_ATTEMPT { Err(ApiError::NotSent("no time was left")) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};
    use std::collections::VecDeque;

    #[test]
    fn nothing_in_a_path_segment_can_change_host_or_path() {
        let base: Url = "https://api.mypurecloud.de/".parse().unwrap();
        let url = address(&base, &["api", "v2", "a/../../b", "c?d#e", "@evil.example", "%2e%2e", "\\x"]).unwrap();
        assert_eq!(
            "https://api.mypurecloud.de/api/v2/a%2F..%2F..%2Fb/c%3Fd%23e/@evil.example/%252e%252e/%5Cx",
            url.as_str()
        );
    }

    #[test]
    fn an_address_that_cannot_be_built_is_the_requests_fault_because_nothing_is_sent() {
        let base: Url = "https://api.mypurecloud.de/".parse().unwrap();
        for segment in ["", ".", "..", &"x".repeat(70_000)] {
            let error = address(&base, &["api", segment]).unwrap_err();
            assert!(matches!(error, ApiError::Unfit(_)), "{error}");
        }
    }

    #[test]
    fn a_bases_own_path_stays_with_or_without_a_slash_at_its_end() {
        for base in ["https://gateway.example.com/digital", "https://gateway.example.com/digital/"] {
            let url = address(&base.parse().unwrap(), &["nexus", "v3"]).unwrap();
            assert_eq!("https://gateway.example.com/digital/nexus/v3", url.as_str());
        }
    }

    /// How often an attempt that always ends so is made.
    async fn attempts(may_repeat: bool, left: Duration, error: &ApiError) -> usize {
        let made = Cell::new(0);
        let attempt = async || -> Result<(), ApiError> {
            made.set(made.get() + 1);
            Err(error.clone())
        };
        let may_repeat = |error: &ApiError| error.is_worth_repeating(may_repeat);
        assert_eq!(Err(error.clone()), repeated(USUAL, may_repeat, Instant::now() + left, attempt).await);
        made.get()
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_have_been_done_is_repeated_only_where_that_does_no_harm() {
        let (long, unknown) = (Duration::from_secs(60), ApiError::Unknown { cause: "x", error: None });
        assert_eq!(1 + USUAL.maximum_repeats, attempts(true, long, &unknown).await);
        assert_eq!(1, attempts(false, long, &unknown).await);
        assert_eq!(1 + USUAL.maximum_repeats, attempts(false, long, &ApiError::NotSent("x")).await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_earlier_attempt_may_have_done_stays_unknown_unless_a_later_one_succeeds() {
        let unknown = ApiError::Unknown { cause: "x", error: None };
        let limited = ApiError::RateLimited { retry_after: Duration::from_secs(600) };
        for (last, expected) in
            [(Err(limited), Err(unknown.clone())), (Err(answered(400)), Err(unknown.clone())), (Ok(()), Ok(()))]
        {
            let ends = RefCell::new(VecDeque::from([Err(unknown.clone()), last]));
            let attempt = async || ends.borrow_mut().pop_front().unwrap_or_else(|| panic!("too many attempts"));
            let may_repeat = |error: &ApiError| error.is_worth_repeating(true);
            let deadline = Instant::now() + Duration::from_secs(60);
            assert_eq!(expected, repeated(USUAL, may_repeat, deadline, attempt).await);
        }
    }

    fn answered(status: u16) -> ApiError {
        ApiError::Refused(crate::platform::PlatformError { status, ..Default::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_does_not_fit_into_the_time_is_not_begun() {
        let limited = ApiError::RateLimited { retry_after: Duration::from_secs(30) };
        assert_eq!(1, attempts(true, Duration::from_secs(31), &limited).await);
        assert_eq!(2, attempts(true, Duration::from_secs(40), &limited).await);
    }
}
