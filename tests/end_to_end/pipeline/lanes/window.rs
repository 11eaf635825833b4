//! One dead endpoint of three, and a window of SQS that its messages would fill.

use super::fixture::{ChangingService, Health};
use futures::future::join_all;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::{Duration, Instant};
use tests::harness::dispatchers::repeats;
use tests::harness::lanes::{OwnLanes, Setup};
use tests::harness::stack::{DISPATCHERS, Stack, TestIntegration};
use tests::simulators::genesys_cloud;
use tests::simulators::messaging_service::Attempt;

const CUSTOMERS: usize = 20;
const WINDOW: usize = 40;
const TWO_LANES: Setup = Setup { direct: 4, retry: 2, window: WINDOW };
const ONE_QUEUE: Setup = Setup { retry: 0, ..TWO_LANES };
/// A message is sent each time, in turn for each customer of each integration: each gets one every six seconds.
const BETWEEN_MESSAGES: Duration = Duration::from_millis(100);
/// The numbers of each customer's messages while the dispatchers start, while all integrations are healthy, and while one is
/// dead.
const START: Range<usize> = 0..1;
const HEALTHY: Range<usize> = 1..3;
const DEAD: Range<usize> = 3..8;
/// What a busy machine may add to the age of a message. On one queue the age is the time of the whole outage.
const NOISE: Duration = Duration::from_secs(10);

/// Three integrations, the first of them dead, with lanes of their own.
struct Traffic {
    lanes: OwnLanes,
    services: Vec<ChangingService>,
    integrations: Vec<TestIntegration>,
    /// When each message was sent, by its id.
    sent: HashMap<String, Instant>,
}

impl Traffic {
    async fn start(setup: Setup, dead: Health) -> Self {
        let stack = Stack::connect().await;
        let services = join_all((0..3).map(|_| ChangingService::start(Health::Up, |_| true))).await;
        // Only where it matters: on a busy machine an answer may take longer, and its message is then delivered twice.
        let is_impatient = |index| index == 0 && dead == Health::Silent;
        let integrations = services.iter().enumerate().map(|(index, changing)| {
            stack.integration(&changing.service.url, move |configuration: &mut Value| {
                if is_impatient(index) {
                    configuration["delivery"]["timeoutSeconds"] = 1.into();
                }
            })
        });
        let integrations = join_all(integrations).await;
        Self { lanes: OwnLanes::start(setup).await, services, integrations, sent: HashMap::new() }
    }

    /// Sends the messages with these numbers of all customers. Returns the ids of those to healthy integrations.
    async fn send(&mut self, numbers: Range<usize>) -> HashSet<String> {
        let mut healthy = HashSet::new();
        let mut ticks = tokio::time::interval(BETWEEN_MESSAGES);
        for number in numbers {
            for customer in 0..CUSTOMERS {
                for (index, integration) in self.integrations.iter().enumerate() {
                    ticks.tick().await;
                    let webhook = genesys_cloud::text(integration, &customer.to_string(), &number.to_string());
                    self.sent.insert(webhook.id(), Instant::now());
                    self.lanes.send(integration, &webhook).await;
                    healthy.extend((index > 0).then(|| webhook.id()));
                }
            }
        }
        healthy
    }

    /// Waits until these messages are delivered. Returns the 99th percentile of their ages at delivery.
    async fn p99_age(&self, ids: &HashSet<String>) -> Duration {
        let mut ages = Vec::new();
        for changing in &self.services[1..] {
            let is_ours = |attempt: &&Attempt| ids.contains(attempt.message_id());
            let count = |attempts: &[Attempt]| attempts.iter().filter(is_ours).count();
            let attempts = changing.service.wait_until(|attempts| count(attempts) == ids.len() / 2).await;
            let age = |attempt: &Attempt| attempt.at.duration_since(self.sent[attempt.message_id()]);
            ages.extend(attempts.iter().filter(is_ours).map(age));
        }
        ages.sort_unstable();
        ages[ages.len() * 99 / 100]
    }

    /// Everything arrives, once and in order for each customer.
    async fn assert_all_arrive(&self) {
        self.lanes.wait_until_empty().await;
        for changing in &self.services {
            let attempts = changing.service.attempts();
            for customer in 0..CUSTOMERS {
                assert_eq!(0, repeats(&attempts, &customer.to_string(), DEAD.end));
            }
        }
    }
}

/// The p99 age of the healthy integrations' messages at delivery.
#[derive(Debug)]
struct P99Age {
    without: Duration,
    beside_dead: Duration,
}

impl P99Age {
    /// Measures it without and beside a dead endpoint, which recovers in the end.
    async fn measure(setup: Setup, dead: Health) -> Self {
        let _permit = DISPATCHERS.acquire().await;
        let mut traffic = Traffic::start(setup, dead).await;
        traffic.send(START).await;
        let ids = traffic.send(HEALTHY).await;
        let without = traffic.p99_age(&ids).await;
        traffic.services[0].set(dead);
        let ids = traffic.send(DEAD).await;
        traffic.services[0].set(Health::Up);
        let beside_dead = traffic.p99_age(&ids).await;
        traffic.assert_all_arrive().await;
        Self { without, beside_dead }
    }

    /// Within three times of what it is without the dead endpoint.
    fn is_kept(&self) -> bool {
        self.beside_dead <= (self.without * 3).max(self.without + NOISE)
    }
}

#[tokio::test]
async fn an_endpoint_that_refuses_everything_holds_up_no_other_integration() {
    let age = P99Age::measure(TWO_LANES, Health::Refusing).await;
    assert!(age.is_kept(), "{age:?}");
}

#[tokio::test]
async fn an_endpoint_that_never_answers_holds_up_no_other_integration() {
    let age = P99Age::measure(TWO_LANES, Health::Silent).await;
    assert!(age.is_kept(), "{age:?}");
}

/// So the two tests above would fail without the second lane.
#[tokio::test]
async fn on_one_queue_an_endpoint_that_refuses_everything_holds_up_all_integrations() {
    let age = P99Age::measure(ONE_QUEUE, Health::Refusing).await;
    assert!(!age.is_kept(), "{age:?}");
}
