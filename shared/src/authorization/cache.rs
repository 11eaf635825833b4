//! The access tokens in memory, and when they are renewed.

use super::Authorization;
use crate::digest::Digest;
use crate::model::integration_name::IntegrationName;
use crate::platform::ApiError;
use crate::platform::tokens::{TokenRequest, is_same};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long before its expiry a token is used for the last time; for short-lived tokens, a tenth of the lifetime.
const SKEW: SignedDuration = SignedDuration::from_secs(60);
/// The interval between failed renewals while the token is valid; for short-lived tokens, a twentieth of the lifetime. The
/// refresh token of a process that died during a renewal can only be used again for a short time after its lease.
const RENEWAL_INTERVAL: SignedDuration = SignedDuration::from_secs(5);
/// How long a missing or refused authorization is remembered.
const FAILURE_COOLDOWN: Duration = Duration::from_secs(10);

/// The tokens of all clients: what one client cannot renew, another perhaps can.
#[derive(Debug, Default)]
pub(super) struct Cache {
    entries: Mutex<HashMap<(IntegrationName, Digest), Arc<Entry>>>,
}

#[derive(Debug, Default)]
pub(super) struct Entry {
    state: Mutex<State>,
    /// Held while the tokens are read and renewed, so that concurrent calls share that.
    pub(super) renewing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    failure: Option<(Instant, ApiError)>,
}

/// An access token and its times.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) value: SecretString,
    issued_at: Timestamp,
    expires_at: Timestamp,
    renew_at: Timestamp,
}

impl Token {
    pub(super) fn of(authorization: &Authorization) -> Option<Self> {
        let (value, expires_at) = (authorization.access_token()?, authorization.expires_at()?);
        let issued_at = authorization.issued_at().unwrap_or(expires_at);
        // Hours before a day's token expires, so that there is time for an operator.
        let renew_at = expires_at - expires_at.duration_since(issued_at) / 4;
        Some(Self { value, issued_at, expires_at, renew_at })
    }

    fn lifetime(&self) -> SignedDuration {
        self.expires_at.duration_since(self.issued_at)
    }

    pub(super) fn is_valid(&self, now: Timestamp) -> bool {
        now < self.expires_at - SKEW.min(self.lifetime() / 10)
    }

    /// Whether it is time to renew it.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.renew_at <= now
    }

    /// Whether it is not renewed when the platform refuses it. Secrets Manager keeps the versions of a day, and at most
    /// 100: a day's token is renewed at most 96 times.
    pub(super) fn is_young(&self, now: Timestamp) -> bool {
        now < self.issued_at + self.lifetime() / 96
    }
}

impl Cache {
    pub(super) fn entry(&self, request: &TokenRequest<'_>) -> Arc<Entry> {
        let key = (request.integration.clone(), request.issuer.fingerprint());
        Arc::clone(self.entries.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default())
    }
}

impl Entry {
    /// A valid token other than `rejected`.
    pub(super) fn usable(&self, rejected: Option<&SecretString>, now: Timestamp) -> Option<Token> {
        let token = self.state().token.clone()?;
        let is_rejected = rejected.is_some_and(|rejected| is_same(rejected, &token.value));
        (!is_rejected && token.is_valid(now)).then_some(token)
    }

    pub(super) fn keep(&self, token: Token) -> SecretString {
        let value = token.value.clone();
        self.state().token = Some(token);
        value
    }

    /// Keeps a token that could not be renewed: it is tried again a little later.
    pub(super) fn postpone(&self, token: Token) -> SecretString {
        let interval = RENEWAL_INTERVAL.min(token.lifetime() / 20);
        let renew_at = Timestamp::now() + interval;
        self.keep(Token { renew_at, ..token })
    }

    /// The error of a short time ago, if only an operator can end it.
    pub(super) fn check_failure(&self) -> Result<(), ApiError> {
        match &self.state().failure {
            Some((at, error)) if at.elapsed() < FAILURE_COOLDOWN => Err(error.clone()),
            _ => Ok(()),
        }
    }

    pub(super) fn note_result(&self, result: Result<SecretString, ApiError>) -> Result<SecretString, ApiError> {
        if let Err(error @ ApiError::NotAuthorized { .. }) = &result {
            *self.state() = State { token: None, failure: Some((Instant::now(), error.clone())) };
        }
        result
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(lifetime: i64) -> Token {
        let (issued, expires) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(lifetime).unwrap());
        let document = format!(r#"{{"accessToken": "a", "issuedAt": "{issued}", "expiresAt": "{expires}"}}"#);
        Token::of(&Authorization::parse(&document).unwrap()).unwrap()
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    #[test]
    fn a_token_is_renewed_after_three_quarters_of_its_lifetime() {
        for (lifetime, due_seconds, valid_milliseconds) in [(86_400, 64_800, 86_340_000), (8, 6, 7_200)] {
            let token = token(lifetime);
            let due = at(due_seconds * 1000);
            assert!(token.is_due(due) && !token.is_due(due - SignedDuration::from_millis(1)), "{lifetime}");
            let end = at(valid_milliseconds);
            assert!(!token.is_valid(end) && token.is_valid(end - SignedDuration::from_millis(1)), "{lifetime}");
        }
    }

    #[test]
    fn a_refused_token_is_renewed_at_most_96_times_a_day() {
        let token = token(86_400);
        assert!(token.is_young(at(899_999)) && !token.is_young(at(900_000)));
    }

    #[test]
    fn a_token_that_could_not_be_renewed_is_used_until_it_expires() {
        let entry = Entry::default();
        let now = Timestamp::now();
        let (issued_at, expires_at) = (now - SignedDuration::from_secs(80), now + SignedDuration::from_secs(20));
        let due = Token { value: "a".into(), issued_at, expires_at, renew_at: now };
        entry.postpone(due);
        assert!(entry.usable(None, now).is_some_and(|token| !token.is_due(now)));
        assert!(entry.usable(None, expires_at).is_none());
        assert!(entry.usable(Some(&"a".into()), now).is_none());
    }
}
