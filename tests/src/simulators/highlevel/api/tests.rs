//! The simulated platform is as strict as the real one.

use super::{Contact, DuplicateSetting, Fault, HighLevel, TOKEN, oauth};
use crate::simulators::highlevel::PROVIDER_ID;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

impl HighLevel {
    async fn call(&self, method: Method, path: &str, body: &Value, headers: &[(&str, &str)]) -> u16 {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let mut request = http.request(method, format!("{}{path}", self.url)).body(body.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.map_or(0, |response| response.status().as_u16())
    }

    async fn put_status(&self, body: &Value) -> u16 {
        let token = format!("Bearer {TOKEN}");
        let headers = [("authorization", &*token), ("version", "2021-04-15"), ("content-type", "application/json")];
        self.call(Method::PUT, "/conversations/messages/m-1/status", body, &headers).await
    }

    async fn post_inbound(&self, body: &Value) -> u16 {
        self.call_with_version(Method::POST, "/conversations/messages/inbound", body, "2021-04-15").await
    }

    async fn call_with_version(&self, method: Method, path: &str, body: &Value, version: &str) -> u16 {
        let token = format!("Bearer {TOKEN}");
        let headers = [("authorization", &*token), ("version", version), ("content-type", "application/json")];
        self.call(method, path, body, &headers).await
    }
}

#[tokio::test]
async fn a_call_without_the_token_the_version_or_the_media_type_is_refused() {
    let platform = HighLevel::start().await;
    let token = format!("Bearer {TOKEN}");
    let all = [("authorization", &*token), ("version", "2021-04-15"), ("content-type", "application/json")];
    for (missing, status) in [("authorization", 401), ("version", 400), ("content-type", 415)] {
        let headers: Vec<_> = all.into_iter().filter(|(name, _)| *name != missing).collect();
        let path = "/conversations/messages/m-1/status";
        assert_eq!(status, platform.call(Method::PUT, path, &json!({"status": "read"}), &headers).await, "{missing}");
    }
    assert_eq!(404, platform.call(Method::PUT, "/conversations", &json!({}), &all).await);
    assert!(platform.calls().is_empty());
}

#[tokio::test]
async fn a_status_is_one_of_four_words_and_only_a_failure_has_a_whole_error() {
    let platform = HighLevel::start().await;
    let error = json!({"code": "1", "type": "t", "message": "m"});
    for (status, body) in [
        (200, json!({"status": "delivered"})),
        (200, json!({"status": "failed", "error": error})),
        (422, json!({})),
        (422, json!({"status": "Delivered"})),
        (422, json!({"status": "sent"})),
        (422, json!({"status": "delivered", "error": error})),
        (422, json!({"status": "failed", "error": {"code": "1", "message": "m"}})),
        (422, json!({"status": "failed", "error": {"code": "", "type": "t", "message": "m"}})),
        (422, json!({"status": "read", "colour": 1})),
    ] {
        assert_eq!(status, platform.put_status(&body).await, "{body}");
    }
    assert_eq!(2, platform.calls().len());
}

#[tokio::test]
async fn a_customers_message_has_a_type_and_a_contact_or_a_conversation() {
    let platform = HighLevel::start().await;
    let whole = json!({"type": "SMS", "conversationId": "c", "contactId": "k", "conversationProviderId": PROVIDER_ID});
    assert_eq!(200, platform.post_inbound(&whole).await);
    for (name, status) in [("type", 422), ("conversationId", 200), ("contactId", 200), ("conversationProviderId", 200)]
    {
        let mut body = whole.clone();
        body.as_object_mut().expect("an object").remove(name);
        assert_eq!(status, platform.post_inbound(&body).await, "{name}");
        body[name] = "".into();
        assert_eq!(422, platform.post_inbound(&body).await, "{name}");
    }
    assert_eq!(422, platform.post_inbound(&json!({"type": "SMS", "conversationProviderId": PROVIDER_ID})).await);
    for (name, value) in [
        ("attachments", json!([])),
        ("call", json!({"to": "1", "from": "2", "status": "completed"})),
        ("type", json!("sms")),
        ("direction", json!("in")),
        ("date", json!("yesterday")),
        ("attachments", json!(["no url"])),
        ("text", json!("hello")),
    ] {
        let mut body = whole.clone();
        body[name] = value;
        assert_eq!(422, platform.post_inbound(&body).await, "{name}");
    }
}

#[tokio::test]
async fn a_refresh_token_is_used_once_and_its_repetition_has_the_same_response_for_a_while() {
    let platform = HighLevel::start().await;
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    let tokens = platform.oauth().tokens("l");
    let refresh = async |token: &str, secret: &str| {
        let form = [
            ("client_id", oauth::CLIENT_ID),
            ("client_secret", secret),
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("user_type", "Location"),
        ];
        let answer = http.post(format!("{}/oauth/token", platform.url)).form(&form).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let body = answer.text().await.expect("a body");
        (status, serde_json::from_str::<Value>(&body).expect("JSON"))
    };
    let used = tokens["refreshToken"].as_str().expect("a token");
    let first = refresh(used, oauth::CLIENT_SECRET).await;
    assert_eq!(200, first.0);
    assert_eq!(first, refresh(used, oauth::CLIENT_SECRET).await);
    platform.oauth().set_grace(Duration::ZERO);
    assert_eq!(400, refresh(used, oauth::CLIENT_SECRET).await.0);
    assert_eq!(401, refresh(first.1["refresh_token"].as_str().expect("a token"), "another").await.0);
    let json = json!({"client_id": oauth::CLIENT_ID});
    let headers = [("content-type", "application/json")];
    assert_eq!(415, platform.call(Method::POST, "/oauth/token", &json, &headers).await);
}

#[tokio::test]
async fn it_injects_the_configured_faults() {
    let platform = HighLevel::start().await;
    platform.fail([Fault::Status(503), Fault::RateLimited(Some(3)), Fault::Reset, Fault::ResponseLost]);
    platform.refuse_early_statuses(2, 403);
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(platform.put_status(&json!({"status": "read"})).await);
    }
    // The lost response was the first of the two early refusals.
    assert_eq!(vec![503, 429, 0, 0, 403, 200], statuses);
    assert_eq!((1, 6), (platform.calls().len(), platform.attempts()));
}

