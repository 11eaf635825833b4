//! Messages and receipts of which an attempt failed, from the index of the ledger.

use super::filter::Filter;
use super::part::Part;
use super::row::Row;
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::status::{Lane, LedgerStatus, ledger_error};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use shared::ledger::Ledger;
use shared::model::integration_name::IntegrationName;

/// The most keys that are read of each of the sixteen partitions of an integration.
const MAX_KEYS: usize = 1_000;
/// How many items are read before it is checked whether they are enough.
const STEP: usize = 800;
/// How many integrations are read at the same time.
const CONCURRENCY: usize = 4;

/// A message or receipt of which an attempt failed, and which is not completed.
pub(in super::super) struct Retried {
    pub(in super::super) integration: IntegrationName,
    /// When the first of the failed attempts ended.
    pub(super) since: Timestamp,
    pub(in super::super) status: LedgerStatus,
}

/// What is retried, longest first.
pub(in super::super) struct Retrying {
    pub(in super::super) items: Vec<Retried>,
    /// Whether there are keys that were not read.
    truncated: bool,
}

impl Retrying {
    /// Reads what has failed since then or later and is retried of these integrations, until `limit` that are wanted are found.
    pub(in super::super) async fn read(
        ledger: &Ledger,
        integrations: impl IntoIterator<Item = &IntegrationName>,
        since: Timestamp,
        limit: usize,
        mut wanted: impl FnMut(&Retried) -> bool,
    ) -> Result<Self, CliError> {
        let keys = stream::iter(integrations).map(async |name| {
            let failing = ledger.failing(name, since, MAX_KEYS).await.map_err(|error| ledger_error(&error))?;
            let items: Vec<_> = failing.items.into_iter().map(|item| (name, item)).collect();
            Ok::<_, CliError>((items, failing.truncated))
        });
        let keys: Vec<_> = keys.buffered(CONCURRENCY).try_collect().await?;
        let mut retrying = Self { items: Vec::new(), truncated: keys.iter().any(|(_, truncated)| *truncated) };
        let mut keys: Vec<_> = keys.into_iter().flat_map(|(items, _)| items).collect();
        keys.sort_by_key(|(_, item)| item.since);
        for step in keys.chunks(STEP) {
            let records = ledger.get_all(step.iter().map(|(_, item)| item.key.as_str())).await;
            let (mut records, now) = (records.map_err(|error| ledger_error(&error))?, Timestamp::now());
            let items = step.iter().filter_map(|(name, item)| {
                let status = LedgerStatus::of(&item.key, records.remove(&item.key)?, now);
                // The index may be behind the table, and an earlier version leaves completed items in it.
                let is_retried = !status.state.is_completed();
                is_retried.then(|| Retried { integration: (*name).clone(), since: item.since, status })
            });
            retrying.items.extend(items.filter(&mut wanted));
            if retrying.items.len() >= limit {
                retrying.items.truncate(limit);
                break;
            }
        }
        Ok(retrying)
    }
}

pub(super) async fn part(
    stack: &Stack,
    integrations: &[IntegrationName],
    filter: &Filter<'_>,
) -> Result<Part, CliError> {
    let wanted = |retried: &Retried| {
        let group = retried.status.failed.as_ref().map(|failed| failed.group.as_str());
        filter.customer.is_none() || group.is_some_and(|group| filter.has_customer(retried.integration.as_str(), group))
    };
    let (ledger, since) = (stack.ledger().await?, filter.since.unwrap_or(Timestamp::MIN));
    let Retrying { mut items, truncated } =
        Retrying::read(&ledger, integrations, since, filter.limit + 1, wanted).await?;
    let has_more = items.len() > filter.limit;
    items.truncate(filter.limit);
    let now = Timestamp::now();
    let row =
        |Retried { integration, since, status }: &Retried| Row::of_retrying(integration.as_str(), *since, status, now);
    let mut rows: Vec<_> = items.iter().map(row).collect();
    let lanes = Lane::of_groups(&ledger, rows.iter().filter_map(|row| row.group.as_deref())).await;
    let lanes = lanes.map_err(|error| ledger_error(&error))?;
    for row in &mut rows {
        row.lane = row.group.as_ref().and_then(|group| lanes.get(group).copied());
    }
    let mut notes = Vec::new();
    if !rows.is_empty() {
        notes.push(
            "Retrying: every message and receipt whose last attempt failed, as the ledger has it. Later messages of the \
             same customers wait behind them."
                .to_owned(),
        );
    }
    if has_more {
        notes.push(format!(
            "More than {} are retried: these have failed for longest. --limit, --integration and --since select others.",
            filter.limit
        ));
    } else if truncated {
        notes.push(
            "The list is incomplete: what began to fail later was not read. A later --since reads it.".to_owned(),
        );
    }
    Ok(Part { rows, notes, truncated: has_more || truncated })
}
