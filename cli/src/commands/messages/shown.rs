//! What is known of a message, a receipt or a request: by the ledger, and by the log.

use super::list::{Retried, Retrying};
use super::log_search::{ACCEPTED, LogLine};
use crate::error::CliError;
use crate::status::{Lane, LedgerStatus, State, attempt_time, ledger_error};
use crate::ui::output::seconds;
use crate::ui::table::Column::{Optional, Required};
use crate::ui::table::table;
use jiff::Timestamp;
use serde::Serialize;
use shared::delivery::record;
use shared::ledger::{Ledger, RETENTION, key};
use shared::model::integration_name::IntegrationName;
use shared::model::receipt::DeliveryStatus;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What the ledger knows, with what the log adds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    #[serde(flatten)]
    status: LedgerStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) webhook_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<Lane>,
    /// What the provider of a channel has reported of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    reported: Option<DeliveryStatus>,
    /// The platform's id of the message of the same conversation that is retried: this one waits behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<String>,
    /// The group of the message that it waits behind, or its own.
    #[serde(skip)]
    group: Option<String>,
}

/// The platform's id of a message or a conversation.
pub(super) struct PlatformId<'i> {
    pub(super) id: &'i str,
    /// Those that it may be of.
    pub(super) integrations: HashSet<IntegrationName>,
}

/// A conversation of an integration.
type Conversation = (IntegrationName, String);

impl Shown {
    /// What is known under these keys, each with its lines in the log, by time.
    pub(super) async fn read(ledger: &Ledger, keys: &BTreeMap<String, Vec<&LogLine>>) -> Result<Vec<Self>, CliError> {
        let records = ledger.get_all(keys.keys().map(String::as_str)).await;
        let (mut records, now) = (records.map_err(|error| ledger_error(&error))?, Timestamp::now());
        let shown = keys.iter().filter_map(|(key, lines)| {
            let status = match records.remove(key) {
                Some(record) => LedgerStatus::of(key, record, now),
                None if lines.is_empty() => return None,
                None => by_log(key, lines, now),
            };
            Some(Self::new(status, lines.first().copied()))
        });
        Ok(shown.collect())
    }

    fn new(status: LedgerStatus, line: Option<&LogLine>) -> Self {
        let failed = status.failed.as_ref();
        let or_logged = |recorded: Option<String>, logged: fn(&LogLine) -> &Option<String>| {
            recorded.or_else(|| line.and_then(|line| logged(line).clone()))
        };
        Self {
            webhook_id: status.webhook_id(),
            message_id: or_logged(failed.map(|failed| failed.message_id.clone()), |line| &line.message_id),
            conversation_id: or_logged(failed.and_then(|failed| failed.conversation_id.clone()), |line| {
                &line.conversation_id
            }),
            kind: or_logged(failed.map(|failed| failed.kind.clone()), |line| &line.kind),
            lane: None,
            reported: None,
            behind: None,
            group: failed.map(|failed| failed.group.clone()),
            status,
        }
    }

    /// The key of what the channel's provider has reported, if it may have sent the message.
    fn reported_key(&self) -> Option<String> {
        let is_sent = self.webhook_id.is_some() && self.status.state.is_completed();
        is_sent.then(|| Some(key::reported_status(&self.status.integration()?, self.message_id.as_ref()?)))?
    }

    /// Its conversation, if it waits for its first attempt.
    fn waits_in(&self) -> Option<Conversation> {
        let is_waiting = self.status.state == State::Waiting;
        is_waiting.then(|| Some((self.status.integration()?, self.conversation_id.clone()?)))?
    }

    pub(super) fn key_values(&self) -> Vec<(&'static str, String)> {
        let mut pairs = self.status.key_values();
        let mut add = |name, value: Option<String>| pairs.extend(value.map(|value| (name, value)));
        add("waits behind", self.behind.clone());
        add("lane", self.lane.map(|lane| lane.as_str().to_owned()));
        add("reported by the channel", self.reported.map(|status| status.as_str().to_owned()));
        add("message id", self.message_id.clone());
        add("conversation id", self.conversation_id.clone());
        add("webhook-id", self.webhook_id.clone());
        pairs
    }
}

