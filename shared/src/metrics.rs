//! Measured values, in CloudWatch's embedded metric format: a line of the log that becomes a metric.

/// One measured value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Its value.
    pub value: f64,
}

/// The units of CloudWatch that are used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Unit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
}

/// Writes measured values in the namespace `Patchbay`.
///
/// Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
#[allow(clippy::print_stdout)] // standard output is where Lambda takes it from
pub fn write(dimensions: &[(&str, &str)], metrics: &[Metric]) {
    println!("{}", embedded(dimensions, metrics, jiff::Timestamp::now().as_millisecond()));
}

fn embedded(dimensions: &[(&str, &str)], metrics: &[Metric], milliseconds: i64) -> serde_json::Value {
    let names: Vec<_> = dimensions.iter().map(|(name, _)| *name).collect();
    let definitions: Vec<_> =
        metrics.iter().map(|metric| serde_json::json!({"Name": metric.name, "Unit": metric.unit})).collect();
    let about = serde_json::json!({
        "Timestamp": milliseconds,
        "CloudWatchMetrics": [{"Namespace": "Patchbay", "Dimensions": [names], "Metrics": definitions}],
    });
    let mut line = serde_json::Map::from_iter([("_aws".to_owned(), about)]);
    line.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())));
    line.extend(metrics.iter().map(|metric| (metric.name.to_owned(), metric.value.into())));
    serde_json::Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_metric_names_its_namespace_its_dimensions_and_its_unit() {
        let metric = Metric { name: "RateLimitHeadroom", unit: Unit::Count, value: 288.0 };
        assert_eq!(
            json!({
                "_aws": {
                    "Timestamp": 7,
                    "CloudWatchMetrics": [{
                        "Namespace": "Patchbay",
                        "Dimensions": [["client"]],
                        "Metrics": [{"Name": "RateLimitHeadroom", "Unit": "Count"}],
                    }],
                },
                "client": "c",
                "RateLimitHeadroom": 288.0,
            }),
            embedded(&[("client", "c")], &[metric], 7)
        );
    }
}
