//! Genesys Cloud's side of an integration: the credentials, and the open messaging integration that sends webhooks.

use crate::api::platform_http;
use crate::api::webhook_url::{WebhookTarget, webhook_target};
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::prompt;
use secrecy::{ExposeSecret, SecretString};
use shared::model::integration_name::IntegrationName;
use shared::platform::ApiError;
use shared::platform::genesys_cloud::api::{Client, CreateStatus, OpenIntegration, OpenIntegrationSettings};
use shared::platform::genesys_cloud::config::Config;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// Of one call, with its retries.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Genesys Cloud creates integrations asynchronously.
const CREATION_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(500);

const VIEW: &str = "messaging:integration:view";

pub(super) struct GenesysCloud<'c> {
    client: Client,
    config: &'c Config,
}

impl<'c> GenesysCloud<'c> {
    pub(super) fn new(config: &'c Config) -> Result<Self, CliError> {
        Ok(Self { client: Client::new(platform_http()?), config })
    }

    pub(super) async fn check_credentials(&self) -> Result<(), CliError> {
        self.client.check_credentials(self.config, deadline()).await.map_err(|error| match error {
            ApiError::Credentials(error) => CliError::Failed(format!(
                "Genesys Cloud refuses the OAuth client's credentials (status {}): check the id, the secret, the \
                 domain, and that the client's grant is `Client Credentials`",
                error.status
            )),
            error => failed("issue a token", "", &error),
        })
    }

    pub(super) async fn find_by_id(&self, id: &str) -> Result<Option<OpenIntegration>, CliError> {
        let found = self.client.open_integration(self.config, id, deadline()).await;
        let found = found.map_err(|error| failed("return the integration", VIEW, &error))?;
        Ok(found.map(|found| OpenIntegration { id: id.to_owned(), ..found }))
    }

    /// The integration of the configuration, which must exist.
    pub(super) async fn configured_integration(&self, name: &IntegrationName) -> Result<OpenIntegration, CliError> {
        self.find_by_id(&self.config.integration_id).await?.ok_or_else(|| {
            CliError::Failed(format!(
                "Genesys Cloud has no open messaging integration with the id in /integrationId; `patchbay integration \
                 add {name}` connects another, and --no-platform skips the platform"
            ))
        })
    }

    pub(super) async fn find_by_name(&self, name: &str) -> Result<Option<OpenIntegration>, CliError> {
        let found = self.client.open_integrations_named(self.config, name, deadline()).await;
        let mut found = found.map_err(|error| failed("list its integrations", VIEW, &error))?;
        match (found.pop(), found.is_empty()) {
            (one, true) => Ok(one),
            (_, false) => Err(CliError::Failed(format!(
                "Genesys Cloud has several open messaging integrations named `{name}`: choose one with --integration-id"
            ))),
        }
    }

    /// Creates an integration, and returns its id once it is ready.
    pub(super) async fn create(
        &self,
        name: &str,
        webhook_url: &Url,
        secret: &SecretString,
    ) -> Result<String, CliError> {
        let settings = OpenIntegrationSettings { name, webhook_url, webhook_secret: secret };
        let created = self.client.create_open_integration(self.config, &settings, deadline()).await;
        let created = created.map_err(|error| failed("create an integration", "messaging:integration:add", &error))?;
        let id = created.id.clone();
        self.wait_until_created(created).await?;
        Ok(id)
    }

