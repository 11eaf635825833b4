//! Messages that only the log names: those that wait, and those that were delivered.

use super::filter::Filter;
use super::part::Part;
use super::row::Row;
use super::status::Status;
use crate::aws::log_groups::log_groups;
use crate::aws::stack::Stack;
use crate::commands::messages::log_search::{LogLine, LogTrail, Search};
use crate::error::CliError;
use crate::status::{LedgerStatus, State, ledger_error};
use crate::ui::output::seconds;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use shared::model::integration_name::IntegrationName;
use std::collections::{HashMap, HashSet};

const DEFAULT_PERIOD: SignedDuration = SignedDuration::from_hours(1);
/// The functions that put messages onto the queue, each with the outcome of the line that says so.
const ACCEPTED: [(&str, &str); 3] =
    [("webhook-receiver", "accepted"), ("card-sender", "answered"), ("conversation-events", "event_queued")];
const DELIVERED: [(&str, &str); 1] = [("message-dispatcher", "delivered")];
/// Of no use later, so an outdated one is dropped without a record.
const TYPING: &str = "Typing";
/// The most lines that are compared with the ledger.
const MAXIMUM_LINES: usize = 10_000;
/// The most items that one call reads.
const BATCH_SIZE: usize = 100;
const CONCURRENCY: usize = 8;

/// Those that were accepted, and of which the ledger has no failed and no completed attempt.
pub(super) async fn waiting(
    stack: &Stack,
    integration: Option<&IntegrationName>,
    filter: &Filter<'_>,
) -> Result<Part, CliError> {
    let since = filter.since.unwrap_or_else(|| Timestamp::now() - DEFAULT_PERIOD);
    let LogTrail { lines, truncated, covered_until } =
        search(stack, &ACCEPTED, integration, since, MAXIMUM_LINES).await?;
    let mut seen = HashSet::new();
    let accepted: Vec<_> = lines
        .into_iter()
        .filter(|line| line.kind.as_deref() != Some(TYPING))
        .filter_map(|line| Some((line.ledger_key()?, line)))
        .filter(|(key, _)| seen.insert(key.clone()))
        .collect();
    let ledger = stack.ledger().await?;
    let records = stream::iter(accepted.chunks(BATCH_SIZE)).map(async |batch| {
        let keys: Vec<_> = batch.iter().map(|(key, _)| key.as_str()).collect();
        ledger.get_all(&keys).await.map_err(|error| ledger_error(&error))
    });
    let records: Vec<_> = records.buffered(CONCURRENCY).try_collect().await?;
    let mut records: HashMap<_, _> = records.into_iter().flatten().collect();
    let now = Timestamp::now();
    let mut rows: Vec<_> = accepted
        .iter()
        .filter_map(|(key, line)| {
            let status = records.remove(key).map(|record| LedgerStatus::of(key, record, now));
            waiting_row(line, status.as_ref())
        })
        .collect();
    let more = rows.len().saturating_sub(filter.limit);
    rows.truncate(filter.limit);
    let mut notes = vec![format!(
        "Waiting: accepted {} and without a recorded outcome of an attempt, by the log and the ledger. They are on a lane, behind \
         another message of their customer or about to be delivered, or dead letters. Typing events are left out, and so \
         is what the log does not have: it may be a minute behind, and needs the LogLevel INFO.",
        period(since, covered_until)
    )];
    notes.extend((more > 0).then(|| format!("{more} more wait: these were accepted first. --limit lists more.")));
    notes.extend(truncated.map(|truncated| format!("Not all of the log was searched: {}.", truncated.describe())));
    Ok(Part { rows, notes, truncated: more > 0 || truncated.is_some() })
}

fn waiting_row(line: &LogLine, status: Option<&LedgerStatus>) -> Option<Row> {
    let reason = match status {
        None => None,
        Some(status) if status.state.is_completed() || status.failed.is_some() => return None,
        Some(LedgerStatus { state: State::InProgress, .. }) => Some("an attempt is in progress"),
        Some(LedgerStatus { state: State::Interrupted, .. }) => Some("an attempt was interrupted"),
        Some(_) => Some("an attempt of an earlier version failed"),
    };
    Some(Row {
        reason: reason.map(str::to_owned),
        attempts: status.map(|status| status.attempts),
        received_at: line.time(),
        ..row(line, Status::Waiting)?
    })
}

