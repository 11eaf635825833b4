//! `X-Hub-Signature-256` and the older `X-Hub-Signature`: an HMAC of the raw body, keyed with the UTF-8 bytes of the secret.
//!
//! Genesys Cloud signs its open messaging webhooks with SHA-256: `sha256=` and the digest in **base64**. Other senders of
//! this header use hexadecimal. Both encode the same 32 bytes, so both are accepted.
//! Source: <https://developer.genesys.cloud/commdigital/digital/openmessaging/validate>.
//!
//! Genesys Multicloud CX uses SHA-1 in both directions: `sha1=` and the digest in hexadecimal. The known collision attacks
//! on SHA-1 do not apply to HMAC.
//! Source: the vendor's "Third-Party Messaging Overview".

use super::{MatchedSecret, SignatureError, decode_digest, hmac, matches_any, single};
use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::Sha256;

pub const X_HUB_SIGNATURE_256: HeaderName = HeaderName::from_static("x-hub-signature-256");
pub const X_HUB_SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature");

const LABEL: &str = "X-Hub-Signature-256";
const PREFIX: &str = "sha256=";
const SHA1_LABEL: &str = "X-Hub-Signature";
const SHA1_PREFIX: &str = "sha1=";
const SHA1_HEX_LENGTH: usize = 40;

/// Verifies the `X-Hub-Signature-256` of `body` with any of `secrets`; there are several while a secret is rotated.
///
/// An empty secret or an empty list never matches.
///
/// # Errors
/// The header is missing, duplicated or malformed, or none of the secrets made the signature.
pub fn verify_sha256(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[SecretString],
) -> Result<MatchedSecret, SignatureError> {
    let value = single(headers, &X_HUB_SIGNATURE_256, LABEL)?;
    let digest = value.strip_prefix(PREFIX).and_then(decode_digest).ok_or(SignatureError::MalformedHeader(LABEL))?;
    matches_any::<Hmac<Sha256>>(&digest, body, secrets)
}

/// Verifies the `X-Hub-Signature` of `body` in the same way.
///
/// # Errors
/// The header is missing, duplicated or malformed, or none of the secrets made the signature.
pub fn verify_sha1(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[SecretString],
) -> Result<MatchedSecret, SignatureError> {
    let value = single(headers, &X_HUB_SIGNATURE, SHA1_LABEL)?;
    let hex = value.strip_prefix(SHA1_PREFIX).filter(|hex| hex.len() == SHA1_HEX_LENGTH);
    let digest = hex.and_then(|hex| HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok());
    matches_any::<Hmac<Sha1>>(&digest.ok_or(SignatureError::MalformedHeader(SHA1_LABEL))?, body, secrets)
}

/// The `X-Hub-Signature-256` of `body` in the format of Genesys Cloud, for simulated platforms and test webhooks.
#[must_use]
pub fn sign_sha256(body: &[u8], secret: &SecretString) -> String {
    format!("{PREFIX}{}", BASE64.encode(&digest::<Hmac<Sha256>>(&[body], secret)))
}

/// The `X-Hub-Signature` of `body` in the format that Genesys Multicloud CX sends and expects.
#[must_use]
pub fn sign_sha1(body: &[u8], secret: &SecretString) -> String {
    sign_sha1_of_parts(&[body], secret)
}

/// The same of a body that consists of `parts`.
#[must_use]
pub fn sign_sha1_of_parts(parts: &[&[u8]], secret: &SecretString) -> String {
    format!("{SHA1_PREFIX}{}", HEXLOWER.encode(&digest::<Hmac<Sha1>>(parts, secret)))
}

