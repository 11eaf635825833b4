//! Receipts from the messaging service.

use crate::fixtures::WithPlatform;
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::model::receipt::ReportedOutcome;
use tests::harness::caller::Request;
use tests::simulators::genesys_cloud::ApiResponse;
use tests::simulators::genesys_cloud::api::Fault;

impl WithPlatform {
    async fn post_receipt(&self, body: &Value) -> ApiResponse {
        Request::new(body).signed().post(&self.stack, &self.integration, "receipts").await
    }
}

fn receipt(message_id: &str, status: &str) -> Value {
    json!({"messageId": message_id, "to": {"id": "customer-1"}, "status": status, "time": "2026-01-02T03:04:05Z"})
}

#[tokio::test]
async fn a_receipt_is_posted_in_the_platforms_form() {
    let fixture = WithPlatform::start().await;
    let mut failed = receipt("m-1", "undelivered");
    failed["to"]["idType"] = "phone".into();
    failed["reasons"] = json!([{"code": 530, "message": "No such number"}, {"code": "MessageExpired"}]);
    let answer = fixture.post_receipt(&failed).await;
    assert_eq!(
        (200, json!({"messageId": "m-1", "status": 200, "outcome": "posted"})),
        (answer.status.as_u16(), answer.body)
    );
    assert_eq!(
        json!({
            "id": "m-1",
            "channel": {"to": {"id": "customer-1", "idType": "Phone"}, "time": "2026-01-02T03:04:05.000Z"},
            "status": "Failed",
            "reasons": [
                {"code": "InvalidDestination", "message": "No such number"},
                {"code": "MessageExpired", "message": "The message could not be delivered."},
            ],
            "isFinalReceipt": true,
        }),
        fixture.platform.calls()[0].body
    );
}

#[tokio::test]
async fn the_same_receipt_is_posted_once_and_another_status_is_another_receipt() {
    let fixture = WithPlatform::start().await;
    for (status, outcome) in
        [("delivered", "posted"), ("read", "already-posted"), ("failed", "posted"), ("delivered", "already-posted")]
    {
        assert_eq!(outcome, fixture.post_receipt(&receipt("m-1", status)).await.body["outcome"], "{status}");
    }
    let statuses: Vec<_> = fixture.platform.calls().iter().map(|call| call.body["status"].clone()).collect();
    assert_eq!(vec!["Delivered", "Failed"], statuses);
}

#[tokio::test]
async fn a_status_of_progress_is_acknowledged_without_a_call() {
    let fixture = WithPlatform::start().await;
    for status in ["sent", "queued"] {
        assert_eq!("acknowledged", fixture.post_receipt(&receipt("m-1", status)).await.body["outcome"]);
    }
    assert_eq!((0, 0), (fixture.platform.attempts(), fixture.platform.token_requests()));
}

#[tokio::test]
async fn a_refused_receipt_does_not_block_the_corrected_one() {
    let fixture = WithPlatform::start().await;
    fixture.platform.fail([Fault::Status(400)]);
    let mut wrong = receipt("m-1", "failed");
    wrong["to"]["id"] = "somebody-else".into();
    let refused = fixture.post_receipt(&wrong).await;
    assert!(refused.status.is_client_error() || refused.status.is_server_error(), "{refused:?}");
    assert_eq!("posted", fixture.post_receipt(&receipt("m-1", "failed")).await.body["outcome"]);
}

#[tokio::test]
async fn each_receipt_of_a_batch_has_its_own_outcome() {
    let fixture = WithPlatform::start().await;
    fixture.post_receipt(&receipt("m-1", "delivered")).await;
    fixture.platform.fail([Fault::Status(403)]);
    let refused = fixture.post_receipt(&json!({"receipts": [receipt("m-0", "delivered")]})).await;
    assert_eq!(207, refused.status.as_u16());
    assert_eq!(
        (json!("failed"), json!(403)),
        (refused.body["receipts"][0]["outcome"].clone(), refused.body["receipts"][0]["status"].clone())
    );
    assert_eq!("simulated", refused.body["receipts"][0]["problem"]["platform"]["code"]);

    let batch = json!({"receipts": [receipt("m-1", "read"), receipt("m-2", "sent"), receipt("m-3", "failed")]});
    let answer = fixture.post_receipt(&batch).await;
    let outcomes: Vec<_> =
        answer.body["receipts"].as_array().unwrap().iter().map(|receipt| &receipt["outcome"]).collect();
    assert_eq!(vec!["already-posted", "acknowledged", "posted"], outcomes);
}

