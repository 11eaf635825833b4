//! How handling an event ended: its log line and its metric.

use shared::delivery::id::DeliveryId;
use shared::model::integration_name::IntegrationName;
use shared::observability::emf::Emf;
use shared::observability::logging::log_at;
use shared::observability::metrics::{ConversationEventOutcome, Event};
use tracing::Level;

pub(crate) enum Outcome {
    /// It is on the queue of the customer's messages.
    Queued { integration: IntegrationName, id: DeliveryId },
    /// Nothing that is delivered.
    Ignored(&'static str),
    /// It cannot be read, or is too large for the queue: it is in the dead-letter queue.
    Malformed(String),
    /// It is not of the configured event source.
    ForeignSource,
    /// The owner of the conversation did not become known in time.
    Unresolved,
    /// It is received again, when what it needs is there: why.
    TooEarly(&'static str),
    /// It is received again, because an AWS service is unavailable: what it said.
    Unavailable(String),
}

impl Outcome {
    pub(crate) fn is_final(&self) -> bool {
        !matches!(self, Self::TooEarly(_) | Self::Unavailable(_))
    }

    fn metric(&self) -> Option<ConversationEventOutcome> {
        Some(match self {
            Self::Queued { .. } => ConversationEventOutcome::Queued,
            Self::Ignored(_) => return None,
            Self::Malformed(_) => ConversationEventOutcome::Malformed,
            Self::ForeignSource => ConversationEventOutcome::ForeignSource,
            Self::Unresolved => ConversationEventOutcome::Unresolved,
            Self::TooEarly(_) | Self::Unavailable(_) => ConversationEventOutcome::Retried,
        })
    }

    /// An error is what an operator has to act on.
    fn level(&self) -> Level {
        match self {
            // An organisation has many events that are not of open messaging.
            Self::Ignored(_) => Level::DEBUG,
            Self::Queued { .. } | Self::Unresolved | Self::TooEarly(_) => Level::INFO,
            Self::Malformed(_) | Self::ForeignSource | Self::Unavailable(_) => Level::ERROR,
        }
    }

    /// The outcome and the reason in the log: docs/operate.md lists them.
    fn as_log_fields(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Queued { .. } => ("event_queued", None),
            Self::Ignored(reason) => ("event_dropped", Some(reason)),
            Self::Malformed(reason) => ("event_dead_letter", Some(reason)),
            Self::ForeignSource => ("event_dropped", Some("of another event source")),
            Self::Unresolved => ("event_dropped", Some("no integration has the conversation")),
            Self::TooEarly(reason) => ("event_retry", Some(reason)),
            Self::Unavailable(reason) => ("event_retry", Some(reason)),
        }
    }

    /// Writes the log line with its metric.
    pub(crate) fn log(&self) {
        let emf = Emf::of(self.metric().map(Event::ConversationEvent));
        let (outcome, reason) = self.as_log_fields();
        let (integration, webhook_id) = match self {
            Self::Queued { integration, id } => (Some(integration.as_str()), Some(id.to_string())),
            _ => (None, None),
        };
        log_at!(self.level(), %emf, outcome, reason, integration, webhook_id);
    }
}
