//! What makes two things the same thing.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

/// A SHA-256 digest over several texts, written as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity(String);

impl Identity {
    /// Each text goes in with its length, so that no two lists of texts run together.
    #[must_use]
    pub fn of(texts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for text in texts {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        }
        Self(HEXLOWER.encode(&digest.finalize()))
    }

    /// One that nothing else has.
    #[must_use]
    pub fn random() -> Self {
        Self::of(&[&Uuid::new_v4().to_string()])
    }

    /// Of bytes that are compared as a whole.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self(HEXLOWER.encode(&Sha256::digest(bytes)))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_an_identity_do_not_run_together() {
        assert_ne!(Identity::of(&["ab", "c"]), Identity::of(&["a", "bc"]));
    }
}
