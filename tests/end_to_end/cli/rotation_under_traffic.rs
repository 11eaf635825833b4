//! Secrets are rotated while messages flow. The other side switches at the moment when the command says so. No request
//! is refused and no message is lost.

use crate::observability::logs::log_with;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tests::harness::caller::{CALLER_SECRET, Request};
use tests::harness::command::{Command, CommandOutput};
use tests::harness::stack::{SIGNING_SECRET, Stack, TestIntegration, WEBHOOK_SECRET};
use tests::simulators::genesys_cloud;
use tests::simulators::genesys_cloud::api::GenesysCloud;
use tests::simulators::messaging_service::{MessagingService, Reply};
use tests::simulators::multicloud_cx;
use tests::simulators::multicloud_cx::api::{APP_SECRET, MulticloudCx};
use uuid::Uuid;

/// The new signing secret.
const NEXT_SIGNING_SECRET: &str = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
/// The interval between messages.
const PACE: Duration = Duration::from_millis(400);
/// The time limit until an unused secret can be dropped. Only a failing test waits that long.
const UNUSED_TIMEOUT: Duration = Duration::from_secs(150);

/// `patchbay integration rotate` of one secret.
pub(super) fn rotate(integration: &TestIntegration, secret: &str) -> Command {
    let stack_url = integration.api_url();
    let command = Command::new(&["integration", "rotate", integration.name.as_str(), "--secret", secret, "--json"]);
    command.env("API_URL", stack_url)
}

fn finish(integration: &TestIntegration, secret: &str) -> Command {
    rotate(integration, secret).with(&["--finish"])
}

/// Runs `work`, and repeats `step` until it has ended.
pub(super) async fn while_flowing<T>(work: impl Future<Output = T>, mut step: impl AsyncFnMut()) -> T {
    let ended = AtomicBool::new(false);
    let work = async {
        let result = work.await;
        ended.store(true, Ordering::SeqCst);
        result
    };
    let flow = async {
        while !ended.load(Ordering::SeqCst) {
            step().await;
            tokio::time::sleep(PACE).await;
        }
    };
    tokio::join!(work, flow).0
}

/// Finishes the rotation as soon as the command allows it: the old secret has just been used.
pub(crate) async fn finished_once_unused(finish: &Command) -> CommandOutput {
    let until = Instant::now() + UNUSED_TIMEOUT;
    loop {
        let ran = finish.clone().run().await;
        if ran.code == 0 {
            return ran;
        }
        assert!(ran.stderr.contains("is still used"), "{ran:#?}");
        assert!(Instant::now() < until, "{ran:#?}");
        tokio::time::sleep(PACE).await;
    }
}

/// Messages of one customer, in order.
struct Messages<'m> {
    stack: &'m Stack,
    integration: &'m TestIntegration,
    sent: Vec<String>,
}

impl Messages<'_> {
    async fn one_more(&mut self, secret: &str) {
        let webhook = genesys_cloud::text(self.integration, "c", "hello").signed_with(secret);
        webhook.accepted(self.stack, self.integration).await;
        self.sent.push(webhook.id());
    }
}

/// The ids of the delivered messages, without test deliveries.
fn delivered(service: &MessagingService) -> Vec<String> {
    let messages = service.attempts().into_iter().filter(|attempt| attempt.body["type"] != "test");
    messages.map(|attempt| attempt.message_id().to_owned()).collect()
}

#[tokio::test]
async fn the_signing_secret_is_rotated_without_a_refused_delivery() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    let mut messages = Messages { stack: &stack, integration: &integration, sent: Vec::new() };
    messages.one_more(WEBHOOK_SECRET).await;
    service.wait_for(messages.sent.last().unwrap()).await;

    let rotating = rotate(&integration, "signing").env("PATCHBAY_SIGNING_SECRET", NEXT_SIGNING_SECRET).run();
    let rotated = while_flowing(rotating, async || messages.one_more(WEBHOOK_SECRET).await).await.succeeded();
    service.secrets().change_to(&[NEXT_SIGNING_SECRET]);
    assert_eq!(json!(2), rotated.json()["good"]);
    for _ in 0..5 {
        messages.one_more(WEBHOOK_SECRET).await;
    }
    let finishing = finish(&integration, "signing").run();
    let _ = while_flowing(finishing, async || messages.one_more(WEBHOOK_SECRET).await).await.succeeded();
    messages.one_more(WEBHOOK_SECRET).await;

    service.wait_for(messages.sent.last().unwrap()).await;
    assert_eq!(messages.sent, delivered(&service));
}

