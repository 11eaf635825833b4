//! How long to wait before the next attempt.

use std::time::Duration;

/// The first wait; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The wait after attempt number `attempt` (1 is the first), before jitter.
fn full(attempt: u64) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST)
}

/// The wait after attempt number `attempt`: between half and all of one second that doubles with each attempt up to
/// fifteen minutes. `jitter`, from 0 to 1, says how much; it keeps customers whose deliveries failed together from
/// coming back together.
pub(crate) fn after(attempt: u64, jitter: f64) -> Duration {
    full(attempt).mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_one_second_to_fifteen_minutes() {
        let waits: Vec<_> = (1..=12).map(|attempt| after(attempt, 1.0).as_secs()).collect();
        assert_eq!(vec![1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900], waits);
        assert_eq!(900, after(u64::MAX, 1.0).as_secs());
        assert_eq!(1, after(0, 1.0).as_secs());
    }

    #[test]
    fn jitter_takes_away_at_most_half() {
        assert_eq!(Duration::from_secs(8), after(5, 0.0));
        assert_eq!(Duration::from_secs(12), after(5, 0.5));
        assert_eq!(Duration::from_secs(16), after(5, 7.0));
    }
}
