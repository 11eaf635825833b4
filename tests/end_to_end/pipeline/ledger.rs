//! The promises of the ledger, on the deployed table.

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use shared::ledger::{
    Acquire, CompletedRecord, Lease, LeaseRequest, Ledger, LedgerError, Occurrence, OnExpiredLease, Outcome, RETENTION,
    RecordState, SequenceNumber,
};
use std::time::Duration;
use tests::harness::stack::Stack;
use uuid::Uuid;

pub(super) const LEASE: SignedDuration = SignedDuration::from_secs(60);

pub(super) fn key() -> String {
    format!("test#{}", Uuid::new_v4())
}

pub(super) async fn acquire(
    ledger: &Ledger,
    key: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Acquire, LedgerError> {
    ledger.acquire(LeaseRequest { key, now, until, fingerprint: None, on_expired_lease: OnExpiredLease::Reclaim }).await
}

pub(super) fn acquired(result: Acquire) -> Lease {
    match result {
        Acquire::Acquired(lease) => lease,
        other => panic!("no lease was acquired: {other:?}"),
    }
}

#[tokio::test]
async fn exactly_one_of_64_racing_workers_acquires_the_lease() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let results = join_all((0..64).map(|_| acquire(&ledger, &key, now, now + LEASE))).await;
    let winners = results.iter().filter(|result| matches!(result, Ok(Acquire::Acquired(_)))).count();
    assert_eq!(1, winners);
    let losers = results.iter().filter(|result| matches!(result, Ok(Acquire::InProgress { .. }))).count();
    assert_eq!(63, losers);
}

#[tokio::test]
async fn more_items_are_read_than_one_call_reads() {
    let (ledger, now) = (Stack::connect().await.ledger(), Timestamp::now());
    let names: Vec<_> = (0..101).map(|_| key()).collect();
    join_all(names.iter().map(async |name| {
        acquired(acquire(&ledger, name, now, now + LEASE).await.unwrap());
        ledger.extend_tail(name, SequenceNumber::new(1), now).await.unwrap();
    }))
    .await;
    let twice = names.iter().chain(&names).map(String::as_str);
    assert_eq!(101, ledger.get_all(twice).await.unwrap().len());
    let groups: Vec<_> = names.iter().map(String::as_str).collect();
    let states = ledger.lane_states(&groups, Vec::new()).await.unwrap();
    assert!(groups.iter().all(|group| states.has_tail(group)));
}

#[tokio::test]
async fn a_conflict_contains_the_leases_end() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    acquired(acquire(&ledger, &key, now, now + LEASE).await.unwrap());
    let Acquire::InProgress { until, .. } = acquire(&ledger, &key, now, now + LEASE).await.unwrap() else { panic!() };
    assert_eq!((now + LEASE).as_millisecond(), until.as_millisecond());
}

#[tokio::test]
async fn completed_work_keeps_its_outcome_and_response() {
    let ledger = Stack::connect().await.ledger();
    let now = Timestamp::now();
    for (outcome, response) in
        [(Outcome::Succeeded, None), (Outcome::Failed, Some("why")), (Outcome::Unknown, Some("who knows"))]
    {
        let key = key();
        let lease = acquired(acquire(&ledger, &key, now, now + LEASE).await.unwrap());
        ledger.complete(&lease, now, outcome, response).await.unwrap();
        ledger
            .complete(&lease, now, outcome, response)
            .await
            .expect("completing twice, as after a lost response, is fine");
        let later = now + LEASE + LEASE;
        assert_eq!(
            Acquire::Completed(CompletedRecord {
                outcome,
                response: response.map(str::to_owned),
                fingerprint: None,
                replay: None,
                attempts: 1
            }),
            acquire(&ledger, &key, later, later + LEASE).await.unwrap()
        );
        assert!(matches!(ledger.release(&lease, now).await, Err(LedgerError::LeaseLost)));
    }
}

