//! Every kind of message is delivered once, intact and verifiable.

use serde_json::{Value, json};
use tests::harness::stack::Stack;
use tests::simulators::genesys_cloud::{self, DOCUMENTATION, Sample, WIRE, Webhook};
use tests::simulators::messaging_service::{Attempt, MessagingService};

const CUSTOMER: &str = "customer-17";

fn expected_type(sample: &Sample) -> &'static str {
    match sample.name {
        "text" | "media" => "message.text",
        "typing" => "typing",
        "receipt" | "receipt-failed" => "receipt",
        _ => "message.structured",
    }
}

async fn delivered(samples: &[Sample]) -> Vec<(Sample, Webhook, Attempt)> {
    let stack = Stack::connect().await;
    let service = MessagingService::start().await;
    let integration = stack.integration(&service.url, |_| {}).await;
    let mut sent = Vec::new();
    for sample in samples {
        let webhook = sample.fill(&integration.integration_id, CUSTOMER);
        webhook.accepted(&stack, &integration).await;
        sent.push((*sample, webhook));
    }
    let mut delivered = Vec::new();
    for (sample, webhook) in sent {
        let attempt = service.wait_for(&webhook.id()).await;
        assert_eq!(integration.name.as_str(), attempt.body["data"]["integration"]);
        delivered.push((sample, webhook, attempt));
    }
    assert_eq!(samples.len(), service.attempts().len(), "each was delivered once, at the first attempt");
    delivered
}

#[tokio::test]
async fn every_kind_of_message_arrives_once_intact_and_verifiable() {
    for (sample, webhook, attempt) in delivered(&WIRE).await {
        let data = &attempt.body["data"];
        assert_eq!(expected_type(&sample), attempt.body["type"], "{}", sample.name);
        assert_eq!(webhook.json(), data["original"], "{}", sample.name);
        assert_eq!("genesys-cloud", data["platform"]);
        assert_eq!("5d0d331e-d2a8-4fb5-96f7-7021bef2a8ee", data["conversationId"]);
        assert_eq!(webhook.json()["channel"]["time"], data["time"]);
        let customer = if expected_type(&sample) == "receipt" { &data["from"] } else { &data["to"] };
        assert_eq!(json!({"id": CUSTOMER, "idType": "Opaque"}), *customer, "{}", sample.name);
        assert!(attempt.id.starts_with("msg_"));
    }
}

#[tokio::test]
async fn the_documentations_examples_are_delivered() {
    for (sample, webhook, attempt) in delivered(&DOCUMENTATION).await {
        assert_eq!(webhook.json(), attempt.body["data"]["original"], "{}", sample.name);
        assert_eq!("messaging-user@externalservice.com", attempt.customer());
        if sample.name == "template" {
            assert_eq!("Your order 12345 shipped on Friday.", attempt.text());
            let parameters = &attempt.body["data"]["content"][0]["template"]["body"]["parameters"];
            assert_eq!("Friday", parameters[1]["text"], "the flat form is converted to the model's");
        }
    }
}

#[tokio::test]
async fn each_kind_carries_what_only_it_has() {
    let all = delivered(&WIRE).await;
    let data = |name: &str| -> Value {
        all.iter().find(|(sample, ..)| sample.name == name).map(|(.., attempt)| attempt.body["data"].clone()).unwrap()
    };
    assert_eq!("Héllo 👋 your parcel is on its way.", data("text")["text"]);
    assert_eq!("Human", data("text")["originatingEntity"]);
    assert_eq!(
        json!([{"mediaType": "Image", "url": "https://example.com/media/map.png", "mime": "image/png", "filename": "map.png"}]),
        data("media")["attachments"]
    );
    assert_eq!("Your order 12345 shipped on Friday.", data("template")["text"]);
    assert_eq!("Garden room", data("card")["content"][0]["card"]["title"]);
    assert_eq!(2, data("carousel")["content"][0]["carousel"]["cards"].as_array().unwrap().len());
    assert_eq!(2, data("quick-replies")["content"].as_array().unwrap().len());
    assert_eq!("Morning", data("quick-replies-v2")["content"][0]["quickReplyV2"]["actions"][0]["text"]);
    assert_eq!(1800, data("date-picker")["content"][0]["datePicker"]["availableTimes"][0]["duration"]);
    assert_eq!(600_000, data("typing")["durationMilliseconds"]);
    assert_eq!(json!("Published"), data("receipt")["status"]);
    assert_eq!(json!(true), data("receipt")["isFinalReceipt"]);
    assert_eq!(
        json!([{"code": "GeneralError", "message": "The conversation has ended."}]),
        data("receipt-failed")["reasons"]
    );
}

