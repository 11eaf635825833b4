//! Whose a conversation is: the platform's events name a conversation, and neither integration nor customer.
//!
//! The functions that learn it from the platform write an item for each conversation, and one for each of the platform's
//! channels. These items are not leases: a write repeats what the platform said. Until it expires, a conversation's item
//! changes to another integration only if that one has connected the conversation's channel, so that none can redirect
//! another's events. A channel belongs to the integration that it was last connected with: its id is from an operator's
//! configuration.

use super::calls::if_applied;
use super::item::{expiry, number, text};
use super::{Ledger, LedgerError, RETENTION, key};
use crate::aws;
use crate::cache::BoundedCache;
use crate::integration::Integration;
use crate::model::conversation::CustomerAddress;
use crate::model::integration_name::IntegrationName;
use crate::model::message::{IdType, Message, MessageKind};
use crate::model::platform_name::PlatformName;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

const INTEGRATION: &str = "integration";
/// The key of the conversation's channel.
const CHANNEL: &str = "channelKey";
const CUSTOMER: &str = "customer";
const ID_TYPE: &str = "idType";

/// The integration and the customer of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationOwner {
    pub integration: IntegrationName,
    pub customer: CustomerAddress,
}

/// What an integration connects, by the platform's id of it.
#[derive(Debug, Clone, Copy)]
pub struct Channel<'c> {
    pub platform: PlatformName,
    pub id: &'c str,
}

impl Channel<'_> {
    fn key(self) -> String {
        key::channel(self.platform, self.id)
    }
}

impl Ledger {
    /// Records whose conversation of this channel it is. If an integration with another channel owns it, nothing is changed.
    ///
    /// # Errors
    /// DynamoDB is unavailable.
    pub async fn set_conversation_owner(
        &self,
        channel: Channel<'_>,
        conversation_id: &str,
        owner: &ConversationOwner,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let ConversationOwner { integration, customer } = owner;
        let mut update = self.owner_update(&key::conversation(channel.platform, conversation_id), integration, now);
        let mut expression =
            format!("SET {INTEGRATION} = :owner, expiresAt = :expires, {CHANNEL} = :channel, {CUSTOMER} = :customer");
        match &customer.id_type {
            Some(id_type) => {
                expression.push_str(&format!(", {ID_TYPE} = :idType"));
                update = update.expression_attribute_values(":idType", text(id_type.as_str()));
            }
            None => expression.push_str(&format!(" REMOVE {ID_TYPE}")),
        }
        let update = update
            .update_expression(expression)
            .condition_expression(format!(
                "attribute_not_exists({INTEGRATION}) OR {INTEGRATION} = :owner OR {CHANNEL} = :channel OR expiresAt <= :now"
            ))
            .expression_attribute_values(":channel", text(&channel.key()))
            .expression_attribute_values(":customer", text(&customer.id))
            .expression_attribute_values(":now", number(now.as_second()));
        if_applied(update.send().await).map(drop)
    }

    /// # Errors
    /// DynamoDB is unavailable, or the item is malformed.
    pub async fn conversation_owner(
        &self,
        platform: PlatformName,
        conversation_id: &str,
    ) -> Result<Option<ConversationOwner>, LedgerError> {
        let Some(item) = self.read_item(&key::conversation(platform, conversation_id)).await? else { return Ok(None) };
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
        channel: Channel<'_>,
        owner: &IntegrationName,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let update = self.owner_update(&channel.key(), owner, now);
        let update = update.update_expression(format!("SET {INTEGRATION} = :owner, expiresAt = :expires"));
        let updated = update.send().await;
        updated.map(drop).map_err(|error| LedgerError::Unavailable(aws::sdk_error(&error)))
    }

    /// # Errors
    /// DynamoDB is unavailable, or the item is malformed.
    pub async fn channel_owner(&self, channel: Channel<'_>) -> Result<Option<IntegrationName>, LedgerError> {
        self.read_item(&channel.key()).await?.as_ref().map(integration).transpose()
    }

