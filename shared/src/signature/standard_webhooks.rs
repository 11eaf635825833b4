//! Standard Webhooks signatures, scheme `v1` (HMAC-SHA256).
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use super::{MAX_SIGNATURES, SignatureError, hmac_sha256, single};
use crate::digest::Digest;
use data_encoding::BASE64;
use hmac::Mac;
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretSlice};
use subtle::{Choice, ConstantTimeEq};

/// The id of the message. All attempts to deliver it have the same.
pub const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
/// The time of the signature, in seconds since 1970.
pub const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
/// One or more signatures, separated by spaces.
pub const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Maximum difference between the signed time and now, in seconds.
pub const TOLERANCE_SECONDS: u64 = 300;

const SECRET_PREFIX: &str = "whsec_";
const VERSION: &str = "v1";

/// A shared secret: `whsec_` and the base64 of 24 to 64 random bytes.
#[derive(Clone, Debug)]
pub struct SigningSecret(SecretSlice<u8>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be `whsec_` and the base64 of 24 to 64 random bytes")]
pub struct InvalidSigningSecret;

impl SigningSecret {
    /// # Errors
    /// The prefix is missing, the rest is not base64, or the key does not have the length that the specification requires.
    pub fn parse(text: &str) -> Result<Self, InvalidSigningSecret> {
        let encoded = text.strip_prefix(SECRET_PREFIX).ok_or(InvalidSigningSecret)?;
        let key = BASE64.decode(encoded.as_bytes()).map_err(|_| InvalidSigningSecret)?;
        if (24..=64).contains(&key.len()) { Ok(Self(key.into())) } else { Err(InvalidSigningSecret) }
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::of_bytes(self.0.expose_secret())
    }

    /// Derives a key for another purpose, which cannot be used to sign or for a third purpose.
    #[must_use]
    pub fn derive_key(&self, purpose: &str) -> Option<SecretSlice<u8>> {
        let mac = hmac_sha256(self.0.expose_secret(), &[b"patchbay ", purpose.as_bytes()])?;
        Some(mac.finalize().into_bytes().to_vec().into())
    }

    fn mac(&self, id: &str, seconds: &str, body: &[u8]) -> Option<hmac::Hmac<sha2::Sha256>> {
        hmac_sha256(self.0.expose_secret(), &[id.as_bytes(), b".", seconds.as_bytes(), b".", body])
    }
}

/// The `webhook-signature`: one signature per secret, so that the receiver can rotate its secret.
#[must_use]
pub fn sign(secrets: &[SigningSecret], id: &str, at: Timestamp, body: &[u8]) -> String {
    let seconds = at.as_second().to_string();
    let signatures: Vec<_> = secrets
        .iter()
        .filter_map(|secret| secret.mac(id, &seconds, body))
        .map(|mac| format!("{VERSION},{}", BASE64.encode(&mac.finalize().into_bytes())))
        .collect();
    signatures.join(" ")
}

/// The three headers of a signed request, parsed before any secret is tried.
#[derive(Debug)]
pub struct Headers<'h> {
    id: &'h str,
    seconds: &'h str,
    signatures: Vec<Vec<u8>>,
}

impl<'h> Headers<'h> {
    /// Parses the headers. Signatures of other versions are ignored.
    ///
    /// # Errors
    /// A header is missing, duplicated or malformed, there are more than [`MAX_SIGNATURES`] signatures, or the time
    /// differs by more than [`TOLERANCE_SECONDS`] from `now`.
    pub fn read(headers: &'h HeaderMap, now: Timestamp) -> Result<Self, SignatureError> {
        let id = single(headers, &WEBHOOK_ID, "webhook-id")?;
        let seconds = single(headers, &WEBHOOK_TIMESTAMP, "webhook-timestamp")?;
        let signatures = single(headers, &WEBHOOK_SIGNATURE, "webhook-signature")?;
        if id.is_empty() {
            return Err(SignatureError::MalformedHeader("webhook-id"));
        }
        let signed_at: i64 = seconds.parse().map_err(|_| SignatureError::MalformedHeader("webhook-timestamp"))?;
        if signed_at.abs_diff(now.as_second()) > TOLERANCE_SECONDS {
            return Err(SignatureError::Expired);
        }
        let signatures = signatures.split(' ').filter_map(|one| one.strip_prefix(VERSION)?.strip_prefix(','));
        let signatures: Vec<_> = signatures.take(MAX_SIGNATURES + 1).collect();
        if signatures.len() > MAX_SIGNATURES {
            return Err(SignatureError::TooManySignatures("webhook-signature"));
        }
        let signatures = signatures.into_iter().filter_map(|one| BASE64.decode(one.as_bytes()).ok()).collect();
        Ok(Self { id, seconds, signatures })
    }

