//! The configuration of HighLevel integrations.

use super::message_type::{DEFAULT_FORWARDED, MessageType};
use crate::http_client::OutboundUrl;
use crate::json::fields::{Fields, integer_in, list, secret, text};
use crate::model::integration_name::IntegrationName;
use crate::platform::config_fields::{base_url, header_text};
use crate::signature::highlevel::{InvalidKey, TrustedKey};
use jiff::SignedDuration;
use secrecy::SecretString;
use serde_json::Value;
use std::ops::RangeInclusive;

const API_BASE_URL: &str = "https://services.leadconnectorhq.com";

/// The newest versions that were tried.
const API_VERSION: &str = "2021-04-15";
const CONTACTS_API_VERSION: &str = "2021-07-28";

/// The allowed values of `maximumAgeSeconds`. The platform retries an event for up to 30 days.
const MAX_AGE_SECONDS: RangeInclusive<u64> = 1..=31 * 24 * 3600;

/// The connection to one location (a sub-account) of HighLevel.
#[derive(Debug)]
pub struct Config {
    pub location_id: String,
    /// If set, events of other apps are rejected.
    pub app_id: Option<String>,
    pub credentials: Credentials,
    /// The public keys that webhooks are verified with.
    pub trusted_keys: Vec<TrustedKey>,
    /// The types of the reported messages that are delivered.
    pub forward_message_types: Vec<MessageType>,
    /// Older events are rejected.
    pub maximum_age: Option<SignedDuration>,
    /// The conversation provider for customers' messages.
    pub conversation_provider_id: Option<String>,
    pub api_base_url: OutboundUrl,
    /// The version of the calls about conversations and messages.
    pub api_version: String,
    /// The version of the calls about contacts.
    pub contacts_api_version: String,
}

/// What calls are made with.
#[derive(Debug)]
pub enum Credentials {
    /// A token that an operator makes and rotates.
    Token(SecretString),
    /// An app that a location has authorized: its tokens expire and are renewed.
    App(App),
}

/// The client of a marketplace app.
#[derive(Debug)]
pub struct App {
    pub client_id: String,
    pub client_secret: SecretString,
    /// Under its name the tokens are stored.
    pub integration: IntegrationName,
}

impl App {
    /// The app's id: the client's id up to the hyphen.
    #[must_use]
    pub fn id(&self) -> &str {
        self.client_id.split('-').next().unwrap_or_default()
    }
}

impl Credentials {
    fn read(integration: &IntegrationName, fields: &mut Fields<'_>) -> Option<Self> {
        let (has_token, has_id, has_secret) = (fields.has("token"), fields.has("clientId"), fields.has("clientSecret"));
        if !has_id && !has_secret {
            if !has_token {
                fields.error("token", "is required, unless `clientId` and `clientSecret` are given");
            }
            return fields.optional("token", |value| header_text(value).map(|token| Self::Token(token.into())));
        }
        if has_token {
            fields.optional("token", Ok);
            fields.error("token", "must be absent if `clientId` and `clientSecret` are given");
        }
        let client_id = fields.required("clientId", text);
        let client_secret = fields.required("clientSecret", secret);
        let integration = integration.clone();
        Some(Self::App(App { client_id: client_id?, client_secret: client_secret?, integration }))
    }
}

impl Config {
    pub fn read(integration: &IntegrationName, fields: &mut Fields<'_>) -> Option<Self> {
        let location_id = fields.required("locationId", text);
        let app_id = fields.optional("appId", text);
        let credentials = Credentials::read(integration, fields);
        let trusted_keys = fields.optional("trustedKeys", list(trusted_key));
        fields.optional("acceptLegacySignature", legacy_signature);
        let forward_message_types = fields.optional("forwardMessageTypes", list(forwarded));
        let maximum_age = fields.optional("maximumAgeSeconds", integer_in("seconds", MAX_AGE_SECONDS));
        let conversation_provider_id = fields.optional("conversationProviderId", text);
        let api_base_url = match fields.has("apiBaseUrl") {
            true => fields.optional("apiBaseUrl", base_url),
            false => API_BASE_URL.parse().ok(),
        };
        let api_version = fields.optional("apiVersion", header_text);
        let contacts_api_version = fields.optional("contactsApiVersion", header_text);
        Some(Self {
            location_id: location_id?,
            app_id,
            credentials: credentials?,
            trusted_keys: trusted_keys.unwrap_or_else(TrustedKey::published),
            forward_message_types: forward_message_types.unwrap_or_else(|| DEFAULT_FORWARDED.to_vec()),
            maximum_age: maximum_age.and_then(|seconds| i64::try_from(seconds).ok()).map(SignedDuration::from_secs),
            conversation_provider_id,
            api_base_url: api_base_url?,
            api_version: api_version.unwrap_or_else(|| API_VERSION.to_owned()),
            contacts_api_version: contacts_api_version.unwrap_or_else(|| CONTACTS_API_VERSION.to_owned()),
        })
    }
}

fn trusted_key(value: Value) -> Result<TrustedKey, String> {
    text(value)?.parse().map_err(|error: InvalidKey| error.to_string())
}