/// The status of a message of which the ledger has no record, and the log these lines. What the dispatcher did counts; before
/// that, the message waits.
fn by_log(key: &str, lines: &[&LogLine], now: Timestamp) -> LedgerStatus {
    let mut latest_first = lines.iter().rev();
    let dispatched = latest_first.clone().find_map(|line| Some((line, state_after(line)?)));
    let is_acceptance = |line: &&&LogLine| ACCEPTED.iter().any(|source| source.outcomes.contains(&&*line.outcome));
    let last = dispatched.or_else(|| Some((latest_first.find(is_acceptance)?, State::Waiting)));
    // The ledger has forgotten older ones.
    let is_recent = |line: &LogLine| line.time().is_some_and(|time| time + RETENTION > now);
    match last {
        Some((line, State::Waiting)) if is_recent(line) => LedgerStatus::without_record(key, State::Waiting, None),
        Some((_, State::Waiting)) | None => LedgerStatus::without_record(key, State::NoRecord, None),
        Some((line, state)) => LedgerStatus::without_record(key, state, line.reason.clone()),
    }
}

/// The state of a message after this line, if it is one of the dispatcher.
fn state_after(line: &LogLine) -> Option<State> {
    Some(match line.outcome.as_str() {
        "delivered" | "inbound_posted" => State::Delivered,
        "dropped" | "inbound_ignored" => State::Dropped,
        "failed" | "inbound_failed" => match line.reason.as_deref() {
            Some(record::OUTCOME_UNKNOWN) => State::Unknown,
            Some(record::EXPIRED | record::ORPHANED) => State::GivenUp,
            Some(record::DROPPED) => State::Dropped,
            _ => State::Refused,
        },
        "given_up" => State::GivenUp,
        "retry" | "circuit_open" | "inbound_retry" | "inbound_circuit_open" => State::Waiting,
        _ => return None,
    })
}

/// Adds what else is retried under the platform's id, such as receipts, and which messages those that wait are behind.
pub(super) async fn add_retried(
    ledger: &Ledger,
    shown: &mut Vec<Shown>,
    id: Option<PlatformId<'_>>,
) -> Result<(), CliError> {
    let waiting: HashSet<_> = shown.iter().filter_map(Shown::waits_in).collect();
    let (id, of_id) = id.map_or((None, HashSet::new()), |id| (Some(id.id), id.integrations));
    let integrations: HashSet<_> = waiting.iter().map(|(name, _)| name).chain(&of_id).collect();
    let is_about = |retried: &Retried| {
        let failed = retried.status.failed.as_ref();
        failed.is_some_and(|failed| {
            id.is_some_and(|id| failed.message_id == id || failed.conversation_id.as_deref() == Some(id))
        })
    };
    let conversation = |retried: &Retried| {
        Some((retried.integration.clone(), retried.status.failed.as_ref()?.conversation_id.clone()?))
    };
    // Only the first of a conversation is retried.
    let mut left = waiting.clone();
    let limit = if id.is_some() { usize::MAX } else { waiting.len() };
    let wanted = |retried: &Retried| {
        conversation(retried).is_some_and(|conversation| left.remove(&conversation)) || is_about(retried)
    };
    let retrying = Retrying::read(ledger, integrations, Timestamp::MIN, limit, wanted).await?;
    let mut ahead = HashMap::new();
    for retried in retrying.items {
        if let (Some(conversation), Some(failed)) = (conversation(&retried), &retried.status.failed) {
            ahead.entry(conversation).or_insert_with(|| (failed.message_id.clone(), failed.group.clone()));
        }
        let is_shown = shown.iter().any(|shown| shown.status.key() == retried.status.key());
        if is_about(&retried) && !is_shown {
            shown.push(Shown::new(retried.status, None));
        }
    }
    for shown in shown {
        let ahead = shown.waits_in().and_then(|conversation| ahead.get(&conversation));
        if let Some((message_id, group)) = ahead {
            (shown.behind, shown.group) = (Some(message_id.clone()), Some(group.clone()));
        }
    }
    Ok(())
}

/// Finds the lanes of those that are not completed: by their own group, or by that of the message that they wait behind.
pub(super) async fn find_lanes(ledger: &Ledger, shown: &mut [Shown]) -> Result<(), CliError> {
    let lanes = Lane::of_groups(ledger, shown.iter().filter_map(|shown| shown.group.as_deref())).await;
    let lanes = lanes.map_err(|error| ledger_error(&error))?;
    for shown in shown {
        shown.lane = shown.group.as_ref().and_then(|group| lanes.get(group).copied());
    }
    Ok(())
}

