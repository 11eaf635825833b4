//! Which messages move to the retry lane, and that their customer returns to the direct lane.

use super::fixture::{Fixture, Health, UNLUCKY};
use serde_json::{Value, json};
use tests::harness::aws_proxy::Call;
use tests::harness::dispatchers::{of, repeats};
use tests::harness::lanes::{OwnLanes, Setup};
use tests::harness::stack::Stack;
use tests::simulators::genesys_cloud::{self, Webhook};
use tests::simulators::messaging_service::{Attempt, MessagingService, Reply};

fn attribute<'c>(copy: &'c Call, name: &str) -> &'c str {
    copy.input["MessageAttributes"][name]["StringValue"].as_str().unwrap()
}

/// The ids of the messages in the copies.
fn message_ids(copies: &[Call]) -> Vec<String> {
    let body = |copy: &Call| serde_json::from_str::<Value>(copy.input["MessageBody"].as_str().unwrap()).unwrap();
    copies.iter().map(|copy| body(copy)["original"]["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn after_its_third_attempt_a_message_moves_with_the_rest_of_its_customer_which_returns_to_the_direct_lane() {
    let fixture = Fixture::start(Health::Refusing).await;
    let Fixture { lanes, changing, .. } = &fixture;
    let mut sent = Vec::new();
    for number in 0..3 {
        sent.push(fixture.send(UNLUCKY, &number.to_string()).await.id());
    }
    lanes.wait_for_moved(1).await;
    assert_eq!(3, of(&changing.service.attempts(), UNLUCKY).count(), "attempts before it moves");
    assert_eq!(sent, message_ids(&lanes.wait_for_moved(3).await));

    // The same integration's other customers are on the direct lane.
    let other = fixture.send("other", "0").await;
    changing.service.wait_for(&other.id()).await;
    // The next one of this customer is not attempted before those that wait.
    sent.push(fixture.send(UNLUCKY, "3").await.id());
    assert_eq!(sent, message_ids(&lanes.wait_for_moved(4).await));
    assert!(of(&changing.service.attempts(), UNLUCKY).all(|attempt| attempt.text() == "0"));

    changing.set(Health::Up);
    fixture.assert_direct(UNLUCKY, 4).await;
    assert_eq!(0, repeats(&changing.service.attempts(), UNLUCKY, 5));
}

#[tokio::test]
async fn a_message_whose_second_retry_succeeds_stays_on_the_direct_lane() {
    let service = MessagingService::with_handler(|attempt, before| {
        Reply::status(if attempt.text() == "0" && before < 2 { 503 } else { 200 })
    })
    .await;
    let (lanes, stack) = (OwnLanes::start(Setup::DEFAULT).await, Stack::connect().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    for number in ["0", "1"] {
        lanes.send(&integration, &genesys_cloud::text(&integration, "c", number)).await;
    }
    lanes.wait_until_empty().await;
    assert_eq!(0, lanes.moved(&lanes.aws.take_calls()).len());
    assert_eq!(0, repeats(&service.attempts(), "c", 2));
}

#[tokio::test]
async fn messages_of_an_invalid_configuration_move_and_are_delivered_when_it_is_corrected() {
    let service = MessagingService::start().await;
    let (lanes, stack) = (OwnLanes::start(Setup::DEFAULT).await, Stack::connect().await);
    let integration = stack.integration(&service.url, |configuration| configuration["colour"] = "red".into()).await;
    for number in ["0", "1"] {
        lanes.send(&integration, &genesys_cloud::text(&integration, "c", number)).await;
    }
    lanes.wait_for_moved(2).await;
    integration.configure(&integration.configuration(&service.url)).await;
    lanes.wait_until_empty().await;
    assert_eq!(0, repeats(&service.attempts(), "c", 2));
}

#[tokio::test]
async fn messages_of_a_removed_integration_move_and_are_delivered_when_it_is_back() {
    let service = MessagingService::start().await;
    let (lanes, stack) = (OwnLanes::start(Setup::DEFAULT).await, Stack::connect().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    integration.remove().await;
    for number in ["0", "1"] {
        lanes.send(&integration, &genesys_cloud::text(&integration, "c", number)).await;
    }
    lanes.wait_for_moved(2).await;
    let (name, id) = (integration.name.as_str(), integration.integration_id.as_str());
    stack.integration_named(name, id, &service.url, |_| {}).await;
    lanes.wait_until_empty().await;
    assert_eq!(0, repeats(&service.attempts(), "c", 2));
}

#[tokio::test]
async fn a_message_of_nine_hundred_kilobytes_moves_whole() {
    let fixture = Fixture::start(Health::Refusing).await;
    let mut json = genesys_cloud::text(&fixture.integration, UNLUCKY, "").json();
    json["text"] = "x".repeat(900_000).into();
    let webhook = Webhook::new(json.to_string());
    fixture.lanes.send(&fixture.integration, &webhook).await;
    fixture.lanes.wait_for_moved(1).await;
    fixture.changing.set(Health::Up);
    let attempt = fixture.changing.service.wait_for(&webhook.id()).await;
    assert_eq!((900_000, &json), (attempt.text().len(), &attempt.body["data"]["original"]));
}

#[tokio::test]
async fn a_message_that_fails_on_the_retry_lane_is_parked_with_its_number_of_the_direct_lane() {
    let service = MessagingService::with_handler(|attempt: &Attempt, before| {
        Reply::status(match attempt.customer() {
            UNLUCKY if before < 3 => 503,
            UNLUCKY => 400,
            _ => 200,
        })
    })
    .await;
    let (lanes, stack) = (OwnLanes::start(Setup::DEFAULT).await, Stack::connect().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    // On the retry lane it has another number.
    for number in 0..3 {
        lanes.send(&integration, &genesys_cloud::text(&integration, "other", &number.to_string())).await;
    }
    let sequence_number = lanes.send(&integration, &genesys_cloud::text(&integration, UNLUCKY, "0")).await;
    assert_eq!(sequence_number, attribute(&lanes.wait_for_moved(1).await[0], "sequenceNumber"));
    let parking_queue = std::env::var("PARKING_QUEUE_URL").unwrap();
    let is_parked = |call: &&Call| call.input["QueueUrl"] == parking_queue.as_str();
    let calls = lanes.aws.wait_until(|calls| calls.iter().any(|call| is_parked(&call))).await;
    let parked = calls.iter().find(is_parked).unwrap();
    let parked: Value = serde_json::from_str(parked.input["MessageBody"].as_str().unwrap()).unwrap();
    assert_eq!(
        (json!(sequence_number), json!("refused")),
        (parked["sequenceNumber"].clone(), parked["reason"].clone())
    );
}
