//! Messages and receipts of which an attempt failed, from the index of the ledger.

use super::filter::Filter;
use super::part::Part;
use super::row::Row;
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::status::{Lane, LedgerStatus, ledger_error};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use shared::ledger::{Failing, Ledger};
use shared::model::integration_name::IntegrationName;

/// The most keys that are read of each of the sixteen partitions of an integration.
const MAXIMUM_KEYS: usize = 1_000;
/// The most items that one call reads.
const BATCH_SIZE: usize = 100;
/// How many integrations are read at the same time.
const CONCURRENCY: usize = 4;

/// What is retried, longest first.
pub(in super::super) struct Retrying {
    rows: Vec<Row>,
    truncated: bool,
}

impl Retrying {
    /// Reads what is retried of these integrations, up to `limit` that are wanted.
    async fn read(
        ledger: &Ledger,
        integrations: &[IntegrationName],
        limit: usize,
        wanted: impl Fn(&Row) -> bool,
    ) -> Result<Self, CliError> {
        let keys = stream::iter(integrations).map(async |name| {
            let failing = ledger.failing(name, MAXIMUM_KEYS).await.map_err(|error| ledger_error(&error))?;
            let items: Vec<_> = failing.items.into_iter().map(|item| (name.as_str(), item)).collect();
            Ok::<_, CliError>((items, failing.truncated))
        });
        let keys: Vec<_> = keys.buffered(CONCURRENCY).try_collect().await?;
        let mut retrying = Self { rows: Vec::new(), truncated: keys.iter().any(|(_, truncated)| *truncated) };
        let mut items: Vec<_> = keys.into_iter().flat_map(|(items, _)| items).collect();
        items.sort_by_key(|(_, item)| item.since);
        for batch in items.chunks(BATCH_SIZE) {
            retrying.rows.extend(rows(ledger, batch).await?.into_iter().filter(&wanted));
            if retrying.rows.len() > limit {
                retrying.rows.truncate(limit);
                retrying.truncated = true;
                break;
            }
        }
        let groups = retrying.rows.iter().filter_map(|row| row.group.as_deref());
        let lanes = Lane::of_groups(ledger, groups).await?;
        for row in &mut retrying.rows {
            row.lane = row.group.as_ref().and_then(|group| lanes.get(group).copied());
        }
        Ok(retrying)
    }

    /// The message of this conversation that is retried.
    pub(in super::super) async fn of_conversation(
        ledger: &Ledger,
        integration: IntegrationName,
        conversation: &str,
    ) -> Result<Option<Row>, CliError> {
        let is_same = |row: &Row| row.conversation_id.as_deref() == Some(conversation);
        Ok(Self::read(ledger, &[integration], 1, is_same).await?.rows.pop())
    }
}

/// The items that are not completed: the index may be behind the table, and an earlier version leaves completed items in it.
async fn rows(ledger: &Ledger, batch: &[(&str, Failing)]) -> Result<Vec<Row>, CliError> {
    let keys: Vec<_> = batch.iter().map(|(_, item)| item.key.as_str()).collect();
    let mut records = ledger.get_all(&keys).await.map_err(|error| ledger_error(&error))?;
    let now = Timestamp::now();
    Ok(batch
        .iter()
        .filter_map(|(integration, item)| {
            let status = LedgerStatus::of(&item.key, records.remove(&item.key)?, now);
            (!status.state.is_completed()).then(|| Row::of_retrying(integration, item.since, &status, now))
        })
        .collect())
}

pub(super) async fn part(
    stack: &Stack,
    integrations: &[IntegrationName],
    filter: &Filter<'_>,
) -> Result<Part, CliError> {
    let wanted = |row: &Row| {
        filter.since.is_none_or(|since| row.since >= since)
            && (filter.customer.is_none()
                || row.group.as_ref().is_some_and(|group| filter.has_customer(&row.integration, group)))
    };
    let Retrying { rows, truncated } =
        Retrying::read(&stack.ledger().await?, integrations, filter.limit, wanted).await?;
    let mut notes = vec![
        "Retrying: every message and receipt whose last attempt failed, as the ledger has it. Later messages of the same \
         customers wait behind them."
            .to_owned(),
    ];
    notes.extend(truncated.then(|| {
        format!("More than {} are retried: these have failed for longest. --limit, --integration and --since select others.", rows.len())
    }));
    Ok(Part { rows, notes, truncated })
}
