//! What all sender routes have in common: who calls, what came, and that it is done once.
//!
//! The order is: the integration, the body's size, the caller, and only then the rest of the request. A request with an idempotency key
//! is claimed in the ledger before anything is sent. Where its outcome is unknown it stays unknown: nothing is ever sent
//! twice on a guess.

mod access_log;
pub mod auth;
mod idempotency;
pub mod problem;
pub mod request;
mod response;

pub use idempotency::{Begun, Keeps, NotDone, Once, Repeats};
pub use response::Reply;

use crate::api::auth::{Authenticated, AuthenticationError, authenticate};
use crate::api::problem::{Problem, ProblemType, sentence};
use crate::api::request::{Incoming, Path};
use crate::aws::{self, MissingEnv, required_env};
use crate::digest::Digest;
use crate::integration::{Integration, IntegrationStore};
use crate::json::fields::{FieldError, Fields, read};
use crate::json::i_json;
use crate::ledger::{self, Ledger};
use crate::model::integration_name::IntegrationName;
use crate::model::trace_id::TraceId;
use crate::platform::{CredentialsRefusal, Route};
use access_log::RequestLog;
use http::{HeaderName, Response, header};
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument;

/// The largest body that a sender route takes unless it says otherwise, in bytes.
const MAXIMUM_BODY_BYTES: usize = 256 * 1024;
/// What must be left of the time for one of several calls to be begun.
const TIME_FOR_ONE: Duration = Duration::from_secs(3);
/// The longest idempotency key.
const MAXIMUM_KEY_BYTES: usize = 255;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// One sender route.
#[derive(Debug, Clone)]
pub struct SenderRoute {
    route: Route,
    repeats: Repeats,
    keeps: Keeps,
    maximum_body_bytes: usize,
    integrations: Arc<IntegrationStore>,
    ledger: Ledger,
}

/// A request of a known caller, as far as its own route has to do with it.
#[derive(Debug)]
pub struct SenderRequest {
    /// The integration that it is for.
    pub integration: Arc<Integration>,
    /// The caller's name.
    pub caller: String,
    /// Until when it may be worked on.
    pub deadline: Instant,
    /// When the invocation ends.
    pub ends_at: Timestamp,
    /// Lambda's id of this invocation.
    pub request_id: String,
    /// The caller's trace, where it named one.
    pub trace_id: Option<TraceId>,
    /// The route that was called.
    pub route: Route,
    /// What to do with it when its outcome is unknown and it comes again.
    pub repeats: Repeats,
    /// The path that was called.
    pub path: Path,
    /// Stands for the request, where it has an idempotency key: the same when the same caller asks for the same again
    /// under the same key.
    pub key: Option<Digest>,
    integrations: Arc<IntegrationStore>,
}

impl SenderRequest {
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

    /// Whether enough of the time is left to begin with one more call of several.
    #[must_use]
    pub fn has_time_for_one_more(&self) -> bool {
        self.deadline.saturating_duration_since(Instant::now()) >= TIME_FOR_ONE
    }

    /// What the caller can do where the outcome is unknown: the detail of that problem.
    #[must_use]
    pub fn unknown_outcome(&self) -> &'static str {
        match (self.repeats, self.route) {
            (Repeats::Harmless, _) => {
                "The platform may have done what was asked. It may be asked for again: that does no harm."
            }
            (Repeats::Never, Route::InboundMessages | Route::InboundResponses) => {
                "The platform may have it. It is not posted again under this messageId, whatever the key. Look whether \
                 the platform has it; if not, send it under a new messageId."
            }
            (Repeats::Never, _) => {
                "The platform may have done what was asked. It is not sent again under the same key."
            }
        }
    }
}

impl SenderRoute {
    /// A route over the secrets and the table that the function's environment names.
    ///
    /// # Errors
    /// The environment names none.
    pub async fn connect(route: Route, repeats: Repeats) -> Result<Self, MissingEnv> {
        let config = aws::config().await;
        Ok(Self {
            route,
            repeats,
            keeps: Keeps::FinalAnswers,
            maximum_body_bytes: MAXIMUM_BODY_BYTES,
            integrations: Arc::new(IntegrationStore::connect(&config)?),
            ledger: Ledger::new(aws_sdk_dynamodb::Client::new(&config), required_env("LEDGER_TABLE")?),
        })
    }

