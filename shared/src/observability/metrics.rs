//! Measured values, in CloudWatch's embedded metric format: lines of the log that become metrics.
//!
//! An [`Event`] is one line. Which metrics it counts for, in which unit, and by what they can be told apart stands here
//! and nowhere else, so that alarms and dashboards have one place to agree with.

use crate::api::problem::ProblemType;
use crate::model::integration_name::IntegrationName;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::env;
use std::sync::LazyLock;
use std::time::Duration;

/// Something that is counted.
#[derive(Debug, Clone, Copy)]
pub enum Event<'e> {
    /// What came was taken: a webhook's message is on the queue, a caller's request is done.
    Accepted(&'e IntegrationName),
    /// What came was not taken. No integration is named: whoever is refused may have made its name up.
    Refused(ProblemType),
    /// What came had been done before.
    Duplicate(&'e IntegrationName),
    /// The messaging service has a message, so long after it came.
    Delivered(&'e IntegrationName, Duration),
    /// A message went back to the queue, to come again.
    Retried(&'e IntegrationName),
    /// Something went back to the queue, so long after it was put there.
    WentBack(Duration),
    /// The messaging service refused a message for good.
    Failed(&'e IntegrationName),
    /// The same with a 410: the endpoint asks to be removed.
    EndpointGone(&'e IntegrationName),
    /// A message was too old to be tried once more, or its integration is gone.
    GivenUp(&'e IntegrationName),
    /// The platform will never hear of a receipt.
    ReceiptFailed(&'e IntegrationName),
    /// A messaging service accepted a message with a receipt that cannot be read.
    UnreadableReceipt(&'e IntegrationName),
    /// A platform was called; each repeat is a call of its own.
    PlatformCalled(CallOutcome),
    /// A platform's client has so many calls left.
    Headroom {
        /// The platform's name for the client: the count is its own.
        client: &'e str,
        /// So many.
        calls: u64,
    },
    /// A platform was asked for a token.
    TokenRefreshed(TokenOutcome),
}

/// What came of a call to a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// It was done.
    Succeeded,
    /// The platform refused it.
    Refused,
    /// The platform refused our credentials.
    CredentialsRefused,
    /// The platform wants fewer calls.
    RateLimited,
    /// It did not get there.
    NotSent,
    /// Nobody can tell.
    Unknown,
}

/// What came of a request for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenOutcome {
    /// There is one.
    Succeeded,
    /// The platform gives none for these credentials.
    Refused,
    /// The platform wants fewer requests.
    RateLimited,
    /// No answer came that could be used.
    NotSent,
}

impl CallOutcome {
    /// The word for it, in metrics and in the log.
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
    /// The word for it, in metrics and in the log.
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

/// The units of CloudWatch that are used here.
#[derive(Debug, Clone, Copy, serde::Serialize)]
enum Unit {
    Count,
    Seconds,
}

/// One measured value.
struct Measured(&'static str, Unit, f64);

/// By what a metric can be told apart, besides the function that wrote it.
enum By<'e> {
    /// By nothing else.
    Nothing,
    /// Only together with this.
    Always(&'static str, &'e str),
    /// With this or as a whole.
    OrNot(&'static str, &'e str),
}

impl<'e> Event<'e> {
    /// Writes it to standard output, where Lambda takes it from. Outside Lambda nobody does, and nothing is written.
    #[allow(clippy::print_stdout)]
    pub fn write(self) {
        static FUNCTION: LazyLock<Option<String>> = LazyLock::new(|| env::var("AWS_LAMBDA_FUNCTION_NAME").ok());
        static LEVEL: LazyLock<String> =
            LazyLock::new(|| env::var("AWS_LAMBDA_LOG_LEVEL").unwrap_or_else(|_| "INFO".to_owned()));
        if let Some(function) = &*FUNCTION {
            println!("{}", self.embedded(function, &LEVEL, Timestamp::now()));
        }
    }

    fn measured(self) -> Vec<Measured> {
        let one = |name| vec![Measured(name, Unit::Count, 1.0)];
        match self {
            Self::Accepted(_) => one("Accepted"),
            Self::Refused(_) => one("Refused"),
            Self::Duplicate(_) => one("Duplicates"),
            Self::Delivered(_, age) => {
                let mut measured = one("Delivered");
                measured.push(Measured("DeliveryAge", Unit::Seconds, age.as_secs_f64()));
                measured
            }
            Self::Retried(_) => one("Retried"),
            Self::WentBack(age) => vec![Measured("RetriedAge", Unit::Seconds, age.as_secs_f64())],
            Self::Failed(_) => one("Failed"),
            Self::EndpointGone(name) => {
                let mut measured = one("EndpointGone");
                measured.extend(Self::Failed(name).measured());
                measured
            }
            Self::GivenUp(_) => one("GivenUp"),
            Self::ReceiptFailed(_) => one("ReceiptsFailed"),
            Self::UnreadableReceipt(_) => one("UnreadableReceipts"),
            Self::PlatformCalled(_) => one("PlatformCalls"),
            Self::Headroom { calls, .. } => vec![Measured("RateLimitHeadroom", Unit::Count, calls as f64)],
            Self::TokenRefreshed(_) => one("TokenRefreshes"),
        }
    }

    fn by(self) -> By<'e> {
        match self {
            Self::Accepted(name)
            | Self::Duplicate(name)
            | Self::Delivered(name, _)
            | Self::Retried(name)
            | Self::Failed(name)
            | Self::EndpointGone(name)
            | Self::GivenUp(name)
            | Self::ReceiptFailed(name)
            | Self::UnreadableReceipt(name) => By::OrNot("Integration", name.as_str()),
            Self::WentBack(_) => By::Nothing,
            Self::Refused(reason) => By::Always("Reason", reason.as_str()),
            Self::PlatformCalled(outcome) => By::Always("Outcome", outcome.as_str()),
            Self::Headroom { client, .. } => By::OrNot("Client", client),
            Self::TokenRefreshed(outcome) => By::Always("Outcome", outcome.as_str()),
        }
    }

    /// The line. `level` and `timestamp` are for Lambda, which drops lines below the function's log level and takes a line
    /// without these two for one of INFO: with the very level of the function none is dropped.
    ///
    /// Sources: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>,
    /// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>.
    fn embedded(self, function: &str, level: &str, now: Timestamp) -> Value {
        let measured = self.measured();
        let (sets, told_apart) = match self.by() {
            By::Nothing => (json!([["FunctionName"]]), None),
            By::Always(name, value) => (json!([["FunctionName", name]]), Some((name, value))),
            By::OrNot(name, value) => (json!([["FunctionName"], ["FunctionName", name]]), Some((name, value))),
        };
        let definitions: Vec<_> =
            measured.iter().map(|Measured(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
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
        line.extend(told_apart.map(|(name, value)| (name.to_owned(), value.into())));
        line.extend(measured.into_iter().map(|Measured(name, _, value)| (name.to_owned(), value.into())));
        Value::Object(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(event: Event<'_>) -> Value {
        event.embedded("f", "WARN", Timestamp::UNIX_EPOCH)
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
        for (event, metric, dimensions, value) in [
            (Event::Accepted(name), "Accepted", whole_and("Integration"), "acme"),
            (Event::Duplicate(name), "Duplicates", whole_and("Integration"), "acme"),
            (Event::Delivered(name, Duration::ZERO), "Delivered", whole_and("Integration"), "acme"),
            (Event::Retried(name), "Retried", whole_and("Integration"), "acme"),
            (Event::Failed(name), "Failed", whole_and("Integration"), "acme"),
            (Event::GivenUp(name), "GivenUp", whole_and("Integration"), "acme"),
            (Event::ReceiptFailed(name), "ReceiptsFailed", whole_and("Integration"), "acme"),
            (Event::UnreadableReceipt(name), "UnreadableReceipts", whole_and("Integration"), "acme"),
            (Event::Headroom { client: "c", calls: 7 }, "RateLimitHeadroom", whole_and("Client"), "c"),
            (
                Event::Refused(ProblemType::InvalidSignature),
                "Refused",
                json!([["FunctionName", "Reason"]]),
                "invalid-signature",
            ),
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
            let told_apart_by = dimensions.as_array().unwrap().last().unwrap()[1].as_str().unwrap();
            assert_eq!((value, "f"), (line[told_apart_by].as_str().unwrap(), line["FunctionName"].as_str().unwrap()));
            assert!(line[metric].is_f64(), "{line}");
        }
        let went_back = line(Event::WentBack(Duration::from_secs(901)));
        assert_eq!(json!([["FunctionName"]]), went_back["_aws"]["CloudWatchMetrics"][0]["Dimensions"]);
        assert_eq!(
            (901.0, "f"),
            (went_back["RetriedAge"].as_f64().unwrap(), went_back["FunctionName"].as_str().unwrap())
        );
        assert_eq!(7.0, line(Event::Headroom { client: "c", calls: 7 })["RateLimitHeadroom"]);
    }
}
