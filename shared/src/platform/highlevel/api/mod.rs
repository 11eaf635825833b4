//! Calls to HighLevel's API.
//!
//! Source: <https://marketplace.gohighlevel.com/docs/ghl/conversations/messages/>.

mod error;
mod inbound;
mod oauth;
mod receipt;

pub use oauth::{AuthorizationRequest, Marketplace};

use super::config::{Config, Credentials};
use crate::http_client::HttpClient;
use crate::model::platform_name::PlatformName;
use crate::platform::ApiError;
use crate::platform::rate_limit::{RateLimit, number};
use crate::platform::tokens::{AccessTokens, TokenRequest, is_same};
use crate::platform::transport::{self, ApiResponse, RetryPolicy};
use http::{HeaderMap, Method, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use oauth::OAuth;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// For errors that end within 5 to 10 s: 15.5 s in total, if there is time.
const RETRY_POLICY: RetryPolicy =
    RetryPolicy { max_retries: 6, initial_delay: Duration::from_millis(500), max_delay: Duration::from_secs(4) };

/// How long after a message was sent the API may not know it yet.
const PROPAGATION_DELAY: SignedDuration = SignedDuration::from_secs(10);

/// The delay after the daily limit is exceeded. The platform does not say when it is reset.
const DAILY_LIMIT_WAIT: Duration = Duration::from_secs(3600);

/// The header with the version of the API, which is required.
const VERSION: (&str, &str) = ("Version", "2021-04-15");

/// A client for all integrations.
#[derive(Debug)]
pub struct Client {
    http: HttpClient,
    tokens: Arc<dyn AccessTokens>,
}

/// When a failed call is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RetryMode {
    /// Only if it had no effect.
    IfNotSent,
    /// Always, because it is idempotent; and on a 401 or 403, which the platform returns for 5 to 10 s after a message was
    /// sent, while the API does not know it yet. The message was sent by this time at the latest.
    UntilVisible(Timestamp),
}

struct Call<'c> {
    method: Method,
    path: &'c [&'c str],
    body: Vec<u8>,
    retry_mode: RetryMode,
}

impl<'c> Call<'c> {
    fn new(
        method: Method,
        path: &'c [&'c str],
        body: &impl Serialize,
        retry_mode: RetryMode,
    ) -> Result<Self, ApiError> {
        Ok(Self { method, path, body: transport::json_body(body)?, retry_mode })
    }
}

impl RetryMode {
    fn allows(self, error: &ApiError) -> bool {
        match self {
            Self::IfNotSent => error.is_retryable(false),
            Self::UntilVisible(_) => error.is_retryable(true) || may_not_be_visible_yet(error),
        }
    }

    /// Classifies an error at `now`. While the message may not be visible yet, a 401 or 403 is not about the credentials.
    fn classify(self, error: ApiError, now: Timestamp) -> ApiError {
        match self {
            Self::UntilVisible(sent_by) if now.duration_since(sent_by) < PROPAGATION_DELAY => error,
            _ => credentials_error(error, self),
        }
    }
}

impl Client {
    #[must_use]
    pub fn new(http: HttpClient, tokens: Arc<dyn AccessTokens>) -> Self {
        Self { http, tokens }
    }

    /// Makes a call before `deadline`. `read` converts the body of a successful response.
    async fn call<B: DeserializeOwned + Default, A>(
        &self,
        config: &Config,
        call: &Call<'_>,
        read: fn(B) -> Result<A, ApiError>,
        deadline: Instant,
    ) -> Result<A, ApiError> {
        let url = transport::join_path(config.api_base_url.url(), call.path)
            .map_err(|_| ApiError::invalid_field("/messageId", "is not a valid id of the platform"))?;
        transport::with_retries(
            RETRY_POLICY,
            |error| call.retry_mode.allows(error),
            deadline,
            || self.attempt(config, call, &url, read, deadline),
        )
        .await
        .map_err(|error| credentials_error(error, call.retry_mode))
    }

    /// One attempt, repeated with another token if the platform no longer accepts this one. A refused call had no effect.
    async fn attempt<B: DeserializeOwned + Default, A>(
        &self,
        config: &Config,
        call: &Call<'_>,
        url: &Url,
        read: fn(B) -> Result<A, ApiError>,
        deadline: Instant,
    ) -> Result<A, ApiError> {
        let token = self.token(config, None, deadline).await?;
        let result = self.send(config, call, url, &token, read, deadline).await;
        match &result {
            Err(ApiError::Credentials(error)) if error.status == StatusCode::UNAUTHORIZED.as_u16() => {
                match self.token(config, Some(&token), deadline).await? {
                    same if is_same(&same, &token) => result,
                    other => self.send(config, call, url, &other, read, deadline).await,
                }
            }
            _ => result,
        }
    }

    async fn token(
        &self,
        config: &Config,
        rejected: Option<&SecretString>,
        deadline: Instant,
    ) -> Result<SecretString, ApiError> {
        match &config.credentials {
            Credentials::Token(token) => Ok(token.clone()),
            Credentials::App(app) => {
                let issuer = OAuth { http: &self.http, config, app };
                let integration = &app.integration;
                self.tokens.get(TokenRequest { integration, issuer: &issuer, rejected, deadline }).await
            }
        }
    }

