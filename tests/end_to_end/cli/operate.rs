//! `patchbay webhook` and `messages`.

use crate::fixtures::WithPlatform;
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::caller::Request;
use tests::harness::command::{Command, CommandOutput, patchbay};
use tests::harness::listener::listen;
use tests::harness::stack::{SIGNING_SECRET, Stack, TestIntegration, WEBHOOK_SECRET};
use tests::simulators::genesys_cloud::api::Fault;
use tests::simulators::genesys_cloud::{self, WIRE};
use tests::simulators::highlevel::{self, Keys};
use tests::simulators::messaging_service::{Attempt, MessagingService, Reply, WAIT_TIMEOUT};
use tests::simulators::multicloud_cx;
use uuid::Uuid;

const ADDRESS: &str = "address-of-a-customer";
const TEXT: &str = "text-of-a-message";

fn webhook_test(integration: &TestIntegration, options: &[&str]) -> Command {
    Command::new(&["--json", "webhook", "test", integration.name.as_str()]).with(options)
}

fn show(options: &[&str]) -> Command {
    Command::new(&["--json", "messages", "show"]).with(options)
}

/// The delivery that a webhook test has caused.
async fn delivery_of(service: &MessagingService, ran: &CommandOutput) -> Attempt {
    let id = ran.json()["webhookId"].as_str().unwrap().to_owned();
    let attempts = service.wait_until(|attempts| attempts.iter().any(|attempt| attempt.id == id)).await;
    attempts.into_iter().find(|attempt| attempt.id == id).unwrap()
}

/// The output of `messages show` for this id, once it is complete enough.
async fn wait_for_shown(id: &str, enough: impl Fn(&Value) -> bool) -> CommandOutput {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        let ran = show(&[id]).run().await;
        if enough(&ran.json()) {
            return ran;
        }
        assert!(Instant::now() < deadline, "{ran:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A field of all entries in this list of the ledger's or the log's data, sorted.
fn said(known: &Value, list: &str, field: &str) -> Vec<String> {
    let list = known[list].as_array().unwrap().iter();
    let mut said: Vec<_> = list.map(|one| one[field].as_str().unwrap().to_owned()).collect();
    said.sort_unstable();
    said
}

#[tokio::test]
async fn the_webhook_of_genesys_cloud_is_tested_with_a_typing_event_up_to_its_delivery() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    let ran = webhook_test(&integration, &["--wait"]).run().await.succeeded();
    let report = ran.json();
    assert_eq!((json!(200), json!("delivered")), (report["status"].clone(), report["fate"]["state"].clone()));
    let attempt = delivery_of(&service, &ran).await;
    assert_eq!(json!("typing"), attempt.body["type"]);
    assert!(attempt.customer().starts_with("patchbay-test-"), "an address that belongs to no customer");
    assert_eq!(report["body"]["messageId"], attempt.message_id());
    for hidden in [WEBHOOK_SECRET, SIGNING_SECRET, "sha256="] {
        assert!(!ran.all_output().contains(hidden), "{hidden}: {ran:#?}");
    }
}

#[tokio::test]
async fn every_kind_of_sample_is_delivered_as_that_kind() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let genesys_cloud = stack.integration(&service.url, |_| {}).await;
    let channel = Uuid::new_v4().to_string();
    let configuration = multicloud_cx::configuration("http://127.0.0.1:9", &channel, &service.url);
    let multicloud_cx = stack.integration_of(&channel, &configuration).await;
    for (integration, options, expected) in [
        (&genesys_cloud, &["--kind", "receipt"][..], "receipt"),
        (&genesys_cloud, &["--text", TEXT, "--to", ADDRESS], "message.text"),
        (&multicloud_cx, &[], "receipt"),
        (&multicloud_cx, &["--kind", "text"], "message.text"),
        (&multicloud_cx, &["--kind", "email"], "message.email"),
        (&genesys_cloud, &["--kind", "file"], "message.text"),
        (&genesys_cloud, &["--kind", "quick-replies"], "message.structured"),
        (&genesys_cloud, &["--kind", "card"], "message.structured"),
        (&genesys_cloud, &["--kind", "carousel"], "message.structured"),
        (&genesys_cloud, &["--kind", "date-picker"], "message.structured"),
        (&genesys_cloud, &["--kind", "template"], "message.structured"),
    ] {
        let ran = webhook_test(integration, options).with(&["--wait"]).run().await.succeeded();
        let attempt = delivery_of(&service, &ran).await;
        assert_eq!(expected, attempt.body["type"], "{options:?}");
        if options.contains(&TEXT) {
            assert_eq!((TEXT, ADDRESS), (attempt.text(), attempt.customer()));
        }
        if options.contains(&"file") {
            assert_eq!(json!("parcel.png"), attempt.body["data"]["attachments"][0]["filename"], "{:#}", attempt.body);
        }
    }
    let wrong = webhook_test(&multicloud_cx, &["--kind", "typing"]).run().await.exited_with(2);
    assert!(wrong.stderr.contains("samples of multicloud-cx are receipt, text, file, email"), "{wrong:#?}");
}

