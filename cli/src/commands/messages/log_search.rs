//! Searches the functions' logs for lines about messages.

use crate::aws::log_groups::log_groups;
use crate::aws::log_reader::{LogReader, SearchableId};
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::output::sanitize;
use futures::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;
use shared::delivery::envelope::InboundEnvelope;
use shared::delivery::id::DeliveryId;
use shared::ledger::key;
use shared::platform::Route;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

pub(super) const REQUEST_HINT: &str = "a caller's request is found with --key, --route, --caller and --integration";

/// The lines of a function with these outcomes.
pub(super) struct Source {
    pub(super) function: &'static str,
    pub(super) outcomes: &'static [&'static str],
}

/// The lines that say that a message was put onto the queue.
pub(super) const ACCEPTED: [Source; 5] = [
    Source { function: "webhook-receiver", outcomes: &["accepted"] },
    Source { function: "card-sender", outcomes: &["answered"] },
    Source { function: "conversation-events", outcomes: &["event_queued"] },
    Source { function: "channel-receiver", outcomes: &["accepted"] },
    Source { function: "inbound-sender", outcomes: &["answered"] },
];

/// The kind of a typing event: of no use later, so an outdated one is dropped without a record.
pub(super) const TYPING: &str = "Typing";
/// Those that put what customers did onto the queue.
const INBOUND: [&str; 2] = ["channel-receiver", "inbound-sender"];
/// More lines about one id are not useful to a reader.
const MAX_LINES: usize = 1_000;
/// The outcomes of lines about calls to a platform.
const CALL_OUTCOMES: [&str; 4] = ["platform_called", "token_requested", "file_uploaded", "previous_secret_used"];
/// A large log would take longer than a user waits.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(120);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogLine {
    time: String,
    function: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) integration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    pub(super) outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// The platform's or the channel's.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Why the outcome is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) webhook_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) conversation_id: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct LogTrail {
    /// By time.
    pub(super) lines: Vec<LogLine>,
    pub(super) truncated: Option<Truncated>,
    /// If there are more lines: the time of the last one that was read.
    pub(super) covered_until: Option<Timestamp>,
}

/// Why a search is incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Truncated {
    TooManyLines,
    #[serde(rename = "too-slow")]
    Timeout,
}

impl Truncated {
    /// `option` sets the time that is searched.
    pub(super) fn describe(self, option: &str) -> String {
        let why = match self {
            Self::TooManyLines => "there are more lines than are read".to_owned(),
            Self::Timeout => format!("it took longer than {} s", SEARCH_TIMEOUT.as_secs()),
        };
        format!("{why}; search a shorter time with {option}")
    }
}

/// A search in several log groups.
pub(super) struct Search {
    reader: LogReader,
    since: Timestamp,
    /// The most lines.
    maximum: usize,
    deadline: Instant,
    trail: LogTrail,
}

impl Search {
    pub(super) fn new(stack: &Stack, since: Timestamp, maximum: usize) -> Self {
        let (reader, deadline) = (LogReader::new(stack), Instant::now() + SEARCH_TIMEOUT);
        Self { reader, since, maximum, deadline, trail: LogTrail::default() }
    }

    /// Adds the first lines of a function's group that match the pattern, of each page those that `keep` returns, unless the time
    /// is up already.
    pub(super) async fn group(
        &mut self,
        (function, group): &(String, String),
        pattern: &str,
        mut keep: impl AsyncFnMut(Vec<LogLine>) -> Result<Vec<LogLine>, CliError>,
    ) -> Result<(), CliError> {
        if self.trail.truncated == Some(Truncated::Timeout) {
            return Ok(());
        }
        let maximum = self.trail.lines.len() + self.maximum;
        let mut pages = self.reader.pages(group, self.since, Some(pattern));
        loop {
            let page = match timeout_at(self.deadline, pages.try_next()).await {
                Ok(Ok(Some(page))) => page,
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => {
                    self.trail.truncated = Some(Truncated::Timeout);
                    return Ok(());
                }
            };
            let messages = page.iter().filter_map(|event| event.message());
            let lines = messages.filter_map(|message| LogLine::read(message, function)).collect();
            self.trail.lines.extend(keep(lines).await?);
            if self.trail.lines.len() > maximum {
                return Ok(());
            }
        }
    }

    /// The first lines of all groups.
    pub(super) fn finish(mut self) -> LogTrail {
        self.trail.lines.sort_by(|one, other| one.time.cmp(&other.time));
        if self.trail.lines.len() > self.maximum {
            self.trail.lines.truncate(self.maximum);
            self.trail.truncated.get_or_insert(Truncated::TooManyLines);
            self.trail.covered_until = self.trail.lines.last().and_then(LogLine::time);
        }
        self.trail
    }
}

