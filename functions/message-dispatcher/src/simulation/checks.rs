//! What every run promises.

use super::world::{Group, Message};
use crate::record::Lane;
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, HashSet};

/// How long a message to a healthy endpoint takes at most: less than one timeout of another endpoint. A batch of ten takes
/// two seconds, and groups of a batch wait one second for each other.
const MAX_DELAY: SignedDuration = SignedDuration::from_secs(6);

/// A promise that a run broke, and the message that shows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Violation {
    pub(super) promise: Promise,
    pub(super) message: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// No message is delivered for the first time before all earlier ones of its customer are finished.
    Order,
    NothingLost,
    /// Nothing is delivered twice, unless a worker or a call failed between the delivery and its record.
    DeliveredOnce,
    /// A customer with a healthy endpoint does not wait for others.
    Independence,
    /// When nothing of a group waits on the retry lane, its next message takes the direct lane. If a worker or a call failed,
    /// the one after it does.
    ReturnToDirectLane,
    /// Every run ends.
    Progress,
}

impl Promise {
    pub(super) fn broken_by(self, message: u32) -> Violation {
        Violation { promise: self, message: Some(message) }
    }
}

#[derive(Debug, Default)]
pub(super) struct Checks {
    /// In the order in which they were sent.
    sent: Vec<Sent>,
    deliveries: HashMap<u32, usize>,
    /// Groups of which a worker or a call failed.
    pub(super) disturbed: HashSet<Group>,
    /// Groups of which the retry lane dropped a copy.
    pub(super) copies_dropped: HashSet<Group>,
    /// The keys that may be delivered twice.
    pub(super) excused: HashSet<u32>,
    pub(super) violation: Option<Violation>,
}

#[derive(Debug)]
struct Sent {
    message: Message,
    sent_at: Timestamp,
    /// Delivered, or failed permanently.
    is_finished: bool,
    lane: Option<Lane>,
}

impl Checks {
    pub(super) fn sent(&mut self, message: Message, now: Timestamp) {
        if self.sent.iter().all(|sent| sent.message != message) {
            self.sent.push(Sent { message, sent_at: now, is_finished: false, lane: None });
        }
    }

    pub(super) fn accepted(&mut self, message: Message, lane: Lane, now: Timestamp) {
        let deliveries = self.deliveries.entry(message.key).or_default();
        *deliveries += 1;
        if *deliveries > 1 {
            if !self.excused.contains(&message.key) {
                self.violation = Some(Promise::DeliveredOnce.broken_by(message.id));
            }
            return;
        }
        let earlier = self.sent.iter().take_while(|sent| sent.message != message);
        if earlier.filter(|sent| sent.message.group == message.group).any(|sent| !sent.is_finished) {
            self.violation = Some(Promise::Order.broken_by(message.id));
        }
        let is_undisturbed = message.integration() == 0 && !self.disturbed.contains(&message.group);
        if let Some(sent) = self.sent.iter_mut().find(|sent| sent.message == message) {
            (sent.is_finished, sent.lane) = (true, Some(lane));
            if is_undisturbed && now.duration_since(sent.sent_at) > MAX_DELAY {
                self.violation = Some(Promise::Independence.broken_by(message.id));
            }
        }
    }

    pub(super) fn failed(&mut self, message: Message) {
        if let Some(sent) = self.sent.iter_mut().find(|sent| sent.message == message) {
            sent.is_finished = true;
        }
    }

    pub(super) fn nothing_is_lost(&self) -> Result<(), Violation> {
        let lost = self.sent.iter().find(|sent| !sent.is_finished);
        lost.map_or(Ok(()), |lost| Err(Promise::NothingLost.broken_by(lost.message.id)))
    }

    pub(super) fn was_direct(&self, message: Message) -> bool {
        self.sent.iter().any(|sent| sent.message == message && sent.lane == Some(Lane::Direct))
    }

    /// Whether a group's tail may have no record behind it.
    pub(super) fn may_have_stale_tail(&self, group: Group) -> bool {
        self.disturbed.contains(&group) || self.copies_dropped.contains(&group)
    }
}
