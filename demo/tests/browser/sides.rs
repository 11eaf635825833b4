//! The customers' sides beside the desk.

use crate::fixture::{BY_SMS, CUSTOMER, Case, ON_TELEGRAM, SMS, TELEGRAM};
use serde_json::json;

const TITLES: &str = "[...document.querySelectorAll('.side h2')].map((title) => title.textContent)";
const SHOWN: &str =
    "[...document.querySelectorAll('iframe')].map((side) => new URL(side.src).searchParams.get('customer'))";

#[tokio::test(flavor = "multi_thread")]
async fn the_side_of_the_chosen_conversation_comes_first_and_is_marked() {
    let case = Case::start().await;
    case.customer_writes(CUSTOMER, "I am ada").await;
    case.writes_through(TELEGRAM, ON_TELEGRAM, Some("Ada"), "I am on Telegram").await;
    case.writes_through(SMS, BY_SMS, None, "I write texts").await;
    let browser = case.browser(ON_TELEGRAM).await;
    browser.wait_for(TITLES, |titles| *titles == json!(["Telegram", "SMS", "Chat page"])).await;
    browser.wait_until("document.getElementById('title').textContent === 'Ada'").await;
    browser.wait_for(SHOWN, |shown| *shown == json!([ON_TELEGRAM, BY_SMS, ON_TELEGRAM])).await;
    let marked = "[...document.querySelectorAll('.side')].map((side) => side.querySelector('.this') !== null)";
    browser.wait_for(marked, |marked| *marked == json!([true, false, false])).await;

    // The list is above the conversation.
    let listed = "[...document.querySelectorAll('#customers a')].map((one) => [one.querySelector('.name').textContent, one.querySelector('.of').textContent, one.ariaCurrent])";
    let expected = json!([[BY_SMS, "SMS", null], ["Ada", "Telegram", "page"], [CUSTOMER, "Chat page", null]]);
    browser.wait_for(listed, |listed| *listed == expected).await;
    browser.click("#customers a").await;
    browser.wait_for(TITLES, |titles| *titles == json!(["SMS", "Telegram", "Chat page"])).await;
    browser.wait_for(marked, |marked| *marked == json!([true, false, false])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_leads_to_its_conversation_and_the_page_to_each_side() {
    let case = Case::start().await;
    let browser = case.browser(CUSTOMER).await;
    browser.wait_for(TITLES, |titles| *titles == json!(["Chat page", "Telegram", "SMS"])).await;
    browser.click("#jumps a:last-child").await;
    browser.wait_until("location.hash === '#side-2'").await;
    browser.click("#side-2 .caption a").await;
    browser.wait_for(TITLES, |titles| *titles == json!(["SMS", "Telegram", "Chat page"])).await;
}
