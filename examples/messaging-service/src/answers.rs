//! The actions of the customer on the page.

use crate::Service;
use crate::deliveries::text;
use crate::own::Outgoing;
use crate::terminal::own_line;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

type Answer = Result<(StatusCode, Json<Value>), (StatusCode, &'static str)>;

const NOT_POSSIBLE: (StatusCode, &str) =
    (StatusCode::SERVICE_UNAVAILABLE, "INBOUND_URL and CALLER_SECRET are not set.");

/// `{"text"}`: the customer wrote a message.
pub(crate) async fn message(
    State(service): State<Arc<Service>>,
    Path(customer): Path<String>,
    Json(body): Json<Value>,
) -> Answer {
    let answer = json!({"text": field(&body, "text")?});
    let outgoing = Outgoing::new("messages", service.chats.sender(&customer), answer);
    send(service, customer, outgoing)
}

/// `{"originatingMessageId", "type", "text", "payload"}`: the customer chose an option.
pub(crate) async fn response(
    State(service): State<Arc<Service>>,
    Path(customer): Path<String>,
    Json(body): Json<Value>,
) -> Answer {
    let kind = field(&body, "type")?;
    if !["Button", "QuickReply", "DatePicker"].contains(&kind) {
        return Err((StatusCode::UNPROCESSABLE_ENTITY, "type must be Button, QuickReply or DatePicker."));
    }
    let answer = json!({
        "originatingMessageId": field(&body, "originatingMessageId")?,
        "type": kind,
        "text": field(&body, "text")?,
        "payload": field(&body, "payload")?,
    });
    let outgoing = Outgoing::new("responses", service.chats.sender(&customer), answer);
    send(service, customer, outgoing)
}

/// `{"messageId"}`: retries a message that could not be sent.
pub(crate) async fn retry(
    State(service): State<Arc<Service>>,
    Path(customer): Path<String>,
    Json(body): Json<Value>,
) -> Answer {
    let unsent = service.chats.unsent(&customer, field(&body, "messageId")?);
    let outgoing = unsent.ok_or((StatusCode::NOT_FOUND, "There is no such message that was not sent."))?;
    send(service, customer, outgoing)
}

/// `{}`: the customer is typing.
pub(crate) async fn typing(
    State(service): State<Arc<Service>>,
    Path(customer): Path<String>,
    Json(_): Json<Value>,
) -> Answer {
    if service.inbound.is_none() {
        return Err(NOT_POSSIBLE);
    }
    tokio::spawn(async move {
        if let Some(inbound) = &service.inbound {
            inbound.typing(service.chats.sender(&customer)).await;
        }
    });
    Ok((StatusCode::ACCEPTED, Json(json!({}))))
}

/// Shows it as being sent, and sends it after the customer's earlier messages.
fn send(service: Arc<Service>, customer: String, outgoing: Outgoing) -> Answer {
    if service.inbound.is_none() {
        return Err(NOT_POSSIBLE);
    }
    println!("{}", own_line(&customer, text(&outgoing.body, "/text")));
    let answer = json!({"messageId": outgoing.message_id});
    let turn = service.chats.sending(&customer, outgoing.clone());
    tokio::spawn(async move {
        let _turn = turn.lock_owned().await;
        if let Some(inbound) = &service.inbound {
            let answer = inbound.send(&outgoing).await;
            service.chats.answered(&customer, outgoing, answer);
        }
    });
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

fn field<'b>(body: &'b Value, name: &str) -> Result<&'b str, (StatusCode, &'static str)> {
    let value = body.get(name).and_then(Value::as_str).filter(|value| !value.trim().is_empty());
    value.ok_or((StatusCode::UNPROCESSABLE_ENTITY, "A text is missing."))
}
