//! Cards to a customer, queued for the messaging service like the messages of agents.

use jiff::Timestamp;
use lambda_http::http::StatusCode;
use serde::Serialize;
use shared::api::problem::{Problem, ProblemType};
use shared::api::{Reply, RequestContext};
use shared::delivery::envelope::{Envelope, EnvelopeContent, EnvelopeOrigin};
use shared::delivery::queue::{MessageQueue, SendError};
use shared::digest::Digest;
use shared::json::fields::FieldError;
use shared::limits::MAX_ID_BYTES;
use shared::model::agentless::AgentlessMessage;
use shared::model::card::{CardMessage, CardRecipient, CardRequest, OutboundCard, TextTrace, render_text_trace};
use shared::model::receipt::Recipient;
use shared::platform::{Platforms, SentMessage};
use std::sync::Arc;

const ROUTE: &str = "messaging-service";

/// Cards of integrations whose `cards.route` is `messaging-service`.
pub(crate) struct MessagingServiceRoute {
    platforms: Arc<Platforms>,
    queue: MessageQueue,
}

/// The response body.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<String>,
    text_trace: TextTraceOutcome,
    route: &'static str,
}

/// Whether the card's text is in the conversation.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum TextTraceOutcome {
    Left,
    /// Left, without the end of the card, which is too long for a text.
    Shortened,
    Unknown,
    /// The integration has no text traces.
    Off,
}

impl MessagingServiceRoute {
    pub(crate) fn new(platforms: Arc<Platforms>, queue: MessageQueue) -> Self {
        Self { platforms, queue }
    }

    /// Puts a card on the queue; 202 with its id once it is stored durably.
    ///
    /// With a text trace the card has the trace's id, so that the platform knows the message that receipts and clicks
    /// refer to. The vendor does not document that the id in its response is the id of the message; it was observed.
    pub(crate) async fn send(
        &self,
        request: &RequestContext,
        CardRequest { recipient, message, .. }: &CardRequest,
        with_text_trace: bool,
    ) -> Result<Reply, Problem> {
        let CardRecipient::Customer(customer) = recipient else {
            let detail = "is required: where `cards.route` is `messaging-service` a card goes to a customer".to_owned();
            return Err(Problem::invalid_body(vec![FieldError::new("/to", detail)]));
        };
        let integration = &request.integration;
        let mut card = OutboundCard {
            id: derived_id(request),
            channel_id: integration.platform.channel_id().to_owned(),
            to: customer.clone(),
            conversation_id: None,
            card: message.clone(),
        };
        card.check_limits().map_err(|error| Problem::invalid_body(vec![error]))?;
        let (mut outcome, mut origin) = (TextTraceOutcome::Off, EnvelopeOrigin::Card);
        if with_text_trace {
            match self.send_text_trace(request, customer, message).await {
                Ok((trace, left)) => {
                    outcome = left;
                    card.conversation_id = trace.conversation_id.filter(|id| !id.trim().is_empty());
                    if let Some(id) = trace.id.filter(|id| !id.trim().is_empty() && id.len() <= MAX_ID_BYTES) {
                        origin = EnvelopeOrigin::TracedCard;
                        card.id = id;
                    }
                }
                // The card is sent anyway. If the trace arrived after all, the dispatcher drops it.
                Err(problem) if problem.problem_type == ProblemType::OutcomeUnknown => {
                    outcome = TextTraceOutcome::Unknown;
                }
                Err(problem) => return Err(problem),
            }
        }
        let sent = Sent {
            id: card.id.clone(),
            conversation_id: card.conversation_id.clone(),
            text_trace: outcome,
            route: ROUTE,
        };
        let message = card.message(integration.platform.name());
        let envelope = Envelope {
            integration: integration.name.clone(),
            platform: integration.platform.name(),
            received_at: Timestamp::now(),
            origin,
            trace_id: request.trace_id.clone(),
            replay: None,
            content: EnvelopeContent::Card(Box::new(card)),
        };
        match self.queue.send_message(&envelope, &message).await {
            Ok(id) => {
                let reply = Reply::new(StatusCode::ACCEPTED, serde_json::to_value(sent).unwrap_or_default());
                Ok(Reply { webhook_id: Some(id.to_string()), ..reply })
            }
            Err(error) => {
                tracing::error!(reason = %error, "the card could not be stored");
                Err(not_stored(&error, request, outcome))
            }
        }
    }

    /// Sends the card's text to the conversation. The platform sends a webhook for it, which the dispatcher drops.
    async fn send_text_trace(
        &self,
        request: &RequestContext,
        customer: &Recipient,
        message: &CardMessage,
    ) -> Result<(SentMessage, TextTraceOutcome), Problem> {
        let integration = &request.integration;
        let limits = integration.trace_keys().into_iter().next().zip(integration.platform.name().maximum_text_trace());
        let trace = limits.and_then(|(key, maximum)| render_text_trace(message, maximum, &key));
        let TextTrace { text, is_shortened } =
            trace.ok_or_else(|| Problem::unavailable("The card's text trace cannot be created."))?;
        let trace = &AgentlessMessage::to_customer(&customer.id, text);
        let sending = request.call(|current| async move {
            self.platforms.send_agentless(&current.platform, trace, request.deadline).await
        });
        let outcome = if is_shortened { TextTraceOutcome::Shortened } else { TextTraceOutcome::Left };
        sending.await.map(|sent| (sent, outcome)).map_err(|error| match Problem::from(error) {
            problem if problem.problem_type == ProblemType::PlatformRefused => {
                let detail = "The platform refused the card's text trace, and nothing was sent; `platform` has its message. \
                              With `cards.textTrace` set to false, cards are sent without a text trace.";
                Problem { explanation: detail.to_owned(), ..problem }
            }
            problem => problem,
        })
    }
}

/// Why the card is not on the queue, or may not be.
///
/// A card with an idempotency key and without a trace may be retried: it gets the same id, so it is the same card.
fn not_stored(error: &SendError, request: &RequestContext, text_trace: TextTraceOutcome) -> Problem {
    match (error, text_trace) {
        (SendError::TooLarge, TextTraceOutcome::Off) => {
            Problem::new(ProblemType::BodyTooLarge, "The card is too large for the queue.")
        }
        (_, TextTraceOutcome::Off) if request.idempotency_digest.is_some() => {
            Problem::unavailable("The card could not be stored.")
        }
        (_, TextTraceOutcome::Off) => {
            let detail = "The card may be on the queue. Without an idempotency key a retry would be another card.";
            Problem::new(ProblemType::OutcomeUnknown, detail)
        }
        (_, TextTraceOutcome::Left | TextTraceOutcome::Shortened | TextTraceOutcome::Unknown) => partially_sent(),
    }
}

fn partially_sent() -> Problem {
    let detail = "The text trace may be in the conversation, and the card may not be on the queue. It is not sent again under \
                  the same key.";
    Problem::new(ProblemType::OutcomeUnknown, detail)
}

/// An id in the platform's form, the same for every retry with the same idempotency key.
fn derived_id(request: &RequestContext) -> String {
    let digest = request.idempotency_digest.clone().unwrap_or_else(Digest::random);
    digest.as_str().chars().take(32).collect()
}
