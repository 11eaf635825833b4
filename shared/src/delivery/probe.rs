//! A test delivery through the functions: the command puts it on the queue, the dispatcher delivers it once with the
//! configuration that it has cached, and the ledger holds the result.

use crate::delivery::client::NoAnswer;
use crate::digest::Digest;
use crate::integration::DeliveryConfig;
use crate::model::integration_name::IntegrationName;
use crate::signature::standard_webhooks::SigningSecret;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A test delivery that is older is dropped. The command waits for a minute, and its clock may be slow.
const STALE_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// A test delivery on the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeEnvelope {
    pub integration: IntegrationName,
    pub received_at: Timestamp,
    /// A unique id.
    pub probe: String,
    pub signed_with: SignedWith,
}

/// The secrets that a test delivery is signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignedWith {
    /// All signing secrets, like every delivery.
    All,
    /// Only the current one.
    Current,
}

/// The result of a test delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeResult {
    /// The version of the integration's secret that the function had cached.
    pub version: Option<String>,
    pub outcome: ProbeOutcome,
}

/// How a test delivery ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeOutcome {
    /// The messaging service answered with this status.
    Answered(u16),
    NotAnswered(NoAnswer),
    /// The function has no usable configuration of the integration.
    NotConfigured(String),
}

impl ProbeEnvelope {
    #[must_use]
    pub fn new(integration: IntegrationName, signed_with: SignedWith, now: Timestamp) -> Self {
        Self { integration, received_at: now, probe: Uuid::new_v4().simple().to_string(), signed_with }
    }

    /// Whether the command that sent it no longer waits for it.
    #[must_use]
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now.duration_since(self.received_at) > STALE_AFTER
    }

    /// The JSON on the queue.
    ///
    /// # Errors
    /// Never: all members can be serialized.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Its group on the queue: only the test deliveries of one integration.
    #[must_use]
    pub fn group(&self) -> Digest {
        Digest::of_parts(&["probe", self.integration.as_str()])
    }

    /// Its deduplication id on the queue.
    #[must_use]
    pub fn identity(&self) -> Digest {
        Digest::of_parts(&["probe", self.integration.as_str(), &self.probe])
    }

    #[must_use]
    pub fn webhook_id(&self) -> String {
        format!("msg_test_{}", self.probe)
    }
}

impl SignedWith {
    #[must_use]
    pub fn secrets(self, config: &DeliveryConfig) -> &[SigningSecret] {
        match self {
            Self::All => &config.signing_secrets,
            Self::Current => config.signing_secrets.get(..1).unwrap_or_default(),
        }
    }
}

impl ProbeResult {
    /// The JSON that the ledger stores.
    #[must_use]
    pub fn to_stored(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// Parses what the ledger stored.
    #[must_use]
    pub fn from_stored(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::envelope::QueueMessage;

    #[test]
    fn a_test_delivery_on_the_queue_is_neither_a_message_nor_a_receipt() {
        let probe = ProbeEnvelope::new("acme".parse().unwrap(), SignedWith::Current, Timestamp::UNIX_EPOCH);
        let text = probe.to_json().unwrap();
        let Ok(QueueMessage::Probe(read)) = QueueMessage::read(&text) else { panic!("{text}") };
        assert_eq!(probe, read);
        assert_eq!("acme", QueueMessage::peek_endpoint(&text).unwrap().integration.as_str());
    }

    #[test]
    fn the_ledger_stores_the_result() {
        for outcome in [
            ProbeOutcome::Answered(204),
            ProbeOutcome::NotAnswered(NoAnswer::Timeout),
            ProbeOutcome::NotAnswered(NoAnswer::Tls("why".to_owned())),
            ProbeOutcome::NotConfigured("why".to_owned()),
        ] {
            let result = ProbeResult { version: Some("v".to_owned()), outcome };
            assert_eq!(Some(result.clone()), ProbeResult::from_stored(&result.to_stored().unwrap()));
        }
    }
}
