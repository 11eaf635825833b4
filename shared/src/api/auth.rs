//! Authentication of callers: by signature or by bearer token.

use crate::integration::{Caller, Credential};
use crate::platform::Route;
use crate::signature::standard_webhooks::{self, WEBHOOK_ID, WEBHOOK_SIGNATURE};
use crate::signature::{MatchedSecret, SignatureError};
use http::{HeaderMap, header};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatedCaller {
    pub name: String,
    /// The `webhook-id` of a signed request.
    pub webhook_id: Option<String>,
    /// The routes that the caller may use; `None` for all.
    pub routes: Option<Vec<Route>>,
    pub secret: MatchedSecret,
}

impl AuthenticatedCaller {
    /// During a rotation a caller is listed twice, with the current secret first.
    fn new(callers: &[Caller], caller: &Caller, webhook_id: Option<String>) -> Self {
        let current = callers.iter().find(|other| other.name == caller.name);
        let is_current = current.is_none_or(|current| std::ptr::eq(current, caller));
        let secret = if is_current { MatchedSecret::Current } else { MatchedSecret::Previous };
        Self { name: caller.name.clone(), webhook_id, routes: caller.routes.clone(), secret }
    }

    #[must_use]
    pub fn may_call(&self, route: Route) -> bool {
        self.routes.as_ref().is_none_or(|routes| routes.contains(&route))
    }
}

/// Why a request is not authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    #[error("the request has neither a Standard Webhooks signature nor a bearer token")]
    Missing,
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The `Authorization` header is not a bearer token, or there are several.
    #[error("the Authorization header is malformed")]
    MalformedToken,
    #[error("the bearer token is unknown")]
    UnknownToken,
}

impl AuthenticationError {
    /// Whether the request may be signed with a secret that was configured after ours was read.
    #[must_use]
    pub fn may_be_stale_secret(self) -> bool {
        matches!(self, Self::Signature(SignatureError::Mismatch) | Self::UnknownToken)
    }
}

/// Finds the caller that sent a request with these headers and this body.
///
/// If the request is signed, a bearer token is ignored.
///
/// # Errors
/// See [`AuthenticationError`].
pub fn authenticate(
    callers: &[Caller],
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<AuthenticatedCaller, AuthenticationError> {
    if headers.contains_key(WEBHOOK_SIGNATURE) || headers.contains_key(WEBHOOK_ID) {
        return by_signature(callers, headers, body, now);
    }
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(AuthenticationError::Missing)?;
    if values.next().is_some() {
        return Err(AuthenticationError::MalformedToken);
    }
    let (scheme, token) =
        value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or(AuthenticationError::MalformedToken)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(AuthenticationError::MalformedToken);
    }
    by_token(callers, token)
}

