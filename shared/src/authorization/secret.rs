//! The secrets with the tokens: `<prefix>/<integration>/oauth`. Functions write them and create none.
//!
//! Secrets Manager has no compare-and-set. But a version is immutable, and its writer chooses its id: here the id is
//! derived from that of the version that was read. So of two writes after the same version only one succeeds, also if one
//! of the writers was frozen meanwhile.

use super::Authorization;
use crate::aws::sdk_error;
use crate::digest::Digest;
use crate::model::integration_name::IntegrationName;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError;
use secrecy::ExposeSecret;

const CURRENT: &str = "AWSCURRENT";
/// Another process has written after the same version.
pub(super) const CHANGED_CONCURRENTLY: &str = "the tokens were changed concurrently";

#[derive(Debug)]
pub(super) struct Secrets {
    pub(super) client: Client,
    pub(super) prefix: String,
}

/// A document with the id of its version.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) authorization: Authorization,
    pub(super) version: String,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum SecretError {
    /// There is none, or it is scheduled for deletion.
    #[error("there is no secret with tokens")]
    Missing,
    #[error("the secret with the tokens is not a JSON object")]
    Malformed,
    #[error("{CHANGED_CONCURRENTLY}")]
    Conflict,
    #[error("Secrets Manager is unavailable: {0}")]
    Unavailable(String),
}

/// The name of the secret with an integration's tokens.
#[must_use]
pub fn secret_id(prefix: &str, integration: &IntegrationName) -> String {
    format!("{prefix}/{integration}/oauth")
}

/// The id of the version that follows this one: a second write after the same version conflicts.
#[must_use]
pub fn next_version(version: &str) -> String {
    Digest::of_parts(&["authorization after", version]).to_string()
}

impl Secrets {
    pub(super) async fn read(&self, integration: &IntegrationName) -> Result<Stored, SecretError> {
        let request = self.client.get_secret_value().secret_id(secret_id(&self.prefix, integration));
        let secret = request.send().await.map_err(|error| match error.as_service_error() {
            Some(
                GetSecretValueError::ResourceNotFoundException(_) | GetSecretValueError::InvalidRequestException(_),
            ) => SecretError::Missing,
            _ => SecretError::Unavailable(sdk_error(&error)),
        })?;
        let authorization = secret.secret_string().and_then(Authorization::parse).ok_or(SecretError::Malformed)?;
        Ok(Stored { authorization, version: secret.version_id().unwrap_or_default().to_owned() })
    }

    /// Writes the document that follows `read`. A repetition of the same write succeeds.
    pub(super) async fn write(
        &self,
        integration: &IntegrationName,
        read: &Stored,
        authorization: Authorization,
    ) -> Result<Stored, SecretError> {
        let version = next_version(&read.version);
        let put = self
            .client
            .put_secret_value()
            .secret_id(secret_id(&self.prefix, integration))
            .client_request_token(&version)
            .secret_string(authorization.to_text().expose_secret());
        match put.send().await {
            Ok(put) if put.version_stages().iter().any(|stage| stage == CURRENT) => {
                Ok(Stored { authorization, version })
            }
            Ok(_) => Err(SecretError::Conflict),
            Err(error) => Err(match error.as_service_error() {
                Some(PutSecretValueError::ResourceExistsException(_)) => SecretError::Conflict,
                _ => SecretError::Unavailable(sdk_error(&error)),
            }),
        }
    }
}
