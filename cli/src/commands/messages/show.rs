//! `patchbay messages show`.

use super::kept_text::{self, KeptText};
use super::list::Retrying;
use super::log_search::{self, LogLine, LogTrail, Truncated};
use super::webhook_id::{REQUEST_HINT, digest_of};
use crate::aws::stack::Stack;
use crate::aws::{completion, integrations};
use crate::error::CliError;
use crate::status::{Lane, LedgerStatus, RETENTION_DAYS, State};
use crate::ui::help::examples;
use crate::ui::output::{Output, key_values, sanitize, seconds};
use crate::ui::table::Column::{Optional, Required};
use crate::ui::table::table;
use crate::ui::values::number;
use clap::{ArgGroup, Args};
use serde::Serialize;
use shared::ledger::{Ledger, key};
use shared::model::integration_name::IntegrationName;
use shared::platform::Route;
use std::collections::{BTreeMap, HashSet};

#[derive(Debug, Args)]
#[command(after_help = examples(&[
    "patchbay messages show c327c2078ca056db130c55ce648d9fa2",
    "patchbay messages show 0f9b1c8e-6d7f-4b5c-8f2e-0f5f7e1f9b5a --days 7",
    "patchbay messages show c327c2078ca056db130c55ce648d9fa2 --text",
    "patchbay messages show --key order-4712 --route agentless --caller flows \\\n    --integration acme",
]))]
#[command(group = ArgGroup::new("what").args(["id", "key"]).required(true))]
pub(crate) struct Show {
    /// The webhook-id of a delivery (msg_ and 64 digits), the platform's id of a message or of a conversation, or a ledger key
    id: Option<String>,
    /// The integration [default: all]
    #[arg(long, value_name = "NAME", add = completion::integrations())]
    integration: Option<IntegrationName>,
    /// The idempotency key of a caller's request: with --route, --caller and --integration
    #[arg(long, requires_all = ["route", "caller", "integration"])]
    key: Option<String>,
    /// The route of the request: agentless, cards, receipts, inbound/messages and so on
    #[arg(long, requires = "key", value_parser = route)]
    route: Option<Route>,
    /// The caller that made the request
    #[arg(long, value_name = "NAME", requires = "key", add = completion::callers())]
    caller: Option<String>,
    /// Also show the delivery's payload, where it is still kept (failed messages, dead letters): the text, and the
    /// customer's address
    #[arg(long, conflicts_with = "key")]
    text: bool,
    /// How many days of the log are searched
    #[arg(long, default_value_t = 3, value_parser = number(1..=731_u16))]
    days: u16,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    ledger: Vec<Shown>,
    log: Vec<LogLine>,
    /// Why the search of the log is incomplete, if it is.
    #[serde(rename = "logCut", skip_serializing_if = "Option::is_none")]
    log_truncated: Option<Truncated>,
    /// Why the log could not be searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    log_error: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    texts: Vec<KeptText>,
}

/// What the ledger knows, with what the log adds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(flatten)]
    status: LedgerStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<Lane>,
    /// The platform's id of the message of the same conversation that is retried: this one waits behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<String>,
}

impl Show {
    pub(super) async fn run(&self, stack: &Stack, output: Output) -> Result<(), CliError> {
        let mut known = self.look_up(stack).await?;
        if let (Some(id), true) = (&self.id, self.text) {
            let webhook_ids: HashSet<_> = known.ledger.iter().filter_map(|shown| shown.webhook_id.clone()).collect();
            known.texts = kept_text::find(stack, output, id, &webhook_ids).await?;
        }
        if known.ledger.is_empty() && known.log.is_empty() && known.texts.is_empty() {
            output.data(&known);
            if let Some(unknown) = integrations::unknown(stack, self.integration.as_ref()).await {
                return Err(unknown);
            }
            return Err(CliError::Failed(match (known.log_truncated, known.log_error) {
                (Some(truncated), _) => {
                    format!("nothing was found, and not all of the log was searched: {}", truncated.describe())
                }
                (None, Some(error)) => format!("the ledger has no record of it, and {error}"),
                (None, None) => self.not_found(),
            }));
        }
        output.result(&known, |known| self.human(known));
        Ok(())
    }

