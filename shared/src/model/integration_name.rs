use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::str::FromStr;

/// The name of an integration: 1 to 64 of `a` to `z`, `0` to `9` and `-`, because it is part of URLs, names of secrets and
/// log lines.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct IntegrationName(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 of the characters a to z, 0 to 9 and -")]
pub struct InvalidIntegrationName;

impl IntegrationName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IntegrationName {
    type Err = InvalidIntegrationName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidIntegrationName)
        }
    }
}

impl fmt::Display for IntegrationName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for IntegrationName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for name in ["a", "acme-eu-1", &"x".repeat(64)] {
            assert_eq!(name, name.parse::<IntegrationName>().unwrap().as_str());
        }
        for name in ["", "Acme", "a_b", "a/b", "../a", "ä", "a b", "a%2fb", &"x".repeat(65)] {
            assert_eq!(Err(InvalidIntegrationName), name.parse::<IntegrationName>(), "{name}");
        }
    }
}