#[tokio::test]
async fn work_that_must_not_be_repeated_is_not_reclaimed_from_a_dead_worker() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let request = |now| LeaseRequest {
        key: &key,
        now,
        until: now + LEASE,
        fingerprint: Some("f"),
        on_expired_lease: OnExpiredLease::Keep,
    };
    let first = acquired(ledger.acquire(request(now)).await.unwrap());
    let later = now + LEASE + LEASE;
    let Acquire::InProgress { until, fingerprint } = ledger.acquire(request(later)).await.unwrap() else { panic!() };
    assert!(until < later && fingerprint.as_deref() == Some("f"));
    ledger.release(&first, later).await.unwrap();
    acquired(ledger.acquire(request(later)).await.unwrap());
}

#[tokio::test]
async fn a_released_lease_can_be_acquired_at_once_and_the_version_counts_the_leases() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    for version in 1..=3 {
        let lease = acquired(acquire(&ledger, &key, now, now + LEASE).await.unwrap());
        assert_eq!(version, lease.attempt());
        ledger.release(&lease, now).await.unwrap();
    }
}

/// Acquires a lease for work with this time.
async fn acquire_at(ledger: &Ledger, key: &str, at: Timestamp, event_time: Timestamp) -> Lease {
    let request =
        LeaseRequest { key, now: at, until: at + LEASE, fingerprint: None, on_expired_lease: OnExpiredLease::Reclaim };
    acquired(ledger.acquire_at(request, Occurrence { time: event_time, content: Some("same") }).await.unwrap())
}

#[tokio::test]
async fn the_first_lease_with_a_time_fixes_it_for_all_later_ones() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let time = |milliseconds| Timestamp::from_millisecond(milliseconds).unwrap();
    let lease = async |at, event_time| acquire_at(&ledger, &key, at, event_time).await;
    // An item of an earlier version has no time.
    let without = acquired(acquire(&ledger, &key, now, now + LEASE).await.unwrap());
    assert_eq!(None, without.event_time());
    ledger.release(&without, now).await.unwrap();
    let first = lease(now, time(1_234)).await;
    assert_eq!(Some(time(1_234)), first.event_time());
    // It was interrupted. The next worker releases the work, also one without a time.
    let second = lease(now + LEASE, time(5_678)).await;
    ledger.release(&second, now + LEASE).await.unwrap();
    let third = acquired(acquire(&ledger, &key, now + LEASE, now + LEASE + LEASE).await.unwrap());
    ledger.release(&third, now + LEASE).await.unwrap();
    let last = lease(now + LEASE, time(9)).await;
    assert_eq!([Some(time(1_234)); 3], [second, third, last].map(|lease| lease.event_time()));
}

#[tokio::test]
async fn a_time_with_which_nothing_was_accepted_is_released_with_its_lease() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let time = |milliseconds| Timestamp::from_millisecond(milliseconds).unwrap();
    let lease = async |at, event_time| acquire_at(&ledger, &key, at, event_time).await;
    for refused in [time(1), time(2)] {
        let lease = lease(now, refused).await;
        assert_eq!(Some(refused), lease.event_time());
        ledger.release_unaccepted(&lease, now).await.unwrap();
    }
    // The outcome of this one is unknown. A later refusal does not change that, although it has the same time.
    let unknown = lease(now, time(3)).await;
    ledger.release(&unknown, now).await.unwrap();
    let refused = lease(now, time(3)).await;
    ledger.release_unaccepted(&refused, now).await.unwrap();
    assert_eq!(Some(time(3)), lease(now, time(4)).await.event_time());
}

#[tokio::test]
async fn work_without_content_keeps_its_first_time_and_knows_whether_an_earlier_attempt_may_have_been_accepted() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let time = |milliseconds| Timestamp::from_millisecond(milliseconds).unwrap();
    let lease = async |at: Timestamp, event_time| {
        let (until, on_expired_lease) = (at + LEASE, OnExpiredLease::Reclaim);
        let request = LeaseRequest { key: &key, now: at, until, fingerprint: None, on_expired_lease };
        acquired(ledger.acquire_at(request, Occurrence { time: event_time, content: None }).await.unwrap())
    };
    let mut seen = Vec::new();
    let mut see = |lease: &Lease| seen.push((lease.event_time(), lease.may_be_repetition()));
    let refused = lease(now, time(1)).await;
    see(&refused);
    ledger.release_unaccepted(&refused, now).await.unwrap();
    // Its worker dies.
    see(&lease(now, time(2)).await);
    let later = now + LEASE;
    let successor = lease(later, time(3)).await;
    see(&successor);
    ledger.release_unaccepted(&successor, later).await.unwrap();
    see(&lease(later, time(4)).await);
    let first = Some(time(1));
    assert_eq!(vec![(first, false), (first, false), (first, true), (first, true)], seen);
}

