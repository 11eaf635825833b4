//! HighLevel's signatures, made with private keys that are the same for every app and every customer.
//!
//! `X-GHL-Signature` is the base64 of an Ed25519 signature over the raw body. `X-WH-Signature` is the base64 of an RSA
//! signature (PKCS #1 v1.5 with SHA-256), which the vendor gives up on 2026-09-01. `N/A` in either means that there is
//! none. Source: <https://marketplace.gohighlevel.com/docs/webhook/WebhookIntegrationGuide/>.

use super::{SignatureError, single};
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use data_encoding::BASE64;
use http::{HeaderMap, HeaderName};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use std::fmt;
use std::str::FromStr;

/// The header with the Ed25519 signature.
pub const X_GHL_SIGNATURE: HeaderName = HeaderName::from_static("x-ghl-signature");
/// The header with the RSA signature.
pub const X_WH_SIGNATURE: HeaderName = HeaderName::from_static("x-wh-signature");
const GHL_LABEL: &str = "X-GHL-Signature";
const WH_LABEL: &str = "X-WH-Signature";

/// What stands in a header in place of a signature.
const NONE: &str = "N/A";

/// How long the `SubjectPublicKeyInfo` of an Ed25519 key is. Source: RFC 8410.
const ED25519_INFO_BYTES: usize = 44;

/// The keys that the vendor has published.
const PUBLISHED_KEYS: [&str; 2] = [
    "MCowBQYDK2VwAyEAi2HR1srL4o18O8BRa7gVJY7G7bupbN3H9AwJrHCDiOg=",
    concat!(
        "MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAokvo/r9tVgcfZ5DysOSCFrm602qYV0MaAiNnX9O8KxMbiyRKWeL9JpCpVpt4XHIc",
        "BOK4u3cLSqJGOLaPuXw6dO0t6Q/ZVdAV5Phz+ZtzPL16iCGeK9po6D6JHBpbi989mmzMryUnQJezlYJ3DVfBcsedpinheNnyYeFXolrJvcsj",
        "DtfAeRx5ByHQmTnSdFUzuAnC9/GepgLT9SM4nCpvuxmZMxrJt5Rw+VUaQ9B8JSvbMPpez4peKaJPZHBbU3OdeCVx5klVXXZQGNHOs8gF3kvo",
        "V5rTnXV0IknLBXlcKKAQLZcY/Q9rG6Ifi9c+5vqlvHPCUJFT5XUGG5RKgOKUJ062fRtN+rLYZUV+BjafxQauvC8wSWeYja63VSUruvmNj8xk",
        "x2zE/Juc+yjLjTXpIocmaiFeAO6fUtNjDeFVkhf5LNb59vECyrHD2SQIrhgXpO4Q3dVNA5rw576PwTzNh/AMfHKIjE4xQA1SZuYJmNnmVZLI",
        "ZBlQAF9Ntd03rfadZ+yDiOXCCs9FkHibELhCHULgCsnuDJHcrGNd5/Ddm5hxGQ0ASitgHeMZ0kcIOwKDOzOU53lDza6/Y09T7sYJPQe7z0cv",
        "j7aE4B+Ax1ZoZGPzpJlZtGXCsu9aTEGEnKzmsFqwcSsnw3JB31IGKAykT1hhTiaCeIY/OwwwNUY2yvcCAwEAAQ==",
    ),
];

/// A public key that may have signed: Ed25519 or RSA, as its own bytes say.
pub enum TrustedKey {
    /// Signs `X-GHL-Signature`.
    Ed25519(ParsedPublicKey),
    /// Signs `X-WH-Signature`.
    Rsa(ParsedPublicKey),
}

/// The text is no public key that can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the base64 of a SubjectPublicKeyInfo with an Ed25519 key or an RSA key of 2048 to 8192 bits")]
pub struct InvalidKey;

