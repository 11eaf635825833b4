//! Which client makes a call.

use super::config::PlatformConfig;
use crate::http_client::HttpClient;
use crate::model::agent::{AgentMessage, Communication, ConversationId};
use crate::model::agentless::{AgentlessMessage, ScheduledMessage};
use crate::model::card::CardMessage;
use crate::model::conversation::{Conversation, Ending};
use crate::model::inbound::{Customer, InboundMessage, InboundResponse, InboundTyping};
use crate::model::receipt::DeliveryReceipt;
use crate::model::trace_id::TraceId;
use crate::platform::api::{InboundAccepted, SentMessage, UserLookup};
use crate::platform::attempts::Attempts;
use crate::platform::error::ApiError;
use crate::platform::tokens::{AccessTokens, WithdrawalOutcome};
use crate::platform::upload::{CustomerFile, FileUpload, Upload, UploadError};
use crate::platform::{Withdrawal, genesys_cloud, highlevel, multicloud_cx};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The API clients of all platforms, shared by all integrations of a process.
#[derive(Debug)]
pub struct Platforms {
    genesys_cloud: genesys_cloud::api::Client,
    multicloud_cx: multicloud_cx::api::Client,
    highlevel: highlevel::api::Client,
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

    /// Renews the tokens of the integration's authorization if they are due. `None` if it has no authorization.
    #[must_use]
    pub fn check_authorization<'c>(
        &'c self,
        config: &'c PlatformConfig,
        deadline: Instant,
    ) -> Option<impl Future<Output = Result<(), ApiError>> + Send + 'c> {
        match config {
            PlatformConfig::HighLevel(config) => self.highlevel.check_authorization(config, deadline),
            PlatformConfig::GenesysCloud(_) | PlatformConfig::MulticloudCx(_) => None,
        }
    }

    /// Deletes the tokens of an integration whose app was uninstalled.
    ///
    /// # Errors
    /// Something is unavailable: see [`ApiError`].
    pub async fn withdraw_authorization(
        &self,
        config: &PlatformConfig,
        withdrawal: &Withdrawal,
        deadline: Instant,
    ) -> Result<WithdrawalOutcome, ApiError> {
        match config {
            PlatformConfig::HighLevel(config) => {
                self.highlevel.withdraw_authorization(config, withdrawal, deadline).await
            }
            PlatformConfig::GenesysCloud(_) | PlatformConfig::MulticloudCx(_) => {
                Ok(WithdrawalOutcome::Ignored("the platform has no authorizations"))
            }
        }
    }

    /// Posts the delivery status of a message. Idempotent, given all `attempts` to post it.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_receipt(
        &self,
        config: &PlatformConfig,
        receipt: &DeliveryReceipt,
        attempts: &Attempts,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        let posted = match config {
            PlatformConfig::GenesysCloud(config) => self.genesys_cloud.post_receipt(config, receipt, deadline).await,
            PlatformConfig::MulticloudCx(config) => self.multicloud_cx.post_receipt(config, receipt, deadline).await,
            PlatformConfig::HighLevel(config) => self.highlevel.post_receipt(config, receipt, attempts, deadline).await,
        };
        posted.inspect_err(|error| attempts.note(error))
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

    /// Creates a contact for a customer of whom neither phone number nor email address is known. A repeat creates another one.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn create_contact(
        &self,
        config: &PlatformConfig,
        customer: &Customer,
        deadline: Instant,
    ) -> Result<String, ApiError> {
        match config {
            PlatformConfig::HighLevel(config) => self.highlevel.create_contact(config, customer, deadline).await,
            PlatformConfig::GenesysCloud(_) | PlatformConfig::MulticloudCx(_) => Err(ApiError::Unsupported),
        }
    }

    /// Whether the platform has a contact with this id.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn contact_exists(&self, config: &PlatformConfig, id: &str, deadline: Instant) -> Result<bool, ApiError> {
        match config {
            PlatformConfig::HighLevel(config) => self.highlevel.contact_exists(config, id, deadline).await,
            PlatformConfig::GenesysCloud(_) | PlatformConfig::MulticloudCx(_) => Err(ApiError::Unsupported),
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
