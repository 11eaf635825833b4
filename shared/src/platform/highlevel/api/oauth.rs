//! The authorization of a marketplace app by a location: its address in the browser, and the calls that issue tokens.
//!
//! Source: <https://marketplace.gohighlevel.com/docs/Authorization/authorization_doc/>.

use super::error;
use crate::digest::Digest;
use crate::http_client::{HttpClient, read_body_limited};
use crate::platform::ApiError;
use crate::platform::highlevel::config::{App, Config};
use crate::platform::tokens::{IssuedTokens, TokenIssuer, report_request};
use crate::platform::transport::{self, DEFAULT_RETRY_POLICY};
use futures::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// An attempt ends before the lease of the one process that makes it.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// The platform's documented lifetime, if a response has none.
const DEFAULT_LIFETIME_SECONDS: u64 = 86_399;
const MAX_LIFETIME_SECONDS: u64 = 30 * 86_400;
/// How long a refresh token is valid that is not used.
const REFRESH_TOKEN_LIFETIME: SignedDuration = SignedDuration::from_hours(365 * 24);

/// What Patchbay's calls and webhooks need. None of its calls searches or creates conversations.
/// Source: <https://marketplace.gohighlevel.com/docs/Authorization/Scopes/>.
const SCOPES: [&str; 5] = [
    "conversations/message.write",
    "conversations/message.readonly",
    "conversations/livechat.write",
    "contacts.readonly",
    "contacts.write",
];

/// The calls of one app.
pub(super) struct OAuth<'c> {
    pub(super) http: &'c HttpClient,
    pub(super) config: &'c Config,
    pub(super) app: &'c App,
}

/// Where a location chooses to install the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marketplace {
    HighLevel,
    /// Without the vendor's name, for agencies with a brand of their own.
    WhiteLabel,
}

impl Marketplace {
    /// The address that an operator opens to authorize the app. The platform appends a code to `redirect_uri`.
    #[must_use]
    pub fn authorization_url(self, app: &App, redirect_uri: &Url, state: &str) -> Option<Url> {
        let host = match self {
            Self::HighLevel => "marketplace.gohighlevel.com",
            Self::WhiteLabel => "marketplace.leadconnectorhq.com",
        };
        let query = [
            ("response_type", "code"),
            ("client_id", &app.client_id),
            ("redirect_uri", redirect_uri.as_str()),
            ("scope", &SCOPES.join(" ")),
            ("state", state),
        ];
        Url::parse_with_params(&format!("https://{host}/v2/oauth/chooselocation"), query).ok()
    }
}

/// Exchanges the code of an authorization, for the command.
#[derive(Debug)]
pub struct AuthorizationRequest<'a> {
    pub http: &'a HttpClient,
    pub config: &'a Config,
    pub app: &'a App,
}

impl AuthorizationRequest<'_> {
    /// # Errors
    /// [`ApiError::Credentials`] if the platform refuses the client, the code or the URI; see [`ApiError`].
    pub async fn exchange(&self, code: &str, redirect_uri: &Url, deadline: Instant) -> Result<IssuedTokens, ApiError> {
        let Self { http, config, app } = *self;
        let grant = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri.as_str())];
        OAuth { http, config, app }.token(&grant, Repeatable::No, deadline).await
    }
}

/// Whether a request can be repeated if its response is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeatable {
    Yes,
    /// A code is valid once.
    No,
}

#[derive(Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
struct TokenResponse {
    #[serde(rename = "access_token")]
    access_token: SecretString,
    #[serde(rename = "refresh_token")]
    refresh_token: Option<SecretString>,
    #[serde(rename = "expires_in")]
    expires_in: Option<u64>,
    scope: Option<String>,
    user_type: Option<String>,
    company_id: Option<String>,
    location_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReconnectResponse {
    authorization_code: SecretString,
}

impl TokenIssuer for OAuth<'_> {
    fn fingerprint(&self) -> Digest {
        Digest::of_parts(&[&self.app.client_id, self.app.client_secret.expose_secret()])
    }

