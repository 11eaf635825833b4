//! What the ledger knows of a delivery, a receipt or a request of a caller.

use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::output::sanitize;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use shared::delivery::record::DeliveryRecord;
use shared::ledger::{CompletedRecord, Ledger, Outcome, RETENTION, RecordState, RecordView};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LedgerStatus {
    key: String,
    pub(crate) state: State,
    attempts: u64,
    /// When the lease of the current attempt expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The HTTP status with which the messaging service refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
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
    InProgress,
    /// The lease of the last attempt expired before its outcome was recorded.
    #[serde(rename = "cut-off")]
    Interrupted,
    #[serde(rename = "to-be-retried")]
    RetryPending,
    Delivered,
    /// Permanently refused by the messaging service.
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
}

impl State {
    /// Whether no further attempt will be made.
    pub(crate) fn is_completed(self) -> bool {
        !matches!(self, Self::InProgress | Self::Interrupted | Self::RetryPending)
    }

    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::InProgress => "in progress",
            Self::Interrupted => "the last attempt was interrupted before its outcome was recorded",
            Self::RetryPending => "waiting for a retry",
            Self::Delivered => "delivered",
            Self::Refused => "refused by the messaging service (see `patchbay failed list`)",
            Self::GivenUp => {
                "given up: the messaging service could not be reached in time (see `patchbay failed list`)"
            }
            Self::Dropped => "dropped and not delivered: the customer does not need it",
            Self::Done => "done",
            Self::Failed => "permanently refused",
            Self::Unknown => "unknown: it may have been done, and is not retried",
        }
    }
}

impl LedgerStatus {
    pub(crate) async fn find(stack: &Stack, key: &str) -> Result<Option<Self>, CliError> {
        let ledger = Ledger::new(aws_sdk_dynamodb::Client::new(&stack.aws), stack.output("LedgerTable").await?);
        let entry = ledger.get(key).await.map_err(|error| CliError::Failed(error.to_string()))?;
        Ok(entry.map(|entry| Self::of(key, entry, Timestamp::now())))
    }

    fn of(key: &str, entry: RecordView, now: Timestamp) -> Self {
        let mut status = Self {
            key: key.to_owned(),
            state: State::RetryPending,
            attempts: entry.attempts,
            until: None,
            reason: None,
            status: None,
            receipt: None,
            response: None,
            kept_until: entry.expires_at,
        };
        match entry.state {
            RecordState::Released => {}
            RecordState::Leased { until } => {
                status.state = if until > now { State::InProgress } else { State::Interrupted };
                status.until = Some(until);
            }
            RecordState::Completed(completed) if key.starts_with("delivery#") => status.completed_delivery(&completed),
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
            (Outcome::Failed, None) => State::GivenUp,
        };
        self.reason = record.reason;
        self.status = record.status;
        self.receipt = record.receipt.map(|receipt| Receipt {
            status: receipt.status.as_str(),
            reasons: receipt.reasons.iter().map(|reason| reason.code.as_str().to_owned()).collect(),
        });
    }

    /// For the human-readable output.
    pub(crate) fn key_values(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![("state", self.state.describe().to_owned()), ("attempts", self.attempts.to_string())];
        let mut add = |name, value: Option<String>| pairs.extend(value.map(|value| (name, value)));
        add("until", self.until.map(|until| until.to_string()));
        add("reason", self.reason.as_deref().map(sanitize));
        add("status", self.status.map(|status| status.to_string()));
        add(
            "receipt",
            self.receipt.as_ref().map(|receipt| format!("{} {}", receipt.status, receipt.reasons.join(", "))),
        );
        add("answer", self.response.as_ref().map(Value::to_string));
        add("kept until", self.kept_until.map(|until| until.to_string()));
        add("ledger key", Some(sanitize(&self.key)));
        pairs
    }
}

/// How long the ledger keeps completed records.
pub(crate) const RETENTION_DAYS: u64 = RETENTION.as_secs() / (24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEY: &str = "delivery#acme#00";

    fn status(key: &str, state: RecordState) -> LedgerStatus {
        LedgerStatus::of(key, RecordView { state, attempts: 3, expires_at: None }, Timestamp::UNIX_EPOCH)
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
    fn a_completed_delivery_was_delivered_refused_or_given_up() {
        let refused =
            r#"{"reason":"refused","status":404,"receipt":{"status":"Failed","reasons":["InvalidDestination"]}}"#;
        let expired = r#"{"reason":"expired","receipt":{"status":"Failed","reasons":["MessageExpired"]}}"#;
        assert_eq!(State::Delivered, status(KEY, settled(Outcome::Succeeded, None)).state);
        assert_eq!(State::GivenUp, status(KEY, settled(Outcome::Failed, Some(expired))).state);
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
