//! The highest status of a message that was reported to the platform. A provider's reports may arrive in any order, and
//! those of several parts may differ. These items are not leases.

use super::calls::{conflicting_item, if_applied};
use super::item::{REPLAY, expiry, number, text};
use super::{Ledger, LedgerError, RETENTION};
use crate::model::receipt::DeliveryStatus;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use std::collections::HashMap;

const RANK: &str = "rank";
const STATUS: &str = "reportedStatus";
/// A failure that was reported before a replay.
const FORGOTTEN: &str = "forgottenStatus";

/// A report of the last time that the message was sent: #replay is the replay of the item, :replay that of the report.
const NEWEST: &str = "(attribute_not_exists(#replay) OR #replay = :replay)";

/// What a reported status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusNews {
    New,
    /// It was the highest one before.
    Repeated,
    /// A more advanced one was reported before.
    Outdated,
    /// It is of an earlier time, and a replay sends the message again.
    Superseded,
}

impl Ledger {
    /// Records a reported status of the message under this key, which this replay has sent. A message that failed stays failed
    /// until it is sent again, and a delivered one delivered.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn raise_status(
        &self,
        key: &str,
        status: DeliveryStatus,
        replay: Option<&str>,
        now: Timestamp,
    ) -> Result<StatusNews, LedgerError> {
        // A delivery that is reported for an earlier time still counts, unless a failure of that time was forgotten.
        let counts = match status {
            DeliveryStatus::Failed => NEWEST.to_owned(),
            _ => format!("({NEWEST} OR attribute_not_exists({FORGOTTEN}))"),
        };
        let raised = self
            .update_item(key)
            .condition_expression(format!(
                "{counts} AND (attribute_not_exists(#rank) OR (#rank < :rank AND {STATUS} <> :failed) OR {STATUS} = :status)"
            ))
            .update_expression(format!("SET #rank = :rank, {STATUS} = :status, expiresAt = :expires"))
            .expression_attribute_names("#rank", RANK)
            .expression_attribute_names("#replay", REPLAY)
            .expression_attribute_values(":rank", number(rank(status)))
            .expression_attribute_values(":status", text(status.as_str()))
            .expression_attribute_values(":failed", text(DeliveryStatus::Failed.as_str()))
            .expression_attribute_values(":replay", text(replay.unwrap_or_default()))
            .expression_attribute_values(":expires", number(expiry(now, RETENTION)))
            .return_values(ReturnValue::UpdatedOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        Ok(match raised {
            Ok(before) if before.attributes.as_ref().and_then(reported) == Some(status) => StatusNews::Repeated,
            Ok(_) => StatusNews::New,
            Err(error) => {
                let newest = conflicting_item(error)?.remove(REPLAY).and_then(|newest| newest.as_s().ok().cloned());
                let is_of_newest = newest.is_none() || newest.as_deref() == replay;
                if is_of_newest { StatusNews::Outdated } else { StatusNews::Superseded }
            }
        })
    }

    /// Prepares the item under this key for a replay that sends the message from its first part: forgets a failure. Returns
    /// false if the message was reported as sent after all.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn begin_statuses(&self, key: &str, replay: &str, now: Timestamp) -> Result<bool, LedgerError> {
        let begin = |condition: String, update: String| {
            self.update_item(key)
                .condition_expression(condition)
                .update_expression(format!("SET #replay = :replay, expiresAt = :expires{update}"))
                .expression_attribute_names("#replay", REPLAY)
                .expression_attribute_values(":replay", text(replay))
                .expression_attribute_values(":expires", number(expiry(now, RETENTION)))
        };
        let forget = begin(format!("{STATUS} = :failed"), format!(", {FORGOTTEN} = :failed REMOVE #rank, {STATUS}"))
            .expression_attribute_names("#rank", RANK)
            .expression_attribute_values(":failed", text(DeliveryStatus::Failed.as_str()));
        if if_applied(forget.send().await)?.is_some() {
            return Ok(true);
        }
        let begun = begin(format!("attribute_not_exists({STATUS})"), String::new()).send().await;
        Ok(if_applied(begun)?.is_some())
    }

    /// The status that was reported of the message under this key.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn reported_status(&self, key: &str) -> Result<Option<DeliveryStatus>, LedgerError> {
        Ok(self.read_item(key).await?.as_ref().and_then(reported))
    }

    /// The same for many keys. Those without a status are left out.
    ///
    /// # Errors
    /// DynamoDB is unavailable, or did not return all items.
    pub async fn reported_statuses(
        &self,
        keys: impl IntoIterator<Item = &str>,
    ) -> Result<HashMap<String, DeliveryStatus>, LedgerError> {
        let items = self.read_items(keys).await?;
        Ok(items.into_iter().filter_map(|(key, item)| Some((key, reported(&item)?))).collect())
    }
}

fn reported(item: &HashMap<String, AttributeValue>) -> Option<DeliveryStatus> {
    let status = item.get(STATUS).and_then(|status| status.as_s().ok()).cloned();
    status.and_then(|status| serde_json::from_value(status.into()).ok())
}

fn rank(status: DeliveryStatus) -> i64 {
    match status {
        DeliveryStatus::Pending => 1,
        DeliveryStatus::Delivered | DeliveryStatus::Failed => 2,
        DeliveryStatus::Read => 3,
        DeliveryStatus::Removed => 4,
    }
}
