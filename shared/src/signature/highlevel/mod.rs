//! HighLevel's signature, whose private key is the same for all apps and customers.
//!
//! `X-GHL-Signature` is the base64 of an Ed25519 signature over the raw body; `N/A` means no signature. Source:
//! <https://marketplace.gohighlevel.com/docs/webhook/WebhookIntegrationGuide/>.

use super::{SignatureError, single};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, ParsedPublicKey};
use data_encoding::BASE64;
use http::{HeaderMap, HeaderName};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use std::fmt;
use std::str::FromStr;

/// Contains the signature.
pub const X_GHL_SIGNATURE: HeaderName = HeaderName::from_static("x-ghl-signature");
const LABEL: &str = "X-GHL-Signature";

/// The value of a header without a signature.
const NONE: &str = "N/A";

/// The vendor's published key.
const PUBLISHED_KEY: &str = "MCowBQYDK2VwAyEAi2HR1srL4o18O8BRa7gVJY7G7bupbN3H9AwJrHCDiOg=";

/// Length of the `SubjectPublicKeyInfo` of an Ed25519 key. Source: RFC 8410.
const ED25519_INFO_BYTES: usize = 44;

/// `rsaEncryption` (1.2.840.113549.1.1.1), which every `SubjectPublicKeyInfo` of an RSA key contains. Source: RFC 8017.
const RSA_ENCRYPTION: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// A trusted public key.
pub struct TrustedKey(ParsedPublicKey);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    #[error("is not the base64 of a SubjectPublicKeyInfo with an Ed25519 key")]
    Malformed,
    /// The vendor signed with RSA until 2026.
    #[error("is an RSA key; HighLevel signs with Ed25519 only: remove this key")]
    Rsa,
}

impl FromStr for TrustedKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let info = BASE64.decode(text.as_bytes()).map_err(|_| InvalidKey::Malformed)?;
        if info.windows(RSA_ENCRYPTION.len()).any(|bytes| bytes == RSA_ENCRYPTION) {
            return Err(InvalidKey::Rsa);
        }
        if info.len() != ED25519_INFO_BYTES {
            return Err(InvalidKey::Malformed);
        }
        ParsedPublicKey::new(&ED25519, info).map(Self).map_err(|_| InvalidKey::Malformed)
    }
}

impl fmt::Debug for TrustedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TrustedKey")
    }
}

impl TrustedKey {
    /// The vendor's published keys.
    #[must_use]
    pub fn published() -> Vec<Self> {
        PUBLISHED_KEY.parse().into_iter().collect()
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

/// Verifies the signature of `body` with any of `keys`; there are several while the vendor changes its key, because a
/// signature does not name its key.
///
/// # Errors
/// The header is missing, duplicated or malformed, or none of the keys made the signature.
pub fn verify(headers: &HeaderMap, body: &[u8], keys: &[TrustedKey]) -> Result<(), SignatureError> {
    let signature = match single(headers, &X_GHL_SIGNATURE, LABEL)? {
        NONE => return Err(SignatureError::MissingHeader(LABEL)),
        "" => return Err(SignatureError::MalformedHeader(LABEL)),
        value => BASE64.decode(value.as_bytes()).map_err(|_| SignatureError::MalformedHeader(LABEL))?,
    };
    let is_made_with = |key: &TrustedKey| key.0.verify_sig(body, &signature).is_ok();
    if keys.iter().any(is_made_with) { Ok(()) } else { Err(SignatureError::Mismatch) }
}

#[cfg(test)]
mod tests;
