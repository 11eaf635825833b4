//! Posts what customers do to the platforms, each thing once.

use serde::Serialize;
use serde_json::{Value, json};
use shared::identity::Identity;
use shared::inbound::{InboundMessage, InboundResponse, InboundTyping};
use shared::ledger::{self, Ledger};
use shared::platform::Platforms;
use shared::platform::{ApiError, Posted};
use shared::problem::{Problem, ProblemType};
use shared::sender::{Keeps, Once, Reply, SenderRequest};
use std::time::Duration;
use tokio::time::Instant;

/// What must be left of the time for a further message to be begun.
const TIME_FOR_ONE: Duration = Duration::from_secs(3);

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

    /// Posts a message, unless the caller's id was posted before, whatever key the request has.
    pub(crate) async fn post_message(
        &self,
        request: &SenderRequest,
        message: InboundMessage,
    ) -> Result<Reply, Problem> {
        let mut message = InboundMessage { trace_id: request.trace_id.clone(), ..message };
        let (time, fingerprint) = (message.origin.time, message.fingerprint());
        let key = self.key(request, "message", &message.origin.message_id);
        let work = async |time| {
            message.origin.time = time;
            if message.attachments.len() < 2 || request.integration.platform.name().takes_several_files(&message) {
                self.post(request, &message).await
            } else {
                self.post_parts(request, &message).await
            }
        };
        self.once(request, &key, &fingerprint).run_at(request, time, work).await
    }

    /// Posts a choice, unless the caller's id was posted before, whatever key the request has.
    pub(crate) async fn post_response(
        &self,
        request: &SenderRequest,
        mut response: InboundResponse,
    ) -> Result<Reply, Problem> {
        let (time, fingerprint) = (response.origin.time, response.fingerprint());
        let key = self.key(request, "response", &response.origin.message_id);
        let work = async |time| {
            response.origin.time = time;
            let response = &response;
            let posting = request.call(|current| async move {
                self.platforms.post_inbound_response(&current.platform, response, request.deadline).await
            });
            reply(request, &response.origin.message_id, posting.await)
        };
        self.once(request, &key, &fingerprint).run_at(request, time, work).await
    }

    pub(crate) async fn post_typing(&self, request: &SenderRequest, typing: InboundTyping) -> Result<Reply, Problem> {
        let typing = &typing;
        let posting = request.call(|current| async move {
            self.platforms.post_inbound_typing(&current.platform, typing, request.deadline).await
        });
        posting.await?;
        Ok(Reply::ok(json!({ "outcome": "posted" })))
    }

    async fn post(&self, request: &SenderRequest, message: &InboundMessage) -> Result<Reply, Problem> {
        let posting = request.call(|current| async move {
            self.platforms.post_inbound_message(&current.platform, message, request.deadline).await
        });
        reply(request, &message.origin.message_id, posting.await)
    }

    /// Posts a message for each file, in order, each once: a repeat posts what is missing.
    async fn post_parts(&self, request: &SenderRequest, message: &InboundMessage) -> Result<Reply, Problem> {
        let parts = message.parts();
        let mut posted = Vec::new();
        for (part, number) in parts.iter().zip(1..) {
            if !posted.is_empty() && request.deadline.saturating_duration_since(Instant::now()) < TIME_FOR_ONE {
                let detail = "There is no time left for all files. A repeat posts those that are missing.";
                return Err(partly(Problem::unavailable(detail), posted.len(), parts.len()));
            }
            let key = self.key(request, &format!("message-part-{number}"), &message.origin.message_id);
            let fingerprint = part.fingerprint();
            let replying = self.once(request, &key, &fingerprint).run(request, self.post(request, part));
            let body = replying.await.and_then(|reply| match reply.status.is_success() {
                true => Ok(reply.body),
                false => Err(Problem::new(ProblemType::OutcomeUnknown, request.unknown_outcome())),
            });
            posted.push(body.map_err(|problem| partly(problem, posted.len(), parts.len()))?);
        }
        let mut posted = posted.into_iter();
        let mut first = posted.next().unwrap_or_default();
        if let Value::Object(first) = &mut first {
            first.insert("furtherMessages".to_owned(), posted.collect());
        }
        Ok(Reply::ok(first))
    }

    fn key(&self, request: &SenderRequest, kind: &str, message_id: &str) -> String {
        ledger::key::inbound(&request.integration.name, &request.caller, kind, message_id)
    }

    fn once<'o>(&'o self, request: &SenderRequest, key: &'o str, fingerprint: &'o Identity) -> Once<'o> {
        let (repeats, keeps) = (request.repeats, Keeps::Success);
        Once { ledger: &self.ledger, key, fingerprint: Some(fingerprint), repeats, keeps }
    }
}

fn reply(request: &SenderRequest, message_id: &str, posted: Result<Posted, ApiError>) -> Result<Reply, Problem> {
    match posted {
        Ok(posted) => Ok(Reply::ok(serde_json::to_value(Answer { message_id, posted }).unwrap_or_default())),
        Err(error @ ApiError::Unknown { .. }) => {
            Err(Problem { detail: request.unknown_outcome().to_owned(), ..error.into() })
        }
        Err(error) => Err(error.into()),
    }
}

/// A problem with one of several messages, with how many were posted before it.
fn partly(problem: Problem, posted: usize, all: usize) -> Problem {
    let detail = format!("{} {posted} of {all} messages are posted.", problem.detail);
    Problem { detail, ..problem }
}
