//! The configuration of a Telegram channel.

use super::bot::{Bot, BotToken, InvalidBotToken, is_base64url};
use super::part::Part;
use super::{render, update};
use crate::channel::address::{ChannelAddress, base_url};
use crate::channel::event::ChannelEvent;
use crate::channel::message::{ChannelMessage, Unsupported};
use crate::channel::provider::{Acknowledgement, Provider, ProviderRequest};
use crate::channel::seal::Sealer;
use crate::json::fields::{FieldError, Fields, boolean, list, text};
use crate::model::integration_name::IntegrationName;
use crate::signature::{MatchedSecret, SignatureError, secret_header};
use http::HeaderName;
use secrecy::SecretString;
use serde_json::Value;
use std::ops::RangeInclusive;

pub(super) const SECRET_HEADER: HeaderName = HeaderName::from_static("x-telegram-bot-api-secret-token");
/// Nothing else proves a webhook, so it is as long as a key. Telegram accepts no longer one.
const SECRET_CHARACTERS: RangeInclusive<usize> = 32..=256;

#[derive(Debug)]
pub struct Config {
    pub(in crate::channel) address: ChannelAddress,
    pub(in crate::channel) sealer: Sealer,
    secrets: Vec<SecretString>,
    bot: Bot,
    /// Whether the agent sees that a customer has pressed Start.
    accept_start: bool,
}

impl Config {
    pub(in crate::channel) fn read(
        integration: &IntegrationName,
        address: Option<ChannelAddress>,
        fields: &mut Fields<'_>,
    ) -> Option<Self> {
        let token = fields.required("botToken", bot_token);
        let secrets = fields.required("webhookSecrets", list(webhook_secret));
        let accept_start = fields.optional("acceptStart", boolean);
        let api_base_url = fields.optional("apiBaseUrl", base_url);
        let secrets = secrets?;
        Some(Self {
            address: address?,
            sealer: Sealer::new(&secrets, integration),
            secrets,
            bot: Bot::new(token?, api_base_url),
            accept_start: accept_start.unwrap_or(false),
        })
    }

    #[must_use]
    pub fn bot(&self) -> &Bot {
        &self.bot
    }

    /// What Telegram sends with its updates from now on.
    #[must_use]
    pub fn webhook_secret(&self) -> Option<&SecretString> {
        self.secrets.first()
    }
}

fn bot_token(value: Value) -> Result<BotToken, String> {
    text(value)?.parse().map_err(|error: InvalidBotToken| error.to_string())
}

fn webhook_secret(value: Value) -> Result<SecretString, String> {
    let secret = text(value)?;
    if SECRET_CHARACTERS.contains(&secret.len()) && secret.bytes().all(is_base64url) {
        return Ok(secret.into());
    }
    let (minimum, maximum) = (SECRET_CHARACTERS.start(), SECRET_CHARACTERS.end());
    Err(format!("must have {minimum} to {maximum} letters, digits, `_` and `-`"))
}

impl Provider for Config {
    type Part = Part;

    const ACKNOWLEDGEMENT: Acknowledgement = Acknowledgement { content_type: "application/json", body: "{}" };
    const REACHES_PHONES: bool = false;
    const NUMBERS_OPTIONS: bool = false;
    const REPORTS_STATUS: bool = false;
    const SHOWS_TYPING: bool = true;
    const WAITS_FOR_ACCEPTANCE: bool = true;

    fn verify(&self, request: &ProviderRequest<'_>) -> Result<MatchedSecret, SignatureError> {
        secret_header::verify(request.headers, &SECRET_HEADER, &self.secrets)
    }

    /// Never an error: Telegram repeats a refused update for a day, and sends the chat's next ones only after it.
    fn parse(&self, request: &ProviderRequest<'_>) -> Result<Vec<ChannelEvent>, FieldError> {
        let event = match request.path {
            "" => update::event(request.body, self.bot.id(), self.accept_start),
            _ => ChannelEvent::Ignored("unknown path"),
        };
        Ok(vec![event])
    }

