//! Signatures over raw bodies. They are compared as decoded bytes and in constant time.

pub mod highlevel;
pub mod hub;
pub mod secret_header;
pub mod standard_webhooks;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// Maximum number of signatures in a request. A sender that rotates its secret sends two.
pub const MAX_SIGNATURES: usize = 10;

/// Why a signature was rejected. No variant contains input or secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("the {0} header is missing")]
    MissingHeader(&'static str),
    #[error("the {0} header is duplicated")]
    DuplicateHeader(&'static str),
    #[error("the {0} header is malformed")]
    MalformedHeader(&'static str),
    #[error("the {0} header may contain at most {MAX_SIGNATURES} signatures")]
    TooManySignatures(&'static str),
    #[error("the timestamp is outside the tolerance of five minutes")]
    Expired,
    /// Well-formed, but not made with any trusted secret.
    #[error("the signature does not match the body")]
    Mismatch,
    /// The signature is right, and a [`secret_header`] has none of the trusted values.
    #[error("the value of the configured header is wrong")]
    WrongSecretHeader,
}

impl SignatureError {
    /// Whether the sender may use a secret that is newer than the known ones.
    #[must_use]
    pub fn may_be_stale_secret(self) -> bool {
        matches!(self, Self::Mismatch | Self::WrongSecretHeader)
    }
}

/// Which of the trusted secrets made a signature or equals a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchedSecret {
    /// The first one.
    Current,
    /// Another one, which is being rotated out.
    Previous,
}

impl MatchedSecret {
    /// The older of two secrets of one request.
    #[must_use]
    pub fn older(self, other: Self) -> Self {
        if self == Self::Current { other } else { self }
    }

    /// The log field `secret`, only for a previous secret.
    #[must_use]
    pub fn for_log(self) -> Option<&'static str> {
        match self {
            Self::Current => None,
            Self::Previous => Some(PREVIOUS_SECRET),
        }
    }
}

/// The log field `secret` when a secret that is being rotated out is still in use.
pub const PREVIOUS_SECRET: &str = "previous";

/// The value of a header. A duplicate header is an error, because it would be ambiguous.
pub(crate) fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    label: &'static str,
) -> Result<&'a str, SignatureError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(SignatureError::MissingHeader(label))?;
    if values.next().is_some() {
        return Err(SignatureError::DuplicateHeader(label));
    }
    value.to_str().map_err(|_| SignatureError::MalformedHeader(label))
}

/// HMAC-SHA256 over the concatenation of `parts`, to be finalized or verified.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    hmac(key, parts)
}

/// An HMAC over the concatenation of `parts`, to be finalized or verified.
pub(crate) fn hmac<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Option<M> {
    #[cfg(test)]
    HMACS.with(|count| count.set(count.get() + 1));
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac)
}

/// Which of `secrets` made this HMAC of `signed`, compared in constant time. An empty secret never matches.
pub(crate) fn matches_any<M: Mac + KeyInit>(
    digest: &[u8],
    signed: &[u8],
    secrets: &[SecretString],
) -> Result<MatchedSecret, SignatureError> {
    let made_by = |secret: &SecretString| {
        let secret = secret.expose_secret().as_bytes();
        !secret.is_empty() && hmac::<M>(secret, &[signed]).is_some_and(|mac| mac.verify_slice(digest).is_ok())
    };
    match secrets.iter().position(made_by) {
        Some(0) => Ok(MatchedSecret::Current),
        Some(_) => Ok(MatchedSecret::Previous),
        None => Err(SignatureError::Mismatch),
    }
}

/// Decodes a 32-byte digest in padded standard base64 or in hexadecimal.
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

/// Number of HMACs that `work` computes on this thread.
#[cfg(test)]
pub(crate) fn hmacs_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HMACS.get();
    let result = work();
    (result, HMACS.get() - before)
}

#[cfg(test)]
mod tests {
    use super::*;
    /// Test case 2 of RFC 4231: <https://www.rfc-editor.org/rfc/rfc4231#section-4.3>.
    #[test]
    fn hmac_sha256_computes_the_published_value() {
        let mac = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]).unwrap();
        let expected = decode_digest("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843").unwrap();
        assert!(mac.verify_slice(&expected).is_ok());
    }
}
