//! Metrics in CloudWatch's embedded metric format (EMF): members of log lines that become metrics.
//!
//! The metrics of a line are its field `metrics`: `tracing::info!(metrics = %Metrics::of([event]), ...)`. This module defines
//! the metrics of each [`Event`], their units and their dimensions.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use crate::model::integration_name::IntegrationName;
use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::sync::LazyLock;
use std::time::Duration;
use std::{env, fmt};

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
    /// A platform was called this many times with the same outcome. Each retry counts.
    PlatformCalled {
        outcome: CallOutcome,
        calls: u64,
    },
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Metric {
    pub name: &'static str,
    /// A unit of CloudWatch.
    pub unit: &'static str,
    #[serde(skip)]
    pub dimension: Dimension,
}

/// The dimension of a metric in addition to the function's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    None,
    /// The metric is only published with the dimension.
    Required(&'static str),
    /// The metric is published without the dimension. With `MetricsByIntegration` it is also published with it: the number
    /// of its values grows with the number of integrations.
    PerIntegration(&'static str),
}

const FUNCTION_NAME: &str = "FunctionName";

const BY_INTEGRATION: Dimension = Dimension::PerIntegration("Integration");
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
const RATE_LIMIT_REMAINING: Metric = count("RateLimitHeadroom", Dimension::PerIntegration("Client"));
const TOKEN_REFRESHES: Metric = count("TokenRefreshes", BY_OUTCOME);

const fn count(name: &'static str, dimension: Dimension) -> Metric {
    Metric { name, unit: "Count", dimension }
}

impl Dimension {
    fn name(self, by_integration: bool) -> Option<&'static str> {
        match self {
            Self::Required(name) => Some(name),
            Self::PerIntegration(name) => by_integration.then_some(name),
            Self::None => None,
        }
    }
}

impl Metric {
    /// The sets of dimensions that the metric is published under, without or with `MetricsByIntegration`.
    #[must_use]
    pub fn dimension_sets(&self, by_integration: bool) -> Vec<Vec<&'static str>> {
        let without = (!matches!(self.dimension, Dimension::Required(_))).then(|| vec![FUNCTION_NAME]);
        let with = self.dimension.name(by_integration).map(|name| vec![FUNCTION_NAME, name]);
        without.into_iter().chain(with).collect()
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
            Self::PlatformCalled { calls, .. } => vec![(PLATFORM_CALLS, calls as f64)],
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
            Self::PlatformCalled { outcome, .. } => Some(outcome.as_str()),
            Self::RateLimitRemaining { client, .. } => Some(client),
            Self::TokenRefreshed(outcome) => Some(outcome.as_str()),
        }
    }
}

/// The metrics of a log line.
///
/// Its text is a JSON object, whose members become members of the line: each value, each dimension, and `_aws`, which says
/// what they are. The events of a line must not differ in the value of a dimension. Outside Lambda the text is empty.
pub struct Metrics<'e>(Vec<Event<'e>>);

impl<'e> Metrics<'e> {
    pub fn of(events: impl IntoIterator<Item = Event<'e>>) -> Self {
        Self(events.into_iter().collect())
    }
}

impl fmt::Display for Metrics<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        static PUBLICATION: LazyLock<Option<Publication>> = LazyLock::new(Publication::from_env);
        match &*PUBLICATION {
            Some(publication) if !self.0.is_empty() => {
                let members = Members { publication, events: &self.0, now: Timestamp::now() };
                formatter.write_str(&serde_json::to_string(&members).map_err(|_| fmt::Error)?)
            }
            _ => Ok(()),
        }
    }
}

/// How this function publishes metrics.
struct Publication {
    function: String,
    by_integration: bool,
}

impl Publication {
    /// `None` outside Lambda.
    fn from_env() -> Option<Self> {
        let function = env::var("AWS_LAMBDA_FUNCTION_NAME").ok()?;
        let by_integration = env::var("METRICS_BY_INTEGRATION").is_ok_and(|value| value == "true");
        Some(Self { function, by_integration })
    }
}

/// What the metrics of a line add to it.
struct Members<'m> {
    publication: &'m Publication,
    events: &'m [Event<'m>],
    now: Timestamp,
}

/// The member `_aws`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    timestamp: i64,
    cloud_watch_metrics: Vec<Directive>,
}

