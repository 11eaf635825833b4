//! Calls to Genesys Cloud's API.

mod agent;
mod agentless;
mod card;
mod conversations;
mod error;
mod identity_resolution;
mod inbound;
mod listing;
mod media;
mod open_integrations;
mod profiles;
mod receipt;
mod token;
mod users;

pub(super) use agentless::MAX_TEXT;
pub use identity_resolution::IdentityResolution;
pub use open_integrations::{CreateStatus, OpenIntegration, OpenIntegrationSettings, is_masked};
pub use profiles::{DEFAULT_PROFILE, Direction, MessagingSetting, Permissions, Profile, SupportedContent};

use super::config::Config;
use crate::cache::BoundedCache;
use crate::http_client::HttpClient;
use crate::model::platform_name::PlatformName;
use crate::platform::rate_limit::{RateLimit, number};
use crate::platform::transport::{
    self, ApiResponse, DEFAULT_RETRY_POLICY, MIN_ATTEMPT_TIME, attempt_timeout, join_path, platform_time,
};
use crate::platform::{ApiError, PlatformError};
use http::{HeaderMap, Method, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use token::{Token, Tokens};
use tokio::time::Instant;

/// The platform's limit.
const MAX_BODY_BYTES: usize = 512_000;

/// A client for all integrations.
#[derive(Debug)]
pub struct Client {
    http: HttpClient,
    tokens: Tokens,
    users: BoundedCache<users::Key, String>,
}

pub(crate) struct Call<'c> {
    method: Method,
    path: &'c [&'c str],
    query: &'c [(&'c str, &'c str)],
    body: Option<Vec<u8>>,
    idempotent: bool,
    maximum_response: usize,
}

impl<'c> Call<'c> {
    /// A `POST` that is not idempotent.
    fn post(path: &'c [&'c str], body: &impl Serialize) -> Result<Self, ApiError> {
        let body = transport::json_body(body)?;
        if body.len() > MAX_BODY_BYTES {
            return Err(ApiError::TooLarge { maximum: MAX_BODY_BYTES });
        }
        Ok(Self { method: Method::POST, path, query: &[], body: Some(body), idempotent: false, ..Self::get(path) })
    }

    fn patch(path: &'c [&'c str], body: &impl Serialize) -> Result<Self, ApiError> {
        Ok(Self { method: Method::PATCH, ..Self::post(path, body)?.idempotent() })
    }

    fn put(path: &'c [&'c str], body: &impl Serialize) -> Result<Self, ApiError> {
        Ok(Self { method: Method::PUT, ..Self::patch(path, body)? })
    }

    fn delete(path: &'c [&'c str]) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    fn get(path: &'c [&'c str]) -> Self {
        let maximum_response = transport::MAX_RESPONSE_BYTES;
        Self { method: Method::GET, path, query: &[], body: None, idempotent: true, maximum_response }
    }

    fn with_query(self, query: &'c [(&'c str, &'c str)]) -> Self {
        Self { query, ..self }
    }

    fn with_maximum_response(self, maximum_response: usize) -> Self {
        Self { maximum_response, ..self }
    }

    /// Allows retries even if the outcome is unknown.
    fn idempotent(self) -> Self {
        Self { idempotent: true, ..self }
    }
}

impl Client {
    #[must_use]
    pub fn new(http: HttpClient) -> Self {
        Self { http, tokens: Tokens::default(), users: users::cache() }
    }

    /// Makes a call and reads the response, before `deadline`.
    async fn call<A: DeserializeOwned + Default>(
        &self,
        config: &Config,
        call: &Call<'_>,
        deadline: Instant,
    ) -> Result<A, ApiError> {
        let is_retryable = |error: &ApiError| error.is_retryable(call.idempotent);
        transport::with_retries(DEFAULT_RETRY_POLICY, is_retryable, deadline, || self.attempt(config, call, deadline))
            .await
    }

    /// What a `GET` returns, if the platform has it.
    async fn entity<A: DeserializeOwned + Default>(
        &self,
        config: &Config,
        call: &Call<'_>,
        deadline: Instant,
    ) -> Result<Option<A>, ApiError> {
        match self.call(config, call, deadline).await {
            Ok(found) => Ok(Some(found)),
            Err(ApiError::Refused(error)) if error.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One attempt, repeated with a new token if the platform rejects the cached one.
    async fn attempt<A: DeserializeOwned + Default>(
        &self,
        config: &Config,
        call: &Call<'_>,
        deadline: Instant,
    ) -> Result<A, ApiError> {
        let token = self.token(config, None, deadline).await?;
        match self.send(config, call, &token, ApiError::Refused, deadline).await {
            Err(ApiError::Refused(error)) if error.status == StatusCode::UNAUTHORIZED.as_u16() => {
                let token = self.token(config, Some(&token), deadline).await?;
                self.send(config, call, &token, ApiError::Credentials, deadline).await
            }
            result => result,
        }
    }

    async fn token(&self, config: &Config, rejected: Option<&Token>, deadline: Instant) -> Result<Token, ApiError> {
        self.tokens.get(&self.http, config, rejected, Instant::now() + attempt_timeout(deadline)?).await
    }

    /// Makes the call with `token`. `unauthorized` is the error if the platform rejects it.
    async fn send<A: DeserializeOwned + Default>(
        &self,
        config: &Config,
        call: &Call<'_>,
        token: &Token,
        unauthorized: fn(PlatformError) -> ApiError,
        deadline: Instant,
    ) -> Result<A, ApiError> {
        let mut url = join_path(&config.region.api_url(), call.path)?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut request =
            self.http.request(call.method.clone(), url).bearer_auth(token.expose()).timeout(attempt_timeout(deadline)?);
        if let Some(body) = &call.body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.clone());
        }
        transport::call_with_limit(
            &self.http,
            PlatformName::GenesysCloud,
            request,
            call.maximum_response,
            None,
            |ApiResponse { status, headers, body }| {
                rate_limit(&headers).report(&config.client_id);
                if !status.is_success() {
                    let error = error::read(status, &headers, &body.unwrap_or_default());
                    return Err(match status {
                        StatusCode::UNAUTHORIZED => unauthorized(error),
                        _ => ApiError::from_response(status, &headers, error),
                    });
                }
                let answer = body.ok().and_then(|body| serde_json::from_slice(&body).ok());
                match (answer, &call.method) {
                    (Some(answer), _) => Ok(answer),
                    (None, &Method::GET) => {
                        Err(ApiError::OutcomeUnknown { cause: "the response cannot be read", error: None })
                    }
                    // The call succeeded even if the body is unreadable.
                    (None, _) => Ok(A::default()),
                }
            },
        )
        .await
    }
}

/// The limit of the current minute.
fn rate_limit(headers: &HeaderMap) -> RateLimit {
    let (allowed, count) = (number(headers, "inin-ratelimit-allowed"), number(headers, "inin-ratelimit-count"));
    let remaining = allowed.zip(count).map(|(allowed, count)| allowed.saturating_sub(count));
    RateLimit { allowed, remaining, reset_seconds: number(headers, "inin-ratelimit-reset"), ..RateLimit::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_limit_headers_are_read() {
        let headers =
            [("inin-ratelimit-count", "12"), ("inin-ratelimit-allowed", "300"), ("inin-ratelimit-reset", "41")]
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let limit =
            RateLimit { allowed: Some(300), remaining: Some(288), reset_seconds: Some(41), ..RateLimit::default() };
        assert_eq!(limit, rate_limit(&HeaderMap::from_iter(headers)));
        assert_eq!(RateLimit::default(), rate_limit(&HeaderMap::new()));
    }
}
