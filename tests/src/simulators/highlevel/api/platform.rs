//! The state of the platform, and the checks of every call.

use super::TOKEN;
use super::contacts::Contacts;
use super::oauth::OAuth;
use crate::simulators::credentials::Credentials;
use axum::Json;
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use url::form_urlencoded;

/// The rate limit per ten seconds, as the responses state it.
const ALLOWED: usize = 100;

/// How a call fails.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// Responds with this status without doing the work.
    Status(u16),
    /// Responds that the rate limit is reached, with or without the seconds until the next call.
    RateLimited(Option<u64>),
    /// Closes the connection without doing the work.
    Reset,
    /// Does the work and closes the connection without a response.
    ResponseLost,
}

/// A successful call.
#[derive(Debug, Clone)]
pub struct Call {
    /// Such as `status` or `inbound`.
    pub operation: &'static str,
    pub method: Method,
    pub path: String,
    pub query: Option<String>,
    pub body: Value,
}

pub(super) struct Platform {
    pub(super) tokens: Credentials,
    pub(super) oauth: OAuth,
    pub(super) faults: Mutex<VecDeque<Fault>>,
    /// The operation whose calls fail.
    pub(super) unavailable: Mutex<Option<&'static str>>,
    pub(super) calls: Mutex<Vec<Call>>,
    pub(super) attempts: watch::Sender<usize>,
    /// The number of statuses of a message that are refused, and the status of the refusals.
    pub(super) early: Mutex<(usize, u16)>,
    /// For how long the statuses of a message are refused, and the status of the refusals.
    pub(super) early_time: Mutex<(Duration, u16)>,
    /// The number of statuses of each message, and the time of the first.
    statuses: Mutex<HashMap<String, (usize, Instant)>>,
    pub(super) contacts: Mutex<Contacts>,
    pub(super) scheduled: Mutex<Vec<String>>,
    pub(super) email_events: Mutex<u64>,
}

/// The version that the vendor's own client sends with every call.
const CLIENT_VERSION: &str = "2023-02-21";

/// The versions of the API that have an operation: the documented one first.
fn versions_of(operation: &str) -> &'static [&'static str] {
    match operation {
        "search-duplicate" | "upsert" | "create-contact" | "contact" => &["2021-07-28", CLIENT_VERSION],
        "email-status" => &["v3"],
        _ => &["2021-04-15", CLIENT_VERSION],
    }
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            tokens: Credentials::of(TOKEN),
            oauth: OAuth::default(),
            faults: Mutex::default(),
            unavailable: Mutex::default(),
            calls: Mutex::default(),
            attempts: watch::Sender::default(),
            early: Mutex::default(),
            early_time: Mutex::default(),
            statuses: Mutex::default(),
            contacts: Mutex::default(),
            scheduled: Mutex::default(),
            email_events: Mutex::default(),
        }
    }
}

pub(super) struct Incoming {
    method: Method,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
}

impl<S: Sync> FromRequest<S> for Incoming {
    type Rejection = StatusCode;

    async fn from_request(request: Request, _: &S) -> Result<Self, StatusCode> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.map_err(|_| StatusCode::BAD_REQUEST)?;
        Ok(Self { method: parts.method, headers: parts.headers, uri: parts.uri, body })
    }
}

impl Incoming {
    pub(super) fn read<M: DeserializeOwned>(&self) -> Result<M, Refusal> {
        if self.header("content-type") != Some("application/json") {
            return Err(Refusal::new(415, "The content type must be application/json."));
        }
        let mut json = serde_json::Deserializer::from_slice(&self.body);
        serde_path_to_error::deserialize(&mut json).map_err(|error| Refusal::new(422, &error.to_string()))
    }

    /// A form of a call that authenticates by its fields.
    pub(super) fn read_form<M: DeserializeOwned>(&self) -> Result<M, Refusal> {
        if self.header("content-type") != Some("application/x-www-form-urlencoded") {
            return Err(Refusal::new(415, "The content type must be application/x-www-form-urlencoded."));
        }
        if self.header("authorization").is_some() {
            return Err(Refusal::new(400, "The call has no Authorization header."));
        }
        let fields: serde_json::Map<_, _> = form_urlencoded::parse(&self.body)
            .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
            .collect();
        serde_json::from_value(fields.into()).map_err(|error| Refusal::new(422, &error.to_string()))
    }

    pub(super) fn query(&self) -> HashMap<String, String> {
        form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes()).into_owned().collect()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A failed call.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    retry_after: Option<u64>,
}

impl Refusal {
    pub(super) fn new(status: u16, message: &str) -> Self {
        let status = StatusCode::from_u16(status).expect("a status");
        Self { status, message: message.to_owned(), retry_after: None }
    }

    /// As version `v3` describes errors.
    fn answer_of_v3(self) -> Response {
        let code = self.status.canonical_reason().map(|reason| reason.to_uppercase().replace(' ', "_"));
        let error =
            json!({"code": code, "message": self.message, "details": {}, "resolution": "See the documentation."});
        (self.status, Json(json!({ "error": error }))).into_response()
    }