/// Metrics that are published under the same dimensions.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: Vec<Vec<&'static str>>,
    metrics: Vec<Metric>,
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let by_integration = self.publication.by_integration;
        let (mut directives, mut values) = (Vec::<Directive>::new(), Vec::new());
        let mut dimensions = vec![(FUNCTION_NAME, self.publication.function.as_str())];
        for event in self.events {
            for (metric, value) in event.values() {
                let sets = metric.dimension_sets(by_integration);
                match directives.iter_mut().find(|directive| directive.dimensions == sets) {
                    Some(directive) => directive.metrics.push(metric),
                    None => {
                        let (namespace, metrics) = ("Patchbay", vec![metric]);
                        directives.push(Directive { namespace, dimensions: sets, metrics });
                    }
                }
                let dimension = metric.dimension.name(by_integration).zip(event.dimension_value());
                dimensions.extend(dimension.filter(|dimension| !dimensions.contains(dimension)));
                values.push((metric.name, value));
            }
        }
        let mut members = serializer.serialize_map(None)?;
        let metadata = Metadata { timestamp: self.now.as_millisecond(), cloud_watch_metrics: directives };
        members.serialize_entry("_aws", &metadata)?;
        for (name, value) in dimensions {
            members.serialize_entry(name, value)?;
        }
        for (name, value) in values {
            members.serialize_entry(name, &value)?;
        }
        members.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn members(by_integration: bool, events: &[Event<'_>]) -> Value {
        let publication = &Publication { function: "f".to_owned(), by_integration };
        serde_json::to_value(Members { publication, events, now: Timestamp::UNIX_EPOCH }).unwrap()
    }

    fn names(events: &[Event<'_>]) -> Vec<Value> {
        let members = members(true, events);
        let directives = members["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        directives.iter().map(|one| json!([one["Dimensions"], one["Metrics"]])).collect()
    }

    #[test]
    fn an_event_has_its_namespace_its_dimension_sets_and_its_units() {
        let name = "acme".parse().unwrap();
        assert_eq!(
            json!({
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
            members(true, &[Event::Delivered(&name, Duration::from_millis(250))])
        );
    }

    #[test]
    fn metrics_are_published_by_integration_only_if_the_stack_says_so() {
        let name = "acme".parse().unwrap();
        let headroom = Event::RateLimitRemaining { client: "c", calls: 7 };
        assert_eq!(
            json!({
                "_aws": {
                    "Timestamp": 0,
                    "CloudWatchMetrics": [{
                        "Namespace": "Patchbay",
                        "Dimensions": [["FunctionName"]],
                        "Metrics": [{"Name": "Accepted", "Unit": "Count"}, {"Name": "RateLimitHeadroom", "Unit": "Count"}],
                    }],
                },
                "FunctionName": "f",
                "Accepted": 1.0,
                "RateLimitHeadroom": 7.0,
            }),
            members(false, &[Event::Accepted(&name), headroom])
        );
        let refused = members(false, &[Event::Refused("unavailable")]);
        assert_eq!(json!([["FunctionName", "Reason"]]), refused["_aws"]["CloudWatchMetrics"][0]["Dimensions"]);
    }

    #[test]
    fn events_with_other_dimensions_on_the_same_line_have_directives_of_their_own() {
        let name = "acme".parse().unwrap();
        let calls = Event::PlatformCalled { outcome: CallOutcome::Succeeded, calls: 3 };
        let headroom = Event::RateLimitRemaining { client: "c", calls: 7 };
        let line = members(true, &[Event::Accepted(&name), calls, headroom]);
        for (name, value) in [
            ("FunctionName", json!("f")),
            ("Integration", json!("acme")),
            ("Outcome", json!("succeeded")),
            ("Client", json!("c")),
            ("Accepted", json!(1.0)),
            ("PlatformCalls", json!(3.0)),
            ("RateLimitHeadroom", json!(7.0)),
        ] {
            assert_eq!(value, line[name], "{name}");
        }
        let expected = [
            json!([[["FunctionName"], ["FunctionName", "Integration"]], [{"Name": "Accepted", "Unit": "Count"}]]),
            json!([[["FunctionName", "Outcome"]], [{"Name": "PlatformCalls", "Unit": "Count"}]]),
            json!([[["FunctionName"], ["FunctionName", "Client"]], [{"Name": "RateLimitHeadroom", "Unit": "Count"}]]),
        ];
        assert_eq!(expected, *names(&[Event::Accepted(&name), calls, headroom]));
    }

    #[test]
    fn outside_lambda_a_line_has_no_metrics() {
        assert_eq!("", Metrics::of([Event::Refused("unavailable")]).to_string());
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
                Event::PlatformCalled { outcome: CallOutcome::RateLimited, calls: 1 },
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
            let line = members(true, &[event]);
            let about = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!(metric, about["Metrics"][0]["Name"]);
            assert_eq!(dimensions, about["Dimensions"], "{metric}");
            let dimension = dimensions.as_array().unwrap().last().unwrap()[1].as_str().unwrap();
            assert_eq!((value, "f"), (line[dimension].as_str().unwrap(), line["FunctionName"].as_str().unwrap()));
            assert!(line[metric].is_f64(), "{line}");
            names.insert(metric);
        }
        assert_eq!(names, Event::METRICS.iter().map(|metric| metric.name).collect());
        let requeued = members(true, &[Event::Requeued(Duration::from_secs(901))]);
        assert_eq!(json!([["FunctionName"]]), requeued["_aws"]["CloudWatchMetrics"][0]["Dimensions"]);
        assert_eq!(
            (901.0, "f"),
            (requeued["RetriedAge"].as_f64().unwrap(), requeued["FunctionName"].as_str().unwrap())
        );
    }
}
