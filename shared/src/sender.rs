//! What all sender routes have in common: who calls, what came, and that it is done once.
//!
//! The order is: the integration, the caller, and only then the rest of the request. A request with an idempotency key
//! is claimed in the ledger before anything is sent. Where its outcome is unknown it stays unknown: nothing is ever sent
//! twice on a guess.

use crate::aws::{self, MissingSetting, setting};
use crate::caller::{Authenticated, AuthenticationError, authenticate};
use crate::fields::{Fault, Fields, read};
use crate::gateway::Incoming;
use crate::integration::{Integration, IntegrationName, IntegrationStore};
use crate::json_bounds;
use crate::ledger::{Bid, Claim, Claimed, Lapsed, Ledger, Outcome};
use crate::message::Identity;
use crate::problem::{Problem, ProblemType, json_response, sentence};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The largest body that a sender route takes, in bytes.
const MAXIMUM_BODY_BYTES: usize = 256 * 1024;
/// The longest idempotency key.
const MAXIMUM_KEY_BYTES: usize = 255;
/// How far the clocks of two Lambda hosts may differ.
const CLOCK_SKEW: Duration = Duration::from_secs(5);

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// One sender route.
#[derive(Debug)]
pub struct SenderRoute {
    name: &'static str,
    repeats: Repeats,
    integrations: IntegrationStore,
    ledger: Ledger,
}

/// What to do with a request whose outcome nobody knows when it comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// Answer that the outcome is unknown: doing it twice would do harm.
    Never,
    /// Do it again: that does no harm.
    Harmless,
}

/// A request of a known caller, as far as its own route has to do with it.
#[derive(Debug)]
pub struct SenderRequest {
    /// The integration that it is for.
    pub integration: Arc<Integration>,
    /// Until when it may be worked on.
    pub deadline: Instant,
    /// When the invocation ends.
    pub ends_at: Timestamp,
    /// Lambda's id of this invocation.
    pub request_id: String,
}

/// What a route answers when it did its work, or as much of it as there was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The status.
    #[serde(with = "status")]
    pub status: StatusCode,
    /// The body: ids and outcomes, no message text.
    pub body: Value,
    /// Whether parts could not be done and may be tried again: then the key is given back, and the answer not kept.
    #[serde(skip)]
    pub incomplete: bool,
}

impl SenderRoute {
    /// A route with this name, which stands in the ledger's keys and in the log, over the secrets and the table that the
    /// function's environment names.
    ///
    /// # Errors
    /// The environment names none.
    pub async fn connect(name: &'static str, repeats: Repeats) -> Result<Self, MissingSetting> {
        let config = aws::config().await;
        let secrets = aws_sdk_secretsmanager::Client::new(&config);
        Ok(Self {
            name,
            repeats,
            integrations: IntegrationStore::new(secrets, setting("SECRET_PREFIX")?),
            ledger: Ledger::new(aws_sdk_dynamodb::Client::new(&config), setting("LEDGER_TABLE")?),
        })
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
        let request_id = incoming.request_id.clone();
        let parsed: Result<IntegrationName, _> = incoming.integration.parse();
        // A name that does not parse may hold anything, so it is not logged.
        let integration = parsed.as_ref().map_or("", IntegrationName::as_str);
        let mut caller = String::new();
        let result = match &parsed {
            Ok(name) => self.attend(name, incoming, &mut caller, parse, work).await,
            Err(error) => {
                Err(Problem::new(ProblemType::IntegrationNotFound, format!("An integration's name {error}.")))
            }
        };
        let route = self.name;
        match result {
            Ok(response) => {
                let status = response.status().as_u16();
                let replayed = response.headers().contains_key(IDEMPOTENCY_REPLAYED);
                tracing::info!(request_id, route, integration, caller, outcome = "answered", status, replayed);
                response
            }
            Err(problem) => {
                let (reason, status) = (problem.problem_type.as_str(), problem.status().as_u16());
                let (code, correlation_id) = match &problem.platform {
                    Some(error) => (error.code.as_deref(), error.correlation_id.as_deref()),
                    None => (None, None),
                };
                tracing::warn!(
                    request_id,
                    route,
                    integration,
                    caller,
                    outcome = "refused",
                    reason,
                    status,
                    code,
                    correlation_id
                );
                problem.into_response(&request_id)
            }
        }
    }

