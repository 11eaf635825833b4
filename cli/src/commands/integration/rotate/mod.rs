//! `patchbay integration rotate`.
//!
//! If both sides can have two secrets for a while, the new one is added first. The command waits until every function
//! uses it and tests that; only then the other side gets it. `--finish` drops the old secret once it is no longer used.
//! Every step can be repeated: the command resumes a rotation that is in progress.

mod channel;
mod next_step;
mod target;
mod usage;
mod verify;
mod wait;

use super::credential_reuse;
use super::generate;
use super::genesys_cloud::{
    GenesysCloud, Profiles, preserved_url, require_own_webhooks, sends_other_header, uses_other_secret,
};
use super::progress::Progress;
use super::secret_input::{self, SecretInput};
use super::secret_store::{SecretStore, StoredDocument};
use crate::aws::completion;
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::help::examples;
use crate::ui::output::Output;
use crate::ui::prompt;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use shared::channel::ChannelConfig;
use shared::integration::Integration;
use shared::model::integration_name::IntegrationName;
use shared::platform::PlatformConfig;
use shared::platform::genesys_cloud::config::Config;
use std::path::PathBuf;
use std::time::Duration;
use target::{RotationMode, RotationTarget};

/// Rotate a secret without downtime
///
/// Without --finish, the new secret becomes valid in addition to the old one. The command waits until every function
/// uses it, tests that, and prints the next step. With --finish the old one is dropped, once it is no longer used. If
/// the other side can hold only one secret, the old one is replaced at once. The same command resumes an interrupted rotation.
#[derive(Debug, Args)]
#[command(after_help = examples(&[
    "patchbay integration rotate acme --secret signing",
    "patchbay integration rotate acme --secret caller:crm --finish",
    "patchbay integration rotate acme --secret client \\\n    --secret-file client-secret.txt",
]))]
pub(crate) struct Rotate {
    /// Name of the integration
    #[arg(add = completion::integrations())]
    name: IntegrationName,
    /// The secret: webhook, webhook-header, signing, caller:NAME, client, app, api-key or token; of a channel:
    /// channel-webhook, bot-token, auth-token or channel-api-key
    #[arg(long, value_name = "SECRET", add = completion::secrets(&target::WORDS))]
    secret: RotationTarget,
    /// Drop the old secret
    #[arg(long)]
    finish: bool,
    /// Do not wait until every function uses the new secret; the same command without this option does so later
    #[arg(long, conflicts_with = "finish")]
    no_wait: bool,
    /// Drop the old secret even if it may be in use; what is signed with it is then refused
    #[arg(long, requires = "finish")]
    force: bool,
    /// File with the new secret, or - for standard input; or set PATCHBAY_WEBHOOK_SECRET,
    /// …_WEBHOOK_HEADER_SECRET, …_SIGNING_SECRET, …_CALLER_SECRET, …_CLIENT_SECRET, …_APP_SECRET, …_API_KEY, …_TOKEN,
    /// …_CHANNEL_WEBHOOK_SECRET, …_BOT_TOKEN, …_AUTH_TOKEN, …_API_KEY_SECRET [default: generated, unless the platform or
    /// the channel's provider issues the secret]
    #[arg(long, value_name = "FILE", conflicts_with = "finish")]
    secret_file: Option<PathBuf>,
    /// For channel-api-key: SID of the new API key
    #[arg(long, value_name = "SID")]
    api_key_sid: Option<String>,
    /// Call neither the platform nor the channel's provider
    #[arg(long)]
    no_platform: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rotated {
    integration: IntegrationName,
    /// How many secrets are valid now.
    #[serde(rename = "good")]
    valid_secrets: usize,
    /// With `--no-wait`: when every function will use the new configuration.
    #[serde(rename = "inUseFrom", skip_serializing_if = "Option::is_none")]
    effective_at: Option<Timestamp>,
    steps: Vec<String>,
    next: String,
}

struct RotationStep {
    valid_secrets: usize,
    effective_at: Option<Timestamp>,
    next: String,
}

struct RotationRun<'a> {
    rotate: &'a Rotate,
    stack: &'a Stack,
    secrets: SecretStore<'a>,
    stored: StoredDocument,
    /// The time from writing a configuration until every function uses it.
    propagation: Duration,
    output: Output,
    progress: Progress,
}

pub(super) async fn run(rotate: Rotate, stack: &Stack, output: Output) -> Result<(), CliError> {
    let secrets = SecretStore::open(stack).await?;
    let stored = secrets.require(&rotate.name).await?;
    let integration = stored.document.to_integration(&rotate.name)?;
    let channel = integration.destination.channel().map(ChannelConfig::name);
    rotate.secret.check_integration(integration.platform.name(), channel)?;
    rotate.check_api_key_sid()?;
    if rotate.secret.secrets(&stored.document).is_empty() && !rotate.secret.is_optional() {
        return Err(CliError::Failed(format!("the integration `{}` has no such secret", rotate.name)));
    }
    let propagation = wait::propagation_time(stack).await?;
    let progress = Progress::new(output);
    let mut run = RotationRun { rotate: &rotate, stack, secrets, stored, propagation, output, progress };
    let done = if rotate.finish { run.finish(&integration).await } else { run.begin(integration).await };
    match done {
        Ok(RotationStep { valid_secrets, effective_at, next }) => {
            let (steps, next) = (run.progress.completed().to_vec(), output.complete_commands(&next));
            let rotated = Rotated { integration: rotate.name.clone(), valid_secrets, effective_at, steps, next };
            output.result(&rotated, |rotated| rotated.next.clone());
            Ok(())
        }
        Err(failure) => Err(run.progress.interrupted(failure)),
    }
}

