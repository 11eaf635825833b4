//! A proxy between a function or the command and the emulated AWS. It records the calls and makes selected ones fail.
//! Requests to the HTTP API can go through it as well.

use crate::harness::server::Server;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// Only a failing test waits this long for a call.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

pub struct AwsProxy {
    /// The endpoint URL of AWS through this proxy.
    pub url: String,
    shared: Arc<Shared>,
    _server: Server,
}

#[derive(Debug, Clone)]
pub struct Call {
    pub operation: String,
    pub input: Value,
}

/// A text in the responses of an operation, and its replacement.
struct Replacement {
    operation: String,
    from: String,
    to: String,
}

/// Where calls of an operation are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// AWS does not get the call.
    Before,
    /// AWS gets the call, but its answer is not returned.
    After,
}

/// The calls that are held: of this operation, with this text in their input.
struct Held {
    operation: String,
    text: String,
    hold: Hold,
}

struct Shared {
    upstream: String,
    http: reqwest::Client,
    calls: Mutex<Vec<Call>>,
    failing: Mutex<HashMap<String, usize>>,
    denied: Mutex<HashSet<String>>,
    denied_regions: Mutex<HashSet<String>>,
    missing_routes: Mutex<HashSet<String>>,
    dropped_headers: Mutex<HashSet<String>>,
    held: Mutex<Vec<Held>>,
    held_calls: watch::Sender<usize>,
    arrived: watch::Sender<()>,
    rewritten: Mutex<Vec<Replacement>>,
    visible_receives: Mutex<usize>,
    clock_offset: Mutex<SignedDuration>,
}