#[tokio::test]
async fn a_signing_secret_is_not_dropped_before_the_messaging_service_accepts_the_new_one_on_its_own() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    let rotate = || rotate(&integration, "signing").env("PATCHBAY_SIGNING_SECRET", NEXT_SIGNING_SECRET);
    let written = rotate().with(&["--no-wait"]).run().await.succeeded().json();
    assert!(
        written["inUseFrom"].is_string() && written["next"].as_str().unwrap().contains("change nothing"),
        "{written}"
    );
    let at_once = finish(&integration, "signing").run().await.exited_with(1);
    assert!(at_once.stderr.contains("without the new secret until 20"), "{at_once:#?}");

    // The same command resumes an interrupted one.
    let interrupted = tokio::time::timeout(Duration::from_secs(5), rotate().run()).await;
    assert!(interrupted.is_err(), "{interrupted:#?}");
    let rotated = rotate().run().await.succeeded();
    assert_eq!(json!("the new secret is already stored next to the old one"), rotated.json()["steps"][0]);

    let too_early = finish(&integration, "signing").run().await.exited_with(1);
    assert!(too_early.stderr.contains("does not accept the new secret yet: status 401"), "{too_early:#?}");
    assert_eq!(1, service.secrets().refused());
    service.secrets().change_to(&[NEXT_SIGNING_SECRET]);
    let finished = finish(&integration, "signing").run().await.succeeded();
    assert_eq!(json!(1), finished.json()["good"]);
}

#[tokio::test]
async fn an_error_that_may_be_about_the_signature_does_not_prove_that_the_new_secret_is_accepted() {
    let service = MessagingService::with_handler(|attempt, _| {
        Reply::status(if attempt.body["type"] == "test" { 400 } else { 200 })
    })
    .await;
    let stack = Stack::connect().await;
    let integration = stack.integration(&service.url, |_| {}).await;
    let _ = rotate(&integration, "signing").env("PATCHBAY_SIGNING_SECRET", NEXT_SIGNING_SECRET).run().await.succeeded();
    service.secrets().change_to(&[NEXT_SIGNING_SECRET]);
    let refused = finish(&integration, "signing").run().await.exited_with(1);
    assert!(refused.stderr.contains("accepts the new secret: status 400 to a test delivery"), "{refused:#?}");
}

#[tokio::test]
async fn a_secret_that_may_be_in_use_is_dropped_only_with_force() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    let _ = rotate(&integration, "signing").with(&["--no-wait"]).run().await.succeeded();
    let refused = finish(&integration, "signing").run().await.exited_with(1);
    assert!(refused.stderr.contains("--force drops the old secret anyway"), "{refused:#?}");
    let forced = finish(&integration, "signing").with(&["--force"]).run().await.succeeded();
    assert_eq!(json!(1), forced.json()["good"]);
}

#[tokio::test]
async fn a_messaging_service_that_accepts_neither_secret_gets_no_new_one() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    service.secrets().change_to(&[CALLER_SECRET]);
    let failed = rotate(&integration, "signing").run().await.exited_with(1);
    assert!(failed.stderr.contains("failed: status 401"), "{failed:#?}");
    assert!(!failed.all_output().contains("--show-secrets"), "{failed:#?}");
}

/// A new receipt.
fn receipt() -> Value {
    let id = Uuid::new_v4().simple().to_string();
    json!({"messageId": id, "to": {"id": "customer-1"}, "status": "delivered", "time": "2026-01-02T03:04:05Z"})
}

