//! The integrations' documents in Secrets Manager.
//!
//! Secrets Manager has no compare-and-set. But a version is immutable, and its writer chooses its id: here the id is
//! derived from that of the version that was read. So of two concurrent changes to the same version only one succeeds,
//! and the other fails. A change by other means between reading and writing (in the console, say) is not detected and
//! is overwritten; it remains as the version `AWSPREVIOUS`.

use super::document::Document;
use crate::aws::authorization::{AuthorizationSecret, NewSecret};
use crate::aws::clock::AwsClock;
use crate::aws::integrations::{self, ListedIntegration, timestamp};
use crate::aws::outputs;
use crate::aws::stack::Stack;
use crate::error::CliError;
use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_secretsmanager::operation::put_secret_value::{PutSecretValueError, PutSecretValueOutput};
use aws_sdk_secretsmanager::types::Tag;
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use shared::aws::sdk_error;
use shared::model::integration_name::IntegrationName;
use std::time::Duration;
use tokio::time::Instant;

/// The tag with the name of the stack that reads the secret.
const STACK_TAG: &str = "patchbay:stack";
const CURRENT: &str = "AWSCURRENT";

pub(super) struct SecretStore<'s> {
    client: Client,
    stack: &'s Stack,
    prefix: &'s str,
}

pub(super) enum SecretState {
    Stored(StoredDocument),
    /// Not a JSON object.
    Unreadable,
    Absent,
    /// Scheduled for deletion.
    Deleted,
}

pub(super) struct StoredDocument {
    pub(super) document: Document,
    /// When it was last written.
    pub(super) changed: Option<Timestamp>,
    /// Its age when it was read, by AWS's clock if that is known.
    age: Duration,
    read_at: Instant,
    /// The version id of the secret.
    pub(super) version: String,
}

impl StoredDocument {
    /// The time since it was written; if that is unknown, since it was read.
    pub(super) fn age(&self) -> Duration {
        self.age + self.read_at.elapsed()
    }
}

impl<'s> SecretStore<'s> {
    pub(super) async fn open(stack: &'s Stack) -> Result<Self, CliError> {
        Ok(Self { client: Client::new(&stack.aws), stack, prefix: stack.output(outputs::SECRET_PREFIX).await? })
    }

