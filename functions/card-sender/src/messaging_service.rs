//! Cards to a customer, through the queue like the messages of agents.

use jiff::Timestamp;
use lambda_http::http::StatusCode;
use serde::Serialize;
use shared::api::problem::{Problem, ProblemType};
use shared::api::{Reply, RequestContext};
use shared::delivery::envelope::{Envelope, Origin};
use shared::delivery::id::DeliveryId;
use shared::delivery::queue::{MessageQueue, SendError};
use shared::digest::Digest;
use shared::json::fields::FieldError;
use shared::limits::MAXIMUM_ID_BYTES;
use shared::model::agentless::AgentlessMessage;
use shared::model::card::{CardMessage, CardRecipient, CardRequest, render_text_trace};
use shared::model::message::Message;
use shared::model::receipt::Recipient;
use shared::platform::Platforms;
use shared::platform::SentMessage;
use shared::platform::genesys_cloud::StructuredMessage;
use std::sync::Arc;

/// The route's name.
const ROUTE: &str = "messaging-service";

/// The route `messaging-service`.
pub(crate) struct MessagingServiceRoute {
    platforms: Arc<Platforms>,
    queue: MessageQueue,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<String>,
    text_trace: TextTrace,
    route: &'static str,
}

/// What became of the card's text in the conversation.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum TextTrace {
    /// It stands there.
    Left,
    /// Whether it stands there nobody knows.
    Unknown,
    /// None was wanted.
    Off,
}

/// A card that is ready for the queue.
struct Ready {
    envelope: Envelope,
    message: Message,
}

impl MessagingServiceRoute {
    pub(crate) fn new(platforms: Arc<Platforms>, queue: MessageQueue) -> Self {
        Self { platforms, queue }
    }

    /// Puts a card on the queue; 202 with its id once it is stored durably.
    ///
    /// With a text trace the card has the trace's id, so that the platform knows what receipts and clicks speak of.
    /// That the id in the platform's answer is the one by which it knows the message is not published; it is so where
    /// it was seen.
    pub(crate) async fn send(
        &self,
        request: &RequestContext,
        card: &CardRequest,
        with_text_trace: bool,
    ) -> Result<Reply, Problem> {
        let CardRecipient::Customer(customer) = &card.recipient else {
            let detail = "is required: where `cards.route` is `messaging-service` a card goes to a customer".to_owned();
            return Err(Problem::invalid_body(vec![FieldError::new("/to", detail)]));
        };
        let mut sent = Sent { id: own_id(request), conversation_id: None, text_trace: TextTrace::Off, route: ROUTE };
        let mut ready = ready(request, customer, &card.message, &sent, Origin::Card)?;
        if with_text_trace {
            match self.leave_trace(request, customer, &card.message).await {
                Ok(trace) => {
                    sent.text_trace = TextTrace::Left;
                    sent.conversation_id = trace.conversation_id;
                    let id = trace.id.filter(|id| (1..=MAXIMUM_ID_BYTES).contains(&id.len()));
                    let origin = if id.is_some() { Origin::TracedCard } else { Origin::Card };
                    sent.id = id.unwrap_or(sent.id);
                    ready = self::ready(request, customer, &card.message, &sent, origin).map_err(|_| half_done())?;
                }
                // The customer is to have the card all the same: were the trace there after all, it would be dropped.
                Err(problem) if problem.problem_type == ProblemType::OutcomeUnknown => {
                    sent.text_trace = TextTrace::Unknown;
                }
                Err(problem) => return Err(problem),
            }
        }
        match self.queue.send_message(&ready.envelope, &ready.message).await {
            Ok(()) => {
                let reply = Reply::new(StatusCode::ACCEPTED, serde_json::to_value(sent).unwrap_or_default());
                Ok(Reply {
                    webhook_id: Some(DeliveryId::new(&request.integration.name, &ready.message).to_string()),
                    ..reply
                })
            }
            Err(error) => {
                tracing::error!(request_id = request.request_id, reason = %error, "the card could not be stored");
                Err(not_stored(&error, request, sent.text_trace))
            }
        }
    }

    /// Puts the card's text into the conversation. The platform hands that text on like any other, and the dispatcher
    /// drops it.
    async fn leave_trace(
        &self,
        request: &RequestContext,
        customer: &Recipient,
        message: &CardMessage,
    ) -> Result<SentMessage, Problem> {
        let key = request.integration.trace_keys().next();
        let text = key.and_then(|key| render_text_trace(message, AgentlessMessage::MAXIMUM_TEXT, &key));
        let text = text.ok_or_else(|| Problem::unavailable("The card's text trace cannot be made."))?;
        let trace = &AgentlessMessage::to_customer(&customer.id, text);
        let sending = request.call(|current| async move {
            self.platforms.send_agentless(&current.platform, trace, request.deadline).await
        });
        sending.await.map_err(|error| match Problem::from(error) {
            problem if problem.problem_type == ProblemType::PlatformRefused => {
                let detail = "The platform refused the card's text trace, so that nothing was sent; `platform` holds its \
                              own words. With `cards.textTrace` set to false a card leaves no trace.";
                Problem { explanation: detail.to_owned(), ..problem }
            }
            problem => problem,
        })
    }
}

fn ready(
    request: &RequestContext,
    customer: &Recipient,
    message: &CardMessage,
    sent: &Sent,
    origin: Origin,
) -> Result<Ready, Problem> {
    let (name, platform) = (&request.integration.name, &request.integration.platform);
    let unwritable = |error: serde_json::Error| {
        tracing::error!(request_id = request.request_id, reason = %error, "the card cannot be written");
        Problem::unavailable("The card cannot be written.")
    };
    let card =
        StructuredMessage::new(platform.channel_id(), &sent.id, sent.conversation_id.as_deref(), customer, message);
    let original = serde_json::to_vec(&card).map_err(unwritable)?;
    let envelope = Envelope::new(name.clone(), platform.name(), Timestamp::now(), &original).map_err(unwritable)?;
    let envelope = Envelope { origin, ..envelope }.with_trace_id(request.trace_id.clone());
    let message = envelope.message().map_err(|fault| {
        let detail = format!("{} when it is written out for the messaging service", fault.detail);
        Problem::invalid_body(vec![FieldError::new("", detail)])
    })?;
    Ok(Ready { envelope, message })
}

/// Why the card is not on the queue, or may not be.
///
/// One with a key and without a trace may come again: it has the same id then, so that it is the same card.
fn not_stored(error: &SendError, request: &RequestContext, text_trace: TextTrace) -> Problem {
    match (error, text_trace) {
        (SendError::TooLarge, TextTrace::Off) => {
            Problem::new(ProblemType::BodyTooLarge, "The card is larger than the queue takes.")
        }
        (_, TextTrace::Off) if request.idempotency_digest.is_some() => {
            Problem::unavailable("The card could not be stored.")
        }
        (_, TextTrace::Off) => {
            let detail = "The card may be on the queue or not. Without an idempotency key it would be another card.";
            Problem::new(ProblemType::OutcomeUnknown, detail)
        }
        (_, TextTrace::Left | TextTrace::Unknown) => half_done(),
    }
}

fn half_done() -> Problem {
    let detail = "The text trace may stand in the conversation, and the card may not be on the queue. It is not sent again \
                  under the same key.";
    Problem::new(ProblemType::OutcomeUnknown, detail)
}

/// An id in the form of the platform's: the same whenever the same is asked for under the same key.
fn own_id(request: &RequestContext) -> String {
    let digits = request.idempotency_digest.clone().unwrap_or_else(Digest::random);
    digits.as_str().chars().take(32).collect()
}
