//! The other platforms: their messages are delivered, and customers' messages and receipts reach them.

use crate::text;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tests::harness::caller::Request;
use tests::harness::sample_service::SampleService;
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud::ApiResponse;
use tests::simulators::highlevel::api::{Call, HighLevel};
use tests::simulators::multicloud_cx::api::MulticloudCx;
use tests::simulators::{highlevel, multicloud_cx};

const CHANNEL: &str = "0123456789";
const LOCATION: &str = "l1C08ntBrFjLS0elLIYU";
const CUSTOMER: &str = "16504661149";
const CONTACT: &str = "cI08i1Bls3iTB9bKgFJh";

pub(crate) struct Others {
    multicloud_cx: MulticloudCx,
    highlevel: HighLevel,
}

impl Others {
    pub(crate) async fn start() -> Self {
        Self { multicloud_cx: MulticloudCx::start().await, highlevel: HighLevel::start().await }
    }

    /// Shows both, and returns whether everything succeeded.
    pub(crate) async fn show(&self, stack: &Stack, service: &SampleService) -> bool {
        multicloud_cx(stack, service, &self.multicloud_cx).await & highlevel(stack, service, &self.highlevel).await
    }
}

async fn multicloud_cx(stack: &Stack, service: &SampleService, platform: &MulticloudCx) -> bool {
    let url = format!("{}/messages", service.url);
    let configuration = multicloud_cx::configuration(&platform.url, CHANNEL, &url);
    let integration = stack.integration_configured("acme-multicloud-cx", CHANNEL, &configuration).await;
    println!("Genesys Multicloud CX posts to {}\n", integration.webhook_url());
    head();
    let mut good = true;
    for (what, delivered) in [
        ("sms", "message.text"),
        ("email", "message.email"),
        ("rich-media", "message.structured"),
        ("unknown-type", "message.other"),
    ] {
        let webhook = multicloud_cx::sample(what).fill(CHANNEL, CUSTOMER);
        let answer = webhook.post(stack, &integration).await;
        good &= arrived(service, what, &answer, &webhook.json(), delivered).await;
    }
    let webhook = multicloud_cx::sample("interactions").fill(CHANNEL, CUSTOMER);
    good &= row("interactions", &webhook.post(stack, &integration).await, 200, "acknowledged only");
    let forged = multicloud_cx::sample("sms").fill(CHANNEL, CUSTOMER).signed_with("not-the-apps-secret");
    good &= row("forged signature", &forged.post(stack, &integration).await, 401, "—");

    let message =
        json!({"messageId": "m-1", "from": {"id": CUSTOMER}, "time": "2026-01-02T03:04:05Z", "text": "Hello!"});
    let answer = post(stack, &integration, "inbound/messages", &message).await;
    // Receipts of the messages above may come at any time.
    let last =
        |is_wanted: &dyn Fn(&Value) -> bool| platform.messages().into_iter().rfind(is_wanted).unwrap_or_default();
    let got = last(&|message| message.get("text").is_some());
    good &= row("customer's message", &answer, 200, &format!("the platform received {}", text(&got, "/text")));
    let receipt = json!({"messageId": "1613474523265-0", "to": {"id": CUSTOMER}, "status": "expired"});
    let answer = post(stack, &integration, "receipts", &receipt).await;
    let got = last(&|message| text(message, "/channel/messageId") == text(&receipt, "/messageId"));
    let got = format!(
        "the platform received {} {}",
        text(&got, "/status"),
        got.pointer("/reasons/0/code").unwrap_or(&Value::Null)
    );
    good &= row("receipt: expired", &answer, 200, &got);
    good &= unsupported(stack, &integration).await;
    println!();
    good
}