/// A caller posts a receipt, which is accepted.
pub(super) async fn receipt_is_posted(stack: &Stack, integration: &TestIntegration, by: impl Fn(Request) -> Request) {
    let answer = by(Request::new(&receipt())).post(stack, integration, "receipts").await;
    assert_eq!((200, "posted"), (answer.status.as_u16(), answer.body["outcome"].as_str().unwrap()), "{answer:?}");
}

/// A caller switches to the new secret when the command says so.
async fn caller_is_rotated(caller: &str, new: &str, by_old: fn(Request) -> Request, by_new: fn(Request) -> Request) {
    let (stack, platform) = (Stack::connect().await, GenesysCloud::start().await);
    let integration = stack
        .integration("http://127.0.0.1:9/", |configuration| {
            platform.host(configuration);
            for flows in
                configuration["callers"].as_array_mut().unwrap().iter_mut().filter(|one| one["name"] == "flows")
            {
                flows["routes"] = json!(["receipts"]);
            }
        })
        .await;
    let secret = format!("caller:{caller}");
    receipt_is_posted(&stack, &integration, by_old).await;

    let rotating = rotate(&integration, &secret).env("PATCHBAY_CALLER_SECRET", new).run();
    let _ = while_flowing(rotating, async || receipt_is_posted(&stack, &integration, by_old).await).await.succeeded();
    receipt_is_posted(&stack, &integration, by_new).await;
    let in_use = finish(&integration, &secret).run().await.exited_with(1);
    assert!(in_use.stderr.contains("the old secret is still used: "), "{in_use:#?}");

    let finish = finish(&integration, &secret);
    let _ =
        while_flowing(finished_once_unused(&finish), async || receipt_is_posted(&stack, &integration, by_new).await)
            .await;
    receipt_is_posted(&stack, &integration, by_new).await;
}

#[tokio::test]
async fn a_callers_signing_secret_is_rotated_without_a_refused_request() {
    let by_new = |request: Request| request.signed_with(NEXT_SIGNING_SECRET);
    caller_is_rotated("crm", NEXT_SIGNING_SECRET, |request| request.signed_with(CALLER_SECRET), by_new).await;
}

#[tokio::test]
async fn the_token_of_a_caller_with_restricted_routes_is_rotated_without_a_refused_request() {
    const NEXT: &str = "the-next-bearer-token-0123456789-abcdef";
    let by_new = |request: Request| request.header("authorization", &format!("Bearer {NEXT}"));
    caller_is_rotated("flows", NEXT, Request::with_bearer_token, by_new).await;
}

#[tokio::test]
async fn the_app_secret_is_rotated_without_a_refused_webhook_or_a_failed_call() {
    const NEXT: &str = "the-next-app-secret";
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let (platform, channel) = (MulticloudCx::start().await, Uuid::new_v4().to_string());
    let configuration = multicloud_cx::configuration(&platform.url, &channel, &service.url);
    let integration = stack.integration_of(&channel, &configuration).await;
    let mut sent = Vec::new();
    // The platform signs with the only secret that it also accepts.
    let mut exchange = async |secret: &str| {
        let webhook = multicloud_cx::sample("sms").fill(&channel, "customer-1").signed_with(secret);
        webhook.accepted(&stack, &integration).await;
        sent.push(webhook.id());
        receipt_is_posted(&stack, &integration, Request::signed).await;
    };
    exchange(APP_SECRET).await;
    let rotating = rotate(&integration, "app").env("PATCHBAY_APP_SECRET", NEXT).run();
    let _ = while_flowing(rotating, async || exchange(APP_SECRET).await).await.succeeded();
    platform.app_secrets().change_to(&[NEXT]);
    let refused_before = platform.app_secrets().refused();
    exchange(NEXT).await;
    let in_use = finish(&integration, "app").run().await.exited_with(1);
    assert!(in_use.stderr.contains("the old secret is still used: "), "{in_use:#?}");
    let finish = finish(&integration, "app");
    let _ = while_flowing(finished_once_unused(&finish), async || exchange(NEXT).await).await;
    exchange(NEXT).await;

    assert_eq!(refused_before, platform.app_secrets().refused(), "the platform with the new credential refused a call");
    service.wait_for(sent.last().unwrap()).await;
    assert_eq!(sent, delivered(&service));
}