#[tokio::test]
async fn a_provider_is_required_by_some_types_and_belongs_to_some() {
    let platform = HighLevel::start().await;
    let call = json!({"to": "+15555550100", "from": "+15555550123", "status": "no-answer"});
    for (status, body) in [
        (201, json!({"type": "Custom"})),
        (200, json!({"type": "Custom", "conversationProviderId": PROVIDER_ID})),
        (422, json!({"type": "Call", "call": call})),
        (422, json!({"type": "Call", "conversationProviderId": PROVIDER_ID})),
        (200, json!({"type": "Call", "call": call, "conversationProviderId": PROVIDER_ID})),
        (200, json!({"type": "WhatsApp"})),
        (400, json!({"type": "WhatsApp", "conversationProviderId": PROVIDER_ID})),
        (400, json!({"type": "SMS", "conversationProviderId": "of another app"})),
    ] {
        let mut body = body;
        body["contactId"] = "k".into();
        assert_eq!(status, platform.post_inbound(&body).await, "{body}");
    }
    assert_eq!(3, platform.calls().len(), "a 201 without a body added nothing");
}

#[tokio::test]
async fn each_call_has_its_own_version() {
    let platform = HighLevel::start().await;
    platform.schedule("m");
    for (method, path, body, version) in [
        (
            Method::POST,
            "/conversations/messages",
            json!({"type": "SMS", "contactId": "k", "message": "hi"}),
            "2021-04-15",
        ),
        (Method::PUT, "/conversations/messages/email/m/status", json!({"status": "opened"}), "v3"),
        (Method::DELETE, "/conversations/messages/m/schedule", json!({}), "2021-04-15"),
        (Method::GET, "/contacts/search/duplicate?locationId=l&number=%2B1", json!({}), "2021-07-28"),
        (Method::POST, "/contacts/upsert", json!({"locationId": "l", "phone": "+1"}), "2021-07-28"),
    ] {
        for other in ["v3", "2021-07-28", "2021-04-15"] {
            let expected = if other == version { 200 } else { 400 };
            assert_eq!(
                expected,
                platform.call_with_version(method.clone(), path, &body, other).await,
                "{path} {other}"
            );
        }
    }
    let typing = json!({"locationId": "l", "isTyping": "true", "visitorId": "v", "conversationId": "c"});
    let path = "/conversations/providers/live-chat/typing";
    assert_eq!(201, platform.call_with_version(Method::POST, path, &typing, "2021-04-15").await);
    let unknown = json!({"locationId": "l", "phone": "+1", "colour": "red"});
    assert_eq!(422, platform.call_with_version(Method::POST, "/contacts/upsert", &unknown, "2021-07-28").await);
    assert_eq!(
        404,
        platform
            .call_with_version(Method::DELETE, "/conversations/messages/x/schedule", &json!({}), "2021-04-15")
            .await
    );
}

