//! `patchbay messages`.

mod log_search;
mod webhook_id;

use crate::aws::integrations;
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::status::{LedgerStatus, RETENTION_DAYS};
use crate::ui::output::{Output, key_values, sanitize};
use crate::ui::table::Column::{Optional, Required};
use crate::ui::table::table;
use crate::ui::values::number;
use clap::{ArgGroup, Args, Subcommand};
use log_search::{LogLine, LogTrail, Truncated};
use serde::Serialize;
use shared::ledger::key;
use shared::model::integration_name::IntegrationName;
use shared::platform::Route;
use webhook_id::{REQUEST_HINT, digest_of};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what the ledger and the log know of a message, a receipt or a request
    Show(Show),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").args(["id", "key"]).required(true))]
pub(crate) struct Show {
    /// The webhook-id of a delivery (msg_ and 64 digits), the platform's message id, or a ledger key
    id: Option<String>,
    /// The integration [default: all]
    #[arg(long, value_name = "NAME")]
    integration: Option<IntegrationName>,
    /// The idempotency key of a caller's request: with --route, --caller and --integration
    #[arg(long, requires_all = ["route", "caller", "integration"])]
    key: Option<String>,
    /// The route of the request: agentless, cards, receipts, inbound/messages and so on
    #[arg(long, requires = "key", value_parser = route)]
    route: Option<Route>,
    /// The caller that made the request
    #[arg(long, value_name = "NAME", requires = "key")]
    caller: Option<String>,
    /// How many days of the log are searched for a platform's message id
    #[arg(long, default_value_t = 3, value_parser = number(1..=731_u16))]
    days: u16,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    ledger: Vec<LedgerStatus>,
    log: Vec<LogLine>,
    /// Why the search of the log is incomplete, if it is.
    #[serde(rename = "logCut", skip_serializing_if = "Option::is_none")]
    log_truncated: Option<Truncated>,
}

pub(crate) async fn run(command: Command, stack: &Stack, output: Output) -> Result<(), CliError> {
    let Command::Show(show) = command;
    let known = show.look_up(stack).await?;
    if known.ledger.is_empty() && known.log.is_empty() {
        output.data(&known);
        if let Some(unknown) = show.unknown_integration(stack).await {
            return Err(CliError::Failed(unknown));
        }
        return Err(CliError::Failed(
            known.log_truncated.map_or_else(|| show.not_found(), |truncated| show.not_searched(truncated)),
        ));
    }
    output.result(&known, human);
    Ok(())
}

impl Show {
    async fn look_up(&self, stack: &Stack) -> Result<Known, CliError> {
        if let (Some(key), Some(route), Some(caller), Some(integration)) =
            (&self.key, self.route, &self.caller, &self.integration)
        {
            let identity = key::request_digest(route, integration, caller, key);
            return ledger_statuses(stack, [key::request(integration, &identity)]).await;
        }
        let id = self.id.as_deref().unwrap_or_default();
        if id.contains('#') {
            return ledger_statuses(stack, [id.to_owned()]).await;
        }
        match digest_of(id) {
            Some(identity) => {
                let names = match &self.integration {
                    Some(name) => vec![name.clone()],
                    None => integrations::list_active(stack).await?,
                };
                ledger_statuses(stack, names.iter().map(|name| key::delivery(name, identity))).await
            }
            None => {
                let LogTrail { lines: mut log, truncated: log_truncated } =
                    log_search::find(stack, id, self.days).await?;
                if let Some(name) = &self.integration {
                    log.retain(|line| line.integration.as_deref() == Some(name.as_str()));
                }
                let mut keys: Vec<_> = log.iter().filter_map(LogLine::ledger_key).collect();
                keys.sort();
                keys.dedup();
                Ok(Known { ledger: ledger_statuses(stack, keys).await?.ledger, log, log_truncated })
            }
        }
    }

    /// The error if the named integration does not exist; `None` if it exists or that is unknown.
    async fn unknown_integration(&self, stack: &Stack) -> Option<String> {
        let wanted = self.integration.as_ref()?;
        let listed = integrations::list_all(stack).await.ok()?;
        if listed.iter().any(|one| one.name == wanted.as_str()) {
            return None;
        }
        let list = "`patchbay integration list` lists the integrations";
        Some(format!("nothing was found, and there is no integration `{wanted}`: {list}"))
    }

    fn not_searched(&self, truncated: Truncated) -> String {
        format!("nothing was found, and not all of the log was searched: {}", truncated.describe())
    }

    fn not_found(&self) -> String {
        let id = sanitize(self.id.as_deref().or(self.key.as_deref()).unwrap_or_default());
        match &self.id {
            Some(text) if digest_of(text).is_none() && !text.contains('#') => format!(
                "no log line of the last {} days has the message id `{id}`: search further back with --days, if the \
                 log is kept that long, or use the webhook-id of its delivery; {REQUEST_HINT}",
                self.days
            ),
            text => {
                // Without a name, only existing integrations are tried.
                let named = self.integration.is_some() || text.as_ref().is_some_and(|text| text.contains('#'));
                let removed = if named { "" } else { "\n  For a removed integration, use --integration" };
                format!(
                    "the ledger has no record of `{id}`: it is still queued, was never received, or is older than the \
                     {RETENTION_DAYS} days that the ledger keeps records{removed}"
                )
            }
        }
    }
}

async fn ledger_statuses(stack: &Stack, keys: impl IntoIterator<Item = String>) -> Result<Known, CliError> {
    let mut known = Known::default();
    for key in keys {
        known.ledger.extend(LedgerStatus::find(stack, &key).await?);
    }
    Ok(known)
}

fn route(text: &str) -> Result<Route, String> {
    Route::ALL.into_iter().find(|route| route.as_str() == text).ok_or_else(|| {
        let names: Vec<_> = Route::ALL.iter().map(|route| route.as_str()).collect();
        format!("must be one of {}", names.join(", "))
    })
}

fn human(known: &Known) -> String {
    let mut parts: Vec<_> = known.ledger.iter().map(|status| key_values(status.key_values())).collect();
    if !known.log.is_empty() {
        let columns = [
            Required("time"),
            Optional("function"),
            Optional("kind"),
            Required("outcome"),
            Required("reason"),
            Optional("age"),
            Optional("integration"),
        ];
        parts.push(table(columns, known.log.iter().map(LogLine::row)));
    }
    parts.extend(
        known.log_truncated.map(|truncated| format!("Not all of the log was searched: {}.", truncated.describe())),
    );
    parts.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_named_as_in_the_log() {
        assert_eq!(Ok(Route::InboundMessages), route("inbound/messages"));
        assert!(route("webhook").unwrap_err().contains("agentless, agentless/cancel, receipts, cards"));
    }
}
