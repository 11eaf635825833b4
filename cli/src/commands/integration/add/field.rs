//! A field of a configuration that an option sets, and which integrations have it.

use super::super::document::Document;
use super::super::secret_input::environment;
use super::destination::DestinationKind;
use super::required_fields::platform;
use crate::error::CliError;
use serde_json::Value;
use shared::channel::ChannelName;
use shared::platform::PlatformName;
use std::path::Path;

/// The integrations that have a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope {
    All,
    Platforms(&'static [PlatformName]),
    MessagingService,
    Channels(&'static [ChannelName]),
}

pub(super) const IN_GENESYS_CLOUD: Scope = Scope::Platforms(&[PlatformName::GenesysCloud]);

impl Scope {
    /// Why the option does not apply to the document's integration, as far as the document says what that is.
    pub(super) fn refusal(self, option: &str, document: &Document) -> Option<String> {
        let (platform, destination) = (platform(document), DestinationKind::of(document));
        let (applied_to, belongs_to) = match (self, platform, destination) {
            (Self::Platforms(platforms), Some(platform), _) if !platforms.contains(&platform) => {
                let names: Vec<_> = platforms.iter().map(|platform| platform.as_str()).collect();
                (platform.as_str().to_owned(), names.join(" and "))
            }
            (Self::MessagingService, _, Some(found @ DestinationKind::Channel(_))) => {
                (found.to_string(), DestinationKind::MessagingService.to_string())
            }
            (Self::Channels(channels), _, Some(found)) if !is_one_of(channels, found) => {
                let names: Vec<_> = channels.iter().map(|channel| channel.as_str()).collect();
                let channel = if names.len() == 1 { "the channel" } else { "the channels" };
                (found.to_string(), format!("{channel} {}", names.join(" and ")))
            }
            _ => return None,
        };
        Some(format!("{option} does not apply to {applied_to}: it is for {belongs_to}"))
    }

    fn includes(self, document: &Document) -> bool {
        match (self, platform(document), DestinationKind::of(document)) {
            (Self::All, ..) => true,
            (Self::Platforms(platforms), platform, _) => platform.is_some_and(|platform| platforms.contains(&platform)),
            (Self::MessagingService, _, destination) => {
                !matches!(destination, Some(DestinationKind::Channel(_))) && document.get("/channel").is_none()
            }
            (Self::Channels(channels), _, destination) => destination.is_some_and(|found| is_one_of(channels, found)),
        }
    }
}

fn is_one_of(channels: &[ChannelName], destination: DestinationKind) -> bool {
    matches!(destination, DestinationKind::Channel(channel) if channels.contains(&channel))
}

pub(super) struct PublicField {
    pub(super) pointer: &'static str,
    pub(super) option: &'static str,
    pub(super) scope: Scope,
    pub(super) value: Value,
}

pub(super) struct SecretField<'f> {
    pub(super) pointer: &'static str,
    pub(super) file: Option<&'f Path>,
    /// As in its environment variable.
    pub(super) name: &'static str,
    pub(super) scope: Scope,
}

impl SecretField<'_> {
    fn variable(&self) -> String {
        format!("PATCHBAY_{}", self.name)
    }

    pub(super) fn option(&self) -> String {
        format!("--{}-file", self.name.to_ascii_lowercase().replace('_', "-"))
    }

    /// Sets the secret from the environment, if the document's integration has it and the document lacks it. Returns what
    /// to say about a variable that is not used.
    pub(super) fn apply_environment(&self, document: &mut Document) -> Result<Option<String>, CliError> {
        if self.file.is_some() || !self.belongs_to(document) {
            return Ok(None);
        }
        let Some(value) = environment(&self.variable())? else { return Ok(None) };
        Ok(match document.get(self.pointer) {
            None => {
                self.apply(document, value);
                None
            }
            Some(current) if is_in(current, &value) => None,
            Some(_) => Some(format!(
                "{} is not used: the integration has another secret, which {} replaces",
                self.variable(),
                self.option()
            )),
        })
    }

    /// Whether the document's integration has it. HighLevel has a token or an app's client, Twilio needs no API key.
    fn belongs_to(&self, document: &Document) -> bool {
        let has_client = document.get("/clientId").is_some();
        match (self.pointer, document.text("/platform")) {
            ("/clientSecret", Some("highlevel")) => has_client,
            ("/token", Some("highlevel")) => !has_client,
            ("/channel/apiKeySecret", _) => document.get("/channel/apiKeySid").is_some(),
            _ => self.scope.includes(document),
        }
    }

    pub(super) fn apply(&self, document: &mut Document, secret: String) {
        let is_list = self.pointer.ends_with('s');
        document.set(self.pointer, if is_list { vec![secret].into() } else { secret.into() });
    }
}

/// Whether `current`, a document's value, has this secret.
fn is_in(current: &Value, secret: &str) -> bool {
    current == secret || current.as_array().is_some_and(|secrets| secrets.iter().any(|one| one == secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(scope: Scope, document: &str) -> Option<String> {
        scope.refusal("--x", &Document::parse(document).unwrap())
    }

    #[test]
    fn an_option_is_refused_for_integrations_that_lack_its_field() {
        let (delivery, telegram) = (r#"{"delivery": {}}"#, r#"{"channel": {"kind": "telegram"}}"#);
        let twilio = Scope::Channels(&[ChannelName::Twilio]);
        let any_channel = Scope::Channels(&ChannelName::ALL);
        for (scope, document, expected) in [
            (IN_GENESYS_CLOUD, r#"{"platform": "highlevel"}"#, "highlevel: it is for genesys-cloud"),
            (Scope::MessagingService, telegram, "the channel telegram: it is for a messaging service"),
            (twilio, telegram, "the channel telegram: it is for the channel twilio"),
            (twilio, delivery, "a messaging service: it is for the channel twilio"),
            (any_channel, delivery, "a messaging service: it is for the channels twilio and telegram"),
        ] {
            assert_eq!(Some(format!("--x does not apply to {expected}")), refusal(scope, document));
        }
        for (scope, document) in
            [(Scope::All, telegram), (any_channel, telegram), (Scope::MessagingService, delivery), (twilio, "{}")]
        {
            assert_eq!(None, refusal(scope, document), "{scope:?}");
        }
    }

    #[test]
    fn a_secret_belongs_to_one_kind_of_integration() {
        let belongs = |pointer, scope, document: &str| {
            let field = SecretField { pointer, file: None, name: "X", scope };
            field.belongs_to(&Document::parse(document).unwrap())
        };
        let twilio = Scope::Channels(&[ChannelName::Twilio]);
        let (with_key, without) =
            (r#"{"channel": {"kind": "twilio", "apiKeySid": "SK"}}"#, r#"{"channel": {"kind": "twilio"}}"#);
        assert!(belongs("/channel/apiKeySecret", twilio, with_key));
        assert!(!belongs("/channel/apiKeySecret", twilio, without));
        assert!(belongs("/channel/authTokens", twilio, without));
        assert!(!belongs("/delivery/signingSecrets", Scope::MessagingService, without));
        assert!(belongs("/delivery/signingSecrets", Scope::MessagingService, "{}"));
    }
}
