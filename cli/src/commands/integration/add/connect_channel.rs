//! The provider's side of a channel that `patchbay integration add` connects.

use super::super::progress::Progress;
use crate::api::channel::telegram::{self, Telegram, display_name};
use crate::api::channel::twilio::{self, SenderSetup, SenderWebhooks, Twilio};
use crate::error::CliError;
use crate::ui::prompt;
use shared::channel::ChannelConfig;
use shared::channel::telegram::config::Config as TelegramConfig;
use shared::channel::telegram::setup::BotIdentity;
use shared::channel::twilio::config::Config as TwilioConfig;
use shared::model::integration_name::IntegrationName;

/// What is set at the provider once the configuration is stored.
pub(super) enum ChannelPlan<'c> {
    Telegram { telegram: Telegram<'c>, bot: BotIdentity },
    Twilio { twilio: Twilio<'c>, sets: Option<SenderWebhooks>, advice: Vec<String> },
}

/// Checks the credentials, and asks whether webhooks may change. Changes nothing.
pub(super) async fn prepare<'c>(
    channel: &'c ChannelConfig,
    yes: bool,
    progress: &mut Progress,
) -> Result<ChannelPlan<'c>, CliError> {
    match channel {
        ChannelConfig::Telegram(config) => prepare_telegram(config, yes, progress).await,
        ChannelConfig::Twilio(config) => prepare_twilio(config, yes, progress).await,
    }
}

/// What to do at the provider by hand.
pub(super) fn by_hand(channel: &ChannelConfig, name: &IntegrationName) -> String {
    match channel {
        ChannelConfig::Telegram(_) => {
            format!("The bot's webhook is not set: `patchbay integration add {name}` without --no-platform sets it.")
        }
        ChannelConfig::Twilio(config) => twilio::instructions(config),
    }
}

async fn prepare_telegram<'c>(
    config: &'c TelegramConfig,
    yes: bool,
    progress: &mut Progress,
) -> Result<ChannelPlan<'c>, CliError> {
    let telegram = Telegram::new(config)?;
    let bot = telegram.identity().await.map_err(|error| telegram::failed("return the bot of the token", &error))?;
    progress.done(format!("Telegram accepts the token of {}", display_name(&bot)));
    let webhook = telegram.webhook().await.map_err(|error| telegram::failed("return the webhook", &error))?;
    if webhook.url.is_some() && !telegram.is_own(&webhook) {
        let question = format!(
            "What customers write to {} is sent elsewhere. Send it to this stack from now on?",
            display_name(&bot)
        );
        prompt::confirm(&question, yes)?;
    }
    Ok(ChannelPlan::Telegram { telegram, bot })
}

async fn prepare_twilio<'c>(
    config: &'c TwilioConfig,
    yes: bool,
    progress: &mut Progress,
) -> Result<ChannelPlan<'c>, CliError> {
    let twilio = Twilio::new(config)?;
    let account = twilio.checked_account().await.map_err(|error| twilio::failed("return the account", &error))?;
    progress.done("Twilio accepts the account's credentials");
    let mut advice = Vec::new();
    if account.kind.as_deref() == Some("Trial") {
        advice.push("It is a trial account: Twilio sends to verified numbers only.".to_owned());
    }
    let sender = twilio.sender().await.map_err(|error| twilio::failed("return the sender", &error))?;
    let sets = match sender {
        SenderSetup::Webhooks(webhooks) if twilio.problem(&webhooks).is_none() => {
            progress.done(format!("{} already sends customers' messages to this stack", webhooks.name()));
            None
        }
        SenderSetup::Webhooks(webhooks) => {
            let elsewhere = webhooks.elsewhere(&config.webhook_url());
            let so_far = elsewhere.map(|place| format!(" (so far: {place})")).unwrap_or_default();
            let question = format!(
                "What customers write to {} will be sent to this stack{so_far}. Set that now?",
                webhooks.name()
            );
            prompt::agrees(&question, yes)?.then_some(webhooks).or_else(|| {
                advice.push(twilio::instructions(config));
                None
            })
        }
        SenderSetup::ByHand | SenderSetup::OneWay => {
            advice.push(twilio::instructions(config));
            None
        }
    };
    Ok(ChannelPlan::Twilio { twilio, sets, advice })
}

impl ChannelPlan<'_> {
    /// Sets the webhooks. Returns what is left to do.
    pub(super) async fn connect(self, progress: &mut Progress) -> Result<Vec<String>, CliError> {
        match self {
            Self::Telegram { telegram, bot } => {
                telegram.connect().await?;
                progress.done(format!("Telegram sends what customers write to {} to this stack", display_name(&bot)));
                Ok(bot.username.map(|name| format!("Write to the bot: https://t.me/{name}")).into_iter().collect())
            }
            Self::Twilio { sets: None, advice, .. } => Ok(advice),
            Self::Twilio { twilio, sets: Some(webhooks), mut advice } => {
                let connected = twilio.connect(&webhooks).await;
                let problem = connected.map_err(|error| twilio::failed("set the webhooks", &error))?;
                progress.done(format!("Twilio sends what customers write to {} to this stack", webhooks.name()));
                advice.extend(problem.map(|problem| format!("Change that in Twilio's console: {}.", problem.observed)));
                Ok(advice)
            }
        }
    }
}
