//! Customers' messages.

use super::{CHANNEL, CUSTOMER, Fixture, written};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::ledger::key::request_digest;
use shared::ledger::{self, Acquire, LeaseRequest, OnExpiredLease};
use shared::platform::Route;
use std::time::Duration;
use tests::harness::caller::Request;
use tests::simulators::messaging_service::Reply;
use tests::simulators::multicloud_cx::api::{API_KEY, Fault, MulticloudCx};

#[tokio::test]
async fn a_code_other_than_0_is_a_refusal_even_with_status_200() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::Code(350)]);
    let answer = fixture.call("inbound/messages", &written("m-1", &json!({"text": "hello"}))).await;
    answer.assert_problem(502, "platform-refused");
    assert_eq!(json!({"status": 200, "code": "350", "message": "This is simulated."}), answer.body["platform"]);
    assert_eq!((1, 0), (fixture.platform.attempts(), fixture.platform.calls().len()));
}

#[tokio::test]
async fn customers_texts_and_emails_reach_the_channel_once() {
    let keyed = |configuration: &mut Value| configuration["apiKey"] = API_KEY.into();
    let fixture = Fixture::configured(MulticloudCx::start_behind_gateway().await, Reply::status(200), keyed).await;
    let mail = json!({"text": "plain", "email": {"subject": "Subject", "html": "<p>rich</p>"}});
    for (id, change) in [("m-1", json!({"text": "hello"})), ("m-2", mail)] {
        let body = written(id, &change);
        let answer = fixture.call("inbound/messages", &body).await;
        assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
        assert!(answer.body["messageId"] == id && answer.body["id"].is_string(), "{:?}", answer.body);
        assert!(fixture.call("inbound/messages", &body).await.replayed);
    }
    let other = written("m-2", &json!({"text": "plain", "email": {"subject": "Another", "html": "<p>rich</p>"}}));
    fixture.call("inbound/messages", &other).await.assert_problem(422, "idempotency-key-reused");
    let channel = |channel_type: &str, id: &str| json!({"type": channel_type, "from": {"id": CUSTOMER}, "to": {"id": CHANNEL}, "messageId": id});
    let content = json!([{"type": "text", "text": "plain"}, {"type": "html", "text": "<p>rich</p>"}]);
    assert_eq!(
        vec![
            json!({"channel": channel("sms", "m-1"), "type": "Text", "text": "hello"}),
            json!({"channel": channel("email", "m-2"), "type": "Email", "subject": "Subject", "content": content}),
        ],
        fixture.platform.messages()
    );
}

#[tokio::test]
async fn a_failing_platform_gets_a_customers_message_again_only_if_it_has_not_taken_it() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::RateLimited(1), Fault::Code(310)]);
    let answer = fixture.call("inbound/messages", &written("m-1", &json!({"text": "hello"}))).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    assert_eq!((3, 1), (fixture.platform.attempts(), fixture.platform.messages().len()));
    fixture.platform.fail([Fault::ResponseLost]);
    let answer = fixture.call("inbound/messages", &written("m-2", &json!({"text": "hello"}))).await;
    answer.assert_problem(504, "outcome-unknown");
    assert_eq!((4, 2), (fixture.platform.attempts(), fixture.platform.messages().len()));
}

#[tokio::test]
async fn several_files_are_one_email_or_separate_messages_and_one_with_an_unknown_outcome_needs_a_new_message_id() {
    let fixture = Fixture::without_uploads().await;
    let files: Value =
        ["v", "w", "x"].map(|name| json!({"url": format!("https://e.com/{name}"), "mime": "image/png"})).into();
    let mail = written("m-1", &json!({"email": {"html": "<p>hi</p>"}, "attachments": files}));
    let answer = fixture.call("inbound/messages", &mail).await;
    assert_eq!((200, None), (answer.status.as_u16(), answer.body.get("furtherMessages")), "{:?}", answer.body);
    assert_eq!(Some(4), fixture.platform.messages()[0]["content"].as_array().map(Vec::len));

    fixture.platform.fail([Fault::Slow(Duration::ZERO), Fault::ResponseLost]);
    for _ in 0..2 {
        let answer =
            fixture.call("inbound/messages", &written("m-2", &json!({"text": "t", "attachments": files}))).await;
        answer.assert_problem(504, "outcome-unknown");
        let detail = answer.body["detail"].as_str().unwrap();
        let advice = "if not, send only the files from number 2 on under a new messageId; if it has, only file 3. 1 of 3 \
                      messages were posted.";
        assert!(detail.ends_with(advice) && !detail.contains("same key") && !detail.contains("  "), "{detail}");
    }
    assert_eq!(3, fixture.platform.attempts(), "not posted again, with any key");
}

fn files(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"url": format!("https://e.com/{name}"), "mime": "image/png"})).collect()
}

