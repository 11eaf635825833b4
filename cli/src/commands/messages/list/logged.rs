//! Messages that only the log names: those that wait, and those that were delivered.

use super::filter::Filter;
use super::part::Part;
use super::row::Row;
use super::status::Status;
use crate::aws::log_groups::log_groups;
use crate::aws::stack::Stack;
use crate::commands::messages::log_search::{ACCEPTED, LogLine, LogTrail, Search, Source, TYPING, Truncated};
use crate::error::CliError;
use crate::status::{LedgerStatus, State, ledger_error};
use crate::ui::output::seconds;
use jiff::{SignedDuration, Timestamp};
use shared::ledger::RETENTION;
use shared::model::integration_name::IntegrationName;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

const DISPATCHER: &str = "message-dispatcher";
const DEFAULT_PERIOD: SignedDuration = SignedDuration::from_hours(1);
const DELIVERED: [Source; 1] = [Source { function: DISPATCHER, outcomes: &["delivered", "inbound_posted"] }];
/// Outcomes that may leave no record in the ledger.
const ENDED: [Source; 1] =
    [Source { function: DISPATCHER, outcomes: &["dropped", "inbound_ignored", "inbound_failed"] }];

/// Those that were accepted, and of which the ledger has no failed and no completed attempt.
pub(super) async fn waiting(
    stack: &Stack,
    integration: Option<&IntegrationName>,
    filter: &Filter<'_>,
) -> Result<Part, CliError> {
    let (ledger, mut rows, mut ended) = (stack.ledger().await?, HashMap::new(), HashSet::new());
    let collect = async |lines: Vec<LogLine>| {
        ended.extend(lines.iter().filter_map(LogLine::ledger_key));
        Ok(Vec::new())
    };
    let searched = search(stack, &ENDED, integration, filter, collect).await?;
    let keep = async |lines: Vec<LogLine>| {
        let now = Timestamp::now();
        let lines = lines.into_iter().filter(|line| may_wait(line, now));
        let lines = lines.filter_map(|line| Some((line.ledger_key()?, line)));
        let lines: Vec<_> = lines.filter(|(key, _)| !ended.contains(key)).collect();
        let records = ledger.get_all(lines.iter().map(|(key, _)| key.as_str())).await;
        let records = records.map_err(|error| ledger_error(&error))?;
        let waits = |(key, line): (String, LogLine)| {
            let status = records.get(&key).map(|record| LedgerStatus::of(&key, record.clone(), now));
            let row = waiting_row(&line, status.as_ref())?;
            // The first line of a message counts.
            match rows.entry(key) {
                Entry::Vacant(entry) => entry.insert(row),
                Entry::Occupied(_) => return None,
            };
            Some(line)
        };
        Ok(lines.into_iter().filter_map(waits).collect())
    };
    let found = search(stack, &ACCEPTED, integration, filter, keep).await?;
    let found = Found { truncated: found.truncated.or(searched.truncated), ..found };
    let rows = found.lines.iter().filter_map(|line| rows.remove(&line.ledger_key()?)).collect();
    let covers = format!(
        "Waiting: accepted {} and without a recorded outcome of an attempt, by the log and the ledger. They are on a lane, behind \
         another message of their customer or about to be delivered, or dead letters. Typing events are left out, and so \
         is what the log does not have: it may be a minute behind, and needs the LogLevel INFO.",
        found.period
    );
    Ok(found.into_part(rows, covers, filter.limit))
}

/// Whether the ledger would have a record of it if it did not wait.
fn may_wait(line: &LogLine, now: Timestamp) -> bool {
    line.kind.as_deref() != Some(TYPING) && line.time().is_some_and(|accepted| accepted + RETENTION > now)
}

