//! HighLevel: customers' messages are posted to it.

use super::highlevel::{CONTACT, Fixture, assert_invalid, message, without_provider};
use serde_json::{Value, json};
use shared::model::channel::Channel;
use tests::simulators::highlevel::PROVIDER_ID;
use tests::simulators::highlevel::api::Fault;
use tests::simulators::messaging_service::Reply;

#[tokio::test]
async fn a_customers_message_is_posted_as_the_platform_wants_it() {
    let fixture = Fixture::start().await;
    let answer = fixture.post("inbound/messages", &message()).await;
    assert_eq!((200, json!("c-1")), (answer.status.as_u16(), answer.body["conversationId"].clone()));
    let ids = json!({
        "conversationId": "c-1", "contactId": CONTACT, "conversationProviderId": PROVIDER_ID, "direction": "inbound",
        "date": "2026-01-02T03:04:05.678Z",
    });
    let expected = |more: Value| {
        let mut expected = ids.clone();
        expected.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        expected
    };
    assert_eq!(expected(json!({"type": "SMS", "altId": "m-1", "message": "hello"})), fixture.platform.calls()[0].body);

    let mut email = message();
    email["messageId"] = "m-2".into();
    email["email"] = json!({"subject": "Help", "html": "<p>hello</p>"});
    email["attachment"] = json!({"url": "https://example.com/cat.png", "mime": "image/png"});
    assert_eq!(200, fixture.post("inbound/messages", &email).await.status.as_u16());
    assert_eq!(
        expected(json!({
            "type": "Custom", "altId": "m-2", "message": "hello", "subject": "Help", "html": "<p>hello</p>",
            "attachments": ["https://example.com/cat.png"],
        })),
        fixture.platform.calls()[1].body
    );

    let mut files = message();
    files["messageId"] = "m-4".into();
    let [one, other] = ["cat", "dog"].map(|name| format!("https://example.com/{name}.png"));
    files["attachments"] = [&one, &other].map(|url| json!({"url": url, "mime": "image/png"})).into();
    assert_eq!(200, fixture.post("inbound/messages", &files).await.status.as_u16());
    assert_eq!(json!([one, other]), fixture.platform.calls()[2].body["attachments"]);

    let mut custom = message();
    custom["messageId"] = "m-3".into();
    custom["channel"] = "Custom".into();
    assert_eq!(200, fixture.post("inbound/messages", &custom).await.status.as_u16());
    assert_eq!("Custom", fixture.platform.calls()[3].body["type"]);
}

#[tokio::test]
async fn the_same_message_is_posted_once_and_not_again_after_an_unknown_outcome() {
    let fixture = Fixture::start().await;
    fixture.post("inbound/messages", &message()).await;
    assert!(fixture.post("inbound/messages", &message()).await.replayed);
    let mut other = message();
    other["messageId"] = "m-2".into();
    fixture.platform.fail([Fault::ResponseLost]);
    for _ in 0..2 {
        fixture.post("inbound/messages", &other).await.assert_problem(504, "outcome-unknown");
    }
    assert_eq!(2, fixture.platform.attempts(), "with any key");
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_if_there_is_time() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::RateLimited(Some(1))]);
    assert_eq!(200, fixture.post("inbound/messages", &message()).await.status.as_u16());
    let mut other = message();
    other["messageId"] = "m-2".into();
    // Without a `Retry-After`, the interval of the limit counts.
    for (fault, seconds) in [(Fault::RateLimited(Some(60)), "60"), (Fault::RateLimited(None), "10")] {
        fixture.platform.fail([fault]);
        let answer = fixture.post("inbound/messages", &other).await;
        answer.assert_problem(429, "rate-limited");
        assert_eq!(Some(seconds), answer.retry_after.as_deref());
    }
    assert_eq!(4, fixture.platform.attempts());
}

