//! What to do after a step of a rotation.

use super::Rotate;
use super::target::{RotationMode, RotationTarget};
use jiff::Timestamp;
use std::time::Duration;

impl Rotate {
    /// This command for the same secret, with `option`.
    pub(super) fn command(&self, option: &str) -> String {
        let (name, secret) = (&self.name, &self.secret);
        let command = format!("patchbay integration rotate {name} --secret {secret} {option}");
        format!("`{}`", command.trim_end())
    }

    /// The next step after `--no-wait`.
    pub(super) fn not_yet(&self, effective_at: Timestamp) -> String {
        let resume = self.command("");
        match self.secret.mode() {
            RotationMode::Replace(_) => format!(
                "Functions use the old secret until {effective_at}: do not revoke it yet. {resume}, with the same new \
                 secret, waits until then."
            ),
            RotationMode::Overlapping(_) | RotationMode::DuplicateEntry => format!(
                "Functions use the configuration without the new secret until {effective_at}: change nothing on the \
                 other side yet. {resume} continues."
            ),
        }
    }

    /// What is sealed with a channel's secret, and ends with it.
    fn sealed(&self) -> Option<&'static str> {
        match &self.secret {
            RotationTarget::ChannelWebhook => Some(
                "links to customers' files and offered options from before the rotation, which are valid for seven days",
            ),
            RotationTarget::AuthToken => Some(
                "links to customers' files and offered options from before the rotation, which are valid for seven days, and \
                 the statuses of messages sent before it",
            ),
            _ => None,
        }
    }

    /// After `--finish`.
    pub(super) fn finished(&self, propagation: Duration) -> String {
        let seconds = propagation.as_secs();
        let sealed = self.sealed().map(|sealed| format!(" That invalidates {sealed}.")).unwrap_or_default();
        format!("The old secret is dropped. Within {seconds} s no function accepts or uses it any longer.{sealed}")
    }

    /// The next step once every function uses the new secret.
    pub(super) fn next(&self) -> String {
        let name = &self.name;
        let show = format!("`patchbay integration show {name} --show-secrets` shows it");
        let sealed = self.sealed().map(|sealed| format!(". Better after seven days: that also invalidates {sealed}."));
        let finish = format!("{}{}", self.command("--finish"), sealed.unwrap_or_default());
        match &self.secret {
            RotationTarget::Webhook if self.no_platform => format!(
                "Webhooks signed with either secret are accepted. Set the new signature secret token in Genesys \
                 Cloud's integration ({show}). Once no webhook is signed with the old one, drop it: {finish}"
            ),
            RotationTarget::WebhookHeader if self.no_platform => format!(
                "Webhooks with either secret in the header are accepted. Set the new one in Genesys Cloud's integration \
                 ({show}). Once no webhook has the old one, drop it: {finish}"
            ),
            RotationTarget::WebhookHeader => format!(
                "Webhooks with either secret in the header are accepted. Once none has the old one, drop it: {finish}"
            ),
            RotationTarget::Webhook => {
                format!(
                    "Webhooks signed with either secret are accepted. Once none is signed with the old one, drop it: \
                     {finish}"
                )
            }
            RotationTarget::App => format!(
                "Webhooks signed with either secret are accepted. Calls are signed with the new one, and with the old \
                  one if the platform refuses that. Make the platform use the new one; once it no longer uses the old \
                  one, drop that: {finish}"
            ),
            RotationTarget::Signing => format!(
                "Deliveries are signed with both secrets. Give the messaging service the new one ({show}), then drop \
                 the old one: {finish}"
            ),
            RotationTarget::Caller(_) => format!(
                "The caller may use either. Give it the new one ({show}). Once it no longer uses the old one, drop \
                 that: {finish}"
            ),
            RotationTarget::ChannelWebhook if self.no_platform => format!(
                "Updates with either secret are accepted. Make Telegram use the new one: `patchbay integration add {name}`. \
                 Once no update has the old one, drop it: {finish}"
            ),
            RotationTarget::ChannelWebhook => {
                format!("Updates with either secret are accepted. Once none has the old one, drop it: {finish}")
            }
            RotationTarget::AuthToken => format!(
                "Webhooks signed with either token are accepted. Promote the new one to the primary Auth Token in Twilio's \
                 console. Once no webhook is signed with the old one, drop it: {finish}"
            ),
            RotationTarget::BotToken => "Every function uses the new token.".to_owned(),
            RotationTarget::ChannelApiKey => {
                "Every function uses the new key. An old key with another SID can be deleted in Twilio's console."
                    .to_owned()
            }
            RotationTarget::Client => {
                "Every function uses the new secret: the old one can be revoked on the platform.".to_owned()
            }
            RotationTarget::Token | RotationTarget::ApiKey => {
                "Every function uses the new secret: the old one can be revoked on the \
                platform. The new one was not tested: the platform has no call without side effects."
                    .to_owned()
            }
        }
    }
}
