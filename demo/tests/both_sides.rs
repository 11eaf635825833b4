//! The page with both sides of a conversation, with all of Patchbay between them.

#![allow(clippy::expect_used, clippy::unwrap_used)] // tests fail by panicking

use demo::desk::{CustomersSide, Desk};
use serde_json::json;
use std::sync::Arc;
use tests::harness::browser::{Browser, Key};
use tests::harness::caller::CALLER_SECRET;
use tests::harness::listener::listen;
use tests::harness::sample_service::SampleService;
use tests::harness::server::origin;
use tests::harness::stack::{Stack, WEBHOOK_SECRET};
use tests::simulators::genesys_cloud::api::GenesysCloud;
use tests::simulators::genesys_cloud::events::EventSource;
use uuid::Uuid;

/// Types a text into the composer and sends it.
async fn say(browser: &Browser, text: &str) {
    browser.wait_until("document.getElementById('text')?.disabled === false").await;
    browser.click("#text").await;
    browser.type_text(text).await;
    browser.press(Key::Enter).await;
}

async fn shows(browser: &Browser, text: &str) {
    browser.wait_until(&format!("document.querySelector('[role=log]').innerText.includes({})", json!(text))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_side_writes_is_on_the_other_and_the_agent_sees_that_it_is_delivered() {
    let stack = Stack::connect().await;
    let id = Uuid::new_v4().to_string();
    let (name, customer, listener) = (format!("test-{id}"), format!("ada-{id}"), listen());
    let inbound_url = format!("{}/integrations/{name}/inbound", stack.api_url);
    let telephone = SampleService::start(&[
        ("INBOUND_URL", &inbound_url),
        ("CALLER_SECRET", CALLER_SECRET),
        ("PREFETCH_CONVERSATION", "true"),
        ("FRAMED_BY", &origin(&listener)),
    ])
    .await
    .silent();
    let platform = Arc::new(GenesysCloud::start().await);
    let delivery_url = format!("{}/messages", telephone.url);
    let integration = stack.integration_named(&name, &id, &delivery_url, |one| platform.host(one)).await;
    platform.add_integration(&id, &integration.webhook_url(), WEBHOOK_SECRET);
    platform.allow_everything(&id);
    platform.connect(integration.webhook_url(), WEBHOOK_SECRET, &id);
    platform.connect_events(EventSource::of(&stack));
    let side = CustomersSide {
        title: "Customer’s telephone".to_owned(),
        of: "sample messaging service".to_owned(),
        url: telephone.url.parse().unwrap(),
    };
    let desk = Desk::on(listener, Arc::clone(&platform), vec![side]).unwrap();

    let browser = Browser::start(1_240, 900).await;
    browser.open(&format!("{}/?customer={customer}", desk.url)).await;
    browser.wait_until("document.querySelector('iframe') !== null").await;
    browser.enter_frame(0).await;
    say(&browser, "Where is my parcel?").await;
    shows(&browser, "✓✓ Delivered").await;

    browser.leave_frame().await;
    shows(&browser, "Where is my parcel?").await;
    say(&browser, "On its way, Ada.").await;
    shows(&browser, "✓✓ Delivered").await;

    browser.enter_frame(0).await;
    shows(&browser, "An agent joined").await;
    shows(&browser, "On its way, Ada.").await;
    say(&browser, "Thank you!").await;

    browser.leave_frame().await;
    shows(&browser, "Thank you!").await;
    browser.click("#end").await;
    shows(&browser, "The conversation ended").await;
    browser.enter_frame(0).await;
    shows(&browser, "The conversation ended").await;
}
