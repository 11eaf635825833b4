//! A Telegram bot and its webhook.

use crate::api::platform_http;
use crate::error::CliError;
use shared::channel::telegram::config::Config;
use shared::channel::telegram::setup::{
    BotIdentity, SetupError, WebhookInfo, delete_webhook, get_me, set_webhook, webhook_info,
};
use shared::http_client::HttpClient;
use std::time::Duration;

/// Telegram allows one change in a second. A longer wait is the operator's.
const MAX_WAIT: u64 = 5;

pub(crate) struct Telegram<'c> {
    http: HttpClient,
    config: &'c Config,
}

impl<'c> Telegram<'c> {
    pub(crate) fn new(config: &'c Config) -> Result<Self, CliError> {
        Ok(Self { http: platform_http()?, config })
    }

    /// Checks the token.
    pub(crate) async fn identity(&self) -> Result<BotIdentity, SetupError> {
        get_me(&self.http, self.config.bot()).await
    }

    pub(crate) async fn webhook(&self) -> Result<WebhookInfo, SetupError> {
        webhook_info(&self.http, self.config.bot()).await
    }

    pub(crate) fn is_own(&self, webhook: &WebhookInfo) -> bool {
        webhook.url.as_deref() == Some(self.config.webhook_url())
    }

    /// Makes Telegram send the updates here, with the current secret, and reads that back.
    pub(crate) async fn connect(&self) -> Result<(), CliError> {
        match self.set_webhook().await {
            Err(SetupError::RateLimited { seconds }) if seconds.unwrap_or(1) <= MAX_WAIT => {
                tokio::time::sleep(Duration::from_secs(seconds.unwrap_or(1))).await;
                self.set_webhook().await
            }
            other => other,
        }
        .map_err(|error| failed("set the webhook", &error))?;
        let webhook = self.webhook().await.map_err(|error| failed("return the webhook", &error))?;
        match self.is_own(&webhook) {
            true => Ok(()),
            false => Err(CliError::Failed(
                "Telegram has another webhook than the one that was just set: another program sets it, too".to_owned(),
            )),
        }
    }

    async fn set_webhook(&self) -> Result<(), SetupError> {
        match self.config.webhook_secret() {
            Some(secret) => set_webhook(&self.http, self.config.bot(), self.config.webhook_url(), secret).await,
            None => Ok(()),
        }
    }

    pub(crate) async fn disconnect(&self) -> Result<(), CliError> {
        let deleted = delete_webhook(&self.http, self.config.bot()).await;
        deleted.map_err(|error| failed("delete the webhook", &error))
    }
}

pub(crate) fn failed(what: &str, error: &SetupError) -> CliError {
    let hint = match error {
        SetupError::Token(_) => "; BotFather shows it: `/mybots`, the bot, API Token",
        _ => "",
    };
    CliError::Failed(format!("Telegram did not {what}: {error}{hint}"))
}

/// The bot as people know it.
pub(crate) fn display_name(bot: &BotIdentity) -> String {
    bot.username.as_ref().map_or_else(|| format!("the bot {}", bot.id), |username| format!("@{username}"))
}
