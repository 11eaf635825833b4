//! The client of Telegram's API.

use super::answer::{Accepted, Failure};
use super::bot::Bot;
use super::call::{MIN_TIME, MIN_UPLOAD_TIME, NO_TIME, call, request, upload};
use super::config::Config;
use super::fallback::Form;
use super::part::{ANY_TYPE, Button, Content, Medium, OutgoingFile, Parameters, Part, keyboard};
use super::render::chat_id;
use super::text::Passage;
use super::update::CHOSEN;
use crate::channel::error::{FileError, SendError};
use crate::channel::event::{FileReference, Press};
use crate::channel::file::read_content;
use crate::http_client::{FormFile, HttpClient};
use crate::media::{MediaFetcher, MediaUrl, TrustedOrigins};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use serde_json::json;
use std::iter;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

/// The largest file that is uploaded. Telegram takes 50 MB, but the file is in memory.
const MAX_UPLOAD_BYTES: u64 = 20_000_000;
/// A larger photo is uploaded as a document.
const MAX_PHOTO_BYTES: usize = 10_000_000;

#[derive(Debug)]
pub(in crate::channel) struct Client {
    http: HttpClient,
    files: MediaFetcher,
    /// One file is in memory at a time.
    uploads: Semaphore,
}

/// A file that was fetched to be uploaded.
struct FetchedFile {
    name: String,
    content_type: HeaderValue,
    content: Vec<Bytes>,
}

impl Client {
    pub(in crate::channel) fn new(http: HttpClient, files: MediaFetcher) -> Self {
        Self { http, files, uploads: Semaphore::new(1) }
    }

    pub(in crate::channel) async fn send(
        &self,
        config: &Config,
        part: &Part,
        deadline: Instant,
    ) -> Result<(), SendError> {
        let sent = match &part.content {
            Content::Text(passage) => self.send_text(config.bot(), part, passage, deadline).await,
            Content::File { file, caption } => {
                self.send_file(config.bot(), part, file, caption.as_ref(), deadline).await
            }
        };
        sent.map(|_| ()).map_err(SendError::from)
    }

    async fn send_text(&self, bot: &Bot, part: &Part, text: &Passage, deadline: Instant) -> Result<Accepted, Failure> {
        let parameters = part.with_text(&text.text, &text.entities);
        call(&self.http, bot, "sendMessage", &parameters, deadline).await
    }

    /// Sends a file in the first form that Telegram does not refuse.
    async fn send_file(
        &self,
        bot: &Bot,
        part: &Part,
        file: &OutgoingFile,
        caption: Option<&Passage>,
        deadline: Instant,
    ) -> Result<Accepted, Failure> {
        let mut form = Form::Url(file.medium);
        let has_time_to_upload = || deadline.saturating_duration_since(Instant::now()) >= MIN_TIME + MIN_UPLOAD_TIME;
        let had_time_to_upload = has_time_to_upload();
        let (mut permit, mut fetched) = (None, None);
        loop {
            let sent = match form {
                Form::Url(medium) => {
                    let mut parameters = part.with_caption(caption);
                    parameters.insert(medium.parameter().to_owned(), file.url.as_str().into());
                    call(&self.http, bot, medium.method(), &parameters, deadline).await
                }
                // Telegram took its time to refuse the URL, and would do so again.
                Form::Upload(_) if permit.is_none() && had_time_to_upload && !has_time_to_upload() => {
                    form = Form::Link;
                    continue;
                }
                Form::Upload(medium) => {
                    if permit.is_none() {
                        permit = Some(self.wait_to_upload(deadline).await?);
                        fetched = self.fetch(file, deadline).await;
                    }
                    let Some(fetched) = &fetched else {
                        form = Form::Link;
                        continue;
                    };
                    self.upload(bot, medium, &part.with_caption(caption), fetched, deadline).await
                }
                Form::Link => {
                    (permit, fetched) = (None, None);
                    let (text, entities) = caption.map_or(("", &[][..]), |caption| (&caption.text, &caption.entities));
                    let separator = if text.is_empty() { "" } else { "\n" };
                    let text = [text, separator, &file.as_text()].concat();
                    call(&self.http, bot, "sendMessage", &part.with_text(&text, entities), deadline).await
                }
            };
            let next = match &sent {
                Err(Failure::Refused { cause, .. }) => form.after(*cause),
                _ => None,
            };
            match next {
                Some(next) => form = next,
                None => return sent,
            }
        }
    }