#[tokio::test]
async fn a_batch_of_a_hundred_is_posted_and_one_of_101_refused() {
    let fixture = WithPlatform::start().await;
    let batch = |count: usize| -> Value {
        json!({"receipts": (0..count).map(|number| receipt(&format!("m-{number}"), "delivered")).collect::<Vec<_>>()})
    };
    fixture.post_receipt(&batch(101)).await.assert_problem(400, "invalid-body");
    assert_eq!(0, fixture.platform.attempts());
    let answer = fixture.post_receipt(&batch(100)).await;
    assert!(
        answer.body["receipts"].as_array().unwrap().iter().all(|receipt| receipt["outcome"] == "posted"),
        "{:?}",
        answer.body
    );
    assert_eq!((100, 1), (fixture.platform.calls().len(), fixture.platform.token_requests()));
}

#[tokio::test]
async fn a_failing_platform_is_retried_and_a_failed_receipt_may_be_repeated() {
    let fixture = WithPlatform::start().await;
    fixture.platform.fail([Fault::Status(503), Fault::Reset]);
    assert_eq!("posted", fixture.post_receipt(&receipt("m-1", "delivered")).await.body["outcome"]);
    fixture.platform.fail([Fault::Status(503); 5]);
    // The same request again, as a Standard Webhooks sender retries it.
    for request in
        [Request::new(&receipt("m-2", "delivered")), Request::new(&json!({"receipts": [receipt("m-3", "failed")]}))]
    {
        let request = request.signed();
        let post = async || request.post(&fixture.stack, &fixture.integration, "receipts").await;
        let first = post().await;
        assert!(first.body.to_string().contains("outcome-unknown"), "{:?}", first.body);
        let second = post().await;
        assert!(!second.replayed && second.body.to_string().contains("posted"), "{:?}", second.body);
        fixture.platform.fail([Fault::Status(503); 5]);
    }
}

#[tokio::test]
async fn all_errors_are_named() {
    let fixture = WithPlatform::start().await;
    let answer = fixture.post_receipt(&json!({"status": "lost", "to": {"idType": "Pigeon"}, "colour": 1})).await;
    answer.assert_problem(400, "invalid-body");
    let pointers: Vec<_> = answer.body["errors"].as_array().unwrap().iter().map(|fault| &fault["pointer"]).collect();
    assert_eq!(vec!["/messageId", "/to/id", "/to/idType", "/status", "/colour"], pointers);
}

