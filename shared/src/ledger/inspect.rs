//! Reading the ledger without changing it, for people. The functions never do, and their roles do not allow it.

use super::item::{self, Item};
use super::{CompletedRecord, FailedAttempt, Ledger, LedgerError};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use std::collections::HashMap;

/// What the ledger holds under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordView {
    pub state: RecordState,
    /// How many leases there have been.
    pub attempts: u64,
    /// The earliest time at which the item is removed.
    pub expires_at: Option<Timestamp>,
    failed: Option<FailedAttempt>,
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

impl RecordState {
    #[must_use]
    pub fn is_completed(&self) -> bool {
        matches!(self, Self::Completed(_))
    }
}

impl RecordView {
    #[must_use]
    pub fn new(state: RecordState, attempts: u64) -> Self {
        Self { state, attempts, expires_at: None, failed: None }
    }

    /// The last failed attempt, while the work is retried. Of an earlier attempt than the last one if that is in progress,
    /// was interrupted, or was made by a version that does not record it.
    #[must_use]
    pub fn failed_attempt(&self) -> Option<&FailedAttempt> {
        self.failed.as_ref().filter(|_| !self.state.is_completed())
    }

    fn from_attributes(attributes: &HashMap<String, AttributeValue>) -> Result<Self, LedgerError> {
        let item = Item::from_attributes(attributes)?;
        let (attempts, expires_at) = (item.version, item.expires_at);
        let state = match item.state {
            item::State::InProgress if item.lease_until.as_millisecond() == super::RELEASED => RecordState::Released,
            item::State::InProgress => RecordState::Leased { until: item.lease_until },
            item::State::Completed(outcome) => RecordState::Completed(item.into_completed(outcome)),
        };
        Ok(Self { state, attempts, expires_at, failed: FailedAttempt::from_attributes(attributes, expires_at) })
    }
}

impl Ledger {
    /// Reads what is stored under `key`, consistently.
    ///
    /// # Errors
    /// DynamoDB is unavailable or refuses, or the item is malformed.
    pub async fn get(&self, key: &str) -> Result<Option<RecordView>, LedgerError> {
        self.read_item(key).await?.as_ref().map(RecordView::from_attributes).transpose()
    }

    /// Reads what is stored under each of these keys, consistently. Keys without an item are left out.
    ///
    /// # Errors
    /// DynamoDB is unavailable or refuses, or did not return all items, or an item is malformed.
    pub async fn get_all(
        &self,
        keys: impl IntoIterator<Item = &str>,
    ) -> Result<HashMap<String, RecordView>, LedgerError> {
        let items = self.read_items(keys).await?;
        items.into_iter().map(|(key, item)| Ok((key, RecordView::from_attributes(&item)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::RETENTION;
    use super::super::item::{number, text};
    use super::*;

    /// The item of a delivery whose second attempt failed, as this version writes it.
    fn failing() -> HashMap<String, AttributeValue> {
        let failed = r#"{"attempt":2,"at":"2026-01-02T03:04:05Z","reason":"status 503","nextAttemptAt":"2026-01-02T03:04:07Z",
            "givesUpAt":"2026-01-02T09:04:05Z","receivedAt":"2026-01-02T03:04:01Z","kind":"Text","messageId":"m-1","group":"0a"}"#;
        let attributes = [
            ("key", text("delivery#acme#0a")),
            ("state", text("in-progress")),
            ("version", number(2)),
            ("claimToken", text("t")),
            ("leaseUntil", number(0)),
            ("retryShard", text("acme#0")),
            ("failingSince", number(1_767_323_041_000_i64)),
            ("failedAttempt", text(failed)),
        ];
        attributes.map(|(name, value)| (name.to_owned(), value)).into()
    }

    fn read(item: &HashMap<String, AttributeValue>) -> RecordView {
        RecordView::from_attributes(item).unwrap()
    }

    #[test]
    fn the_last_failed_attempt_is_known_until_the_work_is_completed() {
        let mut item = failing();
        let view = read(&item);
        let failed = view.failed_attempt().unwrap();
        assert_eq!((2, "status 503", "m-1"), (failed.attempt, failed.reason.as_str(), failed.message_id.as_str()));
        item.insert("leaseUntil".to_owned(), number(1));
        item.insert("version".to_owned(), number(3));
        assert_eq!(Some(2), read(&item).failed_attempt().map(|failed| failed.attempt), "the third is in progress");
    }

    #[test]
    fn the_previous_version_reads_what_this_one_writes_and_this_one_what_the_previous_one_leaves() {
        // The previous version reads these attributes, and no others.
        let known = ["state", "version", "claimToken", "leaseUntil"];
        assert!(known.iter().all(|name| failing().contains_key(*name)));
        // It completes an item, and leaves the attributes that it does not know.
        let mut completed = failing();
        completed.insert("state".to_owned(), text("done"));
        completed.remove("leaseUntil");
        let view = read(&completed);
        assert!(view.state.is_completed());
        assert_eq!(None, view.failed_attempt());
        // It releases an item, and records nothing.
        let mut released = failing();
        released.retain(|name, _| !["retryShard", "failingSince", "failedAttempt"].contains(&name.as_str()));
        assert_eq!((RecordState::Released, None), (read(&released).state, read(&released).failed_attempt()));
    }

    #[test]
    fn an_attempt_that_failed_before_the_item_expired_is_left_out() {
        let mut item = failing();
        let failed_at = read(&item).failed_attempt().unwrap().at.as_second();
        let retention = i64::try_from(RETENTION.as_secs()).unwrap();
        for (last_write, expected) in
            [(failed_at, Some(2)), (failed_at + retention - 1, Some(2)), (failed_at + retention, None)]
        {
            item.insert("expiresAt".to_owned(), number(last_write + retention));
            assert_eq!(expected, read(&item).failed_attempt().map(|failed| failed.attempt), "{last_write}");
        }
    }

    #[test]
    fn a_failed_attempt_of_a_later_version_is_left_out() {
        let mut item = failing();
        item.insert("failedAttempt".to_owned(), text(r#"{"form":2}"#));
        assert_eq!(None, read(&item).failed_attempt());
    }
}
