//! A desk with customers' telephones beside it, and a client of the platform's API in place of Patchbay.

use axum::Router;
use axum::http::StatusCode;
use demo::desk::{CustomersSide, Desk};
use demo::telephone::{Provider, Telephone};
use reqwest::Client;
use serde_json::{Value, json};
use std::sync::Arc;
use tests::harness::browser::{Browser, Key};
use tests::harness::listener::listen;
use tests::harness::sample_service::{SampleService, SilentService};
use tests::harness::server::{Server, origin};
use tests::harness::stack::WEBHOOK_SECRET;
use tests::simulators::genesys_cloud::api::{CLIENT_ID, CLIENT_SECRET, GenesysCloud};
use tests::simulators::telegram::Telegram;
use tests::simulators::twilio::Twilio;
use uuid::Uuid;

pub(crate) const INTEGRATION: &str = "73cb7fb7-c2db-4996-88f3-0a83a4fea1da";
pub(crate) const TELEGRAM: &str = "2c3f0a52-84a4-44b4-a0a9-5f6b7f9d1c01";
pub(crate) const SMS: &str = "8d5b1f6e-3f0e-4a53-9d0c-7a1f5e2b4c02";
pub(crate) const CUSTOMER: &str = "ada";
/// On Telegram and by SMS.
pub(crate) const ON_TELEGRAM: &str = "5550010";
pub(crate) const BY_SMS: &str = "+15005550010";

pub(crate) struct Case {
    pub(crate) http: Client,
    pub(crate) platform: Arc<GenesysCloud>,
    pub(crate) desk: Desk,
    token: String,
    /// Takes the webhooks.
    _patchbay: Server,
    /// The customer's side of the integration.
    pub(crate) chat_page: SilentService,
    /// The customers' sides of other integrations.
    pub(crate) telephones: [Telephone; 2],
}

impl Case {
    /// Webhooks are accepted.
    pub(crate) async fn start() -> Self {
        Self::answering(StatusCode::OK).await
    }

    /// Webhooks are answered with this status.
    pub(crate) async fn answering(status: StatusCode) -> Self {
        let listener = listen();
        let parent = origin(&listener);
        let chat_page = SampleService::start(&[("FRAMED_BY", &parent)]).await.silent();
        let telephone = |provider| Telephone::on(listen(), provider, &parent.parse().expect("a URL")).expect("a page");
        let telephones = [telephone(Provider::Telegram(Telegram::start())), telephone(Provider::Sms(Twilio::start()))];
        let side = |title: &str, url: &str, integration: &str, customer: Option<&str>| CustomersSide {
            title: title.to_owned(),
            of: "customer’s telephone".to_owned(),
            url: url.parse().expect("a URL"),
            integration_id: integration.to_owned(),
            customer: customer.map(str::to_owned),
        };
        let sides = vec![
            side("Telegram", &telephones[0].url, TELEGRAM, Some(ON_TELEGRAM)),
            side("SMS", &telephones[1].url, SMS, Some(BY_SMS)),
            side("Chat page", &chat_page.url, INTEGRATION, None),
        ];
        let platform = Arc::new(GenesysCloud::start().await);
        let patchbay = Server::start(Router::new().fallback(async move || status));
        for integration in [INTEGRATION, TELEGRAM, SMS] {
            platform.connect(&patchbay.origin, WEBHOOK_SECRET, integration);
            platform.add_integration(integration, &patchbay.origin, WEBHOOK_SECRET);
            platform.allow_everything(integration);
        }
        let desk = Desk::on(listener, Arc::clone(&platform), sides).expect("a desk");
        let http = Client::builder().no_proxy().build().expect("an HTTP client");
        let request = http.post(format!("{}/oauth/token", platform.url)).basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
        let answer = request.form(&[("grant_type", "client_credentials")]).send().await.expect("a token");
        let answer: Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
        let token = answer["access_token"].as_str().expect("a token").to_owned();
        Self { http, platform, desk, token, _patchbay: patchbay, chat_page, telephones }
    }

