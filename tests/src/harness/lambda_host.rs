//! Runs the real binary of one function behind a Lambda Runtime API, for tests that control the function's environment.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

use crate::harness::server::Server;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{self, DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

const TIMEOUT: Duration = Duration::from_secs(30);

/// A running function. It ends when this is dropped.
pub struct LambdaHost {
    invocations: mpsc::UnboundedSender<Invocation>,
    pending: Pending,
    log: PathBuf,
    process: Child,
    _server: Server,
}

impl Drop for LambdaHost {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.log);
    }
}

struct Invocation {
    id: String,
    event: Value,
    time_allowed: Duration,
}

type Pending = Arc<Mutex<HashMap<String, oneshot::Sender<Value>>>>;

#[derive(Clone)]
struct RuntimeApi {
    invocations: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>>,
    pending: Pending,
}

impl LambdaHost {
    /// Starts the workspace's binary `function` with the stack's environment and these variables.
    pub async fn start(function: &str, environment: &[(&str, &str)]) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let pending = Pending::default();
        let api =
            RuntimeApi { invocations: Arc::new(tokio::sync::Mutex::new(receiver)), pending: Arc::clone(&pending) };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answer))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(answer))
            .layer(DefaultBodyLimit::disable())
            .with_state(api);
        let server = Server::start(router);
        let log = std::env::temp_dir().join(format!("{}.log", Uuid::new_v4()));
        let output = File::create(&log).expect("a temporary file");
        let process = Command::new(binary(function))
            .env("AWS_LAMBDA_RUNTIME_API", server.origin.trim_start_matches("http://"))
            .env("AWS_LAMBDA_FUNCTION_NAME", function)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(output)
            .kill_on_drop(true)
            .spawn()
            .expect("the function starts");
        Self { invocations: sender, pending, log, process, _server: server }
    }

    /// The function's log lines so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the log")
    }

    /// The file with the function's log lines, until this is dropped.
    #[must_use]
    pub fn log_file(&self) -> &Path {
        &self.log
    }

    /// Kills the function, and returns when it has ended.
    pub async fn kill(mut self) {
        self.process.kill().await.expect("the function is killed");
    }

    /// The peak of the memory that the process has had, in KiB.
    #[must_use]
    pub fn peak_memory(&self) -> u64 {
        let id = self.process.id().expect("the function runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("the process's status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
        peak.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Invokes the function and returns its response.
    pub async fn invoke(&self, event: Value) -> Value {
        self.invoke_within(TIMEOUT, event).await
    }

    /// Invokes the function with this time until its deadline.
    pub async fn invoke_within(&self, time_allowed: Duration, event: Value) -> Value {
        let id = Uuid::new_v4().to_string();
        let (sender, receiver) = oneshot::channel();
        self.pending.lock().expect("no panic").insert(id.clone(), sender);
        self.invocations.send(Invocation { id, event, time_allowed }).expect("the runtime API runs");
        tokio::time::timeout(TIMEOUT, receiver).await.expect("the function answers in time").expect("an answer")
    }

    /// Invokes a function behind the HTTP API. Returns the status and the body.
    pub async fn request(&self, path: &str, integration: &str, headers: &[(&str, &str)], body: &str) -> (u64, Value) {
        self.request_within(TIMEOUT, path, integration, headers, body).await
    }

    /// The same with this time until its deadline.
    pub async fn request_within(
        &self,
        time_allowed: Duration,
        path: &str,
        integration: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u64, Value) {
        let headers: HashMap<_, _> = headers.iter().copied().collect();
        let event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
            "headers": headers, "pathParameters": {"integration": integration},
            "requestContext": {
                "accountId": "0", "apiId": "a", "domainName": "localhost", "requestId": "r", "stage": "$default",
                "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
                "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 0,
            },
            "body": body, "isBase64Encoded": false,
        });
        let answer = self.invoke_within(time_allowed, event).await;
        let body = answer["body"].as_str().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
        (answer["statusCode"].as_u64().unwrap_or_default(), body)
    }
}

/// The path of a binary of this workspace, built in the same profile as this test.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a program has a path");
    // Tests are in target/<profile>/deps, programs in the folder above.
    let candidates: Vec<_> = own.ancestors().skip(1).take(2).map(|folder| folder.join(name)).collect();
    let binary = candidates.iter().find(|path| path.exists());
    binary.unwrap_or_else(|| panic!("{name} is not built: run `make test`")).clone()
}

async fn next(State(api): State<RuntimeApi>) -> Response {
    let Some(Invocation { id, event, time_allowed }) = api.invocations.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = Timestamp::now().as_millisecond() + i64::try_from(time_allowed.as_millis()).unwrap_or(i64::MAX);
    let mut headers = HeaderMap::new();
    headers.insert("lambda-runtime-aws-request-id", HeaderValue::from_str(&id).expect("a header value"));
    headers.insert("lambda-runtime-deadline-ms", deadline.into());
    headers.insert("lambda-runtime-invoked-function-arn", HeaderValue::from_static("arn:aws:lambda:local"));
    (headers, event.to_string()).into_response()
}

async fn answer(State(api): State<RuntimeApi>, extract::Path(id): extract::Path<String>, body: Bytes) -> StatusCode {
    let waiting = api.pending.lock().expect("no panic").remove(&id);
    let answer = serde_json::from_slice(&body).unwrap_or_default();
    match waiting.map(|waiting| waiting.send(answer)) {
        Some(Ok(())) => StatusCode::ACCEPTED,
        _ => StatusCode::BAD_REQUEST,
    }
}
