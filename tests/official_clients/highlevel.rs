//! HighLevel's client.

use crate::client::Client;
use serde_json::json;
use tests::simulators::highlevel::PROVIDER_ID;
use tests::simulators::highlevel::api::oauth::{CLIENT_ID, CLIENT_SECRET, UserType};
use tests::simulators::highlevel::api::{HighLevel, TOKEN};

#[tokio::test]
async fn the_client_makes_every_call_and_has_a_place_for_every_member_of_the_answers() {
    let platform = HighLevel::start().await;
    platform.schedule("m-1");
    platform.schedule("e-1");
    let mut client = Client::in_node("highlevel.mjs", &[&platform.url, TOKEN]);
    let inbound = json!({
        "type": "SMS", "conversationId": "c", "contactId": "k", "conversationProviderId": PROVIDER_ID, "message": "hello",
        "altId": "m-1", "direction": "inbound", "date": "2026-01-02T03:04:05.678Z",
    });
    let email = json!({
        "type": "Custom", "contactId": "k", "conversationProviderId": PROVIDER_ID, "html": "<p>hello</p>",
        "subject": "s", "emailFrom": "a@e.com", "emailTo": "b@e.com", "emailCc": ["c@e.com"], "emailBcc": ["d@e.com"],
        "emailMessageId": "e-1",
    });
    let call = json!({
        "type": "Call", "contactId": "k", "conversationProviderId": PROVIDER_ID,
        "call": {"to": "+1", "from": "+2", "status": "completed"}, "attachments": ["https://e.com/a.mp3"],
    });
    let sms = json!({
        "type": "SMS", "subType": "s", "status": "pending", "contactId": "k", "message": "hello", "fromNumber": "+1",
        "toNumber": "+2",
    });
    let scheduled = json!({
        "type": "Email", "contactId": "k", "html": "<p>hello</p>", "emailReplyMode": "reply_all", "threadId": "t",
        "scheduledTimestamp": 1_900_000_000,
    });
    let failed = json!({
        "status": "failed", "error": {"code": "1", "type": "delivery", "message": "m"}, "recipients": ["a@e.com"],
        "emailMessageId": "e-1",
    });
    let typing = json!({"locationId": "l", "isTyping": "true", "visitorId": "v", "conversationId": "c"});
    let contact = json!({"locationId": "l", "phone": "+1", "name": "Ada", "createNewIfDuplicateAllowed": false});
    let number = json!({"locationId": "l", "number": "+1"});
    for (service, version, method, arguments) in [
        ("conversations", "2021-04-15", "addAnInboundMessage", json!([inbound])),
        ("conversations", "2021-04-15", "addAnInboundMessage", json!([email])),
        ("conversations", "2021-04-15", "addAnInboundMessage", json!([call])),
        ("conversations", "2021-04-15", "sendANewMessage", json!([sms])),
        ("conversations", "2021-04-15", "sendANewMessage", json!([scheduled])),
        ("conversations", "2021-04-15", "cancelScheduledMessage", json!([{"messageId": "m-1"}])),
        ("conversations", "2021-04-15", "cancelScheduledEmailMessage", json!([{"emailMessageId": "e-1"}])),
        ("conversations", "2021-04-15", "updateMessageStatus", json!([{"messageId": "m-1"}, {"status": "delivered"}])),
        ("conversations", "2021-04-15", "updateMessageStatus", json!([{"messageId": "m-1"}, failed])),
        ("conversations", "2021-04-15", "liveChatAgentTyping", json!([typing])),
        // The search's answer has no published model.
        ("contacts", "2021-07-28", "getDuplicateContact", json!([number])),
        ("contacts", "2021-07-28", "upsertContact", json!([contact])),
        ("contacts", "2021-07-28", "getDuplicateContact", json!([number])),
    ] {
        let call = json!({"service": service, "version": version, "method": method, "arguments": arguments});
        client.call(&call).await;
    }
}

/// The client has no method for `POST /oauth/reconnect`.
#[tokio::test]
async fn the_client_exchanges_a_code_and_renews_the_tokens() {
    let platform = HighLevel::start().await;
    let mut client = Client::in_node("highlevel.mjs", &[&platform.url, CLIENT_ID, CLIENT_SECRET]);
    let code = platform.oauth().authorize("l", UserType::Location);
    let exchange = json!({
        "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "grant_type": "authorization_code", "code": code,
        "user_type": "Location", "redirect_uri": "http://localhost:8765/callback",
    });
    let exchange = json!({"service": "oauth", "method": "getAccessToken", "arguments": [exchange]});
    let issued = client.call(&exchange).await;
    let arguments = json!([issued["refresh_token"], CLIENT_ID, CLIENT_SECRET, "refresh_token", "Location"]);
    let renewed = client.call(&json!({"service": "oauth", "method": "refreshToken", "arguments": arguments})).await;
    assert_ne!(issued["refresh_token"], renewed["refresh_token"]);
    let grants: Vec<_> = platform.oauth().issues().into_iter().map(|issue| issue.grant).collect();
    assert_eq!(vec!["authorization_code", "refresh_token"], grants);
}
