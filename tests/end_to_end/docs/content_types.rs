//! Deliveries of each content type, and the responses to them: the examples of the guide.

use crate::fixtures::WithPlatform;
use serde_json::{Value, json};
use tests::harness::caller::Request;
use tests::harness::stack::Stack;
use tests::simulators::genesys_cloud::{self, WIRE};
use tests::simulators::messaging_service::{Attempt, MessagingService};
use tests::simulators::{highlevel, multicloud_cx};
use tests::spec::content_types::Example;
use uuid::Uuid;

/// `webhook` with the example's fields instead of its own.
fn with_members(mut webhook: Value, message_type: &str, members: &Value) -> String {
    for member in ["text", "content"] {
        webhook[member] = members.get(member).cloned().unwrap_or_default();
    }
    webhook["type"] = message_type.into();
    webhook.to_string()
}

fn assert_delivered_as_shown(example: &Example, delivered: &Attempt) {
    let data = &delivered.body["data"];
    assert_eq!(example.fallback_text, data["fallbackText"].as_str().unwrap_or_default(), "{}", example.heading);
    for (member, shown) in example.members.as_object().unwrap() {
        assert_eq!(shown, &data[member], "{}: {member}", example.heading);
    }
}

#[tokio::test]
async fn the_guides_examples_of_genesys_cloud_are_delivered_with_their_fallback_texts_and_accept_responses() {
    let service = MessagingService::start().await;
    let fixture = WithPlatform::delivering_to(&service.url, |_| {}).await;
    let examples = Example::all();
    let mut tried = 0;
    for example in examples.iter().filter(|example| !example.is_multicloud_cx()) {
        let sample = WIRE[0].fill(&fixture.integration.integration_id, &format!("customer of {}", example.heading));
        let webhook = genesys_cloud::Webhook::new(with_members(sample.json(), "Structured", &example.members));
        webhook.accepted(&fixture.stack, &fixture.integration).await;
        assert_delivered_as_shown(example, &service.wait_for(&webhook.id()).await);
        tried += 1;

        let Some(answer) = &example.answer else { continue };
        fixture.platform.know_message(&webhook.id());
        let mut body = json!({
            "messageId": Uuid::new_v4().to_string(), "from": {"id": "customer-17"}, "time": "2026-01-02T03:04:05Z",
            "originatingMessageId": webhook.id(),
        });
        body.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
        let request = Request::new(&body).signed();
        let answered = request.post(&fixture.stack, &fixture.integration, "inbound/responses").await;
        assert_eq!(200, answered.status.as_u16(), "{}: {:?}", example.heading, answered.body);
        let posted = &fixture.platform.calls_of("structured-response").pop().unwrap().body["buttonResponse"];
        assert_eq!(answer, posted, "{}", example.heading);
    }
    assert!(tried >= 9, "{tried}");
}

#[tokio::test]
async fn the_guides_examples_of_multicloud_cx_are_delivered_with_their_fallback_texts() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let configuration = multicloud_cx::configuration("http://127.0.0.1:9", "0123456789", &service.url);
    let integration = stack.integration_of("0123456789", &configuration).await;
    let examples = Example::all();
    let mut tried = 0;
    for example in examples.iter().filter(|example| example.is_multicloud_cx()) {
        let sample =
            multicloud_cx::sample("rich-media").fill("0123456789", &format!("customer of {}", example.heading));
        let webhook = multicloud_cx::Webhook::new(with_members(sample.json(), "RichMedia", &example.members));
        webhook.accepted(&stack, &integration).await;
        assert_delivered_as_shown(example, &service.wait_for(&webhook.id()).await);
        tried += 1;
    }
    assert_eq!(2, tried);
}

#[tokio::test]
async fn only_messages_have_a_fallback_text_and_all_of_them_do() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let genesys = stack.integration(&service.url, |_| {}).await;
    for sample in WIRE {
        sample.fill(&genesys.integration_id, "customer-17").accepted(&stack, &genesys).await;
    }
    let configuration = multicloud_cx::configuration("http://127.0.0.1:9", "0123456789", &service.url);
    let multicloud = stack.integration_of("0123456789", &configuration).await;
    for name in ["sms", "email", "rich-media", "receipt", "unknown-type"] {
        multicloud_cx::sample(name).fill("0123456789", "customer-17").accepted(&stack, &multicloud).await;
    }
    let keys = highlevel::Keys::generate();
    let location = highlevel::integration(&stack, &keys, &service.url, |_| {}).await;
    let forwarded = highlevel::WIRE.iter().filter(|sample| !["internal-comment", "install"].contains(&sample.name));
    let mut count = WIRE.len() + 5;
    for sample in forwarded {
        keys.sign(&sample.fill(&location.integration_id, "contact-17")).acknowledged(&stack, &location).await;
        count += 1;
    }
    for delivered in service.wait_until(|attempts| attempts.len() >= count).await {
        let is_message = delivered.body["type"].as_str().unwrap().starts_with("message.");
        let fallback_text = delivered.body["data"]["fallbackText"].as_str();
        assert_eq!(is_message, fallback_text.is_some_and(|text| !text.trim().is_empty()), "{}", delivered.body);
    }
}