#[tokio::test]
async fn an_upsert_with_a_second_address_replaces_the_first_and_the_setting_decides_what_a_duplicate_is() {
    let platform = HighLevel::start().await;
    let ada = Contact { id: "k".into(), phone: Some("+1".into()), email: Some("ada@e.com".into()), name: None };
    platform.add_contact(ada);
    let upsert = async |body: Value| {
        assert_eq!(200, platform.call_with_version(Method::POST, "/contacts/upsert", &body, "2021-07-28").await);
        platform.contacts()
    };
    let contacts = upsert(json!({"locationId": "l", "phone": "+1", "email": "lovelace@e.com"})).await;
    assert_eq!((1, Some("lovelace@e.com")), (contacts.len(), contacts[0].email.as_deref()));
    platform.set_duplicates(DuplicateSetting::UniqueEmail);
    assert_eq!(2, upsert(json!({"locationId": "l", "phone": "+1"})).await.len());
}

#[tokio::test]
async fn statuses_are_refused_for_a_configured_time() {
    let platform = HighLevel::start().await;
    platform.refuse_statuses_for(Duration::from_secs(600), 403);
    assert_eq!(403, platform.put_status(&json!({"status": "read"})).await);
    platform.refuse_statuses_for(Duration::ZERO, 403);
    assert_eq!(200, platform.put_status(&json!({"status": "read"})).await);
}

#[tokio::test]
async fn a_cancelled_message_is_gone() {
    let platform = HighLevel::start().await;
    platform.schedule("m");
    for status in [200, 404] {
        let path = "/conversations/messages/m/schedule";
        assert_eq!(status, platform.call_with_version(Method::DELETE, path, &json!({}), "2021-04-15").await);
    }
}

#[tokio::test]
async fn what_a_call_names_of_a_contact_is_the_contacts_own() {
    let platform = HighLevel::start().await;
    platform.set_location("l");
    let ada = Contact { id: "k".into(), phone: Some("+1".into()), email: Some("ada@e.com".into()), name: None };
    platform.add_contact(ada);
    let call = |from: &str| {
        let call = json!({"to": "+9", "from": from, "status": "busy"});
        json!({"type": "Call", "contactId": "k", "conversationProviderId": PROVIDER_ID, "call": call})
    };
    for (status, body) in [
        (404, json!({"type": "SMS", "contactId": "+1"})),
        (404, json!({"type": "SMS", "contactId": "ada@e.com"})),
        (200, json!({"type": "SMS", "contactId": "k", "conversationId": "conversation-with-k"})),
        (400, json!({"type": "SMS", "contactId": "k", "conversationId": "conversation-with-another"})),
        (200, call("+1")),
        (400, call("+2")),
    ] {
        assert_eq!(status, platform.post_inbound(&body).await, "{body}");
    }
    for (status, address) in [(200, "ada@e.com"), (400, "bob@e.com")] {
        let email = json!({"type": "Email", "contactId": "k", "html": "<p>", "emailTo": address});
        let path = "/conversations/messages";
        assert_eq!(status, platform.call_with_version(Method::POST, path, &email, "2021-04-15").await, "{address}");
    }
    for (status, location) in [(200, "l"), (403, "another")] {
        let path = format!("/contacts/search/duplicate?locationId={location}&number=%2B1");
        assert_eq!(status, platform.call_with_version(Method::GET, &path, &json!({}), "2021-07-28").await);
        let upsert = json!({"locationId": location, "phone": "+1"});
        assert_eq!(status, platform.call_with_version(Method::POST, "/contacts/upsert", &upsert, "2021-07-28").await);
    }
}
