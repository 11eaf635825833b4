//! Exponential backoff with equal jitter: what retry delays have in common.

use std::time::Duration;

/// `delay`, doubled this many times, up to `maximum`.
#[must_use]
pub fn doubled(delay: Duration, times: u64, maximum: Duration) -> Duration {
    let times = u32::try_from(times).unwrap_or(u32::MAX);
    delay.saturating_mul(2_u32.saturating_pow(times)).min(maximum)
}

/// Between half and all of `delay`. `jitter` is a random number from 0 to 1: it spreads retries that are due at the same time.
#[must_use]
pub fn jittered(delay: Duration, jitter: f64) -> Duration {
    delay.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}
