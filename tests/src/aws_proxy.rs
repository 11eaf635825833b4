//! Stands between a function and the emulated AWS: counts the calls, and makes some of them fail.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The running proxy; it ends when this is dropped.
pub struct AwsProxy {
    /// Where the function finds AWS.
    pub url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// One call to AWS.
#[derive(Debug, Clone)]
pub struct Call {
    /// The operation, such as `SendMessage`.
    pub operation: String,
    /// What it was called with.
    pub input: Value,
}

struct Shared {
    upstream: String,
    http: reqwest::Client,
    calls: Mutex<Vec<Call>>,
    out_of_reach: Mutex<HashSet<String>>,
}

impl Drop for AwsProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl AwsProxy {
    /// Starts one before the stack's emulated AWS.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            upstream: std::env::var("AWS_ENDPOINT_URL").expect("the stack is up"),
            http: reqwest::Client::builder().no_proxy().build().expect("an HTTP client"),
            calls: Mutex::default(),
            out_of_reach: Mutex::default(),
        });
        let router = Router::new().fallback(forward).layer(DefaultBodyLimit::disable()).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("the proxy runs") });
        Self { url, shared, server }
    }

    /// From now on operation `name` (such as `SendMessage`) answers 500.
    pub fn cut(&self, name: &str) {
        self.shared.out_of_reach.lock().expect("no panic").insert(name.to_owned());
    }

    /// From now on everything works again.
    pub fn restore(&self) {
        self.shared.out_of_reach.lock().expect("no panic").clear();
    }

    /// The calls since this was asked last.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.shared.calls.lock().expect("no panic"))
    }

    /// The operations called since this was asked last.
    #[must_use]
    pub fn take_operations(&self) -> Vec<String> {
        self.take_calls().into_iter().map(|call| call.operation).collect()
    }
}

async fn forward(State(proxy): State<Arc<Shared>>, uri: Uri, mut headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let input = serde_json::from_slice(&body).unwrap_or_default();
    proxy.calls.lock().expect("no panic").push(Call { operation: operation.clone(), input });
    if proxy.out_of_reach.lock().expect("no panic").contains(&operation) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    headers.remove("host");
    let answer = proxy.http.post(format!("{}{uri}", proxy.upstream)).headers(headers).body(body).send().await;
    let answer = answer.expect("the emulated AWS answers");
    let (status, content_type) = (answer.status(), answer.headers().get("content-type").cloned());
    let mut response = (status, answer.bytes().await.expect("a body")).into_response();
    if let Some(content_type) = content_type {
        response.headers_mut().insert("content-type", content_type);
    }
    response
}
