//! The store for customers' files.

use super::answers::Refusal;
use super::platform::{Platform, header};
use crate::simulators::faults::{ConnectionReset, Fault};
use crate::simulators::genesys_cloud::api::models::WebAddress;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use multer::Multipart;
use serde::Deserialize;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use uuid::Uuid;

const STORE: &str = "genesys://nexus/";

/// An uploaded file.
#[derive(Debug, Clone)]
pub struct StoredFile {
    pub channel: String,
    /// The address by which a message names it.
    pub url: String,
    pub name: String,
    pub content_type: String,
    pub content: Bytes,
    pub trace_id: Option<String>,
}

/// Where the file of a message is.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum MediaAddress {
    /// In the platform's own store, where it must exist.
    Stored(String),
    Elsewhere,
}

impl TryFrom<String> for MediaAddress {
    type Error = &'static str;

    fn try_from(address: String) -> Result<Self, Self::Error> {
        if address.starts_with(STORE) {
            return Ok(Self::Stored(address));
        }
        WebAddress::try_from(address).map(|_| Self::Elsewhere)
    }
}

impl MediaAddress {
    pub(super) fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Elsewhere)
    }

    pub(super) fn is(&self, url: &str) -> bool {
        matches!(self, Self::Stored(address) if address == url)
    }
}

pub(super) async fn upload(
    State(platform): State<Arc<Platform>>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let _upload = UploadCount::start(&platform);
    let fault = platform.faults.next_call("media");
    let file = match platform.authenticate(&headers, &body) {
        Ok(()) => StoredFile::read(channel, &headers, body).await,
        Err(refusal) => Err(refusal),
    };
    let answer = async { file.map(|file| platform.store(file)).unwrap_or_else(IntoResponse::into_response) };
    let outcome = Fault::inject::<Refusal>(fault, answer).await;
    platform.attempts.send_modify(|attempts| *attempts += 1);
    outcome.unwrap_or_else(ConnectionReset::close)
}

/// Counts an upload until it ends.
struct UploadCount(Arc<Platform>);

impl UploadCount {
    fn start(platform: &Arc<Platform>) -> Self {
        let current = platform.uploads.fetch_add(1, Ordering::SeqCst) + 1;
        platform.most_uploads.fetch_max(current, Ordering::SeqCst);
        Self(Arc::clone(platform))
    }
}

impl Drop for UploadCount {
    fn drop(&mut self) {
        self.0.uploads.fetch_sub(1, Ordering::SeqCst);
    }
}

impl StoredFile {
    /// The one part of the form.
    async fn read(channel: String, headers: &HeaderMap, body: Bytes) -> Result<Self, Refusal> {
        let bad_request = |_| Refusal::bad_request("The form cannot be read.");
        let boundary = header(headers, CONTENT_TYPE.as_str()).and_then(|text| multer::parse_boundary(text).ok());
        let boundary = boundary.ok_or_else(|| Refusal::bad_request("Content-Type must be multipart/form-data."))?;
        let stream = futures::stream::iter([Ok::<_, Infallible>(body)]);
        let mut form = Multipart::new(stream, boundary);
        let part = form.next_field().await.map_err(bad_request)?;
        let part = part.filter(|part| part.name() == Some("file"));
        let part = part.ok_or_else(|| Refusal::bad_request("The part `file` is missing."))?;
        let name = part.file_name().filter(|name| !name.is_empty()).map(str::to_owned);
        let name = name.ok_or_else(|| Refusal::bad_request("The file has no name."))?;
        let content_type = part.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let content_type = content_type.ok_or_else(|| Refusal::bad_request("The file has no content type."))?;
        let content = part.bytes().await.map_err(bad_request)?;
        if content.is_empty() {
            return Err(Refusal::bad_request("The file is empty."));
        }
        if form.next_field().await.map_err(bad_request)?.is_some() {
            return Err(Refusal::bad_request("There is more than one part."));
        }
        let url = format!("{STORE}{}", Uuid::new_v4());
        let trace_id = header(headers, "x-b3-traceid").map(str::to_owned);
        Ok(Self { channel, url, name, content_type, content, trace_id })
    }
}

impl Platform {
    fn store(&self, file: StoredFile) -> Response {
        let data = json!({
            "mediaId": file.url.trim_start_matches(STORE), "url": file.url, "filename": file.name,
            "mimetype": file.content_type, "length": file.content.len(),
        });
        self.files.lock().expect("no panic").push(file);
        Json(json!({"status": {"code": 0, "message": "OK"}, "data": data})).into_response()
    }
}
