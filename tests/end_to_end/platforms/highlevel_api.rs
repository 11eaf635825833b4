//! HighLevel: what callers post for customers, send to them and report of deliveries.

use super::highlevel::{CONTACT, Fixture};
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::ledger::{self, Acquire, LeaseRequest, Occurrence, OnExpiredLease};
use shared::model::channel::Channel;
use shared::model::message::IdType;
use shared::model::receipt::{DeliveryReceipt, DeliveryStatus, Recipient};
use std::time::Duration;
use tests::simulators::genesys_cloud::ApiResponse;
use tests::simulators::highlevel::PROVIDER_ID;
use tests::simulators::highlevel::api::Fault;
use tests::simulators::messaging_service::Reply;

fn message(change: Value) -> Value {
    let mut body = json!({"messageId": "m-1", "from": {"id": CONTACT}, "time": "2026-01-02T03:04:05.678Z"});
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    body
}

async fn without_provider() -> Fixture {
    Fixture::new(Reply::status(200), |configuration| {
        configuration.as_object_mut().unwrap().remove("conversationProviderId");
    })
    .await
}

fn assert_invalid(answer: &ApiResponse, pointer: &str, what: &Value) {
    answer.assert_problem(400, "invalid-body");
    assert_eq!(pointer, answer.body["errors"][0]["pointer"], "{what}");
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
            message(json!({"messageId": format!("m-{number}"), "channel": name.to_lowercase(), "text": "hi"}));
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
        let answer = fixture.post("inbound/messages", &message(json!({"email": email, "text": "hello"}))).await;
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
        let body = message(json!({"messageId": id, "text": text, "attachments": files}));
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
        let mut body = message(change.clone());
        body["text"] = "hello".into();
        assert_invalid(&fixture.post("inbound/messages", &body).await, pointer, &change);
    }
    assert_eq!((0, 0), (fixture.platform.attempts(), bare.platform.attempts()));
}

#[tokio::test]
async fn a_success_that_added_nothing_is_a_refusal_and_the_message_may_be_posted_again() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::Status(201)]);
    let body = message(json!({"text": "hello"}));
    let refused = fixture.post("inbound/messages", &body).await;
    refused.assert_problem(502, "platform-refused");
    assert_eq!(201, refused.body["platform"]["status"]);
    assert_eq!(200, fixture.post("inbound/messages", &body).await.status.as_u16());
}

#[tokio::test]
async fn an_agentless_success_without_any_id_is_a_refusal_and_the_message_may_be_sent_again() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::Status(201)]);
    let body = json!({"externalContactId": CONTACT, "textBody": "hi"});
    let refused = fixture.post("agentless", &body).await;
    refused.assert_problem(502, "platform-refused");
    assert_eq!(201, refused.body["platform"]["status"]);
    assert_eq!(200, fixture.post("agentless", &body).await.status.as_u16());
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
async fn an_agentless_message_is_sent_to_a_contact_or_an_address() {
    let fixture = Fixture::start().await;
    let sent = async |body: Value| {
        let answer = fixture.post("agentless", &body).await;
        assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
        (answer.body, fixture.platform.calls_of("outbound").pop().unwrap().body)
    };
    let (answer, posted) = sent(json!({"toAddress": "+15555550123", "textBody": "hi"})).await;
    let contact = fixture.platform.contacts()[0].id.clone();
    let expected = json!({"type": "SMS", "contactId": contact, "message": "hi", "toNumber": "+15555550123"});
    assert_eq!((expected, &json!(contact)), (posted, &answer["contactId"]));
    assert!(answer["id"].is_string() && answer["conversationId"].is_string(), "{answer}");

    let (answer, posted) = sent(json!({
        "externalContactId": CONTACT, "toAddress": "ada@example.com", "textBody": "hi", "channel": "email",
        "email": {
            "subject": "s", "html": "<p>hi</p>", "from": "a@acme.example", "cc": ["b@example.com"],
            "bcc": ["c@example.com"], "replyMode": "reply_all",
        },
        "attachments": [{"url": "https://e.com/a.pdf"}], "templateId": "t", "threadId": "th", "replyMessageId": "r",
        "scheduledTimestamp": 1_900_000_000, "useExistingActiveConversation": true,
    }))
    .await;
    let expected = json!({
        "type": "Email", "contactId": CONTACT, "message": "hi", "subject": "s", "html": "<p>hi</p>",
        "emailFrom": "a@acme.example", "emailTo": "ada@example.com", "emailCc": ["b@example.com"],
        "emailBcc": ["c@example.com"], "emailReplyMode": "reply_all", "attachments": ["https://e.com/a.pdf"],
        "templateId": "t", "threadId": "th", "replyMessageId": "r", "scheduledTimestamp": 1_900_000_000,
    });
    assert_eq!(expected, posted);
    assert!(answer["emailMessageId"].is_string(), "{answer}");

    let email = json!({"toAddress": "ada@example.com", "channel": "Custom", "email": {"html": "<p>hi</p>"}});
    let (_, posted) = sent(email).await;
    assert_eq!((&json!("Custom"), &json!("ada@example.com")), (&posted["type"], &posted["emailTo"]));

    for (name, channel) in Channel::named(Channel::OUTBOUND) {
        let body = json!({"externalContactId": CONTACT, "textBody": "hi", "channel": name.to_uppercase()});
        let (_, posted) = sent(body).await;
        assert_eq!(name, posted["type"]);
        assert_eq!(channel == Channel::Custom, posted["conversationProviderId"] == PROVIDER_ID, "{name}");
    }
}

