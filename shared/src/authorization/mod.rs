//! The authorizations of integrations: tokens that expire, in a secret for each integration, and their renewal.
//!
//! The access token is renewed long before it expires, by one process at a time: the holder of a lease in the ledger. It
//! reads the secret again, has the platform issue new tokens, and writes both of them in one conditional write before it
//! uses any. The others go on with the token that they have; if it is no longer valid, they wait for the holder.
//!
//! When the holder dies or its response is lost, the next one repeats the request with the same refresh token: for a short
//! time the platform issues the same one again. Later it refuses, and new tokens are issued without a refresh token. If the
//! platform refuses that too, an operator has to authorize the app again.

mod cache;
mod document;
mod secret;
mod withdrawal;

pub use document::Authorization;
pub use secret::{next_version, secret_id};

use crate::aws::{MissingEnv, required_env};
use crate::ledger::{Acquire, CLOCK_SKEW, Lease, LeaseRequest, Ledger, OnExpiredLease, key};
use crate::model::integration_name::IntegrationName;
use crate::observability::emf::Emf;
use crate::observability::metrics::Event;
use crate::platform::tokens::{AccessTokens, IssuedTokens, TokenRequest, WithdrawalOutcome, is_same};
use crate::platform::{ApiError, NoAuthorization, Withdrawal};
use aws_sdk_secretsmanager::Client;
use aws_types::SdkConfig;
use cache::{Cache, Entry, Token};
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use secret::{CHANGED_CONCURRENTLY, SecretError, Secrets, Stored};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How long one process has for renewing tokens. When it dies, the next one can still repeat its request in the platform's
/// grace time.
const LEASE: Duration = Duration::from_secs(15);
/// What a renewal takes at least: a read, a request to the platform, a write. It does not start with less time.
const MIN_RENEWAL_TIME: Duration = Duration::from_secs(7);
/// What is left of that for the write, which must not be cancelled: the platform has replaced the refresh token.
const WRITE_TIME: Duration = Duration::from_secs(4);
/// How often a process without a valid token looks whether another has renewed it.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// How often the tokens are written, while Secrets Manager is unavailable.
const WRITE_ATTEMPTS: usize = 3;
/// How long before the end of a refresh token an operator is warned.
pub const REFRESH_TOKEN_WARNING: SignedDuration = SignedDuration::from_hours(30 * 24);

const NO_TOKEN_IN_TIME: ApiError = ApiError::NotSent("no access token in time");

/// The authorizations of all integrations of a process.
#[derive(Debug)]
pub struct AuthorizationStore {
    secrets: Secrets,
    ledger: Ledger,
    cache: Cache,
}

impl AuthorizationStore {
    /// The store that the environment of the function configures.
    ///
    /// # Errors
    /// An environment variable is missing.
    pub fn connect(config: &SdkConfig, ledger: Ledger) -> Result<Self, MissingEnv> {
        let secrets = Secrets { client: Client::new(config), prefix: required_env("SECRET_PREFIX")? };
        Ok(Self { secrets, ledger, cache: Cache::default() })
    }

    async fn token(&self, request: TokenRequest<'_>) -> Result<SecretString, ApiError> {
        let entry = self.cache.entry(&request);
        let usable = || entry.usable(request.rejected, Timestamp::now());
        let _renewing = match usable() {
            Some(token) if !token.is_due(Timestamp::now()) => return Ok(token.value),
            Some(token) => match entry.renewing.try_lock() {
                Ok(guard) => guard,
                // Another call renews it.
                Err(_) => return Ok(token.value),
            },
            None => timeout_at(request.deadline, entry.renewing.lock()).await.map_err(|_| NO_TOKEN_IN_TIME)?,
        };
        // Another call may have renewed it.
        match usable() {
            Some(token) if !token.is_due(Timestamp::now()) => Ok(token.value),
            cached => {
                entry.check_failure()?;
                let result = self.load_or_renew(&request, &entry, cached.as_ref()).await;
                entry.note_result(result)
            }
        }
    }

