//! Selects lines: by CloudWatch Logs as far as a filter pattern can, and exactly here.

use super::level::{FAILED_INVOCATION, Level};
use super::record::LogRecord;
use crate::aws::log_reader::SearchableId;
use serde_json::{Number, Value};
use shared::model::integration_name::IntegrationName;
use std::str::FromStr;

/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>
const MAX_PATTERN: usize = 1024;
/// The fields with ids: of the functions' lines, of the access log, and of Lambda's own lines.
const IDS: [&str; 11] = [
    "request_id",
    "message_id",
    "conversation_id",
    "webhook_id",
    "replay_id",
    "caller_webhook_id",
    "trace_id",
    "correlation_id",
    "requestId",
    "lambdaRequestId",
    "record.requestId",
];

/// A field that has one of these values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    field: String,
    values: Vec<String>,
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let condition = text.split_once('=').map(|(field, values)| Self {
            field: field.to_owned(),
            values: values.split(',').map(str::to_owned).collect(),
        });
        let is_value = |value: &String| !value.is_empty() && is_literal(value);
        condition.filter(|condition| is_field(&condition.field) && condition.values.iter().all(is_value)).ok_or_else(|| {
            "must be a field and its value, such as outcome=retry or status=502,503, without quotation marks, backslashes \
             and asterisks"
                .to_owned()
        })
    }
}

/// Whether this may be the name of a field, or a path such as `record.status`.
pub(super) fn is_field(text: &str) -> bool {
    let is_part = |part: char| part.is_ascii_alphanumeric() || "_.".contains(part);
    !text.is_empty() && text.chars().all(is_part)
}

/// Whether a text has nothing that has a meaning in the quoted texts of filter patterns.
fn is_literal(text: &str) -> bool {
    !text.contains(|part: char| part.is_control() || "\"\\*".contains(part))
}

/// Which lines are wanted.
#[derive(Debug, Default)]
pub(super) struct Filter<'f> {
    pub(super) integration: Option<&'f IntegrationName>,
    pub(super) message: Option<&'f SearchableId>,
    pub(super) level: Option<Level>,
    pub(super) conditions: &'f [Condition],
}

impl Filter<'_> {
    /// A filter pattern that matches all wanted lines, and few others.
    pub(super) fn pattern(&self) -> Option<String> {
        // A phrase cannot be combined with fields, and an id is in few lines.
        if let Some(id) = self.message {
            return Some(id.pattern());
        }
        let integration = self.integration.map(|name| equals("integration", name.as_str()));
        let levels = self.level.map(|level| {
            let levels = Level::ALL.into_iter().filter(|other| *other >= level);
            let levels = levels.map(|level| equals("level", level.name()));
            any(levels.chain(FAILED_INVOCATION.map(|status| equals("record.status", status))))
        });
        let conditions = self.conditions.iter().map(|Condition { field, values }| {
            any(values.iter().flat_map(|value| {
                // A number in the functions' lines is a text in the access log.
                [Some(equals(field, value)), other_than_text(field, value)].into_iter().flatten()
            }))
        });
        let mut pattern = String::new();
        for term in integration.into_iter().chain(levels).chain(conditions) {
            let separator = if pattern.is_empty() { "" } else { " && " };
            if pattern.len() + separator.len() + term.len() + "{  }".len() <= MAX_PATTERN {
                pattern = pattern + separator + &term;
            }
        }
        (!pattern.is_empty()).then(|| format!("{{ {pattern} }}"))
    }

    /// Whether a line is wanted.
    pub(super) fn matches(&self, record: &LogRecord) -> bool {
        let is = |path: &str, value: &str| match record.get(path) {
            Some(Value::String(text)) => text == value,
            Some(Value::Number(number)) => number_of(value).is_some_and(|value| value.as_f64() == number.as_f64()),
            Some(other) => format!("{other}") == value,
            None => false,
        };
        self.integration.is_none_or(|name| is("integration", name.as_str()))
            && self.message.is_none_or(|id| IDS.iter().any(|field| is(field, id.as_str())))
            && self.level.is_none_or(|level| record.level().is_some_and(|own| own >= level))
            && self.conditions.iter().all(|condition| condition.values.iter().any(|value| is(&condition.field, value)))
    }
}

fn equals(field: &str, value: &str) -> String {
    format!("$.{field} = \"{value}\"")
}

/// The same for a number or a truth value.
fn other_than_text(field: &str, value: &str) -> Option<String> {
    match value {
        "true" => Some(format!("$.{field} IS TRUE")),
        "false" => Some(format!("$.{field} IS FALSE")),
        text => number_of(text).map(|_| format!("$.{field} = {text}")),
    }
}

/// JSON's numbers and those of filter patterns are written alike.
fn number_of(text: &str) -> Option<Number> {
    serde_json::from_str(text).ok()
}

