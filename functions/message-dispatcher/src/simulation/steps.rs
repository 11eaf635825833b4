//! What a worker does with the records of a group, on the simulated queues, ledger and endpoints.

use super::endpoint::Reply;
use super::ledger::{Acquire, Lease, OpenUntil, State};
use super::mutants::Mutant;
use super::queue::{Record, Sent};
use super::world::{CallFailed, Group, Message, Simulation, Step, WorkerId, World};
use crate::backoff;
use crate::group::{NotMoved, Steps};
use crate::outcome::Disposition;
use crate::record::Lane;
use jiff::Timestamp;
use shared::ledger::{CLOCK_SKEW, SequenceNumber};
use std::time::Duration;

/// What must remain of the invocation to begin with a record.
const REMAINING: Duration = Duration::from_secs(16);
/// The same to move a record.
const REMAINING_TO_MOVE: Duration = Duration::from_secs(6);

#[derive(Clone)]
pub(super) struct WorkerSteps {
    pub(super) simulation: Simulation,
    pub(super) lane: Lane,
    pub(super) worker: WorkerId,
    pub(super) deadline: Timestamp,
    pub(super) group: Group,
}

impl Steps for WorkerSteps {
    type Record = Record;

    fn now(&self) -> Timestamp {
        self.simulation.world().now
    }

    fn has_time_to_move(&self) -> bool {
        let mut world = self.simulation.world();
        world.now + REMAINING_TO_MOVE <= self.deadline || world.rng.bool()
    }

    fn delay_after_not_moved(&self, receive_count: u64) -> Duration {
        self.delay_after_error(receive_count)
    }

    async fn process(&self, record: &Record) -> Disposition {
        self.simulation.pause().await;
        if !self.has_time() {
            return Disposition::Return { after: Duration::ZERO };
        }
        match self.begin(record).await {
            Ok(lease) => self.attempt(record, lease).await,
            Err(disposition) => disposition,
        }
    }

    async fn extend_tail(&self, tail: SequenceNumber) -> Result<(), NotMoved> {
        let extend = |world: &mut World| world.ledger.extend_tail(self.group, tail);
        self.call("extends the tail", extend).await.map_err(|_| NotMoved)
    }

    async fn send_to_retry_lane(&self, record: &Record, due_at: Option<Timestamp>) -> Result<(), NotMoved> {
        let send = |world: &mut World| world.send_to_retry_lane(record, due_at);
        self.call("sends to the retry lane", send).await.map_err(|_| NotMoved)
    }

    async fn clear_tail(&self, finished: SequenceNumber) {
        let clear = |world: &mut World| world.clear_tail(self.group, finished);
        let _ = self.call("clears the tail", clear).await;
    }
}

impl WorkerSteps {
    pub(super) async fn call<T>(
        &self,
        name: &'static str,
        effect: impl FnOnce(&mut World) -> T,
    ) -> Result<T, CallFailed> {
        self.simulation.call(Step { worker: self.worker, group: self.group, name }, effect).await
    }

    /// A worker with a wrong clock has time always.
    fn has_time(&self) -> bool {
        let mut world = self.simulation.world();
        world.now + REMAINING <= self.deadline || world.rng.bool()
    }

    /// Acquires the lease, unless the circuit is open.
    async fn begin(&self, record: &Record) -> Result<Lease, Disposition> {
        let (message, integration) = (record.message, record.message.integration());
        let admit = |world: &mut World| world.ledger.admit(integration, world.now);
        match self.call("asks the circuit", admit).await {
            Ok(Ok(())) => {}
            Ok(Err(OpenUntil(until))) => return Err(self.wait_for_circuit(until)),
            Err(CallFailed) => return Err(self.wait_for_circuit(self.now())),
        }
        let acquired = self.call("acquires the lease", |world| world.acquire(self, message)).await;
        match acquired {
            Ok(Acquire::Acquired(lease)) => Ok(lease),
            Ok(Acquire::InProgress { until }) => {
                let wait = Duration::try_from(self.now().duration_until(until)).unwrap_or_default();
                Err(Disposition::Return { after: wait.max(Duration::from_secs(1)) })
            }
            Ok(Acquire::Completed) => Err(Disposition::Ack),
            Err(CallFailed) => Err(Disposition::Return { after: self.delay_after_error(record.receive_count) }),
        }
    }

