//! Media: uploads to presigned URLs, the scan of uploads, and downloads.

use super::answers::{Done, Refusal};
use super::conversations::Conversation;
use super::models::UploadRequest;
use super::platform::{Incoming, Platform};
use crate::simulators::faults::{ConnectionReset, Fault, Target};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// A header that an upload must have besides its content type.
const ENCRYPTION: (&str, &str) = ("x-amz-server-side-encryption", "AES256");

/// The result of the platform's scan of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanResult {
    /// Valid, after `uploading` for this many polls.
    Valid { after: usize },
    /// Invalid, after `uploading` for this many polls.
    Invalid { after: usize },
    /// Never finished.
    Never,
}

impl Default for ScanResult {
    fn default() -> Self {
        Self::Valid { after: 1 }
    }
}

/// An upload, before or after its bytes.
#[derive(Debug, Clone)]
pub struct Upload {
    pub id: String,
    pub file_name: String,
    /// The conversation that it was created for.
    pub conversation: Conversation,
    /// The content type that the upload must have.
    pub content_type: &'static str,
    /// The bytes, once uploaded.
    pub bytes: Option<Bytes>,
    content_length: u64,
    /// Makes the URL unguessable.
    signature: String,
    /// The number of polls since the bytes are there.
    polls: usize,
    status: &'static str,
}

impl Upload {
    /// The public URL of the bytes.
    pub(super) fn url(&self, base: &str) -> String {
        format!("{base}/media/{}", self.id)
    }

    /// The type of attachment.
    pub(super) fn media_type(&self) -> &'static str {
        match self.content_type.split('/').next() {
            Some("image") => "Image",
            Some("video") => "Video",
            Some("audio") => "Audio",
            _ => "File",
        }
    }

    /// `MessageMediaData`.
    fn data(&self, base: &str) -> Value {
        let (conversation, communication) = (&self.conversation.conversation_id, &self.conversation.communication_id);
        let mut data = json!({
            "id": self.id,
            "name": self.file_name,
            "mediaType": self.content_type,
            "contentLengthBytes": self.content_length,
            "status": self.status,
            "conversationId": conversation,
            "communicationId": communication,
            "selfUri": format!(
                "/api/v2/conversations/messages/{conversation}/communications/{communication}/messages/media/{}", self.id
            ),
        });
        if self.status == "valid" {
            data["url"] = self.url(base).into();
        }
        data
    }

    /// Stores the bytes if they match what was announced and signed.
    fn store(&mut self, query: Option<&str>, headers: &HeaderMap, body: Bytes) -> StatusCode {
        let says = |name: &str, value: &str| headers.get(name).is_some_and(|header| header == value);
        let signed = query == Some(&format!("signature={}", self.signature));
        let as_signed = says(ENCRYPTION.0, ENCRYPTION.1) && says(header::CONTENT_TYPE.as_str(), self.content_type);
        if headers.contains_key(header::AUTHORIZATION) {
            return StatusCode::BAD_REQUEST; // only one way to authorise at a time
        }
        if !signed || !as_signed {
            return StatusCode::FORBIDDEN;
        }
        let length = self.content_length.to_string();
        if !says(header::CONTENT_LENGTH.as_str(), &length) || body.len().to_string() != length {
            return StatusCode::BAD_REQUEST;
        }
        self.bytes = Some(body);
        StatusCode::OK
    }

    /// Counts a poll.
    fn poll(&mut self, scan_result: ScanResult) {
        if self.bytes.is_none() {
            return;
        }
        self.polls += 1;
        self.status = match scan_result {
            ScanResult::Valid { after } if self.polls > after => "valid",
            ScanResult::Invalid { after } if self.polls > after => "invalid",
            _ => "uploading",
        };
    }
}

#[derive(Debug, Default)]
pub(super) struct Uploads {
    all: Mutex<Vec<Upload>>,
    pub(super) attempts: Mutex<usize>,
    pub(super) scan_result: Mutex<ScanResult>,
}

impl Uploads {
    pub(super) fn all(&self) -> Vec<Upload> {
        self.all.lock().expect("no panic").clone()
    }

    /// An upload that may be sent in this conversation: created for it, and known to be valid.
    pub(super) fn sendable(&self, id: &str, conversation: &Conversation) -> Result<Upload, Refusal> {
        let upload = self.change(id, |upload| upload.clone());
        let upload = upload.filter(|upload| upload.belongs_to(conversation));
        let upload = upload.ok_or_else(|| Refusal::bad_request("mediaIds: no such media in this conversation"))?;
        if upload.status == "valid" {
            Ok(upload)
        } else {
            Err(Refusal::bad_request("mediaIds: the media is not valid"))
        }
    }

