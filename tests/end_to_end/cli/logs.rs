//! `patchbay logs`.

use crate::observability::logs::log_with;
use serde_json::{Value, json};
use tests::harness::aws_proxy::{AwsProxy, Call};
use tests::harness::command::{Command, patchbay};
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud;
use tests::simulators::messaging_service::{MessagingService, Reply};
use uuid::Uuid;

const ADDRESS: &str = "address-of-a-customer";
const TEXT: &str = "text-of-a-message";
const CTRL_C: &str = "\u{3}";

/// A message, whose lines are in the log.
struct Logged {
    stack: Stack,
    service: MessagingService,
    integration: TestIntegration,
    message_id: String,
    webhook_id: String,
}

impl Logged {
    /// It is delivered at the second attempt.
    async fn retried() -> Self {
        Self::with(|before| Reply::status(if before == 0 { 503 } else { 200 })).await
    }

    async fn with(reply: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        let service = MessagingService::with_handler(move |_, before| reply(before)).await;
        let stack = Stack::connect().await;
        let integration = stack.integration(&service.url, |_| {}).await;
        let webhook = genesys_cloud::text(&integration, ADDRESS, TEXT);
        webhook.accepted(&stack, &integration).await;
        let message_id = webhook.id();
        let webhook_id = service.wait_for(&message_id).await.id;
        log_with(integration.name.as_str(), &[("delivered", &message_id), ("accepted", &message_id)]).await;
        Self { stack, service, integration, message_id, webhook_id }
    }

    fn logs(&self, options: &[&str]) -> Command {
        Command::new(&["logs", "--integration", self.integration.name.as_str()]).with(options)
    }

    /// The lines as programs get them.
    async fn lines(&self, options: &[&str]) -> Vec<Value> {
        let ran = self.logs(options).with(&["--json"]).run().await.succeeded();
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The functions and outcomes of the lines.
    async fn outcomes(&self, options: &[&str]) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        self.lines(options).await.iter().map(|line| (text(&line["function"]), text(&line["outcome"]))).collect()
    }
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(function, outcome)| ((*function).to_owned(), (*outcome).to_owned())).collect()
}

const ACCEPTED: (&str, &str) = ("webhook-receiver", "accepted");
const RETRY: (&str, &str) = ("message-dispatcher", "retry");
const DELIVERED: (&str, &str) = ("message-dispatcher", "delivered");

#[tokio::test]
async fn the_lines_of_all_functions_are_shown_by_time_without_texts_and_addresses() {
    let logged = Logged::retried().await;
    let only_outcomes = ["--where", "outcome=accepted,retry,delivered"];
    assert_eq!(pairs(&[ACCEPTED, RETRY, DELIVERED]), logged.outcomes(&only_outcomes).await);
    let lines = logged.lines(&only_outcomes).await;
    assert!(lines.is_sorted_by_key(|line| line["timestamp"].as_str().unwrap().to_owned()), "{lines:?}");
    let people = logged.logs(&only_outcomes).run().await.succeeded();
    let shown: Vec<_> = people.stdout.lines().collect();
    assert_eq!(3, shown.len(), "{people:#?}");
    let name = &logged.integration.name;
    for (line, expected) in shown.iter().zip([
        format!("INFO webhook-receiver accepted integration={name} kind="),
        format!("WARN message-dispatcher retry integration={name} reason="),
        format!("INFO message-dispatcher delivered integration={name} "),
    ]) {
        let words: Vec<_> = line.split_whitespace().collect();
        assert!(words[0].parse::<jiff::Timestamp>().is_ok(), "{line}");
        assert!(words[1..].join(" ").starts_with(&expected), "{line}");
        assert!(line.contains(&format!("message_id={}", logged.message_id)), "{line}");
    }
    for hidden in [ADDRESS, TEXT, "\u{1b}"] {
        assert!(!people.contains(hidden), "{hidden}");
    }
}

#[tokio::test]
async fn lines_are_selected_by_level_function_field_and_any_id() {
    let logged = Logged::retried().await;
    assert_eq!(pairs(&[RETRY]), logged.outcomes(&["--level", "warn"]).await);
    assert_eq!(pairs(&[ACCEPTED]), logged.outcomes(&["--function", "webhook-receiver", "--level", "info"]).await);
    assert_eq!(pairs(&[DELIVERED]), logged.outcomes(&["--where", "outcome=delivered,failed"]).await);
    assert_eq!(pairs(&[]), logged.outcomes(&["--where", "outcome=delivered", "--level", "error"]).await);
    let request_id = logged.lines(&["--where", "outcome=accepted"]).await[0]["request_id"].as_str().unwrap().to_owned();
    for (id, expected) in [
        (&logged.message_id, &[ACCEPTED, RETRY, DELIVERED][..]),
        (&logged.webhook_id, &[ACCEPTED, RETRY, DELIVERED]),
        (&request_id, &[ACCEPTED]),
    ] {
        assert_eq!(pairs(expected), logged.outcomes(&["--message", id, "--level", "info"]).await, "{id}");
    }
    let later = jiff::Timestamp::now().to_string();
    assert_eq!(pairs(&[]), logged.outcomes(&["--since", &later]).await);
}