    fn render(&self, message: &ChannelMessage<'_>) -> Result<Vec<Part>, Unsupported> {
        render::render(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::fields;
    use http::{HeaderMap, HeaderValue};
    use serde_json::json;

    const CURRENT: &str = "hidden-current-webhook-secret-012";
    const PREVIOUS: &str = "hidden_previous_webhook_secret_01";

    fn read(document: Value) -> Result<Config, Vec<String>> {
        let integration = "acme".parse().unwrap();
        let address = ChannelAddress::new(&"https://api.example.com".parse().unwrap(), &integration);
        let read = |fields: &mut Fields<'_>| Config::read(&integration, Some(address), fields);
        fields::read_configuration(document, read).map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    fn document(change: Value) -> Value {
        let mut document = json!({"botToken": "7100001:hidden", "webhookSecrets": [CURRENT, PREVIOUS]});
        document.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        document
    }

    fn config() -> Config {
        read(document(json!({}))).unwrap()
    }

    #[test]
    fn all_errors_are_reported_by_name_and_without_values() {
        let wrong = json!({
            "botToken": "hidden", "webhookSecrets": ["hidden"], "acceptStart": "hidden",
            "apiBaseUrl": "http://api.example.com/hidden", "colour": "hidden",
        });
        let errors = read(wrong).unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|error| error.split(' ').next().unwrap()).collect();
        assert_eq!(vec!["/botToken", "/webhookSecrets", "/acceptStart", "/apiBaseUrl", "/colour"], pointers);
        assert!(!errors.concat().contains("hidden"), "{errors:?}");
        assert_eq!(2, read(json!({})).unwrap_err().iter().filter(|error| error.ends_with(" is required")).count());
    }

    #[test]
    fn a_secret_has_32_to_256_characters_of_telegrams_alphabet() {
        for (secret, good) in [
            ("a".repeat(31), false),
            ("a".repeat(32), true),
            ("a".repeat(256), true),
            ("a".repeat(257), false),
            (format!("AZaz09_-{}", "a".repeat(24)), true),
            (format!("+{}", "a".repeat(32)), false),
            (format!("ä{}", "a".repeat(32)), false),
        ] {
            assert_eq!(good, read(document(json!({"webhookSecrets": [secret]}))).is_ok(), "{secret}");
        }
        assert!(read(document(json!({"webhookSecrets": []}))).is_err());
    }

    #[test]
    fn a_base_url_may_be_a_server_of_ones_own_and_has_no_query() {
        for (url, good) in [("https://e.com/tg", true), ("http://127.0.0.1:1", true), ("https://e.com/?a=b", false)] {
            assert_eq!(good, read(document(json!({"apiBaseUrl": url}))).is_ok(), "{url}");
        }
    }

    #[test]
    fn debug_output_contains_no_secret() {
        let shown = format!("{:?}", config());
        assert!(!shown.contains("hidden"), "{shown}");
    }

    #[test]
    fn a_request_is_verified_by_any_of_the_secrets_and_one_without_is_refused() {
        let verify = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(&SECRET_HEADER, HeaderValue::from_static(value));
            }
            config().verify(&ProviderRequest { headers: &headers, path: "", query: None, body: b"{}" })
        };
        assert_eq!(Ok(MatchedSecret::Current), verify(&[CURRENT]));
        assert_eq!(Ok(MatchedSecret::Previous), verify(&[PREVIOUS]));
        assert_eq!(Err(SignatureError::WrongSecretHeader), verify(&["hidden"]));
        assert!(matches!(verify(&[]), Err(SignatureError::MissingHeader(_))));
        assert!(matches!(verify(&[CURRENT, CURRENT]), Err(SignatureError::DuplicateHeader(_))));
    }

    #[test]
    fn a_trial_is_genuine_and_ignored() {
        let trial = config().trial_request();
        let headers = trial.headers.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect();
        let request = ProviderRequest { headers: &headers, path: "", query: None, body: trial.body.as_bytes() };
        assert_eq!(Ok(MatchedSecret::Current), config().verify(&request));
        assert!(matches!(config().parse(&request).as_deref(), Ok([ChannelEvent::Ignored(_)])));
    }

    #[test]
    fn only_the_channels_own_address_takes_updates_and_nothing_is_refused() {
        for (path, body, expected) in [("/status/x", "{}", "unknown path"), ("", "x", "unreadable update")] {
            let headers = HeaderMap::new();
            let request = ProviderRequest { headers: &headers, path, query: None, body: body.as_bytes() };
            assert_eq!(Ok(vec![ChannelEvent::Ignored(expected)]), config().parse(&request));
        }
    }
}
