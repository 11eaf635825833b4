//! Whose a conversation is: the platform's events name a conversation, and neither integration nor customer.
//!
//! The functions that learn it from the platform write an item for each conversation, and one for each of the platform's
//! channels. These items are not leases: a write repeats what the platform said. An item never changes to another
//! integration, so that an integration cannot redirect the events of another one.

use super::item::{self, number, text};
use super::{Ledger, LedgerError, RETENTION, conflicting_item, key};
use crate::aws;
use crate::model::conversation::CustomerAddress;
use crate::model::integration_name::IntegrationName;
use crate::model::message::{IdType, Message, MessageKind};
use crate::model::platform_name::PlatformName;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

const INTEGRATION: &str = "integration";
const CUSTOMER: &str = "customer";
const ID_TYPE: &str = "idType";

/// The integration and the customer of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationOwner {
    pub integration: IntegrationName,
    pub customer: CustomerAddress,
}

impl Ledger {
    /// Records whose conversation it is. It stays another integration's if it is one.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn set_conversation_owner(
        &self,
        conversation_id: &str,
        owner: &ConversationOwner,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let id_type = owner.customer.id_type.as_ref().map(|id_type| (ID_TYPE, id_type.as_str()));
        let attributes: Vec<_> = [(CUSTOMER, owner.customer.id.as_str())].into_iter().chain(id_type).collect();
        self.set_owner(&key::conversation(conversation_id), &owner.integration, &attributes, now).await
    }

    /// # Errors
    /// DynamoDB is unavailable, or the item is malformed.
    pub async fn conversation_owner(&self, conversation_id: &str) -> Result<Option<ConversationOwner>, LedgerError> {
        let Some(item) = self.read_owner(&key::conversation(conversation_id)).await? else { return Ok(None) };
        let id = text_of(&item, CUSTOMER).ok_or(LedgerError::Malformed(CUSTOMER))?.to_owned();
        let id_type = text_of(&item, ID_TYPE).map(|word| IdType::from(word.to_owned()));
        let customer = CustomerAddress { id, id_type };
        Ok(Some(ConversationOwner { integration: integration(&item)?, customer }))
    }

    /// Records which integration connects a channel of the platform.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn set_channel_owner(
        &self,
        platform: PlatformName,
        channel_id: &str,
        owner: &IntegrationName,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.set_owner(&key::channel(platform, channel_id), owner, &[], now).await
    }

    /// # Errors
    /// DynamoDB is unavailable, or the item is malformed.
    pub async fn channel_owner(
        &self,
        platform: PlatformName,
        channel_id: &str,
    ) -> Result<Option<IntegrationName>, LedgerError> {
        self.read_owner(&key::channel(platform, channel_id)).await?.as_ref().map(integration).transpose()
    }

    async fn set_owner(
        &self,
        key: &str,
        owner: &IntegrationName,
        attributes: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let expires = now.as_second().saturating_add_unsigned(RETENTION.as_secs());
        let mut set = format!("SET {INTEGRATION} = :owner, expiresAt = :expires");
        let mut update = self.client.update_item();
        for (name, value) in attributes {
            set.push_str(&format!(", {name} = :{name}"));
            update = update.expression_attribute_values(format!(":{name}"), text(value));
        }
        let result = update
            .table_name(&self.table)
            .key(item::KEY, text(key))
            .update_expression(set)
            .condition_expression(format!(
                "attribute_not_exists({INTEGRATION}) OR {INTEGRATION} = :owner OR expiresAt <= :now"
            ))
            .expression_attribute_values(":owner", text(owner.as_str()))
            .expression_attribute_values(":expires", number(expires))
            .expression_attribute_values(":now", number(now.as_second()))
            .send()
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(error) => conflicting_item(error).map(drop),
        }
    }

    async fn read_owner(&self, key: &str) -> Result<Option<HashMap<String, AttributeValue>>, LedgerError> {
        let request = self.client.get_item().table_name(&self.table).key(item::KEY, text(key)).consistent_read(true);
        let output = request.send().await.map_err(|error| LedgerError::Unavailable(aws::sdk_error(&error)))?;
        Ok(output.item)
    }
}