#[tokio::test]
async fn lines_are_counted_by_the_values_of_their_fields() {
    let logged = Logged::with(|before| Reply::status(if before < 2 { 503 } else { 200 })).await;
    let count = ["--where", "outcome=accepted,retry", "--count-by", "function,outcome"];
    let counted = logged.logs(&count).with(&["--json"]).run().await.succeeded().json();
    let row = |(function, outcome): (&str, &str), count: u64| json!([function, outcome, count]);
    let rows = counted.as_array().unwrap().iter().map(|row| json!([row["function"], row["outcome"], row["count"]]));
    assert_eq!(vec![row(RETRY, 2), row(ACCEPTED, 1)], rows.collect::<Vec<_>>());
    let last: Vec<jiff::Timestamp> = [0, 1].map(|row| counted[row]["last"].as_str().unwrap().parse().unwrap()).into();
    assert!(last[0] > last[1], "{counted}");
    let people = logged.logs(&count).run().await.succeeded();
    let cells = people.stdout.lines().map(|line| line.split_whitespace().take(3).collect());
    let cells: Vec<Vec<_>> = cells.collect();
    let expected = [["LINES", "FUNCTION", "OUTCOME"], ["2", RETRY.0, RETRY.1], ["1", ACCEPTED.0, ACCEPTED.1]];
    assert_eq!(expected.map(Vec::from).to_vec(), cells);
    let silent = logged.logs(&["--where", "outcome=no-such", "--count-by", "outcome"]);
    assert_eq!("[]", silent.with(&["--json"]).run().await.succeeded().stdout.trim());
    let _ = logged.logs(&["--count-by", "outcome", "--follow"]).run().await.exited_with(2);
}

#[tokio::test]
async fn followed_lines_are_shown_once_and_in_colour_until_ctrl_c() {
    let logged = Logged::with(|_| Reply::status(200)).await;
    let proxy = AwsProxy::start().await;
    let next = genesys_cloud::text(&logged.integration, ADDRESS, TEXT);
    let (id, next_id) = (logged.message_id.clone(), next.id());
    let follow = logged.logs(&["--follow", "--level", "info"]).env("AWS_ENDPOINT_URL", &proxy.url).env("TERM", "xterm");
    let shown = format!("message_id={next_id}");
    let running = tokio::spawn(async move { follow.run_in_terminal(&[(&shown, CTRL_C)]).await });
    // A poll reads the lines of the last 30 seconds again.
    proxy.wait_until(|calls| polls(calls).len() > 2).await;
    next.accepted(&logged.stack, &logged.integration).await;
    logged.service.wait_for(&next_id).await;
    let ran = running.await.unwrap().succeeded();
    let of_first: Vec<_> = ran.stdout.lines().filter(|line| line.contains(&id)).collect();
    let count = |outcome: &str| of_first.iter().filter(|line| line.contains(&format!(" {outcome} "))).count();
    assert_eq!((2, 1, 1), (of_first.len(), count("accepted"), count("delivered")), "{ran:#?}");
    assert!(of_first.iter().all(|line| line.contains("\u{1b}[32mINFO \u{1b}[0m")), "{of_first:?}");
}

