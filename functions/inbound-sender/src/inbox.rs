//! Posts what customers do to the platforms, each thing once.

use serde::Serialize;
use serde_json::json;
use shared::identity::Identity;
use shared::inbound::{InboundMessage, InboundResponse, InboundTyping, Origin};
use shared::ledger::{self, Ledger};
use shared::platform::Platforms;
use shared::platform::{ApiError, Posted};
use shared::problem::Problem;
use shared::sender::{Keeps, Once, Reply, SenderRequest};

/// Posts to the platforms.
pub(crate) struct Inbox {
    ledger: Ledger,
    platforms: Platforms,
}

/// The answer: the messaging service's id, and what the platform says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'p> {
    message_id: &'p str,
    #[serde(flatten)]
    posted: Posted,
}

impl Inbox {
    pub(crate) fn new(ledger: Ledger, platforms: Platforms) -> Self {
        Self { ledger, platforms }
    }

    pub(crate) async fn post_message(
        &self,
        request: &SenderRequest,
        message: InboundMessage,
    ) -> Result<Reply, Problem> {
        let message = &InboundMessage { trace_id: request.trace_id.clone(), ..message };
        let posting = request.call(|current| async move {
            self.platforms.post_inbound_message(&current.platform, message, request.deadline).await
        });
        self.post_once(request, "message", &message.origin, message.fingerprint(), posting).await
    }

    pub(crate) async fn post_response(
        &self,
        request: &SenderRequest,
        response: InboundResponse,
    ) -> Result<Reply, Problem> {
        let response = &response;
        let posting = request.call(|current| async move {
            self.platforms.post_inbound_response(&current.platform, response, request.deadline).await
        });
        self.post_once(request, "response", &response.origin, response.fingerprint(), posting).await
    }

    pub(crate) async fn post_typing(&self, request: &SenderRequest, typing: InboundTyping) -> Result<Reply, Problem> {
        let typing = &typing;
        let posting = request.call(|current| async move {
            self.platforms.post_inbound_typing(&current.platform, typing, request.deadline).await
        });
        posting.await?;
        Ok(Reply::ok(json!({ "outcome": "posted" })))
    }

    /// Posts unless the caller's id was posted before, whatever key the request has.
    async fn post_once(
        &self,
        request: &SenderRequest,
        kind: &str,
        origin: &Origin,
        fingerprint: Identity,
        posting: impl Future<Output = Result<Posted, ApiError>>,
    ) -> Result<Reply, Problem> {
        let once = Once {
            ledger: &self.ledger,
            key: &ledger::key::inbound(&request.integration.name, &request.caller, kind, &origin.message_id),
            fingerprint: Some(&fingerprint),
            repeats: request.repeats,
            keeps: Keeps::Success,
        };
        let posting = async {
            let posted = posting.await?;
            let answer = Answer { message_id: &origin.message_id, posted };
            Ok(Reply::ok(serde_json::to_value(answer).unwrap_or_default()))
        };
        once.run(request, posting).await
    }
}
