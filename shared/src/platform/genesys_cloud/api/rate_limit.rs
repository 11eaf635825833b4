//! How many calls are left: the platform says so in every answer.

use crate::observability::metrics::Event;
use http::HeaderMap;

/// The platform's count of our calls in the current minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct RateLimit {
    count: Option<u64>,
    allowed: Option<u64>,
    reset_seconds: Option<u64>,
}

impl RateLimit {
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
        Self {
            count: number("inin-ratelimit-count"),
            allowed: number("inin-ratelimit-allowed"),
            reset_seconds: number("inin-ratelimit-reset"),
        }
    }

    /// Writes how many calls are left as a metric, and into the log when there are few.
    pub(super) fn report(self, client_id: &str) {
        let (Some(count), Some(allowed)) = (self.count, self.allowed) else { return };
        let headroom = allowed.saturating_sub(count);
        Event::RateLimitRemaining { client: client_id, calls: headroom }.emit();
        if headroom < allowed / 10 {
            let (client, reset_seconds) = (client_id, self.reset_seconds);
            tracing::warn!(client, headroom, allowed, reset_seconds, "few calls are left");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platforms_three_headers_are_read() {
        let headers =
            [("inin-ratelimit-count", "12"), ("inin-ratelimit-allowed", "300"), ("inin-ratelimit-reset", "41")]
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let limit = RateLimit { count: Some(12), allowed: Some(300), reset_seconds: Some(41) };
        assert_eq!(limit, RateLimit::read(&HeaderMap::from_iter(headers)));
        assert_eq!(RateLimit::default(), RateLimit::read(&HeaderMap::new()));
    }
}
