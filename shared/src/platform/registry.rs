//! Every platform in one place: what each can do, and which client makes a call.
//!
//! The matches are exhaustive. A new platform is a folder, a variant of [`PlatformName`] and of [`PlatformConfig`], a
//! field of [`Platforms`], and the arms that the compiler then asks for. A call that a platform does not have is
//! [`ApiError::Unsupported`] here, and its route is not in the platform's `ROUTES`.

use super::api::{InboundAccepted, Route, SentMessage, UserLookup};
use super::error::ApiError;
use super::genesys_cloud::{self, config::Config as GenesysCloudConfig};
use super::highlevel::{self, config::Config as HighLevelConfig};
use super::multicloud_cx::{self, config::Config as MulticloudCxConfig};
use super::tokens::AccessTokens;
use super::upload::{CustomerFile, FileUpload, Upload, UploadError};
use super::webhook::{Received, Rejection, WebhookPlatform};
use crate::http_client::HttpClient;
use crate::json::fields::{FieldError, Fields};
use crate::model::agent::{AgentMessage, Communication, ConversationId};
use crate::model::agentless::{AgentlessMessage, ScheduledMessage};
use crate::model::card::CardMessage;
use crate::model::conversation::{Conversation, Ending, SourceEvent};
use crate::model::inbound::{InboundMember, InboundMessage, InboundResponse, InboundTyping};
use crate::model::integration_name::IntegrationName;
use crate::model::message::Message;
use crate::model::platform_name::PlatformName;
use crate::model::receipt::{DeliveryReceipt, DeliveryStatus};
use crate::model::trace_id::TraceId;
use crate::signature::{MatchedSecret, SignatureError};
use http::{HeaderMap, HeaderName, StatusCode};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

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

/// The API clients of all platforms, shared by all integrations of a process.
#[derive(Debug)]
pub struct Platforms {
    genesys_cloud: genesys_cloud::api::Client,
    multicloud_cx: multicloud_cx::api::Client,
    highlevel: highlevel::api::Client,
}

impl PlatformName {
    /// The caller routes that the platform's API supports.
    #[must_use]
    pub fn routes(self) -> &'static [Route] {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::ROUTES,
            Self::MulticloudCx => MulticloudCxConfig::ROUTES,
            Self::HighLevel => HighLevelConfig::ROUTES,
        }
    }

    /// The platform that a webhook with these headers may be from, before anything is verified.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        Self::ALL.into_iter().find(|platform| headers.contains_key(platform.signature_header()))
    }

    fn signature_header(self) -> HeaderName {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::SIGNATURE_HEADER,
            Self::MulticloudCx => MulticloudCxConfig::SIGNATURE_HEADER,
            Self::HighLevel => HighLevelConfig::SIGNATURE_HEADER,
        }
    }

    /// The status that makes the platform send a webhook again that was not stored.
    #[must_use]
    pub fn retry_status(self) -> StatusCode {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::RETRY_STATUS,
            Self::MulticloudCx => MulticloudCxConfig::RETRY_STATUS,
            Self::HighLevel => HighLevelConfig::RETRY_STATUS,
        }
    }

    /// Whether the platform takes several receipts in one call: [`Platforms::post_receipts`].
    #[must_use]
    pub fn supports_receipt_batch(self) -> bool {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::SUPPORTS_RECEIPT_BATCH,
            Self::MulticloudCx => MulticloudCxConfig::SUPPORTS_RECEIPT_BATCH,
            Self::HighLevel => HighLevelConfig::SUPPORTS_RECEIPT_BATCH,
        }
    }

    /// Whether an agentless message can show a card's text to the agent without reaching the customer.
    #[must_use]
    pub fn supports_text_trace(self) -> bool {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::SUPPORTS_TEXT_TRACE,
            Self::MulticloudCx => MulticloudCxConfig::SUPPORTS_TEXT_TRACE,
            Self::HighLevel => HighLevelConfig::SUPPORTS_TEXT_TRACE,
        }
    }

    /// Whether a receipt may refer to an email by the platform's own id of it.
    #[must_use]
    pub fn supports_email_receipts(self) -> bool {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::SUPPORTS_EMAIL_RECEIPTS,
            Self::MulticloudCx => MulticloudCxConfig::SUPPORTS_EMAIL_RECEIPTS,
            Self::HighLevel => HighLevelConfig::SUPPORTS_EMAIL_RECEIPTS,
        }
    }

    /// Whether the platform deduplicates customers' messages by id and time.
    #[must_use]
    pub fn deduplicates_inbound(self) -> bool {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::DEDUPLICATES_INBOUND,
            Self::MulticloudCx => MulticloudCxConfig::DEDUPLICATES_INBOUND,
            Self::HighLevel => HighLevelConfig::DEDUPLICATES_INBOUND,
        }
    }

    /// The members of a customer's message that the platform has a place for, besides those that all platforms have.
    #[must_use]
    pub fn inbound_members(self) -> &'static [InboundMember] {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::INBOUND_MEMBERS,
            Self::MulticloudCx => MulticloudCxConfig::INBOUND_MEMBERS,
            Self::HighLevel => HighLevelConfig::INBOUND_MEMBERS,
        }
    }

    /// Whether the platform takes all files of this customer's message in one call.
    #[must_use]
    pub fn supports_several_files(self, message: &InboundMessage) -> bool {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::supports_several_files(message),
            Self::MulticloudCx => MulticloudCxConfig::supports_several_files(message),
            Self::HighLevel => HighLevelConfig::supports_several_files(message),
        }
    }

    /// The status to report to the platform when a messaging service reports `status`; `None` if the platform has no
    /// equivalent.
    #[must_use]
    pub fn receipt_status(self, status: DeliveryStatus) -> Option<DeliveryStatus> {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::receipt_status(status),
            Self::MulticloudCx => MulticloudCxConfig::receipt_status(status),
            Self::HighLevel => HighLevelConfig::receipt_status(status),
        }
    }

    /// Parses a webhook body of this platform that was accepted earlier.
    ///
    /// # Errors
    /// What is wrong with the body, and where.
    pub fn parse_message(self, body: &[u8]) -> Result<Message, FieldError> {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::parse_message(body),
            Self::MulticloudCx => MulticloudCxConfig::parse_message(body),
            Self::HighLevel => HighLevelConfig::parse_message(body),
        }
    }

    /// Parses an event of a conversation from the platform's event source.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse_conversation_event(self, event: &[u8]) -> Result<SourceEvent, FieldError> {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::parse_conversation_event(event),
            Self::MulticloudCx => MulticloudCxConfig::parse_conversation_event(event),
            Self::HighLevel => HighLevelConfig::parse_conversation_event(event),
        }
    }
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

    /// The platform's id of the channel, account or integration that this integration connects.
    #[must_use]
    pub fn channel_id(&self) -> &str {
        match self {
            Self::GenesysCloud(config) => config.channel_id(),
            Self::MulticloudCx(config) => config.channel_id(),
            Self::HighLevel(config) => config.channel_id(),
        }
    }

    /// Whether the files of this customer's message are uploaded with [`Platforms::upload_customer_file`] before it.
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

