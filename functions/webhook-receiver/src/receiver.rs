//! One webhook: the checks in their order, then one durable write.

use jiff::Timestamp;
use lambda_http::http::StatusCode;
use lambda_http::{Request, Response};
use serde_json::json;
use shared::api::problem::{Problem, ProblemType, json_response, named, sentence};
use shared::api::request::Incoming;
use shared::delivery::envelope::Envelope;
use shared::delivery::id::DeliveryId;
use shared::delivery::queue::{MessageQueue, SendError};
use shared::integration::{Integration, IntegrationStore};
use shared::json::i_json::{self, without_bom};
use shared::limits::bounded;
use shared::model::integration_name::IntegrationName;
use shared::model::message::Message;
use shared::model::trace_id::TraceId;
use shared::observability::metrics::Event;
use shared::platform::{Received, Rejection};
use shared::signature::SignatureError;
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
        let trace_id = TraceId::from_headers(&incoming.headers);
        let parsed: Result<IntegrationName, _> = incoming.path.parameter("integration").parse();
        // That the platform used a secret that is being rotated out.
        let mut secret = None;
        let result = match &parsed {
            Ok(name) => {
                let received = self.receive(name, &incoming, trace_id.clone(), &mut secret).await;
                received.map(|received| (name, received))
            }
            Err(error) => {
                Err(Problem::new(ProblemType::IntegrationNotFound, format!("An integration's name {error}.")))
            }
        };
        let request_id = incoming.request_id.as_str();
        let trace_id = trace_id.as_ref().map(TraceId::as_str);
        let milliseconds = incoming.came_at.elapsed().as_millis() as u64;
        Ok(match result {
            Ok((name, Received::Message(message))) => {
                Event::Accepted(name).emit();
                let (integration, message_id) = (name.as_str(), &*bounded(&message.message_id));
                let (conversation_id, kind) = (message.conversation_id.as_deref().map(bounded), message.kind.name());
                let (conversation_id, webhook_id) =
                    (conversation_id.as_deref(), DeliveryId::new(name, &message).to_string());
                tracing::info!(
                    request_id,
                    integration,
                    trace_id,
                    message_id,
                    conversation_id,
                    webhook_id,
                    kind,
                    secret,
                    outcome = "accepted",
                    milliseconds
                );
                accepted(request_id, Some(&message))
            }
            Ok((name, Received::Ignored(kind))) => {
                let integration = name.as_str();
                tracing::info!(request_id, integration, trace_id, kind, secret, outcome = "ignored", milliseconds);
                accepted(request_id, None)
            }
            Err(problem) => {
                Event::Refused(problem.problem_type.as_str()).emit();
                // A name that does not parse may hold anything, so it is not logged.
                let integration = parsed.as_ref().ok().map(IntegrationName::as_str);
                let (reason, detail) = (problem.problem_type.as_str(), &*bounded(&problem.detail));
                let status = problem.status().as_u16();
                tracing::warn!(
                    request_id,
                    integration,
                    trace_id,
                    secret,
                    outcome = "refused",
                    reason,
                    detail,
                    status,
                    milliseconds
                );
                problem.into_response(request_id)
            }
        })
    }

    async fn receive(
        &self,
        name: &IntegrationName,
        incoming: &Incoming,
        trace_id: Option<TraceId>,
        secret: &mut Option<&'static str>,
    ) -> Result<Received, Problem> {
        let integration = self.integrations.get(name).await?;
        if incoming.body.len() > MAXIMUM_BODY_BYTES {
            let detail = format!("The body may have {MAXIMUM_BODY_BYTES} bytes.");
            return Err(Problem::new(ProblemType::BodyTooLarge, detail));
        }
        let verify = |integration: &Integration| integration.platform.verify(&incoming.headers, &incoming.body);
        let verified = self
            .integrations
            .with_refresh(integration, verify, |error| *error == SignatureError::Mismatch)
            .await?
            .map_err(|error| Problem::new(ProblemType::InvalidSignature, sentence(&error.to_string())));
        let (integration, matched) = verified?;
        *secret = matched.for_log();
        let now = Timestamp::now();
        let body = i_json::normalized(without_bom(&incoming.body));
        let body = body.map_err(|fault| rejected(Rejection::InvalidPayload(fault)))?;
        let received = integration.platform.parse_webhook(&body, now).map_err(rejected)?;
        let Received::Message(message) = &received else { return Ok(received) };
        let envelope = Envelope::new(name.clone(), integration.platform.name(), now, &body)
            .map_err(|_| Problem::new(ProblemType::InvalidBody, "The body is not JSON in UTF-8."))?;
        self.queue
            .send_message(&envelope.with_trace_id(trace_id), message)
            .await
            .map_err(|error| not_sent(error, name, &incoming.request_id))?;
        Ok(received)
    }
}

/// The answer names the message, by which some platforms find it again.
fn accepted(request_id: &str, message: Option<&Message>) -> Response<String> {
    let body = message.map_or_else(|| json!({}), |message| json!({ "messageId": message.message_id }));
    named(json_response(StatusCode::OK, "application/json", &body), request_id)
}

fn rejected(rejection: Rejection) -> Problem {
    match rejection {
        Rejection::WrongIntegration => {
            let detail = "The integration that the message names is not the one that is configured here.";
            Problem::new(ProblemType::WrongIntegration, detail)
        }
        Rejection::InvalidPayload(fault) => Problem::invalid_body(vec![fault]),
    }
}

fn not_sent(error: SendError, name: &IntegrationName, request_id: &str) -> Problem {
    match error {
        SendError::TooLarge => Problem::new(ProblemType::BodyTooLarge, "The message is larger than the queue takes."),
        SendError::Serialization(_) | SendError::Unavailable(_) => {
            tracing::error!(request_id, integration = name.as_str(), reason = %error, "the message could not be stored");
            Problem::unavailable("The message could not be stored.")
        }
    }
}
