//! One route of the caller API: from the request to the response.

use crate::api::access_log::RequestLog;
use crate::api::auth::{AuthenticatedCaller, authenticate};
use crate::api::context::{Deferred, RequestContext, RetrySafety};
use crate::api::idempotency::{IdempotentOperation, KeyKind, ReplayPolicy};
use crate::api::prefer::prefers_async;
use crate::api::problem::{Problem, ProblemType, as_sentence};
use crate::api::request::ApiRequest;
use crate::api::response::Reply;
use crate::aws::{MissingEnv, required_env};
use crate::digest::Digest;
use crate::integration::{Integration, IntegrationStore};
use crate::json::fields::{FieldError, Fields, read};
use crate::ledger::{self, Ledger};
use crate::model::integration_name::IntegrationName;
use crate::model::trace_id::TraceId;
use crate::observability::calls::PlatformCalls;
use crate::platform::Route;
use aws_types::SdkConfig;
use http::{Method, Response};
use jiff::Timestamp;
use lambda_http::{Error, IntoResponse, Request, service_fn};
use serde_json::{Map, Value};
use std::convert::Infallible;
use std::sync::Arc;
use tracing::Instrument;

/// A signature covers the body and not the route: over no body it is the same for every route, that of a request to read too.
const EMPTY: &str = "must be an object in a signed request, such as {}";
/// The default limit of a body.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// One route of the caller API.
#[derive(Debug, Clone)]
pub struct Endpoint {
    route: Route,
    retry_safety: RetrySafety,
    replay_policy: ReplayPolicy,
    maximum_body_bytes: usize,
    may_defer: bool,
    integrations: Arc<IntegrationStore>,
    ledger: Ledger,
}

impl Endpoint {
    /// Uses the secrets and the table that the function's environment names.
    ///
    /// # Errors
    /// An environment variable is missing.
    pub fn from_env(aws: &SdkConfig, route: Route, retry_safety: RetrySafety) -> Result<Self, MissingEnv> {
        Ok(Self {
            route,
            retry_safety,
            replay_policy: ReplayPolicy::FinalResponses,
            maximum_body_bytes: MAX_BODY_BYTES,
            may_defer: false,
            integrations: Arc::new(IntegrationStore::connect(aws)?),
            ledger: Ledger::new(aws_sdk_dynamodb::Client::new(aws), required_env("LEDGER_TABLE")?),
        })
    }

    /// Another route of the same function, with the default policy and limit.
    #[must_use]
    pub fn for_route(&self, route: Route, retry_safety: RetrySafety) -> Self {
        let (replay_policy, maximum_body_bytes) = (ReplayPolicy::FinalResponses, MAX_BODY_BYTES);
        Self { route, retry_safety, replay_policy, maximum_body_bytes, may_defer: false, ..self.clone() }
    }

    /// The default is [`ReplayPolicy::FinalResponses`].
    #[must_use]
    pub fn with_replay_policy(self, replay_policy: ReplayPolicy) -> Self {
        Self { replay_policy, ..self }
    }

    #[must_use]
    pub fn with_maximum_body(self, bytes: usize) -> Self {
        Self { maximum_body_bytes: bytes, ..self }
    }

    /// With [`RequestContext::deferred`] for callers who prefer it.
    #[must_use]
    pub fn with_deferral(self) -> Self {
        Self { may_defer: true, ..self }
    }

