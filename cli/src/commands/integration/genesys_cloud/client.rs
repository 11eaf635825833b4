//! The calls: the credentials, and the open messaging integration.

use crate::api::platform_http;
use crate::api::token_problem::token_problem;
use crate::error::CliError;
use secrecy::SecretString;
use shared::model::integration_name::IntegrationName;
use shared::platform::ApiError;
use shared::platform::genesys_cloud::api::{
    Client, CreateStatus, IdentityResolution, OpenIntegration, OpenIntegrationSettings, Profile, is_masked,
};
use shared::platform::genesys_cloud::config::Config;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// Of one call, with its retries.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Genesys Cloud creates integrations asynchronously.
const CREATION_TIMEOUT: Duration = Duration::from_secs(60);
/// A read may return the state before a write for some time.
pub(super) const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(10);
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(500);

const VIEW: &str = "messaging:integration:view";

pub(crate) struct GenesysCloud<'c> {
    pub(super) client: Client,
    pub(super) config: &'c Config,
}

/// Why there is no token.
#[derive(Debug)]
pub(crate) enum CredentialsError {
    /// The client's id or secret is wrong.
    Refused(String),
    NoToken(String),
}

impl From<CredentialsError> for CliError {
    fn from(error: CredentialsError) -> Self {
        match error {
            CredentialsError::Refused(why) | CredentialsError::NoToken(why) => Self::Failed(why),
        }
    }
}

/// The ids of the profiles to assign. Without one, what is assigned stays.
#[derive(Debug, Default)]
pub(crate) struct Profiles {
    pub(crate) messaging_setting: Option<String>,
    pub(crate) supported_content: Option<String>,
}

impl<'c> GenesysCloud<'c> {
    pub(crate) fn new(config: &'c Config) -> Result<Self, CliError> {
        Ok(Self { client: Client::new(platform_http()?), config })
    }

    pub(crate) async fn check_credentials(&self) -> Result<(), CredentialsError> {
        match self.client.check_credentials(self.config, deadline()).await {
            Ok(()) => Ok(()),
            Err(ApiError::Credentials(error)) => Err(CredentialsError::Refused(format!(
                "Genesys Cloud refuses the OAuth client's credentials (status {}): check the id, the secret, the \
                 domain, and that the client's grant is `Client Credentials`",
                error.status
            ))),
            Err(error) => {
                let problem = token_problem(self.config, &error).await;
                Err(CredentialsError::NoToken(format!("Genesys Cloud issued no token: {problem}")))
            }
        }
    }

    pub(crate) async fn find_by_id(&self, id: &str) -> Result<Option<OpenIntegration>, CliError> {
        let found = self.client.open_integration(self.config, id, deadline()).await;
        let found = found.map_err(|error| failed("return the integration", VIEW, &error))?;
        Ok(found.map(|found| OpenIntegration { id: id.to_owned(), ..found }))
    }

    /// The integration of the configuration, which must exist.
    pub(crate) async fn configured_integration(&self, name: &IntegrationName) -> Result<OpenIntegration, CliError> {
        self.find_by_id(&self.config.integration_id).await?.ok_or_else(|| {
            CliError::Failed(format!(
                "Genesys Cloud has no open messaging integration with the id in /integrationId; `patchbay integration \
                 add {name}` connects another, and --no-platform skips the platform"
            ))
        })
    }

