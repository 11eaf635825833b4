//! The page with both sides of a conversation, with all of Patchbay between them.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)] // tests fail by panicking

use demo::desk::{CustomersSide, Desk};
use demo::telephone::{Provider, Telephone};
use serde_json::{Value, json};
use std::sync::Arc;
use tests::harness::browser::{Browser, Key};
use tests::harness::caller::{CALLER_SECRET, Request};
use tests::harness::listener::listen;
use tests::harness::sample_service::SampleService;
use tests::harness::server::origin;
use tests::harness::stack::{Stack, WEBHOOK_SECRET};
use tests::simulators::genesys_cloud::api::GenesysCloud;
use tests::simulators::genesys_cloud::events::EventSource;
use tests::simulators::telegram::Telegram;
use tests::simulators::twilio::Twilio;
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
        title: "Chat page".to_owned(),
        of: "sample messaging service".to_owned(),
        url: telephone.url.parse().unwrap(),
        integration_id: id,
        customer: None,
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

/// The conversation of a customer whom a provider reaches: on the provider's telephone, and at the desk. The customer
/// chooses with `choose`.
async fn through_a_channel(provider: Provider, customer: &str, shown_card: &str, choose: impl AsyncFn(&Browser)) {
    let stack = Stack::connect().await;
    let (id, listener) = (Uuid::new_v4().to_string(), listen());
    let platform = Arc::new(GenesysCloud::start().await);
    let telephone = Telephone::on(listen(), provider, &origin(&listener).parse().unwrap()).unwrap();
    let integration = telephone.connect(&stack, &platform, &format!("test-{id}"), &id).await;
    let side = CustomersSide {
        title: "Telephone".to_owned(),
        of: "customer’s telephone".to_owned(),
        url: telephone.url.parse().unwrap(),
        integration_id: id,
        customer: Some(customer.to_owned()),
    };
    let desk = Desk::on(listener, Arc::clone(&platform), vec![side]).unwrap();

    let browser = Browser::start(1_240, 900).await;
    browser.open(&format!("{}/?customer={}", desk.url, customer.replace('+', "%2B"))).await;
    browser.wait_until("document.querySelector('iframe') !== null").await;
    browser.enter_frame(0).await;
    say(&browser, "Where is my parcel?").await;
    shows(&browser, "✓ Sent").await;

    browser.leave_frame().await;
    shows(&browser, "Where is my parcel?").await;
    say(&browser, "On its way, Ada.").await;
    shows(&browser, "✓✓ Delivered").await;
    let actions = json!([{"type": "postBack", "title": "Today", "payload": "0"}, {"type": "postBack", "title": "Tomorrow", "payload": "1"}]);
    let card = json!({"to": customer, "card": {"title": "When may it come?", "actions": actions}});
    let sent = Request::new(&card).signed().post(&stack, &integration, "cards").await;
    assert!(sent.status.is_success(), "{}", sent.body);

    browser.enter_frame(0).await;
    shows(&browser, "On its way, Ada.").await;
    shows(&browser, shown_card).await;
    choose(&browser).await;

    browser.leave_frame().await;
    shows(&browser, "chosen with a button").await;
    let choice = platform.calls_of("structured-response").remove(0).body;
    let response = &choice["buttonResponse"];
    assert_eq!((&json!("Tomorrow"), &json!("1")), (&response["text"], &response["payload"]), "{choice}");
    assert_eq!(Value::Null, browser.run("return document.querySelector('.theirs [data-state=failed]');").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_on_telegram_taps_a_button_and_the_agent_sees_the_choice() {
    let tap = async |browser: &Browser| {
        browser.click(".key:last-child").await;
        shows(browser, "✓ Tapped").await;
        let chosen = "[...document.querySelectorAll('.key')].map(key => key.textContent).join() === '✓ Tomorrow'";
        browser.wait_until(chosen).await;
    };
    through_a_channel(Provider::Telegram(Telegram::start()), "5550010", "When may it come?", tap).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_by_sms_answers_with_a_number_and_the_agent_sees_the_choice() {
    let answer = async |browser: &Browser| say(browser, "2").await;
    through_a_channel(Provider::Sms(Twilio::start()), "+15005550010", "2. Tomorrow", answer).await;
}
