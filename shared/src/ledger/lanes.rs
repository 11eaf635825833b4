//! What decides a message's lane: whether its group has messages on the retry lane, and the circuits of endpoints.
//!
//! A group's item holds its **tail**: the sequence number, on the message queue, of the last message that was moved to the
//! retry lane. The tail only grows until it is cleared, and it is cleared when that message has left the retry lane. The
//! retry lane keeps a group's order, so all messages before it have left too. These items are not leases.

use super::calls::if_applied;
use super::circuit::Circuit;
use super::item::number;
use super::{Ledger, LedgerError, key};
use crate::model::endpoint::Endpoint;
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, HashSet};

const TAIL: &str = "tail";

/// How long a tail is kept. A message stays on the retry lane for less than that.
const TAIL_RETENTION: SignedDuration = SignedDuration::from_hours(15 * 24);

/// A message's place in its group. SQS numbers the messages of a group in increasing order.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-key-terms.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SequenceNumber(u128);

impl SequenceNumber {
    #[must_use]
    pub const fn new(number: u128) -> Self {
        Self(number)
    }

    /// Parses the attribute of an SQS message.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

/// The state of groups and endpoints.
#[derive(Debug, Default)]
pub struct LaneStates {
    groups_with_tail: HashSet<String>,
    /// The state of each endpoint that was asked for.
    pub circuits: Vec<(Endpoint, Circuit)>,
}

impl LaneStates {
    /// Whether messages of the group are on the retry lane, or may be.
    #[must_use]
    pub fn has_tail(&self, group: &str) -> bool {
        self.groups_with_tail.contains(group)
    }
}

impl Ledger {
    /// Reads the states of groups and endpoints, consistently; of up to 100 in one call.
    ///
    /// # Errors
    /// DynamoDB is unavailable, or did not return all of them.
    pub async fn lane_states(&self, groups: &[&str], endpoints: Vec<Endpoint>) -> Result<LaneStates, LedgerError> {
        let group_keys: HashMap<String, &str> = groups.iter().map(|group| (key::lane(group), *group)).collect();
        let circuit_keys: Vec<_> = endpoints.iter().map(key::circuit).collect();
        let mut items = self.read_items(group_keys.keys().chain(&circuit_keys).map(String::as_str)).await?;
        let has_tail = |key: &String| items.get(key).is_some_and(|item| item.contains_key(TAIL));
        let groups_with_tail =
            group_keys.iter().filter(|(key, _)| has_tail(key)).map(|(_, group)| (*group).to_owned()).collect();
        let circuits = endpoints.into_iter().zip(circuit_keys).map(|(endpoint, key)| {
            let circuit = items.remove(&key).map(|item| Circuit::from_attributes(&item)).unwrap_or_default();
            (endpoint, circuit)
        });
        Ok(LaneStates { circuits: circuits.collect(), groups_with_tail })
    }

    /// Records that messages up to `tail` are moved to the retry lane. To be called before the first of them is sent there.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn extend_tail(&self, group: &str, tail: SequenceNumber, now: Timestamp) -> Result<(), LedgerError> {
        let expires = now.saturating_add(TAIL_RETENTION).unwrap_or(Timestamp::MAX).as_second();
        let result = self
            .update_item(&key::lane(group))
            .condition_expression("attribute_not_exists(#tail) OR #tail < :tail")
            .update_expression("SET #tail = :tail, expiresAt = :expires")
            .expression_attribute_names("#tail", TAIL)
            .expression_attribute_values(":tail", number(tail.0))
            .expression_attribute_values(":expires", number(expires))
            .send()
            .await;
        if_applied(result).map(drop)
    }

    /// Clears the tail of a group if it is at most `finished`: a message that has left the retry lane.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn clear_tail(&self, group: &str, finished: SequenceNumber) -> Result<(), LedgerError> {
        let result = self
            .update_item(&key::lane(group))
            .condition_expression("#tail <= :finished")
            .update_expression("REMOVE #tail")
            .expression_attribute_names("#tail", TAIL)
            .expression_attribute_values(":finished", number(finished.0))
            .send()
            .await;
        if_applied(result).map(drop)
    }
}