/// What a customer has written, with this change.
fn written(change: Value) -> Value {
    let mut body = json!({"messageId": "m-1", "from": {"id": CONTACT}, "time": "2026-01-02T03:04:05.678Z"});
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn the_contact_is_enough_for_a_customers_message() {
    let fixture = without_provider().await;
    let body = json!({"messageId": "ext-1", "from": {"id": "con1"}, "time": "2026-11-28T05:00:00Z", "text": "hello"});
    let answer = fixture.post("inbound/messages", &body).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    assert_eq!(
        (&json!("conversation-with-con1"), &json!("con1")),
        (&answer.body["conversationId"], &answer.body["contactId"])
    );
    let expected = json!({
        "type": "SMS", "contactId": "con1", "message": "hello", "altId": "ext-1", "direction": "inbound",
        "date": "2026-11-28T05:00:00.000Z",
    });
    assert_eq!(expected, fixture.platform.calls()[0].body);
}

#[tokio::test]
async fn every_channel_is_posted_as_the_platform_spells_it() {
    let fixture = Fixture::start().await;
    for (number, (name, channel)) in Channel::named(Channel::INBOUND).into_iter().enumerate() {
        let mut body =
            written(json!({"messageId": format!("m-{number}"), "channel": name.to_lowercase(), "text": "hi"}));
        if channel == Channel::Call {
            body["call"] = json!({"to": "+15555550100", "from": "+15555550123", "status": "No-Answer"});
        }
        let answer = fixture.post("inbound/messages", &body).await;
        assert_eq!(200, answer.status.as_u16(), "{name}: {:?}", answer.body);
        let posted = fixture.platform.calls()[number].body.clone();
        assert_eq!(name, posted["type"]);
        let has_provider = matches!(channel, Channel::Sms | Channel::Custom | Channel::Call);
        assert_eq!(has_provider, posted["conversationProviderId"] == PROVIDER_ID, "{name}");
    }
    let call = &fixture.platform.calls()[10].body;
    assert_eq!(json!({"to": "+15555550100", "from": "+15555550123", "status": "no-answer"}), call["call"]);
}

#[tokio::test]
async fn an_email_is_posted_with_its_addresses_and_the_email_that_it_answers() {
    for (fixture, channel) in [(Fixture::start().await, "Custom"), (without_provider().await, "Email")] {
        let email = json!({
            "subject": "Help", "html": "<p>hello</p>", "from": "ada@example.com", "to": "support@acme.example",
            "cc": ["bob@example.com"], "bcc": "carol@example.com", "emailMessageId": "e-1",
        });
        let answer = fixture.post("inbound/messages", &written(json!({"email": email, "text": "hello"}))).await;
        assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
        assert!(answer.body["emailMessageId"].is_string(), "{:?}", answer.body);
        let mut expected = json!({
            "type": channel, "contactId": CONTACT, "message": "hello", "subject": "Help", "html": "<p>hello</p>",
            "emailFrom": "ada@example.com", "emailTo": "support@acme.example", "emailCc": ["bob@example.com"],
            "emailBcc": ["carol@example.com"], "emailMessageId": "e-1", "altId": "m-1", "direction": "inbound",
            "date": "2026-01-02T03:04:05.678Z",
        });
        if channel == "Custom" {
            expected["conversationProviderId"] = PROVIDER_ID.into();
        }
        assert_eq!(expected, fixture.platform.calls()[0].body);
    }
}

#[tokio::test]
async fn the_texts_of_files_are_the_message_where_there_is_no_other_and_follow_it_otherwise() {
    let fixture = Fixture::start().await;
    let file =
        |name: &str, text: &str| json!({"url": format!("https://e.com/{name}"), "mime": "image/png", "text": text});
    let files = json!([file("a.png", "front"), file("b.png", "back")]);
    for (id, text, expected) in [("m-1", Value::Null, "front\nback"), ("m-2", json!("hello"), "hello\nfront\nback")] {
        let body = written(json!({"messageId": id, "text": text, "attachments": files}));
        assert_eq!(200, fixture.post("inbound/messages", &body).await.status.as_u16());
        assert_eq!(expected, fixture.platform.calls().last().unwrap().body["message"]);
    }
}

#[tokio::test]
async fn what_the_platform_has_no_place_for_or_lacks_is_refused_by_name() {
    let (fixture, bare) = (Fixture::start().await, without_provider().await);
    let call = json!({"to": "1", "from": "2", "status": "busy"});
    for (fixture, change, pointer) in [
        (&fixture, json!({"customAttributes": {"a": "b"}}), "/customAttributes"),
        (&fixture, json!({"metadata": {"a": "b"}}), "/metadata"),
        (&fixture, json!({"prefetchConversationId": true}), "/prefetchConversationId"),
        (&fixture, json!({"channel": "Call"}), "/call"),
        (&fixture, json!({"channel": "SMS", "call": call}), "/channel"),
        (&fixture, json!({"channel": "SMS", "email": {"html": "<p>"}}), "/channel"),
        (&fixture, json!({"channel": "Telegram"}), "/channel"),
        (&bare, json!({"channel": "Custom"}), "/channel"),
        (&bare, json!({"call": call}), "/channel"),
    ] {
        let mut body = written(change.clone());
        body["text"] = "hello".into();
        assert_invalid(&fixture.post("inbound/messages", &body).await, pointer, &change);
    }
    assert_eq!((0, 0), (fixture.platform.attempts(), bare.platform.attempts()));
}

#[tokio::test]
async fn a_success_that_added_nothing_is_a_refusal_and_the_message_may_be_posted_again() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::Status(201)]);
    let body = written(json!({"text": "hello"}));
    let refused = fixture.post("inbound/messages", &body).await;
    refused.assert_problem(502, "platform-refused");
    assert_eq!(201, refused.body["platform"]["status"]);
    assert_eq!(200, fixture.post("inbound/messages", &body).await.status.as_u16());
}

#[tokio::test]
async fn typing_in_the_live_chat_needs_the_visitor_and_the_conversation() {
    let fixture = Fixture::start().await;
    let typing = json!({
        "eventType": "Typing", "from": {"id": CONTACT}, "conversationId": "c-1", "visitorId": "v-1",
    });
    let answer = fixture.post("inbound/events", &typing).await;
    assert_eq!((200, &json!({"outcome": "posted"})), (answer.status.as_u16(), &answer.body));
    let expected =
        json!({"locationId": fixture.location(), "isTyping": "true", "visitorId": "v-1", "conversationId": "c-1"});
    assert_eq!(expected, fixture.platform.calls()[0].body);
    for name in ["visitorId", "conversationId"] {
        let mut lacking = typing.clone();
        lacking.as_object_mut().unwrap().remove(name);
        assert_invalid(&fixture.post("inbound/events", &lacking).await, &format!("/{name}"), &lacking);
    }
}

#[tokio::test]
async fn the_versions_of_the_api_are_configured() {
    let fixture = Fixture::new(Reply::status(200), |configuration| {
        configuration["apiVersion"] = "2099-01-01".into();
    })
    .await;
    let answer = fixture.post("inbound/messages", &written(json!({"text": "hello"}))).await;
    answer.assert_problem(400, "platform-refused");
    assert_eq!("version header was not found.", answer.body["platform"]["message"]);
}
