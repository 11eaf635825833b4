//! Genesys Cloud: signed webhooks, the simulated API in `api`, and the events of conversations in `events`.

pub mod api;
pub mod events;

use crate::harness::stack::{Stack, TestIntegration, WEBHOOK_SECRET};
use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::Value;
use shared::signature::hub;
use uuid::Uuid;

/// A message of the platform. Names in angle brackets are placeholders.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub name: &'static str,
    json: &'static str,
}

macro_rules! samples {
    ($folder:literal: $($name:literal),+) => {
        [$(Sample {
            name: $name,
            json: include_str!(concat!("../../../fixtures/genesys-cloud/", $folder, "/", $name, ".json")),
        },)+]
    };
}

/// Messages from the wire, one of each kind.
pub const WIRE: [Sample; 11] = samples!("wire":
    "text", "media", "template", "quick-replies", "quick-replies-v2", "card", "carousel", "date-picker", "typing",
    "receipt", "receipt-failed"
);

/// The examples of the vendor's documentation, which have fewer fields than the wire.
pub const DOCUMENTATION: [Sample; 4] = samples!("documentation": "text", "media", "template", "typing");

/// The example of the documentation that is not valid JSON: a comma is missing after `direction`, and there is one too
/// many before the end.
pub const BROKEN: [Sample; 1] = samples!("documentation": "receipt-broken");

impl Sample {
    /// Fills in a new id, the current time and these values.
    #[must_use]
    pub fn fill(&self, integration_id: &str, customer: &str) -> Webhook {
        let id = Uuid::new_v4().simple().to_string();
        let now = Timestamp::now().to_string();
        let json = self
            .json
            .replace("<Messaging Platform Message ID>", &id)
            .replace("<Original Messaging Platform Message ID>", &id)
            .replace("<Integration ID>", integration_id)
            .replace("<Customer>", customer)
            .replace("<Time>", &now)
            // The documentation's typing event has expired, and five seconds are short on a busy machine.
            .replace("2023-09-25T13:41:24.276Z", &now)
            .replace("\"duration\": 5000", "\"duration\": 600000");
        Webhook::new(json)
    }
}

#[must_use]
pub fn text(integration: &TestIntegration, customer: &str, text: &str) -> Webhook {
    let mut webhook: Value =
        serde_json::from_slice(&WIRE[0].fill(&integration.integration_id, customer).body).expect("a sample");
    webhook["text"] = text.into();
    Webhook::new(webhook.to_string())
}

#[derive(Debug, Clone)]
pub struct Webhook {
    /// The exact bytes.
    pub body: Vec<u8>,
    /// The header `X-Hub-Signature-256`.
    pub signature: Option<String>,
    pub content_type: &'static str,
}

/// A response of a function.
#[derive(Debug)]
pub struct ApiResponse {
    pub status: StatusCode,
    pub body: Value,
    pub content_type: String,
    pub retry_after: Option<String>,
    pub replayed: bool,
    /// Whether the request is executed later, as it prefers.
    pub preference_applied: bool,
    pub request_id: Option<String>,
}

impl ApiResponse {
    pub async fn read(response: reqwest::Response) -> Self {
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self {
            status: response.status(),
            content_type: header("content-type").unwrap_or_default(),
            retry_after: header("retry-after"),
            replayed: header("idempotency-replayed").is_some(),
            preference_applied: header("preference-applied").as_deref() == Some("respond-async"),
            request_id: header("x-request-id"),
            body: response.bytes().await.ok().and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default(),
        }
    }

    /// Asserts a problem of this status and type.
    pub fn assert_problem(&self, status: u16, problem: &str) {
        assert_eq!(status, self.status.as_u16(), "{:?}", self.body);
        assert_eq!("application/problem+json", self.content_type);
        assert_eq!(format!("urn:patchbay:problem:{problem}"), self.body["type"]);
        assert_eq!(status, self.body["status"]);
        assert!(self.body["instance"].as_str().is_some_and(|instance| instance.starts_with("urn:patchbay:request:")));
    }
}

impl Webhook {
    /// A correctly signed webhook.
    #[must_use]
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), signature: None, content_type: "application/json" }.signed_with(WEBHOOK_SECRET)
    }

    #[must_use]
    pub fn signed_with(mut self, secret: &str) -> Self {
        self.signature = Some(hub::sign_sha256(&self.body, &secret.into()));
        self
    }

    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the webhook's body is JSON")
    }

    #[must_use]
    pub fn id(&self) -> String {
        self.json()["id"].as_str().expect("the webhook has an id").to_owned()
    }

    pub async fn post_to(&self, stack: &Stack, url: &str) -> ApiResponse {
        let mut request = stack.http.post(url).header("content-type", self.content_type).body(self.body.clone());
        if let Some(signature) = &self.signature {
            request = request.header("x-hub-signature-256", signature);
        }
        ApiResponse::read(request.send().await.expect("the stack answers")).await
    }

    pub async fn post(&self, stack: &Stack, integration: &TestIntegration) -> ApiResponse {
        self.post_to(stack, &integration.webhook_url()).await
    }

    /// Posts it and asserts that it is accepted. Like the platform, retries up to five times after a 5xx.
    pub async fn accepted(&self, stack: &Stack, integration: &TestIntegration) {
        let mut answer = self.post(stack, integration).await;
        for _ in 0..5 {
            if answer.status.is_server_error() {
                answer = self.post(stack, integration).await;
            }
        }
        assert_eq!(StatusCode::OK, answer.status, "{:?}", answer.body);
        assert_eq!(self.json()["id"], answer.body["messageId"]);
    }
}
