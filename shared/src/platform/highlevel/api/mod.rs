//! Calls to HighLevel's API.
//!
//! Source: <https://marketplace.gohighlevel.com/docs/ghl/conversations/messages/>.

mod agentless;
mod contacts;
mod email;
mod error;
mod inbound;
mod oauth;
mod receipt;
mod response;
mod typing;

pub use oauth::{AuthorizationRequest, Marketplace};

use super::config::{Config, Credentials};
use crate::cache::BoundedCache;
use crate::http_client::HttpClient;
use crate::model::platform_name::PlatformName;
use crate::platform::tokens::{AccessTokens, TokenRequest, WithdrawalOutcome, is_same};
use crate::platform::transport::{self, ApiResponse, RetryPolicy};
use crate::platform::{ApiError, Attempts, Withdrawal};
use http::{HeaderName, Method, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use oauth::OAuth;
use response::{rate_limit, retry_delay};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// For errors that end within 5 to 10 s: about 15 s in total, if there is time. The delays are short enough for several
/// attempts in the 8 s that the smallest timeout of a caller's request leaves.
const RETRY_POLICY: RetryPolicy =
    RetryPolicy { max_retries: 11, initial_delay: Duration::from_millis(500), max_delay: Duration::from_secs(1) };

/// How long after a message was sent a 401 or 403 may mean that the API does not know it yet: usually 5 to 10 s, sometimes
/// longer.
const PROPAGATION_DELAY: SignedDuration = SignedDuration::from_mins(2);

/// The header with the version of the API, which is required. Each call has its own.
const VERSION: HeaderName = HeaderName::from_static("version");

/// A client for all integrations.
#[derive(Debug)]
pub struct Client {
    http: HttpClient,
    tokens: Arc<dyn AccessTokens>,
    contacts: BoundedCache<contacts::Key, String>,
}

/// When a failed call is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RetryMode {
    /// Only if it had no effect.
    IfNotSent,
    /// Always, because it is idempotent.
    Idempotent,
    /// Always, because it deletes something. A 404 after an attempt that may have taken effect means that it has.
    Deletion,
    /// Always; and on a 401 or 403, which the platform returns for 5 to 10 s after a message was
    /// sent, while the API does not know it yet. The message was sent by this time at the latest.
    UntilVisible(Timestamp),
}

struct Call<'c> {
    method: Method,
    path: &'c [&'c str],
    /// Whether the path ends with a slash.
    is_collection: bool,
    query: &'c [(&'static str, &'c str)],
    version: &'c str,
    body: Option<Vec<u8>>,
    /// In place of `body` once an attempt may have taken effect.
    repeated_body: Option<Vec<u8>>,
    retry_mode: RetryMode,
    attempts: Attempts,
    /// A refusal that may have another reason asks for another token only once.
    asked_for_token: AtomicBool,
}

/// What one attempt of a call sends.
#[derive(Clone, Copy)]
struct Attempt<'a> {
    call: &'a Call<'a>,
    url: &'a Url,
    body: Option<&'a Vec<u8>>,
}

impl<'c> Call<'c> {
    fn new(
        method: Method,
        path: &'c [&'c str],
        body: &impl Serialize,
        version: &'c str,
        retry_mode: RetryMode,
    ) -> Result<Self, ApiError> {
        let body = Some(transport::json_body(body)?);
        Ok(Self { body, ..Self::without_body(method, path, version, retry_mode) })
    }

    fn without_body(method: Method, path: &'c [&'c str], version: &'c str, retry_mode: RetryMode) -> Self {
        Self {
            method,
            path,
            is_collection: false,
            query: &[],
            version,
            body: None,
            repeated_body: None,
            retry_mode,
            attempts: Attempts::default(),
            asked_for_token: AtomicBool::new(false),
        }
    }

    /// Whether a response means that the work is done.
    fn is_done(&self, status: StatusCode) -> bool {
        let is_gone = status == StatusCode::NOT_FOUND && self.retry_mode == RetryMode::Deletion;
        status.is_success() || (is_gone && self.attempts.may_have_taken_effect())
    }

    /// Whether another token may help. While the message may not be visible yet, a 401 is no reason for asking again and again.
    fn may_need_another_token(&self, error: &ApiError) -> bool {
        let (error, is_certain) = match error {
            ApiError::Credentials(error) => (error, true),
            ApiError::TooEarly(error) => (error, false),
            _ => return false,
        };
        error.status == StatusCode::UNAUTHORIZED.as_u16()
            && (is_certain || !self.asked_for_token.swap(true, Ordering::Relaxed))
    }
}