fn digest<M: Mac + KeyInit>(parts: &[&[u8]], secret: &SecretString) -> Vec<u8> {
    hmac::<M>(secret.expose_secret().as_bytes(), parts)
        .map(|mac| mac.finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::{hmac_sha256, hmacs_of};
    use super::*;
    use http::HeaderValue;

    const SECRET: &str = "0123456789abcdef-secret";
    const BODY: &str = r#"{"id":"c327c2078ca056db130c55ce648d9fa2","channel":{"id":"73cb7fb7-c2db-4996-88f3-0a83a4fea1da","platform":"Open","type":"Private","to":{"id":"user@example.com","idType":"Email"},"from":{"nickname":"Open","id":"73cb7fb7-c2db-4996-88f3-0a83a4fea1da","idType":"Opaque"},"time":"2026-01-01T00:00:00.000Z","messageId":"c327c2078ca056db130c55ce648d9fa2"},"type":"Text","text":"Héllo 👋","direction":"Outbound"}"#;
    const SIGNATURE: &str = "sha256=Il3RHI1OqKOsEx8HmJW1tHHqAmfjim05KLsQBkcRYmQ=";

    fn check(header: &str, body: &str, secrets: &[&str]) -> Result<(), SignatureError> {
        let mut headers = HeaderMap::new();
        headers.insert(X_HUB_SIGNATURE_256, HeaderValue::from_str(header).unwrap());
        let secrets: Vec<_> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        verify_sha256(&headers, body.as_bytes(), &secrets).map(drop)
    }

    fn hex() -> String {
        let digest = decode_digest(SIGNATURE.strip_prefix(PREFIX).unwrap()).unwrap();
        format!("{PREFIX}{}", HEXLOWER.encode(&digest))
    }

    #[test]
    fn the_platforms_test_vector_is_accepted() {
        assert_eq!(408, BODY.len());
        assert_eq!(Ok(()), check(SIGNATURE, BODY, &[SECRET]));
    }

    #[test]
    fn our_signature_equals_the_platforms_test_vector() {
        assert_eq!(SIGNATURE, sign_sha256(BODY.as_bytes(), &SecretString::from(SECRET)));
    }

    #[test]
    fn hexadecimal_is_accepted_in_upper_and_lower_case() {
        assert_eq!(Ok(()), check(&hex(), BODY, &[SECRET]));
        let upper = format!("{PREFIX}{}", hex().strip_prefix(PREFIX).unwrap().to_ascii_uppercase());
        assert_eq!(Ok(()), check(&upper, BODY, &[SECRET]));
    }

    #[test]
    fn each_secret_costs_one_hmac_and_a_malformed_header_none() {
        let hmacs = |header: &str| hmacs_of(|| check(header, BODY, &["another-secret-of-ours", SECRET])).1;
        assert_eq!((2, 0), (hmacs(SIGNATURE), hmacs(&[SIGNATURE; 100].join(","))));
    }

    #[test]
    fn any_of_several_secrets_is_accepted() {
        assert_eq!(Ok(()), check(SIGNATURE, BODY, &["another-secret-of-ours", SECRET]));
        assert_eq!(Ok(()), check(SIGNATURE, BODY, &[SECRET, "another-secret-of-ours"]));
    }

    #[test]
    fn the_result_says_whether_the_current_or_a_previous_secret_matched() {
        let headers = HeaderMap::from_iter([(X_HUB_SIGNATURE_256, HeaderValue::from_static(SIGNATURE))]);
        let [own, other] = [SECRET, "another-secret-of-ours"].map(SecretString::from);
        let matched = |secrets: &[SecretString]| verify_sha256(&headers, BODY.as_bytes(), secrets);
        assert_eq!(Ok(MatchedSecret::Current), matched(&[own.clone(), other.clone()]));
        assert_eq!(Ok(MatchedSecret::Previous), matched(&[other, own]));
    }

    #[test]
    fn a_changed_body_or_an_untrusted_secret_does_not_match() {
        assert_eq!(Err(SignatureError::Mismatch), check(SIGNATURE, &BODY.replace("Text", "text"), &[SECRET]));
        assert_eq!(Err(SignatureError::Mismatch), check(SIGNATURE, BODY, &["another-secret-of-ours"]));
    }

    #[test]
    fn no_secret_and_an_empty_secret_never_match() {
        let with_empty_key = format!(
            "{PREFIX}{}",
            BASE64.encode(&hmac_sha256(b"", &[BODY.as_bytes()]).unwrap().finalize().into_bytes())
        );
        assert_eq!(Err(SignatureError::Mismatch), check(&with_empty_key, BODY, &[""]));
        assert_eq!(Err(SignatureError::Mismatch), check(SIGNATURE, BODY, &[]));
    }

    #[test]
    fn a_missing_header_is_named() {
        let error = verify_sha256(&HeaderMap::new(), BODY.as_bytes(), &[SecretString::from(SECRET)]);
        assert_eq!(Err(SignatureError::MissingHeader(LABEL)), error);
    }

    #[test]
    fn a_duplicate_header_is_rejected_even_if_it_is_valid() {
        let mut headers = HeaderMap::new();
        headers.append(X_HUB_SIGNATURE_256, HeaderValue::from_static(SIGNATURE));
        headers.append(X_HUB_SIGNATURE_256, HeaderValue::from_static(SIGNATURE));
        let error = verify_sha256(&headers, BODY.as_bytes(), &[SecretString::from(SECRET)]);
        assert_eq!(Err(SignatureError::DuplicateHeader(LABEL)), error);
        // API Gateway joins duplicate headers with a comma.
        assert_eq!(
            Err(SignatureError::MalformedHeader(LABEL)),
            check(&format!("{SIGNATURE},{SIGNATURE}"), BODY, &[SECRET])
        );
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
            format!("sha256={}", value.replace("mQ=", "mR=")), // the same 32 bytes in non-canonical base64
            format!("sha256={}-", value.trim_end_matches('=')),
            format!("{}0", hex()),
            hex().replace("sha256=2", "sha256=g"),
        ] {
            assert_eq!(
                Err(SignatureError::MalformedHeader(LABEL)),
                check(&malformed, BODY, &[SECRET]),
                "{malformed:?}"
            );
        }
    }

    mod sha1 {
        use super::super::*;
        use http::HeaderValue;

        const SECRET: &str = "test-app-secret";
        const SMS: &str = r#"{"channel":{"id":"0123456789","type":"sms","from":{"id":"0123456789"},"to":{"id":"16504661149"},"messageId":"1613474523265-0"},"type":"Text","text":"Agent message text"}"#;
        const SMS_SIGNATURE: &str = "sha1=a5dfd6fad72a202b4445dc8addb44862f148f3ab";
        const EMAIL: &str = r#"{"channel":{"id":"company.com","type":"email","from":{"id":"no-reply@company.com"},"to":{"id":"recipient-1@mail.com"},"messageId":"f7acbac6-68db-4031-aec2-4bbd02627c4b","context":{"replyTo":{"id":"reply-to@company.com","name":"Responder display name"}}},"type":"Email","subject":"Subject","content":[{"type":"text","text":"Plain text email body"},{"type":"html","text":"Html email body"}]}"#;
        const EMAIL_SIGNATURE: &str = "sha1=2172f98bc746d7be5a6722589c092536715b04b0";

        fn check(header: &str, body: &str, secrets: &[&str]) -> Result<(), SignatureError> {
            let mut headers = HeaderMap::new();
            headers.insert(X_HUB_SIGNATURE, HeaderValue::from_str(header).unwrap());
            let secrets: Vec<_> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
            verify_sha1(&headers, body.as_bytes(), &secrets).map(drop)
        }

        #[test]
        fn both_test_vectors_are_reproduced_and_accepted() {
            assert_eq!((169, 389), (SMS.len(), EMAIL.len()));
            for (body, signature) in [(SMS, SMS_SIGNATURE), (EMAIL, EMAIL_SIGNATURE)] {
                assert_eq!(signature, sign_sha1(body.as_bytes(), &SecretString::from(SECRET)));
                assert_eq!(Ok(()), check(signature, body, &[SECRET]));
            }
        }

        #[test]
        fn upper_case_digits_are_accepted() {
            let upper = SMS_SIGNATURE.to_ascii_uppercase().replace("SHA1=", "sha1=");
            assert_ne!(SMS_SIGNATURE, upper);
            assert_eq!(Ok(()), check(&upper, SMS, &[SECRET]));
        }

        #[test]
        fn any_of_several_secrets_is_accepted_except_an_empty_one() {
            assert_eq!(Ok(()), check(SMS_SIGNATURE, SMS, &["another", SECRET]));
            assert_eq!(Ok(()), check(SMS_SIGNATURE, SMS, &[SECRET, "another"]));
            assert_eq!(Err(SignatureError::Mismatch), check(SMS_SIGNATURE, SMS, &["another"]));
            assert_eq!(Err(SignatureError::Mismatch), check(SMS_SIGNATURE, &SMS.replace("Agent", "agent"), &[SECRET]));
            let with_empty_key = sign_sha1(SMS.as_bytes(), &SecretString::from(""));
            assert_eq!(Err(SignatureError::Mismatch), check(&with_empty_key, SMS, &[""]));
            assert_eq!(Err(SignatureError::Mismatch), check(SMS_SIGNATURE, SMS, &[]));
        }

        #[test]
        fn a_missing_or_duplicate_header_is_rejected_and_the_other_header_is_ignored() {
            let secrets = [SecretString::from(SECRET)];
            let verify = |headers: &HeaderMap| verify_sha1(headers, SMS.as_bytes(), &secrets).map(drop);
            assert_eq!(Err(SignatureError::MissingHeader(SHA1_LABEL)), verify(&HeaderMap::new()));
            let mut headers = HeaderMap::new();
            headers.append(X_HUB_SIGNATURE_256, HeaderValue::from_static(SMS_SIGNATURE));
            assert_eq!(Err(SignatureError::MissingHeader(SHA1_LABEL)), verify(&headers));
            headers.append(X_HUB_SIGNATURE, HeaderValue::from_static(SMS_SIGNATURE));
            assert_eq!(Ok(()), verify(&headers));
            headers.append(X_HUB_SIGNATURE, HeaderValue::from_static(SMS_SIGNATURE));
            assert_eq!(Err(SignatureError::DuplicateHeader(SHA1_LABEL)), verify(&headers));
        }

        #[test]
        fn anything_but_the_exact_form_is_malformed() {
            let value = SMS_SIGNATURE.strip_prefix(SHA1_PREFIX).unwrap();
            let base64 = BASE64.encode(&HEXLOWER.decode(value.as_bytes()).unwrap());
            for malformed in [
                String::new(),
                SHA1_PREFIX.to_owned(),
                value.to_owned(),
                format!("SHA1={value}"),
                format!("sha256={value}"),
                format!("sha1= {value}"),
                format!("sha1={value} "),
                format!("sha1={value}00"),
                format!("sha1={}", &value[..38]),
                format!("sha1=g{}", &value[1..]),
                format!("sha1={base64}"),
                format!("{SMS_SIGNATURE},{SMS_SIGNATURE}"),
            ] {
                assert_eq!(
                    Err(SignatureError::MalformedHeader(SHA1_LABEL)),
                    check(&malformed, SMS, &[SECRET]),
                    "{malformed:?}"
                );
            }
        }
    }
}
