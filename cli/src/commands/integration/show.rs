//! `patchbay integration show`.

use super::mask;
use super::secret_store::SecretStore;
use crate::aws::completion;
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::help::examples;
use crate::ui::output::{Output, key_values};
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use shared::integration::Integration;
use shared::json::fields::FieldError;
use shared::model::integration_name::IntegrationName;
use shared::platform::PlatformConfig;
use shared::platform::highlevel::config::Credentials;
use url::Url;

#[derive(Debug, Args)]
#[command(after_help = examples(&[
    "patchbay integration show acme",
    "patchbay integration show acme --show-secrets",
]))]
pub(crate) struct Show {
    /// Name of the integration
    #[arg(add = completion::integrations())]
    name: IntegrationName,
    /// Also show the secrets
    #[arg(long)]
    show_secrets: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IntegrationView {
    name: IntegrationName,
    webhook_url: Url,
    /// What a channel's provider calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_url: Option<String>,
    secret: String,
    changed: Option<Timestamp>,
    faults: Vec<FieldError>,
    /// Of an integration whose tokens expire and were issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization: Option<AuthorizationView>,
    configuration: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizationView {
    secret: String,
    authorized_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    withdrawn_at: Option<Timestamp>,
}

pub(super) async fn run(show: Show, stack: &Stack, output: Output) -> Result<(), CliError> {
    let secrets = SecretStore::open(stack).await?;
    let stored = secrets.require(&show.name).await?;
    let parsed = Integration::parse(show.name.clone(), &stored.document.to_text());
    let authorization = match &parsed {
        Ok(integration) if has_app(integration) => authorization(&secrets, &show.name).await?,
        _ => None,
    };
    let faults = parsed.err().unwrap_or_default();
    let configuration = match show.show_secrets {
        true => stored.document.value().clone(),
        false => mask::masked(stored.document.value()),
    };
    let view = IntegrationView {
        webhook_url: stack.route_url(&format!("{}/webhook", show.name)).await?,
        channel_url: stored.document.channel_url(&show.name),
        secret: secrets.id(show.name.as_str()),
        changed: stored.changed,
        name: show.name,
        faults,
        authorization,
        configuration,
    };
    output.result(&view, human);
    Ok(())
}

fn has_app(integration: &Integration) -> bool {
    match &integration.platform {
        PlatformConfig::HighLevel(config) => matches!(config.credentials, Credentials::App(_)),
        _ => false,
    }
}

async fn authorization(
    secrets: &SecretStore<'_>,
    name: &IntegrationName,
) -> Result<Option<AuthorizationView>, CliError> {
    let secret = secrets.authorization(name);
    let found = secret.read().await?;
    Ok(found.map(|found| AuthorizationView {
        secret: secret.id,
        authorized_at: found.authorized_at(),
        expires_at: found.expires_at(),
        withdrawn_at: found.withdrawn_at(),
    }))
}

fn human(view: &IntegrationView) -> String {
    let changed = view.changed.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let mut lines = vec![("name", view.name.to_string()), ("webhook URL", view.webhook_url.to_string())];
    lines.extend(view.channel_url.iter().map(|url| ("channel URL", url.clone())));
    lines.extend([("secret", view.secret.clone()), ("last changed", changed)]);
    if let Some(authorization) = &view.authorization {
        let time = |time: Option<Timestamp>| time.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let authorized = match authorization.withdrawn_at {
            Some(at) => ("withdrawn", at.to_string()),
            None => ("authorized", time(authorization.authorized_at)),
        };
        lines.extend([
            ("tokens", authorization.secret.clone()),
            authorized,
            ("access token expires", time(authorization.expires_at)),
        ]);
    }
    lines.extend(view.faults.iter().map(|fault| ("FAULT", fault.to_string())));
    format!("{}\n\n{}", key_values(lines), key_values(mask::lines(&view.configuration)))
}
