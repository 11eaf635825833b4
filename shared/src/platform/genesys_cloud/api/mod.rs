//! The calls that we make to Genesys Cloud.
//!
//! Every call has a token, a time-out taken from the time that is left, and repeats where a repeat is safe and fits
//! into that time. Where a call may have been done and nobody can tell, the error says so.

mod agent;
mod agentless;
mod card;
mod error;
mod inbound;
mod media;
mod rate_limit;
mod receipt;
mod token;
mod users;

pub use agent::{AgentMessage, Communication, ConversationId, InvalidConversationId};
pub use agentless::{AgentlessMessage, SentMessage, messaging_template};
pub use card::SentCard;
pub use error::{ApiError, PlatformError};
pub use inbound::Accepted;
pub use media::{FileName, InvalidFileName, TIME_TO_SEND, Upload, UploadError};
pub use users::UserLookup;

use super::config::Config;
use crate::outbound;
use backon::{ExponentialBuilder, Retryable};
use http::{Method, StatusCode, header};
use jiff::Timestamp;
use rate_limit::RateLimit;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use token::{Token, Tokens};
use tokio::time::Instant;
use url::Url;
use users::Users;

/// The longest that one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// A call is not begun with less time than this: it would end with an unknown outcome, and for want of time only.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(2);
/// The largest body that the platform takes.
const MAXIMUM_BODY_BYTES: usize = 512_000;
/// The largest answer that is read.
const MAXIMUM_ANSWER_BYTES: usize = 512 * 1024;
/// How often a call is repeated at the most.
const MAXIMUM_REPEATS: usize = 4;

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
    /// A `POST` that is not made again where it may have been done. The path's segments are encoded one by one, so that
    /// none can lead elsewhere.
    fn post(path: &'c [&'c str], body: &impl Serialize) -> Result<Self, ApiError> {
        let body = serde_json::to_vec(body).map_err(|_| ApiError::NotSent("the body cannot be written"))?;
        if body.len() > MAXIMUM_BODY_BYTES {
            return Err(ApiError::TooLarge { maximum: MAXIMUM_BODY_BYTES });
        }
        Ok(Self { method: Method::POST, path, query: &[], body: Some(body), may_repeat: false })
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
        Ok(Self { http: outbound::client(ATTEMPT_TIMEOUT)?, tokens: Tokens::default(), users: Users::default() })
    }

    /// Makes a call and reads the answer, before `deadline`.
    async fn call<A: DeserializeOwned + Default>(
        &self,
        config: &Config,
        call: &Call<'_>,
        deadline: Instant,
    ) -> Result<A, ApiError> {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(2))
            .with_max_times(MAXIMUM_REPEATS)
            .with_jitter();
        (|| self.attempt(config, call, deadline))
            .retry(backoff)
            .when(|error| error.is_worth_repeating(call.may_repeat))
            .adjust(|error, wait| {
                let wait = match error {
                    ApiError::RateLimited { retry_after } => wait.map(|wait| wait.max(*retry_after)),
                    _ => wait,
                };
                wait.filter(|wait| Instant::now() + *wait + SHORTEST_ATTEMPT < deadline)
            })
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
        match self.send(config, call, &token, deadline).await {
            Err(ApiError::Refused(error)) if error.status == StatusCode::UNAUTHORIZED.as_u16() => {
                let token = self.token(config, Some(&token), deadline).await?;
                match self.send(config, call, &token, deadline).await {
                    Err(ApiError::Refused(error)) if error.status == StatusCode::UNAUTHORIZED.as_u16() => {
                        Err(ApiError::Credentials(error))
                    }
                    result => result,
                }
            }
            result => result,
        }
    }

    async fn token(&self, config: &Config, rejected: Option<&Token>, deadline: Instant) -> Result<Token, ApiError> {
        let left = time_left(deadline)?;
        let token = self.tokens.get(&self.http, config, rejected, left);
        tokio::time::timeout(left, token).await.unwrap_or(Err(ApiError::NotSent("no token in time")))
    }

    async fn send<A: DeserializeOwned + Default>(
        &self,
        config: &Config,
        call: &Call<'_>,
        token: &Token,
        deadline: Instant,
    ) -> Result<A, ApiError> {
        let mut url = address(&config.region.api_url(), call.path)?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut request =
            self.http.request(call.method.clone(), url).bearer_auth(token.expose()).timeout(time_left(deadline)?);
        if let Some(body) = &call.body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.clone());
        }
        let started = Instant::now();
        let response = request.send().await.map_err(|error| ApiError::from_transport(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = outbound::bounded_body(response, MAXIMUM_ANSWER_BYTES).await;
        RateLimit::read(&headers).report(&config.client_id);
        let correlation_id = headers.get("inin-correlation-id").and_then(|value| value.to_str().ok());
        let milliseconds = started.elapsed().as_millis() as u64;
        tracing::info!(outcome = "platform called", status = status.as_u16(), correlation_id, milliseconds);
        if !status.is_success() {
            return Err(ApiError::from_answer(status, &headers, &body.unwrap_or_default()));
        }
        let answer = body.ok().and_then(|body| serde_json::from_slice(&body).ok());
        match (answer, &call.method) {
            (Some(answer), _) => Ok(answer),
            (None, &Method::GET) => Err(ApiError::Unknown { cause: "the answer cannot be read", error: None }),
            // It has been done; an answer that cannot be read only tells less of it.
            (None, _) => Ok(A::default()),
        }
    }
}

/// The address of `path` on the platform.
fn address(base: &Url, path: &[&str]) -> Result<Url, ApiError> {
    let mut url = base.clone();
    // A lone dot or two would be taken for a step up or nowhere, encoded or not.
    if path.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
        return Err(ApiError::NotSent("a part of the path is empty or a dot"));
    }
    url.path_segments_mut().map_err(|()| ApiError::NotSent("no address"))?.clear().extend(path);
    Ok(url)
}

/// A time as the platform writes it: ISO 8601 with milliseconds.
fn platform_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// How long an attempt may take.
fn time_left(deadline: Instant) -> Result<Duration, ApiError> {
    let left = deadline.saturating_duration_since(Instant::now()).min(ATTEMPT_TIMEOUT);
    if left < SHORTEST_ATTEMPT { Err(ApiError::NotSent("no time was left")) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_path_segment_can_change_host_or_path() {
        let base: Url = "https://api.mypurecloud.de/".parse().unwrap();
        let url = address(&base, &["api", "v2", "a/../../b", "c?d#e", "@evil.example", "%2e%2e", "\\x"]).unwrap();
        assert_eq!(
            "https://api.mypurecloud.de/api/v2/a%2F..%2F..%2Fb/c%3Fd%23e/@evil.example/%252e%252e/%5Cx",
            url.as_str()
        );
        for segment in ["", ".", ".."] {
            assert!(address(&base, &["api", segment]).is_err());
        }
    }
}