    async fn attend<T>(
        &self,
        name: &IntegrationName,
        incoming: Incoming,
        caller_name: &mut String,
        parse: impl FnOnce(&mut Fields<'_>) -> Option<T>,
        work: impl AsyncFnOnce(&SenderRequest, T) -> Result<Reply, Problem>,
    ) -> Result<Response<String>, Problem> {
        let integration = self.integrations.get(name).await?;
        let (integration, caller) = self.authenticated(integration, &incoming).await?;
        caller_name.clone_from(&caller.name);
        let key = idempotency_key(&incoming, caller.webhook_id)?;
        let body = json_body(&incoming)?;
        let task = read(body, parse).map_err(Problem::invalid_body)?;
        let request = SenderRequest {
            integration,
            deadline: incoming.deadline(),
            ends_at: incoming.ends_at,
            request_id: incoming.request_id.clone(),
        };
        match key {
            None => work(&request, task).await.map(Reply::into_response),
            Some(key) => {
                let key = Identity::of(&[self.name, name.as_str(), &caller.name, &key]);
                let key = format!("request#{name}#{key}");
                self.once(&key, &incoming, work(&request, task)).await
            }
        }
    }

    async fn authenticated(
        &self,
        mut integration: Arc<Integration>,
        incoming: &Incoming,
    ) -> Result<(Arc<Integration>, Authenticated), Problem> {
        let now = Timestamp::now();
        let mut verdict = authenticate(&integration.callers, &incoming.headers, &incoming.body, now);
        if verdict.as_ref().is_err_and(|error| error.may_be_rotation()) {
            integration = self.integrations.renewed(&integration.name, &integration).await?;
            verdict = authenticate(&integration.callers, &incoming.headers, &incoming.body, now);
        }
        let refuse =
            |error: AuthenticationError| Problem::new(ProblemType::Unauthenticated, sentence(&error.to_string()));
        verdict.map(|caller| (integration, caller)).map_err(refuse)
    }

    /// Does the work unless it has been done, is being done, or may have been done under this key.
    async fn once(
        &self,
        key: &str,
        incoming: &Incoming,
        work: impl Future<Output = Result<Reply, Problem>>,
    ) -> Result<Response<String>, Problem> {
        let fingerprint = Identity::of_bytes(&incoming.body);
        let now = Timestamp::now();
        let until = incoming.ends_at.saturating_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX);
        let lapsed = match self.repeats {
            Repeats::Never => Lapsed::Leave,
            Repeats::Harmless => Lapsed::TakeOver,
        };
        let bid = Bid { key, now, until, fingerprint: Some(fingerprint.as_str()), lapsed };
        let claimed = self.ledger.claim(bid).await.map_err(|error| {
            tracing::error!(reason = %error, "the ledger could not be asked");
            Problem::unavailable("The ledger is out of reach. Nothing was sent.")
        })?;
        match claimed {
            Claimed::Won(claim) => {
                let result = work.await;
                self.record(&claim, &result, &incoming.request_id).await;
                result.map(Reply::into_response)
            }
            Claimed::Settled(settled) => {
                same_request(settled.fingerprint.as_deref(), &fingerprint)?;
                replay(settled.outcome, settled.answer.as_deref())
            }
            Claimed::InProgress { until, fingerprint: theirs } => {
                same_request(theirs.as_deref(), &fingerprint)?;
                if until <= now {
                    return Err(unknown());
                }
                let problem = Problem::new(ProblemType::RequestInProgress, "Ask again for its answer.");
                Err(Problem { retry_after: Some(Duration::from_secs(1)), ..problem })
            }
        }
    }

