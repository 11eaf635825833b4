//! What the ledger knows of a delivery, a receipt or a request of a caller.

mod due;
mod lane;

pub(crate) use due::{attempt_time, trial_time};
pub(crate) use lane::Lane;

use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::output::{sanitize, seconds};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;
use shared::delivery::id::DeliveryId;
use shared::delivery::record::{self, DeliveryRecord};
use shared::digest::Digest;
use shared::ledger::key::{IntegrationKey, Kind};
use shared::ledger::{CompletedRecord, FailedAttempt, LedgerError, Outcome, RETENTION, RecordState, RecordView};
use shared::model::integration_name::IntegrationName;

/// Delays between attempts are shorter. What is due for longer waits for something else.
const OVERDUE: SignedDuration = SignedDuration::from_mins(20);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LedgerStatus {
    key: String,
    pub(crate) state: State,
    /// Not known if only the log says how it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attempts: Option<u64>,
    /// The last failed attempt, while another one is to be made.
    #[serde(rename = "failedAttempt", skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<FailedAttempt>,
    /// When the lease of the current attempt expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The HTTP status with which the messaging service refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Why the last attempt failed, if it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// When it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_at: Option<Timestamp>,
    /// The receipt for the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Receipt>,
    /// The response to a caller.
    #[serde(rename = "answer", skip_serializing_if = "Option::is_none")]
    response: Option<Value>,
    /// When the ledger forgets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_until: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct Receipt {
    status: &'static str,
    reasons: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// Accepted, and nothing is recorded.
    Waiting,
    InProgress,
    /// The lease of the last attempt expired before its outcome was recorded.
    #[serde(rename = "cut-off")]
    Interrupted,
    #[serde(rename = "to-be-retried")]
    RetryPending,
    Delivered,
    /// Permanently refused by the messaging service, the channel or the platform.
    Refused,
    /// It expired before it could be delivered.
    GivenUp,
    /// Intentionally not delivered: the text trace of a card, or an undelivered typing event.
    Dropped,
    /// A request or receipt succeeded.
    Done,
    /// A request or receipt was permanently refused.
    Failed,
    /// The outcome is unknown: it may have been done.
    Unknown,
    /// The ledger has forgotten it, and the log does not say how it ended.
    NoRecord,
}

impl State {
    /// Whether no further attempt will be made.
    pub(crate) fn is_completed(self) -> bool {
        !matches!(self, Self::Waiting | Self::InProgress | Self::Interrupted | Self::RetryPending)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::InProgress => "in progress",
            Self::Interrupted => "interrupted",
            Self::RetryPending => "retrying",
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::GivenUp => "given up",
            Self::Dropped => "dropped",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::NoRecord => "no record",
        }
    }

    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Waiting => "waiting: accepted, and no attempt is recorded yet",
            Self::InProgress => "in progress",
            Self::Interrupted => "the last attempt was interrupted before its outcome was recorded",
            Self::RetryPending => "waiting for a retry",
            Self::Delivered => "delivered",
            Self::Refused => "refused by the messaging service or the channel (see `patchbay failed list`)",
            Self::GivenUp => {
                "given up: it was not accepted in time, or its integration was removed (see `patchbay failed list`)"
            }
            Self::Dropped => "dropped and not delivered: the customer does not need it",
            Self::Done => "done",
            Self::Failed => "permanently refused",
            Self::Unknown => "unknown: it may have been done, and is not retried",
            Self::NoRecord => "no record: the ledger has forgotten it, and the log does not say how it ended",
        }
    }
}

impl LedgerStatus {
    pub(crate) async fn find(stack: &Stack, key: &str) -> Result<Option<Self>, CliError> {
        let entry = stack.ledger().await?.get(key).await.map_err(|error| ledger_error(&error))?;
        Ok(entry.map(|entry| Self::of(key, entry, Timestamp::now())))
    }

    /// Of a message of which the ledger has no record, by the log.
    pub(crate) fn without_record(key: &str, state: State, reason: Option<String>) -> Self {
        Self {
            key: key.to_owned(),
            state,
            attempts: (state == State::Waiting).then_some(0),
            failed: None,
            until: None,
            reason,
            status: None,
            error: None,
            failed_at: None,
            receipt: None,
            response: None,
            kept_until: None,
        }
    }

    pub(crate) fn of(key: &str, entry: RecordView, now: Timestamp) -> Self {
        let mut status = Self {
            attempts: Some(entry.attempts),
            failed: entry.failed_attempt().cloned(),
            kept_until: entry.expires_at,
            ..Self::without_record(key, State::RetryPending, None)
        };
        match entry.state {
            RecordState::Released => {}
            RecordState::Leased { until } => {
                status.state = if until > now { State::InProgress } else { State::Interrupted };
                status.until = Some(until);
            }
            RecordState::Completed(completed) if is_delivery(key) => status.completed_delivery(&completed),
            RecordState::Completed(completed) => {
                status.state = match completed.outcome {
                    Outcome::Succeeded => State::Done,
                    Outcome::Failed => State::Failed,
                    Outcome::Unknown => State::Unknown,
                };
                status.response = completed.response.and_then(|answer| serde_json::from_str(&answer).ok());
            }
        }
        status
    }