    /// Reads the tokens, and renews them if they are due. `cached` is a valid one, which is used when that fails.
    async fn load_or_renew(
        &self,
        request: &TokenRequest<'_>,
        entry: &Entry,
        cached: Option<&Token>,
    ) -> Result<SecretString, ApiError> {
        let mut valid = cached.cloned();
        loop {
            let error = match self.secrets.read(request.integration).await {
                Err(error) => api_error(request.integration, &error),
                Ok(stored) => {
                    let token = self.valid_token(request, &stored)?;
                    if let Some(token) = token.as_ref().filter(|token| needs_no_renewal(token, request)) {
                        return Ok(entry.keep(token.clone()));
                    }
                    valid = token.filter(|token| !is_rejected(token, request));
                    match self.renew_once(request, entry).await {
                        Ok(Some(token)) => return Ok(token),
                        // Another process renews it.
                        Ok(None) if valid.is_none() => {
                            if request.deadline.saturating_duration_since(Instant::now()) > POLL_INTERVAL {
                                sleep(POLL_INTERVAL).await;
                                continue;
                            }
                            NO_TOKEN_IN_TIME
                        }
                        Ok(None) => ApiError::NotSent("another process renews the access token"),
                        Err(error) => {
                            warn_of_end(request.integration, &stored.authorization);
                            error
                        }
                    }
                }
            };
            return match valid {
                Some(token) => Ok(entry.postpone(token)),
                None => Err(error),
            };
        }
    }

    /// The token of the document, if it has a valid one.
    fn valid_token(&self, request: &TokenRequest<'_>, stored: &Stored) -> Result<Option<Token>, ApiError> {
        if stored.authorization.withdrawn_at().is_some() {
            let (state, integration) = (NoAuthorization::Withdrawn, request.integration.clone());
            return Err(ApiError::NotAuthorized { state, integration });
        }
        let is_other = |(name, value)| stored.authorization.detail(name).is_some_and(|stored| stored != value);
        if request.issuer.details().into_iter().any(is_other) {
            return Err(missing(request.integration));
        }
        Ok(Token::of(&stored.authorization).filter(|token| token.is_valid(Timestamp::now())))
    }

    /// Renews the tokens, unless another process does so: `None`.
    async fn renew_once(&self, request: &TokenRequest<'_>, entry: &Entry) -> Result<Option<SecretString>, ApiError> {
        let lease_end = Instant::now() + LEASE;
        let deadline = request.deadline.min(lease_end);
        if deadline.saturating_duration_since(Instant::now()) < MIN_RENEWAL_TIME {
            return Err(ApiError::NotSent("no time was left to renew the access token"));
        }
        let Some(lease) = self.lease(request.integration).await? else { return Ok(None) };
        // The caller's deadline ends the request to the platform, but not the write after it.
        let renewing = timeout_at(lease_end, self.renew(request, entry, deadline - WRITE_TIME)).await;
        let result = renewing.unwrap_or(Err(ApiError::NotSent("the access token was not renewed in time")));
        // If this fails, the lease expires.
        let _ = self.ledger.release(&lease, Timestamp::now()).await;
        if let Err(error) = &result {
            let emf = Emf::of([Event::AuthorizationNotRenewed(request.integration)]);
            let (integration, reason) = (request.integration.as_str(), error.to_string());
            tracing::error!(%emf, integration, outcome = "authorization_not_renewed", reason);
        }
        result.map(Some)
    }

    /// `None` if another process has the lease.
    async fn lease(&self, integration: &IntegrationName) -> Result<Option<Lease>, ApiError> {
        let (key, now) = (key::authorization(integration), Timestamp::now());
        let until = now.saturating_add(LEASE + CLOCK_SKEW).unwrap_or(Timestamp::MAX);
        let on_expired_lease = OnExpiredLease::Reclaim;
        let request = LeaseRequest { key: &key, now, until, fingerprint: None, on_expired_lease };
        let acquired = self.ledger.acquire(request).await.map_err(|error| {
            tracing::error!(integration = integration.as_str(), reason = %error, "the ledger is unavailable");
            ApiError::NotSent("no lease for the tokens")
        })?;
        Ok(match acquired {
            Acquire::Acquired(lease) => Some(lease),
            Acquire::InProgress { .. } | Acquire::Completed(_) => None,
        })
    }

    /// Renews the tokens as the holder of the lease.
    async fn renew(
        &self,
        request: &TokenRequest<'_>,
        entry: &Entry,
        deadline: Instant,
    ) -> Result<SecretString, ApiError> {
        let read = || async {
            let stored = self.secrets.read(request.integration).await;
            stored.map_err(|error| api_error(request.integration, &error))
        };
        // Another process may have renewed them before this one got the lease.
        let mut stored = read().await?;
        if let Some(token) = self.sufficient_token(request, &stored)? {
            return Ok(entry.keep(token));
        }
        let issued = match self.refreshed(request, &stored, deadline).await {
            Err(ApiError::Credentials(_)) => {
                let before = std::mem::replace(&mut stored, read().await?).version;
                if before != stored.version
                    && let Some(token) = self.sufficient_token(request, &stored)?
                {
                    return Ok(entry.keep(token));
                }
                match request.issuer.reconnect(deadline).await {
                    Err(ApiError::Credentials(_)) => {
                        self.note_loss(request.integration, &stored).await;
                        return Err(lost(request.integration));
                    }
                    result => result,
                }
            }
            result => result,
        }?;
        let renewed = self.write(request.integration, &stored, &issued).await;
        let stored = match renewed {
            Err(SecretError::Conflict) => read().await?,
            other => other.map_err(|error| api_error(request.integration, &error))?,
        };
        let token = self.valid_token(request, &stored)?;
        token.map(|token| entry.keep(token)).ok_or(ApiError::NotSent("the new access token has expired already"))
    }

