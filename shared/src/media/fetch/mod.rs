//! The fetching itself.

use super::address::is_public;
use super::body::{self, MediaBody};
use super::error::MediaError;
use super::resolver::{PublicOnly, SystemDns};
use super::source::{MediaUrl, Zone};
use crate::http_client;
use crate::json::fields::media_type;
use http::{HeaderMap, StatusCode, header};
use reqwest::dns::Resolve;
use reqwest::{Client, ClientBuilder, Response};
use std::fmt;
use tokio::time::{Instant, timeout_at};

/// Fetches files: one client for the internet, one for trusted origins.
#[derive(Debug, Clone)]
pub struct MediaFetcher {
    internet: Client,
    trusted: Client,
}

/// A file on its way to us.
pub struct MediaFile {
    /// What it is, as its host says: a media type in lower case, without parameters.
    pub content_type: Option<String>,
    /// How many bytes it has.
    pub length: u64,
    /// The bytes.
    pub body: MediaBody,
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
    /// A fetcher that resolves names as the operating system does.
    ///
    /// # Errors
    /// The TLS stack or the certificate store could not be set up.
    pub fn new() -> Result<Self, reqwest::Error> {
        Self::resolving_with(SystemDns)
    }

    fn resolving_with(internet: impl Resolve + 'static) -> Result<Self, reqwest::Error> {
        Ok(Self {
            internet: client().https_only(true).dns_resolver(PublicOnly(internet)).build()?,
            trusted: client().dns_resolver(SystemDns).build()?,
        })
    }

    /// Starts to fetch the file at `url`, and reads it to its end if its host does not announce its length.
    ///
    /// # Errors
    /// There is no file of one to `maximum` bytes to be had by `deadline`, or not from a host that is allowed.
    pub async fn fetch(&self, url: &MediaUrl, maximum: u64, deadline: Instant) -> Result<MediaFile, MediaError> {
        let client = match url.zone() {
            Zone::Internet => &self.internet,
            Zone::Trusted => &self.trusted,
        };
        let request = client.get(url.url().clone()).header(header::ACCEPT_ENCODING, "identity");
        let response = timeout_at(deadline, request.send())
            .await
            .map_err(|_| MediaError::TooLate)?
            .map_err(|error| MediaError::from_transport(&error))?;
        receive(response, url.zone(), maximum, deadline).await
    }
}

/// A client that sends nothing of ours but the request, and unpacks nothing. It keeps no connections, because the next
/// file is from somewhere else.
fn client() -> ClientBuilder {
    http_client::client_builder().pool_max_idle_per_host(0).referer(false).no_gzip().no_brotli().no_zstd().no_deflate()
}

async fn receive(response: Response, zone: Zone, maximum: u64, deadline: Instant) -> Result<MediaFile, MediaError> {
    let address = response.remote_addr();
    if zone == Zone::Internet && !address.is_some_and(|address| is_public(address.ip())) {
        return Err(MediaError::NotAllowed);
    }
    if response.status() != StatusCode::OK {
        return Err(MediaError::Status(response.status().as_u16()));
    }
    if is_encoded(response.headers()) {
        return Err(MediaError::Encoded);
    }
    let content_type = content_type(response.headers());
    match response.content_length() {
        Some(0) => Err(MediaError::Empty),
        Some(length) if length > maximum => Err(MediaError::TooLarge { maximum }),
        Some(length) => {
            Ok(MediaFile { content_type, length, body: body::passing(response.bytes_stream(), length, deadline) })
        }
        None => {
            let bytes = body::collected(response.bytes_stream(), maximum, deadline).await?;
            match body::size(&bytes) {
                0 => Err(MediaError::Empty),
                length => Ok(MediaFile { content_type, length, body: body::whole(bytes) }),
            }
        }
    }
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_ENCODING).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// The media type of `Content-Type`, if it holds one.
fn content_type(headers: &HeaderMap) -> Option<String> {
    media_type(headers.get(header::CONTENT_TYPE)?.to_str().ok()?)
}

#[cfg(test)]
mod tests;
