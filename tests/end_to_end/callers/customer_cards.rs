//! Cards to customers, through the messaging service.

use crate::callers::cards::{USER, card};
use crate::fixtures::WithPlatform;
use crate::single_function::SingleFunction;
use serde_json::{Value, json};
use shared::ledger::Outcome;
use tests::harness::caller::Request;
use tests::harness::stack::{Stack, WEBHOOK_SECRET};
use tests::simulators::genesys_cloud;
use tests::simulators::genesys_cloud::api::GenesysCloud;
use tests::simulators::messaging_service::{MessagingService, Reply};
use tests::simulators::{highlevel, multicloud_cx};

/// An integration whose cards go to `service`, and whose platform posts to its webhook.
pub(super) async fn by_messaging_service(service: &MessagingService, text_trace: Option<bool>) -> WithPlatform {
    let fixture = WithPlatform::delivering_to(&service.url, |configuration| {
        configuration["cards"] = json!({"route": "messaging-service"});
        if let Some(text_trace) = text_trace {
            configuration["cards"]["textTrace"] = text_trace.into();
        }
    })
    .await;
    let integration = &fixture.integration;
    fixture.platform.connect(integration.webhook_url(), WEBHOOK_SECRET, &integration.integration_id);
    fixture
}

#[tokio::test]
async fn a_card_reaches_the_customer_as_a_structured_message_and_the_conversation_as_text() {
    let service = MessagingService::start().await;
    let fixture = by_messaging_service(&service, None).await;
    let answer = fixture.post_card(&json!({"to": {"id": "customer-1", "idType": "Opaque"}, "card": card()})).await;
    assert_eq!(202, answer.status.as_u16(), "{:?}", answer.body);
    assert_eq!("messaging-service", answer.body["route"]);
    let id = answer.body["id"].as_str().unwrap();
    let delivered = service.wait_for(id).await.body;

    let integration_id = &fixture.integration.integration_id;
    let content = json!([
        {"contentType": "Card", "card": {
            "title": "Approval Request",
            "description": "Please review the attached document.",
            "image": "https://example.com/logo.png",
            "imageAltText": "Company Logo",
            "actions": [
                {"type": "Postback", "text": "Approve", "payload": r#"{"action":"approve","id":"12345"}"#},
                {"type": "Link", "text": "View Details", "url": "https://example.com/details/12345"},
            ],
        }},
        {"contentType": "QuickReply", "quickReply": {"text": "Reject", "payload": "Reject Request", "action": "Message"}},
    ]);
    let original = json!({
        "id": id,
        "channel": {
            "id": integration_id, "platform": "Open", "type": "Private", "messageId": id,
            "to": {"id": "customer-1", "idType": "Opaque"},
            "from": {"id": integration_id, "idType": "Opaque"},
        },
        "type": "Structured",
        "content": content,
        "originatingEntity": "Bot",
        "direction": "Outbound",
        "conversationId": answer.body["conversationId"],
    });
    assert_eq!("message.structured", delivered["type"]);
    assert_eq!(original, delivered["data"]["original"]);
    assert_eq!(content, delivered["data"]["content"]);
    let fallback_text = "Approval Request\nPlease review the attached document.\nCompany Logo: https://example.com/logo.png\n\
                         1. Approve\nView Details: https://example.com/details/12345\n\n2. Reject";
    assert_eq!(fallback_text, delivered["data"]["fallbackText"]);
    assert_eq!(delivered["timestamp"], delivered["data"]["time"]);

    let trace = &fixture.platform.calls_of("agentless")[0].body;
    let text = trace["textBody"].as_str().unwrap();
    let shown = "Approval Request\nPlease review the attached document.\n\
                 [Approve] [Reject] [View Details: https://example.com/details/12345]\n[card ";
    assert!(text.starts_with(shown), "{text}");
    assert_eq!(
        &json!({
            "fromAddress": integration_id, "toAddress": "customer-1", "toAddressMessengerType": "open",
            "textBody": text, "useExistingActiveConversation": true,
        }),
        trace
    );
    assert_eq!("left", answer.body["textTrace"]);
}

/// The content of a delivered card without a text trace.
async fn content_of(fixture: &WithPlatform, service: &MessagingService, body: &Value) -> Value {
    let answer = fixture.post_card(body).await;
    assert_eq!(202, answer.status.as_u16(), "{:?}", answer.body);
    service.wait_for(answer.body["id"].as_str().unwrap()).await.body["data"]["content"].clone()
}

#[tokio::test]
async fn a_card_is_the_same_in_our_form_and_in_the_platforms() {
    let service = MessagingService::start().await;
    let fixture = by_messaging_service(&service, Some(false)).await;
    let ours = json!({
        "title": "Card 1",
        "subtitle": "Description 1",
        "image": {"url": "https://www.acme.example/image1.png"},
        "actions": [
            {"type": "POSTBACK", "title": "Option1", "payload": "Option1"},
            {"type": "openurl", "title": "Option3", "url": "https://www.acme.example/option3"},
        ],
    });
    let normalised = json!({
        "title": "Card 1",
        "description": "Description 1",
        "image": "https://www.acme.example/image1.png",
        "actions": [
            {"type": "Postback", "text": "Option1", "payload": "Option1"},
            {"type": "Link", "text": "Option3", "url": "https://www.acme.example/option3"},
        ],
    });
    let expected = json!([{"contentType": "Card", "card": normalised}]);
    let mut with_unused_members = normalised.clone();
    with_unused_members["actions"][0]["url"] = "https://www.acme.example/option1".into();
    with_unused_members["actions"][1]["payload"] = "Option3".into();
    for shown in [
        json!({"card": ours}),
        json!({"card": normalised, "carousel": null}),
        json!({"card": with_unused_members}),
        json!({"card": ours, "carousel": {"cards": null}, "quickReplies": []}),
        json!({"carousel": [normalised], "quickReplies": [null]}),
        json!({"carousel": [ours]}),
        json!({"carousel": [normalised, null]}),
        json!({"carousel": {"cards": [normalised]}}),
    ] {
        let mut body = shown;
        body["to"] = "customer-17".into();
        assert_eq!(expected, content_of(&fixture, &service, &body).await, "{body}");
    }
    let two = json!({"to": "customer-17", "carousel": {"cards": [normalised, {"title": "B", "actions": null}]}});
    let cards = json!([normalised, {"title": "B", "actions": []}]);
    let expected = json!([{"contentType": "Carousel", "carousel": {"cards": cards}}]);
    assert_eq!(expected, content_of(&fixture, &service, &two).await);
}

#[tokio::test]
async fn everything_in_the_platforms_normalised_form_reaches_the_messaging_service() {
    let service = MessagingService::start().await;
    let fixture = by_messaging_service(&service, Some(false)).await;
    let card = json!({
        "title": "Card 1",
        "image": "https://www.acme.example/image1.png",
        "video": "https://www.acme.example/video1.mp4",
        "defaultAction": {"type": "Link", "url": "https://www.acme.example/"},
        "actions": [],
    });
    let reply = json!({
        "text": "Yes", "payload": "yes", "action": "Message", "image": "https://www.acme.example/yes.png", "summaryText": "Y",
    });
    let body = json!({"to": "customer-17", "card": card, "quickReplies": [reply]});
    let expected = json!([{"contentType": "Card", "card": card}, {"contentType": "QuickReply", "quickReply": reply}]);
    assert_eq!(expected, content_of(&fixture, &service, &body).await);
}

#[tokio::test]
async fn without_a_text_trace_the_platform_is_not_called() {
    let service = MessagingService::start().await;
    let fixture = by_messaging_service(&service, Some(false)).await;
    let carousel = json!([
        {"title": "One", "actions": [{"type": "imBack", "title": "Take", "payload": "one"}]},
        {"title": "Two", "actions": [{"type": "postBack", "title": "Take", "payload": "two"}]},
    ]);
    let body =
        json!({"to": "customer-1", "text": "Choose", "carousel": carousel, "quickReplies": [{"title": "Neither"}]});
    let answer = fixture.post_card_with_key(&body, "k").await;
    assert_eq!(202, answer.status.as_u16(), "{:?}", answer.body);
    let delivered = service.wait_for(answer.body["id"].as_str().unwrap()).await.body;
    assert_eq!("Choose", delivered["data"]["text"]);
    assert_eq!(
        json!([
            {"contentType": "Carousel", "carousel": {"cards": [
                {"title": "One", "actions": [{"type": "Postback", "text": "Take", "payload": "one"}]},
                {"title": "Two", "actions": [{"type": "Postback", "text": "Take", "payload": "two"}]},
            ]}},
            {"contentType": "QuickReply", "quickReply": {"text": "Neither", "payload": "Neither", "action": "Message"}},
        ]),
        delivered["data"]["content"]
    );
    assert_eq!((0, 0), (fixture.platform.attempts(), fixture.platform.token_requests()));
    let again = fixture.post_card_with_key(&body, "k").await;
    assert!(again.replayed && again.body == answer.body);
    let user = json!({"userId": USER, "card": card()});
    fixture.post_card(&user).await.assert_problem(400, "invalid-body");
}

#[tokio::test]
async fn a_card_that_cannot_be_serialised_is_refused_before_its_text_trace() {
    let service = MessagingService::start().await;
    let fixture = by_messaging_service(&service, None).await;
    let replies: Vec<_> = (0..5_000).map(|number| json!({"title": number.to_string()})).collect();
    let answer = fixture.post_card(&json!({"to": "customer-1", "text": "t", "quickReplies": replies})).await;
    answer.assert_problem(400, "invalid-body");
    assert_eq!(0, fixture.platform.attempts());
}

#[tokio::test]
async fn cards_reach_customers_of_platforms_without_cards_by_default() {
    let stack = Stack::connect().await;
    let service = MessagingService::start().await;
    for configuration in [
        multicloud_cx::configuration("http://127.0.0.1:9", "0123456789", &service.url),
        highlevel::configuration("location", &service.url),
    ] {
        let integration = stack.integration_of("address", &configuration).await;
        let request = Request::new(&json!({"to": "customer-1", "card": card()})).with_bearer_token();
        let answer = request.post(&stack, &integration, "cards").await;
        assert_eq!((202, &json!("off")), (answer.status.as_u16(), &answer.body["textTrace"]), "{:?}", answer.body);
        let delivered = service.wait_for(answer.body["id"].as_str().unwrap()).await;
        assert_eq!(
            (&json!("message.structured"), &configuration["platform"], "customer-1"),
            (&delivered.body["type"], &delivered.body["data"]["platform"], delivered.customer())
        );
        let user = Request::new(&json!({"userId": USER, "card": card()})).with_bearer_token();
        user.post(&stack, &integration, "cards").await.assert_problem(400, "invalid-body");
    }
}

#[tokio::test]
async fn no_receipt_is_posted_for_a_card_without_a_text_trace() {
    let service =
        MessagingService::with_handler(|attempt, _| Reply::status(if attempt.text() == "hello" { 200 } else { 410 }))
            .await;
    let fixture = by_messaging_service(&service, Some(false)).await;
    fixture.post_card(&json!({"to": "customer-1", "card": {"title": "t"}})).await;
    let attempts = service.wait_until(|attempts| !attempts.is_empty()).await;
    let agents = genesys_cloud::text(&fixture.integration, "customer-1", "hello");
    agents.accepted(&fixture.stack, &fixture.integration).await;
    service.wait_for(&agents.id()).await;
    let record = fixture.stack.settled(&fixture.integration, &attempts[0].id).await;
    assert_eq!(Outcome::Failed, record.outcome);
    assert!(!record.response.unwrap().contains("receipt"), "none is due");
    assert_eq!(0, fixture.platform.attempts());
}

#[tokio::test]
async fn while_the_queue_is_unreachable_a_card_may_be_sent_again_unless_its_text_trace_was_sent() {
    let platform = GenesysCloud::start().await;
    for (text_trace, status) in [(false, 503), (true, 504)] {
        let single = SingleFunction::configured(MessagingService::start().await, "card-sender", |configuration| {
            platform.host(configuration);
            configuration["cards"] = json!({"route": "messaging-service", "textTrace": text_trace});
        })
        .await;
        let body = json!({"to": "customer-1", "card": {"title": "t"}});
        let request = Request::new(&body).with_bearer_token().key("k");
        single.aws.fail_operation("SendMessage");
        assert_eq!(status, single.request("cards", &request).await.0);
        single.aws.restore();
        let expected = if text_trace { 504 } else { 202 };
        assert_eq!(expected, single.request("cards", &request).await.0);
        if !text_trace {
            single.aws.fail_operation("SendMessage");
            let (status, answer) = single.request("cards", &Request::new(&body).with_bearer_token()).await;
            // Without a key, the retry would be a new card.
            assert_eq!((504, &json!("urn:patchbay:problem:outcome-unknown")), (status, &answer["type"]));
            single.aws.restore();
        }
    }
    assert_eq!(1, platform.calls().len());
}
