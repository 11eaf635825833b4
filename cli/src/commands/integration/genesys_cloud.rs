//! Genesys Cloud's side of an integration: the credentials, and the open messaging integration whose webhooks come
//! here.

use crate::ask;
use crate::failure::Failure;
use crate::stack::Stack;
use crate::webhook_address::{Leads, leads};
use secrecy::ExposeSecret;
use shared::integration::Secret;
use shared::model::integration_name::IntegrationName;
use shared::platform::ApiError;
use shared::platform::genesys_cloud::api::{Client, CreateStatus, OpenIntegration, OpenIntegrationSettings};
use shared::platform::genesys_cloud::config::Config;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// How long one call may take, repeats included.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long an integration may take to be made, and how long to wait before looking again.
const CREATION: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(500);

/// The permission to look.
const VIEW: &str = "messaging:integration:view";

/// The platform, as one OAuth client sees it.
pub(super) struct GenesysCloud<'c> {
    client: Client,
    config: &'c Config,
}

impl<'c> GenesysCloud<'c> {
    pub(super) fn new(config: &'c Config) -> Result<Self, Failure> {
        let client = Client::new().map_err(|error| Failure::Failed(format!("no HTTP client: {error}")))?;
        Ok(Self { client, config })
    }

    /// Whether the platform takes the credentials.
    pub(super) async fn check_credentials(&self) -> Result<(), Failure> {
        self.client.check_credentials(self.config, deadline()).await.map_err(|error| match error {
            ApiError::Credentials(error) => Failure::Failed(format!(
                "Genesys Cloud does not take the OAuth client's credentials (status {}): check the id, the secret, the \
                 domain, and that the client's grant is `Client Credentials`",
                error.status
            )),
            error => failed("give out a token", "", &error),
        })
    }

    /// The integration with this id, if there is one.
    pub(super) async fn with_id(&self, id: &str) -> Result<Option<OpenIntegration>, Failure> {
        let found = self.client.open_integration(self.config, id, deadline()).await;
        let found = found.map_err(|error| failed("show the integration", VIEW, &error))?;
        Ok(found.map(|found| OpenIntegration { id: id.to_owned(), ..found }))
    }

    /// The integration that the configuration is for, which must be there.
    pub(super) async fn own(&self, name: &IntegrationName) -> Result<OpenIntegration, Failure> {
        self.with_id(&self.config.integration_id).await?.ok_or_else(|| {
            Failure::Failed(format!(
                "Genesys Cloud has no open messaging integration with the id in /integrationId; `patchbay integration \
                 add {name}` connects another, and --no-platform does without"
            ))
        })
    }

    /// The integration of this name, if there is one.
    pub(super) async fn named(&self, name: &str) -> Result<Option<OpenIntegration>, Failure> {
        let found = self.client.open_integrations_named(self.config, name, deadline()).await;
        let mut found = found.map_err(|error| failed("list its integrations", VIEW, &error))?;
        match (found.pop(), found.is_empty()) {
            (one, true) => Ok(one),
            (_, false) => Err(Failure::Failed(format!(
                "Genesys Cloud has several open messaging integrations of the name `{name}`: say which with \
                 --integration-id"
            ))),
        }
    }

    /// Makes an integration, and returns its id once it is there.
    pub(super) async fn create(&self, name: &str, webhook_url: &Url, secret: &Secret) -> Result<String, Failure> {
        let settings = OpenIntegrationSettings { name, webhook_url, webhook_secret: secret };
        let made = self.client.create_open_integration(self.config, &settings, deadline()).await;
        let made = made.map_err(|error| failed("make an integration", "messaging:integration:add", &error))?;
        let id = made.id.clone();
        self.made(made).await?;
        Ok(id)
    }

