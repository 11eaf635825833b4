//! The calls that are left in a platform's rate limit, which every response contains.

use crate::observability::calls;
use http::HeaderMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct RateLimit {
    pub(super) allowed: Option<u64>,
    pub(super) remaining: Option<u64>,
    pub(super) remaining_today: Option<u64>,
    pub(super) reset_seconds: Option<u64>,
}

impl RateLimit {
    /// Notes the metric, and logs a warning if few calls are left. The limit is that of `client`.
    pub(super) fn report(self, client: &str) {
        let Self { allowed: Some(allowed), remaining: Some(headroom), remaining_today, reset_seconds } = self else {
            return;
        };
        calls::set_headroom(client, headroom);
        if headroom < allowed / 10 {
            // Overrides the correlation id of an earlier call.
            let correlation_id = "";
            tracing::warn!(
                client,
                headroom,
                allowed,
                remaining_today,
                reset_seconds,
                correlation_id,
                "few calls are left"
            );
        }
    }
}

/// The number in a header.
pub(super) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}
