//! Messages, typing and choices of customers on their way to the platform.

use crate::fixtures::WithPlatform;
use futures::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;
use tests::harness::caller::Request;
use tests::simulators::genesys_cloud::ApiResponse;
use tests::simulators::genesys_cloud::api::Fault;

impl WithPlatform {
    async fn post_inbound(&self, what: &str, body: &Value) -> ApiResponse {
        Request::new(body).signed().post(&self.stack, &self.integration, &format!("inbound/{what}")).await
    }
}

fn message() -> Value {
    json!({"messageId": "m-1", "from": {"id": "customer-1"}, "time": "2026-01-02T03:04:05.678Z", "text": "hello"})
}

fn response(choice: &str) -> Value {
    json!({
        "messageId": "m-2", "from": {"id": "customer-1"}, "time": "2026-01-02T03:04:05Z",
        "originatingMessageId": "card-1", "type": choice, "text": "Approve", "payload": {"action": "approve"},
    })
}

#[tokio::test]
async fn a_customers_message_reaches_the_platform_completely() {
    let fixture = WithPlatform::start().await;
    let body = json!({
        "messageId": "m-1",
        "from": {
            "id": "ada@example.com", "idType": "Email", "nickname": "Ada", "firstName": "Ada", "lastName": "Lovelace",
            "email": "ada@example.com", "image": "https://example.com/ada.png",
        },
        "time": "2026-01-02T03:04:05Z",
        "text": "See the picture",
        "attachment": {
            "url": "https://example.com/cat.png", "mime": "image/png", "filename": "cat.png", "text": "a cat",
            "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "id": "file-1",
            "thumbnail": {"url": "https://example.com/t.png", "mime": "image/PNG", "sha256": "s", "contentSizeBytes": 2048},
        },
        "metadata": {"campaign": "spring"},
        "customAttributes": {"tier": "gold"},
        "prefetchConversationId": true,
    });
    let answer = fixture.post_inbound("messages", &body).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    assert_eq!("m-1", answer.body["messageId"]);
    assert!(answer.body["id"].is_string() && answer.body["conversationId"].is_string(), "{:?}", answer.body);
    assert!(!answer.body.to_string().contains("ada@"), "{:?}", answer.body);
    let call = &fixture.platform.calls()[0];
    let integration_id = &fixture.integration.integration_id;
    assert_eq!(format!("/api/v2/conversations/messages/{integration_id}/inbound/open/message"), call.path);
    assert_eq!(Some("true"), call.query.get("prefetchConversationId").map(String::as_str));
    assert_eq!(
        json!({
            "channel": {
                "from": {
                    "nickname": "Ada", "id": "ada@example.com", "idType": "Email", "firstName": "Ada",
                    "lastName": "Lovelace", "image": "https://example.com/ada.png", "email": "ada@example.com",
                },
                "time": "2026-01-02T03:04:05.000Z",
                "messageId": "m-1",
                "metadata": {"customAttributes": {"tier": "gold"}},
            },
            "text": "See the picture",
            "metadata": {"campaign": "spring"},
            "content": [{"attachment": {
                "id": "file-1", "mediaType": "Image", "url": "https://example.com/cat.png", "mime": "image/png", "text": "a cat",
                "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "filename": "cat.png",
                "thumbnail": {"url": "https://example.com/t.png", "mime": "image/png", "sha256": "s", "contentSizeBytes": 2048},
            }}],
        }),
        call.body
    );
}

#[tokio::test]
async fn the_smallest_message_with_a_time_has_an_id_a_customer_and_a_text() {
    let fixture = WithPlatform::start().await;
    let answer = fixture.post_inbound("messages", &message()).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    assert!(answer.body.get("conversationId").is_none());
    let call = &fixture.platform.calls()[0];
    assert!(call.query.is_empty());
    let channel = json!({"from": {"id": "customer-1", "idType": "Opaque"}, "time": "2026-01-02T03:04:05.678Z", "messageId": "m-1"});
    assert_eq!(json!({"channel": channel, "text": "hello"}), call.body);
}

