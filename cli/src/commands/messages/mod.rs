//! `patchbay messages`.

mod id;
mod trail;

use crate::failure::Failure;
use crate::fate::{Fate, RETENTION_DAYS};
use crate::integrations;
use crate::output::{Output, pairs, plain, table};
use crate::stack::Stack;
use clap::{ArgGroup, Args, Subcommand};
use id::{REQUESTS, identity};
use serde::Serialize;
use shared::ledger::key;
use shared::model::integration_name::IntegrationName;
use shared::platform::Route;
use trail::{Cut, Line, Trail};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What the ledger and the log know of a message, a receipt or a request
    Show(Show),
}

/// One thing to look at.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").args(["id", "key"]).required(true))]
pub(crate) struct Show {
    /// The webhook-id of a delivery (msg_ and 64 digits), the platform's id of a message, or a key of the ledger
    id: Option<String>,
    /// Of which integration; all are tried unless given
    #[arg(long, value_name = "NAME")]
    integration: Option<IntegrationName>,
    /// A caller's request, by its idempotency key: with --route, --caller and --integration
    #[arg(long, requires_all = ["route", "caller", "integration"])]
    key: Option<String>,
    /// To which route the request was: agentless, cards, receipts, inbound/messages and so on
    #[arg(long, requires = "key", value_parser = route)]
    route: Option<Route>,
    /// Whose request it was
    #[arg(long, value_name = "NAME", requires = "key")]
    caller: Option<String>,
    /// How far back the log is searched for a platform's id
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=731))]
    days: u16,
}

/// What is known.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    /// By the ledger.
    ledger: Vec<Fate>,
    /// By the log.
    log: Vec<Line>,
    /// Where the search of the log ended too early: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    log_cut: Option<Cut>,
}

pub(crate) async fn run(command: Command, stack: &Stack, output: Output) -> Result<(), Failure> {
    let Command::Show(show) = command;
    let known = show.look(stack).await?;
    if known.ledger.is_empty() && known.log.is_empty() {
        output.data(&known);
        if let Some(unknown) = show.unknown_integration(stack).await {
            return Err(Failure::Failed(unknown));
        }
        return Err(Failure::Failed(known.log_cut.map_or_else(|| show.not_found(), |cut| show.not_searched(cut))));
    }
    output.result(&known, human);
    Ok(())
}

impl Show {
    async fn look(&self, stack: &Stack) -> Result<Known, Failure> {
        if let (Some(key), Some(route), Some(caller), Some(integration)) =
            (&self.key, self.route, &self.caller, &self.integration)
        {
            let identity = key::request_identity(route, integration, caller, key);
            return of_keys(stack, [key::request(integration, &identity)]).await;
        }
        let id = self.id.as_deref().unwrap_or_default();
        if id.contains('#') {
            return of_keys(stack, [id.to_owned()]).await;
        }
        match identity(id) {
            Some(identity) => {
                let names = match &self.integration {
                    Some(name) => vec![name.clone()],
                    None => integrations::names(stack).await?,
                };
                of_keys(stack, names.iter().map(|name| key::delivery(name, identity))).await
            }
            None => {
                let Trail { lines: mut log, cut: log_cut } = trail::find(stack, id, self.days).await?;
                if let Some(name) = &self.integration {
                    log.retain(|line| line.integration.as_deref() == Some(name.as_str()));
                }
                let mut keys: Vec<_> = log.iter().filter_map(Line::ledger_key).collect();
                keys.sort();
                keys.dedup();
                Ok(Known { ledger: of_keys(stack, keys).await?.ledger, log, log_cut })
            }
        }
    }

    /// What to say where the integration is the command line's mistake; not known where the integrations cannot be listed.
    async fn unknown_integration(&self, stack: &Stack) -> Option<String> {
        let wanted = self.integration.as_ref()?;
        let listed = integrations::all(stack).await.ok()?;
        if listed.iter().any(|one| one.name == wanted.as_str()) {
            return None;
        }
        let list = "`patchbay integration list` shows those that there are";
        Some(format!("nothing was found, and there is no integration `{wanted}`: {list}"))
    }

    fn not_searched(&self, cut: Cut) -> String {
        format!("nothing was found, and not all of the log was searched: {}", cut.words())
    }

    fn not_found(&self) -> String {
        let id = plain(self.id.as_deref().or(self.key.as_deref()).unwrap_or_default());
        match &self.id {
            Some(text) if identity(text).is_none() && !text.contains('#') => format!(
                "no line of the last {} days' log speaks of `{id}`: look further back with --days, if the log is kept \
                 so long, or look for the webhook-id of its delivery; {REQUESTS}",
                self.days
            ),
            text => {
                // Without a name, the integrations that are there are tried.
                let named = self.integration.is_some() || text.as_ref().is_some_and(|text| text.contains('#'));
                let removed =
                    if named { "" } else { "\n  Of an integration that is removed it shows with --integration" };
                format!(
                    "the ledger knows nothing of `{id}`: it still waits on the queue, it never came, or it is more \
                     than {RETENTION_DAYS} days ago, which is as long as the ledger remembers{removed}"
                )
            }
        }
    }
}

async fn of_keys(stack: &Stack, keys: impl IntoIterator<Item = String>) -> Result<Known, Failure> {
    let mut known = Known::default();
    for key in keys {
        known.ledger.extend(Fate::find(stack, &key).await?);
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
    let mut parts: Vec<_> = known.ledger.iter().map(|fate| pairs(fate.pairs())).collect();
    if !known.log.is_empty() {
        let headings = ["time", "function", "kind", "outcome", "reason", "age", "integration"];
        parts.push(table(headings, known.log.iter().map(Line::row)));
    }
    parts.extend(known.log_cut.map(|cut| format!("Not all of the log was searched: {}.", cut.words())));
    parts.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_called_as_in_the_log() {
        assert_eq!(Ok(Route::InboundMessages), route("inbound/messages"));
        assert!(route("webhook").unwrap_err().contains("agentless, receipts, cards"));
    }
}
