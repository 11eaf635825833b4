//! `patchbay doctor` reports no fault when all is well. Otherwise it names the fault and what to do about it, and
//! nothing else.

use crate::cli::doctor_fixture::{Fixture, Report, URL_KEY};
use crate::observability::logs::log_with;
use aws_sdk_iam::Client as Iam;
use serde_json::json;
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::caller::{BEARER_TOKEN, CALLER_SECRET};
use tests::harness::command::Command;
use tests::harness::stack::{SIGNING_SECRET, Stack};
use tests::simulators::genesys_cloud;
use tests::simulators::highlevel::api::{HighLevel, TOKEN};
use tests::simulators::highlevel::{self, Keys};
use tests::simulators::messaging_service::{MessagingService, Reply, WAIT_TIMEOUT};
use tests::simulators::multicloud_cx;
use tests::simulators::multicloud_cx::api::{APP_SECRET, MulticloudCx};
use uuid::Uuid;

#[tokio::test]
async fn a_healthy_integration_on_a_healthy_stack_passes() {
    let fixture = Fixture::new().await;
    let report = fixture.run_doctor().await;
    assert_eq!((0, json!(0)), (report.ran.code, report.json["faults"].clone()), "{:#}", report.json);
    assert!(report.names("skipped").is_empty(), "{:#}", report.json);
    for name in [
        "region",
        "credentials",
        "clock",
        "own permissions",
        "stack",
        "outputs",
        "version",
        "POST …/webhook",
        "POST …/agentless",
        "POST …/conversations/{conversationId}/communications/{communicationId}/typing",
        "WebhookReceiver's permissions",
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
        [(channel, "accepts the platform's signature"), (location, "refuses a forged signature")]
    {
        let ran = Command::new(&["doctor", integration.name.as_str(), "--json"]).run().await.succeeded();
        for secret in [APP_SECRET, TOKEN, SIGNING_SECRET, BEARER_TOKEN] {
            assert!(!ran.all_output().contains(secret), "it shows the secret {secret}: {ran:#?}");
        }
        let report = Report { json: ran.json(), ran };
        assert_eq!(vec!["platform credentials"], report.names("skipped"), "{:#}", report.json);
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
        "{:#}",
        report.json
    );
    report.assert_check("callers' credentials", "`crm` of", "give each caller of each integration its own");
    report.assert_check("caller crm", "its credential is accepted, for receipts only", "");
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
async fn a_role_that_may_not_look_users_up_is_a_warning_where_cards_go_to_users() {
    let fixture = Fixture::new().await;
    fixture.platform.revoke_permission("directory:user:view");
    let report = fixture.run_doctor().await;
    assert_eq!("warning", report.check("users by email address")["verdict"], "{:#}", report.json);
    report.assert_check("users by email address", "may not look users up", "directory:user:view");
    fixture.send_cards_to_customers().await;
    fixture.run_doctor().await.assert_skipped(&["users by email address"], "cards go to customers");
}

#[tokio::test]
async fn the_permissions_that_the_conversation_routes_need_are_named() {
    const VIEW: &str = "conversation:communication:view";
    const DISCONNECT: &str = "conversation:communication:disconnect";
    let fixture = Fixture::new().await;
    let lacks = async |expected: &str| {
        let report = fixture.run_doctor().await;
        assert_eq!((0, "warning"), (report.ran.code, report.check("conversations")["verdict"].as_str().unwrap()));
        report.assert_check("conversations", &format!("role lacks {expected}"), "restrict the callers' routes");
        report.check("conversations")["seen"].as_str().unwrap().to_owned()
    };
    fixture.platform.revoke_permission(DISCONNECT);
    assert!(!lacks(DISCONNECT).await.contains(VIEW));
    fixture.platform.revoke_permission(VIEW);
    lacks(&format!("{VIEW} and {DISCONNECT}")).await;
    let callers = |routes: &[&str]| {
        json!([{"name": "crm", "signingSecret": CALLER_SECRET, "routes": routes},
            {"name": "flows", "bearerToken": BEARER_TOKEN, "routes": ["agentless"]}])
    };
    fixture.configure("/callers", callers(&["agent"])).await;
    assert!(!lacks(VIEW).await.contains(DISCONNECT), "no caller may end a conversation");
    fixture.configure("/callers", callers(&["receipts"])).await;
    fixture.run_doctor().await.assert_skipped(&["conversations"], "no caller may use the routes");
    assert!(fixture.platform.calls_of("end-conversation").is_empty());
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
async fn a_signing_secret_that_is_not_the_messaging_services_is_named() {
    let fixture = Fixture::new().await;
    fixture.configure("/delivery/signingSecrets", json!([CALLER_SECRET])).await;
    let report = fixture.run_doctor().await;
    report.assert_only_fault("messaging service", "refuses the signature", "--show-secrets` shows it");
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
        "POST …/agentless refuses its credential",
        "changes the request's headers",
    );
    proxy.drop_header("x-hub-signature-256");
    let report = fixture.run_doctor_with(fixture.command().env("API_URL", &api_url)).await;
    assert_eq!(vec!["caller flows", "webhook"], report.names("fault"), "{:#}", report.json);
    report.assert_check("webhook", "refuses a signature by the integration's webhook secret", "SECRET_PREFIX");
}

/// A copy of a function's role for the doctor to check. Other tests need the function's real role.
struct Role {
    iam: Iam,
    original: String,
    name: String,
    document: String,
}

impl Role {
    const POLICY: &str = "copy";

    async fn of(function: &str) -> Self {
        let aws = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        let stack = aws_sdk_cloudformation::Client::new(&aws).describe_stack_resources().stack_name("patchbay");
        let resources = stack.send().await.expect("the stack is there");
        let id = format!("{function}Role");
        let role = resources.stack_resources().iter().find(|one| one.logical_resource_id() == Some(id.as_str()));
        let original = role.and_then(|role| role.physical_resource_id()).expect("a role").to_owned();
        let iam = Iam::new(&aws);
        let policies = iam.list_role_policies().role_name(&original).send().await.expect("policies");
        let policy = policies.policy_names().first().expect("a policy").clone();
        let document = iam.get_role_policy().role_name(&original).policy_name(&policy).send().await.expect("a policy");
        let encoded = format!("document={}", document.policy_document());
        let (_, document) = url::form_urlencoded::parse(encoded.as_bytes()).next().expect("a document");
        let document = document.into_owned();
        let name = format!("copy-{}", Uuid::new_v4());
        let trusted = json!({"Version": "2012-10-17", "Statement": []}).to_string();
        let found = iam.get_role().role_name(&original).send().await.expect("the role");
        let path = found.role().expect("a role").path();
        let create = iam.create_role().role_name(&name).path(path).assume_role_policy_document(trusted);
        create.send().await.expect("a role");
        Self { iam, original, name, document }
    }

    async fn put(&self, document: &str) {
        let put = self.iam.put_role_policy().role_name(&self.name).policy_name(Self::POLICY);
        put.policy_document(document).send().await.expect("the policy is written");
    }

    fn without(&self, action: &str) -> String {
        assert!(self.document.contains(&format!("\"{action}\"")), "{}", self.document);
        self.document.replace(&format!("\"{action}\""), "\"dynamodb:ListTables\"")
    }
}

#[tokio::test]
async fn an_action_that_a_functions_role_does_not_allow_is_named_with_its_resource() {
    let fixture = Fixture::new().await;
    let (role, proxy) = (Role::of("MessageDispatcher").await, AwsProxy::start().await);
    proxy.rewrite("ListStackResources", &role.original, &role.name);
    let command = || fixture.command().env("AWS_ENDPOINT_URL", &proxy.url);
    role.put(&role.without("dynamodb:UpdateItem")).await;
    let report = fixture.run_doctor_with(command()).await;
    let seen = "MessageDispatcher lacks dynamodb:UpdateItem on arn:aws:dynamodb:eu-central-1:";
    report.assert_only_fault("MessageDispatcher's permissions", seen, &role.name);
    report.assert_check("MessageDispatcher's permissions", &fixture.stack.ledger_table, "make deploy");
    role.put(&role.document).await;
    assert_eq!(0, fixture.run_doctor_with(command()).await.ran.code);
}

#[tokio::test]
async fn a_kms_key_that_the_functions_roles_do_not_allow_is_named() {
    let fixture = Fixture::new().await;
    let proxy = AwsProxy::start().await;
    let (key, parameter) = ("arn:aws:kms:eu-central-1:000000000000:key/own", "<ParameterKey>KmsKeyArn</ParameterKey>");
    let value = |arn: &str| format!("{parameter}<ParameterValue>{arn}</ParameterValue>");
    proxy.rewrite("DescribeStacks", &value(""), &value(key));
    let report = fixture.run_doctor_with(fixture.command().env("AWS_ENDPOINT_URL", &proxy.url)).await;
    // This stack has no KMS key, and neither do its roles allow one.
    assert_eq!(8, report.names("fault").len(), "{:#}", report.json);
    for (function, actions) in [
        ("WebhookReceiver", &["kms:Decrypt", "kms:GenerateDataKey"][..]),
        ("MessageDispatcher", &["kms:Decrypt", "kms:GenerateDataKey"]),
        ("AgentlessSender", &["kms:Decrypt", "kms:GenerateDataKey"]),
        ("AgentSender", &["kms:Decrypt"]),
    ] {
        let lacks: Vec<_> = actions.iter().map(|action| format!("{action} on {key}")).collect();
        let seen = format!("{function} lacks {}", lacks.join(", "));
        assert_eq!(seen, report.check(&format!("{function}'s permissions"))["seen"].as_str().unwrap());
    }
}

#[tokio::test]
async fn of_several_integrations_of_a_platform_one_gets_a_wrong_signature() {
    let (one, other) = (Fixture::new().await, Fixture::new().await);
    let proxy = AwsProxy::start().await;
    let api_url = proxy.api_url(&one.stack.api_url);
    // A name that is given twice is checked once.
    let names = [other.integration.name.as_str(), one.integration.name.as_str()];
    let report = one.run_doctor_with(one.command().with(&names).env("API_URL", &api_url)).await;
    assert_eq!(0, report.ran.code, "{:#}", report.json);
    let checks = report.json["checks"].as_array().unwrap().iter().filter(|check| check["name"] == "webhook");
    let mut seen: Vec<_> = checks.map(|check| check["seen"].as_str().unwrap()).collect();
    seen.sort_unstable();
    let [tried, left_out] = seen[..] else { panic!("{seen:?}") };
    assert_eq!("accepts the platform's signature, and refuses a forged one", tried);
    assert!(left_out.ends_with("a forged one was tested with another integration"), "{left_out}");
    // The webhooks got invalid JSON: two correct signatures and a wrong one.
    assert_eq!(3, proxy.take_calls().iter().filter(|call| call.input.is_null()).count());
}

#[tokio::test]
async fn what_the_commands_own_user_may_not_do_is_named() {
    let fixture = Fixture::new().await;
    let proxy = AwsProxy::start().await;
    proxy.deny("DescribeTimeToLive");
    proxy.deny("SimulatePrincipalPolicy");
    let report = fixture.run_doctor_with(fixture.command().env("AWS_ENDPOINT_URL", &proxy.url)).await;
    let lacks = "lacks dynamodb:DescribeTimeToLive, iam:SimulatePrincipalPolicy";
    report.assert_only_fault("own permissions", lacks, "dynamodb:DescribeTimeToLive");
    report.assert_skipped(&["ledger"], "lacks dynamodb:DescribeTimeToLive");
    report.assert_skipped(&["CardSender's permissions"], "lacks iam:SimulatePrincipalPolicy");
    proxy.deny("DescribeStacks");
    let report = fixture.run_doctor_with(fixture.command().env("AWS_ENDPOINT_URL", &proxy.url)).await;
    report.assert_only_fault("own permissions", "lacks cloudformation:DescribeStacks", "cloudformation:DescribeStacks");
    report.assert_skipped(&["stack"], "lacks cloudformation:DescribeStacks");
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
    assert_eq!((0, json!("warning")), (report.ran.code, report.check(CIRCUIT)["verdict"].clone()), "{:#}", report.json);
    report.assert_check(CIRCUIT, "open: the messaging service has not answered", "--replace --timeout-seconds 10`");
    report.assert_check("circuit of the platform", "closed", "");
}

const CIRCUIT: &str = "circuit of the messaging service";

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
async fn a_messaging_service_that_ignores_test_deliveries_passes() {
    let fixture = Fixture::with_service(MessagingService::with_handler(|_, _| Reply::status(422)).await).await;
    let report = fixture.run_doctor().await;
    assert_eq!(0, report.ran.code, "{:#}", report.json);
    report.assert_check("messaging service", "answers 422", "");
}