impl FromStr for TrustedKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let info = BASE64.decode(text.as_bytes()).map_err(|_| InvalidKey)?;
        let key = if info.len() == ED25519_INFO_BYTES {
            ParsedPublicKey::new(&ED25519, info).map(Self::Ed25519)
        } else {
            // The size of a key to verify with is not looked at before it verifies; that of a key to encrypt with is.
            PublicEncryptingKey::from_der(&info).map_err(|_| InvalidKey)?;
            ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, info).map(Self::Rsa)
        };
        key.map_err(|_| InvalidKey)
    }
}

impl fmt::Debug for TrustedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ed25519(_) => "Ed25519",
            Self::Rsa(_) => "Rsa",
        })
    }
}

impl TrustedKey {
    /// The keys that the vendor has published.
    #[must_use]
    pub fn published() -> Vec<Self> {
        PUBLISHED_KEYS.iter().filter_map(|key| key.parse().ok()).collect()
    }

    fn made(&self, signature: &Signature, body: &[u8]) -> bool {
        match (self, signature) {
            (Self::Ed25519(key), Signature::Ed25519(bytes)) | (Self::Rsa(key), Signature::Rsa(bytes)) => {
                key.verify_sig(body, bytes).is_ok()
            }
            _ => false,
        }
    }
}

/// A private key, for trying things out: the vendor's own is nobody else's, so that an integration has to trust this one.
#[derive(Debug)]
pub struct SigningKey(Ed25519KeyPair);

/// The bytes are no private key that can sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an unencrypted Ed25519 private key (PKCS #8, as PEM or DER)")]
pub struct InvalidSigningKey;

impl SigningKey {
    /// Reads a key as `openssl genpkey -algorithm ED25519` writes it.
    ///
    /// # Errors
    /// It is no such key.
    pub fn read(file: &[u8]) -> Result<Self, InvalidSigningKey> {
        let pem = PrivatePkcs8KeyDer::from_pem_slice(file);
        let der = pem.as_ref().map_or(file, PrivatePkcs8KeyDer::secret_pkcs8_der);
        Ed25519KeyPair::from_pkcs8(der).map(Self).map_err(|_| InvalidSigningKey)
    }

    /// The value of `X-GHL-Signature` for `body`.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> String {
        BASE64.encode(self.0.sign(body).as_ref())
    }
}

/// Whether the signature that the vendor gives up is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Legacy {
    /// It is, where there is no other.
    Accepted,
    /// It counts for nothing.
    Refused,
}

enum Signature {
    Ed25519(Vec<u8>),
    Rsa(Vec<u8>),
}

/// Checks the signature of `body` against each of `keys` (several, because keys change without an id that tells which).
///
/// The RSA signature counts only where it is accepted and there is no Ed25519 signature: one that is there and wrong is
/// the end of it.
///
/// # Errors
/// A header that is missing, repeated or malformed, or a signature that none of the keys made.
pub fn verify(headers: &HeaderMap, body: &[u8], keys: &[TrustedKey], legacy: Legacy) -> Result<(), SignatureError> {
    let signature = match (decoded(headers, &X_GHL_SIGNATURE, GHL_LABEL), legacy) {
        (Err(SignatureError::Missing(_)), Legacy::Accepted) => {
            Signature::Rsa(decoded(headers, &X_WH_SIGNATURE, WH_LABEL)?)
        }
        (signature, _) => Signature::Ed25519(signature?),
    };
    if keys.iter().any(|key| key.made(&signature, body)) { Ok(()) } else { Err(SignatureError::Mismatch) }
}

fn decoded(headers: &HeaderMap, name: &HeaderName, label: &'static str) -> Result<Vec<u8>, SignatureError> {
    match single(headers, name, label)? {
        NONE => Err(SignatureError::Missing(label)),
        "" => Err(SignatureError::Malformed(label)),
        value => BASE64.decode(value.as_bytes()).map_err(|_| SignatureError::Malformed(label)),
    }
}

#[cfg(test)]
mod tests;
