//! Genesys Cloud as far as we call it: tokens, agentless messages and receipts. It checks every request against the
//! published models as strictly as the real one, and it can be told to fail.

mod models;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use data_encoding::BASE64;
use models::Invalid;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::messaging_service::PATIENCE;

/// The OAuth client that it knows.
pub const CLIENT_ID: &str = "client-of-the-tests";
/// That client's secret.
pub const CLIENT_SECRET: &str = "client-secret-of-the-tests";
/// How many calls a token may make in a minute.
const ALLOWED_A_MINUTE: usize = 300;

/// How a call is to go wrong.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The token is no longer good.
    TokenRevoked,
    /// It answers with this status, and does nothing.
    Status(u16),
    /// It wants fewer calls, and says for how many seconds.
    RateLimited(u64),
    /// It takes so long.
    Slow(Duration),
    /// It closes the connection, and does nothing.
    Reset,
    /// It does what is asked, and closes the connection.
    AnswerLost,
}

/// One call that was well-formed, authorised and done.
#[derive(Debug, Clone)]
pub struct Call {
    /// The last part of its path.
    pub operation: &'static str,
    /// Its body.
    pub body: Value,
}

/// The running platform; it ends when this is dropped.
pub struct GenesysCloud {
    /// What an integration's `domain` must be to lead here.
    pub url: String,
    platform: Arc<Platform>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Platform {
    /// How many calls each token has made.
    tokens: Mutex<HashMap<String, usize>>,
    token_requests: Mutex<usize>,
    token_faults: Mutex<VecDeque<Fault>>,
    token_life_seconds: Mutex<u64>,
    faults: Mutex<VecDeque<Fault>>,
    calls: Mutex<Vec<Call>>,
    attempts: watch::Sender<usize>,
}

impl Drop for GenesysCloud {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl GenesysCloud {
    /// Starts it.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let platform = Arc::new(Platform { token_life_seconds: Mutex::new(86_400), ..Platform::default() });
        let router = Router::new()
            .route("/oauth/token", post(token))
            .route("/api/v2/conversations/messages/agentless", post(agentless))
            .route("/api/v2/conversations/messages/{integration}/inbound/open/receipt", post(receipt))
            .with_state(Arc::clone(&platform));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("the platform runs") });
        Self { url, platform, server }
    }

    /// The next calls go wrong so, one after the other.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.platform.faults.lock().expect("no panic").extend(faults);
    }

    /// The next requests for a token go wrong so.
    pub fn fail_tokens(&self, faults: impl IntoIterator<Item = Fault>) {
        self.platform.token_faults.lock().expect("no panic").extend(faults);
    }

    /// How long tokens live from now on.
    pub fn set_token_life(&self, life: Duration) {
        *self.platform.token_life_seconds.lock().expect("no panic") = life.as_secs();
    }

    /// All tokens given out so far are no longer good.
    pub fn revoke_tokens(&self) {
        self.platform.tokens.lock().expect("no panic").clear();
    }

    /// The tokens that are good.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        self.platform.tokens.lock().expect("no panic").keys().cloned().collect()
    }

    /// How many tokens were asked for.
    #[must_use]
    pub fn token_requests(&self) -> usize {
        *self.platform.token_requests.lock().expect("no panic")
    }

    /// All calls that were done.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.platform.calls.lock().expect("no panic").clone()
    }

    /// How many calls came in, whatever became of them.
    #[must_use]
    pub fn attempts(&self) -> usize {
        *self.platform.attempts.borrow()
    }

    /// Waits until so many calls have been done, and returns them.
    pub async fn wait_for_calls(&self, count: usize) -> Vec<Call> {
        let mut attempts = self.platform.attempts.subscribe();
        let waiting = attempts.wait_for(|_| self.calls().len() >= count);
        let in_time = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(in_time, "the platform was not called; so far: {:?}", self.calls());
        self.calls()
    }
}

async fn token(State(platform): State<Arc<Platform>>, headers: HeaderMap, body: String) -> Response {
    *platform.token_requests.lock().expect("no panic") += 1;
    let fault = platform.token_faults.lock().expect("no panic").pop_front();
    if let Some(answer) = fail(fault).await {
        return answer;
    }
    let basic = format!("Basic {}", BASE64.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}").as_bytes()));
    let known = headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes() == basic.as_bytes());
    let form = headers.get(header::CONTENT_TYPE).is_some_and(|value| value == "application/x-www-form-urlencoded");
    if !known {
        let error = json!({"error": "invalid_client", "description": "client not found"});
        return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
    }
    if !form || body != "grant_type=client_credentials" {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "unsupported_grant_type"}))).into_response();
    }
    let token = Uuid::new_v4().to_string();
    platform.tokens.lock().expect("no panic").insert(token.clone(), 0);
    let life = *platform.token_life_seconds.lock().expect("no panic");
    Json(json!({"access_token": token, "token_type": "bearer", "expires_in": life})).into_response()
}

