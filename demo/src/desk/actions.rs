//! What the agent does on the desk.

use super::State;
use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use serde_json::Value;
use std::sync::Arc;
use tests::simulators::genesys_cloud::api::Conversation;

type Answer = Result<StatusCode, (StatusCode, &'static str)>;

/// The longest text of a message of an agent, in characters.
const LONGEST_TEXT: usize = 2_000;

/// `{"text"}`: the agent writes. An agent who is not in the conversation takes it first.
pub(super) async fn write(
    Shared(state): Shared<Arc<State>>,
    customer: Path<String>,
    Json(body): Json<Value>,
) -> Answer {
    let conversation = open(&state, &customer)?;
    let text = body.get("text").and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let text = text.filter(|text| text.chars().count() <= LONGEST_TEXT);
    let text = text.ok_or((StatusCode::UNPROCESSABLE_ENTITY, "text must have 1 to 2,000 characters."))?;
    if !state.platform.transcript(&conversation).has_agent() {
        state.platform.join_conversation(&conversation).await;
    }
    state.platform.write(&conversation, text);
    Ok(StatusCode::ACCEPTED)
}

/// `{}`: the agent is typing.
pub(super) async fn typing(Shared(state): Shared<Arc<State>>, customer: Path<String>, Json(_): Json<Value>) -> Answer {
    state.platform.post_typing(&open(&state, &customer)?);
    Ok(StatusCode::ACCEPTED)
}

/// `{}`: the agent ends the conversation.
pub(super) async fn end(Shared(state): Shared<Arc<State>>, customer: Path<String>, Json(_): Json<Value>) -> Answer {
    state.platform.end_conversation(&open(&state, &customer)?).await;
    Ok(StatusCode::ACCEPTED)
}

fn open(state: &State, customer: &Path<String>) -> Result<Conversation, (StatusCode, &'static str)> {
    let conversation = state.conversation(customer)?;
    if conversation.ended { Err((StatusCode::CONFLICT, "The conversation has ended.")) } else { Ok(conversation) }
}
