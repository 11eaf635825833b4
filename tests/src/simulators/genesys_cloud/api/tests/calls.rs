//! Checks of every call.

use super::super::{Fault, Kind, OPERATIONS};
use super::{Client, inbound, integrations, message, within};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const SEARCH: &str = "/api/v2/users/search";

fn by_email(email: &str) -> Value {
    json!({"pageSize": 1, "query": [{"type": "EXACT", "fields": ["email"], "value": email}]})
}

impl Client {
    /// Posts one valid call of each operation. Returns the responses.
    async fn one_of_each(&self) -> Vec<(StatusCode, Value)> {
        let conversation = self.platform.open_conversation(super::INTEGRATION, "customer-1");
        self.platform.add_user("user-1", "agent@example.com");
        let event = json!({
            "channel": {"from": {"id": "c", "idType": "Opaque"}, "time": "2026-01-02T03:04:05.678Z"},
            "events": [{"eventType": "Typing"}],
        });
        let receipt = json!({
            "id": "m", "status": "Delivered", "channel": {"to": {"id": "c"}, "time": "2026-01-02T03:04:05.678Z"},
        });
        let agentless = json!({
            "fromAddress": super::INTEGRATION, "toAddress": "c", "toAddressMessengerType": "open", "textBody": "hi",
        });
        self.platform.know_message("o");
        let response = json!({
            "channel": message("c", "m")["channel"], "originatingMessageId": "o",
            "buttonResponse": {"type": "Button", "text": "Yes", "payload": "yes"},
        });
        let card = json!({"type": "card", "cardType": "basic", "title": "t", "actions": []});
        let upload = json!({"fileName": "a.txt", "contentLengthBytes": 5});
        let mut answers = vec![
            self.post("/api/v2/conversations/messages/agentless", &agentless).await,
            self.post(&inbound("receipt"), &receipt).await,
            self.post(&inbound("message"), &message("c", "m")).await,
            self.post(&inbound("event"), &event).await,
            self.post(&inbound("structured/response"), &response).await,
            self.post(&within(&conversation, "messages"), &json!({"textBody": "hi"})).await,
            self.post(&within(&conversation, "typing"), &json!({"typing": {"type": "On"}})).await,
        ];
        let uploaded = self.post(&within(&conversation, "messages/media/uploads"), &upload).await;
        let media = uploaded.1["id"].as_str().unwrap_or("unknown").to_owned();
        answers.push(uploaded);
        answers.push(self.get(&within(&conversation, &format!("messages/media/{media}"))).await);
        answers.push(self.get("/api/v2/users?pageSize=1").await);
        answers.push(self.post(SEARCH, &by_email("agent@example.com")).await);
        let cards = json!({"type": "message", "content": [card]});
        answers.push(self.post("/api/v2/openmessaging/channels/user:user-1/messages", &cards).await);
        let made = self.post(integrations::PATH, &integrations::acme()).await;
        let one = format!("{}/{}", integrations::PATH, made.1["id"].as_str().unwrap_or("unknown"));
        answers.push(made);
        answers.push(self.get(integrations::PATH).await);
        answers.push(self.get(&one).await);
        answers.push(self.patch(&one, &integrations::acme()).await);
        let identities = "/api/v2/conversations/messaging/identityresolution/integrations/open";
        let identities = format!("{identities}/{}", one.rsplit('/').next().unwrap_or_default());
        answers.push(self.get(&identities).await);
        answers.push(self.put(&identities, &json!({"resolveIdentities": true})).await);
        answers.push(self.delete(&one).await);
        answers.push(self.get(&format!("/api/v2/conversations/{}", conversation.conversation_id)).await);
        let path = format!("/api/v2/conversations/messages/{}", conversation.conversation_id);
        answers.push(self.patch(&path, &json!({"state": "disconnected"})).await);
        for (kind, collection) in [(Kind::MessagingSetting, "settings"), (Kind::SupportedContent, "supportedcontent")] {
            let (collection, profile) =
                (format!("/api/v2/conversations/messaging/{collection}"), json!({"name": "Patchbay"}));
            let one = format!("{collection}/{}", self.platform.add_profile(kind, profile.clone()));
            answers.push(self.get(&collection).await);
            answers.push(self.post(&collection, &profile).await);
            answers.push(self.get(&one).await);
            answers.push(self.patch(&one, &profile).await);
        }
        answers
    }
}

#[tokio::test]
async fn every_operation_is_done_and_recorded_with_its_path_query_and_body() {
    let client = Client::start().await;
    for (status, answer) in client.one_of_each().await {
        assert!(status.is_success(), "{status} {answer}");
    }
    let calls = client.platform.calls();
    assert_eq!(OPERATIONS.to_vec(), calls.iter().map(|call| call.operation).collect::<Vec<_>>());
    assert_eq!((inbound("message"), message("c", "m")), (calls[2].path.clone(), calls[2].body.clone()));
    assert_eq!(Some("1"), calls[9].query.get("pageSize").map(String::as_str));
    assert_eq!(Value::Null, calls[9].body);
    assert_eq!(OPERATIONS.len(), client.platform.attempts());
}