    /// A browser that shows the conversation with this customer.
    pub(crate) async fn browser(&self, customer: &str) -> Browser {
        let browser = Browser::start(1_240, 900).await;
        let url = reqwest::Url::parse_with_params(&self.desk.url, [("customer", customer)]);
        browser.open(url.expect("a URL").as_str()).await;
        browser.wait_until("document.querySelector('iframe') !== null").await;
        browser
    }

    async fn call(&self, path: &str, body: &Value) {
        let request = self.http.post(format!("{}/api/v2/conversations/messages/{path}", self.platform.url));
        let request = request.bearer_auth(&self.token).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.expect("an answer");
        let (status, answer) = (answer.status(), answer.text().await.unwrap_or_default());
        assert!(status.is_success(), "{path}: {status} {answer}");
    }

    async fn inbound(&self, customer: &str, what: &str, body: Value) {
        let from = json!({"id": customer, "idType": "Opaque"});
        self.inbound_of(INTEGRATION, from, what, body).await;
    }

    async fn inbound_of(&self, integration: &str, from: Value, what: &str, mut body: Value) {
        body["channel"] = json!({"from": from, "time": "2026-01-02T03:04:05.678Z"});
        if what != "event" {
            body["channel"]["messageId"] = Uuid::new_v4().to_string().into();
        }
        self.call(&format!("{integration}/inbound/open/{what}"), &body).await;
    }

    /// A customer of another integration writes.
    pub(crate) async fn writes_through(&self, integration: &str, customer: &str, name: Option<&str>, text: &str) {
        let mut from = json!({"id": customer, "idType": "Opaque"});
        if let Some(name) = name {
            from["nickname"] = name.into();
        }
        self.inbound_of(integration, from, "message", json!({ "text": text })).await;
    }

    pub(crate) async fn customer_writes(&self, customer: &str, text: &str) {
        self.inbound(customer, "message", json!({ "text": text })).await;
    }

    pub(crate) async fn customer_sends_a_picture(&self, customer: &str, url: &str) {
        let attachment = json!({"mediaType": "Image", "url": url, "mime": "image/png", "filename": "map.png"});
        let content = json!([{ "attachment": attachment }]);
        self.inbound(customer, "message", json!({ "content": content })).await;
    }

    pub(crate) async fn customer_types(&self, customer: &str) {
        self.inbound(customer, "event", json!({"events": [{"eventType": "Typing"}]})).await;
    }

    pub(crate) async fn customer_chooses(&self, customer: &str, message: &str, text: &str) {
        let button = json!({"type": "Button", "text": text, "payload": "p"});
        let body = json!({"originatingMessageId": message, "buttonResponse": button});
        self.inbound(customer, "structured/response", body).await;
    }

    /// A system of the company writes.
    pub(crate) async fn company_writes(&self, customer: &str, text: &str) {
        let message = json!({
            "fromAddress": INTEGRATION, "toAddress": customer, "toAddressMessengerType": "open", "textBody": text,
            "useExistingActiveConversation": true,
        });
        self.call("agentless", &message).await;
    }

    pub(crate) async fn receipt(&self, customer: &str, message: &str, status: &str, reason: Option<&str>) {
        let to = json!({"id": customer, "idType": "Opaque"});
        let mut body = json!({
            "id": message, "channel": {"to": to, "time": "2026-01-02T03:04:05.678Z"}, "status": status,
            "isFinalReceipt": true,
        });
        if let Some(reason) = reason {
            body["reasons"] = json!([{"code": "GeneralError", "message": reason}]);
        }
        self.call(&format!("{INTEGRATION}/inbound/open/receipt"), &body).await;
    }
}

/// Types a text into the composer and sends it.
pub(crate) async fn say(browser: &Browser, text: &str) {
    browser.wait_until("!document.getElementById('text').disabled").await;
    browser.click("#text").await;
    browser.type_text(text).await;
    browser.press(Key::Enter).await;
}

/// Waits until the conversation shows this text.
pub(crate) async fn shows(browser: &Browser, text: &str) {
    browser.wait_until(&format!("document.querySelector('[role=log]').textContent.includes({})", json!(text))).await;
}