    async fn look_up(&self, stack: &Stack) -> Result<Known, CliError> {
        if let (Some(key), Some(route), Some(caller), Some(integration)) =
            (&self.key, self.route, &self.caller, &self.integration)
        {
            let identity = key::request_digest(route, integration, caller, key);
            return self.shown(stack, BTreeMap::from([(key::request(integration, &identity), None)])).await;
        }
        let id = self.id.as_deref().unwrap_or_default();
        if id.contains('#') {
            return self.shown(stack, BTreeMap::from([(id.to_owned(), None)])).await;
        }
        let mut keys = BTreeMap::new();
        if let Some(digest) = digest_of(id) {
            let names = match &self.integration {
                Some(name) => vec![name.clone()],
                None => integrations::list_active(stack).await?,
            };
            keys.extend(names.iter().map(|name| (key::delivery(name, digest), None)));
        }
        let (trail, log_error) = match log_search::find(stack, id, self.days).await {
            Ok(trail) => (trail, None),
            // The ledger is enough for the rest.
            Err(error) if !keys.is_empty() => (LogTrail::default(), Some(error.to_string())),
            Err(error) => return Err(error),
        };
        let mut lines = trail.lines;
        if let Some(name) = &self.integration {
            lines.retain(|line| line.integration.as_deref() == Some(name.as_str()));
        }
        for (index, line) in lines.iter().enumerate() {
            if let Some(key) = line.ledger_key() {
                keys.entry(key).or_insert(None).get_or_insert(index);
            }
        }
        let keys = keys.into_iter().map(|(key, index)| (key, index.and_then(|index| lines.get(index)))).collect();
        let known = self.shown(stack, keys).await?;
        Ok(Known { log: lines, log_truncated: trail.truncated, log_error, ..known })
    }

    /// What is known under these keys, each with its first line in the log.
    async fn shown(&self, stack: &Stack, keys: BTreeMap<String, Option<&LogLine>>) -> Result<Known, CliError> {
        let mut known = Known::default();
        for (key, line) in &keys {
            let status = match (LedgerStatus::find(stack, key).await?, line) {
                (Some(status), _) => status,
                (None, Some(_)) => LedgerStatus::waiting(key),
                (None, None) => continue,
            };
            known.ledger.push(Shown::new(status, *line));
        }
        let ledger = stack.ledger().await?;
        for shown in &mut known.ledger {
            shown.find_lane(&ledger).await?;
        }
        Ok(known)
    }

    fn not_found(&self) -> String {
        let id = sanitize(self.id.as_deref().or(self.key.as_deref()).unwrap_or_default());
        match &self.id {
            Some(text) if digest_of(text).is_none() && !text.contains('#') => format!(
                "no log line of the last {} days has the message id or conversation id `{id}`: search further back with \
                 --days, if the log is kept that long, or use the webhook-id of its delivery; {REQUEST_HINT}",
                self.days
            ),
            text => {
                // Without a name, only existing integrations are tried.
                let named = self.integration.is_some() || text.as_ref().is_some_and(|text| text.contains('#'));
                let removed = if named { "" } else { "\n  For a removed integration, use --integration" };
                format!(
                    "neither the ledger nor the log has `{id}`: it was never received, or is older than the {RETENTION_DAYS} \
                     days that the ledger keeps records{removed}"
                )
            }
        }
    }

