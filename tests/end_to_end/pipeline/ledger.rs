//! The promises of the ledger, on the deployed table.

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use shared::ledger::{
    Bid, Claim, Claimed, Lapsed, Ledger, LedgerError, Occurrence, Outcome, Progress, RETENTION, Settled,
};
use std::time::Duration;
use tests::harness::stack::Stack;
use uuid::Uuid;

const LEASE: SignedDuration = SignedDuration::from_secs(60);

fn key() -> String {
    format!("test#{}", Uuid::new_v4())
}

async fn bid_for(ledger: &Ledger, key: &str, now: Timestamp, until: Timestamp) -> Result<Claimed, LedgerError> {
    ledger.claim(Bid { key, now, until, fingerprint: None, lapsed: Lapsed::TakeOver }).await
}

fn won(claimed: Claimed) -> Claim {
    match claimed {
        Claimed::Won(claim) => claim,
        other => panic!("the claim was not won: {other:?}"),
    }
}

#[tokio::test]
async fn exactly_one_of_64_racing_workers_acquires_the_lease() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let claims = join_all((0..64).map(|_| bid_for(&ledger, &key, now, now + LEASE))).await;
    let winners = claims.iter().filter(|claim| matches!(claim, Ok(Claimed::Won(_)))).count();
    assert_eq!(1, winners);
    let losers = claims.iter().filter(|claim| matches!(claim, Ok(Claimed::InProgress { .. }))).count();
    assert_eq!(63, losers);
}

#[tokio::test]
async fn a_conflict_contains_the_leases_end() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    won(bid_for(&ledger, &key, now, now + LEASE).await.unwrap());
    let Claimed::InProgress { until, .. } = bid_for(&ledger, &key, now, now + LEASE).await.unwrap() else { panic!() };
    assert_eq!((now + LEASE).as_millisecond(), until.as_millisecond());
}

#[tokio::test]
async fn completed_work_keeps_its_outcome_and_response() {
    let ledger = Stack::connect().await.ledger();
    let now = Timestamp::now();
    for (outcome, answer) in
        [(Outcome::Done, None), (Outcome::Failed, Some("why")), (Outcome::Unknown, Some("who knows"))]
    {
        let key = key();
        let claim = won(bid_for(&ledger, &key, now, now + LEASE).await.unwrap());
        ledger.complete(&claim, now, outcome, answer).await.unwrap();
        ledger.complete(&claim, now, outcome, answer).await.expect("completing again, as after a lost answer, is fine");
        let later = now + LEASE + LEASE;
        assert_eq!(
            Claimed::Settled(Settled {
                outcome,
                answer: answer.map(str::to_owned),
                fingerprint: None,
                replay: None,
                attempts: 1
            }),
            bid_for(&ledger, &key, later, later + LEASE).await.unwrap()
        );
        assert!(matches!(ledger.release(&claim, now).await, Err(LedgerError::Overtaken)));
    }
}

#[tokio::test]
async fn work_that_must_not_be_repeated_is_not_reclaimed_from_a_dead_worker() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let bid = |now| Bid { key: &key, now, until: now + LEASE, fingerprint: Some("f"), lapsed: Lapsed::Leave };
    let first = won(ledger.claim(bid(now)).await.unwrap());
    let later = now + LEASE + LEASE;
    let Claimed::InProgress { until, fingerprint } = ledger.claim(bid(later)).await.unwrap() else { panic!() };
    assert!(until < later && fingerprint.as_deref() == Some("f"));
    ledger.release(&first, later).await.unwrap();
    won(ledger.claim(bid(later)).await.unwrap());
}

#[tokio::test]
async fn a_released_lease_can_be_acquired_at_once_and_the_version_counts_the_leases() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    for version in 1..=3 {
        let claim = won(bid_for(&ledger, &key, now, now + LEASE).await.unwrap());
        assert_eq!(version, claim.version());
        ledger.release(&claim, now).await.unwrap();
    }
}

/// Acquires a lease for work with this time.
async fn claim_at(ledger: &Ledger, key: &str, at: Timestamp, event_time: Timestamp) -> Claim {
    let bid = Bid { key, now: at, until: at + LEASE, fingerprint: None, lapsed: Lapsed::TakeOver };
    won(ledger.claim_at(bid, Occurrence { time: event_time, content: "same" }).await.unwrap())
}

