//! Reading the ledger without changing it, for people. The functions never do, and their roles do not allow it.

use super::item::{self, Item};
use super::{CompletedRecord, Ledger, LedgerError};
use jiff::Timestamp;

/// What the ledger holds under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordView {
    pub state: RecordState,
    /// How many leases there have been.
    pub attempts: u64,
    /// The earliest time at which the item is removed.
    pub expires_at: Option<Timestamp>,
}

/// How far a piece of work is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordState {
    /// A worker has the lease until then. If that is in the past, the worker was interrupted.
    Leased {
        until: Timestamp,
    },
    /// The lease was released: the work is to be retried.
    Released,
    Completed(CompletedRecord),
}

impl Ledger {
    /// Reads what is stored under `key`, consistently.
    ///
    /// # Errors
    /// DynamoDB is unavailable or refuses, or the item is malformed.
    pub async fn get(&self, key: &str) -> Result<Option<RecordView>, LedgerError> {
        let Some(attributes) = self.read_item(key).await? else { return Ok(None) };
        let item = Item::from_attributes(&attributes)?;
        let (attempts, expires_at) = (item.version, item.expires_at);
        let state = match item.state {
            item::State::InProgress if item.lease_until.as_millisecond() == super::RELEASED => RecordState::Released,
            item::State::InProgress => RecordState::Leased { until: item.lease_until },
            item::State::Completed(outcome) => RecordState::Completed(item.into_completed(outcome)),
        };
        Ok(Some(RecordView { state, attempts, expires_at }))
    }
}
