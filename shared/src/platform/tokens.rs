//! Access tokens that expire: what a platform implements to issue them, and what its client gets them from. They are
//! stored and shared above the ledger, in [`crate::authorization`].

use super::error::ApiError;
use super::webhook::Withdrawal;
use crate::digest::Digest;
use crate::model::integration_name::IntegrationName;
use crate::observability::emf::Emf;
use crate::observability::logging::log_at;
use crate::observability::metrics::{Event, TokenOutcome};
use futures::future::BoxFuture;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use std::fmt::Debug;
use tokio::time::Instant;
use tracing::Level;

/// The access tokens of all integrations that have an authorization.
pub trait AccessTokens: Debug + Send + Sync {
    /// A valid access token. If `request.rejected` is returned, there is no other one now.
    fn get<'t>(&'t self, request: TokenRequest<'t>) -> BoxFuture<'t, Result<SecretString, ApiError>>;

    /// Deletes the tokens of an integration whose app was uninstalled, unless they are newer than the report.
    fn withdraw<'t>(
        &'t self,
        request: TokenRequest<'t>,
        withdrawal: &'t Withdrawal,
    ) -> BoxFuture<'t, Result<WithdrawalOutcome, ApiError>>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithdrawalOutcome {
    /// The tokens are deleted.
    Withdrawn,
    /// The report is not about these tokens: why.
    Ignored(&'static str),
    /// It has to be tried again: why.
    Deferred(&'static str),
}

#[derive(Clone, Copy)]
pub struct TokenRequest<'t> {
    pub integration: &'t IntegrationName,
    pub issuer: &'t dyn TokenIssuer,
    /// A token that the platform no longer accepts.
    pub rejected: Option<&'t SecretString>,
    pub deadline: Instant,
}

/// The platform's calls that issue tokens for one client.
pub trait TokenIssuer: Send + Sync {
    /// Of the client's id and secret: what failed with one client may succeed with another.
    fn fingerprint(&self) -> Digest;

    /// The details that its tokens have, by name: tokens with another value are another client's or account's.
    fn details(&self) -> Vec<(&'static str, &str)>;

    /// Exchanges a refresh token, which ends with that. A repetition soon afterwards has the same result.
    fn refresh<'i>(
        &'i self,
        refresh_token: &'i SecretString,
        deadline: Instant,
    ) -> BoxFuture<'i, Result<IssuedTokens, ApiError>>;

    /// New tokens without a refresh token, for when that was lost.
    fn reconnect(&self, deadline: Instant) -> BoxFuture<'_, Result<IssuedTokens, ApiError>>;
}

/// The platform's response to a token request.
#[derive(Debug, Clone)]
pub struct IssuedTokens {
    pub access_token: SecretString,
    /// `None` if the platform has not replaced it.
    pub refresh_token: Option<SecretString>,
    /// Before it was requested.
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// When the refresh token ends, unless it is used before.
    pub refresh_token_ends_at: Option<Timestamp>,
    /// What else the platform says of the authorization, such as its scope: names and values of texts.
    pub details: Vec<(&'static str, String)>,
}

impl IssuedTokens {
    #[must_use]
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.details.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
    }
}

/// For functions that call no platform whose tokens expire, and commands.
#[derive(Debug)]
pub struct NoAccessTokens;

impl AccessTokens for NoAccessTokens {
    fn get<'t>(&'t self, _: TokenRequest<'t>) -> BoxFuture<'t, Result<SecretString, ApiError>> {
        Box::pin(async { Err(ApiError::Unsupported) })
    }

    fn withdraw<'t>(
        &'t self,
        _: TokenRequest<'t>,
        _: &'t Withdrawal,
    ) -> BoxFuture<'t, Result<WithdrawalOutcome, ApiError>> {
        Box::pin(async { Err(ApiError::Unsupported) })
    }
}

/// Compares tokens of our own, so the time does not matter.
#[must_use]
pub fn is_same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

/// Logs and counts a token request that was made at `requested_at`.
pub(super) fn report_request(error: Option<&ApiError>, status: Option<u16>, requested_at: Instant) {
    let outcome = match error {
        None => TokenOutcome::Succeeded,
        Some(ApiError::Credentials(_)) => TokenOutcome::Refused,
        Some(ApiError::RateLimited { .. }) => TokenOutcome::RateLimited,
        Some(_) => TokenOutcome::NotSent,
    };
    let emf = Emf::of([Event::TokenRefreshed(outcome)]);
    let (result, milliseconds) = (outcome.as_str(), requested_at.elapsed().as_millis() as u64);
    let level = if outcome == TokenOutcome::Succeeded { Level::INFO } else { Level::WARN };
    // Overrides the correlation id of an earlier call.
    log_at!(level, %emf, outcome = "token_requested", result, status, milliseconds, correlation_id = "");
}
