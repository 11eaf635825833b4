//! HighLevel: customers' messages are posted to it.

use super::highlevel::{CONTACT, Fixture, message};
use serde_json::{Value, json};
use tests::simulators::highlevel::PROVIDER_ID;
use tests::simulators::highlevel::api::Fault;

#[tokio::test]
async fn a_customers_message_is_posted_as_the_platform_wants_it() {
    let fixture = Fixture::start().await;
    let answer = fixture.post("inbound/messages", &message()).await;
    assert_eq!((200, json!("c-1")), (answer.status.as_u16(), answer.body["conversationId"].clone()));
    let ids = json!({
        "conversationId": "c-1", "contactId": CONTACT, "conversationProviderId": PROVIDER_ID, "direction": "inbound",
        "date": "2026-01-02T03:04:05.678Z",
    });
    let expected = |more: Value| {
        let mut expected = ids.clone();
        expected.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        expected
    };
    assert_eq!(expected(json!({"type": "SMS", "altId": "m-1", "message": "hello"})), fixture.platform.calls()[0].body);

    let mut email = message();
    email["messageId"] = "m-2".into();
    email["email"] = json!({"subject": "Help", "html": "<p>hello</p>"});
    email["attachment"] = json!({"url": "https://example.com/cat.png", "mime": "image/png"});
    assert_eq!(200, fixture.post("inbound/messages", &email).await.status.as_u16());
    assert_eq!(
        expected(json!({
            "type": "Custom", "altId": "m-2", "message": "hello", "subject": "Help", "html": "<p>hello</p>",
            "attachments": ["https://example.com/cat.png"],
        })),
        fixture.platform.calls()[1].body
    );

    let mut files = message();
    files["messageId"] = "m-4".into();
    let [one, other] = ["cat", "dog"].map(|name| format!("https://example.com/{name}.png"));
    files["attachments"] = [&one, &other].map(|url| json!({"url": url, "mime": "image/png"})).into();
    assert_eq!(200, fixture.post("inbound/messages", &files).await.status.as_u16());
    assert_eq!(json!([one, other]), fixture.platform.calls()[2].body["attachments"]);

    let mut custom = message();
    custom["messageId"] = "m-3".into();
    custom["channel"] = "Custom".into();
    assert_eq!(200, fixture.post("inbound/messages", &custom).await.status.as_u16());
    assert_eq!("Custom", fixture.platform.calls()[3].body["type"]);
}

#[tokio::test]
async fn the_same_message_is_posted_once_and_not_again_after_an_unknown_outcome() {
    let fixture = Fixture::start().await;
    fixture.post("inbound/messages", &message()).await;
    assert!(fixture.post("inbound/messages", &message()).await.replayed);
    let mut other = message();
    other["messageId"] = "m-2".into();
    fixture.platform.fail([Fault::ResponseLost]);
    for _ in 0..2 {
        fixture.post("inbound/messages", &other).await.assert_problem(504, "outcome-unknown");
    }
    assert_eq!(2, fixture.platform.attempts(), "with any key");
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_if_there_is_time() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::RateLimited(Some(1))]);
    assert_eq!(200, fixture.post("inbound/messages", &message()).await.status.as_u16());
    let mut other = message();
    other["messageId"] = "m-2".into();
    // Without a `Retry-After`, the interval of the limit counts.
    for (fault, seconds) in [(Fault::RateLimited(Some(60)), "60"), (Fault::RateLimited(None), "10")] {
        fixture.platform.fail([fault]);
        let answer = fixture.post("inbound/messages", &other).await;
        answer.assert_problem(429, "rate-limited");
        assert_eq!(Some(seconds), answer.retry_after.as_deref());
    }
    assert_eq!(4, fixture.platform.attempts());
}
