//! Files: of customers, for the bot to fetch, and of the bot, by upload, by URL or by the id of a known one.

use super::answers::{Done, Refusal};
use super::parameters::Parameters;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use url::Url;
use uuid::Uuid;

const MEGABYTE: usize = 1_000_000;
/// What bots may fetch, in bytes.
const LARGEST_FETCHED: usize = 20 * MEGABYTE;

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Photo,
    Document,
    Video,
    Animation,
    Audio,
    Voice,
}

impl Kind {
    /// The name of its parameter and of its member in a message.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Document => "document",
            Self::Video => "video",
            Self::Animation => "animation",
            Self::Audio => "audio",
            Self::Voice => "voice",
        }
    }

    /// The largest upload and the largest file by URL, in bytes.
    fn limits(self) -> (usize, usize) {
        match self {
            Self::Photo => (10 * MEGABYTE, 5 * MEGABYTE),
            Self::Voice => (50 * MEGABYTE, MEGABYTE),
            _ => (50 * MEGABYTE, 20 * MEGABYTE),
        }
    }

    /// Whether a file by URL of this media type is sure to be taken.
    fn takes(self, media_type: &str) -> bool {
        match self {
            Self::Photo => ["image/jpeg", "image/png", "image/webp"].contains(&media_type),
            Self::Document => ["image/gif", "application/pdf", "application/zip"].contains(&media_type),
            Self::Video => media_type == "video/mp4",
            Self::Animation => ["image/gif", "video/mp4"].contains(&media_type),
            Self::Audio => ["audio/mpeg", "audio/mp4"].contains(&media_type),
            Self::Voice => media_type == "audio/ogg",
        }
    }
}

/// How the bot gave a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Upload,
    Url(String),
    FileId,
}

/// A file of a message of the bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentFile {
    pub kind: Kind,
    pub source: Source,
    /// Empty if there is none.
    pub name: String,
    pub content_type: Option<String>,
    pub content: Bytes,
    pub file_id: String,
}

impl SentFile {
    /// As in a message of the API.
    pub(super) fn json(&self) -> Value {
        let size = self.content.len();
        if self.kind == Kind::Photo {
            return json!([photo_size(&self.file_id, size)]);
        }
        let mut file = json!({
            "file_id": self.file_id, "file_unique_id": unique(&self.file_id), "file_size": size,
            "mime_type": self.content_type,
        });
        if self.kind != Kind::Voice {
            file["file_name"] = self.name.clone().into();
        }
        if self.kind != Kind::Document {
            file["duration"] = 1.into();
        }
        if [Kind::Video, Kind::Animation].contains(&self.kind) {
            (file["width"], file["height"]) = (1_280.into(), 960.into());
        }
        file
    }
}

pub(super) fn photo_size(file_id: &str, size: usize) -> Value {
    json!({"file_id": file_id, "file_unique_id": unique(file_id), "width": 1280, "height": 960, "file_size": size})
}

/// The id of a file's content.
pub(super) fn unique(file_id: &str) -> String {
    file_id.chars().rev().take(15).collect()
}

/// A file that Telegram has.
#[derive(Debug, Clone)]
struct Stored {
    name: String,
    content: Bytes,
    /// May be more than there is.
    size: usize,
}

#[derive(Default)]
pub(super) struct Files {
    stored: Mutex<HashMap<String, Stored>>,
    /// The ids by the paths of present links.
    links: Mutex<HashMap<String, String>>,
    /// Media types and contents of what is on the web.
    pub(super) web: Mutex<HashMap<String, (String, Bytes)>>,
    /// Whether no file can be fetched by its URL.
    pub(super) is_offline: AtomicBool,
}

impl Files {
    /// Stores a file of this claimed size, and returns its id.
    pub(super) fn keep(&self, name: &str, content: Bytes, size: usize) -> String {
        let id = format!("AgACAgIAAx-{}", Uuid::new_v4().simple());
        self.stored.lock().expect("no panic").insert(id.clone(), Stored { name: name.to_owned(), content, size });
        id
    }

    /// The name and the content of a file.
    pub(super) fn content(&self, id: &str) -> Option<(String, Bytes)> {
        let stored = self.stored.lock().expect("no panic");
        stored.get(id).map(|file| (file.name.clone(), file.content.clone()))
    }

    /// A new link to a file.
    pub(super) fn link(&self, parameters: &Parameters) -> Result<Done, Refusal> {
        let wrong = || Refusal::bad_request("wrong file_id or the file is temporarily unavailable");
        let id = parameters.text("file_id").ok_or_else(wrong)?;
        let file = self.stored.lock().expect("no panic").get(id).cloned().ok_or_else(wrong)?;
        if file.size > LARGEST_FETCHED {
            return Err(Refusal::bad_request("file is too big"));
        }
        let ending = file.name.rsplit_once('.').map_or("bin", |(_, ending)| ending);
        let path = format!("files/{}.{ending}", Uuid::new_v4().simple());
        self.links.lock().expect("no panic").insert(path.clone(), id.to_owned());
        let unique = unique(id);
        Ok(json!({"file_id": id, "file_unique_id": unique, "file_size": file.size, "file_path": path}).into())
    }