impl AwsProxy {
    /// Starts a proxy in front of the stack's emulated AWS.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared {
            upstream: std::env::var("AWS_ENDPOINT_URL").expect("the stack is up"),
            http: reqwest::Client::builder().no_proxy().build().expect("an HTTP client"),
            calls: Mutex::default(),
            failing: Mutex::default(),
            denied: Mutex::default(),
            denied_regions: Mutex::default(),
            missing_routes: Mutex::default(),
            dropped_headers: Mutex::default(),
            held: Mutex::default(),
            held_calls: watch::Sender::default(),
            arrived: watch::Sender::default(),
            rewritten: Mutex::default(),
            visible_receives: Mutex::default(),
            clock_offset: Mutex::default(),
        });
        let router = Router::new().fallback(forward).layer(DefaultBodyLimit::disable()).with_state(Arc::clone(&shared));
        let server = Server::start(router);
        Self { url: server.origin.clone(), shared, _server: server }
    }

    /// Operation `name` (such as `SendMessage`, or `cards`, a route) responds 500 from now on.
    pub fn fail_operation(&self, name: &str) {
        self.fail_next(name, usize::MAX);
    }

    /// The next `calls` calls of operation `name` respond 500.
    pub fn fail_next(&self, name: &str, calls: usize) {
        self.shared.failing.lock().expect("no panic").insert(name.to_owned(), calls);
    }

    /// Operation `name` is denied from now on.
    pub fn deny(&self, name: &str) {
        self.shared.denied.lock().expect("no panic").insert(name.to_owned());
    }

    /// All operations in this region are denied from now on.
    pub fn deny_region(&self, region: &str) {
        self.shared.denied_regions.lock().expect("no panic").insert(region.to_owned());
    }

    /// API Gateway has no route whose path ends with `path` from now on.
    pub fn remove_route(&self, path: &str) {
        self.shared.missing_routes.lock().expect("no panic").insert(path.to_owned());
    }

    /// Calls of operation `name` are neither forwarded nor answered from now on.
    pub fn hold(&self, name: &str) {
        self.hold_with(name, "", Hold::Before);
    }

    /// Calls of operation `name` with this text in their input are held from now on.
    pub fn hold_with(&self, name: &str, text: &str, hold: Hold) {
        let held = Held { operation: name.to_owned(), text: text.to_owned(), hold };
        self.shared.held.lock().expect("no panic").push(held);
    }

    /// Waits until a call is held.
    pub async fn wait_for_held_call(&self) {
        let mut held = self.shared.held_calls.subscribe();
        let in_time = tokio::time::timeout(CALL_TIMEOUT, held.wait_for(|calls| *calls > 0)).await.is_ok();
        assert!(in_time, "no call was held");
    }

    /// Waits for a call of operation `name` since the last `take_calls`.
    pub async fn wait_for(&self, name: &str) {
        self.wait_until(|calls| calls.iter().any(|call| call.operation == name)).await;
    }

    /// Waits until `is_enough` holds for the calls since the last `take_calls`, and returns them.
    pub async fn wait_until(&self, is_enough: impl Fn(&[Call]) -> bool) -> Vec<Call> {
        let mut arrived = self.shared.arrived.subscribe();
        let waiting = arrived.wait_for(|()| is_enough(&self.shared.calls.lock().expect("no panic")));
        let in_time = tokio::time::timeout(CALL_TIMEOUT, waiting).await.is_ok();
        assert!(in_time, "calls are missing; so far: {:?}", self.take_operations());
        self.shared.calls.lock().expect("no panic").clone()
    }

    /// Removes this header from all requests.
    pub fn drop_header(&self, name: &str) {
        self.shared.dropped_headers.lock().expect("no panic").insert(name.to_owned());
    }

    /// Replaces `from` by `to` in the responses of operation `name`.
    pub fn rewrite(&self, name: &str, from: &str, to: &str) {
        let replacement = Replacement { operation: name.to_owned(), from: from.to_owned(), to: to.to_owned() };
        self.shared.rewritten.lock().expect("no panic").push(replacement);
    }

    /// Makes the messages of the next `calls` calls of `ReceiveMessage` visible again at once.
    pub fn disable_visibility_timeout(&self, calls: usize) {
        *self.shared.visible_receives.lock().expect("no panic") = calls;
    }

    /// Sets the clock of AWS ahead by this duration.
    pub fn shift_clock(&self, clock_offset: SignedDuration) {
        *self.shared.clock_offset.lock().expect("no panic") = clock_offset;
    }

    /// The URL of the HTTP API through this proxy.
    #[must_use]
    pub fn api_url(&self, api_url: &str) -> String {
        let direct: reqwest::Url = api_url.parse().expect("a URL");
        format!("{}{}", self.url, direct.path())
    }

    /// Ends all failures and changes.
    pub fn restore(&self) {
        let shared = &self.shared;
        shared.failing.lock().expect("no panic").clear();
        let (denied, regions) = (&shared.denied, &shared.denied_regions);
        for names in [denied, regions, &shared.missing_routes, &shared.dropped_headers] {
            names.lock().expect("no panic").clear();
        }
        shared.held.lock().expect("no panic").clear();
        shared.held_calls.send_replace(0);
        shared.rewritten.lock().expect("no panic").clear();
        self.disable_visibility_timeout(0);
        self.shift_clock(SignedDuration::ZERO);
    }

    /// The calls since the last `take_calls`.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.shared.calls.lock().expect("no panic"))
    }

    /// The operations called since the last `take_calls`.
    #[must_use]
    pub fn take_operations(&self) -> Vec<String> {
        self.take_calls().into_iter().map(|call| call.operation).collect()
    }
}

impl Shared {
    /// Whether this call of an operation fails.
    fn fails(&self, operation: &str) -> bool {
        let mut failing = self.failing.lock().expect("no panic");
        let Some(left) = failing.get_mut(operation).filter(|left| **left > 0) else { return false };
        *left -= 1;
        true
    }

    /// Where this call is held.
    fn hold_of(&self, operation: &str, body: &[u8]) -> Option<Hold> {
        let held = self.held.lock().expect("no panic");
        let is_held = |held: &&Held| {
            held.operation == operation && std::str::from_utf8(body).is_ok_and(|body| body.contains(&held.text))
        };
        held.iter().find(is_held).map(|held| held.hold)
    }

    async fn never_answered(&self) -> Response {
        self.held_calls.send_modify(|calls| *calls += 1);
        pending().await
    }

    /// Whether the messages of this call stay visible.
    fn takes_visible_receive(&self) -> bool {
        let mut left = self.visible_receives.lock().expect("no panic");
        let is_visible = *left > 0;
        *left = left.saturating_sub(1);
        is_visible
    }
}

