//! The calls that we make to Genesys Cloud.
//!
//! Every call has a token, and time-outs and repeats as every platform's calls have them. Where a call may have been done
//! and nobody can tell, the error says so.

mod agent;
mod agentless;
mod card;
mod error;
mod inbound;
mod media;
mod open_integrations;
mod rate_limit;
mod receipt;
mod token;
mod users;

pub use open_integrations::{CreateStatus, OpenIntegration, OpenIntegrationSettings};

use super::config::Config;
use crate::model::platform_name::PlatformName;
use crate::platform::transport::{
    self, ApiResponse, DEFAULT_RETRY_POLICY, MIN_ATTEMPT_TIME, attempt_timeout, join_path, platform_time,
};
use crate::platform::{ApiError, PlatformError};
use http::{Method, StatusCode, header};
use rate_limit::RateLimit;
use serde::Serialize;
use serde::de::DeserializeOwned;
use token::{Token, Tokens};
use tokio::time::Instant;
use users::Users;

/// The largest body that the platform takes.
const MAXIMUM_BODY_BYTES: usize = 512_000;

/// Calls Genesys Cloud for all integrations of this process.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    tokens: Tokens,
    users: Users,
}

/// One call.
pub(crate) struct Call<'c> {
    method: Method,
    path: &'c [&'c str],
    query: &'c [(&'c str, &'c str)],
    body: Option<Vec<u8>>,
    may_repeat: bool,
}

impl<'c> Call<'c> {
    /// A `POST` that is not made again where it may have been done.
    fn post(path: &'c [&'c str], body: &impl Serialize) -> Result<Self, ApiError> {
        let body = transport::json_body(body)?;
        if body.len() > MAXIMUM_BODY_BYTES {
            return Err(ApiError::TooLarge { maximum: MAXIMUM_BODY_BYTES });
        }
        Ok(Self { method: Method::POST, path, query: &[], body: Some(body), may_repeat: false })
    }

    /// A `PATCH`.
    fn patch(path: &'c [&'c str], body: &impl Serialize) -> Result<Self, ApiError> {
        Ok(Self { method: Method::PATCH, ..Self::post(path, body)?.repeatable() })
    }

    /// A `DELETE`.
    fn delete(path: &'c [&'c str]) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    /// A `GET`.
    fn get(path: &'c [&'c str]) -> Self {
        Self { method: Method::GET, path, query: &[], body: None, may_repeat: true }
    }

    fn with_query(self, query: &'c [(&'c str, &'c str)]) -> Self {
        Self { query, ..self }
    }

    /// It does no harm when it is made twice.
    fn repeatable(self) -> Self {
        Self { may_repeat: true, ..self }
    }
}

impl Client {
    /// A client; one a process will do.
    ///
    /// # Errors
    /// The TLS stack could not be set up.
    pub fn new() -> Result<Self, reqwest::Error> {
        Ok(Self { http: transport::client()?, tokens: Tokens::default(), users: Users::default() })
    }

    /// Makes a call and reads the answer, before `deadline`.
    async fn call<A: DeserializeOwned + Default>(
        &self,
        config: &Config,
        call: &Call<'_>,
        deadline: Instant,
    ) -> Result<A, ApiError> {
        let may_repeat = |error: &ApiError| error.is_retryable(call.may_repeat);
        transport::with_retries(DEFAULT_RETRY_POLICY, may_repeat, deadline, || self.attempt(config, call, deadline))
            .await
    }

    /// One attempt; with a second one behind it when the platform no longer takes our token.
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

    /// Makes the call with `token`; what it means that the platform does not take that is for `unauthorized` to say.
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
        transport::call(PlatformName::GenesysCloud, request, None, |ApiResponse { status, headers, body }| {
            RateLimit::read(&headers).report(&config.client_id);
            if !status.is_success() {
                let words = error::read(status, &headers, &body.unwrap_or_default());
                return Err(match status {
                    StatusCode::UNAUTHORIZED => unauthorized(words),
                    _ => ApiError::from_response(status, &headers, words),
                });
            }
            let answer = body.ok().and_then(|body| serde_json::from_slice(&body).ok());
            match (answer, &call.method) {
                (Some(answer), _) => Ok(answer),
                (None, &Method::GET) => {
                    Err(ApiError::OutcomeUnknown { cause: "the answer cannot be read", error: None })
                }
                // It has been done; an answer that cannot be read only tells less of it.
                (None, _) => Ok(A::default()),
            }
        })
        .await
    }
}
