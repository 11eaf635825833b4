//! The forms of a text on the queue.

use super::{Envelope, InboundEnvelope, escape_noncharacters};
use crate::delivery::probe::ProbeEnvelope;
use crate::digest::Digest;
use crate::model::endpoint::{Endpoint, EndpointKind};
use crate::model::integration_name::IntegrationName;
use crate::model::receipt::DeliveryReceipt;
use crate::platform::Withdrawal;
use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::ops::Not;

/// A receipt for the platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptEnvelope {
    pub integration: IntegrationName,
    /// When it was enqueued.
    pub received_at: Timestamp,
    pub receipt: DeliveryReceipt,
    /// If a channel's provider reported the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderReport>,
}

/// A channel's provider reports the statuses of a message's parts, in any order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderReport {
    /// Whether it is about the last part of its message.
    pub is_last_part: bool,
    /// The provider's code of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The replay that sent the first part of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
    /// The customer's address in the channel, if the platform has an id of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether the platform takes no receipt of the message.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub without_receipt: bool,
}

impl ReceiptEnvelope {
    /// What it is called beside the kinds of messages.
    pub const KIND: &str = "receipt to the platform";

    /// The same for every copy. What a provider reports is another receipt than one of Patchbay itself with the same status:
    /// it has the reason. Each time that a message is sent has its own.
    #[must_use]
    pub fn deduplication_id(&self) -> Digest {
        let id = self.receipt.deduplication_id(&self.integration);
        match &self.provider {
            None => id,
            Some(ProviderReport { replay: None, .. }) => Digest::of_parts(&["reported", id.as_str()]),
            Some(ProviderReport { replay: Some(replay), .. }) => Digest::of_parts(&["reported", id.as_str(), replay]),
        }
    }

    /// By which the queue drops copies. What is reported of the last part says more than the same of an earlier one.
    #[must_use]
    pub fn queue_deduplication_id(&self) -> Digest {
        let id = self.deduplication_id();
        match &self.provider {
            Some(ProviderReport { is_last_part: false, .. }) => Digest::of_parts(&["an earlier part", id.as_str()]),
            _ => id,
        }
    }

    /// The text on the queue.
    ///
    /// # Errors
    /// None in practice: all parts can be serialized.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self).map(escape_noncharacters)
    }
}

/// The platform's report that an integration's app was uninstalled. The receiver may not write the tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WithdrawalEnvelope {
    pub integration: IntegrationName,
    /// When it was enqueued.
    pub received_at: Timestamp,
    pub withdrawal: Withdrawal,
}

/// Anything on the queue.
pub enum QueueMessage {
    /// A message for the messaging service.
    Message(Envelope),
    /// A receipt for the platform.
    Receipt(ReceiptEnvelope),
    /// What a customer did, for the platform.
    Inbound(InboundEnvelope),
    /// A test delivery for the messaging service.
    Probe(ProbeEnvelope),
    /// A platform's report that an app was uninstalled.
    Withdrawal(WithdrawalEnvelope),
}

impl QueueMessage {
    /// Parses the text on the queue.
    ///
    /// # Errors
    /// It is none of them.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
            .map(Self::Message)
            .or_else(|error| serde_json::from_str(text).map(Self::Receipt).map_err(|_| error))
            .or_else(|error| serde_json::from_str(text).map(Self::Inbound).map_err(|_| error))
            .or_else(|error| serde_json::from_str(text).map(Self::Probe).map_err(|_| error))
            .or_else(|error| serde_json::from_str(text).map(Self::Withdrawal).map_err(|_| error))
    }

    /// What any text on the queue is to be posted to, even if the rest cannot be read.
    #[must_use]
    pub fn peek_endpoint(text: &str) -> Option<Endpoint> {
        #[derive(Deserialize)]
        struct Peeked {
            integration: IntegrationName,
            receipt: Option<IgnoredAny>,
            inbound: Option<IgnoredAny>,
        }
        let Peeked { integration, receipt, inbound } = serde_json::from_str(text).ok()?;
        let is_for_platform = receipt.is_some() || inbound.is_some();
        let kind = if is_for_platform { EndpointKind::Platform } else { EndpointKind::MessagingService };
        Some(Endpoint { integration, kind })
    }
}
