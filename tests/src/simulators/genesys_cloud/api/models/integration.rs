//! Models of Open Messaging integrations.

use super::fields::{Text, WebAddress};
use super::{Invalid, Model};
use axum::http::{HeaderName, HeaderValue};
use serde::Deserialize;
use std::collections::HashMap;
use std::str::FromStr;

/// The minimum length of a signature secret token.
const SECRET_CHARACTERS: usize = 16;

/// `OpenIntegrationRequest`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct OpenIntegrationRequest {
    id: Option<Text>,
    name: Text,
    supported_content: Option<Reference>,
    messaging_setting: Option<Reference>,
    outbound_notification_webhook_url: WebAddress,
    outbound_notification_webhook_signature_secret_token: Text,
    webhook_headers: Option<HashMap<String, String>>,
    self_uri: Option<String>,
}

/// `OpenIntegrationUpdateRequest`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct OpenIntegrationUpdate {
    id: Option<Text>,
    name: Text,
    supported_content: Option<Reference>,
    messaging_setting: Option<Reference>,
    outbound_notification_webhook_url: Option<WebAddress>,
    outbound_notification_webhook_signature_secret_token: Option<Text>,
    webhook_headers: Option<HashMap<String, String>>,
    self_uri: Option<String>,
}

/// `SupportedContentReference` and `MessagingSettingRequestReference`, as far as they can be sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Reference {
    id: Text,
    name: Option<Text>,
    self_uri: Option<String>,
}

impl Model for OpenIntegrationRequest {
    fn check(&self) -> Result<(), Invalid> {
        check_headers(self.webhook_headers.as_ref())?;
        check_secret(Some(&self.outbound_notification_webhook_signature_secret_token))
    }
}

impl Model for OpenIntegrationUpdate {
    fn check(&self) -> Result<(), Invalid> {
        check_headers(self.webhook_headers.as_ref())?;
        check_secret(self.outbound_notification_webhook_signature_secret_token.as_ref())
    }
}

fn check_headers(headers: Option<&HashMap<String, String>>) -> Result<(), Invalid> {
    let valid =
        |(name, value): (&String, &String)| HeaderName::from_str(name).is_ok() && HeaderValue::from_str(value).is_ok();
    match headers.into_iter().flatten().all(valid) {
        true => Ok(()),
        false => Err(Invalid::new("webhookHeaders", "must be valid headers")),
    }
}

fn check_secret(secret: Option<&Text>) -> Result<(), Invalid> {
    match secret {
        Some(secret) if secret.chars().count() < SECRET_CHARACTERS => {
            Err(Invalid::new("outboundNotificationWebhookSignatureSecretToken", "is too short"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::edges::{accepts, refuses};
    use super::*;
    use serde_json::json;

    #[test]
    fn a_new_integration_needs_a_name_a_webhook_and_a_secret() {
        let example = json!({
            "name": "Acme",
            "outboundNotificationWebhookUrl": "https://example.com/integrations/acme/webhook",
            "outboundNotificationWebhookSignatureSecretToken": "0123456789abcdef",
        });
        accepts::<OpenIntegrationRequest>(&example);
        accepts::<OpenIntegrationUpdate>(&example);
        accepts::<OpenIntegrationUpdate>(&json!({"name": "Acme"}));
        accepts::<OpenIntegrationUpdate>(&json!({"name": "Acme", "supportedContent": {"id": "s", "name": "Files"}}));
        for field in ["name", "outboundNotificationWebhookUrl", "outboundNotificationWebhookSignatureSecretToken"] {
            refuses::<OpenIntegrationRequest>(&example, &format!("/{field}"), None);
        }
        let secret = "/outboundNotificationWebhookSignatureSecretToken";
        refuses::<OpenIntegrationRequest>(&example, secret, Some("0123456789abcde".into()));
        refuses::<OpenIntegrationUpdate>(&example, secret, Some("0123456789abcde".into()));
        refuses::<OpenIntegrationUpdate>(&example, "/name", None);
        refuses::<OpenIntegrationUpdate>(&example, "/webhookHeaders", Some(json!({"X-A": "a\r\nX-B: b"})));
        refuses::<OpenIntegrationUpdate>(&example, "/webhookUrl", Some("https://example.com".into()));
    }
}
