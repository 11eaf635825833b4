//! Agentless outbound messages.
//!
//! Source: <https://developer.genesys.cloud/commdigital/digital/agentless>.

use super::{Call, Client};
use crate::model::agentless::AgentlessMessage;
use crate::platform::genesys_cloud::config::Config;
use crate::platform::{ApiError, SentMessage};
use serde::Serialize;
use tokio::time::Instant;

/// `SendAgentlessOutboundMessageRequest`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AgentlessRequest<'b> {
    from_address: &'b str,
    #[serde(flatten)]
    message: &'b AgentlessMessage,
}

impl Client {
    /// Sends an agentless message from the integration's own address. It is not retried if the platform may have accepted
    /// it.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn send_agentless(
        &self,
        config: &Config,
        message: &AgentlessMessage,
        deadline: Instant,
    ) -> Result<SentMessage, ApiError> {
        if let Some(pointer) = message.details.pointer() {
            return Err(ApiError::unsupported_field(pointer));
        }
        let body = AgentlessRequest { from_address: &config.integration_id, message };
        let path = ["api", "v2", "conversations", "messages", "agentless"];
        self.call(config, &Call::post(&path, &body)?, deadline).await
    }
}