#[tokio::test]
async fn unknown_types_and_fields_are_passed_on() {
    let stack = Stack::connect().await;
    let service = MessagingService::start().await;
    let integration = stack.integration(&service.url, |_| {}).await;
    let mut json = genesys_cloud::text(&integration, CUSTOMER, "hello").json();
    json["type"] = "Hologram".into();
    json["channel"]["to"]["idType"] = "Telepathy".into();
    json["shape"] = json!({"depth": [1, 2.5, null, "x"]});
    let webhook = Webhook::new(json.to_string());
    webhook.accepted(&stack, &integration).await;
    let attempt = service.wait_for(&webhook.id()).await;
    assert_eq!("message.other", attempt.body["type"]);
    assert_eq!("Hologram", attempt.body["data"]["platformType"]);
    assert_eq!("Telepathy", attempt.body["data"]["to"]["idType"]);
    assert_eq!(json, attempt.body["data"]["original"]);
}

#[tokio::test]
async fn the_original_is_delivered_byte_for_byte() {
    let stack = Stack::connect().await;
    let service = MessagingService::start().await;
    let integration = stack.integration(&service.url, |_| {}).await;
    let id = uuid();
    // White space, order, escapes, a number that no double can represent, and characters that SQS refuses.
    let original = format!(
        "{{ \"type\":\"Text\",\n\t\"text\":\"\\u00e4\\/ä \u{10ffff}\", \"n\":12345678901234567890.10, \"id\":\"{id}\", \
         \"channel\":{{\"id\":\"{}\"}} }}",
        integration.integration_id
    );
    Webhook::new(original.clone()).accepted(&stack, &integration).await;
    let attempt = service.wait_for(&id).await;
    let raw = String::from_utf8(attempt.raw.to_vec()).unwrap();
    assert!(raw.ends_with(&format!("\"original\":{original}}}}}")), "{raw}");

    let id = uuid();
    let refused_by_sqs =
        json!({"type": "Text", "id": id, "text": "\u{fffe}\u{ffff}", "channel": {"id": integration.integration_id}});
    Webhook::new(refused_by_sqs.to_string()).accepted(&stack, &integration).await;
    assert_eq!("\u{fffe}\u{ffff}", service.wait_for(&id).await.text());
}

#[tokio::test]
async fn a_text_that_was_cut_within_an_emoji_is_delivered_in_strictly_valid_json() {
    let stack = Stack::connect().await;
    let service = MessagingService::start().await;
    let integration = stack.integration(&service.url, |_| {}).await;
    let (id, channel) = (uuid(), &integration.integration_id);
    let body = format!(
        r#"{{"type":"Text","id":"{id}","text":"first","channel":{{"id":"{channel}"}}, "n":1e400,"m":[-1e999,1.0],
            "text":"cut off \ud83d", "conversationId":"\ude00"}}"#
    );
    let answer = Webhook::new(body).post(&stack, &integration).await;
    assert_eq!((200, json!({ "messageId": id })), (answer.status.as_u16(), answer.body));
    let attempt = service.wait_for(&id).await;
    assert_eq!("cut off \u{fffd}", attempt.text());
    assert_eq!("\u{fffd}", attempt.body["data"]["conversationId"]);
    let raw = String::from_utf8(attempt.raw.to_vec()).unwrap();
    let original = format!(
        r#""original":{{"type":"Text","id":"{id}","channel":{{"id":"{channel}"}}, "n":1.7976931348623157e308,"m":[-1.7976931348623157e308,1.0],
            "text":"cut off \ufffd", "conversationId":"\ufffd"}}}}}}"#
    );
    assert!(raw.ends_with(&original), "{raw}");
}

#[tokio::test]
async fn a_message_of_exactly_one_million_bytes_arrives() {
    let stack = Stack::connect().await;
    let service = MessagingService::start().await;
    let integration = stack.integration(&service.url, |_| {}).await;
    let mut json = genesys_cloud::text(&integration, CUSTOMER, "").json();
    let missing = 1_000_000 - json.to_string().len();
    json["text"] = "x".repeat(missing).into();
    let webhook = Webhook::new(json.to_string());
    assert_eq!(1_000_000, webhook.body.len());
    webhook.accepted(&stack, &integration).await;
    assert_eq!(missing, service.wait_for(&webhook.id()).await.text().len());
}

#[tokio::test]
async fn a_body_that_api_gateway_passes_in_base64_is_decoded() {
    let stack = Stack::connect().await;
    let service = MessagingService::start().await;
    let integration = stack.integration(&service.url, |_| {}).await;
    // API Gateway passes a body of this content type in base64.
    let webhook = Webhook {
        content_type: "application/octet-stream",
        ..genesys_cloud::text(&integration, CUSTOMER, "Héllo 👋")
    };
    webhook.accepted(&stack, &integration).await;
    assert_eq!("Héllo 👋", service.wait_for(&webhook.id()).await.text());
}

fn uuid() -> String {
    WIRE[0].fill("", "").id()
}
