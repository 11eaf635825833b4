//! The calls that we make to HighLevel.
//!
//! Source: <https://marketplace.gohighlevel.com/docs/ghl/conversations/messages/>.

mod error;
mod inbound;
mod rate_limit;
mod receipt;

use super::config::Config;
use crate::model::platform_name::PlatformName;
use crate::platform::ApiError;
use crate::platform::transport::{self, ApiResponse, RetryPolicy};
use http::{Method, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use rate_limit::RateLimit;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// Over what passes within 5 to 10 s: 15.5 s in all, where there is time.
const RETRY_POLICY: RetryPolicy =
    RetryPolicy { max_retries: 6, initial_delay: Duration::from_millis(500), max_delay: Duration::from_secs(4) };

/// For so long after a message was sent the platform may not know it yet.
const EARLY: SignedDuration = SignedDuration::from_secs(10);

/// The version of the API, which every call must name.
const VERSION: (&str, &str) = ("Version", "2021-04-15");

/// Calls HighLevel for all integrations of this process.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
}

/// What may be done about a call that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeats {
    /// It may be made again unless it may have been done.
    UnlessDone,
    /// It may be made twice, and made again where the platform does not know the message yet: for 5 to 10 s after a
    /// message was sent, which it was by this time, it answers 401 or 403.
    OverEarly(Timestamp),
}

/// One call.
struct Call<'c> {
    method: Method,
    path: &'c [&'c str],
    body: Vec<u8>,
    repeats: Repeats,
}

impl<'c> Call<'c> {
    fn new(method: Method, path: &'c [&'c str], body: &impl Serialize, repeats: Repeats) -> Result<Self, ApiError> {
        Ok(Self { method, path, body: transport::json_body(body)?, repeats })
    }
}

impl Repeats {
    fn allow(self, error: &ApiError) -> bool {
        match self {
            Self::UnlessDone => error.is_retryable(false),
            Self::OverEarly(_) => error.is_retryable(true) || may_be_early(error),
        }
    }

    /// What an error means at `now`. A 401 or 403 that can still be due to the message is a refusal like others.
    fn judge(self, error: ApiError, now: Timestamp) -> ApiError {
        match self {
            Self::OverEarly(sent_by) if now.duration_since(sent_by) < EARLY => error,
            _ => refused_credentials(error, self),
        }
    }
}

impl Client {
    /// A client; one a process will do.
    ///
    /// # Errors
    /// The TLS stack could not be set up.
    pub fn new() -> Result<Self, reqwest::Error> {
        Ok(Self { http: transport::client()? })
    }

    /// Makes a call before `deadline`. What its answer says, where the status is good, is for `read`.
    async fn call<B: DeserializeOwned + Default, A>(
        &self,
        config: &Config,
        call: &Call<'_>,
        read: fn(B) -> Result<A, ApiError>,
        deadline: Instant,
    ) -> Result<A, ApiError> {
        let url = transport::join_path(config.api_base_url.url(), call.path)
            .map_err(|_| ApiError::invalid_field("/messageId", "cannot be an id of the platform's"))?;
        transport::with_retries(
            RETRY_POLICY,
            |error| call.repeats.allow(error),
            deadline,
            || self.send(config, call, &url, read, deadline),
        )
        .await
        .map_err(|error| refused_credentials(error, call.repeats))
    }

    async fn send<B: DeserializeOwned + Default, A>(
        &self,
        config: &Config,
        call: &Call<'_>,
        url: &Url,
        read: fn(B) -> Result<A, ApiError>,
        deadline: Instant,
    ) -> Result<A, ApiError> {
        let request = self
            .http
            .request(call.method.clone(), url.clone())
            .bearer_auth(config.token.expose_secret())
            .header(VERSION.0, VERSION.1)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json")
            .body(call.body.clone())
            .timeout(transport::attempt_timeout(deadline)?);
        transport::call(PlatformName::HighLevel, request, None, |ApiResponse { status, headers, body }| {
            let body = body.unwrap_or_default();
            let rate_limit = RateLimit::read(&headers);
            rate_limit.report(&config.location_id);
            if status.is_success() {
                // It has been done; an answer that cannot be read only tells less of it.
                return read(serde_json::from_slice(&body).unwrap_or_default());
            }
            Err(match ApiError::from_response(status, &headers, error::read(status, &body)) {
                ApiError::RateLimited { retry_after } if !headers.contains_key(header::RETRY_AFTER) => {
                    ApiError::RateLimited { retry_after: rate_limit.wait().unwrap_or(retry_after) }
                }
                error => call.repeats.judge(error, Timestamp::now()),
            })
        })
        .await
    }
}

/// Whether it is what the platform answers while it does not know the message yet. Times may be wrong, so that no time
/// counts here.
fn may_be_early(error: &ApiError) -> bool {
    let early = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].map(|status| status.as_u16());
    matches!(error, ApiError::Refused(error) | ApiError::Credentials(error) if early.contains(&error.status))
}

/// What it means when waiting has not helped: the token is not good for the call.
fn refused_credentials(error: ApiError, repeats: Repeats) -> ApiError {
    match error {
        ApiError::Refused(words)
            if words.status == StatusCode::UNAUTHORIZED.as_u16()
                || (matches!(repeats, Repeats::OverEarly(_)) && words.status == StatusCode::FORBIDDEN.as_u16()) =>
        {
            ApiError::Credentials(words)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::PlatformError;

    fn refused(status: u16) -> ApiError {
        ApiError::Refused(PlatformError { status, ..PlatformError::default() })
    }

    #[test]
    fn only_what_may_come_too_early_is_repeated_over_401_and_403() {
        let over_early = Repeats::OverEarly(Timestamp::UNIX_EPOCH);
        for status in [401, 403] {
            assert!(over_early.allow(&refused(status)) && !Repeats::UnlessDone.allow(&refused(status)), "{status}");
            assert!(matches!(refused_credentials(refused(status), over_early), ApiError::Credentials(_)));
        }
        assert!(!over_early.allow(&refused(404)));
        assert!(matches!(refused_credentials(refused(403), Repeats::UnlessDone), ApiError::Refused(_)));
        assert!(matches!(refused_credentials(refused(401), Repeats::UnlessDone), ApiError::Credentials(_)));
    }

    #[test]
    fn what_may_be_early_is_our_credentials_only_once_it_can_no_longer_be_early() {
        let sent_by = Timestamp::UNIX_EPOCH;
        let over_early = Repeats::OverEarly(sent_by);
        for status in [401, 403] {
            let judged = |seconds| over_early.judge(refused(status), sent_by + SignedDuration::from_secs(seconds));
            assert!(matches!(judged(9), ApiError::Refused(_)) && matches!(judged(10), ApiError::Credentials(_)));
            assert!(over_early.allow(&judged(10)), "the time may be wrong");
        }
        assert!(matches!(Repeats::UnlessDone.judge(refused(401), sent_by), ApiError::Credentials(_)));
        assert!(matches!(Repeats::UnlessDone.judge(refused(403), sent_by), ApiError::Refused(_)));
    }
}
