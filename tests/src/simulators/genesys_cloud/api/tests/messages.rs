//! Messages from both sides, and their conversations.

use super::{Client, INTEGRATION, inbound, message, within};
use serde_json::json;

fn agentless(customer: &str) -> serde_json::Value {
    json!({"fromAddress": INTEGRATION, "toAddress": customer, "toAddressMessengerType": "open", "textBody": "hi"})
}

const AGENTLESS: &str = "/api/v2/conversations/messages/agentless";

#[tokio::test]
async fn an_inbound_message_is_answered_normalized_and_opens_the_customers_conversation() {
    let client = Client::start().await;
    assert_eq!(None, client.platform.conversation("customer-1"));
    let answer = client.done(&inbound("message"), &message("customer-1", "m-1")).await;
    let expected = json!({
        "id": answer["id"],
        "channel": {
            "id": INTEGRATION, "platform": "Open", "type": "Private", "messageId": "m-1",
            "time": "2026-01-02T03:04:05.678Z",
            "from": {"id": "customer-1", "idType": "Email"},
            "to": {"id": INTEGRATION, "idType": "Opaque"},
        },
        "type": "Text",
        "text": "hello",
    });
    assert_eq!(expected, answer);
    assert!(answer["id"].is_string() && answer["id"] != "m-1", "{answer}");
    let conversation = client.platform.conversation("customer-1").unwrap();
    assert_eq!(
        (INTEGRATION, "Email", true),
        (&*conversation.integration_id, conversation.id_type, conversation.connected)
    );
    assert_eq!(vec![answer], client.platform.inbound_messages(&conversation));
}

#[tokio::test]
async fn the_conversations_id_is_answered_only_when_it_is_asked_for() {
    let client = Client::start().await;
    let path = inbound("message");
    let answer = client.done(&format!("{path}?prefetchConversationId=true"), &message("customer-1", "m-1")).await;
    let conversation = client.platform.conversation("customer-1").unwrap();
    assert_eq!(json!(conversation.conversation_id), answer["conversationId"]);
    assert_eq!("true", client.platform.calls()[0].query["prefetchConversationId"]);
    for query in ["", "?prefetchConversationId=false"] {
        let answer = client.done(&format!("{path}{query}"), &message("customer-1", &format!("m{query}"))).await;
        assert_eq!(None, answer.get("conversationId"), "{query}");
    }
    let (status, _) = client.post(&format!("{path}?prefetchConversationId=1"), &message("customer-1", "m-2")).await;
    assert_eq!(400, status.as_u16());
}

#[tokio::test]
async fn the_same_post_again_is_answered_the_same_and_is_not_another_message() {
    let client = Client::start().await;
    let first = client.done(&inbound("message"), &message("customer-1", "m-1")).await;
    assert_eq!(first, client.done(&inbound("message"), &message("customer-1", "m-1")).await);
    let conversation = client.platform.conversation("customer-1").unwrap();
    assert_eq!((2, 1), (client.platform.calls().len(), client.platform.inbound_messages(&conversation).len()));
}

#[tokio::test]
async fn another_id_time_or_integration_or_no_id_at_all_makes_another_message() {
    let client = Client::start().await;
    let first = message("customer-1", "m-1");
    let mut later = first.clone();
    later["channel"]["time"] = "2026-01-02T03:04:05.679Z".into();
    let mut without = first.clone();
    without["channel"].as_object_mut().unwrap().remove("messageId");
    for body in [&first, &message("customer-1", "m-2"), &later, &without, &without] {
        client.done(&inbound("message"), body).await;
    }
    let conversation = client.platform.conversation("customer-1").unwrap();
    assert_eq!(5, client.platform.inbound_messages(&conversation).len());
    client.platform.know_integration("other");
    client.done("/api/v2/conversations/messages/other/inbound/open/message", &first).await;
    let other = client.platform.conversation("customer-1").unwrap();
    assert_ne!(conversation.conversation_id, other.conversation_id);
    assert_eq!(1, client.platform.inbound_messages(&other).len());
}

#[tokio::test]
async fn a_structured_response_is_a_message_of_the_conversation() {
    let client = Client::start().await;
    let button = json!({"type": "QuickReply", "text": "Yes", "payload": "yes"});
    let response = |originating: &str| {
        json!({
            "channel": message("customer-1", "m-1")["channel"], "buttonResponse": button,
            "originatingMessageId": originating,
        })
    };
    let path = inbound("structured/response");
    assert_eq!(400, client.post(&path, &response("o-1")).await.0.as_u16(), "there is no such message");
    let sent = client.done(AGENTLESS, &agentless("customer-1")).await;
    let response = response(sent["id"].as_str().unwrap());
    let answer = client.done(&path, &response).await;
    assert_eq!(json!([{"contentType": "ButtonResponse", "buttonResponse": button}]), answer["content"]);
    assert_eq!(("Structured", "Inbound"), (answer["type"].as_str().unwrap(), answer["direction"].as_str().unwrap()));
    assert!(answer.get("buttonResponse").is_none() && answer.get("originatingMessageId").is_none(), "{answer}");
    assert_eq!(answer, client.done(&path, &response).await);
    let conversation = client.platform.conversation("customer-1").unwrap();
    assert_eq!(vec![answer], client.platform.inbound_messages(&conversation));
}

