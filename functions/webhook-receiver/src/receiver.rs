//! One webhook: the checks in their order, then one durable write.

use jiff::Timestamp;
use lambda_http::Response;
use lambda_http::http::StatusCode;
use serde_json::json;
use shared::api::problem::{Problem, ProblemType, as_sentence, json_response, with_request_id};
use shared::api::receiver::{not_stored, refused};
use shared::api::request::ApiRequest;
use shared::delivery::envelope::{Envelope, WithdrawalEnvelope};
use shared::delivery::queue::MessageQueue;
use shared::integration::{Integration, IntegrationStore};
use shared::json::i_json::{self, without_bom};
use shared::limits::bounded;
use shared::model::integration_name::IntegrationName;
use shared::model::message::Message;
use shared::model::trace_id::TraceId;
use shared::observability::emf::Emf;
use shared::observability::metrics::Event;
use shared::platform::{PlatformName, Received, Rejection};
use std::sync::Arc;
use tracing::field::Empty;
use tracing::{Instrument, Span, error_span};

/// What fits into one queue message, with room for the envelope.
const MAX_BODY_BYTES: usize = 1_000_000;

pub(crate) struct Receiver {
    integrations: IntegrationStore,
    queue: MessageQueue,
}

impl Receiver {
    pub(crate) fn new(integrations: IntegrationStore, queue: MessageQueue) -> Self {
        Self { integrations, queue }
    }

    /// Answers 200 with the message id once the message is stored durably, or a problem.
    pub(crate) async fn handle(&self, request: ApiRequest) -> Response<String> {
        let name = request.integration_name();
        let trace_id = TraceId::from_headers(&request.headers);
        let span = error_span!(
            "webhook",
            request_id = request.request_id,
            // An invalid name may be any text, so it is not logged.
            integration = name.as_ref().ok().map(IntegrationName::as_str),
            trace_id = trace_id.as_ref().map(TraceId::as_str),
            secret = Empty,
            webhook_id = Empty,
        );
        let result = match name {
            Ok(name) => {
                let received = self.receive(&name, &request, trace_id).instrument(span.clone()).await;
                received.map(|received| (name, received))
            }
            Err(problem) => Err(problem),
        };
        let milliseconds = request.received_at.elapsed().as_millis() as u64;
        let _entered = span.enter();
        match result {
            Ok((name, Received::Message(message))) => {
                tracing::info!(
                    emf = %Emf::of([Event::Accepted(&name)]),
                    message_id = &*bounded(&message.message_id),
                    conversation_id = message.conversation_id.as_deref().map(bounded).as_deref(),
                    kind = message.kind.name(),
                    outcome = "accepted",
                    milliseconds,
                );
                accepted(&request.request_id, Some(&message))
            }
            Ok((_, Received::Withdrawn(_))) => {
                tracing::warn!(outcome = "withdrawal_accepted", milliseconds);
                accepted(&request.request_id, None)
            }
            Ok((_, Received::Ignored(kind))) => {
                tracing::info!(kind, outcome = "ignored", milliseconds);
                accepted(&request.request_id, None)
            }
            Err(problem) => {
                // Also when the integration cannot be loaded, so that its platform is not known from the configuration.
                let platform = PlatformName::from_headers(&request.headers);
                let problem = match platform {
                    Some(platform) => problem.with_retry_status(platform.retry_status()),
                    None => problem,
                };
                refused(&request, problem)
            }
        }
    }

    async fn receive(
        &self,
        name: &IntegrationName,
        request: &ApiRequest,
        trace_id: Option<TraceId>,
    ) -> Result<Received, Problem> {
        let integration = self.integrations.get(name).await?;
        request.check_size(MAX_BODY_BYTES)?;
        let integration = self.verify_with_refresh(integration, request).await?;
        let now = Timestamp::now();
        let body = i_json::normalized(without_bom(&request.body));
        let body = body.map_err(|fault| rejected(Rejection::InvalidPayload(fault)))?;
        let received = integration.platform.parse_webhook(&body, now).map_err(rejected)?;
        let message = match &received {
            Received::Message(message) => message,
            Received::Withdrawn(withdrawal) => {
                let (integration, withdrawal) = (name.clone(), withdrawal.clone());
                let envelope = WithdrawalEnvelope { integration, received_at: now, withdrawal };
                self.queue.send_withdrawal(&envelope).await.map_err(|error| not_stored(&error))?;
                return Ok(received);
            }
            Received::Ignored(_) => return Ok(received),
        };
        let envelope = Envelope::new(name.clone(), integration.platform.name(), now, &body)
            .map_err(|_| Problem::new(ProblemType::InvalidBody, "The body is not JSON in UTF-8."))?;
        let id = self
            .queue
            .send_message(&envelope.with_trace_id(trace_id), message)
            .await
            .map_err(|error| not_stored(&error))?;
        Span::current().record("webhook_id", id.to_string());
        Ok(received)
    }

    async fn verify_with_refresh(
        &self,
        integration: Arc<Integration>,
        request: &ApiRequest,
    ) -> Result<Arc<Integration>, Problem> {
        let verify = |integration: &Integration| integration.platform.verify(&request.headers, &request.body);
        let (integration, secret) = self
            .integrations
            .with_refresh(integration, verify, |error| error.may_be_stale_secret())
            .await?
            .map_err(|error| Problem::new(ProblemType::InvalidSignature, as_sentence(&error.to_string())))?;
        Span::current().record("secret", secret.for_log());
        Ok(integration)
    }
}

/// Some platforms find the message by the id in the response.
fn accepted(request_id: &str, message: Option<&Message>) -> Response<String> {
    let body = message.map_or_else(|| json!({}), |message| json!({ "messageId": message.message_id }));
    with_request_id(json_response(StatusCode::OK, "application/json", &body), request_id)
}

fn rejected(rejection: Rejection) -> Problem {
    match rejection {
        Rejection::WrongIntegration => {
            let explanation = "The webhook does not belong to the configured integration.";
            Problem::new(ProblemType::WrongIntegration, explanation)
        }
        Rejection::InvalidPayload(fault) => Problem::invalid_body(vec![fault]),
    }
}