    fn owner_update(&self, key: &str, owner: &IntegrationName, now: Timestamp) -> UpdateItemFluentBuilder {
        let expires = expiry(now, RETENTION);
        self.update_item(key)
            .expression_attribute_values(":owner", text(owner.as_str()))
            .expression_attribute_values(":expires", number(expires))
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

/// Writes whose a conversation is, at most once a day for each conversation and process. Does nothing in a stack that
/// receives no conversation events, and for platforms that have none.
#[derive(Debug)]
pub enum ConversationIndex {
    Off,
    On(OwnerWriter),
}

#[derive(Debug)]
pub struct OwnerWriter {
    ledger: Ledger,
    /// The keys that were written, with their owners.
    written: BoundedCache<(String, IntegrationName), ()>,
}

impl ConversationIndex {
    /// On, if the template has set the function's variable.
    #[must_use]
    pub fn from_env(ledger: &Ledger) -> Self {
        match aws::required_env(CONVERSATION_EVENTS) {
            Ok(_) => Self::On(OwnerWriter { ledger: ledger.clone(), written: BoundedCache::new(WRITE_INTERVAL) }),
            Err(_) => Self::Off,
        }
    }

    fn writer(&self, platform: PlatformName) -> Option<&OwnerWriter> {
        match self {
            Self::On(writer) if platform.has_conversation_events() => Some(writer),
            _ => None,
        }
    }

    /// Learns from a message which customer its conversation has, and from its webhook which channel the integration
    /// connects.
    pub async fn learn_from(&self, message: &Message, integration: &Integration) {
        let Some(writer) = self.writer(message.platform) else { return };
        if matches!(message.kind, MessageKind::Conversation(_)) {
            return;
        }
        writer.write_channel(integration).await;
        let party = message.customer_party();
        if let (Some(conversation_id), Some(id)) = (&message.conversation_id, message.customer()) {
            let id_type = party.and_then(|party| party.id_type.clone());
            let customer = CustomerAddress { id: id.to_owned(), id_type };
            writer.write_conversation(conversation_id, integration, customer).await;
        }
    }

    /// Learns which customer a conversation has, before `deadline`. What is not learned then, the next message repeats.
    pub async fn learn(
        &self,
        conversation_id: Option<&str>,
        integration: &Integration,
        deadline: Instant,
        customer: impl FnOnce() -> Option<CustomerAddress>,
    ) {
        if let Some(writer) = self.writer(integration.platform.name())
            && let Some(conversation_id) = conversation_id
            && let Some(customer) = customer()
        {
            let _ = timeout_at(deadline, writer.write_conversation(conversation_id, integration, customer)).await;
        }
    }
}

impl OwnerWriter {
    async fn write_channel(&self, integration: &Integration) {
        let channel = channel_of(integration);
        let write = self.ledger.set_channel_owner(channel, &integration.name, Timestamp::now());
        self.once(channel.key(), &integration.name, write).await;
    }

    async fn write_conversation(&self, id: &str, integration: &Integration, customer: CustomerAddress) {
        let (channel, name) = (channel_of(integration), &integration.name);
        let owner = ConversationOwner { integration: name.clone(), customer };
        let write = self.ledger.set_conversation_owner(channel, id, &owner, Timestamp::now());
        self.once(key::conversation(channel.platform, id), name, write).await;
    }

    /// A failed write is repeated with the next message of the conversation.
    async fn once(&self, key: String, owner: &IntegrationName, write: impl Future<Output = Result<(), LedgerError>>) {
        let entry = (key, owner.clone());
        if self.written.get(&entry).is_some() {
            return;
        }
        match write.await {
            Ok(()) => self.written.insert(entry, ()),
            Err(error) => tracing::warn!(reason = %error, "the conversation's owner could not be recorded"),
        }
    }
}

fn channel_of(integration: &Integration) -> Channel<'_> {
    Channel { platform: integration.platform.name(), id: integration.platform.channel_id() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::config::{BehaviorVersion, Config};

    #[test]
    fn only_platforms_with_conversation_events_are_learned_from() {
        let client =
            aws_sdk_dynamodb::Client::from_conf(Config::builder().behavior_version(BehaviorVersion::latest()).build());
        let writer = OwnerWriter { ledger: Ledger::new(client, "table"), written: BoundedCache::new(WRITE_INTERVAL) };
        let index = ConversationIndex::On(writer);
        let learned = PlatformName::ALL.into_iter().filter(|platform| index.writer(*platform).is_some());
        assert_eq!(vec![PlatformName::GenesysCloud], learned.collect::<Vec<_>>());
        assert!(ConversationIndex::Off.writer(PlatformName::GenesysCloud).is_none());
    }
}