    fn completed_delivery(&mut self, completed: &CompletedRecord) {
        let record = DeliveryRecord::from_stored(completed.response.as_deref());
        self.state = match (completed.outcome, record.status) {
            (Outcome::Unknown, _) => State::Unknown,
            _ if record.is_dropped() => State::Dropped,
            (Outcome::Succeeded, _) => State::Delivered,
            (Outcome::Failed, Some(_)) => State::Refused,
            (Outcome::Failed, None) => match record.reason.as_deref() {
                Some(record::REFUSED | record::UNSUPPORTED) => State::Refused,
                Some(record::OUTCOME_UNKNOWN) => State::Unknown,
                _ => State::GivenUp,
            },
        };
        self.reason = record.reason;
        self.status = record.status;
        self.error = record.error;
        self.failed_at = record.at;
        self.receipt = record.receipt.map(|receipt| Receipt {
            status: receipt.status.as_str(),
            reasons: receipt.reasons.iter().map(|reason| reason.code.as_str().to_owned()).collect(),
        });
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn integration(&self) -> Option<IntegrationName> {
        Some(IntegrationKey::parse(&self.key)?.integration)
    }

    /// The `webhook-id`, if it is a delivery.
    pub(crate) fn webhook_id(&self) -> Option<String> {
        let key = IntegrationKey::parse(&self.key).filter(|key| key.kind == Kind::Delivery)?;
        Some(DeliveryId::from(Digest::parse(key.id)?).to_string())
    }

    /// Whether the next attempt was due long ago, and none is recorded.
    pub(crate) fn is_overdue(&self, now: Timestamp) -> bool {
        let due = self.failed.as_ref().map(|failed| failed.next_attempt_at);
        self.state == State::RetryPending && due.is_some_and(|due| now.duration_since(due) > OVERDUE)
    }

    /// The last failed attempt, for people.
    fn failed_attempt_values(&self, failed: &FailedAttempt) -> [(&'static str, Option<String>); 4] {
        let outdated = self.state == State::RetryPending && Some(failed.attempt) < self.attempts;
        let of = if outdated { " (later ones are not recorded)" } else { "" };
        [
            ("last failure", Some(format!("attempt {} at {}{of}", failed.attempt, seconds(failed.at)))),
            ("failure", Some(sanitize(&failed.reason))),
            (
                "next attempt",
                (self.state == State::RetryPending).then(|| attempt_time(failed.next_attempt_at, Timestamp::now())),
            ),
            ("given up at", Some(seconds(failed.gives_up_at))),
        ]
    }

    /// For the human-readable output.
    pub(crate) fn key_values(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![("state", self.state.describe().to_owned())];
        let mut add = |name, value: Option<String>| pairs.extend(value.map(|value| (name, value)));
        add("attempts", self.attempts.map(|attempts| attempts.to_string()));
        for (name, value) in self.failed.iter().flat_map(|failed| self.failed_attempt_values(failed)) {
            add(name, value);
        }
        add("until", self.until.map(|until| until.to_string()));
        add("reason", self.reason.as_deref().map(sanitize));
        add("status", self.status.map(|status| status.to_string()));
        add("last error", self.error.as_deref().map(sanitize));
        add("failed at", self.failed_at.map(seconds));
        add(
            "receipt",
            self.receipt.as_ref().map(|receipt| format!("{} {}", receipt.status, receipt.reasons.join(", "))),
        );
        add("answer", self.response.as_ref().map(Value::to_string));
        add("in the ledger until", self.kept_until.map(|until| until.to_string()));
        add("ledger key", Some(sanitize(&self.key)));
        pairs
    }
}

fn is_delivery(key: &str) -> bool {
    IntegrationKey::parse(key).is_some_and(|key| key.kind == Kind::Delivery)
}

pub(crate) fn ledger_error(error: &LedgerError) -> CliError {
    CliError::Failed(match error {
        LedgerError::NoIndex => {
            format!("{error}: the stack is older than this command; upgrade it, or use the command of its version")
        }
        _ => error.to_string(),
    })
}

/// How long the ledger keeps completed records.
pub(crate) const RETENTION_DAYS: u64 = RETENTION.as_secs() / (24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEY: &str = "delivery#acme#0000000000000000000000000000000000000000000000000000000000000000";

    fn status(key: &str, state: RecordState) -> LedgerStatus {
        LedgerStatus::of(key, RecordView::new(state, 3), Timestamp::UNIX_EPOCH)
    }

    fn settled(outcome: Outcome, answer: Option<&str>) -> RecordState {
        RecordState::Completed(CompletedRecord {
            outcome,
            response: answer.map(str::to_owned),
            fingerprint: None,
            replay: None,
            attempts: 1,
        })
    }

    #[test]
    fn an_expired_lease_is_interrupted_and_a_released_one_is_retried() {
        let second = |second| RecordState::Leased { until: Timestamp::from_second(second).unwrap() };
        assert_eq!(State::InProgress, status(KEY, second(1)).state);
        assert_eq!(State::Interrupted, status(KEY, second(0)).state);
        assert_eq!(State::RetryPending, status(KEY, RecordState::Released).state);
    }

    #[test]
    fn what_was_accepted_and_is_not_in_the_ledger_waits() {
        let waiting = LedgerStatus::without_record(KEY, State::Waiting, None);
        assert_eq!((false, Some(0)), (waiting.state.is_completed(), waiting.attempts));
        let webhook_id = format!("msg_{}", "0".repeat(64));
        assert_eq!(("acme".parse().ok(), Some(webhook_id)), (waiting.integration(), waiting.webhook_id()));
        let receipt = KEY.replace("delivery", "receipt");
        assert_eq!(None, LedgerStatus::without_record(&receipt, State::Waiting, None).webhook_id());
    }

    /// The status of a delivery whose first attempt failed at the epoch.
    fn retried() -> LedgerStatus {
        let at = Timestamp::UNIX_EPOCH;
        let failed = FailedAttempt {
            attempt: 1,
            at,
            reason: "timeout".to_owned(),
            next_attempt_at: at,
            gives_up_at: at,
            received_at: at,
            kind: "Text".to_owned(),
            message_id: "m".to_owned(),
            conversation_id: None,
            group: "g".to_owned(),
        };
        LedgerStatus { failed: Some(failed), ..LedgerStatus::without_record(KEY, State::RetryPending, None) }
    }

    #[test]
    fn a_message_is_overdue_if_no_attempt_is_recorded_long_after_it_was_due() {
        let (at, retried) = (Timestamp::UNIX_EPOCH, retried());
        assert!(!retried.is_overdue(at + OVERDUE) && retried.is_overdue(at + OVERDUE + SignedDuration::from_secs(1)));
        let attempted = LedgerStatus { state: State::InProgress, ..retried };
        assert!(!attempted.is_overdue(Timestamp::MAX));
    }

    #[test]
    fn attempts_after_the_last_recorded_failure_are_not_recorded_whatever_made_them() {
        let failure = |attempts| {
            let status = LedgerStatus { attempts: Some(attempts), ..retried() };
            status.key_values().into_iter().find(|(name, _)| *name == "last failure").unwrap().1
        };
        assert!(failure(2).ends_with("(later ones are not recorded)"), "{}", failure(2));
        assert!(!failure(1).contains("later"), "{}", failure(1));
    }

    #[test]
    fn a_stack_without_the_index_is_said_to_be_older_than_the_command() {
        let said = ledger_error(&LedgerError::NoIndex).to_string();
        assert!(said.contains("the stack is older than this command; upgrade it"), "{said}");
    }

    #[test]
    fn a_completed_delivery_was_delivered_refused_or_given_up() {
        let refused =
            r#"{"reason":"refused","status":404,"receipt":{"status":"Failed","reasons":["InvalidDestination"]}}"#;
        let expired = r#"{"reason":"expired","receipt":{"status":"Failed","reasons":["MessageExpired"]}}"#;
        assert_eq!(State::Delivered, status(KEY, settled(Outcome::Succeeded, None)).state);
        assert_eq!(State::GivenUp, status(KEY, settled(Outcome::Failed, Some(expired))).state);
        // A channel's answers are no HTTP statuses.
        for (reason, expected) in
            [("refused", State::Refused), ("unsupported", State::Refused), ("outcome-unknown", State::Unknown)]
        {
            let record = json!({"reason": reason, "error": "21610"}).to_string();
            assert_eq!(expected, status(KEY, settled(Outcome::Failed, Some(&record))).state, "{reason}");
        }
        let shown = serde_json::to_value(status(KEY, settled(Outcome::Failed, Some(refused)))).unwrap();
        let expected = json!({
            "key": KEY, "state": "refused", "attempts": 3, "reason": "refused", "status": 404,
            "receipt": {"status": "Failed", "reasons": ["InvalidDestination"]},
        });
        assert_eq!(expected, shown);
    }

    #[test]
    fn a_text_trace_and_an_undelivered_typing_event_are_dropped() {
        let typing = r#"{"reason":"dropped","receipt":{"status":"Failed","reasons":["MessageExpired"]}}"#;
        for (outcome, answer) in [(Outcome::Succeeded, r#"{"reason":"text trace"}"#), (Outcome::Failed, typing)] {
            let shown = status(KEY, settled(outcome, Some(answer)));
            assert_eq!((State::Dropped, true), (shown.state, shown.state.is_completed()), "{answer}");
            assert!(!shown.state.describe().starts_with("delivered") && shown.reason.is_some());
        }
    }

    #[test]
    fn a_completed_request_has_its_response() {
        let answer = r#"{"status":200,"body":{"id":"m-1"}}"#;
        let status = status("request#acme#00", settled(Outcome::Succeeded, Some(answer)));
        assert_eq!((State::Done, Some(json!({"status": 200, "body": {"id": "m-1"}}))), (status.state, status.response));
    }
}
