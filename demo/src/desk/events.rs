//! What the page reads: the conversations, and one of them as server-sent events.

use super::{CustomersSide, State, view};
use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::stream::{self, Stream, StreamExt};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// When the browser reconnects after the stream broke.
const COME_AGAIN: Duration = Duration::from_millis(500);

pub(super) async fn sides(Shared(state): Shared<Arc<State>>) -> Json<Vec<CustomersSide>> {
    Json(state.sides.clone())
}

/// The customers, the newest first, each with the last text.
pub(super) async fn conversations(Shared(state): Shared<Arc<State>>) -> Json<Vec<Value>> {
    let conversations = state.platform.conversations();
    let newest_first = conversations.iter().rev();
    let last = |one| view::last(&state.platform.transcript(one));
    Json(newest_first.map(|one| json!({"customer": one.customer, "last": last(one)})).collect())
}

/// Sends the whole conversation, now and after every change.
pub(super) async fn events(
    Shared(state): Shared<Arc<State>>,
    customer: Path<String>,
) -> Sse<impl Stream<Item = Result<Event, axum::Error>>> {
    let (changes, mut running) = (state.platform.changes(), state.running.clone());
    let conversations =
        stream::unfold((state, customer, changes, None), |(state, customer, mut changes, seen)| async move {
            loop {
                // Marked as seen before the conversation is read: a later entry is a new change.
                changes.borrow_and_update();
                let conversation = state.conversation(&customer).ok();
                let transcript = conversation.as_ref().map(|one| state.platform.transcript(one)).unwrap_or_default();
                let shown = view::conversation(conversation.as_ref(), &transcript);
                if seen.as_ref() != Some(&shown) {
                    let event = Event::default().retry(COME_AGAIN).json_data(&shown);
                    return Some((event, (state, customer, changes, Some(shown))));
                }
                changes.changed().await.ok()?;
            }
        });
    let conversations = conversations.take_until(async move { running.changed().await });
    Sse::new(conversations).keep_alive(KeepAlive::default())
}
