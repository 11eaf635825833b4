//! The organisation's open-messaging integrations: where their webhooks go, and what they are signed with. The
//! functions have no use for these calls; who connects an integration has.
//!
//! Source: <https://developer.genesys.cloud/commdigital/digital/openmessaging/>. The role of the OAuth client needs the
//! permission that stands at each call.

use super::{Call, Client};
use crate::platform::ApiError;
use crate::platform::genesys_cloud::config::Config;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use url::Url;

const PATH: [&str; 6] = ["api", "v2", "conversations", "messaging", "integrations", "open"];

/// How many integrations are asked for at once.
const PAGE_SIZE: usize = 100;
/// How many pages are read at the most.
const MAXIMUM_PAGES: usize = 50;

/// A signature secret token has at least so many characters.
const MINIMUM_SECRET: usize = 16;

/// One open-messaging integration: `OpenIntegration`, as far as it matters here.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OpenIntegration {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where its webhooks go.
    pub outbound_notification_webhook_url: Option<String>,
    /// What its webhooks are signed with, where the platform tells.
    pub outbound_notification_webhook_signature_secret_token: Option<SecretString>,
    /// How far it is made; none where the platform does not say.
    pub create_status: Option<CreateStatus>,
}

impl OpenIntegration {
    /// The secret that its webhooks are signed with, where the platform shows it. What it shows in a secret's place, such
    /// as asterisks, is none.
    #[must_use]
    pub fn shown_secret(&self) -> Option<&SecretString> {
        let is_real = |text: &str| {
            text.len() >= MINIMUM_SECRET
                && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_+/=".contains(letter))
        };
        let told = self.outbound_notification_webhook_signature_secret_token.as_ref();
        told.filter(|secret| is_real(secret.expose_secret()))
    }
}

/// How far an integration is made. The platform answers before it has made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum CreateStatus {
    /// It is being made.
    Initiated,
    /// It is there.
    Completed,
    /// It will not be there.
    Error,
    /// A word that was not known when this was written.
    #[serde(other)]
    Other,
}

/// What an integration is to be.
#[derive(Debug, Clone, Copy)]
pub struct OpenIntegrationSettings<'s> {
    /// Its name.
    pub name: &'s str,
    /// Where its webhooks are to go.
    pub webhook_url: &'s Url,
    /// What they are to be signed with.
    pub webhook_secret: &'s SecretString,
}

/// `OpenIntegrationRequest`, and `OpenIntegrationUpdateRequest`: whatever is left out stays as it is.
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
    /// Fetches a token, unless there is a good one: whether the platform takes the client's credentials.
    ///
    /// # Errors
    /// [`ApiError::Credentials`] if it does not; see [`ApiError`].
    pub async fn check_credentials(&self, config: &Config, deadline: Instant) -> Result<(), ApiError> {
        self.token(config, None, deadline).await.map(drop)
    }

    /// All integrations of that very name. Permission `messaging:integration:view`.
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
        Err(ApiError::NotSent("the organisation has more integrations than can be looked through"))
    }

    /// The integration with that id, if there is one. Permission `messaging:integration:view`.
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

    /// Makes an integration. It is not repeated where the platform may have made it. Permission
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
        let made: OpenIntegration = self.call(config, &Call::post(&PATH, &Request::from(settings))?, deadline).await?;
        match made.id.as_str() {
            "" => Err(ApiError::OutcomeUnknown { cause: "the answer cannot be read", error: None }),
            _ => Ok(made),
        }
    }

    /// Changes an integration. Permission `messaging:integration:edit`.
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

    /// Ends an integration; one that is not there is none to end. Permission `messaging:integration:delete`.
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
    fn an_integration_is_read_however_little_the_platform_says_of_it() {
        let lean: OpenIntegration = serde_json::from_str(r#"{"id": "i", "name": "n"}"#).unwrap();
        assert_eq!(("i", "n", None), (lean.id.as_str(), lean.name.as_str(), lean.create_status));
        for (word, status) in [("Initiated", CreateStatus::Initiated), ("Surprise", CreateStatus::Other)] {
            let one: OpenIntegration = serde_json::from_str(&format!(r#"{{"createStatus": "{word}"}}"#)).unwrap();
            assert_eq!(Some(status), one.create_status);
        }
    }

    #[test]
    fn what_stands_in_a_secrets_place_is_no_secret() {
        let shown = |text: &str| {
            let json = serde_json::json!({"outboundNotificationWebhookSignatureSecretToken": text});
            let one: OpenIntegration = serde_json::from_value(json).unwrap();
            one.shown_secret().is_some()
        };
        assert!(shown("0123456789abcdef") && shown("c2VjcmV0LXNlY3JldA+/=="));
        for placeholder in ["", "hidden", "****************", "••••••••••••••••"] {
            assert!(!shown(placeholder), "{placeholder}");
        }
    }

    #[test]
    fn printing_an_integration_shows_no_secret() {
        let json = r#"{"id": "i", "outboundNotificationWebhookSignatureSecretToken": "hidden"}"#;
        let one: OpenIntegration = serde_json::from_str(json).unwrap();
        assert!(!format!("{one:?}").contains("hidden"));
    }
}
