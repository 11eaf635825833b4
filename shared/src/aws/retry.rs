//! Retries of calls to AWS within an invocation: the alternative is to wait for minutes, until the lease or the visibility
//! timeout ends.

use super::OPERATION_TIMEOUT;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a call is retried.
const RETRY_PERIOD: Duration = Duration::from_secs(10);
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// How long it is until `instant`; zero if it has passed.
#[must_use]
pub fn time_until(instant: Timestamp) -> Duration {
    instant.duration_since(Timestamp::now()).try_into().unwrap_or_default()
}

/// Retries `call` while its error is transient, as long as the invocation has time for it and for one call after it.
///
/// # Errors
/// The error of the last call.
pub async fn retry_transient<T, E, F: Future<Output = Result<T, E>>>(
    deadline: Timestamp,
    call: impl Fn() -> F,
    is_transient: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let period = time_until(deadline).saturating_sub(RETRY_DELAY + OPERATION_TIMEOUT * 2).min(RETRY_PERIOD);
    let last_try = Instant::now() + period;
    loop {
        match call().await {
            Err(error) if is_transient(&error) && Instant::now() < last_try => sleep(RETRY_DELAY).await,
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::ready;

    /// How many times a call is made that fails `failures` times, this many seconds before the deadline.
    async fn calls(failures: usize, seconds: i64) -> usize {
        let calls = Cell::new(0);
        let call = || {
            calls.set(calls.get() + 1);
            ready(if calls.get() > failures { Ok(()) } else { Err("unavailable") })
        };
        let _ = retry_transient(Timestamp::now() + jiff::SignedDuration::from_secs(seconds), call, |_| true).await;
        calls.get()
    }

    #[tokio::test(start_paused = true)]
    async fn a_transient_error_is_retried_for_ten_seconds_and_never_past_the_deadline() {
        assert_eq!(1, calls(0, 60).await);
        assert_eq!(5, calls(4, 60).await);
        assert_eq!(11, calls(usize::MAX, 60).await);
        assert_eq!(1, calls(usize::MAX, 7).await);
        assert_eq!(1, calls(usize::MAX, -1).await);
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_is_not_transient_is_not_retried() {
        let calls = Cell::new(0);
        let call = || {
            calls.set(calls.get() + 1);
            ready(Err::<(), _>("lease lost"))
        };
        let _ = retry_transient(Timestamp::MAX, call, |_| false).await;
        assert_eq!(1, calls.get());
    }
}
