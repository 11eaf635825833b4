//! The platform's own name for what it is doing, by which its log lines and ours are found together.

use http::{HeaderMap, HeaderName};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// The header's name as `http` wants it.
pub const X_B3_TRACE_ID: HeaderName = HeaderName::from_static("x-b3-traceid");

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
    /// The id that a request names; none where it names none, several, or something else.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(X_B3_TRACE_ID).iter();
        let id = values.next()?.to_str().ok()?.parse().ok()?;
        values.next().is_none().then_some(id)
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
}
