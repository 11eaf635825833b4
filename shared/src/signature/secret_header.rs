//! A header with a secret value, which a sender adds to each request besides its signature.

use super::{MatchedSecret, SignatureError, single};
use http::{HeaderMap, HeaderName};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Errors do not name the header: its name is configured, and may be part of the secret.
const LABEL: &str = "configured";

/// Compares the header `name` with each of `secrets`, in constant time; there are several while a secret is rotated.
///
/// # Errors
/// The header is missing, duplicated or malformed, or its value is none of the secrets.
pub fn verify(
    headers: &HeaderMap,
    name: &HeaderName,
    secrets: &[SecretString],
) -> Result<MatchedSecret, SignatureError> {
    let given = Sha256::digest(single(headers, name, LABEL)?);
    let mut matched = None;
    for (index, secret) in secrets.iter().enumerate() {
        if bool::from(Sha256::digest(secret.expose_secret()).ct_eq(&given)) {
            matched = matched.or(Some(if index == 0 { MatchedSecret::Current } else { MatchedSecret::Previous }));
        }
    }
    matched.ok_or(SignatureError::WrongSecretHeader)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: HeaderName = HeaderName::from_static("x-barrier");

    fn check(values: &[&'static str]) -> Result<MatchedSecret, SignatureError> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(NAME, http::HeaderValue::from_static(value));
        }
        verify(&headers, &NAME, &["current-secret".into(), "previous-secret".into()])
    }

    #[test]
    fn either_secret_is_accepted_and_the_result_says_which() {
        assert_eq!(Ok(MatchedSecret::Current), check(&["current-secret"]));
        assert_eq!(Ok(MatchedSecret::Previous), check(&["previous-secret"]));
    }

    #[test]
    fn any_other_value_a_missing_and_a_duplicate_header_are_refused() {
        for wrong in ["", "current-secre", "current-secret1", "Current-Secret"] {
            assert_eq!(Err(SignatureError::WrongSecretHeader), check(&[wrong]), "{wrong:?}");
        }
        assert_eq!(Err(SignatureError::MissingHeader(LABEL)), check(&[]));
        assert_eq!(Err(SignatureError::DuplicateHeader(LABEL)), check(&["current-secret", "current-secret"]));
    }

    #[test]
    fn no_secret_never_matches() {
        let headers = HeaderMap::from_iter([(NAME, http::HeaderValue::from_static(""))]);
        assert_eq!(Err(SignatureError::WrongSecretHeader), verify(&headers, &NAME, &[]));
    }
}