async fn forward(
    State(proxy): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response {
    // Functions open their connections with it; it is no call.
    if uri.path() == "/ping" {
        return "healthy".into_response();
    }
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    // Protocols older than the JSON protocols post a form.
    let form = || url::form_urlencoded::parse(&body).find(|(name, _)| name == "Action").map(|(_, action)| action);
    let operation = match target {
        Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
        None => form().map_or_else(|| by_path(uri.path()).to_owned(), Cow::into_owned),
    };
    let json_protocol = target.is_some();
    let mut input: Value = serde_json::from_slice(&body).unwrap_or_default();
    let body = if operation == "ReceiveMessage" && proxy.takes_visible_receive() {
        input["VisibilityTimeout"] = json!(0);
        headers.remove("content-length");
        Bytes::from(input.to_string())
    } else {
        body
    };
    proxy.calls.lock().expect("no panic").push(Call { operation: operation.clone(), input });
    proxy.arrived.send_replace(());
    let hold = proxy.hold_of(&operation, &body);
    if hold == Some(Hold::Before) {
        return proxy.never_answered().await;
    }
    if proxy.fails(&operation) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let scope = headers.get("authorization").and_then(|scope| scope.to_str().ok()).unwrap_or_default();
    let in_denied_region =
        proxy.denied_regions.lock().expect("no panic").iter().any(|region| scope.contains(&format!("/{region}/")));
    if in_denied_region || proxy.denied.lock().expect("no panic").contains(&operation) {
        return denied(&operation, json_protocol);
    }
    if proxy.missing_routes.lock().expect("no panic").iter().any(|path| uri.path().ends_with(path)) {
        return (StatusCode::NOT_FOUND, axum::Json(json!({"message": "Not Found"}))).into_response();
    }
    for name in proxy.dropped_headers.lock().expect("no panic").iter() {
        headers.remove(name);
    }
    headers.remove("host");
    let answer =
        proxy.http.request(method, format!("{}{uri}", proxy.upstream)).headers(headers).body(body).send().await;
    let answer = answer.expect("the emulated AWS answers");
    let (status, content_type) = (answer.status(), answer.headers().get("content-type").cloned());
    let body = answer.bytes().await.expect("a body");
    if hold == Some(Hold::After) {
        return proxy.never_answered().await;
    }
    let mut response = (status, proxy.rewritten(&operation, body)).into_response();
    if let Some(content_type) = content_type {
        response.headers_mut().insert("content-type", content_type);
    }
    let date = Timestamp::now() + *proxy.clock_offset.lock().expect("no panic");
    let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    response.headers_mut().insert("date", date.parse().expect("a header value"));
    response
}

impl Shared {
    fn rewritten(&self, operation: &str, body: Bytes) -> Bytes {
        let rewritten = self.rewritten.lock().expect("no panic");
        rewritten.iter().filter(|replacement| replacement.operation == operation).fold(
            body,
            |body, Replacement { from, to, .. }| {
                let text = std::str::from_utf8(&body).expect("text");
                // What is listed has several pages.
                let is_page = operation.starts_with("List");
                assert!(is_page || text.contains(from), "there is no {from} in {text}");
                text.replace(from, to).into()
            },
        )
    }
}

/// The operation of a REST API, by its path: those of Lambda that the command calls, and the routes of the HTTP API by the
/// part after the integration.
fn by_path(path: &str) -> &str {
    if let Some((_, route)) = path.split_once("/integrations/") {
        return route.split('/').nth(1).unwrap_or_default();
    }
    match path {
        _ if path.starts_with("/2015-03-31/event-source-mappings/") => "GetEventSourceMapping",
        _ if path.starts_with("/2015-03-31/functions/") && path.ends_with("/configuration") => {
            "GetFunctionConfiguration"
        }
        "/2016-08-19/account-settings" => "GetAccountSettings",
        _ if path.starts_with("/2019-09-30/functions/") && path.ends_with("/concurrency") => "GetFunctionConcurrency",
        _ => "",
    }
}

/// The response of AWS to a denied call.
fn denied(operation: &str, json_protocol: bool) -> Response {
    let message = format!("User: arn:aws:iam::000000000000:user/operator is not authorized to perform: {operation}");
    if json_protocol {
        let error = json!({"__type": "AccessDeniedException", "message": message});
        return (StatusCode::BAD_REQUEST, axum::Json(error)).into_response();
    }
    let error = format!("<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{message}</Message></Error>");
    let body = format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>");
    (StatusCode::FORBIDDEN, [("content-type", "text/xml")], body).into_response()
}
