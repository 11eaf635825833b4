//! The metrics that the functions write, and those that an alarm or the dashboard names.

use crate::document::{FUNCTIONS, Resources, SENDERS, short};
use serde_json::Value;
use std::collections::BTreeMap;

/// A metric that the functions write: its name, who writes it, and by what it can be told apart beside the function.
pub(crate) struct Metric {
    /// As in CloudWatch.
    pub(crate) name: &'static str,
    /// The functions that write it.
    pub(crate) writers: &'static [&'static str],
    /// The sets of dimensions, without the function's name, which is in each.
    pub(crate) told_apart_by: &'static [&'static [&'static str]],
    /// The values of the last dimension, where they are given.
    values: &'static [&'static str],
}

const BY_INTEGRATION: &[&[&str]] = &[&[], &["Integration"]];
const DISPATCHER: &[&str] = &["MessageDispatcher"];
/// The receiver and all senders.
pub(crate) const ROUTES: &[&str] = &["WebhookReceiver", SENDERS[0], SENDERS[1], SENDERS[2], SENDERS[3], SENDERS[4]];
/// All that call a platform.
pub(crate) const CALLING: &[&str] = &["MessageDispatcher", SENDERS[0], SENDERS[1], SENDERS[2], SENDERS[3], SENDERS[4]];

const fn of_dispatcher(name: &'static str) -> Metric {
    Metric { name, writers: DISPATCHER, told_apart_by: BY_INTEGRATION, values: &[] }
}

/// All that there are.
pub(crate) const METRICS: [Metric; 12] = [
    Metric { name: "Accepted", writers: ROUTES, told_apart_by: BY_INTEGRATION, values: &[] },
    Metric {
        name: "Refused",
        writers: ROUTES,
        told_apart_by: &[&["Reason"]],
        values: &["invalid-signature", "unauthenticated", "unavailable"],
    },
    Metric { name: "Duplicates", writers: CALLING, told_apart_by: BY_INTEGRATION, values: &[] },
    of_dispatcher("Delivered"),
    of_dispatcher("DeliveryAge"),
    of_dispatcher("Retried"),
    of_dispatcher("Failed"),
    of_dispatcher("GivenUp"),
    of_dispatcher("ReceiptsFailed"),
    Metric {
        name: "PlatformCalls",
        writers: CALLING,
        told_apart_by: &[&["Outcome"]],
        values: &["succeeded", "refused", "credentials-refused", "rate-limited", "not-sent", "unknown"],
    },
    Metric { name: "RateLimitHeadroom", writers: CALLING, told_apart_by: &[&[], &["Client"]], values: &[] },
    Metric {
        name: "TokenRefreshes",
        writers: CALLING,
        told_apart_by: &[&["Outcome"]],
        values: &["succeeded", "refused", "not-sent"],
    },
];

/// A metric as an alarm or the dashboard names it.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// Whose it is: ours or AWS's.
    pub(crate) namespace: String,
    /// As in CloudWatch.
    pub(crate) name: String,
    /// Logical ids or values by dimension; no value where it is any, or one of several.
    pub(crate) dimensions: BTreeMap<String, Option<String>>,
}

impl Named {
    /// The function, where it is a single one.
    pub(crate) fn function(&self) -> Option<&str> {
        self.dimensions.get("FunctionName")?.as_deref()
    }

    /// What of the metric no function writes; nothing where all is well. AWS's own metrics are not judged.
    pub(crate) fn fault(&self) -> Option<String> {
        if self.namespace.starts_with("AWS/") {
            return None;
        }
        if self.namespace != "Patchbay" {
            return Some(format!("the namespace {}", self.namespace));
        }
        let Some(metric) = METRICS.iter().find(|metric| metric.name == self.name) else {
            return Some(format!("the metric {}", self.name));
        };
        if !self.dimensions.contains_key("FunctionName") {
            return Some("no FunctionName".to_owned());
        }
        let rest: Vec<_> = self.dimensions.keys().map(String::as_str).filter(|name| *name != "FunctionName").collect();
        if !metric.told_apart_by.contains(&rest.as_slice()) {
            return Some(format!("the dimensions {rest:?}"));
        }
        let value = rest.first().and_then(|dimension| self.dimensions[*dimension].as_deref());
        if let Some(value) = value.filter(|value| !metric.values.contains(value)) {
            return Some(format!("the value {value}"));
        }
        let function = self.function().filter(|function| !metric.writers.contains(function));
        function.map(|function| format!("the writer {function}"))
    }
}

