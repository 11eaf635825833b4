//! A run that produces every metric, and the metrics that it produced.

use crate::callers::cards::{USER, card};
use crate::fixtures::WithPlatform;
use crate::observability::logs::{log_lines, log_with};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::delivery::envelope::{Envelope, ReceiptEnvelope};
use shared::delivery::queue::MessageQueue;
use shared::platform::PlatformName;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tests::harness::caller::Request;
use tests::harness::listener::listen;
use tests::harness::stack::{Stack, WEBHOOK_SECRET};
use tests::simulators::genesys_cloud;
use tests::simulators::genesys_cloud::api::Fault;
use tests::simulators::genesys_cloud::events::{EventSource, Session};
use tests::simulators::highlevel::api::HighLevel;
use tests::simulators::highlevel::{self, Keys};
use tests::simulators::messaging_service::{Attempt, MessagingService, Reply, WAIT_TIMEOUT};
use tests::simulators::multicloud_cx;
use tests::simulators::telegram::{Telegram, WEBHOOK_SECRET as SECRET};
use tests::spec::template::Named;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// One value under one of its dimension sets.
#[derive(Debug, Clone)]
pub(super) struct Counted {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) value: f64,
    /// The number of sets it was counted under.
    pub(super) sets: usize,
    pub(super) dimensions: BTreeMap<String, String>,
}

impl Counted {
    pub(super) fn names(&self) -> BTreeSet<&str> {
        self.dimensions.keys().map(String::as_str).collect()
    }

    /// The logical id of the function. The physical name consists of stack, logical id and a random part.
    pub(super) fn function(&self) -> &str {
        self.dimensions["FunctionName"].rsplit('-').nth(1).unwrap_or_default()
    }

    /// Whether the template's metric matches this.
    pub(super) fn is(&self, named: &Named) -> bool {
        named.metric == self.name
            && named.dimensions.keys().eq(self.dimensions.keys())
            && named.dimensions.iter().all(|(name, values)| {
                let value = if name == "FunctionName" { self.function() } else { &self.dimensions[name] };
                values.is_empty() || values.iter().any(|named| named == value)
            })
    }
}

/// One run is enough for all tests.
static RUN: OnceCell<()> = OnceCell::const_new();

/// Produces every metric in every function that writes it.
pub(super) async fn run() {
    RUN.get_or_init(produce_every_metric).await;
}

async fn produce_every_metric() {
    let requests = ROUTES.map(|(route, body)| requests(route, body));
    tokio::join!(
        deliveries(),
        futures::future::join_all(requests),
        calls_with_every_outcome(),
        unanswered_deliveries(),
        authorizations(),
        conversation_events(),
        channel_events()
    );
}

/// A customer's message through a channel, which the platform never gets, a forged one, and one to a faulty configuration.
async fn channel_events() {
    let (stack, telegram) = (Stack::connect().await, Telegram::start());
    let nowhere = "http://127.0.0.1:9/";
    let integration = stack.integration(nowhere, |configuration| {
        let mut channel = telegram.configuration(&stack.api_url);
        channel["giveUpAfterSeconds"] = 1.into();
        stack.set_channel(configuration, channel);
    });
    let integration = integration.await;
    let faulty = stack.integration(nowhere, |configuration| configuration["colour"] = "red".into()).await;
    let update = telegram.text(5_550_010, "hello");
    for (integration, secret, status) in
        [(&integration, SECRET, 200), (&integration, "another", 401), (&faulty, SECRET, 503)]
    {
        let answer = telegram.post_to(&integration.route_url("channel"), Some(secret), &update).await;
        assert_eq!(status, answer.status);
    }
}

/// The body of a request with this id.
type Body = fn(&str) -> Value;

/// A route of each caller function.
const ROUTES: [(&str, Body); 5] = [
    ("agentless", |id| json!({"toAddress": id, "textBody": "hello"})),
    ("receipts", |id| json!({"messageId": id, "to": {"id": "customer-1"}, "status": "delivered"})),
    ("cards", |_| json!({"userId": USER, "card": card()})),
    ("inbound/messages", |id| json!({"messageId": id, "from": {"id": "customer-1"}, "text": "hello", "time": TIME})),
    (AGENTS_MESSAGES, |_| json!({"textBody": "hello"})),
];
const AGENTS_MESSAGES: &str = "conversations/{conversation}/communications/{communication}/messages";
const TIME: &str = "2026-01-02T03:04:05Z";

