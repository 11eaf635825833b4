//! A desk with a customer's telephone beside it, and a client of the platform's API in place of Patchbay.

use axum::Router;
use axum::http::StatusCode;
use demo::desk::{CustomersSide, Desk};
use reqwest::Client;
use serde_json::{Value, json};
use std::sync::Arc;
use tests::harness::browser::{Browser, Key};
use tests::harness::listener::listen;
use tests::harness::sample_service::{SampleService, SilentService};
use tests::harness::server::{Server, origin};
use tests::harness::stack::WEBHOOK_SECRET;
use tests::simulators::genesys_cloud::api::{CLIENT_ID, CLIENT_SECRET, GenesysCloud};
use uuid::Uuid;

pub(crate) const INTEGRATION: &str = "73cb7fb7-c2db-4996-88f3-0a83a4fea1da";
pub(crate) const CUSTOMER: &str = "ada";

pub(crate) struct Case {
    pub(crate) http: Client,
    pub(crate) platform: Arc<GenesysCloud>,
    pub(crate) desk: Desk,
    token: String,
    /// Takes the webhooks.
    _patchbay: Server,
    pub(crate) telephone: SilentService,
}

impl Case {
    /// Webhooks are accepted.
    pub(crate) async fn start() -> Self {
        Self::answering(StatusCode::OK).await
    }

    /// Webhooks are answered with this status.
    pub(crate) async fn answering(status: StatusCode) -> Self {
        let listener = listen();
        let telephone = SampleService::start(&[("FRAMED_BY", &origin(&listener))]).await.silent();
        let side = CustomersSide {
            title: "Customer’s telephone".to_owned(),
            of: "sample messaging service".to_owned(),
            url: telephone.url.parse().expect("a URL"),
        };
        let platform = Arc::new(GenesysCloud::start().await);
        let patchbay = Server::start(Router::new().fallback(async move || status));
        platform.connect(&patchbay.origin, WEBHOOK_SECRET, INTEGRATION);
        platform.add_integration(INTEGRATION, &patchbay.origin, WEBHOOK_SECRET);
        platform.allow_everything(INTEGRATION);
        let desk = Desk::on(listener, Arc::clone(&platform), vec![side]).expect("a desk");
        let http = Client::builder().no_proxy().build().expect("an HTTP client");
        let request = http.post(format!("{}/oauth/token", platform.url)).basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
        let answer = request.form(&[("grant_type", "client_credentials")]).send().await.expect("a token");
        let answer: Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
        let token = answer["access_token"].as_str().expect("a token").to_owned();
        Self { http, platform, desk, token, _patchbay: patchbay, telephone }
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

    async fn inbound(&self, customer: &str, what: &str, mut body: Value) {
        body["channel"] = json!({"from": {"id": customer, "idType": "Opaque"}, "time": "2026-01-02T03:04:05.678Z"});
        if what != "event" {
            body["channel"]["messageId"] = Uuid::new_v4().to_string().into();
        }
        self.call(&format!("{INTEGRATION}/inbound/open/{what}"), &body).await;
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
