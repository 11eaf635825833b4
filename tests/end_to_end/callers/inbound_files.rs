//! Customers' messages with several files, on a platform that takes one file in a message.

use crate::callers::inbound_tolerance::{ATTEMPTS, NO_FAULT, file, message};
use crate::fixtures::WithPlatform;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::ledger;
use std::time::Duration;
use tests::simulators::genesys_cloud::api::Fault;

#[tokio::test]
async fn several_files_are_posted_one_by_one_in_order_and_each_once() {
    let fixture = WithPlatform::start().await;
    let body = message(&json!({
        "text": "two", "attachments": [file("v"), file("w"), file("x")], "prefetchConversationId": true,
    }));
    let answer = fixture.posted("messages", &body).await;
    let time = json!("2026-01-02T03:04:05.678Z");
    let messages = fixture.messages();
    let [[_, _, _, _], [second, ..], [third, ..]] = &messages[..] else { panic!("{messages:?}") };
    let url = |name: &str| file(name)["url"].clone();
    assert_eq!(
        vec![
            [json!("m-1"), time.clone(), json!("two"), url("v")],
            [second.clone(), time.clone(), Value::Null, url("w")],
            [third.clone(), time, Value::Null, url("x")],
        ],
        messages
    );
    assert!(second.as_str().unwrap().starts_with("m-1-2-") && third.as_str().unwrap().starts_with("m-1-3-"));
    assert_eq!("m-1", answer.body["messageId"]);
    assert!(answer.body["id"].is_string() && answer.body["conversationId"].is_string(), "{:?}", answer.body);
    let further = answer.body["furtherMessages"].as_array().unwrap();
    let ids: Vec<_> = further.iter().map(|message| &message["messageId"]).collect();
    assert!(ids == [second, third] && further.iter().all(|message| message["id"].is_string()), "{further:?}");
    // The same files again are a replay. Another file under the same id is not.
    let again = fixture.posted("messages", &body).await;
    assert_eq!((true, answer.body), (again.replayed, again.body));
    let other = message(&json!({"text": "two", "attachments": [file("v"), file("y"), file("x")]}));
    fixture.inbound("messages", &other).await.assert_problem(422, "idempotency-key-reused");
    assert_eq!(3, fixture.platform.attempts());
}

#[tokio::test]
async fn after_a_failure_between_files_a_retry_posts_the_missing_ones() {
    let fixture = WithPlatform::start().await;
    fixture.platform.fail([NO_FAULT, Fault::Status(404)]);
    let body = message(&json!({"text": "three", "attachments": [file("v"), file("w"), file("x")]}));
    let answer = fixture.inbound("messages", &body).await;
    answer.assert_problem(404, "platform-refused");
    assert!(answer.body["detail"].as_str().unwrap().ends_with(" 1 of 3 messages were posted."), "{:?}", answer.body);
    assert_eq!((1, 2), (fixture.messages().len(), fixture.platform.attempts()));
    // The posted file must stay the same. The refused one may be replaced.
    let another_first = message(&json!({"text": "three", "attachments": [file("a"), file("w"), file("x")]}));
    let answer = fixture.inbound("messages", &another_first).await;
    answer.assert_problem(422, "idempotency-key-reused");
    // With other files, the number of posted files is unknown.
    assert!(!answer.body["detail"].as_str().unwrap().contains("were posted"), "{:?}", answer.body);
    let another_second = message(&json!({"text": "three", "attachments": [file("v"), file("b"), file("x")]}));
    let answer = fixture.posted("messages", &another_second).await;
    assert_eq!((false, 2), (answer.replayed, answer.body["furtherMessages"].as_array().unwrap().len()));
    let urls: Vec<_> = fixture.messages().into_iter().map(|[.., url]| url).collect();
    assert_eq!(["v", "b", "x"].map(|name| file(name)["url"].clone()).to_vec(), urls);
}

