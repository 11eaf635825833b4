//! Which contact of the platform a channel's customer is, in one item for each direction. These items are not leases: a write
//! replaces what was there. They hold an address and an id, and are kept for as long as the customer writes at least once a
//! year.

use super::item::{expiry, number, text};
use super::{Ledger, LedgerError, key};
use crate::aws;
use crate::model::integration_name::IntegrationName;
use jiff::Timestamp;
use std::time::Duration;

const CONTACT: &str = "contact";
const ADDRESS: &str = "address";
const EXPIRES_AT: &str = "expiresAt";

const TIME_TO_LIVE: Duration = Duration::from_secs(2 * 365 * 24 * 3600);
/// With less than this left, the items are written again when the customer writes.
const RENEWAL_TIME: Duration = Duration::from_secs(365 * 24 * 3600);

/// What is recorded of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub id: String,
    /// The items end within a year, unless they are written again.
    pub is_due_for_renewal: bool,
}

impl Ledger {
    /// The contact of the customer with this address.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn contact(
        &self,
        integration: &IntegrationName,
        address: &str,
        now: Timestamp,
    ) -> Result<Option<Contact>, LedgerError> {
        let Some(item) = self.read_item(&key::contact(integration, address)).await? else { return Ok(None) };
        let id = item.get(CONTACT).and_then(|value| value.as_s().ok()).cloned();
        let expires_at = item.get(EXPIRES_AT).and_then(|value| value.as_n().ok()?.parse::<i64>().ok());
        let is_due_for_renewal = expires_at.is_none_or(|at| at < expiry(now, RENEWAL_TIME));
        Ok(id.map(|id| Contact { id, is_due_for_renewal }))
    }

    /// The address of the customer who is this contact.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn contact_address(
        &self,
        integration: &IntegrationName,
        contact: &str,
    ) -> Result<Option<String>, LedgerError> {
        let item = self.read_item(&key::contact_address(integration, contact)).await?;
        Ok(item.and_then(|item| item.get(ADDRESS)?.as_s().ok().cloned()))
    }

    /// Records the contact of the customer with this address. The address is there before the contact is used, so that an
    /// answer finds it.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn put_contact(
        &self,
        integration: &IntegrationName,
        address: &str,
        contact: &str,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let of_contact = key::contact_address(integration, contact);
        let of_address = key::contact(integration, address);
        for (key, name, value) in [(of_contact, ADDRESS, address), (of_address, CONTACT, contact)] {
            self.update_item(&key)
                .update_expression(format!("SET {name} = :value, {EXPIRES_AT} = :expires"))
                .expression_attribute_values(":value", text(value))
                .expression_attribute_values(":expires", number(expiry(now, TIME_TO_LIVE)))
                .send()
                .await
                .map_err(|error| LedgerError::Unavailable(aws::sdk_error(&error)))?;
        }
        Ok(())
    }
}
