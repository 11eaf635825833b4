//! `patchbay failed` on the parking queue of the stack, with replays through the dispatcher.

use crate::fixtures::WithPlatform;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::caller::Request;
use tests::harness::command::{Command, CommandOutput};
use tests::harness::run_lock::RunLockGuard;
use tests::harness::stack::{FAILED_MESSAGES, Stack, TestIntegration};
use tests::simulators::genesys_cloud::api::GenesysCloud;
use tests::simulators::genesys_cloud::{self, Webhook};
use tests::simulators::messaging_service::{Attempt, MessagingService, Reply, WAIT_TIMEOUT};

const ADDRESS: &str = "address-of-a-customer";
const TEXT: &str = "text-of-a-message";

/// An integration whose messaging service refuses all messages until it is fixed.
struct Fixture {
    stack: Stack,
    platform: GenesysCloud,
    service: MessagingService,
    integration: TestIntegration,
    fixed: Arc<AtomicBool>,
    _alone: RunLockGuard<'static>,
}

impl Fixture {
    async fn start() -> Self {
        Self::configured(|_| {}).await
    }

    async fn configured(change: impl FnOnce(&mut Value)) -> Self {
        let _alone = FAILED_MESSAGES.lock().await;
        let fixed = Arc::new(AtomicBool::default());
        let is_fixed = Arc::clone(&fixed);
        let service = MessagingService::with_handler(move |attempt, _| {
            let takes = is_fixed.load(Ordering::SeqCst) || attempt.text().contains("newer");
            Reply::status(if takes { 200 } else { 422 })
        })
        .await;
        let WithPlatform { stack, platform, integration } = WithPlatform::delivering_to(&service.url, change).await;
        Self { stack, platform, service, integration, fixed, _alone }
    }

    fn fix(&self) {
        self.fixed.store(true, Ordering::SeqCst);
    }

    async fn send(&self, words: &str) -> Webhook {
        let webhook = genesys_cloud::text(&self.integration, ADDRESS, &format!("{TEXT} {words}"));
        webhook.accepted(&self.stack, &self.integration).await;
        webhook
    }

    fn command(&self, what: &str) -> Command {
        Command::new(&["--json", "failed", what, "--integration", self.integration.name.as_str()])
    }

