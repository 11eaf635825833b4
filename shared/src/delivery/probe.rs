//! A test delivery through the functions: the command puts it on the queue, the dispatcher delivers it once with the
//! configuration that it has, and the ledger holds the result.

use crate::delivery::client::NoAnswer;
use crate::digest::Digest;
use crate::integration::DeliveryConfig;
use crate::model::integration_name::IntegrationName;
use crate::signature::standard_webhooks::SigningSecret;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A test delivery that has waited for longer is not made. Commands wait for a minute; their clocks may be slow.
const STALE_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// A test delivery on the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeEnvelope {
    /// The integration whose messaging service gets it.
    pub integration: IntegrationName,
    /// When it was put on the queue.
    pub received_at: Timestamp,
    /// Its id: nothing else has it.
    pub probe: String,
    /// What it is signed with.
    pub signed_with: SignedWith,
}

/// What a test delivery is signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignedWith {
    /// All signing secrets, as every delivery is.
    All,
    /// The current one alone.
    Current,
}

/// What came of a test delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeResult {
    /// The version of the integration's secret that the function had.
    pub version: Option<String>,
    /// How the delivery ended.
    pub outcome: ProbeOutcome,
}

/// How a test delivery ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeOutcome {
    /// The messaging service answered with this status.
    Answered(u16),
    /// It did not answer.
    NotAnswered(NoAnswer),
    /// The function has no usable configuration of the integration: why.
    NotConfigured(String),
}

impl ProbeEnvelope {
    /// A new one.
    #[must_use]
    pub fn new(integration: IntegrationName, signed_with: SignedWith, now: Timestamp) -> Self {
        Self { integration, received_at: now, probe: Uuid::new_v4().simple().to_string(), signed_with }
    }

    /// Whether the command that asked for it has long given up.
    #[must_use]
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now.duration_since(self.received_at) > STALE_AFTER
    }

    /// The queue's text for it.
    ///
    /// # Errors
    /// None that can come up: all parts serialise.
    pub fn to_queue(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Its group on the queue: the test deliveries of one integration, and no customer's messages.
    #[must_use]
    pub fn group(&self) -> Digest {
        Digest::of_parts(&["probe", self.integration.as_str()])
    }

    /// By which the queue tells it from others.
    #[must_use]
    pub fn identity(&self) -> Digest {
        Digest::of_parts(&["probe", self.integration.as_str(), &self.probe])
    }

    /// Its `webhook-id`.
    #[must_use]
    pub fn webhook_id(&self) -> String {
        format!("msg_test_{}", self.probe)
    }
}

impl SignedWith {
    /// Which of the integration's secrets these are.
    #[must_use]
    pub fn secrets(self, config: &DeliveryConfig) -> &[SigningSecret] {
        match self {
            Self::All => &config.signing_secrets,
            Self::Current => config.signing_secrets.get(..1).unwrap_or_default(),
        }
    }
}

impl ProbeResult {
    /// What the ledger keeps.
    #[must_use]
    pub fn to_answer(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// Reads what the ledger kept.
    #[must_use]
    pub fn read(answer: &str) -> Option<Self> {
        serde_json::from_str(answer).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::envelope::Queued;

    #[test]
    fn a_test_delivery_on_the_queue_is_neither_a_message_nor_a_receipt() {
        let probe = ProbeEnvelope::new("acme".parse().unwrap(), SignedWith::Current, Timestamp::UNIX_EPOCH);
        let text = probe.to_queue().unwrap();
        let Ok(Queued::Probe(read)) = Queued::read(&text) else { panic!("{text}") };
        assert_eq!(probe, read);
        assert_eq!(Some("acme"), Queued::integration_of(&text).as_ref().map(IntegrationName::as_str));
    }

    #[test]
    fn the_ledger_keeps_what_came_of_it() {
        for outcome in [
            ProbeOutcome::Answered(204),
            ProbeOutcome::NotAnswered(NoAnswer::Timeout),
            ProbeOutcome::NotAnswered(NoAnswer::Tls("why".to_owned())),
            ProbeOutcome::NotConfigured("why".to_owned()),
        ] {
            let result = ProbeResult { version: Some("v".to_owned()), outcome };
            assert_eq!(Some(result.clone()), ProbeResult::read(&result.to_answer().unwrap()));
        }
    }
}
