//! The files of customers' messages. An authenticated call is redirected to where the file is, and that place takes no
//! credentials.

use super::answers::Refusal;
use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Mutex;

/// A file of a customer's message.
#[derive(Debug, Clone)]
pub struct File {
    pub sid: String,
    pub content_type: String,
    pub content: Bytes,
}

#[derive(Default)]
pub(super) struct Media {
    /// By their ids, with the ids of their messages.
    files: Mutex<HashMap<String, (String, File)>>,
    /// How often each file is not there yet, and how often it was asked for.
    pub(super) late: Mutex<usize>,
    asked: Mutex<HashMap<String, usize>>,
    pub(super) downloads: Mutex<usize>,
}

impl Media {
    pub(super) fn keep(&self, message: &str, file: &File) {
        self.files.lock().expect("no panic").insert(file.sid.clone(), (message.to_owned(), file.clone()));
    }

    pub(super) fn is_kept(&self, file: &str) -> bool {
        self.files.lock().expect("no panic").contains_key(file)
    }

    fn find(&self, message: &str, file: &str) -> Option<File> {
        let files = self.files.lock().expect("no panic");
        files.get(file).filter(|(owner, _)| owner == message).map(|(_, file)| file.clone())
    }

    pub(super) fn call(&self, origin: &str, method: &str, message: &str, name: &str) -> Response {
        let sid = name.trim_end_matches(".json");
        let Some(file) = self.find(message, sid) else { return Refusal::not_found().into_response() };
        let asked = {
            let mut asked = self.asked.lock().expect("no panic");
            let asked = asked.entry(sid.to_owned()).or_default();
            *asked += 1;
            *asked
        };
        if asked <= *self.late.lock().expect("no panic") {
            return Refusal::not_found().into_response();
        }
        match (method, name.ends_with(".json")) {
            ("GET", false) => {
                let location = [(header::LOCATION, format!("{origin}/mms/{sid}"))];
                (StatusCode::TEMPORARY_REDIRECT, location).into_response()
            }
            ("GET", true) => {
                Json(json!({"sid": sid, "parent_sid": message, "content_type": file.content_type})).into_response()
            }
            ("DELETE", true) => {
                self.files.lock().expect("no panic").remove(sid);
                StatusCode::NO_CONTENT.into_response()
            }
            _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        }
    }

    /// The file itself. Its address is all that one needs; credentials are refused, as by the real place.
    pub(super) fn download(&self, sid: &str, headers: &HeaderMap) -> Response {
        if headers.contains_key(header::AUTHORIZATION) {
            return (StatusCode::BAD_REQUEST, "Only one authentication mechanism is allowed").into_response();
        }
        let Some((_, file)) = self.files.lock().expect("no panic").get(sid).cloned() else {
            return StatusCode::NOT_FOUND.into_response();
        };
        *self.downloads.lock().expect("no panic") += 1;
        ([(header::CONTENT_TYPE, file.content_type)], file.content).into_response()
    }
}