    /// For functions with operations that have keys of their own.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Answers a request: `parse` reads its body, and `work` executes it.
    pub async fn handle<T>(
        &self,
        request: ApiRequest,
        parse: impl FnOnce(&mut Fields<'_>) -> Option<T>,
        work: impl AsyncFnOnce(&RequestContext, T) -> Result<Reply, Problem>,
    ) -> Response<String> {
        let mut log = RequestLog::new(&request, Some(self.route));
        let request_id = request.request_id.clone();
        let result = match request.integration_name() {
            Ok(name) => {
                let span = log.span.clone();
                let processing = PlatformCalls::counted(self.process(&name, request, &mut log, parse, work));
                let (result, calls) = processing.instrument(span).await;
                log.calls = calls;
                result
            }
            Err(problem) => Err(problem),
        };
        match result {
            Ok(reply) => {
                log.log_reply(&reply);
                reply.into_response(&request_id)
            }
            Err(problem) => {
                log.log_problem(&problem);
                problem.into_response(&request_id)
            }
        }
    }

    async fn process<T>(
        &self,
        name: &IntegrationName,
        request: ApiRequest,
        log: &mut RequestLog,
        parse: impl FnOnce(&mut Fields<'_>) -> Option<T>,
        work: impl AsyncFnOnce(&RequestContext, T) -> Result<Reply, Problem>,
    ) -> Result<Reply, Problem> {
        let integration = self.integrations.get(name).await?;
        log.set_platform(integration.platform.name());
        // Before the signature, which is computed over the whole body.
        request.check_size(self.maximum_body_bytes)?;
        let (integration, caller) = self.authenticate_with_refresh(integration, &request).await?;
        log.set_caller(&caller);
        log.conversation_id = request.path.parameter("conversationId").parse().ok();
        if !caller.may_call(self.route) {
            return Err(Problem::route_not_allowed(caller.routes.unwrap_or_default()));
        }
        if !integration.supports(self.route) {
            return Err(Problem::not_supported(integration.platform.name(), integration.routes()));
        }
        let is_signed = caller.webhook_id.is_some();
        let key_kind = if is_signed { KeyKind::WebhookId } else { KeyKind::IdempotencyKey };
        let key = request.idempotency_key(caller.webhook_id)?;
        // What is only read is read again.
        let key = key
            .filter(|_| self.route.method() != Method::GET)
            .map(|key| ledger::key::request_digest(self.route, name, &caller.name, &key));
        let body = match request.body.is_empty() {
            true if self.route.allows_no_body(is_signed) => Value::Object(Map::new()),
            true if self.route.allows_no_body(false) => {
                return Err(Problem::invalid_body(vec![FieldError::new("", EMPTY)]));
            }
            _ => request.json_body()?,
        };
        // The path names the recipient of the body; neither may change under the same key.
        let fingerprint = Digest::of_parts(&[request.path.digest().as_str(), Digest::of_bytes(&request.body).as_str()]);
        let deferred = match &body {
            Value::Object(body) if self.may_defer && prefers_async(&request.headers) => {
                Some(Deferred { body: body.clone(), fingerprint: Digest::of_bytes(&request.body) })
            }
            _ => None,
        };
        let input = read(body, parse).map_err(Problem::invalid_body)?;
        // What is executed later has a key by its message id. A second key would cost two more writes.
        let key = key.filter(|_| deferred.is_none());
        let context = RequestContext {
            route: self.route,
            retry_safety: match RetrySafety::of_inbound(self.route, &integration) {
                RetrySafety::NotIdempotent => RetrySafety::NotIdempotent,
                RetrySafety::Idempotent => self.retry_safety,
            },
            integration,
            caller: caller.name,
            deadline: request.deadline(),
            invocation_deadline: request.invocation_deadline,
            request_id: request.request_id,
            trace_id: TraceId::from_headers(&request.headers),
            path: request.path,
            idempotency_digest: key.as_ref().map(|key| Digest::of_parts(&[key.as_str(), fingerprint.as_str()])),
            deferred,
            replay: None,
            integrations: Arc::clone(&self.integrations),
        };
        let reply = match &key {
            None => work(&context, input).await,
            Some(key) => {
                let operation = IdempotentOperation {
                    ledger: &self.ledger,
                    key: &ledger::key::request(name, key),
                    key_kind,
                    fingerprint: Some(&fingerprint),
                    // What a customer wrote has another key, by its message id, which decides whether it can be retried.
                    retry_safety: self.retry_safety,
                    replay_policy: self.replay_policy,
                };
                operation.execute(&context, work(&context, input)).await
            }
        };
        reply.map_err(|problem| match (problem.problem_type, context.retry_safety) {
            (ProblemType::OutcomeUnknown, RetrySafety::Idempotent) => {
                Problem { explanation: context.outcome_unknown().explanation, ..problem }
            }
            _ => problem,
        })
    }

    async fn authenticate_with_refresh(
        &self,
        integration: Arc<Integration>,
        request: &ApiRequest,
    ) -> Result<(Arc<Integration>, AuthenticatedCaller), Problem> {
        let now = Timestamp::now();
        let check =
            |integration: &Integration| authenticate(&integration.callers, &request.headers, &request.body, now);
        self.integrations
            .with_refresh(integration, check, |error| error.may_be_stale_secret())
            .await?
            .map_err(|error| Problem::new(ProblemType::Unauthenticated, as_sentence(&error.to_string())))
    }
}

/// The answer where API Gateway has a route that the function does not have.
#[must_use]
pub fn route_not_found(request: &ApiRequest) -> Response<String> {
    let problem = Problem::new(ProblemType::RouteNotFound, "The function has no route for this path.");
    RequestLog::new(request, None).log_problem(&problem);
    problem.into_response(&request.request_id)
}

/// Runs the function: `handle` answers each request.
///
/// # Errors
/// The Lambda runtime's.
pub async fn serve<S, F, B>(state: S, handle: impl Fn(Arc<S>, ApiRequest) -> F) -> Result<(), Error>
where
    F: Future<Output = Response<B>> + Send,
    Response<B>: IntoResponse,
{
    let state = Arc::new(state);
    lambda_http::run(service_fn(|request: Request| {
        let response = handle(Arc::clone(&state), request.into());
        async move { Ok::<_, Infallible>(response.await) }
    }))
    .await
}
