//! Which lines have been printed while a log is followed.

use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// Lines may become searchable this much later than newer ones.
const OVERLAP: SignedDuration = SignedDuration::from_secs(30);
/// How many lines within the overlap are remembered. Beyond that, late ones are missed.
const MAX_EVENTS: usize = 100_000;

/// The lines that were printed within the overlap of two polls.
#[derive(Debug)]
pub(super) struct Seen {
    /// Nothing before it is read again.
    start: Timestamp,
    newest: Timestamp,
    events: BTreeSet<(Timestamp, String)>,
}

impl Seen {
    pub(super) fn since(start: Timestamp) -> Self {
        Self { start, newest: start, events: BTreeSet::new() }
    }

    /// The start of the next poll.
    pub(super) fn start(&self) -> Timestamp {
        self.start.max(self.newest - OVERLAP)
    }

    /// Everything was read that was written before this time.
    pub(super) fn read_until(&mut self, time: Timestamp) {
        self.start = self.start().max(time - OVERLAP);
        self.forget();
    }

    /// Whether a line is new.
    pub(super) fn insert(&mut self, time: Timestamp, id: &str) -> bool {
        if time < self.start() || !self.events.insert((time, id.to_owned())) {
            return false;
        }
        self.newest = self.newest.max(time);
        self.forget();
        true
    }

    /// Forgets the lines that are not read again.
    fn forget(&mut self) {
        let start = self.start();
        while let Some((oldest, _)) = self.events.first()
            && (*oldest < start || self.events.len() > MAX_EVENTS)
        {
            // Lines of the same millisecond that are still remembered do no harm.
            self.start = self.start.max(*oldest + SignedDuration::from_millis(1));
            self.events.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_millis(milliseconds)
    }

    #[test]
    fn each_line_is_new_once() {
        let mut seen = Seen::since(at(0));
        let new: Vec<_> =
            [(5, "a"), (5, "b"), (5, "a"), (4, "c"), (4, "c")].map(|(time, id)| seen.insert(at(time), id)).into();
        assert_eq!([true, true, false, true, false], *new);
    }

    #[test]
    fn the_next_poll_starts_before_the_newest_line_but_never_before_the_start() {
        let mut seen = Seen::since(at(1_000));
        assert_eq!(at(1_000), seen.start());
        assert!(seen.insert(at(2_000), "a"));
        assert_eq!(at(1_000), seen.start());
        assert!(seen.insert(at(100_000), "b"));
        assert_eq!(at(70_000), seen.start());
        assert_eq!(1, seen.events.len(), "older lines are not read again");
        assert!(!seen.insert(at(2_000), "a"));
    }

    #[test]
    fn the_next_poll_starts_before_the_last_one_also_if_no_line_was_new() {
        let mut seen = Seen::since(at(0));
        assert!(seen.insert(at(50_000), "a"));
        seen.read_until(at(90_000));
        assert_eq!(at(60_000), seen.start());
        assert!(seen.events.is_empty(), "older lines are not read again");
        seen.read_until(at(80_000));
        assert_eq!(at(60_000), seen.start(), "a clock that is set back reads nothing twice");
        assert!(seen.insert(at(61_000), "late"));
    }

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_is_not_read_again() {
        let mut seen = Seen::since(at(0));
        for number in 0..MAX_EVENTS + 10 {
            assert!(seen.insert(at(number as i64 / 10), &number.to_string()));
        }
        assert_eq!(MAX_EVENTS, seen.events.len());
        assert_eq!(at(1), seen.start());
        assert!(!seen.insert(at(0), "0"));
    }
}
