//! HighLevel's webhooks: what each kind of message becomes, and that other events are acknowledged.

use super::highlevel::{CONTACT, Fixture, said};
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::harness::command::Command;
use tests::simulators::highlevel::{APP_ID, PUBLISHED_EVENTS, Sample};
use tests::simulators::messaging_service::Reply;

/// A 4xx would count against the app.
#[tokio::test]
async fn every_published_event_is_acknowledged_and_only_messages_are_delivered() {
    let fixture = Fixture::start().await;
    let filled = |location: &str| {
        let published = PUBLISHED_EVENTS.replace("<Location ID>", location).replace("<App ID>", APP_ID);
        let published = published.replace("<Time>", &Timestamp::now().to_string());
        serde_json::from_str::<Vec<Value>>(&published).unwrap()
    };
    let mut messages = Vec::new();
    for event in filled(&fixture.integration.integration_id) {
        let mut body = event["body"].clone();
        if body["type"] == "OutboundMessage" {
            // The examples name no app.
            body["appId"] = APP_ID.into();
            body["webhookId"] = event["name"].clone();
        } else if body["messageId"].is_string() {
            body["messageId"] = event["name"].clone();
        }
        if let Some(id) = fixture.send(&body).await["messageId"].as_str() {
            messages.push(id.to_owned());
        }
    }
    assert_eq!(7, messages.len(), "{messages:?}");
    for event in filled("another").iter().filter(|event| event["body"].get("type").is_none()) {
        // The platform sends the events of all locations to one address, and a 4xx counts against the app.
        fixture.keys.sign(&event["body"]).acknowledged(&fixture.stack, &fixture.integration).await;
    }
    fixture.service.wait_until(|attempts| attempts.len() == messages.len()).await;
    fixture.delivered("sms").await;
    assert_eq!(messages.len() + 1, fixture.service.attempts().len());
}

#[tokio::test]
async fn a_message_that_failed_says_so_and_a_users_retry_names_the_first() {
    let fixture = Fixture::start().await;
    let (_, failed) = fixture.delivered("failed").await;
    let data = &failed.body["data"];
    assert_eq!((&json!("sent"), &json!("failed")), (&data["intent"], &data["status"]));
    assert_eq!("Not delivered: failed.\n\nSee you at noon.", data["fallbackText"]);
    assert_eq!("See you at noon.", data["text"]);
    let (_, retry) = fixture.delivered("failed-retry").await;
    let data = &retry.body["data"];
    assert_eq!((&json!("sent"), &json!("the-first-message")), (&data["status"], &data["originalMessageId"]));
    assert_eq!("See you at noon.", data["fallbackText"]);
}

#[tokio::test]
async fn emails_of_conversation_providers_are_emails_whatever_their_type_says() {
    let fixture = Fixture::start().await;
    let contact = json!({"id": CONTACT, "idType": "Opaque", "email": "ada@example.com"});
    let company = |name: &str| {
        let address = "support@acme.example";
        json!({"id": address, "idType": "Email", "nickname": name, "email": address})
    };
    for (sample, expected) in [
        (
            "custom-email",
            json!({
                "conversationId": "fcanlLgpbQgQhderivVs", "from": company("Support, Acme"), "to": contact,
                "subject": "Order confirmed", "text": "Your order shipped.",
                "html": "<div>Your order <b>shipped</b>.</div>", "recipients": ["ada@example.com"],
                "cc": ["cc@example.com"], "emailMessageId": "e-2", "threadId": "t-2",
                "fallbackText": "Order confirmed\n\nYour order shipped.",
            }),
        ),
        (
            "provider-custom-email",
            json!({
                "from": company("Acme Support"), "to": contact, "subject": "Order",
                "html": "<div>Your order shipped.</div>", "recipients": ["ada@example.com"], "emailMessageId": "e-3",
                "replyToAltId": "m-9", "fallbackText": "Order\n\nYour order shipped.",
            }),
        ),
        (
            "provider-email-copies",
            json!({
                "from": company("Acme Support"), "to": contact, "subject": "Hello", "text": "Hello",
                "html": "<p>Hello</p>", "recipients": ["ada@example.com", "\"Doe, Jane\" <jane@example.com>"],
                "cc": ["cc@example.com"], "bcc": ["bcc@example.com"], "emailMessageId": "e-4", "replyMessageId": "r-1",
                "fallbackText": "Hello",
            }),
        ),
    ] {
        let (_, attempt) = fixture.delivered(sample).await;
        assert_eq!((json!("message.email"), expected), said(&attempt), "{sample}");
    }
}

