//! Failed attempts whose work is retried, for people: why an attempt failed, and when the next one is made.
//!
//! The update that releases the lease after a failed attempt records it, and the one that completes the lease removes it: it
//! costs no write of its own. Only items with a failed attempt have the keys of an index, so they are found without reading
//! the whole table, and work that succeeds at once is not in the index. Later failed attempts do not change these keys.
//!
//! The index has only keys, and items are read from the table. So an item counts by its own state: a version that does not
//! know these attributes leaves them on the items that it completes.

use super::item::{FAILING_SINCE, KEY, is_outdated, number, text};
use super::{Lease, Ledger, LedgerError, RETENTION, key};
use crate::aws;
use crate::model::integration_name::IntegrationName;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The index in the template. Its sort key is [`FAILING_SINCE`].
const INDEX: &str = "Retries";
/// Its partition key.
const SHARD: &str = "retryShard";
/// How DynamoDB refuses to query an index that the table does not have.
const NO_INDEX: &str = "does not have the specified index";
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

    /// Reads the keys of an integration's work that has failed since then or later, and is retried: of each partition of the index
    /// at most `limit`, those that have failed for longest. The index may be a second behind the table.
    ///
    /// # Errors
    /// DynamoDB is unavailable or refuses, or the table has no such index: it is of an earlier version.
    pub async fn failing(
        &self,
        integration: &IntegrationName,
        since: Timestamp,
        limit: usize,
    ) -> Result<FailingWork, LedgerError> {
        // What is older is from before its item expired.
        let since = since.max(Timestamp::now() - RETENTION);
        let shards = key::retry_shards(integration).map(|shard| self.failing_in(shard, since, limit));
        let shards = try_join_all(shards).await?;
        let truncated = shards.iter().any(|items| items.len() >= limit);
        let mut items: Vec<_> = shards.into_iter().flatten().collect();
        items.sort_by_key(|one| one.since);
        Ok(FailingWork { items, truncated })
    }

    async fn failing_in(&self, shard: String, since: Timestamp, limit: usize) -> Result<Vec<Failing>, LedgerError> {
        let request = self.client.query().table_name(&self.table).index_name(INDEX);
        let mut items = request
            .key_condition_expression("#shard = :shard AND #since >= :since")
            .expression_attribute_names("#shard", SHARD)
            .expression_attribute_names("#since", FAILING_SINCE)
            .expression_attribute_values(":shard", text(&shard))
            .expression_attribute_values(":since", number(since.as_millisecond()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .into_paginator()
            .items()
            .send();
        let mut failing = Vec::new();
        while failing.len() < limit {
            let Some(item) = items.next().await else { break };
            let item = item.map_err(|error| match error.message() {
                Some(message) if message.contains(NO_INDEX) => LedgerError::NoIndex,
                _ => LedgerError::Unavailable(aws::sdk_error(&error)),
            })?;
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
    /// What an item that expires then holds; none if it is of another version, or from before the item expired.
    pub(super) fn from_attributes(
        item: &HashMap<String, AttributeValue>,
        expires_at: Option<Timestamp>,
    ) -> Option<Self> {
        let failed: Self = serde_json::from_str(item.get(FAILED_ATTEMPT)?.as_s().ok()?).ok()?;
        (!is_outdated(failed.at, expires_at)).then_some(failed)
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
    let since = lease.failing_since.unwrap_or(failed.at);
    let update = update
        .expression_attribute_values(":shard", text(&shard))
        .expression_attribute_values(":since", number(since.as_millisecond()))
        .expression_attribute_values(":failed", text(&json));
    (update, format!(", {SHARD} = :shard, {FAILING_SINCE} = :since, {FAILED_ATTEMPT} = :failed"))
}

/// What completing a lease removes.
pub(super) fn recorded() -> String {
    [SHARD, FAILING_SINCE, FAILED_ATTEMPT].join(", ")
}