    /// Ends all links.
    pub(super) fn expire_links(&self) {
        self.links.lock().expect("no panic").clear();
    }

    pub(super) fn download(&self, path: &str) -> Response {
        let id = self.links.lock().expect("no panic").get(path).cloned();
        let file = id.and_then(|id| self.stored.lock().expect("no panic").get(&id).cloned());
        match file {
            Some(file) => ([(header::CONTENT_TYPE, "application/octet-stream")], file.content).into_response(),
            None => (StatusCode::NOT_FOUND, Refusal::new("Not Found")).into_response(),
        }
    }

    /// The file of a call.
    pub(super) async fn read(&self, kind: Kind, parameters: &Parameters) -> Result<SentFile, Refusal> {
        let given = parameters.text(kind.name()).unwrap_or_default();
        let upload = parameters.files.get(given.strip_prefix("attach://").unwrap_or(kind.name()));
        let (largest, largest_by_url) = kind.limits();
        let mut file = SentFile {
            kind,
            source: Source::Upload,
            name: String::new(),
            content_type: None,
            content: Bytes::new(),
            file_id: String::new(),
        };
        if let Some(upload) = upload {
            file.name.clone_from(&upload.name);
            file.content_type.clone_from(&upload.content_type);
            file.content = upload.content.clone();
            match file.content.len() {
                0 => return Err(Refusal::bad_request("file must be non-empty")),
                size if size <= largest => {}
                _ if kind == Kind::Photo => return Err(Refusal::bad_request("file is too big")),
                _ => return Err(Refusal::new("Request Entity Too Large")),
            }
        } else if let Some(stored) = self.stored.lock().expect("no panic").get(given) {
            return Ok(SentFile {
                source: Source::FileId,
                name: stored.name.clone(),
                content: stored.content.clone(),
                file_id: given.to_owned(),
                ..file
            });
        } else {
            let url = Url::parse(given).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
            let wrong = || Refusal::bad_request("wrong file identifier/HTTP URL specified");
            let url = url.ok_or_else(wrong)?;
            let (media_type, content) = self.fetch(&url).await?;
            if content.is_empty() || content.len() > largest_by_url {
                return Err(Refusal::bad_request("failed to get HTTP URL content"));
            }
            if !kind.takes(&media_type) {
                return Err(Refusal::bad_request("wrong type of the web page content"));
            }
            file.source = Source::Url(given.to_owned());
            file.name = url.path().rsplit('/').next().unwrap_or_default().to_owned();
            (file.content_type, file.content) = (Some(media_type), content);
        }
        if kind == Kind::Photo {
            check_photo(&file.content)?;
        }
        file.file_id = self.keep(&file.name, file.content.clone(), file.content.len());
        Ok(file)
    }

    /// The media type and the content of a file on the web. Of the real web only this machine is there.
    async fn fetch(&self, url: &Url) -> Result<(String, Bytes), Refusal> {
        let failed = || Refusal::bad_request("failed to get HTTP URL content");
        if self.is_offline.load(Ordering::SeqCst) {
            return Err(failed());
        }
        if let Some(file) = self.web.lock().expect("no panic").get(url.as_str()) {
            return Ok(file.clone());
        }
        if url.host_str() != Some("127.0.0.1") {
            return Err(failed());
        }
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().expect("an HTTP client");
        let response = http.get(url.clone()).send().await.map_err(|_| failed())?;
        if !response.status().is_success() {
            return Err(failed());
        }
        let media_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim().to_owned();
        Ok((media_type, response.bytes().await.map_err(|_| failed())?))
    }
}

/// Checks that it is a picture, and the size of a PNG.
fn check_photo(content: &[u8]) -> Result<(), Refusal> {
    let is_riff = content.starts_with(b"RIFF") && content.get(8..12) == Some(b"WEBP");
    if content.starts_with(b"\xff\xd8\xff") || is_riff {
        return Ok(());
    }
    if !content.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Err(Refusal::bad_request("IMAGE_PROCESS_FAILED"));
    }
    let number = |at: usize| {
        let bytes = content.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
        u64::from(u32::from_be_bytes(bytes))
    };
    let (width, height) = (number(16), number(20));
    let is_even = width.max(height) <= 20 * width.min(height);
    if width + height > 10_000 || !is_even {
        return Err(Refusal::bad_request("PHOTO_INVALID_DIMENSIONS"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_is_a_picture_that_is_neither_too_large_nor_too_narrow() {
        let png = |width: u32, height: u32| {
            let header = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &width.to_be_bytes(), &height.to_be_bytes()];
            check_photo(&header.concat()).is_ok()
        };
        assert!(png(5_000, 5_000) && png(20, 1));
        assert!(!png(5_000, 5_001) && !png(21, 1) && !png(0, 1));
        assert!(check_photo(b"content").is_err());
        assert!(check_photo(include_bytes!("../../../fixtures/parcel.png")).is_ok());
    }
}