#[tokio::test]
async fn an_email_is_refused_on_a_platform_without_email() {
    let fixture = WithPlatform::start().await;
    let mut body = message();
    body["email"] = json!({"subject": "Help", "html": "<p>hello</p>"});
    let answer = fixture.post_inbound("messages", &body).await;
    answer.assert_problem(400, "invalid-body");
    assert_eq!(json!([{"pointer": "/email", "detail": "is not supported by this platform"}]), answer.body["errors"]);
    assert_eq!(0, fixture.platform.attempts());
}

#[tokio::test]
async fn the_same_id_is_posted_once_with_any_key() {
    let fixture = WithPlatform::start().await;
    fixture.platform.know_message("card-1");
    for (what, body) in [("messages", message()), ("responses", response("Button"))] {
        let first = fixture.post_inbound(what, &body).await;
        let second = fixture.post_inbound(what, &body).await;
        assert_eq!((200, false), (first.status.as_u16(), first.replayed), "{:?}", first.body);
        assert!(second.replayed);
        assert_eq!(first.body, second.body);
        // The sender's profile may change between two attempts.
        let mut renamed = body.clone();
        renamed["from"]["nickname"] = "Ada".into();
        assert!(fixture.post_inbound(what, &renamed).await.replayed);
        let mut other = body.clone();
        other["text"] = "something else".into();
        fixture.post_inbound(what, &other).await.assert_problem(422, "idempotency-key-reused");
    }
    assert_eq!(2, fixture.platform.attempts());
}

#[tokio::test]
async fn the_same_id_many_times_at_once_is_posted_once() {
    let fixture = WithPlatform::start().await;
    fixture.platform.fail([Fault::Slow(Duration::from_millis(500))]);
    let body = message();
    let answers = join_all((0..6).map(|_| fixture.post_inbound("messages", &body))).await;
    assert_eq!(1, fixture.platform.attempts());
    assert!(answers.iter().any(|answer| answer.status == 200));
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.assert_problem(409, "request-in-progress");
    }
}

#[tokio::test]
async fn a_repeat_has_the_same_id_and_time() {
    let fixture = WithPlatform::start().await;
    fixture.platform.fail([Fault::ResponseLost, Fault::Status(503)]);
    let answer = fixture.post_inbound("messages", &message()).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    let calls = fixture.platform.calls_of("inbound-message");
    assert_eq!((2, 3), (calls.len(), fixture.platform.attempts()));
    assert_eq!(calls[0].body, calls[1].body);
}

#[tokio::test]
async fn a_message_that_the_platform_refused_may_be_retried() {
    let fixture = WithPlatform::start().await;
    fixture.platform.fail([Fault::Status(404)]);
    let request = Request::new(&message()).with_bearer_token().key("k");
    let post = async |request: &Request| request.post(&fixture.stack, &fixture.integration, "inbound/messages").await;
    post(&request).await.assert_problem(404, "platform-refused");
    let answer = post(&request).await;
    assert_eq!((200, false), (answer.status.as_u16(), answer.replayed));
    assert!(post(&request.key("another")).await.replayed);
}

#[tokio::test]
async fn typing_is_an_event_and_is_not_repeated() {
    let fixture = WithPlatform::start().await;
    let body =
        json!({"eventType": "Typing", "from": {"id": "c", "nickname": "Ada"}, "time": "2026-01-02T03:04:05.678Z"});
    let answer = fixture.post_inbound("events", &body).await;
    assert_eq!((200, json!({"outcome": "posted"})), (answer.status.as_u16(), answer.body));
    assert_eq!(
        json!({
            "channel": {"from": {"nickname": "Ada", "id": "c", "idType": "Opaque"}, "time": "2026-01-02T03:04:05.678Z"},
            "events": [{"eventType": "Typing"}],
        }),
        fixture.platform.calls_of("inbound-event")[0].body
    );
    fixture.platform.fail([Fault::Status(503)]);
    let answer = fixture.post_inbound("events", &body).await;
    answer.assert_problem(504, "outcome-unknown");
    assert!(answer.body["detail"].as_str().unwrap().contains("safe to send"), "{:?}", answer.body);
    assert_eq!(2, fixture.platform.attempts());
}