    fn sufficient_token(&self, request: &TokenRequest<'_>, stored: &Stored) -> Result<Option<Token>, ApiError> {
        Ok(self.valid_token(request, stored)?.filter(|token| needs_no_renewal(token, request)))
    }

    async fn refreshed(
        &self,
        request: &TokenRequest<'_>,
        stored: &Stored,
        deadline: Instant,
    ) -> Result<IssuedTokens, ApiError> {
        match stored.authorization.refresh_token() {
            Some(token) => request.issuer.refresh(&token, deadline).await,
            None => request.issuer.reconnect(deadline).await,
        }
    }

    /// Notes for the doctor that the authorization was lost, once. If that fails, the next failed renewal does so.
    async fn note_loss(&self, integration: &IntegrationName, stored: &Stored) {
        if stored.authorization.lost_at().is_none() {
            let lost = stored.authorization.clone().lost(Timestamp::now());
            let _ = self.secrets.write(integration, stored, lost).await;
        }
    }

    /// Both tokens in one write. It is repeated, because the platform has replaced the refresh token.
    async fn write(
        &self,
        integration: &IntegrationName,
        read: &Stored,
        issued: &IssuedTokens,
    ) -> Result<Stored, SecretError> {
        let authorization = read.authorization.clone().renewed(issued);
        let mut attempt = 1;
        loop {
            match self.secrets.write(integration, read, authorization.clone()).await {
                Err(SecretError::Unavailable(_)) if attempt < WRITE_ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }
}

impl AccessTokens for AuthorizationStore {
    fn get<'t>(&'t self, request: TokenRequest<'t>) -> BoxFuture<'t, Result<SecretString, ApiError>> {
        Box::pin(self.token(request))
    }

    fn withdraw<'t>(
        &'t self,
        request: TokenRequest<'t>,
        withdrawal: &'t Withdrawal,
    ) -> BoxFuture<'t, Result<WithdrawalOutcome, ApiError>> {
        Box::pin(self.withdraw_once(request, withdrawal))
    }
}

fn is_rejected(token: &Token, request: &TokenRequest<'_>) -> bool {
    request.rejected.is_some_and(|rejected| is_same(rejected, &token.value))
}

/// A new token that the platform refuses is not renewed: the reason is another one.
fn needs_no_renewal(token: &Token, request: &TokenRequest<'_>) -> bool {
    let now = Timestamp::now();
    if is_rejected(token, request) { token.is_young(now) } else { !token.is_due(now) }
}

fn warn_of_end(integration: &IntegrationName, authorization: &Authorization) {
    let left = authorization.refresh_token_ends_at().map(|end| end.duration_since(Timestamp::now()));
    if let Some(left) = left.filter(|left| *left < REFRESH_TOKEN_WARNING) {
        let emf = Emf::of([Event::AuthorizationEnding(integration)]);
        let days = left.as_hours() / 24;
        tracing::warn!(%emf, integration = integration.as_str(), outcome = "authorization_ending", days);
    }
}

fn missing(integration: &IntegrationName) -> ApiError {
    ApiError::NotAuthorized { state: NoAuthorization::Missing, integration: integration.clone() }
}

fn lost(integration: &IntegrationName) -> ApiError {
    ApiError::NotAuthorized { state: NoAuthorization::Lost, integration: integration.clone() }
}

fn api_error(integration: &IntegrationName, error: &SecretError) -> ApiError {
    match error {
        SecretError::Missing => missing(integration),
        SecretError::Malformed => lost(integration),
        SecretError::Conflict => ApiError::NotSent(CHANGED_CONCURRENTLY),
        SecretError::Unavailable(_) => {
            tracing::error!(integration = integration.as_str(), reason = %error, "the tokens are not accessible");
            ApiError::NotSent("Secrets Manager is unavailable")
        }
    }
}
