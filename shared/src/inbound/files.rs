//! Uploads the files of a customer's message, where the platform stores files and fetches none.

use crate::api::RequestContext;
use crate::api::problem::{Problem, ProblemType, as_sentence};
use crate::media::{MediaError, MediaFetcher, MediaFile, MediaUrl};
use crate::model::inbound::{InboundAttachment, InboundMessage, MediaType};
use crate::model::trace_id::TraceId;
use crate::platform::upload::{CustomerFile, FileUpload, MIN_FILE_TIME, TIME_TO_POST};
use crate::platform::{ApiError, Platforms};
use http::HeaderValue;
use std::borrow::Cow;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use url::Url;

/// The name of a file that has none, and none in its URL.
const DEFAULT_NAME: &str = "file";

/// How many files of all messages are in memory at a time.
const FILES_IN_MEMORY: usize = 3;

#[derive(Debug)]
pub struct FileUploader {
    fetcher: MediaFetcher,
    in_memory: Semaphore,
}

impl FileUploader {
    #[must_use]
    pub fn new(fetcher: MediaFetcher) -> Self {
        Self { fetcher, in_memory: Semaphore::new(FILES_IN_MEMORY) }
    }

    /// The message with the platform's URLs of its files. The files are uploaded one after the other. One that the platform
    /// refuses keeps its own URL only, as does a link.
    pub(super) async fn upload_files<'m>(
        &self,
        platforms: &Platforms,
        context: &RequestContext,
        message: &'m InboundMessage,
    ) -> Result<Cow<'m, InboundMessage>, Problem> {
        if !context.integration.platform.uploads_files_of(message)? {
            return Ok(Cow::Borrowed(message));
        }
        let mut message = message.clone();
        let (total, trace_id) = (message.attachments.len(), message.trace_id.clone());
        for (file, number) in message.attachments.iter_mut().zip(1..) {
            if file.media_type == MediaType::Link {
                continue;
            }
            let uploading = self.upload(platforms, context, file, trace_id.as_ref());
            file.uploaded = uploading.await.map_err(|problem| of_file(problem, number, total))?;
        }
        Ok(Cow::Owned(message))
    }

    /// Returns the platform's URL of the file; `None` if the platform refuses it.
    async fn upload(
        &self,
        platforms: &Platforms,
        context: &RequestContext,
        file: &InboundAttachment,
        trace_id: Option<&TraceId>,
    ) -> Result<Option<Url>, Problem> {
        let no_time = || Problem::unavailable("There was no time left to upload the file.").nothing_sent();
        let left = context.deadline.saturating_duration_since(Instant::now());
        if left < MIN_FILE_TIME {
            return Err(no_time());
        }
        // The slow side of the two must not use up the time of the other.
        let fetch_deadline = Instant::now() + left.saturating_sub(TIME_TO_POST) / 2;
        let upload_deadline = context.deadline.checked_sub(TIME_TO_POST).unwrap_or(context.deadline);
        let Some((fetched, content_type)) = self.fetch(context, file, fetch_deadline).await? else {
            tracing::warn!(outcome = "file_refused", reason = "the channel does not hand out the file");
            return Ok(None);
        };
        // Hosts that do not answer hold up no other file.
        let Ok(Ok(_in_memory)) = timeout_at(fetch_deadline, self.in_memory.acquire()).await else {
            return Err(no_time());
        };
        let upload = &CustomerFile { name: name(file), content_type, content: fetched.read().await? };
        let uploading = context.call(|current| async move {
            platforms.upload_customer_file(&current.platform, upload, trace_id, upload_deadline).await
        });
        match uploading.await.map_err(upload_problem)? {
            FileUpload::Stored(url) => Ok(Some(url)),
            FileUpload::Refused(error) => {
                let (status, code) = (error.status, error.code.as_deref());
                tracing::warn!(outcome = "file_refused", status, code);
                Ok(None)
            }
        }
    }

    /// The response with the file, and its type; `None` if the channel that it came through does not hand it out, because it
    /// is too large or not there yet. The customer's message is not lost with it.
    async fn fetch(
        &self,
        context: &RequestContext,
        file: &InboundAttachment,
        deadline: Instant,
    ) -> Result<Option<(MediaFile, HeaderValue)>, Problem> {
        let config = &context.integration.media;
        let url = MediaUrl::parse(file.url.as_str(), &config.trusted_origins)
            .map_err(|error| refused(&format!("the file's url {error}")))?;
        let channel = context.integration.destination.channel();
        let is_of_channel = channel.is_some_and(|channel| file.url.as_str().starts_with(channel.address().as_str()));
        let fetched = match self.fetcher.fetch(&url, config.maximum_bytes, deadline).await {
            Err(MediaError::Status(404 | 413) | MediaError::TooLarge { .. }) if is_of_channel => return Ok(None),
            fetched => fetched?,
        };
        if !fetched.may_have_type(&file.mime) {
            return Err(refused("mime is not the content type of the response from the file's url"));
        }
        let content_type = HeaderValue::from_str(&file.mime).map_err(|_| refused("mime is not valid in a header"))?;
        Ok(Some((fetched, content_type)))
    }
}

fn name(file: &InboundAttachment) -> String {
    let in_url = || file.url.path_segments().and_then(|mut segments| segments.next_back());
    let name = file.filename.as_deref().or_else(in_url).filter(|name| !name.is_empty());
    name.unwrap_or(DEFAULT_NAME).to_owned()
}

fn refused(clause: &str) -> Problem {
    Problem::new(ProblemType::MediaRefused, as_sentence(clause)).nothing_sent()
}

/// Whatever the outcome of the upload: the message was not posted.
fn upload_problem(error: ApiError) -> Problem {
    let problem = Problem::from(error).before_sending("The platform did not confirm the upload of the file.");
    match problem.problem_type {
        ProblemType::PlatformRefused => {
            let explanation = "The platform refused the upload of the file; `platform` has its error. If the platform \
                               stores no files, set uploadFiles to false in the integration's configuration."
                .to_owned();
            Problem { explanation, ..problem }.nothing_sent()
        }
        _ => problem,
    }
}

/// Names the file, where the message has several.
fn of_file(problem: Problem, number: usize, total: usize) -> Problem {
    if total < 2 {
        return problem;
    }
    Problem { explanation: format!("File {number} of {total}: {}", problem.explanation), ..problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_file_without_a_name_has_that_of_its_url() {
        let of = |url: &str, filename: Option<&str>| {
            let attachment = json!({"url": url, "mime": "image/png", "filename": filename});
            let body = json!({"messageId": "m", "from": {"id": "c"}, "attachment": attachment});
            let message = crate::json::fields::read(body, InboundMessage::read).unwrap();
            name(&message.attachments[0])
        };
        assert_eq!("b.png", of("https://e.com/a.png", Some("b.png")));
        assert_eq!("a%20b.png", of("https://e.com/x/a%20b.png?size=2", None));
        for none in ["https://e.com", "https://e.com/x/"] {
            assert_eq!("file", of(none, None), "{none}");
        }
    }
}
