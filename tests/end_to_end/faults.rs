//! Messaging services that fail, each in its own way.

use axum::http::header::{LOCATION, RETRY_AFTER};
use std::time::Duration;
use tests::genesys_cloud::{self, Webhook};
use tests::messaging_service::{Attempt, MessagingService, Reply};
use tests::stack::{Stack, TestIntegration};

/// The service answers the first `failures` attempts of each message with `reply`, and accepts after that.
async fn recovering(failures: usize, reply: Reply) -> (Stack, MessagingService, TestIntegration) {
    let stack = Stack::connect().await;
    let service =
        MessagingService::behaving(move |_, before| if before < failures { reply.clone() } else { Reply::status(200) })
            .await;
    let integration = stack.integration(&service.url, |_| {}).await;
    (stack, service, integration)
}

/// Sends one message, waits until it is accepted, and checks that every attempt was the same but for its time.
async fn delivered_after(failures: usize, reply: Reply) -> Vec<Attempt> {
    let (stack, service, integration) = recovering(failures, reply).await;
    let webhook = genesys_cloud::text(&integration, "c", "hello");
    webhook.accepted(&stack, &integration).await;
    service.wait_for(&webhook.id()).await;
    let attempts = service.attempts();
    assert_eq!(failures + 1, attempts.len());
    for attempt in &attempts {
        assert_eq!((&attempts[0].id, &attempts[0].raw), (&attempt.id, &attempt.raw));
    }
    attempts
}

#[tokio::test]
async fn a_500_is_repeated_under_the_same_id_with_growing_waits() {
    let attempts = delivered_after(3, Reply::status(500)).await;
    // Waits are whole seconds in the queue, and jitter takes at most half: 1, 1 to 2, 2 to 4.
    let waits: Vec<_> = attempts.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    assert!(waits[2] > Duration::from_millis(1900), "{waits:?}");
}

