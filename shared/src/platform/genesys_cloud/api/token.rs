//! OAuth client credentials: one token per client, fetched on demand and cached until shortly before it expires.
//!
//! Source: <https://developer.genesys.cloud/authorization/platform-auth/use-client-credentials>.

use super::error;
use crate::http_client::{HttpClient, read_body_limited};
use crate::platform::ApiError;
use crate::platform::genesys_cloud::config::Config;
use crate::platform::tokens::report_request;
use http::{HeaderMap, Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long before its expiry a token is replaced; for short-lived tokens, a fifth of the lifetime.
const SKEW: Duration = Duration::from_secs(60);
/// If the response contains no lifetime.
const DEFAULT_LIFETIME_SECONDS: u64 = 300;
/// The platform's maximum.
const MAX_LIFETIME_SECONDS: u64 = 48 * 3600;
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

#[derive(Debug, Clone)]
pub(super) struct Token {
    value: SecretString,
    valid_until: Instant,
}

impl Token {
    pub(super) fn expose(&self) -> &str {
        self.value.expose_secret()
    }
}

/// The tokens of all clients.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    entries: Mutex<HashMap<Key, Arc<Entry>>>,
}

/// Platform, client, and the digest of its secret, so that a wrong secret never gets the token of the right one.
type Key = (String, String, Vec<u8>);

/// The lock is held during a fetch, so that concurrent calls share it.
type Entry = tokio::sync::Mutex<Option<Token>>;

#[derive(Deserialize)]
struct TokenResponse {
    access_token: SecretString,
    expires_in: Option<u64>,
}

impl Tokens {
    /// A token for the client of `config`. `rejected` is a token that the platform no longer accepts: it is replaced, unless
    /// another call has already done so.
    pub(super) async fn get(
        &self,
        http: &HttpClient,
        config: &Config,
        rejected: Option<&Token>,
        deadline: Instant,
    ) -> Result<Token, ApiError> {
        let entry = self.entry(config);
        let mut cached = timeout_at(deadline, entry.lock()).await.map_err(|_| ApiError::NotSent("no token in time"))?;
        if let Some(token) = &*cached {
            let is_rejected = rejected.is_some_and(|rejected| rejected.expose() == token.expose());
            if !is_rejected && Instant::now() < token.valid_until {
                return Ok(token.clone());
            }
        }
        *cached = None;
        let token = fetch(http, config, deadline).await?;
        *cached = Some(token.clone());
        Ok(token)
    }

    fn entry(&self, config: &Config) -> Arc<Entry> {
        let secret = Sha256::digest(config.client_secret.expose_secret()).to_vec();
        let key = (config.region.login_url().to_string(), config.client_id.clone(), secret);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(entries.entry(key).or_default())
    }
}

async fn fetch(http: &HttpClient, config: &Config, deadline: Instant) -> Result<Token, ApiError> {
    let requested_at = Instant::now();
    let (status, token) = match request(http, config, deadline - requested_at).await {
        Ok((status, headers, body)) => (Some(status.as_u16()), read(requested_at, status, &headers, &body)),
        Err(error) => (None, Err(error)),
    };
    report_request(token.as_ref().err(), status, requested_at);
    token
}

/// Requests a token. The timeout includes the body of the response.
async fn request(
    http: &HttpClient,
    config: &Config,
    timeout: Duration,
) -> Result<(StatusCode, HeaderMap, Vec<u8>), ApiError> {
    let mut url = config.region.login_url();
    url.set_path("/oauth/token");
    let request = http
        .request(Method::POST, url)
        .basic_auth(&config.client_id, Some(config.client_secret.expose_secret()))
        .form(&[("grant_type", "client_credentials")])
        .timeout(timeout);
    let no_response = |error| ApiError::from_transport(&error).before_call("no response to the token request");
    let response = http.send(request).await.map_err(no_response)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = read_body_limited(response, MAX_RESPONSE_BYTES)
        .await
        .map_err(|_| ApiError::NotSent("no complete response to the token request"))?;
    Ok((status, headers, body))
}

/// Reads the response to a request made at `requested_at`.
fn read(requested_at: Instant, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Token, ApiError> {
    match status {
        StatusCode::OK => {
            let response: TokenResponse = serde_json::from_slice(body)
                .map_err(|_| ApiError::NotSent("the response to the token request cannot be read"))?;
            let seconds = response.expires_in.unwrap_or(DEFAULT_LIFETIME_SECONDS).min(MAX_LIFETIME_SECONDS);
            let lifetime = usable_lifetime(Duration::from_secs(seconds));
            Ok(Token { value: response.access_token, valid_until: requested_at + lifetime })
        }
        StatusCode::TOO_MANY_REQUESTS => {
            Err(ApiError::from_response(status, headers, error::read(status, headers, body)))
        }
        _ if status.is_client_error() => Err(ApiError::Credentials(error::read(status, headers, body))),
        _ => Err(ApiError::NotSent("the platform currently issues no tokens")),
    }
}

/// How long a token is used.
fn usable_lifetime(lifetime: Duration) -> Duration {
    lifetime - SKEW.min(lifetime / 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_expires_a_minute_early_and_a_short_lived_one_after_four_fifths() {
        for (lifetime, usable) in [(86_400, 86_340), (300, 240), (10, 8), (0, 0)] {
            assert_eq!(Duration::from_secs(usable), usable_lifetime(Duration::from_secs(lifetime)));
        }
    }
}