#[tokio::test]
async fn a_customers_choice_is_a_structured_response() {
    for (choice, expected) in [("Button", "Button"), ("postBack", "Button"), ("imBack", "QuickReply")] {
        let fixture = WithPlatform::start().await;
        fixture.platform.know_message("card-1");
        let answer = fixture.post_inbound("responses", &response(choice)).await;
        assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
        assert_eq!(
            json!({
                "channel": {
                    "from": {"id": "customer-1", "idType": "Opaque"},
                    "time": "2026-01-02T03:04:05.000Z",
                    "messageId": "m-2",
                },
                "buttonResponse": {"type": expected, "text": "Approve", "payload": r#"{"action":"approve"}"#},
                "originatingMessageId": "card-1",
            }),
            fixture.platform.calls_of("structured-response")[0].body
        );
    }
}

#[tokio::test]
async fn all_errors_are_named_and_nothing_is_posted() {
    let fixture = WithPlatform::start().await;
    for (what, body, expected) in [
        (
            "messages",
            json!({"from": {"idType": "Pigeon"}, "customAttributes": {"a": {}}}),
            vec!["/messageId", "/from/id", "/from/idType", "/customAttributes/a", "/text"],
        ),
        ("responses", json!({"type": "Knob"}), vec!["/messageId", "/from", "/originatingMessageId", "/type", "/text"]),
        ("events", json!({"eventType": "CoBrowse", "from": {"id": ""}}), vec!["/eventType", "/from/id"]),
    ] {
        let answer = fixture.post_inbound(what, &body).await;
        answer.assert_problem(400, "invalid-body");
        let errors = answer.body["errors"].as_array().unwrap();
        let pointers: Vec<_> = errors.iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
        assert_eq!(expected, pointers, "{what}");
    }
    assert_eq!(0, fixture.platform.attempts());
}

#[tokio::test]
async fn a_choice_that_answers_no_message_of_the_platform_is_refused_by_it() {
    let fixture = WithPlatform::start().await;
    let answer = fixture.post_inbound("responses", &response("Button")).await;
    answer.assert_problem(400, "platform-refused");
    fixture.platform.know_message("card-1");
    assert_eq!(200, fixture.post_inbound("responses", &response("Button")).await.status.as_u16());
}

#[tokio::test]
async fn a_message_of_an_integration_that_the_platform_does_not_have_is_refused_by_it() {
    let fixture = WithPlatform::start().await;
    let mut configuration = fixture.configuration();
    configuration["integrationId"] = "5d0d331e-d2a8-4fb5-96f7-7021bef2a8ee".into();
    let integration = fixture.stack.integration_of("unknown", &configuration).await;
    let answer = Request::new(&message()).signed().post(&fixture.stack, &integration, "inbound/messages").await;
    answer.assert_problem(404, "platform-refused");
}

#[tokio::test]
async fn two_callers_may_use_the_same_id_for_different_messages() {
    let fixture = WithPlatform::start().await;
    let post = async |request: Request| request.post(&fixture.stack, &fixture.integration, "inbound/messages").await;
    let mut other = message();
    other["from"]["id"] = "customer-2".into();
    other["time"] = "2026-01-02T03:04:06Z".into();
    let ours = post(Request::new(&message()).signed()).await;
    let theirs = post(Request::new(&other).with_bearer_token()).await;
    for answer in [&ours, &theirs] {
        assert_eq!((200, false), (answer.status.as_u16(), answer.replayed), "{:?}", answer.body);
    }
    assert_ne!(ours.body["id"], theirs.body["id"]);
    // A retry of each caller gets its own first response. The same id with another content is refused.
    for (request, first) in
        [(Request::new(&message()).signed(), &ours), (Request::new(&other).with_bearer_token(), &theirs)]
    {
        let again = post(request).await;
        assert_eq!((true, &first.body), (again.replayed, &again.body));
    }
    post(Request::new(&other).signed()).await.assert_problem(422, "idempotency-key-reused");
    assert_eq!(2, fixture.platform.calls().len());
}
