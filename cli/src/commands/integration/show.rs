//! `patchbay integration show`.

use super::mask;
use super::secrets::Secrets;
use crate::failure::Failure;
use crate::output::{Output, pairs};
use crate::stack::Stack;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use shared::integration::Integration;
use shared::json::fields::FieldError;
use shared::model::integration_name::IntegrationName;
use url::Url;

/// Shows one.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The integration
    name: IntegrationName,
    /// Show the secrets, too
    #[arg(long)]
    show_secrets: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    name: IntegrationName,
    webhook_url: Url,
    secret: String,
    changed: Option<Timestamp>,
    faults: Vec<FieldError>,
    configuration: Value,
}

pub(super) async fn run(show: Show, stack: &Stack, output: Output) -> Result<(), Failure> {
    let secrets = Secrets::of(stack).await?;
    let stored = secrets.stored(&show.name).await?;
    let faults = Integration::parse(show.name.clone(), &stored.document.to_text()).err().unwrap_or_default();
    let configuration = match show.show_secrets {
        true => stored.document.value().clone(),
        false => mask::masked(stored.document.value()),
    };
    let shown = Shown {
        webhook_url: stack.route(&format!("{}/webhook", show.name)).await?,
        secret: secrets.id(show.name.as_str()),
        changed: stored.changed,
        name: show.name,
        faults,
        configuration,
    };
    output.result(&shown, human);
    Ok(())
}

fn human(shown: &Shown) -> String {
    let changed = shown.changed.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let mut lines = vec![
        ("name", shown.name.to_string()),
        ("webhook URL", shown.webhook_url.to_string()),
        ("secret", shown.secret.clone()),
        ("last changed", changed),
    ];
    lines.extend(shown.faults.iter().map(|fault| ("FAULT", fault.to_string())));
    format!("{}\n\n{}", pairs(lines), pairs(mask::lines(&shown.configuration)))
}
