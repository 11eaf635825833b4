//! Operations that are executed once per key.

use crate::api::context::{RequestContext, RetrySafety};
use crate::api::problem::{Problem, ProblemType};
use crate::api::response::Reply;
use crate::digest::Digest;
use crate::ledger::{Acquire, CLOCK_SKEW, Lease, LeaseRequest, Ledger, Occurrence, OnExpiredLease, Outcome};
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// Which responses are stored, so that a retry under the same key gets the stored response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayPolicy {
    /// All that are final, the platform's refusals among them.
    FinalResponses,
    /// After a refusal, a retry executes the operation again.
    SuccessOnly,
}

/// Which id of the request is the key, as the caller knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    IdempotencyKey,
    WebhookId,
    MessageId,
}

/// An operation that is executed once under a key of the ledger.
#[derive(Debug, Clone, Copy)]
pub struct IdempotentOperation<'o> {
    pub ledger: &'o Ledger,
    pub key: &'o str,
    pub key_kind: KeyKind,
    /// Of the operation's input, if the same key could come with another input.
    pub fingerprint: Option<&'o Digest>,
    pub retry_safety: RetrySafety,
    pub replay_policy: ReplayPolicy,
}

/// Why an operation failed.
#[derive(Debug)]
pub struct OperationError {
    pub problem: Problem,
    /// Whether the platform may have accepted a part of it. If so, the event time that the first attempt fixed stays.
    pub may_be_accepted: bool,
}

impl From<Problem> for OperationError {
    fn from(problem: Problem) -> Self {
        let may_be_accepted = problem.problem_type == ProblemType::OutcomeUnknown;
        Self { problem, may_be_accepted }
    }
}

/// Whether an operation is to be executed now.
#[derive(Debug)]
pub enum Begin {
    /// Execute it, and record the result with [`IdempotentOperation::complete`].
    Acquired(Lease),
    /// It was executed before, with this reply.
    Replay(Reply),
}