impl RotationRun<'_> {
    /// Stores a new secret, and waits until every function uses it.
    async fn begin(&mut self, integration: Integration) -> Result<RotationStep, CliError> {
        let integration = self.store_new(integration).await?;
        let target = &self.rotate.secret;
        let valid_secrets = target.secrets(&self.stored.document).len();
        let left = self.propagation.saturating_sub(self.stored.age());
        if self.rotate.no_wait {
            let effective_at = wait::time_after(left);
            return Ok(RotationStep {
                valid_secrets,
                effective_at: Some(effective_at),
                next: self.rotate.not_yet(effective_at),
            });
        }
        wait::wait(left, self.output).await;
        self.progress.done("every function has had the time to read it");
        let seen = verify::new_secret(self.stack, target, &integration, &self.stored.version).await?;
        if let Some(seen) = seen {
            self.progress.done(seen);
        }
        if let Some(config) = self.platform_to_update(&integration) {
            self.update_platform(config).await?;
        }
        self.update_channel(&integration).await?;
        Ok(RotationStep { valid_secrets, effective_at: None, next: self.rotate.next() })
    }

    /// Stores a new secret in addition to the old one, or in its place, unless that was done before. Returns the
    /// current configuration.
    async fn store_new(&mut self, integration: Integration) -> Result<Integration, CliError> {
        let target = &self.rotate.secret;
        if target.secrets(&self.stored.document).len() > 1 {
            self.check_given()?;
            self.check_own_webhooks(&integration).await?;
            self.progress.done("the new secret is already stored next to the old one");
            return Ok(integration);
        }
        let new = self.new_secret()?;
        let is_replaced = matches!(target.mode(), RotationMode::Replace(_));
        if is_replaced && target.secrets(&self.stored.document) == [Value::from(new.as_str())] {
            self.progress.done("the new secret is already stored");
            self.connect_bot(&integration).await?;
            return Ok(integration);
        }
        let mut document = target.with_new_secret(&self.stored.document, new);
        self.rotate.set_api_key_sid(&mut document);
        let integration = document.to_integration(&self.rotate.name)?;
        if let RotationTarget::Caller(caller) = target {
            let stored = Some(&self.stored.document);
            credential_reuse::check(&self.secrets, &self.rotate.name, &document, stored, &[caller]).await?;
        }
        self.check_credentials(&integration).await?;
        self.check_channel(&integration).await?;
        self.check_own_webhooks(&integration).await?;
        self.stored = self.secrets.replace(&self.rotate.name, &self.stored, &document).await?;
        self.progress.done(match is_replaced {
            true => "the new secret is stored in the old one's place",
            false => "the new secret is stored next to the old one",
        });
        self.connect_bot(&integration).await?;
        Ok(integration)
    }

    fn given(&self) -> Result<Option<String>, CliError> {
        SecretInput::default().secret(self.rotate.secret_file.as_deref(), self.rotate.secret.variable())
    }

    /// Refuses a third secret while two are valid: it would be ignored silently.
    fn check_given(&self) -> Result<(), CliError> {
        let secrets = self.rotate.secret.secrets(&self.stored.document);
        let current = secrets.first().and_then(Value::as_str);
        match self.given()? {
            Some(given) if Some(given.as_str()) != current => Err(CliError::Failed(
                "a rotation to another secret than the given one is in progress: --finish it first".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// The new secret: given, prompted for, or generated.
    fn new_secret(&self) -> Result<String, CliError> {
        let target = &self.rotate.secret;
        if let Some(given) = self.given()? {
            return Ok(given);
        }
        match target {
            _ if target.is_issued() && prompt::is_interactive() => {
                secret_input::prompt_secret("The new secret", |new| {
                    let faults =
                        target.with_new_secret(&self.stored.document, new.to_owned()).field_errors(&self.rotate.name);
                    faults.into_iter().next().map_or(Ok(()), |fault| Err(fault.to_string()))
                })
            }
            _ if target.is_issued() => {
                Err(CliError::Usage(format!("--secret-file is missing, or the variable {}", target.variable())))
            }
            RotationTarget::Webhook | RotationTarget::WebhookHeader | RotationTarget::ChannelWebhook => {
                generate::token()
            }
            RotationTarget::Caller(_) if target.uses_bearer_token(&self.stored.document) => generate::token(),
            _ => generate::signing_secret(),
        }
    }

    /// Checks what is possible before anything is written.
    async fn check_credentials(&mut self, integration: &Integration) -> Result<(), CliError> {
        if let (RotationTarget::Client, PlatformConfig::GenesysCloud(config), false) =
            (&self.rotate.secret, &integration.platform, self.rotate.no_platform)
        {
            GenesysCloud::new(config)?.check_credentials().await?;
            self.progress.done("Genesys Cloud accepts the new secret");
        }
        Ok(())
    }

    /// The platform that gets the new secret from this command.
    fn platform_to_update<'i>(&self, integration: &'i Integration) -> Option<&'i Config> {
        match (&self.rotate.secret, &integration.platform) {
            (RotationTarget::Webhook | RotationTarget::WebhookHeader, PlatformConfig::GenesysCloud(config)) => {
                (!self.rotate.no_platform).then_some(config)
            }
            _ => None,
        }
    }

    /// Requires that the webhooks that will be sent with the new secret are sent to this stack.
    async fn check_own_webhooks(&self, integration: &Integration) -> Result<(), CliError> {
        if let Some(config) = self.platform_to_update(integration) {
            let genesys_cloud = GenesysCloud::new(config)?;
            let found = genesys_cloud.configured_integration(&self.rotate.name).await?;
            require_own_webhooks(&found, self.stack, &self.rotate.name, "--no-platform does not change them").await?;
            genesys_cloud.require_readable_headers(&found)?;
            genesys_cloud.wait_until_created(found).await?;
        }
        Ok(())
    }

    /// Makes Genesys Cloud sign with the new secret.
    async fn update_platform(&mut self, config: &Config) -> Result<(), CliError> {
        let genesys_cloud = GenesysCloud::new(config)?;
        let Some(secret) = config.webhook_secrets.first() else { return Ok(()) };
        let route = self.stack.route_url(&format!("{}/webhook", self.rotate.name)).await?;
        let found = genesys_cloud.configured_integration(&self.rotate.name).await?;
        require_own_webhooks(&found, self.stack, &self.rotate.name, "--no-platform does not change them").await?;
        let webhook_url = preserved_url(&found, route);
        genesys_cloud.update(&found, &webhook_url, secret, &Profiles::default()).await?;
        self.progress.done(match self.rotate.secret {
            RotationTarget::WebhookHeader => "Genesys Cloud sends the header with the new secret",
            _ => "Genesys Cloud signs with the new secret",
        });
        Ok(())
    }

    async fn finish(&mut self, integration: &Integration) -> Result<RotationStep, CliError> {
        let target = &self.rotate.secret;
        if let RotationMode::Replace(_) = target.mode() {
            return Err(CliError::Usage("this secret is replaced in one step: there is nothing to finish".to_owned()));
        }
        if target.secrets(&self.stored.document).len() < 2 {
            return Err(CliError::Failed("there is nothing to finish: only one secret is valid".to_owned()));
        }
        if !self.rotate.force {
            self.check_old_is_unused(integration).await.map_err(|failure| match failure {
                CliError::Failed(why) => CliError::Failed(format!(
                    "{why}\n--force drops the old secret anyway; what is still signed with it is then refused"
                )),
                other => other,
            })?;
        }
        let document = target.without_old_secret(&self.stored.document);
        document.to_integration(&self.rotate.name)?;
        self.stored = self.secrets.replace(&self.rotate.name, &self.stored, &document).await?;
        self.progress.done("the old secret is dropped");
        Ok(RotationStep { valid_secrets: 1, effective_at: None, next: self.rotate.finished(self.propagation) })
    }

    /// Requires that neither side uses the old secret any longer.
    async fn check_old_is_unused(&self, integration: &Integration) -> Result<(), CliError> {
        let left = self.propagation.saturating_sub(self.stored.age());
        if !left.is_zero() {
            return Err(CliError::Failed(format!(
                "functions may use the configuration without the new secret until {}: {} works after that",
                wait::time_after(left),
                self.rotate.command("--finish")
            )));
        }
        if self.rotate.secret == RotationTarget::Signing {
            return verify::current_signing_secret(self.stack, integration, &self.stored.version).await;
        }
        if let Some(config) = self.platform_to_update(integration) {
            self.check_sender(config).await?;
        }
        self.check_channel_sender(integration).await?;
        usage::check_unused(self.stack, &self.rotate.name, &self.rotate.secret, self.propagation).await
    }

    /// Requires that Genesys Cloud does not use the old secret any longer, as far as it reveals that.
    async fn check_sender(&self, config: &Config) -> Result<(), CliError> {
        let found = GenesysCloud::new(config)?.configured_integration(&self.rotate.name).await?;
        let (uses_old, what) = match (&self.rotate.secret, &config.webhook_header) {
            (RotationTarget::WebhookHeader, Some(header)) => {
                (sends_other_header(&found, header), "send the header with the new secret")
            }
            _ => {
                let current = config.webhook_secrets.first();
                (current.is_some_and(|secret| uses_other_secret(&found, secret)), "sign with the new secret")
            }
        };
        match uses_old {
            true => Err(CliError::Failed(format!(
                "Genesys Cloud does not {what} yet: {} changes that",
                self.rotate.command("")
            ))),
            false => Ok(()),
        }
    }
}
