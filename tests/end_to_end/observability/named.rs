//! The metrics of ours that the template's alarms and its dashboard name.

use super::run::Counted;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use tokio::process::Command;

/// A metric as an alarm or the dashboard names it.
#[derive(Debug)]
pub(super) struct Named {
    metric: String,
    /// The dimensions, each with the values that it may have: any, where none is named.
    dimensions: BTreeMap<String, Vec<String>>,
}

impl Named {
    /// Whether this is what was counted.
    pub(super) fn is(&self, counted: &Counted) -> bool {
        self.metric == counted.name
            && self.dimensions.keys().eq(counted.dimensions.keys())
            && self.dimensions.iter().all(|(name, values)| {
                let value = if name == "FunctionName" { counted.function() } else { &counted.dimensions[name] };
                values.is_empty() || values.iter().any(|named| named == value)
            })
    }
}

/// All that the template names, as CloudFormation gets it.
pub(super) async fn named_by_template() -> Vec<Named> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut transform = Command::new(root.join(".venv/bin/python"));
    let output = transform.arg(root.join("infra/local/transform.py")).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let template: Value = serde_json::from_slice(&output.stdout).unwrap();
    let resources = template["Resources"].as_object().unwrap().values();
    let properties =
        |of: &'static str| resources.clone().filter(move |one| one["Type"] == of).map(|one| &one["Properties"]);
    let mut named: Vec<_> = properties("AWS::CloudWatch::Alarm").flat_map(of_alarm).collect();
    for dashboard in properties("AWS::CloudWatch::Dashboard") {
        let body = text(&dashboard["DashboardBody"]);
        let body: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
        let widgets = body["widgets"].as_array().unwrap().iter();
        named.extend(widgets.flat_map(|widget| of_rows(&widget["properties"]["metrics"])));
    }
    named
}

/// An alarm's own metric, or those of its expression.
fn of_alarm(alarm: &Value) -> Vec<Named> {
    let several = alarm["Metrics"].as_array().into_iter().flatten();
    let stated = several.clone().map(|one| &one["MetricStat"]["Metric"]).chain([alarm]);
    let stated = stated.filter(|metric| metric["Namespace"] == "Patchbay").map(|metric| {
        let dimensions = metric["Dimensions"].as_array().into_iter().flatten();
        let dimensions = dimensions.map(|one| (text(&one["Name"]), vec![text(&one["Value"])]));
        Named { metric: text(&metric["MetricName"]), dimensions: dimensions.collect() }
    });
    stated.chain(several.flat_map(|one| of_expression(one["Expression"].as_str().unwrap_or_default()))).collect()
}

/// The rows of a widget: namespace, name, and dimensions by turns, with what is the same as in the row above as a dot, and
/// all of its beginning as three.
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
        if let [namespace, metric, dimensions @ ..] = full.as_slice()
            && namespace == "Patchbay"
        {
            let dimensions = dimensions.chunks(2).map(|pair| (pair[0].clone(), vec![pair[1].clone()]));
            named.push(Named { metric: metric.clone(), dimensions: dimensions.collect() });
        }
        if !full.is_empty() {
            above = full;
        }
    }
    named
}

/// What an expression searches for: `SEARCH('{Patchbay,Dimension,…} MetricName="…" Dimension="…"', …)`, where a dimension
/// may have several values: `Dimension=("…" OR "…")`.
fn of_expression(expression: &str) -> Vec<Named> {
    let searches =
        expression.split("SEARCH('").skip(1).filter_map(|search| search.split_once('\'')).map(|(term, _)| term);
    let ours = searches.filter_map(|term| term.trim().strip_prefix("{Patchbay,")?.split_once('}'));
    ours.flat_map(|(schema, terms)| {
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
        metrics.into_iter().map(move |metric| Named { metric, dimensions: dimensions() }).collect::<Vec<_>>()
    })
    .collect()
}

/// A value as the stack will have it, with logical ids for what only the stack knows.
fn text(value: &Value) -> String {
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    let function = value.as_object().and_then(|object| object.iter().next());
    let (function, argument) = function.unwrap_or_else(|| panic!("{value} is no text"));
    match (function.as_str(), argument) {
        ("Ref", Value::String(name)) => name.clone(),
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

#[test]
fn rows_and_searches_are_read_as_the_console_reads_them() {
    let rows = serde_json::json!([
        ["Patchbay", "Accepted", "FunctionName", "A", {"label": "a"}],
        [".", "Delivered", ".", "B"],
        ["...", "C"],
        ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "Q"],
        [{"expression": "SUM(SEARCH('{Patchbay,FunctionName,Reason} MetricName=\"Refused\" Reason=\"r\" FunctionName=(\"A\" OR \"B\")', 'Sum'))"}],
    ]);
    let read = of_rows(&rows);
    let shown: Vec<_> = read.iter().map(|named| format!("{}{:?}", named.metric, named.dimensions)).collect();
    assert_eq!(
        vec![
            r#"Accepted{"FunctionName": ["A"]}"#,
            r#"Delivered{"FunctionName": ["B"]}"#,
            r#"Delivered{"FunctionName": ["C"]}"#,
            r#"Refused{"FunctionName": ["A", "B"], "Reason": ["r"]}"#,
        ],
        shown
    );
}
