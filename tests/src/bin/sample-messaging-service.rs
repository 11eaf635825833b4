//! A sample messaging service: checks the signature of what Patchbay delivers, prints it as a chat, and lists all
//! that it got, repeats included, at `GET /deliveries`.
//!
//! It shows what an own messaging service has to do, so it uses nothing of Patchbay but the signature check, for which
//! Standard Webhooks has a library in most languages.
//!
//! Environment: `PORT` (any free one unless given), `SIGNING_SECRET`, `REFUSED_CUSTOMER` (whose messages it refuses, to
//! show what follows).

#![allow(clippy::print_stdout)]

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::signature::standard_webhooks::{SigningSecret, WEBHOOK_ID, verify};
use std::collections::HashSet;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

struct Service {
    secret: SigningSecret,
    refused_customer: Option<String>,
    deliveries: Mutex<Vec<Value>>,
    seen: Mutex<HashSet<String>>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "0".to_owned());
    let secret = SigningSecret::parse(&std::env::var("SIGNING_SECRET")?)?;
    let refused_customer = std::env::var("REFUSED_CUSTOMER").ok();
    let service = Arc::new(Service { secret, refused_customer, deliveries: Mutex::default(), seen: Mutex::default() });
    let router = Router::new()
        .route("/messages", post(take))
        .route("/deliveries", get(deliveries))
        .layer(DefaultBodyLimit::max(8 * 1024 * 1024))
        .with_state(service);
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

async fn deliveries(State(service): State<Arc<Service>>) -> Json<Vec<Value>> {
    Json(service.deliveries.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

async fn take(State(service): State<Arc<Service>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if let Err(error) = verify(&headers, &body, std::slice::from_ref(&service.secret), Timestamp::now()) {
        println!("  ✗ refused: {error}");
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(delivery) = serde_json::from_slice::<Value>(&body) else { return StatusCode::BAD_REQUEST };
    if service.refused_customer.as_deref() == Some(text(&delivery, "/data/to/id")) {
        return StatusCode::NOT_FOUND;
    }
    let id = headers.get(WEBHOOK_ID).and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    // A delivery may be repeated after a crash, always under the same id: it is shown once.
    if service.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone()) {
        println!("{}", chat_line(&delivery));
    }
    let delivery = json!({"webhookId": id, "delivery": delivery});
    service.deliveries.lock().unwrap_or_else(PoisonError::into_inner).push(delivery);
    StatusCode::OK
}

/// The delivery as a line of a chat. Control characters are left out: a terminal would obey them.
fn chat_line(delivery: &Value) -> String {
    let line = match text(delivery, "/type") {
        "receipt" => {
            format!("  ✓ {} {}", text(delivery, "/data/status"), text(delivery, "/data/reasons/0/message"))
        }
        "typing" => "  … is typing".to_owned(),
        _ => format!("  {} ▸ {}", text(delivery, "/data/from/nickname"), shown(delivery)),
    };
    let inbound = text(delivery, "/data/direction") == "Inbound";
    let customer = text(delivery, if inbound { "/data/from/id" } else { "/data/to/id" });
    format!("{:<22}{line}", customer.chars().take(20).collect::<String>())
        .chars()
        .filter(|character| !character.is_control())
        .collect()
}

/// What a message shows, in one line.
fn shown(delivery: &Value) -> String {
    let own = delivery.pointer("/data/text").and_then(Value::as_str).map(str::to_owned);
    own.into_iter().chain(list(delivery, "/data/content").iter().filter_map(part)).collect::<Vec<_>>().join("  ")
}

fn part(part: &Value) -> Option<String> {
    match text(part, "/contentType") {
        "Attachment" => Some(format!("📎 {}", text(part, "/attachment/url"))),
        "QuickReply" => Some(format!("[{}]", text(part, "/quickReply/text"))),
        "QuickReplyV2" => {
            Some(format!("{} {}", text(part, "/quickReplyV2/title"), labels(list(part, "/quickReplyV2/actions"))))
        }
        "Card" => part.get("card").map(card),
        "Carousel" => Some(list(part, "/carousel/cards").iter().map(card).collect::<Vec<_>>().join("  ")),
        "DatePicker" => Some(format!("📅 {}", text(part, "/datePicker/title"))),
        _ => None,
    }
}

fn card(card: &Value) -> String {
    format!("▭ {} {}", text(card, "/title"), labels(list(card, "/actions")))
}

fn labels(actions: &[Value]) -> String {
    actions.iter().map(|action| format!("[{}]", text(action, "/text"))).collect()
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
