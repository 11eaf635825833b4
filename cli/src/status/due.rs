//! When the next attempt is made, for people.

use crate::ui::output::seconds;
use jiff::Timestamp;

/// The time of an attempt. One whose time has come waits for its turn or for an open circuit.
pub(crate) fn attempt_time(at: Timestamp, now: Timestamp) -> String {
    if at > now { seconds(at) } else { format!("due since {}", seconds(at)) }
}

/// When the attempt is made that an open circuit allows.
pub(crate) fn trial_time(open_until: Timestamp, now: Timestamp) -> String {
    let after = if open_until > now { format!(" after {}", seconds(open_until)) } else { String::new() };
    format!("the next attempt is made with the first message that is due{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_whose_time_has_come_is_due() {
        let (at, later) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(1).unwrap_or(Timestamp::MAX));
        assert_eq!("1970-01-01T00:00:01Z", attempt_time(later, at));
        assert_eq!("due since 1970-01-01T00:00:00Z", attempt_time(at, later));
    }

    #[test]
    fn an_open_circuit_allows_an_attempt_with_what_is_due_after_its_time() {
        let (at, later) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(1).unwrap_or(Timestamp::MAX));
        let said = "the next attempt is made with the first message that is due";
        assert_eq!(format!("{said} after 1970-01-01T00:00:01Z"), trial_time(later, at));
        assert_eq!(said, trial_time(at, later));
    }
}
