//! The metrics in the template's alarms and dashboard.

use super::metrics::{CONVERSATION_EVENTS, FUNCTIONS, has_set, words, writers};
use super::transformed;
use serde_json::Value;
use shared::observability::metrics::Event;
use std::collections::{BTreeMap, BTreeSet};

/// A metric in an alarm or the dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub namespace: String,
    pub metric: String,
    /// The dimensions, each with its accepted values, such as logical ids. Any value if empty.
    pub dimensions: BTreeMap<String, Vec<String>>,
}

impl Named {
    #[must_use]
    pub fn all() -> Vec<Self> {
        let resources = transformed()["Resources"].as_object().expect("resources").values();
        let properties =
            |of: &'static str| resources.clone().filter(move |one| one["Type"] == of).map(|one| &one["Properties"]);
        let in_alarms = properties("AWS::CloudWatch::Alarm").flat_map(Self::of_alarm);
        let widgets = properties("AWS::CloudWatch::Dashboard").flat_map(Self::widgets);
        in_alarms.chain(widgets.flat_map(|widget| Self::of_widget(&widget))).collect()
    }

    /// The widgets of a dashboard's properties.
    #[must_use]
    pub fn widgets(dashboard: &Value) -> Vec<Value> {
        let body = text(&dashboard["DashboardBody"]);
        let body: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
        body["widgets"].as_array().expect("widgets").clone()
    }

    #[must_use]
    pub fn of_widget(widget: &Value) -> Vec<Self> {
        of_rows(&widget["properties"]["metrics"])
    }

    /// The metrics of an alarm or of its expression.
    #[must_use]
    pub fn of_alarm(alarm: &Value) -> Vec<Self> {
        let several = alarm["Metrics"].as_array().into_iter().flatten();
        let stated = several.clone().map(|one| &one["MetricStat"]["Metric"]).chain([alarm]);
        let stated = stated.filter(|metric| metric["MetricName"].is_string()).map(|metric| {
            let dimensions = metric["Dimensions"].as_array().into_iter().flatten();
            let dimensions = dimensions.map(|one| (text(&one["Name"]), vec![text(&one["Value"])]));
            Self {
                namespace: text(&metric["Namespace"]),
                metric: text(&metric["MetricName"]),
                dimensions: dimensions.collect(),
            }
        });
        stated.chain(several.flat_map(|one| of_expression(one["Expression"].as_str().unwrap_or_default()))).collect()
    }

    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.namespace == "Patchbay"
    }

    /// The function, if there is exactly one.
    #[must_use]
    pub fn function(&self) -> Option<&str> {
        let [function] = self.dimensions.get("FunctionName")?.as_slice() else { return None };
        Some(function)
    }

    /// The part of the metric that no function writes, if any. AWS's own metrics are not checked.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        if self.namespace.starts_with("AWS/") || FilteredMetric::all().iter().any(|metric| metric.is(self)) {
            return None;
        }
        if !self.is_ours() {
            return Some(format!("the namespace {}", self.namespace));
        }
        let Some(metric) = Event::METRICS.into_iter().find(|metric| metric.name == self.metric) else {
            return Some(format!("the metric {}", self.metric));
        };
        let names: BTreeSet<_> = self.dimensions.keys().map(String::as_str).collect();
        // Metrics by integration are off by default.
        if !has_set(&metric, &names, false) {
            return Some(format!("the dimensions {names:?}"));
        }
        let others = self.dimensions.iter().filter(|(name, _)| *name != "FunctionName");
        let mut values = others.flat_map(|(_, values)| values);
        if let Some(value) = values.find(|value| !words(metric.name).contains(&value.as_str())) {
            return Some(format!("the value {value}"));
        }
        match self.dimensions["FunctionName"].as_slice() {
            [function] => {
                (!writers(metric.name).contains(&function.as_str())).then(|| format!("the writer {function}"))
            }
            // A search without the functions' names would match other stacks.
            functions => {
                let always = functions.strip_suffix(&[CONVERSATION_EVENTS.to_owned()]).unwrap_or(functions);
                (always != FUNCTIONS).then(|| format!("the functions {functions:?}"))
            }
        }
    }
}

