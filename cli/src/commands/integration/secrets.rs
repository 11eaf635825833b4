//! Integrations' documents in Secrets Manager.
//!
//! Secrets Manager has no compare-and-set. But a version is never changed once it is written, and who writes it chooses
//! its id: here that follows from the id of the version that was read. Of two who change the same version only one
//! succeeds, therefore, and the other is told. What is written by other means between the reading and the writing (in
//! the console, say) is not noticed and no longer current afterwards; it is still there as the version `AWSPREVIOUS`.

use super::document::Document;
use crate::clock::AwsClock;
use crate::failure::Failure;
use crate::integrations::{self, Listed, time};
use crate::stack::Stack;
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

/// The tag that says which stack reads the secret.
const STACK_TAG: &str = "patchbay:stack";
/// The stage of the version that counts.
const CURRENT: &str = "AWSCURRENT";

/// The documents of one stack's integrations.
pub(super) struct Secrets<'s> {
    client: Client,
    stack: &'s Stack,
    prefix: &'s str,
}

/// What there is of a name.
pub(super) enum Found {
    /// A document.
    Stored(Stored),
    /// Something that is no document.
    Unreadable,
    /// Nothing.
    Absent,
    /// A document that is being deleted.
    Deleted,
}

/// A document as it is stored.
pub(super) struct Stored {
    pub(super) document: Document,
    /// When it was last written.
    pub(super) changed: Option<Timestamp>,
    /// How old that was when it was read, by AWS's own clock where it tells.
    age: Duration,
    read_at: Instant,
    /// Which version of the secret it is.
    pub(super) version: String,
}

impl Stored {
    /// How long ago it was written. What is not known is taken for just now.
    pub(super) fn age(&self) -> Duration {
        self.age + self.read_at.elapsed()
    }
}

impl<'s> Secrets<'s> {
    pub(super) async fn of(stack: &'s Stack) -> Result<Self, Failure> {
        Ok(Self { client: Client::new(&stack.aws), stack, prefix: stack.output("SecretPrefix").await? })
    }

    /// What the secret of an integration is called.
    pub(super) fn id(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    /// What there is of a name.
    pub(super) async fn find(&self, name: &str) -> Result<Found, Failure> {
        let (clock, sent) = (AwsClock::default(), Timestamp::now());
        let request = self.client.get_secret_value().secret_id(self.id(name)).customize().interceptor(clock.clone());
        let secret = match request.send().await {
            Ok(secret) => secret,
            Err(error) => {
                return match error.as_service_error() {
                    Some(GetSecretValueError::ResourceNotFoundException(_)) => Ok(Found::Absent),
                    // So a secret that is marked for deletion is answered.
                    Some(GetSecretValueError::InvalidRequestException(_)) => Ok(Found::Deleted),
                    _ => Err(self.failed("read", name, &error)),
                };
            }
        };
        let (Some(document), Some(version)) =
            (secret.secret_string().and_then(Document::parse), secret.version_id().map(str::to_owned))
        else {
            return Ok(Found::Unreadable);
        };
        let changed = secret.created_date().and_then(time);
        let now = sent - clock.ahead(sent);
        let age = changed.map(|changed| now.duration_since(changed)).unwrap_or_default();
        let age = age.try_into().unwrap_or_default();
        Ok(Found::Stored(Stored { document, version, changed, age, read_at: Instant::now() }))
    }

    /// The document of an integration that must be there.
    pub(super) async fn stored(&self, name: &IntegrationName) -> Result<Stored, Failure> {
        match self.find(name.as_str()).await? {
            Found::Stored(stored) => Ok(stored),
            Found::Absent => Err(Failure::Failed(format!(
                "there is no integration `{name}`: `patchbay integration list` shows which there are"
            ))),
            Found::Deleted => Err(deleted(name)),
            Found::Unreadable => Err(unreadable(name)),
        }
    }

    /// All of them, those that were removed and are not gone yet included.
    pub(super) async fn list(&self) -> Result<Vec<Listed>, Failure> {
        integrations::list(&self.client, self.prefix).await.map_err(|error| integrations::not_listed(&error))
    }

    /// Writes the document of a new integration, with the stack's own tags.
    pub(super) async fn create(
        &self,
        name: &IntegrationName,
        document: &Document,
        kms_key_id: Option<String>,
    ) -> Result<(), Failure> {
        let tags = self.stack.tags().await?;
        let tags = tags.into_iter().chain([(STACK_TAG.to_owned(), self.stack.name().to_owned())]);
        let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        let create = self.client.create_secret().name(self.id(name.as_str())).secret_string(document.to_text());
        let create = create.description(format!("Patchbay's integration {name}")).set_kms_key_id(kms_key_id);
        create.set_tags(Some(tags)).send().await.map_err(|error| self.failed("created", name.as_str(), &error))?;
        Ok(())
    }

    /// Writes a document in the place of the one that was read, unless somebody else has done so meanwhile. Returns what
    /// is stored now.
    pub(super) async fn replace(
        &self,
        name: &IntegrationName,
        read: &Stored,
        document: &Document,
    ) -> Result<Stored, Failure> {
        let written = |put: PutSecretValueOutput| Stored {
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
        // There is such a version: either somebody was faster, or somebody has gone back to the one that was read.
        if self.stored(name).await?.version != read.version {
            return Err(Failure::Failed(format!(
                "somebody else has just changed `{name}`; nothing was written: look at it, and try again"
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

    /// Deletes a document after so many days, or at once.
    pub(super) async fn delete(
        &self,
        name: &IntegrationName,
        recovery_days: Option<i64>,
    ) -> Result<Option<Timestamp>, Failure> {
        let delete = self.client.delete_secret().secret_id(self.id(name.as_str()));
        let delete = match recovery_days {
            Some(days) => delete.recovery_window_in_days(days),
            None => delete.force_delete_without_recovery(true),
        };
        let deleted = delete.send().await.map_err(|error| self.failed("deleted", name.as_str(), &error))?;
        Ok(deleted.deletion_date().and_then(time))
    }

    /// Takes back that a document is being deleted.
    pub(super) async fn restore(&self, name: &IntegrationName) -> Result<(), Failure> {
        let restore = self.client.restore_secret().secret_id(self.id(name.as_str()));
        restore.send().await.map(drop).map_err(|error| self.failed("restored", name.as_str(), &error))
    }

    fn failed<E, R>(&self, what: &str, name: &str, error: &SdkError<E, R>) -> Failure
    where
        SdkError<E, R>: std::error::Error + aws_sdk_secretsmanager::error::ProvideErrorMetadata,
    {
        Failure::Failed(format!("the secret `{}` cannot be {what}: {}", self.id(name), sdk_error(error)))
    }
}

/// The integration was removed, and can be had back.
pub(super) fn deleted(name: &IntegrationName) -> Failure {
    Failure::Failed(format!(
        "the integration `{name}` was removed and its secret is scheduled for deletion; \
         `patchbay integration restore {name}` takes it back"
    ))
}

/// The secret holds no document.
pub(super) fn unreadable(name: &IntegrationName) -> Failure {
    Failure::Failed(format!("the secret of `{name}` holds no JSON object"))
}

#[cfg(test)]
mod tests;