    /// As the version of this operation describes errors.
    fn answer_of(self, operation: &str) -> Response {
        match versions_of(operation) {
            ["v3"] if self.retry_after.is_none() => self.answer_of_v3(),
            _ => self.answer(),
        }
    }

    pub(super) fn answer(self) -> Response {
        let reason = self.status.canonical_reason();
        let message = match self.status {
            StatusCode::UNPROCESSABLE_ENTITY => json!([self.message]),
            _ => json!(self.message),
        };
        let body = json!({"statusCode": self.status.as_u16(), "message": message, "error": reason, "traceId": "t"});
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl Platform {
    /// Handles a call: faults, the token, the version, and then its own `work`.
    pub(super) fn done(
        &self,
        operation: &'static str,
        incoming: &Incoming,
        work: impl FnOnce() -> Result<Value, Refusal>,
    ) -> Response {
        let is_unavailable = *self.unavailable.lock().expect("no panic") == Some(operation);
        let fault = match is_unavailable {
            true => Some(Fault::Status(503)),
            false => self.faults.lock().expect("no panic").pop_front(),
        };
        let answer = match fault {
            None => Some(self.work(operation, incoming, work)),
            Some(Fault::Status(status)) => Some(Refusal::new(status, "This is simulated.").answer_of(operation)),
            Some(Fault::RateLimited(retry_after)) => {
                Some(Refusal { retry_after, ..Refusal::new(429, "Too many requests.") }.answer())
            }
            Some(Fault::Reset) => None,
            Some(Fault::ResponseLost) => {
                self.work(operation, incoming, work);
                None
            }
        };
        self.attempts.send_modify(|attempts| *attempts += 1);
        // The server drops a connection whose handler unwinds.
        let mut answer = answer.unwrap_or_else(|| resume_unwind(Box::new("closed without an answer")));
        let remaining = ALLOWED.saturating_sub(self.calls.lock().expect("no panic").len());
        for (name, value) in [
            ("x-ratelimit-max", ALLOWED),
            ("x-ratelimit-remaining", remaining),
            ("x-ratelimit-interval-milliseconds", 10_000),
            ("x-ratelimit-limit-daily", 200_000),
            ("x-ratelimit-daily-remaining", 199_000),
            ("x-ratelimit-daily-reset", 3_600_000),
        ] {
            answer.headers_mut().insert(name, value.into());
        }
        answer
    }

    fn work(
        &self,
        operation: &'static str,
        incoming: &Incoming,
        work: impl FnOnce() -> Result<Value, Refusal>,
    ) -> Response {
        let token = incoming.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        if !self.oauth.accepts(token) && !self.tokens.take(|known| token == Some(known)) {
            return Refusal::new(401, "Invalid JWT").answer_of(operation);
        }
        if !incoming.header("version").is_some_and(|version| versions_of(operation).contains(&version)) {
            return Refusal::new(400, "version header was not found.").answer_of(operation);
        }
        match work() {
            Ok(body) => {
                if body.is_null() {
                    return StatusCode::CREATED.into_response();
                }
                let (method, path) = (incoming.method.clone(), incoming.uri.path().to_owned());
                let query = incoming.uri.query().map(str::to_owned);
                let asked = serde_json::from_slice(&incoming.body).unwrap_or_default();
                self.calls.lock().expect("no panic").push(Call { operation, method, path, query, body: asked });
                let status = if operation == "typing" { StatusCode::CREATED } else { StatusCode::OK };
                (status, Json(body)).into_response()
            }
            Err(refusal) => refusal.answer_of(operation),
        }
    }

    /// Refuses a message's first statuses, if configured.
    pub(super) fn check_early(&self, message: &str) -> Result<(), Refusal> {
        let (count, status) = *self.early.lock().expect("no panic");
        let mut statuses = self.statuses.lock().expect("no panic");
        let (before, first) = statuses.entry(message.to_owned()).or_insert_with(|| (0, Instant::now()));
        *before += 1;
        let refused = |status| Err(Refusal::new(status, "not allowed until downstreamed"));
        let (time, timed_status) = *self.early_time.lock().expect("no panic");
        match (*before > count, first.elapsed() < time) {
            (false, _) => refused(status),
            (true, true) => refused(timed_status),
            (true, false) => Ok(()),
        }
    }

    /// Cancels a scheduled message, which is gone after that.
    pub(super) fn cancel(&self, message: &str) -> Result<Value, Refusal> {
        let mut scheduled = self.scheduled.lock().expect("no panic");
        if let Some(index) = scheduled.iter().position(|id| id == message) {
            scheduled.swap_remove(index);
            Ok(json!({"status": 200, "message": "Scheduled message cancelled successfully"}))
        } else {
            Err(Refusal::new(404, "Message not found"))
        }
    }
}
