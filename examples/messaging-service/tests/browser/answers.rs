//! What the customer does reaches Patchbay.

use crate::chat::{BUBBLES, CUSTOMER, Chat, Service, sample, text};
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::harness::browser::{Browser, key};
use uuid::Uuid;

const FOCUS: &str = "return document.activeElement.id || document.activeElement.textContent;";

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_written_and_sent_with_the_keyboard_alone() {
    let chat = Chat::open().await;
    tab_to(&chat.browser, "text").await;
    chat.browser.press("Where is my parcel? 📦").await;
    chat.browser.press_with(key::SHIFT, key::ENTER).await;
    chat.browser.press("Thank you").await;
    chat.browser.press(key::ENTER).await;

    let message = &chat.posted("messages", 1).await[0];
    let id = message.body["messageId"].as_str().unwrap();
    let time = message.body["time"].as_str().unwrap();
    let expected = json!({
        "messageId": id,
        "from": {"id": CUSTOMER, "idType": "Opaque", "nickname": CUSTOMER},
        "time": time,
        "text": "Where is my parcel? 📦\nThank you",
    });
    assert_eq!(expected, message.body);
    assert!(id.parse::<Uuid>().is_ok(), "{id}");
    assert!(time.parse::<Timestamp>().is_ok() && time.len() == "2026-01-02T03:04:05.678Z".len(), "{time}");
    chat.wait_for_state("sent").await;
    assert_eq!("", chat.browser.run("return document.getElementById('text').value;").await);
    assert_eq!("text", chat.browser.run(FOCUS).await);

    let typing = &chat.posted("events", 1).await[0];
    assert_eq!(json!({"from": message.body["from"], "eventType": "Typing"}), typing.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_with_a_phone_number_answers_as_one() {
    let chat = Chat::open().await;
    let mut message = text("hello");
    message["channel"]["to"]["idType"] = "Phone".into();
    chat.deliver(&message).await;
    chat.say("hi").await;
    assert_eq!("Phone", chat.posted("messages", 1).await[0].body["from"]["idType"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cards_button_answers_with_its_text_and_payload() {
    responds("card", ".actions button", "Button", "Book it", "book-garden").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quick_reply_answers_with_its_text_and_payload() {
    responds("quick-replies", ".replies button:last-child", "QuickReply", "No", "answered-no").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quick_reply_under_a_title_answers_with_its_text_and_payload() {
    responds("quick-replies-v2", ".replies button", "QuickReply", "Morning", "call-morning").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_answers_with_its_time() {
    let (chat, answer) = respond("date-picker", ".actions button").await;
    assert_eq!("DatePicker", answer["type"]);
    assert_eq!("2026-12-03T09:00:00.000Z", answer["payload"]);
    let label = chat.browser.run("return document.querySelector('.actions button').textContent;").await;
    assert_eq!(label, answer["text"]);
}

async fn responds(kind: &str, button: &str, response_type: &str, text: &str, payload: &str) {
    let (chat, answer) = respond(kind, button).await;
    assert_eq!((response_type, text), (answer["type"].as_str().unwrap(), answer["text"].as_str().unwrap()));
    assert_eq!(payload, answer["payload"]);
    // It is said in the customer's own words, and the button shows that it was chosen.
    let said = "[...document.querySelectorAll('.own .bubble')].map((bubble) => bubble.textContent)";
    chat.browser.wait_for(said, |said| *said == json!([text])).await;
    let chosen = "[...document.querySelectorAll('.chosen')].map((button) => button.textContent)";
    chat.browser.wait_for(chosen, |chosen| *chosen == json!([text])).await;
}

/// Delivers a message of that kind, clicks the button, and returns what was posted.
async fn respond(kind: &str, button: &str) -> (Chat, Value) {
    let chat = Chat::open().await;
    let message = sample(kind, CUSTOMER);
    chat.deliver(&message).await;
    chat.browser.click(button).await;
    let answer = chat.posted("responses", 1).await.remove(0).body;
    assert_eq!(message["id"], answer["originatingMessageId"]);
    assert_eq!(json!({"id": CUSTOMER, "idType": "Opaque", "nickname": CUSTOMER}), answer["from"]);
    assert!(answer["messageId"].is_string() && answer["time"].is_string(), "{answer}");
    chat.wait_for_state("sent").await;
    (chat, answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carousel_is_moved_and_its_last_card_chosen_with_the_keyboard_alone() {
    let chat = Chat::open().await;
    chat.deliver(&sample("carousel", CUSTOMER)).await;
    chat.browser.run("document.querySelector('.carousel').focus();").await;
    chat.browser.press(key::RIGHT).await;
    chat.browser.wait_until("document.querySelector('.carousel').scrollLeft > 0").await;

    tab_to(&chat.browser, "Book it").await;
    chat.browser.press(key::TAB).await;
    tab_to(&chat.browser, "Book it").await;
    let in_sight = "document.activeElement.getBoundingClientRect().right < innerWidth + 1 \
        && document.activeElement.getBoundingClientRect().left >= 0";
    chat.browser.wait_until(in_sight).await;
    chat.browser.press(key::ENTER).await;
    assert_eq!("book-harbour", chat.posted("responses", 1).await[0].body["payload"]);
    // The other card has a button of the same text.
    let chosen = "[...document.querySelectorAll('.carousel li')].map((card) => card.querySelector('.chosen') !== null)";
    chat.browser.wait_for(chosen, |chosen| *chosen == json!([false, true])).await;
}

/// Presses Tab until what has the focus has that id or that text.
async fn tab_to(browser: &Browser, name: &str) {
    for _ in 0..12 {
        if browser.run(FOCUS).await == name {
            return;
        }
        browser.press(key::TAB).await;
    }
    panic!("{name} is out of the keyboard's reach");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_quickly_arrives_in_order() {
    let chat = Chat::open().await;
    for words in ["one", "two", "three"] {
        chat.say(words).await;
    }
    let posted = chat.posted("messages", 3).await;
    assert_eq!(
        vec!["one", "two", "three"],
        posted.iter().map(|post| post.body["text"].as_str().unwrap()).collect::<Vec<_>>()
    );
    chat.browser.wait_for(BUBBLES, |bubbles| *bubbles == json!(["one", "two", "three"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_can_answer_the_page_says_so() {
    let (service, browser) = (Service::start().await, Browser::start(412, 860).await);
    service.deliver(&sample("quick-replies", CUSTOMER)).await;
    browser.open(&service.chat_url(CUSTOMER)).await;
    browser.wait_until("document.querySelectorAll('.replies button').length === 2").await;
    browser.wait_until("document.getElementById('hint').textContent.includes('INBOUND_URL')").await;
    let able =
        "return [...document.querySelectorAll('button, textarea')].filter((control) => !control.disabled).length;";
    assert_eq!(0, browser.run(able).await);
}
