//! What became of something, by the ledger.

use crate::failure::Failure;
use crate::output::plain;
use crate::stack::Stack;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use shared::delivery::record::Record;
use shared::ledger::{Entry, Ledger, Outcome, Progress, RETENTION, Settled};

/// What became of something.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fate {
    /// What it is called in the ledger.
    key: String,
    pub(crate) state: State,
    /// How often it has been tried.
    attempts: u64,
    /// Until when the attempt that is under way may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// Why it failed, or was dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The status with which the messaging service refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// The receipt that the platform gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Receipt>,
    /// What a caller was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Value>,
    /// Until when the ledger knows of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_until: Option<Timestamp>,
}

/// A receipt that the platform gets.
#[derive(Debug, Serialize)]
struct Receipt {
    status: &'static str,
    reasons: Vec<String>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// An attempt is under way.
    InProgress,
    /// The attempt was cut off.
    CutOff,
    /// It will be tried again.
    ToBeRetried,
    /// The messaging service has it.
    Delivered,
    /// The messaging service refused it for good.
    Refused,
    /// It could not be delivered in time.
    GivenUp,
    /// It was not delivered, and nobody misses it: the text of a card, or a typing event that did not get through.
    Dropped,
    /// Of other things than deliveries: done.
    Done,
    /// Of other things than deliveries: refused for good.
    Failed,
    /// Nobody can tell whether it was done.
    Unknown,
}

impl State {
    /// Whether nothing more will happen.
    pub(crate) fn is_settled(self) -> bool {
        !matches!(self, Self::InProgress | Self::CutOff | Self::ToBeRetried)
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::InProgress => "in progress",
            Self::CutOff => "the last attempt was cut off before its end could be recorded",
            Self::ToBeRetried => "not yet: it will be tried again",
            Self::Delivered => "delivered",
            Self::Refused => "refused by the messaging service (see `patchbay failed list`)",
            Self::GivenUp => {
                "given up: the messaging service could not be reached in time (see `patchbay failed list`)"
            }
            Self::Dropped => "dropped, and not delivered: it is worth nothing to the customer",
            Self::Done => "done",
            Self::Failed => "refused for good",
            Self::Unknown => "unknown: it may have been done, and is not tried again",
        }
    }
}

impl Fate {
    /// What the ledger holds under `key`.
    pub(crate) async fn find(stack: &Stack, key: &str) -> Result<Option<Self>, Failure> {
        let ledger = Ledger::new(aws_sdk_dynamodb::Client::new(&stack.aws), stack.output("LedgerTable").await?);
        let entry = ledger.look(key).await.map_err(|error| Failure::Failed(error.to_string()))?;
        Ok(entry.map(|entry| Self::of(key, entry, Timestamp::now())))
    }

    fn of(key: &str, entry: Entry, now: Timestamp) -> Self {
        let mut fate = Self {
            key: key.to_owned(),
            state: State::ToBeRetried,
            attempts: entry.version,
            until: None,
            reason: None,
            status: None,
            receipt: None,
            answer: None,
            kept_until: entry.expires_at,
        };
        match entry.progress {
            Progress::Released => {}
            Progress::Claimed { until } => {
                fate.state = if until > now { State::InProgress } else { State::CutOff };
                fate.until = Some(until);
            }
            Progress::Settled(settled) if key.starts_with("delivery#") => fate.settled_delivery(&settled),
            Progress::Settled(settled) => {
                fate.state = match settled.outcome {
                    Outcome::Done => State::Done,
                    Outcome::Failed => State::Failed,
                    Outcome::Unknown => State::Unknown,
                };
                fate.answer = settled.answer.and_then(|answer| serde_json::from_str(&answer).ok());
            }
        }
        fate
    }