    /// Waits while another file is uploaded, as long as there would be time for this one.
    async fn wait_to_upload(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Failure> {
        let latest = deadline.checked_sub(MIN_TIME + MIN_UPLOAD_TIME).filter(|latest| *latest > Instant::now());
        let permit = timeout_at(latest.ok_or(NO_TIME)?, self.uploads.acquire()).await;
        permit.ok().and_then(Result::ok).ok_or(NO_TIME)
    }

    /// Fetches a file that Telegram could not fetch. `None` if it cannot be had: then its link is sent.
    async fn fetch(&self, file: &OutgoingFile, deadline: Instant) -> Option<FetchedFile> {
        let url = MediaUrl::parse(&file.url, &TrustedOrigins::default()).ok()?;
        let deadline = deadline.checked_sub(MIN_UPLOAD_TIME)?;
        let media = self.files.fetch(&url, MAX_UPLOAD_BYTES, deadline).await.ok()?;
        let is_same = |declared: &String| {
            media.may_have_type(declared) || media.content_type.as_deref().is_some_and(|found| found == ANY_TYPE)
        };
        if !file.mime.as_ref().is_none_or(is_same) {
            return None;
        }
        let content_type = file.mime.clone().or_else(|| media.content_type.clone());
        let content_type = HeaderValue::try_from(content_type.as_deref().unwrap_or(ANY_TYPE)).ok()?;
        Some(FetchedFile { name: file.upload_name(), content_type, content: media.read().await.ok()? })
    }

    async fn upload(
        &self,
        bot: &Bot,
        medium: Medium,
        parameters: &Parameters,
        file: &FetchedFile,
        deadline: Instant,
    ) -> Result<Accepted, Failure> {
        let length: usize = file.content.iter().map(Bytes::len).sum();
        let medium = match medium {
            Medium::Photo if length > MAX_PHOTO_BYTES => Medium::Document,
            medium => medium,
        };
        let FetchedFile { name, content_type, content } = file;
        let form = FormFile { field: medium.parameter(), name, content_type, content };
        upload(&self.http, bot, medium.method(), parameters, &form, deadline).await
    }

    pub(in crate::channel) async fn show_typing(&self, config: &Config, customer: &str, deadline: Instant) {
        if let Some(chat) = chat_id(customer) {
            self.try_call(config, "sendChatAction", json!({"chat_id": chat, "action": "typing"}), deadline).await;
        }
    }

    /// The button shows that it waits until then.
    pub(in crate::channel) async fn acknowledge_press(&self, config: &Config, press: &Press, deadline: Instant) {
        if let Some(query) = &press.acknowledge {
            self.try_call(config, "answerCallbackQuery", json!({"callback_query_id": query}), deadline).await;
        }
    }

    /// The chosen option stays as a button. To press it again is the same choice, which is a duplicate.
    pub(in crate::channel) async fn show_choice(
        &self,
        config: &Config,
        customer: &str,
        press: &Press,
        chosen: &str,
        deadline: Instant,
    ) {
        let message = press.message.as_ref().and_then(|id| id.parse::<i64>().ok());
        if let (Some(message), Some(chat)) = (message, chat_id(customer)) {
            let links = press.links.iter().filter_map(|link| Button::link(&link.label, &link.url));
            let option = Button::option(&format!("{CHOSEN}{chosen}"), press.data.clone());
            let buttons: Vec<_> = iter::once(option).chain(links).collect();
            let answered = json!({"chat_id": chat, "message_id": message, "reply_markup": keyboard(&buttons)});
            self.try_call(config, "editMessageReplyMarkup", answered, deadline).await;
        }
    }

    /// A call whose failure has no effect: it only has its line in the log.
    async fn try_call(&self, config: &Config, method: &'static str, parameters: serde_json::Value, deadline: Instant) {
        if let serde_json::Value::Object(parameters) = parameters {
            let _ = call(&self.http, config.bot(), method, &parameters, deadline).await;
        }
    }

    pub(in crate::channel) async fn read_file(
        &self,
        config: &Config,
        reference: &FileReference,
        maximum: u64,
        deadline: Instant,
    ) -> Result<Bytes, FileError> {
        let parameters = Parameters::from_iter([("file_id".to_owned(), reference.0.as_str().into())]);
        let file = call(&self.http, config.bot(), "getFile", &parameters, deadline).await;
        let file = file.map_err(|failure| failure.into_file_error(maximum))?;
        if file.result(|file| file.count("file_size")).is_some_and(|size| size > maximum) {
            return Err(FileError::TooLarge { maximum });
        }
        let path = file.result(|file| file.text("file_path")).ok_or(FileError::NotFound)?;
        let url = config.bot().file_url(&path).ok_or(FileError::NotFound)?;
        let unavailable = |cause: &str| FileError::Unavailable(cause.to_owned());
        let request = request(&self.http, Method::GET, url, MIN_TIME, deadline);
        let request = request.ok_or_else(|| unavailable("no time was left"))?;
        // The error names the URL, and with it the token.
        let response = self.http.send(request).await.map_err(|_| unavailable("no connection or no answer"))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(FileError::NotFound),
            StatusCode::UNAUTHORIZED => return Err(FileError::Credentials),
            status => return Err(FileError::Unavailable(format!("status {}", status.as_u16()))),
        }
        read_content(response, maximum).await
    }
}

#[cfg(test)]
mod tests;
