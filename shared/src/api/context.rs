//! An authenticated request, as the work behind its endpoint sees it.

use crate::api::problem::{NOT_RETRIED, Problem, ProblemType};
use crate::api::request::Path;
use crate::digest::Digest;
use crate::integration::{Integration, IntegrationStore};
use crate::model::trace_id::TraceId;
use crate::platform::{CredentialsRefusal, Route};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The time that one more of several calls needs.
const MIN_CALL_TIME: Duration = Duration::from_secs(3);

/// How a retry of an operation with unknown outcome is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetrySafety {
    /// It is answered with `outcome-unknown`: to execute the operation twice would do harm.
    NotIdempotent,
    /// The operation is executed again.
    Idempotent,
}

/// An authenticated request.
#[derive(Debug)]
pub struct RequestContext {
    pub integration: Arc<Integration>,
    /// The caller's name.
    pub caller: String,
    /// When work on the request has to end, so that there is time to record the outcome and to answer.
    pub deadline: Instant,
    pub invocation_deadline: Timestamp,
    pub request_id: String,
    pub trace_id: Option<TraceId>,
    pub route: Route,
    pub retry_safety: RetrySafety,
    pub path: Path,
    /// Of the idempotency key and what is requested: the same when the same caller retries the same request under the same
    /// key. `None` without a key.
    pub idempotency_digest: Option<Digest>,
    pub(super) integrations: Arc<IntegrationStore>,
}

impl RequestContext {
    /// Makes a call to the platform: see [`IntegrationStore::with_current`].
    ///
    /// # Errors
    /// The call's own.
    pub async fn call<A, E: CredentialsRefusal, F: Future<Output = Result<A, E>>>(
        &self,
        call: impl FnMut(Arc<Integration>) -> F,
    ) -> Result<A, E> {
        self.integrations.with_current(&self.integration, call).await
    }

    /// Whether there is time for one more of several calls.
    #[must_use]
    pub fn has_time_for_one_more(&self) -> bool {
        self.deadline.saturating_duration_since(Instant::now()) >= MIN_CALL_TIME
    }

    /// The problem of an unknown outcome, with what the caller can do.
    #[must_use]
    pub fn outcome_unknown(&self) -> Problem {
        let explanation = match (self.retry_safety, self.route) {
            (RetrySafety::Idempotent, _) => {
                "The platform may have processed the request. It is safe to send the request again."
            }
            (RetrySafety::NotIdempotent, Route::InboundMessages | Route::InboundResponses) => {
                "The platform may have it. Patchbay does not post it again under this messageId, whatever the idempotency key. \
                 Check whether the platform has it; if not, send it under a new messageId."
            }
            (RetrySafety::NotIdempotent, _) => NOT_RETRIED,
        };
        Problem::new(ProblemType::OutcomeUnknown, explanation)
    }
}