/// The calls. Each ends by `deadline`, and fails with [`ApiError::Unsupported`] if the platform does not have it. Calls
/// that send something new are not retried if the platform may have accepted it; the others are.
impl Platforms {
    #[must_use]
    pub fn new(http: &HttpClient, tokens: Arc<dyn AccessTokens>) -> Self {
        Self {
            genesys_cloud: genesys_cloud::api::Client::new(http.clone()),
            multicloud_cx: multicloud_cx::api::Client::new(http.clone()),
            highlevel: highlevel::api::Client::new(http.clone(), tokens),
        }
    }

    /// Posts the delivery status of a message. Idempotent.
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
            PlatformConfig::MulticloudCx(config) => self.multicloud_cx.post_receipt(config, receipt, deadline).await,
            PlatformConfig::HighLevel(config) => self.highlevel.post_receipt(config, receipt, deadline).await,
        }
    }

    /// Posts several receipts in one call. Idempotent.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_receipts(
        &self,
        config: &PlatformConfig,
        receipts: &[&DeliveryReceipt],
        deadline: Instant,
    ) -> Result<(), ApiError> {
        match config {
            PlatformConfig::MulticloudCx(config) => self.multicloud_cx.post_receipts(config, receipts, deadline).await,
            PlatformConfig::GenesysCloud(_) | PlatformConfig::HighLevel(_) => Err(ApiError::Unsupported),
        }
    }

    /// Posts a customer's message.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_inbound_message(
        &self,
        config: &PlatformConfig,
        message: &InboundMessage,
        deadline: Instant,
    ) -> Result<InboundAccepted, ApiError> {
        match config {
            PlatformConfig::GenesysCloud(config) => {
                self.genesys_cloud.post_inbound_message(config, message, deadline).await
            }
            PlatformConfig::MulticloudCx(config) => {
                self.multicloud_cx.post_inbound_message(config, message, deadline).await
            }
            PlatformConfig::HighLevel(config) => self.highlevel.post_inbound_message(config, message, deadline).await,
        }
    }

    /// Uploads a customer's file. A repeat makes a second file, which no message names.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn upload_customer_file(
        &self,
        config: &PlatformConfig,
        file: &CustomerFile,
        trace_id: Option<&TraceId>,
        deadline: Instant,
    ) -> Result<FileUpload, ApiError> {
        match config {
            PlatformConfig::MulticloudCx(config) => {
                self.multicloud_cx.upload_customer_file(config, file, trace_id, deadline).await
            }
            PlatformConfig::GenesysCloud(_) | PlatformConfig::HighLevel(_) => Err(ApiError::Unsupported),
        }
    }

    /// Posts a customer's choice of a button or quick reply.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_inbound_response(
        &self,
        config: &PlatformConfig,
        response: &InboundResponse,
        deadline: Instant,
    ) -> Result<InboundAccepted, ApiError> {
        match config {
            PlatformConfig::GenesysCloud(config) => {
                self.genesys_cloud.post_inbound_response(config, response, deadline).await
            }
            PlatformConfig::MulticloudCx(_) | PlatformConfig::HighLevel(_) => Err(ApiError::Unsupported),
        }
    }

    /// Posts that a customer is typing.
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
            PlatformConfig::HighLevel(config) => self.highlevel.post_inbound_typing(config, typing, deadline).await,
            PlatformConfig::MulticloudCx(_) => Err(ApiError::Unsupported),
        }
    }

    /// Sends a message without an agent.
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
            PlatformConfig::HighLevel(config) => self.highlevel.send_agentless(config, message, deadline).await,
            PlatformConfig::MulticloudCx(_) => Err(ApiError::Unsupported),
        }
    }

    /// Cancels a scheduled agentless message. Idempotent.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn cancel_agentless(
        &self,
        config: &PlatformConfig,
        message: &ScheduledMessage,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        match config {
            PlatformConfig::HighLevel(config) => self.highlevel.cancel_agentless(config, message, deadline).await,
            PlatformConfig::GenesysCloud(_) | PlatformConfig::MulticloudCx(_) => Err(ApiError::Unsupported),
        }
    }

    /// Sends a card to a user's channel.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn send_card(
        &self,
        config: &PlatformConfig,
        channel: &str,
        message: &CardMessage,
        deadline: Instant,
    ) -> Result<SentMessage, ApiError> {
        match config {
            PlatformConfig::GenesysCloud(config) => {
                self.genesys_cloud.send_card(config, channel, message, deadline).await
            }
            PlatformConfig::MulticloudCx(_) | PlatformConfig::HighLevel(_) => Err(ApiError::Unsupported),
        }
    }

    /// Looks up a user by email address. The result is cached for a short time.
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
            PlatformConfig::MulticloudCx(_) | PlatformConfig::HighLevel(_) => Err(ApiError::Unsupported),
        }
    }

    /// Removes an address from the cache of [`Self::find_user`], because its user turned out not to exist.
    pub fn forget_user(&self, config: &PlatformConfig, email: &str) {
        match config {
            PlatformConfig::GenesysCloud(config) => self.genesys_cloud.forget_user(config, email),
            PlatformConfig::MulticloudCx(_) | PlatformConfig::HighLevel(_) => {}
        }
    }

    /// Sends a message on behalf of an agent.
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
            PlatformConfig::MulticloudCx(_) | PlatformConfig::HighLevel(_) => Err(ApiError::Unsupported),
        }
    }

    /// Posts that an agent is typing.
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
            PlatformConfig::MulticloudCx(_) | PlatformConfig::HighLevel(_) => Err(ApiError::Unsupported),
        }
    }

    /// Reads the state of a conversation. `None`: there is no such conversation of this integration.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn conversation(
        &self,
        config: &PlatformConfig,
        id: &ConversationId,
        deadline: Instant,
    ) -> Result<Option<Conversation>, ApiError> {
        match config {
            PlatformConfig::GenesysCloud(config) => self.genesys_cloud.conversation(config, id, deadline).await,
            PlatformConfig::MulticloudCx(_) | PlatformConfig::HighLevel(_) => Err(ApiError::Unsupported),
        }
    }

    /// Ends a conversation for all participants. Idempotent. `None`: as for [`Self::conversation`].
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn end_conversation(
        &self,
        config: &PlatformConfig,
        id: &ConversationId,
        deadline: Instant,
    ) -> Result<Option<Ending>, ApiError> {
        match config {
            PlatformConfig::GenesysCloud(config) => self.genesys_cloud.end_conversation(config, id, deadline).await,
            PlatformConfig::MulticloudCx(_) | PlatformConfig::HighLevel(_) => Err(ApiError::Unsupported),
        }
    }

    /// Uploads a file; returns the platform's id of it once the platform has validated it.
    ///
    /// # Errors
    /// See [`UploadError`].
    pub async fn upload_media(
        &self,
        config: &PlatformConfig,
        communication: &Communication,
        upload: &Upload,
        deadline: Instant,
    ) -> Result<String, UploadError> {
        match config {
            PlatformConfig::GenesysCloud(config) => {
                self.genesys_cloud.upload_media(config, communication, upload, deadline).await
            }
            PlatformConfig::MulticloudCx(_) | PlatformConfig::HighLevel(_) => Err(ApiError::Unsupported.into()),
        }
    }
}
