//! Work on our own parts that is repeated while they are out of reach, because the other way is a wait of minutes.

use crate::dispatcher::until;
use jiff::Timestamp;
use shared::aws::OPERATION_TIMEOUT;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long it is repeated, and the pause between.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(1);

/// Repeats `work` while its error `passes`, as long as the invocation has time for it and for one call after it.
pub(crate) async fn patiently<T, E, F: Future<Output = Result<T, E>>>(
    deadline: Timestamp,
    work: impl Fn() -> F,
    passes: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let left = until(deadline).saturating_sub(PAUSE + OPERATION_TIMEOUT * 2).min(PATIENCE);
    let last_try = Instant::now() + left;
    loop {
        match work().await {
            Err(error) if passes(&error) && Instant::now() < last_try => sleep(PAUSE).await,
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::ready;

    /// How often work that fails so often is tried, with so many seconds until the deadline.
    async fn tries(failures: usize, seconds: i64) -> usize {
        let tried = Cell::new(0);
        let work = || {
            tried.set(tried.get() + 1);
            ready(if tried.get() > failures { Ok(()) } else { Err("out of reach") })
        };
        let _ = patiently(Timestamp::now() + jiff::SignedDuration::from_secs(seconds), work, |_| true).await;
        tried.get()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_out_of_reach_is_tried_for_ten_seconds_and_never_past_the_deadline() {
        assert_eq!(1, tries(0, 60).await);
        assert_eq!(5, tries(4, 60).await);
        assert_eq!(11, tries(usize::MAX, 60).await);
        assert_eq!(1, tries(usize::MAX, 7).await);
        assert_eq!(1, tries(usize::MAX, -1).await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_pass_is_tried_once() {
        let tried = Cell::new(0);
        let work = || {
            tried.set(tried.get() + 1);
            ready(Err::<(), _>("lease lost"))
        };
        let _ = patiently(Timestamp::MAX, work, |_| false).await;
        assert_eq!(1, tried.get());
    }
}
