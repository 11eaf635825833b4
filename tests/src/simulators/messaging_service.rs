//! A messaging service that checks its deliveries, records them, and replies as configured.

use crate::harness::server::Server;
use crate::harness::stack::SIGNING_SECRET;
use crate::simulators::credentials::Credentials;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::stream;
use jiff::Timestamp;
use jsonschema::Validator;
use serde_json::Value;
use shared::model::trace_id::X_B3_TRACE_ID;
use shared::signature::standard_webhooks::{SigningSecret, WEBHOOK_ID, verify};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The time limit of a wait. Only a failing test waits that long.
pub const WAIT_TIMEOUT: Duration = Duration::from_secs(120);

/// The path of deliveries.
const DELIVERIES: &str = "/messages";

/// A delivery attempt with a valid signature.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub path: String,
    pub id: String,
    pub trace_id: Option<String>,
    pub body: Value,
    /// The exact bytes.
    pub raw: Bytes,
    pub at: Instant,
    /// The status of the reply.
    pub answered: StatusCode,
}

impl Attempt {
    /// The platform's id of the message.
    #[must_use]
    pub fn message_id(&self) -> &str {
        self.body["data"]["messageId"].as_str().unwrap_or_default()
    }

    #[must_use]
    pub fn text(&self) -> &str {
        self.body["data"]["text"].as_str().unwrap_or_default()
    }

    #[must_use]
    pub fn customer(&self) -> &str {
        self.body["data"]["to"]["id"].as_str().unwrap_or_default()
    }
}

/// The reply to an attempt.
#[derive(Debug, Clone)]
pub struct Reply {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    body: String,
    delay: Duration,
    gate: Option<watch::Receiver<bool>>,
    ends: bool,
}

impl Reply {
    #[must_use]
    pub fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).expect("a status");
        Self { status, headers: Vec::new(), body: String::new(), delay: Duration::ZERO, gate: None, ends: true }
    }

    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    #[must_use]
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    /// Delays the reply.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sends the head of the reply, and no end of its body.
    #[must_use]
    pub fn without_end(mut self) -> Self {
        self.ends = false;
        self
    }

    /// Holds the reply until the gate is open.
    #[must_use]
    pub fn through(mut self, gate: watch::Receiver<bool>) -> Self {
        self.gate = Some(gate);
        self
    }
}

/// Decides the reply from the attempt and the number of earlier attempts with the same id.
type Handler = dyn Fn(&Attempt, usize) -> Reply + Send + Sync;

/// The running service. It ends when this is dropped.
pub struct MessagingService {
    /// The URL of deliveries.
    pub url: String,
    attempts: Arc<Attempts>,
    server: Server,
}

struct Attempts {
    all: Mutex<Vec<Attempt>>,
    count: watch::Sender<usize>,
    handler: Box<Handler>,
    secrets: Credentials,
    schema: Validator,
    /// Violations of the published schema.
    faults: Mutex<Vec<String>>,
}

impl MessagingService {
    /// Starts one that accepts everything.
    pub async fn start() -> Self {
        Self::with_handler(|_, _| Reply::status(200)).await
    }

    /// Starts one that replies with `handler`.
    pub async fn with_handler(handler: impl Fn(&Attempt, usize) -> Reply + Send + Sync + 'static) -> Self {
        let attempts = Arc::new(Attempts {
            all: Mutex::default(),
            count: watch::Sender::new(0),
            handler: Box::new(handler),
            secrets: Credentials::of(SIGNING_SECRET),
            schema: delivery_schema(),
            faults: Mutex::default(),
        });
        let router = Router::new().fallback(take).with_state(Arc::clone(&attempts));
        let server = Server::start(router);
        Self { url: format!("{}{DELIVERIES}", server.origin), attempts, server }
    }

