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
    jittered(full(attempt), jitter)
}

/// The wait after a fault of our own, at first.
const OWN_FAULT: Duration = Duration::from_secs(4);
/// After so many receives it doubles, and after as many again.
const RECEIVES_PER_DOUBLING: u64 = 100;

/// The wait after a fault of our own (SQS, DynamoDB, Secrets Manager out of reach): two to four seconds, for most are
/// over by then. It says nothing of the messaging service, so that attempts to deliver do not lengthen it: in the usual
/// six hours there are fewer than 60 of them. (In the three days that may be configured there are about 400: then it is up
/// to a minute.)
///
/// Only what has been received hundreds of times waits longer, up to fifteen minutes: else it would be a dead letter,
/// after 1,000 receives, within the hour. So it takes 100 receives at each of 4, 8, 16, 32, 64, 128, 256 and 512 seconds
/// and 200 at 900, less a quarter for jitter: a fault may last for more than two days. When it is over, the
/// customer waits for no more than eight seconds or a tenth of the fault's own length.
pub(crate) fn after_own_fault(receives: u64, jitter: f64) -> Duration {
    let doublings = u32::try_from(receives / RECEIVES_PER_DOUBLING).unwrap_or(u32::MAX);
    jittered(OWN_FAULT.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST), jitter)
}

/// Between half and all of `wait`.
fn jittered(wait: Duration, jitter: f64) -> Duration {
    wait.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
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
    fn a_fault_of_our_own_is_retried_within_seconds_whatever_attempts_came_before() {
        for receives in [0, 1, 12, 60, 99] {
            let waits = [after_own_fault(receives, 0.0), after_own_fault(receives, 1.0)];
            assert_eq!([2, 4].map(Duration::from_secs), waits, "{receives}");
        }
    }

    #[test]
    fn a_fault_of_our_own_may_last_for_two_days_before_anything_is_a_dead_letter() {
        let total: Duration = (1..1_000).map(|receives| after_own_fault(receives, 0.5)).sum();
        assert!(total > Duration::from_secs(48 * 3600), "{total:?}");
    }

    #[test]
    fn when_a_fault_of_our_own_is_over_the_wait_is_short_against_its_length() {
        let mut fault = Duration::ZERO;
        for receives in 1..1_000 {
            let wait = after_own_fault(receives, 1.0);
            assert!(wait <= Duration::from_secs(8).max(fault / 10), "{wait:?} after {fault:?}");
            fault += after_own_fault(receives, 0.0);
        }
    }

    #[test]
    fn jitter_takes_away_at_most_half() {
        assert_eq!(Duration::from_secs(8), after(5, 0.0));
        assert_eq!(Duration::from_secs(12), after(5, 0.5));
        assert_eq!(Duration::from_secs(16), after(5, 7.0));
    }
}
