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
    pub const ALL: [Self; 6] =
        [Self::Succeeded, Self::Refused, Self::CredentialsRefused, Self::RateLimited, Self::NotSent, Self::Unknown];

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
    pub const ALL: [Self; 4] = [Self::Succeeded, Self::Refused, Self::RateLimited, Self::NotSent];

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

/// A published metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    /// A unit of CloudWatch.
    pub unit: &'static str,
    pub dimension: Dimension,
}

/// The dimension of a metric in addition to the function's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    None,
    /// The metric is only published with the dimension.
    Required(&'static str),
    /// The metric is published with and without the dimension.
    Optional(&'static str),
}

const BY_INTEGRATION: Dimension = Dimension::Optional("Integration");
const BY_OUTCOME: Dimension = Dimension::Required("Outcome");

const ACCEPTED: Metric = count("Accepted", BY_INTEGRATION);
const REFUSED: Metric = count("Refused", Dimension::Required("Reason"));
const DUPLICATES: Metric = count("Duplicates", BY_INTEGRATION);
const DELIVERED: Metric = count("Delivered", BY_INTEGRATION);
const DELIVERY_AGE: Metric = Metric { name: "DeliveryAge", unit: "Seconds", dimension: BY_INTEGRATION };
const RETRIED: Metric = count("Retried", BY_INTEGRATION);
const RETRIED_AGE: Metric = Metric { name: "RetriedAge", unit: "Seconds", dimension: Dimension::None };
const FAILED: Metric = count("Failed", BY_INTEGRATION);
const ENDPOINT_GONE: Metric = count("EndpointGone", BY_INTEGRATION);
const GIVEN_UP: Metric = count("GivenUp", BY_INTEGRATION);
const RECEIPTS_FAILED: Metric = count("ReceiptsFailed", BY_INTEGRATION);
const UNREADABLE_RECEIPTS: Metric = count("UnreadableReceipts", BY_INTEGRATION);
const PLATFORM_CALLS: Metric = count("PlatformCalls", BY_OUTCOME);
const RATE_LIMIT_REMAINING: Metric = count("RateLimitHeadroom", Dimension::Optional("Client"));
const TOKEN_REFRESHES: Metric = count("TokenRefreshes", BY_OUTCOME);

const fn count(name: &'static str, dimension: Dimension) -> Metric {
    Metric { name, unit: "Count", dimension }
}

impl Metric {
    /// The sets of dimensions that the metric is published under.
    #[must_use]
    pub fn dimension_sets(&self) -> Vec<Vec<&'static str>> {
        match self.dimension {
            Dimension::None => vec![vec!["FunctionName"]],
            Dimension::Required(name) => vec![vec!["FunctionName", name]],
            Dimension::Optional(name) => vec![vec!["FunctionName"], vec!["FunctionName", name]],
        }
    }
}

impl<'e> Event<'e> {
    pub const METRICS: [Metric; 15] = [
        ACCEPTED,
        REFUSED,
        DUPLICATES,
        DELIVERED,
        DELIVERY_AGE,
        RETRIED,
        RETRIED_AGE,
        FAILED,
        ENDPOINT_GONE,
        GIVEN_UP,
        RECEIPTS_FAILED,
        UNREADABLE_RECEIPTS,
        PLATFORM_CALLS,
        RATE_LIMIT_REMAINING,
        TOKEN_REFRESHES,
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

    /// The metrics of the event with their values. All of them have the same dimension.
    fn values(self) -> Vec<(Metric, f64)> {
        match self {
            Self::Accepted(_) => vec![(ACCEPTED, 1.0)],
            Self::Refused(_) => vec![(REFUSED, 1.0)],
            Self::Duplicate(_) => vec![(DUPLICATES, 1.0)],
            Self::Delivered(_, age) => vec![(DELIVERED, 1.0), (DELIVERY_AGE, age.as_secs_f64())],
            Self::Retried(_) => vec![(RETRIED, 1.0)],
            Self::Requeued(age) => vec![(RETRIED_AGE, age.as_secs_f64())],
            Self::Failed(_) => vec![(FAILED, 1.0)],
            Self::EndpointGone(_) => vec![(ENDPOINT_GONE, 1.0), (FAILED, 1.0)],
            Self::GivenUp(_) => vec![(GIVEN_UP, 1.0)],
            Self::ReceiptFailed(_) => vec![(RECEIPTS_FAILED, 1.0)],
            Self::UnreadableReceipt(_) => vec![(UNREADABLE_RECEIPTS, 1.0)],
            Self::PlatformCalled(_) => vec![(PLATFORM_CALLS, 1.0)],
            Self::RateLimitRemaining { calls, .. } => vec![(RATE_LIMIT_REMAINING, calls as f64)],
            Self::TokenRefreshed(_) => vec![(TOKEN_REFRESHES, 1.0)],
        }
    }

    fn dimension_value(self) -> Option<&'e str> {
        match self {
            Self::Accepted(name)
            | Self::Duplicate(name)
            | Self::Delivered(name, _)
            | Self::Retried(name)
            | Self::Failed(name)
            | Self::EndpointGone(name)
            | Self::GivenUp(name)
            | Self::ReceiptFailed(name)
            | Self::UnreadableReceipt(name) => Some(name.as_str()),
            Self::Requeued(_) => None,
            Self::Refused(reason) => Some(reason),
            Self::PlatformCalled(outcome) => Some(outcome.as_str()),
            Self::RateLimitRemaining { client, .. } => Some(client),
            Self::TokenRefreshed(outcome) => Some(outcome.as_str()),
        }
    }

    /// The log line. `timestamp` and `level` are for Lambda, which drops lines below the function's log level and assumes
    /// INFO for lines without these two. With the function's own log level, no line is dropped.
    ///
    /// Sources: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>,
    /// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>.
    fn to_emf(self, function: &str, level: &str, now: Timestamp) -> Value {
        let values = self.values();
        let first = values.first().map(|(metric, _)| metric);
        let sets = first.map(Metric::dimension_sets);
        let dimension = match first.map(|metric| metric.dimension) {
            Some(Dimension::Required(name) | Dimension::Optional(name)) => self.dimension_value().map(|it| (name, it)),
            _ => None,
        };
        let definitions: Vec<_> =
            values.iter().map(|(metric, _)| json!({"Name": metric.name, "Unit": metric.unit})).collect();
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
        line.extend(values.into_iter().map(|(metric, value)| (metric.name.to_owned(), value.into())));
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
        assert_eq!(names, Event::METRICS.iter().map(|metric| metric.name).collect());
        let requeued = line(Event::Requeued(Duration::from_secs(901)));
        assert_eq!(json!([["FunctionName"]]), requeued["_aws"]["CloudWatchMetrics"][0]["Dimensions"]);
        assert_eq!(
            (901.0, "f"),
            (requeued["RetriedAge"].as_f64().unwrap(), requeued["FunctionName"].as_str().unwrap())
        );
        assert_eq!(7.0, line(Event::RateLimitRemaining { client: "c", calls: 7 })["RateLimitHeadroom"]);
    }
}
