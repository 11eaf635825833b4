//! `patchbay dead-letters` on the real queue of the stack.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::delivery::envelope::Envelope;
use shared::platform::PlatformName;
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::command::{Command, CommandOutput, patchbay};
use tests::harness::stack::{DEAD_LETTERS, Stack, TestIntegration};
use tests::simulators::genesys_cloud::{self, WIRE, Webhook};
use tests::simulators::messaging_service::MessagingService;
use uuid::Uuid;

const ADDRESS: &str = "address-of-a-customer";
const TEXT: &str = "text-of-a-message";

/// A stack, a messaging service, and an integration with dead letters.
struct Fixture {
    stack: Stack,
    dead_letter_queue: String,
    service: MessagingService,
    integration: TestIntegration,
}

impl Fixture {
    async fn start() -> Self {
        let (stack, service) = (Stack::connect().await, MessagingService::start().await);
        let integration = stack.integration(&service.url, |_| {}).await;
        let dead_letter_queue = std::env::var("DEAD_LETTER_QUEUE_URL").unwrap();
        Self { stack, dead_letter_queue, service, integration }
    }

    fn envelope(&self, webhook: &Webhook) -> Envelope {
        let (name, now) = (self.integration.name.clone(), Timestamp::now());
        Envelope::new(name, PlatformName::GenesysCloud, now, &webhook.body).unwrap()
    }

    /// Sends a webhook's message as the receiver does.
    async fn send(&self, queue: &str, webhook: &Webhook) {
        let envelope = self.envelope(webhook);
        let message = envelope.message().unwrap();
        let (group, identity) =
            (message.ordering_group(&self.integration.name), message.deduplication_id(&self.integration.name));
        self.send_as(queue, group.as_str(), identity.as_str(), envelope.to_json().unwrap()).await;
    }

    async fn send_as(&self, queue: &str, group: &str, deduplication_id: &str, body: impl Into<String>) {
        let request = self.stack.sqs.send_message().queue_url(queue).message_group_id(group);
        request.message_deduplication_id(deduplication_id).message_body(body).send().await.unwrap();
    }

    fn text(&self, words: &str) -> Webhook {
        genesys_cloud::text(&self.integration, ADDRESS, &format!("{TEXT} {words}"))
    }

    fn command(&self, what: &str) -> Command {
        Command::new(&["--json", "dead-letters", what, "--integration", self.integration.name.as_str()])
    }

    /// The listed message ids.
    async fn listed(&self) -> Vec<String> {
        let ran = self.command("list").run().await.succeeded();
        hides(&ran);
        let ran = ran.json();
        ran["deadLetters"].as_array().unwrap().iter().map(|one| one["messageId"].as_str().unwrap().to_owned()).collect()
    }
}

fn hides(ran: &CommandOutput) {
    for hidden in [ADDRESS, TEXT] {
        assert!(!ran.all_output().contains(hidden), "{hidden}: {ran:#?}");
    }
}

#[tokio::test]
async fn dead_letters_are_listed_without_being_removed_and_redriven_once_in_order() {
    let _alone = DEAD_LETTERS.lock().await;
    let fixture = Fixture::start().await;
    let (queue, dead) = (&fixture.stack.queue_url, &fixture.dead_letter_queue);

    // The first was delivered before it became a dead letter. The others were not.
    let webhooks: Vec<_> = (0..12).map(|number| fixture.text(&format!("{number}"))).collect();
    let ids: Vec<_> = webhooks.iter().map(Webhook::id).collect();
    webhooks[0].accepted(&fixture.stack, &fixture.integration).await;
    fixture.service.wait_for(&ids[0]).await;
    // The second has just been sent under its own deduplication id and was not delivered.
    let second = fixture.envelope(&webhooks[1]).message().unwrap();
    let mut stale = WIRE
        .iter()
        .find(|sample| sample.name == "typing")
        .unwrap()
        .fill(&fixture.integration.integration_id, ADDRESS)
        .json();
    stale["channel"]["time"] = (Timestamp::now() - SignedDuration::from_hours(1)).to_string().into();
    let nothing = fixture.envelope(&Webhook::new(stale.to_string())).to_json().unwrap();
    let name = &fixture.integration.name;
    fixture.send_as(queue, second.ordering_group(name).as_str(), second.deduplication_id(name).as_str(), nothing).await;
    for webhook in &webhooks {
        fixture.send(dead, webhook).await;
    }

    // Only ten messages of a group are visible.
    for _ in 0..2 {
        assert_eq!(ids[..10], fixture.listed().await, "listing removes nothing");
    }
    let listing = fixture.command("list").run().await.succeeded().json();
    let (first, by_integration) = (&listing["deadLetters"][0], &listing["byIntegration"]);
    assert_eq!((json!("Text"), json!(10)), (first["kind"].clone(), by_integration[name.as_str()].clone()));
    assert!(listing["total"].as_u64().unwrap() >= 12 && first["receives"].as_u64().unwrap() >= 1, "{listing}");
    let people = patchbay(&["dead-letters", "list", "--integration", name.as_str()]).await.succeeded();
    assert!(people.stdout.contains(&ids[0]) && people.stdout.contains("of all integrations"), "{people:#?}");
    hides(&people);
    let people = patchbay(&["dead-letters", "list"]).await.succeeded();
    assert!(people.stdout.contains(&ids[0]) && people.stdout.contains("at most ten are visible"), "{people:#?}");
    hides(&people);

    let asked = fixture.command("redrive").run().await.exited_with(2);
    assert!(asked.stderr.contains("--yes"), "{asked:#?}");
    let dry = fixture.command("redrive").with(&["--dry-run"]).run().await.succeeded().json();
    assert_eq!((json!(true), json!(10)), (dry["dryRun"].clone(), dry["moved"].clone()));
    assert_eq!(ids[..10], fixture.listed().await);

    let one = fixture.command("redrive").with(&["--yes", "--limit", "1"]).run().await.succeeded().json();
    assert_eq!(1, one["moved"], "{one}");
    let rest = fixture.command("redrive").with(&["--yes"]).run().await.succeeded();
    assert_eq!(
        (json!(11), json!(11)),
        (rest.json()["moved"].clone(), rest.json()["byIntegration"][name.as_str()].clone())
    );
    hides(&rest);
    fixture.service.wait_for(&ids[11]).await;
    let delivered: Vec<_> = fixture.service.attempts().iter().map(|attempt| attempt.message_id().to_owned()).collect();
    assert_eq!(ids, delivered, "each once and in order");
    assert!(fixture.listed().await.is_empty());
}