#[tokio::test]
async fn a_429_is_repeated_no_sooner_than_it_says() {
    let attempts = delivered_after(1, Reply::status(429).header(RETRY_AFTER, "4")).await;
    // The emulator's clock and ours are the same; a second's grace for the queue's whole seconds.
    assert!(attempts[1].at - attempts[0].at > Duration::from_secs(3));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_delivery_repeated() {
    let elsewhere = MessagingService::start().await;
    delivered_after(1, Reply::status(302).header(LOCATION, elsewhere.url.as_str())).await;
    delivered_after(1, Reply::status(307).header(LOCATION, elsewhere.url.as_str())).await;
    assert!(elsewhere.attempts().is_empty());
}

#[tokio::test]
async fn garbage_in_an_accepting_answer_does_no_harm() {
    delivered_after(0, Reply::status(200).body("\u{0}<html>not json at all")).await;
    delivered_after(0, Reply::status(200).body("x".repeat(3_000_000))).await;
}

#[tokio::test]
async fn a_service_that_is_too_slow_is_tried_again_under_the_same_id() {
    // It takes the message, and says so when nobody waits any more.
    let late = Reply::status(200).after(Duration::from_secs(11));
    let (stack, service, integration) = recovering(1, late).await;
    genesys_cloud::text(&integration, "c", "hello").accepted(&stack, &integration).await;
    let attempts = service.wait_until(|attempts| attempts.len() == 2).await;
    assert_eq!((&attempts[0].id, &attempts[0].raw), (&attempts[1].id, &attempts[1].raw));
    assert!(attempts[1].at - attempts[0].at > Duration::from_secs(10));
}

#[tokio::test]
async fn a_service_that_is_down_gets_everything_when_it_is_back_in_order() {
    let stack = Stack::connect().await;
    // Nobody listens at this address, until the integration is given the right one.
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (down, up) = (format!("http://{unused}/"), MessagingService::start().await);
    let integration = stack.integration(&down, |_| {}).await;
    for number in 0..3 {
        genesys_cloud::text(&integration, "c", &number.to_string()).accepted(&stack, &integration).await;
    }
    let listener = tokio::net::TcpListener::bind(unused).await.unwrap();
    let forward = axum::Router::new().fallback({
        let (http, url) = (stack.http.clone(), up.url.clone());
        move |headers: axum::http::HeaderMap, body: axum::body::Bytes| async move {
            http.post(url).headers(headers).body(body).send().await.unwrap().status()
        }
    });
    let server = tokio::spawn(async move { axum::serve(listener, forward).await });
    let attempts = up.wait_until(|attempts| attempts.len() == 3).await;
    server.abort();
    assert_eq!(vec!["0", "1", "2"], attempts.iter().map(Attempt::text).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_400_is_final_and_holds_nobody_back() {
    let stack = Stack::connect().await;
    let service =
        MessagingService::behaving(|attempt, _| Reply::status(if attempt.text() == "bad" { 400 } else { 200 })).await;
    let integration = stack.integration(&service.url, |_| {}).await;
    for text in ["bad", "good"] {
        genesys_cloud::text(&integration, "c", text).accepted(&stack, &integration).await;
    }
    let attempts = service.wait_until(|attempts| attempts.iter().any(|attempt| attempt.text() == "good")).await;
    assert_eq!(vec!["bad", "good"], attempts.iter().map(Attempt::text).collect::<Vec<_>>());
    assert_failed(&stack, &integration, attempts[0].id.as_str(), r#"{"reason":"refused","status":400}"#).await;
}

#[tokio::test]
async fn a_message_that_is_too_old_is_given_up_and_the_next_gets_its_turn() {
    let stack = Stack::connect().await;
    let service =
        MessagingService::behaving(|attempt, _| Reply::status(if attempt.text() == "stuck" { 503 } else { 200 })).await;
    let integration = stack
        .integration(&service.url, |configuration| configuration["delivery"]["giveUpAfterSeconds"] = 3.into())
        .await;
    for text in ["stuck", "free"] {
        genesys_cloud::text(&integration, "c", text).accepted(&stack, &integration).await;
    }
    let attempts = service.wait_until(|attempts| attempts.iter().any(|attempt| attempt.text() == "free")).await;
    let stuck: Vec<_> = attempts.iter().filter(|attempt| attempt.text() == "stuck").collect();
    assert!(stuck.len() >= 2, "it was tried more than once");
    assert_failed(&stack, &integration, stuck[0].id.as_str(), r#"{"reason":"expired"}"#).await;
}

#[tokio::test]
async fn a_typing_event_is_not_repeated_and_a_stale_one_is_not_sent_at_all() {
    let stack = Stack::connect().await;
    let service = MessagingService::behaving(|attempt, _| {
        Reply::status(if attempt.body["type"] == "typing" { 503 } else { 200 })
    })
    .await;
    let integration = stack.integration(&service.url, |_| {}).await;
    let typing = genesys_cloud::WIRE.iter().find(|sample| sample.name == "typing").unwrap();
    let fresh = typing.fill(&integration.integration_id, "c");
    let mut stale = typing.fill(&integration.integration_id, "c").json();
    stale["channel"]["time"] = "2026-01-01T00:00:00.000Z".into();
    let stale = Webhook::new(stale.to_string());
    let next = genesys_cloud::text(&integration, "c", "the next");
    for webhook in [&fresh, &stale, &next] {
        webhook.accepted(&stack, &integration).await;
    }
    service.wait_for(&next.id()).await;
    let ids: Vec<_> = service.attempts().iter().map(|attempt| attempt.message_id().to_owned()).collect();
    assert_eq!(vec![fresh.id(), next.id()], ids);
}

/// The ledger says that the message with this `webhook-id` failed, and why.
async fn assert_failed(stack: &Stack, integration: &TestIntegration, webhook_id: &str, answer: &str) {
    use shared::ledger::{Claimed, Outcome, Settled};
    let key = format!("delivery#{}#{}", integration.name, webhook_id.strip_prefix("msg_").unwrap());
    let now = jiff::Timestamp::now();
    let settled = stack.ledger().claim(&key, now, now).await.unwrap();
    assert_eq!(
        Claimed::Settled(Settled { outcome: Outcome::Failed, answer: Some(answer.to_owned()) }),
        settled,
        "{webhook_id}"
    );
}