    /// Another route of the same function.
    #[must_use]
    pub fn beside(&self, route: Route, repeats: Repeats) -> Self {
        Self { route, repeats, keeps: Keeps::FinalAnswers, maximum_body_bytes: MAXIMUM_BODY_BYTES, ..self.clone() }
    }

    /// The route with what it keeps of its answers; all that are final unless it says so.
    #[must_use]
    pub fn keeping(self, keeps: Keeps) -> Self {
        Self { keeps, ..self }
    }

    /// The route with another limit for bodies.
    #[must_use]
    pub fn with_maximum_body(self, bytes: usize) -> Self {
        Self { maximum_body_bytes: bytes, ..self }
    }

    /// The ledger, for routes that keep book of their own.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Answers a request: `parse` reads its body and `work` does what it asks for.
    pub async fn answer<T>(
        &self,
        incoming: Incoming,
        parse: impl FnOnce(&mut Fields<'_>) -> Option<T>,
        work: impl AsyncFnOnce(&SenderRequest, T) -> Result<Reply, Problem>,
    ) -> Response<String> {
        let mut log = RequestLog::new(&incoming, Some(self.route));
        let request_id = incoming.request_id.clone();
        let parsed: Result<IntegrationName, _> = incoming.path.parameter("integration").parse();
        let result = match &parsed {
            Ok(name) => {
                let span = log.span.clone();
                self.attend(name, incoming, &mut log, parse, work).instrument(span).await
            }
            Err(error) => {
                Err(Problem::new(ProblemType::IntegrationNotFound, format!("An integration's name {error}.")))
            }
        };
        match result {
            Ok(reply) => {
                log.answered(&reply);
                reply.into_response(&request_id)
            }
            Err(problem) => {
                log.refused(&problem);
                problem.into_response(&request_id)
            }
        }
    }

    async fn attend<T>(
        &self,
        name: &IntegrationName,
        incoming: Incoming,
        log: &mut RequestLog,
        parse: impl FnOnce(&mut Fields<'_>) -> Option<T>,
        work: impl AsyncFnOnce(&SenderRequest, T) -> Result<Reply, Problem>,
    ) -> Result<Reply, Problem> {
        let integration = self.integrations.get(name).await?;
        log.set_platform(integration.platform.name());
        // Before any signature: that is computed over all of the body.
        if incoming.body.len() > self.maximum_body_bytes {
            let detail = format!("The body may have {} bytes.", self.maximum_body_bytes);
            return Err(Problem::new(ProblemType::BodyTooLarge, detail));
        }
        let (integration, caller) = self.authenticated(integration, &incoming).await?;
        log.set_caller(&caller);
        log.conversation_id = incoming.path.parameter("conversationId").parse().ok();
        if !caller.may_call(self.route) {
            return Err(Problem::route_not_allowed(caller.routes.unwrap_or_default()));
        }
        if !integration.supports(self.route) {
            return Err(Problem::not_supported(integration.platform.name(), integration.routes()));
        }
        let key = idempotency_key(&incoming, caller.webhook_id)?;
        let key = key.map(|key| ledger::key::request_digest(self.route, name, &caller.name, &key));
        let body = json_body(&incoming)?;
        // The path says to whom the body is; neither may change under the same key.
        let fingerprint =
            Digest::of_parts(&[incoming.path.identity().as_str(), Digest::of_bytes(&incoming.body).as_str()]);
        let task = read(body, parse).map_err(Problem::invalid_body)?;
        let repeats = self.repeats_for(&integration);
        let request = SenderRequest {
            route: self.route,
            repeats,
            integration,
            caller: caller.name,
            deadline: incoming.deadline(),
            ends_at: incoming.ends_at,
            request_id: incoming.request_id,
            trace_id: TraceId::from_headers(&incoming.headers),
            path: incoming.path,
            key: key.as_ref().map(|key| Digest::of_parts(&[key.as_str(), fingerprint.as_str()])),
            integrations: Arc::clone(&self.integrations),
        };
        let reply = match &key {
            None => work(&request, task).await,
            Some(key) => {
                let once = Once {
                    ledger: &self.ledger,
                    key: &ledger::key::request(name, key),
                    fingerprint: Some(&fingerprint),
                    // What a customer wrote has a key of its own as well, which says what may be done again.
                    repeats: self.repeats,
                    keeps: self.keeps,
                };
                once.run(&request, work(&request, task)).await
            }
        };
        let advice = request.unknown_outcome();
        reply.map_err(|problem| match (problem.problem_type, repeats) {
            // The work may have given the advice itself, with more behind it.
            (ProblemType::OutcomeUnknown, Repeats::Harmless) if !problem.detail.starts_with(advice) => {
                Problem { detail: advice.to_owned(), ..problem }
            }
            _ => problem,
        })
    }

    /// What a customer writes or chooses comes again without harm only where the platform can tell that it does.
    fn repeats_for(&self, integration: &Integration) -> Repeats {
        match self.route {
            Route::InboundMessages | Route::InboundResponses if !integration.platform.name().deduplicates_inbound() => {
                Repeats::Never
            }
            _ => self.repeats,
        }
    }

    async fn authenticated(
        &self,
        integration: Arc<Integration>,
        incoming: &Incoming,
    ) -> Result<(Arc<Integration>, Authenticated), Problem> {
        let now = Timestamp::now();
        let check =
            |integration: &Integration| authenticate(&integration.callers, &incoming.headers, &incoming.body, now);
        let verdict = self.integrations.with_refresh(integration, check, |error| error.may_be_rotation()).await?;
        let refuse =
            |error: AuthenticationError| Problem::new(ProblemType::Unauthenticated, sentence(&error.to_string()));
        verdict.map_err(refuse)
    }
}

/// The answer to a request that the function has no route for: API Gateway and the function do not agree.
#[must_use]
pub fn no_such_route(incoming: &Incoming) -> Response<String> {
    let problem = Problem::new(ProblemType::RouteNotFound, "There is nothing at this path.");
    RequestLog::new(incoming, None).refused(&problem);
    problem.into_response(&incoming.request_id)
}

/// The key under which the request is done once: the id that the caller signed, else the header's.
///
/// The header of a signed request is not signed. If it counted, whoever replays the request could have it done again
/// under a key of his own.
fn idempotency_key(incoming: &Incoming, webhook_id: Option<String>) -> Result<Option<String>, Problem> {
    let invalid = |detail: String| Err(Problem::new(ProblemType::InvalidIdempotencyKey, detail));
    if webhook_id.as_deref().is_some_and(|id| !is_key(id)) {
        return invalid(format!("webhook-id must have 1 to {MAXIMUM_KEY_BYTES} printable characters."));
    }
    let mut values = incoming.headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(webhook_id) };
    let key = match value.to_str() {
        Ok(key) if is_key(key) && values.next().is_none() => key.to_owned(),
        _ => {
            return invalid(format!(
                "Idempotency-Key must come once and have 1 to {MAXIMUM_KEY_BYTES} printable characters."
            ));
        }
    };
    match webhook_id {
        Some(id) if id != key => invalid("A signed request's key is its webhook-id.".to_owned()),
        _ => Ok(Some(key)),
    }
}

/// Whether a request may be known by this key.
fn is_key(text: &str) -> bool {
    (1..=MAXIMUM_KEY_BYTES).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn json_body(incoming: &Incoming) -> Result<Value, Problem> {
    let media_type =
        incoming.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let detail = "The content type must be application/json.";
        return Err(Problem::new(ProblemType::UnsupportedMediaType, detail));
    }
    let body =
        i_json::normalized(i_json::without_bom(&incoming.body)).map_err(|fault| Problem::invalid_body(vec![fault]))?;
    serde_json::from_slice(&body).map_err(|error| {
        let detail = format!("is not valid JSON (line {}, column {})", error.line(), error.column());
        Problem::invalid_body(vec![FieldError::new("", detail)])
    })
}