#[tokio::test]
async fn failures_while_sending_and_deleting_lose_and_duplicate_nothing() {
    let _alone = DEAD_LETTERS.lock().await;
    let (fixture, proxy) = (Fixture::start().await, AwsProxy::start().await);
    let webhooks: Vec<_> = (0..3).map(|number| fixture.text(&format!("{number}"))).collect();
    let ids: Vec<_> = webhooks.iter().map(Webhook::id).collect();
    for webhook in &webhooks {
        fixture.send(&fixture.dead_letter_queue, webhook).await;
    }
    let redrive = || fixture.command("redrive").with(&["--yes"]).env("AWS_ENDPOINT_URL", &proxy.url);

    // A message that cannot be sent stays, with the rest of its group.
    proxy.fail_operation("SendMessage");
    let failed = redrive().run().await.exited_with(1);
    assert!(
        failed.json()["moved"] == 0 && failed.stderr.contains("could not be sent to the direct lane"),
        "{failed:#?}"
    );
    proxy.restore();
    assert_eq!(ids, fixture.listed().await);

    // A message that cannot be deleted is on both queues, and is delivered once.
    proxy.fail_operation("DeleteMessage");
    let failed = redrive().run().await.exited_with(1);
    assert!(
        failed.json()["moved"] == 0 && failed.stderr.contains("was sent to the direct lane, but could not be deleted"),
        "{failed:#?}"
    );
    proxy.restore();
    fixture.service.wait_for(&ids[0]).await;
    assert_eq!(ids, fixture.listed().await);
    assert_eq!(3, redrive().run().await.succeeded().json()["moved"]);
    fixture.service.wait_for(&ids[2]).await;
    let delivered: Vec<_> = fixture.service.attempts().iter().map(|attempt| attempt.message_id().to_owned()).collect();
    assert_eq!(ids, delivered, "each once and in order");
    assert!(fixture.listed().await.is_empty());
}

#[tokio::test]
async fn a_message_of_another_version_is_listed_as_unreadable_and_moved_only_on_request() {
    let _alone = DEAD_LETTERS.lock().await;
    let fixture = Fixture::start().await;
    let body = json!({"version": 99, "customer": ADDRESS, "text": TEXT}).to_string();
    let group = Uuid::new_v4().to_string();
    fixture.send_as(&fixture.dead_letter_queue, &group, &group, body).await;
    let in_group = |listing: &Value| -> Vec<Value> {
        let all = listing["deadLetters"].as_array().unwrap().iter();
        all.filter(|shown| shown["group"] == group.as_str()).cloned().collect()
    };
    let list = Command::new(&["--json", "dead-letters", "list"]);
    for command in [list.clone(), list] {
        let ran = command.run().await.succeeded();
        hides(&ran);
        let found = in_group(&ran.json());
        assert_eq!((1, json!("unreadable")), (found.len(), found[0]["kind"].clone()), "{ran:#?}");
    }
    let dry_run = ["--json", "dead-letters", "redrive", "--dry-run"];
    let without = patchbay(&dry_run).await.succeeded().json();
    let with = Command::new(&dry_run).with(&["--unreadable"]).run().await.succeeded().json();
    assert!(without["skipped"].as_u64().unwrap() >= 1, "{without}");
    assert!(with["byIntegration"]["(unreadable)"].as_u64().unwrap() >= 1, "{with}");
    fixture.delete_group(&group).await;
}

impl Fixture {
    /// Deletes the messages of a group from the dead-letter queue.
    async fn delete_group(&self, group: &str) {
        use aws_sdk_sqs::types::MessageSystemAttributeName::MessageGroupId;
        let request = self.stack.sqs.receive_message().queue_url(&self.dead_letter_queue).max_number_of_messages(10);
        let answer = request.visibility_timeout(1).message_system_attribute_names(MessageGroupId).send().await.unwrap();
        for message in answer.messages() {
            if message.attributes().and_then(|attributes| attributes.get(&MessageGroupId)).is_some_and(|id| id == group)
            {
                let deletion = self.stack.sqs.delete_message().queue_url(&self.dead_letter_queue);
                deletion.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
            }
        }
    }
}
