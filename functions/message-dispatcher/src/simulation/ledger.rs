//! The ledger: the items of deliveries and tails, with the conditions of the writes in `shared::ledger`, and circuits.

use super::world::{Group, Integration, Message};
use jiff::Timestamp;
use shared::ledger::SequenceNumber;
use std::collections::HashMap;
use std::time::Duration;

/// A circuit opens after so many timeouts in a row.
const TIMEOUTS_TO_OPEN: usize = 5;
const OPEN_PERIOD: Duration = Duration::from_secs(10);
const TRIAL_LEASE: Duration = Duration::from_secs(15);

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) tails: HashMap<Group, SequenceNumber>,
    /// Before the last change.
    pub(super) earlier_tails: HashMap<Group, SequenceNumber>,
    deliveries: HashMap<u32, Item>,
    circuits: HashMap<Integration, Circuit>,
}

#[derive(Debug)]
struct Item {
    version: u64,
    /// When the lease expires. None: it was released.
    lease_until: Option<Timestamp>,
    state: State,
    replay: Option<u32>,
}

#[derive(Debug, Default)]
struct Circuit {
    timeouts: usize,
    open_until: Option<Timestamp>,
}

pub(super) struct OpenUntil(pub(super) Timestamp);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    InProgress,
    Succeeded,
    Failed,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Lease {
    pub(super) key: u32,
    pub(super) version: u64,
}

pub(super) enum Acquire {
    Acquired(Lease),
    InProgress { until: Timestamp },
    Completed,
}

impl Ledger {
    pub(super) fn acquire(&mut self, message: Message, now: Timestamp, until: Timestamp) -> Acquire {
        let replay = message.replay();
        let vacant = Item { version: 0, lease_until: None, state: State::InProgress, replay: None };
        let item = self.deliveries.entry(message.key).or_insert(vacant);
        let is_free = match item.state {
            State::InProgress => item.lease_until.is_none_or(|until| until <= now),
            State::Failed => replay.is_some() && item.replay != replay,
            State::Succeeded => false,
        };
        match (is_free, item.state) {
            (true, _) => {
                *item = Item { version: item.version + 1, lease_until: Some(until), state: State::InProgress, replay };
                Acquire::Acquired(Lease { key: message.key, version: item.version })
            }
            (false, State::InProgress) => Acquire::InProgress { until: item.lease_until.unwrap_or(now) },
            (false, State::Succeeded | State::Failed) => Acquire::Completed,
        }
    }

    /// Completes or releases a lease, unless it was lost.
    pub(super) fn end_lease(&mut self, lease: Lease, state: State) {
        let item = self.deliveries.get_mut(&lease.key);
        if let Some(item) = item.filter(|item| item.version == lease.version && item.state == State::InProgress) {
            (item.state, item.lease_until) = (state, None);
        }
    }

    pub(super) fn has_failed(&self, key: u32) -> bool {
        self.deliveries.get(&key).is_some_and(|item| item.state == State::Failed)
    }

    pub(super) fn extend_tail(&mut self, group: Group, tail: SequenceNumber) {
        self.earlier_tails = self.tails.clone();
        if self.tails.get(&group).is_none_or(|current| *current < tail) {
            self.tails.insert(group, tail);
        }
    }

    pub(super) fn clear_tail(&mut self, group: Group, finished: SequenceNumber) {
        self.earlier_tails = self.tails.clone();
        if self.tails.get(&group).is_some_and(|tail| *tail <= finished) {
            self.tails.remove(&group);
        }
    }

    /// Until when the circuit is open, if it is.
    pub(super) fn open_until(&self, integration: Integration, now: Timestamp) -> Option<Timestamp> {
        self.circuits.get(&integration).and_then(|circuit| circuit.open_until).filter(|until| now < *until)
    }

    /// Admits an attempt, unless the circuit is open. Of several workers, one gets the trial.
    pub(super) fn admit(&mut self, integration: Integration, now: Timestamp) -> Result<(), OpenUntil> {
        if let Some(until) = self.open_until(integration, now) {
            return Err(OpenUntil(until));
        }
        let circuit = self.circuits.entry(integration).or_default();
        circuit.open_until = circuit.open_until.map(|_| now + TRIAL_LEASE);
        Ok(())
    }

    pub(super) fn close_circuit(&mut self, integration: Integration) {
        self.circuits.remove(&integration);
    }

    /// Returns whether this opens the circuit.
    pub(super) fn count_timeout(&mut self, integration: Integration, now: Timestamp) -> bool {
        let circuit = self.circuits.entry(integration).or_default();
        circuit.timeouts += 1;
        let opens = circuit.timeouts >= TIMEOUTS_TO_OPEN;
        if opens {
            circuit.open_until = Some(now + OPEN_PERIOD);
        }
        opens
    }
}
