//! `patchbay integration remove` and `restore`.

use super::genesys_cloud::{GenesysCloud, confirm_ours};
use super::secrets::{Found, Secrets, Stored, deleted, unreadable};
use super::steps::Steps;
use crate::ask;
use crate::failure::Failure;
use crate::output::Output;
use crate::stack::Stack;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use shared::integration::Integration;
use shared::model::integration_name::IntegrationName;
use shared::platform::PlatformConfig;

/// End one
///
/// Its secret can be had back until the recovery window is over. Once the functions read it again, within the stack's
/// ConfigurationCacheSeconds, its webhooks and callers are answered 404; its messages wait for three days, and are then given
/// up.
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The integration
    name: IntegrationName,
    /// For how long its secret can be had back
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(i64).range(7..=30))]
    recovery_days: i64,
    /// Delete its secret at once, and for good
    #[arg(long, conflicts_with = "recovery_days")]
    immediately: bool,
    /// End Genesys Cloud's open messaging integration, too
    #[arg(long)]
    platform_too: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Take back that one was removed
///
/// Its secret is as it was. What --platform-too has ended on the platform stays ended, until `patchbay integration add NAME`
/// makes it anew.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The integration
    name: IntegrationName,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Removed {
    integration: IntegrationName,
    /// Until when it can be had back; none if it cannot.
    recoverable_until: Option<Timestamp>,
    steps: Vec<String>,
}

#[derive(Serialize)]
struct Restored {
    integration: IntegrationName,
    next: String,
}

pub(super) async fn run(remove: Remove, stack: &Stack, output: Output) -> Result<(), Failure> {
    let secrets = Secrets::of(stack).await?;
    let name = &remove.name;
    let found = secrets.find(name.as_str()).await?;
    if let Found::Absent = found {
        return Err(Failure::Failed(format!("there is no integration `{name}`")));
    }
    if matches!(found, Found::Deleted) && !remove.immediately {
        return Err(Failure::Failed(format!(
            "the integration `{name}` was removed before; --immediately deletes its secret for good"
        )));
    }
    ask::confirmed_by_name(&format!("The integration `{name}` will be removed."), name.as_str(), remove.yes)?;
    let mut steps = Steps::new(output);
    if remove.platform_too {
        // The credentials for it are in the secret, so this comes first.
        end_on_platform(name, &found, stack, &mut steps).await?;
    }
    let days = (!remove.immediately).then_some(remove.recovery_days);
    let date = match secrets.delete(name, days).await {
        Ok(date) => date,
        Err(failure) => return Err(steps.interrupted(failure)),
    };
    steps.done(match days {
        Some(_) => "its secret is scheduled for deletion",
        None => "its secret is deleted",
    });
    let recoverable_until = date.filter(|_| days.is_some());
    let removed = Removed { integration: remove.name, recoverable_until, steps: steps.list().to_vec() };
    output.result(&removed, human);
    Ok(())
}

async fn end_on_platform(
    name: &IntegrationName,
    found: &Found,
    stack: &Stack,
    steps: &mut Steps,
) -> Result<(), Failure> {
    let document = match found {
        Found::Stored(Stored { document, .. }) => document,
        Found::Deleted => return Err(deleted(name)),
        Found::Absent | Found::Unreadable => return Err(unreadable(name)),
    };
    let Integration { platform: PlatformConfig::GenesysCloud(config), .. } = document.read(name)? else {
        return Err(Failure::Usage("--platform-too is for Genesys Cloud; the others are told by hand".to_owned()));
    };
    let genesys_cloud = GenesysCloud::new(&config)?;
    if let Some(found) = genesys_cloud.with_id(&config.integration_id).await? {
        confirm_ours(&found, stack, name, "without --platform-too it is left alone").await?;
        genesys_cloud.delete(&found).await?;
    }
    steps.done("Genesys Cloud's open messaging integration is gone");
    Ok(())
}

fn human(removed: &Removed) -> String {
    let name = &removed.integration;
    let recovery = match removed.recoverable_until {
        Some(until) => format!("`patchbay integration restore {name}` takes it back until {until}."),
        None => "It cannot be had back.".to_owned(),
    };
    format!(
        "`{name}` is removed. {recovery}\n\nOnce the functions read its secret again, within the stack's \
         ConfigurationCacheSeconds, its webhooks and callers are answered 404. Messages that are on the queue wait three \
         days for it to come back, and are then given up."
    )
}

pub(super) async fn restore(restore: Restore, stack: &Stack, output: Output) -> Result<(), Failure> {
    let secrets = Secrets::of(stack).await?;
    match secrets.find(restore.name.as_str()).await? {
        Found::Deleted => secrets.restore(&restore.name).await?,
        Found::Absent => {
            let why = format!("there is no integration `{}`, nor one that could be had back", restore.name);
            return Err(Failure::Failed(why));
        }
        Found::Stored(_) | Found::Unreadable => {
            return Err(Failure::Failed(format!("the integration `{}` is there", restore.name)));
        }
    }
    let name = restore.name;
    let next = format!(
        "The platform's side of it is not restored, if it was ended too: `patchbay doctor {name}` tells, and `patchbay \
         integration add {name}` makes it anew."
    );
    output.result(&Restored { integration: name, next }, |restored| {
        format!("`{}` is back.\n\n{}", restored.integration, restored.next)
    });
    Ok(())
}
