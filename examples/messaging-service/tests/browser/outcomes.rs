//! What became of what the customer wrote.

use crate::chat::{Chat, Service, platform_id, receipt, taken};
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use serde_json::json;
use tests::simulators::messaging_service::Reply;
use tokio::sync::watch;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_shows_at_once_and_how_far_it_has_got() {
    let gate = watch::Sender::new(false);
    let held = gate.subscribe();
    let chat = Chat::with(move |attempt, _| taken(attempt).through(held.clone())).await;
    chat.say("hello").await;
    chat.wait_for_state("sending").await;
    gate.send_replace(true);
    chat.wait_for_state("sent").await;
    let message = &chat.posted("messages", 1).await[0];
    chat.service.deliver(&receipt("receipt", &platform_id(message))).await;
    chat.wait_for_state("published").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_comes_before_the_answer_counts_as_well() {
    let gate = watch::Sender::new(false);
    let held = gate.subscribe();
    let chat = Chat::with(move |attempt, _| taken(attempt).through(held.clone())).await;
    chat.say("hello").await;
    let message = chat.posted("messages", 1).await.remove(0);
    chat.service.deliver(&receipt("receipt", &platform_id(&message))).await;
    chat.wait_for_state("sending").await;
    gate.send_replace(true);
    chat.wait_for_state("published").await;
    assert_eq!(1, crate::chat::entries(&chat.browser).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_receipt_shows_its_reason() {
    let chat = Chat::open().await;
    chat.say("hello").await;
    chat.wait_for_state("sent").await;
    let message = chat.posted("messages", 1).await.remove(0);
    chat.service.deliver(&receipt("receipt-failed", &platform_id(&message))).await;
    chat.wait_for_state("failed").await;
    chat.browser.wait_until("document.querySelector('.own').textContent.includes('The conversation has ended.')").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_message_says_why_and_can_be_sent_again_as_the_same_one() {
    let chat = Chat::with(|attempt, before| match (attempt.path.ends_with("/messages"), before) {
        (true, 0) => Reply::status(400).body(json!({"detail": "No such integration."}).to_string()),
        _ => taken(attempt),
    })
    .await;
    chat.say("hello").await;
    chat.wait_for_state("unsent").await;
    chat.browser.wait_until("document.querySelector('.own').textContent.includes('No such integration.')").await;
    chat.browser.click(".retry").await;
    chat.wait_for_state("sent").await;
    let posted = chat.posted("messages", 2).await;
    assert_eq!((&posted[0].id, &posted[0].raw), (&posted[1].id, &posted[1].raw));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_succeed_later_is_tried_again_as_the_same_message_without_asking() {
    let chat =
        Chat::with(|attempt, before| match ([409, 429, 503, 504].get(before), attempt.path.ends_with("/messages")) {
            (Some(status), true) => Reply::status(*status).header(RETRY_AFTER, "0"),
            _ => taken(attempt),
        })
        .await;
    chat.say("hello").await;
    chat.wait_for_state("sent").await;
    let posted = chat.posted("messages", 5).await;
    assert!(posted.iter().all(|post| (&post.id, &post.raw) == (&posted[0].id, &posted[0].raw)), "{posted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_longer_than_half_a_minute_for_the_next_attempt() {
    let chat = Chat::with(|_, _| Reply::status(503).header(RETRY_AFTER, "31")).await;
    chat.say("hello").await;
    chat.wait_for_state("unsent").await;
    assert_eq!(1, chat.posted("messages", 1).await.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_under_localhost_is_this_machine_whatever_the_resolver_says() {
    let chat = Chat::open().await;
    let url = chat.patchbay.at("/integrations/acme/inbound").replace("127.0.0.1", "api.execute-api.localhost");
    let service = Service::answering_at(&url).await;
    let request = service.http.post(format!("{}/customers/c/messages", service.url));
    let request = request.header("content-type", "application/json").body(json!({"text": "hello"}).to_string());
    assert_eq!(StatusCode::ACCEPTED, request.send().await.unwrap().status());
    assert_eq!("hello", chat.posted("messages", 1).await[0].body["text"]);
}
