//! A worker: an invocation with one batch. It does what batch.rs does, in the same order: read the tails of all groups,
//! process the groups side by side, set the visibility timeouts, acknowledge.

use super::mutants::{Mutant, Mutated};
use super::queue::Record;
use super::scheduler::Task;
use super::steps::WorkerSteps;
use super::world::{CallFailed, Group, Simulation, Step, WorkerId, World};
use crate::batch::{BATCH_GRACE_PERIOD, PANIC_RETRY_DELAY};
use crate::group::{GroupResult, Position, Queued, process_group};
use crate::record::Lane;
use jiff::Timestamp;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

/// How long the invocation may take.
const INVOCATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The results of the groups that have ended.
type Results = Arc<Mutex<Vec<GroupResult<Record>>>>;

#[derive(Clone)]
struct Batch {
    simulation: Simulation,
    lane: Lane,
    worker: WorkerId,
    deadline: Timestamp,
}

/// Receives a batch, and starts a worker for it, unless the answer is lost.
pub(super) fn start(simulation: &Simulation, lane: Lane) -> Option<Task> {
    let mut world = simulation.world();
    let (now, mut rng) = (world.now, world.rng.fork());
    let records = world.queue(lane).receive(now, &mut rng);
    let mut groups: Vec<(Group, Vec<Record>)> = Vec::new();
    for record in records {
        match groups.iter_mut().find(|(group, _)| *group == record.message.group) {
            Some((_, records)) => records.push(record),
            None => groups.push((record.message.group, vec![record])),
        }
    }
    let worker = world.new_worker(groups.iter().map(|(group, _)| *group).collect());
    world.trace(|| {
        let received: Vec<_> = groups.iter().flat_map(|(_, records)| records).map(|record| record.message.id).collect();
        format!("worker {worker} receives {received:?} on the {lane:?} lane")
    });
    if rng.f64() < world.chaos().fault {
        world.trace(|| format!("worker {worker}: the answer is lost"));
        world.disturb_worker(worker);
        return None;
    }
    let batch = Batch { simulation: simulation.clone(), lane, worker, deadline: now + INVOCATION_TIMEOUT };
    Some(Task { worker: Some(worker), wake_at: now, future: Box::pin(batch.handle(groups)) })
}

impl Batch {
    async fn handle(self, groups: Vec<(Group, Vec<Record>)>) {
        let mut result = GroupResults::default();
        let Ok(positions) = self.positions(&groups).await else {
            self.simulation.world().disturb_worker(self.worker);
            result.returned.extend(
                groups.into_iter().flat_map(|(_, records)| records).map(|record| (record, Duration::from_secs(3))),
            );
            return self.flush(&mut result).await;
        };
        let results = Results::default();
        let groups_running = groups.len();
        for ((group, records), position) in groups.into_iter().zip(positions) {
            self.spawn(group, position, records, &results);
        }
        let grace_period_end = {
            let world = self.simulation.world();
            let is_mutant = world.mutant == Some(Mutant::FlushesAtTheEndOnly);
            if is_mutant { Timestamp::MAX } else { world.now + BATCH_GRACE_PERIOD }
        };
        for _ in 0..groups_running {
            let joined = match self.join(&results, grace_period_end).await {
                Some(joined) => Some(joined),
                None => {
                    self.flush(&mut result).await;
                    self.join(&results, Timestamp::MAX).await
                }
            };
            if let Some(of_group) = joined {
                result.add(of_group);
            }
        }
        self.flush(&mut result).await;
    }

    /// One read for all groups.
    async fn positions(&self, groups: &[(Group, Vec<Record>)]) -> Result<Vec<Position>, CallFailed> {
        let first = groups.first().map(|(group, _)| *group).unwrap_or_default();
        let position = |world: &World, group: &Group| {
            let tails = match world.mutant {
                Some(Mutant::ReadsTailsInconsistently) => &world.ledger.earlier_tails,
                _ => &world.ledger.tails,
            };
            Position::new(self.lane, tails.contains_key(group) && world.mutant != Some(Mutant::ReadsNoTails))
        };
        let read = |world: &mut World| groups.iter().map(|(group, _)| position(world, group)).collect();
        self.simulation.call(self.step(first, "reads the tails"), read).await
    }

    fn spawn(&self, group: Group, position: Position, records: Vec<Record>, results: &Results) {
        let steps = WorkerSteps {
            simulation: self.simulation.clone(),
            lane: self.lane,
            worker: self.worker,
            deadline: self.deadline,
            group,
        };
        let queued = records.iter().cloned().map(|record| Queued {
            sequence_number: Some(record.sequence_number),
            receive_count: record.receive_count,
            due_at: record.due_at,
            record,
        });
        let (queued, mut running) = (queued.collect(), RunningGroup { results: Arc::clone(results), records });
        let mut world = self.simulation.world();
        let mutated = Mutated::new(steps, world.mutant);
        let future = Box::pin(async move {
            let result = process_group(&mutated, position, queued).await;
            running.records.clear();
            running.results.lock().unwrap().push(result);
        });
        let (worker, wake_at) = (Some(self.worker), world.now);
        world.spawned.push(Task { worker, wake_at, future });
    }

    /// Sets the visibility timeouts, and then deletes what was acknowledged: Lambda does that at the end.
    async fn flush(&self, result: &mut GroupResults) {
        let GroupResults { acknowledged, returned } = std::mem::take(result);
        for (record, timeout) in returned {
            let set = |world: &mut World| {
                let now = world.now;
                world.queue(self.lane).set_visibility_timeout(&record, timeout, now);
            };
            let _ = self.simulation.call(self.step(record.message.group, "sets a visibility timeout"), set).await;
        }
        for record in acknowledged {
            let delete = |world: &mut World| {
                let now = world.now;
                if world.mutant != Some(Mutant::AcknowledgesNothing) {
                    world.queue(self.lane).delete(&record, now);
                }
            };
            let _ = self.simulation.call(self.step(record.message.group, "acknowledges"), delete).await;
        }
    }

    /// The result of the next group that ends until then.
    fn join(&self, results: &Results, until: Timestamp) -> Join {
        Join { simulation: self.simulation.clone(), results: Arc::clone(results), until }
    }

    fn step(&self, group: Group, name: &'static str) -> Step {
        Step { worker: self.worker, group, name }
    }
}

#[derive(Default)]
struct GroupResults {
    acknowledged: Vec<Record>,
    returned: Vec<(Record, Duration)>,
}

impl GroupResults {
    fn add(&mut self, of_group: GroupResult<Record>) {
        self.acknowledged.extend(of_group.acknowledged);
        self.returned.extend(of_group.returned.into_iter().map(|record| (record, of_group.visibility_timeout)));
    }
}

/// The task of a group. When it panics, its records return to the lane.
struct RunningGroup {
    results: Results,
    records: Vec<Record>,
}

impl Drop for RunningGroup {
    fn drop(&mut self) {
        let returned = std::mem::take(&mut self.records);
        if !returned.is_empty() {
            let result = GroupResult { returned, visibility_timeout: PANIC_RETRY_DELAY, ..GroupResult::default() };
            self.results.lock().unwrap().push(result);
        }
    }
}

struct Join {
    simulation: Simulation,
    results: Results,
    until: Timestamp,
}

impl Future for Join {
    type Output = Option<GroupResult<Record>>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(result) = self.results.lock().unwrap().pop() {
            return Poll::Ready(Some(result));
        }
        let mut world = self.simulation.world();
        if world.now >= self.until {
            return Poll::Ready(None);
        }
        world.wake_at = self.until;
        Poll::Pending
    }
}
