//! What is counted: the metrics of each [`Event`], their units and their dimensions.

use crate::model::integration_name::IntegrationName;
use serde::Serialize;
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
    /// Messages of a customer were moved to the retry lane.
    Moved(u64),
    /// A message or a receipt waits because its endpoint's circuit is open.
    CircuitOpen(&'e IntegrationName),
    /// The messaging service or the channel permanently rejected a message, the channel may have sent it, or its provider reported
    /// that it failed.
    Failed(&'e IntegrationName),
    /// It did so with a 410: the endpoint is to be removed.
    EndpointGone(&'e IntegrationName),
    /// A message expired, or its integration was removed.
    GivenUp(&'e IntegrationName),
    /// A receipt permanently failed.
    ReceiptFailed(&'e IntegrationName),
    /// What a customer wrote or chose could not be posted to the platform.
    InboundFailed(&'e IntegrationName),
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
    /// The tokens of an integration's authorization could not be renewed.
    AuthorizationNotRenewed(&'e IntegrationName),
    /// The refresh token of an integration's authorization ends soon.
    AuthorizationEnding(&'e IntegrationName),
    /// An event of a conversation was handled.
    ConversationEvent(ConversationEventOutcome),
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

/// How handling an event of a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConversationEventOutcome {
    Queued,
    /// It cannot be read.
    Malformed,
    /// It is not of the configured event source.
    ForeignSource,
    /// It is of no known conversation.
    Unresolved,
    Retried,
}

impl ConversationEventOutcome {
    pub const ALL: [Self; 5] = [Self::Queued, Self::Malformed, Self::ForeignSource, Self::Unresolved, Self::Retried];

    /// The value in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Malformed => "malformed",
            Self::ForeignSource => "foreign-source",
            Self::Unresolved => "unresolved",
            Self::Retried => "retried",
        }
    }
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

pub(super) const FUNCTION_NAME: &str = "FunctionName";

const BY_INTEGRATION: Dimension = Dimension::PerIntegration("Integration");
const BY_OUTCOME: Dimension = Dimension::Required("Outcome");

const ACCEPTED: Metric = count("Accepted", BY_INTEGRATION);
const REFUSED: Metric = count("Refused", Dimension::Required("Reason"));
const DUPLICATES: Metric = count("Duplicates", BY_INTEGRATION);
const DELIVERED: Metric = count("Delivered", BY_INTEGRATION);
const DELIVERY_AGE: Metric = Metric { name: "DeliveryAge", unit: "Seconds", dimension: BY_INTEGRATION };
const RETRIED: Metric = count("Retried", BY_INTEGRATION);
const RETRIED_AGE: Metric = Metric { name: "RetriedAge", unit: "Seconds", dimension: Dimension::None };
const MOVED: Metric = count("Moved", Dimension::None);
const CIRCUIT_OPEN: Metric = count("CircuitOpen", BY_INTEGRATION);
const FAILED: Metric = count("Failed", BY_INTEGRATION);
const ENDPOINT_GONE: Metric = count("EndpointGone", BY_INTEGRATION);
const GIVEN_UP: Metric = count("GivenUp", BY_INTEGRATION);
const RECEIPTS_FAILED: Metric = count("ReceiptsFailed", BY_INTEGRATION);
const INBOUND_FAILED: Metric = count("InboundFailed", BY_INTEGRATION);
const UNREADABLE_RECEIPTS: Metric = count("UnreadableReceipts", BY_INTEGRATION);
const PLATFORM_CALLS: Metric = count("PlatformCalls", BY_OUTCOME);
const RATE_LIMIT_REMAINING: Metric = count("RateLimitHeadroom", Dimension::PerIntegration("Client"));
const TOKEN_REFRESHES: Metric = count("TokenRefreshes", BY_OUTCOME);
const AUTHORIZATIONS_NOT_RENEWED: Metric = count("AuthorizationsNotRenewed", BY_INTEGRATION);
const AUTHORIZATIONS_ENDING: Metric = count("AuthorizationsEnding", BY_INTEGRATION);
const CONVERSATION_EVENTS: Metric = count("ConversationEvents", BY_OUTCOME);

const fn count(name: &'static str, dimension: Dimension) -> Metric {
    Metric { name, unit: "Count", dimension }
}

impl Dimension {
    pub(super) fn name(self, by_integration: bool) -> Option<&'static str> {
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
    pub const METRICS: [Metric; 21] = [
        ACCEPTED,
        REFUSED,
        DUPLICATES,
        DELIVERED,
        DELIVERY_AGE,
        RETRIED,
        RETRIED_AGE,
        MOVED,
        CIRCUIT_OPEN,
        FAILED,
        ENDPOINT_GONE,
        GIVEN_UP,
        RECEIPTS_FAILED,
        INBOUND_FAILED,
        UNREADABLE_RECEIPTS,
        PLATFORM_CALLS,
        RATE_LIMIT_REMAINING,
        TOKEN_REFRESHES,
        AUTHORIZATIONS_NOT_RENEWED,
        AUTHORIZATIONS_ENDING,
        CONVERSATION_EVENTS,
    ];

    /// The metrics of the event with their values. All of them have the same dimension.
    pub(super) fn values(self) -> Vec<(Metric, f64)> {
        match self {
            Self::Accepted(_) => vec![(ACCEPTED, 1.0)],
            Self::Refused(_) => vec![(REFUSED, 1.0)],
            Self::Duplicate(_) => vec![(DUPLICATES, 1.0)],
            Self::Delivered(_, age) => vec![(DELIVERED, 1.0), (DELIVERY_AGE, age.as_secs_f64())],
            Self::Retried(_) => vec![(RETRIED, 1.0)],
            Self::Requeued(age) => vec![(RETRIED_AGE, age.as_secs_f64())],
            Self::Moved(messages) => vec![(MOVED, messages as f64)],
            Self::CircuitOpen(_) => vec![(CIRCUIT_OPEN, 1.0)],
            Self::Failed(_) => vec![(FAILED, 1.0)],
            Self::EndpointGone(_) => vec![(ENDPOINT_GONE, 1.0), (FAILED, 1.0)],
            Self::GivenUp(_) => vec![(GIVEN_UP, 1.0)],
            Self::ReceiptFailed(_) => vec![(RECEIPTS_FAILED, 1.0)],
            Self::InboundFailed(_) => vec![(INBOUND_FAILED, 1.0)],
            Self::UnreadableReceipt(_) => vec![(UNREADABLE_RECEIPTS, 1.0)],
            Self::PlatformCalled { calls, .. } => vec![(PLATFORM_CALLS, calls as f64)],
            Self::RateLimitRemaining { calls, .. } => vec![(RATE_LIMIT_REMAINING, calls as f64)],
            Self::TokenRefreshed(_) => vec![(TOKEN_REFRESHES, 1.0)],
            Self::AuthorizationNotRenewed(_) => vec![(AUTHORIZATIONS_NOT_RENEWED, 1.0)],
            Self::AuthorizationEnding(_) => vec![(AUTHORIZATIONS_ENDING, 1.0)],
            Self::ConversationEvent(_) => vec![(CONVERSATION_EVENTS, 1.0)],
        }
    }

    pub(super) fn dimension_value(self) -> Option<&'e str> {
        match self {
            Self::Accepted(name)
            | Self::Duplicate(name)
            | Self::Delivered(name, _)
            | Self::Retried(name)
            | Self::CircuitOpen(name)
            | Self::Failed(name)
            | Self::EndpointGone(name)
            | Self::GivenUp(name)
            | Self::ReceiptFailed(name)
            | Self::InboundFailed(name)
            | Self::UnreadableReceipt(name)
            | Self::AuthorizationNotRenewed(name)
            | Self::AuthorizationEnding(name) => Some(name.as_str()),
            Self::Requeued(_) | Self::Moved(_) => None,
            Self::Refused(reason) => Some(reason),
            Self::PlatformCalled { outcome, .. } => Some(outcome.as_str()),
            Self::RateLimitRemaining { client, .. } => Some(client),
            Self::TokenRefreshed(outcome) => Some(outcome.as_str()),
            Self::ConversationEvent(outcome) => Some(outcome.as_str()),
        }
    }
}