fn waiting_row(line: &LogLine, status: Option<&LedgerStatus>) -> Option<Row> {
    let reason = match status {
        None => None,
        Some(status) if status.state.is_completed() || status.failed.is_some() => return None,
        Some(LedgerStatus { state: State::InProgress, .. }) => Some("an attempt is in progress"),
        Some(LedgerStatus { state: State::Interrupted, .. }) => Some("an attempt was interrupted"),
        Some(_) => Some("an attempt was made and is not recorded"),
    };
    Some(Row {
        reason: reason.map(str::to_owned),
        attempts: status.and_then(|status| status.attempts),
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
    let found = search(stack, &DELIVERED, integration, filter, async |lines| Ok(lines)).await?;
    let rows = found.lines.iter().filter_map(|line| row(line, Status::Delivered)).collect();
    let covers = format!(
        "Delivered: {}, by the dispatcher's log, which may be a minute behind and needs the LogLevel INFO. `patchbay messages \
         show` finds a single message for 35 days.",
        found.period
    );
    Ok(found.into_part(rows, covers, filter.limit))
}

/// What a search has found.
struct Found {
    /// By time.
    lines: Vec<LogLine>,
    truncated: Option<Truncated>,
    period: String,
}

impl Found {
    fn into_part(self, rows: Vec<Row>, covers: String, limit: usize) -> Part {
        let ends = self.truncated.map(|truncated| match truncated {
            Truncated::TooManyLines => {
                format!("There are more than {limit}: these are the first. --limit and --since select others.")
            }
            Truncated::Timeout => format!("Not all of the log was searched: {}.", truncated.describe("--since")),
        });
        Part { rows, truncated: ends.is_some(), notes: [Some(covers), ends].into_iter().flatten().collect() }
    }
}

/// Finds the first lines with these outcomes that are kept.
async fn search(
    stack: &Stack,
    sources: &[Source],
    integration: Option<&IntegrationName>,
    filter: &Filter<'_>,
    mut keep: impl AsyncFnMut(Vec<LogLine>) -> Result<Vec<LogLine>, CliError>,
) -> Result<Found, CliError> {
    let since = filter.since.unwrap_or_else(|| Timestamp::now() - DEFAULT_PERIOD);
    let groups = log_groups(stack).await?;
    let mut search = Search::new(stack, since, filter.limit);
    for Source { function, outcomes } in sources {
        let of_integration = integration.map(|name| format!(" && $.integration = \"{name}\"")).unwrap_or_default();
        let outcome: Vec<_> = outcomes.iter().map(|outcome| format!("$.outcome = \"{outcome}\"")).collect();
        let pattern = format!("{{ ({}){of_integration} }}", outcome.join(" || "));
        let is_wanted = |line: &LogLine| {
            outcomes.contains(&&*line.outcome)
                && line.webhook_id.is_some()
                && integration.is_none_or(|name| line.integration.as_deref() == Some(name.as_str()))
        };
        for group in groups.iter().filter(|(name, _)| name == function) {
            let keep = async |lines: Vec<LogLine>| keep(lines.into_iter().filter(is_wanted).collect()).await;
            search.group(group, &pattern, keep).await?;
        }
    }
    let LogTrail { lines, truncated, covered_until } = search.finish();
    let until = covered_until.map(|until| format!(" until {}", seconds(until))).unwrap_or_default();
    Ok(Found { lines, truncated, period: format!("since {}{until}", seconds(since)) })
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use shared::ledger::{CompletedRecord, Outcome, RecordState, RecordView};

    #[test]
    fn what_the_ledger_may_have_forgotten_and_typing_events_are_not_taken_for_waiting() {
        let accepted: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let line = |kind: &str| {
            let line = json!({"timestamp": accepted, "outcome": "accepted", "kind": kind});
            LogLine::read(&line.to_string(), "webhook-receiver").unwrap()
        };
        assert!(may_wait(&line("Text"), accepted + SignedDuration::from_hours(1)));
        assert!(!may_wait(&line("Text"), accepted + RETENTION));
        assert!(!may_wait(&line("Typing"), accepted));
    }

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
        assert_eq!(Some("an attempt was made and is not recorded"), released.reason.as_deref());
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
