//! An SQS FIFO queue, as AWS documents it: a group is locked while a record of it is in flight, its records are received in
//! order, copies with the same deduplication id are dropped for five minutes, and a receipt handle expires with its visibility
//! timeout.

use super::world::{Group, Message, World};
use crate::record::Lane;
use fastrand::Rng;
use jiff::Timestamp;
use shared::ledger::SequenceNumber;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

pub(super) const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(180);
const DEDUPLICATION_PERIOD: Duration = Duration::from_secs(300);
const MAX_BATCH: usize = 10;

/// A record, as it was received.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) message: Message,
    /// On the direct lane.
    pub(super) sequence_number: SequenceNumber,
    pub(super) due_at: Option<Timestamp>,
    pub(super) receive_count: u64,
    handle: u64,
    visible_at: Timestamp,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    groups: BTreeMap<Group, VecDeque<Record>>,
    /// When a message with this id was accepted.
    accepted: HashMap<u32, Timestamp>,
    /// The last that was given.
    sequence_number: u128,
    handle: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Stored,
    DroppedAsCopy,
}

pub(super) fn lane_queue(world: &World, lane: Lane) -> &Queue {
    match lane {
        Lane::Direct => &world.direct,
        Lane::Retry => &world.retry,
    }
}

impl World {
    pub(super) fn queue(&mut self, lane: Lane) -> &mut Queue {
        match lane {
            Lane::Direct => &mut self.direct,
            Lane::Retry => &mut self.retry,
        }
    }
}

impl Queue {
    /// Sends a message; `moved` is its record on the direct lane, if it comes from there, and when it is due.
    pub(super) fn send(
        &mut self,
        message: Message,
        moved: Option<(SequenceNumber, Option<Timestamp>)>,
        now: Timestamp,
    ) -> Sent {
        let is_copy = self.accepted.get(&message.id).is_some_and(|accepted| now < *accepted + DEDUPLICATION_PERIOD);
        if is_copy {
            return Sent::DroppedAsCopy;
        }
        self.accepted.insert(message.id, now);
        self.sequence_number += 1;
        let (sequence_number, due_at) = moved.unwrap_or((SequenceNumber::new(self.sequence_number), None));
        let record = Record { message, sequence_number, due_at, receive_count: 0, handle: 0, visible_at: now };
        self.groups.entry(message.group).or_default().push_back(record);
        Sent::Stored
    }

    /// Receives a batch: of some groups that are not locked, the first records of each.
    pub(super) fn receive(&mut self, now: Timestamp, rng: &mut Rng) -> Vec<Record> {
        let mut available: Vec<Group> =
            self.groups.iter().filter(|(_, records)| is_unlocked(records, now)).map(|(group, _)| *group).collect();
        rng.shuffle(&mut available);
        let limit = if rng.bool() { MAX_BATCH } else { rng.usize(1..=MAX_BATCH) };
        let mut batch = Vec::new();
        for group in available {
            let remaining = limit - batch.len();
            for record in self.groups.get_mut(&group).into_iter().flatten().take(remaining) {
                self.handle += 1;
                record.handle = self.handle;
                record.receive_count += 1;
                record.visible_at = now + VISIBILITY_TIMEOUT;
                batch.push(record.clone());
            }
        }
        batch
    }

    pub(super) fn delete(&mut self, record: &Record, now: Timestamp) {
        if self.in_flight(record, now).is_some() {
            let records = self.groups.entry(record.message.group).or_default();
            records.retain(|stored| stored.handle != record.handle);
        }
    }

    pub(super) fn set_visibility_timeout(&mut self, record: &Record, timeout: Duration, now: Timestamp) {
        if let Some(stored) = self.in_flight(record, now) {
            stored.visible_at = now + Duration::from_secs(timeout.as_millis().div_ceil(1_000) as u64);
        }
    }

    /// The stored record, if the receipt handle has not expired.
    fn in_flight(&mut self, record: &Record, now: Timestamp) -> Option<&mut Record> {
        let records = self.groups.get_mut(&record.message.group)?;
        records.iter_mut().find(|stored| stored.handle == record.handle && now < stored.visible_at)
    }

    pub(super) fn is_available(&self, now: Timestamp) -> bool {
        self.groups.values().any(|records| is_unlocked(records, now))
    }

    /// When the next record in flight becomes visible.
    pub(super) fn next_visible(&self, now: Timestamp) -> Option<Timestamp> {
        self.groups.values().flatten().map(|record| record.visible_at).filter(|visible_at| now < *visible_at).min()
    }
}

fn is_unlocked(records: &VecDeque<Record>, now: Timestamp) -> bool {
    !records.is_empty() && records.iter().all(|record| record.visible_at <= now)
}
