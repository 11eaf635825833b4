//! The download itself.

use super::address::is_public;
use super::body::{self, MediaBody};
use super::error::MediaError;
use super::resolver::{PublicOnly, SystemDns};
use super::source::{AddressPolicy, MediaUrl};
use crate::http_client::HttpClient;
use crate::json::fields::media_type_essence;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use reqwest::dns::Resolve;
use reqwest::{Client, ClientBuilder, Response};
use std::fmt;
use tokio::time::{Instant, timeout_at};

/// Fetches files, with one client for public addresses and one for trusted origins.
#[derive(Debug, Clone)]
pub struct MediaFetcher {
    public: Client,
    trusted: Client,
}

/// A file that is being downloaded.
pub struct MediaFile {
    /// The media type according to the host, in lower case and without parameters.
    pub content_type: Option<String>,
    /// In bytes.
    pub length: u64,
    pub body: MediaBody,
}

impl MediaFile {
    /// Whether the host names this media type, or none. If it names another one, its response is not the file that is meant,
    /// but for example an error page.
    #[must_use]
    pub fn may_have_type(&self, declared: &str) -> bool {
        self.content_type.is_none() || self.content_type == media_type_essence(declared)
    }

    /// Reads the whole file into memory, once and in parts.
    ///
    /// # Errors
    /// Its body ends with one.
    pub async fn read(self) -> Result<Vec<Bytes>, MediaError> {
        body::read(self.body).await
    }
}

impl fmt::Debug for MediaFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MediaFile")
            .field("content_type", &self.content_type)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

impl MediaFetcher {
    /// # Errors
    /// The HTTP clients could not be set up.
    pub fn new(http: &HttpClient) -> Result<Self, reqwest::Error> {
        Self::with_resolver(http, SystemDns)
    }

    fn with_resolver(http: &HttpClient, resolver: impl Resolve + 'static) -> Result<Self, reqwest::Error> {
        Ok(Self {
            public: builder(http).https_only(true).dns_resolver(PublicOnly(resolver)).build()?,
            trusted: builder(http).dns_resolver(SystemDns).build()?,
        })
    }

    /// Starts to download a file. If the host does not announce its length, the file is read completely.
    ///
    /// # Errors
    /// The host is not allowed, or does not send a file of one to `maximum` bytes by `deadline`.
    pub async fn fetch(&self, url: &MediaUrl, maximum: u64, deadline: Instant) -> Result<MediaFile, MediaError> {
        let client = match url.policy() {
            AddressPolicy::PublicOnly => &self.public,
            AddressPolicy::TrustedOrigin => &self.trusted,
        };
        let request = client.get(url.url().clone()).header(header::ACCEPT_ENCODING, "identity");
        let response = timeout_at(deadline, request.send())
            .await
            .map_err(|_| MediaError::Timeout)?
            .map_err(|error| MediaError::from_transport(&error))?;
        receive(response, url.policy(), maximum, deadline).await
    }
}

/// A client that sends no information about us, does not decompress, and keeps no idle connections, because the next file
/// comes from another host.
fn builder(http: &HttpClient) -> ClientBuilder {
    http.builder().pool_max_idle_per_host(0).referer(false).no_gzip().no_brotli().no_zstd().no_deflate()
}

async fn receive(
    response: Response,
    policy: AddressPolicy,
    maximum: u64,
    deadline: Instant,
) -> Result<MediaFile, MediaError> {
    let address = response.remote_addr();
    if policy == AddressPolicy::PublicOnly && !address.is_some_and(|address| is_public(address.ip())) {
        return Err(MediaError::PrivateAddress);
    }
    if response.status() != StatusCode::OK {
        return Err(MediaError::Status(response.status().as_u16()));
    }
    if is_encoded(response.headers()) {
        return Err(MediaError::ContentEncoded);
    }
    let content_type = content_type(response.headers());
    match response.content_length() {
        Some(0) => Err(MediaError::Empty),
        Some(length) if length > maximum => Err(MediaError::TooLarge { maximum }),
        Some(length) => {
            Ok(MediaFile { content_type, length, body: body::stream(response.bytes_stream(), length, deadline) })
        }
        None => {
            let parts = body::buffer(response.bytes_stream(), maximum, deadline).await?;
            match parts.iter().map(body::len).sum() {
                0 => Err(MediaError::Empty),
                length => Ok(MediaFile { content_type, length, body: body::from_parts(parts) }),
            }
        }
    }
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_ENCODING).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    media_type_essence(headers.get(header::CONTENT_TYPE)?.to_str().ok()?)
}

#[cfg(test)]
mod tests;
