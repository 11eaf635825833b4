//! `patchbay messages list`.

mod context;
mod filter;
mod logged;
mod part;
mod queues;
mod retrying;
mod row;
mod status;

use crate::aws::stack::Stack;
use crate::aws::{completion, integrations};
use crate::commands::failed;
use crate::error::CliError;
use crate::ui::help::examples;
use crate::ui::output::Output;
use crate::ui::table::Column::{self, Optional, Required};
use crate::ui::table::table;
use crate::ui::values::{number, since};
use clap::Args;
use context::OpenCircuit;
use filter::Filter;
use jiff::Timestamp;
use part::Part;
use queues::QueueLengths;
pub(super) use retrying::{Retried, Retrying};
use row::Row;
use serde::Serialize;
use shared::model::integration_name::IntegrationName;
use status::Status;

#[derive(Debug, Args)]
#[command(after_help = examples(&[
    "patchbay messages list --integration acme",
    "patchbay messages list --status retrying --customer '+49 170 1234567'",
    "patchbay messages list --status waiting --integration acme --since 2h",
    "patchbay messages list --status failed --since 2d --json",
]))]
pub(crate) struct List {
    /// Only those of this integration
    #[arg(long, value_name = "NAME", add = completion::integrations())]
    integration: Option<IntegrationName>,
    /// Only those in this state, or in one of several, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Status::Retrying, Status::Failed])]
    status: Vec<Status>,
    /// Only those that came into this state since then: a time such as 2026-01-02T03:04:05Z, or a duration such as 90m or 2d
    /// [default: all; of waiting and delivered the last hour]
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// Only those of this customer: the address, or the first digits of the customer's group
    #[arg(long, value_name = "CUSTOMER")]
    customer: Option<String>,
    /// Maximum number to list of each state
    #[arg(long, default_value_t = 100, value_parser = number(1..=1000_u16))]
    limit: u16,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    messages: Vec<Row>,
    /// Of all integrations.
    queues: QueueLengths,
    open_circuits: Vec<OpenCircuit>,
    /// What the list covers, and where it ends.
    notes: Vec<String>,
    /// Whether there are more messages than are listed.
    #[serde(rename = "cut")]
    truncated: bool,
}

impl List {
    pub(super) async fn run(&self, stack: &Stack, output: Output) -> Result<(), CliError> {
        let filter = Filter { since: self.since, customer: self.customer.as_deref(), limit: self.limit.into() };
        if filter.customer.is_some() && self.status.iter().any(|status| status.is_from_log()) {
            return Err(CliError::Usage(
                "--customer selects retrying and failed messages only: the log does not name customers".to_owned(),
            ));
        }
        let integrations = match &self.integration {
            Some(name) => match integrations::unknown(stack, Some(name)).await {
                Some(unknown) => return Err(unknown),
                None => vec![name.clone()],
            },
            None => integrations::all_names(stack).await?,
        };
        let (mut messages, mut notes, mut truncated) = (Vec::new(), Vec::new(), false);
        for status in &self.status {
            let part = match status {
                Status::Retrying => retrying::part(stack, &integrations, &filter).await?,
                Status::Failed => self.failed(stack, output, &filter).await?,
                Status::Waiting => logged::waiting(stack, self.integration.as_ref(), &filter).await?,
                Status::Delivered => logged::delivered(stack, self.integration.as_ref(), &filter).await?,
            };
            messages.extend(part.rows);
            notes.extend(part.notes);
            truncated |= part.truncated;
        }
        let open_circuits = context::open_circuits(stack, &integrations).await?;
        let now = Timestamp::now();
        for row in messages.iter_mut().filter(|row| row.next_attempt_at.is_some_and(|due| due <= now)) {
            row.waits_for_circuit = open_circuits.iter().any(|circuit| circuit.holds(row));
        }
        let queues = QueueLengths::read(stack).await?;
        let listing = Listing { messages, queues, open_circuits, notes, truncated };
        output.result(&listing, |listing| human(listing, now));
        Ok(())
    }