    #[must_use]
    pub fn id(&self) -> &'h str {
        self.id
    }

    /// Whether `secret` made one of the signatures. This computes one HMAC, regardless of the number of signatures.
    #[must_use]
    pub fn are_signed_by(&self, secret: &SigningSecret, body: &[u8]) -> bool {
        if self.signatures.is_empty() {
            return false;
        }
        let Some(mac) = secret.mac(self.id, self.seconds, body) else { return false };
        let expected = mac.finalize().into_bytes();
        self.signatures.iter().fold(Choice::from(0), |found, signature| found | expected.ct_eq(signature)).into()
    }
}

/// Verifies the headers with `body` and returns the message id. One valid signature is enough.
///
/// # Errors
/// Those of [`Headers::read`], or none of the secrets made a signature.
pub fn verify<'h>(
    headers: &'h HeaderMap,
    body: &[u8],
    secrets: &[SigningSecret],
    now: Timestamp,
) -> Result<&'h str, SignatureError> {
    let headers = Headers::read(headers, now)?;
    let is_valid = secrets.iter().any(|secret| headers.are_signed_by(secret, body));
    if is_valid { Ok(headers.id()) } else { Err(SignatureError::Mismatch) }
}

#[cfg(test)]
mod tests {
    use super::super::hmacs_of;
    use super::*;
    use http::HeaderValue;

