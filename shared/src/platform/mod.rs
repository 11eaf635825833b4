//! The contact-centre platforms: a folder each, with its wire types and how they become a [`Message`].
//!
//! What a platform is to the rest of Patchbay stands here, in [`PlatformName`] and [`PlatformConfig`]. Nothing here
//! knows of AWS.

pub mod genesys_cloud;

use crate::card::CardMessage;
use crate::fields::{Fault, Fields};
use crate::inbound::{InboundMessage, InboundResponse, InboundTyping};
use crate::message::Message;
use crate::receipt::{DeliveryReceipt, Recipient};
use crate::signature::{SignatureError, hub};
use genesys_cloud::StructuredMessage;
use genesys_cloud::api::{
    Accepted, AgentMessage, AgentlessMessage, ApiError, Communication, SentCard, SentMessage, Upload, UploadError,
    UserLookup,
};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
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

/// Cards.
impl Platforms {
    /// Sends a card to a user's channel, before `deadline`. It is not repeated where the platform may have taken it.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn send_card(
        &self,
        config: &PlatformConfig,
        channel: &str,
        message: &CardMessage,
        deadline: Instant,
    ) -> Result<SentCard, ApiError> {
        match config {
            PlatformConfig::GenesysCloud(config) => {
                self.genesys_cloud.send_card(config, channel, message, deadline).await
            }
        }
    }

    /// Looks a user up by e-mail address, before `deadline`, unless that was done a short while ago.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn find_user(
        &self,
        config: &PlatformConfig,
        email: &str,
        deadline: Instant,
    ) -> Result<UserLookup, ApiError> {
        match config {
            PlatformConfig::GenesysCloud(config) => self.genesys_cloud.find_user(config, email, deadline).await,
        }
    }

    /// Forgets an address: its user turned out not to be there.
    pub fn forget_user(&self, config: &PlatformConfig, email: &str) {
        match config {
            PlatformConfig::GenesysCloud(config) => self.genesys_cloud.forget_user(config, email),
        }
    }
}

/// What customers do.
impl Platforms {
    /// Posts a customer's message, before `deadline`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_inbound_message(
        &self,
        config: &PlatformConfig,
        message: &InboundMessage,
        deadline: Instant,
    ) -> Result<Accepted, ApiError> {
        match config {
            PlatformConfig::GenesysCloud(config) => {
                self.genesys_cloud.post_inbound_message(config, message, deadline).await
            }
        }
    }

    /// Posts a customer's choice, before `deadline`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_inbound_response(
        &self,
        config: &PlatformConfig,
        response: &InboundResponse,
        deadline: Instant,
    ) -> Result<Accepted, ApiError> {
        match config {
            PlatformConfig::GenesysCloud(config) => {
                self.genesys_cloud.post_inbound_response(config, response, deadline).await
            }
        }
    }

    /// Says that a customer is typing, before `deadline`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_inbound_typing(
        &self,
        config: &PlatformConfig,
        typing: &InboundTyping,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        match config {
            PlatformConfig::GenesysCloud(config) => {
                self.genesys_cloud.post_inbound_typing(config, typing, deadline).await
            }
        }
    }
}

/// What agents say.
impl Platforms {
    /// Sends a message for an agent, before `deadline`. It is not repeated where the platform may have taken it.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn send_agent_message(
        &self,
        config: &PlatformConfig,
        communication: &Communication,
        message: &AgentMessage<'_>,
        deadline: Instant,
    ) -> Result<SentMessage, ApiError> {
        match config {
            PlatformConfig::GenesysCloud(config) => {
                self.genesys_cloud.send_agent_message(config, communication, message, deadline).await
            }
        }
    }

    /// Says that an agent is typing, before `deadline`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_agent_typing(
        &self,
        config: &PlatformConfig,
        communication: &Communication,
        duration: Option<Duration>,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        match config {
            PlatformConfig::GenesysCloud(config) => {
                self.genesys_cloud.post_agent_typing(config, communication, duration, deadline).await
            }
        }
    }

    /// Uploads a file, and returns its id once the platform has found it valid; before `deadline`.
    ///
    /// # Errors
    /// See [`UploadError`].
    pub async fn upload_media(
        &self,
        config: &PlatformConfig,
        communication: &Communication,
        upload: Upload,
        deadline: Instant,
    ) -> Result<String, UploadError> {
        match config {
            PlatformConfig::GenesysCloud(config) => {
                self.genesys_cloud.upload_media(config, communication, upload, deadline).await
            }
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

    /// A card as the platform would send it to its webhook, as JSON.
    ///
    /// # Errors
    /// None that can come up: all parts serialise.
    pub fn structured_message(
        &self,
        id: &str,
        conversation_id: Option<&str>,
        to: &Recipient,
        message: &CardMessage,
    ) -> Result<Vec<u8>, serde_json::Error> {
        match self {
            Self::GenesysCloud(config) => {
                let integration_id = &config.integration_id;
                serde_json::to_vec(&StructuredMessage::new(integration_id, id, conversation_id, to, message))
            }
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