    fn human(&self, known: &Known) -> String {
        let mut parts = match known.ledger.as_slice() {
            [one] => vec![key_values(one.key_values())],
            [] => Vec::new(),
            several => vec![summary(several)],
        };
        if !known.log.is_empty() {
            let columns = [
                Required("time"),
                Required("outcome"),
                Required("reason"),
                Optional("function"),
                Optional("kind"),
                Optional("age"),
                Optional("message id"),
                Optional("integration"),
            ];
            parts.push(table(columns, known.log.iter().map(LogLine::row)));
        }
        parts.extend(known.texts.iter().map(KeptText::describe));
        if self.text && known.texts.is_empty() {
            parts.push("The text is not kept, or is on a lane, where it cannot be read.".to_owned());
        }
        let truncated = known.log_truncated.map(Truncated::describe);
        parts.extend(truncated.map(|why| format!("Not all of the log was searched: {why}.")));
        parts.extend(known.log_error.as_ref().map(|error| format!("Without log lines: {}.", sanitize(error))));
        if self.key.is_none() && known.log_error.is_none() {
            parts.push(format!("Log lines: of the last {} days.", self.days));
        }
        parts.join("\n\n")
    }
}

/// Several messages, each in a line.
fn summary(several: &[Shown]) -> String {
    let columns = [
        Required("webhook-id"),
        Required("state"),
        Optional("message id"),
        Optional("kind"),
        Optional("attempts"),
        Optional("next attempt"),
    ];
    let rows = several.iter().map(|shown| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let next = shown.status.failed.as_ref().map(|failed| seconds(failed.next_attempt_at));
        [
            shown.webhook_id.clone().unwrap_or_else(|| shown.status.key().to_owned()),
            shown.status.state.as_str().to_owned(),
            text(&shown.message_id),
            text(&shown.kind),
            shown.status.attempts.to_string(),
            next.unwrap_or_default(),
        ]
    });
    format!(
        "{}\n\nThe id names several: `patchbay messages show` with a webhook-id shows one of them.",
        table(columns, rows)
    )
}

impl Shown {
    fn new(status: LedgerStatus, line: Option<&LogLine>) -> Self {
        let failed = status.failed.as_ref();
        Self {
            webhook_id: status.webhook_id(),
            message_id: failed
                .map(|failed| failed.message_id.clone())
                .or_else(|| line.and_then(|line| line.message_id.clone())),
            conversation_id: failed
                .and_then(|failed| failed.conversation_id.clone())
                .or_else(|| line.and_then(|line| line.conversation_id.clone())),
            kind: failed.map(|failed| failed.kind.clone()).or_else(|| line.and_then(|line| line.kind.clone())),
            lane: None,
            behind: None,
            status,
        }
    }

    /// Finds the lane of a message that is not completed: by its own group, or by the message of its conversation that it
    /// waits behind.
    async fn find_lane(&mut self, ledger: &Ledger) -> Result<(), CliError> {
        if let Some(failed) = &self.status.failed {
            let lanes = Lane::of_groups(ledger, std::iter::once(failed.group.as_str())).await?;
            self.lane = lanes.get(&failed.group).copied();
        } else if let (State::Waiting, Some(conversation), Some(integration)) =
            (self.status.state, self.conversation_id.as_deref(), self.status.integration())
            && let Ok(integration) = integration.parse::<IntegrationName>()
        {
            let ahead = Retrying::of_conversation(ledger, integration, conversation).await?;
            self.behind = ahead.as_ref().and_then(|row| row.message_id.clone());
            self.lane = ahead.and_then(|row| row.lane);
        }
        Ok(())
    }

    fn key_values(&self) -> Vec<(&'static str, String)> {
        let mut pairs = self.status.key_values();
        let mut add = |name, value: Option<String>| pairs.extend(value.map(|value| (name, value)));
        add("waits behind", self.behind.clone());
        add("lane", self.lane.map(|lane| lane.as_str().to_owned()));
        add("message id", self.message_id.clone());
        add("conversation id", self.conversation_id.clone());
        add("webhook-id", self.webhook_id.clone());
        pairs
    }
}

fn route(text: &str) -> Result<Route, String> {
    Route::ALL.into_iter().find(|route| route.as_str() == text).ok_or_else(|| {
        let names: Vec<_> = Route::ALL.iter().map(|route| route.as_str()).collect();
        format!("must be one of {}", names.join(", "))
    })
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
