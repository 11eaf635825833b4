//! HighLevel: agentless messages are sent, and scheduled ones cancelled.

use super::highlevel::{CONTACT, Fixture, assert_invalid, without_provider};
use serde_json::{Value, json};
use shared::model::channel::Channel;
use tests::simulators::highlevel::PROVIDER_ID;
use tests::simulators::highlevel::api::Fault;

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