#[tokio::test]
async fn the_first_lease_with_a_time_fixes_it_for_all_later_ones() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let time = |milliseconds| Timestamp::from_millisecond(milliseconds).unwrap();
    let claim = async |at, event_time| claim_at(&ledger, &key, at, event_time).await;
    // An item of an earlier version has no time.
    let without = won(bid_for(&ledger, &key, now, now + LEASE).await.unwrap());
    assert_eq!(None, without.event_time());
    ledger.release(&without, now).await.unwrap();
    let first = claim(now, time(1_234)).await;
    assert_eq!(Some(time(1_234)), first.event_time());
    // It was interrupted. The next worker releases the work, also one without a time.
    let second = claim(now + LEASE, time(5_678)).await;
    ledger.release(&second, now + LEASE).await.unwrap();
    let third = won(bid_for(&ledger, &key, now + LEASE, now + LEASE + LEASE).await.unwrap());
    ledger.release(&third, now + LEASE).await.unwrap();
    let last = claim(now + LEASE, time(9)).await;
    assert_eq!([Some(time(1_234)); 3], [second, third, last].map(|claim| claim.event_time()));
}

#[tokio::test]
async fn a_time_with_which_nothing_was_accepted_is_released_with_its_lease() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let time = |milliseconds| Timestamp::from_millisecond(milliseconds).unwrap();
    let claim = async |at, event_time| claim_at(&ledger, &key, at, event_time).await;
    for refused in [time(1), time(2)] {
        let claim = claim(now, refused).await;
        assert_eq!(Some(refused), claim.event_time());
        ledger.release_unaccepted(&claim, now).await.unwrap();
    }
    // The outcome of this one is unknown. A later refusal does not change that, although it has the same time.
    let unknown = claim(now, time(3)).await;
    ledger.release(&unknown, now).await.unwrap();
    let refused = claim(now, time(3)).await;
    ledger.release_unaccepted(&refused, now).await.unwrap();
    assert_eq!(Some(time(3)), claim(now, time(4)).await.event_time());
}

#[tokio::test]
async fn a_worker_with_an_expired_lease_can_neither_complete_nor_release_its_successors_lease() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let first = won(bid_for(&ledger, &key, now, now + LEASE).await.unwrap());
    let later = now + LEASE;
    let second = won(bid_for(&ledger, &key, later, later + LEASE).await.unwrap());

    assert!(matches!(ledger.complete(&first, later, Outcome::Failed, None).await, Err(LedgerError::Overtaken)));
    assert!(matches!(ledger.release(&first, later).await, Err(LedgerError::Overtaken)));
    assert!(matches!(bid_for(&ledger, &key, later, later + LEASE).await.unwrap(), Claimed::InProgress { .. }));

    ledger.complete(&second, later, Outcome::Done, None).await.unwrap();
    assert!(matches!(ledger.complete(&first, later, Outcome::Failed, None).await, Err(LedgerError::Overtaken)));
    assert_eq!(
        Claimed::Settled(Settled {
            outcome: Outcome::Done,
            answer: None,
            fingerprint: None,
            replay: None,
            attempts: 2
        }),
        bid_for(&ledger, &key, later, later + LEASE).await.unwrap()
    );
}

#[tokio::test]
async fn releasing_a_lease_does_not_reset_the_version() {
    // Otherwise the third worker's lease would look like the first one's, and the first could complete it.
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let first = won(bid_for(&ledger, &key, now, now + LEASE).await.unwrap());
    let later = now + LEASE;
    let second = won(bid_for(&ledger, &key, later, later + LEASE).await.unwrap());
    ledger.release(&second, later).await.unwrap();
    let third = won(bid_for(&ledger, &key, later, later + LEASE).await.unwrap());
    assert_eq!((1, 2, 3), (first.version(), second.version(), third.version()));
    assert!(matches!(ledger.complete(&first, later, Outcome::Done, None).await, Err(LedgerError::Overtaken)));
    ledger.complete(&third, later, Outcome::Done, None).await.unwrap();
}