/// Reads the headers once, and computes one HMAC for each caller that signs.
fn by_signature(
    callers: &[Caller],
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<AuthenticatedCaller, AuthenticationError> {
    let headers = standard_webhooks::Headers::read(headers, now)?;
    let signed = |caller: &&Caller| match &caller.credential {
        Credential::SigningSecret(secret) => headers.are_signed_by(secret, body),
        Credential::BearerToken(_) => false,
    };
    let caller = callers.iter().find(signed).ok_or(SignatureError::Mismatch)?;
    Ok(AuthenticatedCaller::new(callers, caller, Some(headers.id().to_owned())))
}

/// Compares the digests of all tokens, each in constant time.
fn by_token(callers: &[Caller], token: &str) -> Result<AuthenticatedCaller, AuthenticationError> {
    let given = Sha256::digest(token);
    let mut found = None;
    for caller in callers {
        if let Credential::BearerToken(known) = &caller.credential
            && bool::from(Sha256::digest(known.expose_secret()).ct_eq(&given))
        {
            found = found.or(Some(caller));
        }
    }
    found.map(|caller| AuthenticatedCaller::new(callers, caller, None)).ok_or(AuthenticationError::UnknownToken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::hmacs_of;
    use crate::signature::standard_webhooks::{SigningSecret, WEBHOOK_TIMESTAMP, sign};
    use http::HeaderValue;

    const BODY: &[u8] = b"{}";
    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    fn secret(byte: u8) -> SigningSecret {
        SigningSecret::parse(&format!("whsec_{}", data_encoding::BASE64.encode(&[byte; 32]))).unwrap()
    }

    fn callers() -> Vec<Caller> {
        let caller = |name: &str, credential| Caller { name: name.to_owned(), credential, routes: None };
        let signing = |name: &str, byte| caller(name, Credential::SigningSecret(secret(byte)));
        let token = caller("flows", Credential::BearerToken(TOKEN.into()));
        let restricted = Caller { routes: Some(vec![Route::Receipts]), ..signing("shop", 2) };
        vec![signing("crm", 1), token, restricted]
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    fn signed(by: u8) -> HeaderMap {
        let signature = sign(&[secret(by)], "msg_1", now(), BODY);
        HeaderMap::from_iter([
            (WEBHOOK_ID, HeaderValue::from_static("msg_1")),
            (WEBHOOK_TIMESTAMP, now().as_second().into()),
            (WEBHOOK_SIGNATURE, HeaderValue::from_str(&signature).unwrap()),
        ])
    }

    fn with_authorization(authorization: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(authorization).unwrap())])
    }

    fn name(headers: &HeaderMap) -> Result<String, AuthenticationError> {
        authenticate(&callers(), headers, BODY, now()).map(|caller| caller.name)
    }

    #[test]
    fn each_caller_is_authenticated_by_its_own_credential() {
        assert_eq!(Ok("crm".to_owned()), name(&signed(1)));
        assert_eq!(Ok("shop".to_owned()), name(&signed(2)));
        assert_eq!(Ok("flows".to_owned()), name(&with_authorization(&format!("Bearer {TOKEN}"))));
        assert_eq!(Ok("flows".to_owned()), name(&with_authorization(&format!("bearer {TOKEN}"))));
        let id = authenticate(&callers(), &signed(1), BODY, now()).unwrap().webhook_id;
        assert_eq!(Some("msg_1"), id.as_deref());
    }

    #[test]
    fn a_caller_may_use_all_routes_unless_it_is_restricted_to_some() {
        let may_call = |by: u8, route| authenticate(&callers(), &signed(by), BODY, now()).unwrap().may_call(route);
        assert!(may_call(1, Route::Receipts) && may_call(1, Route::Agentless));
        assert!(may_call(2, Route::Receipts) && !may_call(2, Route::Agentless));
    }

    #[test]
    fn of_a_caller_that_is_listed_twice_the_secret_that_it_used_is_known() {
        let mut callers = callers();
        callers.extend(self::callers().into_iter().map(|caller| Caller {
            credential: match caller.credential {
                Credential::SigningSecret(_) => Credential::SigningSecret(secret(9)),
                Credential::BearerToken(_) => Credential::BearerToken("previous-0123456789abcdef0123456789".into()),
            },
            ..caller
        }));
        let used = |headers: &HeaderMap| authenticate(&callers, headers, BODY, now()).unwrap().secret;
        assert_eq!(MatchedSecret::Current, used(&signed(1)));
        assert_eq!(MatchedSecret::Previous, used(&signed(9)));
        assert_eq!(MatchedSecret::Current, used(&with_authorization(&format!("Bearer {TOKEN}"))));
        assert_eq!(MatchedSecret::Previous, used(&with_authorization("Bearer previous-0123456789abcdef0123456789")));
    }

    #[test]
    fn unknown_credentials_are_rejected() {
        assert_eq!(Err(AuthenticationError::Missing), name(&HeaderMap::new()));
        assert_eq!(Err(SignatureError::Mismatch.into()), name(&signed(3)));
        for wrong in [TOKEN, "Bearer ", &format!("Basic {TOKEN}")] {
            assert_eq!(Err(AuthenticationError::MalformedToken), name(&with_authorization(wrong)), "{wrong}");
        }
        for wrong in [format!("Bearer {TOKEN}x"), format!("Bearer {}", &TOKEN[1..]), "Bearer x".to_owned()] {
            assert_eq!(Err(AuthenticationError::UnknownToken), name(&with_authorization(&wrong)), "{wrong}");
        }
        assert_eq!(Err(AuthenticationError::UnknownToken), by_token(&[], TOKEN));
    }

    #[test]
    fn an_expired_signature_is_reported_as_expired_even_without_callers() {
        let later = Timestamp::from_second(1_700_000_301).unwrap();
        for callers in [callers(), Vec::new()] {
            let error = authenticate(&callers, &signed(1), BODY, later).unwrap_err();
            assert_eq!(AuthenticationError::Signature(SignatureError::Expired), error);
        }
    }

    #[test]
    fn a_body_with_many_signatures_costs_one_hmac_for_each_caller_that_signs() {
        let body = vec![b'x'; 4_000_000];
        let wrong = format!("v1,{}", data_encoding::BASE64.encode(&[0; 32]));
        let right = sign(&[secret(2)], "msg_1", now(), &body);
        let repeated = |signature: &str, times: usize| vec![signature; times].join(" ");
        let too_many = Err(SignatureError::TooManySignatures("webhook-signature").into());
        let mismatch = Err(SignatureError::Mismatch.into());
        for (signatures, expected, hmacs) in [
            (wrong.clone(), mismatch.clone(), 2),
            (repeated(&wrong, 10), mismatch, 2),
            (format!("{} {right}", repeated(&wrong, 9)), Ok("shop".to_owned()), 2),
            (repeated(&wrong, 2_350), too_many.clone(), 0),
            (format!("{right} {}", repeated(&wrong, 2_349)), too_many, 0),
        ] {
            let mut headers = signed(1);
            headers.insert(WEBHOOK_SIGNATURE, HeaderValue::from_str(&signatures).unwrap());
            let (caller, counted) = hmacs_of(|| authenticate(&callers(), &headers, &body, now()));
            assert_eq!((expected, hmacs), (caller.map(|caller| caller.name), counted), "{} bytes", signatures.len());
        }
    }

    #[test]
    fn a_valid_token_does_not_replace_an_invalid_signature() {
        let mut headers = signed(3);
        headers.extend(with_authorization(&format!("Bearer {TOKEN}")));
        assert_eq!(Err(SignatureError::Mismatch.into()), name(&headers));
    }
}
