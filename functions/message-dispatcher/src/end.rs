//! How a turn with a message ended: one line of the log, and the metrics.

use crate::failure::Failure;
use crate::message::Task;
use shared::delivery::client::Refusal;
use shared::delivery::envelope::Envelope;
use shared::observability::logging::log_at;
use shared::observability::metrics::Event;
use std::error::Error;
use std::time::Duration;
use tracing::Level;

/// How a turn with a message ended.
pub(crate) enum End {
    /// The messaging service has it, so long after it came.
    Delivered(Duration),
    /// It was settled before.
    Duplicate,
    /// It is not for the messaging service: why.
    Dropped(&'static str),
    /// Another worker has it; it comes again in case that one does not get through.
    Busy,
    /// It comes again, for it could not be delivered: why.
    Retried(String),
    /// It comes again, for something of our own is out of order: what.
    Troubled(String),
    /// It will not be delivered.
    Failed(Failure),
    /// Its integration has been gone for too long.
    Orphaned(String),
}

impl End {
    /// It comes again, for something of our own is out of order.
    pub(crate) fn troubled(error: &dyn Error) -> Self {
        Self::Troubled(error.to_string())
    }

    /// What it counts for.
    fn event<'e>(&self, envelope: &'e Envelope) -> Option<Event<'e>> {
        let name = &envelope.integration;
        Some(match self {
            Self::Delivered(age) => Event::Delivered(name, *age),
            Self::Duplicate => Event::Duplicate(name),
            Self::Busy | Self::Retried(_) | Self::Troubled(_) => Event::Retried(name),
            Self::Failed(Failure::Refused(Refusal::Gone)) => Event::EndpointGone(name),
            Self::Failed(Failure::Refused(_)) => Event::Failed(name),
            Self::Failed(Failure::Expired) | Self::Orphaned(_) => Event::GivenUp(name),
            Self::Dropped(_) | Self::Failed(Failure::Dropped) => return None,
        })
    }

    /// The outcome and its reason, in the words of the log.
    fn words(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Delivered(_) => ("delivered", None),
            Self::Duplicate => ("duplicate", Some("already settled")),
            Self::Dropped(why) => ("dropped", Some(why)),
            Self::Busy => ("retry", Some("another worker has it")),
            Self::Retried(why) | Self::Troubled(why) => ("retry", Some(why)),
            Self::Failed(Failure::Expired) => ("given up", Some(Failure::Expired.word())),
            Self::Failed(Failure::Dropped) => ("dropped", Some("typing event that could not be delivered at once")),
            Self::Failed(Failure::Refused(Refusal::Gone)) => ("failed", Some("the endpoint asks to be removed")),
            Self::Failed(failure) => ("failed", Some(failure.word())),
            Self::Orphaned(why) => ("given up", Some(why)),
        }
    }

    /// Tells it. What an operator has to act on is an error.
    pub(crate) fn tell(&self, task: &Task<'_>) {
        if let Some(event) = self.event(task.envelope) {
            event.emit();
        }
        let (outcome, reason) = self.words();
        let status = match self {
            Self::Failed(failure) => failure.status(),
            _ => None,
        };
        let level = match self {
            Self::Delivered(_) | Self::Duplicate | Self::Dropped(_) | Self::Busy | Self::Failed(Failure::Dropped) => {
                Level::INFO
            }
            Self::Retried(_) => Level::WARN,
            Self::Troubled(_) | Self::Failed(_) | Self::Orphaned(_) => Level::ERROR,
        };
        let (age_seconds, milliseconds) = (task.age().as_secs_f64(), task.began_at.elapsed().as_millis() as u64);
        log_at!(level, outcome, reason, status, age_seconds, milliseconds);
    }
}
