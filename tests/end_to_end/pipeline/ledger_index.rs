//! The index of what is retried, on the deployed table.

use crate::pipeline::ledger::{LEASE, acquire, acquired};
use jiff::{SignedDuration, Timestamp};
use shared::ledger::{Acceptance, FailedAttempt, Ledger, Outcome, RETENTION, key};
use shared::model::integration_name::IntegrationName;
use std::time::Duration;
use tests::harness::stack::Stack;
use uuid::Uuid;

fn failed_attempt(attempt: u64, at: Timestamp, reason: &str) -> FailedAttempt {
    FailedAttempt {
        attempt,
        at,
        reason: reason.to_owned(),
        next_attempt_at: at,
        gives_up_at: at,
        received_at: at,
        kind: "Text".to_owned(),
        message_id: "m".to_owned(),
        conversation_id: None,
        group: "g".to_owned(),
    }
}

/// The keys in the index, each with the time of its first failure.
async fn failing(ledger: &Ledger, integration: &IntegrationName, since: Timestamp, limit: usize) -> Vec<(String, i64)> {
    let items = ledger.failing(integration, since, limit).await.unwrap().items;
    items.into_iter().map(|item| (item.key, item.since.as_millisecond())).collect()
}

/// The work under this key fails at this time.
async fn fail(ledger: &Ledger, key: &str, at: Timestamp) {
    let lease = acquired(acquire(ledger, key, at, at + LEASE).await.unwrap());
    let failed = failed_attempt(lease.attempt(), at, "status 503");
    ledger.release_failed(&lease, at, Acceptance::Possible, &failed).await.unwrap();
}

fn new_integration() -> IntegrationName {
    format!("test-{}", Uuid::new_v4()).parse().unwrap()
}

#[tokio::test]
async fn what_has_failed_since_a_time_is_found_however_much_failed_before() {
    let (ledger, integration, now) = (Stack::connect().await.ledger(), new_integration(), Timestamp::now());
    let key = |id| key::delivery(&integration, id);
    let earlier = now - SignedDuration::from_secs(600);
    for id in ["01", "02", "03"] {
        fail(&ledger, &key(id), earlier).await;
    }
    fail(&ledger, &key("04"), now).await;
    let oldest = ledger.failing(&integration, Timestamp::MIN, 1).await.unwrap();
    assert_eq!((1, true), (oldest.items.len(), oldest.truncated));
    let since = now - SignedDuration::from_secs(300);
    assert_eq!(vec![(key("04"), now.as_millisecond())], failing(&ledger, &integration, since, 2).await);
}

#[tokio::test]
async fn what_failed_before_an_item_expired_does_not_count_when_it_is_acquired_again() {
    let (ledger, integration, now) = (Stack::connect().await.ledger(), new_integration(), Timestamp::now());
    let key = key::delivery(&integration, "0a");
    let attempt_that_failed = async || {
        let view = ledger.get(&key).await.unwrap().unwrap();
        view.failed_attempt().map(|failed| failed.attempt)
    };
    fail(&ledger, &key, now).await;
    assert_eq!(Some(1), attempt_that_failed().await);
    let forgotten = now + RETENTION + Duration::from_secs(1);
    let lease = acquired(acquire(&ledger, &key, forgotten, forgotten + LEASE).await.unwrap());
    assert_eq!((2, None), (lease.attempt(), attempt_that_failed().await));
    ledger.release(&lease, forgotten).await.unwrap();
    fail(&ledger, &key, forgotten).await;
    assert_eq!(Some(3), attempt_that_failed().await);
    let since_then = vec![(key.clone(), forgotten.as_millisecond())];
    assert_eq!(since_then, failing(&ledger, &integration, Timestamp::MIN, 10).await);
}

#[tokio::test]
async fn work_that_is_acquired_again_after_its_item_expired_is_not_found_by_its_old_failure() {
    let (ledger, integration, now) = (Stack::connect().await.ledger(), new_integration(), Timestamp::now());
    let key = key::delivery(&integration, "0a");
    fail(&ledger, &key, now - RETENTION - Duration::from_secs(1)).await;
    acquired(acquire(&ledger, &key, now, now + LEASE).await.unwrap());
    assert!(failing(&ledger, &integration, Timestamp::MIN, 10).await.is_empty());
}

#[tokio::test]
async fn work_is_in_the_index_from_its_first_failed_attempt_until_it_is_completed() {
    let ledger = Stack::connect().await.ledger();
    let integration = new_integration();
    let (key, now) = (key::delivery(&integration, "0a"), Timestamp::now());
    let failing = async || failing(&ledger, &integration, Timestamp::MIN, 10).await;
    let first = acquired(acquire(&ledger, &key, now, now + LEASE).await.unwrap());
    assert!(failing().await.is_empty());
    ledger.release_failed(&first, now, Acceptance::Possible, &failed_attempt(1, now, "status 503")).await.unwrap();
    let in_index = vec![(key.clone(), now.as_millisecond())];
    assert_eq!(in_index, failing().await);
    let second = acquired(acquire(&ledger, &key, now, now + LEASE).await.unwrap());
    ledger
        .release_failed(&second, now, Acceptance::Possible, &failed_attempt(2, now + LEASE, "timeout"))
        .await
        .unwrap();
    assert_eq!(in_index, failing().await, "a later failure does not change the index");
    let view = ledger.get(&key).await.unwrap().unwrap();
    assert_eq!(Some((2, "timeout")), view.failed_attempt().map(|failed| (failed.attempt, failed.reason.as_str())));
    let third = acquired(acquire(&ledger, &key, now, now + LEASE).await.unwrap());
    ledger.complete(&third, now, Outcome::Succeeded, None).await.unwrap();
    assert!(failing().await.is_empty());
}
