//! A conversation as server-sent events.

use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::stream::{self, Stream, StreamExt};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::watch;

/// When the browser reconnects after the stream broke.
const RECONNECTION_TIME: Duration = Duration::from_millis(500);

/// Sends the whole conversation as `read` returns it, now and after every change, while the page's server is running.
pub(crate) fn whole(
    changes: watch::Receiver<u64>,
    mut running: watch::Receiver<()>,
    read: impl Fn() -> Value + Send + 'static,
) -> Sse<impl Stream<Item = Result<Event, axum::Error>>> {
    let conversations = stream::unfold((read, changes, None), |(read, mut changes, seen)| async move {
        loop {
            // Marked as seen before the conversation is read: a later entry is a new change.
            changes.borrow_and_update();
            let shown = read();
            if seen.as_ref() != Some(&shown) {
                let event = Event::default().retry(RECONNECTION_TIME).json_data(&shown);
                return Some((event, (read, changes, Some(shown))));
            }
            changes.changed().await.ok()?;
        }
    });
    Sse::new(conversations.take_until(async move { running.changed().await })).keep_alive(KeepAlive::default())
}