#[tokio::test]
async fn a_providers_codes_are_posted_as_a_general_error_with_code_and_message() {
    let fixture = WithPlatform::start().await;
    let general = |message: &str| json!([{"code": "GeneralError", "message": message}]);
    for (count, (status, reasons, expected)) in [
        (
            "undelivered",
            json!([{"code": 30003, "message": "Unreachable destination handset"}]),
            general("Unreachable destination handset (30003)"),
        ),
        (
            "failed",
            json!([{"code": 131047, "title": "Re-engagement message", "error_data": {"details": "d"}}]),
            general("The message could not be delivered (131047)."),
        ),
        ("Failed", json!([{"code": "GeneralError", "message": ""}]), general("The message could not be delivered.")),
        ("failed", json!([null, {}, {"code": null, "message": "Spam"}]), general("Spam")),
        ("failed", json!("Spam"), general("Spam")),
        (
            "expired",
            json!([{"code": null, "message": null}]),
            json!([{"code": "MessageExpired", "message": "The message could not be delivered."}]),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut receipt = receipt(&format!("m-{count}"), status);
        receipt["reasons"] = reasons;
        let answer = fixture.post_receipt(&receipt).await;
        assert_eq!((200, "posted"), (answer.status.as_u16(), answer.body["outcome"].as_str().unwrap()), "{receipt}");
        let posted = &fixture.platform.calls()[count].body;
        assert_eq!((&json!("Failed"), &expected), (&posted["status"], &posted["reasons"]), "{receipt}");
    }
}

#[tokio::test]
async fn reasons_of_a_success_are_dropped_and_members_that_are_null_or_blank_are_absent() {
    let fixture = WithPlatform::start().await;
    let delivered = json!({
        "messageId": "m-1",
        "from": null,
        "to": {"id": "customer-1", "idType": ""},
        "status": "Delivered",
        "reasons": [{"code": "GeneralError", "message": ""}, {"code": "GeneralError", "message": ""}],
        "isFinalReceipt": false,
        "time": null,
        "externalContactId": null,
    });
    assert_eq!("posted", fixture.post_receipt(&delivered).await.body["outcome"]);
    let posted = &fixture.platform.calls()[0].body;
    assert_eq!((&json!("Delivered"), &json!(false)), (&posted["status"], &posted["isFinalReceipt"]));
    assert_eq!((None, json!({"id": "customer-1"})), (posted.get("reasons"), posted["channel"]["to"].clone()));
}

#[tokio::test]
async fn an_odd_time_or_finality_does_not_lose_a_failure() {
    let fixture = WithPlatform::start().await;
    let before = Timestamp::now();
    for (count, (time, is_final, expected)) in [
        (json!("Fri, 02 Jan 2026 03:04:05 +0000"), json!("false"), false),
        (json!(1_767_323_045), json!("True"), true),
        (json!("0001-01-01T00:00:00Z"), json!(0), false),
        (json!("9999-12-31T23:59:59Z"), json!("perhaps"), false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut receipt = receipt(&format!("m-{count}"), "failed");
        receipt["time"] = time;
        receipt["isFinalReceipt"] = is_final;
        assert_eq!("posted", fixture.post_receipt(&receipt).await.body["outcome"], "{receipt}");
        let posted = &fixture.platform.calls()[count].body;
        assert_eq!((&json!("Failed"), &json!(expected)), (&posted["status"], &posted["isFinalReceipt"]), "{receipt}");
        let time: Timestamp = posted["channel"]["time"].as_str().unwrap().parse().unwrap();
        // The platform uses milliseconds.
        assert!(
            (before.as_millisecond()..=Timestamp::now().as_millisecond()).contains(&time.as_millisecond()),
            "{time}"
        );
    }
}

#[tokio::test]
async fn a_batch_of_valid_receipts_and_null_uses_up_the_idempotency_key() {
    let fixture = WithPlatform::start().await;
    let request = Request::new(&json!({"receipts": [null, receipt("m-1", "delivered"), null]})).signed();
    let post = async || request.post(&fixture.stack, &fixture.integration, "receipts").await;
    let answer = post().await;
    let expected = json!([{"index": 1, "messageId": "m-1", "status": 200, "outcome": "posted"}]);
    assert_eq!((207, &expected), (answer.status.as_u16(), &answer.body["receipts"]));
    assert!(post().await.replayed);
}

#[tokio::test]
async fn an_unknown_status_is_refused_with_all_known_words() {
    let fixture = WithPlatform::start().await;
    for status in [json!("lost"), json!(7), json!(null)] {
        let mut receipt = receipt("m-1", "");
        receipt["status"] = status;
        let answer = fixture.post_receipt(&receipt).await;
        answer.assert_problem(400, "invalid-body");
        let fault = &answer.body["errors"][0];
        assert_eq!("/status", fault["pointer"]);
        for word in ReportedOutcome::status_words() {
            assert!(fault["detail"].as_str().unwrap().contains(&format!("`{word}`")), "{word}: {fault}");
        }
    }
    assert_eq!(0, fixture.platform.attempts());
}

#[tokio::test]
async fn each_receipt_of_a_batch_is_validated_separately_and_the_valid_ones_are_posted() {
    let fixture = WithPlatform::start().await;
    let mut failed = receipt("m-1", "failed");
    failed["reasons"] = json!([{"code": 131047, "message": "Re-engagement message"}]);
    let mut surprising = receipt("m-5", "delivered");
    surprising["surprise"] = 1.into();
    let batch = json!({"receipts": [
        receipt("m-0", "delivered"), failed, null, {"to": {"id": "customer-1"}, "status": "read"}, receipt("m-4", "lost"),
        surprising, receipt("m-6", "delivered"),
    ]});
    // The same request again, as a sender retries it: nothing is posted twice.
    let request = Request::new(&batch).signed();
    for posted in ["posted", "already-posted"] {
        let answer = request.post(&fixture.stack, &fixture.integration, "receipts").await;
        assert_eq!((207, false), (answer.status.as_u16(), answer.replayed));
        let elements = answer.body["receipts"].as_array().unwrap();
        let short: Vec<_> = elements
            .iter()
            .map(|one| {
                let place = one["problem"]["errors"][0]["pointer"].as_str();
                (one["messageId"].as_str(), one["status"].as_u64().unwrap(), one["outcome"].as_str().unwrap(), place)
            })
            .collect();
        let expected = vec![
            (Some("m-0"), 200, posted, None),
            (Some("m-1"), 200, posted, None),
            (None, 400, "failed", Some("/receipts/3/messageId")),
            (Some("m-4"), 400, "failed", Some("/receipts/4/status")),
            (Some("m-5"), 400, "failed", Some("/receipts/5/surprise")),
            (Some("m-6"), 200, posted, None),
        ];
        assert_eq!(expected, short);
        let indices: Vec<_> = elements.iter().map(|one| one["index"].as_u64().unwrap()).collect();
        assert_eq!(vec![0, 1, 3, 4, 5, 6], indices, "a `null` element has no outcome but keeps its index");
        assert!(elements[2..5].iter().all(|one| one["problem"]["type"] == "urn:patchbay:problem:invalid-body"));
    }
    let mut ids: Vec<_> = fixture.platform.calls().iter().map(|call| call.body["id"].to_string()).collect();
    ids.sort_unstable();
    assert_eq!(vec![r#""m-0""#, r#""m-1""#, r#""m-6""#], ids);
}

#[tokio::test]
async fn a_batch_without_a_valid_receipt_gets_207_and_may_be_corrected_with_the_same_key() {
    let fixture = WithPlatform::start().await;
    let post = async |batch: Value| {
        let request = Request::new(&json!({ "receipts": batch })).with_bearer_token().key("k");
        request.post(&fixture.stack, &fixture.integration, "receipts").await
    };
    let answer = post(json!([receipt("m-1", "lost"), 7])).await;
    assert_eq!((207, 0), (answer.status.as_u16(), fixture.platform.attempts()));
    assert!(answer.body["receipts"].as_array().unwrap().iter().all(|one| one["status"] == 400), "{:?}", answer.body);
    let corrected = json!([receipt("m-1", "failed"), receipt("m-2", "failed")]);
    let answer = post(corrected.clone()).await;
    assert!(answer.body["receipts"].as_array().unwrap().iter().all(|one| one["outcome"] == "posted"));
    // Now the key belongs to this request.
    assert!(post(corrected).await.replayed);
}

#[tokio::test]
async fn receipts_that_are_not_a_list_of_1_to_100_are_refused() {
    let fixture = WithPlatform::start().await;
    for receipts in [json!([]), json!([null]), json!({"messageId": "m"}), json!("m"), json!(7)] {
        let answer = fixture.post_receipt(&json!({ "receipts": receipts })).await;
        answer.assert_problem(400, "invalid-body");
        assert_eq!("must be a list of 1 to 100 receipts", answer.body["errors"][0]["detail"]);
    }
}
