//! The ledger: the store in DynamoDB, with one item for each key that must be processed once, and one for each conversation
//! and channel that says whose it is ([`ConversationIndex`]).
//!
//! A worker **acquires** a lease on a key, does the work, and **completes** the lease with the outcome, or **releases** it
//! so that the work can be retried. When the holder of a lease dies, the first worker to ask after the lease has expired
//! gets it.
//!
//! Acquiring raises the item's version, and completing or releasing is conditional on that version (a fencing token). So a
//! worker whose lease has expired cannot change anything: what its successor has written stays. Items are never deleted
//! here, because a deleted item would start at version 1 again and break that promise. DynamoDB's time to live removes them
//! long after.
//!
//! Work that has failed, or whose outcome is unknown, can be requested again, by a **replay** with its own id. A replay
//! reopens an item only if the item does not hold this id already, and writes the id in the same conditional write. So each
//! replay reopens an item once, and a duplicate of the replay finds the item in progress or completed. A replay raises the
//! version too, so that a worker that still holds an earlier lease loses it. Work that has succeeded is never reopened.
//!
//! An event with its own time (a customer's message) has that **time** fixed by the first lease on its key. Every later
//! lease gets the same time, so that all attempts use the same one. The **content** is fixed too: other content under the same
//! key is refused, because the receiver might take it for a duplicate and drop it. If nothing was accepted, the lease
//! that fixed both clears them on release ([`Ledger::release_unaccepted`]). Where the key is all of the content (a receipt),
//! the first time stays.
//!
//! NOT promised: that the work is done at most once. If a worker dies between doing the work and completing its lease, the
//! work is done again.

mod calls;
mod circuit;
mod contacts;
mod conversations;
mod inspect;
mod item;
pub mod key;
mod lanes;
mod offers;
mod ranks;
mod release;
mod retries;

pub use circuit::{Circuit, TrialLease};
pub use contacts::Contact;
pub use conversations::{Channel, ConversationIndex, ConversationOwner};
pub use inspect::{RecordState, RecordView};
pub use lanes::{LaneStates, SequenceNumber};
pub use ranks::StatusNews;
pub use retries::{Acceptance, FailedAttempt, Failing, FailingWork};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use calls::conflicting_item;
use item::{Item, expiry, number, text};
use jiff::Timestamp;
use std::time::Duration;
use uuid::Uuid;

/// How long an item is kept after the last write. Platforms send duplicates of messages up to 30 days later.
pub const RETENTION: Duration = Duration::from_secs(35 * 24 * 3600);

/// How far the clocks of two Lambda hosts may differ: a lease ends this much later than its invocation.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// The lease end of a released item.
const RELEASED: i64 = 0;

/// The ledger in this table.
#[derive(Debug, Clone)]
pub struct Ledger {
    client: Client,
    table: String,
}

/// A request for a lease.
#[derive(Debug, Clone, Copy)]
pub struct LeaseRequest<'r> {
    pub key: &'r str,
    pub now: Timestamp,
    /// When the lease expires.
    pub until: Timestamp,
    /// Identifies the input of the work, if one key might be used with different inputs. It is stored, and later requests
    /// for the key get it.
    pub fingerprint: Option<&'r str>,
    pub on_expired_lease: OnExpiredLease,
}

/// What to do if another worker's lease has expired: it died, or its invocation timed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExpiredLease {
    /// Acquire the key: the work is idempotent.
    Reclaim,
    /// Leave it: the work may have been done and must not be repeated. Only a released key can be acquired.
    Keep,
}

/// An event with its own time, as the first lease on its key fixes it.
#[derive(Debug, Clone, Copy)]
pub struct Occurrence<'o> {
    pub time: Timestamp,
    /// Identifies the content, which must be the same on every attempt; `None` if the key does.
    pub content: Option<&'o str>,
}

/// The result of a request for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquire {
    Acquired(Lease),
    /// Another worker has the lease.
    InProgress {
        /// When that lease expires. In the past, if expired leases are kept.
        until: Timestamp,
        fingerprint: Option<String>,
    },
    /// The work has been done.
    Completed(CompletedRecord),
}