    pub(super) fn id(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    pub(super) async fn find(&self, name: &str) -> Result<SecretState, CliError> {
        let (clock, sent) = (AwsClock::default(), Timestamp::now());
        let request = self.client.get_secret_value().secret_id(self.id(name)).customize().interceptor(clock.clone());
        let secret = match request.send().await {
            Ok(secret) => secret,
            Err(error) => {
                return match error.as_service_error() {
                    Some(GetSecretValueError::ResourceNotFoundException(_)) => Ok(SecretState::Absent),
                    // Secrets Manager answers so for a secret that is scheduled for deletion.
                    Some(GetSecretValueError::InvalidRequestException(_)) => Ok(SecretState::Deleted),
                    _ => Err(self.failed("read", name, &error)),
                };
            }
        };
        let (Some(document), Some(version)) =
            (secret.secret_string().and_then(Document::parse), secret.version_id().map(str::to_owned))
        else {
            return Ok(SecretState::Unreadable);
        };
        let changed = secret.created_date().and_then(timestamp);
        let now = sent - clock.ahead(sent);
        let age = changed.map(|changed| now.duration_since(changed)).unwrap_or_default();
        let age = age.try_into().unwrap_or_default();
        Ok(SecretState::Stored(StoredDocument { document, version, changed, age, read_at: Instant::now() }))
    }

    /// The document of an integration that must exist.
    pub(super) async fn require(&self, name: &IntegrationName) -> Result<StoredDocument, CliError> {
        match self.find(name.as_str()).await? {
            SecretState::Stored(stored) => Ok(stored),
            SecretState::Absent => Err(CliError::Failed(format!(
                "there is no integration `{name}`: `patchbay integration list` lists them"
            ))),
            SecretState::Deleted => Err(deleted(name)),
            SecretState::Unreadable => Err(unreadable(name)),
        }
    }

    /// All integrations, including removed ones whose secret is not deleted yet.
    pub(super) async fn list(&self) -> Result<Vec<ListedIntegration>, CliError> {
        integrations::list(&self.client, self.prefix).await.map_err(|error| integrations::list_error(&error))
    }

    /// Creates the secret of a new integration, with the stack's tags.
    pub(super) async fn create(
        &self,
        name: &IntegrationName,
        document: &Document,
        kms_key_id: Option<String>,
    ) -> Result<(), CliError> {
        let tags = self.tags().await?;
        let create = self.client.create_secret().name(self.id(name.as_str())).secret_string(document.to_text());
        let create = create.description(format!("Patchbay's integration {name}")).set_kms_key_id(kms_key_id);
        create.set_tags(Some(tags)).send().await.map_err(|error| self.failed("created", name.as_str(), &error))?;
        Ok(())
    }

    async fn tags(&self) -> Result<Vec<Tag>, CliError> {
        let tags = self.stack.tags().await?;
        let tags = tags.into_iter().chain([(STACK_TAG.to_owned(), self.stack.name().to_owned())]);
        Ok(tags.map(|(key, value)| Tag::builder().key(key).value(value).build()).collect())
    }

    /// The secret for an integration's tokens: encrypted and tagged like that of its configuration.
    pub(super) async fn new_authorization(&self, name: &IntegrationName) -> Result<NewSecret, CliError> {
        let described = self.client.describe_secret().secret_id(self.id(name.as_str())).send().await;
        let described = described.map_err(|error| self.failed("described", name.as_str(), &error))?;
        let kms_key_id = described.kms_key_id().map(str::to_owned);
        Ok(NewSecret {
            description: format!("The tokens of Patchbay's integration {name}"),
            tags: self.tags().await?,
            kms_key_id,
        })
    }

    /// The secret with the integration's tokens, which not every integration has.
    pub(super) fn authorization(&self, name: &IntegrationName) -> AuthorizationSecret {
        AuthorizationSecret::new(&self.stack.aws, self.prefix, name)
    }

    /// Replaces the document that was read, unless it was replaced concurrently. Returns the new one.
    pub(super) async fn replace(
        &self,
        name: &IntegrationName,
        read: &StoredDocument,
        document: &Document,
    ) -> Result<StoredDocument, CliError> {
        let written = |put: PutSecretValueOutput| StoredDocument {
            document: document.clone(),
            changed: Some(Timestamp::now()),
            age: Duration::ZERO,
            read_at: Instant::now(),
            version: put.version_id().unwrap_or_default().to_owned(),
        };
        let next = HEXLOWER.encode(digest(&SHA256, format!("patchbay after {}", read.version).as_bytes()).as_ref());
        match self.put(name, document, Some(next)).await {
            Ok(put) if put.version_stages().iter().any(|stage| stage == CURRENT) => return Ok(written(put)),
            Err(error)
                if !matches!(error.as_service_error(), Some(PutSecretValueError::ResourceExistsException(_))) =>
            {
                return Err(self.failed("written", name.as_str(), &error));
            }
            _ => {}
        }
        // The derived version exists: either another change was faster, or the version that was read has been restored.
        if self.require(name).await?.version != read.version {
            return Err(CliError::Failed(format!(
                "`{name}` was changed concurrently; nothing was written: check it, and try again"
            )));
        }
        let put = self.put(name, document, None).await;
        put.map(written).map_err(|error| self.failed("written", name.as_str(), &error))
    }

    async fn put(
        &self,
        name: &IntegrationName,
        document: &Document,
        version: Option<String>,
    ) -> Result<PutSecretValueOutput, SdkError<PutSecretValueError>> {
        let put = self.client.put_secret_value().secret_id(self.id(name.as_str()));
        put.secret_string(document.to_text()).set_client_request_token(version).send().await
    }

    /// Deletes its secrets after this recovery window, or immediately.
    pub(super) async fn delete(
        &self,
        name: &IntegrationName,
        recovery_days: Option<i64>,
    ) -> Result<Option<Timestamp>, CliError> {
        let delete = self.client.delete_secret().secret_id(self.id(name.as_str()));
        let delete = match recovery_days {
            Some(days) => delete.recovery_window_in_days(days),
            None => delete.force_delete_without_recovery(true),
        };
        self.authorization(name).delete(recovery_days).await?;
        let deleted = delete.send().await.map_err(|error| self.failed("deleted", name.as_str(), &error))?;
        Ok(deleted.deletion_date().and_then(timestamp))
    }

    pub(super) async fn restore(&self, name: &IntegrationName) -> Result<(), CliError> {
        let restore = self.client.restore_secret().secret_id(self.id(name.as_str()));
        restore.send().await.map_err(|error| self.failed("restored", name.as_str(), &error))?;
        self.authorization(name).restore().await
    }

    fn failed<E, R>(&self, what: &str, name: &str, error: &SdkError<E, R>) -> CliError
    where
        SdkError<E, R>: std::error::Error + aws_sdk_secretsmanager::error::ProvideErrorMetadata,
    {
        CliError::Failed(format!("the secret `{}` cannot be {what}: {}", self.id(name), sdk_error(error)))
    }
}

pub(super) fn deleted(name: &IntegrationName) -> CliError {
    CliError::Failed(format!(
        "the integration `{name}` was removed and its secret is scheduled for deletion; \
         `patchbay integration restore {name}` restores it"
    ))
}

pub(super) fn unreadable(name: &IntegrationName) -> CliError {
    CliError::Failed(format!("the secret of `{name}` is not a JSON object"))
}

#[cfg(test)]
mod tests;
