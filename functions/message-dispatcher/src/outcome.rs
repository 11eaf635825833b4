//! How handling a message ended: its log line, its metrics, and what happens to its record on the queue.

use crate::failure::Failure;
use crate::task::{ReceiveContext, Task};
use jiff::Timestamp;
use shared::aws::retry::time_until;
use shared::delivery::client::Refusal;
use shared::integration::LoadError;
use shared::observability::emf::Emf;
use shared::observability::logging::log_at;
use shared::observability::metrics::Event;
use std::error::Error;
use std::time::Duration;
use tracing::Level;

/// Why no attempt was made while a circuit is open.
pub(crate) const CIRCUIT_OPEN: &str = "the endpoint did not answer earlier attempts";

/// What happens to an SQS record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// It is deleted.
    Ack,
    /// It returns to its lane with the rest of its group, with this visibility timeout: something other than its endpoint
    /// failed or is in the way.
    Return { after: Duration },
    /// It failed, and is retried after this time.
    Retry { after: Duration },
    /// It waits until then for an attempt, because its endpoint does not answer.
    CircuitOpen { after: Duration },
}

impl Disposition {
    /// Receives it again when the lease of another worker has expired: that worker may fail.
    pub(crate) fn retry_after_lease(until: Timestamp) -> Self {
        Self::Return { after: time_until(until).max(Duration::from_secs(1)) }
    }
}

/// Why nothing could be done: an AWS service was unavailable, or the integration has no valid configuration.
pub(crate) struct NotHandled {
    pub(crate) reason: String,
    pub(crate) disposition: Disposition,
}

impl NotHandled {
    pub(crate) fn internal_error(error: &dyn Error, context: ReceiveContext<'_>) -> Self {
        let after = context.delay_after_internal_error();
        Self { reason: error.to_string(), disposition: Disposition::Return { after } }
    }

    /// The configuration could not be loaded.
    pub(crate) fn load_error(error: &LoadError, context: ReceiveContext<'_>) -> Self {
        match error {
            LoadError::Unavailable(_) | LoadError::TooManyUnknown => Self::internal_error(error, context),
            LoadError::NotFound | LoadError::Invalid(_) => {
                let after = context.backoff();
                Self { reason: error.to_string(), disposition: Disposition::Retry { after } }
            }
        }
    }
}

/// How handling a message ended.
pub(crate) enum Outcome {
    /// The messaging service has it, this long after it was received.
    Delivered(Duration),
    /// It was completed before.
    Duplicate,
    /// It is not for the messaging service.
    Dropped(&'static str),
    /// Another worker has the lease.
    InProgressElsewhere {
        until: Timestamp,
    },
    /// The attempt failed.
    RetryScheduled {
        reason: String,
        /// The messaging service's response.
        status: Option<u16>,
        after: Duration,
    },
    /// No attempt was made, because the messaging service does not answer others.
    CircuitOpen {
        after: Duration,
    },
    NotHandled(NotHandled),
    /// It failed permanently.
    Failed(Failure),
    /// Its integration has been removed for too long.
    IntegrationRemoved(String),
    /// It ended like this, but its receipt could not be queued or the failed message not be parked. On the retry it is a
    /// duplicate, and only that is done.
    FollowUpFailed {
        outcome: Box<Self>,
        after: Duration,
    },
}

impl Outcome {
    /// The message is delivered now.
    pub(crate) fn delivered(task: &Task<'_>) -> Self {
        Self::Delivered(task.age().try_into().unwrap_or_default())
    }

    pub(crate) fn disposition(&self) -> Disposition {
        match self {
            Self::Delivered(_) | Self::Duplicate | Self::Dropped(_) | Self::Failed(_) | Self::IntegrationRemoved(_) => {
                Disposition::Ack
            }
            Self::InProgressElsewhere { until } => Disposition::retry_after_lease(*until),
            Self::NotHandled(not_handled) => not_handled.disposition,
            Self::FollowUpFailed { after, .. } => Disposition::Return { after: *after },
            Self::RetryScheduled { after, .. } => Disposition::Retry { after: *after },
            Self::CircuitOpen { after } => Disposition::CircuitOpen { after: *after },
        }
    }

