//! Sends what the customer writes to Patchbay.

use crate::own::Outgoing;
use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::Timestamp;
use reqwest::{Response, StatusCode, Url};
use serde_json::Value;
use shared::http_client::retry_after;
use shared::signature::standard_webhooks::{SigningSecret, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, sign};
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// Longer than Patchbay's own timeout.
const WAIT_TIMEOUT: Duration = Duration::from_secs(35);
/// The customer waits no longer than this for the next attempt.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Patchbay's inbound endpoints.
pub(crate) struct Inbound {
    url: String,
    secret: SigningSecret,
    /// Whether Patchbay asks for the conversation of each message: then it knows whose conversation it is before an agent
    /// writes.
    prefetches_conversation: bool,
    http: reqwest::Client,
}

struct Refusal {
    reason: String,
    again: Again,
}

enum Again {
    Never,
    /// After the usual delay, or after `Retry-After`.
    After(Option<Duration>),
}

impl Inbound {
    /// Reads `INBOUND_URL` and `CALLER_SECRET`. `None` without them.
    pub(crate) fn from_environment() -> Result<Option<Self>, Box<dyn Error>> {
        let (Ok(url), Ok(secret)) = (std::env::var("INBOUND_URL"), std::env::var("CALLER_SECRET")) else {
            return Ok(None);
        };
        let parsed: Url = url.parse()?;
        let mut http = reqwest::Client::builder().no_proxy().timeout(WAIT_TIMEOUT);
        // Not every resolver maps names under localhost to this machine.
        if let (Some(host), Some(port)) = (parsed.host_str(), parsed.port_or_known_default())
            && host.ends_with(".localhost")
        {
            http = http.resolve(host, SocketAddr::from(([127, 0, 0, 1], port)));
        }
        let url = url.trim_end_matches('/').to_owned();
        let prefetches_conversation = std::env::var("PREFETCH_CONVERSATION").is_ok_and(|value| value == "true");
        Ok(Some(Self { url, secret: SigningSecret::parse(&secret)?, prefetches_conversation, http: http.build()? }))
    }

    /// Sends it with retries: always the same body under the same id, so that it is accepted once. Returns the
    /// platform's id, or why it was refused.
    pub(crate) async fn send(&self, outgoing: &Outgoing) -> Result<String, String> {
        let mut body = outgoing.body.clone();
        if self.prefetches_conversation
            && outgoing.route == "messages"
            && let Some(members) = body.as_object_mut()
        {
            members.insert("prefetchConversationId".to_owned(), true.into());
        }
        let body = body.to_string();
        let id = format!("msg_{}", outgoing.message_id);
        let mut waits = ExponentialBuilder::new().with_min_delay(Duration::from_millis(250)).with_max_times(6).build();
        loop {
            let refusal = match self.attempt(outgoing.route, &id, &body).await {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            let (Again::After(asked_for), Some(wait)) = (refusal.again, waits.next()) else {
                return Err(refusal.reason);
            };
            let wait = asked_for.unwrap_or(wait);
            if wait > MAX_WAIT {
                return Err(refusal.reason);
            }
            sleep(wait).await;
        }
    }

    /// Reports that the customer is typing. Not retried: it would be outdated by then.
    pub(crate) async fn typing(&self, from: Value) {
        let body = serde_json::json!({"from": from, "eventType": "Typing"}).to_string();
        let _ = self.post("events", &format!("msg_{}", Uuid::new_v4()), &body).await;
    }

    async fn attempt(&self, route: &str, id: &str, body: &str) -> Result<String, Refusal> {
        let response = self
            .post(route, id, body)
            .await
            .map_err(|_| Refusal { reason: "Patchbay did not answer.".to_owned(), again: Again::After(None) })?;
        let status = response.status();
        let wait = retry_after(response.headers(), Timestamp::now());
        let answer: Value =
            response.bytes().await.ok().and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
        let word = |field: &str| answer.get(field).and_then(Value::as_str);
        if status.is_success() {
            return Ok(word("id").unwrap_or_default().to_owned());
        }
        let reason = word("detail").or_else(|| word("title")).unwrap_or("Patchbay gave no reason.");
        let again = match status {
            StatusCode::CONFLICT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Again::After(wait),
            _ => Again::Never,
        };
        Err(Refusal { reason: format!("{reason} ({})", status.as_u16()), again })
    }

    async fn post(&self, route: &str, id: &str, body: &str) -> Result<Response, reqwest::Error> {
        let now = Timestamp::now();
        let signature = sign(std::slice::from_ref(&self.secret), id, now, body.as_bytes());
        self.http
            .post(format!("{}/{route}", self.url))
            .header("content-type", "application/json")
            .header(WEBHOOK_ID, id)
            .header(WEBHOOK_TIMESTAMP, now.as_second())
            .header(WEBHOOK_SIGNATURE, signature)
            .body(body.to_owned())
            .send()
            .await
    }
}
