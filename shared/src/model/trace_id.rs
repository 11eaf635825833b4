//! The trace id of a platform or a caller, which correlates its log lines with ours.

use http::{HeaderMap, HeaderName};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

pub const X_B3_TRACE_ID: HeaderName = HeaderName::from_static("x-b3-traceid");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const X_CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// A trace id: 16 or 32 hexadecimal digits (B3) or a UUID (Genesys Multicloud CX). It is safe in log lines and headers.
///
/// Source: <https://github.com/openzipkin/b3-propagation>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TraceId(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 16 or 32 hexadecimal digits or a UUID")]
pub struct InvalidTraceId;

impl TraceId {
    /// The trace id of a request: from `X-B3-TraceId`, else W3C's `traceparent`, else `X-Correlation-Id`. A header that is
    /// repeated or invalid is ignored.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let value = |name: &HeaderName| {
            let mut values = headers.get_all(name).iter();
            let value = values.next()?.to_str().ok()?;
            values.next().is_none().then_some(value)
        };
        let parsed = |name: &HeaderName| value(name)?.parse().ok();
        parsed(&X_B3_TRACE_ID)
            .or_else(|| value(&TRACEPARENT).and_then(Self::from_traceparent))
            .or_else(|| parsed(&X_CORRELATION_ID))
    }

    /// Parses a `traceparent`: version, trace id, parent id, flags, and in later versions more fields.
    ///
    /// Source: <https://www.w3.org/TR/trace-context/#traceparent-header>.
    fn from_traceparent(parent: &str) -> Option<Self> {
        let mut parts = parent.split('-');
        let mut hexadecimal = |length: usize| {
            let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            parts.next().filter(|part| part.len() == length && part.bytes().all(is_digit))
        };
        let (version, trace, parent, _flags) = (hexadecimal(2)?, hexadecimal(32)?, hexadecimal(16)?, hexadecimal(2)?);
        let is_zero = |id: &str| id.bytes().all(|byte| byte == b'0');
        let invalid = version == "ff" || is_zero(trace) || is_zero(parent);
        let too_long = version == "00" && parts.next().is_some();
        (!invalid && !too_long).then(|| Self(trace.to_owned()))
    }

    /// A new id of 128 bits.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4().simple().to_string())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TraceId {
    type Err = InvalidTraceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_valid = match text.len() {
            16 | 32 => text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            36 => Uuid::try_parse(text).is_ok(),
            _ => false,
        };
        if is_valid { Ok(Self(text.to_owned())) } else { Err(InvalidTraceId) }
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
    fn a_new_trace_id_is_valid_and_unique() {
        let (one, other) = (TraceId::random(), TraceId::random());
        assert_eq!(Ok(&one), one.as_str().parse().as_ref());
        assert_eq!(32, one.as_str().len());
        assert_ne!(one, other);
    }

    #[test]
    fn a_repeated_header_is_ignored() {
        let mut headers = HeaderMap::new();
        assert_eq!(None, TraceId::from_headers(&headers));
        headers.append(X_B3_TRACE_ID, HeaderValue::from_static("463ac35c9f6413ad"));
        assert_eq!("463ac35c9f6413ad".parse().ok(), TraceId::from_headers(&headers));
        headers.append(X_B3_TRACE_ID, HeaderValue::from_static("463ac35c9f6413ad"));
        assert_eq!(None, TraceId::from_headers(&headers));
    }

    #[test]
    fn the_first_valid_one_of_three_headers_is_used() {
        let mut headers = HeaderMap::new();
        let of = |headers: &HeaderMap| TraceId::from_headers(headers).map(|id| id.to_string());
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
    fn a_traceparent_is_parsed_as_w3c_specifies_it() {
        const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
        for good in [format!("00-{TRACE}-00f067aa0ba902b7-00"), format!("cc-{TRACE}-00f067aa0ba902b7-01-what-follows")]
        {
            assert_eq!(Some(TRACE), TraceId::from_traceparent(&good).as_ref().map(TraceId::as_str), "{good}");
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
            assert_eq!(None, TraceId::from_traceparent(&bad), "{bad}");
        }
    }
}