    fn settled_delivery(&mut self, settled: &Settled) {
        let record = Record::read(settled.answer.as_deref());
        self.state = match (settled.outcome, record.status) {
            (Outcome::Unknown, _) => State::Unknown,
            _ if record.is_dropped() => State::Dropped,
            (Outcome::Done, _) => State::Delivered,
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

    /// The same as names and values, for people.
    pub(crate) fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![("state", self.state.words().to_owned()), ("attempts", self.attempts.to_string())];
        let mut add = |name, value: Option<String>| pairs.extend(value.map(|value| (name, value)));
        add("until", self.until.map(|until| until.to_string()));
        add("reason", self.reason.as_deref().map(plain));
        add("status", self.status.map(|status| status.to_string()));
        add(
            "receipt",
            self.receipt.as_ref().map(|receipt| format!("{} {}", receipt.status, receipt.reasons.join(", "))),
        );
        add("answer", self.answer.as_ref().map(Value::to_string));
        add("kept until", self.kept_until.map(|until| until.to_string()));
        add("ledger key", Some(plain(&self.key)));
        pairs
    }
}

/// How long the ledger knows of things, in days.
pub(crate) const RETENTION_DAYS: u64 = RETENTION.as_secs() / (24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEY: &str = "delivery#acme#00";

    fn fate(key: &str, progress: Progress) -> Fate {
        Fate::of(key, Entry { progress, version: 3, expires_at: None }, Timestamp::UNIX_EPOCH)
    }

    fn settled(outcome: Outcome, answer: Option<&str>) -> Progress {
        Progress::Settled(Settled {
            outcome,
            answer: answer.map(str::to_owned),
            fingerprint: None,
            replay: None,
            attempts: 1,
        })
    }

    #[test]
    fn a_lease_that_is_over_was_cut_off_and_one_given_back_will_be_tried_again() {
        let second = |second| Progress::Claimed { until: Timestamp::from_second(second).unwrap() };
        assert_eq!(State::InProgress, fate(KEY, second(1)).state);
        assert_eq!(State::CutOff, fate(KEY, second(0)).state);
        assert_eq!(State::ToBeRetried, fate(KEY, Progress::Released).state);
    }

    #[test]
    fn a_delivery_was_made_refused_or_given_up() {
        let refused =
            r#"{"reason":"refused","status":404,"receipt":{"status":"Failed","reasons":["InvalidDestination"]}}"#;
        let expired = r#"{"reason":"expired","receipt":{"status":"Failed","reasons":["MessageExpired"]}}"#;
        assert_eq!(State::Delivered, fate(KEY, settled(Outcome::Done, None)).state);
        assert_eq!(State::GivenUp, fate(KEY, settled(Outcome::Failed, Some(expired))).state);
        let shown = serde_json::to_value(fate(KEY, settled(Outcome::Failed, Some(refused)))).unwrap();
        let expected = json!({
            "key": KEY, "state": "refused", "attempts": 3, "reason": "refused", "status": 404,
            "receipt": {"status": "Failed", "reasons": ["InvalidDestination"]},
        });
        assert_eq!(expected, shown);
    }

    #[test]
    fn the_text_of_a_card_and_a_typing_event_that_did_not_get_through_are_called_dropped() {
        let typing = r#"{"reason":"dropped","receipt":{"status":"Failed","reasons":["MessageExpired"]}}"#;
        for (outcome, answer) in [(Outcome::Done, r#"{"reason":"text trace"}"#), (Outcome::Failed, typing)] {
            let shown = fate(KEY, settled(outcome, Some(answer)));
            assert_eq!((State::Dropped, true), (shown.state, shown.state.is_settled()), "{answer}");
            assert!(!shown.state.words().starts_with("delivered") && shown.reason.is_some());
        }
    }

    #[test]
    fn a_request_has_its_answer() {
        let answer = r#"{"status":200,"body":{"id":"m-1"}}"#;
        let fate = fate("request#acme#00", settled(Outcome::Done, Some(answer)));
        assert_eq!((State::Done, Some(json!({"status": 200, "body": {"id": "m-1"}}))), (fate.state, fate.answer));
    }
}
