//! `patchbay integration remove` and `restore`.

use super::genesys_cloud::{GenesysCloud, require_own_webhooks};
use super::progress::Progress;
use super::secret_store::{SecretState, SecretStore, StoredDocument, deleted, unreadable};
use crate::api::channel::telegram::{self, Telegram};
use crate::aws::completion;
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::help::examples;
use crate::ui::output::Output;
use crate::ui::prompt;
use crate::ui::values::number;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use shared::channel::{ChannelConfig, ChannelName};
use shared::integration::Integration;
use shared::model::integration_name::IntegrationName;
use shared::platform::PlatformConfig;
use shared::platform::genesys_cloud::api::OpenIntegration;

/// Remove an integration
///
/// Its secret can be restored until its recovery window ends. Within the stack's ConfigurationCacheSeconds the
/// functions notice the removal: then webhooks and callers are answered 404. Queued messages wait for three days and
/// are then given up.
#[derive(Debug, Args)]
#[command(after_help = examples(&[
    "patchbay integration remove acme",
    "patchbay integration remove acme --platform-too --channel-too --yes",
]))]
pub(crate) struct Remove {
    /// Name of the integration
    #[arg(add = completion::integrations())]
    name: IntegrationName,
    /// Recovery window of its secret
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = number(7..=30_i64))]
    recovery_days: i64,
    /// Delete its secret immediately and permanently
    #[arg(long, conflicts_with = "recovery_days")]
    immediately: bool,
    /// Also delete Genesys Cloud's open messaging integration
    #[arg(long)]
    platform_too: bool,
    /// Also delete the Telegram bot's webhook
    #[arg(long)]
    channel_too: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

/// Restore a removed integration
///
/// Its secret is restored unchanged. What --platform-too and --channel-too deleted stays deleted until `patchbay
/// integration add NAME` creates it again.
#[derive(Debug, Args)]
#[command(after_help = examples(&[
    "patchbay integration restore acme",
]))]
pub(crate) struct Restore {
    /// Name of the integration
    name: IntegrationName,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Removed {
    integration: IntegrationName,
    /// The end of the recovery window; `None` if there is none.
    recoverable_until: Option<Timestamp>,
    steps: Vec<String>,
    /// What is left at a channel's provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<&'static str>,
}

#[derive(Serialize)]
struct Restored {
    integration: IntegrationName,
    next: String,
}

pub(super) async fn run(remove: Remove, stack: &Stack, output: Output) -> Result<(), CliError> {
    let secrets = SecretStore::open(stack).await?;
    let name = &remove.name;
    let found = secrets.find(name.as_str()).await?;
    if let SecretState::Absent = found {
        return Err(CliError::Failed(format!("there is no integration `{name}`")));
    }
    if matches!(found, SecretState::Deleted) && !remove.immediately {
        return Err(CliError::Failed(format!(
            "the integration `{name}` was removed already; --immediately deletes its secret permanently"
        )));
    }
    let integration = match remove.platform_too || remove.channel_too {
        true => Some(stored(name, &found)?),
        false => None,
    };
    // Everything is checked before anything is deleted.
    let channel = match integration.as_ref().filter(|_| remove.channel_too) {
        Some(integration) => Some(ChannelSide::check(integration).await?),
        None => None,
    };
    let platform = match integration.as_ref().filter(|_| remove.platform_too) {
        Some(integration) => Some(PlatformSide::check(integration, stack).await?),
        None => None,
    };
    prompt::confirm_by_name(&format!("The integration `{name}` will be removed."), name.as_str(), remove.yes)?;
    let mut progress = Progress::new(output);
    // The secret is deleted last, because it has the credentials for both.
    if let Some(platform) = platform {
        progress.done(platform.delete().await?);
    }
    if let Some(channel) = channel {
        match channel.disconnect().await {
            Ok(step) => progress.done(step),
            Err(failure) => return Err(progress.interrupted(failure)),
        }
    }
    let remaining = if remove.channel_too { None } else { remaining(&found) };
    let days = (!remove.immediately).then_some(remove.recovery_days);
    let date = match secrets.delete(name, days).await {
        Ok(date) => date,
        Err(failure) => return Err(progress.interrupted(failure)),
    };
    progress.done(match days {
        Some(_) => "its secret is scheduled for deletion",
        None => "its secret is deleted",
    });
    let recoverable_until = date.filter(|_| days.is_some());
    let removed =
        Removed { integration: remove.name, recoverable_until, steps: progress.completed().to_vec(), remaining };
    output.result(&removed, human);
    Ok(())
}

fn stored(name: &IntegrationName, found: &SecretState) -> Result<Integration, CliError> {
    match found {
        SecretState::Stored(StoredDocument { document, .. }) => document.to_integration(name),
        SecretState::Deleted => Err(deleted(name)),
        SecretState::Absent | SecretState::Unreadable => Err(unreadable(name)),
    }
}

/// A bot whose webhook leads here, if it has one.
struct ChannelSide<'i> {
    telegram: Telegram<'i>,
    has_webhook: bool,
}