impl RetryMode {
    fn allows(self, error: &ApiError) -> bool {
        match self {
            Self::IfNotSent => error.is_retryable(false),
            Self::Idempotent | Self::Deletion => error.is_retryable(true),
            Self::UntilVisible(_) => error.is_retryable(true) || may_not_be_visible_yet(error),
        }
    }

    /// Classifies an error at `now`. While the message may not be visible yet, a 401 or 403 is not about the credentials.
    /// After that, a 403 is the platform's refusal: it takes the status of a message only from the app that sent it.
    fn classify(self, error: ApiError, now: Timestamp) -> ApiError {
        let ApiError::Refused(refusal) = error else { return error };
        let age = match self {
            Self::UntilVisible(sent_by) => now.duration_since(sent_by),
            Self::IfNotSent | Self::Idempotent | Self::Deletion => SignedDuration::MAX,
        };
        match StatusCode::from_u16(refusal.status) {
            Ok(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) if age < PROPAGATION_DELAY => {
                ApiError::TooEarly(refusal)
            }
            Ok(StatusCode::UNAUTHORIZED) => ApiError::Credentials(refusal),
            _ => ApiError::Refused(refusal),
        }
    }
}

impl Client {
    #[must_use]
    pub fn new(http: HttpClient, tokens: Arc<dyn AccessTokens>) -> Self {
        Self { http, tokens, contacts: contacts::cache() }
    }

