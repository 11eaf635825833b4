//! Looking at what the ledger holds, without changing it: for people. The functions never do, and may not.

use super::item::{self, Item, text};
use super::{Ledger, LedgerError, Settled};
use crate::aws;
use jiff::Timestamp;

/// What the ledger holds under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// How far the work is.
    pub progress: Progress,
    /// How many times it has been claimed.
    pub version: u64,
    /// When the entry goes, at the earliest.
    pub expires_at: Option<Timestamp>,
}

/// How far a piece of work is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Somebody has it until then; where that has passed, its holder was cut off.
    Claimed {
        /// The end of the lease.
        until: Timestamp,
    },
    /// It was given back, to be tried again.
    Released,
    /// It has ended.
    Settled(Settled),
}

impl Ledger {
    /// What stands under `key`, as of now.
    ///
    /// # Errors
    /// DynamoDB is out of reach or refuses, or the entry cannot be read.
    pub async fn look(&self, key: &str) -> Result<Option<Entry>, LedgerError> {
        let request = self.client.get_item().table_name(&self.table).key(item::KEY, text(key)).consistent_read(true);
        let answer = request.send().await.map_err(|error| LedgerError::Unavailable(aws::sdk_error(&error)))?;
        let Some(attributes) = answer.item else { return Ok(None) };
        let item = Item::read(&attributes)?;
        let (version, expires_at) = (item.version, item.expires_at);
        let progress = match item.state {
            item::State::InProgress if item.lease_until.as_millisecond() == super::RELEASED => Progress::Released,
            item::State::InProgress => Progress::Claimed { until: item.lease_until },
            item::State::Settled(outcome) => Progress::Settled(item.settled(outcome)),
        };
        Ok(Some(Entry { progress, version, expires_at }))
    }
}
