//! Dispatchers are killed at each step of a lane change. Everything is delivered, once and in order, and the customer returns
//! to the direct lane.

use super::fixture::{Fixture, Health, UNLUCKY};
use tests::harness::aws_proxy::{AwsProxy, Hold};
use tests::harness::dispatchers::repeats;
use tests::harness::lanes::{OwnLanes, Setup};
use tests::harness::stack::Stack;
use tests::simulators::genesys_cloud;
use tests::simulators::messaging_service::{MessagingService, Reply};
use tokio::sync::watch;

/// The key of a group's tail in the ledger.
const TAIL_OF_A_GROUP: &str = "lane#";
const CLEAR_TAIL: &str = "REMOVE #tail";

/// A customer has three messages that fail. `hold` says before or after which call the dispatchers are killed; it gets the id
/// of the second message.
async fn assert_kept_when_killed_on_the_direct_lane(hold: impl FnOnce(&AwsProxy, &str)) {
    let fixture = Fixture::start(Health::Refusing).await;
    let first = fixture.send(UNLUCKY, "0").await;
    fixture
        .changing
        .service
        .wait_until(|attempts| attempts.iter().any(|attempt| attempt.message_id() == first.id()))
        .await;
    let second = fixture.send(UNLUCKY, "1").await;
    hold(&fixture.lanes.aws, &second.id());
    fixture.send(UNLUCKY, "2").await;
    assert_kept_when_killed(&fixture).await;
}

/// The messages are on the retry lane when their service is back. The dispatchers are killed at the end of that.
async fn assert_kept_when_killed_on_the_retry_lane(hold: impl FnOnce(&AwsProxy)) {
    let fixture = Fixture::start(Health::Refusing).await;
    fixture.send_numbers(UNLUCKY, 0..3).await;
    fixture.lanes.wait_for_moved(3).await;
    hold(&fixture.lanes.aws);
    fixture.changing.set(Health::Up);
    assert_kept_when_killed(&fixture).await;
}

async fn assert_kept_when_killed(fixture: &Fixture) {
    let Fixture { lanes, changing, .. } = fixture;
    lanes.aws.wait_for_held_call().await;
    lanes.kill_dispatchers().await;
    lanes.aws.restore();
    changing.set(Health::Up);
    fixture.send(UNLUCKY, "3").await;
    fixture.assert_direct(UNLUCKY, 4).await;
    assert_eq!(0, repeats(&changing.service.attempts(), UNLUCKY, 5));
}

#[tokio::test]
async fn killed_before_the_tail_is_extended() {
    assert_kept_when_killed_on_the_direct_lane(|aws, _| aws.hold_with("UpdateItem", TAIL_OF_A_GROUP, Hold::Before))
        .await;
}

#[tokio::test]
async fn killed_after_the_tail_is_extended_and_before_the_copy_is_sent() {
    assert_kept_when_killed_on_the_direct_lane(|aws, _| aws.hold_with("UpdateItem", TAIL_OF_A_GROUP, Hold::After))
        .await;
}

#[tokio::test]
async fn killed_after_the_first_copy_is_sent_and_before_it_is_acknowledged() {
    assert_kept_when_killed_on_the_direct_lane(|aws, _| aws.hold_with("SendMessage", "", Hold::After)).await;
}

#[tokio::test]
async fn killed_between_two_copies() {
    assert_kept_when_killed_on_the_direct_lane(|aws, second| aws.hold_with("SendMessage", second, Hold::Before)).await;
}

#[tokio::test]
async fn killed_after_the_second_copy_is_sent_and_before_both_are_acknowledged() {
    assert_kept_when_killed_on_the_direct_lane(|aws, second| aws.hold_with("SendMessage", second, Hold::After)).await;
}

#[tokio::test]
async fn killed_on_the_retry_lane_after_the_records_and_before_the_tail_is_cleared() {
    assert_kept_when_killed_on_the_retry_lane(|aws| aws.hold_with("UpdateItem", CLEAR_TAIL, Hold::Before)).await;
}

#[tokio::test]
async fn killed_on_the_retry_lane_after_the_tail_is_cleared_and_before_the_acknowledgement() {
    assert_kept_when_killed_on_the_retry_lane(|aws| aws.hold_with("UpdateItem", CLEAR_TAIL, Hold::After)).await;
}

#[tokio::test]
async fn killed_on_the_retry_lane_during_a_delivery_which_is_repeated_with_the_same_id() {
    let (_never_open, gate) = watch::channel(false);
    let service = MessagingService::with_handler(move |attempt, before| match (attempt.text(), before) {
        ("0", 0..3) => Reply::status(503),
        ("0", 3) => Reply::status(200).through(gate.clone()),
        _ => Reply::status(200),
    })
    .await;
    let (lanes, stack) = (OwnLanes::start(Setup::DEFAULT).await, Stack::connect().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    for number in ["0", "1"] {
        lanes.send(&integration, &genesys_cloud::text(&integration, "c", number)).await;
    }
    service.wait_until(|attempts| attempts.len() == 4).await;
    lanes.kill_dispatchers().await;
    lanes.wait_until_empty().await;
    assert_eq!(1, repeats(&service.attempts(), "c", 2));
}