async fn highlevel(stack: &Stack, service: &SampleService, platform: &HighLevel) -> bool {
    let keys = highlevel::Keys::generate();
    let mut configuration = highlevel::configuration(LOCATION, &format!("{}/messages", service.url));
    if let Some(fields) = configuration.as_object_mut() {
        fields.insert("apiBaseUrl".to_owned(), platform.url.clone().into());
        fields.insert("trustedKeys".to_owned(), keys.trusted().into());
    }
    let integration = stack.integration_configured("acme-highlevel", LOCATION, &configuration).await;
    println!("HighLevel posts to {}\n", integration.webhook_url());
    head();
    let mut good = true;
    for (what, delivered) in [
        ("sms", "message.text"),
        ("live-chat", "message.text"),
        ("email", "message.email"),
        ("call", "message.call"),
        ("voicemail", "message.voicemail"),
        ("provider-sms", "message.text"),
        ("provider-email", "message.email"),
    ] {
        let body = highlevel::Sample::wire(what).fill(LOCATION, CONTACT);
        let answer = keys.sign(&body).post(stack, &integration).await;
        good &= arrived(service, what, &answer, &body, delivered).await;
    }
    for what in ["internal-comment", "install"] {
        let body = highlevel::Sample::wire(what).fill(LOCATION, CONTACT);
        good &= row(what, &keys.sign(&body).post(stack, &integration).await, 200, "acknowledged only");
    }
    let foreign = keys.sign(&highlevel::Sample::wire("sms").fill("another-location", CONTACT));
    good &= row("from another location", &foreign.post(stack, &integration).await, 403, "—");
    let forged = highlevel::Keys::generate().sign(&highlevel::Sample::wire("sms").fill(LOCATION, CONTACT));
    good &= row("forged signature", &forged.post(stack, &integration).await, 401, "—");

    let message = json!({
        "messageId": "m-1", "from": {"id": CONTACT}, "time": "2026-01-02T03:04:05Z", "conversationId": "fcanlLgpbQgQhderivVs",
        "text": "Hello!",
    });
    let answer = post(stack, &integration, "inbound/messages", &message).await;
    let got = platform.calls_of("inbound").pop().map(|call| call.body).unwrap_or_default();
    good &= row("customer's message", &answer, 200, &format!("the platform received {}", text(&got, "/message")));
    let receipt = json!({"messageId": "hl-1", "to": {"id": CONTACT}, "status": "delivered"});
    let answer = post(stack, &integration, "receipts", &receipt).await;
    let own = |call: &Call| call.path.contains("hl-1");
    let got = platform.calls_of("status").into_iter().find(own).map(|call| call.body).unwrap_or_default();
    good &= row("receipt: delivered", &answer, 200, &format!("the platform received {}", text(&got, "/status")));
    let message = json!({"toAddress": "+491700000001", "channel": "sms", "textBody": "Your table is ready."});
    let answer = post(stack, &integration, "agentless", &message).await;
    let got = platform.calls_of("outbound").pop().map(|call| call.body).unwrap_or_default();
    good &= row("agentless message", &answer, 200, &format!("the platform received {}", text(&got, "/message")));
    println!();
    good
}

fn head() {
    println!("  {:<29} {:<9} result", "sent", "response");
    println!("  {}", "─".repeat(110));
}

fn row(what: &str, answer: &ApiResponse, status: u16, came_of_it: &str) -> bool {
    let good = answer.status.as_u16() == status;
    let (mark, note) = if good { ("✓", came_of_it) } else { ("✗", text(&answer.body, "/detail")) };
    println!("{mark} {what:<29} {:<9} {note}", answer.status.as_u16());
    good
}

async fn post(stack: &Stack, integration: &TestIntegration, route: &str, body: &Value) -> ApiResponse {
    Request::new(body).signed().post(stack, integration, route).await
}

/// A route that Multicloud CX does not support.
async fn unsupported(stack: &Stack, integration: &TestIntegration) -> bool {
    let answer = post(stack, integration, "agentless", &json!({"toAddress": "c", "textBody": "t"})).await;
    let detail = text(&answer.body, "/detail").to_owned();
    row("agentless message", &answer, 501, &detail)
}

/// Waits for the delivery of the message.
async fn arrived(service: &SampleService, what: &str, answer: &ApiResponse, original: &Value, expected: &str) -> bool {
    let started = Instant::now();
    let delivered = loop {
        let deliveries = service.deliveries().await;
        let of_it = deliveries.iter().find(|delivery| delivery.pointer("/delivery/data/original") == Some(original));
        if of_it.is_some() || started.elapsed() > crate::WAIT_TIMEOUT {
            break of_it.map_or_else(|| "nothing".to_owned(), |delivery| text(delivery, "/delivery/type").to_owned());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    row(what, answer, 200, &delivered) & (delivered == expected)
}
