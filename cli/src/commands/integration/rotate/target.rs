//! The secret of an integration to rotate.

use super::super::document::Document;
use crate::error::CliError;
use serde_json::Value;
use shared::channel::ChannelName;
use shared::platform::PlatformName;
use std::fmt;
use std::str::FromStr;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RotationTarget {
    /// Genesys Cloud's signing secret for webhooks.
    Webhook,
    /// The value of the header that Genesys Cloud sends with its webhooks.
    WebhookHeader,
    /// The secret that signs both Multicloud CX's webhooks and the calls to it.
    App,
    /// The signing secret of deliveries.
    Signing,
    /// The credential of the caller with this name.
    Caller(String),
    /// The OAuth client's secret, or the marketplace app's.
    Client,
    /// HighLevel's token.
    Token,
    /// The key for Multicloud CX's API gateway.
    ApiKey,
    /// The secret that Telegram sends with its updates.
    ChannelWebhook,
    /// The Telegram bot's token.
    BotToken,
    /// The Auth Token of the Twilio account, which signs webhooks.
    AuthToken,
    /// The key for Twilio's API.
    ChannelApiKey,
}

/// The secrets that need no name.
pub(super) const WORDS: [&str; 11] = [
    "webhook",
    "webhook-header",
    "signing",
    "client",
    "app",
    "api-key",
    "token",
    "channel-webhook",
    "bot-token",
    "auth-token",
    "channel-api-key",
];

impl FromStr for RotationTarget {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "webhook" => Ok(Self::Webhook),
            "webhook-header" => Ok(Self::WebhookHeader),
            "app" => Ok(Self::App),
            "signing" => Ok(Self::Signing),
            "client" => Ok(Self::Client),
            "token" => Ok(Self::Token),
            "api-key" => Ok(Self::ApiKey),
            "channel-webhook" => Ok(Self::ChannelWebhook),
            "bot-token" => Ok(Self::BotToken),
            "auth-token" => Ok(Self::AuthToken),
            "channel-api-key" => Ok(Self::ChannelApiKey),
            _ => match text.strip_prefix("caller:").filter(|name| !name.is_empty()) {
                Some(name) => Ok(Self::Caller(name.to_owned())),
                None => Err(
                    "must be webhook, webhook-header, signing, caller:NAME, client, app, api-key, token, channel-webhook, \
                     bot-token, auth-token or channel-api-key",
                ),
            },
        }
    }
}

