//! The senders: the customers' platform and the company's callers. Each sends one message after the other at a steady
//! pace, and retries until the response is 2xx.

use serde_json::{Value, json};
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tests::harness::caller::Request;
use tests::harness::stack::{Stack, TestIntegration};
use tests::harness::tally::{Outcome, Phase, Sent};
use tests::simulators::genesys_cloud::{self, ApiResponse};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

const CUSTOMERS: usize = 10;
const CALLERS: usize = 4;
/// The interval between messages.
const PACE: Duration = Duration::from_secs(1);
/// The number of messages before and after the change.
const AROUND: usize = 8;
/// The timeout of a request, the pause before a retry, and the time limit for retries.
const TIME_OUT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(1);
const PERSISTENCE: Duration = Duration::from_secs(180);

/// The running senders. They end when this is dropped.
pub(crate) struct Traffic {
    phase: watch::Sender<Phase>,
    /// The number of senders that have sent enough for the change to begin.
    flowing: watch::Receiver<usize>,
    sent: Arc<Mutex<AllSent>>,
    senders: JoinSet<()>,
}

/// The messages that were sent, in order per customer.
#[derive(Default)]
pub(crate) struct AllSent {
    pub(crate) webhooks: Vec<Sent>,
    pub(crate) requests: Vec<Sent>,
}

#[derive(Clone)]
struct Sender {
    who: Who,
    name: String,
    stack: Stack,
    integration: TestIntegration,
}

#[derive(Clone, Copy)]
enum Who {
    Customer,
    Caller,
}

/// What a response means for the sender.
enum Meaning {
    Done(Outcome),
    SendAgain(String),
}

impl Traffic {
    pub(crate) fn start(stack: &Stack, integration: &TestIntegration) -> Self {
        let (phase, sent, flowing) = (watch::Sender::new(Phase::Before), Arc::default(), watch::Sender::new(0));
        let traffic = Self { flowing: flowing.subscribe(), phase, sent, senders: JoinSet::new() };
        let customers = (0..CUSTOMERS).map(|number| (Who::Customer, format!("customer-{number}")));
        let callers = (0..CALLERS).map(|number| (Who::Caller, format!("caller-{number}")));
        customers.chain(callers).fold(traffic, |mut traffic, (who, name)| {
            let sender = Sender { who, name, stack: stack.clone(), integration: integration.clone() };
            traffic.senders.spawn(sender.run(traffic.phase.subscribe(), flowing.clone(), Arc::clone(&traffic.sent)));
            traffic
        })
    }

    /// Waits until every sender has sent some messages.
    pub(crate) async fn flow(&mut self) -> Result<(), Box<dyn Error>> {
        self.flowing.wait_for(|flowing| *flowing == CUSTOMERS + CALLERS).await?;
        Ok(())
    }

    /// Sets the phase of later messages.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Waits until every sender has sent enough in the last phase, and returns all messages.
    pub(crate) async fn end(mut self) -> Result<AllSent, Box<dyn Error>> {
        while let Some(ended) = self.senders.join_next().await {
            ended?;
        }
        Ok(std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Sender {
    async fn run(self, phase: watch::Receiver<Phase>, flowing: watch::Sender<usize>, all: Arc<Mutex<AllSent>>) {
        let mut ticks = tokio::time::interval(PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut number, mut afterwards) = (0, 0);
        while afterwards < AROUND {
            ticks.tick().await;
            let phase = *phase.borrow();
            let sent = self.send(number, phase).await;
            {
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                match self.who {
                    Who::Customer => all.webhooks.push(sent),
                    Who::Caller => all.requests.push(sent),
                }
            }
            number += 1;
            if number == AROUND {
                flowing.send_modify(|flowing| *flowing += 1);
            }
            afterwards += usize::from(phase == Phase::After);
        }
    }

    /// Sends one message with retries.
    async fn send(&self, number: usize, phase: Phase) -> Sent {
        let (id, request) = self.message(number);
        let mut sent = Sent { id, customer: self.name.clone(), phase, outcome: Outcome::Refused, retries: Vec::new() };
        let began = Instant::now();
        while began.elapsed() < PERSISTENCE {
            let Some(request) = request.try_clone() else { break };
            match self.meaning(request.send().await).await {
                Meaning::Done(outcome) => {
                    sent.outcome = outcome;
                    break;
                }
                Meaning::SendAgain(reason) => sent.retries.push(reason),
            }
            tokio::time::sleep(PAUSE).await;
        }
        sent
    }

    /// A message of this sender and its id.
    fn message(&self, number: usize) -> (String, reqwest::RequestBuilder) {
        let post = |route: &str| self.stack.http.post(self.integration.route_url(route)).timeout(TIME_OUT);
        match self.who {
            Who::Customer => {
                let webhook = genesys_cloud::text(&self.integration, &self.name, &number.to_string());
                let id = webhook.id();
                let signature = webhook.signature.unwrap_or_default();
                let request = post("webhook").header("content-type", webhook.content_type);
                (id, request.header("x-hub-signature-256", signature).body(webhook.body))
            }
            Who::Caller => {
                let id = format!("{} {number}", Uuid::new_v4());
                let body = json!({"toAddress": self.name, "textBody": id});
                let request = Request::new(&body).with_bearer_token().key(&Uuid::new_v4().to_string());
                let post = post("agentless").body(request.body);
                (id, request.headers.into_iter().fold(post, |post, (name, value)| post.header(name, value)))
            }
        }
    }

    async fn meaning(&self, response: Result<reqwest::Response, reqwest::Error>) -> Meaning {
        let Ok(response) = response else { return Meaning::SendAgain("no answer".to_owned()) };
        let answer = ApiResponse::read(response).await;
        let (status, problem) = (answer.status, answer.body.get("type").and_then(Value::as_str).unwrap_or_default());
        match (self.who, problem.rsplit(':').next().unwrap_or_default()) {
            _ if status.is_success() => Meaning::Done(Outcome::Accepted),
            (Who::Caller, "outcome-unknown") => Meaning::Done(Outcome::Unknown),
            (Who::Caller, problem @ "request-in-progress") => {
                Meaning::SendAgain(format!("{} {problem}", status.as_u16()))
            }
            (_, problem) if status.is_server_error() || status.as_u16() == 429 => {
                Meaning::SendAgain(format!("{} {problem}", status.as_u16()))
            }
            _ => Meaning::Done(Outcome::Refused),
        }
    }
}
