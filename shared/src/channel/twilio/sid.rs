//! The ids of Twilio's resources.

use crate::json::fields::text;
use serde_json::Value;
use std::fmt;

const DIGITS: usize = 32;

/// Two letters, which name the kind, and 32 hexadecimal digits. Safe as a segment of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sid(String);

impl Sid {
    /// The id, if it is of one of these kinds.
    pub(super) fn parse(text: &str, kinds: &[&str]) -> Option<Self> {
        let (kind, digits) = text.split_at_checked(2)?;
        let is_hex = digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        (is_hex && kinds.contains(&kind)).then(|| Self(text.to_owned()))
    }

    /// A reader for a field with an id of this kind.
    pub(super) fn field(kind: &'static str) -> impl FnOnce(Value) -> Result<Self, String> {
        move |value| {
            Self::parse(&text(value)?, &[kind])
                .ok_or_else(|| format!("must be `{kind}` and {DIGITS} hexadecimal digits"))
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_its_kind_and_32_hexadecimal_digits_of_any_case() {
        for good in ["AC0123456789abcdef0123456789abcdef", "AC0123456789ABCDEF0123456789abcdef"] {
            assert_eq!(Some(good), Sid::parse(good, &["AC"]).as_ref().map(Sid::as_str));
        }
        for bad in [
            "",
            "é",
            "AC",
            "ac0123456789abcdef0123456789abcdef",
            "SK0123456789abcdef0123456789abcdef",
            "AC0123456789abcdef0123456789abcde",
            "AC0123456789abcdef0123456789abcdef0",
            "AC0123456789abcdef0123456789abcde/",
            " AC0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(None, Sid::parse(bad, &["AC"]), "{bad}");
        }
    }
}
