//! `patchbay messages show`.

use super::kept_text::{self, KeptText};
use super::log_search::{self, LogLine, LogTrail, REQUEST_HINT, Truncated};
use super::shown::{self, PlatformId, Shown};
use crate::aws::stack::Stack;
use crate::aws::{completion, integrations};
use crate::error::CliError;
use crate::status::RETENTION_DAYS;
use crate::ui::help::examples;
use crate::ui::output::{Output, key_values, sanitize};
use crate::ui::table::Column::{Optional, Required};
use crate::ui::table::table;
use crate::ui::values::number;
use clap::{ArgGroup, Args};
use serde::Serialize;
use shared::delivery::id::DeliveryId;
use shared::ledger::key;
use shared::model::integration_name::IntegrationName;
use shared::platform::Route;
use std::collections::{BTreeMap, HashSet};

/// The option that sets the time that is searched.
const DAYS: &str = "--days";

#[derive(Debug, Args)]
#[command(after_help = examples(&[
    "patchbay messages show c327c2078ca056db130c55ce648d9fa2",
    "patchbay messages show 0f9b1c8e-6d7f-4b5c-8f2e-0f5f7e1f9b5a --days 7",
    "patchbay messages show c327c2078ca056db130c55ce648d9fa2 --show-text",
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
    #[arg(long, requires = "key")]
    route: Option<Route>,
    /// The caller that made the request
    #[arg(long, value_name = "NAME", requires = "key", add = completion::callers())]
    caller: Option<String>,
    /// Also show the delivery's payload, where it is still kept (failed messages, dead letters): the text, and the
    /// customer's address
    #[arg(long, alias = "text", conflicts_with = "key")]
    show_text: bool,
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
    /// Why it could not be read what else is retried.
    #[serde(skip_serializing_if = "Option::is_none")]
    retrying_error: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    texts: Vec<KeptText>,
}

impl Known {
    /// What the ledger has under this key.
    async fn of_key(stack: &Stack, key: String) -> Result<Self, CliError> {
        let ledger = stack.ledger().await?;
        let mut shown = Shown::read(&ledger, &BTreeMap::from([(key, Vec::new())])).await?;
        shown::find_lanes(&ledger, &mut shown).await?;
        Ok(Self { ledger: shown, ..Self::default() })
    }
}

impl Show {
    pub(super) async fn run(&self, stack: &Stack, output: Output) -> Result<(), CliError> {
        let mut known = self.look_up(stack).await?;
        if let (Some(id), true) = (&self.id, self.show_text) {
            let webhook_ids: HashSet<_> = known.ledger.iter().filter_map(|shown| shown.webhook_id.clone()).collect();
            known.texts = kept_text::find(stack, output, id, &webhook_ids).await?;
        }
        if known.ledger.is_empty() && known.log.is_empty() && known.texts.is_empty() {
            output.data(&known);
            if let Some(unknown) = integrations::unknown(stack, self.integration.as_ref()).await {
                return Err(unknown);
            }
            return Err(CliError::Failed(match (known.log_truncated, known.log_error.or(known.retrying_error)) {
                (Some(truncated), _) => {
                    format!("nothing was found, and not all of the log was searched: {}", truncated.describe(DAYS))
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
            return Known::of_key(stack, key::request(integration, &identity)).await;
        }
        let id = self.id.as_deref().unwrap_or_default();
        if id.contains('#') {
            return Known::of_key(stack, id.to_owned()).await;
        }
        let webhook_id = DeliveryId::parse(id);
        let mut keys = BTreeMap::new();
        if let Some(webhook_id) = &webhook_id {
            let names = match &self.integration {
                Some(name) => vec![name.clone()],
                None => integrations::list_active(stack).await?,
            };
            let digest = webhook_id.digest().as_str();
            keys.extend(names.iter().map(|name| (key::delivery(name, digest), Vec::new())));
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
        for line in &lines {
            if let Some(key) = line.ledger_key() {
                keys.entry(key).or_insert_with(Vec::new).push(line);
            }
        }
        let ledger = stack.ledger().await?;
        let mut shown = Shown::read(&ledger, &keys).await?;
        // Without a line, only the integration that is asked for is searched.
        let named = lines.iter().filter_map(|line| line.integration.as_ref()?.parse().ok());
        let integrations = named.chain(self.integration.clone()).collect();
        let by_platform_id = webhook_id.is_none().then_some(PlatformId { id, integrations });
        let retrying_error = shown::add_retried(&ledger, &mut shown, by_platform_id).await.err();
        let retrying_error = retrying_error.map(|error| error.to_string());
        shown::add_reported(&ledger, &mut shown).await?;
        shown::find_lanes(&ledger, &mut shown).await?;
        Ok(Known {
            ledger: shown,
            log: lines,
            log_truncated: trail.truncated,
            log_error,
            retrying_error,
            texts: Vec::new(),
        })
    }

    fn not_found(&self) -> String {
        let id = sanitize(self.id.as_deref().or(self.key.as_deref()).unwrap_or_default());
        match &self.id {
            Some(text) if DeliveryId::parse(text).is_none() && !text.contains('#') => format!(
                "no log line of the last {} days has the message id or conversation id `{id}`: search further back with \
                 --days, if the log is kept that long, or use the webhook-id of its delivery; {REQUEST_HINT}",
                self.days
            ),
            text => {
                // Without a name, only existing integrations are tried.
                let named = self.integration.is_some() || text.as_ref().is_some_and(|text| text.contains('#'));
                let removed = if named { "" } else { "\n  For a removed integration, use --integration" };
                format!(
                    "neither the ledger nor the log has `{id}`: it was never received, has no such key, or is older than the \
                     {RETENTION_DAYS} days that the ledger keeps records{removed}"
                )
            }
        }
    }

    fn human(&self, known: &Known) -> String {
        let mut parts = match known.ledger.as_slice() {
            [one] => vec![key_values(one.key_values())],
            [] => Vec::new(),
            several => vec![shown::summary(several)],
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
        if self.show_text && known.texts.is_empty() {
            parts.push("The text is not kept, or is on a lane, where it cannot be read.".to_owned());
        }
        let truncated = known.log_truncated.map(|truncated| truncated.describe(DAYS));
        parts.extend(truncated.map(|why| format!("Not all of the log was searched: {why}.")));
        parts.extend(known.log_error.as_ref().map(|error| format!("The log could not be read: {}.", sanitize(error))));
        parts.extend(
            known
                .retrying_error
                .as_ref()
                .map(|error| format!("Other retried items could not be read: {}.", sanitize(error))),
        );
        if self.key.is_none() && known.log_error.is_none() {
            parts.push(format!("Log lines: of the last {} days.", self.days));
        }
        parts.join("\n\n")
    }
}
