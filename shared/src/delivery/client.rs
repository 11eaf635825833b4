//! How the company's messaging service is called.

use crate::aws::error_chain;
use crate::http_client;
use crate::integration::DeliveryConfig;
use crate::model::trace_id::{TraceId, X_B3_TRACE_ID};
use crate::signature::standard_webhooks::{SigningSecret, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, sign};
use http::{StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::io;
use std::time::Duration;

/// How long one call may take, connection and answer included.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// An answer with which a messaging service refuses a message for good. Every other answer but 2xx can pass: no message may
/// be lost to a secret that is wrong for a while (401), to a proxy (403), or to a path that is missing during a deployment
/// (404).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 400: it cannot read the message.
    BadRequest,
    /// 410: the endpoint asks to be removed.
    Gone,
    /// 413: the message is too large for it.
    ContentTooLarge,
    /// 422: it can read the message, and cannot send it.
    UnprocessableContent,
}

impl Refusal {
    /// The refusal that has this status, if it is one.
    #[must_use]
    pub fn of(status: StatusCode) -> Option<Self> {
        [Self::BadRequest, Self::Gone, Self::ContentTooLarge, Self::UnprocessableContent]
            .into_iter()
            .find(|refusal| refusal.status() == status)
    }

    /// Its status.
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
pub struct Client {
    http: reqwest::Client,
}

/// What is to be posted.
#[derive(Debug)]
pub struct Post<'p> {
    /// The `webhook-id`.
    pub id: &'p str,
    /// The platform's trace, where there is one.
    pub trace_id: Option<&'p TraceId>,
    /// The body.
    pub body: Vec<u8>,
}

impl Client {
    /// A client; one a process will do.
    ///
    /// # Errors
    /// The TLS stack or the certificate store could not be set up.
    pub fn new() -> Result<Self, reqwest::Error> {
        Ok(Self { http: http_client::client(TIMEOUT)? })
    }

    /// Posts, signed `now`, and waits for the answer's head as long as `patience` or [`TIMEOUT`] lasts. Redirects are not
    /// followed.
    ///
    /// # Errors
    /// There was no connection or no answer. The error holds the address, which may hold keys: see
    /// [`reqwest::Error::without_url`].
    pub async fn post(
        &self,
        config: &DeliveryConfig,
        post: Post<'_>,
        now: Timestamp,
        patience: Duration,
    ) -> Result<reqwest::Response, reqwest::Error> {
        self.post_signed(config, &config.signing_secrets, post, now, patience).await
    }

    /// The same, signed with these secrets.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub async fn post_signed(
        &self,
        config: &DeliveryConfig,
        secrets: &[SigningSecret],
        post: Post<'_>,
        now: Timestamp,
        patience: Duration,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let mut request = self
            .http
            .post(config.url.url().clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(WEBHOOK_ID, post.id)
            .header(WEBHOOK_TIMESTAMP, now.as_second())
            .header(WEBHOOK_SIGNATURE, sign(secrets, post.id, now, &post.body))
            .timeout(patience.min(TIMEOUT))
            .body(post.body);
        if let Some(trace_id) = post.trace_id {
            request = request.header(X_B3_TRACE_ID, trace_id.as_str());
        }
        request.send().await
    }
}

/// The longest description of why there was no answer, in characters.
const MAXIMUM_DETAIL: usize = 300;

/// Why the messaging service did not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoAnswer {
    /// The host's name cannot be resolved.
    UnknownHost,
    /// The connection was refused: nothing listens there.
    ConnectionRefused,
    /// No trusted TLS connection: why.
    Tls(String),
    /// It took too long.
    Timeout,
    /// Something else.
    Other(String),
}

impl NoAnswer {
    /// The same in words.
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
        // The address may hold keys.
        let error = error.without_url();
        let refused = causes(&error).any(|cause| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        });
        let text: String = error_chain(&error).chars().take(MAXIMUM_DETAIL).collect();
        match () {
            () if error.is_timeout() => Self::Timeout,
            () if refused => Self::ConnectionRefused,
            // The HTTP client has no other way to tell.
            () if text.contains("dns error") => Self::UnknownHost,
            () if text.contains("certificate") || text.contains("TLS") || text.contains("HandshakeFailure") => {
                Self::Tls(text)
            }
            () => Self::Other(text),
        }
    }
}

/// An error and what caused it.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unknown_host_is_told_apart_from_a_closed_port() {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        for (url, expected) in
            [("http://127.0.0.1:9/", NoAnswer::ConnectionRefused), ("http://nobody.invalid/", NoAnswer::UnknownHost)]
        {
            let error = client.get(url).send().await.unwrap_err();
            assert_eq!(expected, NoAnswer::from(error), "{url}");
        }
    }
}
