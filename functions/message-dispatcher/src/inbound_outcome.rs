//! How handling what a customer did ended: what follows from an attempt, the log line, and what happens to the record.

use crate::outcome::{CIRCUIT_OPEN, Disposition, NotHandled};
use jiff::Timestamp;
use shared::api::problem::{Problem, ProblemType};
use shared::api::{Reply, RetrySafety};
use shared::delivery::envelope::InboundEnvelope;
use shared::delivery::record::{self, DeliveryRecord};
use shared::limits::bounded;
use shared::observability::calls::PlatformCalls;
use shared::observability::emf::Emf;
use shared::observability::logging::log_at;
use shared::observability::metrics::Event;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Level;

/// What follows from an attempt.
pub(crate) enum Step {
    /// Now, or under the same id before.
    Posted {
        replayed: bool,
    },
    Retry {
        problem: Problem,
        retry_after: Option<Duration>,
    },
    Failed(Failure),
}

/// Why something failed permanently.
pub(crate) struct Failure {
    pub(crate) record: DeliveryRecord,
    /// The platform's code.
    pub(crate) code: Option<String>,
    kind: FailureKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FailureKind {
    /// The platform refused it, or it may have it.
    Refused,
    /// It was given up, or its integration was removed.
    GivenUp,
    /// A typing event: it is of no use later.
    Dropped,
}

impl Step {
    pub(crate) fn after(result: Result<Reply, Problem>, retry_safety: RetrySafety) -> Self {
        let problem = match result {
            Ok(reply) if reply.status.is_success() => return Self::Posted { replayed: reply.replayed },
            // The stored answer of an attempt whose outcome is unknown, under the same id.
            Ok(_) => Problem::new(ProblemType::OutcomeUnknown, "The platform may have it. It is not posted again."),
            Err(problem) => problem,
        };
        if is_final(problem.problem_type, retry_safety) {
            Self::Failed(Failure::refused(&problem))
        } else {
            Self::Retry { retry_after: problem.retry_after, problem }
        }
    }

    /// No time is left, and the platform does not answer.
    pub(crate) fn circuit_open() -> Self {
        Self::Retry { problem: Problem::unavailable(CIRCUIT_OPEN), retry_after: None }
    }
}

/// Whether a retry is pointless, or may post it twice. An operator can fix refused credentials.
fn is_final(problem_type: ProblemType, retry_safety: RetrySafety) -> bool {
    match problem_type {
        ProblemType::Unavailable
        | ProblemType::RateLimited
        | ProblemType::RequestInProgress
        | ProblemType::PlatformCredentials => false,
        ProblemType::OutcomeUnknown => retry_safety == RetrySafety::NotIdempotent,
        _ => true,
    }
}

impl Failure {
    fn refused(problem: &Problem) -> Self {
        let status = problem.platform.as_ref().map(|error| error.status);
        let code = problem.platform.as_ref().and_then(|error| error.code.clone());
        let detail = match problem.problem_type {
            ProblemType::PlatformRefused => "The platform refused it.".to_owned(),
            _ => problem.detail(),
        };
        Self::new(FailureKind::Refused, problem.problem_type.as_str(), Some(detail), status, code)
    }

    /// It could not be posted within `giveUpAfterSeconds`: the last attempt failed with this problem.
    pub(crate) fn expired(problem: &Problem) -> Self {
        let detail = match problem.problem_type {
            // What a caller can do does not matter any more.
            ProblemType::OutcomeUnknown => "The platform did not say whether it accepted it.".to_owned(),
            _ => problem.detail(),
        };
        Self::new(FailureKind::GivenUp, record::EXPIRED, Some(detail), None, None)
    }

    /// A typing event that could not be posted at the first attempt.
    pub(crate) fn dropped(problem: &Problem) -> Self {
        Self::new(FailureKind::Dropped, record::DROPPED, Some(problem.detail()), None, None)
    }

    pub(crate) fn integration_removed(reason: String) -> Self {
        Self::new(FailureKind::GivenUp, record::ORPHANED, Some(reason), None, None)
    }

    /// As an earlier attempt recorded it.
    pub(crate) fn recorded(record: DeliveryRecord) -> Self {
        let kind = match record.reason.as_deref() {
            Some(record::EXPIRED | record::ORPHANED) => FailureKind::GivenUp,
            Some(record::DROPPED) => FailureKind::Dropped,
            _ => FailureKind::Refused,
        };
        Self { record, code: None, kind }
    }

    fn new(kind: FailureKind, reason: &str, detail: Option<String>, status: Option<u16>, code: Option<String>) -> Self {
        let (reason, at) = (Some(reason.to_owned()), Some(Timestamp::now()));
        let error = detail.map(|detail| bounded(&detail).into_owned());
        Self { record: DeliveryRecord { reason, status, at, error, receipt: None }, code, kind }
    }

    pub(crate) fn reason(&self) -> &str {
        self.record.reason.as_deref().unwrap_or_default()
    }