/// The right to do the work until the lease expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    key: String,
    /// The fencing token.
    version: u64,
    /// Identifies our write when the SDK retried it after a lost response.
    token: String,
    event_time: Option<Timestamp>,
    /// Whether no earlier lease may have been accepted.
    is_first: bool,
    /// Whether the time stays if nothing was accepted.
    keeps_time: bool,
    /// When the first of the failed attempts ended.
    failing_since: Option<Timestamp>,
    parts_sent: PartsSent,
}

/// How many parts of a message were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartsSent {
    pub sent: usize,
    /// How many it had; unknown if an earlier version recorded it.
    pub of: Option<usize>,
    /// The replay that sent the first of them.
    pub replay: Option<String>,
}

impl Lease {
    /// How many leases there have been on this key, with this one: 1 for the first attempt.
    #[must_use]
    pub fn attempt(&self) -> u64 {
        self.version
    }

    /// The time that the first [`Ledger::acquire_at`] of this key fixed, if any.
    #[must_use]
    pub fn event_time(&self) -> Option<Timestamp> {
        self.event_time
    }

    /// What [`Ledger::record_parts_sent`] recorded under earlier leases.
    #[must_use]
    pub fn parts_sent(&self) -> &PartsSent {
        &self.parts_sent
    }

    /// Whether the work of an earlier [`Ledger::acquire_at`] of this key may have been accepted.
    #[must_use]
    pub fn may_be_repetition(&self) -> bool {
        !self.is_first
    }
}

/// A completed piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletedRecord {
    pub outcome: Outcome,
    /// What was stored of the response.
    pub response: Option<String>,
    pub fingerprint: Option<String>,
    /// The last replay of the work, if any.
    pub replay: Option<String>,
    /// How many leases there were.
    pub attempts: u64,
}

/// How a piece of work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    /// It failed and is not retried.
    Failed,
    /// The work may have been done, so it must not be retried.
    Unknown,
}

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The lease expired, and another worker has acquired the key. Nothing was changed.
    #[error("the lease was lost to another worker")]
    LeaseLost,
    /// DynamoDB did not answer, or refused.
    #[error("the ledger is unavailable: {0}")]
    Unavailable(String),
    /// The table has no index of what is retried.
    #[error("the ledger has no index of what is retried")]
    NoIndex,
    /// The item holds something that no version writes.
    #[error("the ledger's item is malformed: {0}")]
    Malformed(&'static str),
}

impl LedgerError {
    /// Whether the same request may succeed a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl Ledger {
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Acquires a lease. One conditional write; a conflict costs no read, because the error contains the conflicting item.
    ///
    /// # Errors
    /// DynamoDB is unavailable. If the write succeeded nevertheless, the lease is released, or expires.
    pub async fn acquire(&self, request: LeaseRequest<'_>) -> Result<Acquire, LedgerError> {
        self.acquire_for_replay(request, None, None).await
    }

    /// Acquires a lease for an event with its own time: like [`Self::acquire`]. The first such lease fixes the time, in
    /// milliseconds, and the content. This one has that time, [`Lease::event_time`]. A request with other content finds the
    /// item in progress.
    ///
    /// # Errors
    /// See [`Self::acquire`].
    pub async fn acquire_at(
        &self,
        request: LeaseRequest<'_>,
        occurrence: Occurrence<'_>,
    ) -> Result<Acquire, LedgerError> {
        self.acquire_for_replay(request, None, Some(occurrence)).await
    }