/// The times since which a poll reads the dispatcher's log.
fn polls(calls: &[Call]) -> Vec<i64> {
    let is_poll = |input: &&Value| {
        input["nextToken"].is_null() && input["logGroupName"].as_str().is_some_and(|name| name.contains("Dispatcher"))
    };
    let polls = calls.iter().filter(|call| call.operation == "FilterLogEvents").map(|call| &call.input);
    polls.filter(is_poll).map(|input| input["startTime"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_followed_log_is_not_read_from_the_start_again_while_no_line_matches() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    let (proxy, webhook) = (AwsProxy::start().await, genesys_cloud::text(&integration, ADDRESS, TEXT));
    let id = webhook.id();
    let follow = Command::new(&["logs", "--follow", "--since", "1h", "--message", &id]);
    let (follow, shown) = (follow.env("AWS_ENDPOINT_URL", &proxy.url), format!("message_id={id}"));
    let running = tokio::spawn(async move { follow.run_in_terminal(&[(&shown, CTRL_C)]).await });
    let is_later = |polls: &[i64]| polls.iter().any(|start| start - polls[0] > 59 * 60 * 1_000);
    proxy.wait_until(|calls| is_later(&polls(calls))).await;
    webhook.accepted(&stack, &integration).await;
    let ran = running.await.unwrap().succeeded();
    assert!(ran.stdout.contains(" accepted "), "{ran:#?}");
}

#[tokio::test]
async fn a_followed_log_that_cannot_be_read_for_a_while_is_followed_further() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    let (proxy, webhook) = (AwsProxy::start().await, genesys_cloud::text(&integration, ADDRESS, TEXT));
    let id = webhook.id();
    proxy.fail_operation("FilterLogEvents");
    let follow = Command::new(&["logs", "--follow", "--function", "webhook-receiver", "--message", &id]);
    let (follow, shown) = (follow.env("AWS_ENDPOINT_URL", &proxy.url), format!("message_id={id}"));
    let running = tokio::spawn(async move { follow.run_in_terminal(&[(&shown, CTRL_C)]).await });
    // The SDK makes three attempts at each call.
    let attempts = |calls: &[Call]| calls.iter().filter(|call| call.operation == "FilterLogEvents").count();
    proxy.wait_until(|calls| attempts(calls) > 3).await;
    proxy.restore();
    webhook.accepted(&stack, &integration).await;
    let ran = running.await.unwrap().succeeded();
    let notices = ran.stdout.lines().filter(|line| line.contains(": trying again")).count();
    assert_eq!(1, notices, "once for the same problem: {ran:#?}");
}

#[tokio::test]
async fn a_followed_log_that_may_no_longer_be_read_ends() {
    let (_stack, proxy) = (Stack::connect().await, AwsProxy::start().await);
    let follow =
        Command::new(&["logs", "--follow", "--function", "webhook-receiver"]).env("AWS_ENDPOINT_URL", &proxy.url);
    let running = tokio::spawn(follow.run());
    proxy.wait_for("FilterLogEvents").await;
    proxy.deny("FilterLogEvents");
    let ended = running.await.unwrap().exited_with(1);
    assert!(ended.stderr.contains("user lacks logs:FilterLogEvents"), "{ended:#?}");
}

#[tokio::test]
async fn a_number_with_decimals_is_found() {
    let logged = Logged::with(|_| Reply::status(200)).await;
    let delivered = &logged.lines(&["--where", "outcome=delivered"]).await[0];
    let age = delivered["age_seconds"].to_string();
    assert!(age.contains('.'), "{delivered:#}");
    assert_eq!(pairs(&[DELIVERED]), logged.outcomes(&["--where", &format!("age_seconds={age}")]).await);
}

#[tokio::test]
async fn a_wrong_name_is_an_error_and_silence_is_none() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    let silent = patchbay(&["logs", "--integration", integration.name.as_str()]).await.succeeded();
    assert!(silent.stdout.is_empty() && silent.stderr.contains("There is no such line since "), "{silent:#?}");
    let unknown = patchbay(&["logs", "--integration", "no-such-integration"]).await.exited_with(1);
    assert!(unknown.stderr.contains("no integration `no-such-integration`"), "{unknown:#?}");
    let function = patchbay(&["logs", "--function", "receiver"]).await.exited_with(2);
    for known in ["webhook-receiver", "conversation-events", "api-access"] {
        assert!(function.stderr.contains(known), "{function:#?}");
    }
    for wrong in
        [["--where", "outcome"], ["--where", "a=\"b\""], ["--message", "a b"], ["--level", "loud"], ["--since", "x"]]
    {
        let _ = Command::new(&["logs"]).with(&wrong).run().await.exited_with(2);
    }
    let none = Uuid::new_v4().to_string();
    assert_eq!("", patchbay(&["--json", "logs", "--message", &none, "--since", "2d"]).await.succeeded().stdout);
}

#[tokio::test]
async fn a_log_that_may_not_be_read_is_named() {
    let proxy = AwsProxy::start().await;
    proxy.deny("FilterLogEvents");
    let denied = Command::new(&["logs"]).env("AWS_ENDPOINT_URL", &proxy.url).run().await.exited_with(1);
    assert!(denied.stderr.contains("user lacks logs:FilterLogEvents"), "{denied:#?}");
    assert_eq!("", denied.stdout);
}