fn text_of<'i>(item: &'i HashMap<String, AttributeValue>, name: &str) -> Option<&'i str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

fn integration(item: &HashMap<String, AttributeValue>) -> Result<IntegrationName, LedgerError> {
    text_of(item, INTEGRATION).and_then(|name| name.parse().ok()).ok_or(LedgerError::Malformed(INTEGRATION))
}

/// The environment variable that the template sets if the stack receives conversation events.
const CONVERSATION_EVENTS: &str = "CONVERSATION_EVENTS";
/// How long a process does not write an owner again. An item is kept for [`RETENTION`].
const WRITE_INTERVAL: Duration = Duration::from_secs(24 * 3600);
/// The maximum number of remembered writes.
const MAXIMUM_ENTRIES: usize = 10_000;

/// Writes whose a conversation is, at most once a day for each conversation and process. Does nothing in a stack that
/// receives no conversation events.
#[derive(Debug)]
pub enum ConversationIndex {
    Off,
    On(WriteOnce),
}

#[derive(Debug)]
pub struct WriteOnce {
    ledger: Ledger,
    /// The keys that were written, and when.
    written: Mutex<HashMap<String, Instant>>,
}

impl ConversationIndex {
    /// As the environment of the function says.
    #[must_use]
    pub fn from_env(ledger: &Ledger) -> Self {
        match aws::required_env(CONVERSATION_EVENTS) {
            Ok(value) if value == "on" => Self::On(WriteOnce { ledger: ledger.clone(), written: Mutex::default() }),
            _ => Self::Off,
        }
    }

    /// Learns from a message which customer its conversation has, and from its webhook which channel the integration
    /// connects.
    pub async fn learn_from(&self, message: &Message, channel_id: &str, integration: &IntegrationName) {
        let Self::On(index) = self else { return };
        if matches!(message.kind, MessageKind::Conversation(_)) {
            return;
        }
        index.write_channel(message.platform, channel_id, integration).await;
        let party = message.customer_party();
        if let (Some(conversation_id), Some(id)) = (&message.conversation_id, message.customer()) {
            let id_type = party.and_then(|party| party.id_type.clone());
            let customer = CustomerAddress { id: id.to_owned(), id_type };
            index.write_conversation(conversation_id, integration, customer).await;
        }
    }

    /// Learns which customer a conversation has.
    pub async fn learn(
        &self,
        conversation_id: Option<&str>,
        integration: &IntegrationName,
        customer: impl FnOnce() -> Option<CustomerAddress>,
    ) {
        if let Self::On(index) = self
            && let Some(conversation_id) = conversation_id
            && let Some(customer) = customer()
        {
            index.write_conversation(conversation_id, integration, customer).await;
        }
    }
}

impl WriteOnce {
    async fn write_channel(&self, platform: PlatformName, channel_id: &str, integration: &IntegrationName) {
        let write = self.ledger.set_channel_owner(platform, channel_id, integration, Timestamp::now());
        self.once(key::channel(platform, channel_id), write).await;
    }

    async fn write_conversation(&self, id: &str, integration: &IntegrationName, customer: CustomerAddress) {
        let owner = ConversationOwner { integration: integration.clone(), customer };
        self.once(key::conversation(id), self.ledger.set_conversation_owner(id, &owner, Timestamp::now())).await;
    }

    /// A failed write is repeated with the next message of the conversation.
    async fn once(&self, key: String, write: impl Future<Output = Result<(), LedgerError>>) {
        let is_recent = |at: &Instant| at.elapsed() < WRITE_INTERVAL;
        if self.written().get(&key).is_some_and(is_recent) {
            return;
        }
        match write.await {
            Ok(()) => {
                let mut written = self.written();
                if written.len() >= MAXIMUM_ENTRIES {
                    written.clear();
                }
                written.insert(key, Instant::now());
            }
            Err(error) => tracing::warn!(reason = %error, "the conversation's owner could not be recorded"),
        }
    }

    fn written(&self) -> std::sync::MutexGuard<'_, HashMap<String, Instant>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