    fn details(&self) -> Vec<(&'static str, &str)> {
        vec![("clientId", &self.app.client_id), ("locationId", &self.config.location_id)]
    }

    fn refresh<'i>(
        &'i self,
        refresh_token: &'i SecretString,
        deadline: Instant,
    ) -> BoxFuture<'i, Result<IssuedTokens, ApiError>> {
        Box::pin(async move {
            let grant = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose_secret())];
            // Within 30 s, the same refresh token gets the same response.
            self.token(&grant, Repeatable::Yes, deadline).await
        })
    }

    fn reconnect(&self, deadline: Instant) -> BoxFuture<'_, Result<IssuedTokens, ApiError>> {
        Box::pin(async move {
            let body = transport::json_body(&json!({
                "clientKey": self.app.client_id,
                "clientSecret": self.app.client_secret.expose_secret(),
                "locationId": self.config.location_id,
            }))?;
            let request = |request: reqwest::RequestBuilder| {
                request.header(http::header::CONTENT_TYPE, "application/json").body(body.clone())
            };
            let code = self.post("reconnect", request, Repeatable::Yes, deadline, |body, _| {
                serde_json::from_slice(body).map(|ReconnectResponse { authorization_code }| authorization_code)
            });
            let code = code.await?;
            let grant = [("grant_type", "authorization_code"), ("code", code.expose_secret())];
            self.token(&grant, Repeatable::No, deadline).await
        })
    }
}

