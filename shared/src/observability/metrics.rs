//! Metrics in CloudWatch's embedded metric format (EMF): log lines that become metrics.
//!
//! An [`Event`] is one log line. This module defines the metrics of each event, their units and their dimensions.
use crate::model::integration_name::IntegrationName;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::env;
use std::sync::LazyLock;
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub enum Event<'e> {
    /// The message of a webhook is on the queue, or a caller's request is done.
    Accepted(&'e IntegrationName),
    /// A request was rejected with this problem type. There is no integration, because its name may be invented.
    Refused(&'static str),
    Duplicate(&'e IntegrationName),
    /// The messaging service accepted a message of this age.
    Delivered(&'e IntegrationName, Duration),
    /// A message was returned to the queue for retry.
    Retried(&'e IntegrationName),
    /// Records of this age, counted from when they were enqueued, were returned to the queue.
    Requeued(Duration),
    /// The messaging service permanently rejected a message.
    Failed(&'e IntegrationName),
    /// It did so with a 410: the endpoint is to be removed.
    EndpointGone(&'e IntegrationName),
    /// A message expired, or its integration was removed.
    GivenUp(&'e IntegrationName),
    /// A receipt permanently failed.
    ReceiptFailed(&'e IntegrationName),
    /// A messaging service accepted a message and responded with an unreadable receipt.
    UnreadableReceipt(&'e IntegrationName),
    /// A platform was called. Each retry counts.
    PlatformCalled(CallOutcome),
    /// Calls left in the rate limit of a platform's client.
    RateLimitRemaining {
        /// The platform's name for the client, to which the limit applies.
        client: &'e str,
        calls: u64,
    },
    /// A token was requested from a platform.
    TokenRefreshed(TokenOutcome),
}

/// The outcome of a call to a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    Succeeded,
    Refused,
    CredentialsRefused,
    RateLimited,
    /// The request did not reach the platform.
    NotSent,
    /// The platform may or may not have processed the request.
    Unknown,
}

/// The outcome of a token request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenOutcome {
    Succeeded,
    /// The platform rejected the credentials.
    Refused,
    RateLimited,
    /// No usable response.
    NotSent,
}

impl CallOutcome {
    /// The value in metrics and in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Refused => "refused",
            Self::CredentialsRefused => "credentials-refused",
            Self::RateLimited => "rate-limited",
            Self::NotSent => "not-sent",
            Self::Unknown => "unknown",
        }
    }
}

impl TokenOutcome {
    /// The value in metrics and in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Refused => "refused",
            Self::RateLimited => "rate-limited",
            Self::NotSent => "not-sent",
        }
    }
}

/// CloudWatch units.
#[derive(Debug, Clone, Copy, serde::Serialize)]
enum Unit {
    Count,
    Seconds,
}

struct MetricValue(&'static str, Unit, f64);

/// The dimension of a metric in addition to the function's name.
enum Dimension<'e> {
    None,
    /// The metric is only published with the dimension.
    Required(&'static str, &'e str),
    /// The metric is published with and without the dimension.
    Optional(&'static str, &'e str),
}

impl<'e> Event<'e> {
    /// The names of all metrics.
    pub const METRICS: [&'static str; 15] = [
        "Accepted",
        "Refused",
        "Duplicates",
        "Delivered",
        "DeliveryAge",
        "Retried",
        "RetriedAge",
        "Failed",
        "EndpointGone",
        "GivenUp",
        "ReceiptsFailed",
        "UnreadableReceipts",
        "PlatformCalls",
        "RateLimitHeadroom",
        "TokenRefreshes",
    ];

    /// Writes the event to standard output, from which Lambda collects it. Outside Lambda, nothing is written.
    #[allow(clippy::print_stdout)]
    pub fn emit(self) {
        static FUNCTION: LazyLock<Option<String>> = LazyLock::new(|| env::var("AWS_LAMBDA_FUNCTION_NAME").ok());
        static LEVEL: LazyLock<String> =
            LazyLock::new(|| env::var("AWS_LAMBDA_LOG_LEVEL").unwrap_or_else(|_| "INFO".to_owned()));
        if let Some(function) = &*FUNCTION {
            println!("{}", self.to_emf(function, &LEVEL, Timestamp::now()));
        }
    }

    fn values(self) -> Vec<MetricValue> {
        let one = |name| vec![MetricValue(name, Unit::Count, 1.0)];
        match self {
            Self::Accepted(_) => one("Accepted"),
            Self::Refused(_) => one("Refused"),
            Self::Duplicate(_) => one("Duplicates"),
            Self::Delivered(_, age) => {
                let mut values = one("Delivered");
                values.push(MetricValue("DeliveryAge", Unit::Seconds, age.as_secs_f64()));
                values
            }
            Self::Retried(_) => one("Retried"),
            Self::Requeued(age) => vec![MetricValue("RetriedAge", Unit::Seconds, age.as_secs_f64())],
            Self::Failed(_) => one("Failed"),
            Self::EndpointGone(name) => {
                let mut values = one("EndpointGone");
                values.extend(Self::Failed(name).values());
                values
            }
            Self::GivenUp(_) => one("GivenUp"),
            Self::ReceiptFailed(_) => one("ReceiptsFailed"),
            Self::UnreadableReceipt(_) => one("UnreadableReceipts"),
            Self::PlatformCalled(_) => one("PlatformCalls"),
            Self::RateLimitRemaining { calls, .. } => {
                vec![MetricValue("RateLimitHeadroom", Unit::Count, calls as f64)]
            }
            Self::TokenRefreshed(_) => one("TokenRefreshes"),
        }
    }

    fn dimension(self) -> Dimension<'e> {
        match self {
            Self::Accepted(name)
            | Self::Duplicate(name)
            | Self::Delivered(name, _)
            | Self::Retried(name)
            | Self::Failed(name)
            | Self::EndpointGone(name)
            | Self::GivenUp(name)
            | Self::ReceiptFailed(name)
            | Self::UnreadableReceipt(name) => Dimension::Optional("Integration", name.as_str()),
            Self::Requeued(_) => Dimension::None,
            Self::Refused(reason) => Dimension::Required("Reason", reason),
            Self::PlatformCalled(outcome) => Dimension::Required("Outcome", outcome.as_str()),
            Self::RateLimitRemaining { client, .. } => Dimension::Optional("Client", client),
            Self::TokenRefreshed(outcome) => Dimension::Required("Outcome", outcome.as_str()),
        }
    }

    /// The log line. `timestamp` and `level` are for Lambda, which drops lines below the function's log level and assumes
    /// INFO for lines without these two. With the function's own log level, no line is dropped.
    ///
    /// Sources: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>,
    /// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>.
    fn to_emf(self, function: &str, level: &str, now: Timestamp) -> Value {
        let values = self.values();
        let (sets, dimension) = match self.dimension() {
            Dimension::None => (json!([["FunctionName"]]), None),
            Dimension::Required(name, value) => (json!([["FunctionName", name]]), Some((name, value))),
            Dimension::Optional(name, value) => {
                (json!([["FunctionName"], ["FunctionName", name]]), Some((name, value)))
            }
        };
        let definitions: Vec<_> =
            values.iter().map(|MetricValue(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), now.to_string().into());
        line.insert("level".to_owned(), level.into());
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": now.as_millisecond(),
                "CloudWatchMetrics": [{"Namespace": "Patchbay", "Dimensions": sets, "Metrics": definitions}],
            }),
        );
        line.insert("FunctionName".to_owned(), function.into());
        line.extend(dimension.map(|(name, value)| (name.to_owned(), value.into())));
        line.extend(values.into_iter().map(|MetricValue(name, _, value)| (name.to_owned(), value.into())));
        Value::Object(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(event: Event<'_>) -> Value {
        event.to_emf("f", "WARN", Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn an_event_is_one_line_with_its_namespace_its_dimension_sets_and_its_units() {
        let name = "acme".parse().unwrap();
        assert_eq!(
            json!({
                "timestamp": "1970-01-01T00:00:00Z",
                "level": "WARN",
                "_aws": {
                    "Timestamp": 0,
                    "CloudWatchMetrics": [{
                        "Namespace": "Patchbay",
                        "Dimensions": [["FunctionName"], ["FunctionName", "Integration"]],
                        "Metrics": [{"Name": "Delivered", "Unit": "Count"}, {"Name": "DeliveryAge", "Unit": "Seconds"}],
                    }],
                },
                "FunctionName": "f",
                "Integration": "acme",
                "Delivered": 1.0,
                "DeliveryAge": 0.25,
            }),
            line(Event::Delivered(&name, Duration::from_millis(250)))
        );
    }

    #[test]
    fn each_event_has_the_names_and_dimensions_that_are_published() {
        let name = &"acme".parse().unwrap();
        let whole_and = |name: &str| json!([["FunctionName"], ["FunctionName", name]]);
        let mut names = std::collections::BTreeSet::from(["DeliveryAge", "RetriedAge"]);
        for (event, metric, dimensions, value) in [
            (Event::Accepted(name), "Accepted", whole_and("Integration"), "acme"),
            (Event::Duplicate(name), "Duplicates", whole_and("Integration"), "acme"),
            (Event::Delivered(name, Duration::ZERO), "Delivered", whole_and("Integration"), "acme"),
            (Event::Retried(name), "Retried", whole_and("Integration"), "acme"),
            (Event::Failed(name), "Failed", whole_and("Integration"), "acme"),
            (Event::EndpointGone(name), "EndpointGone", whole_and("Integration"), "acme"),
            (Event::GivenUp(name), "GivenUp", whole_and("Integration"), "acme"),
            (Event::ReceiptFailed(name), "ReceiptsFailed", whole_and("Integration"), "acme"),
            (Event::UnreadableReceipt(name), "UnreadableReceipts", whole_and("Integration"), "acme"),
            (Event::RateLimitRemaining { client: "c", calls: 7 }, "RateLimitHeadroom", whole_and("Client"), "c"),
            (Event::Refused("invalid-signature"), "Refused", json!([["FunctionName", "Reason"]]), "invalid-signature"),
            (
                Event::PlatformCalled(CallOutcome::RateLimited),
                "PlatformCalls",
                json!([["FunctionName", "Outcome"]]),
                "rate-limited",
            ),
            (
                Event::TokenRefreshed(TokenOutcome::NotSent),
                "TokenRefreshes",
                json!([["FunctionName", "Outcome"]]),
                "not-sent",
            ),
        ] {
            let line = line(event);
            let about = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!(metric, about["Metrics"][0]["Name"]);
            assert_eq!(dimensions, about["Dimensions"], "{metric}");
            let dimension = dimensions.as_array().unwrap().last().unwrap()[1].as_str().unwrap();
            assert_eq!((value, "f"), (line[dimension].as_str().unwrap(), line["FunctionName"].as_str().unwrap()));
            assert!(line[metric].is_f64(), "{line}");
            names.insert(metric);
        }
        assert_eq!(names, Event::METRICS.into());
        let requeued = line(Event::Requeued(Duration::from_secs(901)));
        assert_eq!(json!([["FunctionName"]]), requeued["_aws"]["CloudWatchMetrics"][0]["Dimensions"]);
        assert_eq!(
            (901.0, "f"),
            (requeued["RetriedAge"].as_f64().unwrap(), requeued["FunctionName"].as_str().unwrap())
        );
        assert_eq!(7.0, line(Event::RateLimitRemaining { client: "c", calls: 7 })["RateLimitHeadroom"]);
    }
}
