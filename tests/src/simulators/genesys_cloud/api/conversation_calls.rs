//! The state of a conversation, and its end.

use super::answers::{Done, Refusal};
use super::platform::{Incoming, Platform};
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::json;
use std::sync::Arc;

pub(super) async fn show(
    State(platform): State<Arc<Platform>>,
    Path(conversation): Path<String>,
    incoming: Incoming,
) -> Response {
    let work = || platform.conversations.show(&conversation).map(Done::answer);
    platform.done("conversation", &incoming, work).await
}

/// Disconnects all participants, and puts the events of that onto the event bus.
pub(super) async fn end(
    State(platform): State<Arc<Platform>>,
    Path(conversation): Path<String>,
    incoming: Incoming,
) -> Response {
    let work = || {
        if incoming.body() != json!({"state": "disconnected"}) {
            return Err(Refusal::bad_request("The state of a conversation can only be set to disconnected."));
        }
        let ended = platform.end(&conversation)?;
        let source = platform.events.lock().expect("no panic").clone();
        if let Some(source) = source {
            tokio::spawn(async move { source.put_end(&ended, "CLIENT").await });
        }
        platform.conversations.show(&conversation).map(Done::answer)
    };
    platform.done("end-conversation", &incoming, work).await
}
