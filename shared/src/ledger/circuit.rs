//! The circuit breaker of an endpoint: how many attempts in a row it did not answer, and until when no attempt is made.

use super::item::{KEY, number, text};
use super::{Ledger, LedgerError, conflicting_item, key};
use crate::aws;
use crate::model::endpoint::Endpoint;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;

const TIMEOUTS: &str = "timeouts";
const SINCE: &str = "since";
const OPEN_UNTIL: &str = "openUntil";

/// How long a circuit is kept after the last time-out.
const CIRCUIT_RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// The state of an endpoint's circuit. The default is that of an endpoint that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Circuit {
    /// The number of attempts in a row that timed out.
    pub timeouts: u64,
    /// When the first of them ended.
    pub since: Option<Timestamp>,
    /// No attempt is made before then. In the past: the next attempt is a probe.
    pub open_until: Option<Timestamp>,
}

impl Circuit {
    pub(super) fn from_attributes(item: &HashMap<String, AttributeValue>) -> Self {
        let number_of = |name: &str| item.get(name)?.as_n().ok()?.parse::<i64>().ok();
        let time_of = |name: &str| number_of(name).and_then(|time| Timestamp::from_millisecond(time).ok());
        Self {
            timeouts: number_of(TIMEOUTS).and_then(|count| count.try_into().ok()).unwrap_or_default(),
            since: time_of(SINCE),
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
            .client
            .update_item()
            .table_name(&self.table)
            .key(KEY, text(&key::circuit(endpoint)))
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

    /// Sets the time before which no attempt is made, if it is still `seen`. Returns whether it was set: of several
    /// processes, one is.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn set_open_until(
        &self,
        endpoint: &Endpoint,
        seen: Option<Timestamp>,
        until: Timestamp,
    ) -> Result<bool, LedgerError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(KEY, text(&key::circuit(endpoint)))
            .update_expression(format!("SET {OPEN_UNTIL} = :until"))
            .expression_attribute_values(":until", number(until.as_millisecond()));
        // A circuit that was closed meanwhile stays closed.
        let update = match seen {
            None => update
                .condition_expression(format!("attribute_not_exists({OPEN_UNTIL}) AND attribute_exists({TIMEOUTS})")),
            Some(seen) => update
                .condition_expression(format!("{OPEN_UNTIL} = :seen"))
                .expression_attribute_values(":seen", number(seen.as_millisecond())),
        };
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) => conflicting_item(error).map(|_| false),
        }
    }

    /// Closes the circuit: the endpoint answers. Returns whether it was open.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn close_circuit(&self, endpoint: &Endpoint) -> Result<bool, LedgerError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(KEY, text(&key::circuit(endpoint)))
            .condition_expression(format!("attribute_exists({TIMEOUTS})"))
            .update_expression(format!("REMOVE {TIMEOUTS}, {SINCE}, {OPEN_UNTIL}"))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match result {
            Ok(output) => Ok(output.attributes.is_some_and(|item| item.contains_key(OPEN_UNTIL))),
            Err(error) => conflicting_item(error).map(|_| false),
        }
    }

    /// Reads the circuit of an endpoint, for people.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn circuit(&self, endpoint: &Endpoint) -> Result<Circuit, LedgerError> {
        let request = self.client.get_item().table_name(&self.table).key(KEY, text(&key::circuit(endpoint)));
        let output = request.send().await.map_err(|error| LedgerError::Unavailable(aws::sdk_error(&error)))?;
        Ok(output.item.map(|item| Circuit::from_attributes(&item)).unwrap_or_default())
    }
}
