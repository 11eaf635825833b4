//! What the page reads: the conversations, and one of them as server-sent events.

use super::{CustomersSide, State, view};
use crate::stream;
use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::response::Sse;
use axum::response::sse::Event;
use futures::stream::Stream;
use serde_json::Value;
use std::sync::Arc;

pub(super) async fn sides(Shared(state): Shared<Arc<State>>) -> Json<Vec<CustomersSide>> {
    Json(state.sides.clone())
}

/// The customers, the newest first, each with the last text and where the customer is.
pub(super) async fn conversations(Shared(state): Shared<Arc<State>>) -> Json<Vec<Value>> {
    let conversations = state.platform.conversations();
    let listed = conversations.iter().rev().map(|one| {
        let side = state.sides.iter().find(|side| side.integration_id == one.integration_id);
        view::listed(one, &state.platform.transcript(one), side)
    });
    Json(listed.collect())
}

/// Sends the whole conversation, now and after every change.
pub(super) async fn events(
    Shared(state): Shared<Arc<State>>,
    customer: Path<String>,
) -> Sse<impl Stream<Item = Result<Event, axum::Error>>> {
    let (changes, running) = (state.platform.changes(), state.running.clone());
    stream::whole(changes, running, move || {
        let conversation = state.conversation(&customer).ok();
        let transcript = conversation.as_ref().map(|one| state.platform.transcript(one)).unwrap_or_default();
        view::conversation(conversation.as_ref(), &transcript)
    })
}
