//! The HTTP client for the company's messaging service.

use crate::aws::error_chain;
use crate::http_client::{HttpClient, TIMEOUT};
use crate::integration::DeliveryConfig;
use crate::model::trace_id::{TraceId, X_B3_TRACE_ID};
use crate::signature::standard_webhooks::{SigningSecret, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, sign};
use http::{Method, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::io;
use std::time::Duration;

/// A status with which a messaging service refuses a message permanently. Every other status except 2xx is retried: no
/// message may be lost because a secret is wrong for a while (401), because of a proxy (403), or because a path is missing
/// during a deployment (404).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 400: it cannot parse the message.
    BadRequest,
    /// 410: the endpoint asks to be removed.
    Gone,
    /// 413: the message is too large for it.
    ContentTooLarge,
    /// 422: it can parse the message, but cannot send it.
    UnprocessableContent,
}

impl Refusal {
    #[must_use]
    pub fn from_status(status: StatusCode) -> Option<Self> {
        [Self::BadRequest, Self::Gone, Self::ContentTooLarge, Self::UnprocessableContent]
            .into_iter()
            .find(|refusal| refusal.status() == status)
    }

    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Gone => StatusCode::GONE,
            Self::ContentTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnprocessableContent => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

/// Posts to the messaging services of all integrations.
#[derive(Debug, Clone)]
pub struct MessagingServiceClient {
    http: HttpClient,
}

/// A request in the form of Standard Webhooks.
#[derive(Debug)]
pub struct WebhookRequest<'r> {
    /// The `webhook-id`.
    pub id: &'r str,
    /// The platform's trace id, if any.
    pub trace_id: Option<&'r TraceId>,
    pub body: Vec<u8>,
}

impl MessagingServiceClient {
    #[must_use]
    pub fn new(http: HttpClient) -> Self {
        Self { http }
    }

    /// Posts a request that is signed `now`. Waits for the head of the response until `timeout` or [`TIMEOUT`], whichever is
    /// shorter. Redirects are not followed.
    ///
    /// # Errors
    /// There was no connection or no response. The error contains the URL, which may contain keys: see
    /// [`reqwest::Error::without_url`].
    pub async fn post(
        &self,
        config: &DeliveryConfig,
        request: WebhookRequest<'_>,
        now: Timestamp,
        timeout: Duration,
    ) -> Result<reqwest::Response, reqwest::Error> {
        self.post_signed(config, &config.signing_secrets, request, now, timeout).await
    }

    /// Like [`Self::post`], signed with these secrets.
    ///
    /// # Errors
    /// See [`Self::post`].
    pub async fn post_signed(
        &self,
        config: &DeliveryConfig,
        secrets: &[SigningSecret],
        request: WebhookRequest<'_>,
        now: Timestamp,
        timeout: Duration,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let mut post = self
            .http
            .request(Method::POST, config.url.url().clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(WEBHOOK_ID, request.id)
            .header(WEBHOOK_TIMESTAMP, now.as_second())
            .header(WEBHOOK_SIGNATURE, sign(secrets, request.id, now, &request.body))
            .timeout(timeout.min(TIMEOUT))
            .body(request.body);
        if let Some(trace_id) = request.trace_id {
            post = post.header(X_B3_TRACE_ID, trace_id.as_str());
        }
        self.http.send(post).await
    }
}

/// The longest description of a failed call, in characters.
const MAX_DETAIL: usize = 300;

/// Why there was no response from the messaging service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoAnswer {
    /// The host's name cannot be resolved.
    UnknownHost,
    /// The connection was refused: nothing listens there.
    ConnectionRefused,
    /// There was no trusted TLS connection.
    Tls(String),
    Timeout,
    Other(String),
}

impl NoAnswer {
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::UnknownHost => "the host's name cannot be resolved",
            Self::ConnectionRefused => "the connection was refused",
            Self::Timeout => "it took too long",
            Self::Tls(how) | Self::Other(how) => how,
        }
    }
}

impl From<reqwest::Error> for NoAnswer {
    fn from(error: reqwest::Error) -> Self {
        // The URL may contain keys.
        let error = error.without_url();
        let refused = causes(&error).any(|cause| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        });
        let text: String = error_chain(&error).chars().take(MAX_DETAIL).collect();
        match () {
            () if error.is_timeout() => Self::Timeout,
            () if refused => Self::ConnectionRefused,
            // The HTTP client does not distinguish these errors by type.
            () if text.contains("dns error") => Self::UnknownHost,
            () if text.contains("certificate") || text.contains("TLS") || text.contains("HandshakeFailure") => {
                Self::Tls(text)
            }
            () => Self::Other(text),
        }
    }
}

/// An error and its sources.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unknown_host_is_distinguished_from_a_closed_port() {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        for (url, expected) in
            [("http://127.0.0.1:9/", NoAnswer::ConnectionRefused), ("http://unknown.invalid/", NoAnswer::UnknownHost)]
        {
            let error = client.get(url).send().await.unwrap_err();
            assert_eq!(expected, NoAnswer::from(error), "{url}");
        }
    }
}