#[tokio::test]
async fn posted_files_are_not_posted_again_when_the_caller_drops_the_refused_one() {
    let fixture = Fixture::without_uploads().await;
    let (both, first) = (files(&["v", "w"]), files(&["v"]));
    for (id, change, status) in [
        ("m-1", json!({"text": "t", "attachments": first}), 200),
        ("m-2", json!({"text": "t", "attachment": first[0]}), 200),
        ("m-3", json!({"text": "t"}), 422),
        ("m-4", json!({"text": "t", "channel": "Email", "attachments": both}), 422),
        ("m-5", json!({"text": "t", "channel": "Email", "attachments": first}), 422),
        ("m-6", json!({"text": "t", "email": {"subject": "s"}, "attachments": both}), 422),
    ] {
        let before = fixture.platform.messages().len();
        fixture.platform.fail([Fault::Slow(Duration::ZERO), Fault::Code(350)]);
        let answer = fixture.call("inbound/messages", &written(id, &json!({"text": "t", "attachments": both}))).await;
        answer.assert_problem(502, "platform-refused");
        let answer = fixture.call("inbound/messages", &written(id, &change)).await;
        assert_eq!(status, answer.status.as_u16(), "{id} {:?}", answer.body);
        if status == 200 {
            assert_eq!((&json!(id), None), (&answer.body["messageId"], answer.body.get("furtherMessages")));
        }
        assert_eq!(before + 1, fixture.platform.messages().len(), "{id}");
    }
}

#[tokio::test]
async fn after_an_interruption_between_files_the_response_names_the_first_missing_file() {
    let fixture = Fixture::start().await;
    let ledger = fixture.stack.ledger();
    let name = &fixture.integration.name;
    let now = Timestamp::now();
    let lease = async |key: String| {
        let until = now - SignedDuration::from_secs(1);
        let request =
            LeaseRequest { key: &key, now: until, until, fingerprint: None, on_expired_lease: OnExpiredLease::Keep };
        let result = ledger.acquire(request).await;
        let Ok(Acquire::Acquired(lease)) = result else { panic!("{result:?}") };
        lease
    };
    // It has posted the first file and was interrupted during the second.
    lease(ledger::key::request(name, &request_digest(Route::InboundMessages, name, "flows", "k"))).await;
    lease(ledger::key::inbound(name, "flows", "message", "m-1")).await;
    let first = lease(ledger::key::inbound(name, "flows", "message-part-1", "m-1")).await;
    let answer = json!({"status": 200, "body": {"messageId": "m-1", "id": "p-1"}}).to_string();
    ledger.complete(&first, now, ledger::Outcome::Succeeded, Some(&answer)).await.unwrap();
    lease(ledger::key::inbound(name, "flows", "message-part-2", "m-1")).await;
    let body = written("m-1", &json!({"text": "t", "attachments": files(&["v", "w", "x"])}));
    let request = Request::new(&body).with_bearer_token().key("k");
    for _ in 0..2 {
        let answer = request.post(&fixture.stack, &fixture.integration, "inbound/messages").await;
        answer.assert_problem(504, "outcome-unknown");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains("send only the files from number 2 on under a new messageId"), "{detail}");
        assert!(detail.ends_with(" 1 of 3 messages were posted."), "{detail}");
    }
    assert_eq!(0, fixture.platform.attempts());
}

#[tokio::test]
async fn a_text_with_an_empty_email_is_a_text() {
    let fixture = Fixture::start().await;
    let body = written("m-1", &json!({"text": "hello", "email": {"subject": null, "html": null}}));
    assert_eq!(200, fixture.call("inbound/messages", &body).await.status.as_u16());
    assert_eq!(json!("Text"), fixture.platform.messages()[0]["type"]);
    let other = crate::fixtures::WithPlatform::start().await;
    let request = Request::new(&body).signed();
    let answer = request.post(&other.stack, &other.integration, "inbound/messages").await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
}

#[tokio::test]
async fn fields_that_the_platform_does_not_support_are_named() {
    let fixture = Fixture::start().await;
    let body = written("m-1", &json!({"text": "hello", "metadata": {"campaign": "spring"}}));
    let answer = fixture.call("inbound/messages", &body).await;
    answer.assert_problem(400, "invalid-body");
    assert_eq!("/metadata", answer.body["errors"][0]["pointer"]);
    // The other way round: Genesys Cloud accepts no email.
    let other = crate::fixtures::WithPlatform::start().await;
    let body = written("m-1", &json!({"text": "hello", "email": {"subject": "Subject"}}));
    let request = Request::new(&body).signed();
    let answer = request.post(&other.stack, &other.integration, "inbound/messages").await;
    answer.assert_problem(400, "invalid-body");
    assert_eq!(("/email", 0), (answer.body["errors"][0]["pointer"].as_str().unwrap(), other.platform.attempts()));
}

#[tokio::test]
async fn unsupported_routes_are_refused_with_a_list_of_the_supported_ones() {
    let fixture = Fixture::start().await;
    for route in [
        "agentless",
        "inbound/responses",
        "inbound/events",
        "conversations/c/communications/d/messages",
        "conversations/c/communications/d/typing",
        "conversations/c/end",
        "conversations/c",
    ] {
        let answer = match route {
            "conversations/c" => Request::text("").signed().get(&fixture.stack, &fixture.integration, route).await,
            route => fixture.call(route, &json!({})).await,
        };
        answer.assert_problem(501, "not-supported");
        let detail = "An integration of multicloud-cx has the routes receipts, cards, inbound/messages.";
        assert_eq!(detail, answer.body["detail"], "{route}");
    }
    assert_eq!(0, fixture.platform.attempts());
}
