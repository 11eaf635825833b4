//! Accepting what customers do before it is executed: one durable write, and the answer.

use super::request::InboundRequest;
use crate::api::problem::{Problem, ProblemType};
use crate::api::{Deferred, Reply, RequestContext};
use crate::delivery::envelope::{InboundContent, InboundEnvelope};
use crate::delivery::queue::{MessageQueue, SendError};
use jiff::Timestamp;
use serde_json::json;
use serde_json::value::to_raw_value;

/// Puts accepted requests onto the queue.
#[derive(Debug, Clone)]
pub struct InboundAcceptor {
    queue: MessageQueue,
}

impl InboundAcceptor {
    #[must_use]
    pub fn new(queue: MessageQueue) -> Self {
        Self { queue }
    }

    /// Accepts a request. A copy of it is accepted as well, and executed once.
    ///
    /// # Errors
    /// The platform has no place for a member of it, it is too large, or the queue is unavailable.
    pub async fn accept(
        &self,
        context: &RequestContext,
        deferred: &Deferred,
        request: &InboundRequest,
    ) -> Result<Reply, Problem> {
        request.check(context.integration.platform.name())?;
        let mut body = deferred.body.clone();
        // The time of the request is the default, and not that of its execution.
        body.insert("time".to_owned(), json!(request.time()));
        let body = to_raw_value(&body).map_err(|error| not_stored(&error.into()))?;
        let message_id = request.message_id();
        let envelope = InboundEnvelope {
            integration: context.integration.name.clone(),
            received_at: Timestamp::now(),
            trace_id: context.trace_id.clone(),
            replay: None,
            inbound: InboundContent {
                route: context.route,
                caller: context.caller.clone(),
                customer: request.customer().id.clone(),
                message_id: message_id.map(str::to_owned),
                fingerprint: deferred.fingerprint.to_string(),
                body,
                channel: None,
            },
        };
        let id = self.queue.send_inbound(&envelope).await.map_err(|error| not_stored(&error))?;
        let body = match message_id {
            Some(message_id) => json!({"messageId": message_id, "outcome": "queued"}),
            None => json!({"outcome": "queued"}),
        };
        Ok(Reply { webhook_id: Some(id.to_string()), ..Reply::accepted(body) })
    }
}

/// It may be on the queue nevertheless. A copy does no harm.
fn not_stored(error: &SendError) -> Problem {
    match error {
        SendError::TooLarge => Problem::new(ProblemType::BodyTooLarge, "The request is too large for the queue."),
        SendError::Serialization(_) | SendError::Unavailable(_) => {
            tracing::error!(reason = %error, "the request could not be queued");
            Problem::unavailable("The request could not be queued.")
        }
    }
}
