//! The results as a table.

use std::collections::BTreeMap;
use tests::harness::tally::{Phase, Tally};

/// Prints both directions side by side.
pub(crate) fn print(webhooks: &Tally, requests: &Tally) {
    let both = |count: fn(&Tally) -> usize| (count(webhooks), count(requests));
    let sent = |phase| both_in(&webhooks.sent, &requests.sent, phase);
    let accepted = |phase| both_in(&webhooks.accepted, &requests.accepted, phase);
    println!("\n  {:<34} {:>12} {:>12}", "", "webhooks", "requests");
    println!("  {:<34} {:>12} {:>12}\n  {}", "", "→ service", "→ platform", "─".repeat(60));
    row("sent", both(|tally| tally.sent.values().sum()));
    row("  before the upgrade", sent(Phase::Before));
    row("  during it", sent(Phase::During));
    row("  after it", sent(Phase::After));
    row("accepted (2xx)", both(|tally| tally.accepted.values().sum()));
    row("  before the upgrade", accepted(Phase::Before));
    row("  during it", accepted(Phase::During));
    row("  after it", accepted(Phase::After));
    row("  retries by the sender", both(|tally| tally.retries.values().sum()));
    for reason in
        webhooks.retries.keys().chain(requests.retries.keys().filter(|key| !webhooks.retries.contains_key(*key)))
    {
        let times = |tally: &Tally| tally.retries.get(reason).copied().unwrap_or_default();
        row(&format!("    {reason}"), (times(webhooks), times(requests)));
    }
    row("delivered", both(|tally| tally.arrived));
    row("  redelivered with the same id", both(|tally| tally.redelivered));
    row("unknown outcome, reported", both(|tally| tally.unknown));
    must_be_none("lost", both(|tally| tally.lost));
    must_be_none("duplicated", both(|tally| tally.duplicated));
    must_be_none("out of order", both(|tally| tally.out_of_order));
    must_be_none("refused", both(|tally| tally.refused));
    must_be_none("delivered, but not sent", both(|tally| tally.unexpected));
    println!();
}

/// The counts of one phase.
fn both_in(webhooks: &BTreeMap<Phase, usize>, requests: &BTreeMap<Phase, usize>, phase: Phase) -> (usize, usize) {
    let count = |counts: &BTreeMap<Phase, usize>| counts.get(&phase).copied().unwrap_or_default();
    (count(webhooks), count(requests))
}

fn row(what: &str, (webhooks, requests): (usize, usize)) {
    println!("  {what:<34} {webhooks:>12} {requests:>12}");
}

fn must_be_none(what: &str, counts: (usize, usize)) {
    let mark = if counts == (0, 0) { "✓" } else { "✗" };
    println!("{mark} {what:<34} {:>12} {:>12}", counts.0, counts.1);
}
