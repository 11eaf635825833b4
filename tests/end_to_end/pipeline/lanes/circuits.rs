//! The circuit breaker of an endpoint that accepts connections and never answers.

use super::fixture::{Fixture, Health, UNLUCKY};
use crate::fixtures::WithPlatform;
use jiff::{SignedDuration, Timestamp};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use shared::delivery::envelope::{InboundContent, InboundEnvelope};
use shared::platform::Route;
use std::time::{Duration, Instant};
use tests::harness::dispatchers::{of, repeats};
use tests::harness::lanes::{OwnLanes, Setup};
use tests::simulators::genesys_cloud::api::{Fault, GenesysCloud};
use tests::simulators::genesys_cloud::{self, WIRE};
use tests::simulators::messaging_service::{Attempt, MessagingService};

const SETUP: Setup = Setup { direct: 3, retry: 2, ..Setup::DEFAULT };
/// Processes notice an open circuit a second later, and a busy machine takes its time. The circuit is open for ten seconds.
const UNTIL_NOTICED: SignedDuration = SignedDuration::from_secs(5);

fn impatient(configuration: &mut Value) {
    configuration["delivery"]["timeoutSeconds"] = 1.into();
}

fn time_of(line: &Value) -> Timestamp {
    line["timestamp"].as_str().unwrap().parse().unwrap()
}

fn began_at(attempt: &Attempt) -> Timestamp {
    let elapsed = SignedDuration::try_from(Instant::now().duration_since(attempt.at)).unwrap();
    Timestamp::now() - elapsed
}

/// When the attempt began that ended with this line.
fn began_before(line: &Value) -> Timestamp {
    time_of(line) - SignedDuration::from_millis(line["milliseconds"].as_i64().unwrap())
}

fn customers(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{UNLUCKY}-{number}")).collect()
}

#[tokio::test]
async fn an_open_circuit_lets_one_attempt_pass_however_many_customers_wait_and_closes_when_it_is_answered() {
    const MESSAGES: usize = 2;
    let fixture = Fixture::configured(Health::Silent, SETUP, impatient).await;
    let Fixture { lanes, changing, integration } = &fixture;
    let customers = customers(20);
    let (first, later) = customers.split_at(3);
    for customer in first {
        fixture.send_numbers(customer, 0..MESSAGES).await;
    }
    lanes.wait_for_lines(integration, "circuit_opened", 1).await;
    for customer in later {
        fixture.send_numbers(customer, 0..MESSAGES).await;
    }
    // The second line is of the trial, which was not answered either.
    let opened = lanes.wait_for_lines(integration, "circuit_opened", 2).await;
    assert!(opened.iter().all(|line| line["level"] == "WARN" && line["endpoint"] == "messaging-service"));
    let opened_at = opened.iter().map(time_of).min().unwrap();
    let attempts = changing.service.attempts();
    let while_open = attempts.iter().filter(|attempt| began_at(attempt) > opened_at + UNTIL_NOTICED);
    assert_eq!(1, while_open.count(), "attempts while the circuit was open");

    changing.set(Health::Up);
    let closed = lanes.wait_for_lines(integration, "circuit_closed", 1).await;
    assert_eq!("INFO", closed[0]["level"]);
    lanes.wait_until_empty().await;
    let attempts = changing.service.attempts();
    for customer in &customers {
        assert_eq!(0, repeats(&attempts, customer, MESSAGES), "{customer}");
    }
    fixture.assert_direct(&customers[0], MESSAGES).await;
}

/// Six customers' messages have opened the circuit of the only dispatcher on the direct lane.
async fn open_circuit(change: impl FnOnce(&mut Value)) -> Fixture {
    let fixture = Fixture::configured(Health::Silent, Setup::DEFAULT, change).await;
    for customer in customers(6) {
        fixture.send(&customer, "0").await;
    }
    fixture.lanes.wait_for_lines(&fixture.integration, "circuit_opened", 1).await;
    fixture
}

#[tokio::test]
async fn a_typing_event_is_dropped_while_the_circuit_is_open() {
    let Fixture { lanes, changing, integration } = open_circuit(impatient).await;
    let sample = WIRE.iter().find(|sample| sample.name == "typing").unwrap();
    let typing = sample.fill(&integration.integration_id, &format!("{UNLUCKY}-new"));
    lanes.send(&integration, &typing).await;
    let dropped = lanes.wait_for_lines(&integration, "dropped", 1).await;
    assert_eq!(
        (json!("Typing"), json!("the endpoint did not answer earlier attempts")),
        (dropped[0]["kind"].clone(), dropped[0]["reason"].clone())
    );
    assert!(!changing.service.attempts().iter().any(|attempt| attempt.message_id() == typing.id()));
}

#[tokio::test]
async fn a_service_that_accepts_messages_and_never_ends_its_responses_opens_its_circuit_and_gets_each_message_once() {
    const MESSAGES: usize = 5;
    let fixture = Fixture::configured(Health::Endless, Setup::DEFAULT, impatient).await;
    let Fixture { lanes, changing, integration } = &fixture;
    for customer in customers(2) {
        fixture.send_numbers(&customer, 0..MESSAGES).await;
    }
    lanes.wait_for_lines(integration, "circuit_opened", 1).await;
    changing.set(Health::Up);
    lanes.wait_for_lines(integration, "circuit_closed", 1).await;
    lanes.wait_until_empty().await;
    for customer in customers(2) {
        assert_eq!(MESSAGES, of(&changing.service.attempts(), &customer).count(), "{customer}");
    }
}

