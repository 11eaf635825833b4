//! Genesys Multicloud CX: signed webhooks. The simulated API is in `api`.

pub mod api;

use crate::harness::caller::callers;
use crate::harness::stack::{SIGNING_SECRET, Stack, TestIntegration};
use crate::simulators::genesys_cloud::ApiResponse;
use crate::simulators::multicloud_cx::api::{APP_SECRET, CONTACT_CENTER_ID};
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::signature::hub;
use uuid::Uuid;

/// A message of the platform. Names in angle brackets are placeholders.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub name: &'static str,
    json: &'static str,
}

macro_rules! samples {
    ($($name:literal),+) => {
        [$(Sample { name: $name, json: include_str!(concat!("../../../fixtures/multicloud-cx/", $name, ".json")) },)+]
    };
}

/// The vendor's two printed examples, with their printing errors corrected, and one message of each other kind after
/// their pattern.
pub const SAMPLES: [Sample; 6] = samples!("sms", "email", "rich-media", "receipt", "unknown-type", "interactions");

#[must_use]
pub fn sample(name: &str) -> Sample {
    *SAMPLES.iter().find(|sample| sample.name == name).unwrap_or_else(|| panic!("there is no sample {name}"))
}

/// The configuration of an integration with this channel.
#[must_use]
pub fn configuration(api_base_url: &str, channel_id: &str, delivery_url: &str) -> Value {
    json!({
        "platform": "multicloud-cx",
        "apiBaseUrl": api_base_url,
        "contactCenterId": CONTACT_CENTER_ID,
        "channelId": channel_id,
        "appSecrets": [APP_SECRET],
        "delivery": {"url": delivery_url, "signingSecrets": [SIGNING_SECRET]},
        "callers": callers(),
    })
}

impl Sample {
    /// The message with a new id.
    #[must_use]
    pub fn fill(&self, channel_id: &str, customer: &str) -> Webhook {
        let json = self
            .json
            .replace("<Message>", &Uuid::new_v4().to_string())
            .replace("<Channel>", channel_id)
            .replace("<Customer>", customer);
        Webhook::new(json)
    }
}

#[derive(Debug, Clone)]
pub struct Webhook {
    /// The exact bytes.
    pub body: Vec<u8>,
    /// The header `X-Hub-Signature`.
    pub signature: Option<String>,
    /// The header `X-B3-TraceId`.
    pub trace_id: Option<String>,
}

impl Webhook {
    /// A correctly signed webhook.
    #[must_use]
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), signature: None, trace_id: None }.signed_with(APP_SECRET)
    }

    #[must_use]
    pub fn signed_with(mut self, secret: &str) -> Self {
        self.signature = Some(hub::sign_sha1(&self.body, &secret.into()));
        self
    }

    #[must_use]
    pub fn with_trace_id(self, trace_id: &str) -> Self {
        Self { trace_id: Some(trace_id.to_owned()), ..self }
    }

    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the webhook's body is JSON")
    }

    #[must_use]
    pub fn id(&self) -> String {
        self.json()["channel"]["messageId"].as_str().expect("the webhook has an id").to_owned()
    }

    pub async fn post(&self, stack: &Stack, integration: &TestIntegration) -> ApiResponse {
        let request = stack.http.post(integration.webhook_url()).header("content-type", "application/json");
        let mut request = request.body(self.body.clone());
        for (name, value) in [("x-hub-signature", &self.signature), ("x-b3-traceid", &self.trace_id)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        ApiResponse::read(request.send().await.expect("the stack answers")).await
    }

    /// Posts it and asserts that it is accepted in the platform's form. Like the platform, retries up to five times
    /// after a 5xx.
    pub async fn accepted(&self, stack: &Stack, integration: &TestIntegration) {
        let mut answer = self.post(stack, integration).await;
        for _ in 0..5 {
            if answer.status.is_server_error() {
                answer = self.post(stack, integration).await;
            }
        }
        assert_eq!((StatusCode::OK, json!({"messageId": self.id()})), (answer.status, answer.body));
    }
}
