//! Who writes the metrics, and the values of their dimensions.

use shared::observability::metrics::{CallOutcome, ConversationEventOutcome, Metric, TokenOutcome};
use std::collections::BTreeSet;

/// The functions' logical ids.
pub const FUNCTIONS: [&str; 8] = [
    "WebhookReceiver",
    "ChannelReceiver",
    "MessageDispatcher",
    "AgentlessSender",
    "ReceiptPoster",
    "CardSender",
    "InboundSender",
    "AgentSender",
];
/// The function of a stack that receives conversation events.
pub const CONVERSATION_EVENTS: &str = "ConversationEvents";
/// The functions behind the caller endpoints.
pub const SENDERS: [&str; 5] = ["AgentlessSender", "ReceiptPoster", "CardSender", "InboundSender", "AgentSender"];
/// The functions behind the routes of platforms and providers, whose requests are signed.
pub const RECEIVERS: [&str; 2] = ["WebhookReceiver", "ChannelReceiver"];
/// The functions behind the API's routes.
pub const ROUTES: &[&str] = &[RECEIVERS[0], RECEIVERS[1], SENDERS[0], SENDERS[1], SENDERS[2], SENDERS[3], SENDERS[4]];
/// The functions that call a platform.
pub const CALLING: &[&str] = &["MessageDispatcher", SENDERS[0], SENDERS[1], SENDERS[2], SENDERS[3], SENDERS[4]];
/// The functions that call a platform whose tokens expire.
pub const RENEWING: &[&str] = &["MessageDispatcher", SENDERS[0], SENDERS[1], SENDERS[3]];
const DISPATCHER: &[&str] = &["MessageDispatcher"];

/// The values of `Reason` that the test run produces, and that alarms may watch.
const REASONS: &[&str] = &[
    "invalid-signature",
    "unauthenticated",
    "integration-not-found",
    "invalid-body",
    "idempotency-key-reused",
    "platform-refused",
    "platform-credentials",
    "rate-limited",
    "outcome-unknown",
    "not-supported",
    "unavailable",
];

/// The functions that write a metric, by their logical ids.
#[must_use]
pub fn writers(metric: &str) -> &'static [&'static str] {
    match metric {
        "Accepted" | "Refused" => ROUTES,
        "Duplicates" | "PlatformCalls" | "RateLimitHeadroom" | "TokenRefreshes" => CALLING,
        "AuthorizationsNotRenewed" | "AuthorizationsEnding" => RENEWING,
        "ConversationEvents" => &[CONVERSATION_EVENTS],
        _ => DISPATCHER,
    }
}

/// The values of a metric's dimension, unless they are names.
#[must_use]
pub fn words(metric: &str) -> Vec<&'static str> {
    match metric {
        "Refused" => REASONS.to_vec(),
        "PlatformCalls" => CallOutcome::ALL.map(CallOutcome::as_str).to_vec(),
        "TokenRefreshes" => TokenOutcome::ALL.map(TokenOutcome::as_str).to_vec(),
        "ConversationEvents" => ConversationEventOutcome::ALL.map(ConversationEventOutcome::as_str).to_vec(),
        _ => Vec::new(),
    }
}

/// Whether a metric is published under exactly these dimensions, without or with `MetricsByIntegration`.
#[must_use]
pub fn has_set(metric: &Metric, dimensions: &BTreeSet<&str>, by_integration: bool) -> bool {
    metric.dimension_sets(by_integration).into_iter().any(|set| BTreeSet::from_iter(set) == *dimensions)
}
