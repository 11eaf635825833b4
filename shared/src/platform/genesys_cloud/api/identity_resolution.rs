//! Whether the platform matches the senders of an open messaging integration with external contacts. Only the command
//! uses these calls.

use super::{Call, Client};
use crate::platform::ApiError;
use crate::platform::genesys_cloud::config::Config;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::Instant;

/// `OpenMessagingIdentityResolutionConfig`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IdentityResolution {
    pub resolve_identities: bool,
    /// The division and the source of external ids, which an update sends back.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Client {
    /// Reads it. Permissions `messaging:integration:view` and `messaging:identityResolutionOpen:view`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn identity_resolution(
        &self,
        config: &Config,
        integration_id: &str,
        deadline: Instant,
    ) -> Result<Option<IdentityResolution>, ApiError> {
        self.entity(config, &Call::get(&path_of(integration_id)), deadline).await
    }

    /// Replaces it. Permissions `messaging:integration:edit` and `messaging:identityResolutionOpen:edit`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn set_identity_resolution(
        &self,
        config: &Config,
        integration_id: &str,
        resolution: &IdentityResolution,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        let path = path_of(integration_id);
        self.call::<IdentityResolution>(config, &Call::put(&path, resolution)?, deadline).await.map(drop)
    }
}

fn path_of(integration_id: &str) -> [&str; 8] {
    ["api", "v2", "conversations", "messaging", "identityresolution", "integrations", "open", integration_id]
}
