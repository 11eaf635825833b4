//! Genesys Cloud's side of an integration: the credentials, and the open messaging integration whose webhooks come
//! here.

use super::ask;
use crate::failure::Failure;
use secrecy::ExposeSecret;
use shared::integration::Secret;
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

/// The platform, as one OAuth client sees it.
pub(super) struct GenesysCloud<'c> {
    client: Client,
    config: &'c Config,
}

/// Which of the platform's integrations is meant.
pub(super) enum Wanted<'w> {
    /// The one with this id.
    Id(&'w str),
    /// The one of this name, or else a new one.
    Name(&'w str),
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

    /// The integration that is meant; none if one is to be made.
    pub(super) async fn find(&self, wanted: &Wanted<'_>) -> Result<Option<OpenIntegration>, Failure> {
        const PERMISSION: &str = "messaging:integration:view";
        match wanted {
            Wanted::Id(id) => {
                let found = self.client.open_integration(self.config, id, deadline()).await;
                let found = found.map_err(|error| failed("show the integration", PERMISSION, &error))?;
                found.map(Some).ok_or_else(|| {
                    Failure::Failed("Genesys Cloud has no open messaging integration with that id".to_owned())
                })
            }
            Wanted::Name(name) => {
                let found = self.client.open_integrations_named(self.config, name, deadline()).await;
                let mut found = found.map_err(|error| failed("list its integrations", PERMISSION, &error))?;
                match (found.pop(), found.is_empty()) {
                    (one, true) => Ok(one),
                    (_, false) => Err(Failure::Failed(format!(
                        "Genesys Cloud has several open messaging integrations of the name `{name}`: say which with \
                         --integration-id"
                    ))),
                }
            }
        }
    }

    /// Asks whether an integration may be changed whose webhooks go elsewhere.
    pub(super) fn confirm(&self, found: &OpenIntegration, webhook_url: &Url, yes: bool) -> Result<(), Failure> {
        match found.outbound_notification_webhook_url.as_deref() {
            Some(url) if url != webhook_url.as_str() => ask::confirmed(
                &format!(
                    "The webhooks of Genesys Cloud's open messaging integration `{}` go somewhere else, and shall come \
                     here instead.",
                    found.name
                ),
                yes,
            ),
            _ => Ok(()),
        }
    }

    /// Insists that an integration's webhooks come here.
    pub(super) fn confirm_ours(&self, found: &OpenIntegration, webhook_url: &Url) -> Result<(), Failure> {
        match found.outbound_notification_webhook_url.as_deref() {
            Some(url) if url != webhook_url.as_str() => Err(Failure::Failed(format!(
                "the webhooks of Genesys Cloud's open messaging integration `{}` go somewhere else; `patchbay \
                 integration add` has them come here, and --no-platform leaves them alone",
                found.name
            ))),
            _ => Ok(()),
        }
    }

    /// Makes an integration, and returns its id once it is there.
    pub(super) async fn create(&self, name: &str, webhook_url: &Url, secret: &Secret) -> Result<String, Failure> {
        let settings = OpenIntegrationSettings { name, webhook_url, webhook_secret: secret };
        let made = self.client.create_open_integration(self.config, &settings, deadline()).await;
        let mut made = made.map_err(|error| failed("make an integration", "messaging:integration:add", &error))?;
        let (id, until) = (made.id.clone(), Instant::now() + CREATION);
        while made.create_status == Some(CreateStatus::Initiated) {
            if Instant::now() > until {
                return Err(Failure::Failed("Genesys Cloud is still making the integration".to_owned()));
            }
            tokio::time::sleep(PAUSE).await;
            made = self.find(&Wanted::Id(&id)).await?.unwrap_or_default();
        }
        match made.create_status {
            Some(CreateStatus::Error) => {
                Err(Failure::Failed("Genesys Cloud could not make the integration".to_owned()))
            }
            _ => Ok(id),
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

    /// Ends the integration.
    pub(super) async fn delete(&self) -> Result<(), Failure> {
        let id = &self.config.integration_id;
        let deleted = self.client.delete_open_integration(self.config, id, deadline()).await;
        deleted.map_err(|error| failed("end the integration", "messaging:integration:delete", &error))
    }
}

/// Whether webhooks are signed with another secret than this one, as far as the platform tells.
pub(super) fn signs_otherwise(found: &OpenIntegration, secret: &Secret) -> bool {
    // What it shows in a secret's place is no secret.
    let told = found.outbound_notification_webhook_signature_secret_token.as_ref().map(ExposeSecret::expose_secret);
    told.is_some_and(|told| told.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter)))
        && told.is_some_and(|told| told.len() >= 16 && told != secret.expose_secret())
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