#[tokio::test]
async fn a_replay_reopens_failed_work_once_and_never_succeeded_work() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let replay = async |id: &str| {
        let bid = Bid { key: &key, now, until: now + LEASE, fingerprint: None, lapsed: Lapsed::TakeOver };
        ledger.claim_for(bid, Some(id)).await.unwrap()
    };
    let settled_for = |claimed: &Claimed| match claimed {
        Claimed::Settled(settled) => (settled.outcome, settled.replay.clone()),
        other => panic!("it is not settled: {other:?}"),
    };
    let failed = async |claim: &Claim| ledger.complete(claim, now, Outcome::Failed, Some("why")).await.unwrap();

    let first = won(bid_for(&ledger, &key, now, now + LEASE).await.unwrap());
    failed(&first).await;
    let second = won(replay("r-1").await);
    assert_eq!(2, second.version());
    assert!(matches!(replay("r-1").await, Claimed::InProgress { .. }));
    assert!(matches!(replay("r-2").await, Claimed::InProgress { .. }));
    // The first worker's stale lease changes nothing.
    assert!(matches!(ledger.complete(&first, now, Outcome::Done, None).await, Err(LedgerError::Overtaken)));
    ledger.release(&second, now).await.unwrap();
    let third = won(replay("r-1").await);
    failed(&third).await;
    assert_eq!((Outcome::Failed, Some("r-1".to_owned())), settled_for(&replay("r-1").await));
    let plain = bid_for(&ledger, &key, now, now + LEASE).await.unwrap();
    assert_eq!((Outcome::Failed, Some("r-1".to_owned())), settled_for(&plain));

    let fourth = won(replay("r-2").await);
    assert_eq!(4, fourth.version());
    ledger.complete(&fourth, now, Outcome::Done, None).await.unwrap();
    for id in ["r-1", "r-2", "r-3"] {
        assert_eq!(Outcome::Done, settled_for(&replay(id).await).0, "{id}");
    }
}

#[tokio::test]
async fn exactly_one_of_64_copies_of_a_replay_is_accepted() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let claim = won(bid_for(&ledger, &key, now, now + LEASE).await.unwrap());
    ledger.complete(&claim, now, Outcome::Failed, None).await.unwrap();
    let bid = Bid { key: &key, now, until: now + LEASE, fingerprint: None, lapsed: Lapsed::TakeOver };
    let claims = join_all((0..64).map(|_| ledger.claim_for(bid, Some("r-1")))).await;
    assert_eq!(1, claims.iter().filter(|claim| matches!(claim, Ok(Claimed::Won(_)))).count());
}

#[tokio::test]
async fn an_expired_item_is_ignored_even_before_dynamodb_removes_it() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    let claim = won(bid_for(&ledger, &key, now, now + LEASE).await.unwrap());
    ledger.complete(&claim, now, Outcome::Done, None).await.unwrap();
    let retained = now + RETENTION - Duration::from_secs(1);
    assert!(matches!(bid_for(&ledger, &key, retained, retained + LEASE).await.unwrap(), Claimed::Settled(_)));
    let forgotten = now + RETENTION + Duration::from_secs(1);
    assert_eq!(2, won(bid_for(&ledger, &key, forgotten, forgotten + LEASE).await.unwrap()).version());
}

#[tokio::test]
async fn inspecting_returns_the_state_of_the_work_and_changes_nothing() {
    let ledger = Stack::connect().await.ledger();
    let (key, now) = (key(), Timestamp::now());
    assert_eq!(None, ledger.look(&key).await.unwrap());
    let progress = async || {
        let entry = ledger.look(&key).await.unwrap().unwrap();
        assert_eq!(Some(now.as_second() + RETENTION.as_secs() as i64), entry.expires_at.map(Timestamp::as_second));
        (entry.version, entry.progress)
    };
    let claim = won(bid_for(&ledger, &key, now, now + LEASE).await.unwrap());
    let until = Timestamp::from_millisecond((now + LEASE).as_millisecond()).unwrap();
    assert_eq!((1, Progress::Claimed { until }), progress().await);
    ledger.release(&claim, now).await.unwrap();
    assert_eq!((1, Progress::Released), progress().await);
    let claim = won(bid_for(&ledger, &key, now, now + LEASE).await.unwrap());
    ledger.complete(&claim, now, Outcome::Failed, Some("why")).await.unwrap();
    let settled = Settled {
        outcome: Outcome::Failed,
        answer: Some("why".to_owned()),
        fingerprint: None,
        replay: None,
        attempts: 2,
    };
    assert_eq!((2, Progress::Settled(settled)), progress().await);
}