    async fn send<B: DeserializeOwned + Default, A>(
        &self,
        config: &Config,
        call: &Call<'_>,
        url: &Url,
        token: &SecretString,
        read: fn(B) -> Result<A, ApiError>,
        deadline: Instant,
    ) -> Result<A, ApiError> {
        let request = self
            .http
            .request(call.method.clone(), url.clone())
            .bearer_auth(token.expose_secret())
            .header(VERSION.0, VERSION.1)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json")
            .body(call.body.clone())
            .timeout(transport::attempt_timeout(deadline)?);
        transport::call(&self.http, PlatformName::HighLevel, request, None, |ApiResponse { status, headers, body }| {
            let body = body.unwrap_or_default();
            rate_limit(&headers).report(&config.location_id);
            if status.is_success() {
                // The call succeeded even if the body is unreadable.
                return read(serde_json::from_slice(&body).unwrap_or_default());
            }
            Err(match ApiError::from_response(status, &headers, error::read(status, &body)) {
                ApiError::RateLimited { retry_after } if !headers.contains_key(header::RETRY_AFTER) => {
                    ApiError::RateLimited { retry_after: retry_delay(&headers).unwrap_or(retry_after) }
                }
                error => call.retry_mode.classify(error, Timestamp::now()),
            })
        })
        .await
    }
}

/// Whether the platform returns this error while it does not know the message yet. The time is not considered, because
/// clocks may be wrong.
fn may_not_be_visible_yet(error: &ApiError) -> bool {
    let early = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].map(|status| status.as_u16());
    matches!(error, ApiError::Refused(error) | ApiError::Credentials(error) if early.contains(&error.status))
}

/// The error after all retries: the token is not valid for the call.
fn credentials_error(error: ApiError, retry_mode: RetryMode) -> ApiError {
    match error {
        ApiError::Refused(error)
            if error.status == StatusCode::UNAUTHORIZED.as_u16()
                || (matches!(retry_mode, RetryMode::UntilVisible(_))
                    && error.status == StatusCode::FORBIDDEN.as_u16()) =>
        {
            ApiError::Credentials(error)
        }
        other => other,
    }
}

/// The limit of each app and location: 100 calls in 10 s and 200,000 a day.
///
/// Source: <https://marketplace.gohighlevel.com/docs/oauth/Faqs/>.
fn rate_limit(headers: &HeaderMap) -> RateLimit {
    RateLimit {
        allowed: number(headers, "x-ratelimit-max"),
        remaining: number(headers, "x-ratelimit-remaining"),
        remaining_today: number(headers, "x-ratelimit-daily-remaining"),
        ..RateLimit::default()
    }
}

/// The delay after the rate limit is exceeded, for a response without `Retry-After`.
fn retry_delay(headers: &HeaderMap) -> Option<Duration> {
    if number(headers, "x-ratelimit-daily-remaining") == Some(0) {
        return Some(DAILY_LIMIT_WAIT);
    }
    let interval = number(headers, "x-ratelimit-interval-milliseconds")?;
    Some(Duration::from_millis(interval).min(DAILY_LIMIT_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::PlatformError;

    fn refused(status: u16) -> ApiError {
        ApiError::Refused(PlatformError { status, ..PlatformError::default() })
    }

    #[test]
    fn only_calls_about_a_message_are_retried_on_401_and_403() {
        let until_visible = RetryMode::UntilVisible(Timestamp::UNIX_EPOCH);
        for status in [401, 403] {
            assert!(
                until_visible.allows(&refused(status)) && !RetryMode::IfNotSent.allows(&refused(status)),
                "{status}"
            );
            assert!(matches!(credentials_error(refused(status), until_visible), ApiError::Credentials(_)));
        }
        assert!(!until_visible.allows(&refused(404)));
        assert!(matches!(credentials_error(refused(403), RetryMode::IfNotSent), ApiError::Refused(_)));
        assert!(matches!(credentials_error(refused(401), RetryMode::IfNotSent), ApiError::Credentials(_)));
    }

    #[test]
    fn a_401_or_403_is_about_the_credentials_once_the_message_must_be_visible() {
        let sent_by = Timestamp::UNIX_EPOCH;
        let until_visible = RetryMode::UntilVisible(sent_by);
        for status in [401, 403] {
            let classified =
                |seconds| until_visible.classify(refused(status), sent_by + SignedDuration::from_secs(seconds));
            assert!(
                matches!(classified(9), ApiError::Refused(_)) && matches!(classified(10), ApiError::Credentials(_))
            );
            assert!(until_visible.allows(&classified(10)), "the time may be wrong");
        }
        assert!(matches!(RetryMode::IfNotSent.classify(refused(401), sent_by), ApiError::Credentials(_)));
        assert!(matches!(RetryMode::IfNotSent.classify(refused(403), sent_by), ApiError::Refused(_)));
    }

    fn headers(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_retry_delay_is_read_from_the_rate_limit_headers() {
        let interval = ("x-ratelimit-interval-milliseconds", "10000");
        assert_eq!(Some(Duration::from_secs(10)), retry_delay(&headers(&[interval])));
        let exceeded = headers(&[interval, ("x-ratelimit-daily-remaining", "0")]);
        assert_eq!(Some(DAILY_LIMIT_WAIT), retry_delay(&exceeded));
        assert_eq!(None, retry_delay(&headers(&[("x-ratelimit-remaining", "7")])));
    }

    #[test]
    fn the_number_of_remaining_calls_is_read() {
        let headers = headers(&[("x-ratelimit-max", "100"), ("x-ratelimit-remaining", "7")]);
        let limit = RateLimit { allowed: Some(100), remaining: Some(7), ..RateLimit::default() };
        assert_eq!(limit, rate_limit(&headers));
    }
}