#[tokio::test]
async fn a_webhook_of_highlevel_needs_a_key_that_the_integration_trusts() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let key = Ed25519KeyPair::generate().unwrap();
    let public: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    let trusted = BASE64.encode(public.as_ref());
    let integration = highlevel::integration(&stack, &Keys::generate(), &service.url, |configuration| {
        configuration["trustedKeys"] = json!([trusted]);
    })
    .await;
    let without = webhook_test(&integration, &[]).run().await.exited_with(2);
    assert!(
        without.stderr.contains("that only HighLevel has") && without.stderr.contains("--private-key"),
        "{without:#?}"
    );

    let file = format!("{}/key-{}.pem", env!("CARGO_TARGET_TMPDIR"), Uuid::new_v4());
    let pem = BASE64.encode(key.to_pkcs8v1().unwrap().as_ref());
    std::fs::write(&file, format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n")).unwrap();
    for (options, expected) in [
        (&[][..], "message.call"),
        (&["--text", TEXT], "message.text"),
        (&["--kind", "voicemail"], "message.voicemail"),
        (&["--kind", "email"], "message.email"),
    ] {
        let ran = webhook_test(&integration, options).with(&["--private-key", &file, "--wait"]).run().await.succeeded();
        assert_eq!(expected, delivery_of(&service, &ran).await.body["type"]);
        assert!(!ran.all_output().contains(&pem));
    }
    std::fs::write(&file, "no key").unwrap();
    let wrong = webhook_test(&integration, &["--private-key", &file]).run().await.exited_with(2);
    assert!(wrong.stderr.contains("is not an unencrypted Ed25519 private key"), "{wrong:#?}");
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn a_delivery_that_the_messaging_service_refuses_is_reported_with_its_status_and_receipt() {
    let service = MessagingService::with_handler(|_, _| Reply::status(410)).await;
    let WithPlatform { platform, integration, .. } = WithPlatform::delivering_to(&service.url, |_| {}).await;
    let ran = webhook_test(&integration, &["--text", TEXT, "--to", ADDRESS, "--wait"]).run().await.exited_with(1);
    assert!(ran.stderr.contains("refused by the messaging service"), "{ran:#?}");
    let fate = &ran.json()["fate"];
    assert_eq!(
        (json!("refused"), json!(410), json!(1)),
        (fate["state"].clone(), fate["status"].clone(), fate["attempts"].clone())
    );
    assert_eq!(json!({"status": "Failed", "reasons": ["InvalidDestination"]}), fate["receipt"]);
    platform.wait_for_calls_of("receipt", 1).await;

    let id = ran.json()["webhookId"].as_str().unwrap().to_owned();
    let shown = show(&[&id]).run().await.succeeded();
    let found = &shown.json()["ledger"][0];
    assert!(fate.as_object().unwrap().iter().all(|(field, value)| found[field] == *value), "{found}");
    let people = patchbay(&["messages", "show", &id, "--integration", integration.name.as_str()]).await.succeeded();
    for named in ["refused by the messaging service", "410", "Failed InvalidDestination", "in the ledger until"] {
        assert!(people.stdout.contains(named), "{named}: {people:#?}");
    }
    for hidden in [ADDRESS, TEXT] {
        assert!(!(shown.contains(hidden) || people.contains(hidden)), "{hidden}");
    }
}

#[tokio::test]
async fn a_message_that_is_not_delivered_in_time_is_reported_as_pending() {
    let service = MessagingService::with_handler(|_, _| Reply::status(503)).await;
    let stack = Stack::connect().await;
    let integration = stack.integration(&service.url, |_| {}).await;
    let ran = webhook_test(&integration, &["--text", TEXT, "--wait=1"]).run().await.exited_with(1);
    assert!(ran.stderr.contains("within 1 s: "), "{ran:#?}");
    let id = ran.json()["webhookId"].as_str().unwrap().to_owned();
    service.wait_until(|attempts| !attempts.is_empty()).await;
    let shown = show(&[&id]).run().await.succeeded().json();
    let state = shown["ledger"][0]["state"].as_str().unwrap();
    assert!(["to-be-retried", "in-progress"].contains(&state), "{shown}");
    assert!(shown["ledger"][0]["attempts"].as_u64().unwrap() >= 1);
}

#[tokio::test]
async fn a_captured_webhook_is_signed_again_and_a_duplicate_is_not_delivered() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    let captured = genesys_cloud::text(&integration, ADDRESS, TEXT);
    let body = String::from_utf8(captured.body.clone()).unwrap();
    for settled_before in [false, true] {
        let ran = webhook_test(&integration, &["--body", "-", "--wait"]).input(body.clone()).run().await.succeeded();
        assert_eq!(json!(settled_before), ran.json()["settledBefore"], "{ran:#?}");
        assert_eq!(captured.id(), ran.json()["body"]["messageId"]);
    }
    assert_eq!(1, service.attempts().len());
    let ran = webhook_test(&integration, &["--body", "-"]).input(body).run().await.succeeded();
    assert!(ran.json().get("settledBefore").is_none(), "the ledger was not read: {ran:#?}");
    let foreign = WIRE[0].fill(&Uuid::new_v4().to_string(), ADDRESS);
    let foreign = String::from_utf8(foreign.body).unwrap();
    let refused = webhook_test(&integration, &["--body", "-"]).input(foreign).run().await.exited_with(1);
    assert!(refused.stderr.contains("status 403"), "{refused:#?}");
}

