//! The circuit breaker of an endpoint: how many attempts in a row it did not answer, and until when no attempt is made.

use super::calls::{conflicting_item, if_applied};
use super::item::number;
use super::{Ledger, LedgerError, key};
use crate::aws;
use crate::model::endpoint::Endpoint;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;

const TIMEOUTS: &str = "timeouts";
const SINCE: &str = "since";
const OPENINGS: &str = "openings";
const OPEN_UNTIL: &str = "openUntil";

/// How long a circuit is kept after the last timeout.
const CIRCUIT_RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// The state of an endpoint's circuit. The default is that of an endpoint that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Circuit {
    /// The number of attempts in a row that timed out.
    pub timeouts: u64,
    /// When the first of them ended.
    pub since: Option<Timestamp>,
    /// How often it opened since the endpoint last answered.
    pub openings: u32,
    /// No attempt is made before then. In the past: the next attempt is a trial.
    pub open_until: Option<Timestamp>,
}

/// What a request for the trial of a circuit led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrialLease {
    Acquired,
    /// The circuit changed: it is closed, or another process has the trial.
    Refused(Circuit),
}

impl Circuit {
    pub(super) fn from_attributes(item: &HashMap<String, AttributeValue>) -> Self {
        let number_of = |name: &str| item.get(name)?.as_n().ok()?.parse::<i64>().ok();
        let time_of = |name: &str| number_of(name).and_then(|time| Timestamp::from_millisecond(time).ok());
        Self {
            timeouts: number_of(TIMEOUTS).and_then(|count| count.try_into().ok()).unwrap_or_default(),
            since: time_of(SINCE),
            openings: number_of(OPENINGS).and_then(|count| count.try_into().ok()).unwrap_or_default(),
            open_until: time_of(OPEN_UNTIL),
        }
    }
}

impl Ledger {
    /// Counts an attempt that timed out.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn count_timeout(&self, endpoint: &Endpoint, now: Timestamp) -> Result<Circuit, LedgerError> {
        let expires = now.saturating_add(CIRCUIT_RETENTION).unwrap_or(Timestamp::MAX).as_second();
        let output = self
            .update_item(&key::circuit(endpoint))
            .update_expression(format!(
                "ADD {TIMEOUTS} :one SET {SINCE} = if_not_exists({SINCE}, :now), expiresAt = :expires"
            ))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":expires", number(expires))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(|error| LedgerError::Unavailable(aws::sdk_error(&error)))?;
        Ok(Circuit::from_attributes(&output.attributes.unwrap_or_default()))
    }

    /// Opens the circuit until then, if the time until which it is open is still `seen`. Returns whether it was opened: of
    /// several processes, one opens it. A circuit that was closed meanwhile stays closed.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn open_circuit(
        &self,
        endpoint: &Endpoint,
        seen: Option<Timestamp>,
        until: Timestamp,
    ) -> Result<bool, LedgerError> {
        let update = self
            .update_item(&key::circuit(endpoint))
            .update_expression(format!("SET {OPEN_UNTIL} = :until ADD {OPENINGS} :one"))
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .expression_attribute_values(":one", number(1));
        let update = match seen {
            None => update
                .condition_expression(format!("attribute_exists({TIMEOUTS}) AND attribute_not_exists({OPEN_UNTIL})")),
            Some(seen) => update
                .condition_expression(format!("{OPEN_UNTIL} = :seen"))
                .expression_attribute_values(":seen", number(seen.as_millisecond())),
        };
        Ok(if_applied(update.send().await)?.is_some())
    }

    /// Acquires the trial of a circuit that was open until `seen`: it stays open for others until then. Of several
    /// processes, one acquires it.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn acquire_trial(
        &self,
        endpoint: &Endpoint,
        seen: Timestamp,
        until: Timestamp,
    ) -> Result<TrialLease, LedgerError> {
        let result = self
            .update_item(&key::circuit(endpoint))
            .condition_expression(format!("{OPEN_UNTIL} = :seen"))
            .update_expression(format!("SET {OPEN_UNTIL} = :until"))
            .expression_attribute_values(":seen", number(seen.as_millisecond()))
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match result {
            Ok(_) => Ok(TrialLease::Acquired),
            Err(error) => Ok(TrialLease::Refused(Circuit::from_attributes(&conflicting_item(error)?))),
        }
    }

    /// Closes the circuit: the endpoint answers. Returns whether it was open.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn close_circuit(&self, endpoint: &Endpoint) -> Result<bool, LedgerError> {
        let result = self
            .update_item(&key::circuit(endpoint))
            .condition_expression(format!("attribute_exists({TIMEOUTS})"))
            .update_expression(format!("REMOVE {TIMEOUTS}, {SINCE}, {OPENINGS}, {OPEN_UNTIL}"))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        let before = if_applied(result)?.and_then(|output| output.attributes);
        Ok(before.is_some_and(|item| item.contains_key(OPEN_UNTIL)))
    }

    /// Reads the circuit of an endpoint, for people.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn circuit(&self, endpoint: &Endpoint) -> Result<Circuit, LedgerError> {
        let item = self.read_item(&key::circuit(endpoint)).await?;
        Ok(item.map(|item| Circuit::from_attributes(&item)).unwrap_or_default())
    }
}
