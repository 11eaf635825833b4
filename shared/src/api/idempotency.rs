//! Doing what a request asks for once.

use super::{Reply, SenderRequest};
use crate::api::problem::{Problem, ProblemType};
use crate::digest::Digest;
use crate::ledger::{Acquire, CLOCK_SKEW, Lease, LeaseRequest, Ledger, Occurrence, OnExpiredLease, Outcome};
use jiff::Timestamp;
use std::time::Duration;

/// What to do with work whose outcome nobody knows when it is asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// Answer that the outcome is unknown: doing it twice would do harm.
    Never,
    /// Do it again: that does no harm.
    Harmless,
}

/// Which ends of the work are kept, so that asking again only repeats the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// All that are final, the platform's refusals among them.
    FinalAnswers,
    /// Success only: after a refusal it may be tried again.
    Success,
}

/// Work that is done once under a key of the ledger.
#[derive(Debug, Clone, Copy)]
pub struct Once<'o> {
    /// The ledger.
    pub ledger: &'o Ledger,
    /// What stands for the work.
    pub key: &'o str,
    /// What the work is done on, where one key might come with different work.
    pub fingerprint: Option<&'o Digest>,
    /// What to do after an unknown outcome.
    pub repeats: Repeats,
    /// Which ends are kept.
    pub keeps: Keeps,
}

/// Why work was not done.
#[derive(Debug)]
pub struct NotDone {
    /// The answer.
    pub problem: Problem,
    /// Whether the platform may have accepted a part of it all the same: then the time that was fixed stays.
    pub may_be_accepted: bool,
}

impl From<Problem> for NotDone {
    fn from(problem: Problem) -> Self {
        let may_be_accepted = problem.problem_type == ProblemType::OutcomeUnknown;
        Self { problem, may_be_accepted }
    }
}

/// What came of asking for work.
#[derive(Debug)]
pub enum Begun {
    /// It is ours to do. What came of it has to be recorded: [`Once::end`].
    Ours(Lease),
    /// It has been done: the first answer once more.
    Done(Reply),
}

