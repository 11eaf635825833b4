//! Receives deliveries from Patchbay.

use crate::Service;
use crate::terminal::chat_line;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::signature::standard_webhooks::verify;
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// The number of remembered deliveries. A repeat of an older one is shown again.
const REMEMBERED: usize = 10_000;

/// The last deliveries, repeats included.
#[derive(Default)]
pub(crate) struct Deliveries(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    all: VecDeque<Value>,
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Deliveries {
    /// Records the delivery. Returns whether it is the first with this id.
    fn remember(&self, id: &str, delivery: &Value) -> bool {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.all.push_back(json!({"webhookId": id, "delivery": delivery}));
        if remembered.all.len() > REMEMBERED {
            remembered.all.pop_front();
        }
        let first = remembered.ids.insert(id.to_owned());
        if first {
            remembered.order.push_back(id.to_owned());
        }
        if remembered.order.len() > REMEMBERED
            && let Some(oldest) = remembered.order.pop_front()
        {
            remembered.ids.remove(&oldest);
        }
        first
    }

    fn all(&self) -> Vec<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all.iter().cloned().collect()
    }
}

pub(crate) async fn list_all(State(service): State<Arc<Service>>) -> Json<Vec<Value>> {
    Json(service.deliveries.all())
}

/// Takes a delivery. The response to a message reports that it is delivered: it is on the customer's page.
pub(crate) async fn take(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, StatusCode> {
    let id = verify(&headers, &body, std::slice::from_ref(&service.secret), Timestamp::now()).map_err(|error| {
        println!("  ✗ refused: {error}");
        StatusCode::UNAUTHORIZED
    })?;
    let delivery = serde_json::from_slice::<Value>(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let kind = text(&delivery, "/type");
    if kind == "test" {
        println!("  ✓ a test delivery");
        return Ok(Json(json!({})));
    }
    if service.refused_customer.as_deref() == Some(text(&delivery, "/data/to/id")) {
        return Err(StatusCode::UNPROCESSABLE_ENTITY);
    }
    // A delivery may be repeated after a crash, always under the same id. It is shown once.
    if service.deliveries.remember(id, &delivery) {
        println!("{}", chat_line(&delivery));
        service.chats.delivered(id, &delivery);
    }
    let is_message = kind.starts_with("message.");
    Ok(Json(if is_message { json!({"receipt": {"status": "delivered"}}) } else { json!({}) }))
}

/// The customer of a delivery: the recipient or, of a receipt for a customer's message, the sender.
pub(crate) fn customer(delivery: &Value) -> &str {
    let inbound = text(delivery, "/data/direction") == "Inbound";
    text(delivery, if inbound { "/data/from/id" } else { "/data/to/id" })
}

pub(crate) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