#[tokio::test]
async fn a_message_whose_time_ends_while_the_circuit_is_open_expires_without_an_attempt_and_the_agent_learns_it() {
    const GIVE_UP_AFTER: Duration = Duration::from_secs(60);
    let platform = GenesysCloud::start().await;
    let Fixture { lanes, changing, integration } = open_circuit(|configuration| {
        platform.host(configuration);
        impatient(configuration);
        configuration["delivery"]["giveUpAfterSeconds"] = GIVE_UP_AFTER.as_secs().into();
    })
    .await;
    let late = genesys_cloud::text(&integration, &format!("{UNLUCKY}-late"), "0");
    lanes.send_received(&integration, &late, Timestamp::now() - (GIVE_UP_AFTER - Duration::from_secs(4))).await;
    let receipt = &platform.wait_for_calls_of("receipt", 1).await[0].body;
    assert_eq!(
        (json!(late.id()), json!("Failed"), json!("MessageExpired")),
        (receipt["id"].clone(), receipt["status"].clone(), receipt["reasons"][0]["code"].clone())
    );
    assert!(!changing.service.attempts().iter().any(|attempt| attempt.message_id() == late.id()));
}

#[tokio::test]
async fn receipts_to_a_platform_that_never_answers_wait_while_the_integrations_deliveries_go_on() {
    let slow = |platform: &GenesysCloud| platform.fail_operation("receipt", endless());
    receipts_wait(slow, |platform| platform.recover_operation("receipt")).await;
}

#[tokio::test]
async fn a_platform_that_does_not_answer_token_requests_does_not_answer() {
    receipts_wait(|platform| platform.fail_tokens(endless()), GenesysCloud::recover_tokens).await;
}

#[tokio::test]
async fn what_customers_write_waits_while_the_platform_does_not_answer_and_typing_is_dropped() {
    const CUSTOMERS: usize = 6;
    let WithPlatform { platform, integration, .. } = WithPlatform::start().await;
    platform.fail_tokens(endless());
    let lanes = OwnLanes::start(SETUP).await;
    let send = async |route, customer: usize, body: Value| {
        let inbound = InboundContent {
            route,
            caller: "crm".to_owned(),
            customer: format!("c-{customer}"),
            message_id: body["messageId"].as_str().map(str::to_owned),
            fingerprint: customer.to_string(),
            body: to_raw_value(&body).unwrap(),
            channel: None,
        };
        let (name, received_at) = (integration.name.clone(), Timestamp::now());
        let envelope = InboundEnvelope { integration: name, received_at, trace_id: None, replay: None, inbound };
        lanes.queue().send_inbound(&envelope).await.unwrap();
    };
    for customer in 0..CUSTOMERS {
        let from = json!({"id": format!("c-{customer}")});
        let body = json!({"messageId": format!("m-{customer}"), "from": from, "text": "hello"});
        send(Route::InboundMessages, customer, body).await;
    }
    let opened = lanes.wait_for_lines(&integration, "circuit_opened", 1).await;
    assert_eq!("platform", opened[0]["endpoint"]);
    send(Route::InboundEvents, CUSTOMERS, json!({"eventType": "Typing", "from": {"id": "typing"}})).await;
    let dropped = lanes.wait_for_lines(&integration, "inbound_failed", 1).await;
    assert_eq!((json!("dropped"), json!("INFO")), (dropped[0]["reason"].clone(), dropped[0]["level"].clone()));

    platform.recover_tokens();
    platform.wait_for_calls_of("inbound-message", CUSTOMERS).await;
    lanes.wait_until_empty().await;
    let calls = ["inbound-message", "inbound-event"].map(|operation| platform.calls_of(operation).len());
    assert_eq!([CUSTOMERS, 0], calls);
}

fn endless() -> impl Iterator<Item = Fault> {
    std::iter::repeat_n(Fault::Slow(Duration::from_secs(60)), 1_000)
}

/// While the circuit is open, receipts wait, and deliveries do not.
async fn receipts_wait(fail: impl FnOnce(&GenesysCloud), recover: impl FnOnce(&GenesysCloud)) {
    const RECEIPTS: usize = 6;
    let service = MessagingService::start().await;
    let WithPlatform { platform, integration, .. } = WithPlatform::delivering_to(&service.url, |configuration| {
        configuration["delivery"]["receipts"] = "on-accept".into();
    })
    .await;
    fail(&platform);
    let lanes = OwnLanes::start(SETUP).await;
    for number in 0..RECEIPTS {
        lanes.send(&integration, &genesys_cloud::text(&integration, &format!("c-{number}"), "0")).await;
    }
    let opened = lanes.wait_for_lines(&integration, "circuit_opened", 1).await;
    assert_eq!("platform", opened[0]["endpoint"]);
    for number in 0..RECEIPTS {
        let webhook = genesys_cloud::text(&integration, &format!("c-{number}"), "1");
        lanes.send(&integration, &webhook).await;
        service.wait_for(&webhook.id()).await;
    }
    lanes.wait_for_lines(&integration, "receipt_circuit_open", RECEIPTS).await;
    recover(&platform);
    lanes.wait_for_lines(&integration, "circuit_closed", 1).await;
    platform.wait_for_calls_of("receipt", 2 * RECEIPTS).await;
    lanes.wait_until_empty().await;
    assert_eq!(2 * RECEIPTS, platform.calls_of("receipt").len());
    let opened_at = time_of(&opened[0]);
    let attempts = lanes.lines(&integration, "receipt_retry");
    let while_open = attempts.iter().map(began_before).filter(|began_at| *began_at > opened_at + UNTIL_NOTICED);
    assert!(while_open.count() <= 1, "there was more than a trial: {attempts:?}");
    for number in 0..RECEIPTS {
        assert_eq!(2, of(&service.attempts(), &format!("c-{number}")).count());
    }
}