impl OAuth<'_> {
    async fn token(
        &self,
        grant: &[(&str, &str)],
        repeatable: Repeatable,
        deadline: Instant,
    ) -> Result<IssuedTokens, ApiError> {
        let client = [
            ("client_id", self.app.client_id.as_str()),
            ("client_secret", self.app.client_secret.expose_secret()),
            ("user_type", "Location"),
        ];
        let form: Vec<_> = client.iter().chain(grant).collect();
        let mut issued = self.post("token", |request| request.form(&form), repeatable, deadline, read_tokens).await?;
        issued.details.push(("clientId", self.app.client_id.clone()));
        Ok(issued)
    }

    async fn post<A>(
        &self,
        call: &str,
        fill: impl Fn(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
        repeatable: Repeatable,
        deadline: Instant,
        read: impl Fn(&[u8], Timestamp) -> Result<A, serde_json::Error>,
    ) -> Result<A, ApiError> {
        let url = transport::join_path(self.config.api_base_url.url(), &["oauth", call])?;
        let attempt = async || {
            let (started_at, requested_at) = (Instant::now(), Timestamp::now());
            let timeout = transport::attempt_timeout(deadline)?.min(ATTEMPT_TIMEOUT);
            let request = fill(self.http.request(Method::POST, url.clone())).timeout(timeout);
            let (status, result) = match self.response(request).await {
                Err(error) => (None, Err(error)),
                Ok((status, headers, body)) => {
                    let read = |body: &[u8]| read(body, requested_at);
                    (Some(status.as_u16()), classify(status, &headers, &body, read))
                }
            };
            report_request(result.as_ref().err(), status, started_at);
            result
        };
        let is_retryable = |error: &ApiError| repeatable == Repeatable::Yes && error.is_retryable(true);
        transport::with_retries(DEFAULT_RETRY_POLICY, is_retryable, deadline, attempt).await
    }

    async fn response(&self, request: reqwest::RequestBuilder) -> Result<(StatusCode, HeaderMap, Vec<u8>), ApiError> {
        let response = self.http.send(request).await.map_err(|error| ApiError::from_transport(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read_body_limited(response, MAX_RESPONSE_BYTES)
            .await
            .map_err(|_| ApiError::NotSent("no complete response to the token request"))?;
        Ok((status, headers, body))
    }
}

/// The client, the code or the refresh token is wrong if the platform answers 400, 401 or 422. Anything else says nothing
/// about them: a wrong address of the API, or a firewall.
fn classify<A>(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    read: impl FnOnce(&[u8]) -> Result<A, serde_json::Error>,
) -> Result<A, ApiError> {
    if status.is_success() {
        return read(body).map_err(|_| ApiError::NotSent("the response to the token request cannot be read"));
    }
    Err(match ApiError::from_response(status, headers, error::read(status, body)) {
        ApiError::Refused(error) | ApiError::Credentials(error) => match error.status {
            400 | 401 | 422 => ApiError::Credentials(error),
            403 => ApiError::NotSent("the token request was answered 403"),
            404 => ApiError::NotSent("the token request was answered 404"),
            _ => ApiError::NotSent("the token request was answered with an unexpected status"),
        },
        other => other,
    })
}

fn read_tokens(body: &[u8], issued_at: Timestamp) -> Result<IssuedTokens, serde_json::Error> {
    let response: TokenResponse = serde_json::from_slice(body)?;
    let seconds = response.expires_in.unwrap_or(DEFAULT_LIFETIME_SECONDS).min(MAX_LIFETIME_SECONDS);
    let lifetime = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or_default());
    let details = [
        ("scope", response.scope),
        ("userType", response.user_type),
        ("companyId", response.company_id),
        ("locationId", response.location_id),
    ];
    Ok(IssuedTokens {
        access_token: response.access_token,
        refresh_token_ends_at: response.refresh_token.as_ref().map(|_| issued_at + REFRESH_TOKEN_LIFETIME),
        refresh_token: response.refresh_token,
        issued_at,
        expires_at: issued_at + lifetime,
        details: details.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_response_of_the_documentation_is_read() {
        let body = json!({
            "access_token": "hidden-access", "token_type": "Bearer", "expires_in": 86399,
            "refresh_token": "hidden-refresh", "scope": "conversations/message.readonly", "userType": "Location",
            "companyId": "c", "locationId": "l", "userId": "u", "isBulkInstallation": false,
        });
        let tokens = read_tokens(body.to_string().as_bytes(), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(86_399, tokens.expires_at.as_second());
        assert_eq!(Some(365 * 86_400), tokens.refresh_token_ends_at.map(Timestamp::as_second));
        assert_eq!("hidden-access", tokens.access_token.expose_secret());
        assert_eq!(Some("hidden-refresh"), tokens.refresh_token.as_ref().map(ExposeSecret::expose_secret));
        assert_eq!((Some("l"), Some("c")), (tokens.detail("locationId"), tokens.detail("companyId")));
        assert!(!format!("{tokens:?}").contains("hidden"));
    }

    #[test]
    fn a_refused_client_or_refresh_token_is_about_the_credentials() {
        let classified =
            |status: u16| classify(status.try_into().unwrap(), &HeaderMap::new(), b"{}", |_| Ok(())).unwrap_err();
        for status in [400, 401, 422] {
            assert!(matches!(classified(status), ApiError::Credentials(_)), "{status}");
        }
        for status in [403, 404, 405] {
            assert!(matches!(classified(status), ApiError::NotSent(_)), "{status}");
        }
        assert!(matches!(classified(429), ApiError::RateLimited { .. }));
        assert!(classified(500).is_retryable(true));
    }

    #[test]
    fn the_address_names_the_client_and_the_scopes() {
        let app = App {
            client_id: "66a1-m2x".to_owned(),
            client_secret: "hidden".into(),
            integration: "acme".parse().unwrap(),
        };
        let redirect = "http://localhost:8080/callback".parse().unwrap();
        let url = Marketplace::HighLevel.authorization_url(&app, &redirect, "s").unwrap();
        let start = "https://marketplace.gohighlevel.com/v2/oauth/chooselocation?response_type=code&client_id=66a1-m2x\
            &redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Fcallback&scope=conversations%2Fmessage.write+";
        assert!(url.as_str().starts_with(start) && url.as_str().ends_with("&state=s"), "{url}");
        assert!(!url.as_str().contains("hidden"));
        let white_label = Marketplace::WhiteLabel.authorization_url(&app, &redirect, "s").unwrap();
        assert_eq!(Some("marketplace.leadconnectorhq.com"), white_label.host_str());
    }
}