#[tokio::test]
async fn an_agentless_text_may_be_longer_than_another_platform_allows() {
    let fixture = Fixture::start().await;
    for (messenger, length) in [("open", 2_001), ("sms", 766)] {
        let text = "ä".repeat(length);
        let body = json!({"externalContactId": CONTACT, "toAddressMessengerType": messenger, "textBody": text.clone()});
        let answer = fixture.post("agentless", &body).await;
        assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
        let posted = fixture.platform.calls_of("outbound").pop().unwrap().body;
        assert_eq!((json!("SMS"), json!(text)), (posted["type"].clone(), posted["message"].clone()));
    }
}

#[tokio::test]
async fn what_an_agentless_message_cannot_have_is_refused_by_name() {
    let (fixture, bare) = (Fixture::start().await, without_provider().await);
    for (fixture, change, pointer) in [
        (&fixture, json!({"messagingTemplate": {"responseId": "r"}, "channel": "SMS"}), "/messagingTemplate"),
        (&fixture, json!({"useExistingActiveConversation": false}), "/useExistingActiveConversation"),
        (&fixture, json!({"toAddressMessengerType": "apple"}), "/toAddressMessengerType"),
        (&fixture, json!({"toAddressMessengerType": "sms", "channel": "RCS"}), "/toAddressMessengerType"),
        (&fixture, json!({"channel": "SMS", "email": {"html": "<p>"}}), "/channel"),
        (&fixture, json!({"channel": "GMB"}), "/channel"),
        (&fixture, json!({"externalContactId": CONTACT, "toAddress": "ada@example.com"}), "/toAddress"),
        (&fixture, json!({"externalContactId": CONTACT, "channel": "Email"}), "/toAddress"),
        (&fixture, json!({"externalContactId": CONTACT, "channel": "IG"}), "/toAddress"),
        (&fixture, json!({"externalContactId": CONTACT, "channel": "Custom"}), "/toAddress"),
        (
            &fixture,
            json!({
                "externalContactId": CONTACT, "toAddress": "ada@example.com", "email": {"to": "bob@example.com"},
            }),
            "/toAddress",
        ),
        (&bare, json!({"channel": "Custom"}), "/conversationProviderId"),
    ] {
        let mut body = json!({"toAddress": "+15555550123", "textBody": "hi"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_invalid(&fixture.post("agentless", &body).await, pointer, &change);
    }
    assert_eq!((0, 0), (fixture.platform.attempts(), bare.platform.attempts()));
}

#[tokio::test]
async fn an_agentless_message_whose_answer_is_lost_is_not_sent_again() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::ResponseLost]);
    let body = json!({"externalContactId": CONTACT, "textBody": "hi"});
    fixture.post("agentless", &body).await.assert_problem(504, "outcome-unknown");
    assert_eq!(1, fixture.platform.attempts());
}

