//! `patchbay messages list` and `show`: which messages, why, and until when.

use crate::fixtures::WithPlatform;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::delivery::envelope::Envelope;
use shared::platform::PlatformName;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::caller::Request;
use tests::harness::command::{Command, CommandOutput};
use tests::harness::stack::{DEAD_LETTERS, FAILED_MESSAGES, Stack, TestIntegration};
use tests::simulators::genesys_cloud::api::Fault;
use tests::simulators::genesys_cloud::{self, WIRE, Webhook};
use tests::simulators::messaging_service::{MessagingService, Reply, WAIT_TIMEOUT};
use uuid::Uuid;

const ADDRESS: &str = "address-of-a-customer";
const TEXT: &str = "text-of-a-message";

/// An integration whose messaging service refuses all messages for now, until it is up.
struct Fixture {
    stack: Stack,
    service: MessagingService,
    integration: TestIntegration,
    is_up: Arc<AtomicBool>,
}

impl Fixture {
    async fn start(change: impl FnOnce(&mut Value)) -> Self {
        let is_up = Arc::new(AtomicBool::default());
        let up = Arc::clone(&is_up);
        let service = MessagingService::with_handler(move |_, _| {
            Reply::status(if up.load(Ordering::SeqCst) { 200 } else { 503 })
        });
        let (stack, service) = (Stack::connect().await, service.await);
        let integration = stack.integration(&service.url, change).await;
        Self { stack, service, integration, is_up }
    }

    async fn send(&self, customer: &str, conversation: &str) -> Webhook {
        let mut body = genesys_cloud::text(&self.integration, customer, TEXT).json();
        body["conversationId"] = conversation.into();
        let webhook = Webhook::new(body.to_string());
        webhook.accepted(&self.stack, &self.integration).await;
        webhook
    }

    fn list(&self, options: &[&str]) -> Command {
        Command::new(&["messages", "list", "--integration", self.integration.name.as_str()]).with(options)
    }

    /// What is listed, once it is enough.
    async fn listed(&self, options: &[&str], is_enough: impl Fn(&[Value]) -> bool) -> Value {
        wait_for(self.list(options), |listed| is_enough(listed["messages"].as_array().unwrap())).await
    }
}

