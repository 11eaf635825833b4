//! One webhook: the checks in their order, then one durable write.

use crate::queue::{MessageQueue, SendError};
use jiff::Timestamp;
use lambda_http::{Request, RequestExt, Response};
use shared::envelope::Envelope;
use shared::integration::{Integration, IntegrationName, IntegrationStore, LoadError};
use shared::message::Message;
use shared::platform::Rejection;
use shared::problem::{Problem, ProblemType};
use shared::signature::SignatureError;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// The largest body that is taken, in bytes: what fits into one queue message, with room for the envelope.
const MAXIMUM_BODY_BYTES: usize = 1_000_000;

/// When a platform that was told to come again should.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Receives the webhooks of all integrations.
pub(crate) struct Receiver {
    integrations: IntegrationStore,
    queue: MessageQueue,
}

impl Receiver {
    pub(crate) fn new(integrations: IntegrationStore, queue: MessageQueue) -> Self {
        Self { integrations, queue }
    }

    /// Answers one request: 200 with the message's id once it is stored durably, or a problem.
    pub(crate) async fn answer(self: Arc<Self>, request: Request) -> Result<Response<String>, Infallible> {
        let request_id = request.lambda_context_ref().map(|context| context.request_id.clone()).unwrap_or_default();
        let integration = request.path_parameters_ref().and_then(|path| path.first("integration")).unwrap_or_default();
        let parsed = integration.parse();
        let result = match &parsed {
            Ok(name) => self.receive(name, &request).await,
            Err(error) => {
                Err(Problem::new(ProblemType::IntegrationNotFound, format!("An integration's name {error}.")))
            }
        };
        // A name that does not parse may hold anything, so it is not logged.
        let integration = parsed.as_ref().map_or("", IntegrationName::as_str);
        Ok(match result {
            Ok(message) => {
                let (message_id, kind) = (&message.message_id, message.kind.name());
                tracing::info!(request_id, integration, message_id, kind, outcome = "accepted");
                accepted(&message)
            }
            Err(problem) => {
                let (reason, detail) = (problem.problem_type.as_str(), &problem.detail);
                tracing::warn!(request_id, integration, outcome = "refused", reason, detail);
                problem.into_response(&request_id)
            }
        })
    }

    async fn receive(&self, name: &IntegrationName, request: &Request) -> Result<Message, Problem> {
        let body: &[u8] = request.body().as_ref();
        let integration = self.integrations.get(name).await.map_err(not_loaded)?;
        if body.len() > MAXIMUM_BODY_BYTES {
            let detail = format!("The body may have {MAXIMUM_BODY_BYTES} bytes.");
            return Err(Problem::new(ProblemType::BodyTooLarge, detail));
        }
        let integration = self.verified(integration, request, body).await?;
        let message = integration.platform.accept(body).map_err(rejected)?;
        let envelope = Envelope::new(name.clone(), integration.platform.name(), Timestamp::now(), body)
            .map_err(|_| Problem::new(ProblemType::InvalidBody, "The body is not JSON in UTF-8."))?;
        self.queue.send(&envelope, &message).await.map_err(not_sent)?;
        Ok(message)
    }

    /// Checks the signature. One that none of the secrets made causes one fresh read of them: they may have been
    /// rotated. When that read fails nobody can tell, and the platform is asked to come again.
    async fn verified(
        &self,
        integration: Arc<Integration>,
        request: &Request,
        body: &[u8],
    ) -> Result<Arc<Integration>, Problem> {
        let mut verdict = integration.platform.verify(request.headers(), body);
        let mut integration = integration;
        if verdict == Err(SignatureError::Mismatch) {
            integration = self.integrations.renewed(&integration.name, &integration).await.map_err(not_loaded)?;
            verdict = integration.platform.verify(request.headers(), body);
        }
        match verdict {
            Ok(()) => Ok(integration),
            Err(error) => Err(Problem::new(ProblemType::InvalidSignature, sentence(&error.to_string()))),
        }
    }
}

fn accepted(message: &Message) -> Response<String> {
    let body = serde_json::json!({ "messageId": message.message_id }).to_string();
    let mut response = Response::new(body);
    let json = lambda_http::http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(lambda_http::http::header::CONTENT_TYPE, json);
    response
}

fn not_loaded(error: LoadError) -> Problem {
    match error {
        LoadError::NotFound => {
            Problem::new(ProblemType::IntegrationNotFound, "No integration of this name is configured.")
        }
        // What is wrong is in the log already; it is not the platform's business.
        LoadError::Invalid(_) => unavailable("The integration's configuration is not usable."),
        LoadError::Unavailable(_) => unavailable("The integration's configuration is out of reach."),
    }
}

fn rejected(rejection: Rejection) -> Problem {
    match rejection {
        Rejection::Foreign => {
            let detail = "The integration that the message names is not the one that is configured here.";
            Problem::new(ProblemType::WrongIntegration, detail)
        }
        Rejection::Unreadable(fault) => {
            let mut problem = Problem::new(ProblemType::InvalidBody, sentence(&fault.to_string()));
            problem.errors.push(fault);
            problem
        }
    }
}

fn not_sent(error: SendError) -> Problem {
    match error {
        SendError::TooLarge => Problem::new(ProblemType::BodyTooLarge, "The message is larger than the queue takes."),
        SendError::Unwritable(_) | SendError::Unavailable(_) => {
            tracing::error!("{error}");
            unavailable("The message could not be stored.")
        }
    }
}

fn unavailable(detail: &str) -> Problem {
    Problem { retry_after: Some(RETRY_AFTER), ..Problem::new(ProblemType::Unavailable, detail) }
}

/// A clause as a sentence of its own.
fn sentence(clause: &str) -> String {
    let mut characters = clause.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}
