//! Which integrations are remembered, and how many names that may be made up are looked up.

use super::{Entry, LoadError};
use crate::model::integration_name::IntegrationName;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How many integrations are kept in memory. Of more, those that were used last stay.
pub(super) const MAXIMUM_ENTRIES: usize = 1_000;
/// How many names are remembered as those of integrations beyond that. Only integrations that there are get in.
const MAXIMUM_KNOWN: usize = 10 * MAXIMUM_ENTRIES;

/// How many reads of names that no integration has are made at once, and how long it takes until one more may be.
///
/// Names come from URLs, so a stranger can make them up, and each costs a paid read: $0.05 for 10,000. At the 500
/// webhooks a second that the stage lets through, 43 million a day would be $216; with one read a second it is $0.43 a
/// day for each running process. Ten deleted integrations that are still called, each read once in ten seconds, fit in.
const BURST: u32 = 20;
const REFILL: Duration = Duration::from_secs(1);

/// The names that were asked for.
#[derive(Debug)]
pub(super) struct Names {
    entries: HashMap<IntegrationName, Slot>,
    /// The names that had a secret when they were read last.
    known: HashSet<IntegrationName>,
    uses: u64,
    budget: Budget,
}

#[derive(Debug, Default)]
struct Slot {
    entry: Arc<Entry>,
    used: u64,
}

/// A token bucket.
#[derive(Debug)]
struct Budget {
    tokens: u32,
    refilled_at: Instant,
}

impl Names {
    pub(super) fn new() -> Self {
        let budget = Budget { tokens: BURST, refilled_at: Instant::now() };
        Self { entries: HashMap::new(), known: HashSet::new(), uses: 0, budget }
    }

    /// What is kept of `name`. When there is no room, a name that no integration has is dropped first, and
    /// then the integration that was used least recently.
    pub(super) fn entry(&mut self, name: &IntegrationName) -> Arc<Entry> {
        self.uses += 1;
        if !self.entries.contains_key(name) && self.entries.len() >= MAXIMUM_ENTRIES {
            let least = self.entries.iter().min_by_key(|(name, slot)| (self.known.contains(*name), slot.used));
            if let Some(least) = least.map(|(name, _)| name.clone()) {
                self.entries.remove(&least);
            }
        }
        let slot = self.entries.entry(name.clone()).or_default();
        slot.used = self.uses;
        Arc::clone(&slot.entry)
    }

    /// Whether `name` may be read now: always, if it is known; else if the budget allows it, which is charged until
    /// [`Self::was_read`] shows that the name was not made up.
    pub(super) fn may_read(&mut self, name: &IntegrationName) -> bool {
        self.known.contains(name) || self.budget.take()
    }

    /// What came of a read that was allowed. Only a name that no integration has is charged.
    pub(super) fn was_read(&mut self, name: &IntegrationName, failure: Option<&LoadError>) {
        if failure == Some(&LoadError::NotFound) {
            self.known.remove(name);
            return;
        }
        if self.known.contains(name) {
            return;
        }
        self.budget.give_back();
        let exists = matches!(failure, None | Some(LoadError::Invalid(_)));
        if exists && self.known.len() < MAXIMUM_KNOWN {
            self.known.insert(name.clone());
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl Budget {
    fn take(&mut self) -> bool {
        let refills = u32::try_from(self.refilled_at.elapsed().as_secs() / REFILL.as_secs()).unwrap_or(BURST);
        if refills > 0 {
            self.tokens = self.tokens.saturating_add(refills).min(BURST);
            self.refilled_at = Instant::now();
        }
        let left = self.tokens.checked_sub(1);
        self.tokens = left.unwrap_or_default();
        left.is_some()
    }

    fn give_back(&mut self) {
        self.tokens = (self.tokens + 1).min(BURST);
    }
}