#[tokio::test]
async fn every_operation_needs_the_token() {
    let mut client = Client::start().await;
    client.token = "another".to_owned();
    for (status, answer) in client.one_of_each().await {
        assert_eq!((StatusCode::UNAUTHORIZED, &json!("bad.credentials")), (status, &answer["code"]));
    }
    assert!(client.platform.calls().is_empty());
    assert_eq!(OPERATIONS.len(), client.platform.attempts());
}

#[tokio::test]
async fn every_operation_counts_for_the_rate_limit() {
    let client = Client::start().await;
    for _ in 0..300 {
        client.get("/api/v2/users?pageSize=1").await;
    }
    for (status, answer) in client.one_of_each().await {
        assert_eq!(StatusCode::TOO_MANY_REQUESTS, status, "{answer}");
    }
    assert_eq!(300, client.platform.calls().len());
}

#[tokio::test]
async fn every_operation_takes_its_fault_from_the_one_queue() {
    let client = Client::start().await;
    let count = OPERATIONS.len() as u16;
    client.platform.fail((0..count).map(|number| Fault::Status(500 + number)));
    let statuses: Vec<_> = client.one_of_each().await.iter().map(|(status, _)| status.as_u16()).collect();
    assert_eq!((500..500 + count).collect::<Vec<_>>(), statuses);
    assert!(client.platform.calls().is_empty());
}

#[tokio::test]
async fn a_fault_of_one_operation_leaves_the_others_alone_and_comes_first() {
    let client = Client::start().await;
    client.platform.fail_operation("inbound-event", [Fault::Status(502), Fault::RateLimited(7)]);
    let statuses: Vec<_> = client.one_of_each().await.iter().map(|(status, _)| status.as_u16()).collect();
    let failed: Vec<_> = (0..).zip(&statuses).filter(|(_, status)| **status >= 400).collect();
    assert_eq!(vec![(3, &502)], failed, "{statuses:?}");
    client.platform.fail([Fault::Status(503)]);
    let event = json!({});
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(client.post(&inbound("event"), &event).await.0.as_u16());
    }
    assert_eq!(vec![429, 503, 400], statuses);
}

#[tokio::test]
#[should_panic(expected = "is none of")]
async fn an_operation_that_does_not_exist_cannot_fail() {
    Client::start().await.platform.fail_operation("inbound-massage", [Fault::Reset]);
}

#[tokio::test]
async fn a_lost_answer_is_of_a_call_that_was_done_and_a_reset_is_not() {
    let client = Client::start().await;
    client.platform.fail([Fault::ResponseLost, Fault::Reset]);
    assert!(client.try_post(&inbound("message"), &message("c", "1")).await.is_err());
    assert_eq!((1, 1), (client.platform.calls().len(), client.platform.attempts()));
    assert!(client.try_post(&inbound("message"), &message("c", "2")).await.is_err());
    assert_eq!((1, 2), (client.platform.calls().len(), client.platform.attempts()));
}

#[tokio::test]
async fn a_body_that_is_not_json_or_too_large_is_refused() {
    let client = Client::start().await;
    let post = |content_type: &'static str, body: String| {
        let request = client.request(Method::POST, &inbound("message")).header("content-type", content_type);
        async move { request.body(body).send().await.unwrap().status().as_u16() }
    };
    let padded = |length: usize| {
        let body = message("c", "m").to_string();
        format!("{body}{}", " ".repeat(length - body.len()))
    };
    assert_eq!(200, post("application/json", padded(512_000)).await);
    assert_eq!(413, post("application/json", padded(512_001)).await);
    assert_eq!(400, post("text/plain", padded(1_000)).await);
    assert_eq!(400, post("application/json", "{".to_owned()).await);
}

#[tokio::test]
async fn a_conversation_has_its_participants_with_their_communications_until_its_end() {
    let client = Client::start().await;
    let conversation = client.platform.open_conversation(super::INTEGRATION, "customer-1");
    let path = format!("/api/v2/conversations/{}", conversation.conversation_id);
    let states = async || {
        let (status, shown) = client.get(&path).await;
        assert_eq!(StatusCode::OK, status, "{shown}");
        let participants = shown["participants"].as_array().unwrap().clone();
        let state = |one: &Value| (one["purpose"].clone(), one["messages"][0]["state"].clone());
        (participants.iter().map(state).collect::<Vec<_>>(), participants[1]["messages"][0]["id"].clone())
    };
    let all = |state: &str| vec![(json!("customer"), json!(state)), (json!("agent"), json!(state))];
    assert_eq!((all("connected"), json!(conversation.communication_id)), states().await);
    let patched = format!("/api/v2/conversations/messages/{}", conversation.conversation_id);
    for wrong in [json!({}), json!({"state": "connected"}), json!({"state": "disconnected", "held": true})] {
        assert_eq!(StatusCode::BAD_REQUEST, client.patch(&patched, &wrong).await.0, "{wrong}");
    }
    assert_eq!(StatusCode::OK, client.patch(&patched, &json!({"state": "disconnected"})).await.0);
    assert_eq!(StatusCode::BAD_REQUEST, client.patch(&patched, &json!({"state": "disconnected"})).await.0);
    assert_eq!(all("disconnected"), states().await.0);
    let message = json!({"textBody": "too late"});
    assert_eq!(StatusCode::NOT_FOUND, client.post(&within(&conversation, "messages"), &message).await.0);
    let reopened = client.platform.open_conversation(super::INTEGRATION, "customer-1");
    assert_eq!((conversation.conversation_id, all("connected")), (reopened.conversation_id, states().await.0));
    assert_eq!(StatusCode::NOT_FOUND, client.get("/api/v2/conversations/unknown").await.0);
}

