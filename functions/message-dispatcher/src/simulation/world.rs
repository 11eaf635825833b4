//! Everything outside the workers: queues, ledger, endpoints, time, chance, and what goes wrong.

use super::checks::Checks;
use super::endpoint::Endpoints;
use super::ledger::Ledger;
use super::mutants::Mutant;
use super::queue::Queue;
use super::scheduler::Task;
use crate::record::Lane;
use fastrand::Rng;
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

pub(super) type WorkerId = u32;
pub(super) type Group = u8;
pub(super) type Integration = u8;

pub(super) const LANES: [Lane; 2] = [Lane::Direct, Lane::Retry];
/// The endpoint of the first is always healthy.
pub(super) const INTEGRATIONS: u8 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Message {
    /// Also its deduplication id: copies have the same, and a replay has its own.
    pub(super) id: u32,
    /// Its key in the ledger: the id of the message that is replayed, or its own.
    pub(super) key: u32,
    pub(super) group: Group,
}

/// How likely it is that something goes wrong at a step.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Chaos {
    pub(super) kill: f64,
    pub(super) freeze: f64,
    /// A call fails, or its answer is lost.
    pub(super) fault: f64,
}

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Figures {
    pub(super) calls: usize,
    pub(super) attempts: usize,
    pub(super) moves: usize,
    pub(super) returns_to_direct: usize,
    pub(super) kills: usize,
    pub(super) freezes: usize,
    pub(super) faults: usize,
    pub(super) duplicates: usize,
    pub(super) circuits_opened: usize,
}

impl Figures {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            attempts: self.attempts + other.attempts,
            moves: self.moves + other.moves,
            returns_to_direct: self.returns_to_direct + other.returns_to_direct,
            kills: self.kills + other.kills,
            freezes: self.freezes + other.freezes,
            faults: self.faults + other.faults,
            duplicates: self.duplicates + other.duplicates,
            circuits_opened: self.circuits_opened + other.circuits_opened,
        }
    }
}

#[derive(Clone)]
pub(super) struct Simulation(Arc<Mutex<World>>);

pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) now: Timestamp,
    pub(super) direct: Queue,
    pub(super) retry: Queue,
    pub(super) ledger: Ledger,
    pub(super) endpoints: Endpoints,
    pub(super) checks: Checks,
    pub(super) figures: Figures,
    pub(super) mutant: Option<Mutant>,
    /// Identifies the interleaving: all steps so far.
    pub(super) history: DefaultHasher,
    /// Until when the task that was polled waits.
    pub(super) wake_at: Timestamp,
    pub(super) spawned: Vec<Task>,
    chaos: Chaos,
    /// From then on, nothing goes wrong.
    calm_at: Timestamp,
    workers: HashMap<WorkerId, Worker>,
    trace: Option<Vec<String>>,
}

#[derive(Default)]
struct Worker {
    groups: Vec<Group>,
    /// The keys whose leases it has.
    leased: HashSet<u32>,
    was_frozen: bool,
}

/// A call to AWS by a worker.
#[derive(Debug, Clone, Copy, Hash)]
pub(super) struct Step {
    pub(super) worker: WorkerId,
    pub(super) group: Group,
    pub(super) name: &'static str,
}

/// A call that failed: it may have had its effect.
pub(super) struct CallFailed;

impl Message {
    pub(super) fn integration(self) -> Integration {
        self.group % INTEGRATIONS
    }

    pub(super) fn replay(self) -> Option<u32> {
        (self.id != self.key).then_some(self.id)
    }
}

impl Simulation {
    pub(super) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// Makes a call to AWS. It may fail with or without its effect. Other tasks run before and after the effect.
    pub(super) async fn call<T>(&self, step: Step, effect: impl FnOnce(&mut World) -> T) -> Result<T, CallFailed> {
        self.pause().await;
        let result = self.world().call(step, effect);
        let duration = self.world().call_duration();
        self.sleep(duration).await;
        result
    }
}

impl World {
    pub(super) fn new(rng: Rng, chaos: Chaos, calm_at: Timestamp, endpoints: Endpoints, is_traced: bool) -> Self {
        Self {
            rng,
            now: start(),
            direct: Queue::default(),
            retry: Queue::default(),
            ledger: Ledger::default(),
            endpoints,
            checks: Checks::default(),
            figures: Figures::default(),
            mutant: None,
            history: DefaultHasher::new(),
            wake_at: start(),
            spawned: Vec::new(),
            chaos,
            calm_at,
            workers: HashMap::new(),
            trace: is_traced.then(Vec::new),
        }
    }

    fn call<T>(&mut self, step: Step, effect: impl FnOnce(&mut Self) -> T) -> Result<T, CallFailed> {
        step.hash(&mut self.history);
        self.figures.calls += 1;
        let (is_fault, has_effect) = (self.rng.f64() < self.chaos().fault, self.rng.bool());
        let Step { worker, group, name } = step;
        if !is_fault {
            self.trace(|| format!("worker {worker}, group {group}: {name}"));
            return Ok(effect(self));
        }
        self.figures.faults += 1;
        self.checks.disturbed.insert(group);
        let what = if has_effect { "its answer is lost" } else { "it fails" };
        self.trace(|| format!("worker {worker}, group {group}: {name}: {what}"));
        if has_effect {
            effect(self);
        }
        Err(CallFailed)
    }

    fn call_duration(&mut self) -> Duration {
        if self.rng.u8(..4) == 0 { Duration::from_millis(self.rng.u64(..100)) } else { Duration::ZERO }
    }

    pub(super) fn chaos(&self) -> Chaos {
        if self.now < self.calm_at { self.chaos } else { Chaos::default() }
    }

    /// Waits until nothing goes wrong any more.
    pub(super) fn calm_down(&mut self) {
        self.now = self.now.max(self.calm_at);
    }

    pub(super) fn new_worker(&mut self, groups: Vec<Group>) -> WorkerId {
        let id = WorkerId::try_from(self.workers.len()).unwrap();
        self.workers.insert(id, Worker { groups, ..Worker::default() });
        id
    }

    /// The worker attempts a message. If it fails before it has recorded the outcome, a second delivery is allowed.
    pub(super) fn begin_work(&mut self, worker: WorkerId, key: u32) {
        let worker = self.workers.entry(worker).or_default();
        worker.leased.insert(key);
        if worker.was_frozen {
            self.checks.excused.insert(key);
        }
    }

    pub(super) fn end_work(&mut self, worker: WorkerId, key: u32) {
        self.workers.entry(worker).or_default().leased.remove(&key);
    }

    pub(super) fn disturb_worker(&mut self, worker: WorkerId) {
        let worker = self.workers.entry(worker).or_default();
        worker.was_frozen = true;
        self.checks.disturbed.extend(&worker.groups);
        self.checks.excused.extend(&worker.leased);
    }

    pub(super) fn trace(&mut self, line: impl FnOnce() -> String) {
        let seconds = self.now.duration_since(start()).as_secs_f64();
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{seconds:9.3}  {}", line()));
        }
    }

    pub(super) fn take_trace(&mut self) -> String {
        self.trace.take().unwrap_or_default().join("\n")
    }
}

pub(super) fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}
