//! The metrics of a log line, in CloudWatch's embedded metric format (EMF).
//!
//! They are the field `emf` of the line: `tracing::info!(emf = %Emf::of([event]), ...)`.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use super::metrics::{Event, FUNCTION_NAME, Metric};
use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::sync::LazyLock;
use std::{env, fmt};

/// The metrics of a log line.
///
/// Its text is a JSON object, whose members become members of the line: each value, each dimension, and `_aws`, which says
/// what they are. The events of a line must not differ in the value of a dimension. Outside Lambda the text is empty.
pub struct Emf<'e>(Vec<Event<'e>>);

impl<'e> Emf<'e> {
    pub fn of(events: impl IntoIterator<Item = Event<'e>>) -> Self {
        Self(events.into_iter().collect())
    }
}

impl fmt::Display for Emf<'_> {
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
    use crate::observability::metrics::{CallOutcome, ConversationEventOutcome, TokenOutcome};
    use serde_json::{Value, json};
    use std::time::Duration;

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
        assert_eq!("", Emf::of([Event::Refused("unavailable")]).to_string());
    }

    #[test]
    fn each_event_has_the_names_and_dimensions_that_are_published() {
        let name = &"acme".parse().unwrap();
        let whole_and = |name: &str| json!([["FunctionName"], ["FunctionName", name]]);
        let mut names = std::collections::BTreeSet::from(["DeliveryAge", "Moved", "RetriedAge"]);
        for (event, metric, dimensions, value) in [
            (Event::Accepted(name), "Accepted", whole_and("Integration"), "acme"),
            (Event::Duplicate(name), "Duplicates", whole_and("Integration"), "acme"),
            (Event::Delivered(name, Duration::ZERO), "Delivered", whole_and("Integration"), "acme"),
            (Event::Retried(name), "Retried", whole_and("Integration"), "acme"),
            (Event::CircuitOpen(name), "CircuitOpen", whole_and("Integration"), "acme"),
            (Event::Failed(name), "Failed", whole_and("Integration"), "acme"),
            (Event::EndpointGone(name), "EndpointGone", whole_and("Integration"), "acme"),
            (Event::GivenUp(name), "GivenUp", whole_and("Integration"), "acme"),
            (Event::InboundFailed(name), "InboundFailed", whole_and("Integration"), "acme"),
            (Event::ReceiptFailed(name), "ReceiptsFailed", whole_and("Integration"), "acme"),
            (Event::UnreadableReceipt(name), "UnreadableReceipts", whole_and("Integration"), "acme"),
            (Event::AuthorizationNotRenewed(name), "AuthorizationsNotRenewed", whole_and("Integration"), "acme"),
            (Event::AuthorizationEnding(name), "AuthorizationsEnding", whole_and("Integration"), "acme"),
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
            (
                Event::ConversationEvent(ConversationEventOutcome::ForeignSource),
                "ConversationEvents",
                json!([["FunctionName", "Outcome"]]),
                "foreign-source",
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
        for (event, metric, value) in
            [(Event::Requeued(Duration::from_secs(901)), "RetriedAge", 901.0), (Event::Moved(3), "Moved", 3.0)]
        {
            let line = members(true, &[event]);
            assert_eq!(json!([["FunctionName"]]), line["_aws"]["CloudWatchMetrics"][0]["Dimensions"]);
            assert_eq!((value, "f"), (line[metric].as_f64().unwrap(), line["FunctionName"].as_str().unwrap()));
        }
    }
}
