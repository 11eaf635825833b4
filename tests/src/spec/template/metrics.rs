//! The metrics that the functions write.

use std::collections::BTreeSet;

/// A metric that the functions write.
#[derive(Debug)]
pub struct Metric {
    /// As in CloudWatch.
    pub name: &'static str,
    /// As in CloudWatch.
    pub unit: &'static str,
    /// The sets of dimensions that it is counted under.
    pub sets: &'static [&'static [&'static str]],
    /// What the last dimension may be, where its values are words of ours.
    pub words: &'static [&'static str],
    /// The functions that write it, by their logical ids.
    pub writers: &'static [&'static str],
}

/// The functions' logical ids.
pub const FUNCTIONS: [&str; 7] = [
    "WebhookReceiver",
    "MessageDispatcher",
    "AgentlessSender",
    "ReceiptPoster",
    "CardSender",
    "InboundSender",
    "AgentSender",
];
/// Those that callers reach.
pub const SENDERS: [&str; 5] = ["AgentlessSender", "ReceiptPoster", "CardSender", "InboundSender", "AgentSender"];
/// The receiver and all senders.
pub const ROUTES: &[&str] = &["WebhookReceiver", SENDERS[0], SENDERS[1], SENDERS[2], SENDERS[3], SENDERS[4]];
/// All that call a platform.
pub const CALLING: &[&str] = &["MessageDispatcher", SENDERS[0], SENDERS[1], SENDERS[2], SENDERS[3], SENDERS[4]];
const DISPATCHER: &[&str] = &["MessageDispatcher"];

/// All that there are.
pub const METRICS: [Metric; 15] = [
    metric("Accepted", "Count", BY_INTEGRATION, &[], ROUTES),
    metric("Refused", "Count", &[&["FunctionName", "Reason"]], REASONS, ROUTES),
    metric("Duplicates", "Count", BY_INTEGRATION, &[], CALLING),
    metric("Delivered", "Count", BY_INTEGRATION, &[], DISPATCHER),
    metric("DeliveryAge", "Seconds", BY_INTEGRATION, &[], DISPATCHER),
    metric("Retried", "Count", BY_INTEGRATION, &[], DISPATCHER),
    metric("RetriedAge", "Seconds", &[&["FunctionName"]], &[], DISPATCHER),
    metric("Failed", "Count", BY_INTEGRATION, &[], DISPATCHER),
    metric("EndpointGone", "Count", BY_INTEGRATION, &[], DISPATCHER),
    metric("GivenUp", "Count", BY_INTEGRATION, &[], DISPATCHER),
    metric("ReceiptsFailed", "Count", BY_INTEGRATION, &[], DISPATCHER),
    metric("UnreadableReceipts", "Count", BY_INTEGRATION, &[], DISPATCHER),
    metric("PlatformCalls", "Count", BY_OUTCOME, OUTCOMES, CALLING),
    metric("RateLimitHeadroom", "Count", &[&["FunctionName"], &["FunctionName", "Client"]], &[], CALLING),
    metric("TokenRefreshes", "Count", BY_OUTCOME, &["succeeded", "refused", "rate-limited", "not-sent"], CALLING),
];
const BY_INTEGRATION: &[&[&str]] = &[&["FunctionName"], &["FunctionName", "Integration"]];
const BY_OUTCOME: &[&[&str]] = &[&["FunctionName", "Outcome"]];
const OUTCOMES: &[&str] = &["succeeded", "refused", "credentials-refused", "rate-limited", "not-sent", "unknown"];
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

const fn metric(
    name: &'static str,
    unit: &'static str,
    sets: &'static [&'static [&'static str]],
    words: &'static [&'static str],
    writers: &'static [&'static str],
) -> Metric {
    Metric { name, unit, sets, words, writers }
}

impl Metric {
    /// Whether it is counted under just these dimensions, in whatever order.
    #[must_use]
    pub fn has_set(&self, dimensions: &BTreeSet<&str>) -> bool {
        self.sets.iter().any(|set| set.iter().copied().collect::<BTreeSet<_>>() == *dimensions)
    }
}
