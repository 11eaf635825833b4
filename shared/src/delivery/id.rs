//! The identity of a delivery.

use crate::delivery::envelope::InboundEnvelope;
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

    /// Parses a `webhook-id`.
    #[must_use]
    pub fn parse(id: &str) -> Option<Self> {
        Digest::parse(id.strip_prefix(PREFIX)?).map(Self)
    }

    /// Of what a customer did: the id in the log, in the ledger and on the parking queue.
    #[must_use]
    pub fn of_inbound(envelope: &InboundEnvelope) -> Self {
        Self(envelope.deduplication_id())
    }

    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.0
    }
}

impl From<Digest> for DeliveryId {
    fn from(digest: Digest) -> Self {
        Self(digest)
    }
}

/// The `webhook-id`.
impl fmt::Display for DeliveryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_id_has_64_hexadecimal_digits() {
        let digest = Digest::of_bytes(b"1");
        let id = DeliveryId::from(digest.clone());
        assert_eq!(Some(id.clone()), DeliveryId::parse(&id.to_string()));
        let upper = format!("msg_{}", digest.as_str().to_uppercase());
        for other in [digest.as_str(), &upper, "msg_1", ""] {
            assert_eq!(None, DeliveryId::parse(other), "{other}");
        }
    }
}