    /// The failed messages: those of `patchbay failed list`.
    async fn failed(&self, stack: &Stack, output: Output, filter: &Filter<'_>) -> Result<Part, CliError> {
        let is_wanted = |message: &failed::FailedMessage| {
            self.integration.as_ref().is_none_or(|name| message.integration() == name.as_str())
                && filter.since.is_none_or(|since| message.parked.failed_at >= since)
                && filter.has_customer(message.integration(), &message.parked.group)
        };
        let kept = failed::Listing::read(stack, output, is_wanted, failed::View::new).await?;
        let count = kept.failed.len();
        let mut notes: Vec<_> = kept.coverage.notes().collect();
        notes.extend((count > filter.limit).then(|| {
            format!("{} of {count} failed messages are listed; `patchbay failed list` lists all.", filter.limit)
        }));
        let truncated = count > filter.limit || kept.coverage.truncated;
        Ok(Part { rows: kept.failed.into_iter().take(filter.limit).map(Row::of_failed).collect(), notes, truncated })
    }
}

const COLUMNS: [Column; 11] = [
    Required("message id"),
    Required("status"),
    Required("reason"),
    Optional("next attempt"),
    Optional("given up"),
    Optional("kind"),
    Optional("integration"),
    Optional("attempts"),
    Optional("since"),
    Optional("lane"),
    Optional("customer's group"),
];

fn human(listing: &Listing, now: Timestamp) -> String {
    let mut parts = vec![match listing.messages.as_slice() {
        [] => "No matching messages were found.".to_owned(),
        messages => table(COLUMNS, messages.iter().map(|row| row.cells(now))),
    }];
    parts.extend(overdue(&listing.messages));
    parts.extend(listing.open_circuits.iter().map(|circuit| circuit.describe(now)));
    parts.extend(listing.notes.iter().cloned());
    parts.push(listing.queues.describe());
    parts.join("\n\n")
}

/// What may have become of messages whose next attempt was due long ago.
fn overdue(messages: &[Row]) -> Option<String> {
    let count = messages.iter().filter(|row| row.overdue && !row.waits_for_circuit).count();
    (count > 0).then(|| {
        format!(
            "Overdue: {count}. No attempt was recorded when it was due. Their lane may be long (below), their integration may \
             be removed, or they may be dead letters (`patchbay dead-letters list`)."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{LedgerStatus, State};
    use jiff::SignedDuration;
    use shared::ledger::FailedAttempt;

    /// A message whose next attempt is due at the epoch.
    fn retrying(now: Timestamp) -> Row {
        let at = Timestamp::UNIX_EPOCH;
        let failed = FailedAttempt {
            attempt: 3,
            at: at - SignedDuration::from_secs(8),
            reason: "status 503".to_owned(),
            next_attempt_at: at,
            gives_up_at: at + SignedDuration::from_hours(6),
            received_at: at - SignedDuration::from_secs(20),
            kind: "Text".to_owned(),
            message_id: "m-1".to_owned(),
            conversation_id: None,
            group: "0a".repeat(32),
        };
        let mut status = LedgerStatus::without_record("delivery#acme#0a", State::RetryPending, None);
        (status.attempts, status.failed) = (Some(3), Some(failed));
        Row::of_retrying("acme", at - SignedDuration::from_secs(19), &status, now)
    }

    fn shown(now: Timestamp) -> String {
        let queues = QueueLengths { direct_lane: 2, retry_lane: 1, failed: 0, dead_letters: 0 };
        let messages = vec![retrying(now)];
        let listing = Listing { messages, queues, open_circuits: Vec::new(), notes: Vec::new(), truncated: false };
        human(&listing, now)
    }

    #[test]
    fn a_row_says_why_when_the_next_attempt_is_made_and_when_the_message_is_given_up() {
        let shown = shown(Timestamp::UNIX_EPOCH - SignedDuration::from_secs(5));
        for cell in ["m-1", "retrying", "status 503", "in 5 s", "in 6 h", "acme", "0a0a0a0a0a0a"] {
            assert!(shown.contains(cell), "{cell}: {shown}");
        }
        assert!(shown.contains("2 on the direct lane, 1 on the retry lane") && !shown.contains("Overdue"), "{shown}");
    }

    #[test]
    fn what_waits_for_an_open_circuit_says_so_instead_of_being_overdue() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(21);
        let row = Row { waits_for_circuit: true, ..retrying(now) };
        assert_eq!("waits for the circuit", row.cells(now)[3]);
        assert_eq!(None, overdue(&[row]));
    }

    #[test]
    fn an_attempt_that_was_due_long_ago_is_overdue_and_the_list_says_what_that_may_mean() {
        let shown = shown(Timestamp::UNIX_EPOCH + SignedDuration::from_mins(21));
        assert!(
            shown.contains("overdue") && shown.contains("Overdue: 1.") && shown.contains("dead letters"),
            "{shown}"
        );
    }
}
