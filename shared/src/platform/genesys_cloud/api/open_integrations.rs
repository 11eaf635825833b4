//! The open messaging integrations of an organization, with the URL and the secret of their webhooks. Only the command uses
//! these calls.
//!
//! Source: <https://developer.genesys.cloud/commdigital/digital/openmessaging/>. The role of the OAuth client needs the
//! permission that is documented at each call.

use super::{Call, Client, MessagingSetting, SupportedContent};
use crate::platform::ApiError;
use crate::platform::genesys_cloud::config::Config;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokio::time::Instant;
use url::Url;

const PATH: [&str; 6] = ["api", "v2", "conversations", "messaging", "integrations", "open"];

/// Minimum length of a signature secret token.
const MIN_SECRET: usize = 16;

/// An open messaging integration: some fields of `OpenIntegration`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OpenIntegration {
    pub id: String,
    pub name: String,
    pub outbound_notification_webhook_url: Option<String>,
    /// The secret of its webhooks, or a placeholder for it.
    pub outbound_notification_webhook_signature_secret_token: Option<SecretString>,
    /// Headers that it sends with each webhook; their values may be secrets.
    pub webhook_headers: Option<BTreeMap<String, SecretString>>,
    pub messaging_setting: Option<MessagingSetting>,
    pub supported_content: Option<SupportedContent>,
    pub create_status: Option<CreateStatus>,
}

impl OpenIntegration {
    /// The secret of its webhooks, unless the platform returns only a placeholder such as asterisks.
    #[must_use]
    pub fn readable_secret(&self) -> Option<&SecretString> {
        self.outbound_notification_webhook_signature_secret_token.as_ref().filter(|secret| is_readable(secret))
    }

    /// The value of a header that it sends with its webhooks, unless the platform returns only a placeholder.
    #[must_use]
    pub fn readable_header(&self, name: &str) -> Option<&SecretString> {
        let mut headers = self.webhook_headers.iter().flatten();
        let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value).filter(|value| is_readable(value))
    }
}

fn is_readable(secret: &SecretString) -> bool {
    let text = secret.expose_secret();
    let may_be_part = |letter: char| letter.is_ascii_alphanumeric() || "-_+/=".contains(letter);
    text.len() >= MIN_SECRET && text.chars().all(may_be_part)
}

/// Whether the value of a header is a placeholder, such as asterisks, in place of the real one.
#[must_use]
pub fn is_masked(value: &SecretString) -> bool {
    let text = value.expose_secret();
    text.is_empty() || text.contains("***") || text.contains('•')
}

/// The status of an integration, which the platform creates asynchronously.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum CreateStatus {
    Initiated,
    Completed,
    Error,
    #[serde(other)]
    Other,
}

/// The settings of an integration to create or update. Whether the platform keeps a field that an update leaves out is
/// not documented: an update needs all that were found.
#[derive(Debug, Clone)]
pub struct OpenIntegrationSettings<'s> {
    pub name: &'s str,
    pub webhook_url: &'s Url,
    pub webhook_secret: &'s SecretString,
    pub webhook_headers: BTreeMap<String, SecretString>,
    /// The id of the messaging setting.
    pub messaging_setting: Option<&'s str>,
    /// The id of the supported content profile.
    pub supported_content: Option<&'s str>,
}

/// `OpenIntegrationRequest` and `OpenIntegrationUpdateRequest`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'r> {
    name: &'r str,
    outbound_notification_webhook_url: &'r str,
    outbound_notification_webhook_signature_secret_token: &'r str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    webhook_headers: BTreeMap<&'r str, &'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messaging_setting: Option<Reference<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supported_content: Option<Reference<'r>>,
}

#[derive(Serialize)]
struct Reference<'r> {
    id: &'r str,
}

impl<'s> From<&'s OpenIntegrationSettings<'_>> for Request<'s> {
    fn from(settings: &'s OpenIntegrationSettings<'_>) -> Self {
        let headers = settings.webhook_headers.iter();
        Self {
            name: settings.name,
            outbound_notification_webhook_url: settings.webhook_url.as_str(),
            outbound_notification_webhook_signature_secret_token: settings.webhook_secret.expose_secret(),
            webhook_headers: headers.map(|(name, value)| (name.as_str(), value.expose_secret())).collect(),
            messaging_setting: settings.messaging_setting.map(|id| Reference { id }),
            supported_content: settings.supported_content.map(|id| Reference { id }),
        }
    }
}

impl Client {
    /// Checks the client's credentials by fetching a token, unless there is a valid one.
    ///
    /// # Errors
    /// [`ApiError::Credentials`] if the platform rejects them; see [`ApiError`].
    pub async fn check_credentials(&self, config: &Config, deadline: Instant) -> Result<(), ApiError> {
        self.token(config, None, deadline).await.map(drop)
    }

