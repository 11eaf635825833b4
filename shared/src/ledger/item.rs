//! The DynamoDB item.

use super::{CompletedRecord, LedgerError, Outcome, PartsSent, RETENTION};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

pub(super) const KEY: &str = "key";
pub(super) const STATE: &str = "state";
pub(super) const VERSION: &str = "version";
pub(super) const REPLAY: &str = "replayId";
/// When the first of the failed attempts ended, in milliseconds: the sort key of the index of retries.
pub(super) const FAILING_SINCE: &str = "failingSince";
pub(super) const PARTS_SENT: &str = "partsSent";
pub(super) const PARTS: &str = "partsTotal";
pub(super) const PARTS_REPLAY: &str = "partsReplay";

/// The item's attributes. Times are in milliseconds, `expiresAt` (for DynamoDB's time to live) in seconds. Items of
/// earlier versions have no `eventTime`, and those versions keep it.
pub(super) struct Item {
    pub(super) state: State,
    pub(super) version: u64,
    pub(super) token: String,
    pub(super) lease_until: Timestamp,
    pub(super) response: Option<String>,
    pub(super) fingerprint: Option<String>,
    pub(super) replay: Option<String>,
    pub(super) event_time: Option<Timestamp>,
    pub(super) event_time_token: Option<String>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) failing_since: Option<Timestamp>,
    pub(super) parts_sent: PartsSent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    InProgress,
    Completed(Outcome),
}

impl State {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in-progress",
            Self::Completed(Outcome::Succeeded) => "done",
            Self::Completed(Outcome::Failed) => "failed",
            Self::Completed(Outcome::Unknown) => "unknown",
        }
    }

    fn from_stored(text: &str) -> Option<Self> {
        [
            Self::InProgress,
            Self::Completed(Outcome::Succeeded),
            Self::Completed(Outcome::Failed),
            Self::Completed(Outcome::Unknown),
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
    }
}

impl Item {
    pub(super) fn from_attributes(attributes: &HashMap<String, AttributeValue>) -> Result<Self, LedgerError> {
        let text_of = |name: &str| attributes.get(name).and_then(|value| value.as_s().ok());
        let number_of = |name: &str| attributes.get(name).and_then(|value| value.as_n().ok());
        let count_of = |name: &str| number_of(name).and_then(|number| number.parse().ok());
        let lease_until = number_of("leaseUntil").and_then(|number| number.parse().ok()).unwrap_or_default();
        let time_of =
            |name: &str| number_of(name).and_then(|number| Timestamp::from_millisecond(number.parse().ok()?).ok());
        let expires_at = number_of("expiresAt").and_then(|seconds| Timestamp::from_second(seconds.parse().ok()?).ok());
        Ok(Self {
            state: text_of(STATE).and_then(|text| State::from_stored(text)).ok_or(LedgerError::Malformed(STATE))?,
            version: number_of(VERSION)
                .and_then(|number| number.parse().ok())
                .ok_or(LedgerError::Malformed(VERSION))?,
            token: text_of("claimToken").cloned().ok_or(LedgerError::Malformed("claimToken"))?,
            lease_until: Timestamp::from_millisecond(lease_until).map_err(|_| LedgerError::Malformed("leaseUntil"))?,
            response: text_of("answer").cloned(),
            fingerprint: text_of("fingerprint").filter(|text| !text.is_empty()).cloned(),
            replay: text_of(REPLAY).cloned(),
            event_time: time_of("eventTime"),
            event_time_token: text_of("eventTimeToken").cloned(),
            expires_at,
            failing_since: time_of(FAILING_SINCE).filter(|since| !is_outdated(*since, expires_at)),
            parts_sent: PartsSent {
                sent: count_of(PARTS_SENT).unwrap_or_default(),
                of: count_of(PARTS),
                replay: text_of(PARTS_REPLAY).filter(|text| !text.is_empty()).cloned(),
            },
        })
    }

    pub(super) fn into_completed(self, outcome: Outcome) -> CompletedRecord {
        CompletedRecord {
            outcome,
            response: self.response,
            fingerprint: self.fingerprint,
            replay: self.replay,
            attempts: self.version,
        }
    }
}

/// Whether what an item holds of this time is from before the item expired and was acquired again. DynamoDB may remove an
/// expired item days later, and each write sets the expiry to [`RETENTION`] after itself.
pub(super) fn is_outdated(at: Timestamp, expires_at: Option<Timestamp>) -> bool {
    let last_write = expires_at.map(|at| at.as_second().saturating_sub_unsigned(RETENTION.as_secs()));
    last_write.is_some_and(|write| write.saturating_sub_unsigned(RETENTION.as_secs()) >= at.as_second())
}

/// When an item expires that is kept for this long after `now`, in seconds since 1970.
pub(super) fn expiry(now: Timestamp, time_to_live: Duration) -> i64 {
    now.as_second().saturating_add_unsigned(time_to_live.as_secs())
}

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(super) fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