impl IdempotentOperation<'_> {
    /// Executes `work`, unless it was executed, is being executed, or may have been executed under this key.
    ///
    /// # Errors
    /// Those of the work and of [`Self::begin`].
    pub async fn execute(
        self,
        context: &RequestContext,
        work: impl Future<Output = Result<Reply, Problem>>,
    ) -> Result<Reply, Problem> {
        match self.begin(context).await? {
            Begin::Acquired(lease) => {
                let result = work.await;
                self.complete(&lease, &result, &context.request_id).await;
                result
            }
            Begin::Replay(reply) => Ok(reply),
        }
    }

    /// Like [`Self::execute`], for an event. The first attempt fixes the event's time and content: the lease has that time, and
    /// later attempts must have the same content. If the platform accepted nothing, the next attempt may have others.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub async fn execute_at(
        self,
        context: &RequestContext,
        occurrence: Occurrence<'_>,
        work: impl AsyncFnOnce(&Lease) -> Result<Reply, OperationError>,
    ) -> Result<Reply, Problem> {
        match self.begin_with(context, Some(occurrence)).await? {
            Begin::Acquired(lease) => {
                let result = work(&lease).await;
                let may_be_accepted = result.as_ref().err().is_none_or(|error| error.may_be_accepted);
                let result = result.map_err(|error| error.problem);
                self.complete_with(&lease, &result, &context.request_id, may_be_accepted).await;
                result
            }
            Begin::Replay(reply) => Ok(reply),
        }
    }

    /// Acquires the lease, or finds the stored reply.
    ///
    /// # Errors
    /// The operation is in progress, or its outcome is unknown; the key was used with another input; or the ledger is
    /// unavailable.
    pub async fn begin(self, context: &RequestContext) -> Result<Begin, Problem> {
        self.begin_with(context, None).await
    }

    async fn begin_with(self, context: &RequestContext, occurrence: Option<Occurrence<'_>>) -> Result<Begin, Problem> {
        let now = Timestamp::now();
        let until = context.invocation_deadline.saturating_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX);
        let on_expired_lease = match self.retry_safety {
            RetrySafety::NotIdempotent => OnExpiredLease::Keep,
            RetrySafety::Idempotent => OnExpiredLease::Reclaim,
        };
        let request = LeaseRequest {
            key: self.key,
            now,
            until,
            fingerprint: self.fingerprint.map(Digest::as_str),
            on_expired_lease,
        };
        let acquired = self.ledger.acquire_for_replay(request, context.replay.as_deref(), occurrence).await;
        let acquired = acquired.map_err(|error| {
            tracing::error!(reason = %error, "the ledger is unavailable");
            Problem::unavailable("The ledger is unavailable.").nothing_sent()
        })?;
        match acquired {
            Acquire::Acquired(lease) => Ok(Begin::Acquired(lease)),
            Acquire::Completed(record) => {
                self.check_fingerprint(record.fingerprint.as_deref())?;
                replay(context, record.outcome, record.response.as_deref()).map(Begin::Replay)
            }
            Acquire::InProgress { until, fingerprint } => {
                self.check_fingerprint(fingerprint.as_deref())?;
                if until <= now {
                    return Err(context.outcome_unknown());
                }
                let problem =
                    Problem::new(ProblemType::RequestInProgress, "Send the request again to get its response.");
                Err(Problem { retry_after: Some(Duration::from_secs(1)), ..problem })
            }
        }
    }

    /// Stores the response, or releases the lease if the operation can be retried.
    pub async fn complete(&self, lease: &Lease, result: &Result<Reply, Problem>, request_id: &str) {
        self.complete_with(lease, result, request_id, true).await;
    }

    async fn complete_with(
        &self,
        lease: &Lease,
        result: &Result<Reply, Problem>,
        request_id: &str,
        may_be_accepted: bool,
    ) {
        let now = Timestamp::now();
        let stored = match result {
            Ok(reply) if reply.retryable => None,
            // An unknown outcome, stored under another key of the ledger, which answers with it on every retry.
            Ok(reply) if self.retry_safety == RetrySafety::Idempotent && !reply.status.is_success() => None,
            Ok(reply) => Some((Outcome::Succeeded, reply.to_stored())),
            Err(problem) => match problem.problem_type {
                ProblemType::OutcomeUnknown if self.retry_safety == RetrySafety::NotIdempotent => {
                    Some(Outcome::Unknown)
                }
                ProblemType::PlatformRefused if self.replay_policy == ReplayPolicy::FinalResponses => {
                    Some(Outcome::Failed)
                }
                _ => None,
            }
            .map(|outcome| (outcome, Reply::from_problem(problem, request_id).to_stored())),
        };
        let recorded = match stored {
            Some((outcome, response)) => self.ledger.complete(lease, now, outcome, response.as_deref()).await,
            None if may_be_accepted => self.ledger.release(lease, now).await,
            None => self.ledger.release_unaccepted(lease, now).await,
        };
        if let Err(error) = recorded {
            tracing::error!(reason = %error, "the outcome could not be recorded");
        }
    }

    fn check_fingerprint(&self, earlier: Option<&str>) -> Result<(), Problem> {
        let current = self.fingerprint.map(Digest::as_str);
        if earlier.is_none() || current.is_none() || earlier == current {
            return Ok(());
        }
        Err(Problem::new(ProblemType::IdempotencyKeyReused, self.key_kind.reused()))
    }
}

impl KeyKind {
    fn reused(self) -> &'static str {
        match self {
            Self::IdempotencyKey => {
                "This Idempotency-Key was used before, with another body or path. Use a new key for a new request."
            }
            Self::WebhookId => {
                "This webhook-id was used before, with another body or path. Use a new webhook-id for a new request."
            }
            // A new id for the whole message could reach the agent twice.
            Self::MessageId => {
                "This messageId was used before, with other content, which the platform has or may have. Send other content \
                 under a new messageId. Of several files, repeat the same ones up to the last that is posted, or send only the \
                 missing ones under a new messageId."
            }
        }
    }
}

fn replay(context: &RequestContext, outcome: Outcome, response: Option<&str>) -> Result<Reply, Problem> {
    let reply = response.and_then(Reply::from_stored);
    match (outcome, reply) {
        (Outcome::Succeeded | Outcome::Failed, Some(reply)) => Ok(Reply { replayed: true, ..reply }),
        // The dispatcher stores no response.
        (Outcome::Succeeded, None) => Ok(Reply { replayed: true, ..Reply::ok(Value::Null) }),
        (Outcome::Failed, None) => Err(Problem::new(ProblemType::PlatformRefused, "This failed before.")),
        (Outcome::Unknown, Some(reply)) => Ok(reply),
        (Outcome::Unknown, None) => Err(context.outcome_unknown()),
    }
}