/// A field of earlier versions. `false` says what always holds now.
fn legacy_signature(value: Value) -> Result<(), String> {
    match value {
        Value::Bool(false) => Ok(()),
        _ => Err("is not supported: HighLevel no longer sends X-WH-Signature; remove this field".to_owned()),
    }
}

fn forwarded(value: Value) -> Result<MessageType, String> {
    match MessageType::read(&text(value)?) {
        MessageType::InternalComment => Err("is an internal comment, which is never forwarded".to_owned()),
        MessageType::Other(letters) if letters.is_empty() => Err("must have letters".to_owned()),
        message_type => Ok(message_type),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::fields;
    use serde_json::json;

    fn read(document: Value) -> Result<Config, Vec<fields::FieldError>> {
        fields::read_configuration(document, |fields| Config::read(&"acme".parse().unwrap(), fields))
    }

    fn errors(document: Value) -> Vec<String> {
        read(document).map_or_else(|errors| errors.iter().map(ToString::to_string).collect(), |_| Vec::new())
    }

    #[test]
    fn a_location_and_a_token_are_enough() {
        let config = read(json!({"locationId": "l", "token": "t"})).unwrap();
        assert_eq!("https://services.leadconnectorhq.com/", config.api_base_url.url().as_str());
        assert_eq!((17, 1), (config.forward_message_types.len(), config.trusted_keys.len()));
        assert_eq!((None, None), (config.maximum_age, config.app_id));
        assert_eq!(("2021-04-15", "2021-07-28"), (&*config.api_version, &*config.contacts_api_version));
    }

    #[test]
    fn all_errors_are_reported_and_none_quotes_a_value() {
        let found = errors(json!({
            "token": "",
            "appId": 7,
            "trustedKeys": ["hidden"],
            "acceptLegacySignature": "hidden",
            "forwardMessageTypes": ["SMS", "hidden", "internal_comment"],
            "maximumAgeSeconds": 0,
            "conversationProviderId": "",
            "apiBaseUrl": "http://hidden.example.com",
            "apiVersion": "hidden hidden",
            "contactsApiVersion": 20210728,
        }));
        let pointers: Vec<_> = found.iter().map(|error| error.split(' ').next().unwrap()).collect();
        assert_eq!(
            vec![
                "/locationId",
                "/appId",
                "/token",
                "/trustedKeys",
                "/acceptLegacySignature",
                "/forwardMessageTypes",
                "/maximumAgeSeconds",
                "/conversationProviderId",
                "/apiBaseUrl",
                "/apiVersion",
                "/contactsApiVersion",
            ],
            pointers,
            "{found:#?}"
        );
        assert!(!found.concat().contains("hidden"), "{found:#?}");
    }

    #[test]
    fn an_app_has_an_id_and_a_secret_and_no_token() {
        let with = |more: Value| {
            let mut document = json!({"locationId": "l"});
            document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            document
        };
        let config = read(with(json!({"clientId": "66a1-m2x", "clientSecret": "s"}))).unwrap();
        let Credentials::App(app) = config.credentials else { panic!("{:?}", config.credentials) };
        assert_eq!(("66a1", "acme"), (app.id(), app.integration.as_str()));
        for (more, error) in [
            (json!({}), "/token is required, unless `clientId` and `clientSecret` are given"),
            (json!({"clientId": "c"}), "/clientSecret is required"),
            (json!({"clientSecret": "s"}), "/clientId is required"),
            (
                json!({"clientId": "c", "clientSecret": "s", "token": "hidden"}),
                "/token must be absent if `clientId` and `clientSecret` are given",
            ),
        ] {
            assert_eq!(vec![error], errors(with(more)));
        }
    }

    #[test]
    fn a_token_that_is_invalid_in_a_header_is_an_error() {
        for token in ["hidden\n", "hid den", "hiddén", "\u{7f}"] {
            assert_eq!(
                vec!["/token must have visible ASCII characters only"],
                errors(json!({"locationId": "l", "token": token}))
            );
        }
    }

    #[test]
    fn a_configuration_that_wants_the_legacy_signature_says_what_to_do() {
        let found = |value: Value| errors(json!({"locationId": "l", "token": "t", "acceptLegacySignature": value}));
        let error =
            "/acceptLegacySignature is not supported: HighLevel no longer sends X-WH-Signature; remove this field";
        for wanted in [json!(true), json!("true"), json!(null)] {
            assert_eq!(vec![error], found(wanted));
        }
        assert_eq!(Vec::<String>::new(), found(json!(false)));
    }

    #[test]
    fn internal_comments_cannot_be_forwarded_in_any_spelling() {
        for word in [
            "InternalComment",
            "INTERNALCOMMENT",
            "Internal Comment",
            "internal_comment",
            "TYPE_INTERNAL_COMMENT",
            "Internal Comments",
        ] {
            assert_eq!(
                vec!["/forwardMessageTypes element 1 is an internal comment, which is never forwarded"],
                errors(json!({"locationId": "l", "token": "t", "forwardMessageTypes": ["SMS", word]}))
            );
        }
    }
}