    /// The integration that sends its webhooks to this URL, or else the one with this name.
    pub(crate) async fn find(&self, name: &str, webhook_url: &Url) -> Result<Option<OpenIntegration>, CliError> {
        let found = self.client.open_integrations(self.config, deadline()).await;
        let found = found.map_err(|error| failed("list its integrations", VIEW, &error))?;
        let (own, others): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|one| url_of(one).as_ref() == Some(webhook_url));
        match only(own, || "that send their webhooks to this stack".to_owned())? {
            Some(own) => Ok(Some(own)),
            None => {
                let named = others.into_iter().filter(|one| one.name == name);
                only(named.collect(), || format!("named `{name}`"))
            }
        }
    }

    /// Creates an integration, and returns its id once it is ready.
    pub(crate) async fn create(
        &self,
        name: &str,
        webhook_url: &Url,
        secret: &SecretString,
        profiles: &Profiles,
    ) -> Result<String, CliError> {
        let found = OpenIntegration { name: name.to_owned(), ..OpenIntegration::default() };
        let settings = self.settings(&found, webhook_url, secret, profiles)?;
        let created = self.client.create_open_integration(self.config, &settings, deadline()).await;
        let created = created.map_err(|error| failed("create an integration", "messaging:integration:add", &error))?;
        let id = created.id.clone();
        self.wait_until_created(created).await?;
        Ok(id)
    }

    /// Waits until an integration is ready: Genesys Cloud responds before it has created it.
    pub(crate) async fn wait_until_created(&self, found: OpenIntegration) -> Result<(), CliError> {
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

    /// Makes an integration send its webhooks to this URL, signed with this secret and with our header, and assigns the
    /// profiles. Everything else is sent back as it was found.
    pub(crate) async fn update(
        &self,
        found: &OpenIntegration,
        webhook_url: &Url,
        secret: &SecretString,
        profiles: &Profiles,
    ) -> Result<(), CliError> {
        let settings = self.settings(found, webhook_url, secret, profiles)?;
        let updated = self.client.update_open_integration(self.config, &found.id, &settings, deadline()).await;
        updated.map_err(|error| failed("change the integration", "messaging:integration:edit", &error))?;
        let until = Instant::now() + VISIBILITY_TIMEOUT;
        while !shows(self.find_by_id(&found.id).await?.as_ref(), &settings) && Instant::now() < until {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    fn settings<'s>(
        &self,
        found: &'s OpenIntegration,
        webhook_url: &'s Url,
        webhook_secret: &'s SecretString,
        profiles: &'s Profiles,
    ) -> Result<OpenIntegrationSettings<'s>, CliError> {
        let assigned = |profile: Option<&'s str>| profile.filter(|id| !id.is_empty());
        Ok(OpenIntegrationSettings {
            name: &found.name,
            webhook_url,
            webhook_secret,
            webhook_headers: self.webhook_headers(found)?,
            messaging_setting: (profiles.messaging_setting.as_deref())
                .or(assigned(found.messaging_setting.as_ref().map(Profile::id))),
            supported_content: (profiles.supported_content.as_deref())
                .or(assigned(found.supported_content.as_ref().map(Profile::id))),
        })
    }

    /// Requires that an update can send back the other headers of an integration.
    pub(crate) fn require_readable_headers(&self, found: &OpenIntegration) -> Result<(), CliError> {
        self.webhook_headers(found).map(drop)
    }

    /// The headers found, with the current value of ours. An update replaces all of them, so it needs their values.
    fn webhook_headers(&self, found: &OpenIntegration) -> Result<BTreeMap<String, SecretString>, CliError> {
        let mut headers = found.webhook_headers.clone().unwrap_or_default();
        if let Some(header) = &self.config.webhook_header
            && let Some(secret) = header.secrets.first()
        {
            headers.retain(|name, _| !name.eq_ignore_ascii_case(header.name.as_str()));
            headers.insert(header.name.to_string(), secret.clone());
        }
        let hidden: Vec<_> =
            headers.iter().filter(|(_, value)| is_masked(value)).map(|(name, _)| name.as_str()).collect();
        match hidden.as_slice() {
            [] => Ok(headers),
            hidden => Err(CliError::Failed(format!(
                "Genesys Cloud does not return the value of the webhook header {} of the open messaging integration `{}`, \
                 so the command cannot keep it, and has changed nothing: remove the header in Genesys Cloud, run this \
                 again, and add the header there again",
                hidden.join(", "),
                found.name
            ))),
        }
    }

    /// Sets whether the senders of an integration are matched with external contacts. Returns whether that is a change.
    pub(crate) async fn resolve_identities(&self, id: &str, resolve_identities: bool) -> Result<bool, CliError> {
        const VIEW_IT: &str = "messaging:identityResolutionOpen:view";
        const EDIT_IT: &str = "messaging:identityResolutionOpen:edit";
        let found = self.client.identity_resolution(self.config, id, deadline()).await;
        let found =
            found.map_err(|error| failed("return the identity resolution", VIEW_IT, &error))?.unwrap_or_default();
        if found.resolve_identities == resolve_identities {
            return Ok(false);
        }
        let changed = IdentityResolution { resolve_identities, ..found };
        let changed = self.client.set_identity_resolution(self.config, id, &changed, deadline()).await;
        changed.map_err(|error| failed("change the identity resolution", EDIT_IT, &error))?;
        Ok(true)
    }

    pub(crate) async fn delete(&self, found: &OpenIntegration) -> Result<(), CliError> {
        let deleted = self.client.delete_open_integration(self.config, &found.id, deadline()).await;
        deleted.map_err(|error| failed("delete the integration", "messaging:integration:delete", &error))
    }
}

/// Where an integration sends its webhooks.
fn url_of(found: &OpenIntegration) -> Option<Url> {
    found.outbound_notification_webhook_url.as_deref()?.parse().ok()
}

/// The only one of them.
fn only(mut found: Vec<OpenIntegration>, which: impl FnOnce() -> String) -> Result<Option<OpenIntegration>, CliError> {
    match (found.pop(), found.is_empty()) {
        (one, true) => Ok(one),
        (_, false) => Err(CliError::Failed(format!(
            "Genesys Cloud has several open messaging integrations {}: choose one with --integration-id",
            which()
        ))),
    }
}

/// Whether a read returned the state that these settings make.
fn shows(found: Option<&OpenIntegration>, settings: &OpenIntegrationSettings<'_>) -> bool {
    fn is_assigned<P: Profile>(found: Option<&P>, wanted: Option<&str>) -> bool {
        wanted.is_none() || found.map(Profile::id) == wanted
    }
    found.is_some_and(|found| {
        url_of(found).as_ref() == Some(settings.webhook_url)
            && is_assigned(found.messaging_setting.as_ref(), settings.messaging_setting)
            && is_assigned(found.supported_content.as_ref(), settings.supported_content)
            && found.webhook_headers.iter().flatten().count() >= settings.webhook_headers.len()
    })
}

pub(super) fn deadline() -> Instant {
    Instant::now() + CALL_TIMEOUT
}

/// Describes a failed call without the platform's message, which may repeat what was sent.
pub(super) fn failed(what: &str, permission: &str, error: &ApiError) -> CliError {
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
