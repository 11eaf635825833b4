//! The SMS gateway of `examples/sms-gateway`. It takes messages as forms, checks every field, sends one SMS for each
//! reference, and posts signed forms for statuses and replies.

use crate::harness::listener::listen;
use crate::harness::server::Server;
use crate::simulators::messaging_service::WAIT_TIMEOUT;
use aws_lc_rs::hmac;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use data_encoding::BASE64;
use jiff::Timestamp;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::watch;
use url::form_urlencoded;
use uuid::Uuid;

pub const KEY: &str = "key-of-the-sms-gateway";
/// The company's own number.
pub const NUMBER: &str = "+4930123456";
pub const WEBHOOK_SECRET: &str = "webhook-secret-of-the-sms-gateway";

const FORM: &str = "application/x-www-form-urlencoded";
/// Ten parts.
const LONGEST_TEXT: usize = 1_530;

/// A message to a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sms {
    pub reference: String,
    pub to: String,
    pub text: String,
}

/// The running gateway. It ends when this is dropped.
pub struct SmsGateway {
    pub url: String,
    gateway: Arc<Gateway>,
    http: reqwest::Client,
    _server: Server,
}

struct Gateway {
    /// Each SMS once, in order.
    sent: watch::Sender<Vec<Sms>>,
    /// The reference of each authorised request, repeats included.
    requests: watch::Sender<Vec<String>>,
    /// The statuses of the next answers to requests that are not carried out.
    failures: Mutex<VecDeque<u16>>,
    /// Whether requests are answered, after they have been carried out.
    answers: watch::Sender<bool>,
}

impl SmsGateway {
    #[must_use]
    pub fn start() -> Self {
        Self::on(listen())
    }

    #[must_use]
    pub fn on(listener: TcpListener) -> Self {
        let gateway = Arc::new(Gateway {
            sent: watch::Sender::default(),
            requests: watch::Sender::default(),
            failures: Mutex::default(),
            answers: watch::Sender::new(true),
        });
        let router = Router::new().route("/messages", post(take)).with_state(Arc::clone(&gateway));
        let server = Server::on(listener, router);
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        Self { url: server.origin.clone(), gateway, http, _server: server }
    }

    /// All SMS, and notice of each new one.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Vec<Sms>> {
        self.gateway.sent.subscribe()
    }

    /// Waits until there are `count` SMS, and returns all of them.
    pub async fn wait_for(&self, count: usize) -> Vec<Sms> {
        let mut sent = self.subscribe();
        let waiting = tokio::time::timeout(WAIT_TIMEOUT, sent.wait_for(|sent| sent.len() >= count)).await;
        waiting.unwrap_or_else(|_| panic!("not sent; so far: {:?}", self.sent())).expect("the gateway is there").clone()
    }

    #[must_use]
    pub fn sent(&self) -> Vec<Sms> {
        self.gateway.sent.borrow().clone()
    }

    /// Waits until there were `count` authorised requests, and returns their references, repeats included.
    pub async fn wait_for_requests(&self, count: usize) -> Vec<String> {
        let mut requests = self.gateway.requests.subscribe();
        let waiting = tokio::time::timeout(WAIT_TIMEOUT, requests.wait_for(|requests| requests.len() >= count)).await;
        waiting.expect("requests in time").expect("the gateway is there").clone()
    }

    /// Answers the next requests with these statuses, and sends nothing.
    pub fn fail(&self, statuses: impl IntoIterator<Item = u16>) {
        self.gateway.failures.lock().expect("no panic").extend(statuses);
    }

    /// Whether it answers requests, after it has carried them out.
    pub fn set_answering(&self, answering: bool) {
        self.gateway.answers.send_replace(answering);
    }

    /// Reports a status to the messaging service at `url`. Returns the status of the answer.
    pub async fn report(
        &self,
        url: &str,
        reference: &str,
        status: &str,
        error: Option<(&str, &str)>,
    ) -> reqwest::Result<u16> {
        let mut form = vec![("reference", reference), ("status", status)];
        if let Some((code, detail)) = error {
            form.extend([("code", code), ("detail", detail)]);
        }
        self.post(&format!("{url}/statuses"), &form, WEBHOOK_SECRET).await
    }

    /// Hands a customer's reply to the messaging service at `url`. Returns the status of the answer.
    pub async fn reply(&self, url: &str, id: &str, from: &str, text: &str) -> reqwest::Result<u16> {
        let form =
            [("id", id), ("from", from), ("to", NUMBER), ("text", text), ("time", &Timestamp::now().to_string())];
        self.post(&format!("{url}/replies"), &form, WEBHOOK_SECRET).await
    }

    /// Posts a form that is signed with this secret. Returns the status of the answer.
    pub async fn post(&self, url: &str, form: &[(&str, &str)], secret: &str) -> reqwest::Result<u16> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signature = BASE64.encode(hmac::sign(&key, body.as_bytes()).as_ref());
        let request = self.http.post(url).header(header::CONTENT_TYPE, FORM).header("x-gateway-signature", signature);
        Ok(request.body(body).send().await?.status().as_u16())
    }
}

