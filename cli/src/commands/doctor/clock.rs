//! This machine's clock against others': signatures are good for five minutes.

use super::report::Finding;
use aws_sdk_cloudformation::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_cloudformation::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudformation::error::BoxError;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use shared::signature::standard_webhooks::TOLERANCE_SECONDS;
use std::sync::{Arc, Mutex, PoisonError};

/// From how many seconds on it is worth looking at.
const WARNING_SECONDS: u64 = 30;

/// How far this machine's clock is from another's, by one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deviation {
    whose: &'static str,
    /// More than nothing when this machine's clock is ahead.
    seconds: i64,
}

impl Deviation {
    /// By the `Date` of an answer that came at `received` to a request of `sent`.
    pub(super) fn of(whose: &'static str, sent: Timestamp, received: Timestamp, date: &str) -> Option<Self> {
        let date = DateTimeParser::new().parse_timestamp(date).ok()?.as_second();
        // The answer is from between the two, and its date is cut off to whole seconds.
        let (earliest, latest) = (sent.as_second() - 1, received.as_second());
        let seconds = if date < earliest { earliest - date } else { (latest - date).min(0) };
        Some(Self { whose, seconds })
    }

    /// By how much this machine's clock is ahead; less than nothing where it is behind.
    pub(super) fn ahead(self) -> SignedDuration {
        SignedDuration::from_secs(self.seconds)
    }

    fn size(self) -> u64 {
        self.seconds.unsigned_abs()
    }

    /// Whether signatures that hold this machine's time are refused.
    pub(super) fn spoils_signatures(self) -> bool {
        self.size() >= TOLERANCE_SECONDS
    }
}

/// The larger of two.
pub(super) fn larger(one: Option<Deviation>, other: Option<Deviation>) -> Option<Deviation> {
    [one, other].into_iter().flatten().max_by_key(|deviation| deviation.size())
}

/// What the deviation means.
pub(super) fn finding(deviation: Option<Deviation>) -> Finding {
    let Some(deviation) = deviation else { return Finding::skipped("because no answer told the time") };
    let Deviation { whose, seconds } = deviation;
    let size = deviation.size();
    let direction = if seconds > 0 { "ahead of" } else { "behind" };
    let seen = format!("this machine's clock is {size} s {direction} {whose}");
    let advice = "set this machine's clock, by NTP for example: signatures are good for five minutes";
    match size {
        _ if deviation.spoils_signatures() => Finding::fault(seen, advice),
        WARNING_SECONDS.. => Finding::warning(seen, advice),
        _ => Finding::ok(format!("within {WARNING_SECONDS} s of {whose}")),
    }
}

/// Takes the `Date` from what AWS answers, be it an error.
#[derive(Debug, Clone, Default)]
pub(in crate::commands) struct AwsClock(Arc<Mutex<Option<(Timestamp, String)>>>);

impl AwsClock {
    /// How far this machine's clock is from AWS's, if AWS answered to what was asked at `sent`.
    pub(super) fn deviation(&self, sent: Timestamp) -> Option<Deviation> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (received, date) = seen.as_ref()?;
        Deviation::of("AWS's", sent, *received, date)
    }

    /// By how much this machine's clock is ahead of AWS's, as far as its answer to what was asked at `sent` tells.
    pub(in crate::commands) fn ahead(&self, sent: Timestamp) -> SignedDuration {
        self.deviation(sent).map(Deviation::ahead).unwrap_or_default()
    }
}

impl Intercept for AwsClock {
    fn name(&self) -> &'static str {
        "AwsClock"
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            let seen = (Timestamp::now(), date.to_owned());
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests fail by panicking
mod tests {
    use super::super::report::Verdict;
    use super::*;

    /// Of a request that took two seconds from 12:00:00 on.
    fn deviation(date: &str) -> i64 {
        let sent: Timestamp = "2026-01-02T12:00:00.9Z".parse().unwrap();
        let received = "2026-01-02T12:00:02.1Z".parse().unwrap();
        Deviation::of("AWS's", sent, received, &format!("Fri, 02 Jan 2026 {date} GMT")).unwrap().seconds
    }

    #[test]
    fn an_answer_from_between_sending_and_receiving_is_no_deviation() {
        for date in ["11:59:59", "12:00:00", "12:00:01", "12:00:02"] {
            assert_eq!(0, deviation(date), "{date}");
        }
        assert_eq!(599, deviation("11:50:00"));
        assert_eq!(-598, deviation("12:10:00"));
    }

    #[test]
    fn thirty_seconds_are_worth_a_look_and_five_minutes_are_a_fault() {
        let verdict = |seconds| finding(Some(Deviation { whose: "AWS's", seconds })).verdict;
        for (seconds, expected) in [
            (0, Verdict::Ok),
            (29, Verdict::Ok),
            (-30, Verdict::Warning),
            (299, Verdict::Warning),
            (300, Verdict::Fault),
            (-300, Verdict::Fault),
        ] {
            assert_eq!(expected, verdict(seconds), "{seconds}");
        }
        assert_eq!(Verdict::Skipped, finding(None).verdict);
    }
}