impl<'i> ChannelSide<'i> {
    async fn check(integration: &'i Integration) -> Result<Self, CliError> {
        let Some(ChannelConfig::Telegram(config)) = integration.destination.channel() else {
            return Err(CliError::Usage(
                "--channel-too is for Telegram only; change a number's webhooks in Twilio's console".to_owned(),
            ));
        };
        let telegram = Telegram::new(config)?;
        let webhook = telegram.webhook().await.map_err(|error| telegram::failed("return the webhook", &error))?;
        let has_webhook = webhook.url.is_some();
        if has_webhook && !telegram.is_own(&webhook) {
            let why = "the bot's updates are not sent to this stack: without --channel-too its webhook is not changed";
            return Err(CliError::Failed(why.to_owned()));
        }
        Ok(Self { telegram, has_webhook })
    }

    /// Returns what is done.
    async fn disconnect(&self) -> Result<&'static str, CliError> {
        if !self.has_webhook {
            return Ok("the Telegram bot has no webhook");
        }
        self.telegram.disconnect().await?;
        Ok("the Telegram bot's webhook is deleted")
    }
}

/// An open messaging integration whose webhooks are sent here, if it still exists.
struct PlatformSide<'i> {
    genesys_cloud: GenesysCloud<'i>,
    found: Option<OpenIntegration>,
}

impl<'i> PlatformSide<'i> {
    async fn check(integration: &'i Integration, stack: &Stack) -> Result<Self, CliError> {
        let PlatformConfig::GenesysCloud(config) = &integration.platform else {
            return Err(CliError::Usage(
                "--platform-too is for Genesys Cloud only; disconnect other platforms by hand".to_owned(),
            ));
        };
        let genesys_cloud = GenesysCloud::new(config)?;
        let found = genesys_cloud.find_by_id(&config.integration_id).await?;
        if let Some(found) = &found {
            require_own_webhooks(found, stack, &integration.name, "without --platform-too it is not changed").await?;
        }
        Ok(Self { genesys_cloud, found })
    }

    /// Returns what is done.
    async fn delete(&self) -> Result<&'static str, CliError> {
        if let Some(found) = &self.found {
            self.genesys_cloud.delete(found).await?;
        }
        Ok("Genesys Cloud's open messaging integration is deleted")
    }
}

fn remaining(found: &SecretState) -> Option<&'static str> {
    let SecretState::Stored(StoredDocument { document, .. }) = found else { return None };
    match ChannelName::from_field(document.get("/channel/kind")?.clone()).ok()? {
        ChannelName::Telegram => Some(
            "The Telegram bot's webhook is still set: Telegram keeps what customers write for a day, until the integration \
             is restored or the bot is connected elsewhere.",
        ),
        ChannelName::Twilio => Some(
            "The webhooks are still set at Twilio: change those of the number or of the Messaging Service in Twilio's \
             console, or what customers write is lost.",
        ),
    }
}

fn human(removed: &Removed) -> String {
    let name = &removed.integration;
    let recovery = match removed.recoverable_until {
        Some(until) => format!("`patchbay integration restore {name}` restores it until {until}."),
        None => "It cannot be restored.".to_owned(),
    };
    let remaining = removed.remaining.map(|remaining| format!("\n\n{remaining}")).unwrap_or_default();
    format!(
        "`{name}` is removed. {recovery}{remaining}\n\nWithin the stack's ConfigurationCacheSeconds the functions \
         notice the removal: then webhooks and callers are answered 404. Queued messages wait three days for the \
         integration to be restored, and are then given up."
    )
}

pub(super) async fn restore(restore: Restore, stack: &Stack, output: Output) -> Result<(), CliError> {
    let secrets = SecretStore::open(stack).await?;
    match secrets.find(restore.name.as_str()).await? {
        SecretState::Deleted => secrets.restore(&restore.name).await?,
        SecretState::Absent => {
            let why = format!("there is no integration `{}`, nor one that could be restored", restore.name);
            return Err(CliError::Failed(why));
        }
        SecretState::Stored(_) | SecretState::Unreadable => {
            return Err(CliError::Failed(format!("the integration `{}` is not removed", restore.name)));
        }
    }
    let name = restore.name;
    let next = format!(
        "If the platform's or the channel's side was deleted too, it is not restored: `patchbay doctor {name}` checks it, and `patchbay \
         integration add {name}` creates it again."
    );
    let restored = Restored { integration: name, next: output.complete_commands(&next) };
    output.result(&restored, |restored| format!("`{}` is restored.\n\n{}", restored.integration, restored.next));
    Ok(())
}
