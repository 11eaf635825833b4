//! The text of a card that the agent sees in the conversation.

use crate::callers::customer_cards::by_messaging_service;
use serde_json::json;
use shared::digest::Digest;
use shared::ledger::Outcome;
use shared::model::card::{Card, CardMessage, Cards, TraceKey, render_text_trace};
use shared::signature::standard_webhooks::SigningSecret;
use tests::harness::caller::CALLER_SECRET;
use tests::harness::stack::{SIGNING_SECRET, TestIntegration};
use tests::simulators::genesys_cloud;
use tests::simulators::genesys_cloud::api::Fault;
use tests::simulators::messaging_service::{MessagingService, Reply};

#[tokio::test]
async fn the_text_trace_of_a_card_is_not_delivered_and_the_same_text_of_an_agent_is() {
    let service = MessagingService::start().await;
    let fixture = by_messaging_service(&service, None).await;
    let body = json!({"to": "customer-1", "card": {"title": "Your table is ready"}});
    let answer = fixture.post_card(&body).await;
    assert_eq!(202, answer.status.as_u16(), "{:?}", answer.body);
    let posted = fixture.platform.wait_for_webhooks(1).await;
    assert!(posted[0].body["text"].as_str().unwrap().starts_with("Your table is ready\n"), "{posted:?}");
    assert_eq!(Some(200), posted[0].answered);
    // The next message arrives, so this one has been processed.
    let agents = genesys_cloud::text(&fixture.integration, "customer-1", "Your table is ready");
    agents.accepted(&fixture.stack, &fixture.integration).await;
    service.wait_for(&agents.id()).await;
    let delivered: Vec<_> = service.accepted().iter().map(|attempt| attempt.message_id().to_owned()).collect();
    assert_eq!(vec![answer.body["id"].as_str().unwrap().to_owned(), agents.id()], delivered);
}

#[tokio::test]
async fn a_card_that_is_longer_than_a_text_is_delivered_completely_and_its_text_trace_says_that_it_is_shortened() {
    let service = MessagingService::start().await;
    let fixture = by_messaging_service(&service, None).await;
    let card = json!({"title": "t".repeat(1_500), "subtitle": "s".repeat(1_500)});
    let answer = fixture.post_card(&json!({"to": "customer-1", "card": card})).await;
    assert_eq!((202, &json!("shortened")), (answer.status.as_u16(), &answer.body["textTrace"]));
    let text = fixture.platform.calls_of("agentless")[0].body["textBody"].as_str().unwrap().to_owned();
    assert!(text.chars().count() == 2_000 && text.contains("s…\n[shortened]\n[card "), "{text}");
    let delivered = service.wait_for(answer.body["id"].as_str().unwrap()).await;
    assert_eq!(card["subtitle"], delivered.body["data"]["content"][0]["card"]["description"]);
}

#[tokio::test]
async fn a_copy_of_a_text_trace_by_an_agent_is_delivered() {
    let service = MessagingService::start().await;
    let fixture = by_messaging_service(&service, None).await;
    fixture.post_card(&json!({"to": "customer-1", "card": {"title": "Your table is ready"}})).await;
    let trace = fixture.platform.calls_of("agentless")[0].body["textBody"].as_str().unwrap().to_owned();
    fixture.platform.finished_webhooks().await;
    let copy = genesys_cloud::text(&fixture.integration, "customer-1", &trace);
    copy.accepted(&fixture.stack, &fixture.integration).await;
    service.wait_for(&copy.id()).await;
    assert_eq!(2, service.accepted().len(), "the card and the copy");

    // Where cards have no text trace, no text is checked for one.
    let elsewhere = by_messaging_service(&service, Some(false)).await;
    fixture.post_card(&json!({"to": "customer-2", "card": {"title": "Another"}})).await;
    let trace = fixture.platform.calls_of("agentless")[1].body["textBody"].as_str().unwrap().to_owned();
    let text = genesys_cloud::text(&elsewhere.integration, "customer-2", &trace);
    text.accepted(&elsewhere.stack, &elsewhere.integration).await;
    service.wait_for(&text.id()).await;
}

/// The text trace of a card with this title, made with this secret.
fn trace_made_with(secret: &str, integration: &TestIntegration, title: &str) -> String {
    let (title, actions) = (title.to_owned(), Vec::new());
    let card = Card { title, subtitle: None, image: None, video: None, default_action: None, actions };
    let message = CardMessage { text: None, cards: Cards::One(Box::new(card)), quick_replies: Vec::new() };
    let key = TraceKey::new(&SigningSecret::parse(secret).unwrap(), &integration.name).unwrap();
    render_text_trace(&message, 2_000, &key).unwrap().text
}

