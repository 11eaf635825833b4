//! Where an open messaging integration sends its webhooks, and how they are signed.

use crate::api::webhook_url::{WebhookTarget, webhook_target};
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::prompt;
use secrecy::{ExposeSecret, SecretString};
use shared::model::integration_name::IntegrationName;
use shared::platform::genesys_cloud::api::OpenIntegration;
use shared::platform::genesys_cloud::config::WebhookHeader;
use url::Url;

/// Asks for confirmation to change an integration whose webhooks are sent elsewhere.
pub(crate) async fn confirm_takeover(
    found: &OpenIntegration,
    stack: &Stack,
    name: &IntegrationName,
    yes: bool,
) -> Result<(), CliError> {
    match webhook_target(stack, name, found.outbound_notification_webhook_url.as_deref()).await {
        WebhookTarget::ThisStack | WebhookTarget::Unknown => Ok(()),
        WebhookTarget::OtherStack(_) | WebhookTarget::Other => prompt::confirm(
            &format!(
                "The webhooks of Genesys Cloud's open messaging integration `{}` are sent elsewhere, and will be sent \
                  to this stack instead.",
                found.name
            ),
            yes,
        ),
    }
}

/// Requires that an integration's webhooks are sent to this stack; `otherwise` says how to leave it unchanged.
pub(crate) async fn require_own_webhooks(
    found: &OpenIntegration,
    stack: &Stack,
    name: &IntegrationName,
    otherwise: &str,
) -> Result<(), CliError> {
    let (what, instead) = match webhook_target(stack, name, found.outbound_notification_webhook_url.as_deref()).await {
        WebhookTarget::ThisStack | WebhookTarget::Unknown => return Ok(()),
        WebhookTarget::OtherStack(url) => (
            format!("are sent to another API ({})", url.origin().ascii_serialization()),
            "if that is a custom domain of this one, pass it as --api-url; ",
        ),
        WebhookTarget::Other => ("are sent elsewhere".to_owned(), ""),
    };
    Err(CliError::Failed(format!(
        "the webhooks of Genesys Cloud's open messaging integration `{}` {what}: {instead}`patchbay integration add \
         {name}` redirects them to this stack, and {otherwise}",
        found.name
    )))
}

/// The current webhook URL of an integration, or else our route.
pub(crate) fn preserved_url(found: &OpenIntegration, route: Url) -> Url {
    let url = found.outbound_notification_webhook_url.as_deref();
    url.and_then(|url| url.parse().ok()).unwrap_or(route)
}

/// Whether webhooks are signed with another secret than this one, as far as the platform reveals that.
pub(crate) fn uses_other_secret(found: &OpenIntegration, secret: &SecretString) -> bool {
    found.readable_secret().is_some_and(|current| current.expose_secret() != secret.expose_secret())
}

/// Whether webhooks have another value of our header than this one, as far as the platform reveals that.
pub(crate) fn sends_other_header(found: &OpenIntegration, header: &WebhookHeader) -> bool {
    let sent = found.readable_header(header.name.as_str());
    let current = header.secrets.first();
    sent.is_some_and(|sent| current.is_some_and(|current| sent.expose_secret() != current.expose_secret()))
}
