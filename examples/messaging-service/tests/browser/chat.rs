//! A customer's chat: the service's process, a stand-in for Patchbay's routes, and a browser that looks at the page.

use axum::http::StatusCode;
use jiff::Timestamp;
use reqwest::Client;
use serde_json::{Value, json};
use shared::delivery::envelope::Envelope;
use shared::delivery::payload::{Delivery, webhook_id};
use shared::model::integration_name::IntegrationName;
use shared::platform::PlatformName;
use shared::signature::standard_webhooks::{SigningSecret, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, sign};
use tests::harness::browser::Browser;
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
    process: SilentService,
}

impl Service {
    /// One where nobody can answer.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// One whose customers' answers go to `patchbay`, which checks the signature with the same secret.
    pub(crate) async fn answering_to(patchbay: &MessagingService) -> Self {
        Self::answering_at(&patchbay.at("/integrations/acme/inbound")).await
    }

    pub(crate) async fn answering_at(inbound_url: &str) -> Self {
        Self::with(&[("INBOUND_URL", inbound_url), ("CALLER_SECRET", SIGNING_SECRET)]).await
    }

    /// Another one at the same address, after this one has died.
    pub(crate) async fn restart(mut self) -> Self {
        self.process.kill().await;
        let port = self.url.rsplit(':').next().expect("a port");
        Self::with(&[("PORT", port)]).await
    }

    async fn with(environment: &[(&str, &str)]) -> Self {
        let process = SampleService::start(environment).await.silent();
        let url = process.url.clone();
        Self { url, http: Client::builder().no_proxy().build().expect("an HTTP client"), process }
    }

    /// Delivers what Genesys Cloud sent, as Patchbay does.
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

    /// Where this customer's chat is.
    pub(crate) fn chat_url(&self, customer: &str) -> String {
        chat_url(&self.url, customer)
    }
}

pub(crate) fn chat_url(url: &str, customer: &str) -> String {
    reqwest::Url::parse_with_params(url, [("customer", customer)]).expect("a URL").into()
}

fn delivery(message: &Value) -> (String, Vec<u8>) {
    let integration: IntegrationName = INTEGRATION.parse().expect("a name");
    let body = message.to_string();
    let envelope = Envelope::new(integration, PlatformName::GenesysCloud, Timestamp::now(), body.as_bytes());
    let envelope = envelope.expect("a message");
    let message = envelope.message().expect("a message");
    let body = Delivery::new(&envelope, &message).to_body().expect("it serialises");
    (webhook_id(&envelope.integration, &message), body)
}

/// A message of Genesys Cloud of that kind, with an id of its own.
pub(crate) fn sample(name: &str, customer: &str) -> Value {
    let sample = WIRE.iter().find(|sample| sample.name == name).expect("a sample of that name");
    let mut message = sample.fill(INTEGRATION_ID, CUSTOMER).json();
    let party = if message["direction"] == "Inbound" { "from" } else { "to" };
    // Put in where the JSON has been read: the name may be anything.
    message["channel"][party]["id"] = customer.into();
    message
}

/// A text for the customer.
pub(crate) fn text(text: &str) -> Value {
    let mut message = sample("text", CUSTOMER);
    message["text"] = text.into();
    message
}

/// A receipt for the message that the platform knows by this id.
pub(crate) fn receipt(name: &str, platform_id: &str) -> Value {
    let mut receipt = sample(name, CUSTOMER);
    receipt["id"] = platform_id.into();
    receipt["channel"]["messageId"] = platform_id.into();
    receipt
}

/// A customer who looks at the page and can answer.
pub(crate) struct Chat {
    pub(crate) patchbay: MessagingService,
    pub(crate) service: Service,
    pub(crate) browser: Browser,
}

impl Chat {
    /// Patchbay takes everything.
    pub(crate) async fn open() -> Self {
        Self::with(|attempt, _| taken(attempt)).await
    }

    /// Patchbay behaves so.
    pub(crate) async fn with(behaviour: impl Fn(&Attempt, usize) -> Reply + Send + Sync + 'static) -> Self {
        let patchbay = MessagingService::behaving(behaviour).await;
        let service = Service::answering_to(&patchbay).await;
        let browser = Browser::start(412, 860).await;
        browser.open(&service.chat_url(CUSTOMER)).await;
        browser.wait_until("!document.getElementById('text').disabled").await;
        Self { patchbay, service, browser }
    }

    /// Delivers it and waits until it is seen.
    pub(crate) async fn deliver(&self, message: &Value) {
        let before = entries(&self.browser).await;
        self.service.deliver(message).await;
        self.browser.wait_for(COUNT, |count| *count == before + 1).await;
    }

    /// What Patchbay got on this route, once there are so many.
    pub(crate) async fn posted(&self, route: &str, count: usize) -> Vec<Attempt> {
        let route = format!("/integrations/acme/inbound/{route}");
        let to_route = |attempts: &[Attempt]| -> Vec<Attempt> {
            attempts.iter().filter(|attempt| attempt.path == route).cloned().collect()
        };
        to_route(&self.patchbay.wait_until(|attempts| to_route(attempts).len() >= count).await)
    }

    /// Writes into the composer, and sends it.
    pub(crate) async fn say(&self, text: &str) {
        self.browser.click("#text").await;
        self.browser.press(text).await;
        self.browser.press(tests::harness::browser::key::ENTER).await;
    }

    /// Waits until the customer's only message is in this state.
    pub(crate) async fn wait_for_state(&self, state: &str) {
        let states = "[...document.querySelectorAll('.own')].map((own) => own.dataset.state)";
        self.browser.wait_for(states, |states| *states == json!([state])).await;
    }
}

/// The answer to what was taken: the platform's id of it.
pub(crate) fn taken(attempt: &Attempt) -> Reply {
    Reply::status(200).body(json!({"id": platform_id(attempt)}).to_string())
}

/// The platform's id of a customer's message.
pub(crate) fn platform_id(attempt: &Attempt) -> String {
    format!("platform-{}", attempt.body["messageId"].as_str().unwrap_or_default())
}

const COUNT: &str = "document.querySelectorAll('#entries > li').length";

/// How many entries the chat shows.
pub(crate) async fn entries(browser: &Browser) -> u64 {
    browser.run(&format!("return {COUNT};")).await.as_u64().expect("a number")
}

/// What the bubbles say, from above.
pub(crate) const BUBBLES: &str = "[...document.querySelectorAll('.bubble')].map((bubble) => bubble.textContent)";
