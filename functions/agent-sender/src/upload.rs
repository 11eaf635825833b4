//! Uploads a file to the platform: streamed from a URL, or from the request.

use crate::request::{Media, Source};
use futures::TryStreamExt;
use lambda_http::http::HeaderValue;
use shared::api::RequestContext;
use shared::api::problem::{Problem, ProblemType, as_sentence};
use shared::json::fields::FieldError;
use shared::media::{MediaError, MediaFetcher, MediaFile, MediaUrl};
use shared::model::agent::Communication;
use shared::platform::Platforms;
use shared::platform::upload::{TIME_TO_SEND, Upload, UploadError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long before the upload's deadline its source must be read, so that a timeout is attributed to the slow side.
const SOURCE_MARGIN: Duration = Duration::from_millis(250);

pub(crate) struct Uploader {
    fetcher: MediaFetcher,
}

struct PendingUpload {
    content_type: String,
    length: u64,
    body: reqwest::Body,
    /// Set if reading the source fails during the upload.
    source_error: Arc<Mutex<Option<MediaError>>>,
}

impl Uploader {
    pub(crate) fn new(fetcher: MediaFetcher) -> Self {
        Self { fetcher }
    }

    /// Returns the platform's id of the file. The customer does not see the file yet.
    pub(crate) async fn upload(
        &self,
        platforms: &Platforms,
        context: &RequestContext,
        communication: &Communication,
        media: Media,
    ) -> Result<String, Problem> {
        let Media { source, file_name, content_type } = media;
        let pending = self.prepare(context, source, content_type).await?;
        let content_type = HeaderValue::from_str(&pending.content_type)
            .map_err(|_| field_error("/media/contentType", "must be a media type, such as image/png"))?;
        let PendingUpload { length, body, source_error, .. } = pending;
        let upload = &Upload { name: file_name, content_type, length, body: Mutex::new(Some(body)) };
        let uploading = context.call(|current| async move {
            platforms.upload_media(&current.platform, communication, upload, context.deadline).await
        });
        uploading.await.map_err(|error| match source_error.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => error.into(),
            None => upload_problem(error),
        })
    }

    async fn prepare(
        &self,
        context: &RequestContext,
        source: Source,
        declared: Option<String>,
    ) -> Result<PendingUpload, Problem> {
        let config = &context.integration.media;
        let url = match source {
            Source::Url(url) => url,
            Source::Content(bytes) => return PendingUpload::from_bytes(bytes, declared, config.maximum_bytes),
        };
        let fetch_deadline = context.deadline.checked_sub(TIME_TO_SEND + SOURCE_MARGIN).unwrap_or(context.deadline);
        let url = MediaUrl::parse(url.as_str(), &config.trusted_origins)
            .map_err(|error| field_error("/media/url", &error.to_string()))?;
        let MediaFile { content_type, length, body } =
            self.fetcher.fetch(&url, config.maximum_bytes, fetch_deadline).await?;
        let content_type = reconcile_media_type(declared, content_type)?;
        let source_error = Arc::new(Mutex::new(None));
        let recorded = Arc::clone(&source_error);
        let body = body.inspect_err(move |error| {
            *recorded.lock().unwrap_or_else(PoisonError::into_inner) = Some(*error);
        });
        Ok(PendingUpload { content_type, length, body: reqwest::Body::wrap_stream(body), source_error })
    }
}

impl PendingUpload {
    fn from_bytes(bytes: Vec<u8>, declared: Option<String>, maximum_bytes: u64) -> Result<Self, Problem> {
        let length = bytes.len() as u64;
        if length == 0 {
            return Err(MediaError::Empty.into());
        }
        if length > maximum_bytes {
            return Err(MediaError::TooLarge { maximum: maximum_bytes }.into());
        }
        let content_type = reconcile_media_type(declared, None)?;
        Ok(Self { content_type, length, body: bytes.into(), source_error: Arc::default() })
    }
}

/// The file's media type. If the caller declares one and the source answers with another, the response is not the file that
/// the caller means, but for example an error page.
fn reconcile_media_type(declared: Option<String>, actual: Option<String>) -> Result<String, Problem> {
    let essence = |text: &str| text.split(';').next().unwrap_or_default().trim().to_owned();
    match (declared, actual) {
        (Some(declared), Some(actual)) if essence(&declared) != essence(&actual) => {
            Err(field_error("/media/contentType", "is not the content type of the response from the url"))
        }
        (Some(declared), _) => Ok(declared),
        (None, Some(actual)) => Ok(actual),
        (None, None) => {
            Err(field_error("/media/contentType", "is required: the response from the url has no content type"))
        }
    }
}

fn field_error(pointer: &str, detail: &str) -> Problem {
    Problem::invalid_body(vec![FieldError::new(pointer, detail)])
}

/// Whatever the outcome of the upload: no message was sent.
fn upload_problem(error: UploadError) -> Problem {
    let explanation = as_sentence(&error.to_string());
    match error {
        UploadError::Api(error) => Problem::from(error).before_sending(explanation),
        UploadError::Invalid | UploadError::Refused(_) => {
            Problem::new(ProblemType::MediaRefused, explanation).nothing_sent()
        }
        UploadError::NotUploaded(_) | UploadError::ProcessingTimeout => {
            Problem::unavailable(explanation).nothing_sent()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declared_and_the_actual_media_type_must_be_the_same() {
        let of = |declared: Option<&str>, actual: Option<&str>| {
            reconcile_media_type(declared.map(str::to_owned), actual.map(str::to_owned))
                .map_err(|problem| problem.detail())
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
