//! How many calls are left: the platform says so in every answer.
//!
//! Source: <https://marketplace.gohighlevel.com/docs/oauth/Faqs/>: 100 calls in 10 s and 200,000 a day, for each app and
//! location.

use crate::observability::metrics::Event;
use http::HeaderMap;
use std::time::Duration;

/// How long to wait when the day's calls are used up: nothing says when the day ends.
const DAY_USED_UP: Duration = Duration::from_secs(3600);

/// The platform's count of our calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct RateLimit {
    allowed: Option<u64>,
    remaining: Option<u64>,
    interval_milliseconds: Option<u64>,
    remaining_today: Option<u64>,
}

impl RateLimit {
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
        Self {
            allowed: number("x-ratelimit-max"),
            remaining: number("x-ratelimit-remaining"),
            interval_milliseconds: number("x-ratelimit-interval-milliseconds"),
            remaining_today: number("x-ratelimit-daily-remaining"),
        }
    }

    /// How long to wait once there are no calls left, where an answer does not say so itself.
    pub(super) fn wait(self) -> Option<Duration> {
        if self.remaining_today == Some(0) {
            return Some(DAY_USED_UP);
        }
        self.interval_milliseconds.map(|wait| Duration::from_millis(wait).min(DAY_USED_UP))
    }

    /// Writes how many calls are left as a metric, and into the log when there are few.
    pub(super) fn report(self, location_id: &str) {
        let (Some(allowed), Some(headroom)) = (self.allowed, self.remaining) else { return };
        Event::RateLimitRemaining { client: location_id, calls: headroom }.emit();
        if headroom < allowed / 10 {
            let remaining_today = self.remaining_today;
            let client = location_id;
            tracing::warn!(client, headroom, allowed, remaining_today, "few calls are left");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(headers: &[(&'static str, &'static str)]) -> RateLimit {
        RateLimit::read(&headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect())
    }

    #[test]
    fn the_platforms_headers_say_how_long_to_wait() {
        let interval = ("x-ratelimit-interval-milliseconds", "10000");
        assert_eq!(Some(Duration::from_secs(10)), limit(&[interval]).wait());
        let used_up = limit(&[interval, ("x-ratelimit-daily-remaining", "0")]);
        assert_eq!(Some(DAY_USED_UP), used_up.wait());
        assert_eq!(None, limit(&[("x-ratelimit-remaining", "7")]).wait());
    }

    #[test]
    fn the_platforms_count_is_read() {
        let headers = [("x-ratelimit-max", "100"), ("x-ratelimit-remaining", "7")];
        assert_eq!(RateLimit { allowed: Some(100), remaining: Some(7), ..RateLimit::default() }, limit(&headers));
    }
}
