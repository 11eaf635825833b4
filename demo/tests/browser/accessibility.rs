//! The desk for those who use a keyboard, a screen reader or their own colours, and on narrow pages.

use crate::fixture::{CUSTOMER, Case, say, shows};
use serde_json::json;
use tests::harness::browser::{Browser, Key};

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_the_list_of_conversations() {
    let case = Case::start().await;
    let browser = Browser::start(1_240, 900).await;
    browser.open(&case.desk.url).await;
    browser.wait_until("document.getElementById('status').textContent !== ''").await;
    browser.assert_accessible("no conversations").await;
    case.customer_writes(CUSTOMER, "hello").await;
    browser.wait_until("document.querySelector('#customers a') !== null").await;
    browser.assert_accessible("a conversation").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_any_state_of_a_conversation() {
    let case = Case::start().await;
    let browser = case.browser(CUSTOMER).await;
    browser.wait_until("document.getElementById('hint').textContent !== ''").await;
    browser.assert_accessible("a customer who has not written").await;

    fill(&case).await;
    case.customer_types(CUSTOMER).await;
    browser.wait_until("!document.getElementById('typing').hidden").await;
    for size in [1_920, 1_240, 800, 390] {
        browser.resize(size, 900, 1).await;
        browser.assert_accessible(&format!("an open conversation, {size} pixels wide")).await;
    }

    say(&browser, "Good-bye").await;
    browser.click("#end").await;
    browser.wait_until("document.getElementById('text').disabled").await;
    browser.assert_accessible("an ended conversation").await;

    let Case { desk, .. } = case;
    drop(desk);
    browser.wait_until("document.getElementById('status').textContent === 'Connecting again…'").await;
    browser.assert_accessible("no connection").await;
}

/// Something of every kind.
async fn fill(case: &Case) {
    case.customer_writes(CUSTOMER, "Where is my parcel?").await;
    let conversation = case.platform.conversation(CUSTOMER).unwrap();
    case.platform.join_conversation(&conversation).await;
    case.company_writes(CUSTOMER, "Your parcel\n[Tomorrow]").await;
    let delivered = case.platform.write(&conversation, "On its way.");
    case.customer_chooses(CUSTOMER, &delivered, "Tomorrow").await;
    case.customer_sends_a_picture(CUSTOMER, &format!("{}/icon.svg", case.desk.url)).await;
    let failed = case.platform.write(&conversation, "It is there.");
    case.receipt(CUSTOMER, &delivered, "Delivered", None).await;
    case.receipt(CUSTOMER, &failed, "Failed", Some("Unreachable destination handset")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_tab_stop_leads_to_the_composer() {
    let case = Case::start().await;
    let browser = case.browser(CUSTOMER).await;
    case.customer_writes(CUSTOMER, "hello").await;
    browser.wait_until("!document.getElementById('text').disabled").await;
    browser.press(Key::Tab).await;
    browser.press(Key::Enter).await;
    browser.wait_until("document.activeElement.id === 'text'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_wider_than_the_page() {
    let case = Case::start().await;
    let browser = case.browser(CUSTOMER).await;
    fill(&case).await;
    case.customer_writes(CUSTOMER, &"unbroken".repeat(60)).await;
    shows(&browser, "unbrokenunbroken").await;
    let beside = "return document.querySelector('iframe').getBoundingClientRect().left > document.querySelector('.window').getBoundingClientRect().right;";
    for (width, is_beside, all_fit) in [
        (1_920, true, true),
        (1_600, true, false),
        (1_200, true, false),
        (800, false, false),
        (390, false, false),
        (320, false, false),
    ] {
        browser.resize(width, 900, 1).await;
        let excess = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;";
        assert_eq!(json!(0), browser.run(excess).await, "{width}");
        let fits = "return document.documentElement.scrollHeight === document.documentElement.clientHeight;";
        assert_eq!(json!(all_fit), browser.run(fits).await, "{width}: what is beside each other fits the page");
        assert_eq!(json!(is_beside), browser.run(beside).await, "{width}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bubbles_have_borders_in_forced_colours() {
    let case = Case::start().await;
    let browser = case.browser(CUSTOMER).await;
    fill(&case).await;
    shows(&browser, "It is there.").await;
    let borderless = "return [...document.querySelectorAll('.bubble, .window, iframe')].filter((one) => getComputedStyle(one).borderTopWidth === '0px').length;";
    browser.set_media(&[("forced-colors", "active")]).await;
    assert_eq!(json!(0), browser.run(borderless).await);
}