async fn agentless(State(platform): State<Arc<Platform>>, headers: HeaderMap, body: Bytes) -> Response {
    platform
        .done("agentless", &headers, &body, models::agentless, |body| {
            json!({
                "id": Uuid::new_v4().to_string(),
                "conversationId": Uuid::new_v4().to_string(),
                "fromAddress": body["fromAddress"],
                "toAddress": body["toAddress"],
                "messengerType": body["toAddressMessengerType"],
                "timestamp": "2026-01-01T00:00:00.000Z",
                "selfUri": "/api/v2/conversations/messages/agentless",
            })
        })
        .await
}

async fn receipt(
    State(platform): State<Arc<Platform>>,
    Path(integration): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    platform
        .done("receipt", &headers, &body, models::receipt, |body| {
            let mut answer = body.clone();
            answer["type"] = "Receipt".into();
            answer["direction"] = "Outbound".into();
            answer["channel"]["from"] = json!({"id": integration});
            answer
        })
        .await
}

impl Platform {
    /// What every call goes through: faults, the token, the rate limit, the model.
    async fn done(
        &self,
        operation: &'static str,
        headers: &HeaderMap,
        body: &[u8],
        check: fn(&Value) -> Result<(), Invalid>,
        answer: impl FnOnce(&Value) -> Value,
    ) -> Response {
        let fault = self.faults.lock().expect("no panic").pop_front();
        let response = match fault {
            Some(Fault::AnswerLost) => {
                self.work(operation, headers, body, check, answer);
                self.attempts.send_modify(|attempts| *attempts += 1);
                resume_unwind(Box::new("the connection is closed without an answer"))
            }
            Some(Fault::Reset) => {
                self.attempts.send_modify(|attempts| *attempts += 1);
                resume_unwind(Box::new("the connection is closed without an answer"))
            }
            fault => match fail(fault).await {
                Some(response) => response,
                None => self.work(operation, headers, body, check, answer),
            },
        };
        self.attempts.send_modify(|attempts| *attempts += 1);
        response
    }

    fn work(
        &self,
        operation: &'static str,
        headers: &HeaderMap,
        body: &[u8],
        check: fn(&Value) -> Result<(), Invalid>,
        answer: impl FnOnce(&Value) -> Value,
    ) -> Response {
        let Some(count) = self.count(headers) else {
            return error(StatusCode::UNAUTHORIZED, "bad.credentials", "Invalid login credentials.", None);
        };
        let mut response = match read(headers, body, check) {
            _ if count > ALLOWED_A_MINUTE => rate_limited(60),
            Ok(body) => {
                let answer = answer(&body);
                self.calls.lock().expect("no panic").push(Call { operation, body });
                Json(answer).into_response()
            }
            Err(invalid) => error(StatusCode::BAD_REQUEST, "bad.request", &invalid.message, Some(&invalid.field)),
        };
        let headers = response.headers_mut();
        headers.insert("inin-ratelimit-count", count.into());
        headers.insert("inin-ratelimit-allowed", ALLOWED_A_MINUTE.into());
        headers.insert("inin-ratelimit-reset", 42.into());
        headers.insert("inin-correlation-id", Uuid::new_v4().to_string().parse().expect("a header value"));
        response
    }

    /// Counts a call of the bearer token; none if it is not good.
    fn count(&self, headers: &HeaderMap) -> Option<usize> {
        let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
        let mut tokens = self.tokens.lock().expect("no panic");
        let count = tokens.get_mut(token)?;
        *count += 1;
        Some(*count)
    }
}

/// A fault that is an answer, or a wait before one.
async fn fail(fault: Option<Fault>) -> Option<Response> {
    match fault? {
        Fault::TokenRevoked => {
            Some(error(StatusCode::UNAUTHORIZED, "bad.credentials", "Invalid login credentials.", None))
        }
        Fault::Status(status) => {
            let status = StatusCode::from_u16(status).expect("a status");
            Some(error(status, "simulated", "This is simulated.", None))
        }
        Fault::RateLimited(seconds) => Some(rate_limited(seconds)),
        Fault::Slow(delay) => {
            tokio::time::sleep(delay).await;
            None
        }
        Fault::Reset | Fault::AnswerLost => resume_unwind(Box::new("the connection is closed without an answer")),
    }
}

fn read(headers: &HeaderMap, body: &[u8], check: fn(&Value) -> Result<(), Invalid>) -> Result<Value, Invalid> {
    if headers.get(header::CONTENT_TYPE).is_none_or(|value| value != "application/json") {
        return Err(Invalid::new("Content-Type", "must be application/json"));
    }
    let body = serde_json::from_slice(body).map_err(|_| Invalid::new("", "is not JSON"))?;
    check(&body)?;
    Ok(body)
}

fn rate_limited(seconds: u64) -> Response {
    let mut response = error(StatusCode::TOO_MANY_REQUESTS, "too.many.requests", "Rate limit exceeded.", None);
    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    response
}

/// `ErrorBody`.
fn error(status: StatusCode, code: &str, message: &str, field: Option<&str>) -> Response {
    let details: Vec<_> = field.iter().map(|field| json!({"errorCode": code, "fieldName": field})).collect();
    let body = json!({
        "message": message,
        "code": code,
        "status": status.as_u16(),
        "contextId": Uuid::new_v4().to_string(),
        "details": details,
        "errors": [],
    });
    (status, Json(body)).into_response()
}