/// The JSON that the command prints, once it is enough.
async fn wait_for(command: Command, is_enough: impl Fn(&Value) -> bool) -> Value {
    let command = command.with(&["--json"]);
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        let ran = command.clone().run().await.succeeded();
        hides(&ran);
        if is_enough(&ran.json()) {
            return ran.json();
        }
        assert!(Instant::now() < deadline, "{ran:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn shown(id: &str, is_enough: impl Fn(&Value) -> bool) -> Value {
    wait_for(Command::new(&["messages", "show", id]), is_enough).await
}

fn hides(ran: &CommandOutput) {
    for hidden in [ADDRESS, TEXT] {
        assert!(!ran.all_output().contains(hidden), "{hidden}: {ran:#?}");
    }
}

fn ids(listed: &Value) -> Vec<&str> {
    listed["messages"].as_array().unwrap().iter().map(|row| row["messageId"].as_str().unwrap()).collect()
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_failing_message_is_retrying_with_its_reason_and_times_and_its_customers_next_one_waits_behind_it() {
    let fixture = Fixture::start(|_| {}).await;
    let conversation = Uuid::new_v4().to_string();
    let first = fixture.send(ADDRESS, &conversation).await.id();
    let second = fixture.send(ADDRESS, &conversation).await.id();

    // The third failed attempt moves it.
    let on_retry_lane = |rows: &[Value]| rows.iter().any(|row| row["lane"] == "retry");
    let listed = fixture.listed(&["--status", "retrying"], on_retry_lane).await;
    assert_eq!(vec![first.as_str()], ids(&listed), "only the first of a customer is attempted");
    let row = &listed["messages"][0];
    assert_eq!(
        (json!("retrying"), json!("status 503"), json!("Text"), json!(conversation)),
        (row["status"].clone(), row["reason"].clone(), row["kind"].clone(), row["conversationId"].clone())
    );
    assert!(row["attempts"].as_u64().unwrap() >= 3, "{row}");
    assert!(time(&row["receivedAt"]) <= time(&row["since"]) && time(&row["since"]) < time(&row["lastAttemptAt"]));
    assert!(time(&row["lastAttemptAt"]) < time(&row["nextAttemptAt"]), "{row}");
    let patience = time(&row["givesUpAt"]).duration_since(time(&row["receivedAt"]));
    assert!((patience - SignedDuration::from_hours(6)).abs() < SignedDuration::from_secs(60), "{row}");

    for (since, expected) in [("since", 1), ("lastAttemptAt", 0)] {
        let options = ["--status", "retrying", "--since", row[since].as_str().unwrap(), "--json"];
        let ran = fixture.list(&options).run().await.succeeded();
        assert_eq!(expected, ran.json()["messages"].as_array().unwrap().len(), "{since}");
    }
    let group = row["group"].as_str().unwrap().to_owned();
    for (customer, expected) in [(ADDRESS, 1), (&group[..12], 1), ("another-customer", 0)] {
        let ran = fixture.list(&["--status", "retrying", "--customer", customer, "--json"]).run().await.succeeded();
        assert_eq!(expected, ran.json()["messages"].as_array().unwrap().len(), "{customer}");
    }
    let waiting = fixture.listed(&["--status", "waiting"], |rows| !rows.is_empty()).await;
    assert_eq!(vec![second.as_str()], ids(&waiting));
    let both = fixture.listed(&["--status", "retrying,waiting"], |rows| rows.len() == 2).await;
    assert_eq!(vec![first.as_str(), second.as_str()], ids(&both));
    let name = fixture.integration.name.as_str();
    let by_status = ["--json", "logs", "--integration", name, "--where", "outcome=retry", "--where", "status=503"];
    let lines = Command::new(&by_status).run().await.succeeded();
    assert!(lines.stdout.contains("\"status\":503"), "{lines:#?}");
    assert!(waiting["notes"][0].as_str().unwrap().contains("by the log and the ledger"), "{waiting}");

    let behind = shown(&second, |known| known["ledger"].as_array().unwrap().len() == 1).await;
    let behind = &behind["ledger"][0];
    assert_eq!(
        (json!("waiting"), json!(first), json!("retry")),
        (behind["state"].clone(), behind["behind"].clone(), behind["lane"].clone())
    );
    let webhook_id = row["webhookId"].as_str().unwrap();
    for id in [first.as_str(), webhook_id] {
        let known =
            shown(id, |known| known["log"].as_array().unwrap().iter().any(|line| line["outcome"] == "retry")).await;
        assert_eq!(1, known["ledger"].as_array().unwrap().len(), "{known}");
        let status = &known["ledger"][0];
        assert_eq!(
            (json!("status 503"), json!("retry")),
            (status["failedAttempt"]["reason"].clone(), status["lane"].clone())
        );
        assert!(known["log"].as_array().unwrap().iter().any(|line| line["reason"] == "status 503"), "{known}");
    }
    let both = shown(&conversation, |known| known["ledger"].as_array().unwrap().len() == 2).await;
    let mut of_conversation: Vec<_> =
        both["ledger"].as_array().unwrap().iter().map(|status| status["messageId"].as_str().unwrap()).collect();
    of_conversation.sort_unstable();
    let mut sent = [first.as_str(), second.as_str()];
    sent.sort_unstable();
    assert_eq!(sent, *of_conversation);

    fixture.is_up.store(true, Ordering::SeqCst);
    fixture.service.wait_for(&second).await;
    let listed = fixture.listed(&["--status", "retrying"], <[Value]>::is_empty).await;
    assert_eq!(json!(false), listed["cut"]);
    let known = shown(&first, |known| known["ledger"][0]["state"] == "delivered").await;
    assert!(known["ledger"][0].get("failedAttempt").is_none(), "{known}");
    let delivered = fixture.listed(&["--status", "delivered"], |rows| rows.len() == 2).await;
    assert_eq!(vec![first.as_str(), second.as_str()], ids(&delivered));
    let one = fixture.list(&["--status", "delivered", "--limit", "1", "--json"]).run().await.succeeded().json();
    assert_eq!((vec![first.as_str()], json!(true)), (ids(&one), one["cut"].clone()));
    let waiting = fixture.list(&["--status", "waiting", "--json"]).run().await.succeeded().json();
    assert_eq!(json!([]), waiting["messages"]);
}

#[tokio::test]
async fn the_tables_fit_60_and_120_columns() {
    let fixture = Fixture::start(|_| {}).await;
    let id = fixture.send(ADDRESS, &Uuid::new_v4().to_string()).await.id();
    fixture.listed(&["--status", "retrying"], |rows| !rows.is_empty()).await;
    for (columns, width) in [("60", 60), ("120", 120)] {
        let ran = fixture.list(&["--status", "retrying"]).env("COLUMNS", columns).run().await.succeeded();
        hides(&ran);
        assert!(ran.stdout.contains(&id) && ran.stdout.contains("status 503"), "{ran:#?}");
        let (table, notes) = ran.stdout.split_once("\n\n").unwrap();
        assert!(table.lines().all(|line| line.chars().count() <= width), "{table}");
        assert!(notes.contains("on the direct lane") && notes.contains("wait behind them"), "{notes}");
    }
    fixture.is_up.store(true, Ordering::SeqCst);
    fixture.service.wait_for(&id).await;
}

#[tokio::test]
async fn a_message_that_was_given_up_is_failed_with_the_reason_of_its_last_attempt_as_in_the_list_of_failed_messages() {
    let _alone = (DEAD_LETTERS.lock().await, FAILED_MESSAGES.lock().await);
    let fixture = Fixture::start(|configuration| configuration["delivery"]["giveUpAfterSeconds"] = 1.into()).await;
    let id = fixture.send(ADDRESS, &Uuid::new_v4().to_string()).await.id();
    let listed = fixture.listed(&["--status", "failed"], |rows| !rows.is_empty()).await;
    assert_eq!(vec![id.as_str()], ids(&listed));
    assert_eq!(json!("expired (status 503)"), listed["messages"][0]["reason"]);
    let name = fixture.integration.name.as_str();
    let failed = Command::new(&["--json", "failed", "list", "--integration", name]).run().await.succeeded().json();
    assert_eq!(
        (&listed["messages"][0]["webhookId"], &json!("status 503")),
        (&failed["failed"][0]["webhookId"], &failed["failed"][0]["error"])
    );
    let all = fixture.list(&["--json"]).run().await.succeeded().json();
    let rows: Vec<_> = all["messages"].as_array().unwrap().iter().map(|row| (&row["status"], &row["kind"])).collect();
    // Its receipt is retried, because the integration has no platform.
    assert!(rows.contains(&(&json!("failed"), &json!("Text"))), "{all}");
    assert!(rows.iter().all(|(_, kind)| [json!("Text"), json!("receipt to the platform")].contains(kind)), "{all}");

    let known = shown(&id, |known| known["ledger"][0]["state"] == "given-up").await;
    let status = &known["ledger"][0];
    assert_eq!((json!("expired"), json!("status 503")), (status["reason"].clone(), status["error"].clone()));
    assert_eq!(time(&listed["messages"][0]["since"]), time(&status["failedAt"]));
    let with_text = Command::new(&["--json", "messages", "show", &id, "--show-text"]).run().await.succeeded().json();
    assert_eq!(
        (json!("parking queue"), json!(TEXT)),
        (with_text["texts"][0]["keptOn"].clone(), with_text["texts"][0]["delivery"]["data"]["text"].clone())
    );
}

#[tokio::test]
async fn the_text_of_a_dead_letter_is_shown_on_request() {
    let (_alone, _failed) = (DEAD_LETTERS.lock().await, FAILED_MESSAGES.lock().await);
    let fixture = Fixture::start(|_| {}).await;
    let webhook = genesys_cloud::text(&fixture.integration, ADDRESS, TEXT);
    let envelope =
        Envelope::new(fixture.integration.name.clone(), PlatformName::GenesysCloud, Timestamp::now(), &webhook.body)
            .unwrap();
    let queue = std::env::var("DEAD_LETTER_QUEUE_URL").unwrap();
    let request = fixture.stack.sqs.send_message().queue_url(queue).message_group_id(Uuid::new_v4());
    let request = request.message_deduplication_id(Uuid::new_v4()).message_body(envelope.to_json().unwrap());
    request.send().await.unwrap();
    let ran = Command::new(&["--json", "messages", "show", &webhook.id(), "--text"]).run().await.succeeded();
    let text = &ran.json()["texts"][0];
    assert_eq!(
        (json!("dead-letter queue"), json!(TEXT)),
        (text["keptOn"].clone(), text["delivery"]["data"]["text"].clone())
    );
}

#[tokio::test]
async fn a_receipt_that_the_platform_does_not_accept_is_retrying() {
    let service = MessagingService::start().await;
    let WithPlatform { stack, platform, integration } = WithPlatform::delivering_to(&service.url, |configuration| {
        configuration["delivery"]["receipts"] = "on-accept".into();
    })
    .await;
    platform.fail_operation("receipt", std::iter::repeat_n(Fault::Status(503), 40));
    let webhook = genesys_cloud::text(&integration, ADDRESS, TEXT);
    webhook.accepted(&stack, &integration).await;
    let list = Command::new(&["messages", "list", "--status", "retrying", "--integration", integration.name.as_str()]);
    let listed = wait_for(list, |listed| !listed["messages"].as_array().unwrap().is_empty()).await;
    let row = &listed["messages"][0];
    assert_eq!(
        (json!("receipt to the platform"), json!(webhook.id())),
        (row["kind"].clone(), row["messageId"].clone())
    );
    assert!(!row["reason"].as_str().unwrap().is_empty(), "{row}");

    // The message itself was delivered.
    let key = row["ledgerKey"].as_str().unwrap();
    let known = shown(&webhook.id(), |known| known["ledger"].as_array().unwrap().len() == 2).await;
    let of = |state: &str| known["ledger"].as_array().unwrap().iter().find(|shown| shown["state"] == state).cloned();
    assert!(of("delivered").is_some(), "{known}");
    let receipt = [of("to-be-retried"), of("in-progress"), of("cut-off")].into_iter().flatten().next().unwrap();
    assert_eq!((json!(key), row["kind"].clone()), (receipt["key"].clone(), receipt["kind"].clone()));
    for known in ["attempt", "reason", "nextAttemptAt", "givesUpAt"] {
        assert!(receipt["failedAttempt"].get(known).is_some(), "{known}: {receipt}");
    }
    let by_key = shown(key, |known| !known["ledger"].as_array().unwrap().is_empty()).await;
    assert_eq!(json!(key), by_key["ledger"][0]["key"]);
    let people = Command::new(&["messages", "show", &webhook.id()]).run().await.succeeded();
    hides(&people);
    assert!(people.stdout.contains("delivered") && people.stdout.contains("receipt#"), "{people:#?}");
}

#[tokio::test]
async fn an_outdated_typing_event_is_shown_as_dropped_and_not_as_waiting() {
    let fixture = Fixture::start(|_| {}).await;
    let sample = WIRE.iter().find(|sample| sample.name == "typing").unwrap();
    let mut body = sample.fill(&fixture.integration.integration_id, ADDRESS).json();
    body["channel"]["time"] = json!(Timestamp::now() - SignedDuration::from_hours(1));
    let webhook = Webhook::new(body.to_string());
    webhook.accepted(&fixture.stack, &fixture.integration).await;
    let known =
        shown(&webhook.id(), |known| known["log"].as_array().unwrap().iter().any(|line| line["outcome"] == "dropped"))
            .await;
    let status = &known["ledger"][0];
    assert_eq!(
        (json!("dropped"), json!("stale typing event"), None),
        (status["state"].clone(), status["reason"].clone(), status.get("attempts"))
    );
}

#[tokio::test]
async fn the_messages_that_wait_longest_are_listed_whatever_accepted_them_and_however_many_were_delivered() {
    let fixture = Fixture::start(|configuration| {
        configuration["cards"] = json!({"route": "messaging-service", "textTrace": false});
    })
    .await;
    fixture.is_up.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let id = fixture.send(ADDRESS, &Uuid::new_v4().to_string()).await.id();
        fixture.service.wait_for(&id).await;
    }
    fixture.is_up.store(false, Ordering::SeqCst);
    fixture.send(ADDRESS, &Uuid::new_v4().to_string()).await;
    fixture.listed(&["--status", "retrying"], |rows| rows.len() == 1).await;
    let card = json!({"to": {"id": ADDRESS, "idType": "Opaque"}, "card": {"title": TEXT}});
    let card = Request::new(&card).with_bearer_token().post(&fixture.stack, &fixture.integration, "cards").await;
    let card = card.body["id"].as_str().unwrap().to_owned();
    let last = fixture.send(ADDRESS, &Uuid::new_v4().to_string()).await.id();
    let all = fixture.listed(&["--status", "waiting"], |rows| rows.len() == 2).await;
    assert_eq!((vec![card.as_str(), last.as_str()], json!(false)), (ids(&all), all["cut"].clone()));
    let one = fixture.listed(&["--status", "waiting", "--limit", "1"], |rows| rows.len() == 1).await;
    assert_eq!((vec![card.as_str()], json!(true)), (ids(&one), one["cut"].clone()));
    assert!(one["notes"].as_array().unwrap().iter().any(|note| note.as_str().unwrap().contains("--limit")), "{one}");
}

#[tokio::test]
async fn showing_a_conversation_takes_few_calls_however_many_messages_wait_in_it() {
    let (fixture, proxy) = (Fixture::start(|_| {}).await, AwsProxy::start().await);
    let conversation = Uuid::new_v4().to_string();
    let mut sent = Vec::new();
    for _ in 0..4 {
        sent.push(fixture.send(ADDRESS, &conversation).await.id());
    }
    fixture.listed(&["--status", "retrying"], |rows| rows.len() == 1).await;
    shown(&conversation, |known| known["ledger"].as_array().unwrap().len() == 4).await;
    let show = Command::new(&["messages", "show", &conversation, "--json"]).env("AWS_ENDPOINT_URL", &proxy.url);
    let known = show.run().await.succeeded().json();
    let behind = known["ledger"].as_array().unwrap().iter().filter(|shown| shown["behind"] == json!(sent[0]));
    assert_eq!(3, behind.count(), "{known}");
    let operations = proxy.take_operations();
    let calls = |name: &str| operations.iter().filter(|operation| *operation == name).count();
    // The records, what is retried, and the lanes; the index has 16 partitions.
    assert_eq!((0, 3, 16), (calls("GetItem"), calls("BatchGetItem"), calls("Query")), "{operations:?}");
}

#[tokio::test]
async fn a_stack_without_the_index_is_said_to_be_older_than_the_command() {
    let (fixture, proxy) = (Fixture::start(|_| {}).await, AwsProxy::start().await);
    fixture.is_up.store(true, Ordering::SeqCst);
    let id = fixture.send(ADDRESS, &Uuid::new_v4().to_string()).await.id();
    fixture.service.wait_for(&id).await;
    shown(&id, |known| known["ledger"][0]["state"] == "delivered").await;
    let table = fixture.stack.table_without_index().await;
    proxy.rewrite("DescribeStacks", &fixture.stack.ledger_table, &table);
    let said = "the stack is older than this command; upgrade it";
    let list = fixture.list(&["--status", "retrying"]).env("AWS_ENDPOINT_URL", &proxy.url);
    let ran = list.run().await.exited_with(1);
    assert!(ran.stderr.contains(said), "{ran:#?}");
    // What does not need the index is shown.
    let show = Command::new(&["messages", "show", &id, "--json"]).env("AWS_ENDPOINT_URL", &proxy.url);
    let ran = show.run().await.succeeded();
    assert_eq!(1, ran.json()["ledger"].as_array().unwrap().len());
    assert!(ran.json()["retryingError"].as_str().unwrap().contains(said), "{ran:#?}");
}

#[tokio::test]
async fn a_missing_integration_and_options_that_the_log_cannot_answer_are_refused() {
    for status in ["retrying", "failed", "waiting", "delivered"] {
        let list = Command::new(&["messages", "list", "--integration", "no-such-integration", "--status", status]);
        let ran = list.run().await.exited_with(1);
        assert!(ran.stderr.contains("there is no integration `no-such-integration`"), "{ran:#?}");
    }
    let ran = Command::new(&["messages", "list", "--status", "waiting", "--customer", "c"]).run().await.exited_with(2);
    assert!(ran.stderr.contains("the log does not name customers"), "{ran:#?}");
}
