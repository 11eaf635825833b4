//! `patchbay integration show`.

use super::mask;
use super::secret_store::SecretStore;
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::output::{Output, key_values};
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use shared::integration::Integration;
use shared::json::fields::FieldError;
use shared::model::integration_name::IntegrationName;
use url::Url;

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Name of the integration
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
    secret: String,
    changed: Option<Timestamp>,
    faults: Vec<FieldError>,
    configuration: Value,
}

pub(super) async fn run(show: Show, stack: &Stack, output: Output) -> Result<(), CliError> {
    let secrets = SecretStore::open(stack).await?;
    let stored = secrets.require(&show.name).await?;
    let faults = Integration::parse(show.name.clone(), &stored.document.to_text()).err().unwrap_or_default();
    let configuration = match show.show_secrets {
        true => stored.document.value().clone(),
        false => mask::masked(stored.document.value()),
    };
    let view = IntegrationView {
        webhook_url: stack.route_url(&format!("{}/webhook", show.name)).await?,
        secret: secrets.id(show.name.as_str()),
        changed: stored.changed,
        name: show.name,
        faults,
        configuration,
    };
    output.result(&view, human);
    Ok(())
}

fn human(view: &IntegrationView) -> String {
    let changed = view.changed.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let mut lines = vec![
        ("name", view.name.to_string()),
        ("webhook URL", view.webhook_url.to_string()),
        ("secret", view.secret.clone()),
        ("last changed", changed),
    ];
    lines.extend(view.faults.iter().map(|fault| ("FAULT", fault.to_string())));
    format!("{}\n\n{}", key_values(lines), key_values(mask::lines(&view.configuration)))
}