    /// Another URL of the service, which accepts posts as well.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.server.origin)
    }

    /// The accepted signing secrets.
    #[must_use]
    pub fn secrets(&self) -> &Credentials {
        &self.attempts.secrets
    }

    /// All attempts so far, in order.
    #[must_use]
    pub fn attempts(&self) -> Vec<Attempt> {
        assert_eq!(0, self.secrets().refused(), "a delivery had no valid signature");
        let faults = self.attempts.faults.lock().expect("no panic").clone();
        assert!(faults.is_empty(), "a delivery violates the schema: {faults:#?}");
        self.attempts.all.lock().expect("no panic").clone()
    }

    /// The attempts with a 2xx reply.
    #[must_use]
    pub fn accepted(&self) -> Vec<Attempt> {
        self.attempts().into_iter().filter(|attempt| attempt.answered.is_success()).collect()
    }

    /// Waits until `is_enough` holds for all attempts, and returns them.
    pub async fn wait_until(&self, enough: impl Fn(&[Attempt]) -> bool) -> Vec<Attempt> {
        let mut count = self.attempts.count.subscribe();
        let waiting = count.wait_for(|_| enough(&self.attempts()));
        if tokio::time::timeout(WAIT_TIMEOUT, waiting).await.is_err() {
            let seen: Vec<_> = self.attempts().iter().map(|attempt| (attempt.id.clone(), attempt.answered)).collect();
            panic!("timed out; so far: {seen:?}");
        }
        self.attempts()
    }

    /// Waits until the message with this id is accepted.
    pub async fn wait_for(&self, message_id: &str) -> Attempt {
        let there = |attempt: &&Attempt| attempt.message_id() == message_id && attempt.answered.is_success();
        let attempts = self.wait_until(|attempts| attempts.iter().any(|attempt| there(&attempt))).await;
        attempts.iter().find(there).expect("it is there").clone()
    }
}

/// The published schema.
fn delivery_schema() -> Validator {
    let schema = serde_json::from_str(include_str!("../../../shared/schema/delivery.schema.json")).expect("JSON");
    jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema")
}

async fn take(State(attempts): State<Arc<Attempts>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let now = Timestamp::now();
    let signed_with =
        |secret: &str| verify(&headers, &body, &[SigningSecret::parse(secret).expect("a secret")], now).is_ok();
    if !attempts.secrets.take(signed_with) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut attempt = Attempt {
        path: uri.path().to_owned(),
        id: headers[WEBHOOK_ID].to_str().expect("a printable id").to_owned(),
        trace_id: headers.get(X_B3_TRACE_ID).and_then(|id| id.to_str().ok()).map(str::to_owned),
        body: serde_json::from_slice(&body).expect("a delivery is JSON"),
        raw: body,
        at: Instant::now(),
        answered: StatusCode::OK,
    };
    if attempt.path == DELIVERIES {
        let faults =
            attempts.schema.iter_errors(&attempt.body).map(|error| format!("{} {error}", error.instance_path()));
        attempts.faults.lock().expect("no panic").extend(faults);
    }
    let reply = {
        let mut all = attempts.all.lock().expect("no panic");
        let before = all.iter().filter(|earlier| earlier.id == attempt.id).count();
        let reply = (attempts.handler)(&attempt, before);
        attempt.answered = reply.status;
        all.push(attempt);
        reply
    };
    attempts.count.send_modify(|count| *count += 1);
    tokio::time::sleep(reply.delay).await;
    if let Some(mut gate) = reply.gate {
        gate.wait_for(|open| *open).await.expect("the gate is held by the test");
    }
    let body = match reply.ends {
        true => Body::from(reply.body),
        false => Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()),
    };
    let mut response = (reply.status, body).into_response();
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value.parse().expect("a header value"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_published_schema_accepts_deliveries_and_nothing_else() {
        let schema = delivery_schema();
        let data = json!({
            "integration": "acme", "platform": "highlevel", "messageId": "m", "direction": "Outbound",
            "intent": "sent", "time": "2026-01-02T03:04:05Z", "original": {},
        });
        let delivery = json!({"type": "message.email", "timestamp": "2026-01-02T03:04:05Z", "data": data});
        assert!(schema.is_valid(&delivery));
        let test = json!({"type": "test", "timestamp": "2026-01-02T03:04:05Z", "data": {"integration": "acme"}});
        assert!(schema.is_valid(&test));
        for (pointer, value) in [
            ("/type", json!("message.fax")),
            ("/timestamp", json!("yesterday")),
            ("/data/subject", json!(5)),
            ("/data/durationSeconds", json!(5)),
            ("/data/messageId", json!("")),
            ("/data/intent", json!("maybe")),
            ("/data/intent", Value::Null),
            ("/data/to", json!({"address": "c"})),
        ] {
            let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
            let mut wrong = delivery.clone();
            wrong.pointer_mut(parent).expect("an object")[field] = value;
            assert!(!schema.is_valid(&wrong), "{pointer}");
        }
    }
}
