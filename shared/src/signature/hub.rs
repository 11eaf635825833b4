//! `X-Hub-Signature-256`, the way Genesys Cloud signs its open-messaging webhooks.
//!
//! The header is `sha256=` and the HMAC-SHA256 of the raw body, keyed with the secret's UTF-8 bytes, in **base64**.
//! Other senders of this header write hexadecimal; both spell the same 32 bytes, so both are read.
//! Source: <https://developer.genesys.cloud/commdigital/digital/openmessaging/validate>.

use super::{SignatureError, decode_digest, hmac_sha256, single};
use hmac::Mac;
use http::{HeaderMap, HeaderName};
use secrecy::{ExposeSecret, SecretString};

/// The header's name as `http` wants it.
pub const X_HUB_SIGNATURE_256: HeaderName = HeaderName::from_static("x-hub-signature-256");
const LABEL: &str = "X-Hub-Signature-256";
const PREFIX: &str = "sha256=";

/// Checks the signature of `body` against each of `secrets` (several, so that a secret can be rotated).
///
/// An empty secret verifies nothing, and neither does an empty list.
///
/// # Errors
/// A header that is missing, repeated or malformed, or a signature that none of the secrets made.
pub fn verify_sha256(headers: &HeaderMap, body: &[u8], secrets: &[SecretString]) -> Result<(), SignatureError> {
    let value = single(headers, &X_HUB_SIGNATURE_256, LABEL)?;
    let digest = value.strip_prefix(PREFIX).and_then(decode_digest).ok_or(SignatureError::Malformed(LABEL))?;
    let genuine = secrets
        .iter()
        .map(|secret| secret.expose_secret().as_bytes())
        .filter(|secret| !secret.is_empty())
        .filter_map(|secret| hmac_sha256(secret, &[body]))
        .any(|mac| mac.verify_slice(&digest).is_ok());
    if genuine { Ok(()) } else { Err(SignatureError::Mismatch) }
}

