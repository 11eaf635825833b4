//! Failed attempts whose work is retried, for people: why an attempt failed, and when the next one is made.
//!
//! The update that releases the lease after a failed attempt records it, and the one that completes the lease removes it: it
//! costs no write of its own. Only items with a failed attempt have the keys of an index, so they are found without reading
//! the whole table, and work that succeeds at once is not in the index. Later failed attempts do not change these keys.
//!
//! The index has only keys, and items are read from the table. So an item counts by its own state: a version that does not
//! know these attributes leaves them on the items that it completes.

use super::item::{KEY, number, text};
use super::{Lease, Ledger, LedgerError, key};
use crate::aws;
use crate::model::integration_name::IntegrationName;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The index in the template.
const INDEX: &str = "Retries";
/// Its partition key.
const SHARD: &str = "retryShard";
/// Its sort key: when the first of the failed attempts ended, in milliseconds.
const FAILING_SINCE: &str = "failingSince";
const FAILED_ATTEMPT: &str = "failedAttempt";

/// A failed attempt, and what people need to know of the work. No address, no text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedAttempt {
    /// Its number: [`Lease::attempt`].
    pub attempt: u64,
    pub at: Timestamp,
    pub reason: String,
    /// No attempt is made before then.
    pub next_attempt_at: Timestamp,
    /// When the work is given up.
    pub gives_up_at: Timestamp,
    pub received_at: Timestamp,
    pub kind: String,
    pub message_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// The message group on the queue.
    pub group: String,
}

/// Whether the work of a released lease may have been accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    Possible,
    Excluded,
}

/// What the index holds of an integration.
#[derive(Debug, Default)]
pub struct FailingWork {
    /// By the time of the first failure.
    pub items: Vec<Failing>,
    /// Whether there are more than were read.
    pub truncated: bool,
}

/// An item in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    pub key: String,
    pub since: Timestamp,
}

impl Ledger {
    /// Releases the lease after a failed attempt: like [`Self::release`], or [`Self::release_unaccepted`].
    ///
    /// # Errors
    /// See [`Self::release`].
    pub async fn release_failed(
        &self,
        lease: &Lease,
        now: Timestamp,
        acceptance: Acceptance,
        failed: &FailedAttempt,
    ) -> Result<(), LedgerError> {
        self.release_with(lease, now, acceptance, Some(failed)).await
    }

    /// Reads the keys of an integration's work that is retried: of each partition of the index at most `limit`. The index may be
    /// a second behind the table.
    ///
    /// # Errors
    /// DynamoDB is unavailable or refuses, or the table has no such index: it is of an earlier version.
    pub async fn failing(&self, integration: &IntegrationName, limit: usize) -> Result<FailingWork, LedgerError> {
        let shards = key::retry_shards(integration).map(|shard| self.failing_in(shard, limit));
        let shards = try_join_all(shards).await?;
        let truncated = shards.iter().any(|items| items.len() >= limit);
        let mut items: Vec<_> = shards.into_iter().flatten().collect();
        items.sort_by_key(|one| one.since);
        Ok(FailingWork { items, truncated })
    }

    async fn failing_in(&self, shard: String, limit: usize) -> Result<Vec<Failing>, LedgerError> {
        let request = self.client.query().table_name(&self.table).index_name(INDEX);
        let request = request.key_condition_expression("#shard = :shard").expression_attribute_names("#shard", SHARD);
        let mut items = request
            .expression_attribute_values(":shard", text(&shard))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .into_paginator()
            .items()
            .send();
        let mut failing = Vec::new();
        while failing.len() < limit {
            let Some(item) = items.next().await else { break };
            let item = item.map_err(|error| LedgerError::Unavailable(aws::sdk_error(&error)))?;
            failing.extend(Failing::from_attributes(&item));
        }
        Ok(failing)
    }
}

impl Failing {
    fn from_attributes(item: &HashMap<String, AttributeValue>) -> Option<Self> {
        let key = item.get(KEY)?.as_s().ok()?.clone();
        let since = Timestamp::from_millisecond(item.get(FAILING_SINCE)?.as_n().ok()?.parse().ok()?).ok()?;
        Some(Self { key, since })
    }
}

impl FailedAttempt {
    /// What an item holds; none if it is of another version.
    pub(super) fn from_attributes(item: &HashMap<String, AttributeValue>) -> Option<Self> {
        serde_json::from_str(item.get(FAILED_ATTEMPT)?.as_s().ok()?).ok()
    }
}

/// The assignments that record a failed attempt.
pub(super) fn record(
    update: UpdateItemFluentBuilder,
    lease: &Lease,
    failed: &FailedAttempt,
) -> (UpdateItemFluentBuilder, String) {
    let (Some(shard), Ok(json)) = (key::retry_shard(&lease.key), serde_json::to_string(failed)) else {
        return (update, String::new());
    };
    let update = update
        .expression_attribute_values(":shard", text(&shard))
        .expression_attribute_values(":failed_at", number(failed.at.as_millisecond()))
        .expression_attribute_values(":failed", text(&json));
    let assignments = format!(
        ", {SHARD} = :shard, {FAILING_SINCE} = if_not_exists({FAILING_SINCE}, :failed_at), {FAILED_ATTEMPT} = :failed"
    );
    (update, assignments)
}

/// What completing a lease removes.
pub(super) fn recorded() -> String {
    [SHARD, FAILING_SINCE, FAILED_ATTEMPT].join(", ")
}
