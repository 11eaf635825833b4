//! Posts what customers do to the platforms, each thing once.

use serde::Serialize;
use serde_json::{Value, json};
use shared::api::problem::{Problem, ProblemType};
use shared::api::{Keeps, NotDone, Once, Repeats, Reply, SenderRequest};
use shared::digest::Digest;
use shared::ledger::{self, Ledger, Occurrence};
use shared::model::inbound::{InboundMessage, InboundResponse, InboundTyping};
use shared::platform::Platforms;
use shared::platform::{ApiError, InboundAccepted};

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
    posted: InboundAccepted,
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
        let message = InboundMessage { trace_id: request.trace_id.clone(), ..message };
        let (time, fingerprint) = (message.meta.time, message.fingerprint());
        let key = self.key(request, "message", &message.meta.message_id);
        let is_one = request.integration.platform.name().takes_several_files(&message);
        let mut parts = if is_one { vec![message] } else { message.parts() };
        // Each part has a key of its own, so that a process that was cut off is continued where it stopped.
        let repeats = if parts.len() > 1 { Repeats::Harmless } else { request.repeats };
        // What a platform may have under the caller's own id. Files behind the first may change as long as they are not posted.
        let first = parts.first().map(InboundMessage::fingerprint);
        let occurrence = Occurrence { time, content: first.as_ref().unwrap_or(&fingerprint).as_str() };
        let work = async |time| {
            parts.iter_mut().for_each(|part| part.meta.time = time);
            match parts.as_slice() {
                [message] if request.repeats == Repeats::Harmless => Ok(self.post(request, message).await?),
                // The caller may have sent more files under this id before, of which the first was posted.
                parts => self.post_parts(request, parts).await,
            }
        };
        let once = Once { repeats, ..self.once(request, &key, &fingerprint) };
        once.run_at(request, occurrence, work).await.map_err(id_reused)
    }

    /// Posts a choice, unless the caller's id was posted before, whatever key the request has.
    pub(crate) async fn post_response(
        &self,
        request: &SenderRequest,
        mut response: InboundResponse,
    ) -> Result<Reply, Problem> {
        let (time, fingerprint) = (response.meta.time, response.fingerprint());
        let key = self.key(request, "response", &response.meta.message_id);
        let work = async |time| {
            response.meta.time = time;
            let response = &response;
            let posting = request.call(|current| async move {
                self.platforms.post_inbound_response(&current.platform, response, request.deadline).await
            });
            Ok(reply(request, &response.meta.message_id, posting.await)?)
        };
        let occurrence = Occurrence { time, content: fingerprint.as_str() };
        self.once(request, &key, &fingerprint).run_at(request, occurrence, work).await.map_err(id_reused)
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
        reply(request, &message.meta.message_id, posting.await)
    }

    /// Posts a message for each file, in order, each once: a repeat posts what is missing.
    async fn post_parts(&self, request: &SenderRequest, parts: &[InboundMessage]) -> Result<Reply, NotDone> {
        let Some(first) = parts.first() else { return Ok(Reply::ok(Value::Null)) };
        let mut posted = Vec::new();
        for (part, number) in parts.iter().zip(1..) {
            let not_done = |problem| not_done(request, problem, number, parts.len());
            if number > 1 && !request.has_time_for_one_more() {
                let detail = "There is no time left for all files. A repeat posts those that are missing.";
                return Err(not_done(Problem::unavailable(detail)));
            }
            let key = self.key(request, &format!("message-part-{number}"), &first.meta.message_id);
            let fingerprint = part.fingerprint();
            let reply = self.once(request, &key, &fingerprint).run(request, self.post(request, part)).await;
            let reply = reply.map_err(not_done)?;
            if !reply.status.is_success() {
                return Err(not_done(Problem::new(ProblemType::OutcomeUnknown, request.unknown_outcome())));
            }
            posted.push(reply.body);
        }
        let mut posted = posted.into_iter();
        let mut first = posted.next().unwrap_or_default();
        if let Value::Object(first) = &mut first
            && posted.len() > 0
        {
            first.insert("furtherMessages".to_owned(), posted.collect());
        }
        Ok(Reply::ok(first))
    }

    fn key(&self, request: &SenderRequest, kind: &str, message_id: &str) -> String {
        ledger::key::inbound(&request.integration.name, &request.caller, kind, message_id)
    }

    fn once<'o>(&'o self, request: &SenderRequest, key: &'o str, fingerprint: &'o Digest) -> Once<'o> {
        let (repeats, keeps) = (request.repeats, Keeps::Success);
        Once { ledger: &self.ledger, key, fingerprint: Some(fingerprint), repeats, keeps }
    }
}

fn reply(
    request: &SenderRequest,
    message_id: &str,
    posted: Result<InboundAccepted, ApiError>,
) -> Result<Reply, Problem> {
    match posted {
        Ok(posted) => Ok(Reply::ok(serde_json::to_value(Answer { message_id, posted }).unwrap_or_default())),
        Err(error @ ApiError::OutcomeUnknown { .. }) => {
            Err(Problem { detail: request.unknown_outcome().to_owned(), ..error.into() })
        }
        Err(error) => Err(error.into()),
    }
}

/// The advice where a `messageId` came with other content: a new one for all of it could reach the agent twice.
fn id_reused(problem: Problem) -> Problem {
    if problem.problem_type != ProblemType::IdempotencyKeyReused {
        return problem;
    }
    let detail = "This messageId came with other content before, which the platform has or may have. Send other content under a \
                  new messageId; of several files, repeat the same ones up to the last that is posted, or send only the missing \
                  ones under a new messageId.";
    Problem { detail: detail.to_owned(), ..problem }
}

/// A problem with the part of this number. The parts before it are posted, or were before.
fn not_done(request: &SenderRequest, problem: Problem, number: usize, all: usize) -> NotDone {
    let posted = number.saturating_sub(1);
    let may_be_accepted =
        posted > 0 || matches!(problem.problem_type, ProblemType::OutcomeUnknown | ProblemType::IdempotencyKeyReused);
    let detail = match problem.problem_type {
        _ if all < 2 => problem.detail,
        ProblemType::OutcomeUnknown if request.repeats == Repeats::Never => {
            format!("{} {posted} of {all} messages are posted.", unknown_part(number, all))
        }
        // With other files, or in another order, it cannot be told which of them are posted.
        ProblemType::IdempotencyKeyReused => problem.detail,
        _ if posted == 0 => problem.detail,
        // Earlier ones were.
        _ => format!("{} {posted} of {all} messages are posted.", problem.detail.replace(" Nothing was sent.", "")),
    };
    NotDone { problem: Problem { detail, ..problem }, may_be_accepted }
}

/// What the caller can do where the outcome of one of several messages is unknown, without anything reaching the agent twice.
fn unknown_part(number: usize, all: usize) -> String {
    let from = |number: usize| match number {
        1 => "all of it".to_owned(),
        _ if number == all => format!("only file {number}"),
        _ => format!("only the files from number {number} on"),
    };
    let otherwise =
        if number < all { format!("; if it has, {}", from(number.saturating_add(1))) } else { String::new() };
    format!(
        "The platform may have message {number} of {all}. It is not posted again under this messageId, whatever the key. Look \
         whether the platform has it; if not, send {} under a new messageId{otherwise}.",
        from(number)
    )
}
