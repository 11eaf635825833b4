//! The options that customers were offered last, sealed: what a customer answers is resolved with them. These items are not
//! leases: a write replaces what was there.

use super::calls::if_applied;
use super::item::{number, text};
use super::{Ledger, LedgerError};
use crate::aws;
use jiff::Timestamp;
use std::time::Duration;

const OFFER: &str = "offer";
const OFFERED_AT: &str = "offeredAt";
const WITHDRAWN_AT: &str = "withdrawnAt";

/// How long an answer to a message may be a choice. Longer ago, it is a text.
const TIME_TO_LIVE: Duration = Duration::from_secs(7 * 24 * 3600);

impl Ledger {
    /// Records what a customer is offered under this key, before the message is sent.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn put_offer(&self, key: &str, sealed: &str, now: Timestamp) -> Result<(), LedgerError> {
        self.update_item(key)
            .update_expression(format!(
                "SET {OFFER} = :offer, {OFFERED_AT} = :now, expiresAt = :expires REMOVE {WITHDRAWN_AT}"
            ))
            .expression_attribute_values(":offer", text(sealed))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":expires", number(expiry(now)))
            .send()
            .await
            .map(drop)
            .map_err(|error| LedgerError::Unavailable(aws::sdk_error(&error)))
    }

    /// Withdraws the offer under this key, if there is one: a later message has taken its place, or it was not sent. What
    /// was answered before is still resolved with it.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn withdraw_offer(&self, key: &str, now: Timestamp) -> Result<(), LedgerError> {
        let withdrawn = self
            .update_item(key)
            .condition_expression(format!("attribute_exists({OFFER}) AND attribute_not_exists({WITHDRAWN_AT})"))
            .update_expression(format!("SET {WITHDRAWN_AT} = :now"))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .send()
            .await;
        if_applied(withdrawn).map(drop)
    }

    /// The sealed offer under this key that was valid at this time.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn offer(&self, key: &str, answered_at: Timestamp) -> Result<Option<String>, LedgerError> {
        let Some(item) = self.read_item(key).await? else { return Ok(None) };
        let milliseconds = |name: &str| item.get(name).and_then(|value| value.as_n().ok()?.parse::<i64>().ok());
        let answered_at = answered_at.as_millisecond();
        let is_recent = milliseconds(OFFERED_AT)
            .is_some_and(|at| (0..=TIME_TO_LIVE.as_millis() as i64).contains(&answered_at.saturating_sub(at)));
        let is_valid = is_recent && milliseconds(WITHDRAWN_AT).is_none_or(|at| answered_at < at);
        Ok(item.get(OFFER).and_then(|value| value.as_s().ok()).filter(|_| is_valid).cloned())
    }
}

fn expiry(now: Timestamp) -> i64 {
    now.as_second().saturating_add_unsigned(TIME_TO_LIVE.as_secs())
}