/// The log lines about `integration` that report the use of an old secret, once there is one with this outcome.
async fn uses_of_old_secrets(integration: &TestIntegration, outcome: &str) -> Vec<Value> {
    let name = integration.name.as_str();
    let log = log_with(name, &[(outcome, "")]).await;
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["integration"] == name && line["secret"] == "previous").collect()
}

#[tokio::test]
async fn a_call_with_the_old_app_secret_within_a_callers_request_counts_as_a_use_of_the_app_secret() {
    let (stack, platform) = (Stack::connect().await, MulticloudCx::start().await);
    let channel = Uuid::new_v4().to_string();
    let mut configuration = multicloud_cx::configuration(&platform.url, &channel, "http://127.0.0.1:9/");
    configuration["appSecrets"] = json!(["the-next-app-secret", APP_SECRET]);
    let integration = stack.integration_of(&channel, &configuration).await;
    // The platform accepts the old secret only, and no webhook uses it.
    receipt_is_posted(&stack, &integration, Request::signed).await;
    let uses = uses_of_old_secrets(&integration, "previous_secret_used").await;
    assert_eq!(
        vec![json!("previous_secret_used")],
        uses.iter().map(|line| line["outcome"].clone()).collect::<Vec<_>>()
    );
    assert_eq!(Value::Null, uses[0]["caller"]);
}

#[tokio::test]
async fn a_request_with_a_callers_old_secret_counts_as_one_use_however_many_calls_it_makes() {
    // The command refuses a credential that a caller of another integration has, such as another test's.
    const NEXT: &str = "whsec_QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=";
    let (stack, platform) = (Stack::connect().await, GenesysCloud::start().await);
    let integration = stack
        .integration("http://127.0.0.1:9/", |configuration| {
            platform.host(configuration);
            let next = json!({"name": "crm", "signingSecret": NEXT});
            configuration["callers"].as_array_mut().unwrap().insert(0, next);
        })
        .await;
    receipt_is_posted(&stack, &integration, |request| request.signed_with(CALLER_SECRET)).await;
    let uses = uses_of_old_secrets(&integration, "\"answered\"").await;
    assert_eq!(vec![json!("answered")], uses.iter().map(|line| line["outcome"].clone()).collect::<Vec<_>>());
    assert_eq!("crm", uses[0]["caller"]);
}

#[tokio::test]
async fn the_webhook_secret_is_rotated_by_hand_without_a_refused_message() {
    const NEXT: &str = "the-next-webhook-secret";
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    let mut configuration = integration.configuration(&service.url);
    let mut messages = Messages { stack: &stack, integration: &integration, sent: Vec::new() };

    // Each step is one write by the operator. The platform then signs with the secret that it has at that time.
    for (secrets, signing) in [
        (json!([WEBHOOK_SECRET]), WEBHOOK_SECRET),
        (json!([NEXT, WEBHOOK_SECRET]), WEBHOOK_SECRET),
        (json!([NEXT, WEBHOOK_SECRET]), NEXT),
        (json!([NEXT]), NEXT),
    ] {
        configuration["webhookSecrets"] = secrets;
        integration.configure(&configuration).await;
        for _ in 0..3 {
            messages.one_more(signing).await;
        }
    }
    service.wait_for(messages.sent.last().unwrap()).await;
    assert_eq!(messages.sent, delivered(&service));
}

#[tokio::test]
async fn deliveries_are_signed_with_every_secret_so_that_the_messaging_service_can_rotate() {
    let stack = Stack::connect().await;
    let service = MessagingService::start().await;
    let integration = stack
        .integration(&service.url, |configuration| {
            configuration["delivery"]["signingSecrets"] = json!([NEXT_SIGNING_SECRET, SIGNING_SECRET]);
        })
        .await;
    // The service accepts only the second of the two.
    let webhook = genesys_cloud::text(&integration, "c", "hello");
    webhook.accepted(&stack, &integration).await;
    service.wait_for(&webhook.id()).await;
}
