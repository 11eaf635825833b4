//! HighLevel: signed webhooks and their integrations. The simulated API is in `api`.

pub mod api;
mod installed;

pub use installed::{installed, use_app};

use crate::harness::caller::callers;
use crate::harness::stack::{SIGNING_SECRET, Stack, TestIntegration};
use crate::simulators::genesys_cloud::ApiResponse;
use crate::simulators::highlevel::api::TOKEN;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use data_encoding::BASE64;
use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::signature::highlevel::X_GHL_SIGNATURE;
use uuid::Uuid;

/// The id of the marketplace app that posts the webhooks.
pub const APP_ID: &str = "app-of-the-tests";
/// The conversation provider of customers' messages.
pub const PROVIDER_ID: &str = "provider-of-the-tests";

/// A webhook body of the platform. Names in angle brackets are placeholders.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub name: &'static str,
    json: &'static str,
}

macro_rules! samples {
    ($folder:literal: $($name:literal),+) => {
        [$(Sample {
            name: $name,
            json: include_str!(concat!("../../../fixtures/highlevel/", $folder, "/", $name, ".json")),
        },)+]
    };
}

/// Bodies from the wire.
pub const WIRE: [Sample; 18] = samples!("wire":
    "sms", "live-chat", "email", "call", "voicemail", "internal-comment", "install", "provider-sms", "provider-email",
    "custom-email", "rcs", "ivr-call", "facebook-comment", "failed", "failed-retry", "provider-custom-email",
    "provider-email-copies", "provider-reply"
);

/// The members of all webhooks that the vendor publishes an example of.
pub const PUBLISHED_EVENTS: &str = include_str!("../../../fixtures/highlevel/published-events.json");

/// The examples of the vendor's documentation, which have fewer fields than the wire.
pub const DOCUMENTATION: [Sample; 4] = samples!("documentation": "message", "call", "voicemail", "email");

impl Sample {
    #[must_use]
    pub fn wire(name: &str) -> Self {
        *WIRE.iter().find(|sample| sample.name == name).unwrap_or_else(|| panic!("there is no sample {name}"))
    }

    /// A body for this location, with new ids and the current time.
    #[must_use]
    pub fn fill(&self, location_id: &str, contact: &str) -> Value {
        let json = self
            .json
            .replace("<App ID>", APP_ID)
            .replace("<Webhook ID>", &Uuid::new_v4().to_string())
            .replace("<Message ID>", &Uuid::new_v4().simple().to_string())
            .replace("<Contact>", contact)
            .replace("<Time>", &Timestamp::now().to_string());
        let mut body: Value = serde_json::from_str(&json).expect("a sample is JSON");
        body["locationId"] = location_id.into();
        body
    }
}

/// The platform's key.
pub struct Keys {
    current: Ed25519KeyPair,
}

impl Keys {
    #[must_use]
    pub fn generate() -> Self {
        Self { current: Ed25519KeyPair::generate().expect("a key pair") }
    }

    /// The public keys, as in an integration's configuration.
    #[must_use]
    pub fn trusted(&self) -> Vec<String> {
        vec![BASE64.encode(self.current.public_key().as_der().expect("a public key").as_ref())]
    }

    #[must_use]
    pub fn signature(&self, body: &[u8]) -> String {
        BASE64.encode(self.current.sign(body).as_ref())
    }

    /// A correctly signed webhook.
    #[must_use]
    pub fn sign(&self, body: &Value) -> Webhook {
        let body = body.to_string().into_bytes();
        let signature = self.signature(&body);
        Webhook { body, signature: Some(signature) }
    }
}

#[derive(Debug, Clone)]
pub struct Webhook {
    /// The exact bytes.
    pub body: Vec<u8>,
    /// The header `X-GHL-Signature`.
    pub signature: Option<String>,
}

impl Webhook {
    pub async fn post(&self, stack: &Stack, integration: &TestIntegration) -> ApiResponse {
        let mut request = stack.http.post(integration.webhook_url()).body(self.body.clone());
        request = request.header("content-type", "application/json");
        if let Some(signature) = &self.signature {
            request = request.header(X_GHL_SIGNATURE, signature);
        }
        ApiResponse::read(request.send().await.expect("the stack answers")).await
    }

    /// Posts it and asserts a 200. Like the platform, retries up to five times after a 429. Returns the response's body.
    pub async fn acknowledged(&self, stack: &Stack, integration: &TestIntegration) -> Value {
        let mut answer = self.post(stack, integration).await;
        for _ in 0..5 {
            if answer.status == StatusCode::TOO_MANY_REQUESTS {
                answer = self.post(stack, integration).await;
            }
        }
        assert_eq!(StatusCode::OK, answer.status, "{:?}", answer.body);
        answer.body
    }
}

/// The configuration of an integration with this location. It trusts the published key.
#[must_use]
pub fn configuration(location_id: &str, delivery_url: &str) -> Value {
    json!({
        "platform": "highlevel",
        "locationId": location_id,
        "appId": APP_ID,
        "token": TOKEN,
        "conversationProviderId": PROVIDER_ID,
        // Nothing listens here. A test with a platform sets its URL.
        "apiBaseUrl": "http://127.0.0.1:9",
        "delivery": {"url": delivery_url, "signingSecrets": [SIGNING_SECRET]},
        "callers": callers(),
    })
}

/// Creates an integration of HighLevel with a unique name and location that delivers to `delivery_url`. `change` may
/// alter its configuration before it is written.
pub async fn integration(
    stack: &Stack,
    keys: &Keys,
    delivery_url: &str,
    change: impl FnOnce(&mut Value),
) -> TestIntegration {
    let location_id = Uuid::new_v4().simple().to_string();
    let mut configuration = configuration(&location_id, delivery_url);
    configuration["trustedKeys"] = keys.trusted().into();
    change(&mut configuration);
    stack.integration_configured(&format!("test-{location_id}"), &location_id, &configuration).await
}
