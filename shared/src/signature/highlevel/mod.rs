//! HighLevel's signatures. Their private keys are the same for all apps and customers.
//!
//! `X-GHL-Signature` is the base64 of an Ed25519 signature over the raw body. `X-WH-Signature` is the base64 of an RSA
//! signature (PKCS #1 v1.5 with SHA-256), which the vendor discontinues on 2026-09-01. `N/A` in either means no
//! signature. Source: <https://marketplace.gohighlevel.com/docs/webhook/WebhookIntegrationGuide/>.

use super::{SignatureError, single};
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use data_encoding::BASE64;
use http::{HeaderMap, HeaderName};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use std::fmt;
use std::str::FromStr;

/// Contains the Ed25519 signature.
pub const X_GHL_SIGNATURE: HeaderName = HeaderName::from_static("x-ghl-signature");
/// Contains the RSA signature.
pub const X_WH_SIGNATURE: HeaderName = HeaderName::from_static("x-wh-signature");
const GHL_LABEL: &str = "X-GHL-Signature";
const WH_LABEL: &str = "X-WH-Signature";

/// The value of a header without a signature.
const NONE: &str = "N/A";

/// Length of the `SubjectPublicKeyInfo` of an Ed25519 key. Source: RFC 8410.
const ED25519_INFO_BYTES: usize = 44;

/// The vendor's published keys.
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

/// A trusted public key. Its encoding determines the algorithm.
pub enum TrustedKey {
    /// Signs `X-GHL-Signature`.
    Ed25519(ParsedPublicKey),
    /// Signs `X-WH-Signature`.
    Rsa(ParsedPublicKey),
}

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
            // This checks the size of the key now. `ParsedPublicKey` would only check it when it verifies.
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
    #[must_use]
    pub fn published() -> Vec<Self> {
        PUBLISHED_KEYS.iter().filter_map(|key| key.parse().ok()).collect()
    }

    fn verifies(&self, signature: &Signature, body: &[u8]) -> bool {
        match (self, signature) {
            (Self::Ed25519(key), Signature::Ed25519(bytes)) | (Self::Rsa(key), Signature::Rsa(bytes)) => {
                key.verify_sig(body, bytes).is_ok()
            }
            _ => false,
        }
    }
}

/// A private key for test webhooks. Only the vendor has its own private key, so the integration must trust this one.
#[derive(Debug)]
pub struct SigningKey(Ed25519KeyPair);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an unencrypted Ed25519 private key (PKCS #8, as PEM or DER)")]
pub struct InvalidSigningKey;

impl SigningKey {
    /// Reads a key in the format of `openssl genpkey -algorithm ED25519`.
    ///
    /// # Errors
    /// It is not such a key.
    pub fn read(file: &[u8]) -> Result<Self, InvalidSigningKey> {
        let pem = PrivatePkcs8KeyDer::from_pem_slice(file);
        let der = pem.as_ref().map_or(file, PrivatePkcs8KeyDer::secret_pkcs8_der);
        Ed25519KeyPair::from_pkcs8(der).map(Self).map_err(|_| InvalidSigningKey)
    }

    /// The `X-GHL-Signature` of `body`.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> String {
        BASE64.encode(self.0.sign(body).as_ref())
    }
}

/// Whether the signature that the vendor discontinues is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacySignature {
    /// If there is no other signature.
    Accepted,
    Refused,
}

enum Signature {
    Ed25519(Vec<u8>),
    Rsa(Vec<u8>),
}

/// Verifies the signature of `body` with any of `keys`; there are several, because signatures do not name their key.
///
/// The RSA signature is only used if it is accepted and there is no Ed25519 signature. An invalid Ed25519 signature is
/// always an error.
///
/// # Errors
/// The header is missing, duplicated or malformed, or none of the keys made the signature.
pub fn verify(
    headers: &HeaderMap,
    body: &[u8],
    keys: &[TrustedKey],
    legacy: LegacySignature,
) -> Result<(), SignatureError> {
    let signature = match (decode(headers, &X_GHL_SIGNATURE, GHL_LABEL), legacy) {
        (Err(SignatureError::MissingHeader(_)), LegacySignature::Accepted) => {
            Signature::Rsa(decode(headers, &X_WH_SIGNATURE, WH_LABEL)?)
        }
        (signature, _) => Signature::Ed25519(signature?),
    };
    if keys.iter().any(|key| key.verifies(&signature, body)) { Ok(()) } else { Err(SignatureError::Mismatch) }
}

fn decode(headers: &HeaderMap, name: &HeaderName, label: &'static str) -> Result<Vec<u8>, SignatureError> {
    match single(headers, name, label)? {
        NONE => Err(SignatureError::MissingHeader(label)),
        "" => Err(SignatureError::MalformedHeader(label)),
        value => BASE64.decode(value.as_bytes()).map_err(|_| SignatureError::MalformedHeader(label)),
    }
}

#[cfg(test)]
mod tests;
