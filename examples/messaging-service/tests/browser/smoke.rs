//! The page shows what is delivered and sends what the customer does.

use crate::fixture::{BUBBLES, CUSTOMER, Chat, accept, platform_id, receipt, sample, text};
use reqwest::header::RETRY_AFTER;
use serde_json::{Value, json};
use tests::simulators::genesys_cloud::WIRE;
use tests::simulators::messaging_service::Reply;

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_message_is_shown() {
    let chat = Chat::open().await;
    for kind in WIRE.iter().map(|sample| sample.name).filter(|name| *name != "typing") {
        chat.deliver(&sample(kind, CUSTOMER)).await;
    }
    chat.service.deliver(&sample("typing", CUSTOMER)).await;
    chat.browser.wait_until("!document.getElementById('typing').hidden").await;

    let shown = chat.browser.run("return document.getElementById('log').innerText;").await;
    for expected in [
        "Héllo 👋 your parcel is on its way.",
        "map.png",
        "Your order 12345 shipped on Friday.",
        "Track it",
        "Did that answer your question?",
        "When may we call you?",
        "Garden room",
        "Harbour room",
        "When may we come?",
        "Published",
        "Failed: The conversation has ended.",
        "Acme Support is typing",
    ] {
        assert!(shown.as_str().unwrap().contains(expected), "{expected:?} is missing in {shown}");
    }
    let buttons = "return [...document.querySelectorAll('#log button')].map((button) => button.textContent);";
    let buttons = chat.browser.run(buttons).await;
    for label in ["Yes", "No", "Morning", "Evening", "Book it"] {
        assert!(buttons.as_array().unwrap().contains(&label.into()), "{label}: {buttons}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_delivery_is_shown_once() {
    let chat = Chat::open().await;
    let message = text("once");
    chat.deliver(&message).await;
    chat.service.deliver(&message).await;
    chat.deliver(&text("and another")).await;
    assert_eq!(json!(["once", "and another"]), chat.browser.run(&format!("return {BUBBLES};")).await);
    let listed = chat.service.http.get(format!("{}/deliveries", chat.service.url)).send().await.unwrap();
    let listed: Vec<Value> = serde_json::from_slice(&listed.bytes().await.unwrap()).unwrap();
    assert_eq!(3, listed.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_text_is_retried_as_the_same_message_and_shows_its_state() {
    let chat = Chat::with(|attempt, before| match (attempt.path.ends_with("/messages"), before) {
        (true, 0) => Reply::status(503).header(RETRY_AFTER, "0"),
        _ => accept(attempt),
    })
    .await;
    chat.say("Where is my parcel? 📦").await;
    chat.wait_for_state("sent").await;
    let posted = chat.posted("messages", 2).await;
    assert_eq!("Where is my parcel? 📦", posted[0].body["text"]);
    assert_eq!((&posted[0].id, &posted[0].raw), (&posted[1].id, &posted[1].raw));
    chat.service.deliver(&receipt("receipt", &platform_id(&posted[1]))).await;
    chat.wait_for_state("published").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clicked_button_is_sent_as_a_response() {
    let chat = Chat::open().await;
    let message = sample("card", CUSTOMER);
    chat.deliver(&message).await;
    chat.browser.click(".actions button").await;
    let response = chat.posted("responses", 1).await.remove(0).body;
    let shown = ["originatingMessageId", "type", "text", "payload"].map(|field| &response[field]);
    assert_eq!([&message["id"], &json!("Button"), &json!("Book it"), &json!("book-garden")], shown);
}