    /// Makes a call before `deadline`. `read` converts the body of a successful response.
    async fn call<A>(
        &self,
        config: &Config,
        call: &Call<'_>,
        read: fn(&ApiResponse) -> Result<A, ApiError>,
        deadline: Instant,
    ) -> Result<A, ApiError> {
        let mut url = transport::join_path(config.api_base_url.url(), call.path)
            .map_err(|_| ApiError::invalid_field("/messageId", "is not a valid id of the platform"))?;
        if call.is_collection
            && let Ok(mut segments) = url.path_segments_mut()
        {
            segments.push("");
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let url = &url;
        let attempt = || async move {
            let repeated_body = call.repeated_body.as_ref().filter(|_| call.attempts.may_have_taken_effect());
            let attempt = Attempt { call, url, body: repeated_body.or(call.body.as_ref()) };
            let result = self.attempt(config, attempt, read, deadline).await;
            result.inspect_err(|error| call.attempts.note(error))
        };
        transport::with_retries(RETRY_POLICY, |error| call.retry_mode.allows(error), deadline, attempt).await
    }

    /// One attempt, repeated with another token if the platform no longer accepts this one. A refused call had no effect.
    async fn attempt<A>(
        &self,
        config: &Config,
        attempt: Attempt<'_>,
        read: fn(&ApiResponse) -> Result<A, ApiError>,
        deadline: Instant,
    ) -> Result<A, ApiError> {
        let token = self.token(config, None, deadline).await?;
        let result = self.send(config, attempt, &token, read, deadline).await;
        match &result {
            Err(error) if attempt.call.may_need_another_token(error) => {
                match self.token(config, Some(&token), deadline).await {
                    Ok(same) if is_same(&same, &token) => result,
                    Ok(other) => self.send(config, attempt, &other, read, deadline).await,
                    // It is not certain that the token is the reason.
                    Err(ApiError::NotSent(_)) if matches!(error, ApiError::TooEarly(_)) => result,
                    Err(error) => Err(error),
                }
            }
            _ => result,
        }
    }

    /// An access token. If it fails, nothing was sent of the call that needs it.
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
                let token = self.tokens.get(TokenRequest { integration, issuer: &issuer, rejected, deadline }).await;
                token.map_err(|error| error.before_call("no response to the token request"))
            }
        }
    }

    /// Renews the tokens if they are due. `None` without an app.
    pub fn check_authorization<'c>(
        &'c self,
        config: &'c Config,
        deadline: Instant,
    ) -> Option<impl Future<Output = Result<(), ApiError>> + Send + 'c> {
        let Credentials::App(_) = config.credentials else { return None };
        Some(async move { self.token(config, None, deadline).await.map(drop) })
    }

    /// Deletes the tokens because the app was uninstalled.
    ///
    /// # Errors
    /// Something is unavailable: see [`ApiError`].
    pub async fn withdraw_authorization(
        &self,
        config: &Config,
        withdrawal: &Withdrawal,
        deadline: Instant,
    ) -> Result<WithdrawalOutcome, ApiError> {
        let Credentials::App(app) = &config.credentials else {
            return Ok(WithdrawalOutcome::Ignored("the integration has no app"));
        };
        let issuer = OAuth { http: &self.http, config, app };
        let request = TokenRequest { integration: &app.integration, issuer: &issuer, rejected: None, deadline };
        self.tokens.withdraw(request, withdrawal).await
    }

    async fn send<A>(
        &self,
        config: &Config,
        attempt: Attempt<'_>,
        token: &SecretString,
        read: fn(&ApiResponse) -> Result<A, ApiError>,
        deadline: Instant,
    ) -> Result<A, ApiError> {
        let Attempt { call, url, body } = attempt;
        let mut request = self
            .http
            .request(call.method.clone(), url.clone())
            .bearer_auth(token.expose_secret())
            .header(VERSION, call.version)
            .header(header::ACCEPT, "application/json")
            .timeout(transport::attempt_timeout(deadline)?);
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.clone());
        }
        transport::call(&self.http, PlatformName::HighLevel, request, None, |response| {
            let ApiResponse { status, headers, body } = &response;
            rate_limit(headers).report(&config.location_id);
            if call.is_done(*status) {
                return read(&response);
            }
            let error = error::read(*status, body.as_deref().unwrap_or_default());
            Err(match ApiError::from_response(*status, headers, error) {
                ApiError::RateLimited { retry_after } if !headers.contains_key(header::RETRY_AFTER) => {
                    ApiError::RateLimited { retry_after: retry_delay(headers).unwrap_or(retry_after) }
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
            for other in [RetryMode::IfNotSent, RetryMode::Idempotent] {
                assert!(until_visible.allows(&refused(status)) && !other.allows(&refused(status)), "{status}");
            }
        }
        assert!(!until_visible.allows(&refused(404)));
    }

    #[test]
    fn a_401_is_about_the_credentials_and_a_403_is_final_two_minutes_after_the_message_was_sent() {
        let sent_by = Timestamp::UNIX_EPOCH;
        let until_visible = RetryMode::UntilVisible(sent_by);
        let classified =
            |status, seconds| until_visible.classify(refused(status), sent_by + SignedDuration::from_secs(seconds));
        for early in [401, 403] {
            assert!(matches!(classified(early, 119), ApiError::TooEarly(_)), "{early}");
        }
        assert!(matches!(classified(401, 120), ApiError::Credentials(_)));
        assert!(matches!(classified(403, 120), ApiError::Refused(_)));
        assert!(until_visible.allows(&classified(403, 120)), "the time may be wrong");
        for other in [RetryMode::IfNotSent, RetryMode::Idempotent] {
            assert!(matches!(other.classify(refused(401), sent_by), ApiError::Credentials(_)));
            assert!(matches!(other.classify(refused(403), sent_by), ApiError::Refused(_)));
        }
    }
}
