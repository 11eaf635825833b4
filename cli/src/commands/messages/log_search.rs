//! Searches the functions' logs for a message.

use super::webhook_id::{REQUEST_HINT, digest_of};
use crate::aws::log_groups::log_groups;
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::output::sanitize;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;
use shared::aws::sdk_error;
use shared::ledger::key;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// More lines are not useful to a reader.
const MAXIMUM_LINES: usize = 1_000;
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
    kind: Option<String>,
    outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_id: Option<String>,
}

#[derive(Debug)]
pub(super) struct LogTrail {
    /// By time.
    pub(super) lines: Vec<LogLine>,
    pub(super) truncated: Option<Truncated>,
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
    pub(super) fn describe(self) -> String {
        match self {
            Self::TooManyLines => format!("there are more than {MAXIMUM_LINES} lines"),
            Self::Timeout => {
                format!("it took longer than {} s; search fewer --days", SEARCH_TIMEOUT.as_secs())
            }
        }
    }
}

/// Finds the lines with this message id of the platform.
pub(super) async fn find(stack: &Stack, id: &str, days: u16) -> Result<LogTrail, CliError> {
    if !is_searchable(id) {
        let detail =
            "an id to search the log for must have 1 to 512 characters, without white space or quotation marks";
        return Err(CliError::Usage(format!("{detail}; {REQUEST_HINT}")));
    }
    let since = Timestamp::now() - SignedDuration::from_hours(24 * i64::from(days));
    let client = aws_sdk_cloudwatchlogs::Client::new(&stack.aws);
    let (mut trail, deadline) = (LogTrail { lines: Vec::new(), truncated: None }, Instant::now() + SEARCH_TIMEOUT);
    'groups: for (function, group) in log_groups(stack).await? {
        let request = client.filter_log_events().log_group_name(&group).start_time(since.as_millisecond());
        let mut pages = request.filter_pattern(format!("\"{id}\"")).into_paginator().send();
        loop {
            let page = match timeout_at(deadline, pages.next()).await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(_) => {
                    trail.truncated = Some(Truncated::Timeout);
                    break 'groups;
                }
            };
            let page = page.map_err(|error| {
                CliError::Failed(format!("the log group {group} cannot be searched: {}", sdk_error(&error)))
            })?;
            let messages = page.events().iter().filter_map(|event| event.message());
            trail.lines.extend(messages.filter_map(|message| LogLine::read(message, id, &function)));
            if trail.lines.len() > MAXIMUM_LINES {
                trail.lines.truncate(MAXIMUM_LINES);
                trail.truncated = Some(Truncated::TooManyLines);
                break 'groups;
            }
        }
    }
    trail.lines.sort_by(|one, other| one.time.cmp(&other.time));
    Ok(trail)
}

fn is_searchable(id: &str) -> bool {
    let is_plain =
        |character: char| !character.is_whitespace() && !character.is_control() && !"\"\\".contains(character);
    (1..=512).contains(&id.len()) && id.chars().all(is_plain)
}

impl LogLine {
    /// Parses a log line, if it is about the message.
    fn read(line: &str, id: &str, function: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| line.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        // The platform's calls on the way are no steps of the message.
        if text("message_id")? != id || CALL_OUTCOMES.contains(&&*text("outcome")?) {
            return None;
        }
        Some(Self {
            time: text("timestamp")?,
            function: function.to_owned(),
            integration: text("integration"),
            kind: text("kind"),
            outcome: text("outcome")?,
            reason: text("reason"),
            age_seconds: line.get("age_seconds").and_then(Value::as_f64),
            webhook_id: text("webhook_id"),
        })
    }

    /// The ledger key of the message.
    pub(super) fn ledger_key(&self) -> Option<String> {
        let digits = digest_of(self.webhook_id.as_deref()?)?;
        Some(key::delivery(&self.integration.as_deref()?.parse().ok()?, digits))
    }

    pub(super) fn row(&self) -> [String; 7] {
        let shown = |text: &Option<String>| sanitize(text.as_deref().unwrap_or_default());
        let age = self.age_seconds.map(|age| format!("{age:.1} s")).unwrap_or_default();
        [
            sanitize(&self.time),
            self.function.clone(),
            shown(&self.kind),
            sanitize(&self.outcome),
            shown(&self.reason),
            age,
            shown(&self.integration),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_the_same_message_count() {
        let line = r#"{"timestamp":"t","integration":"acme","message_id":"m-1","outcome":"delivered","reason":"",
            "age_seconds":0.25,"webhook_id":"msg_00"}"#;
        let read = LogLine::read(line, "m-1", "f").unwrap();
        assert_eq!(("delivered", None, Some(0.25)), (read.outcome.as_str(), read.reason.clone(), read.age_seconds));
        assert_eq!(None, read.ledger_key());
        for (line, id) in [(line, "m-2"), ("START RequestId: m-1", "m-1"), (r#"{"message_id":"m-1"}"#, "m-1")] {
            assert!(LogLine::read(line, id, "f").is_none(), "{line}");
        }
    }

    #[test]
    fn an_id_that_would_change_the_filter_pattern_is_refused() {
        assert!(is_searchable("c327c2078ca056db130c55ce648d9fa2") && is_searchable("1613474523265-0"));
        for id in ["", "a b", "a\" -\"b", "a\\", "a\n"] {
            assert!(!is_searchable(id), "{id:?}");
        }
    }
}
