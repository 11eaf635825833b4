//! The platform's part of an integration's configuration.

use crate::json::fields::Fields;
use crate::model::inbound::InboundMessage;
use crate::model::integration_name::IntegrationName;
use crate::model::platform_name::PlatformName;
use crate::platform::error::ApiError;
use crate::platform::genesys_cloud::config::Config as GenesysCloudConfig;
use crate::platform::highlevel::config::Config as HighLevelConfig;
use crate::platform::multicloud_cx::config::Config as MulticloudCxConfig;
use crate::platform::webhook::{Received, Rejection, WebhookPlatform};
use crate::signature::{MatchedSecret, SignatureError};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;

/// The platform's part of an integration's configuration.
#[derive(Debug)]
pub enum PlatformConfig {
    /// Genesys Cloud Open Messaging.
    GenesysCloud(GenesysCloudConfig),
    /// Genesys Multicloud CX (Digital Channels), third-party messaging.
    MulticloudCx(MulticloudCxConfig),
    /// HighLevel.
    HighLevel(HighLevelConfig),
}

impl PlatformConfig {
    /// Reads the platform's own fields of an integration's configuration.
    pub fn read(platform: PlatformName, integration: &IntegrationName, fields: &mut Fields<'_>) -> Option<Self> {
        match platform {
            PlatformName::GenesysCloud => GenesysCloudConfig::read(fields).map(Self::GenesysCloud),
            PlatformName::MulticloudCx => MulticloudCxConfig::read(fields).map(Self::MulticloudCx),
            PlatformName::HighLevel => HighLevelConfig::read(integration, fields).map(Self::HighLevel),
        }
    }

    /// The platform's name.
    #[must_use]
    pub fn name(&self) -> PlatformName {
        match self {
            Self::GenesysCloud(_) => PlatformName::GenesysCloud,
            Self::MulticloudCx(_) => PlatformName::MulticloudCx,
            Self::HighLevel(_) => PlatformName::HighLevel,
        }
    }

    /// The field without which agents cannot answer a contact that has no phone number, if it is missing.
    #[must_use]
    pub fn missing_for_contacts_without_phone(&self) -> Option<&'static str> {
        match self {
            Self::HighLevel(config) if config.conversation_provider_id.is_none() => Some("conversationProviderId"),
            Self::GenesysCloud(_) | Self::MulticloudCx(_) | Self::HighLevel(_) => None,
        }
    }

    /// The platform's id of the channel, account or integration that this integration connects.
    #[must_use]
    pub fn channel_id(&self) -> &str {
        match self {
            Self::GenesysCloud(config) => config.channel_id(),
            Self::MulticloudCx(config) => config.channel_id(),
            Self::HighLevel(config) => config.channel_id(),
        }
    }

    /// Whether the files of this customer's message are uploaded with [`Platforms::upload_customer_file`](super::Platforms::upload_customer_file) before it.
    ///
    /// # Errors
    /// The platform does not accept the message.
    pub fn uploads_files_of(&self, message: &InboundMessage) -> Result<bool, ApiError> {
        match self {
            Self::GenesysCloud(config) => config.uploads_files_of(message),
            Self::MulticloudCx(config) => config.uploads_files_of(message),
            Self::HighLevel(config) => config.uploads_files_of(message),
        }
    }

    /// Verifies the platform's signature over these bytes; returns which secret matched.
    ///
    /// # Errors
    /// What is wrong with the signature.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<MatchedSecret, SignatureError> {
        match self {
            Self::GenesysCloud(config) => config.verify(headers, body),
            Self::MulticloudCx(config) => config.verify(headers, body),
            Self::HighLevel(config) => config.verify(headers, body),
        }
    }

    /// The headers that the platform would send with this body as a proof of its origin, for test webhooks; none if only
    /// the platform has the private key.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> Vec<(HeaderName, String)> {
        match self {
            Self::GenesysCloud(config) => config.sign(body),
            Self::MulticloudCx(config) => config.sign(body),
            Self::HighLevel(config) => config.sign(body),
        }
    }

    /// Parses a webhook body received at `now`, and checks that it belongs to this integration.
    ///
    /// # Errors
    /// The body is invalid, or belongs to another integration.
    pub fn parse_webhook(&self, body: &[u8], now: Timestamp) -> Result<Received, Rejection> {
        match self {
            Self::GenesysCloud(config) => config.parse_webhook(body, now),
            Self::MulticloudCx(config) => config.parse_webhook(body, now),
            Self::HighLevel(config) => config.parse_webhook(body, now),
        }
    }
}