    /// Keeps the answer, or gives the key back where nothing was done.
    async fn record(&self, claim: &Claim, result: &Result<Reply, Problem>, request_id: &str) {
        let now = Timestamp::now();
        let recorded = match result {
            Ok(reply) if reply.incomplete => self.ledger.release(claim, now).await,
            Ok(reply) => self.ledger.complete(claim, now, Outcome::Done, reply.to_answer().as_deref()).await,
            Err(problem) => {
                let body = problem.without_words().body(request_id);
                let reply = Reply { status: problem.status(), body, incomplete: false };
                let answer = reply.to_answer();
                match problem.problem_type {
                    ProblemType::OutcomeUnknown if self.repeats == Repeats::Never => {
                        self.ledger.complete(claim, now, Outcome::Unknown, answer.as_deref()).await
                    }
                    ProblemType::PlatformRefused => {
                        self.ledger.complete(claim, now, Outcome::Failed, answer.as_deref()).await
                    }
                    _ => self.ledger.release(claim, now).await,
                }
            }
        };
        if let Err(error) = recorded {
            tracing::error!(request_id, reason = %error, "the outcome could not be recorded");
        }
    }
}

impl Reply {
    /// 200 with this body.
    #[must_use]
    pub fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body, incomplete: false }
    }

    fn to_answer(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    fn into_response(self) -> Response<String> {
        let good = self.status.is_success();
        json_response(self.status, if good { "application/json" } else { "application/problem+json" }, &self.body)
    }
}

/// The first answer once more.
fn replay(outcome: Outcome, answer: Option<&str>) -> Result<Response<String>, Problem> {
    let reply: Option<Reply> = answer.and_then(|answer| serde_json::from_str(answer).ok());
    match (outcome, reply) {
        (Outcome::Unknown, Some(reply)) => Ok(reply.into_response()),
        (Outcome::Done | Outcome::Failed, Some(reply)) => {
            let mut response = reply.into_response();
            response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
        _ => Err(unknown()),
    }
}

fn unknown() -> Problem {
    let detail = "The platform may have done what was asked. It is not sent again under the same key.";
    Problem::new(ProblemType::OutcomeUnknown, detail)
}

fn same_request(theirs: Option<&str>, ours: &Identity) -> Result<(), Problem> {
    if theirs.is_none_or(|theirs| theirs == ours.as_str()) {
        return Ok(());
    }
    Err(Problem::new(ProblemType::IdempotencyKeyReused, "The key came with another body before. Use a new key."))
}

/// The key under which the request is done once: the id that the caller signed, else the header's.
///
/// The header of a signed request is not signed. If it counted, whoever replays the request could have it done again
/// under a key of his own.
fn idempotency_key(incoming: &Incoming, webhook_id: Option<String>) -> Result<Option<String>, Problem> {
    let invalid = |detail: String| Err(Problem::new(ProblemType::InvalidIdempotencyKey, detail));
    let mut values = incoming.headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(webhook_id) };
    let key = match value.to_str() {
        Ok(key) if (1..=MAXIMUM_KEY_BYTES).contains(&key.len()) && values.next().is_none() => key.to_owned(),
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

fn json_body(incoming: &Incoming) -> Result<Value, Problem> {
    let media_type =
        incoming.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let detail = "The content type must be application/json.";
        return Err(Problem::new(ProblemType::UnsupportedMediaType, detail));
    }
    if incoming.body.len() > MAXIMUM_BODY_BYTES {
        let detail = format!("The body may have {MAXIMUM_BODY_BYTES} bytes.");
        return Err(Problem::new(ProblemType::BodyTooLarge, detail));
    }
    json_bounds::check(&incoming.body).map_err(|fault| Problem::invalid_body(vec![fault]))?;
    serde_json::from_slice(&incoming.body).map_err(|error| {
        let detail = format!("is not valid JSON (line {}, column {})", error.line(), error.column());
        Problem::invalid_body(vec![Fault { pointer: String::new(), detail }])
    })
}

/// A status as its number.
mod status {
    use http::StatusCode;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(status.as_u16())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StatusCode, D::Error> {
        StatusCode::from_u16(u16::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
