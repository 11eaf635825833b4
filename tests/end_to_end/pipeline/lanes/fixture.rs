//! Lanes and a messaging service whose health changes.

use serde_json::Value;
use std::sync::{Arc, Mutex};
use tests::harness::lanes::{OwnLanes, Setup};
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud::{self, Webhook};
use tests::simulators::messaging_service::{Attempt, MessagingService, Reply};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    Up,
    /// It refuses deliveries at once, for now.
    Refusing,
    /// It accepts connections and never answers.
    Silent,
    /// It accepts deliveries, and never ends its responses.
    Endless,
}

/// A messaging service, for some of its customers as healthy as the test says, and up for the others.
pub(super) struct ChangingService {
    pub(super) service: MessagingService,
    health: Arc<Mutex<Health>>,
    _never_open: watch::Sender<bool>,
}

impl ChangingService {
    pub(super) async fn start(health: Health, affects: fn(&Attempt) -> bool) -> Self {
        let health = Arc::new(Mutex::new(health));
        let (never_open, gate) = watch::channel(false);
        let current = Arc::clone(&health);
        let service = MessagingService::with_handler(move |attempt, _| match *current.lock().unwrap() {
            Health::Refusing if affects(attempt) => Reply::status(503),
            Health::Silent if affects(attempt) => Reply::status(503).through(gate.clone()),
            Health::Endless if affects(attempt) => Reply::status(200).without_end(),
            Health::Up | Health::Refusing | Health::Silent | Health::Endless => Reply::status(200),
        });
        Self { service: service.await, health, _never_open: never_open }
    }

    pub(super) fn set(&self, health: Health) {
        *self.health.lock().unwrap() = health;
    }
}

/// Everything for an integration with lanes of its own.
pub(super) struct Fixture {
    pub(super) lanes: OwnLanes,
    pub(super) changing: ChangingService,
    pub(super) integration: TestIntegration,
}

impl Fixture {
    /// A messaging service with this health for the customer `unlucky`.
    pub(super) async fn start(health: Health) -> Self {
        Self::configured(health, Setup::DEFAULT, |_| {}).await
    }

    pub(super) async fn configured(health: Health, setup: Setup, change: impl FnOnce(&mut Value)) -> Self {
        let changing = ChangingService::start(health, |attempt| attempt.customer().starts_with(UNLUCKY)).await;
        let (lanes, stack) = (OwnLanes::start(setup).await, Stack::connect().await);
        let integration = stack.integration(&changing.service.url, change).await;
        Self { lanes, changing, integration }
    }

    pub(super) async fn send(&self, customer: &str, text: &str) -> Webhook {
        let webhook = genesys_cloud::text(&self.integration, customer, text);
        self.lanes.send(&self.integration, &webhook).await;
        webhook
    }

    /// Sends the messages with these numbers.
    pub(super) async fn send_numbers(&self, customer: &str, numbers: std::ops::Range<usize>) {
        for number in numbers {
            self.send(customer, &number.to_string()).await;
        }
    }

    /// Sends the customer's next message, and asserts that it is delivered on the direct lane.
    pub(super) async fn assert_direct(&self, customer: &str, number: usize) {
        self.lanes.wait_until_empty().await;
        let _ = self.lanes.aws.take_calls();
        let webhook = self.send(customer, &number.to_string()).await;
        self.changing.service.wait_for(&webhook.id()).await;
        self.lanes.wait_until_empty().await;
        assert_eq!(0, self.lanes.moved(&self.lanes.aws.take_calls()).len(), "no copy was sent to the retry lane");
    }
}

/// What the ids of customers start with whose deliveries fail.
pub(super) const UNLUCKY: &str = "unlucky";
