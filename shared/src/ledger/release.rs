//! How a lease ends: the work is completed, or released so that it can be retried.

use super::calls::conflicting_item;
use super::item::{self, Item, number, text};
use super::{Acceptance, FailedAttempt, Lease, Ledger, LedgerError, Outcome, PartsSent, RELEASED, retries};
use crate::aws;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use jiff::Timestamp;

impl Ledger {
    /// Records how the work ended, with what is to be stored of the response (never message text).
    ///
    /// # Errors
    /// The lease was lost, or DynamoDB is unavailable.
    pub async fn complete(
        &self,
        lease: &Lease,
        now: Timestamp,
        outcome: Outcome,
        response: Option<&str>,
    ) -> Result<(), LedgerError> {
        let state = item::State::Completed(outcome);
        let update = self.conditional_update(lease, now).expression_attribute_values(":state", text(state.as_str()));
        let result = match response {
            None => update.update_expression(format!(
                "SET #state = :state, expiresAt = :expires REMOVE leaseUntil, {}, answer",
                retries::recorded()
            )),
            Some(response) => update
                .update_expression(format!(
                    "SET #state = :state, expiresAt = :expires, answer = :answer REMOVE leaseUntil, {}",
                    retries::recorded()
                ))
                .expression_attribute_values(":answer", text(response)),
        };
        match result.send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                // The SDK may have retried a write that had succeeded.
                let item = Item::from_attributes(&conflicting_item(error)?)?;
                let ours = item.version == lease.version && item.token == lease.token && item.state == state;
                if ours { Ok(()) } else { Err(LedgerError::LeaseLost) }
            }
        }
    }

    /// Records how many parts of a message were sent: a later lease continues after them.
    ///
    /// # Errors
    /// The lease was lost, or DynamoDB is unavailable.
    pub async fn record_parts_sent(&self, lease: &Lease, now: Timestamp, parts: &PartsSent) -> Result<(), LedgerError> {
        let update = self.conditional_update(lease, now);
        let result = update
            .update_expression(format!(
                "SET {} = :sent, {} = :parts, {} = :replay, expiresAt = :expires",
                item::PARTS_SENT,
                item::PARTS,
                item::PARTS_REPLAY
            ))
            .expression_attribute_values(":sent", number(parts.sent))
            .expression_attribute_values(":parts", number(parts.of.unwrap_or_default()))
            .expression_attribute_values(":replay", text(parts.replay.as_deref().unwrap_or_default()))
            .send()
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(error) => conflicting_item(error).and(Err(LedgerError::LeaseLost)),
        }
    }

    /// Releases the lease, so that the key can be acquired at once.
    ///
    /// # Errors
    /// The lease was lost, or DynamoDB is unavailable.
    pub async fn release(&self, lease: &Lease, now: Timestamp) -> Result<(), LedgerError> {
        self.release_with(lease, now, Acceptance::Possible, None).await
    }

    /// Like [`Self::release`], if nothing was accepted under this lease. Time and content that this lease fixed are cleared, so
    /// that the next lease may have others; without content, the time stays. What an earlier lease fixed stays, because that
    /// attempt may have been accepted.
    ///
    /// # Errors
    /// See [`Self::release`].
    pub async fn release_unaccepted(&self, lease: &Lease, now: Timestamp) -> Result<(), LedgerError> {
        self.release_with(lease, now, Acceptance::Excluded, None).await
    }

    pub(super) async fn release_with(
        &self,
        lease: &Lease,
        now: Timestamp,
        acceptance: Acceptance,
        failed: Option<&FailedAttempt>,
    ) -> Result<(), LedgerError> {
        let remove = match (acceptance, lease) {
            (Acceptance::Possible, _) | (_, Lease { is_first: false, .. }) => "",
            (_, Lease { keeps_time: true, .. }) => " REMOVE eventTimeToken",
            (_, Lease { .. }) => " REMOVE eventTime, eventTimeToken, eventContent",
        };
        let update = self.conditional_update(lease, now);
        let (update, record) = match failed {
            Some(failed) => retries::record(update, lease, failed),
            None => (update, String::new()),
        };
        let result = update
            .update_expression(format!("SET leaseUntil = :released, expiresAt = :expires{record}{remove}"))
            .expression_attribute_values(":released", number(RELEASED))
            .send()
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(error) => conflicting_item(error).and(Err(LedgerError::LeaseLost)),
        }
    }

    /// Releases a lease whose version is not known.
    pub(super) async fn release_by_token(&self, key: &str, token: &str, now: Timestamp) -> Result<(), LedgerError> {
        self.update(key, now)
            .condition_expression("claimToken = :token AND #state = :in_progress")
            .update_expression("SET leaseUntil = :released, expiresAt = :expires, #version = #version")
            .expression_attribute_values(":token", text(token))
            .expression_attribute_values(":released", number(RELEASED))
            .send()
            .await
            .map(drop)
            .map_err(|error| LedgerError::Unavailable(aws::sdk_error(&error)))
    }

    /// A write that only the holder of `lease` may make.
    fn conditional_update(&self, lease: &Lease, now: Timestamp) -> UpdateItemFluentBuilder {
        self.update(&lease.key, now)
            .condition_expression("#version = :version AND claimToken = :token AND #state = :in_progress")
            .expression_attribute_values(":version", number(lease.version))
            .expression_attribute_values(":token", text(&lease.token))
    }
}
