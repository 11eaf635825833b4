//! Genesys Multicloud CX as far as it calls us: signed webhooks.

pub mod api;

use crate::harness::caller::callers;
use crate::harness::stack::{SIGNING_SECRET, Stack, TestIntegration};
use crate::simulators::genesys_cloud::Answer;
use crate::simulators::multicloud_cx::api::{APP_SECRET, CONTACT_CENTER_ID};
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::signature::hub;
use uuid::Uuid;

/// A message as the platform sends it. Names in angle brackets stand for what differs from message to message.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// What it is.
    pub name: &'static str,
    json: &'static str,
}

macro_rules! samples {
    ($($name:literal),+) => {
        [$(Sample { name: $name, json: include_str!(concat!("../../../fixtures/multicloud-cx/", $name, ".json")) },)+]
    };
}

/// The vendor's two printed examples, with what is damaged in them made good, and by their pattern one of each other kind.
pub const SAMPLES: [Sample; 6] = samples!("sms", "email", "rich-media", "receipt", "unknown-type", "interactions");

/// The sample of this name.
///
/// # Panics
/// If there is none.
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
    /// The message with an id of its own.
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

/// A webhook with the headers that the platform would send.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// `X-Hub-Signature`, if there is to be one.
    pub signature: Option<String>,
    /// `X-B3-TraceId`, if there is to be one.
    pub trace_id: Option<String>,
}

impl Webhook {
    /// A well-signed webhook.
    #[must_use]
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), signature: None, trace_id: None }.signed_with(APP_SECRET)
    }

    /// The same, signed with another secret.
    #[must_use]
    pub fn signed_with(mut self, secret: &str) -> Self {
        self.signature = Some(hub::sign_sha1(&self.body, &secret.into()));
        self
    }

    /// The same with a trace.
    #[must_use]
    pub fn with_trace_id(self, trace_id: &str) -> Self {
        Self { trace_id: Some(trace_id.to_owned()), ..self }
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the webhook's body is JSON")
    }

    /// The message's id.
    #[must_use]
    pub fn id(&self) -> String {
        self.json()["channel"]["messageId"].as_str().expect("the webhook has an id").to_owned()
    }

    /// Posts it to the integration's webhook.
    pub async fn post(&self, stack: &Stack, integration: &TestIntegration) -> Answer {
        let request = stack.http.post(integration.webhook_url()).header("content-type", "application/json");
        let mut request = request.body(self.body.clone());
        for (name, value) in [("x-hub-signature", &self.signature), ("x-b3-traceid", &self.trace_id)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        Answer::read(request.send().await.expect("the stack answers")).await
    }

    /// Posts it and insists that it is accepted as the platform wants it; as the platform does, up to five times more after
    /// a 5xx.
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
