//! Agentless messages on Genesys Cloud: what is sent, and what its messengers do not take.

use crate::callers::every_endpoint::message;
use crate::fixtures::WithPlatform;
use serde_json::json;
use tests::harness::caller::Request;

#[tokio::test]
async fn an_agentless_message_is_sent_from_the_integrations_own_address() {
    let fixture = WithPlatform::start().await;
    let answer = fixture.post(&Request::new(&message()).with_bearer_token()).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    assert!(answer.body["id"].is_string() && answer.body["conversationId"].is_string(), "{:?}", answer.body);
    assert!(!answer.body.to_string().contains("customer-1"));
    let expected = json!({
        "fromAddress": fixture.integration.integration_id,
        "toAddress": "customer-1",
        "toAddressMessengerType": "open",
        "textBody": "hello",
    });
    assert_eq!(expected, fixture.platform.calls()[0].body);
}

#[tokio::test]
async fn members_that_are_null_or_blank_are_absent_and_words_may_be_in_any_case() {
    let fixture = WithPlatform::start().await;
    let body = json!({
        "toAddress": "customer-1", "textBody": "hello", "externalContactId": null, "toAddressMessengerType": "Open",
        "messagingTemplate": null, "useExistingActiveConversation": "", "of a later version": null,
    });
    let answer = fixture.post(&Request::new(&body).with_bearer_token()).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    let mut expected = message();
    expected["fromAddress"] = fixture.integration.integration_id.clone().into();
    expected["toAddressMessengerType"] = "open".into();
    assert_eq!(expected, fixture.platform.calls()[0].body);
}

#[tokio::test]
async fn every_field_of_the_contract_is_passed_on() {
    let fixture = WithPlatform::start().await;
    let template = json!({"responseId": "r", "bodyParameters": [{"id": "1", "value": "v"}]});
    for body in [
        json!({
            "toAddress": "+15555550123", "externalContactId": "contact-1", "toAddressMessengerType": "sms",
            "textBody": "hello", "messagingTemplate": template, "useExistingActiveConversation": true,
        }),
        json!({"toAddress": "15555550123", "toAddressMessengerType": "whatsapp", "messagingTemplate": template}),
        json!({"externalContactId": "contact-1", "toAddressMessengerType": "webmessaging", "textBody": "hello"}),
    ] {
        let answer = fixture.post(&Request::new(&body).signed()).await;
        assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
        let mut expected = body;
        expected["fromAddress"] = fixture.integration.integration_id.clone().into();
        assert_eq!(expected, fixture.platform.calls().pop().unwrap().body);
    }
}

#[tokio::test]
async fn combinations_that_the_messenger_does_not_have_are_refused_by_name() {
    let fixture = WithPlatform::start().await;
    let template = json!({"responseId": "r"});
    for (body, pointer) in [
        (json!({"toAddress": "1", "toAddressMessengerType": "sms", "messagingTemplate": template}), "/textBody"),
        (json!({"toAddress": "1", "toAddressMessengerType": "whatsapp", "textBody": "hello"}), "/messagingTemplate"),
        (
            json!({"externalContactId": "c", "toAddressMessengerType": "whatsapp", "messagingTemplate": template}),
            "/toAddress",
        ),
        (
            json!({"toAddress": "1", "toAddressMessengerType": "webmessaging", "textBody": "hello"}),
            "/externalContactId",
        ),
    ] {
        let answer = fixture.post(&Request::new(&body).signed()).await;
        answer.assert_problem(400, "invalid-body");
        assert_eq!(pointer, answer.body["errors"][0]["pointer"], "{body}");
    }
    assert_eq!(0, fixture.platform.attempts());
}