    /// Acquires a lease for the replay with this id, if there is one: like [`Self::acquire`] and [`Self::acquire_at`], and also
    /// if the work has failed, or may have been done, unless that was in this replay.
    ///
    /// # Errors
    /// See [`Self::acquire`].
    pub async fn acquire_for_replay(
        &self,
        request: LeaseRequest<'_>,
        replay: Option<&str>,
        occurrence: Option<Occurrence<'_>>,
    ) -> Result<Acquire, LedgerError> {
        let token = Uuid::new_v4().to_string();
        let expired_before = match request.on_expired_lease {
            OnExpiredLease::Reclaim => request.now.as_millisecond(),
            OnExpiredLease::Keep => RELEASED,
        };
        let content = occurrence.and_then(|occurrence| occurrence.content);
        let same_content = match content {
            Some(_) => " AND (attribute_not_exists(eventContent) OR eventContent = :content)",
            None => "",
        };
        let free = format!(
            "attribute_not_exists(#key) OR (#state = :in_progress AND leaseUntil <= :expired{same_content}) \
             OR expiresAt <= :now"
        );
        let mut set =
            "SET #state = :in_progress, leaseUntil = :until, claimToken = :token, fingerprint = :fingerprint, \
                   expiresAt = :expires, #version = if_not_exists(#version, :zero) + :one"
                .to_owned();
        let mut update = self.update(request.key, request.now);
        if let Some(Occurrence { time, .. }) = occurrence {
            // An item past its time to live that was not removed yet keeps them, and its version.
            set.push_str(
                ", eventTime = if_not_exists(eventTime, :event_time), \
                 eventTimeToken = if_not_exists(eventTimeToken, :token)",
            );
            update = update.expression_attribute_values(":event_time", number(time.as_millisecond()));
        }
        if let Some(content) = content {
            set.push_str(", eventContent = if_not_exists(eventContent, :content)");
            update = update.expression_attribute_values(":content", text(content));
        }
        let update = match replay {
            None => update.condition_expression(&free).update_expression(format!("{set} REMOVE answer, #replay")),
            Some(id) => update
                .condition_expression(format!(
                    "{free} OR ((#state IN (:failed, :unknown) OR (#state = :in_progress AND leaseUntil <= :now_ms)) \
                     AND (attribute_not_exists(#replay) OR #replay <> :replay){same_content})"
                ))
                .update_expression(format!("{set}, #replay = :replay REMOVE answer"))
                .expression_attribute_values(":failed", text(item::State::Completed(Outcome::Failed).as_str()))
                .expression_attribute_values(":unknown", text(item::State::Completed(Outcome::Unknown).as_str()))
                .expression_attribute_values(":now_ms", number(request.now.as_millisecond()))
                .expression_attribute_values(":replay", text(id)),
        };
        let result = update
            .expression_attribute_names("#replay", item::REPLAY)
            .expression_attribute_names("#key", item::KEY)
            .expression_attribute_values(":until", number(request.until.as_millisecond()))
            .expression_attribute_values(":token", text(&token))
            .expression_attribute_values(":fingerprint", text(request.fingerprint.unwrap_or_default()))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":expired", number(expired_before))
            .expression_attribute_values(":now", number(request.now.as_second()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let attributes = match result {
            Ok(output) => output.attributes,
            Err(error) => match conflicting_item(error) {
                Ok(item) => Some(item),
                Err(error) => {
                    // The write may have succeeded: then the lease is released.
                    let _ = self.release_by_token(request.key, &token, request.now).await;
                    return Err(error);
                }
            },
        };
        let item = Item::from_attributes(&attributes.unwrap_or_default())?;
        Ok(match item.state {
            item::State::InProgress if item.token == token => {
                let Item { version, event_time, event_time_token, failing_since, parts_sent, .. } = item;
                let is_first = event_time_token.as_deref() == Some(token.as_str());
                let (key, keeps_time) = (request.key.to_owned(), content.is_none());
                Acquire::Acquired(Lease {
                    key,
                    version,
                    token,
                    event_time,
                    is_first,
                    keeps_time,
                    failing_since,
                    parts_sent,
                })
            }
            item::State::InProgress => Acquire::InProgress { until: item.lease_until, fingerprint: item.fingerprint },
            item::State::Completed(outcome) => Acquire::Completed(item.into_completed(outcome)),
        })
    }

    fn update(&self, key: &str, now: Timestamp) -> UpdateItemFluentBuilder {
        let expires = expiry(now, RETENTION);
        self.update_item(key)
            .expression_attribute_names("#state", item::STATE)
            .expression_attribute_names("#version", item::VERSION)
            .expression_attribute_values(":in_progress", text(item::State::InProgress.as_str()))
            .expression_attribute_values(":expires", number(expires))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}