/// Whether it is a phone number as E.164 has it.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
}

/// The SMS that a form asks for. Every field must be there, once, and no other.
fn read(body: &[u8]) -> Result<Sms, (&'static str, &'static str)> {
    let mut fields: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    fields.sort();
    let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
    if names != ["from", "reference", "text", "to"] {
        return Err(("100", "The fields are from, reference, text and to."));
    }
    let [from, reference, text, to] = [0, 1, 2, 3].map(|index| fields[index].1.clone());
    if from != NUMBER || reference.is_empty() || reference.len() > 128 || text.is_empty() {
        return Err(("100", "A field has no valid value."));
    }
    if !is_number(&to) {
        return Err(("101", "Not a number."));
    }
    if text.chars().count() > LONGEST_TEXT {
        return Err(("102", "Too long."));
    }
    Ok(Sms { reference, to, text })
}

async fn take(State(gateway): State<Arc<Gateway>>, headers: HeaderMap, body: Bytes) -> Response {
    let is = |name: header::HeaderName, value: &str| headers.get(name).is_some_and(|given| given == value);
    if !is(header::AUTHORIZATION, &format!("Bearer {KEY}")) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if !is(header::CONTENT_TYPE, FORM) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let sms = match read(&body) {
        Ok(sms) => sms,
        Err((code, detail)) => {
            return (StatusCode::BAD_REQUEST, Json(json!({"code": code, "detail": detail}))).into_response();
        }
    };
    gateway.requests.send_modify(|requests| requests.push(sms.reference.clone()));
    if let Some(status) = gateway.failures.lock().expect("no panic").pop_front() {
        return StatusCode::from_u16(status).expect("a status").into_response();
    }
    let earlier = gateway.sent.borrow().iter().find(|earlier| earlier.reference == sms.reference).cloned();
    match earlier {
        None => gateway.sent.send_modify(|sent| sent.push(sms)),
        Some(earlier) if earlier == sms => {}
        Some(_) => return StatusCode::CONFLICT.into_response(),
    }
    gateway.answers.subscribe().wait_for(|answering| *answering).await.expect("the gateway is there");
    (StatusCode::ACCEPTED, Json(json!({"id": Uuid::new_v4().to_string()}))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_documented_form_is_read() {
        let form = "to=%2B4915112345678&from=%2B4930123456&text=Hello&reference=r";
        let sms = Sms { reference: "r".to_owned(), to: "+4915112345678".to_owned(), text: "Hello".to_owned() };
        assert_eq!(Ok(sms), read(form.as_bytes()));
        let long = "x".repeat(LONGEST_TEXT + 1);
        for (from, to, code) in [
            ("text=Hello", "", "100"),
            ("text=Hello", "text=Hello&text=Hello", "100"),
            ("text=Hello", "text=Hello&flash=1", "100"),
            ("text=Hello", "text=", "100"),
            ("from=%2B4930123456", "from=%2B4930123457", "100"),
            ("to=%2B4915112345678", "to=customer-17", "101"),
            ("text=Hello", &format!("text={long}"), "102"),
        ] {
            assert_eq!(Some(code), read(form.replace(from, to).as_bytes()).err().map(|error| error.0), "{to}");
        }
    }
}
