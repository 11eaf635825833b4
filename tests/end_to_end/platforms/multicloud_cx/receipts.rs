//! Receipts for agents' messages.

use super::{CHANNEL, Fixture, posted, receipt, two_delivered};
use serde_json::Value;
use serde_json::json;
use tests::harness::caller::Request;
use tests::simulators::messaging_service::Reply;
use tests::simulators::multicloud_cx::api::Fault;

#[tokio::test]
async fn the_outcome_of_a_message_is_posted_as_a_receipt_with_a_number() {
    let said = |receipt: Value| Reply::status(200).body(json!({ "receipt": receipt }).to_string());
    let no_number = said(json!({"status": "Failed", "reasons": [{"code": "RecipientOptedOut", "message": "Stop"}]}));
    let unknown = said(json!({"status": "undelivered", "reasons": [{"code": 30003, "message": "No handset"}]}));
    for (reply, status, reasons) in [
        (said(json!({"status": "Delivered"})), "Delivered", None),
        (no_number, "Failed", Some(json!([{"code": 500, "message": "Stop"}]))),
        (unknown, "Failed", Some(json!([{"code": 500, "message": "No handset (30003)"}]))),
        (
            Reply::status(422),
            "Failed",
            Some(json!([{"code": 520, "message": "The messaging service refused the message with status 422."}])),
        ),
    ] {
        let fixture = Fixture::answering(reply).await;
        let id = fixture.send(&Fixture::webhook("sms")).await;
        let calls = fixture.platform.wait_for_calls(1).await;
        let mut expected = posted(&id, status);
        if let Some(reasons) = reasons {
            expected["reasons"] = reasons;
        }
        assert_eq!((CHANNEL, &vec![expected]), (calls[0].channel.as_str(), &calls[0].messages));
    }
}

#[tokio::test]
async fn a_withdrawn_message_is_delivered_as_removed() {
    let fixture = Fixture::start().await;
    for (status, outcome) in [("sent", "acknowledged"), ("read", "posted"), ("removed", "posted")] {
        assert_eq!(outcome, fixture.call("receipts", &receipt("m-1", status)).await.body["outcome"], "{status}");
    }
    assert_eq!(vec![posted("m-1", "Delivered"), posted("m-1", "Removed")], fixture.platform.messages());
}

#[tokio::test]
async fn a_batch_of_receipts_is_one_call_with_an_outcome_for_each() {
    let fixture = Fixture::start().await;
    let first = fixture.call("receipts", &receipt("m-1", "delivered")).await;
    assert_eq!(json!("posted"), first.body["outcome"]);
    let batch = ["m-1", "m-2", "m-3", "m-2"].map(|id| receipt(id, "delivered"));
    let mut batch = batch.to_vec();
    batch.extend([receipt("m-4", "sent"), receipt("m-3", "failed"), receipt("m-5", "lost")]);
    let answer = fixture.call("receipts", &json!({ "receipts": batch })).await;
    assert_eq!(207, answer.status.as_u16());
    let outcomes: Vec<_> =
        answer.body["receipts"].as_array().unwrap().iter().map(|one| one["outcome"].clone()).collect();
    assert_eq!(
        vec!["already-posted", "posted", "posted", "already-posted", "acknowledged", "posted", "failed"],
        outcomes
    );
    let calls = fixture.platform.calls();
    let mut failed = posted("m-3", "Failed");
    failed["reasons"] = json!([{"code": 500, "message": "The message could not be delivered."}]);
    assert_eq!(2, calls.len());
    assert_eq!(vec![posted("m-2", "Delivered"), posted("m-3", "Delivered"), failed], calls[1].messages);
}

#[tokio::test]
async fn receipts_that_are_refused_together_are_posted_one_by_one() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::Code(512), Fault::Code(512)]);
    let answer = fixture.call("receipts", &two_delivered()).await;
    let mut outcomes: Vec<_> =
        answer.body["receipts"].as_array().unwrap().iter().map(|one| one["outcome"].as_str().unwrap()).collect();
    outcomes.sort_unstable();
    assert_eq!(vec!["failed", "posted"], outcomes, "{:?}", answer.body);
    assert_eq!((3, 1), (fixture.platform.attempts(), fixture.platform.messages().len()));
}

#[tokio::test]
async fn a_batch_with_an_unknown_outcome_may_be_repeated() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::Status(503); 5]);
    let request = Request::new(&two_delivered()).signed();
    let post = async || request.post(&fixture.stack, &fixture.integration, "receipts").await;
    assert!(post().await.body.to_string().contains("outcome-unknown"));
    let second = post().await;
    assert!(!second.replayed);
    assert!(
        second.body["receipts"].as_array().unwrap().iter().all(|one| one["outcome"] == "posted"),
        "{:?}",
        second.body
    );
    assert_eq!(2, fixture.platform.messages().len());
}

#[tokio::test]
async fn a_failing_platform_gets_a_receipt_again() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::Status(503), Fault::RateLimited(1), Fault::ResponseLost]);
    let answer = fixture.call("receipts", &receipt("m-1", "delivered")).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    let messages = fixture.platform.messages();
    assert_eq!((4, 2), (fixture.platform.attempts(), messages.len()));
    assert_eq!(messages[0], messages[1]);
}
