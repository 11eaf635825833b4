//! Cards to users of the platform.

use crate::fixtures::WithPlatform;
use crate::single_function::SingleFunction;
use serde_json::{Value, json};
use tests::harness::caller::Request;
use tests::simulators::genesys_cloud::ApiResponse;
use tests::simulators::genesys_cloud::api::{Fault, GenesysCloud};
use tests::simulators::messaging_service::MessagingService;

pub(crate) const USER: &str = "0f6a1c3e-6f0e-4b7e-9a57-1f6b3f7f0a11";

impl WithPlatform {
    pub(crate) async fn post_card(&self, body: &Value) -> ApiResponse {
        Request::new(body).with_bearer_token().post(&self.stack, &self.integration, "cards").await
    }

    pub(crate) async fn post_card_with_key(&self, body: &Value, key: &str) -> ApiResponse {
        Request::new(body).with_bearer_token().key(key).post(&self.stack, &self.integration, "cards").await
    }
}

pub(crate) fn card() -> Value {
    json!({
        "title": "Approval Request",
        "subtitle": "Please review the attached document.",
        "image": {"url": "https://example.com/logo.png", "altText": "Company Logo"},
        "actions": [
            {"type": "postBack", "title": "Approve", "payload": {"action": "approve", "id": "12345"}},
            {"type": "imBack", "title": "Reject", "payload": "Reject Request"},
            {"type": "openUrl", "title": "View Details", "url": "https://example.com/details/12345"},
        ],
    })
}

#[tokio::test]
async fn a_card_is_sent_to_a_users_channel_in_the_tutorials_form() {
    let fixture = WithPlatform::start().await;
    fixture.platform.add_user(USER, "ada@example.com");
    let answer = fixture.post_card(&json!({"userId": USER, "card": card()})).await;
    assert_eq!(202, answer.status.as_u16(), "{:?}", answer.body);
    let channel = format!("user:{USER}");
    assert!(answer.body["id"].is_string());
    assert_eq!(
        (json!(channel), json!("open-messaging")),
        (answer.body["channelId"].clone(), answer.body["route"].clone())
    );
    let call = &fixture.platform.calls()[0];
    assert_eq!(format!("/api/v2/openmessaging/channels/{channel}/messages"), call.path);
    let mut expected = card();
    expected["type"] = "card".into();
    expected["cardType"] = "basic".into();
    expected["actions"][0]["payload"] = r#"{"action":"approve","id":"12345"}"#.into();
    assert_eq!(json!({"type": "message", "content": [expected]}), call.body);
}

#[tokio::test]
async fn a_card_in_the_platforms_normalised_form_is_sent_in_the_tutorials_form() {
    let fixture = WithPlatform::start().await;
    fixture.platform.add_user(USER, "ada@example.com");
    let card = json!({
        "title": "Card 1",
        "description": "Description 1",
        "image": "https://www.acme.example/image1.png",
        "video": null,
        "actions": [
            {"type": "Postback", "text": "Option1", "payload": "Option1"},
            {"type": "Link", "text": "Option3", "url": "https://www.acme.example/option3"},
        ],
    });
    for body in [json!({"userId": USER, "card": card}), json!({"userId": USER, "carousel": {"cards": [card]}})] {
        let answer = fixture.post_card(&body).await;
        assert_eq!(202, answer.status.as_u16(), "{:?}", answer.body);
    }
    let expected = json!({"type": "message", "content": [{
        "type": "card",
        "cardType": "basic",
        "title": "Card 1",
        "subtitle": "Description 1",
        "image": {"url": "https://www.acme.example/image1.png"},
        "actions": [
            {"type": "postBack", "title": "Option1", "payload": "Option1"},
            {"type": "openUrl", "title": "Option3", "url": "https://www.acme.example/option3"},
        ],
    }]});
    let sent: Vec<_> = fixture.platform.calls().into_iter().map(|call| call.body).collect();
    assert_eq!(vec![expected.clone(), expected], sent);
}

#[tokio::test]
async fn fields_that_only_the_normalised_form_has_are_refused_by_name_on_the_platforms_route() {
    let fixture = WithPlatform::start().await;
    let action = json!({"type": "Link", "url": "https://example.com/"});
    let card = json!({"title": "t", "video": "https://example.com/v.mp4", "defaultAction": action});
    let reply = json!({"text": "Yes", "image": "https://example.com/yes.png"});
    let answer = fixture.post_card(&json!({"userId": USER, "carousel": [card], "quickReplies": [reply]})).await;
    answer.assert_problem(400, "invalid-body");
    let faults: Vec<_> = answer.body["errors"].as_array().unwrap().iter().collect();
    let pointers: Vec<_> = faults.iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
    assert_eq!(vec!["/carousel/0/video", "/carousel/0/defaultAction", "/quickReplies/0/image"], pointers);
    assert!(faults.iter().all(|fault| fault["detail"].as_str().unwrap().contains("`open-messaging`")), "{faults:?}");
    assert_eq!(0, fixture.platform.attempts());
}

/// A single process of the function, so that its cache is known.
async fn one_process(platform: &GenesysCloud) -> SingleFunction {
    SingleFunction::configured(MessagingService::start().await, "card-sender", |configuration| {
        platform.host(configuration);
    })
    .await
}

fn operations(platform: &GenesysCloud) -> Vec<&'static str> {
    platform.calls().iter().map(|call| call.operation).collect()
}