#[tokio::test]
async fn a_record_in_the_word_of_a_channel_is_acknowledged_and_not_delivered() {
    let fixture = Fixture::start().await;
    for (word, type_string) in
        [("Live_Chat", "TYPE_LIVE_CHAT_INFO_MESSAGE"), ("SMS", "TYPE_SMS_REACTION"), ("Custom", "TYPE_FORM_SUBMISSION")]
    {
        let mut body = fixture.fill(&Sample::wire("sms"));
        body["messageId"] = type_string.into();
        body["messageType"] = word.into();
        body["messageTypeString"] = type_string.into();
        assert_eq!(json!({}), fixture.send(&body).await, "{type_string}");
    }
    fixture.delivered("sms").await;
    assert_eq!(1, fixture.service.attempts().len());
}

#[tokio::test]
async fn a_request_for_an_sms_with_the_email_address_of_the_contact_is_delivered_as_an_sms() {
    let fixture = Fixture::start().await;
    let mut body = fixture.fill(&Sample::wire("provider-sms"));
    body["emailTo"] = "ada@example.com".into();
    fixture.send(&body).await;
    let delivered = fixture.service.wait_for(body["messageId"].as_str().unwrap()).await.body;
    let to = &delivered["data"]["to"];
    assert_eq!((&json!("message.text"), &body["phone"]), (&delivered["type"], &to["phone"]), "{to}");
}

#[tokio::test]
async fn newer_types_are_delivered_with_their_content() {
    let fixture = Fixture::start().await;
    let common = json!({
        "conversationId": "fcanlLgpbQgQhderivVs", "from": {"id": "xsmF1xxhmC92ZpL1lj7aLa", "idType": "Opaque"},
        "to": {"id": CONTACT, "idType": "Opaque"},
    });
    for (sample, kind, content) in [
        (
            "rcs",
            "message.text",
            json!({
                "text": "Rich hello", "attachments": [{"url": "https://storage.example.com/map.png"}],
                "status": "delivered", "fallbackText": "Rich hello\n\nhttps://storage.example.com/map.png",
            }),
        ),
        (
            "ivr-call",
            "message.call",
            json!({
                "status": "completed", "durationSeconds": 12, "fallbackText": "Phone call of 12 seconds: completed.",
            }),
        ),
        (
            "facebook-comment",
            "message.text",
            json!({"text": "Thank you!", "status": "sent", "public": true, "fallbackText": "Thank you!"}),
        ),
    ] {
        let mut expected = common.clone();
        expected.as_object_mut().unwrap().extend(content.as_object().unwrap().clone());
        let (_, attempt) = fixture.delivered(sample).await;
        assert_eq!((json!(kind), expected), said(&attempt), "{sample}");
    }
    let (_, reply) = fixture.delivered("provider-reply").await;
    let data = &reply.body["data"];
    assert_eq!((&json!("message.text"), &json!("m-10")), (&reply.body["type"], &data["replyToAltId"]));
    assert_eq!("Yes, it is.", data["text"]);
}

#[tokio::test]
async fn an_unknown_type_that_is_listed_is_delivered_with_its_content() {
    let fixture = Fixture::new(Reply::status(200), |configuration| {
        configuration["forwardMessageTypes"] = json!(["Pigeon"]);
    })
    .await;
    let mut body = fixture.fill(&Sample::wire("sms"));
    body["messageType"] = Value::Null;
    body["messageTypeString"] = "TYPE_PIGEON".into();
    body["callDuration"] = 7.into();
    fixture.send(&body).await;
    let attempt = fixture.service.wait_for(body["messageId"].as_str().unwrap()).await;
    let (kind, data) = said(&attempt);
    assert_eq!(json!("message.other"), kind);
    assert_eq!((&json!("pigeon"), &body["body"]), (&data["platformType"], &data["text"]));
    assert_eq!((&json!("delivered"), &json!(7)), (&data["status"], &data["durationSeconds"]));
    assert_eq!(json!([{"url": "https://storage.example.com/map.png"}]), data["attachments"]);
}

#[tokio::test]
async fn a_configuration_with_the_legacy_signature_is_reported_with_what_to_do() {
    let fixture = Fixture::new(Reply::status(200), |configuration| {
        configuration["acceptLegacySignature"] = true.into();
    })
    .await;
    let doctor = Command::new(&["doctor", fixture.integration.name.as_str()]).run().await;
    let printed = format!("{}{}", doctor.stdout, doctor.stderr);
    let what = "/acceptLegacySignature is not supported: HighLevel no longer sends X-WH-Signature; remove this field";
    assert!(printed.contains(what), "{printed}");
    // Nothing is lost meanwhile: HighLevel is asked to retry.
    let body = fixture.fill(&Sample::wire("sms"));
    let answer = fixture.keys.sign(&body).post(&fixture.stack, &fixture.integration).await;
    answer.assert_problem(429, "unavailable");
}