#[tokio::test]
async fn a_customer_of_an_integration_has_one_conversation() {
    let client = Client::start().await;
    let first = client.done(AGENTLESS, &agentless("customer-1")).await;
    let conversation = client.platform.conversation("customer-1").unwrap();
    assert_eq!((json!(conversation.conversation_id), false), (first["conversationId"].clone(), conversation.connected));
    let again = client.done(AGENTLESS, &agentless("customer-1")).await;
    let other = client.done(AGENTLESS, &agentless("customer-2")).await;
    assert_eq!(first["conversationId"], again["conversationId"]);
    assert_ne!(first["conversationId"], other["conversationId"]);
    client.done(&inbound("message"), &message("customer-1", "m-1")).await;
    let joined = client.platform.conversation("customer-1").unwrap();
    assert_eq!((conversation.conversation_id, true), (joined.conversation_id, joined.connected));
}

#[tokio::test]
async fn an_agentless_message_joins_a_conversation_that_is_going_on_only_if_it_says_so() {
    let client = Client::start().await;
    client.done(&inbound("message"), &message("customer-1", "m-1")).await;
    let mut body = agentless("customer-1");
    assert_eq!(400, client.post(AGENTLESS, &body).await.0.as_u16());
    body["useExistingActiveConversation"] = false.into();
    assert_eq!(400, client.post(AGENTLESS, &body).await.0.as_u16());
    body["useExistingActiveConversation"] = true.into();
    client.done(AGENTLESS, &body).await;
}

#[tokio::test]
async fn nothing_is_accepted_for_an_integration_that_there_is_not() {
    let client = Client::start().await;
    let path = |rest: &str| format!("/api/v2/conversations/messages/unknown/inbound/open/{rest}");
    let mut text = agentless("customer-1");
    text["fromAddress"] = "unknown".into();
    let receipt = json!({
        "id": "m", "status": "Delivered", "channel": {"to": {"id": "c"}, "time": "2026-01-02T03:04:05.678Z"},
    });
    for (path, body) in
        [(path("message"), message("customer-1", "m-1")), (path("receipt"), receipt), (AGENTLESS.to_owned(), text)]
    {
        assert_eq!(404, client.post(&path, &body).await.0.as_u16(), "{path}");
    }
    assert_eq!(None, client.platform.conversation("customer-1"));
}

#[tokio::test]
async fn a_receipt_is_answered_with_both_ends_and_its_time_in_utc() {
    let client = Client::start().await;
    let receipt = json!({
        "id": "m", "status": "Sent", "channel": {"to": {"id": "c"}, "time": "2026-01-02T04:04:05+01:00"},
    });
    let channel = json!({
        "id": INTEGRATION, "platform": "Open", "type": "Private", "to": {"id": "c"},
        "from": {"id": INTEGRATION, "idType": "Opaque"}, "time": "2026-01-02T03:04:05.000Z",
    });
    let expected = json!({"id": "m", "type": "Receipt", "status": "Sent", "direction": "Outbound", "channel": channel});
    assert_eq!(expected, client.done(&inbound("receipt"), &receipt).await);
}

#[tokio::test]
async fn what_the_models_of_answers_lack_is_not_in_the_answer() {
    let client = Client::start().await;
    let mut body = message("customer-1", "m-1");
    body["channel"]["metadata"] = json!({"customAttributes": {"tier": "gold"}});
    let attachment = json!({"mediaType": "Image", "url": "https://example.com/a.png", "mime": "image/png"});
    body["content"] = json!([{"attachment": attachment}]);
    body["content"][0]["attachment"]["thumbnail"] = json!({"url": "https://example.com/t.png"});
    let answer = client.done(&inbound("message"), &body).await;
    assert_eq!(json!([{"contentType": "Attachment", "attachment": attachment}]), answer["content"]);
    assert_eq!(None, answer["channel"].get("metadata"));
    let text = json!({
        "fromAddress": INTEGRATION, "externalContactId": "x", "toAddressMessengerType": "open", "textBody": "hi",
    });
    assert_eq!(None, client.done(AGENTLESS, &text).await.get("toAddress"));
}

#[tokio::test]
async fn an_agents_message_is_answered_with_its_data() {
    let client = Client::start().await;
    let conversation = client.platform.open_conversation(INTEGRATION, "customer-1");
    let answer = client.done(&within(&conversation, "messages"), &json!({"textBody": "hi"})).await;
    let normalized = &answer["normalizedMessage"];
    assert_eq!((&json!("hi"), None), (&normalized["text"], normalized.get("conversationId")));
    for (field, value) in [
        ("fromAddress", INTEGRATION),
        ("toAddress", "customer-1"),
        ("direction", "outbound"),
        ("messengerType", "open"),
        ("status", "queued"),
        ("conversationId", &conversation.conversation_id),
    ] {
        assert_eq!(value, answer[field], "{field}");
    }
    assert!(answer["id"].is_string() && answer["timestamp"].is_string(), "{answer}");
}

#[tokio::test]
async fn an_agents_typing_is_answered_with_nothing() {
    let client = Client::start().await;
    let conversation = client.platform.open_conversation(INTEGRATION, "customer-1");
    let request = client.request(reqwest::Method::POST, &within(&conversation, "typing"));
    let request = request.header("content-type", "application/json").body(r#"{"typing":{"type":"On"}}"#);
    let answer = request.send().await.unwrap();
    assert_eq!(202, answer.status().as_u16());
    assert!(answer.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn nothing_can_be_said_into_a_conversation_that_is_none() {
    let client = Client::start().await;
    let mut conversation = client.platform.open_conversation(INTEGRATION, "customer-1");
    conversation.communication_id = client.platform.open_conversation(INTEGRATION, "customer-2").communication_id;
    for (path, body) in [
        ("messages", json!({"textBody": "hi"})),
        ("typing", json!({"typing": {"type": "On"}})),
        ("messages/media/uploads", json!({"fileName": "a.txt", "contentLengthBytes": 1})),
    ] {
        assert_eq!(404, client.post(&within(&conversation, path), &body).await.0.as_u16(), "{path}");
    }
}