/// Adds what channels' providers have reported of the messages.
pub(super) async fn add_reported(ledger: &Ledger, shown: &mut [Shown]) -> Result<(), CliError> {
    let keys: Vec<_> = shown.iter().map(Shown::reported_key).collect();
    let mut reported = ledger
        .reported_statuses(keys.iter().flatten().map(String::as_str))
        .await
        .map_err(|error| ledger_error(&error))?;
    for (shown, key) in shown.iter_mut().zip(keys) {
        shown.reported = key.and_then(|key| reported.remove(&key));
    }
    Ok(())
}

/// Several messages, each in a line.
pub(super) fn summary(several: &[Shown]) -> String {
    let columns = [
        Required("webhook-id or ledger key"),
        Required("state"),
        Optional("reason"),
        Optional("message id"),
        Optional("kind"),
        Optional("attempts"),
        Optional("next attempt"),
        Optional("given up"),
    ];
    let now = Timestamp::now();
    let rows = several.iter().map(|shown| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let failed = shown.status.failed.as_ref();
        [
            shown.webhook_id.clone().unwrap_or_else(|| shown.status.key().to_owned()),
            shown.status.state.as_str().to_owned(),
            failed.map(|failed| failed.reason.clone()).unwrap_or_default(),
            text(&shown.message_id),
            text(&shown.kind),
            shown.status.attempts.map(|attempts| attempts.to_string()).unwrap_or_default(),
            failed.map(|failed| attempt_time(failed.next_attempt_at, now)).unwrap_or_default(),
            failed.map(|failed| seconds(failed.gives_up_at)).unwrap_or_default(),
        ]
    });
    format!(
        "{}\n\nThe id names several: `patchbay messages show` with one of these shows it alone.",
        table(columns, rows)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEY: &str = "delivery#acme#0a";

    /// The state by lines with these outcomes, a second apart, so long after the last one.
    fn state(outcomes: &[&str], later: std::time::Duration) -> State {
        let line = |(second, outcome): (i64, &&str)| {
            let time = Timestamp::from_second(second).unwrap();
            LogLine::read(&json!({"timestamp": time, "outcome": outcome}).to_string(), "f").unwrap()
        };
        let lines: Vec<_> = (0_i64..).zip(outcomes).map(line).collect();
        let last = lines.last().and_then(LogLine::time).unwrap();
        by_log(KEY, &lines.iter().collect::<Vec<_>>(), last + later).state
    }

    #[test]
    fn without_a_record_a_message_only_waits_if_nothing_else_happened_and_the_ledger_would_have_forgotten_nothing() {
        let soon = std::time::Duration::from_secs(60);
        for waiting in
            [&["accepted"][..], &["answered"], &["event_queued"], &["accepted", "retry"], &["accepted", "circuit_open"]]
        {
            assert_eq!(State::Waiting, state(waiting, soon), "{waiting:?}");
            assert_eq!(State::NoRecord, state(waiting, RETENTION), "{waiting:?}");
        }
        // A stale typing event, one while a circuit is open, a parked message, and one that the ledger has forgotten.
        for (ended, expected) in [
            (&["accepted", "dropped"][..], State::Dropped),
            (&["accepted", "circuit_open", "dropped"], State::Dropped),
            (&["accepted", "retry", "given_up"], State::GivenUp),
            (&["accepted", "delivered"], State::Delivered),
            (&["accepted", "failed"], State::Refused),
            (&["accepted", "inbound_retry", "inbound_posted"], State::Delivered),
            (&["accepted", "inbound_ignored"], State::Dropped),
            (&["accepted", "inbound_failed"], State::Refused),
            (&["accepted", "delivered", "accepted", "duplicate"], State::Delivered),
            (&["duplicate"], State::NoRecord),
        ] {
            assert_eq!(expected, state(ended, soon), "{ended:?}");
            assert_eq!(expected, state(ended, RETENTION), "{ended:?}");
        }
    }

    #[test]
    fn how_a_message_ended_by_the_log_has_its_reason_and_no_number_of_attempts() {
        let line = json!({"timestamp": "2026-01-02T03:04:05Z", "outcome": "dropped", "reason": "stale typing event"});
        let line = LogLine::read(&line.to_string(), "f").unwrap();
        let shown = serde_json::to_value(by_log(KEY, &[&line], Timestamp::UNIX_EPOCH)).unwrap();
        assert_eq!(json!({"key": KEY, "state": "dropped", "reason": "stale typing event"}), shown);
    }
}
