//! The identity of a delivery.

use crate::digest::Digest;
use crate::model::integration_name::IntegrationName;
use crate::model::message::Message;
use std::fmt;

const PREFIX: &str = "msg_";

/// Identifies a message to the messaging service of an integration: the same on every attempt, and for every duplicate that
/// a platform sends. It is the `webhook-id`, and its digest is the deduplication id on the queue and in the ledger's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryId(Digest);

impl DeliveryId {
    #[must_use]
    pub fn new(integration: &IntegrationName, message: &Message) -> Self {
        Self(message.deduplication_id(integration))
    }

    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.0
    }
}

/// The `webhook-id`.
impl fmt::Display for DeliveryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}", self.0)
    }
}
