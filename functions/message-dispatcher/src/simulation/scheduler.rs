//! Runs the tasks of a simulation in a random order, one step at a time, in virtual time. A worker may be killed or frozen
//! between any two steps.

use super::checks::{Promise, Violation};
use super::queue::lane_queue;
use super::worker;
use super::world::{LANES, Simulation, WorkerId};
use crate::record::Lane;
use jiff::Timestamp;
use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// More steps than this are a livelock: most runs have some hundreds.
const MAX_STEPS: usize = 50_000;

/// For how long a worker may be frozen. A lease expires after 35 seconds, a visibility timeout after 180.
const FREEZES: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_secs(20),
    Duration::from_secs(60),
    Duration::from_secs(200),
    Duration::from_secs(900),
];

pub(super) struct Task {
    /// The process that it belongs to. None: it cannot fail.
    pub(super) worker: Option<WorkerId>,
    pub(super) wake_at: Timestamp,
    pub(super) future: Pin<Box<dyn Future<Output = ()> + Send>>,
}

enum Choice {
    Poll(usize),
    Receive(Lane),
}

/// Runs everything until nothing is left to do.
pub(super) fn run_until_idle(simulation: &Simulation) -> Result<(), Violation> {
    let mut tasks: Vec<Task> = Vec::new();
    let mut frozen: HashMap<WorkerId, Timestamp> = HashMap::new();
    for _ in 0..MAX_STEPS {
        let mut world = simulation.world();
        if let Some(violation) = world.checks.violation.take() {
            return Err(violation);
        }
        tasks.append(&mut world.spawned);
        let now = world.now;
        let ready_at = |task: &Task| {
            let frozen_until = task.worker.and_then(|worker| frozen.get(&worker));
            frozen_until.map_or(task.wake_at, |until| task.wake_at.max(*until))
        };
        let mut choices: Vec<Choice> =
            (0..tasks.len()).filter(|index| ready_at(&tasks[*index]) <= now).map(Choice::Poll).collect();
        choices
            .extend(LANES.into_iter().filter(|lane| lane_queue(&world, *lane).is_available(now)).map(Choice::Receive));
        if choices.is_empty() {
            let next_visible = LANES.into_iter().filter_map(|lane| lane_queue(&world, lane).next_visible(now));
            match tasks.iter().map(ready_at).chain(next_visible).min() {
                Some(next) => world.now = next,
                None => return Ok(()),
            }
            continue;
        }
        let choice = choices.swap_remove(world.rng.usize(..choices.len()));
        drop(world);
        match choice {
            Choice::Receive(lane) => tasks.extend(worker::start(simulation, lane)),
            Choice::Poll(index) => {
                poll(simulation, &mut tasks, index);
                disturb(simulation, &mut tasks, &mut frozen);
            }
        }
    }
    Err(Violation { promise: Promise::Progress, message: None })
}

fn poll(simulation: &Simulation, tasks: &mut Vec<Task>, index: usize) {
    let is_ready = tasks[index].future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
    if is_ready {
        end(simulation, tasks, index);
    } else {
        tasks[index].wake_at = simulation.world().wake_at;
    }
}

/// Drops a task, and wakes the others of its worker: one may wait for it.
fn end(simulation: &Simulation, tasks: &mut Vec<Task>, index: usize) {
    let ended = tasks.swap_remove(index);
    let now = simulation.world().now;
    for task in tasks.iter_mut().filter(|task| task.worker.is_some() && task.worker == ended.worker) {
        task.wake_at = now;
    }
}

/// Kills or freezes a worker, or lets one of its tasks panic.
fn disturb(simulation: &Simulation, tasks: &mut Vec<Task>, frozen: &mut HashMap<WorkerId, Timestamp>) {
    let mut world = simulation.world();
    let chaos = world.chaos();
    let is_killed = world.rng.f64() < chaos.kill;
    let is_frozen = world.rng.f64() < chaos.freeze;
    let candidates: Vec<usize> = (0..tasks.len()).filter(|index| tasks[*index].worker.is_some()).collect();
    let Some(index) = world.rng.choice(candidates).filter(|_| is_killed || is_frozen) else { return };
    let Some(worker) = tasks[index].worker else { return };
    world.disturb_worker(worker);
    if is_frozen {
        let duration = FREEZES[world.rng.usize(..FREEZES.len())];
        world.trace(|| format!("worker {worker} is frozen for {duration:?}"));
        world.figures.freezes += 1;
        frozen.insert(worker, world.now + duration);
    } else if world.rng.bool() {
        world.trace(|| format!("worker {worker} is killed"));
        world.figures.kills += 1;
        drop(world);
        tasks.retain(|task| task.worker != Some(worker));
    } else {
        world.trace(|| format!("a task of worker {worker} panics"));
        world.figures.kills += 1;
        drop(world);
        end(simulation, tasks, index);
    }
}

/// Lets other tasks run, and then waits until that time.
pub(super) struct Pause {
    simulation: Simulation,
    until: Timestamp,
    has_yielded: bool,
}

impl Simulation {
    pub(super) fn pause(&self) -> Pause {
        self.pause_until(self.world().now)
    }

    pub(super) fn sleep(&self, duration: Duration) -> Pause {
        self.pause_until(self.world().now + duration)
    }

    pub(super) fn pause_until(&self, until: Timestamp) -> Pause {
        Pause { simulation: self.clone(), until, has_yielded: false }
    }
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let mut world = self.simulation.world();
        if self.has_yielded && world.now >= self.until {
            return Poll::Ready(());
        }
        world.wake_at = self.until;
        drop(world);
        self.has_yielded = true;
        Poll::Pending
    }
}