#[tokio::test]
async fn calls_to_the_platform_are_no_steps_of_a_message_with_a_receipt() {
    let service = MessagingService::with_handler(|_, _| Reply::status(410)).await;
    let WithPlatform { stack, platform, integration } = WithPlatform::delivering_to(&service.url, |_| {}).await;
    // A call that fails has a line of its own.
    platform.fail_operation("receipt", [Fault::Status(503)]);
    let webhook = genesys_cloud::text(&integration, ADDRESS, TEXT);
    webhook.accepted(&stack, &integration).await;
    let enough = |known: &Value| said(known, "log", "outcome").contains(&"receipt_posted".to_owned());
    let known = wait_for_shown(&webhook.id(), enough).await.succeeded().json();
    assert_eq!(["accepted", "failed", "receipt_posted"], *said(&known, "log", "outcome"));
}

#[tokio::test]
async fn a_message_is_followed_by_the_platforms_id_through_the_log_to_the_ledger() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    let webhook = genesys_cloud::text(&integration, ADDRESS, TEXT);
    webhook.accepted(&stack, &integration).await;
    let attempt = service.wait_for(&webhook.id()).await;
    let id = webhook.id();
    // The dispatcher logs a batch's lines after the whole batch.
    let shown =
        wait_for_shown(&id, |known| said(known, "log", "outcome") == ["accepted", "delivered"]).await.succeeded();
    let known = shown.json();
    assert_eq!(format!("delivery#{}#{}", integration.name, &attempt.id[4..]), known["ledger"][0]["key"]);
    let trail: Vec<_> = known["log"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["function"].as_str().unwrap(), line["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(vec![("webhook-receiver", "accepted"), ("message-dispatcher", "delivered")], trail);
    assert!(known["log"][1]["ageSeconds"].is_f64());
    let people = patchbay(&["messages", "show", &id]).await.succeeded();
    assert!(people.stdout.contains("webhook-receiver") && people.stdout.contains("delivered"), "{people:#?}");
    for hidden in [ADDRESS, TEXT] {
        assert!(!(shown.contains(hidden) || people.contains(hidden)), "{hidden}");
    }
}

#[tokio::test]
async fn after_a_lost_response_the_command_says_whether_a_repeat_is_safe() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    let listener = listen();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let hangs_up = tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            connection.readable().await.unwrap();
        }
    });
    let lost = |options: &[&str]| webhook_test(&integration, options).with(&["--api-url", &url]);
    let ran = lost(&["--text", TEXT]).run().await.exited_with(1);
    for named in ["would be another message", "patchbay messages show msg_", integration.name.as_str()] {
        assert!(ran.stderr.contains(named), "{named}: {ran:#?}");
    }
    let captured = String::from_utf8(genesys_cloud::text(&integration, ADDRESS, TEXT).body).unwrap();
    let ran = lost(&["--body", "-"]).input(captured).run().await.exited_with(1);
    assert!(ran.stderr.contains("the same message is delivered only once"), "{ran:#?}");
    hangs_up.abort();
}