/// Waits until `missing` returns nothing for the metrics of the stack, and returns them.
pub(super) async fn counted_until(missing: impl Fn(&[Counted]) -> Vec<String>) -> Vec<Counted> {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        let counted: Vec<_> = log_lines().iter().flat_map(counted).collect();
        let missing = missing(&counted);
        if missing.is_empty() {
            return counted;
        }
        assert!(Instant::now() < deadline, "was not counted: {missing:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The values of a log line: each metric under each dimension set.
fn counted(line: &Value) -> Vec<Counted> {
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten();
    let ours = directives.filter(|directive| directive["Namespace"] == "Patchbay");
    ours.flat_map(|directive| {
        assert!(line["_aws"]["Timestamp"].is_u64(), "{line}");
        let sets = directive["Dimensions"].as_array().unwrap();
        let metrics = directive["Metrics"].as_array().unwrap();
        metrics.iter().flat_map(move |metric| {
            let name = metric["Name"].as_str().unwrap();
            sets.iter().map(move |set| Counted {
                name: name.to_owned(),
                unit: metric["Unit"].as_str().unwrap().to_owned(),
                value: line[name].as_f64().unwrap_or_else(|| panic!("{line}")),
                sets: sets.len(),
                dimensions: set.as_array().unwrap().iter().map(|name| dimension(line, name)).collect(),
            })
        })
    })
    .collect()
}

fn dimension(line: &Value, name: &Value) -> (String, String) {
    let name = name.as_str().unwrap();
    (name.to_owned(), line[name].as_str().unwrap_or_else(|| panic!("{line}")).to_owned())
}

/// All outcomes of webhooks and deliveries.
async fn deliveries() {
    let service = MessagingService::with_handler(|attempt, before| {
        Reply::status(match attempt.text() {
            "refused" => 410,
            "late" => 503,
            "repeated" if before == 0 => 503,
            "good" => return Reply::status(200).body(r#"{"receipt": {"status": "lost"}}"#),
            _ => 200,
        })
    })
    .await;
    let fixture = WithPlatform::delivering_to(&service.url, |_| {}).await;
    let WithPlatform { stack, platform, integration } = &fixture;
    // With a token: the credentials are refused, then the platform fails, then it refuses the receipt.
    platform.fail_tokens([Fault::Status(401)]);
    let faults = [Fault::TokenRevoked, Fault::TokenRevoked, Fault::Status(503), Fault::Status(400)];
    platform.fail_operation("receipt", faults);
    // The refused receipt of the second message comes after that of the first.
    for text in ["good", "repeated", "refused", "refused"] {
        let webhook = genesys_cloud::text(integration, text, text);
        webhook.accepted(stack, integration).await;
        if text == "good" {
            service.wait_for(&webhook.id()).await;
            // SQS drops duplicates within five minutes, unless the deduplication id differs.
            let (name, now) = (integration.name.clone(), Timestamp::now());
            let envelope = Envelope::new(name, PlatformName::GenesysCloud, now, &webhook.body).unwrap();
            let again = stack.sqs.send_message().queue_url(&stack.queue_url).message_group_id("again");
            let again = again.message_deduplication_id(Uuid::new_v4()).message_body(envelope.to_json().unwrap());
            again.send().await.unwrap();
        }
    }
    let hasty = WithPlatform::delivering_to(&service.url, |configuration| {
        configuration["delivery"]["giveUpAfterSeconds"] = 1.into();
    })
    .await;
    genesys_cloud::text(&hasty.integration, "customer-1", "late").accepted(stack, &hasty.integration).await;
    let gone = gone_after_a_token().await;
    let lonely = stack.integration(&service.url, |configuration| {
        configuration["domain"] = gone.into();
        configuration["delivery"]["giveUpAfterSeconds"] = 1.into();
    });
    let lonely = lonely.await;
    genesys_cloud::text(&lonely, "customer-1", "refused").accepted(stack, &lonely).await;

    let times = |attempts: &[Attempt], text: &str| attempts.iter().filter(|attempt| attempt.text() == text).count();
    service
        .wait_until(|attempts| {
            times(attempts, "repeated") == 2 && times(attempts, "late") > 0 && times(attempts, "refused") == 3
        })
        .await;
    platform.wait_for_calls_of("receipt", 1).await;

    let forged = genesys_cloud::text(integration, "customer-1", "forged").signed_with("not-the-right-one");
    forged.post(stack, integration).await.assert_problem(401, "invalid-signature");
    let unknown_integration = format!("{}/integrations/no-such-integration/webhook", stack.api_url);
    forged.post_to(stack, &unknown_integration).await.assert_problem(404, "integration-not-found");
    let faulty = stack.integration(&service.url, |configuration| configuration["colour"] = "red".into()).await;
    forged.post(stack, &faulty).await.assert_problem(503, "unavailable");
}

/// Messages that wait for a messaging service that does not answer.
async fn unanswered_deliveries() {
    let service = MessagingService::with_handler(|_, _| Reply::status(200).after(WAIT_TIMEOUT)).await;
    let fixture = WithPlatform::delivering_to(&service.url, |configuration| {
        configuration["delivery"]["timeoutSeconds"] = 1.into();
    })
    .await;
    let WithPlatform { stack, integration, .. } = &fixture;
    for customer in 0..6 {
        let text = genesys_cloud::text(integration, &format!("customer-{customer}"), "hello");
        text.accepted(stack, integration).await;
    }
    let outcome = |outcome: &str| format!("\"outcome\":\"{outcome}\"");
    let (open, moved) = (outcome("circuit_open"), outcome("moved"));
    log_with(integration.name.as_str(), &[(&open, ""), (&moved, "")]).await;
}

/// All outcomes of a caller's request.
async fn requests(route: &'static str, body: Body) {
    let fixture = WithPlatform::start().await;
    let WithPlatform { stack, platform, integration } = &fixture;
    platform.add_user(USER, "ada@example.com");
    let conversation = platform.open_conversation(&integration.integration_id, "customer-1");
    let route = route
        .replace("{conversation}", &conversation.conversation_id)
        .replace("{communication}", &conversation.communication_id);
    let request = |id: &str| Request::new(&body(id));
    let post = async |request: Request| request.post(stack, integration, &route).await;

    post(request("m-1")).await.assert_problem(401, "unauthenticated");
    let signed = request("m-1").signed();
    let (first, second) = (post(signed.clone()).await, post(signed).await);
    assert!(first.status.is_success() && !first.replayed, "{route}: {:?}", first.body);
    assert!(second.replayed, "{route}: {:?}", second.body);

    platform.fail([Fault::TokenRevoked; 2]);
    post(request("m-2").with_bearer_token()).await.assert_problem(502, "platform-credentials");
    platform.fail([Fault::TokenRevoked]);
    platform.fail_tokens([Fault::Status(401)]);
    post(request("m-3").with_bearer_token()).await.assert_problem(502, "platform-credentials");
    // The maximum number of attempts where a retry is allowed.
    platform.fail([Fault::Status(503); 5]);
    post(request("m-4").with_bearer_token()).await.assert_problem(504, "outcome-unknown");

    let faulty = stack.integration("http://127.0.0.1:9/", |configuration| configuration["colour"] = "red".into()).await;
    request("m-5").with_bearer_token().post(stack, &faulty, &route).await.assert_problem(503, "unavailable");
    let gone = gone_after_a_token().await;
    let lonely = stack.integration("http://127.0.0.1:9/", |configuration| configuration["domain"] = gone.into()).await;
    request("m-6").with_bearer_token().post(stack, &lonely, &route).await.assert_problem(503, "unavailable");
}

/// An authorization that ends soon and is lost, in each function that has a call with it.
async fn authorizations() {
    let (stack, platform, keys) = (Stack::connect().await, HighLevel::start().await, Keys::generate());
    let service = MessagingService::start().await;
    let last_year = (Timestamp::now() - SignedDuration::from_hours(340 * 24)).to_string();
    let integration = highlevel::installed(&stack, &keys, &platform, &service.url, |tokens| {
        (tokens["issuedAt"], tokens["expiresAt"]) = (last_year.as_str().into(), last_year.as_str().into());
        tokens["refreshTokenEndsAt"] = (Timestamp::now() + SignedDuration::from_hours(25 * 24)).to_string().into();
    })
    .await;
    platform.oauth().uninstall();
    // On a busy machine no time may be left for the renewal. Then a caller repeats the request.
    let refused = async |route: &str, body: &Value| {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            let answer = Request::new(body).with_bearer_token().post(&stack, &integration, route).await;
            if answer.status.as_u16() != 503 || Instant::now() > deadline {
                return answer.assert_problem(502, "platform-credentials");
            }
        }
    };
    // A busy emulator hands over the last log lines of an invocation with the next one.
    let refused = async |route: &str, body: &Value| {
        for _ in 0..2 {
            refused(route, body).await;
        }
    };
    let message = json!({"externalContactId": "contact-17", "textBody": "hello"});
    refused("agentless", &message).await;
    for (route, id) in [("receipts", "m-1"), ("inbound/messages", "m-2")] {
        let mut body = ROUTES.iter().find(|(name, _)| *name == route).map(|(_, body)| body(id)).unwrap();
        if route == "inbound/messages" {
            body["conversationId"] = "c-1".into();
        }
        refused(route, &body).await;
    }
    let (name, to) = (integration.name.clone(), json!({"id": "customer-1"}));
    let receipt = json!({"messageId": "m-3", "to": to, "status": "Delivered", "time": TIME, "isFinal": true});
    let receipt = serde_json::from_value(receipt).unwrap();
    let envelope = ReceiptEnvelope { integration: name, received_at: Timestamp::now(), receipt, provider: None };
    MessageQueue::new(stack.sqs.clone(), stack.queue_url.clone()).send_receipt(&envelope).await.unwrap();
}

/// All outcomes of conversation events.
async fn conversation_events() {
    let fixture = WithPlatform::start().await;
    let WithPlatform { stack, platform, integration } = &fixture;
    let source = EventSource::of(stack);
    let conversation = platform.open_conversation(&integration.integration_id, "customer-1");
    platform.connect(integration.webhook_url(), WEBHOOK_SECRET, &integration.integration_id);
    // At first the customer is not known.
    source.put_start(&conversation).await;
    platform.post_text(&integration.integration_id, "customer-1", "hello");
    let unknown = Session::new("of-another-integration");
    let event = source.event("user.start", &unknown, Timestamp::now(), &json!({}));
    // It is retried, and in the end dropped.
    for age in [SignedDuration::ZERO, SignedDuration::from_mins(11)] {
        source.invoke(&event, Timestamp::now() - age).await;
    }
    let mut foreign = event;
    foreign["source"] = "aws.partner/genesys.com/cloud/another/organisation".into();
    for body in [foreign.to_string(), "{".to_owned()] {
        stack.sqs.send_message().queue_url(&stack.event_queue_url).message_body(body).send().await.unwrap();
    }
}

/// The URL of a platform that issues a token and is then unreachable.
async fn gone_after_a_token() -> String {
    let listener = listen();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut request = Vec::new();
        while !request.ends_with(b"grant_type=client_credentials") {
            connection.read_buf(&mut request).await.unwrap();
        }
        let body = json!({"access_token": "of-no-use", "expires_in": 3600}).to_string();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        connection.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    });
    url
}