/// Finds the lines with this id: the platform's id of the message or of its conversation, or the `webhook-id`.
pub(super) async fn find(stack: &Stack, id: &str, days: u16) -> Result<LogTrail, CliError> {
    let pattern = id.parse::<SearchableId>().map(|id| id.pattern());
    let pattern =
        pattern.map_err(|rule| CliError::Usage(format!("an id to search the log for {rule}; {REQUEST_HINT}")))?;
    let since = Timestamp::now() - SignedDuration::from_hours(24 * i64::from(days));
    let mut search = Search::new(stack, since, MAX_LINES);
    for group in log_groups(stack).await? {
        let about = async |lines: Vec<LogLine>| Ok(lines.into_iter().filter(|line| line.is_about(id)).collect());
        search.group(&group, &pattern, about).await?;
    }
    Ok(search.finish())
}

impl LogLine {
    pub(super) fn read(line: &str, function: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| line.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let outcome = text("outcome")?;
        let is_inbound = INBOUND.contains(&function) || outcome.starts_with("inbound_");
        let is_typing = text("route").as_deref() == Some(Route::InboundEvents.as_str());
        let inbound_kind = if is_typing { TYPING } else { InboundEnvelope::KIND };
        Some(Self {
            time: text("timestamp")?,
            function: function.to_owned(),
            integration: text("integration"),
            kind: text("kind").or_else(|| is_inbound.then(|| inbound_kind.to_owned())),
            outcome,
            reason: text("reason"),
            code: text("code"),
            cause: text("cause"),
            age_seconds: line.get("age_seconds").and_then(Value::as_f64),
            webhook_id: text("webhook_id"),
            message_id: text("message_id"),
            conversation_id: text("conversation_id"),
        })
    }

    /// Whether it is a step of the messages with this id. The platform's calls on the way are none.
    fn is_about(&self, id: &str) -> bool {
        let ids = [&self.message_id, &self.conversation_id, &self.webhook_id];
        ids.iter().any(|one| one.as_deref() == Some(id)) && !CALL_OUTCOMES.contains(&&*self.outcome)
    }

    pub(super) fn time(&self) -> Option<Timestamp> {
        self.time.parse().ok()
    }

    /// The ledger key of the message.
    pub(super) fn ledger_key(&self) -> Option<String> {
        let id = DeliveryId::parse(self.webhook_id.as_deref()?)?;
        Some(key::delivery(&self.integration.as_deref()?.parse().ok()?, id.digest().as_str()))
    }

    /// The reason with the code or the cause.
    fn why(&self) -> String {
        let reason = self.reason.as_deref().unwrap_or_default();
        let detail = self.code.as_deref().or(self.cause.as_deref()).filter(|detail| !reason.contains(detail));
        sanitize(detail.map_or_else(|| reason.to_owned(), |detail| format!("{reason} ({detail})")).trim_start())
    }

    pub(super) fn row(&self) -> [String; 8] {
        let shown = |text: &Option<String>| sanitize(text.as_deref().unwrap_or_default());
        let age = self.age_seconds.map(|age| format!("{age:.1} s")).unwrap_or_default();
        [
            sanitize(&self.time),
            sanitize(&self.outcome),
            self.why(),
            self.function.clone(),
            shown(&self.kind),
            age,
            shown(&self.message_id),
            shown(&self.integration),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_the_same_message_conversation_or_delivery_count() {
        let line = r#"{"timestamp":"t","integration":"acme","message_id":"m-1","outcome":"delivered","reason":"",
            "age_seconds":0.25,"webhook_id":"msg_00","conversation_id":"c-1"}"#;
        let read = LogLine::read(line, "f").unwrap();
        assert_eq!(("delivered", None, Some(0.25)), (read.outcome.as_str(), read.reason.clone(), read.age_seconds));
        assert_eq!(None, read.ledger_key());
        assert_eq!("", read.why());
        let failed = r#"{"timestamp":"t","outcome":"failed","reason":"refused","code":"21610"}"#;
        assert_eq!("refused (21610)", LogLine::read(failed, "f").unwrap().why());
        assert!(["m-1", "c-1", "msg_00"].iter().all(|id| read.is_about(id)) && !read.is_about("m-2"));
        let call = r#"{"timestamp":"t","message_id":"m-1","outcome":"platform_called"}"#;
        assert!(!LogLine::read(call, "f").unwrap().is_about("m-1"));
        for line in ["START RequestId: m-1", r#"{"message_id":"m-1"}"#] {
            assert!(LogLine::read(line, "f").is_none(), "{line}");
        }
    }
}