    fn change<T>(&self, id: &str, change: impl FnOnce(&mut Upload) -> T) -> Option<T> {
        self.all.lock().expect("no panic").iter_mut().find(|upload| upload.id == id).map(change)
    }
}

impl Upload {
    fn belongs_to(&self, conversation: &Conversation) -> bool {
        self.conversation.communication_id == conversation.communication_id
    }
}

pub(super) async fn create(
    State(platform): State<Arc<Platform>>,
    Path((conversation, communication)): Path<(String, String)>,
    incoming: Incoming,
) -> Response {
    let work = || {
        let conversation = platform.conversations.find(&conversation, &communication)?;
        let request: UploadRequest = incoming.read()?;
        let upload = Upload {
            id: Uuid::new_v4().to_string(),
            file_name: request.file_name.to_string(),
            conversation,
            content_type: content_type(&request.file_name),
            bytes: None,
            content_length: request.content_length_bytes.get(),
            signature: Uuid::new_v4().simple().to_string(),
            polls: 0,
            status: "uploading",
        };
        let answer = json!({
            "id": upload.id,
            "name": upload.file_name,
            "uploadUrl": format!("{}/uploads/{}?signature={}", platform.url, upload.id, upload.signature),
            "uploadHeaders": {ENCRYPTION.0: ENCRYPTION.1, "Content-Type": upload.content_type},
            "selfUri": upload.data(&platform.url)["selfUri"],
        });
        platform.uploads.all.lock().expect("no panic").push(upload);
        Ok(Done::answer(answer))
    };
    platform.done("create-upload", &incoming, work).await
}

pub(super) async fn status(
    State(platform): State<Arc<Platform>>,
    Path((conversation, communication, media)): Path<(String, String, String)>,
    incoming: Incoming,
) -> Response {
    let work = || {
        let conversation = platform.conversations.find(&conversation, &communication)?;
        let scan_result = *platform.uploads.scan_result.lock().expect("no panic");
        let data = platform.uploads.change(&media, |upload| {
            upload.belongs_to(&conversation).then(|| {
                upload.poll(scan_result);
                upload.data(&platform.url)
            })
        });
        data.flatten().map(Done::answer).ok_or_else(|| Refusal::not_found("Media not found."))
    };
    platform.done("media", &incoming, work).await
}

/// The upload itself. It goes to a storage service and is no API call.
pub(super) async fn put(State(platform): State<Arc<Platform>>, Path(id): Path<String>, request: Request) -> Response {
    *platform.uploads.attempts.lock().expect("no panic") += 1;
    let fault = platform.faults.next(&Target::Uploads);
    let (parts, body) = request.into_parts();
    if matches!(fault, Some(Fault::Reset)) {
        read_half(&parts.headers, body).await;
        return ConnectionReset.close();
    }
    let Ok(body) = to_bytes(body, usize::MAX).await else { return StatusCode::BAD_REQUEST.into_response() };
    let store = async {
        let stored = platform.uploads.change(&id, |upload| upload.store(parts.uri.query(), &parts.headers, body));
        stored.unwrap_or(StatusCode::FORBIDDEN).into_response()
    };
    Fault::inject::<Refusal>(fault, store).await.unwrap_or_else(ConnectionReset::close)
}

/// Reads a body until half of the announced length.
async fn read_half(headers: &HeaderMap, body: Body) {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let mut body = body.into_data_stream();
    let mut read = 0;
    while let Some(Ok(bytes)) = body.next().await {
        read += bytes.len();
        if read >= announced.unwrap_or_default() / 2 {
            return;
        }
    }
}

/// The bytes, for everyone who has the URL.
pub(super) async fn download(State(platform): State<Arc<Platform>>, Path(id): Path<String>) -> Response {
    let bytes = platform.uploads.change(&id, |upload| Some((upload.content_type, upload.bytes.clone()?)));
    match bytes.flatten() {
        Some((content_type, bytes)) => ([(header::CONTENT_TYPE, content_type)], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The content type by a file's name.
fn content_type(file_name: &str) -> &'static str {
    match file_name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("mp4") => "video/mp4",
        Some("mp3") => "audio/mpeg",
        Some("pdf") => "application/pdf",
        Some("txt") => "text/plain",
        _ => "application/octet-stream",
    }
}