#[tokio::test]
async fn acceptance_is_reported_even_if_the_ledger_cannot_be_read_afterwards() {
    let service = MessagingService::with_handler(|_, _| Reply::status(503)).await;
    let (stack, proxy) = (Stack::connect().await, AwsProxy::start().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    let waits = webhook_test(&integration, &["--text", TEXT, "--wait"]).env("AWS_ENDPOINT_URL", &proxy.url);
    let running = tokio::spawn(waits.run());
    service.wait_until(|attempts| !attempts.is_empty()).await;
    proxy.deny("GetItem");
    let ran = running.await.unwrap().exited_with(1);
    assert!(ran.stderr.contains("it was accepted, but its delivery status cannot be read"), "{ran:#?}");
    assert_eq!((json!(200), json!(service.attempts()[0].id)), {
        let report = ran.json();
        (report["status"].clone(), report["webhookId"].clone())
    });
}

#[tokio::test]
async fn the_text_trace_of_a_card_is_reported_as_dropped() {
    let service = MessagingService::start().await;
    let fixture = WithPlatform::delivering_to(&service.url, |configuration| {
        configuration["cards"] = json!({"route": "messaging-service"});
    })
    .await;
    let integration = &fixture.integration;
    fixture.platform.connect(integration.webhook_url(), WEBHOOK_SECRET, &integration.integration_id);
    fixture.post_card(&json!({"to": "customer-1", "card": {"title": "Your table is ready"}})).await;
    let posted = fixture.platform.wait_for_webhooks(1).await;
    let id = posted[0].body["id"].as_str().unwrap();
    // The card's id is its text trace's id.
    let known = wait_for_shown(id, |known| said(known, "ledger", "state") == ["delivered", "dropped"]).await.json();
    let dropped = known["ledger"].as_array().unwrap().iter().find(|fate| fate["state"] == "dropped").unwrap();
    assert_eq!("text trace", dropped["reason"], "{known}");
    assert_eq!(vec![id], service.accepted().iter().map(Attempt::message_id).collect::<Vec<_>>(), "the card alone");
}

#[tokio::test]
async fn a_request_is_looked_up_by_its_key() {
    let fixture = WithPlatform::start().await;
    let request = Request::new(&json!({"toAddress": ADDRESS, "textBody": TEXT})).with_bearer_token();
    fixture.platform.fail([Fault::ResponseLost]);
    let name = fixture.integration.name.as_str();
    for (key, state) in [("lost", "unknown"), ("found", "done")] {
        request.clone().key(key).post(&fixture.stack, &fixture.integration, "agentless").await;
        let of_request = ["--integration", name, "--route", "agentless", "--caller", "flows", "--key", key];
        let shown = show(&of_request).run().await.succeeded();
        assert_eq!(state, shown.json()["ledger"][0]["state"]);
        for hidden in [ADDRESS, TEXT] {
            assert!(!shown.all_output().contains(hidden), "{hidden}: {shown:#?}");
        }
        // The ledger's key finds it, too.
        let ledger_key = shown.json()["ledger"][0]["key"].as_str().unwrap().to_owned();
        assert_eq!(shown.json(), show(&[&ledger_key]).run().await.succeeded().json());
    }
}

#[tokio::test]
async fn an_unknown_id_is_not_found_and_possible_causes_are_named() {
    let unknown = format!("msg_{}", "0".repeat(64));
    let ran = show(&[&unknown]).run().await.exited_with(1);
    assert!(ran.stderr.contains("older than the 35 days"), "{ran:#?}");
    assert_eq!(json!({"ledger": [], "log": []}), ran.json());
    let ran = show(&[&Uuid::new_v4().to_string()]).run().await.exited_with(1);
    assert!(ran.stderr.contains("no log line of the last 3 days has the message id"), "{ran:#?}");
    for wrong in [&["messages", "show"][..], &["messages", "show", "a b"], &["messages", "show", "--key", "k"]] {
        let _ = patchbay(wrong).await.exited_with(2);
    }
}

#[tokio::test]
async fn for_a_missing_integration_an_unknown_id_is_reported_as_the_integrations_error() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    let (unknown, id) = (format!("msg_{}", "0".repeat(64)), Uuid::new_v4().to_string());
    let of_request = ["--route", "agentless", "--caller", "flows", "--key", "k"];
    for options in [&[unknown.as_str()][..], &[id.as_str()], &of_request] {
        let ran = show(options).with(&["--integration", "no-such-integration"]).run().await.exited_with(1);
        assert!(ran.stderr.contains("there is no integration `no-such-integration`"), "{ran:#?}");
        let ran = show(options).with(&["--integration", integration.name.as_str()]).run().await.exited_with(1);
        assert!(!ran.stderr.contains("there is no integration"), "{ran:#?}");
    }
}