    /// Waits until an integration is there: Genesys Cloud answers before it has made it.
    pub(super) async fn made(&self, found: OpenIntegration) -> Result<(), Failure> {
        let (id, mut status, until) = (found.id, found.create_status, Instant::now() + CREATION);
        while status == Some(CreateStatus::Initiated) {
            if Instant::now() > until {
                return Err(Failure::Failed("Genesys Cloud is still making the integration".to_owned()));
            }
            tokio::time::sleep(PAUSE).await;
            // What has only just been begun need not be seen everywhere.
            if let Some(found) = self.with_id(&id).await? {
                status = found.create_status;
            }
        }
        match status {
            Some(CreateStatus::Error) => Err(Failure::Failed(format!(
                "Genesys Cloud could not make the open messaging integration `{}` (createStatus is Error): delete it in \
                 Genesys Cloud, and give the same command once more, which makes another",
                found.name
            ))),
            _ => Ok(()),
        }
    }

    /// Has an integration post its webhooks here, signed with this secret.
    pub(super) async fn update(
        &self,
        found: &OpenIntegration,
        webhook_url: &Url,
        secret: &Secret,
    ) -> Result<(), Failure> {
        let settings = OpenIntegrationSettings { name: &found.name, webhook_url, webhook_secret: secret };
        let updated = self.client.update_open_integration(self.config, &found.id, &settings, deadline()).await;
        updated.map_err(|error| failed("change the integration", "messaging:integration:edit", &error))
    }

    /// Ends an integration.
    pub(super) async fn delete(&self, found: &OpenIntegration) -> Result<(), Failure> {
        let deleted = self.client.delete_open_integration(self.config, &found.id, deadline()).await;
        deleted.map_err(|error| failed("end the integration", "messaging:integration:delete", &error))
    }
}

/// Asks whether an integration may be changed whose webhooks do not come here.
pub(super) async fn confirm(
    found: &OpenIntegration,
    stack: &Stack,
    name: &IntegrationName,
    yes: bool,
) -> Result<(), Failure> {
    match leads(stack, name, found.outbound_notification_webhook_url.as_deref()).await {
        Leads::Here | Leads::Untold => Ok(()),
        Leads::ToAnotherApi(_) | Leads::Elsewhere => ask::confirmed(
            &format!(
                "The webhooks of Genesys Cloud's open messaging integration `{}` go somewhere else, and shall come here \
                 instead.",
                found.name
            ),
            yes,
        ),
    }
}

/// Insists that an integration's webhooks come here; `otherwise` says how it is left alone.
pub(super) async fn confirm_ours(
    found: &OpenIntegration,
    stack: &Stack,
    name: &IntegrationName,
    otherwise: &str,
) -> Result<(), Failure> {
    let (what, instead) = match leads(stack, name, found.outbound_notification_webhook_url.as_deref()).await {
        Leads::Here | Leads::Untold => return Ok(()),
        Leads::ToAnotherApi(url) => (
            format!("come to another API ({})", url.origin().ascii_serialization()),
            "--api-url says so if that is a custom domain of this one, ",
        ),
        Leads::Elsewhere => ("go somewhere else".to_owned(), ""),
    };
    Err(Failure::Failed(format!(
        "the webhooks of Genesys Cloud's open messaging integration `{}` {what}: {instead}`patchbay integration add \
         {name}` has them come here, and {otherwise}",
        found.name
    )))
}

/// Where an integration's webhooks go already, or else the route of ours.
pub(super) fn kept_url(found: &OpenIntegration, route: Url) -> Url {
    let told = found.outbound_notification_webhook_url.as_deref();
    told.and_then(|told| told.parse().ok()).unwrap_or(route)
}

/// Whether webhooks are signed with another secret than this one, as far as the platform tells.
pub(super) fn signs_otherwise(found: &OpenIntegration, secret: &Secret) -> bool {
    found.shown_secret().is_some_and(|told| told.expose_secret() != secret.expose_secret())
}

fn deadline() -> Instant {
    Instant::now() + PATIENCE
}

/// What the platform did not do, without its sentence: that may repeat what was sent.
fn failed(what: &str, permission: &str, error: &ApiError) -> Failure {
    let mut text = format!("Genesys Cloud did not {what}: {error}");
    if let ApiError::Refused(refusal) = error {
        text.extend(refusal.code.iter().map(|code| format!(", code {code}")));
        text.extend(refusal.correlation_id.iter().map(|id| format!(", correlation id {id}")));
        if refusal.status == 403 {
            text.push_str(&format!(". The role of the OAuth client needs the permission {permission}"));
        }
    }
    Failure::Failed(text)
}