#[tokio::test]
async fn a_worker_with_an_expired_lease_can_neither_complete_nor_release_its_successors_lease() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let first = acquired(acquire(&ledger, &key, now, now + LEASE).await.unwrap());
    let later = now + LEASE;
    let second = acquired(acquire(&ledger, &key, later, later + LEASE).await.unwrap());

    assert!(matches!(ledger.complete(&first, later, Outcome::Failed, None).await, Err(LedgerError::LeaseLost)));
    assert!(matches!(ledger.release(&first, later).await, Err(LedgerError::LeaseLost)));
    assert!(matches!(acquire(&ledger, &key, later, later + LEASE).await.unwrap(), Acquire::InProgress { .. }));

    ledger.complete(&second, later, Outcome::Succeeded, None).await.unwrap();
    assert!(matches!(ledger.complete(&first, later, Outcome::Failed, None).await, Err(LedgerError::LeaseLost)));
    assert_eq!(
        Acquire::Completed(CompletedRecord {
            outcome: Outcome::Succeeded,
            response: None,
            fingerprint: None,
            replay: None,
            attempts: 2
        }),
        acquire(&ledger, &key, later, later + LEASE).await.unwrap()
    );
}

#[tokio::test]
async fn releasing_a_lease_does_not_reset_the_version() {
    // Otherwise the third worker's lease would look like the first one's, and the first could complete it.
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let first = acquired(acquire(&ledger, &key, now, now + LEASE).await.unwrap());
    let later = now + LEASE;
    let second = acquired(acquire(&ledger, &key, later, later + LEASE).await.unwrap());
    ledger.release(&second, later).await.unwrap();
    let third = acquired(acquire(&ledger, &key, later, later + LEASE).await.unwrap());
    assert_eq!((1, 2, 3), (first.attempt(), second.attempt(), third.attempt()));
    assert!(matches!(ledger.complete(&first, later, Outcome::Succeeded, None).await, Err(LedgerError::LeaseLost)));
    ledger.complete(&third, later, Outcome::Succeeded, None).await.unwrap();
}

#[tokio::test]
async fn a_replay_reopens_failed_work_once_and_never_succeeded_work() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let replay = async |id: &str| {
        let request = LeaseRequest {
            key: &key,
            now,
            until: now + LEASE,
            fingerprint: None,
            on_expired_lease: OnExpiredLease::Reclaim,
        };
        ledger.acquire_for_replay(request, Some(id), None).await.unwrap()
    };
    let completed_by = |result: &Acquire| match result {
        Acquire::Completed(record) => (record.outcome, record.replay.clone()),
        other => panic!("it is not completed: {other:?}"),
    };
    let failed = async |lease: &Lease| ledger.complete(lease, now, Outcome::Failed, Some("why")).await.unwrap();

    let first = acquired(acquire(&ledger, &key, now, now + LEASE).await.unwrap());
    failed(&first).await;
    let second = acquired(replay("r-1").await);
    assert_eq!(2, second.attempt());
    assert!(matches!(replay("r-1").await, Acquire::InProgress { .. }));
    assert!(matches!(replay("r-2").await, Acquire::InProgress { .. }));
    // The first worker's stale lease changes nothing.
    assert!(matches!(ledger.complete(&first, now, Outcome::Succeeded, None).await, Err(LedgerError::LeaseLost)));
    ledger.release(&second, now).await.unwrap();
    let third = acquired(replay("r-1").await);
    failed(&third).await;
    assert_eq!((Outcome::Failed, Some("r-1".to_owned())), completed_by(&replay("r-1").await));
    let plain = acquire(&ledger, &key, now, now + LEASE).await.unwrap();
    assert_eq!((Outcome::Failed, Some("r-1".to_owned())), completed_by(&plain));

    let fourth = acquired(replay("r-2").await);
    assert_eq!(4, fourth.attempt());
    ledger.complete(&fourth, now, Outcome::Succeeded, None).await.unwrap();
    for id in ["r-1", "r-2", "r-3"] {
        assert_eq!(Outcome::Succeeded, completed_by(&replay(id).await).0, "{id}");
    }
}

