//! What calls to every platform have in common: the time that they may take, their repeats, and their addresses.
//!
//! Every call has a time-out taken from the time that is left, and repeats where a repeat is safe and fits into that time.

use super::error::ApiError;
use crate::outbound;
use backon::{ExponentialBuilder, Retryable};
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;
use tokio::time::Instant;
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
    outbound::client(ATTEMPT_TIMEOUT)
}

/// Makes `attempt`, and makes it again by `schedule` where `may_repeat` says so and there is time.
pub(super) async fn repeated<A, F: Future<Output = Result<A, ApiError>>>(
    schedule: Schedule,
    may_repeat: impl Fn(&ApiError) -> bool,
    deadline: Instant,
    attempt: impl FnMut() -> F,
) -> Result<A, ApiError> {
    let backoff = ExponentialBuilder::default()
        .with_min_delay(schedule.first_wait)
        .with_max_delay(schedule.longest_wait)
        .with_max_times(schedule.maximum_repeats)
        .with_jitter();
    attempt
        .retry(backoff)
        .when(|error| may_repeat(error))
        .adjust(|error, wait| {
            let wait = match error {
                ApiError::RateLimited { retry_after } => wait.map(|wait| wait.max(*retry_after)),
                _ => wait,
            };
            wait.filter(|wait| Instant::now() + *wait + SHORTEST_ATTEMPT < deadline)
        })
        .await
}

/// The bytes of a call's body.
pub(super) fn json_body(body: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(body).map_err(|_| ApiError::NotSent("the body cannot be written"))
}

/// The address of `path` below `base`. The path's segments are encoded one by one, so that none can lead elsewhere.
pub(super) fn address(base: &Url, path: &[&str]) -> Result<Url, ApiError> {
    let mut url = base.clone();
    // A lone dot or two would be taken for a step up or nowhere, encoded or not.
    if path.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
        return Err(ApiError::NotSent("a part of the path is empty or a dot"));
    }
    url.path_segments_mut().map_err(|()| ApiError::NotSent("no address"))?.pop_if_empty().extend(path);
    Ok(url)
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
    use std::cell::Cell;

    #[test]
    fn nothing_in_a_path_segment_can_change_host_or_path() {
        let base: Url = "https://api.mypurecloud.de/".parse().unwrap();
        let url = address(&base, &["api", "v2", "a/../../b", "c?d#e", "@evil.example", "%2e%2e", "\\x"]).unwrap();
        assert_eq!(
            "https://api.mypurecloud.de/api/v2/a%2F..%2F..%2Fb/c%3Fd%23e/@evil.example/%252e%252e/%5Cx",
            url.as_str()
        );
        for segment in ["", ".", ".."] {
            assert!(address(&base, &["api", segment]).is_err());
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
    async fn a_wait_that_does_not_fit_into_the_time_is_not_begun() {
        let limited = ApiError::RateLimited { retry_after: Duration::from_secs(30) };
        assert_eq!(1, attempts(true, Duration::from_secs(31), &limited).await);
        assert_eq!(2, attempts(true, Duration::from_secs(40), &limited).await);
    }
}