impl fmt::Display for RotationTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook => formatter.write_str("webhook"),
            Self::WebhookHeader => formatter.write_str("webhook-header"),
            Self::App => formatter.write_str("app"),
            Self::Signing => formatter.write_str("signing"),
            Self::Caller(name) => write!(formatter, "caller:{name}"),
            Self::Client => formatter.write_str("client"),
            Self::Token => formatter.write_str("token"),
            Self::ApiKey => formatter.write_str("api-key"),
            Self::ChannelWebhook => formatter.write_str("channel-webhook"),
            Self::BotToken => formatter.write_str("bot-token"),
            Self::AuthToken => formatter.write_str("auth-token"),
            Self::ChannelApiKey => formatter.write_str("channel-api-key"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RotationMode {
    /// Old and new secret are both in the list at this pointer for a while.
    Overlapping(&'static str),
    /// The caller is listed twice for a while, with the old and the new credential.
    DuplicateEntry,
    /// The new secret replaces the old one at this pointer.
    Replace(&'static str),
}

impl RotationTarget {
    pub(super) fn mode(&self) -> RotationMode {
        match self {
            Self::Webhook => RotationMode::Overlapping("/webhookSecrets"),
            Self::WebhookHeader => RotationMode::Overlapping("/webhookHeader/secrets"),
            Self::App => RotationMode::Overlapping("/appSecrets"),
            Self::Signing => RotationMode::Overlapping("/delivery/signingSecrets"),
            Self::Caller(_) => RotationMode::DuplicateEntry,
            Self::Client => RotationMode::Replace("/clientSecret"),
            Self::Token => RotationMode::Replace("/token"),
            Self::ApiKey => RotationMode::Replace("/apiKey"),
            Self::ChannelWebhook => RotationMode::Overlapping("/channel/webhookSecrets"),
            Self::BotToken => RotationMode::Replace("/channel/botToken"),
            Self::AuthToken => RotationMode::Overlapping("/channel/authTokens"),
            Self::ChannelApiKey => RotationMode::Replace("/channel/apiKeySecret"),
        }
    }

    /// The environment variable with the new secret.
    pub(super) fn variable(&self) -> &'static str {
        match self {
            Self::Webhook => "PATCHBAY_WEBHOOK_SECRET",
            Self::WebhookHeader => "PATCHBAY_WEBHOOK_HEADER_SECRET",
            Self::App => "PATCHBAY_APP_SECRET",
            Self::Signing => "PATCHBAY_SIGNING_SECRET",
            Self::Caller(_) => "PATCHBAY_CALLER_SECRET",
            Self::Client => "PATCHBAY_CLIENT_SECRET",
            Self::Token => "PATCHBAY_TOKEN",
            Self::ApiKey => "PATCHBAY_API_KEY",
            Self::ChannelWebhook => "PATCHBAY_CHANNEL_WEBHOOK_SECRET",
            Self::BotToken => "PATCHBAY_BOT_TOKEN",
            Self::AuthToken => "PATCHBAY_AUTH_TOKEN",
            Self::ChannelApiKey => "PATCHBAY_API_KEY_SECRET",
        }
    }

    /// Whether the platform or the channel's provider issues it, so that it cannot be generated here.
    pub(super) fn is_issued(&self) -> bool {
        match self {
            Self::Webhook | Self::WebhookHeader | Self::Signing | Self::Caller(_) | Self::ChannelWebhook => false,
            Self::App | Self::Client | Self::Token | Self::ApiKey => true,
            Self::BotToken | Self::AuthToken | Self::ChannelApiKey => true,
        }
    }

    /// Whether an integration may lack it, and gets one by a rotation.
    pub(super) fn is_optional(&self) -> bool {
        matches!(self, Self::ApiKey | Self::ChannelApiKey)
    }

    /// Whether a channel's provider proves requests by it.
    pub(super) fn proves_channel_requests(&self) -> bool {
        matches!(self, Self::ChannelWebhook | Self::AuthToken)
    }

    /// Requires that the integration's platform, or its destination, has such a secret.
    pub(super) fn check_integration(
        &self,
        platform: PlatformName,
        channel: Option<ChannelName>,
    ) -> Result<(), CliError> {
        let has_one = match self {
            Self::Caller(_) => true,
            Self::Client => matches!(platform, PlatformName::GenesysCloud | PlatformName::HighLevel),
            Self::Webhook | Self::WebhookHeader => platform == PlatformName::GenesysCloud,
            Self::App | Self::ApiKey => platform == PlatformName::MulticloudCx,
            Self::Token => platform == PlatformName::HighLevel,
            Self::Signing => channel.is_none(),
            Self::ChannelWebhook | Self::BotToken => channel == Some(ChannelName::Telegram),
            Self::AuthToken | Self::ChannelApiKey => channel == Some(ChannelName::Twilio),
        };
        let destination = channel
            .map_or_else(|| "a messaging service".to_owned(), |channel| format!("the channel {}", channel.as_str()));
        match has_one {
            true => Ok(()),
            false => Err(CliError::Usage(format!(
                "an integration of the platform {} with {destination} has no such secret",
                platform.as_str()
            ))),
        }
    }

    /// The valid secrets, the current one first.
    pub(super) fn secrets(&self, document: &Document) -> Vec<Value> {
        match self.mode() {
            RotationMode::Overlapping(pointer) => document.list(pointer).to_vec(),
            RotationMode::Replace(pointer) => document.get(pointer).cloned().into_iter().collect(),
            RotationMode::DuplicateEntry => {
                self.entries(document).filter_map(|entry| credential(entry).cloned()).collect()
            }
        }
    }

    fn entries<'d>(&'d self, document: &'d Document) -> impl Iterator<Item = &'d Value> {
        document.list("/callers").iter().filter(|entry| self.matches_caller(entry))
    }

    fn matches_caller(&self, entry: &Value) -> bool {
        matches!(self, Self::Caller(name) if entry.get("name").and_then(Value::as_str) == Some(name))
    }

    pub(super) fn uses_bearer_token(&self, document: &Document) -> bool {
        self.entries(document).next().is_some_and(|entry| entry.get("bearerToken").is_some())
    }

    /// The document with the new secret before the old one, or in its place.
    pub(super) fn with_new_secret(&self, document: &Document, new: String) -> Document {
        let mut changed = document.clone();
        match self.mode() {
            RotationMode::Replace(pointer) => changed.set(pointer, new.into()),
            RotationMode::Overlapping(pointer) => {
                let secrets: Vec<_> = [new.into()].into_iter().chain(document.list(pointer).iter().cloned()).collect();
                changed.set(pointer, secrets.into());
            }
            RotationMode::DuplicateEntry => {
                let mut callers = document.list("/callers").to_vec();
                if let Some(index) = callers.iter().position(|entry| self.matches_caller(entry))
                    && let Some(mut entry) = callers.get(index).cloned()
                {
                    let field = if entry.get("bearerToken").is_some() { "bearerToken" } else { "signingSecret" };
                    if let Some(members) = entry.as_object_mut() {
                        members.insert(field.to_owned(), new.into());
                    }
                    callers.insert(index, entry);
                }
                changed.set("/callers", callers.into());
            }
        }
        changed
    }

    pub(super) fn without_old_secret(&self, document: &Document) -> Document {
        let mut changed = document.clone();
        match self.mode() {
            RotationMode::Replace(_) => {}
            RotationMode::Overlapping(pointer) => {
                let current: Vec<_> = document.list(pointer).iter().take(1).cloned().collect();
                changed.set(pointer, current.into());
            }
            RotationMode::DuplicateEntry => {
                let mut kept = false;
                let keep = |entry: &&Value| !self.matches_caller(entry) || !std::mem::replace(&mut kept, true);
                let callers: Vec<_> = document.list("/callers").iter().filter(keep).cloned().collect();
                changed.set("/callers", callers.into());
            }
        }
        changed
    }
}

fn credential(entry: &Value) -> Option<&Value> {
    entry.get("signingSecret").or(entry.get("bearerToken"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Document {
        Document::parse(
            r#"{"webhookSecrets": ["old"], "webhookHeader": {"name": "x-a", "secrets": ["old"]}, "clientSecret": "old", "callers": [
                {"name": "crm", "signingSecret": "a"}, {"name": "flows", "bearerToken": "old"}]}"#,
        )
        .unwrap()
    }

    #[test]
    fn the_new_secret_precedes_the_old_one_until_that_is_dropped() {
        for (target, pointer) in
            [("webhook", "/webhookSecrets"), ("webhook-header", "/webhookHeader/secrets"), ("caller:flows", "/callers")]
        {
            let (target, before): (RotationTarget, _) = (target.parse().unwrap(), document());
            let both = target.with_new_secret(&before, "new".to_owned());
            assert_eq!(vec![json!("new"), json!("old")], target.secrets(&both));
            let after = target.without_old_secret(&both);
            assert_eq!(vec![json!("new")], target.secrets(&after));
            assert_eq!(vec![pointer], before.differences(&after));
            assert!(target.without_old_secret(&after) == after);
        }
    }

    #[test]
    fn other_callers_keep_their_credentials() {
        let target: RotationTarget = "caller:flows".parse().unwrap();
        let both = target.with_new_secret(&document(), "new".to_owned());
        assert_eq!(
            json!([
                {"name": "crm", "signingSecret": "a"},
                {"name": "flows", "bearerToken": "new"},
                {"name": "flows", "bearerToken": "old"},
            ]),
            *both.get("/callers").unwrap()
        );
        assert!(target.uses_bearer_token(&both));
    }

    #[test]
    fn a_secret_that_cannot_overlap_is_replaced() {
        let changed = RotationTarget::Client.with_new_secret(&document(), "new".to_owned());
        assert_eq!(Some("new"), changed.text("/clientSecret"));
        assert_eq!(vec![json!("new")], RotationTarget::Client.secrets(&changed));
    }

    #[test]
    fn only_secrets_that_the_integration_has_can_be_rotated() {
        use ChannelName::{Telegram, Twilio};
        use PlatformName::{GenesysCloud, HighLevel, MulticloudCx};
        let has = |secret: &str, platform, channel| {
            secret.parse::<RotationTarget>().unwrap().check_integration(platform, channel).is_ok()
        };
        for (secret, platform, channel, expected) in [
            ("webhook", GenesysCloud, None, true),
            ("webhook", GenesysCloud, Some(Telegram), true),
            ("webhook", HighLevel, None, false),
            ("client", HighLevel, None, true),
            ("signing", MulticloudCx, None, true),
            ("signing", MulticloudCx, Some(Twilio), false),
            ("channel-webhook", GenesysCloud, Some(Telegram), true),
            ("channel-webhook", GenesysCloud, Some(Twilio), false),
            ("channel-webhook", GenesysCloud, None, false),
            ("bot-token", MulticloudCx, Some(Telegram), true),
            ("auth-token", HighLevel, Some(Twilio), true),
            ("channel-api-key", HighLevel, Some(Telegram), false),
        ] {
            assert_eq!(expected, has(secret, platform, channel), "{secret}");
        }
        assert!("caller:".parse::<RotationTarget>().is_err() && "hidden".parse::<RotationTarget>().is_err());
    }

    #[test]
    fn every_secret_is_named_as_it_is_shown() {
        for word in WORDS {
            assert_eq!(word, word.parse::<RotationTarget>().unwrap().to_string());
        }
    }
}
