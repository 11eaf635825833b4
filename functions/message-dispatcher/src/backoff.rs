//! Retry delays: exponential backoff with equal jitter.

use jiff::Timestamp;
use shared::delivery::backoff::{doubled, jittered};
use std::time::Duration;

/// The delay after the first attempt. It doubles with each further attempt.
const INITIAL_DELAY: Duration = Duration::from_secs(1);
const MAX_DELAY: Duration = Duration::from_secs(15 * 60);

/// The delay after an internal error.
const INTERNAL_ERROR_DELAY: Duration = Duration::from_secs(4);
/// After this many receives it doubles, and after as many again.
const RECEIVES_PER_DOUBLING: u64 = 100;

/// The delay after attempt number `attempt` (1 is the first): between half and all of one second, doubled for each further
/// attempt up to fifteen minutes. `jitter` is a random number from 0 to 1: it spreads the retries of customers whose
/// deliveries failed at the same time.
pub(crate) fn delay(attempt: u64, jitter: f64) -> Duration {
    jittered(exponential(attempt), jitter)
}

fn exponential(attempt: u64) -> Duration {
    doubled(INITIAL_DELAY, attempt.saturating_sub(1), MAX_DELAY)
}

/// The delay after an internal error (SQS, DynamoDB or Secrets Manager unavailable): two to four seconds, because most are
/// over by then. Such an error says nothing about the messaging service, so delivery attempts do not lengthen the delay: in
/// the default six hours there are fewer than 60 of them. (In the maximum of three days there are about 400, and the delay
/// is up to a minute.)
///
/// Only a message that has been received hundreds of times waits longer, up to fifteen minutes: otherwise it would reach
/// maxReceiveCount (1,000) and move to the dead-letter queue within the hour. This way it takes 100 receives at each of 4, 8,
/// 16, 32, 64, 128, 256 and 512 seconds and 200 at 900, less a quarter for jitter: an outage may last for more than two days.
/// When it ends, the customer waits for at most eight seconds or a tenth of the outage's own length.
pub(crate) fn delay_after_internal_error(receive_count: u64, jitter: f64) -> Duration {
    jittered(doubled(INTERNAL_ERROR_DELAY, receive_count / RECEIVES_PER_DOUBLING, MAX_DELAY), jitter)
}

/// The delay while a circuit is open: until the next trial may be made, and longer for a message that was received often.
pub(crate) fn delay_while_open(until: Timestamp, receive_count: u64, jitter: f64) -> Duration {
    let until = Duration::try_from(Timestamp::now().duration_until(until)).unwrap_or_default();
    until.max(delay(receive_count, jitter)) + INITIAL_DELAY.mul_f64(jitter.clamp(0.0, 1.0))
}

/// The delay before the next attempt, or `None` if no time remains.
///
/// The last attempt is made when the time ends: a service that asks for a longer delay would otherwise make the message
/// expire without another attempt.
pub(crate) fn next_retry_delay(
    backoff: Duration,
    retry_after: Option<Duration>,
    remaining: Duration,
) -> Option<Duration> {
    (!remaining.is_zero()).then(|| backoff.max(retry_after.unwrap_or_default()).min(remaining))
}

/// How much of `give_up_after` remains since `due_since`.
pub(crate) fn remaining_delivery_time(due_since: Timestamp, give_up_after: Duration) -> Duration {
    let age = Duration::try_from(Timestamp::now().duration_since(due_since)).unwrap_or_default();
    give_up_after.saturating_sub(age)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn delays_double_from_one_second_to_fifteen_minutes() {
        let delays: Vec<_> = (1..=12).map(|attempt| delay(attempt, 1.0).as_secs()).collect();
        assert_eq!(vec![1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900], delays);
        assert_eq!(900, delay(u64::MAX, 1.0).as_secs());
        assert_eq!(1, delay(0, 1.0).as_secs());
    }

    #[test]
    fn an_internal_error_is_retried_within_seconds_however_many_attempts_came_before() {
        for receive_count in [0, 1, 12, 60, 99] {
            let delays =
                [delay_after_internal_error(receive_count, 0.0), delay_after_internal_error(receive_count, 1.0)];
            assert_eq!([2, 4].map(seconds), delays, "{receive_count}");
        }
    }

    #[test]
    fn an_outage_may_last_for_two_days_before_a_message_becomes_a_dead_letter() {
        let total: Duration = (1..1_000).map(|receive_count| delay_after_internal_error(receive_count, 0.5)).sum();
        assert!(total > seconds(48 * 3600), "{total:?}");
    }

    #[test]
    fn the_delay_after_an_outage_is_short_compared_to_the_outage() {
        let mut outage = Duration::ZERO;
        for receive_count in 1..1_000 {
            let delay = delay_after_internal_error(receive_count, 1.0);
            assert!(delay <= seconds(8).max(outage / 10), "{delay:?} after {outage:?}");
            outage += delay_after_internal_error(receive_count, 0.0);
        }
    }

    #[test]
    fn jitter_takes_away_at_most_half() {
        assert_eq!(seconds(8), delay(5, 0.0));
        assert_eq!(seconds(12), delay(5, 0.5));
        assert_eq!(seconds(16), delay(5, 7.0));
    }

    #[test]
    fn the_longer_of_backoff_and_retry_after_counts() {
        assert_eq!(Some(seconds(4)), next_retry_delay(seconds(4), None, seconds(100)));
        assert_eq!(Some(seconds(4)), next_retry_delay(seconds(4), Some(seconds(2)), seconds(100)));
        assert_eq!(Some(seconds(9)), next_retry_delay(seconds(4), Some(seconds(9)), seconds(100)));
    }

    #[test]
    fn the_last_attempt_is_made_when_the_time_ends() {
        assert_eq!(Some(seconds(30)), next_retry_delay(seconds(900), None, seconds(30)));
        assert_eq!(Some(seconds(30)), next_retry_delay(seconds(4), Some(seconds(86_400)), seconds(30)));
        assert_eq!(None, next_retry_delay(seconds(900), None, Duration::ZERO));
    }
}
