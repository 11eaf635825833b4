//! OAuth client credentials: one token a client, fetched when it is needed and kept until shortly before it expires.
//!
//! Source: <https://developer.genesys.cloud/authorization/platform-auth/use-client-credentials>.

use super::error;
use crate::http_client;
use crate::observability::logging::log_at;
use crate::observability::metrics::{Event, TokenOutcome};
use crate::platform::ApiError;
use crate::platform::genesys_cloud::config::Config;
use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tracing::Level;

/// How long before its end a token is no longer used: a call takes a while to get there. Of a short life, a fifth.
const SKEW: Duration = Duration::from_secs(60);
/// A token's life when the platform does not tell.
const DEFAULT_LIFE_SECONDS: u64 = 300;
/// The longest life that the platform gives a token: 48 hours.
const MAXIMUM_LIFE_SECONDS: u64 = 48 * 3600;
/// The largest answer that is read.
const MAXIMUM_ANSWER_BYTES: usize = 64 * 1024;

/// A token that the platform has given us.
#[derive(Debug, Clone)]
pub(super) struct Token {
    value: SecretString,
    good_until: Instant,
}

impl Token {
    pub(super) fn expose(&self) -> &str {
        self.value.expose_secret()
    }
}

/// The tokens of all clients of this process.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    slots: Mutex<HashMap<Key, Arc<Slot>>>,
}

/// Platform, client, and the digest of its secret: whoever has not the right one does not get the other's token.
type Key = (String, String, Vec<u8>);

/// Locked over a fetch, so that concurrent calls share it.
type Slot = tokio::sync::Mutex<Option<Token>>;

#[derive(Deserialize)]
struct Grant {
    access_token: SecretString,
    expires_in: Option<u64>,
}

impl Tokens {
    /// A token for the client of `config`. `rejected` is one that the platform no longer takes: it is replaced, unless
    /// another call has done so already. It ends by `deadline`.
    pub(super) async fn get(
        &self,
        http: &reqwest::Client,
        config: &Config,
        rejected: Option<&Token>,
        deadline: Instant,
    ) -> Result<Token, ApiError> {
        let slot = self.slot(config);
        let mut known = timeout_at(deadline, slot.lock()).await.map_err(|_| ApiError::NotSent("no token in time"))?;
        if let Some(token) = &*known {
            let refused = rejected.is_some_and(|rejected| rejected.expose() == token.expose());
            if !refused && Instant::now() < token.good_until {
                return Ok(token.clone());
            }
        }
        *known = None;
        let token = fetch(http, config, deadline).await?;
        *known = Some(token.clone());
        Ok(token)
    }

    fn slot(&self, config: &Config) -> Arc<Slot> {
        let secret = Sha256::digest(config.client_secret.expose_secret()).to_vec();
        let key = (config.region.login_url().to_string(), config.client_id.clone(), secret);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(key).or_default())
    }
}

async fn fetch(http: &reqwest::Client, config: &Config, deadline: Instant) -> Result<Token, ApiError> {
    let asked_at = Instant::now();
    let (status, token) = match ask(http, config, deadline - asked_at).await {
        Ok((status, headers, body)) => (Some(status.as_u16()), read(asked_at, status, &headers, &body)),
        Err(error) => (None, Err(error)),
    };
    let outcome = match &token {
        Ok(_) => TokenOutcome::Succeeded,
        Err(ApiError::Credentials(_)) => TokenOutcome::Refused,
        Err(ApiError::RateLimited { .. }) => TokenOutcome::RateLimited,
        Err(_) => TokenOutcome::NotSent,
    };
    Event::TokenRefreshed(outcome).emit();
    let (result, milliseconds) = (outcome.as_str(), asked_at.elapsed().as_millis() as u64);
    let level = if outcome == TokenOutcome::Succeeded { Level::INFO } else { Level::WARN };
    // Not the id of an earlier call.
    log_at!(level, outcome = "token_requested", result, status, milliseconds, correlation_id = "");
    token
}

/// Asks for a token, and waits so long for the whole answer.
async fn ask(
    http: &reqwest::Client,
    config: &Config,
    timeout: Duration,
) -> Result<(StatusCode, HeaderMap, Vec<u8>), ApiError> {
    let mut url = config.region.login_url();
    url.set_path("/oauth/token");
    let response = http
        .post(url)
        .basic_auth(&config.client_id, Some(config.client_secret.expose_secret()))
        .form(&[("grant_type", "client_credentials")])
        .timeout(timeout)
        .send()
        .await
        .map_err(|_| ApiError::NotSent("no answer to the request for a token"))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = http_client::read_body_limited(response, MAXIMUM_ANSWER_BYTES)
        .await
        .map_err(|_| ApiError::NotSent("no complete answer to the request for a token"))?;
    Ok((status, headers, body))
}

/// The token in an answer to a request that was made at `asked_at`.
fn read(asked_at: Instant, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Token, ApiError> {
    match status {
        StatusCode::OK => {
            let grant: Grant = serde_json::from_slice(body)
                .map_err(|_| ApiError::NotSent("the answer to the request for a token cannot be read"))?;
            let life = Duration::from_secs(grant.expires_in.unwrap_or(DEFAULT_LIFE_SECONDS).min(MAXIMUM_LIFE_SECONDS));
            Ok(Token { value: grant.access_token, good_until: asked_at + usable(life) })
        }
        StatusCode::TOO_MANY_REQUESTS => {
            Err(ApiError::from_response(status, headers, error::read(status, headers, body)))
        }
        _ if status.is_client_error() => Err(ApiError::Credentials(error::read(status, headers, body))),
        _ => Err(ApiError::NotSent("the platform gives out no tokens at the moment")),
    }
}

/// For how much of its life a token is used.
fn usable(life: Duration) -> Duration {
    life - SKEW.min(life / 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_given_up_a_minute_before_its_end_and_a_short_lived_one_after_four_fifths() {
        for (life, used) in [(86_400, 86_340), (300, 240), (10, 8), (0, 0)] {
            assert_eq!(Duration::from_secs(used), usable(Duration::from_secs(life)));
        }
    }
}