    /// All integrations. Permission `messaging:integration:view`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn open_integrations(
        &self,
        config: &Config,
        deadline: Instant,
    ) -> Result<Vec<OpenIntegration>, ApiError> {
        self.list(config, &PATH, deadline).await
    }

    /// The integration with this id, if there is one. Permission `messaging:integration:view`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn open_integration(
        &self,
        config: &Config,
        id: &str,
        deadline: Instant,
    ) -> Result<Option<OpenIntegration>, ApiError> {
        self.entity(config, &Call::get(&path_of(id)), deadline).await
    }

    /// Creates an integration. It is not retried if the platform may have created it. Permission
    /// `messaging:integration:add`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn create_open_integration(
        &self,
        config: &Config,
        settings: &OpenIntegrationSettings<'_>,
        deadline: Instant,
    ) -> Result<OpenIntegration, ApiError> {
        let created: OpenIntegration =
            self.call(config, &Call::post(&PATH, &Request::from(settings))?, deadline).await?;
        match created.id.as_str() {
            "" => Err(ApiError::OutcomeUnknown { cause: "the response cannot be read", error: None }),
            _ => Ok(created),
        }
    }

    /// Updates an integration. Permission `messaging:integration:edit`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn update_open_integration(
        &self,
        config: &Config,
        id: &str,
        settings: &OpenIntegrationSettings<'_>,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        let path = path_of(id);
        let call = Call::patch(&path, &Request::from(settings))?;
        self.call::<OpenIntegration>(config, &call, deadline).await.map(drop)
    }

    /// Deletes an integration, if it exists. Permission `messaging:integration:delete`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn delete_open_integration(&self, config: &Config, id: &str, deadline: Instant) -> Result<(), ApiError> {
        match self.call::<()>(config, &Call::delete(&path_of(id)), deadline).await {
            Err(ApiError::Refused(error)) if error.status == 404 => Ok(()),
            result => result,
        }
    }
}

fn path_of(id: &str) -> [&str; 7] {
    let [api, version, conversations, messaging, integrations, open] = PATH;
    [api, version, conversations, messaging, integrations, open, id]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integration_is_read_even_if_most_fields_are_missing() {
        let lean: OpenIntegration = serde_json::from_str(r#"{"id": "i", "name": "n"}"#).unwrap();
        assert_eq!(("i", "n", None), (lean.id.as_str(), lean.name.as_str(), lean.create_status));
        for (word, status) in [("Initiated", CreateStatus::Initiated), ("Surprise", CreateStatus::Other)] {
            let one: OpenIntegration = serde_json::from_str(&format!(r#"{{"createStatus": "{word}"}}"#)).unwrap();
            assert_eq!(Some(status), one.create_status);
        }
    }

    #[test]
    fn a_placeholder_for_a_secret_is_not_a_secret() {
        let shown = |text: &str| {
            let json = serde_json::json!({"outboundNotificationWebhookSignatureSecretToken": text});
            let one: OpenIntegration = serde_json::from_value(json).unwrap();
            one.readable_secret().is_some()
        };
        assert!(shown("0123456789abcdef") && shown("c2VjcmV0LXNlY3JldA+/=="));
        for placeholder in ["", "hidden", "****************", "••••••••••••••••"] {
            assert!(!shown(placeholder), "{placeholder}");
        }
    }

    #[test]
    fn asterisks_and_dots_stand_for_a_value() {
        for placeholder in ["", "****", "ab******", "••••"] {
            assert!(is_masked(&placeholder.into()), "{placeholder}");
        }
        for value in ["gateway-key", "0123456789abcdef", "*"] {
            assert!(!is_masked(&value.into()), "{value}");
        }
    }

    #[test]
    fn a_header_is_found_in_any_case_unless_its_value_is_a_placeholder() {
        let json = r#"{"webhookHeaders": {"X-Barrier": "0123456789abcdef", "X-Other": "****************"}}"#;
        let one: OpenIntegration = serde_json::from_str(json).unwrap();
        let header = |name: &str| one.readable_header(name).map(|value| value.expose_secret().to_owned());
        assert_eq!(Some("0123456789abcdef"), header("x-barrier").as_deref());
        assert_eq!((None, None), (header("x-other"), header("x-third")));
        assert!(!format!("{one:?}").contains("0123456789abcdef"));
    }

    #[test]
    fn the_debug_output_of_an_integration_contains_no_secret() {
        let json = r#"{"id": "i", "outboundNotificationWebhookSignatureSecretToken": "hidden"}"#;
        let one: OpenIntegration = serde_json::from_str(json).unwrap();
        assert!(!format!("{one:?}").contains("hidden"));
    }
}
