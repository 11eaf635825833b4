//! Parsers of values on the command line, whose errors say what is allowed.

use jiff::{Span, SpanRelativeTo, Timestamp};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A time.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "must be a time with its time zone, such as 2026-01-02T03:04:05Z".to_owned())
}

/// A time in the past, or how long ago it is.
pub(crate) fn since(text: &str) -> Result<Timestamp, String> {
    since_at(text, Timestamp::now())
}

fn since_at(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let ago = || {
        let span: Span = text.parse().ok()?;
        let ago = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        now.checked_sub(ago.abs()).ok()
    };
    let time = text.parse().ok().or_else(ago);
    time.ok_or_else(|| "must be a time such as 2026-01-02T03:04:05Z, or a duration such as 90m, 12h or 2d".to_owned())
}

/// A whole number in a range.
pub(crate) fn number<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Clone,
{
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("must be a number from {} to {}", range.start(), range.end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    #[test]
    fn since_is_a_time_or_a_duration() {
        let now: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
        for (text, minutes) in [("2026-01-04T23:00:00Z", 60), ("90m", 90), ("12h", 720), ("2d", 2880), ("PT12H", 720)] {
            assert_eq!(Ok(now - SignedDuration::from_mins(minutes)), since_at(text, now), "{text}");
        }
        for wrong in ["", "yesterday", "2", "2026"] {
            assert!(since_at(wrong, now).unwrap_err().contains("such as 90m, 12h or 2d"), "{wrong}");
        }
    }

    #[test]
    fn a_time_has_a_time_zone() {
        assert_eq!(time("2026-01-02T03:04:05Z"), time("2026-01-02T04:04:05+01:00"));
        for wrong in ["", "yesterday", "2026-01-02", "2026-01-02T03:04:05", "2h"] {
            assert!(time(wrong).unwrap_err().ends_with("such as 2026-01-02T03:04:05Z"), "{wrong}");
        }
    }

    #[test]
    fn a_number_is_in_its_range() {
        let day = number(7..=30_u16);
        assert_eq!((Ok(7), Ok(30)), (day("7"), day("30")));
        for wrong in ["", "6", "31", "-8", "8.5", "week"] {
            assert_eq!(Err("must be a number from 7 to 30".to_owned()), day(wrong), "{wrong}");
        }
    }
}
