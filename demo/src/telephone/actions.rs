//! What the customer does on the telephone.

use super::State;
use super::events::PICTURES;
use super::provider::Action;
use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use data_encoding::BASE64;
use serde_json::Value;
use std::sync::Arc;

type Answer = Result<StatusCode, (StatusCode, &'static str)>;

/// The longest text of a message on a telephone, in characters.
const LONGEST_TEXT: usize = 1_600;

/// `{"text"}`: the customer writes.
pub(super) async fn write(
    Shared(state): Shared<Arc<State>>,
    customer: Path<String>,
    Json(body): Json<Value>,
) -> Answer {
    let text = word(&body, "text").filter(|text| !text.trim().is_empty() && text.chars().count() <= LONGEST_TEXT);
    let text = text.ok_or((StatusCode::UNPROCESSABLE_ENTITY, "text must have 1 to 1,600 characters."))?;
    let action = state.provider.text(&customer, text).ok_or(NO_CUSTOMER)?;
    Ok(post(&state, action).await)
}

/// `{"message", "button"}`: the customer presses a button of a message.
pub(super) async fn press(
    Shared(state): Shared<Arc<State>>,
    customer: Path<String>,
    Json(body): Json<Value>,
) -> Answer {
    let (message, button) = (word(&body, "message"), word(&body, "button"));
    let action = state.provider.press(&customer, message.unwrap_or_default(), button.unwrap_or_default());
    let action = action.ok_or((StatusCode::CONFLICT, "The message does not have this button."))?;
    Ok(post(&state, action).await)
}

/// `{"contentType", "content"}`, in Base64: the customer sends a picture.
pub(super) async fn send_picture(
    Shared(state): Shared<Arc<State>>,
    customer: Path<String>,
    Json(body): Json<Value>,
) -> Answer {
    let media_type = word(&body, "contentType").filter(|media_type| PICTURES.contains(media_type));
    let content = word(&body, "content").and_then(|content| BASE64.decode(content.as_bytes()).ok());
    let (Some(media_type), Some(content)) = (media_type, content) else {
        return Err((StatusCode::UNPROCESSABLE_ENTITY, "It must be a PNG, JPEG, GIF or WebP picture."));
    };
    let action = state.provider.picture(&customer, media_type, content.into()).ok_or(NO_CUSTOMER)?;
    Ok(post(&state, action).await)
}

const NO_CUSTOMER: (StatusCode, &str) = (StatusCode::NOT_FOUND, "There cannot be such a customer.");

fn word<'b>(body: &'b Value, name: &str) -> Option<&'b str> {
    body.get(name).and_then(Value::as_str)
}

/// Posts it in the background, after what the customer did before.
async fn post(state: &State, action: Action) -> StatusCode {
    let (turn, provider) = (Arc::clone(&state.turn).lock_owned().await, Arc::clone(&state.provider));
    tokio::spawn(async move {
        provider.post(action).await;
        drop(turn);
    });
    StatusCode::ACCEPTED
}