#[tokio::test]
async fn a_scheduled_message_is_cancelled_even_if_the_answer_is_lost() {
    let fixture = Fixture::start().await;
    let scheduled = json!({
        "externalContactId": CONTACT, "textBody": "hi", "channel": "Email", "scheduledTimestamp": 1_900_000_000,
    });
    let sent = fixture.post("agentless", &scheduled).await.body;
    for (name, id, path) in [
        ("messageId", &sent["id"], "conversations/messages"),
        ("emailMessageId", &sent["emailMessageId"], "conversations/messages/email"),
    ] {
        fixture.platform.fail([Fault::ResponseLost]);
        let answer = fixture.post("agentless/cancel", &json!({name: id})).await;
        assert_eq!((200, &json!({"outcome": "cancelled"})), (answer.status.as_u16(), &answer.body));
        let call = fixture.platform.calls().pop().unwrap();
        assert_eq!(format!("/{path}/{}/schedule", id.as_str().unwrap()), call.path);
        assert_eq!("DELETE", call.method);
    }
    for id in [&sent["id"], &json!("unknown")] {
        fixture.post("agentless/cancel", &json!({"messageId": id})).await.assert_problem(404, "platform-refused");
    }
    assert_invalid(&fixture.post("agentless/cancel", &json!({})).await, "/messageId", &Value::Null);
}

#[tokio::test]
async fn a_status_that_is_too_early_is_to_be_sent_again_and_says_nothing_about_credentials() {
    for early in [401, 403] {
        let fixture = Fixture::start().await;
        fixture.platform.refuse_statuses_for(Duration::from_secs(600), early);
        let receipt = json!({"messageId": "m", "to": {"id": CONTACT}, "status": "delivered"});
        let answer = fixture.post("receipts", &receipt).await;
        answer.assert_problem(503, "unavailable");
        assert_eq!(Some("5"), answer.retry_after.as_deref());
        assert_eq!(early, answer.body["platform"]["status"]);
        assert!(fixture.platform.attempts() > 2, "it was tried for as long as the request may take");
        fixture.platform.refuse_statuses_for(Duration::ZERO, early);
        assert_eq!("posted", fixture.post("receipts", &receipt).await.body["outcome"]);
    }
}

#[tokio::test]
async fn a_403_long_after_the_message_was_sent_is_the_platforms_refusal() {
    let fixture = Fixture::start().await;
    fixture.platform.refuse_statuses_for(Duration::from_secs(600), 403);
    let receipt =
        json!({"messageId": "m", "to": {"id": CONTACT}, "status": "delivered", "time": "2026-01-02T03:04:05Z"});
    fixture.post("receipts", &receipt).await.assert_problem(403, "platform-refused");
}

#[tokio::test]
async fn each_recipient_of_an_email_has_a_status_and_its_event_is_counted_once() {
    let fixture = Fixture::start().await;
    let receipt = |address: &str, status: &str| {
        let to = json!({"id": address, "idType": "Email"});
        json!({"messageId": "m", "emailMessageId": "e-1", "to": to, "status": status})
    };
    fixture.platform.fail([Fault::ResponseLost]);
    for (address, status) in
        [("ada@example.com", "delivered"), ("bob@example.com", "delivered"), ("ada@example.com", "read")]
    {
        assert_eq!("posted", fixture.post("receipts", &receipt(address, status)).await.body["outcome"], "{address}");
    }
    assert_eq!(
        "already-posted",
        fixture.post("receipts", &receipt("bob@example.com", "delivered")).await.body["outcome"]
    );
    let calls = fixture.platform.calls();
    assert!(calls.iter().all(|call| call.path == "/conversations/messages/email/e-1/status"), "{calls:?}");
    let recipient = |address: &str, status: &str| json!([{"emailId": address, "status": status}]);
    let posted: Vec<_> = calls.iter().map(|call| call.body.clone()).collect();
    let expected = vec![
        json!({"status": "delivered", "events": {"delivered": 1}, "recipients": recipient("ada@example.com", "delivered")}),
        json!({"status": "delivered", "recipients": recipient("ada@example.com", "delivered")}),
        json!({"status": "delivered", "events": {"delivered": 1}, "recipients": recipient("bob@example.com", "delivered")}),
        json!({"status": "opened", "events": {"opened": 1}, "recipients": recipient("ada@example.com", "opened")}),
    ];
    assert_eq!((expected, 3), (posted, fixture.platform.email_events()));
}