#[tokio::test]
async fn a_replay_reopens_once_what_may_have_been_done() {
    let ledger = Stack::connect().await.ledger();
    let now = Timestamp::now();
    let replay = async |key: &str, id: &str, now: Timestamp| {
        let on_expired_lease = OnExpiredLease::Keep;
        let request = LeaseRequest { key, now, until: now + LEASE, fingerprint: None, on_expired_lease };
        ledger.acquire_for_replay(request, Some(id), None).await.unwrap()
    };
    let unknown = key();
    let lease = acquired(acquire(&ledger, &unknown, now, now + LEASE).await.unwrap());
    ledger.complete(&lease, now, Outcome::Unknown, None).await.unwrap();
    let again = acquired(replay(&unknown, "r-1", now).await);
    ledger.complete(&again, now, Outcome::Unknown, None).await.unwrap();
    assert!(matches!(replay(&unknown, "r-1", now).await, Acquire::Completed(_)));
    assert_eq!(3, acquired(replay(&unknown, "r-2", now).await).attempt());

    // The worker was killed, and its lease is kept after it has expired.
    let (killed, later) = (key(), now + LEASE);
    let _lease = acquired(acquire(&ledger, &killed, now, later).await.unwrap());
    assert!(matches!(replay(&killed, "r-1", now).await, Acquire::InProgress { .. }));
    assert_eq!(2, acquired(replay(&killed, "r-1", later).await).attempt());
    assert!(matches!(replay(&killed, "r-1", later + LEASE).await, Acquire::InProgress { .. }));
}

#[tokio::test]
async fn exactly_one_of_64_copies_of_a_replay_is_accepted() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let lease = acquired(acquire(&ledger, &key, now, now + LEASE).await.unwrap());
    ledger.complete(&lease, now, Outcome::Failed, None).await.unwrap();
    let request = LeaseRequest {
        key: &key,
        now,
        until: now + LEASE,
        fingerprint: None,
        on_expired_lease: OnExpiredLease::Reclaim,
    };
    let results = join_all((0..64).map(|_| ledger.acquire_for_replay(request, Some("r-1"), None))).await;
    assert_eq!(1, results.iter().filter(|result| matches!(result, Ok(Acquire::Acquired(_)))).count());
}

#[tokio::test]
async fn an_expired_item_is_ignored_even_before_dynamodb_removes_it() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let lease = acquired(acquire(&ledger, &key, now, now + LEASE).await.unwrap());
    ledger.complete(&lease, now, Outcome::Succeeded, None).await.unwrap();
    let retained = now + RETENTION - Duration::from_secs(1);
    assert!(matches!(acquire(&ledger, &key, retained, retained + LEASE).await.unwrap(), Acquire::Completed(_)));
    let forgotten = now + RETENTION + Duration::from_secs(1);
    assert_eq!(2, acquired(acquire(&ledger, &key, forgotten, forgotten + LEASE).await.unwrap()).attempt());
}

#[tokio::test]
async fn inspecting_returns_the_state_of_the_work_and_changes_nothing() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    assert_eq!(None, ledger.get(&key).await.unwrap());
    let state = async || {
        let view = ledger.get(&key).await.unwrap().unwrap();
        assert_eq!(Some(now.as_second() + RETENTION.as_secs() as i64), view.expires_at.map(Timestamp::as_second));
        (view.attempts, view.state)
    };
    let lease = acquired(acquire(&ledger, &key, now, now + LEASE).await.unwrap());
    let until = Timestamp::from_millisecond((now + LEASE).as_millisecond()).unwrap();
    assert_eq!((1, RecordState::Leased { until }), state().await);
    ledger.release(&lease, now).await.unwrap();
    assert_eq!((1, RecordState::Released), state().await);
    let lease = acquired(acquire(&ledger, &key, now, now + LEASE).await.unwrap());
    ledger.complete(&lease, now, Outcome::Failed, Some("why")).await.unwrap();
    let record = CompletedRecord {
        outcome: Outcome::Failed,
        response: Some("why".to_owned()),
        fingerprint: None,
        replay: None,
        attempts: 2,
    };
    assert_eq!((2, RecordState::Completed(record)), state().await);
}
