//! Getting a file to the platform: from an address, streamed through, or out of the request.

use crate::request::{Media, Source};
use futures::TryStreamExt;
use lambda_http::http::HeaderValue;
use shared::api::SenderRequest;
use shared::api::problem::{Problem, ProblemType, sentence};
use shared::json::fields::FieldError;
use shared::media::{MediaError, MediaFetcher, MediaFile, MediaUrl};
use shared::model::agent::Communication;
use shared::platform::Platforms;
use shared::platform::upload::{TIME_TO_SEND, Upload, UploadError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// By how much a source has to be through before the upload's own time is over.
const MARGIN: Duration = Duration::from_millis(250);

/// Uploads files.
pub(crate) struct Uploader {
    fetcher: MediaFetcher,
}

/// What is to be uploaded, and what went wrong with it on the way.
struct Outgoing {
    content_type: String,
    length: u64,
    body: reqwest::Body,
    trouble: Arc<Mutex<Option<MediaError>>>,
}

impl Uploader {
    pub(crate) fn new(fetcher: MediaFetcher) -> Self {
        Self { fetcher }
    }

    /// Uploads a file, and returns the platform's id of it. The customer sees nothing of it yet.
    pub(crate) async fn upload(
        &self,
        platforms: &Platforms,
        request: &SenderRequest,
        communication: &Communication,
        media: Media,
    ) -> Result<String, Problem> {
        let Media { source, file_name, content_type } = media;
        let outgoing = self.outgoing(request, source, content_type).await?;
        let content_type = HeaderValue::from_str(&outgoing.content_type)
            .map_err(|_| wrong("/media/contentType", "must be a media type, such as image/png"))?;
        let Outgoing { length, body, trouble, .. } = outgoing;
        let upload = &Upload { name: file_name, content_type, length, body: Mutex::new(Some(body)) };
        let uploading = request.call(|current| async move {
            platforms.upload_media(&current.platform, communication, upload, request.deadline).await
        });
        uploading.await.map_err(|error| match trouble.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => not_fetched(error),
            None => not_uploaded(error),
        })
    }

    async fn outgoing(
        &self,
        request: &SenderRequest,
        source: Source,
        stated: Option<String>,
    ) -> Result<Outgoing, Problem> {
        let config = &request.integration.media;
        let url = match source {
            Source::Url(url) => url,
            Source::Content(bytes) => return in_hand(bytes, stated, config.maximum_bytes),
        };
        // Whoever is too slow is to be named: the source has to be through before the upload's time is over.
        let fetched_by = request.deadline.checked_sub(TIME_TO_SEND + MARGIN).unwrap_or(request.deadline);
        let url = MediaUrl::parse(url.as_str(), &config.trusted_origins)
            .map_err(|error| wrong("/media/url", &error.to_string()))?;
        let fetched = self.fetcher.fetch(&url, config.maximum_bytes, fetched_by).await;
        let MediaFile { content_type, length, body } = fetched.map_err(not_fetched)?;
        let content_type = agreed(stated, content_type)?;
        let trouble = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&trouble);
        let body = body.inspect_err(move |error| {
            *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(*error);
        });
        Ok(Outgoing { content_type, length, body: reqwest::Body::wrap_stream(body), trouble })
    }
}

fn in_hand(bytes: Vec<u8>, stated: Option<String>, maximum_bytes: u64) -> Result<Outgoing, Problem> {
    let length = bytes.len() as u64;
    if length == 0 {
        return Err(not_fetched(MediaError::Empty));
    }
    if length > maximum_bytes {
        return Err(not_fetched(MediaError::TooLarge { maximum: maximum_bytes }));
    }
    let content_type = agreed(stated, None)?;
    Ok(Outgoing { content_type, length, body: bytes.into(), trouble: Arc::default() })
}

/// The file's media type. Where caller and source both name one they must agree: what answers with another is not the
/// file that the caller means, but a page that says why there is none.
fn agreed(stated: Option<String>, found: Option<String>) -> Result<String, Problem> {
    let essence = |text: &str| text.split(';').next().unwrap_or_default().trim().to_owned();
    match (stated, found) {
        (Some(stated), Some(found)) if essence(&stated) != essence(&found) => {
            Err(wrong("/media/contentType", "is not what the address answers with"))
        }
        (Some(stated), _) => Ok(stated),
        (None, Some(found)) => Ok(found),
        (None, None) => Err(wrong("/media/contentType", "is required: the address does not say it")),
    }
}

fn wrong(pointer: &str, detail: &str) -> Problem {
    Problem::invalid_body(vec![FieldError::new(pointer, detail)])
}

fn not_fetched(error: MediaError) -> Problem {
    let detail = format!("{} Nothing was sent.", sentence(&error.to_string()));
    if error.is_client_error() { Problem::new(ProblemType::MediaRefused, detail) } else { Problem::unavailable(detail) }
}

/// No message was sent, whatever became of the upload.
fn not_uploaded(error: UploadError) -> Problem {
    let detail = format!("{} Nothing was sent.", sentence(&error.to_string()));
    match error {
        UploadError::Api(error) => {
            let problem = Problem::from(error);
            match problem.problem_type {
                ProblemType::OutcomeUnknown => Problem { platform: problem.platform, ..Problem::unavailable(detail) },
                _ => problem,
            }
        }
        UploadError::Invalid | UploadError::Refused(_) => Problem::new(ProblemType::MediaRefused, detail),
        UploadError::NotUploaded(_) | UploadError::ProcessingTimeout => Problem::unavailable(detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_caller_and_the_address_say_of_the_media_type_must_agree() {
        let of = |stated: Option<&str>, found: Option<&str>| {
            agreed(stated.map(str::to_owned), found.map(str::to_owned)).map_err(|problem| problem.detail)
        };
        assert_eq!(Ok("image/png".to_owned()), of(Some("image/png"), None));
        assert_eq!(Ok("image/png".to_owned()), of(None, Some("image/png")));
        assert_eq!(
            Ok("text/plain; charset=utf-8".to_owned()),
            of(Some("text/plain; charset=utf-8"), Some("text/plain"))
        );
        assert!(of(Some("image/png"), Some("text/html")).is_err_and(|detail| detail.contains("/media/contentType")));
        assert!(of(None, None).is_err());
    }
}