#[tokio::test]
async fn a_text_with_a_forged_checksum_is_delivered_as_a_text() {
    let service = MessagingService::start().await;
    let fixture = by_messaging_service(&service, None).await;
    let integration = &fixture.integration;
    let title = "Your table is ready";
    // The checksum of an earlier version, of another secret, of another integration, and of another text.
    let unkeyed = Digest::of_parts(&["text trace", "01234567", title]);
    let other = fixture.stack.integration(&service.url, |_| {}).await;
    let genuine = trace_made_with(SIGNING_SECRET, integration, title);
    let texts = [
        format!("{title}\n[card 01234567{}]", &unkeyed.as_str()[..8]),
        trace_made_with(CALLER_SECRET, integration, title),
        trace_made_with(SIGNING_SECRET, &other, title),
        genuine.replace("ready", "gone"),
    ];
    for text in &texts {
        let webhook = genesys_cloud::text(integration, "customer-1", text);
        webhook.accepted(&fixture.stack, integration).await;
        assert_eq!(text, service.wait_for(&webhook.id()).await.text());
    }
    // None of them has used up the genuine one.
    let trace = genesys_cloud::text(integration, "customer-1", &genuine);
    trace.accepted(&fixture.stack, integration).await;
    let agents = genesys_cloud::text(integration, "customer-1", "hello");
    agents.accepted(&fixture.stack, integration).await;
    service.wait_for(&agents.id()).await;
    assert_eq!(texts.len() + 1, service.accepted().len());
}

#[tokio::test]
async fn a_text_trace_is_recognised_while_the_signing_secret_is_rotated() {
    let service = MessagingService::start().await;
    let fixture = by_messaging_service(&service, None).await;
    let integration = &fixture.integration;
    let deliver = async |text: &str| {
        let webhook = genesys_cloud::text(integration, "customer-1", text);
        webhook.accepted(&fixture.stack, integration).await;
        webhook.id()
    };
    // The dispatcher caches the configuration before the new secret is in it.
    service.wait_for(&deliver("before").await).await;
    let mut configuration = integration.configuration(&service.url);
    configuration["cards"] = json!({"route": "messaging-service"});
    configuration["delivery"]["signingSecrets"] = json!([CALLER_SECRET, SIGNING_SECRET]);
    integration.configure(&configuration).await;
    deliver(&trace_made_with(CALLER_SECRET, integration, "new")).await;
    deliver(&trace_made_with(SIGNING_SECRET, integration, "old")).await;
    service.wait_for(&deliver("behind").await).await;
    let texts: Vec<_> = service.accepted().iter().map(|attempt| attempt.text().to_owned()).collect();
    assert_eq!(vec!["before", "behind"], texts);
}

#[tokio::test]
async fn a_card_whose_text_trace_is_refused_is_not_sent() {
    let service = MessagingService::start().await;
    let fixture = by_messaging_service(&service, None).await;
    let body = json!({"to": "customer-1", "card": {"title": "t"}});
    fixture.platform.fail([Fault::Status(403)]);
    let answer = fixture.post_card(&body).await;
    answer.assert_problem(403, "platform-refused");
    assert!(answer.body["detail"].as_str().unwrap().contains("textTrace"), "{:?}", answer.body);
    // The next message arrives, so the card is not on the queue.
    let agents = genesys_cloud::text(&fixture.integration, "customer-1", "hello");
    agents.accepted(&fixture.stack, &fixture.integration).await;
    service.wait_for(&agents.id()).await;
    assert_eq!(1, service.attempts().len());
}

#[tokio::test]
async fn a_card_whose_text_trace_has_an_unknown_outcome_still_reaches_the_customer() {
    for (fault, traces) in [(Fault::ResponseLost, 1), (Fault::Status(503), 0)] {
        let service = MessagingService::start().await;
        let fixture = by_messaging_service(&service, None).await;
        fixture.platform.fail([fault]);
        let body = json!({"to": "customer-1", "card": {"title": "t"}});
        let answer = fixture.post_card_with_key(&body, "k").await;
        assert_eq!((202, &json!("unknown")), (answer.status.as_u16(), &answer.body["textTrace"]), "{:?}", answer.body);
        service.wait_for(answer.body["id"].as_str().unwrap()).await;
        assert!(fixture.post_card_with_key(&body, "k").await.replayed);
        fixture.platform.finished_webhooks().await;
        let agents = genesys_cloud::text(&fixture.integration, "customer-1", "hello");
        agents.accepted(&fixture.stack, &fixture.integration).await;
        service.wait_for(&agents.id()).await;
        assert_eq!((2, traces), (service.attempts().len(), fixture.platform.calls().len()), "{fault:?}");
    }
}

#[tokio::test]
async fn a_card_that_the_messaging_service_refuses_is_reported_under_its_text_traces_id() {
    let service = MessagingService::with_handler(|_, _| Reply::status(410)).await;
    let fixture = by_messaging_service(&service, None).await;
    let answer = fixture.post_card(&json!({"to": "customer-1", "card": {"title": "t"}})).await;
    let calls = fixture.platform.wait_for_calls(2).await;
    assert_eq!(vec!["agentless", "receipt"], calls.iter().map(|call| call.operation).collect::<Vec<_>>());
    assert_eq!((&answer.body["id"], &json!("Failed")), (&calls[1].body["id"], &calls[1].body["status"]));
    let attempts = service.wait_until(|attempts| !attempts.is_empty()).await;
    assert_eq!(Outcome::Failed, fixture.stack.settled(&fixture.integration, &attempts[0].id).await.outcome);
}
