//! One webhook: the checks in their order, then one durable write.

use jiff::Timestamp;
use lambda_http::http::StatusCode;
use lambda_http::{Request, Response};
use serde_json::json;
use shared::envelope::Envelope;
use shared::gateway::Incoming;
use shared::integration::{Integration, IntegrationName, IntegrationStore};
use shared::message::Message;
use shared::platform::{Received, Rejection};
use shared::problem::{Problem, ProblemType, json_response, sentence};
use shared::queue::{MessageQueue, SendError};
use shared::signature::SignatureError;
use shared::trace::TraceId;
use std::convert::Infallible;
use std::sync::Arc;

/// The largest body that is taken, in bytes: what fits into one queue message, with room for the envelope.
const MAXIMUM_BODY_BYTES: usize = 1_000_000;

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
        let incoming = Incoming::from(request);
        let request_id = incoming.request_id.as_str();
        let trace_id = TraceId::of(&incoming.headers);
        let trace = trace_id.as_ref().map(TraceId::as_str);
        let parsed = incoming.path.parameter("integration").parse();
        let result = match &parsed {
            Ok(name) => self.receive(name, &incoming, trace_id.clone()).await,
            Err(error) => {
                Err(Problem::new(ProblemType::IntegrationNotFound, format!("An integration's name {error}.")))
            }
        };
        // A name that does not parse may hold anything, so it is not logged.
        let integration = parsed.as_ref().map_or("", IntegrationName::as_str);
        Ok(match result {
            Ok(Received::Message(message)) => {
                let (message_id, kind) = (&message.message_id, message.kind.name());
                tracing::info!(request_id, integration, trace_id = trace, message_id, kind, outcome = "accepted");
                accepted(Some(&message))
            }
            Ok(Received::Ignored(what)) => {
                tracing::info!(request_id, integration, trace_id = trace, kind = what, outcome = "ignored");
                accepted(None)
            }
            Err(problem) => {
                let (reason, detail) = (problem.problem_type.as_str(), &problem.detail);
                tracing::warn!(request_id, integration, trace_id = trace, outcome = "refused", reason, detail);
                problem.into_response(request_id)
            }
        })
    }

    async fn receive(
        &self,
        name: &IntegrationName,
        incoming: &Incoming,
        trace_id: Option<TraceId>,
    ) -> Result<Received, Problem> {
        let integration = self.integrations.get(name).await?;
        if incoming.body.len() > MAXIMUM_BODY_BYTES {
            let detail = format!("The body may have {MAXIMUM_BODY_BYTES} bytes.");
            return Err(Problem::new(ProblemType::BodyTooLarge, detail));
        }
        let integration = self.verified(integration, incoming).await?;
        let now = Timestamp::now();
        let received = integration.platform.accept(&incoming.body, now).map_err(rejected)?;
        let Received::Message(message) = &received else { return Ok(received) };
        let envelope = Envelope::new(name.clone(), integration.platform.name(), now, &incoming.body)
            .map_err(|_| Problem::new(ProblemType::InvalidBody, "The body is not JSON in UTF-8."))?;
        self.queue.send_message(&envelope.traced(trace_id), message).await.map_err(not_sent)?;
        Ok(received)
    }

    /// Checks the signature. One that none of the secrets made causes one fresh read of them: they may have been
    /// rotated. When that read fails nobody can tell, and the platform is asked to come again.
    async fn verified(
        &self,
        mut integration: Arc<Integration>,
        incoming: &Incoming,
    ) -> Result<Arc<Integration>, Problem> {
        let mut verdict = integration.platform.verify(&incoming.headers, &incoming.body);
        if verdict == Err(SignatureError::Mismatch) {
            integration = self.integrations.renewed(&integration.name, &integration).await?;
            verdict = integration.platform.verify(&incoming.headers, &incoming.body);
        }
        match verdict {
            Ok(()) => Ok(integration),
            Err(error) => Err(Problem::new(ProblemType::InvalidSignature, sentence(&error.to_string()))),
        }
    }
}

/// The answer names the message, by which some platforms find it again.
fn accepted(message: Option<&Message>) -> Response<String> {
    let body = message.map_or_else(|| json!({}), |message| json!({ "messageId": message.message_id }));
    json_response(StatusCode::OK, "application/json", &body)
}

fn rejected(rejection: Rejection) -> Problem {
    match rejection {
        Rejection::Foreign => {
            let detail = "The integration that the message names is not the one that is configured here.";
            Problem::new(ProblemType::WrongIntegration, detail)
        }
        Rejection::Unreadable(fault) => Problem::invalid_body(vec![fault]),
    }
}

fn not_sent(error: SendError) -> Problem {
    match error {
        SendError::TooLarge => Problem::new(ProblemType::BodyTooLarge, "The message is larger than the queue takes."),
        SendError::Unwritable(_) | SendError::Unavailable(_) => {
            tracing::error!("{error}");
            Problem::unavailable("The message could not be stored.")
        }
    }
}
