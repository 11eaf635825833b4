//! `patchbay doctor` reports no fault when all is well. Otherwise it names the fault and what to do about it, and
//! nothing else.

use crate::cli::doctor_fixture::{Fixture, Report};
use serde_json::json;
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::caller::{BEARER_TOKEN, CALLER_SECRET};
use tests::harness::command::Command;
use tests::harness::stack::{SIGNING_SECRET, Stack};
use tests::simulators::highlevel::api::{HighLevel, TOKEN};
use tests::simulators::highlevel::{self, Keys};
use tests::simulators::messaging_service::MessagingService;
use tests::simulators::multicloud_cx;
use tests::simulators::multicloud_cx::api::{APP_SECRET, MulticloudCx};
use uuid::Uuid;

#[tokio::test]
async fn a_healthy_integration_on_a_healthy_stack_passes() {
    let fixture = Fixture::new().await;
    let report = fixture.run_doctor().await;
    assert_eq!((0, json!(0)), (report.ran.code, report.json["faults"].clone()), "{report}");
    assert!(report.names("skipped").is_empty(), "{report}");
    for name in [
        "region",
        "credentials",
        "clock",
        "own permissions",
        "stack",
        "outputs",
        "version",
        "POST …/webhook",
        "POST …/channel",
        "POST …/channel/status/{token}",
        "GET …/channel/files/{token}",
        "POST …/agentless",
        "POST …/conversations/{conversationId}/communications/{communicationId}/typing",
        "WebhookReceiver's permissions",
        "ChannelReceiver's permissions",
        "MessageDispatcher's permissions",
        "AgentSender's permissions",
        "WebhookReceiver's state",
        "MessageDispatcher's state",
        "ConversationEvents's permissions",
        "ConversationEvents's state",
        "event source",
        "conversation events' rule",
        "ledger",
        "direct lane",
        "retry lane",
        "configuration",
        "platform credentials",
        "open messaging integration",
        "users by email address",
        "conversations",
        "typing",
        "media types",
        "identity resolution",
        "webhook",
        "caller crm",
        "caller flows",
        "messaging service",
        "circuit of the messaging service",
        "circuit of the platform",
    ] {
        assert_eq!("ok", report.check(name)["verdict"], "{:#}", report.check(name));
    }
    // Other tests on the stack have deliveries that fail, which is a warning.
    for trigger in ["direct lane's trigger", "retry lane's trigger", "conversation events' trigger"] {
        report.assert_check(trigger, "Enabled", "");
    }
    let attempts = fixture.service.attempts();
    assert_eq!(1, attempts.len());
    assert_eq!(
        (json!("test"), json!({"integration": fixture.integration.name.as_str()})),
        (attempts[0].body["type"].clone(), attempts[0].body["data"].clone())
    );
    // No other effects.
    let reads = ["integration", "messaging-setting", "supported-content", "identity-resolution", "user-search"];
    assert!(fixture.platform.calls().iter().all(|call| reads.contains(&call.operation)));
}

#[tokio::test]
async fn human_output_has_a_line_for_each_check_and_the_test_delivery_is_optional() {
    let fixture = Fixture::new().await;
    let ran = fixture.command().with(&["--skip-delivery"]).run().await.succeeded();
    fixture.assert_shows_no_secret(&ran);
    for line in ["\nthis machine\n", "  ✓ clock: ", "  ✓ webhook: ", "  – messaging service: ", "\n0 faults, "] {
        assert!(ran.stdout.contains(line), "{}", ran.stdout);
    }
    assert!(fixture.service.attempts().is_empty());
}

#[tokio::test]
async fn the_checks_without_side_effects_pass_for_the_other_platforms() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let (multicloud_cx, highlevel) = (MulticloudCx::start().await, HighLevel::start().await);
    let channel = Uuid::new_v4().to_string();
    let configured = multicloud_cx::configuration(&multicloud_cx.url, &channel, &service.url);
    let channel = stack.integration_of(&channel, &configured).await;
    let location = highlevel::integration(&stack, &Keys::generate(), &service.url, |document| {
        document["apiBaseUrl"] = highlevel.url.clone().into();
    })
    .await;
    for (integration, webhook) in
        [(channel, "accepts a signature by the stored secret"), (location, "refuses a forged signature")]
    {
        let ran = Command::new(&["doctor", integration.name.as_str(), "--json"]).run().await.succeeded();
        for secret in [APP_SECRET, TOKEN, SIGNING_SECRET, BEARER_TOKEN] {
            assert!(!ran.all_output().contains(secret), "it shows the secret {secret}: {ran:#?}");
        }
        let report = Report { json: ran.json(), ran };
        assert_eq!(vec!["platform credentials"], report.names("skipped"), "{report}");
        report.assert_check("webhook", webhook, "");
        for name in ["platform", "caller crm", "caller flows", "messaging service"] {
            assert_eq!("ok", report.check(name)["verdict"], "{:#}", report.check(name));
        }
    }
    assert!(multicloud_cx.calls().is_empty() && highlevel.calls().is_empty());
}

