//! Uploads a file that an agent sends: creates an upload, sends the bytes to the URL that the platform returns, and waits
//! until the platform has validated the file.
//!
//! The customer sees none of this, so all steps may be retried.

use super::agent::communication_path;
use super::{Call, Client, MIN_ATTEMPT_TIME, attempt_timeout};
use crate::http_client::OutboundUrl;
use crate::model::agent::Communication;
use crate::observability::calls;
use crate::observability::emf::Emf;
use crate::observability::logging::log_at;
use crate::observability::metrics::CallOutcome;
use crate::platform::ApiError;
use crate::platform::genesys_cloud::config::Config;
use crate::platform::upload::{TIME_TO_SEND, Upload, UploadError};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Level;

/// The first delay between two checks of an upload; it doubles up to the maximum.
const INITIAL_DELAY: Duration = Duration::from_millis(200);
const MAX_DELAY: Duration = Duration::from_secs(2);
/// Headers of the transport, which the platform cannot set.
const RESERVED_HEADERS: [HeaderName; 7] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::TE,
    header::UPGRADE,
    header::EXPECT,
];

/// `UploadMediaRequest`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UploadRequest<'u> {
    file_name: &'u str,
    content_length_bytes: u64,
}

/// `MessageMediaUploadData`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct UploadTarget {
    id: String,
    upload_url: String,
    upload_headers: BTreeMap<String, String>,
}

/// `MessageMediaData`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Media {
    status: String,
}

impl Client {
    /// Uploads a file, and returns its id once the platform has validated it.
    ///
    /// # Errors
    /// See [`UploadError`].
    pub async fn upload_media(
        &self,
        config: &Config,
        communication: &Communication,
        upload: &Upload,
        deadline: Instant,
    ) -> Result<String, UploadError> {
        let request = UploadRequest { file_name: upload.name.as_str(), content_length_bytes: upload.length };
        let path = communication_path(communication, &["messages", "media", "uploads"]);
        let target: UploadTarget = self.call(config, &Call::post(&path, &request)?.idempotent(), deadline).await?;
        if target.id.is_empty() {
            return Err(UploadError::NotUploaded("the platform returned no id"));
        }
        self.upload_bytes(&target, upload, deadline).await?;
        self.wait_until_valid(config, communication, &target.id, deadline).await?;
        Ok(target.id)
    }

    /// Sends the bytes to the upload URL. It is not part of the API, so it gets no token.
    async fn upload_bytes(&self, target: &UploadTarget, upload: &Upload, deadline: Instant) -> Result<(), UploadError> {
        let url: OutboundUrl =
            target.upload_url.parse().map_err(|_| UploadError::NotUploaded("the platform returned no usable URL"))?;
        let left = deadline.saturating_duration_since(Instant::now()).saturating_sub(TIME_TO_SEND);
        if left < MIN_ATTEMPT_TIME {
            return Err(UploadError::NotUploaded("no time was left"));
        }
        let body = upload.body.lock().unwrap_or_else(PoisonError::into_inner).take();
        let body = body.ok_or(UploadError::NotUploaded("the file can be sent only once"))?;
        let mut request = self
            .http
            .request(Method::PUT, url.url().clone())
            .header(header::CONTENT_TYPE, &upload.content_type)
            .header(header::CONTENT_LENGTH, upload.length)
            .timeout(left)
            .body(body);
        let mut headers = http::HeaderMap::new();
        for (name, value) in &target.upload_headers {
            let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) else {
                return Err(UploadError::NotUploaded("the platform returned unusable headers"));
            };
            if !RESERVED_HEADERS.contains(&name) {
                headers.insert(name, value);
            }
        }
        // They override those above.
        request = request.headers(headers);
        let started = Instant::now();
        let result = self.http.send(request).await.map(|response| response.status());
        report(&result, started);
        let status = result.map_err(|error| {
            UploadError::NotUploaded(if error.is_timeout() { "it took too long" } else { "the connection broke" })
        })?;
        match outcome(status) {
            CallOutcome::Succeeded => Ok(()),
            CallOutcome::Refused => Err(UploadError::Refused(status.as_u16())),
            _ => Err(UploadError::NotUploaded("it was not accepted")),
        }
    }

    async fn wait_until_valid(
        &self,
        config: &Config,
        communication: &Communication,
        media_id: &str,
        deadline: Instant,
    ) -> Result<(), UploadError> {
        let path = communication_path(communication, &["messages", "media", media_id]);
        let mut delay = INITIAL_DELAY;
        loop {
            let media: Media = self.call(config, &Call::get(&path), deadline).await?;
            match media.status.as_str() {
                "valid" => return Ok(()),
                "invalid" => return Err(UploadError::Invalid),
                _ => {}
            }
            if attempt_timeout(deadline).is_ok_and(|left| left > delay + TIME_TO_SEND) {
                tokio::time::sleep(delay).await;
                delay = (delay * 2).min(MAX_DELAY);
            } else {
                return Err(UploadError::ProcessingTimeout);
            }
        }
    }
}

/// The outcome of an upload with this status.
fn outcome(status: StatusCode) -> CallOutcome {
    match status {
        StatusCode::TOO_MANY_REQUESTS => CallOutcome::RateLimited,
        StatusCode::REQUEST_TIMEOUT => CallOutcome::Unknown,
        _ if status.is_success() => CallOutcome::Succeeded,
        _ if status.is_client_error() => CallOutcome::Refused,
        _ => CallOutcome::Unknown,
    }
}

/// Logs and counts the outcome of an upload.
fn report(response: &Result<StatusCode, reqwest::Error>, started: Instant) {
    let outcome = match response {
        Ok(status) => outcome(*status),
        Err(error) => ApiError::from_transport(error).outcome(),
    };
    let duration = started.elapsed();
    let emf = Emf::of(calls::add(outcome, duration));
    let (result, status) = (outcome.as_str(), response.as_ref().ok().map(StatusCode::as_u16));
    let milliseconds = duration.as_millis() as u64;
    let level = if outcome == CallOutcome::Succeeded { Level::DEBUG } else { Level::WARN };
    // Overrides the correlation id of an earlier call.
    log_at!(level, %emf, outcome = "file_uploaded", result, status, milliseconds, correlation_id = "");
}
