//! What the page reads: the customers, and a customer's chat as server-sent events.

use crate::Service;
use crate::chat::Entry;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::stream::{self, Stream, StreamExt};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// When the browser reconnects after the stream broke.
const RECONNECTION_TIME: Duration = Duration::from_millis(500);

pub(crate) async fn customers(State(service): State<Arc<Service>>) -> Json<Vec<Value>> {
    Json(service.chats.customers())
}

/// Sends the changes after `Last-Event-ID`, or all entries, then every new change.
pub(crate) async fn events(
    State(service): State<Arc<Service>>,
    Path(customer): Path<String>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, axum::Error>>> {
    let seen = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()?.parse().ok()).unwrap_or_default();
    let settings = Event::default().event("settings").retry(RECONNECTION_TIME);
    let settings = settings.json_data(json!({"canAnswer": service.inbound.is_some()}));
    let changes = service.chats.changes();
    let entries =
        stream::unfold((service, customer, seen, changes), |(service, customer, seen, mut changes)| async move {
            loop {
                // Marked as seen before the entries are read: a later entry is a new change.
                changes.borrow_and_update();
                let entries = service.chats.since(&customer, seen);
                if let Some(last) = entries.last() {
                    let seen = last.version;
                    let events: Vec<_> = entries.iter().map(event).collect();
                    return Some((stream::iter(events), (service, customer, seen, changes)));
                }
                changes.changed().await.ok()?;
            }
        });
    Sse::new(stream::iter([settings]).chain(entries.flatten())).keep_alive(KeepAlive::default())
}

fn event(entry: &Entry) -> Result<Event, axum::Error> {
    Event::default().id(entry.version.to_string()).json_data(entry.json())
}
