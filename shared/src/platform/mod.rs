//! The contact-centre platforms: a folder each, with its wire types and how they become a [`Message`].
//!
//! What a platform is to the rest of Patchbay stands here, in [`PlatformName`] and [`PlatformConfig`]. Nothing here
//! knows of AWS.

pub mod genesys_cloud;

use crate::fields::{Fault, Fields};
use crate::message::Message;
use crate::receipt::DeliveryReceipt;
use crate::signature::{SignatureError, hub};
use genesys_cloud::api::{AgentlessMessage, ApiError, SentMessage};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

/// Which platform an integration connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlatformName {
    /// Genesys Cloud Open Messaging.
    GenesysCloud,
}

impl PlatformName {
    /// The name as configuration and deliveries write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GenesysCloud => "genesys-cloud",
        }
    }

    /// Reads a webhook body of this platform.
    ///
    /// # Errors
    /// What is wrong with the body, and where.
    pub fn read(self, body: &[u8]) -> Result<Message, Fault> {
        match self {
            Self::GenesysCloud => genesys_cloud::read(body).map(genesys_cloud::Webhook::into_message),
        }
    }

    /// The name as a field of a document.
    ///
    /// # Errors
    /// What is wrong, without the value.
    pub fn from_field(value: Value) -> Result<Self, String> {
        serde_json::from_value(value).map_err(|_| "must be `genesys-cloud`".to_owned())
    }
}

/// The platform's side of an integration.
#[derive(Debug)]
pub enum PlatformConfig {
    /// Genesys Cloud Open Messaging.
    GenesysCloud(genesys_cloud::config::Config),
}

/// The platforms' APIs, for all integrations of a process.
#[derive(Debug)]
pub struct Platforms {
    genesys_cloud: genesys_cloud::api::Client,
}

impl Platforms {
    /// Clients for all platforms.
    ///
    /// # Errors
    /// The TLS stack could not be set up.
    pub fn new() -> Result<Self, reqwest::Error> {
        Ok(Self { genesys_cloud: genesys_cloud::api::Client::new()? })
    }

    /// Sends a message that no agent writes, before `deadline`. It is not repeated where the platform may have taken it.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn send_agentless(
        &self,
        config: &PlatformConfig,
        message: &AgentlessMessage,
        deadline: Instant,
    ) -> Result<SentMessage, ApiError> {
        match config {
            PlatformConfig::GenesysCloud(config) => self.genesys_cloud.send_agentless(config, message, deadline).await,
        }
    }

    /// Tells the platform what became of a message, before `deadline`. Telling it twice does no harm.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_receipt(
        &self,
        config: &PlatformConfig,
        receipt: &DeliveryReceipt,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        match config {
            PlatformConfig::GenesysCloud(config) => self.genesys_cloud.post_receipt(config, receipt, deadline).await,
        }
    }
}

/// Why a webhook body with a good signature was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(Fault),
    /// It belongs to another integration of the platform.
    #[error("the message does not belong to this integration")]
    Foreign,
}

impl PlatformConfig {
    /// Reads the fields of an integration's configuration that are the platform's own.
    pub fn read(platform: PlatformName, fields: &mut Fields<'_>) -> Option<Self> {
        match platform {
            PlatformName::GenesysCloud => genesys_cloud::config::Config::read(fields).map(Self::GenesysCloud),
        }
    }

    /// Which platform it is.
    #[must_use]
    pub fn name(&self) -> PlatformName {
        match self {
            Self::GenesysCloud(_) => PlatformName::GenesysCloud,
        }
    }

    /// Checks that the platform signed these very bytes.
    ///
    /// # Errors
    /// What is wrong with the signature.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), SignatureError> {
        match self {
            Self::GenesysCloud(config) => hub::verify_sha256(headers, body, &config.webhook_secrets),
        }
    }

    /// Reads a webhook body and checks that it belongs to this integration.
    ///
    /// # Errors
    /// It cannot be read, or it belongs to another.
    pub fn accept(&self, body: &[u8]) -> Result<Message, Rejection> {
        match self {
            Self::GenesysCloud(config) => {
                let webhook = genesys_cloud::read(body).map_err(Rejection::Unreadable)?;
                // The ids are UUIDs, which mean the same in either case.
                match webhook.integration_id() {
                    Some(id) if id.eq_ignore_ascii_case(&config.integration_id) => Ok(webhook.into_message()),
                    _ => Err(Rejection::Foreign),
                }
            }
        }
    }
}
