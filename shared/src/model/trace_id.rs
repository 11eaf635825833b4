//! The name that a platform or a caller has for what it is doing, by which its log lines and ours are found together.

use http::{HeaderMap, HeaderName};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// The header's name as `http` wants it.
pub const X_B3_TRACE_ID: HeaderName = HeaderName::from_static("x-b3-traceid");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const X_CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// A trace's id: 16 or 32 hexadecimal digits, as B3 has it, or a UUID, as Genesys Multicloud CX prints it. It may stand in
/// a log line and in a header.
///
/// Source: <https://github.com/openzipkin/b3-propagation>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TraceId(String);

/// The text is no trace's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 16 or 32 hexadecimal digits or a UUID")]
pub struct InvalidTraceId;

impl TraceId {
    /// The id that a request names: in `X-B3-TraceId`, else as W3C's `traceparent`, else in `X-Correlation-Id`. A header that
    /// comes several times, or holds something else, names none.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let value = |name: &HeaderName| {
            let mut values = headers.get_all(name).iter();
            let value = values.next()?.to_str().ok()?;
            values.next().is_none().then_some(value)
        };
        let parsed = |name: &HeaderName| value(name)?.parse().ok();
        parsed(&X_B3_TRACE_ID)
            .or_else(|| value(&TRACEPARENT).and_then(Self::of_parent))
            .or_else(|| parsed(&X_CORRELATION_ID))
    }

    /// The trace's id in a `traceparent`: version, trace, parent and flags, of which later versions may have more.
    ///
    /// Source: <https://www.w3.org/TR/trace-context/#traceparent-header>.
    fn of_parent(parent: &str) -> Option<Self> {
        let mut parts = parent.split('-');
        let mut hexadecimal = |length: usize| {
            let good = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            parts.next().filter(|part| part.len() == length && part.bytes().all(good))
        };
        let (version, trace, parent, _flags) = (hexadecimal(2)?, hexadecimal(32)?, hexadecimal(16)?, hexadecimal(2)?);
        let is_nothing = |id: &str| id.bytes().all(|byte| byte == b'0');
        let invalid = version == "ff" || is_nothing(trace) || is_nothing(parent);
        let too_long = version == "00" && parts.next().is_some();
        (!invalid && !too_long).then(|| Self(trace.to_owned()))
    }

    /// The id as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TraceId {
    type Err = InvalidTraceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let good = match text.len() {
            16 | 32 => text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            36 => Uuid::try_parse(text).is_ok(),
            _ => false,
        };
        if good { Ok(Self(text.to_owned())) } else { Err(InvalidTraceId) }
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TraceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_trace_id_is_16_or_32_hexadecimal_digits_or_a_uuid() {
        for good in ["463ac35c9f6413ad", "463ac35c9f6413ad48485a3953bb6124", "05BB858A-3468-4c82-a8ce-3b1a9c4e4b67"] {
            assert_eq!(good, good.parse::<TraceId>().unwrap().as_str());
        }
        for bad in [
            "",
            "463ac35c9f6413a",
            "463ac35c9f6413ax",
            "463ac35c9f6413ad48485a3953bb612g",
            "05bb858a-3468-4c82-a8ce-3bla9c4e4b67",
            "463ac35c9f6413ad\n",
            "a customer wrote",
        ] {
            assert_eq!(Err(InvalidTraceId), bad.parse::<TraceId>(), "{bad:?}");
        }
    }

    #[test]
    fn a_request_has_one_or_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(None, TraceId::of(&headers));
        headers.append(X_B3_TRACE_ID, HeaderValue::from_static("463ac35c9f6413ad"));
        assert_eq!("463ac35c9f6413ad".parse().ok(), TraceId::of(&headers));
        headers.append(X_B3_TRACE_ID, HeaderValue::from_static("463ac35c9f6413ad"));
        assert_eq!(None, TraceId::of(&headers));
    }

    #[test]
    fn it_may_stand_in_any_of_three_headers_of_which_the_first_that_is_good_counts() {
        let mut headers = HeaderMap::new();
        let of = |headers: &HeaderMap| TraceId::of(headers).map(|id| id.to_string());
        headers.append(X_CORRELATION_ID, HeaderValue::from_static("05bb858a-3468-4c82-a8ce-3b1a9c4e4b67"));
        assert_eq!(Some("05bb858a-3468-4c82-a8ce-3b1a9c4e4b67".to_owned()), of(&headers));
        let parent = HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        headers.append(TRACEPARENT, parent);
        assert_eq!(Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()), of(&headers));
        headers.append(X_B3_TRACE_ID, HeaderValue::from_static("a customer wrote"));
        assert_eq!(Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()), of(&headers));
        headers.insert(X_B3_TRACE_ID, HeaderValue::from_static("463ac35c9f6413ad"));
        assert_eq!(Some("463ac35c9f6413ad".to_owned()), of(&headers));
    }

    #[test]
    fn a_traceparent_is_what_w3c_says_it_is() {
        const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
        for good in [format!("00-{TRACE}-00f067aa0ba902b7-00"), format!("cc-{TRACE}-00f067aa0ba902b7-01-what-follows")]
        {
            assert_eq!(Some(TRACE), TraceId::of_parent(&good).as_ref().map(TraceId::as_str), "{good}");
        }
        for bad in [
            String::new(),
            TRACE.to_owned(),
            format!("00-{TRACE}-00f067aa0ba902b7"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-what-follows"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01".to_owned(),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
        ] {
            assert_eq!(None, TraceId::of_parent(&bad), "{bad}");
        }
    }
}
