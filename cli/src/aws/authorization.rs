//! The secret with an integration's tokens: the command creates it, and the functions renew the tokens in it.

use crate::error::CliError;
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput};
use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError;
use aws_sdk_secretsmanager::types::Tag;
use secrecy::ExposeSecret;
use shared::authorization::{Authorization, next_version, secret_id};
use shared::aws::sdk_error;
use shared::model::integration_name::IntegrationName;

/// How often a write is tried that conflicts with others.
const UPDATE_ATTEMPTS: usize = 5;

pub(crate) struct AuthorizationSecret {
    client: Client,
    pub(crate) id: String,
}

/// What the secret of a new authorization has in common with the integration's own.
pub(crate) struct NewSecret {
    pub(crate) description: String,
    pub(crate) tags: Vec<Tag>,
    pub(crate) kms_key_id: Option<String>,
}

impl AuthorizationSecret {
    pub(crate) fn new(aws: &SdkConfig, prefix: &str, integration: &IntegrationName) -> Self {
        Self { client: Client::new(aws), id: secret_id(prefix, integration) }
    }

    /// `None` if there are no tokens, or their secret is scheduled for deletion.
    pub(crate) async fn read(&self) -> Result<Option<Authorization>, CliError> {
        self.get().await.map_err(|error| self.failed("read", &error))
    }

    /// Like [`Self::read`], with the error of AWS.
    pub(crate) async fn get(&self) -> Result<Option<Authorization>, SdkError<GetSecretValueError>> {
        match self.client.get_secret_value().secret_id(&self.id).send().await {
            Ok(secret) => Ok(parse(&secret)),
            Err(error) => match error.as_service_error() {
                Some(
                    GetSecretValueError::ResourceNotFoundException(_) | GetSecretValueError::InvalidRequestException(_),
                ) => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Changes the tokens: `change` gets the present ones. `new` is called if the secret has to be created. A function may
    /// write at the same time, so each write follows the version that was read.
    pub(crate) async fn update(
        &self,
        change: impl Fn(Option<Authorization>) -> Authorization,
        new: impl AsyncFnOnce() -> Result<NewSecret, CliError>,
    ) -> Result<Authorization, CliError> {
        let mut new = Some(new);
        for _ in 0..UPDATE_ATTEMPTS {
            let read = self.client.get_secret_value().secret_id(&self.id).send().await;
            let present = match &read {
                Ok(secret) => secret,
                Err(error)
                    if matches!(error.as_service_error(), Some(GetSecretValueError::ResourceNotFoundException(_))) =>
                {
                    let Some(new) = new.take() else { break };
                    let authorization = change(None);
                    self.create(&authorization, new().await?).await?;
                    return Ok(authorization);
                }
                // It is scheduled for deletion, since the integration was removed.
                Err(error) if is_absent(error) => {
                    self.restore().await?;
                    continue;
                }
                Err(error) => return Err(self.failed("read", error)),
            };
            let authorization = change(parse(present));
            let put = self.client.put_secret_value().secret_id(&self.id);
            let put = put.client_request_token(next_version(present.version_id().unwrap_or_default()));
            match put.secret_string(authorization.to_text().expose_secret()).send().await {
                Ok(put) if put.version_stages().iter().any(|stage| stage == "AWSCURRENT") => return Ok(authorization),
                Ok(_) => {}
                Err(error) => match error.as_service_error() {
                    Some(PutSecretValueError::ResourceExistsException(_)) => {}
                    _ => return Err(self.failed("written", &error)),
                },
            }
        }
        Err(CliError::Failed(format!("the secret `{}` keeps changing concurrently: try again", self.id)))
    }

    async fn create(&self, authorization: &Authorization, new: NewSecret) -> Result<(), CliError> {
        let NewSecret { description, tags, kms_key_id } = new;
        let text = authorization.to_text();
        let create = self.client.create_secret().name(&self.id).secret_string(text.expose_secret());
        let create = create.description(description).set_tags(Some(tags)).set_kms_key_id(kms_key_id);
        create.send().await.map(drop).map_err(|error| self.failed("created", &error))
    }

    /// Deletes the secret after this recovery window, or immediately. It is no error if there is none.
    pub(crate) async fn delete(&self, recovery_days: Option<i64>) -> Result<(), CliError> {
        let delete = self.client.delete_secret().secret_id(&self.id);
        let delete = match recovery_days {
            Some(days) => delete.recovery_window_in_days(days),
            None => delete.force_delete_without_recovery(true),
        };
        match delete.send().await {
            Err(error) if !is_absent(&error) => Err(self.failed("deleted", &error)),
            _ => Ok(()),
        }
    }

    /// It is no error if there is none.
    pub(crate) async fn restore(&self) -> Result<(), CliError> {
        match self.client.restore_secret().secret_id(&self.id).send().await {
            Err(error) if !is_absent(&error) => Err(self.failed("restored", &error)),
            _ => Ok(()),
        }
    }

    fn failed<E, R>(&self, what: &str, error: &SdkError<E, R>) -> CliError
    where
        SdkError<E, R>: std::error::Error + ProvideErrorMetadata,
    {
        CliError::Failed(format!("the secret `{}` cannot be {what}: {}", self.id, sdk_error(error)))
    }
}

fn parse(secret: &GetSecretValueOutput) -> Option<Authorization> {
    Authorization::parse(secret.secret_string()?)
}

/// Whether there is no such secret, or none in the right state.
fn is_absent<E, R>(error: &SdkError<E, R>) -> bool
where
    SdkError<E, R>: ProvideErrorMetadata,
{
    matches!(error.code(), Some("ResourceNotFoundException" | "InvalidRequestException"))
}
