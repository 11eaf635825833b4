//! Uploading a file that an agent sends: the upload is made, the bytes are put where the platform says, and the platform
//! looks at them before it takes them into a message.
//!
//! None of this is seen by the customer, so that all of it may be done again.

use super::agent::Communication;
use super::{Call, Client, SHORTEST_ATTEMPT, time_left};
use crate::http_client::OutboundUrl;
use crate::observability::logging::log_at;
use crate::observability::metrics::{CallOutcome, Event};
use crate::platform::genesys_cloud::config::Config;
use crate::platform::{ApiError, CredentialsRefusal};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tracing::Level;

/// What has to be left of the time after an upload, for finding the file valid and sending the message.
pub const TIME_TO_SEND: Duration = SHORTEST_ATTEMPT.saturating_mul(2);
/// The first wait between two looks at an upload; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest wait between two looks.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// The longest name of a file, in bytes.
const MAXIMUM_NAME_BYTES: usize = 255;
/// What a name of a file must not hold, besides white space and what is not printed.
const FORBIDDEN_IN_NAMES: &str = "\\{^}%`]\">[~<#|/";

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

/// A name that the platform takes for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

/// The text is no such name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 255 bytes, no leading dot, no white space and none of \\ {{ ^ }} % ` ] \" > [ ~ < # | /")]
pub struct InvalidFileName;

impl FromStr for FileName {
    type Err = InvalidFileName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let forbidden = |character: char| {
            character.is_whitespace() || character.is_control() || FORBIDDEN_IN_NAMES.contains(character)
        };
        let good =
            (1..=MAXIMUM_NAME_BYTES).contains(&text.len()) && !text.starts_with('.') && !text.contains(forbidden);
        if good { Ok(Self(text.to_owned())) } else { Err(InvalidFileName) }
    }
}

/// A file to upload.
#[derive(Debug)]
pub struct Upload {
    /// Its name.
    pub name: FileName,
    /// Its media type.
    pub content_type: HeaderValue,
    /// How many bytes it has.
    pub length: u64,
    /// The bytes, just so many; none once they have been sent.
    pub body: Mutex<Option<reqwest::Body>>,
}

/// Why a file did not get to the platform. No message was sent.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// A call failed.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The bytes did not get through: how.
    #[error("the upload did not get through: {0}")]
    NotUploaded(&'static str),
    /// Where the bytes were to be put they were refused.
    #[error("the upload was refused with status {0}")]
    Refused(u16),
    /// The platform found the file not valid.
    #[error("the platform found the file not valid")]
    Invalid,
    /// The platform was not through with looking at the file in time.
    #[error("the platform did not finish looking at the file in time")]
    NotFinished,
}

impl CredentialsRefusal for UploadError {
    fn is_credentials_refusal(&self) -> bool {
        matches!(self, Self::Api(error) if error.is_credentials_refusal())
    }
}

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
        let request = UploadRequest { file_name: &upload.name.0, content_length_bytes: upload.length };
        let path = communication.path(&["messages", "media", "uploads"]);
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
        if left < SHORTEST_ATTEMPT {
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
        let path = communication.path(&["messages", "media", media_id]);
        let mut wait = FIRST_WAIT;
        loop {
            let media: Media = self.call(config, &Call::get(&path), deadline).await?;
            match media.status.as_str() {
                "valid" => return Ok(()),
                "invalid" => return Err(UploadError::Invalid),
                _ => {}
            }
            if time_left(deadline).is_ok_and(|left| left > wait + TIME_TO_SEND) {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            } else {
                return Err(UploadError::NotFinished);
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
    log_at!(level, outcome = "file uploaded", result, status, milliseconds, correlation_id = "");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_as_the_platform_wants_them() {
        for good in ["a", "photo.png", "a.b.c", "über-uns_(2).pdf", &"x".repeat(255)] {
            assert!(good.parse::<FileName>().is_ok(), "{good}");
        }
        for bad in ["", ".hidden", "a b", "a\tb", "a\nb", "a\u{a0}b", "a/b", &"x".repeat(256)] {
            assert!(bad.parse::<FileName>().is_err(), "{bad}");
        }
        for character in "\\{^}%`]\">[~<#|".chars() {
            assert!(format!("a{character}b").parse::<FileName>().is_err(), "{character}");
        }
    }
}