    /// Writes the log line with its metrics.
    pub(crate) fn log(&self, task: &Task<'_>) {
        let (outcome, reason) = self.as_log_fields();
        let (status, code) = match self {
            Self::Failed(failure) => (failure.status(), failure.code()),
            Self::RetryScheduled { status, .. } => (*status, None),
            _ => (None, None),
        };
        let cause = match self {
            Self::Failed(Failure::OutcomeUnknown(cause)) => Some(cause.as_str()),
            _ => None,
        };
        let (age_seconds, milliseconds) = (task.age().as_secs_f64(), task.started_at.elapsed().as_millis() as u64);
        let emf = Emf::of(self.event(task));
        log_at!(self.level(), %emf, outcome, reason, cause, status, code, age_seconds, milliseconds);
    }

    fn event<'t>(&self, task: &Task<'t>) -> Option<Event<'t>> {
        let name = &task.envelope.integration;
        Some(match self {
            Self::Delivered(age) => Event::Delivered(name, *age),
            Self::Duplicate => Event::Duplicate(name),
            Self::InProgressElsewhere { .. } | Self::RetryScheduled { .. } | Self::NotHandled(_) => {
                Event::Retried(name)
            }
            Self::CircuitOpen { .. } => Event::CircuitOpen(name),
            Self::Failed(Failure::Refused(Refusal::Gone)) => Event::EndpointGone(name),
            Self::Failed(
                Failure::Refused(_)
                | Failure::RefusedByChannel { .. }
                | Failure::Unsupported(_)
                | Failure::OutcomeUnknown(_),
            ) => Event::Failed(name),
            Self::Failed(Failure::Expired(_)) | Self::IntegrationRemoved(_) => Event::GivenUp(name),
            Self::Dropped(_) | Self::Failed(Failure::Dropped) => return None,
            Self::FollowUpFailed { outcome, .. } => return outcome.event(task),
        })
    }

    /// The outcome and the reason in the log: docs/operate.md lists them.
    fn as_log_fields(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Delivered(_) => ("delivered", None),
            Self::Duplicate => ("duplicate", Some("already completed")),
            Self::Dropped(reason) => ("dropped", Some(reason)),
            Self::InProgressElsewhere { .. } => ("retry", Some("another worker has the lease")),
            Self::RetryScheduled { reason, .. } | Self::NotHandled(NotHandled { reason, .. }) => {
                ("retry", Some(reason))
            }
            Self::CircuitOpen { .. } => ("circuit_open", Some(CIRCUIT_OPEN)),
            Self::Failed(failure @ Failure::Expired(_)) => ("given_up", Some(failure.as_str())),
            Self::Failed(Failure::Dropped) => ("dropped", Some("typing event that could not be delivered at once")),
            Self::Failed(Failure::Refused(Refusal::Gone)) => ("failed", Some("the endpoint asks to be removed")),
            Self::Failed(failure) => ("failed", Some(failure.as_str())),
            Self::IntegrationRemoved(reason) => ("given_up", Some(reason)),
            Self::FollowUpFailed { outcome, .. } => outcome.as_log_fields(),
        }
    }

    /// An error is what an operator has to act on.
    fn level(&self) -> Level {
        match self {
            Self::Delivered(_)
            | Self::Duplicate
            | Self::Dropped(_)
            | Self::InProgressElsewhere { .. }
            | Self::CircuitOpen { .. }
            | Self::Failed(Failure::Dropped) => Level::INFO,
            Self::RetryScheduled { .. } => Level::WARN,
            Self::NotHandled(_) | Self::Failed(_) | Self::IntegrationRemoved(_) => Level::ERROR,
            Self::FollowUpFailed { outcome, .. } => outcome.level(),
        }
    }
}
