//! The side of a channel's provider.

use super::super::document::Document;
use super::target::RotationTarget;
use super::{Rotate, RotationRun};
use crate::api::channel::telegram::{self, Telegram, display_name};
use crate::api::channel::twilio::{self, Twilio};
use crate::error::CliError;
use shared::channel::ChannelConfig;
use shared::channel::telegram::config::Config;
use shared::channel::telegram::setup::SetupError;
use shared::channel::twilio::setup::SetupError as TwilioError;
use shared::integration::Integration;

impl Rotate {
    /// Every API key at Twilio has its own secret.
    pub(super) fn check_api_key_sid(&self) -> Result<(), CliError> {
        match (self.secret == RotationTarget::ChannelApiKey, self.api_key_sid.is_some()) {
            (true, false) => {
                Err(CliError::Usage("--api-key-sid is missing: every API key has its own secret".to_owned()))
            }
            (false, true) => Err(CliError::Usage("--api-key-sid is for --secret channel-api-key only".to_owned())),
            _ => Ok(()),
        }
    }

    pub(super) fn set_api_key_sid(&self, document: &mut Document) {
        if let Some(sid) = &self.api_key_sid {
            document.set("/channel/apiKeySid", sid.as_str().into());
        }
    }
}

impl RotationRun<'_> {
    /// Tests what the provider can test before anything is written.
    pub(super) async fn check_channel(&mut self, integration: &Integration) -> Result<(), CliError> {
        if self.rotate.no_platform {
            return Ok(());
        }
        match (&self.rotate.secret, integration.destination.channel()) {
            (RotationTarget::BotToken, Some(ChannelConfig::Telegram(config))) => {
                self.check_same_bot(integration).await?;
                let bot = Telegram::new(config)?.identity().await;
                let bot = bot.map_err(|error| telegram::failed("return the bot of the token", &error))?;
                self.progress.done(format!("Telegram accepts the new token of {}", display_name(&bot)));
            }
            // The other secret may be invalid by now.
            (RotationTarget::AuthToken, Some(ChannelConfig::Twilio(config))) => {
                let account = Twilio::new(config)?.account().await;
                account.map_err(|error| twilio::failed("return the account", &error))?;
                self.progress.done("Twilio accepts the new Auth Token");
            }
            (RotationTarget::ChannelApiKey, Some(ChannelConfig::Twilio(config))) => {
                let accepted = Twilio::new(config)?.check_api_key().await;
                accepted.map_err(|error| twilio::failed("accept the API key", &error))?;
                self.progress.done("Twilio accepts the new API key");
            }
            _ => {}
        }
        Ok(())
    }

    /// Another bot cannot write to the customers of this one.
    async fn check_same_bot(&self, integration: &Integration) -> Result<(), CliError> {
        let stored = self.stored.document.to_integration(&self.rotate.name)?;
        match (stored.destination.channel(), integration.destination.channel()) {
            (Some(ChannelConfig::Telegram(old)), Some(ChannelConfig::Telegram(new)))
                if old.bot().id() != new.bot().id() =>
            {
                let stored = match Telegram::new(old)?.identity().await {
                    Ok(_) => ", which Telegram accepts",
                    Err(SetupError::Token(_)) => ", which Telegram does not accept",
                    Err(_) => "",
                };
                Err(CliError::Failed(format!(
                    "the new token is the bot {}'s, and the stored one the bot {}'s{stored}. A bot cannot write to the customers \
                     of another one. If the stored token is wrong, or another bot is meant: `patchbay integration add {} \
                     --replace --bot-token-file FILE`",
                    new.bot().id(),
                    old.bot().id(),
                    self.rotate.name
                )))
            }
            _ => Ok(()),
        }
    }

    /// A revoked token takes the webhook with it, so that it is set again at once.
    pub(super) async fn connect_bot(&mut self, integration: &Integration) -> Result<(), CliError> {
        match (&self.rotate.secret, self.telegram(integration)) {
            (RotationTarget::BotToken, Some(config)) => self.set_webhook(config).await,
            _ => Ok(()),
        }
    }

    /// Makes Telegram send the new secret with its updates.
    pub(super) async fn update_channel(&mut self, integration: &Integration) -> Result<(), CliError> {
        match (&self.rotate.secret, self.telegram(integration)) {
            (RotationTarget::ChannelWebhook, Some(config)) => self.set_webhook(config).await,
            _ => Ok(()),
        }
    }

    async fn set_webhook(&mut self, config: &Config) -> Result<(), CliError> {
        let telegram = Telegram::new(config)?;
        self.require_own_webhook(&telegram, true).await?;
        telegram.connect().await?;
        self.progress.done(match self.rotate.secret {
            RotationTarget::BotToken => "Telegram sends updates to this stack",
            _ => "Telegram sends the new secret with its updates",
        });
        Ok(())
    }

    /// Requires that the updates that have the new secret come here.
    pub(super) async fn check_channel_sender(&self, integration: &Integration) -> Result<(), CliError> {
        match (&self.rotate.secret, self.telegram(integration)) {
            (RotationTarget::ChannelWebhook, Some(config)) => {
                self.require_own_webhook(&Telegram::new(config)?, false).await
            }
            (RotationTarget::AuthToken, _) if !self.rotate.no_platform => self.require_promoted_token().await,
            _ => Ok(()),
        }
    }

    /// Requires that Twilio has ended the old Auth Token. Until the new one is promoted, it signs with the old one.
    async fn require_promoted_token(&self) -> Result<(), CliError> {
        let mut document = self.stored.document.clone();
        let old: Vec<_> = self.rotate.secret.secrets(&document).into_iter().skip(1).collect();
        document.set("/channel/authTokens", old.into());
        let integration = document.to_integration(&self.rotate.name)?;
        let Some(ChannelConfig::Twilio(config)) = integration.destination.channel() else { return Ok(()) };
        match Twilio::new(config)?.account().await {
            Err(TwilioError::AuthToken) => Ok(()),
            Ok(_) => Err(CliError::Failed(
                "Twilio still accepts the old Auth Token, and signs with it until you promote the new one to the primary one in \
                 its console"
                    .to_owned(),
            )),
            Err(error) => Err(twilio::failed("return the account", &error)),
        }
    }

    async fn require_own_webhook(&self, telegram: &Telegram<'_>, may_be_unset: bool) -> Result<(), CliError> {
        let webhook = telegram.webhook().await.map_err(|error| telegram::failed("return the webhook", &error))?;
        match telegram.is_own(&webhook) || (may_be_unset && webhook.url.is_none()) {
            true => Ok(()),
            false => Err(CliError::Failed(format!(
                "the bot's updates are not sent to this stack: `patchbay integration add {}` changes that, and \
                 --no-platform skips Telegram",
                self.rotate.name
            ))),
        }
    }

    fn telegram<'i>(&self, integration: &'i Integration) -> Option<&'i Config> {
        match integration.destination.channel() {
            Some(ChannelConfig::Telegram(config)) if !self.rotate.no_platform => Some(config),
            _ => None,
        }
    }
}
