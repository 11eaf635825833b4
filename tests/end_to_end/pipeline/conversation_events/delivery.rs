//! Events reach the messaging service, each once and in order.

use super::fixture::{Story, types};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tests::simulators::genesys_cloud;
use tests::simulators::genesys_cloud::api::{AGENT, QUEUE};
use tests::simulators::messaging_service::{MessagingService, Reply};

#[tokio::test]
async fn an_agent_joins_leaves_and_the_conversation_ends() {
    let story = Story::start().await;
    story.agent_writes().await;
    let (agent, customer, now) = (story.session(), story.session(), Timestamp::now());
    let start = story.source.event("user.start", &agent, now, &json!({}));
    story.source.put(std::slice::from_ref(&start)).await;
    story.events(1).await;
    let left = json!({"disconnectType": "CLIENT", "interactingDurationMs": 5000, "alertingDurationMs": 700});
    story.source.put(&[story.source.event("user.end", &agent, now, &left)]).await;
    story.events(2).await;
    story.source.put(&[story.source.event("customer.end", &customer, now, &json!({"disconnectType": "PEER"}))]).await;
    let events = story.events(3).await;
    assert_eq!(vec!["agent.joined", "agent.left", "conversation.ended"], types(&events));

    let data = &events[0]["data"];
    assert_eq!(
        json!([
            story.integration.name.as_str(), "genesys-cloud", story.conversation_id, "Outbound", "sent",
            {"id": story.customer, "idType": "Email"}, agent.session_id, agent.participant_id, AGENT, QUEUE,
        ]),
        json!([
            data["integration"],
            data["platform"],
            data["conversationId"],
            data["direction"],
            data["intent"],
            data["to"],
            data["sessionId"],
            data["participantId"],
            data["userId"],
            data["queueId"],
        ])
    );
    assert_eq!(now.as_millisecond(), data["time"].as_str().unwrap().parse::<Timestamp>().unwrap().as_millisecond());
    assert_eq!(
        (start["detail"].clone(), &start["source"]),
        (data["original"]["detail"].clone(), &data["original"]["source"])
    );
    assert_eq!(None, data.get("fallbackText"), "nothing to send to the customer");
    assert_eq!(
        (json!("CLIENT"), json!("PEER")),
        (events[1]["data"]["reason"].clone(), events[2]["data"]["reason"].clone())
    );
}

#[tokio::test]
async fn an_agent_who_is_alerted_and_never_answers_joins_and_leaves() {
    let story = Story::start().await;
    story.agent_writes().await;
    let (session, now) = (story.session(), Timestamp::now());
    story.source.put(&[story.source.event("user.start", &session, now, &json!({}))]).await;
    story.events(1).await;
    let unanswered = json!({"disconnectType": "NO_ANSWER_TRANSFER", "alertingDurationMs": 12_000});
    story.source.put(&[story.source.event("user.end", &session, now, &unanswered)]).await;
    let events = story.events(2).await;
    assert_eq!(vec!["agent.joined", "agent.left"], types(&events));
    let ended = &events[1]["data"];
    assert_eq!((&json!(session.session_id), &json!("NO_ANSWER_TRANSFER")), (&ended["sessionId"], &ended["reason"]));
}

#[tokio::test]
async fn an_event_that_comes_twice_is_delivered_once() {
    let story = Story::start().await;
    story.agent_writes().await;
    let (session, now) = (story.session(), Timestamp::now());
    let copy = || story.source.event("user.start", &session, now, &json!({}));
    let copies = [copy(), copy(), copy()];
    assert_ne!(copies[0]["id"], copies[1]["id"], "the envelope's id differs");
    story.source.put(&copies).await;
    story.events(1).await;
    story.source.put(&[copy(), story.source.event("customer.end", &story.session(), now, &json!({}))]).await;
    assert_eq!(vec!["agent.joined", "conversation.ended"], types(&story.events(2).await));
}

#[tokio::test]
async fn a_transfer_is_reported_and_a_late_end_names_the_session_that_it_ends() {
    let story = Story::start().await;
    story.agent_writes().await;
    let (first, second, now) = (story.session(), story.session(), Timestamp::now());
    let later = now + SignedDuration::from_millis(175);
    story.source.put(&[story.source.event("user.start", &second, now, &json!({}))]).await;
    story.events(1).await;
    // As the vendor reports: the start of the next session is stamped before the end of the last one.
    let transferred = json!({"disconnectType": "TRANSFER", "interactingDurationMs": 5000});
    story.source.put(&[story.source.event("user.end", &first, later, &transferred)]).await;
    let events = story.events(2).await;
    assert_eq!(vec!["agent.joined", "conversation.transferred"], types(&events));
    let sessions: Vec<_> = events.iter().map(|event| event["data"]["sessionId"].clone()).collect();
    assert_eq!(vec![json!(second.session_id), json!(first.session_id)], sessions);
    assert_eq!("TRANSFER", events[1]["data"]["reason"]);
}

#[tokio::test]
async fn an_event_waits_for_the_message_that_names_its_customer() {
    let story = Story::start().await;
    story.source.put(&[story.source.event("user.start", &story.session(), Timestamp::now(), &json!({}))]).await;
    let message = story.message();
    message.accepted(&story.stack, &story.integration).await;
    let events = story.events(1).await;
    assert_eq!((vec!["agent.joined"], &json!(story.customer)), (types(&events), &events[0]["data"]["to"]["id"]));
}

#[tokio::test]
async fn the_addresses_of_the_customers_session_name_the_customer_too() {
    let story = Story::start().await;
    // Another customer's message has named the channel of the integration.
    let other = genesys_cloud::text(&story.integration, "another-customer", "hello");
    other.accepted(&story.stack, &story.integration).await;
    story.service.wait_for(&other.id()).await;
    let addresses = json!({"addressTo": story.integration.integration_id, "addressFrom": story.customer});
    let now = Timestamp::now();
    story.source.put(&[story.source.event("customer.start", &story.session(), now, &addresses)]).await;
    story.source.put(&[story.source.event("user.start", &story.session(), now, &json!({}))]).await;
    let events = story.events(1).await;
    assert_eq!((vec!["agent.joined"], &json!(story.customer)), (types(&events), &events[0]["data"]["to"]["id"]));
}

#[tokio::test]
async fn a_refused_event_is_not_in_the_way_of_the_customers_next_message() {
    let service = MessagingService::with_handler(|attempt, _| {
        Reply::status(if attempt.body["type"] == "agent.joined" { 422 } else { 200 })
    });
    let story = Story::with(service.await).await;
    story.agent_writes().await;
    let session = story.session();
    story.source.put(&[story.source.event("user.start", &session, Timestamp::now(), &json!({}))]).await;
    story.source.put(&[story.source.event("user.end", &session, Timestamp::now(), &json!({}))]).await;
    assert_eq!(vec!["agent.left"], types(&story.events(1).await));
    story.agent_writes().await;
}
