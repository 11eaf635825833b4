//! Uploading a file that an agent sends: the upload is made, the bytes are put where the platform says, and the platform
//! looks at them before it takes them into a message.
//!
//! None of this is seen by the customer, so that all of it may be done again.

use super::agent::communication_path;
use super::{Call, Client, MIN_ATTEMPT_TIME, attempt_timeout};
use crate::http_client::OutboundUrl;
use crate::model::agent::Communication;
use crate::observability::logging::log_at;
use crate::observability::metrics::{CallOutcome, Event};
use crate::platform::ApiError;
use crate::platform::genesys_cloud::config::Config;
use crate::platform::upload::{TIME_TO_SEND, Upload, UploadError};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Level;

/// The first wait between two looks at an upload; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest wait between two looks.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Headers that say how a body travels, which the platform has no say in.
const OURS: [HeaderName; 7] = [
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
struct Place {
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
    /// Uploads a file, and returns its id once the platform has found it valid.
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
        let place: Place = self.call(config, &Call::post(&path, &request)?.repeatable(), deadline).await?;
        if place.id.is_empty() {
            return Err(UploadError::NotUploaded("the platform gave no id"));
        }
        self.put(&place, upload, deadline).await?;
        self.wait_until_valid(config, communication, &place.id, deadline).await?;
        Ok(place.id)
    }

    /// Puts the bytes where the platform says. That place is not the API: it gets no token.
    async fn put(&self, place: &Place, upload: &Upload, deadline: Instant) -> Result<(), UploadError> {
        let url: OutboundUrl =
            place.upload_url.parse().map_err(|_| UploadError::NotUploaded("the platform gave no usable address"))?;
        let left = deadline.saturating_duration_since(Instant::now()).saturating_sub(TIME_TO_SEND);
        if left < MIN_ATTEMPT_TIME {
            return Err(UploadError::NotUploaded("no time was left"));
        }
        let body = upload.body.lock().unwrap_or_else(PoisonError::into_inner).take();
        let body = body.ok_or(UploadError::NotUploaded("the file can be sent only once"))?;
        let mut request = self
            .http
            .put(url.url().clone())
            .header(header::CONTENT_TYPE, &upload.content_type)
            .header(header::CONTENT_LENGTH, upload.length)
            .timeout(left)
            .body(body);
        let mut headers = http::HeaderMap::new();
        for (name, value) in &place.upload_headers {
            let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) else {
                return Err(UploadError::NotUploaded("the platform gave unusable headers"));
            };
            if !OURS.contains(&name) {
                headers.insert(name, value);
            }
        }
        // These take the place of those above that have the same name.
        request = request.headers(headers);
        let started = Instant::now();
        let answer = request.send().await.map(|response| response.status());
        tell(&answer, started);
        let status = answer.map_err(|error| {
            UploadError::NotUploaded(if error.is_timeout() { "it took too long" } else { "the connection broke" })
        })?;
        match outcome(status) {
            CallOutcome::Succeeded => Ok(()),
            CallOutcome::Refused => Err(UploadError::Refused(status.as_u16())),
            _ => Err(UploadError::NotUploaded("it could not be taken")),
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
        let mut wait = FIRST_WAIT;
        loop {
            let media: Media = self.call(config, &Call::get(&path), deadline).await?;
            match media.status.as_str() {
                "valid" => return Ok(()),
                "invalid" => return Err(UploadError::Invalid),
                _ => {}
            }
            if attempt_timeout(deadline).is_ok_and(|left| left > wait + TIME_TO_SEND) {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            } else {
                return Err(UploadError::ProcessingTimeout);
            }
        }
    }
}

/// What the place for the bytes means with its answer.
fn outcome(status: StatusCode) -> CallOutcome {
    match status {
        StatusCode::TOO_MANY_REQUESTS => CallOutcome::RateLimited,
        StatusCode::REQUEST_TIMEOUT => CallOutcome::Unknown,
        _ if status.is_success() => CallOutcome::Succeeded,
        _ if status.is_client_error() => CallOutcome::Refused,
        _ => CallOutcome::Unknown,
    }
}

/// Tells how putting the bytes ended, whatever it was.
fn tell(answer: &Result<StatusCode, reqwest::Error>, started: Instant) {
    let outcome = match answer {
        Ok(status) => outcome(*status),
        Err(error) => ApiError::from_transport(error).outcome(),
    };
    Event::PlatformCalled(outcome).emit();
    let (result, status) = (outcome.as_str(), answer.as_ref().ok().map(StatusCode::as_u16));
    let milliseconds = started.elapsed().as_millis() as u64;
    let level = if outcome == CallOutcome::Succeeded { Level::INFO } else { Level::WARN };
    // Not the id of an earlier call.
    log_at!(level, outcome = "file_uploaded", result, status, milliseconds, correlation_id = "");
}
