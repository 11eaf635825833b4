//! The state of the platform, and the checks of every call.

use super::answers::{Refusal, done};
use super::media::{MediaAddress, StoredFile};
use super::models::{Message, Messages};
use super::{APP_SECRET, CONTACT_CENTER_ID};
use crate::simulators::credentials::Credentials;
use crate::simulators::faults::{ConnectionReset, Fault, Faults};
use crate::simulators::genesys_cloud::api::models;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use shared::signature::hub;
use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use uuid::Uuid;

/// A successful call.
#[derive(Debug, Clone)]
pub struct Call {
    pub channel: String,
    pub trace_id: Option<String>,
    /// The messages and receipts of the call.
    pub messages: Vec<Value>,
}

pub(super) struct Platform {
    /// The keys that its API gateway accepts, if it has one.
    pub(super) api_keys: Option<Credentials>,
    pub(super) app_secrets: Credentials,
    pub(super) faults: Faults,
    /// The uploads at this time, and the most at any time.
    pub(super) uploads: AtomicUsize,
    pub(super) most_uploads: AtomicUsize,
    pub(super) calls: Mutex<Vec<Call>>,
    pub(super) files: Mutex<Vec<StoredFile>>,
    pub(super) attempts: watch::Sender<usize>,
    /// The callers' message ids and the platform's own ids.
    pub(super) ids: Mutex<HashMap<String, String>>,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            api_keys: None,
            app_secrets: Credentials::of(APP_SECRET),
            faults: Faults::default(),
            uploads: AtomicUsize::default(),
            most_uploads: AtomicUsize::default(),
            calls: Mutex::default(),
            files: Mutex::default(),
            attempts: watch::Sender::default(),
            ids: Mutex::default(),
        }
    }
}

pub(super) async fn messages(
    State(platform): State<Arc<Platform>>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = platform.faults.next_call("messages");
    let answer = async { platform.take(&channel, &headers, &body).unwrap_or_else(IntoResponse::into_response) };
    let outcome = Fault::inject::<Refusal>(fault, answer).await;
    platform.attempts.send_modify(|attempts| *attempts += 1);
    outcome.unwrap_or_else(ConnectionReset::close)
}

impl Platform {
    /// Checks who calls.
    pub(super) fn authenticate(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
        if header(headers, "x-ccid") != Some(CONTACT_CENTER_ID) {
            return Err(Refusal::unauthorized("The contact centre is not known."));
        }
        if self.api_keys.as_ref().is_some_and(|keys| !keys.take(|key| header(headers, "x-api-key") == Some(key))) {
            return Err(Refusal::unauthorized("The key is not known."));
        }
        // Compared literally, with digits in lower case: the contract has no other form.
        let signature = |secret: &str| hub::sign_sha1(body, &secret.into());
        if !self.app_secrets.take(|secret| header(headers, "x-hub-signature") == Some(&signature(secret))) {
            return Err(Refusal::unauthorized("The signature does not match."));
        }
        Ok(())
    }

    fn take(&self, channel: &str, headers: &HeaderMap, body: &[u8]) -> Result<Response, Refusal> {
        self.authenticate(headers, body)?;
        if header(headers, header::CONTENT_TYPE.as_str()) != Some("application/json") {
            return Err(Refusal::bad_request("Content-Type must be application/json."));
        }
        let body: Value = serde_json::from_slice(body).map_err(|_| Refusal::bad_request("The body is not JSON."))?;
        let read: Messages = models::read(&body)?;
        let written: Vec<_> = read.messages.iter().filter_map(Message::written).collect();
        if written.iter().any(|ends| *ends.to.id != *channel || *ends.from.id == *channel) {
            return Err(Refusal::bad_request("A customer's message goes to the channel."));
        }
        let is_known = |address: &MediaAddress| {
            let files = self.files.lock().expect("no panic");
            address.is_elsewhere() || files.iter().any(|file| file.channel == channel && address.is(&file.url))
        };
        if !read.messages.iter().flat_map(Message::files).all(is_known) {
            return Err(Refusal::bad_request("The channel has no such file."));
        }
        let mut ids = self.ids.lock().expect("no panic");
        let id_of = |id: &str| ids.entry(id.to_owned()).or_insert_with(|| Uuid::new_v4().to_string()).clone();
        let ids: Vec<_> = written.iter().map(|ends| &*ends.message_id).map(id_of).collect();
        self.calls.lock().expect("no panic").push(Call {
            channel: channel.to_owned(),
            trace_id: header(headers, "x-b3-traceid").map(str::to_owned),
            messages: body["messages"].as_array().cloned().unwrap_or_default(),
        });
        Ok(done(&ids))
    }
}

pub(super) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
