//! The page for those who use a keyboard, a screen reader or their own colours.

use crate::fixture::{CUSTOMER, Chat, Service, accept, platform_id, receipt, sample};
use serde_json::{Value, json};
use tests::harness::browser::{Browser, Key};
use tests::simulators::genesys_cloud::WIRE;
use tests::simulators::messaging_service::Reply;
use tokio::sync::watch;

/// Delivers a message of every kind.
async fn deliver_every_kind(chat: &Chat) {
    for kind in WIRE.iter().map(|sample| sample.name).filter(|name| *name != "typing") {
        chat.deliver(&sample(kind, CUSTOMER)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_the_list_of_customers_and_on_a_chat_that_can_only_be_read() {
    let service = Service::start().await;
    let browser = Browser::start(412, 860).await;
    browser.open(&service.url).await;
    browser.wait_until("document.getElementById('status').textContent !== ''").await;
    browser.assert_accessible("no customers").await;
    service.deliver(&sample("card", CUSTOMER)).await;
    browser.wait_until("document.querySelector('#customers a') !== null").await;
    browser.assert_accessible("a customer").await;
    browser.click("#customers a").await;
    browser.wait_until("document.getElementById('hint').textContent.includes('read along')").await;
    browser.wait_until("document.querySelector('.card button') !== null").await;
    browser.assert_accessible("a chat without answers").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_any_state_of_a_chat() {
    let (open, gate) = watch::channel(false);
    let chat = Chat::with(move |attempt, _| match attempt.body["text"].as_str() {
        Some("wait") => accept(attempt).through(gate.clone()),
        Some("refuse") => Reply::status(400).body(json!({"detail": "It is refused."}).to_string()),
        _ => accept(attempt),
    })
    .await;
    let browser = &chat.browser;
    browser.assert_accessible("an empty chat").await;

    deliver_every_kind(&chat).await;
    chat.service.deliver(&sample("typing", CUSTOMER)).await;
    browser.wait_until("!document.getElementById('typing').hidden").await;
    browser.assert_accessible("every kind of message, and an agent who is typing").await;

    for (button, kind) in [(".actions button", "a button"), (".replies button", "a quick reply")] {
        browser.click(button).await;
        browser.wait_until(&format!("document.querySelector('{button}').ariaPressed === 'true'")).await;
        browser.assert_accessible(kind).await;
    }
    chat.say("refuse").await;
    browser.wait_until("document.querySelector('.own[data-state=unsent] .retry') !== null").await;
    browser.assert_accessible("a refused message").await;

    chat.say("wait").await;
    browser.wait_until("document.querySelector('.own[data-state=sending]') !== null").await;
    browser.assert_accessible("a message that is being sent").await;
    open.send_replace(true);
    browser.wait_until("document.querySelector('.own[data-state=sending]') === null").await;
    let posted = chat.posted("messages", 2).await;
    let sent = posted.iter().find(|attempt| attempt.body["text"] == "wait").expect("the message");
    for (name, state) in [("receipt", "published"), ("receipt-failed", "failed")] {
        chat.service.deliver(&receipt(name, &platform_id(sent))).await;
        browser.wait_until(&format!("document.querySelector('.own[data-state={state}]') !== null")).await;
        browser.assert_accessible(state).await;
    }

    // The service ends.
    let Chat { browser, service, .. } = chat;
    drop(service);
    browser.wait_until("document.getElementById('status').textContent === 'Connecting again…'").await;
    browser.click("#text").await;
    browser.type_text("x").await;
    browser.wait_until("document.getElementById('hint').textContent !== ''").await;
    browser.assert_accessible("no connection").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_a_button_without_a_name() {
    let chat = Chat::open().await;
    chat.browser.assert_accessible("as it is").await;
    chat.browser.run("document.getElementById('send').removeAttribute('aria-label');").await;
    assert_eq!("button-name", chat.browser.violations().await[0][0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_tab_stop_leads_to_the_composer() {
    let chat = Chat::open().await;
    deliver_every_kind(&chat).await;
    chat.browser.press(Key::Tab).await;
    assert_eq!("Write a message", chat.browser.run("return document.activeElement.textContent;").await);
    chat.browser.press(Key::Enter).await;
    chat.browser.wait_until("document.activeElement.id === 'text'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_card_is_a_group_with_a_name_and_its_title_is_a_heading() {
    let chat = Chat::open().await;
    deliver_every_kind(&chat).await;
    let unnamed = "return [...document.querySelectorAll('.card')]
        .filter((card) => card.role !== 'group' || (card.ariaLabel ?? '') === '').length;";
    assert_eq!(0, chat.browser.run(unnamed).await);
    let headings = "return [...document.querySelectorAll('.card h2')].map((heading) => heading.textContent);";
    let headings = chat.browser.run(headings).await;
    for title in ["Garden room", "Harbour room", "When may we come?"] {
        assert!(headings.as_array().expect("a list").contains(&title.into()), "{title}: {headings}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_chosen_button_is_pressed() {
    let chat = Chat::open().await;
    let card = sample("card", CUSTOMER);
    chat.deliver(&card).await;
    chat.deliver(&sample("quick-replies", CUSTOMER)).await;
    let pressed = "[...document.querySelectorAll('.choice')].filter((one) => one.ariaPressed === 'true').map((one) => one.textContent)";
    assert_eq!(json!([]), chat.browser.run(&format!("return {pressed};")).await);
    chat.browser.click(".actions button").await;
    chat.browser.wait_for(pressed, |pressed| *pressed == json!(["Book it"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bubbles_and_cards_have_borders_in_forced_colours() {
    let chat = Chat::open().await;
    deliver_every_kind(&chat).await;
    chat.say("hello").await;
    chat.wait_for_state("sent").await;
    let borderless = "return [...document.querySelectorAll('.bubble, .card')].filter((one) => {
        const style = getComputedStyle(one);
        return style.borderTopStyle !== 'solid' || style.borderTopWidth === '0px';
    }).length;";
    assert_ne!(json!(0), chat.browser.run(borderless).await, "in the page's own colours they have none");
    chat.browser.set_media(&[("forced-colors", "active")]).await;
    assert_eq!(Value::from(0), chat.browser.run(borderless).await);
}
