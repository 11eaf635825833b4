//! The highest status of a message that was reported to the platform. A provider's reports may arrive in any order, and
//! those of several parts may differ. These items are not leases.

use super::calls::if_applied;
use super::item::{expiry, number, text};
use super::{Ledger, LedgerError, RETENTION};
use crate::model::receipt::DeliveryStatus;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;
use std::collections::HashMap;

const RANK: &str = "rank";
const STATUS: &str = "reportedStatus";

/// What a reported status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusNews {
    New,
    /// It was the highest one before.
    Repeated,
    /// A higher one was reported before.
    Outdated,
}

impl Ledger {
    /// Records a reported status of the message under this key. A message that failed stays failed, and a delivered one
    /// delivered.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn raise_status(
        &self,
        key: &str,
        status: DeliveryStatus,
        now: Timestamp,
    ) -> Result<StatusNews, LedgerError> {
        let raised = self
            .update_item(key)
            .condition_expression(format!("attribute_not_exists(#rank) OR #rank < :rank OR {STATUS} = :status"))
            .update_expression(format!("SET #rank = :rank, {STATUS} = :status, expiresAt = :expires"))
            .expression_attribute_names("#rank", RANK)
            .expression_attribute_values(":rank", number(rank(status)))
            .expression_attribute_values(":status", text(status.as_str()))
            .expression_attribute_values(":expires", number(expiry(now, RETENTION)))
            .return_values(ReturnValue::UpdatedOld)
            .send()
            .await;
        Ok(match if_applied(raised)? {
            None => StatusNews::Outdated,
            Some(before) if before.attributes.as_ref().and_then(reported) == Some(status) => StatusNews::Repeated,
            Some(_) => StatusNews::New,
        })
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

    /// Forgets the reported status of a message that is sent again.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn forget_status(&self, key: &str) -> Result<(), LedgerError> {
        let forgotten = self
            .update_item(key)
            .condition_expression(format!("attribute_exists({STATUS})"))
            .update_expression(format!("REMOVE #rank, {STATUS}"))
            .expression_attribute_names("#rank", RANK)
            .send()
            .await;
        if_applied(forgotten).map(drop)
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
