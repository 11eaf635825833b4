//! Several dispatchers at work at the same moment, as Lambda always has them.

use crate::harness::stack::{Stack, TestIntegration};
use crate::simulators::genesys_cloud::{Webhook, text};
use crate::simulators::messaging_service::{Attempt, MessagingService, Reply};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// How many there are; the local stack has up to eight.
pub const AT_ONCE: usize = 6;
/// The text of the messages that are held.
pub const HELD: &str = "0";

/// A dispatcher waits ten seconds for an answer: what came within this time is still on its way, with some to spare.
const STILL_HELD: Duration = Duration::from_secs(8);
/// There are not enough dispatchers for two tests that have so many at work.
static DISPATCHERS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
/// A machine may be too slow at first, when processes start.
const ROUNDS: usize = 10;

/// A messaging service that can be had to hold messages with the text [`HELD`].
pub struct HoldingService {
    /// The service.
    pub service: MessagingService,
    gate: Arc<Mutex<watch::Sender<bool>>>,
}

/// A customer, and the message that is held.
pub type Held = (String, Webhook);

impl HoldingService {
    /// Starts one that behaves so otherwise.
    pub async fn behaving(behaviour: impl Fn(&Attempt, usize) -> Reply + Send + Sync + 'static) -> Self {
        let gate = Arc::new(Mutex::new(watch::Sender::new(true)));
        let current = Arc::clone(&gate);
        let service = MessagingService::behaving(move |attempt, before| {
            let reply = behaviour(attempt, before);
            let held = attempt.text() == HELD;
            if held { reply.through(current.lock().expect("no panic").subscribe()) } else { reply }
        });
        Self { service: service.await, gate }
    }

    /// Has [`AT_ONCE`] dispatchers at work, each with one customer's first message, and does something while the service
    /// holds all of them. They are on their way until it answers them.
    ///
    /// A message is sent when the one before it has come and is held: the dispatcher that delivers that one takes no other,
    /// and so it is another one that brings the next.
    pub async fn occupy(
        &self,
        stack: &Stack,
        integration: &TestIntegration,
        meanwhile: impl AsyncFn(&[Held]),
    ) -> Vec<Held> {
        let _ours = DISPATCHERS.lock().await;
        for round in 0..ROUNDS {
            *self.gate.lock().expect("no panic") = watch::Sender::new(false);
            let mut held = Vec::new();
            for number in 0..AT_ONCE {
                let customer = format!("customer-{round}-{number}");
                let webhook = text(integration, &customer, HELD);
                webhook.accepted(stack, integration).await;
                self.service.wait_until(|attempts| of(attempts, &customer).next().is_some()).await;
                held.push((customer, webhook));
            }
            meanwhile(&held).await;
            let attempts = self.service.attempts();
            let first = held.first().and_then(|(customer, _)| of(&attempts, customer).next());
            if first.is_some_and(|first| first.at.elapsed() < STILL_HELD) {
                return held;
            }
            self.answer();
        }
        panic!("this machine is too slow: {AT_ONCE} messages cannot be held within {STILL_HELD:?}");
    }

    /// Answers what is held.
    pub fn answer(&self) {
        self.gate.lock().expect("no panic").send_replace(true);
    }
}

/// The attempts to deliver to this customer.
pub fn of<'a>(attempts: &'a [Attempt], customer: &str) -> impl Iterator<Item = &'a Attempt> {
    attempts.iter().filter(move |attempt| attempt.customer() == customer)
}

/// How often what was delivered to the customer was a repeat. A message is repeated under its `webhook-id`, byte for byte,
/// and before any later one of that customer.
///
/// # Panics
/// If `messages` messages, with their numbers for texts, were not all delivered, each once but for such repeats, in order.
#[must_use]
pub fn repeats(attempts: &[Attempt], customer: &str, messages: usize) -> usize {
    let mut delivered: Vec<&Attempt> = Vec::new();
    let mut repeats = 0;
    for attempt in of(attempts, customer).filter(|attempt| attempt.answered.is_success()) {
        if let Some(last) = delivered.last().filter(|last| last.id == attempt.id) {
            assert_eq!(last.raw, attempt.raw, "{customer}");
            repeats += 1;
        } else {
            delivered.push(attempt);
        }
    }
    let texts: Vec<_> = delivered.iter().map(|attempt| attempt.text().to_owned()).collect();
    let in_order: Vec<_> = (0..messages).map(|number| number.to_string()).collect();
    assert_eq!(in_order, texts, "{customer}");
    repeats
}
