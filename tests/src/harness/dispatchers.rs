//! Several dispatchers running at the same time, as on Lambda.

use crate::harness::stack::{Stack, TestIntegration};
use crate::simulators::genesys_cloud::{Webhook, text};
use crate::simulators::messaging_service::{Attempt, MessagingService, Reply};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// The number of dispatchers. The local stack runs up to eight.
pub const AT_ONCE: usize = 6;
/// The text of the messages that are held.
pub const HELD: &str = "0";

/// A delivery times out after ten seconds. An attempt younger than this is still in flight, with some margin.
const STILL_HELD: Duration = Duration::from_secs(5);
/// The stack has too few dispatchers for two such tests at a time.
static DISPATCHERS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
/// The first rounds may be too slow while processes start.
const ROUNDS: usize = 10;

/// A messaging service that can hold its responses to messages with the text [`HELD`].
pub struct HoldingService {
    pub service: MessagingService,
    gate: Arc<Mutex<watch::Sender<bool>>>,
}

/// A customer and the held message.
pub type Held = (String, Webhook);

impl HoldingService {
    /// Starts one that replies to all other messages with `handler`.
    pub async fn with_handler(handler: impl Fn(&Attempt, usize) -> Reply + Send + Sync + 'static) -> Self {
        let gate = Arc::new(Mutex::new(watch::Sender::new(true)));
        let current = Arc::clone(&gate);
        let service = MessagingService::with_handler(move |attempt, before| {
            let reply = handler(attempt, before);
            let held = attempt.text() == HELD;
            if held { reply.through(current.lock().expect("no panic").subscribe()) } else { reply }
        });
        Self { service: service.await, gate }
    }

    /// Occupies [`AT_ONCE`] dispatchers, each with one customer's first message, and runs `meanwhile` while the service
    /// holds its responses.
    ///
    /// Each message is sent once the previous one is held: its dispatcher takes no other message, so another dispatcher
    /// delivers the next one.
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

    /// Releases the held responses.
    pub fn answer(&self) {
        self.gate.lock().expect("no panic").send_replace(true);
    }
}

/// The delivery attempts to this customer.
pub fn of<'a>(attempts: &'a [Attempt], customer: &str) -> impl Iterator<Item = &'a Attempt> {
    attempts.iter().filter(move |attempt| attempt.customer() == customer)
}

/// The number of repeated deliveries to the customer. Panics unless all `messages` messages, whose texts are their
/// numbers, were delivered in order, and each repeat has the `webhook-id` and the bytes of the delivery just before it.
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
