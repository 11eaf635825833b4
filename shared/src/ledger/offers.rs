//! The options that customers were offered last, sealed: what a customer answers is resolved with them. These items are not
//! leases. An item also has the options before the last ones: an answer may be older than a message, and a message may turn
//! out not to have been sent.

use super::calls::{conflicting_item, if_applied};
use super::item::{expiry, number, text};
use super::{Ledger, LedgerError};
use crate::digest::Digest;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// The options that are valid from a time on.
struct Attributes {
    offer: &'static str,
    at: &'static str,
    /// The digest of the message's id.
    message: &'static str,
}

const CURRENT: Attributes = Attributes { offer: "offer", at: "offeredAt", message: "offeredIn" };
const PREVIOUS: Attributes =
    Attributes { offer: "previousOffer", at: "previousOfferedAt", message: "previousOfferedIn" };

/// In place of options: the last message has none. In place of a message's digest: several have none. If one of them fails,
/// nothing is restored, even if all do: then an answer is a text.
const WITHDRAWN: &str = "-";

/// How long an answer to a message may be a choice. Longer ago, it is a text.
const TIME_TO_LIVE: Duration = Duration::from_secs(7 * 24 * 3600);

/// An offer, as it is stored.
struct StoredOffer {
    sealed: String,
    /// In milliseconds since 1970.
    at: i64,
}

impl Ledger {
    /// Records what a customer is offered under this key by the message with this digest, before it is sent. Repeating that
    /// changes nothing.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn put_offer(
        &self,
        key: &str,
        message: &Digest,
        sealed: &str,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let is_other = format!("attribute_not_exists({0}) OR {0} <> :message", CURRENT.message);
        self.replace_offer(key, message, sealed, &is_other, now).await.map(drop)
    }

    /// Withdraws the offer under this key, if there is one: a later message has taken its place. What was answered before is
    /// still resolved with it.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn withdraw_offer(&self, key: &str, message: &Digest, now: Timestamp) -> Result<(), LedgerError> {
        let is_offered = format!("attribute_exists({0}) AND {0} <> :offer", CURRENT.offer);
        let Some(item) = self.replace_offer(key, message, WITHDRAWN, &is_offered, now).await? else { return Ok(()) };
        let withdrawn_in = item.get(CURRENT.message).and_then(|message| message.as_s().ok());
        if withdrawn_in.is_none_or(|withdrawn_in| [message.as_str(), WITHDRAWN].contains(&withdrawn_in.as_str())) {
            return Ok(());
        }
        let by_several = self
            .update_item(key)
            .condition_expression(format!("{} = :withdrawn", CURRENT.offer))
            .update_expression(format!("SET {} = :withdrawn", CURRENT.message))
            .expression_attribute_values(":withdrawn", text(WITHDRAWN))
            .send()
            .await;
        if if_applied(by_several)?.is_none() {
            // The earlier message failed meanwhile, and the offer before it was restored.
            self.replace_offer(key, message, WITHDRAWN, &is_offered, now).await?;
        }
        Ok(())
    }

    /// Returns the item if it does not satisfy the condition.
    async fn replace_offer(
        &self,
        key: &str,
        message: &Digest,
        offer: &str,
        condition: &str,
        now: Timestamp,
    ) -> Result<Option<HashMap<String, AttributeValue>>, LedgerError> {
        let replaced = self
            .update_item(key)
            .condition_expression(condition)
            .update_expression(format!(
                "SET {} = if_not_exists({3}, :withdrawn), {} = if_not_exists({4}, :zero), {} = if_not_exists({5}, :withdrawn), \
                 {3} = :offer, {4} = :now, {5} = :message, expiresAt = :expires",
                PREVIOUS.offer, PREVIOUS.at, PREVIOUS.message, CURRENT.offer, CURRENT.at, CURRENT.message
            ))
            .expression_attribute_values(":offer", text(offer))
            .expression_attribute_values(":message", text(message.as_str()))
            .expression_attribute_values(":withdrawn", text(WITHDRAWN))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":expires", number(expiry(now, TIME_TO_LIVE)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        replaced.err().map(conflicting_item).transpose()
    }

    /// Restores what the message with this digest has replaced: the customer did not get it. Nothing is changed if another
    /// message has replaced its options since.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn restore_offer(&self, key: &str, message: &Digest) -> Result<(), LedgerError> {
        let restored = self
            .update_item(key)
            .condition_expression(format!("{} = :message AND attribute_exists({})", CURRENT.message, PREVIOUS.offer))
            .update_expression(format!(
                "SET {} = {3}, {} = {4}, {} = {5} REMOVE {3}, {4}, {5}",
                CURRENT.offer, CURRENT.at, CURRENT.message, PREVIOUS.offer, PREVIOUS.at, PREVIOUS.message
            ))
            .expression_attribute_values(":message", text(message.as_str()))
            .send()
            .await;
        if_applied(restored).map(drop)
    }

    /// The sealed offer under this key that was valid at this time.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn offer(&self, key: &str, answered_at: Timestamp) -> Result<Option<String>, LedgerError> {
        let Some(item) = self.read_item(key).await? else { return Ok(None) };
        let answered_at = answered_at.as_millisecond();
        let stored = [CURRENT, PREVIOUS].into_iter().filter_map(|attributes| attributes.read(&item));
        let mut earlier = stored.filter(|stored| stored.at <= answered_at);
        let is_valid = |stored: &StoredOffer| {
            let age = answered_at.saturating_sub(stored.at);
            stored.sealed != WITHDRAWN && age <= TIME_TO_LIVE.as_millis() as i64
        };
        Ok(earlier.next().filter(is_valid).map(|stored| stored.sealed))
    }
}

impl Attributes {
    fn read(&self, item: &HashMap<String, AttributeValue>) -> Option<StoredOffer> {
        let sealed = item.get(self.offer)?.as_s().ok()?.clone();
        let at = item.get(self.at)?.as_n().ok()?.parse().ok()?;
        Some(StoredOffer { sealed, at })
    }
}
