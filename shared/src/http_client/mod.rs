//! The HTTP client of a process, with one TLS configuration for everything that it calls. AWS has a connection pool of its
//! own, whose connections stay open longer.

mod hosts;
mod multipart;
mod response;
mod tls;
mod url;

pub(crate) use self::multipart::{FormFile, form_data};
pub use self::response::{BodyError, read_body_limited, read_body_prefix, retry_after};
pub use self::tls::{InvalidRoots, TrustedRoots};
pub use self::url::{InvalidOutboundUrl, OutboundUrl};

use self::hosts::Hosts;
use ::url::Url;
use futures::future::join_all;
use http::Method;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The longest timeout of a call, from connecting to the end of the response.
pub const TIMEOUT: Duration = Duration::from_secs(10);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Shorter than the usual idle timeout of load balancers (60 s), so that no request is sent on a connection that the
/// server has already closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long [`HttpClient::preconnect`] waits. A host that does not answer by then is connected to by the first call.
const PRECONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// DynamoDB and others answer it without authentication. AWS does not document it, but any answer leaves the connection
/// open.
const PRECONNECT_PATH: &str = "/ping";

/// A connection whose answer is longer is not kept.
const PRECONNECT_MAXIMUM_BYTES: usize = 64 * 1024;

/// The HTTP client of a process. Clones share their connections. It does not follow redirects, which could send a signed
/// body to a URL that is not configured, and ignores proxy settings in the environment.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    tls: Option<rustls::ClientConfig>,
    hosts: Arc<Hosts>,
}

/// Why there is no HTTP client.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientError {
    #[error(transparent)]
    Roots(#[from] InvalidRoots),
    #[error("TLS could not be set up: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the HTTP client could not be set up: {0}")]
    Setup(#[from] reqwest::Error),
}

impl HttpClient {
    /// The client of a function.
    ///
    /// # Errors
    /// The certificate roots that the environment names cannot be used.
    pub fn from_env() -> Result<Self, HttpClientError> {
        Self::new(&TrustedRoots::from_env())
    }

    /// # Errors
    /// The certificate roots cannot be used, or the TLS stack could not be set up.
    pub fn new(roots: &TrustedRoots) -> Result<Self, HttpClientError> {
        Self::with_tls(roots.client_config()?, IDLE_TIMEOUT)
    }

    /// The only client of a function, with connections that stay open for this long without a request.
    ///
    /// # Errors
    /// As for [`Self::from_env`].
    pub(crate) fn from_env_with_idle_timeout(idle: Duration) -> Result<Self, HttpClientError> {
        Self::with_tls(TrustedRoots::from_env().client_config()?, idle)
    }

    /// A client with connections of its own that stay open for this long without a request.
    ///
    /// # Errors
    /// The client could not be set up.
    pub(crate) fn with_idle_timeout(&self, idle: Duration) -> Result<Self, HttpClientError> {
        Self::with_tls(self.tls.clone(), idle)
    }

    fn with_tls(tls: Option<rustls::ClientConfig>, idle: Duration) -> Result<Self, HttpClientError> {
        let client = builder(tls.as_ref()).pool_idle_timeout(idle).build()?;
        Ok(Self { client, tls, hosts: Arc::new(Hosts::new(idle)) })
    }

    /// A builder for a client with connections of its own, and the same settings.
    pub(crate) fn builder(&self) -> reqwest::ClientBuilder {
        builder(self.tls.as_ref())
    }

    /// A request for [`Self::send`].
    pub fn request(&self, method: Method, url: Url) -> reqwest::RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends a request and waits for the head of the response. Unless the request has a timeout, it is [`TIMEOUT`].
    ///
    /// # Errors
    /// There was no connection or no response. The error contains the URL, which may contain keys: see
    /// [`reqwest::Error::without_url`].
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, reqwest::Error> {
        let mut request = request.build()?;
        request.timeout_mut().get_or_insert(TIMEOUT);
        self.execute(request).await
    }

    /// Like [`Self::send`], for requests whose timeout is kept elsewhere.
    pub(crate) async fn execute(&self, request: reqwest::Request) -> Result<reqwest::Response, reqwest::Error> {
        let permit = self.hosts.acquire(request.url()).await;
        let mut response = self.client.execute(request).await?;
        // The connection is in use until the body has been read, and with it the response dropped.
        response.extensions_mut().insert(permit);
        Ok(response)
    }

    /// Opens a connection to each origin, which its next call uses. Called while a function starts: Lambda gives it a whole
    /// CPU then, and a handshake needs one. A failure has no effect but a slower first call.
    pub async fn preconnect(&self, origins: impl IntoIterator<Item = Url>) {
        let connect = |mut url: Url| {
            url.set_path(PRECONNECT_PATH);
            let request = self.client.get(url).build();
            async move {
                // The connection returns to the pool once the body has been read.
                let response = self.client.execute(request.ok()?).await.ok()?;
                read_body_limited(response, PRECONNECT_MAXIMUM_BYTES).await.ok()
            }
        };
        let _ = timeout(PRECONNECT_TIMEOUT, join_all(origins.into_iter().map(connect))).await;
    }
}

/// Settings that all HTTP clients share. Without a TLS configuration, they trust the system's certificate roots.
fn builder(tls: Option<&rustls::ClientConfig>) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("Patchbay/", env!("CARGO_PKG_VERSION")));
    match tls {
        Some(tls) => builder.tls_backend_preconfigured(tls.clone()),
        None => builder,
    }
}

#[cfg(test)]
mod tests;
