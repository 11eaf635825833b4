//! The options that customers were offered last, sealed: what a customer answers is resolved with them. These items are not
//! leases. An item also has the options before the last ones: an answer may be older than a message, and a message may turn
//! out not to have been sent.

use super::calls::if_applied;
use super::item::{expiry, number, text};
use super::{Ledger, LedgerError};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// The options that are valid from a time on.
struct Attributes {
    offer: &'static str,
    at: &'static str,
}

const CURRENT: Attributes = Attributes { offer: "offer", at: "offeredAt" };
const PREVIOUS: Attributes = Attributes { offer: "previousOffer", at: "previousOfferedAt" };

/// In place of options: the last message has none.
const WITHDRAWN: &str = "-";

/// How long an answer to a message may be a choice. Longer ago, it is a text.
const TIME_TO_LIVE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A write that replaced an offer, and can be undone.
#[derive(Debug, Clone)]
pub struct Replacement {
    key: String,
    /// In milliseconds since 1970.
    at: i64,
}

/// An offer, as it is stored.
#[derive(Debug, Clone)]
pub struct StoredOffer {
    pub sealed: String,
    /// The write that stored it.
    pub replacement: Replacement,
}

impl Ledger {
    /// Records what a customer is offered under this key, before the message is sent. Returns the write, unless the same
    /// offer is there already.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn put_offer(&self, key: &str, sealed: &str, now: Timestamp) -> Result<Option<Replacement>, LedgerError> {
        let is_other = format!("attribute_not_exists({0}) OR {0} <> :offer", CURRENT.offer);
        self.replace_offer(key, sealed, is_other, now).await
    }

    /// Withdraws the offer under this key, if there is one: a later message has taken its place. What was answered before is
    /// still resolved with it.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn withdraw_offer(&self, key: &str, now: Timestamp) -> Result<Option<Replacement>, LedgerError> {
        let is_offered = format!("attribute_exists({0}) AND {0} <> :offer", CURRENT.offer);
        self.replace_offer(key, WITHDRAWN, is_offered, now).await
    }

    async fn replace_offer(
        &self,
        key: &str,
        offer: &str,
        condition: String,
        now: Timestamp,
    ) -> Result<Option<Replacement>, LedgerError> {
        let at = now.as_millisecond();
        let replaced = self
            .update_item(key)
            .condition_expression(condition)
            .update_expression(format!(
                "SET {} = if_not_exists({3}, :withdrawn), {} = if_not_exists({2}, :zero), {2} = :now, {3} = :offer, expiresAt = :expires",
                PREVIOUS.offer, PREVIOUS.at, CURRENT.at, CURRENT.offer
            ))
            .expression_attribute_values(":offer", text(offer))
            .expression_attribute_values(":withdrawn", text(WITHDRAWN))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":now", number(at))
            .expression_attribute_values(":expires", number(expiry(now, TIME_TO_LIVE)))
            .send()
            .await;
        Ok(if_applied(replaced)?.map(|_| Replacement { key: key.to_owned(), at }))
    }

    /// Restores what a write replaced: its message was not sent. Nothing is changed if another message was sent since.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn restore_offer(&self, replacement: &Replacement) -> Result<(), LedgerError> {
        let restored = self
            .update_item(&replacement.key)
            .condition_expression(format!("{} = :at AND attribute_exists({})", CURRENT.at, PREVIOUS.offer))
            .update_expression(format!(
                "SET {} = {2}, {} = {3} REMOVE {2}, {3}",
                CURRENT.offer, CURRENT.at, PREVIOUS.offer, PREVIOUS.at
            ))
            .expression_attribute_values(":at", number(replacement.at))
            .send()
            .await;
        if_applied(restored).map(drop)
    }

    /// The offer under this key that was valid at this time.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn offer(&self, key: &str, answered_at: Timestamp) -> Result<Option<StoredOffer>, LedgerError> {
        let Some(item) = self.read_item(key).await? else { return Ok(None) };
        let answered_at = answered_at.as_millisecond();
        let stored = [CURRENT, PREVIOUS].into_iter().filter_map(|attributes| attributes.read(key, &item));
        let mut earlier = stored.filter(|stored| stored.replacement.at <= answered_at);
        let is_valid = |stored: &StoredOffer| {
            let age = answered_at.saturating_sub(stored.replacement.at);
            stored.sealed != WITHDRAWN && age <= TIME_TO_LIVE.as_millis() as i64
        };
        Ok(earlier.next().filter(is_valid))
    }
}

impl Attributes {
    fn read(&self, key: &str, item: &HashMap<String, AttributeValue>) -> Option<StoredOffer> {
        let sealed = item.get(self.offer)?.as_s().ok()?.clone();
        let at = item.get(self.at)?.as_n().ok()?.parse().ok()?;
        Some(StoredOffer { sealed, replacement: Replacement { key: key.to_owned(), at } })
    }
}
