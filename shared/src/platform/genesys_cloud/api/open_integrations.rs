//! The open messaging integrations of an organization, with the URL and the secret of their webhooks. Only the command uses
//! these calls.
//!
//! Source: <https://developer.genesys.cloud/commdigital/digital/openmessaging/>. The role of the OAuth client needs the
//! permission that is documented at each call.

use super::{Call, Client};
use crate::platform::ApiError;
use crate::platform::genesys_cloud::config::Config;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use url::Url;

const PATH: [&str; 6] = ["api", "v2", "conversations", "messaging", "integrations", "open"];

const PAGE_SIZE: usize = 100;
const MAXIMUM_PAGES: usize = 50;

/// Minimum length of a signature secret token.
const MINIMUM_SECRET: usize = 16;

/// An open messaging integration: some fields of `OpenIntegration`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OpenIntegration {
    pub id: String,
    pub name: String,
    pub outbound_notification_webhook_url: Option<String>,
    /// The secret of its webhooks, or a placeholder for it.
    pub outbound_notification_webhook_signature_secret_token: Option<SecretString>,
    pub create_status: Option<CreateStatus>,
}

impl OpenIntegration {
    /// The secret of its webhooks, unless the platform returns only a placeholder such as asterisks.
    #[must_use]
    pub fn readable_secret(&self) -> Option<&SecretString> {
        let is_real = |text: &str| {
            text.len() >= MINIMUM_SECRET
                && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_+/=".contains(letter))
        };
        let token = self.outbound_notification_webhook_signature_secret_token.as_ref();
        token.filter(|secret| is_real(secret.expose_secret()))
    }
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

/// The settings of an integration to create or update.
#[derive(Debug, Clone, Copy)]
pub struct OpenIntegrationSettings<'s> {
    pub name: &'s str,
    pub webhook_url: &'s Url,
    pub webhook_secret: &'s SecretString,
}

/// `OpenIntegrationRequest`, and `OpenIntegrationUpdateRequest`, in which absent fields are not changed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'r> {
    name: &'r str,
    outbound_notification_webhook_url: &'r str,
    outbound_notification_webhook_signature_secret_token: &'r str,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Page {
    entities: Vec<OpenIntegration>,
    page_count: Option<usize>,
}

impl<'s> From<&OpenIntegrationSettings<'s>> for Request<'s> {
    fn from(settings: &OpenIntegrationSettings<'s>) -> Self {
        Self {
            name: settings.name,
            outbound_notification_webhook_url: settings.webhook_url.as_str(),
            outbound_notification_webhook_signature_secret_token: settings.webhook_secret.expose_secret(),
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

    /// All integrations with exactly this name. Permission `messaging:integration:view`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn open_integrations_named(
        &self,
        config: &Config,
        name: &str,
        deadline: Instant,
    ) -> Result<Vec<OpenIntegration>, ApiError> {
        let (mut found, size) = (Vec::new(), PAGE_SIZE.to_string());
        for number in 1..=MAXIMUM_PAGES {
            let number_text = number.to_string();
            let query = [("pageSize", size.as_str()), ("pageNumber", number_text.as_str())];
            let page: Page = self.call(config, &Call::get(&PATH).with_query(&query), deadline).await?;
            let is_last = match page.page_count {
                Some(count) => number >= count,
                None => page.entities.len() < PAGE_SIZE,
            };
            found.extend(page.entities.into_iter().filter(|one| one.name == name));
            if is_last {
                return Ok(found);
            }
        }
        Err(ApiError::NotSent("the organization has too many integrations to search"))
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
        match self.call(config, &Call::get(&path_of(id)), deadline).await {
            Ok(found) => Ok(Some(found)),
            Err(ApiError::Refused(error)) if error.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
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
    fn the_debug_output_of_an_integration_contains_no_secret() {
        let json = r#"{"id": "i", "outboundNotificationWebhookSignatureSecretToken": "hidden"}"#;
        let one: OpenIntegration = serde_json::from_str(json).unwrap();
        assert!(!format!("{one:?}").contains("hidden"));
    }
}