#[tokio::test]
async fn a_path_that_is_none_is_not_found() {
    let (status, answer) = Client::start().await.get("/api/v2/nothing").await;
    assert_eq!((StatusCode::NOT_FOUND, &json!("not.found")), (status, &answer["code"]));
}

#[tokio::test]
async fn a_search_finds_users_by_address_and_the_total_tells_of_others() {
    let client = Client::start().await;
    client.platform.add_user("user-1", "agent@example.com");
    client.platform.add_user("user-2", "twins@example.com");
    client.platform.add_user("user-3", "Twins@example.com");
    let page = client.done(SEARCH, &by_email("Agent@example.com")).await;
    let agent = json!({
        "id": "user-1", "name": "agent", "email": "agent@example.com", "username": "agent@example.com",
        "state": "active", "version": 1, "selfUri": "/api/v2/users/user-1",
    });
    let expected = json!({
        "total": 1, "pageCount": 1, "pageSize": 1, "pageNumber": 1, "types": ["users"], "results": [agent],
    });
    assert_eq!(expected, page);
    let mut second = by_email("twins@example.com");
    second["pageNumber"] = 2.into();
    let page = client.done(SEARCH, &second).await;
    assert_eq!((&json!("user-3"), &json!(2)), (&page["results"][0]["id"], &page["total"]));
    let page = client.done(SEARCH, &by_email("nobody@example.com")).await;
    assert_eq!((&json!([]), &json!(0)), (&page["results"], &page["total"]));
    client.platform.ignore_search_criteria();
    assert_eq!(json!(3), client.done(SEARCH, &by_email("nobody@example.com")).await["total"]);
}

#[tokio::test]
async fn the_list_of_users_knows_no_address() {
    let client = Client::start().await;
    client.platform.add_user("user-1", "agent@example.com");
    client.platform.add_user("user-2", "twins@example.com");
    for query in ["", "?email=agent%40example.com", "?pageSize=500"] {
        let (status, page) = client.get(&format!("/api/v2/users{query}")).await;
        assert_eq!((StatusCode::OK, &json!(2)), (status, &page["total"]), "{query}");
    }
    for wrong in ["?pageSize=0", "?pageSize=501", "?pageSize=x"] {
        assert_eq!(400, client.get(&format!("/api/v2/users{wrong}")).await.0.as_u16(), "{wrong}");
    }
}

#[tokio::test]
async fn cards_go_to_the_channel_of_a_known_user() {
    let client = Client::start().await;
    client.platform.add_user("user-1", "agent@example.com");
    let path = |channel: &str| format!("/api/v2/openmessaging/channels/{channel}/messages");
    let card = |payload: usize| {
        let action = json!({"type": "postBack", "title": "t", "payload": "é".repeat(payload)});
        let card = json!({"type": "card", "cardType": "basic", "title": "t", "actions": [action]});
        json!({"type": "message", "content": [card]})
    };
    let (status, answer) = client.post(&path("user:user-1"), &card(2_048)).await;
    assert!(status == StatusCode::ACCEPTED && answer["id"].is_string(), "{status} {answer}");
    assert_eq!(StatusCode::ACCEPTED, client.post(&path("user%3Auser-1"), &card(1)).await.0);
    for channel in ["user-1", "user:user-2", "queue:user-1", "user:"] {
        let (status, answer) = client.post(&path(channel), &card(1)).await;
        assert_eq!((StatusCode::NOT_FOUND, &json!("Channel not found")), (status, &answer["message"]), "{channel}");
    }
    let (status, answer) = client.post(&path("user:user-1"), &card(2_049)).await;
    assert!(status == StatusCode::BAD_REQUEST && answer["message"] != "Invalid card type", "{answer}");
    let (status, answer) = client.post(&path("user:user-1"), &json!({"type": "message", "content": [{}]})).await;
    let refusal = (&answer["code"], &answer["message"]);
    assert_eq!((StatusCode::BAD_REQUEST, (&json!("bad.request"), &json!("Invalid card type"))), (status, refusal));
}

#[tokio::test]
async fn an_organisation_without_channels_answers_everything_there_with_not_found() {
    let client = Client::start().await;
    client.platform.add_user("user-1", "agent@example.com");
    client.platform.without_channels();
    let path = "/api/v2/openmessaging/channels/user:user-1/messages";
    for (status, answer) in [client.post(path, &json!({})).await, client.get(path).await] {
        assert_eq!((StatusCode::NOT_FOUND, &json!("not.found")), (status, &answer["code"]));
        assert_ne!("Channel not found", answer["message"]);
    }
}