/// A metric that a metric filter counts in a log.
#[derive(Debug)]
pub struct FilteredMetric {
    namespace: String,
    name: String,
}

impl FilteredMetric {
    #[must_use]
    pub fn all() -> Vec<Self> {
        let resources = transformed()["Resources"].as_object().expect("resources").values();
        let filters = resources.filter(|resource| resource["Type"] == "AWS::Logs::MetricFilter");
        let metrics =
            filters.flat_map(|filter| filter["Properties"]["MetricTransformations"].as_array().expect("metrics"));
        let read =
            |metric: &Value| Self { namespace: text(&metric["MetricNamespace"]), name: text(&metric["MetricName"]) };
        metrics.map(read).collect()
    }

    /// Its values have no dimensions.
    #[must_use]
    pub fn is(&self, named: &Named) -> bool {
        named.namespace == self.namespace && named.metric == self.name && named.dimensions.is_empty()
    }
}

/// The rows of a widget: namespace, name, and alternating dimensions. A dot repeats the value above, three dots repeat
/// its beginning.
fn of_rows(rows: &Value) -> Vec<Named> {
    let (mut named, mut above) = (Vec::new(), Vec::<String>::new());
    for row in rows.as_array().into_iter().flatten().map(|row| row.as_array().unwrap()) {
        let options = row.iter().filter_map(|cell| cell["expression"].as_str());
        named.extend(options.flat_map(of_expression));
        let cells: Vec<_> = row.iter().filter_map(Value::as_str).collect();
        let mut full = Vec::new();
        for cell in &cells {
            match *cell {
                "..." => full.extend_from_slice(&above[..=above.len() - cells.len()]),
                "." => full.push(above[full.len()].clone()),
                own => full.push(own.to_owned()),
            }
        }
        if let [namespace, metric, dimensions @ ..] = full.as_slice() {
            let dimensions = dimensions.chunks(2).map(|pair| (pair[0].clone(), vec![pair[1].clone()])).collect();
            named.push(Named { namespace: namespace.clone(), metric: metric.clone(), dimensions });
        }
        if !full.is_empty() {
            above = full;
        }
    }
    named
}