    /// The listed messages, once there are `count`.
    async fn listed(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            let ran = self.command("list").run().await.succeeded();
            hides(&ran);
            let failed = ran.json()["failed"].as_array().unwrap().clone();
            if failed.len() == count {
                return failed;
            }
            assert!(Instant::now() < deadline, "{count} are not listed: {ran:#?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn replay(&self) -> Value {
        let ran = self.command("replay").with(&["--yes"]).run().await.succeeded();
        hides(&ran);
        ran.json()
    }

    /// The ids of the accepted messages, in order.
    fn accepted(&self) -> Vec<String> {
        self.service.accepted().iter().map(|attempt| attempt.message_id().to_owned()).collect()
    }
}

fn hides(ran: &CommandOutput) {
    for hidden in [ADDRESS, TEXT] {
        assert!(!ran.all_output().contains(hidden), "{hidden}: {ran:#?}");
    }
}

#[tokio::test]
async fn failed_messages_are_listed_and_shown_without_their_text_and_replayed_in_order() {
    let fixture = Fixture::start().await;
    let mut ids = Vec::new();
    for number in 0..13 {
        ids.push(fixture.send(&number.to_string()).await.id());
    }
    let listed = fixture.listed(ids.len()).await;
    let first = &listed[0];
    assert_eq!((&json!("Text"), &json!("refused"), &json!(422)), (&first["kind"], &first["reason"], &first["status"]));
    let people = Command::new(&["failed", "list", "--integration", fixture.integration.name.as_str()]).run().await;
    let people = people.succeeded();
    hides(&people);
    assert!(people.stdout.contains(&ids[12]) && people.stdout.contains("refused (422)"), "{people:#?}");

    let webhook_id = first["webhookId"].as_str().unwrap();
    for id in [ids[0].as_str(), webhook_id] {
        let shown = fixture.command("show").with(&["--message", id]).run().await.succeeded();
        hides(&shown);
        assert_eq!((json!(webhook_id), 1), (shown.json()["failed"][0]["webhookId"].clone(), 1), "{shown:#?}");
    }
    let people = Command::new(&["failed", "show", "--message", webhook_id, "--show-text"]).run().await.succeeded();
    assert!(people.stdout.lines().any(|line| line.starts_with("customer ") && line.contains(ADDRESS)), "{people:#?}");
    let shown = fixture.command("show").with(&["--message", webhook_id, "--show-text"]).run().await.succeeded().json();
    let delivery = &shown["failed"][0]["delivery"];
    assert_eq!(
        (json!(format!("{TEXT} 0")), json!(ADDRESS)),
        (delivery["data"]["text"].clone(), delivery["data"]["to"]["id"].clone())
    );
    let unknown = fixture.command("show").with(&["--message", "unknown"]).run().await.exited_with(1);
    assert!(unknown.stderr.contains("no matching failed message `unknown`"), "{unknown:#?}");

    let asked = fixture.command("replay").run().await.exited_with(2);
    assert!(asked.stderr.contains("--yes"), "{asked:#?}");
    let dry = fixture.command("replay").with(&["--dry-run"]).run().await.succeeded().json();
    assert_eq!((json!(true), json!(13)), (dry["dryRun"].clone(), dry["replayed"].clone()));
    let listed: HashSet<_> = dry["messageIds"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    assert_eq!(ids.iter().map(String::as_str).collect::<HashSet<_>>(), listed);
    let future = (Timestamp::now() + SignedDuration::from_hours(1)).to_string();
    let none = fixture.command("replay").with(&["--yes", "--since", &future]).run().await.succeeded().json();
    assert_eq!(json!(0), none["replayed"]);
    for (reason, expected) in [("outcome-unknown,expired", 0), ("expired,refused", 13)] {
        let by_reason = fixture.command("replay").with(&["--dry-run", "--reason", reason]).run().await.succeeded();
        assert_eq!(json!(expected), by_reason.json()["replayed"], "{reason}");
    }
    let unknown = fixture.command("replay").with(&["--dry-run", "--reason", "late"]).run().await.exited_with(2);
    assert!(unknown.stderr.contains("outcome-unknown"), "{unknown:#?}");
    fixture.fix();
    let one = fixture.command("replay").with(&["--yes", "--message", &ids[5]]).run().await.succeeded().json();
    assert_eq!(json!(1), one["replayed"]);
    fixture.service.wait_for(&ids[5]).await;
    let rest = fixture.command("replay").with(&["--yes", "--since", "1h"]).run().await.succeeded();
    hides(&rest);
    assert_eq!(json!(12), rest.json()["replayed"]);
    fixture.service.wait_for(&ids[12]).await;

    let alone = ids.remove(5);
    assert_eq!([vec![alone], ids].concat(), fixture.accepted(), "each once and in order");
    let attempts = fixture.service.attempts();
    for delivered in fixture.service.accepted() {
        let same = |attempt: &&Attempt| attempt.message_id() == delivered.message_id();
        assert!(
            attempts.iter().filter(same).all(|attempt| (&attempt.id, &attempt.raw) == (&delivered.id, &delivered.raw))
        );
    }
    assert!(fixture.listed(0).await.is_empty());
}

#[tokio::test]
async fn what_must_not_be_delivered_is_deleted_and_the_rest_replayed() {
    let fixture = Fixture::start().await;
    let ids = [fixture.send("1").await.id(), fixture.send("2").await.id(), fixture.send("3").await.id()];
    fixture.listed(3).await;
    let all = Command::new(&["failed", "discard", "--yes"]).run().await.exited_with(2);
    assert!(all.stderr.contains("select the messages with"), "{all:#?}");
    let asked = fixture.command("discard").run().await.exited_with(2);
    assert!(asked.stderr.contains("--yes"), "{asked:#?}");
    let dry = fixture.command("discard").with(&["--dry-run"]).run().await.succeeded();
    hides(&dry);
    assert_eq!(json!(3), dry.json()["discarded"]);
    let one = fixture.command("discard").with(&["--yes", "--message", &ids[1]]).run().await.succeeded().json();
    assert_eq!((json!(1), json!([ids[1]])), (one["discarded"].clone(), one["messageIds"].clone()));
    fixture.fix();
    assert_eq!(json!(2), fixture.replay().await["replayed"]);
    fixture.service.wait_for(&ids[2]).await;
    assert_eq!(vec![ids[0].clone(), ids[2].clone()], fixture.accepted());
    let none = fixture.command("discard").with(&["--yes", "--message", &ids[1]]).run().await.exited_with(1);
    assert!(none.stderr.contains("no matching failed message"), "{none:#?}");
}

#[tokio::test]
async fn a_replay_that_fails_again_is_kept_in_its_place_and_its_receipt_is_not_repeated() {
    let fixture = Fixture::configured(|configuration| {
        configuration["delivery"]["receipts"] = "on-accept".into();
    })
    .await;
    let first = fixture.send("1").await.id();
    fixture.listed(1).await;
    assert_eq!(json!(1), fixture.replay().await["replayed"]);
    // A message that failed during the first run comes after it.
    let second = fixture.send("2").await.id();
    fixture.service.wait_until(|attempts| attempts.len() == 3).await;
    let listed = fixture.listed(2).await;
    assert_eq!(1, listed.iter().filter(|one| one.get("replayedAt").is_some()).count(), "{listed:?}");
    fixture.fix();
    assert_eq!(json!(2), fixture.replay().await["replayed"]);
    fixture.service.wait_for(&second).await;
    assert_eq!(vec![first.clone(), second.clone()], fixture.accepted());
    let calls = fixture.platform.wait_for_calls(4).await;
    let said: Vec<_> = calls.iter().map(|call| (call.body["id"].clone(), call.body["status"].clone())).collect();
    for id in [&first, &second] {
        for status in ["Failed", "Delivered"] {
            assert_eq!(1, said.iter().filter(|call| **call == (json!(id), json!(status))).count(), "{said:?}");
        }
    }
}

#[tokio::test]
async fn two_concurrent_replays_deliver_once_and_in_order() {
    let fixture = Fixture::start().await;
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(fixture.send(&number.to_string()).await.id());
    }
    fixture.listed(ids.len()).await;
    fixture.fix();
    let (one, other) = tokio::join!(fixture.replay(), fixture.replay());
    let counts = [one, other].map(|replayed| replayed["replayed"].as_u64().unwrap());
    assert_eq!(6, counts.iter().sum::<u64>(), "one of them had nothing left to do: {counts:?}");
    fixture.service.wait_for(&ids[5]).await;
    let newer = fixture.send("newer").await.id();
    fixture.service.wait_for(&newer).await;
    ids.push(newer);
    assert_eq!(ids, fixture.accepted());
}

#[tokio::test]
async fn a_replayed_message_that_could_not_be_deleted_from_the_parking_queue_is_delivered_once() {
    let (fixture, proxy) = (Fixture::start().await, AwsProxy::start().await);
    let ids = [fixture.send("1").await.id(), fixture.send("2").await.id()];
    fixture.listed(2).await;
    fixture.fix();
    let replay = || fixture.command("replay").with(&["--yes"]).env("AWS_ENDPOINT_URL", &proxy.url);
    proxy.fail_operation("SendMessage");
    let failed = replay().run().await.exited_with(1);
    assert!(
        failed.json()["replayed"] == 0 && failed.stderr.contains("could not be sent to the direct lane"),
        "{failed:#?}"
    );
    proxy.restore();
    fixture.listed(2).await;

    proxy.fail_operation("DeleteMessage");
    let failed = replay().run().await.exited_with(1);
    assert!(
        failed.json()["replayed"] == 0
            && failed.stderr.contains("was sent to the direct lane, but could not be deleted"),
        "{failed:#?}"
    );
    proxy.restore();
    fixture.service.wait_for(&ids[0]).await;
    fixture.listed(2).await;
    assert_eq!(json!(2), fixture.replay().await["replayed"]);
    fixture.service.wait_for(&ids[1]).await;
    let newer = fixture.send("newer").await.id();
    fixture.service.wait_for(&newer).await;
    assert_eq!(vec![ids[0].clone(), ids[1].clone(), newer], fixture.accepted(), "each once and in order");
}

#[tokio::test]
async fn newer_messages_are_delivered_meanwhile_and_a_replayed_one_has_its_original_timestamp() {
    let fixture = Fixture::start().await;
    let old = fixture.send("1").await.id();
    fixture.listed(1).await;
    let newer = fixture.send("newer").await.id();
    fixture.service.wait_for(&newer).await;
    fixture.fix();
    fixture.replay().await;
    fixture.service.wait_for(&old).await;
    let accepted = fixture.service.accepted();
    let time = |attempt: &Attempt| attempt.body["timestamp"].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert_eq!((vec![newer, old], true), (fixture.accepted(), time(&accepted[1]) < time(&accepted[0])));
}

#[tokio::test]
async fn cards_and_texts_that_look_like_a_text_trace_are_replayed_as_cards_and_texts() {
    let fixture = Fixture::configured(|configuration| {
        configuration["cards"] = json!({"route": "messaging-service"});
    })
    .await;
    let card = Request::new(&json!({"to": ADDRESS, "card": {"title": TEXT}})).with_bearer_token();
    let answer = card.post(&fixture.stack, &fixture.integration, "cards").await;
    let card = answer.body["id"].as_str().unwrap().to_owned();
    let trace = fixture.platform.calls_of("agentless")[0].body["textBody"].as_str().unwrap().to_owned();
    // The platform's text trace is dropped. A copy of it by an agent is a normal text.
    let mut texts = Vec::new();
    for _ in 0..2 {
        let text = genesys_cloud::text(&fixture.integration, ADDRESS, &trace);
        text.accepted(&fixture.stack, &fixture.integration).await;
        texts.push(text.id());
    }
    let listed = fixture.listed(2).await;
    let kinds: Vec<_> = listed.iter().map(|one| (one["messageId"].clone(), one["kind"].clone())).collect();
    assert_eq!(vec![(json!(card), json!("Structured")), (json!(texts[1]), json!("Text"))], kinds);
    fixture.fix();
    fixture.replay().await;
    fixture.service.wait_for(&texts[1]).await;
    assert_eq!(vec![card, texts.remove(1)], fixture.accepted());
}
