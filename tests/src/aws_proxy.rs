//! Stands between a function, or the command, and the emulated AWS: counts the calls, and makes some of them fail. What
//! goes to the HTTP API can go through it as well.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
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
    forbidden: Mutex<HashSet<String>>,
    missing_routes: Mutex<HashSet<String>>,
    dropped_headers: Mutex<HashSet<String>>,
    ahead: Mutex<SignedDuration>,
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
            forbidden: Mutex::default(),
            missing_routes: Mutex::default(),
            dropped_headers: Mutex::default(),
            ahead: Mutex::default(),
        });
        let router = Router::new().fallback(forward).layer(DefaultBodyLimit::disable()).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("the proxy runs") });
        Self { url, shared, server }
    }

    /// From now on operation `name` (such as `SendMessage`) answers 500.
    pub fn cut(&self, name: &str) {
        self.shared.out_of_reach.lock().expect("no panic").insert(name.to_owned());
    }

    /// From now on the caller may not call operation `name`.
    pub fn forbid(&self, name: &str) {
        self.shared.forbidden.lock().expect("no panic").insert(name.to_owned());
    }

    /// From now on API Gateway has no route whose path ends so.
    pub fn remove_route(&self, path: &str) {
        self.shared.missing_routes.lock().expect("no panic").insert(path.to_owned());
    }

    /// From now on requests lose this header on their way.
    pub fn drop_header(&self, name: &str) {
        self.shared.dropped_headers.lock().expect("no panic").insert(name.to_owned());
    }

    /// From now on the clock of AWS is ahead by so much.
    pub fn shift_clock(&self, ahead: SignedDuration) {
        *self.shared.ahead.lock().expect("no panic") = ahead;
    }

    /// Where the HTTP API is found through this proxy.
    #[must_use]
    pub fn api_url(&self, direct_api_url: &str) -> String {
        let direct: reqwest::Url = direct_api_url.parse().expect("a URL");
        format!("{}{}", self.url, direct.path())
    }

    /// From now on everything works again.
    pub fn restore(&self) {
        let shared = &self.shared;
        for names in [&shared.out_of_reach, &shared.forbidden, &shared.missing_routes, &shared.dropped_headers] {
            names.lock().expect("no panic").clear();
        }
        self.shift_clock(SignedDuration::ZERO);
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
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    // What is older than the JSON protocols posts a form.
    let form = || url::form_urlencoded::parse(&body).find(|(name, _)| name == "Action").map(|(_, action)| action);
    let operation = match target {
        Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
        None => form().unwrap_or_default().into_owned(),
    };
    let input = serde_json::from_slice(&body).unwrap_or_default();
    proxy.calls.lock().expect("no panic").push(Call { operation: operation.clone(), input });
    if proxy.out_of_reach.lock().expect("no panic").contains(&operation) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    if proxy.forbidden.lock().expect("no panic").contains(&operation) {
        return forbidden(&operation, target.is_some());
    }
    if proxy.missing_routes.lock().expect("no panic").iter().any(|path| uri.path().ends_with(path)) {
        return (StatusCode::NOT_FOUND, axum::Json(json!({"message": "Not Found"}))).into_response();
    }
    for name in proxy.dropped_headers.lock().expect("no panic").iter() {
        headers.remove(name);
    }
    headers.remove("host");
    let answer = proxy.http.post(format!("{}{uri}", proxy.upstream)).headers(headers).body(body).send().await;
    let answer = answer.expect("the emulated AWS answers");
    let (status, content_type) = (answer.status(), answer.headers().get("content-type").cloned());
    let mut response = (status, answer.bytes().await.expect("a body")).into_response();
    if let Some(content_type) = content_type {
        response.headers_mut().insert("content-type", content_type);
    }
    let date = Timestamp::now() + *proxy.ahead.lock().expect("no panic");
    let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    response.headers_mut().insert("date", date.parse().expect("a header value"));
    response
}

/// What AWS answers to who may not call the operation.
fn forbidden(operation: &str, json_protocol: bool) -> Response {
    let message = format!("User: arn:aws:iam::000000000000:user/operator is not authorized to perform: {operation}");
    if json_protocol {
        let error = json!({"__type": "AccessDeniedException", "message": message});
        return (StatusCode::BAD_REQUEST, axum::Json(error)).into_response();
    }
    let error = format!("<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{message}</Message></Error>");
    let body = format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>");
    (StatusCode::FORBIDDEN, [("content-type", "text/xml")], body).into_response()
}