/// The metrics of a search expression: `SEARCH('{Namespace,Dimension,…} MetricName="…" Dimension="…"', …)`, where a
/// dimension may have several values: `Dimension=("…" OR "…")`.
fn of_expression(expression: &str) -> Vec<Named> {
    let searches =
        expression.split("SEARCH('").skip(1).filter_map(|search| search.split_once('\'')).map(|(term, _)| term);
    let searches = searches.filter_map(|term| term.trim().strip_prefix('{')?.split_once('}'));
    searches
        .flat_map(|(schema, terms)| {
            let (namespace, schema) = schema.split_once(',').expect("a namespace and dimensions");
            let values = |name: &str| -> Vec<String> {
                let stated = terms.split(&format!(" {name}=")).nth(1).map(str::trim_start);
                let stated = stated.map(|rest| match rest.strip_prefix('(') {
                    Some(several) => several.split(')').next().unwrap().split(" OR ").collect(),
                    None => vec![rest.split_whitespace().next().unwrap()],
                });
                stated.into_iter().flatten().map(|value| value.trim().trim_matches('"').to_owned()).collect()
            };
            let dimensions = || schema.split(',').map(|name| (name.to_owned(), values(name))).collect();
            let metrics = values("MetricName");
            assert!(!metrics.is_empty(), "{expression} names no metric");
            metrics
                .into_iter()
                .map(|metric| Named { namespace: namespace.to_owned(), metric, dimensions: dimensions() })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The value in the stack, with logical ids for values that only CloudFormation knows. What depends on a condition is as
/// if the condition held.
fn text(value: &Value) -> String {
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    let function = value.as_object().and_then(|object| object.iter().next());
    let (function, argument) = function.unwrap_or_else(|| panic!("{value} is no text"));
    match (function.as_str(), argument) {
        ("Ref", Value::String(name)) => name.clone(),
        ("Fn::If", Value::Array(parts)) => text(&parts[1]),
        ("Fn::GetAtt", Value::Array(parts)) => parts.iter().map(text).collect::<Vec<_>>().join("."),
        ("Fn::GetAtt", Value::String(path)) => path.clone(),
        ("Fn::Sub", Value::String(template)) => filled(template, &BTreeMap::new()),
        ("Fn::Sub", Value::Array(parts)) => {
            let own = parts[1].as_object().unwrap().iter().map(|(name, value)| (name.as_str(), text(value)));
            filled(parts[0].as_str().unwrap(), &own.collect())
        }
        ("Fn::Join", Value::Array(parts)) => {
            let all: Vec<_> = parts[1].as_array().unwrap().iter().map(text).collect();
            all.join(parts[0].as_str().unwrap())
        }
        _ => panic!("{value} is no text"),
    }
}

fn filled(template: &str, own: &BTreeMap<&str, String>) -> String {
    let mut parts = template.split("${");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap();
        filled.push_str(own.get(name).map_or(name, String::as_str));
        filled.push_str(rest);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_and_searches_are_parsed_like_in_the_console() {
        let search = "SUM(SEARCH('{Patchbay,FunctionName,Reason} MetricName=\"Refused\" Reason=\"r\" \
                      FunctionName=(\"A\" OR \"B\")', 'Sum'))";
        let rows = json!([
            ["Patchbay", "Accepted", "FunctionName", "A", {"label": "a"}],
            [".", "Delivered", ".", "B"],
            ["...", "C"],
            ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "Q"],
            [{"expression": search}],
        ]);
        let read = of_rows(&rows);
        let shown: Vec<_> =
            read.iter().map(|named| format!("{} {}{:?}", named.namespace, named.metric, named.dimensions)).collect();
        assert_eq!(
            vec![
                r#"Patchbay Accepted{"FunctionName": ["A"]}"#,
                r#"Patchbay Delivered{"FunctionName": ["B"]}"#,
                r#"Patchbay Delivered{"FunctionName": ["C"]}"#,
                r#"AWS/SQS ApproximateAgeOfOldestMessage{"QueueName": ["Q"]}"#,
                r#"Patchbay Refused{"FunctionName": ["A", "B"], "Reason": ["r"]}"#,
            ],
            shown
        );
    }

    #[test]
    fn a_metric_that_no_function_writes_is_a_fault() {
        let fault = |row: Value| of_rows(&json!([row])).iter().find_map(Named::fault);
        assert_eq!(None, fault(json!(["Patchbay", "Refused", "FunctionName", "CardSender", "Reason", "unavailable"])));
        assert_eq!(None, fault(json!(["AWS/SQS", "Anything", "QueueName", "Q"])));
        for (row, expected) in [
            (json!(["Another", "Accepted", "FunctionName", "CardSender"]), "the namespace Another"),
            (json!(["Patchbay", "Acepted", "FunctionName", "CardSender"]), "the metric Acepted"),
            (json!(["Patchbay", "Accepted", "Integration", "i"]), "the dimensions {\"Integration\"}"),
            (
                json!(["Patchbay", "Accepted", "FunctionName", "CardSender", "Integration", "i"]),
                "the dimensions {\"FunctionName\", \"Integration\"}",
            ),
            (json!(["Patchbay", "Refused", "FunctionName", "CardSender", "Reason", "r"]), "the value r"),
            (json!(["Patchbay", "Delivered", "FunctionName", "CardSender"]), "the writer CardSender"),
            (
                json!([{"expression": "SEARCH('{Patchbay,FunctionName} MetricName=\"Accepted\"', 'Sum')"}]),
                "the functions []",
            ),
        ] {
            assert_eq!(Some(expected), fault(row).as_deref());
        }
    }
}
