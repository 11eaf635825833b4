//! One message of the list.

use super::status::Status;
use crate::commands::failed;
use crate::status::{Lane, LedgerStatus};
use crate::ui::output::{seconds, short_group};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use shared::limits::truncate;

/// Longer reasons are truncated in the table.
const REASON_CHARACTERS: usize = 36;

/// No text, and no address.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    pub(super) status: Status,
    pub(super) integration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) webhook_id: Option<String>,
    /// Of what is retried: a receipt has no `webhook-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ledger_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) conversation_id: Option<String>,
    /// When it came into this state.
    pub(super) since: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) received_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_attempt_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_attempt_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gives_up_at: Option<Timestamp>,
    /// Whether the next attempt was due long ago.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) overdue: bool,
    /// Whether the next attempt is due, and the circuit of its endpoint is open.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) waits_for_circuit: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lane: Option<Lane>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<String>,
}

impl Row {
    pub(super) fn new(status: Status, integration: &str, since: Timestamp) -> Self {
        Self {
            status,
            integration: integration.to_owned(),
            kind: None,
            message_id: None,
            webhook_id: None,
            ledger_key: None,
            conversation_id: None,
            since,
            received_at: None,
            attempts: None,
            reason: None,
            last_attempt_at: None,
            next_attempt_at: None,
            gives_up_at: None,
            overdue: false,
            waits_for_circuit: false,
            lane: None,
            group: None,
        }
    }

    pub(super) fn of_retrying(integration: &str, since: Timestamp, status: &LedgerStatus, now: Timestamp) -> Self {
        let failed = status.failed.as_ref();
        Self {
            kind: failed.map(|failed| failed.kind.clone()),
            message_id: failed.map(|failed| failed.message_id.clone()),
            webhook_id: status.webhook_id(),
            ledger_key: Some(status.key().to_owned()),
            conversation_id: failed.and_then(|failed| failed.conversation_id.clone()),
            received_at: failed.map(|failed| failed.received_at),
            attempts: status.attempts,
            reason: failed.map(|failed| failed.reason.clone()),
            last_attempt_at: failed.map(|failed| failed.at),
            next_attempt_at: failed.map(|failed| failed.next_attempt_at),
            gives_up_at: failed.map(|failed| failed.gives_up_at),
            overdue: status.is_overdue(now),
            group: failed.map(|failed| failed.group.clone()),
            ..Self::new(Status::Retrying, integration, since)
        }
    }

    pub(super) fn of_failed(view: failed::View) -> Self {
        Self {
            reason: Some(view.failure_reason()),
            kind: Some(view.kind.to_owned()),
            message_id: Some(view.message_id),
            webhook_id: Some(view.webhook_id),
            conversation_id: view.conversation_id,
            received_at: Some(view.received_at),
            attempts: Some(view.attempts),
            last_attempt_at: Some(view.failed_at),
            group: Some(view.group),
            ..Self::new(Status::Failed, &view.integration, view.failed_at)
        }
    }

    /// For people: how long until the next attempt, rather than its time.
    pub(super) fn cells(&self, now: Timestamp) -> [String; 11] {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let next = match self.next_attempt_at {
            Some(_) if self.waits_for_circuit => "waits for the circuit".to_owned(),
            Some(_) if self.overdue => "overdue".to_owned(),
            Some(at) => until(now, at),
            None => String::new(),
        };
        [
            text(&self.message_id),
            self.status.as_str().to_owned(),
            truncate(text(&self.reason), REASON_CHARACTERS),
            next,
            self.gives_up_at.map(|at| until(now, at)).unwrap_or_default(),
            text(&self.kind),
            self.integration.clone(),
            self.attempts.map(|attempts| attempts.to_string()).unwrap_or_default(),
            seconds(self.since),
            self.lane.map(|lane| lane.as_str().to_owned()).unwrap_or_default(),
            short_group(&text(&self.group)),
        ]
    }
}

/// How long until a time.
fn until(now: Timestamp, at: Timestamp) -> String {
    let left = at.duration_since(now);
    match left.as_secs() {
        ..=0 => "due".to_owned(),
        seconds @ 1..120 => format!("in {seconds} s"),
        seconds @ 120..7_200 => format!("in {} min", seconds / 60),
        _ if left < SignedDuration::from_hours(48) => format!("in {} h", left.as_hours()),
        _ => format!("in {} d", left.as_hours() / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_until_the_next_attempt_is_short() {
        let now = Timestamp::UNIX_EPOCH;
        for (seconds, expected) in
            [(-5, "due"), (0, "due"), (90, "in 90 s"), (900, "in 15 min"), (21_600, "in 6 h"), (259_200, "in 3 d")]
        {
            assert_eq!(expected, until(now, now + SignedDuration::from_secs(seconds)));
        }
    }
}
