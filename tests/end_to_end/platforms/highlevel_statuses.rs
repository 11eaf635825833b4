//! HighLevel: statuses of messages and of emails are posted to it.

use super::highlevel::{CONTACT, Fixture};
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::ledger::{self, Acquire, LeaseRequest, Occurrence, OnExpiredLease};
use shared::model::message::IdType;
use shared::model::receipt::{DeliveryReceipt, DeliveryStatus, Recipient};
use std::time::Duration;
use tests::simulators::highlevel::api::Fault;

#[tokio::test]
async fn a_status_that_is_too_early_is_to_be_sent_again_and_says_nothing_about_credentials() {
    for early in [401, 403] {
        let fixture = Fixture::start().await;
        fixture.platform.refuse_statuses_for(Duration::from_secs(600), early);
        let receipt = json!({"messageId": "m", "to": {"id": CONTACT}, "status": "delivered"});
        let answer = fixture.post("receipts", &receipt).await;
        answer.assert_problem(503, "unavailable");
        assert_eq!(Some("5"), answer.retry_after.as_deref());
        assert_eq!(early, answer.body["platform"]["status"]);
        assert!(fixture.platform.attempts() > 2, "it was tried for as long as the request may take");
        fixture.platform.refuse_statuses_for(Duration::ZERO, early);
        assert_eq!("posted", fixture.post("receipts", &receipt).await.body["outcome"]);
    }
}

#[tokio::test]
async fn a_403_long_after_the_message_was_sent_is_the_platforms_refusal() {
    let fixture = Fixture::start().await;
    fixture.platform.refuse_statuses_for(Duration::from_secs(600), 403);
    let receipt =
        json!({"messageId": "m", "to": {"id": CONTACT}, "status": "delivered", "time": "2026-01-02T03:04:05Z"});
    fixture.post("receipts", &receipt).await.assert_problem(403, "platform-refused");
}

#[tokio::test]
async fn each_recipient_of_an_email_has_a_status_and_its_event_is_counted_once() {
    let fixture = Fixture::start().await;
    let receipt = |address: &str, status: &str| {
        let to = json!({"id": address, "idType": "Email"});
        json!({"messageId": "m", "emailMessageId": "e-1", "to": to, "status": status})
    };
    fixture.platform.fail([Fault::ResponseLost]);
    for (address, status) in
        [("ada@example.com", "delivered"), ("bob@example.com", "delivered"), ("ada@example.com", "read")]
    {
        assert_eq!("posted", fixture.post("receipts", &receipt(address, status)).await.body["outcome"], "{address}");
    }
    assert_eq!(
        "already-posted",
        fixture.post("receipts", &receipt("bob@example.com", "delivered")).await.body["outcome"]
    );
    let calls = fixture.platform.calls();
    assert!(calls.iter().all(|call| call.path == "/conversations/messages/email/e-1/status"), "{calls:?}");
    let recipient = |address: &str, status: &str| json!([{"emailId": address, "status": status}]);
    let posted: Vec<_> = calls.iter().map(|call| call.body.clone()).collect();
    let expected = vec![
        json!({"status": "delivered", "events": {"delivered": 1}, "recipients": recipient("ada@example.com", "delivered")}),
        json!({"status": "delivered", "recipients": recipient("ada@example.com", "delivered")}),
        json!({"status": "delivered", "events": {"delivered": 1}, "recipients": recipient("bob@example.com", "delivered")}),
        json!({"status": "opened", "events": {"opened": 1}, "recipients": recipient("ada@example.com", "opened")}),
    ];
    assert_eq!((expected, 3), (posted, fixture.platform.email_events()));
}

fn email_receipt(email_message_id: &str) -> Value {
    let to = json!({"id": "ada@example.com", "idType": "Email"});
    json!({"messageId": "m", "emailMessageId": email_message_id, "to": to, "status": "delivered"})
}

#[tokio::test]
async fn an_email_event_is_not_counted_again_when_a_request_with_an_unknown_outcome_is_repeated() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([vec![Fault::ResponseLost], vec![Fault::Status(503); 20]].concat());
    fixture.post("receipts", &email_receipt("e-1")).await.assert_problem(504, "outcome-unknown");
    fixture.platform.clear_faults();
    assert_eq!("posted", fixture.post("receipts", &email_receipt("e-1")).await.body["outcome"]);
    assert_eq!((2, 1), (fixture.platform.calls().len(), fixture.platform.email_events()));
}

#[tokio::test]
async fn an_email_event_is_not_counted_again_after_a_function_was_killed_and_is_after_a_refusal() {
    let fixture = Fixture::start().await;
    let (stack, integration, now) = (&fixture.stack, &fixture.integration.name, Timestamp::now());
    let receipt = DeliveryReceipt {
        message_id: "m".to_owned(),
        from: None,
        to: Recipient { id: "ada@example.com".to_owned(), id_type: Some(IdType::Email) },
        status: DeliveryStatus::Delivered,
        reasons: Vec::new(),
        time: now,
        is_final: true,
        email_message_id: Some("e-killed".to_owned()),
        trace_id: None,
    };
    let key = ledger::key::receipt(integration, &receipt.deduplication_id(integration));
    let request =
        LeaseRequest { key: &key, now, until: now, fingerprint: None, on_expired_lease: OnExpiredLease::Reclaim };
    let acquired = stack.ledger().acquire_at(request, Occurrence { time: now, content: None }).await;
    assert!(matches!(acquired, Ok(Acquire::Acquired(_))), "{acquired:?}");
    assert_eq!("posted", fixture.post("receipts", &email_receipt("e-killed")).await.body["outcome"]);
    assert_eq!((1, 0), (fixture.platform.calls().len(), fixture.platform.email_events()));

    fixture.platform.fail([Fault::RateLimited(Some(60))]);
    fixture.post("receipts", &email_receipt("e-refused")).await.assert_problem(429, "rate-limited");
    assert_eq!("posted", fixture.post("receipts", &email_receipt("e-refused")).await.body["outcome"]);
    assert_eq!(1, fixture.platform.email_events());
}

#[tokio::test]
async fn a_receipt_whose_email_is_corrected_is_another_receipt() {
    let fixture = Fixture::start().await;
    for (email, outcome) in [("e-1", "posted"), ("e-2", "posted"), ("e-1", "already-posted")] {
        assert_eq!(outcome, fixture.post("receipts", &email_receipt(email)).await.body["outcome"], "{email}");
    }
}

#[tokio::test]
async fn the_refusal_of_an_emails_status_has_the_platforms_code_and_words() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::Status(404)]);
    let answer = fixture.post("receipts", &email_receipt("e-1")).await;
    answer.assert_problem(404, "platform-refused");
    let (code, message) = (&answer.body["platform"]["code"], &answer.body["platform"]["message"]);
    assert_eq!((&json!("NOT_FOUND"), &json!("This is simulated.")), (code, message));
}