#[tokio::test]
async fn searching_for_an_idempotency_key_as_an_id_explains_how_to_find_requests() {
    for (key, code) in [("order-4711", 1), ("order 4711", 2)] {
        let ran = show(&[key]).run().await.exited_with(code);
        let said = "a caller's request is found with --key, --route, --caller and --integration";
        assert!(ran.stderr.contains(said), "{ran:#?}");
    }
}

#[tokio::test]
async fn an_invalid_api_url_is_a_usage_error_and_not_an_unknown_outcome() {
    for url in ["localhost:1", "a.execute-api.eu-central-1.amazonaws.com", "http://example.com"] {
        let test = Command::new(&["webhook", "test", "acme"]);
        for command in [test.clone().with(&["--api-url", url]), test.env("API_URL", url)] {
            let ran = command.run().await.exited_with(2);
            assert!(ran.stderr.contains("must be an https URL (plain http for this machine only)"), "{ran:#?}");
            assert!(ran.stderr.contains("ApiUrl") && !ran.stderr.contains("unknown"), "{ran:#?}");
        }
    }
}

#[tokio::test]
async fn the_help_of_a_webhook_test_says_how_long_it_waits() {
    let ran = patchbay(&["webhook", "test", "--help"]).await.succeeded();
    let help = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("at most this many seconds (60 without a value)"), "{help}");
}
