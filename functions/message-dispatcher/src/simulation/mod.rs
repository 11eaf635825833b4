//! A simulation of the two lanes: the decisions of group.rs on simulated queues, ledger and endpoints, with workers that are
//! killed, frozen and resumed, and calls whose answers are lost. A seed decides everything, so that each run can be repeated:
//! `SIMULATION_SEED=1234 cargo test -p message-dispatcher no_interleaving`.

mod checks;
mod endpoint;
mod ledger;
mod mutants;
mod queue;
mod scenario;
mod scheduler;
mod steps;
mod worker;
mod world;

use checks::{Promise, Violation};
use mutants::Mutant;
use scenario::{Run, run};
use std::collections::HashSet;
use world::Figures;

/// How many runs are tried. Few seeds lead to the same interleaving.
const SEEDS: u64 = 4_000;

fn seeds() -> std::ops::Range<u64> {
    let seed: Option<u64> = std::env::var("SIMULATION_SEED").ok().and_then(|seed| seed.parse().ok());
    seed.map_or(0..SEEDS, |seed| seed..seed + 1)
}

/// Runs a seed again, and returns all its steps.
fn explain(seed: u64, Violation { promise, message }: Violation) -> String {
    let Run { trace, .. } = run(seed, None, true);
    format!("{trace}\n\nSIMULATION_SEED={seed}: {promise:?} is broken, by message {message:?}")
}

#[test]
fn no_interleaving_of_kills_freezes_duplicates_and_lost_answers_breaks_a_promise_of_the_lanes() {
    let (mut total, mut interleavings) = (Figures::default(), HashSet::new());
    for seed in seeds() {
        let Run { result, figures, interleaving, .. } = run(seed, None, false);
        if let Err(violation) = result {
            panic!("{}", explain(seed, violation));
        }
        total = total.plus(figures);
        interleavings.insert(interleaving);
    }
    let interleavings = interleavings.len();
    println!("{interleavings} different interleavings: {total:?}");
    if seeds().count() > 1 {
        assert!(interleavings > 3_000, "only {interleavings} of the interleavings differ");
        let Figures { moves, returns_to_direct, kills, freezes, faults, circuits_opened, .. } = total;
        let least = [moves, returns_to_direct, kills, freezes, faults, circuits_opened].into_iter().min();
        assert!(least >= Some(1_000), "something hardly happens: {total:?}");
    }
}

#[test]
fn each_fault_that_is_planted_in_the_protocol_breaks_a_promise() {
    let mutants = [
        (Mutant::ExtendsNoTail, Promise::Order),
        (Mutant::ExtendsTailAfterSending, Promise::ReturnToDirectLane),
        (Mutant::LowersTail, Promise::Order),
        (Mutant::ClearsAnyTail, Promise::Order),
        (Mutant::ClearsTailBeforeAttempt, Promise::Order),
        (Mutant::ClearsNoTail, Promise::ReturnToDirectLane),
        (Mutant::DoesNotAwaitSending, Promise::NothingLost),
        (Mutant::DoesNotAwaitSending, Promise::Order),
        (Mutant::IgnoresErrorsOfSending, Promise::NothingLost),
        (Mutant::ReadsNoTails, Promise::Order),
        (Mutant::ReadsTailsInconsistently, Promise::Order),
        (Mutant::FlushesAtTheEndOnly, Promise::Independence),
        (Mutant::PassesFailedRecords, Promise::NothingLost),
        (Mutant::IgnoresLeases, Promise::DeliveredOnce),
        (Mutant::AcknowledgesNothing, Promise::Progress),
    ];
    for (mutant, promise) in mutants {
        let breaks_it =
            |seed: &u64| run(*seed, Some(mutant), false).result.is_err_and(|violation| violation.promise == promise);
        let seed = (0..SEEDS).find(breaks_it);
        println!("{mutant:?} breaks {promise:?} with seed {seed:?}");
        assert!(seed.is_some(), "no run shows that {mutant:?} breaks {promise:?}");
    }
}
