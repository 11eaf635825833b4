//! Field types of the models.

use jiff::Timestamp;
use serde::Deserialize;
use std::ops::Deref;
use url::{Host, Url};

/// A text that is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Text(String);

impl TryFrom<String> for Text {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() { Err("must be a text") } else { Ok(Self(text)) }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// A time by ISO 8601, with an offset or in UTC. It is kept as the platform returns it: in UTC, with milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Date(String);

impl TryFrom<String> for Date {
    type Error = &'static str;

    fn try_from(date: String) -> Result<Self, Self::Error> {
        let is_iso = date.chars().nth(10) == Some('T') && !date.ends_with('z');
        match date.parse::<Timestamp>() {
            Ok(time) if is_iso && !date.starts_with('-') => Ok(Self(format!("{time:.3}"))),
            _ => Err("is not a date with a time and an offset"),
        }
    }
}

impl Deref for Date {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// A URL that the platform would fetch or show: HTTPS, or HTTP on this machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct WebAddress(Url);

impl TryFrom<String> for WebAddress {
    type Error = &'static str;

    fn try_from(address: String) -> Result<Self, Self::Error> {
        let url = Url::parse(&address).map_err(|_| "is not a URL")?;
        let on_this_machine = match url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        };
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if on_this_machine => Ok(Self(url)),
            _ => Err("must be an HTTPS URL"),
        }
    }
}

/// A media file's name, by the published rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct FileName(String);

impl TryFrom<String> for FileName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if name.is_empty() || name.starts_with('.') {
            return Err("must be a file's name without a leading dot");
        }
        if name.contains(|letter: char| letter.is_whitespace() || r#"\{^}%`]">[~<#|"#.contains(letter)) {
            return Err("has characters that file names must not have");
        }
        Ok(Self(name))
    }
}

impl Deref for FileName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum IdType {
    Email,
    Phone,
    Opaque,
}

impl IdType {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Email => "Email",
            Self::Phone => "Phone",
            Self::Opaque => "Opaque",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: TryFrom<String>>(text: &str) -> bool {
        T::try_from(text.to_owned()).is_ok()
    }

    #[test]
    fn a_date_has_a_time_and_an_offset_and_is_kept_in_utc_with_three_digits_of_a_second() {
        for (given, kept) in [
            ("2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678Z"),
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"),
            ("2026-01-02T03:04:05.6789012Z", "2026-01-02T03:04:05.678Z"),
            ("2026-01-02T04:04:05.678+01:00", "2026-01-02T03:04:05.678Z"),
            ("2026-01-02T03:04:05+0000", "2026-01-02T03:04:05.000Z"),
        ] {
            assert_eq!(Ok(kept), Date::try_from(given.to_owned()).as_deref(), "{given}");
        }
        for wrong in [
            "",
            "2026-01-02",
            "2026-01-02T03:04:05.678",
            "2026-01-02T03:04:05.678z",
            "2026-01-02 03:04:05.678Z",
            "2026-02-30T03:04:05.678Z",
            "-000001-01-02T03:04:05.678Z",
        ] {
            assert!(!read::<Date>(wrong), "{wrong}");
        }
    }

    #[test]
    fn an_address_is_https_or_on_this_machine() {
        for right in [
            "https://example.com/a.png",
            "http://127.0.0.1:8080/a",
            "http://[::1]/a",
            "http://localhost:1/a",
            "https://10.0.0.1/",
        ] {
            assert!(read::<WebAddress>(right), "{right}");
        }
        for wrong in ["", "a.png", "//example.com/a", "http://example.com/a", "http://10.0.0.1/a", "ftp://127.0.0.1/a"]
        {
            assert!(!read::<WebAddress>(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_file_name_has_no_leading_dot_no_white_space_and_none_of_the_forbidden_characters() {
        for right in ["map.png", "map", "ma.p.png", "Übersicht-1_(2).pdf", "a'b&c.pdf"] {
            assert!(read::<FileName>(right), "{right}");
        }
        for wrong in ["", ".png", ".", "a b.png", "a\tb.png", "a\u{a0}b.png", "ab.png\n"] {
            assert!(!read::<FileName>(wrong), "{wrong:?}");
        }
        for forbidden in ['\\', '{', '^', '}', '%', '`', ']', '"', '>', '[', '~', '<', '#', '|'] {
            assert!(!read::<FileName>(&format!("a{forbidden}b.png")), "{forbidden}");
        }
    }
}