fn email_receipt(email_message_id: &str) -> Value {
    let to = json!({"id": "ada@example.com", "idType": "Email"});
    json!({"messageId": "m", "emailMessageId": email_message_id, "to": to, "status": "delivered"})
}

#[tokio::test]
async fn an_email_event_is_not_counted_again_when_a_request_with_an_unknown_outcome_is_repeated() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([vec![Fault::ResponseLost], vec![Fault::Status(503); 20]].concat());
    fixture.post("receipts", &email_receipt("e-1")).await.assert_problem(504, "outcome-unknown");
    fixture.platform.clear_faults();
    assert_eq!("posted", fixture.post("receipts", &email_receipt("e-1")).await.body["outcome"]);
    assert_eq!((2, 1), (fixture.platform.calls().len(), fixture.platform.email_events()));
}

#[tokio::test]
async fn an_email_event_is_not_counted_again_after_a_function_was_killed_and_is_after_a_refusal() {
    let fixture = Fixture::start().await;
    let (stack, integration, now) = (&fixture.stack, &fixture.integration.name, Timestamp::now());
    let receipt = DeliveryReceipt {
        message_id: "m".to_owned(),
        from: None,
        to: Recipient { id: "ada@example.com".to_owned(), id_type: Some(IdType::Email) },
        status: DeliveryStatus::Delivered,
        reasons: Vec::new(),
        time: now,
        is_final: true,
        email_message_id: Some("e-killed".to_owned()),
        trace_id: None,
    };
    let key = ledger::key::receipt(integration, &receipt);
    let request =
        LeaseRequest { key: &key, now, until: now, fingerprint: None, on_expired_lease: OnExpiredLease::Reclaim };
    let acquired = stack.ledger().acquire_at(request, Occurrence { time: now, content: None }).await;
    assert!(matches!(acquired, Ok(Acquire::Acquired(_))), "{acquired:?}");
    assert_eq!("posted", fixture.post("receipts", &email_receipt("e-killed")).await.body["outcome"]);
    assert_eq!((1, 0), (fixture.platform.calls().len(), fixture.platform.email_events()));

    fixture.platform.fail([Fault::RateLimited(Some(60))]);
    fixture.post("receipts", &email_receipt("e-refused")).await.assert_problem(429, "rate-limited");
    assert_eq!("posted", fixture.post("receipts", &email_receipt("e-refused")).await.body["outcome"]);
    assert_eq!(1, fixture.platform.email_events());
}

#[tokio::test]
async fn a_receipt_whose_email_is_corrected_is_another_receipt() {
    let fixture = Fixture::start().await;
    for (email, outcome) in [("e-1", "posted"), ("e-2", "posted"), ("e-1", "already-posted")] {
        assert_eq!(outcome, fixture.post("receipts", &email_receipt(email)).await.body["outcome"], "{email}");
    }
}

#[tokio::test]
async fn the_refusal_of_an_emails_status_has_the_platforms_code_and_words() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::Status(404)]);
    let answer = fixture.post("receipts", &email_receipt("e-1")).await;
    answer.assert_problem(404, "platform-refused");
    let (code, message) = (&answer.body["platform"]["code"], &answer.body["platform"]["message"]);
    assert_eq!((&json!("NOT_FOUND"), &json!("This is simulated.")), (code, message));
}

#[tokio::test]
async fn the_versions_of_the_api_are_configured() {
    let fixture = Fixture::new(Reply::status(200), |configuration| {
        configuration["apiVersion"] = "2099-01-01".into();
    })
    .await;
    let answer = fixture.post("inbound/messages", &message(json!({"text": "hello"}))).await;
    answer.assert_problem(400, "platform-refused");
    assert_eq!("version header was not found.", answer.body["platform"]["message"]);
}
