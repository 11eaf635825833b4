//! `patchbay doctor` makes a test delivery, and says what the messaging service's answer means.

use crate::cli::doctor_fixture::{Fixture, URL_KEY};
use crate::observability::logs::log_with;
use serde_json::json;
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::caller::CALLER_SECRET;
use tests::harness::stack::SIGNING_SECRET;
use tests::simulators::genesys_cloud;
use tests::simulators::messaging_service::{MessagingService, Reply, WAIT_TIMEOUT};

const CIRCUIT: &str = "circuit of the messaging service";

#[tokio::test]
async fn a_messaging_service_that_does_not_answer_holds_up_no_other_check() {
    let silent = MessagingService::with_handler(|_, _| Reply::status(200).after(WAIT_TIMEOUT)).await;
    let fixture = Fixture::with_service(silent).await;
    let ran = fixture.command().run().await.exited_with(3);
    let lines: Vec<_> = ran.stdout.lines().collect();
    let place =
        |start: &str| lines.iter().position(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{ran:#?}"));
    let last = place("  ✗ messaging service: ");
    for other in ["  ✓ platform credentials: ", "  ✓ webhook: ", "  ✓ caller crm: ", "  ✓ circuit of the platform: "]
    {
        assert!(place(other) < last, "{ran:#?}");
    }
    assert!(place(&format!("integration {}", fixture.integration.name)) < place("  ✓ webhook: "), "{ran:#?}");
}

#[tokio::test]
async fn a_signing_secret_that_is_not_the_messaging_services_is_named() {
    let fixture = Fixture::new().await;
    fixture.configure("/delivery/signingSecrets", json!([CALLER_SECRET])).await;
    let report = fixture.run_doctor().await;
    report.assert_only_fault("messaging service", "refuses the signature", "--show-secrets` shows it");
}

#[tokio::test]
async fn an_outdated_configuration_in_the_functions_is_reported() {
    let fixture = Fixture::new().await;
    let proxy = AwsProxy::start().await;
    // As just after a change: the stored version is newer than the cached one.
    proxy.rewrite("GetSecretValue", "\"VersionId\": \"", "\"VersionId\": \"another-");
    let report = fixture.run_doctor_with(fixture.command().env("AWS_ENDPOINT_URL", &proxy.url)).await;
    assert_eq!((0, json!("warning")), (report.ran.code, report.check("messaging service")["verdict"].clone()));
    report.assert_check("messaging service", "it used the previous configuration", "for up to 10 s after a change");
}

#[tokio::test]
async fn a_messaging_service_that_is_down_is_named() {
    let fixture = Fixture::new().await;
    fixture.configure("/delivery/url", json!(format!("http://127.0.0.1:9/messages?key={URL_KEY}"))).await;
    let report = fixture.run_doctor().await;
    report.assert_only_fault(
        "messaging service",
        "http://127.0.0.1:9 refuses the connection",
        "start the messaging service",
    );
    let failing = Fixture::with_service(MessagingService::with_handler(|_, _| Reply::status(500)).await).await;
    let report = failing.run_doctor().await;
    report.assert_only_fault("messaging service", "answers 500", "see its logs");
}

#[tokio::test]
async fn an_endpoint_whose_circuit_is_open_is_a_warning() {
    let silent = MessagingService::with_handler(|_, _| Reply::status(200).after(WAIT_TIMEOUT)).await;
    let fixture = Fixture::with_service(silent).await;
    let delivery = json!({"url": fixture.service.url, "signingSecrets": [SIGNING_SECRET], "timeoutSeconds": 1});
    fixture.configure("/delivery", delivery).await;
    for customer in 0..6 {
        let text = genesys_cloud::text(&fixture.integration, &format!("customer-{customer}"), "hello");
        text.accepted(&fixture.stack, &fixture.integration).await;
    }
    let name = fixture.integration.name.as_str();
    log_with(name, &[("circuit_opened", "messaging-service")]).await;
    let report = fixture.run_doctor_with(fixture.command().with(&["--skip-delivery"])).await;
    assert_eq!((0, json!("warning")), (report.ran.code, report.check(CIRCUIT)["verdict"].clone()), "{report}");
    report.assert_check(CIRCUIT, "open: the messaging service has not answered", "--replace --timeout-seconds 10`");
    report.assert_check("circuit of the platform", "closed", "");
}

#[tokio::test]
async fn a_messaging_service_that_refuses_deliveries_is_named_with_what_happens_to_messages() {
    for (status, seen, advice) in [
        (404, "messages wait", "--replace --delivery-url URL`"),
        (410, "asks to be removed", "--replace --delivery-url URL`"),
        (413, "every message for it fails", "a gateway before it"),
    ] {
        let refusing = MessagingService::with_handler(move |_, _| Reply::status(status)).await;
        let report = Fixture::with_service(refusing).await.run_doctor().await;
        report.assert_only_fault("messaging service", &format!("answers {status}"), advice);
        report.assert_check("messaging service", seen, "");
    }
}

#[tokio::test]
async fn a_messaging_service_that_refuses_test_deliveries_is_a_warning_because_it_may_refuse_all() {
    let fixture = Fixture::with_service(MessagingService::with_handler(|_, _| Reply::status(422)).await).await;
    let report = fixture.run_doctor().await;
    assert_eq!(0, report.ran.code, "{report}");
    assert_eq!(json!("warning"), report.check("messaging service")["verdict"], "{report}");
    report.assert_check("messaging service", "answers 422", "401 to a wrong signature");
}