/// The header's value for `body`, as Genesys Cloud writes it. For simulated platforms and for trying things out.
#[must_use]
pub fn sign_sha256(body: &[u8], secret: &SecretString) -> String {
    let digest = hmac_sha256(secret.expose_secret().as_bytes(), &[body])
        .map(|mac| mac.finalize().into_bytes().to_vec())
        .unwrap_or_default();
    format!("{PREFIX}{}", data_encoding::BASE64.encode(&digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const SECRET: &str = "0123456789abcdef-secret";
    const BODY: &str = r#"{"id":"c327c2078ca056db130c55ce648d9fa2","channel":{"id":"73cb7fb7-c2db-4996-88f3-0a83a4fea1da","platform":"Open","type":"Private","to":{"id":"user@example.com","idType":"Email"},"from":{"nickname":"Open","id":"73cb7fb7-c2db-4996-88f3-0a83a4fea1da","idType":"Opaque"},"time":"2026-01-01T00:00:00.000Z","messageId":"c327c2078ca056db130c55ce648d9fa2"},"type":"Text","text":"Héllo 👋","direction":"Outbound"}"#;
    const SIGNATURE: &str = "sha256=Il3RHI1OqKOsEx8HmJW1tHHqAmfjim05KLsQBkcRYmQ=";

    fn check(header: &str, body: &str, secrets: &[&str]) -> Result<(), SignatureError> {
        let mut headers = HeaderMap::new();
        headers.insert(X_HUB_SIGNATURE_256, HeaderValue::from_str(header).unwrap());
        let secrets: Vec<_> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        verify_sha256(&headers, body.as_bytes(), &secrets)
    }

    fn hex() -> String {
        let digest = decode_digest(SIGNATURE.strip_prefix(PREFIX).unwrap()).unwrap();
        format!("{PREFIX}{}", data_encoding::HEXLOWER.encode(&digest))
    }

    #[test]
    fn the_platforms_check_value_is_accepted() {
        assert_eq!(408, BODY.len());
        assert_eq!(Ok(()), check(SIGNATURE, BODY, &[SECRET]));
    }

    #[test]
    fn the_signature_we_make_is_the_platforms_check_value() {
        assert_eq!(SIGNATURE, sign_sha256(BODY.as_bytes(), &SecretString::from(SECRET)));
    }

    #[test]
    fn hexadecimal_spelling_is_accepted_in_either_case() {
        assert_eq!(Ok(()), check(&hex(), BODY, &[SECRET]));
        let upper = format!("{PREFIX}{}", hex().strip_prefix(PREFIX).unwrap().to_ascii_uppercase());
        assert_eq!(Ok(()), check(&upper, BODY, &[SECRET]));
    }

    #[test]
    fn any_of_several_secrets_will_do() {
        assert_eq!(Ok(()), check(SIGNATURE, BODY, &["another-secret-of-ours", SECRET]));
        assert_eq!(Ok(()), check(SIGNATURE, BODY, &[SECRET, "another-secret-of-ours"]));
    }

    #[test]
    fn a_changed_body_or_a_foreign_secret_does_not_match() {
        assert_eq!(Err(SignatureError::Mismatch), check(SIGNATURE, &BODY.replace("Text", "text"), &[SECRET]));
        assert_eq!(Err(SignatureError::Mismatch), check(SIGNATURE, BODY, &["another-secret-of-ours"]));
    }

    #[test]
    fn no_secret_and_an_empty_secret_verify_nothing() {
        let with_empty_key = format!(
            "{PREFIX}{}",
            data_encoding::BASE64.encode(&hmac_sha256(b"", &[BODY.as_bytes()]).unwrap().finalize().into_bytes())
        );
        assert_eq!(Err(SignatureError::Mismatch), check(&with_empty_key, BODY, &[""]));
        assert_eq!(Err(SignatureError::Mismatch), check(SIGNATURE, BODY, &[]));
    }

    #[test]
    fn a_missing_header_is_named() {
        let error = verify_sha256(&HeaderMap::new(), BODY.as_bytes(), &[SecretString::from(SECRET)]);
        assert_eq!(Err(SignatureError::Missing(LABEL)), error);
    }

    #[test]
    fn two_headers_are_refused_even_when_one_is_right() {
        let mut headers = HeaderMap::new();
        headers.append(X_HUB_SIGNATURE_256, HeaderValue::from_static(SIGNATURE));
        headers.append(X_HUB_SIGNATURE_256, HeaderValue::from_static(SIGNATURE));
        let error = verify_sha256(&headers, BODY.as_bytes(), &[SecretString::from(SECRET)]);
        assert_eq!(Err(SignatureError::Repeated(LABEL)), error);
        // API Gateway joins repeated headers with a comma.
        assert_eq!(Err(SignatureError::Malformed(LABEL)), check(&format!("{SIGNATURE},{SIGNATURE}"), BODY, &[SECRET]));
    }

    #[test]
    fn anything_but_the_exact_form_is_malformed() {
        let value = SIGNATURE.strip_prefix(PREFIX).unwrap();
        for malformed in [
            String::new(),
            PREFIX.to_owned(),
            value.to_owned(),
            format!("sha1={value}"),
            format!("SHA256={value}"),
            format!("sha256={value} "),
            format!("sha256= {value}"),
            format!("sha256={value}AA=="),
            format!("sha256={}", value.trim_end_matches('=')),
            format!("sha256={}", value.replace("mQ=", "mR=")), // the same 32 bytes, not in canonical form
            format!("sha256={}-", value.trim_end_matches('=')),
            format!("{}0", hex()),
            hex().replace("sha256=2", "sha256=g"),
        ] {
            assert_eq!(Err(SignatureError::Malformed(LABEL)), check(&malformed, BODY, &[SECRET]), "{malformed:?}");
        }
    }
}
