//! The names of integrations: the cache limit, and the rate limit for unknown names.

use super::{Entry, LoadError};
use crate::model::integration_name::IntegrationName;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Maximum number of cached integrations. The least recently used ones are evicted.
pub(super) const MAX_ENTRIES: usize = 1_000;
/// Maximum number of names that are known to be those of integrations, cached or not.
const MAX_KNOWN: usize = 10 * MAX_ENTRIES;

/// The rate limit for reads of unknown names: the burst, and the interval at which another read is allowed.
///
/// Names come from URLs, so anyone can invent them, and each one causes a read that costs money: $0.05 for 10,000. At the
/// limit of 500 webhooks per second, 43 million reads a day would cost $216. One read per second costs $0.43 a day per
/// process. That is enough for ten deleted integrations that still receive webhooks, each read every ten seconds.
const BURST: u32 = 20;
const REFILL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Names {
    entries: HashMap<IntegrationName, Slot>,
    /// The names that had a secret at their last read.
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

    /// The cache entry of `name`. If the cache is full, unknown names are evicted first, then the least recently used
    /// integration.
    pub(super) fn entry(&mut self, name: &IntegrationName) -> Arc<Entry> {
        self.uses += 1;
        if !self.entries.contains_key(name) && self.entries.len() >= MAX_ENTRIES {
            let least = self.entries.iter().min_by_key(|(name, cached)| (self.known.contains(*name), cached.used));
            if let Some(least) = least.map(|(name, _)| name.clone()) {
                self.entries.remove(&least);
            }
        }
        let cached = self.entries.entry(name.clone()).or_default();
        cached.used = self.uses;
        Arc::clone(&cached.entry)
    }

    /// Whether `name` may be read now. A read of an unknown name uses the budget, until [`Self::was_read`] returns it
    /// because the integration exists.
    pub(super) fn may_read(&mut self, name: &IntegrationName) -> bool {
        self.known.contains(name) || self.budget.take()
    }

    /// Records the result of a read. Only reads of names that do not exist use the budget.
    pub(super) fn was_read(&mut self, name: &IntegrationName, failure: Option<&LoadError>) {
        if failure == Some(&LoadError::NotFound) {
            self.known.remove(name);
            return;
        }
        if self.known.contains(name) {
            return;
        }
        self.budget.refund();
        let exists = matches!(failure, None | Some(LoadError::Invalid(_)));
        if exists && self.known.len() < MAX_KNOWN {
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

    fn refund(&mut self) {
        self.tokens = (self.tokens + 1).min(BURST);
    }
}