/// Outcomes of single calls.
async fn calls_with_every_outcome() {
    let fixture = WithPlatform::start().await;
    let message = json!({"toAddress": "customer-1", "textBody": "hello"});
    let post = async |request: Request| request.post(&fixture.stack, &fixture.integration, "agentless").await;
    for (fault, status, problem) in [
        (Fault::Status(400), 400, "platform-refused"),
        (Fault::RateLimited(60), 429, "rate-limited"),
        (Fault::Status(503), 504, "outcome-unknown"),
    ] {
        fixture.platform.fail([fault]);
        post(Request::new(&message).with_bearer_token()).await.assert_problem(status, problem);
    }
    post(Request::new(&message).with_bearer_token().key("k")).await;
    let other = json!({"toAddress": "customer-2", "textBody": "hello"});
    post(Request::new(&other).with_bearer_token().key("k")).await.assert_problem(422, "idempotency-key-reused");
    post(Request::new(&json!({})).with_bearer_token()).await.assert_problem(400, "invalid-body");

    let nowhere = "http://127.0.0.1:9";
    let integration = fixture.stack.integration_of("c", &multicloud_cx::configuration(nowhere, "c", nowhere)).await;
    let answer = Request::new(&message).with_bearer_token().post(&fixture.stack, &integration, "agentless").await;
    answer.assert_problem(501, "not-supported");
    // The first token request fails.
    let fixture = WithPlatform::start().await;
    fixture.platform.fail_tokens([Fault::RateLimited(1), Fault::Status(503)]);
    let request = Request::new(&message).with_bearer_token();
    assert_eq!(200, request.post(&fixture.stack, &fixture.integration, "agentless").await.status.as_u16());
}