    // The test vector of the specification's reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SECONDS: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn secret() -> SigningSecret {
        SigningSecret::parse(SECRET).unwrap()
    }

    fn other_secret() -> SigningSecret {
        SigningSecret::parse(&format!("whsec_{}", BASE64.encode(&[7; 32]))).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn headers(id: &str, seconds: &str, signature: &str) -> HeaderMap {
        [(WEBHOOK_ID, id), (WEBHOOK_TIMESTAMP, seconds), (WEBHOOK_SIGNATURE, signature)]
            .into_iter()
            .map(|(name, value)| (name, HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn check(signature: &str, now: i64) -> Result<(), SignatureError> {
        verify(&headers(ID, &SECONDS.to_string(), signature), BODY, &[secret()], at(now)).map(drop)
    }

    #[test]
    fn the_reference_libraries_test_vector_is_reproduced_and_accepted() {
        assert_eq!(SIGNATURE, sign(&[secret()], ID, at(SECONDS), BODY));
        assert_eq!(Ok(()), check(SIGNATURE, SECONDS));
        assert_eq!(
            Ok(ID),
            verify(&headers(ID, &SECONDS.to_string(), SIGNATURE), BODY, &[other_secret(), secret()], at(SECONDS))
        );
    }

    #[test]
    fn several_secrets_make_several_signatures_and_each_is_enough() {
        let both = sign(&[other_secret(), secret()], ID, at(SECONDS), BODY);
        assert_eq!(2, both.split(' ').count());
        let headers = headers(ID, &SECONDS.to_string(), &both);
        for trusted in [secret(), other_secret()] {
            assert_eq!(Ok(ID), verify(&headers, BODY, &[trusted], at(SECONDS)));
        }
    }

    #[test]
    fn the_time_may_differ_by_up_to_five_minutes_in_both_directions() {
        for accepted in [SECONDS - 300, SECONDS + 300] {
            assert_eq!(Ok(()), check(SIGNATURE, accepted));
        }
        for refused in [SECONDS - 301, SECONDS + 301] {
            assert_eq!(Err(SignatureError::Expired), check(SIGNATURE, refused));
        }
    }

    #[test]
    fn id_time_and_body_are_all_signed() {
        let now = at(SECONDS);
        let seconds = SECONDS.to_string();
        let refused = |headers: &HeaderMap, body: &[u8]| {
            assert_eq!(Err(SignatureError::Mismatch), verify(headers, body, &[secret()], now).map(str::to_owned));
        };
        refused(&headers("msg_other", &seconds, SIGNATURE), BODY);
        refused(&headers(ID, &(SECONDS + 1).to_string(), SIGNATURE), BODY);
        refused(&headers(ID, &seconds, SIGNATURE), b"{}");
        refused(&headers(ID, &seconds, &sign(&[other_secret()], ID, now, BODY)), BODY);
    }

    #[test]
    fn signatures_of_other_versions_are_ignored() {
        let digest = SIGNATURE.strip_prefix("v1,").unwrap();
        assert_eq!(Ok(()), check(&format!("v1a,{digest} v2,AAAA {SIGNATURE}"), SECONDS));
        for wrong in [format!("v2,{digest}"), format!("v1a,{digest}"), digest.to_owned(), format!("v1,{digest}A")] {
            assert_eq!(Err(SignatureError::Mismatch), check(&wrong, SECONDS), "{wrong}");
        }
    }

    #[test]
    fn ten_signatures_are_accepted_and_one_more_is_not() {
        let wrong = format!("v1,{}", BASE64.encode(&[0; 32]));
        let listing = |wrongs: usize| format!("{} v2,AAAA {SIGNATURE}", vec![wrong.as_str(); wrongs].join(" "));
        assert_eq!(Ok(()), check(&listing(9), SECONDS));
        assert_eq!(Err(SignatureError::TooManySignatures("webhook-signature")), check(&listing(10), SECONDS));
    }

    #[test]
    fn each_secret_costs_one_hmac_regardless_of_the_number_of_signatures() {
        let wrong = format!("v1,{}", BASE64.encode(&[0; 32]));
        for (signatures, hmacs) in [(1, 2), (10, 2), (2_350, 0)] {
            let headers = headers(ID, &SECONDS.to_string(), &vec![wrong.as_str(); signatures].join(" "));
            let secrets = [other_secret(), secret()];
            let (result, counted) = hmacs_of(|| verify(&headers, BODY, &secrets, at(SECONDS)).map(str::to_owned));
            assert!(result.is_err());
            assert_eq!(hmacs, counted, "{signatures} signatures");
        }
    }

    #[test]
    fn each_missing_duplicate_or_malformed_header_is_named() {
        for name in [WEBHOOK_ID, WEBHOOK_TIMESTAMP, WEBHOOK_SIGNATURE] {
            let mut headers = headers(ID, &SECONDS.to_string(), SIGNATURE);
            let value = headers.remove(&name).unwrap();
            let error = verify(&headers, BODY, &[secret()], at(SECONDS)).unwrap_err();
            assert!(matches!(error, SignatureError::MissingHeader(label) if label == name.as_str()), "{error}");
            headers.append(&name, value.clone());
            headers.append(&name, value);
            let error = verify(&headers, BODY, &[secret()], at(SECONDS)).unwrap_err();
            assert!(matches!(error, SignatureError::DuplicateHeader(label) if label == name.as_str()), "{error}");
        }
        for seconds in ["", "now", "1614265330.5", "99999999999999999999"] {
            let error = verify(&headers(ID, seconds, SIGNATURE), BODY, &[secret()], at(SECONDS)).unwrap_err();
            assert_eq!(SignatureError::MalformedHeader("webhook-timestamp"), error);
        }
    }

    #[test]
    fn a_secret_needs_its_prefix_base64_and_24_to_64_bytes() {
        let of = |length| format!("whsec_{}", BASE64.encode(&vec![1; length]));
        assert!(SigningSecret::parse(&of(24)).is_ok() && SigningSecret::parse(&of(64)).is_ok());
        for text in [&of(23), &of(65), "", "whsec_", "whsec_%", SECRET.trim_start_matches("whsec_")] {
            assert_eq!(Some(InvalidSigningSecret), SigningSecret::parse(text).err(), "{text}");
        }
    }

    #[test]
    fn a_secret_never_shows_in_debug_output() {
        assert!(!format!("{:?}", secret()).contains("77"), "{:?}", secret());
        assert!(format!("{:?}", secret()).contains("REDACTED"));
    }
}
