//! One line of a log.

use super::level::{FAILED_INVOCATION, Level};
use crate::ui::output::sanitize;
use crate::ui::style::paint;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

/// The fields that come first when a line is printed, in this order.
const FIRST: [&str; 9] = ["integration", "reason", "detail", "kind", "route", "caller", "result", "status", "code"];

#[derive(Debug, Serialize)]
pub(super) struct LogRecord {
    #[serde(rename = "timestamp")]
    pub(super) time: Timestamp,
    /// A line has no field of this name.
    function: String,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl LogRecord {
    /// Reads a line; `written_at` is CloudWatch's time of it. What is not a JSON object is a message.
    pub(super) fn read(function: &str, written_at: Timestamp, line: String) -> Self {
        let mut fields: Map<_, _> = serde_json::from_str(&line)
            .unwrap_or_else(|_| Map::from_iter([("message".to_owned(), line.trim_end().into())]));
        let own = fields.remove("timestamp").and_then(|time| time.as_str()?.parse().ok());
        Self { time: own.unwrap_or(written_at), function: function.to_owned(), fields }
    }

    /// The value at a path such as `record.status`.
    pub(super) fn get(&self, path: &str) -> Option<&Value> {
        let mut names = path.split('.');
        let first = self.fields.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    }

    pub(super) fn function(&self) -> &str {
        &self.function
    }

    fn text(&self, path: &str) -> Option<&str> {
        self.get(path)?.as_str()
    }

    /// Lambda's own lines have no level.
    pub(super) fn level(&self) -> Option<Level> {
        match self.text("level") {
            Some(name) => Level::named(name),
            None => {
                self.text("record.status").filter(|status| FAILED_INVOCATION.contains(status)).map(|_| Level::Error)
            }
        }
    }

    /// For people, or `None` for a line that has metrics only.
    pub(super) fn describe(&self, width: usize) -> Option<String> {
        let headline = ["outcome", "message", "type"].into_iter().find(|name| self.text(name).is_some());
        let is_shown = |name: &str| {
            let is_metric = name.starts_with(|first: char| first == '_' || first.is_ascii_uppercase());
            !is_metric && !["level", "target", "time"].contains(&name) && Some(name) != headline
        };
        let position = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
        let mut fields: Vec<_> =
            self.fields.iter().filter(|(name, value)| is_shown(name) && !is_empty(value)).collect();
        // The others stay in the order of the alphabet.
        fields.sort_by_key(|(name, _)| position(name));
        let fields = fields.into_iter().map(|(name, value)| format!("{name}={}", shown(value)));
        let headline = headline.and_then(|name| self.text(name)).map(sanitize);
        let rest = headline.into_iter().chain(fields).collect::<Vec<_>>().join(" ");
        if rest.is_empty() {
            return None;
        }
        let level = self.level();
        let level =
            level.map_or_else(|| " ".repeat(5), |level| paint(level.style(), format_args!("{:5}", level.name())));
        Some(format!("{:.3} {level} {:width$} {rest}", self.time, self.function))
    }
}

/// API Gateway writes `-` for what a request does not have.
fn is_empty(value: &Value) -> bool {
    value.is_null() || value == "-"
}

/// With at most three decimals.
fn rounded(number: f64) -> String {
    format!("{}", (number * 1_000.0).round() / 1_000.0)
}

/// A value as part of a line.
fn shown(value: &Value) -> String {
    let is_plain =
        |text: &&str| !text.is_empty() && !text.contains(|part: char| part.is_whitespace() || "\"=".contains(part));
    match value {
        Value::Number(number) if number.is_f64() => rounded(number.as_f64().unwrap_or_default()),
        _ => value.as_str().filter(is_plain).map_or_else(|| sanitize(&value.to_string()), sanitize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(line: &str) -> LogRecord {
        LogRecord::read("message-dispatcher", "2026-01-02T03:04:05Z".parse().unwrap(), line.to_owned())
    }

    fn described(line: &Value) -> Option<String> {
        Some(anstream::adapter::strip_str(&read(&line.to_string()).describe(20)?).to_string())
    }

    #[test]
    fn a_line_has_its_time_level_function_and_outcome_and_then_its_fields() {
        let line = json!({
            "timestamp": "2026-01-02T03:04:06.123456Z", "level": "WARN", "outcome": "retry", "webhook_id": "msg_1",
            "reason": "status 503", "integration": "acme", "age_seconds": 1.5, "target": "t", "_aws": {}, "Retried": 1.0,
        });
        let expected = "2026-01-02T03:04:06.123Z WARN  message-dispatcher   retry integration=acme \
                        reason=\"status 503\" age_seconds=1.5 webhook_id=msg_1";
        assert_eq!(Some(expected.to_owned()), described(&line));
    }

    #[test]
    fn a_line_without_a_time_of_its_own_has_that_of_the_log() {
        let access = json!({"time": "02/Jan/2026:03:04:05 +0000", "status": "429", "route": "POST /a", "error": "-"});
        assert_eq!(
            Some("2026-01-02T03:04:05.000Z       message-dispatcher   route=\"POST /a\" status=429".to_owned()),
            described(&access)
        );
        let text = read("START RequestId: 1\n").describe(0).unwrap();
        assert!(text.ends_with("message-dispatcher START RequestId: 1"), "{text}");
    }

    #[test]
    fn lambdas_line_of_a_failed_invocation_is_an_error() {
        let line = json!({"time": "t", "type": "platform.report", "record": {"requestId": "r", "status": "timeout"}});
        let text = described(&line).unwrap();
        assert!(text.contains("ERROR message-dispatcher   platform.report record="), "{text}");
    }

    #[test]
    fn numbers_have_at_most_three_decimals() {
        for (number, expected) in
            [("12.345678901", "12.346"), ("1.0", "1"), ("0.0004", "0"), ("3", "3"), ("1.5", "1.5")]
        {
            let line = serde_json::from_str(&format!(r#"{{"outcome": "o", "age_seconds": {number}}}"#)).unwrap();
            let text = described(&line).unwrap();
            assert!(text.ends_with(&format!(" age_seconds={expected}")), "{number}: {text}");
        }
    }

    #[test]
    fn a_line_with_metrics_only_is_not_for_people() {
        assert_eq!(
            None,
            described(&json!({"timestamp": "2026-01-02T03:04:06Z", "level": "WARN", "_aws": {}, "Accepted": 1}))
        );
    }

    #[test]
    fn a_line_cannot_change_the_terminal_or_forge_another() {
        let text = described(&json!({"outcome": "a\u{1b}[2J", "reason": "b\nc", "detail": "d=e"})).unwrap();
        assert!(!text.contains(['\u{1b}', '\n']) && text.contains("detail=\"d=e\""), "{text:?}");
    }

    #[test]
    fn for_programs_a_line_is_complete_and_names_its_function() {
        let record = read(r#"{"level":"INFO","Accepted":1}"#);
        let expected = json!({
            "timestamp": "2026-01-02T03:04:05Z", "function": "message-dispatcher", "level": "INFO", "Accepted": 1,
        });
        assert_eq!(expected, serde_json::to_value(record).unwrap());
    }
}