#[tokio::test]
async fn an_unknown_outcome_between_files_reports_the_posted_ones_and_that_a_retry_is_safe() {
    let fixture = WithPlatform::start().await;
    fixture.platform.fail([NO_FAULT].into_iter().chain([Fault::Status(503); ATTEMPTS]));
    let body = message(&json!({"text": "three", "attachments": [file("v"), file("w"), file("x")]}));
    let answer = fixture.inbound("messages", &body).await;
    answer.assert_problem(504, "outcome-unknown");
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.contains("safe to send") && detail.ends_with(" 1 of 3 messages were posted."), "{detail}");
}

#[tokio::test]
async fn an_interrupted_request_resumes_at_the_file_where_it_stopped() {
    let fixture = WithPlatform::start().await;
    let before = Timestamp::now() - SignedDuration::from_mins(1);
    let time = "2026-01-02T03:04:05.678Z".parse().unwrap();
    let body = message(&json!({"text": "two", "attachments": [file("v"), file("w")]}));
    // By the ledger, it has posted the first file and was interrupted during the second.
    fixture.acquire("message", "m-1", before, Some((time, &body))).await;
    let first = fixture.acquire("message-part-1", "m-1", before, None).await;
    let answer = json!({"status": 200, "body": {"messageId": "m-1", "id": "p-1"}}).to_string();
    let done = ledger::Outcome::Succeeded;
    fixture.stack.ledger().complete(&first, Timestamp::now(), done, Some(&answer)).await.unwrap();
    fixture.acquire("message-part-2", "m-1", before, None).await;
    let answer = fixture.posted("messages", &body).await;
    assert_eq!("p-1", answer.body["id"]);
    let messages = fixture.messages();
    let [[id, at, text, url]] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(&answer.body["furtherMessages"][0]["messageId"], id);
    assert_eq!((&json!("2026-01-02T03:04:05.678Z"), &Value::Null, &file("w")["url"]), (at, text, url));
}

#[tokio::test]
async fn files_without_time_left_are_posted_by_a_retry() {
    let fixture = WithPlatform::start().await;
    // One request has no time for all of them.
    fixture.platform.fail([Fault::Slow(Duration::from_millis(2_500)); 8]);
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let body = message(&json!({"attachments": names.map(file)}));
    let answer = fixture.inbound("messages", &body).await;
    answer.assert_problem(503, "unavailable");
    assert!(answer.retry_after.is_some() && !fixture.messages().is_empty());
    assert!(answer.body["detail"].as_str().unwrap().ends_with(" of 8 messages were posted."), "{:?}", answer.body);
    // Each retry posts at least one. On a busy machine there may be no time to wait for a response: the outcome is unknown.
    let mut repeats = 0..16;
    while repeats.next().is_some() && [503, 504].contains(&fixture.inbound("messages", &body).await.status.as_u16()) {}
    assert!(fixture.posted("messages", &body).await.replayed);
    let urls: Vec<_> = fixture.messages().into_iter().map(|[.., url]| url).collect();
    assert_eq!(names.map(|name| file(name)["url"].clone()).to_vec(), urls);
}

#[tokio::test]
async fn a_posted_file_may_not_be_replaced_and_a_refused_one_may() {
    let fixture = WithPlatform::start().await;
    let files = |names: &[&str]| {
        message(&json!({"text": "t", "attachments": names.iter().map(|name| file(name)).collect::<Vec<_>>()}))
    };
    let lease = fixture.acquire("message-part-2", "m-1", Timestamp::now() + SignedDuration::from_mins(1), None).await;
    fixture.inbound("messages", &files(&["v", "w"])).await.assert_problem(409, "request-in-progress");
    fixture.stack.ledger().release(&lease, Timestamp::now()).await.unwrap();
    fixture.inbound("messages", &files(&["a"])).await.assert_problem(422, "idempotency-key-reused");
    fixture.posted("messages", &files(&["v", "x"])).await;
    let posted: Vec<_> = fixture.messages().into_iter().map(|[.., url]| url).collect();
    assert_eq!(vec![json!("https://example.com/v.jpg"), json!("https://example.com/x.jpg")], posted);
}
