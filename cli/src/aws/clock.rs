//! Clock skew between this machine and the servers it calls.

use aws_sdk_cloudformation::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_cloudformation::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudformation::error::BoxError;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use shared::signature::standard_webhooks::TOLERANCE_SECONDS;
use std::sync::{Arc, Mutex, PoisonError};

/// The difference between this machine's clock and a server's, measured by one response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClockSkew {
    /// The other clock: "AWS's" or "the API's".
    pub(crate) reference: &'static str,
    /// Positive when this machine's clock is ahead.
    pub(crate) seconds: i64,
}

impl ClockSkew {
    /// From the `Date` header of a response to a request between `sent` and `received`.
    pub(crate) fn of(reference: &'static str, sent: Timestamp, received: Timestamp, date: &str) -> Option<Self> {
        let date = DateTimeParser::new().parse_timestamp(date).ok()?.as_second();
        // The server wrote the date between the two, truncated to whole seconds.
        let (earliest, latest) = (sent.as_second() - 1, received.as_second());
        let seconds = if date < earliest { earliest - date } else { (latest - date).min(0) };
        Some(Self { reference, seconds })
    }

    /// Negative when this machine's clock is behind.
    pub(crate) fn ahead(self) -> SignedDuration {
        SignedDuration::from_secs(self.seconds)
    }

    /// In seconds, whether ahead or behind.
    pub(crate) fn magnitude(self) -> u64 {
        self.seconds.unsigned_abs()
    }

    /// Whether signatures with this machine's time are refused.
    pub(crate) fn breaks_signatures(self) -> bool {
        self.magnitude() >= TOLERANCE_SECONDS
    }
}

/// Records the `Date` header of AWS's responses, errors included.
#[derive(Debug, Clone, Default)]
pub(crate) struct AwsClock(Arc<Mutex<Option<(Timestamp, String)>>>);

impl AwsClock {
    /// The skew by the response to a request of `sent`, if there was one.
    pub(crate) fn skew(&self, sent: Timestamp) -> Option<ClockSkew> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (received, date) = seen.as_ref()?;
        ClockSkew::of("AWS's", sent, *received, date)
    }

    /// How far this machine's clock is ahead of AWS's; zero if that is unknown.
    pub(crate) fn ahead(&self, sent: Timestamp) -> SignedDuration {
        self.skew(sent).map(ClockSkew::ahead).unwrap_or_default()
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

    /// The skew by a response to a request that took two seconds from 12:00:00.
    fn skew(date: &str) -> i64 {
        let sent: Timestamp = "2026-01-02T12:00:00.9Z".parse().unwrap();
        let received = "2026-01-02T12:00:02.1Z".parse().unwrap();
        ClockSkew::of("AWS's", sent, received, &format!("Fri, 02 Jan 2026 {date} GMT")).unwrap().seconds
    }

    #[test]
    fn a_date_between_sending_and_receiving_is_no_skew() {
        for date in ["11:59:59", "12:00:00", "12:00:01", "12:00:02"] {
            assert_eq!(0, skew(date), "{date}");
        }
        assert_eq!(599, skew("11:50:00"));
        assert_eq!(-598, skew("12:10:00"));
    }
}