/// The metrics of an alarm.
pub(crate) fn of_alarm(alarm: &Value) -> Vec<Named> {
    let named = |metric: &Value| Named {
        namespace: short(&metric["Namespace"]),
        name: short(&metric["MetricName"]),
        dimensions: {
            let dimensions = metric["Dimensions"].as_array().unwrap();
            dimensions.iter().map(|dimension| (short(&dimension["Name"]), Some(short(&dimension["Value"])))).collect()
        },
    };
    match &alarm["Metrics"] {
        Value::Array(metrics) => {
            let stats = metrics.iter().filter(|metric| metric.get("MetricStat").is_some());
            stats.map(|metric| named(&metric["MetricStat"]["Metric"])).collect()
        }
        _ => vec![named(alarm)],
    }
}

/// The dashboard's widgets, with logical ids for what they name.
pub(crate) fn widgets(resources: &Resources) -> Vec<Value> {
    let parts = &resources.properties("Dashboard")["DashboardBody"]["Fn::Sub"];
    let mut body = parts[0].as_str().unwrap().to_owned();
    for (name, value) in parts[1].as_object().unwrap() {
        body = body.replace(&format!("${{{name}}}"), &short(value));
    }
    serde_json::from_str::<Value>(&with_ids(&body)).unwrap()["widgets"].as_array().unwrap().clone()
}

/// The text with `${Id}` written as `Id`.
fn with_ids(text: &str) -> String {
    let mut parts = text.split("${");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + &part.replacen('}', "", 1))
}

/// The metrics of a widget.
pub(crate) fn of_widget(widget: &Value) -> Vec<Named> {
    let rows = widget["properties"]["metrics"].as_array().unwrap();
    rows.iter().map(|row| of_row(row.as_array().unwrap())).collect()
}

/// One row: a namespace, a name, and pairs of a dimension and its value; or a search.
fn of_row(row: &[Value]) -> Named {
    if let Some(expression) = row[0].get("expression") {
        return of_search(expression.as_str().unwrap());
    }
    let words: Vec<_> = row.iter().map_while(Value::as_str).map(ToOwned::to_owned).collect();
    let [namespace, name, dimensions @ ..] = words.as_slice() else { panic!("{words:?}") };
    let dimensions = dimensions.chunks(2).map(|pair| (pair[0].clone(), Some(pair[1].clone()))).collect();
    Named { namespace: namespace.clone(), name: name.clone(), dimensions }
}

/// `SEARCH('{Namespace,Dimension,…} MetricName="…" Dimension="…" FunctionName=("…" OR …)', '…')`
fn of_search(expression: &str) -> Named {
    let (_, rest) = expression.split_once("SEARCH('{").expect(expression);
    let (schema, rest) = rest.split_once('}').expect(expression);
    let (query, _) = rest.split_once("',").expect(expression);
    let equals = |designator: &str| {
        let (_, value) = query.split_once(&format!(" {designator}=\""))?;
        value.split_once('"').map(|(value, _)| value.to_owned())
    };
    let (_, functions) = query.split_once("FunctionName=(").expect("a search finds this stack's metrics alone");
    let functions: Vec<_> = functions.split('"').skip(1).step_by(2).collect();
    assert_eq!(functions, FUNCTIONS, "{expression}");
    let mut schema = schema.split(',');
    Named {
        namespace: schema.next().unwrap().to_owned(),
        name: equals("MetricName").expect(expression),
        dimensions: schema.map(|dimension| (dimension.to_owned(), equals(dimension))).collect(),
    }
}
