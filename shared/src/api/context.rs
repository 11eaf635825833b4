//! An authenticated request, as the work behind its endpoint sees it.

use crate::api::problem::{NOT_RETRIED, Problem, ProblemType};
use crate::api::request::Path;
use crate::digest::Digest;
use crate::integration::{Integration, IntegrationStore};
use crate::model::trace_id::TraceId;
use crate::platform::{CredentialsRefusal, Route};
use jiff::Timestamp;
use serde_json::{Map, Value};
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

impl RetrySafety {
    /// What a customer writes or chooses is idempotent only if the platform deduplicates it.
    pub(super) fn of_inbound(route: Route, integration: &Integration) -> Self {
        match route {
            Route::InboundMessages | Route::InboundResponses if !integration.platform.name().deduplicates_inbound() => {
                Self::NotIdempotent
            }
            _ => Self::Idempotent,
        }
    }
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
    /// The request's valid body, if the caller prefers an answer before the request is executed (`Prefer: respond-async`).
    pub deferred: Option<Deferred>,
    /// The id of an operator's replay, which may execute again what may have been executed.
    pub replay: Option<String>,
    pub(super) integrations: Arc<IntegrationStore>,
}

/// A request that is accepted now and executed later.
#[derive(Debug)]
pub struct Deferred {
    pub body: Map<String, Value>,
    /// Of the body as the caller sent it.
    pub fingerprint: Digest,
}

/// A request that was accepted before, as the queue has it.
#[derive(Debug)]
pub struct AcceptedRequest {
    pub integration: Arc<Integration>,
    pub caller: String,
    pub route: Route,
    pub deadline: Instant,
    pub invocation_deadline: Timestamp,
    /// Names this execution in the log.
    pub id: String,
    pub trace_id: Option<TraceId>,
    pub replay: Option<String>,
}

impl RequestContext {
    /// The context in which an accepted request is executed.
    #[must_use]
    pub fn of_accepted(request: AcceptedRequest, integrations: &Arc<IntegrationStore>) -> Self {
        let AcceptedRequest { integration, caller, route, deadline, invocation_deadline, id, trace_id, replay } =
            request;
        Self {
            retry_safety: RetrySafety::of_inbound(route, &integration),
            integration,
            caller,
            deadline,
            invocation_deadline,
            request_id: id,
            trace_id,
            route,
            path: Path::default(),
            idempotency_digest: None,
            deferred: None,
            replay,
            integrations: Arc::clone(integrations),
        }
    }

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
