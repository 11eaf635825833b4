//! What the functions' log says of a message.

use super::id::{REQUESTS, identity};
use crate::failure::Failure;
use crate::log_groups::log_groups;
use crate::output::plain;
use crate::stack::Stack;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;
use shared::aws::sdk_error;
use shared::ledger::key;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// More lines than this nobody reads.
const MAXIMUM_LINES: usize = 1_000;
/// How long the log is searched: a large one takes longer than anybody waits.
const PATIENCE: Duration = Duration::from_secs(120);

/// One line about the message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
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

/// What was found.
#[derive(Debug)]
pub(super) struct Trail {
    /// In the order of time.
    pub(super) lines: Vec<Line>,
    pub(super) cut: Option<Cut>,
}

/// Why a search ended too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Cut {
    /// There are more lines than anybody reads.
    TooManyLines,
    /// It took too long.
    TooSlow,
}

impl Cut {
    pub(super) fn words(self) -> String {
        match self {
            Self::TooManyLines => format!("there are more than {MAXIMUM_LINES} lines"),
            Self::TooSlow => {
                format!("it took longer than {} s; fewer --days are searched sooner", PATIENCE.as_secs())
            }
        }
    }
}

/// The lines about the message with this id of the platform's.
pub(super) async fn find(stack: &Stack, id: &str, days: u16) -> Result<Trail, Failure> {
    if !can_be_searched(id) {
        let detail = "an id to search the log for has 1 to 512 characters, and neither blanks nor quotation marks";
        return Err(Failure::Usage(format!("{detail}; {REQUESTS}")));
    }
    let since = Timestamp::now() - SignedDuration::from_hours(24 * i64::from(days));
    let client = aws_sdk_cloudwatchlogs::Client::new(&stack.aws);
    let (mut trail, deadline) = (Trail { lines: Vec::new(), cut: None }, Instant::now() + PATIENCE);
    'groups: for (function, group) in log_groups(stack).await? {
        let request = client.filter_log_events().log_group_name(&group).start_time(since.as_millisecond());
        let mut pages = request.filter_pattern(format!("\"{id}\"")).into_paginator().send();
        loop {
            let page = match timeout_at(deadline, pages.next()).await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(_) => {
                    trail.cut = Some(Cut::TooSlow);
                    break 'groups;
                }
            };
            let page = page.map_err(|error| {
                Failure::Failed(format!("the log group {group} cannot be searched: {}", sdk_error(&error)))
            })?;
            let messages = page.events().iter().filter_map(|event| event.message());
            trail.lines.extend(messages.filter_map(|message| Line::read(message, id, &function)));
            if trail.lines.len() > MAXIMUM_LINES {
                trail.lines.truncate(MAXIMUM_LINES);
                trail.cut = Some(Cut::TooManyLines);
                break 'groups;
            }
        }
    }
    trail.lines.sort_by(|one, other| one.time.cmp(&other.time));
    Ok(trail)
}

fn can_be_searched(id: &str) -> bool {
    let plain = |character: char| !character.is_whitespace() && !character.is_control() && !"\"\\".contains(character);
    (1..=512).contains(&id.len()) && id.chars().all(plain)
}

impl Line {
    /// Reads a line of the log, if it speaks of the message.
    fn read(line: &str, id: &str, function: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| line.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        if text("message_id")? != id {
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

    /// Where the ledger has the message.
    pub(super) fn ledger_key(&self) -> Option<String> {
        let digits = identity(self.webhook_id.as_deref()?)?;
        Some(key::delivery(&self.integration.as_deref()?.parse().ok()?, digits))
    }

    pub(super) fn row(&self) -> [String; 7] {
        let shown = |text: &Option<String>| plain(text.as_deref().unwrap_or_default());
        let age = self.age_seconds.map(|age| format!("{age:.1} s")).unwrap_or_default();
        [
            plain(&self.time),
            self.function.clone(),
            shown(&self.kind),
            plain(&self.outcome),
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
    fn only_lines_of_that_very_message_count() {
        let line = r#"{"timestamp":"t","integration":"acme","message_id":"m-1","outcome":"delivered","reason":"",
            "age_seconds":0.25,"webhook_id":"msg_00"}"#;
        let read = Line::read(line, "m-1", "f").unwrap();
        assert_eq!(("delivered", None, Some(0.25)), (read.outcome.as_str(), read.reason.clone(), read.age_seconds));
        assert_eq!(None, read.ledger_key());
        for (line, id) in [(line, "m-2"), ("START RequestId: m-1", "m-1"), (r#"{"message_id":"m-1"}"#, "m-1")] {
            assert!(Line::read(line, id, "f").is_none(), "{line}");
        }
    }

    #[test]
    fn an_id_that_could_be_more_than_a_term_is_not_searched_for() {
        assert!(can_be_searched("c327c2078ca056db130c55ce648d9fa2") && can_be_searched("1613474523265-0"));
        for id in ["", "a b", "a\" -\"b", "a\\", "a\n"] {
            assert!(!can_be_searched(id), "{id:?}");
        }
    }
}
