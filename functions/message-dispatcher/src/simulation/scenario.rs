//! One run: messages of a few customers, sent over some minutes in which endpoints are unhealthy at times.

use super::checks::{Promise, Violation};
use super::endpoint::Endpoints;
use super::mutants::Mutant;
use super::scheduler::{Task, run_until_idle};
use super::world::{Chaos, Figures, Group, Message, Simulation, World, start};
use fastrand::Rng;
use jiff::Timestamp;
use std::hash::Hasher;
use std::time::Duration;

/// From then on nothing goes wrong.
const CALM_AFTER: Duration = Duration::from_secs(600);
/// When messages are sent. Those of the same second are in one batch, or several.
const SENT_AFTER: [u64; 8] = [0, 0, 1, 2, 5, 12, 60, 300];
/// How long after a message the platform sends it again. SQS drops copies for 300 seconds.
const REPEATED_AFTER: [u64; 5] = [1, 100, 301, 310, 400];
const REPLAYED_AFTER: Duration = Duration::from_secs(200);
/// The ids of what is sent while a run goes on.
const REPLAY: u32 = 1_000;
const AFTERWARDS: u32 = 2_000;

pub(super) struct Run {
    pub(super) result: Result<(), Violation>,
    pub(super) figures: Figures,
    /// Identifies the interleaving.
    pub(super) interleaving: u64,
    pub(super) trace: String,
}

pub(super) fn run(seed: u64, mutant: Option<Mutant>, is_traced: bool) -> Run {
    let mut rng = Rng::with_seed(seed);
    let calm_at = start() + CALM_AFTER;
    let mut endpoints = Endpoints::random(&mut rng, calm_at);
    let chaos = chaos(&mut rng);
    let groups: Group = rng.u8(1..=4);
    let plan = plan(&mut rng, groups);
    endpoints.refused.extend((0..REPLAY).filter(|id| id % 16 == 7));
    let mut world = World::new(rng, chaos, calm_at, endpoints, is_traced);
    world.mutant = mutant;
    let simulation = Simulation::new(world);
    let producer = Box::pin(produce(simulation.clone(), plan));
    simulation.world().spawned.push(Task { worker: None, wake_at: start(), future: producer });
    let result = check(&simulation, groups);
    let mut world = simulation.world();
    Run { result, figures: world.figures, interleaving: world.history.finish(), trace: world.take_trace() }
}

fn check(simulation: &Simulation, groups: Group) -> Result<(), Violation> {
    run_until_idle(simulation)?;
    simulation.world().checks.nothing_is_lost()?;
    simulation.world().calm_down();
    // The next message of each group is on the direct lane, or the second if a tail was left over.
    for round in 0..2 {
        let id = |group: Group| AFTERWARDS + 2 * u32::from(group) + round;
        let sent: Vec<_> = (0..groups).map(|group| Message { id: id(group), key: id(group), group }).collect();
        for message in &sent {
            simulation.world().send(*message);
        }
        run_until_idle(simulation)?;
        let world = simulation.world();
        world.checks.nothing_is_lost()?;
        let detour = sent.iter().find(|message| {
            let is_allowed = round == 0 && world.checks.may_have_stale_tail(message.group);
            !is_allowed && !world.checks.was_direct(**message)
        });
        if let Some(message) = detour {
            return Err(Promise::ReturnToDirectLane.broken_by(message.id));
        }
    }
    Ok(())
}

/// In some runs nothing fails, in others much.
fn chaos(rng: &mut Rng) -> Chaos {
    let mut one_of = |probabilities: [f64; 4]| probabilities[rng.usize(..4)];
    Chaos {
        kill: one_of([0.0, 0.0, 0.005, 0.02]),
        freeze: one_of([0.0, 0.005, 0.02, 0.05]),
        fault: one_of([0.0, 0.0, 0.02, 0.1]),
    }
}

struct Sending {
    at: Timestamp,
    message: Message,
    kind: Kind,
}

#[derive(PartialEq, Eq)]
enum Kind {
    Message,
    /// If it has failed.
    Replay,
}

fn plan(rng: &mut Rng, groups: Group) -> Vec<Sending> {
    let mut plan: Vec<Sending> = Vec::new();
    for id in 0..u32::from(groups) * rng.u32(3..=6) {
        let message = Message { id, key: id, group: (id % u32::from(groups)) as Group };
        let at = start()
            + Duration::from_secs(SENT_AFTER[rng.usize(..SENT_AFTER.len())])
            + Duration::from_millis([0, 0, 300][rng.usize(..3)]);
        plan.push(Sending { at, message, kind: Kind::Message });
        if rng.u8(..4) == 0 {
            let after = Duration::from_secs(REPEATED_AFTER[rng.usize(..REPEATED_AFTER.len())]);
            plan.push(Sending { at: at + after, message, kind: Kind::Message });
        }
        let replay = Message { id: REPLAY + id, ..message };
        plan.push(Sending { at: at + REPLAYED_AFTER, message: replay, kind: Kind::Replay });
    }
    plan.sort_by_key(|sending| sending.at);
    plan
}

async fn produce(simulation: Simulation, plan: Vec<Sending>) {
    for Sending { at, message, kind } in plan {
        if simulation.world().now < at {
            simulation.pause_until(at).await;
        }
        let mut world = simulation.world();
        if kind == Kind::Message || world.ledger.has_failed(message.key) {
            world.send(message);
        }
    }
}

impl World {
    fn send(&mut self, message: Message) {
        let now = self.now;
        self.checks.sent(message, now);
        let sent = self.direct.send(message, None, now);
        self.trace(|| format!("{message:?}: {sent:?}"));
    }
}