impl Once<'_> {
    /// Does the work unless it has been done, is being done, or may have been done under this key.
    ///
    /// # Errors
    /// The work's own; or it is being done, may have been done, or was asked for on something else under the same key;
    /// or the ledger is out of reach, and nothing was done.
    pub async fn run(
        self,
        request: &SenderRequest,
        work: impl Future<Output = Result<Reply, Problem>>,
    ) -> Result<Reply, Problem> {
        match self.begin(request).await? {
            Begun::Ours(lease) => {
                let result = work.await;
                self.end(&lease, &result, &request.request_id).await;
                result
            }
            Begun::Done(reply) => Ok(reply),
        }
    }

    /// As [`Self::run`], for something that happened at a time of its own. The work gets the time that the first lease of the
    /// key fixed, so that every attempt has the same, and the same content. Where nothing was accepted, the next attempt may
    /// have others.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn run_at(
        self,
        request: &SenderRequest,
        occurrence: Occurrence<'_>,
        work: impl AsyncFnOnce(Timestamp) -> Result<Reply, NotDone>,
    ) -> Result<Reply, Problem> {
        match self.begin_with(request, Some(occurrence)).await? {
            Begun::Ours(lease) => {
                let result = work(lease.event_time().unwrap_or(occurrence.time)).await;
                let may_be_accepted = result.as_ref().err().is_none_or(|not_done| not_done.may_be_accepted);
                let result = result.map_err(|not_done| not_done.problem);
                self.end_with(&lease, &result, &request.request_id, may_be_accepted).await;
                result
            }
            Begun::Done(reply) => Ok(reply),
        }
    }

    /// Claims the work, which is then to be done and its end to be recorded.
    ///
    /// # Errors
    /// It is being done, may have been done, or was asked for on something else under the same key; or the ledger is out of
    /// reach.
    pub async fn begin(self, request: &SenderRequest) -> Result<Begun, Problem> {
        self.begin_with(request, None).await
    }

    async fn begin_with(self, request: &SenderRequest, occurrence: Option<Occurrence<'_>>) -> Result<Begun, Problem> {
        let now = Timestamp::now();
        let until = request.ends_at.saturating_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX);
        let on_expired_lease = match self.repeats {
            Repeats::Never => OnExpiredLease::Keep,
            Repeats::Harmless => OnExpiredLease::Reclaim,
        };
        let lease_request = LeaseRequest {
            key: self.key,
            now,
            until,
            fingerprint: self.fingerprint.map(Digest::as_str),
            on_expired_lease,
        };
        let acquired = match occurrence {
            Some(occurrence) => self.ledger.acquire_at(lease_request, occurrence).await,
            None => self.ledger.acquire(lease_request).await,
        };
        let acquired = acquired.map_err(|error| {
            tracing::error!(request_id = request.request_id, reason = %error, "the ledger could not be asked");
            Problem::unavailable("The ledger is out of reach. Nothing was sent.")
        })?;
        match acquired {
            Acquire::Acquired(lease) => Ok(Begun::Ours(lease)),
            Acquire::Completed(settled) => {
                self.same(settled.fingerprint.as_deref())?;
                replay(request, settled.outcome, settled.response.as_deref()).map(Begun::Done)
            }
            Acquire::InProgress { until, fingerprint } => {
                self.same(fingerprint.as_deref())?;
                if until <= now {
                    return Err(Problem::new(ProblemType::OutcomeUnknown, request.unknown_outcome()));
                }
                let problem = Problem::new(ProblemType::RequestInProgress, "Ask again for its answer.");
                Err(Problem { retry_after: Some(Duration::from_secs(1)), ..problem })
            }
        }
    }

    /// Keeps the answer, or gives the key back where nothing was done.
    pub async fn end(&self, lease: &Lease, result: &Result<Reply, Problem>, request_id: &str) {
        self.end_with(lease, result, request_id, true).await;
    }

    async fn end_with(&self, lease: &Lease, result: &Result<Reply, Problem>, request_id: &str, may_be_accepted: bool) {
        let now = Timestamp::now();
        let kept = match result {
            Ok(reply) if reply.incomplete => None,
            // Another key of the ledger holds an unknown outcome, and answers with it on every repeat.
            Ok(reply) if self.repeats == Repeats::Harmless && !reply.status.is_success() => None,
            Ok(reply) => Some((Outcome::Succeeded, reply.to_answer())),
            Err(problem) => match problem.problem_type {
                ProblemType::OutcomeUnknown if self.repeats == Repeats::Never => Some(Outcome::Unknown),
                ProblemType::PlatformRefused if self.keeps == Keeps::FinalAnswers => Some(Outcome::Failed),
                _ => None,
            }
            .map(|outcome| (outcome, Reply::of(problem, request_id).to_answer())),
        };
        let recorded = match kept {
            Some((outcome, answer)) => self.ledger.complete(lease, now, outcome, answer.as_deref()).await,
            None if may_be_accepted => self.ledger.release(lease, now).await,
            None => self.ledger.release_unaccepted(lease, now).await,
        };
        if let Err(error) = recorded {
            tracing::error!(request_id, reason = %error, "the outcome could not be recorded");
        }
    }

    fn same(&self, theirs: Option<&str>) -> Result<(), Problem> {
        let ours = self.fingerprint.map(Digest::as_str);
        if theirs.is_none() || ours.is_none() || theirs == ours {
            return Ok(());
        }
        Err(Problem::new(
            ProblemType::IdempotencyKeyReused,
            "The key, or the id, came with another body before. Use a new one.",
        ))
    }
}

/// The first answer once more.
fn replay(request: &SenderRequest, outcome: Outcome, answer: Option<&str>) -> Result<Reply, Problem> {
    let reply = answer.and_then(Reply::read);
    match (outcome, reply) {
        (Outcome::Succeeded | Outcome::Failed, Some(reply)) => Ok(Reply { replayed: true, ..reply }),
        // What the dispatcher settles has no answer.
        (Outcome::Succeeded, None) => Ok(Reply { replayed: true, ..Reply::ok(serde_json::Value::Null) }),
        (Outcome::Failed, None) => Err(Problem::new(ProblemType::PlatformRefused, "This has failed before.")),
        (Outcome::Unknown, Some(reply)) => Ok(reply),
        (Outcome::Unknown, None) => Err(Problem::new(ProblemType::OutcomeUnknown, request.unknown_outcome())),
    }
}