    /// Waits until an integration is ready: Genesys Cloud responds before it has created it.
    pub(super) async fn wait_until_created(&self, found: OpenIntegration) -> Result<(), CliError> {
        let (id, mut status, until) = (found.id, found.create_status, Instant::now() + CREATION_TIMEOUT);
        while status == Some(CreateStatus::Initiated) {
            if Instant::now() > until {
                return Err(CliError::Failed("Genesys Cloud is still creating the integration".to_owned()));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
            // A new integration may not be visible everywhere yet.
            if let Some(found) = self.find_by_id(&id).await? {
                status = found.create_status;
            }
        }
        match status {
            Some(CreateStatus::Error) => Err(CliError::Failed(format!(
                "Genesys Cloud could not create the open messaging integration `{}` (createStatus is Error): delete \
                 it in Genesys Cloud, and run the same command again, which creates another",
                found.name
            ))),
            _ => Ok(()),
        }
    }

    /// Makes an integration send its webhooks to this URL, signed with this secret.
    pub(super) async fn update(
        &self,
        found: &OpenIntegration,
        webhook_url: &Url,
        secret: &SecretString,
    ) -> Result<(), CliError> {
        let settings = OpenIntegrationSettings { name: &found.name, webhook_url, webhook_secret: secret };
        let updated = self.client.update_open_integration(self.config, &found.id, &settings, deadline()).await;
        updated.map_err(|error| failed("change the integration", "messaging:integration:edit", &error))
    }

    pub(super) async fn delete(&self, found: &OpenIntegration) -> Result<(), CliError> {
        let deleted = self.client.delete_open_integration(self.config, &found.id, deadline()).await;
        deleted.map_err(|error| failed("delete the integration", "messaging:integration:delete", &error))
    }
}

/// Asks for confirmation to change an integration whose webhooks are sent elsewhere.
pub(super) async fn confirm_takeover(
    found: &OpenIntegration,
    stack: &Stack,
    name: &IntegrationName,
    yes: bool,
) -> Result<(), CliError> {
    match webhook_target(stack, name, found.outbound_notification_webhook_url.as_deref()).await {
        WebhookTarget::ThisStack | WebhookTarget::Unknown => Ok(()),
        WebhookTarget::OtherStack(_) | WebhookTarget::Other => prompt::confirm(
            &format!(
                "The webhooks of Genesys Cloud's open messaging integration `{}` are sent elsewhere, and will be sent \
                  to this stack instead.",
                found.name
            ),
            yes,
        ),
    }
}

/// Requires that an integration's webhooks are sent to this stack; `otherwise` says how to leave it unchanged.
pub(super) async fn require_own_webhooks(
    found: &OpenIntegration,
    stack: &Stack,
    name: &IntegrationName,
    otherwise: &str,
) -> Result<(), CliError> {
    let (what, instead) = match webhook_target(stack, name, found.outbound_notification_webhook_url.as_deref()).await {
        WebhookTarget::ThisStack | WebhookTarget::Unknown => return Ok(()),
        WebhookTarget::OtherStack(url) => (
            format!("are sent to another API ({})", url.origin().ascii_serialization()),
            "if that is a custom domain of this one, pass it as --api-url; ",
        ),
        WebhookTarget::Other => ("are sent elsewhere".to_owned(), ""),
    };
    Err(CliError::Failed(format!(
        "the webhooks of Genesys Cloud's open messaging integration `{}` {what}: {instead}`patchbay integration add \
         {name}` redirects them to this stack, and {otherwise}",
        found.name
    )))
}

/// The current webhook URL of an integration, or else our route.
pub(super) fn preserved_url(found: &OpenIntegration, route: Url) -> Url {
    let url = found.outbound_notification_webhook_url.as_deref();
    url.and_then(|url| url.parse().ok()).unwrap_or(route)
}

/// Whether webhooks are signed with another secret than this one, as far as the platform reveals that.
pub(super) fn uses_other_secret(found: &OpenIntegration, secret: &SecretString) -> bool {
    found.readable_secret().is_some_and(|current| current.expose_secret() != secret.expose_secret())
}

fn deadline() -> Instant {
    Instant::now() + CALL_TIMEOUT
}

/// Describes a failed call without the platform's message, which may repeat what was sent.
fn failed(what: &str, permission: &str, error: &ApiError) -> CliError {
    let mut text = format!("Genesys Cloud did not {what}: {error}");
    if let ApiError::Refused(refusal) = error {
        text.extend(refusal.code.iter().map(|code| format!(", code {code}")));
        text.extend(refusal.correlation_id.iter().map(|id| format!(", correlation id {id}")));
        if refusal.status == 403 {
            text.push_str(&format!(". The role of the OAuth client needs the permission {permission}"));
        }
    }
    CliError::Failed(text)
}