    /// What happened, in sentences. The ledger and the messaging service get it.
    pub(crate) fn detail(&self) -> &str {
        self.record.error.as_deref().unwrap_or_default()
    }
}

/// How handling what a customer did ended.
pub(crate) enum InboundOutcome {
    Posted,
    /// It was posted or had failed before.
    Duplicate,
    /// There is nothing to post.
    Ignored,
    /// Another worker has the lease.
    InProgressElsewhere {
        until: Timestamp,
    },
    /// The platform did not accept it.
    RetryScheduled {
        problem: Problem,
        after: Duration,
    },
    /// No attempt was made, because the platform does not answer others.
    CircuitOpen {
        after: Duration,
    },
    NotHandled(NotHandled),
    /// It failed permanently.
    Failed(Failure),
    /// It failed permanently, and could not be parked or reported. On the retry only that is done.
    FollowUpFailed {
        failure: Failure,
        after: Duration,
    },
}

impl InboundOutcome {
    pub(crate) fn disposition(&self) -> Disposition {
        match self {
            Self::Posted | Self::Duplicate | Self::Ignored | Self::Failed(_) => Disposition::Ack,
            Self::InProgressElsewhere { until } => Disposition::retry_after_lease(*until),
            Self::NotHandled(not_handled) => not_handled.disposition,
            Self::RetryScheduled { after, .. } => Disposition::Retry { after: *after },
            Self::CircuitOpen { after } => Disposition::CircuitOpen { after: *after },
            Self::FollowUpFailed { after, .. } => Disposition::Return { after: *after },
        }
    }

    /// Writes the log line with its metrics. An error is what an operator has to act on.
    pub(crate) fn log(&self, envelope: &InboundEnvelope, calls: &PlatformCalls, started_at: Instant) {
        let name = &envelope.integration;
        let event = match self {
            Self::Failed(failure) | Self::FollowUpFailed { failure, .. } if failure.kind != FailureKind::Dropped => {
                Some(Event::InboundFailed(name))
            }
            Self::CircuitOpen { .. } => Some(Event::CircuitOpen(name)),
            Self::Duplicate => Some(Event::Duplicate(name)),
            Self::RetryScheduled { .. } | Self::NotHandled(_) => Some(Event::Retried(name)),
            _ => None,
        };
        let emf = Emf::of(event.into_iter().chain(calls.events()));
        let (level, outcome, reason) = match self {
            Self::Posted => (Level::INFO, "inbound_posted", None),
            Self::Duplicate => (Level::INFO, "inbound_duplicate", Some("already completed")),
            Self::Ignored => (Level::INFO, "inbound_ignored", Some("a button whose options are no longer known")),
            Self::InProgressElsewhere { .. } => (Level::INFO, "inbound_retry", Some("another worker has the lease")),
            Self::RetryScheduled { problem, .. } => (Level::WARN, "inbound_retry", Some(problem.problem_type.as_str())),
            Self::CircuitOpen { .. } => (Level::INFO, "inbound_circuit_open", Some(CIRCUIT_OPEN)),
            Self::NotHandled(NotHandled { reason, .. }) => (Level::ERROR, "inbound_retry", Some(reason.as_str())),
            Self::Failed(failure) | Self::FollowUpFailed { failure, .. } => {
                let level = if failure.kind == FailureKind::Dropped { Level::INFO } else { Level::ERROR };
                (level, "inbound_failed", Some(failure.reason()))
            }
        };
        let (status, code) = match self {
            Self::RetryScheduled { problem, .. } => {
                let error = problem.platform.as_deref();
                (error.map(|error| error.status), error.and_then(|error| error.code.as_deref()))
            }
            Self::Failed(failure) | Self::FollowUpFailed { failure, .. } => {
                (failure.record.status, failure.code.as_deref())
            }
            _ => (None, None),
        };
        let age_seconds = Timestamp::now().duration_since(envelope.received_at).as_secs_f64();
        let milliseconds = started_at.elapsed().as_millis() as u64;
        let platform_milliseconds = calls.milliseconds();
        log_at!(
            level,
            %emf,
            outcome,
            reason,
            status,
            code,
            age_seconds,
            platform_milliseconds,
            milliseconds
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_platform_may_have_is_posted_again_only_where_it_deduplicates() {
        let unknown = ProblemType::OutcomeUnknown;
        assert!(is_final(unknown, RetrySafety::NotIdempotent));
        assert!(!is_final(unknown, RetrySafety::Idempotent));
        let stored = Reply::new(http::StatusCode::GATEWAY_TIMEOUT, serde_json::Value::Null);
        assert!(matches!(Step::after(Ok(stored), RetrySafety::NotIdempotent), Step::Failed(_)));
    }

    #[test]
    fn a_refusal_is_final_unless_an_operator_can_fix_it_or_time_does() {
        for problem_type in ProblemType::ALL {
            let expected = !matches!(
                problem_type.as_str(),
                "unavailable" | "rate-limited" | "request-in-progress" | "platform-credentials" | "outcome-unknown"
            );
            assert_eq!(expected, is_final(*problem_type, RetrySafety::Idempotent), "{problem_type:?}");
        }
    }
}
