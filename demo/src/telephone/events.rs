//! What the page reads: the customers, and a chat as server-sent events with its files.

use super::State;
use crate::stream;
use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response, Sse};
use futures::stream::Stream;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

/// The files that are shown. Others are only saved.
pub(super) const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

pub(super) async fn look(Shared(state): Shared<Arc<State>>) -> Json<Value> {
    Json(state.provider.look())
}

/// The customers, each with the last text.
pub(super) async fn customers(Shared(state): Shared<Arc<State>>) -> Json<Vec<Value>> {
    let customers = state.provider.customers().into_iter();
    let last = |customer: &str| state.provider.chat(customer).pop().map(|entry| entry.text);
    Json(customers.map(|customer| json!({"last": last(&customer), "customer": customer})).collect())
}

/// Sends the whole chat, now and after every change.
pub(super) async fn events(
    Shared(state): Shared<Arc<State>>,
    Path(customer): Path<String>,
) -> Sse<impl Stream<Item = Result<Event, axum::Error>>> {
    let (changes, running) = (state.provider.changes(), state.running.clone());
    stream::whole(changes, running, move || {
        let typing_until = state.provider.typing_until(&customer).map(Timestamp::as_millisecond);
        json!({"typingUntil": typing_until, "entries": state.provider.chat(&customer)})
    })
}

/// A file of an entry.
pub(super) async fn file(
    Shared(state): Shared<Arc<State>>,
    Path((customer, id, number)): Path<(String, String, usize)>,
) -> Response {
    let entry = state.provider.chat(&customer).into_iter().find(|entry| entry.id == id);
    let Some(file) = entry.and_then(|entry| entry.files.into_iter().nth(number)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if PICTURES.contains(&file.media_type.as_str()) {
        return ([(CONTENT_TYPE, file.media_type)], file.content).into_response();
    }
    let to_save = [(CONTENT_TYPE, "application/octet-stream"), (CONTENT_DISPOSITION, "attachment")];
    (to_save, file.content).into_response()
}
