//! Failing messaging services.

use axum::http::header::{LOCATION, RETRY_AFTER};
use shared::ledger::Outcome;
use tests::harness::listener::ReservedPort;
use tests::harness::server::Server;
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud;
use tests::simulators::messaging_service::{Attempt, MessagingService, Reply};

/// The service replies with `reply` to the first `failures` attempts of each message, and accepts later ones.
async fn recovering(failures: usize, reply: Reply) -> (Stack, MessagingService, TestIntegration) {
    let stack = Stack::connect().await;
    let service = MessagingService::with_handler(
        move |_, before| if before < failures { reply.clone() } else { Reply::status(200) },
    )
    .await;
    let integration = stack.integration(&service.url, |_| {}).await;
    (stack, service, integration)
}

/// Sends one message, waits until it is accepted, and checks that all attempts were the same except for their time.
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
async fn a_500_and_a_429_are_retried_with_the_same_id() {
    delivered_after(3, Reply::status(500)).await;
    delivered_after(1, Reply::status(429).header(RETRY_AFTER, "2")).await;
}

#[tokio::test]
async fn temporary_401_403_and_404_lose_no_message_and_keep_the_order() {
    let stack = Stack::connect().await;
    let service = MessagingService::with_handler(|attempt, before| {
        let broken = attempt.text() == "1" && before < 3;
        Reply::status(if broken { attempt.customer().parse().unwrap() } else { 200 })
    })
    .await;
    let integration = stack.integration(&service.url, |_| {}).await;
    // Each customer's id is the status of the first replies.
    let customers = ["401", "403", "404"];
    for text in ["1", "2", "3"] {
        for customer in customers {
            genesys_cloud::text(&integration, customer, text).accepted(&stack, &integration).await;
        }
    }
    let accepted = |attempts: &[Attempt]| attempts.iter().filter(|attempt| attempt.answered.is_success()).count();
    service.wait_until(|attempts| accepted(attempts) == 9).await;
    for customer in customers {
        let attempts = service.attempts();
        let texts: Vec<_> =
            attempts.iter().filter(|attempt| attempt.customer() == customer).map(Attempt::text).collect();
        assert_eq!(vec!["1", "1", "1", "1", "2", "3"], texts, "{customer}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_delivery_is_retried() {
    let elsewhere = MessagingService::start().await;
    delivered_after(1, Reply::status(302).header(LOCATION, elsewhere.url.as_str())).await;
    delivered_after(1, Reply::status(307).header(LOCATION, elsewhere.url.as_str())).await;
    assert!(elsewhere.attempts().is_empty());
}

#[tokio::test]
async fn garbage_in_a_2xx_response_is_ignored() {
    delivered_after(0, Reply::status(200).body("\u{0}<html>not json at all")).await;
    delivered_after(0, Reply::status(200).body("x".repeat(3_000_000))).await;
}

#[tokio::test]
async fn a_service_that_was_down_gets_all_messages_in_order() {
    let stack = Stack::connect().await;
    // Nothing listens at this URL until the integration gets the right one.
    let (down, up) = (ReservedPort::bind(), MessagingService::start().await);
    let integration = stack.integration(&format!("http://127.0.0.1:{}/", down.port()), |_| {}).await;
    for number in 0..3 {
        genesys_cloud::text(&integration, "c", &number.to_string()).accepted(&stack, &integration).await;
    }
    let forward = axum::Router::new().fallback({
        let (http, url) = (stack.http.clone(), up.url.clone());
        move |headers: http::HeaderMap, body: axum::body::Bytes| async move {
            http.post(url).headers(headers).body(body).send().await.unwrap().status()
        }
    });
    let _server = Server::on(down.listen(), forward);
    let attempts = up.wait_until(|attempts| attempts.len() == 3).await;
    assert_eq!(vec!["0", "1", "2"], attempts.iter().map(Attempt::text).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_400_is_final_and_blocks_no_later_message() {
    let stack = Stack::connect().await;
    let service =
        MessagingService::with_handler(|attempt, _| Reply::status(if attempt.text() == "bad" { 400 } else { 200 }))
            .await;
    let integration = stack.integration(&service.url, |_| {}).await;
    for text in ["bad", "good"] {
        genesys_cloud::text(&integration, "c", text).accepted(&stack, &integration).await;
    }
    let attempts = service.wait_until(|attempts| attempts.iter().any(|attempt| attempt.text() == "good")).await;
    assert_eq!(vec!["bad", "good"], attempts.iter().map(Attempt::text).collect::<Vec<_>>());
    let record = stack.settled(&integration, &attempts[0].id).await;
    assert_eq!(Outcome::Failed, record.outcome);
    assert!(record.response.unwrap().starts_with(r#"{"reason":"refused","status":400"#));
}
