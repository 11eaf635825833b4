//! The telephones for those who use a keyboard, a screen reader or their own colours.

use crate::fixture::{say, shows};
use crate::telephone_fixture::{Phone, send_picture, wait_for_state};
use serde_json::json;
use tests::harness::browser::{Browser, Key};

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_the_list_of_customers() {
    let phone = Phone::sms();
    let browser = Browser::start(412, 860).await;
    browser.open(&phone.page.url).await;
    browser.wait_until("document.getElementById('status').textContent !== ''").await;
    browser.assert_accessible("no customers").await;
    let chat = phone.browser().await;
    say(&chat, "Hello").await;
    browser.wait_until("document.querySelector('#customers a') !== null").await;
    browser.assert_accessible("a customer").await;
}

/// Something of every kind.
async fn fill(phone: &Phone, browser: &Browser) {
    say(browser, "Where is my parcel?").await;
    wait_for_state(browser, "✓ Sent").await;
    if phone.customer.starts_with('+') {
        phone.company_texts("Choose:\n\n1. Today\n2. Tomorrow\nFollow it: https://example.com/1").await;
        shows(browser, "✓✓ Delivered").await;
    } else {
        phone.bot_sends_a_picture("The parcel").await;
        phone.bot_sends_a_file("plan.pdf", "application/pdf", "a plan").await;
        phone.bot_asks("When may it come?", &["Today", "Tomorrow"]).await;
        browser.wait_until("document.querySelectorAll('.key').length === 2").await;
    }
    send_picture(browser, "image/png").await;
    browser.wait_until("document.querySelector('.own img') !== null").await;
    wait_for_state(browser, "✓ Sent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_any_state_of_a_chat() {
    for phone in Phone::both() {
        let browser = phone.browser().await;
        browser.assert_accessible("an empty chat").await;
        fill(&phone, &browser).await;
        browser.assert_accessible("everything").await;
        if !phone.customer.starts_with('+') {
            browser.click(".key").await;
            wait_for_state(&browser, "✓ Tapped").await;
            phone.bot("sendChatAction", &json!({"chat_id": phone.customer, "action": "typing"})).await;
            browser.wait_until("!document.getElementById('typing').hidden").await;
            browser.assert_accessible("a button that was tapped, and a bot that is typing").await;
        }
        drop(phone);
        browser.wait_until("document.getElementById('status').textContent === 'Connecting again…'").await;
        say(&browser, "Hello?").await;
        browser.wait_until("document.getElementById('hint').textContent !== ''").await;
        browser.assert_accessible("no connection").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_a_message_that_is_not_accepted() {
    for is_on_telegram in [true, false] {
        let phone = Phone::answering(is_on_telegram, axum::http::StatusCode::FORBIDDEN);
        let browser = phone.browser().await;
        say(&browser, "Hello?").await;
        wait_for_state(&browser, "Not accepted").await;
        browser.assert_accessible("a message that is not accepted").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyboard_reaches_the_composer_first_and_then_the_buttons() {
    let phone = Phone::telegram();
    let browser = phone.browser().await;
    browser.press(Key::Tab).await;
    browser.press(Key::Enter).await;
    browser.wait_until("document.activeElement.id === 'text'").await;
    fill(&phone, &browser).await;
    browser.run("document.querySelector('.key').focus();").await;
    browser.press(Key::Enter).await;
    wait_for_state(&browser, "✓ Tapped").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bubbles_and_buttons_have_borders_in_forced_colours_and_nothing_is_wider_than_the_page() {
    for phone in Phone::both() {
        let browser = phone.browser().await;
        fill(&phone, &browser).await;
        say(&browser, &"unbroken".repeat(40)).await;
        wait_for_state(&browser, "✓ Sent").await;
        for width in [412, 320] {
            browser.resize(width, 860, 1).await;
            let excess = "const log = document.getElementById('log'); return log.scrollWidth - log.clientWidth;";
            assert_eq!(json!(0), browser.run(excess).await, "{width}");
        }
        browser.set_media(&[("forced-colors", "active")]).await;
        let borderless = "return [...document.querySelectorAll('.bubble, .key')].filter((one) => getComputedStyle(one).borderTopWidth === '0px').length;";
        assert_eq!(json!(0), browser.run(borderless).await);
    }
}