#[tokio::test]
async fn callers_with_a_shared_credential_or_restricted_routes_are_named() {
    let fixture = Fixture::new().await;
    let shared = json!([
        {"name": "crm", "signingSecret": CALLER_SECRET, "routes": ["receipts"]},
        {"name": "shop", "signingSecret": CALLER_SECRET, "routes": ["receipts"]},
    ]);
    fixture.configure("/callers", shared).await;
    let report = fixture.run_doctor().await;
    assert_eq!(
        (0, "warning"),
        (report.ran.code, report.check("callers' credentials")["verdict"].as_str().unwrap()),
        "{report}"
    );
    report.assert_check("callers' credentials", "`crm` of", "give each caller of each integration its own");
    report.assert_check("caller crm", "the stored credential is accepted, for receipts only", "");
}

#[tokio::test]
async fn a_wrong_client_secret_is_named() {
    let fixture = Fixture::new().await;
    fixture.configure("/clientSecret", json!("another-client-secret")).await;
    let report = fixture.run_doctor().await;
    report.assert_only_fault(
        "platform credentials",
        "refuses the OAuth client's id and secret: status 401",
        "--secret client",
    );
    report.assert_check(
        "platform credentials",
        "",
        &format!("`patchbay integration rotate {} ", fixture.integration.name),
    );
    report.assert_skipped(&["open messaging integration"], "there is no token");
}

#[tokio::test]
async fn an_event_in_the_dead_letter_queue_of_conversation_events_is_reported() {
    let fixture = Fixture::new().await;
    let (sqs, url) = (&fixture.stack.sqs, &fixture.stack.event_dead_letter_queue_url);
    sqs.send_message().queue_url(url).message_body(Uuid::new_v4().to_string()).send().await.unwrap();
    let report = fixture.run_doctor().await;
    let name = "conversation events' dead letters";
    assert_eq!((0, "warning"), (report.ran.code, report.check(name)["verdict"].as_str().unwrap()));
    report.assert_check(name, " waiting", "docs/operate.md#conversationeventdeadletters");
}

#[tokio::test]
async fn a_webhook_secret_that_is_not_the_platforms_is_named() {
    let fixture = Fixture::new().await;
    fixture.configure("/webhookSecrets", json!(["another-webhook-secret"])).await;
    let report = fixture.run_doctor().await;
    report.assert_only_fault(
        "open messaging integration",
        "a secret that the integration does not have",
        "patchbay integration add",
    );
}

#[tokio::test]
async fn fields_that_are_wrong_are_named_without_their_values() {
    let fixture = Fixture::new().await;
    fixture.configure("/webhookSecrets", json!(["too-short"])).await;
    let report = fixture.run_doctor().await;
    report.assert_only_fault("configuration", "/webhookSecrets", "`aws secretsmanager put-secret-value ");
    assert!(!report.ran.all_output().contains("too-short"));
}

#[tokio::test]
async fn a_missing_integration_is_named() {
    let fixture = Fixture::new().await;
    let report = fixture.run_doctor_with(Command::new(&["doctor", "nobodys"])).await;
    report.assert_only_fault("configuration", "there is no secret patchbay/nobodys", "patchbay integration list");
}

#[tokio::test]
async fn lost_credential_headers_are_named() {
    let fixture = Fixture::new().await;
    let proxy = AwsProxy::start().await;
    proxy.drop_header("authorization");
    let api_url = proxy.api_url(&fixture.stack.api_url);
    let report = fixture.run_doctor_with(fixture.command().env("API_URL", &api_url)).await;
    report.assert_only_fault(
        "caller flows",
        "POST …/agentless refuses the stored credential",
        "changes the request's headers",
    );
    proxy.drop_header("x-hub-signature-256");
    let report = fixture.run_doctor_with(fixture.command().env("API_URL", &api_url)).await;
    assert_eq!(vec!["caller flows", "webhook"], report.names("fault"), "{report}");
    report.assert_check("webhook", "refuses a signature by the integration's webhook secret", "SECRET_PREFIX");
}

#[tokio::test]
async fn of_several_integrations_of_a_platform_one_gets_a_wrong_signature() {
    let (one, other) = (Fixture::new().await, Fixture::new().await);
    let proxy = AwsProxy::start().await;
    let api_url = proxy.api_url(&one.stack.api_url);
    // A name that is given twice is checked once.
    let names = [other.integration.name.as_str(), one.integration.name.as_str()];
    let report = one.run_doctor_with(one.command().with(&names).env("API_URL", &api_url)).await;
    assert_eq!(0, report.ran.code, "{report}");
    let checks = report.json["checks"].as_array().unwrap().iter().filter(|check| check["name"] == "webhook");
    let mut seen: Vec<_> = checks.map(|check| check["seen"].as_str().unwrap()).collect();
    seen.sort_unstable();
    let [tried, left_out] = seen[..] else { panic!("{seen:?}") };
    assert_eq!("accepts a signature by the stored secret, and refuses a forged one", tried);
    assert!(left_out.ends_with("a forged one was tested with another integration"), "{left_out}");
    // The webhooks got invalid JSON: two correct signatures and a wrong one.
    assert_eq!(3, proxy.take_calls().iter().filter(|call| call.input.is_null()).count());
}
