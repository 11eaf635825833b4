//! The operation of the tutorial that sends cards. Not every organisation has it.

use super::answers::{Done, Refusal};
use super::models::{CARD_PAYLOAD, ChannelMessage};
use super::platform::{Incoming, Platform};
use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use uuid::Uuid;

pub(super) async fn channel_message(
    State(platform): State<Arc<Platform>>,
    Path(channel): Path<String>,
    method: Method,
    incoming: Incoming,
) -> Response {
    let work = || {
        if !platform.has_channels.load(Ordering::Relaxed) {
            return Err(Refusal::not_found("The requested resource was not found."));
        }
        if method != Method::POST {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            return Err(Refusal::new(status, "method.not.allowed", "The method is not allowed."));
        }
        if !channel.strip_prefix("user:").is_some_and(|user| platform.users.has(user)) {
            return Err(Refusal::not_found("Channel not found"));
        }
        let message: ChannelMessage = incoming.read().map_err(|refusal| refusal.saying("Invalid card type"))?;
        if message.longest_payload() > CARD_PAYLOAD {
            return Err(Refusal::bad_request(&format!("payload must not exceed {CARD_PAYLOAD} characters")));
        }
        Ok(Done::answer(json!({"id": Uuid::new_v4().to_string()})).status(StatusCode::ACCEPTED))
    };
    platform.done("channel-message", &incoming, work).await
}
