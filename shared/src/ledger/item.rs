//! The DynamoDB item.

use super::{CompletedRecord, LedgerError, Outcome};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use std::collections::HashMap;

pub(super) const KEY: &str = "key";
pub(super) const STATE: &str = "state";
pub(super) const VERSION: &str = "version";
pub(super) const REPLAY: &str = "replayId";

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
        let lease_until = number_of("leaseUntil").and_then(|number| number.parse().ok()).unwrap_or_default();
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
            event_time: number_of("eventTime")
                .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds.parse().ok()?).ok()),
            event_time_token: text_of("eventTimeToken").cloned(),
            expires_at: number_of("expiresAt").and_then(|seconds| Timestamp::from_second(seconds.parse().ok()?).ok()),
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

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(super) fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
