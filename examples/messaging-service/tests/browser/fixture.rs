//! A customer's chat: the sample messaging service, a stub of Patchbay's endpoints, and a browser that shows the page.

use axum::http::StatusCode;
use jiff::Timestamp;
use reqwest::Client;
use serde_json::{Value, json};
use shared::delivery::envelope::Envelope;
use shared::delivery::id::DeliveryId;
use shared::delivery::payload::DeliveryPayload;
use shared::model::integration_name::IntegrationName;
use shared::platform::PlatformName;
use shared::signature::standard_webhooks::{SigningSecret, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, sign};
use tests::harness::browser::{Browser, Key};
use tests::harness::sample_service::{SampleService, SilentService};
use tests::harness::stack::SIGNING_SECRET;
use tests::simulators::genesys_cloud::WIRE;
use tests::simulators::messaging_service::{Attempt, MessagingService, Reply};

pub(crate) const CUSTOMER: &str = "customer-17";
const INTEGRATION: &str = "acme";
const INTEGRATION_ID: &str = "73cb7fb7-c2db-4996-88f3-0a83a4fea1da";

/// The sample messaging service, as a process.
pub(crate) struct Service {
    pub(crate) url: String,
    pub(crate) http: Client,
    _process: SilentService,
}

impl Service {
    /// A service without `INBOUND_URL`: customers cannot answer.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A service that sends what customers write to `patchbay`, which checks the signature with the same secret.
    pub(crate) async fn answering_to(patchbay: &MessagingService) -> Self {
        let inbound_url = patchbay.at("/integrations/acme/inbound");
        Self::with(&[("INBOUND_URL", &inbound_url), ("CALLER_SECRET", SIGNING_SECRET)]).await
    }

    async fn with(environment: &[(&str, &str)]) -> Self {
        let process = SampleService::start(environment).await.silent();
        let url = process.url.clone();
        Self { url, http: Client::builder().no_proxy().build().expect("an HTTP client"), _process: process }
    }

    /// Delivers a message of Genesys Cloud, as Patchbay does.
    pub(crate) async fn deliver(&self, message: &Value) {
        let (id, body) = delivery(message);
        let (now, secret) = (Timestamp::now(), SigningSecret::parse(SIGNING_SECRET).expect("a secret"));
        let request = self
            .http
            .post(format!("{}/messages", self.url))
            .header(WEBHOOK_SIGNATURE, sign(&[secret], &id, now, &body))
            .header(WEBHOOK_TIMESTAMP, now.as_second())
            .header(WEBHOOK_ID, id)
            .body(body);
        assert_eq!(StatusCode::OK, request.send().await.expect("the service answers").status());
    }

    /// The URL of this customer's chat.
    pub(crate) fn chat_url(&self, customer: &str) -> String {
        let url = reqwest::Url::parse_with_params(&self.url, [("customer", customer)]);
        url.expect("a URL").into()
    }
}

fn delivery(message: &Value) -> (String, Vec<u8>) {
    let integration: IntegrationName = INTEGRATION.parse().expect("a name");
    let body = message.to_string();
    let envelope = Envelope::new(integration, PlatformName::GenesysCloud, Timestamp::now(), body.as_bytes());
    let envelope = envelope.expect("a message");
    let message = envelope.message().expect("a message");
    let body = DeliveryPayload::new(&envelope, &message).to_body().expect("it serialises");
    (DeliveryId::new(&envelope.integration, &message).to_string(), body)
}

/// A message of Genesys Cloud of that kind, with a new id.
pub(crate) fn sample(name: &str, customer: &str) -> Value {
    let sample = WIRE.iter().find(|sample| sample.name == name).expect("a sample of that name");
    let mut message = sample.fill(INTEGRATION_ID, CUSTOMER).json();
    let party = if message["direction"] == "Inbound" { "from" } else { "to" };
    // Set after parsing: the customer's id may contain any characters.
    message["channel"][party]["id"] = customer.into();
    message
}

pub(crate) fn text(text: &str) -> Value {
    let mut message = sample("text", CUSTOMER);
    message["text"] = text.into();
    message
}

/// A receipt for the message with this id on the platform.
pub(crate) fn receipt(name: &str, platform_id: &str) -> Value {
    let mut receipt = sample(name, CUSTOMER);
    receipt["id"] = platform_id.into();
    receipt["channel"]["messageId"] = platform_id.into();
    receipt
}

/// The page of a customer who can answer.
pub(crate) struct Chat {
    pub(crate) patchbay: MessagingService,
    pub(crate) service: Service,
    pub(crate) browser: Browser,
}

impl Chat {
    /// Patchbay accepts everything.
    pub(crate) async fn open() -> Self {
        Self::with(|attempt, _| accept(attempt)).await
    }

    /// Patchbay replies with `behaviour`.
    pub(crate) async fn with(handler: impl Fn(&Attempt, usize) -> Reply + Send + Sync + 'static) -> Self {
        let patchbay = MessagingService::with_handler(handler).await;
        let service = Service::answering_to(&patchbay).await;
        let browser = Browser::start(412, 860).await;
        browser.open(&service.chat_url(CUSTOMER)).await;
        browser.wait_until("!document.getElementById('text').disabled").await;
        Self { patchbay, service, browser }
    }

    /// Delivers the message and waits until the page shows it.
    pub(crate) async fn deliver(&self, message: &Value) {
        let before = entries(&self.browser).await;
        self.service.deliver(message).await;
        self.browser.wait_for(COUNT, |count| *count == before + 1).await;
    }

    /// The requests to this route, once there are at least `count`.
    pub(crate) async fn posted(&self, route: &str, count: usize) -> Vec<Attempt> {
        let route = format!("/integrations/acme/inbound/{route}");
        let to_route = |attempts: &[Attempt]| -> Vec<Attempt> {
            attempts.iter().filter(|attempt| attempt.path == route).cloned().collect()
        };
        to_route(&self.patchbay.wait_until(|attempts| to_route(attempts).len() >= count).await)
    }

    /// Types a text and sends it.
    pub(crate) async fn say(&self, text: &str) {
        self.browser.click("#text").await;
        self.browser.type_text(text).await;
        self.browser.press(Key::Enter).await;
    }

    /// Waits until the customer's only message is in this state.
    pub(crate) async fn wait_for_state(&self, state: &str) {
        let states = "[...document.querySelectorAll('.own')].map((own) => own.dataset.state)";
        self.browser.wait_for(states, |states| *states == json!([state])).await;
    }
}

/// Patchbay's response to an accepted message, with the platform's id.
pub(crate) fn accept(attempt: &Attempt) -> Reply {
    Reply::status(200).body(json!({"id": platform_id(attempt)}).to_string())
}

pub(crate) fn platform_id(attempt: &Attempt) -> String {
    format!("platform-{}", attempt.body["messageId"].as_str().unwrap_or_default())
}

const COUNT: &str = "document.querySelectorAll('#entries > li').length";

async fn entries(browser: &Browser) -> u64 {
    browser.run(&format!("return {COUNT};")).await.as_u64().expect("a number")
}

/// The texts of the bubbles, from top to bottom.
pub(crate) const BUBBLES: &str = "[...document.querySelectorAll('.bubble')].map((bubble) => bubble.textContent)";