fn any(terms: impl Iterator<Item = String>) -> String {
    format!("({})", terms.collect::<Vec<_>>().join(" || "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use serde_json::json;

    fn matches(filter: &Filter<'_>, line: &Value) -> bool {
        filter.matches(&LogRecord::read("f", Timestamp::UNIX_EPOCH, line.to_string()))
    }

    fn conditions(texts: &[&str]) -> Vec<Condition> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn without_options_every_line_is_wanted() {
        assert_eq!(None, Filter::default().pattern());
        assert!(matches(&Filter::default(), &json!({})));
    }

    #[test]
    fn an_integration_a_level_and_fields_must_all_match() {
        let (name, conditions) = ("acme".parse().unwrap(), conditions(&["outcome=retry,failed", "status=503"]));
        let filter =
            Filter { integration: Some(&name), level: Some(Level::Warn), conditions: &conditions, message: None };
        assert_eq!(
            "{ $.integration = \"acme\" && ($.level = \"WARN\" || $.level = \"ERROR\" || $.record.status = \"error\" || \
             $.record.status = \"failure\" || $.record.status = \"timeout\") && ($.outcome = \"retry\" || \
             $.outcome = \"failed\") && ($.status = \"503\" || $.status = 503) }",
            filter.pattern().unwrap()
        );
        let line = json!({"integration": "acme", "level": "ERROR", "outcome": "failed", "status": 503});
        assert!(matches(&filter, &line));
        for (field, other) in
            [("integration", json!("a")), ("level", json!("INFO")), ("outcome", json!("fail")), ("status", json!(50))]
        {
            let mut line = line.clone();
            line[field] = other;
            assert!(!matches(&filter, &line), "{line}");
            line.as_object_mut().unwrap().remove(field);
            assert!(!matches(&filter, &line), "{line}");
        }
    }

    #[test]
    fn a_number_may_be_a_text_and_a_truth_value_is_a_word() {
        let status = conditions(&["status=429", "replayed=true"]);
        let filter = Filter { conditions: &status, ..Filter::default() };
        for line in [json!({"status": "429", "replayed": true}), json!({"status": 429, "replayed": "true"})] {
            assert!(matches(&filter, &line), "{line}");
        }
        assert!(filter.pattern().unwrap().contains("$.replayed IS TRUE"));
    }

    #[test]
    fn a_number_may_be_negative_or_have_decimals() {
        for (value, line) in [("1.5", json!(1.5)), ("-2", json!(-2)), ("1e-3", json!(0.001)), ("2.0", json!(2))] {
            let conditions = conditions(&[&format!("age_seconds={value}")]);
            let filter = Filter { conditions: &conditions, ..Filter::default() };
            let expected = format!("{{ ($.age_seconds = \"{value}\" || $.age_seconds = {value}) }}");
            assert_eq!(expected, filter.pattern().unwrap());
            assert!(matches(&filter, &json!({"age_seconds": line})), "{value}");
            assert!(!matches(&filter, &json!({"age_seconds": 3})), "{value}");
        }
        for text in [".5", "+1", "inf", "007"] {
            let conditions = conditions(&[&format!("reason={text}")]);
            let filter = Filter { conditions: &conditions, ..Filter::default() };
            assert_eq!(format!("{{ ($.reason = \"{text}\") }}"), filter.pattern().unwrap(), "no number in JSON");
        }
    }

    #[test]
    fn a_failed_invocation_is_an_error() {
        let filter = Filter { level: Some(Level::Error), ..Filter::default() };
        assert!(matches(&filter, &json!({"type": "platform.report", "record": {"status": "timeout"}})));
        assert!(!matches(&filter, &json!({"type": "platform.report", "record": {"status": "success"}})));
    }

    #[test]
    fn an_id_is_searched_as_a_phrase_and_compared_as_a_whole() {
        let id = "m-1".parse().unwrap();
        let filter = Filter { message: Some(&id), ..Filter::default() };
        assert_eq!("\"m-1\"", filter.pattern().unwrap());
        for line in [json!({"message_id": "m-1"}), json!({"trace_id": "m-1"}), json!({"record": {"requestId": "m-1"}})]
        {
            assert!(matches(&filter, &line), "{line}");
        }
        for line in [json!({"message_id": "m-11"}), json!({"reason": "m-1"}), json!({"message": "m-1"})] {
            assert!(!matches(&filter, &line), "{line}");
        }
    }

    #[test]
    fn a_pattern_is_never_longer_than_aws_allows() {
        let many = conditions(&["integration=acme", &format!("reason={}", vec!["x".repeat(50); 30].join(","))]);
        let filter = Filter { conditions: &many, ..Filter::default() };
        assert_eq!("{ ($.integration = \"acme\") }", filter.pattern().unwrap(), "the rest is compared here");
        assert!(!matches(&filter, &json!({"integration": "acme", "reason": "y"})));
    }

    #[test]
    fn what_has_a_meaning_in_a_pattern_is_refused() {
        for condition in ["", "outcome", "=a", "a b=c", "a=", "a=b,", "a=\"b\"", "a=b*", "$.a=b"] {
            assert!(condition.parse::<Condition>().is_err(), "{condition:?}");
        }
        assert!("reason=the endpoint asks to be removed".parse::<Condition>().is_ok());
    }
}