/// Those of which the dispatcher's log says so.
pub(super) async fn delivered(
    stack: &Stack,
    integration: Option<&IntegrationName>,
    filter: &Filter<'_>,
) -> Result<Part, CliError> {
    let since = filter.since.unwrap_or_else(|| Timestamp::now() - DEFAULT_PERIOD);
    let LogTrail { lines, truncated, covered_until } =
        search(stack, &DELIVERED, integration, since, filter.limit).await?;
    let rows = lines.iter().filter_map(|line| row(line, Status::Delivered)).collect();
    let mut notes = vec![format!(
        "Delivered: {}, by the dispatcher's log, which may be a minute behind and needs the LogLevel INFO. `patchbay messages \
         show` finds a single message for 35 days.",
        period(since, covered_until)
    )];
    notes.extend(truncated.map(|truncated| format!("Not all of the log was searched: {}.", truncated.describe())));
    Ok(Part { rows, notes, truncated: truncated.is_some() })
}

/// Finds the lines with these outcomes, by time.
async fn search(
    stack: &Stack,
    sources: &[(&str, &str)],
    integration: Option<&IntegrationName>,
    since: Timestamp,
    maximum: usize,
) -> Result<LogTrail, CliError> {
    let groups = log_groups(stack).await?;
    let mut search = Search::new(stack, since, maximum);
    for (function, outcome) in sources {
        let of_integration = integration.map(|name| format!(" && $.integration = \"{name}\"")).unwrap_or_default();
        let pattern = format!("{{ $.outcome = \"{outcome}\"{of_integration} }}");
        let is_wanted = |line: &LogLine| {
            line.outcome == *outcome
                && line.webhook_id.is_some()
                && integration.is_none_or(|name| line.integration.as_deref() == Some(name.as_str()))
        };
        for group in groups.iter().filter(|(name, _)| name == function) {
            search.group(group, &pattern, is_wanted).await?;
        }
    }
    Ok(search.finish())
}

fn row(line: &LogLine, status: Status) -> Option<Row> {
    Some(Row {
        kind: line.kind.clone(),
        message_id: line.message_id.clone(),
        webhook_id: line.webhook_id.clone(),
        conversation_id: line.conversation_id.clone(),
        ..Row::new(status, line.integration.as_deref()?, line.time()?)
    })
}

fn period(since: Timestamp, until: Option<Timestamp>) -> String {
    let until = until.map(|until| format!(" until {}", seconds(until))).unwrap_or_default();
    format!("since {}{until}", seconds(since))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use shared::ledger::{CompletedRecord, Outcome, RecordState, RecordView};

    #[test]
    fn an_accepted_message_waits_until_the_ledger_has_an_outcome_of_an_attempt() {
        let line = json!({
            "timestamp": "2026-01-02T03:04:05Z", "integration": "acme", "outcome": "accepted", "message_id": "m-1",
            "webhook_id": format!("msg_{}", "0a".repeat(32)),
        });
        let line = LogLine::read(&line.to_string(), "webhook-receiver").unwrap();
        let now = Timestamp::from_second(1).unwrap();
        let row = |state: RecordState| {
            let status = LedgerStatus::of(&line.ledger_key().unwrap(), RecordView::new(state, 1), now);
            waiting_row(&line, Some(&status))
        };
        let nothing = waiting_row(&line, None).unwrap();
        assert_eq!((Some("m-1"), None, None), (nothing.message_id.as_deref(), nothing.reason, nothing.attempts));
        for (until, expected) in [(2, "an attempt is in progress"), (0, "an attempt was interrupted")] {
            let leased = row(RecordState::Leased { until: Timestamp::from_second(until).unwrap() }).unwrap();
            assert_eq!(Some(expected), leased.reason.as_deref());
        }
        let released = row(RecordState::Released).unwrap();
        assert_eq!(Some("an attempt of an earlier version failed"), released.reason.as_deref());
        let completed = CompletedRecord {
            outcome: Outcome::Succeeded,
            response: None,
            fingerprint: None,
            replay: None,
            attempts: 1,
        };
        assert!(row(RecordState::Completed(completed)).is_none());
    }
}