    async fn attempt(&self, record: &Record, lease: Lease) -> Disposition {
        let (reply, duration) = {
            let mut world = self.simulation.world();
            let (reply, duration) = world.attempt(record.message, self.lane);
            let (worker, id) = (self.worker, record.message.id);
            world.trace(|| format!("worker {worker} attempts {id}: {reply:?}"));
            (reply, duration)
        };
        self.simulation.sleep(duration).await;
        self.simulation.world().record_reply(record.message, reply);
        let state = match reply {
            Reply::Accepted => State::Succeeded,
            Reply::Refused => State::Failed,
            Reply::Unavailable { .. } | Reply::TimedOut => State::InProgress,
        };
        self.end(lease, state).await;
        let backoff = backoff::delay(lease.version, self.simulation.world().rng.f64());
        match reply {
            Reply::Accepted | Reply::Refused => Disposition::Ack,
            Reply::Unavailable { retry_after } => {
                Disposition::Retry { after: backoff.max(retry_after.unwrap_or_default()) }
            }
            Reply::TimedOut => Disposition::Retry { after: backoff },
        }
    }

    /// Completes or releases the lease. If that fails, the worker goes on: the lease expires.
    async fn end(&self, lease: Lease, state: State) {
        let end = |world: &mut World| {
            world.ledger.end_lease(lease, state);
            world.end_work(self.worker, lease.key);
        };
        let name = if state == State::InProgress { "releases the lease" } else { "records the outcome" };
        if self.call(name, end).await.is_err() {
            self.simulation.world().checks.excused.insert(lease.key);
        }
    }

    fn wait_for_circuit(&self, until: Timestamp) -> Disposition {
        let wait = Duration::try_from(self.now().duration_until(until)).unwrap_or_default();
        let jitter = self.simulation.world().rng.f64();
        Disposition::CircuitOpen { after: wait + Duration::from_secs(1).mul_f64(jitter) }
    }

    fn delay_after_error(&self, receive_count: u64) -> Duration {
        backoff::delay_after_internal_error(receive_count, self.simulation.world().rng.f64())
    }
}

impl World {
    fn acquire(&mut self, steps: &WorkerSteps, message: Message) -> Acquire {
        let (now, until) = (self.now, steps.deadline + CLOCK_SKEW);
        let acquired = match self.mutant {
            Some(Mutant::IgnoresLeases) => Acquire::Acquired(Lease { key: message.key, version: 1 }),
            _ => self.ledger.acquire(message, now, until),
        };
        match acquired {
            Acquire::Acquired(Lease { key, .. }) => self.begin_work(steps.worker, key),
            Acquire::InProgress { .. } => {}
            Acquire::Completed => self.figures.duplicates += 1,
        }
        acquired
    }

    pub(super) fn send_to_retry_lane(&mut self, record: &Record, due_at: Option<Timestamp>) {
        let (message, now) = (record.message, self.now);
        self.figures.moves += 1;
        if self.retry.send(message, Some((record.sequence_number, due_at)), now) == Sent::DroppedAsCopy {
            self.checks.copies_dropped.insert(message.group);
        }
    }

    fn clear_tail(&mut self, group: Group, finished: SequenceNumber) {
        let had_tail = self.ledger.tails.contains_key(&group);
        self.ledger.clear_tail(group, finished);
        self.figures.returns_to_direct += usize::from(had_tail && !self.ledger.tails.contains_key(&group));
    }

    fn record_reply(&mut self, message: Message, reply: Reply) {
        let integration = message.integration();
        match reply {
            Reply::TimedOut => {
                self.figures.circuits_opened += usize::from(self.ledger.count_timeout(integration, self.now));
            }
            Reply::Accepted | Reply::Refused | Reply::Unavailable { .. } => self.ledger.close_circuit(integration),
        }
    }
}
