//! The simulated platform is as strict as the real one.

use super::{Fault, HighLevel, TOKEN, oauth};
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
        let token = format!("Bearer {TOKEN}");
        let headers = [("authorization", &*token), ("version", "2021-04-15"), ("content-type", "application/json")];
        self.call(Method::POST, "/conversations/messages/inbound", body, &headers).await
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
async fn a_customers_message_has_a_type_and_three_ids() {
    let platform = HighLevel::start().await;
    let whole = json!({"type": "SMS", "conversationId": "c", "contactId": "k", "conversationProviderId": "p"});
    assert_eq!(200, platform.post_inbound(&whole).await);
    for name in ["type", "conversationId", "contactId", "conversationProviderId"] {
        let mut body = whole.clone();
        body.as_object_mut().expect("an object").remove(name);
        assert_eq!(422, platform.post_inbound(&body).await, "{name}");
        body[name] = "".into();
        assert_eq!(422, platform.post_inbound(&body).await, "{name}");
    }
    for (name, value) in [
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