#[tokio::test]
async fn a_user_is_found_by_email_address_once() {
    let platform = GenesysCloud::start().await;
    platform.add_user(USER, "ada@example.com");
    let function = one_process(&platform).await;
    let request = Request::new(&json!({"email": "Ada@example.com", "card": card()})).with_bearer_token();
    for _ in 0..2 {
        let (status, answer) = function.request("cards", &request).await;
        assert_eq!((202, &json!(format!("user:{USER}"))), (status, &answer["channelId"]), "{answer}");
    }
    assert_eq!(vec!["user-search", "channel-message", "channel-message"], operations(&platform));
    let criterion = json!({"type": "EXACT", "fields": ["email"], "value": "Ada@example.com"});
    assert_eq!(json!({"pageSize": 25, "query": [criterion]}), platform.calls()[0].body);
}

#[tokio::test]
async fn a_lookup_that_finds_no_user_or_two_sends_nothing() {
    let fixture = WithPlatform::start().await;
    let body = json!({"email": "ada@example.com", "card": card()});
    fixture.post_card_with_key(&body, "k").await.assert_problem(422, "recipient-not-found");
    fixture.platform.add_user(USER, "ada@example.com");
    fixture.platform.add_user("another", "ada@example.com");
    let answer = fixture.post_card_with_key(&body, "another").await;
    answer.assert_problem(422, "recipient-not-found");
    assert!(answer.body["detail"].as_str().unwrap().contains("Several"), "{:?}", answer.body);
    assert!(!answer.body.to_string().contains("ada@"), "{:?}", answer.body);
    assert!(!operations(&fixture.platform).contains(&"channel-message"));
}

#[tokio::test]
async fn a_card_goes_to_no_one_but_the_user_with_the_address_whoever_the_platform_finds() {
    let fixture = WithPlatform::start().await;
    fixture.platform.ignore_search_criteria();
    fixture.platform.add_user("another", "bob@example.com");
    let body = json!({"email": "ada@example.com", "card": card()});
    fixture.post_card(&body).await.assert_problem(422, "recipient-not-found");
    fixture.platform.add_user(USER, "Ada@example.com");
    let answer = fixture.post_card(&body).await;
    assert_eq!((202, &json!(format!("user:{USER}"))), (answer.status.as_u16(), &answer.body["channelId"]));
}

#[tokio::test]
async fn a_failed_lookup_says_what_to_change_and_leaves_the_key_free() {
    let fixture = WithPlatform::start().await;
    fixture.platform.add_user(USER, "ada@example.com");
    let body = json!({"email": "ada@example.com", "card": card()});
    fixture.platform.fail_operation("user-search", [Fault::Status(403)]);
    let answer = fixture.post_card(&body).await;
    answer.assert_problem(403, "platform-refused");
    assert!(answer.body["detail"].as_str().unwrap().contains("directory:user:view"), "{:?}", answer.body);
    fixture.platform.fail_operation("user-search", [Fault::Status(503); 5]);
    fixture.post_card_with_key(&body, "k").await.assert_problem(503, "unavailable");
    assert_eq!(202, fixture.post_card_with_key(&body, "k").await.status.as_u16());
}

#[tokio::test]
async fn the_platforms_refusals_of_a_card_say_what_to_change() {
    let fixture = WithPlatform::start().await;
    fixture.platform.add_user(USER, "ada@example.com");
    for (status, hint) in
        [(400, "cardType `basic`"), (403, "openmessaging:send"), (404, "`messaging-service`"), (413, "identifiers")]
    {
        fixture.platform.fail_operation("channel-message", [Fault::Status(status)]);
        let answer = fixture.post_card(&json!({"userId": USER, "card": card()})).await;
        answer.assert_problem(status, "platform-refused");
        assert!(answer.body["detail"].as_str().unwrap().contains(hint), "{:?}", answer.body);
        assert_eq!("simulated", answer.body["platform"]["code"]);
    }
    let unknown_user = json!({"userId": "unknown_user", "card": card()});
    let answer = fixture.post_card(&unknown_user).await;
    answer.assert_problem(404, "platform-refused");
    assert!(answer.body["detail"].as_str().unwrap().contains("user:{userId}"));
    fixture.platform.without_channels();
    let answer = fixture.post_card(&json!({"userId": USER, "card": card()})).await;
    answer.assert_problem(404, "platform-refused");
    assert!(answer.body["detail"].as_str().unwrap().contains("`messaging-service`"));
}

#[tokio::test]
async fn errors_of_a_card_are_reported_before_anything_is_sent() {
    let fixture = WithPlatform::start().await;
    let faults = async |body: Value| {
        let answer = fixture.post_card(&body).await;
        answer.assert_problem(400, "invalid-body");
        answer.body["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| fault["pointer"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        vec!["/card/cardType"],
        faults(json!({"userId": USER, "card": {"title": "t", "cardType": "hero"}})).await
    );
    let long = json!({"title": "t", "actions": [{"type": "postBack", "title": "b", "payload": "x".repeat(2_049)}]});
    assert_eq!(vec!["/card/actions/0/payload"], faults(json!({"userId": USER, "card": long})).await);
    assert_eq!(vec!["/to"], faults(json!({"to": "customer-1", "card": card()})).await, "a customer is no user");
    assert_eq!(vec!["/text"], faults(json!({"userId": USER, "text": "hi", "card": card()})).await);
    assert_eq!(0, fixture.platform.attempts());
}

#[tokio::test]
async fn a_cached_user_may_be_gone() {
    let platform = GenesysCloud::start().await;
    platform.add_user(USER, "ada@example.com");
    let function = one_process(&platform).await;
    let request = Request::new(&json!({"email": "ada@example.com", "card": card()})).with_bearer_token();
    assert_eq!(202, function.request("cards", &request).await.0);
    platform.remove_user(USER);
    platform.add_user("another-user", "ada@example.com");
    let (status, answer) = function.request("cards", &request).await;
    assert_eq!((202, &json!("user:another-user")), (status, &answer["channelId"]), "{answer}");
    assert_eq!(vec!["user-search", "channel-message", "user-search", "channel-message"], operations(&platform));
}
