//! This machine's clock against others'.

use aws_sdk_cloudformation::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_cloudformation::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudformation::error::BoxError;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use shared::signature::standard_webhooks::TOLERANCE_SECONDS;
use std::sync::{Arc, Mutex, PoisonError};

/// How far this machine's clock is from another's, by one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deviation {
    /// Whose clock the other one is.
    pub(crate) whose: &'static str,
    /// More than nothing when this machine's clock is ahead.
    pub(crate) seconds: i64,
}

impl Deviation {
    /// By the `Date` of an answer that came at `received` to a request of `sent`.
    pub(crate) fn of(whose: &'static str, sent: Timestamp, received: Timestamp, date: &str) -> Option<Self> {
        let date = DateTimeParser::new().parse_timestamp(date).ok()?.as_second();
        // The answer is from between the two, and its date is cut off to whole seconds.
        let (earliest, latest) = (sent.as_second() - 1, received.as_second());
        let seconds = if date < earliest { earliest - date } else { (latest - date).min(0) };
        Some(Self { whose, seconds })
    }

    /// By how much this machine's clock is ahead; less than nothing where it is behind.
    pub(crate) fn ahead(self) -> SignedDuration {
        SignedDuration::from_secs(self.seconds)
    }

    /// How far it is, ahead or behind, in seconds.
    pub(crate) fn size(self) -> u64 {
        self.seconds.unsigned_abs()
    }

    /// Whether signatures that hold this machine's time are refused.
    pub(crate) fn spoils_signatures(self) -> bool {
        self.size() >= TOLERANCE_SECONDS
    }
}

/// Takes the `Date` from what AWS answers, be it an error.
#[derive(Debug, Clone, Default)]
pub(crate) struct AwsClock(Arc<Mutex<Option<(Timestamp, String)>>>);

impl AwsClock {
    /// How far this machine's clock is from AWS's, if AWS answered to what was asked at `sent`.
    pub(crate) fn deviation(&self, sent: Timestamp) -> Option<Deviation> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (received, date) = seen.as_ref()?;
        Deviation::of("AWS's", sent, *received, date)
    }

    /// By how much this machine's clock is ahead of AWS's, as far as its answer to what was asked at `sent` tells.
    pub(crate) fn ahead(&self, sent: Timestamp) -> SignedDuration {
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
}
