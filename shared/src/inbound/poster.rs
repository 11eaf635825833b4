//! Posts customers' messages, choices and typing to the platform, each message and choice once.

use super::files::FileUploader;
use super::request::InboundRequest;
use crate::api::problem::{Effect, Problem, ProblemType};
use crate::api::{IdempotentOperation, KeyKind, OperationError, ReplayPolicy, Reply, RequestContext, RetrySafety};
use crate::digest::Digest;
use crate::ledger::{self, ConversationIndex, Lease, Ledger, Occurrence};
use crate::model::conversation::CustomerAddress;
use crate::model::inbound::{InboundMessage, InboundResponse, InboundTyping};
use crate::model::trace_id::TraceId;
use crate::platform::Platforms;
use crate::platform::{ApiError, InboundAccepted};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Debug)]
pub struct InboundPoster {
    conversations: ConversationIndex,
    ledger: Ledger,
    platforms: Arc<Platforms>,
    files: FileUploader,
}

/// The response: the messaging service's id and the platform's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'p> {
    message_id: &'p str,
    #[serde(flatten)]
    posted: InboundAccepted,
}

impl InboundPoster {
    #[must_use]
    pub fn new(ledger: Ledger, platforms: Arc<Platforms>, files: FileUploader) -> Self {
        Self { conversations: ConversationIndex::from_env(&ledger), ledger, platforms, files }
    }

    /// Posts what a customer did. A message or a choice is posted once under its id, whatever idempotency key the request has.
    ///
    /// # Errors
    /// It cannot be posted, was not, or may have been.
    pub async fn post(&self, context: &RequestContext, request: InboundRequest) -> Result<Reply, Problem> {
        request.check(context.integration.platform.name())?;
        match request {
            InboundRequest::Message(message) => self.post_message(context, *message).await,
            InboundRequest::Response(response) => self.post_response(context, *response).await,
            InboundRequest::Typing(typing) => self.post_typing(context, &typing).await,
        }
    }

    async fn post_message(&self, context: &RequestContext, message: InboundMessage) -> Result<Reply, Problem> {
        // One trace for the upload of the files and the message.
        let trace_id = context.trace_id.clone().unwrap_or_else(TraceId::random);
        let message = InboundMessage { trace_id: Some(trace_id), ..message };
        let (time, fingerprint) = (message.meta.time, message.fingerprint());
        let key = self.key(context, "message", &message.meta.message_id);
        let is_one = context.integration.platform.name().supports_several_files(&message);
        let mut parts = if is_one { vec![message] } else { message.parts() };
        // Each part has a key of its own, so that an interrupted attempt is continued where it stopped.
        let retry_safety = if parts.len() > 1 { RetrySafety::Idempotent } else { context.retry_safety };
        // The platform may have the first part under the caller's own id. Files after the first may change until they are posted.
        let first = parts.first().map(InboundMessage::fingerprint);
        let occurrence = Occurrence { time, content: Some(first.as_ref().unwrap_or(&fingerprint).as_str()) };
        let work = async |lease: &Lease| {
            let time = lease.event_time().unwrap_or(time);
            parts.iter_mut().for_each(|part| part.meta.time = time);
            match parts.as_slice() {
                [message] if context.retry_safety == RetrySafety::Idempotent => {
                    Ok(self.post_whole(context, message).await?)
                }
                // An earlier attempt under this id may have had more files, of which the first was posted.
                parts => self.post_parts(context, parts).await,
            }
        };
        let operation = IdempotentOperation { retry_safety, ..self.operation(context, &key, &fingerprint) };
        operation.execute_at(context, occurrence, work).await
    }

    async fn post_response(&self, context: &RequestContext, mut response: InboundResponse) -> Result<Reply, Problem> {
        let (time, fingerprint) = (response.meta.time, response.fingerprint());
        let key = self.key(context, "response", &response.meta.message_id);
        let work = async |lease: &Lease| {
            response.meta.time = lease.event_time().unwrap_or(time);
            let response = &response;
            let posting = context.call(|current| async move {
                self.platforms.post_inbound_response(&current.platform, response, context.deadline).await
            });
            Ok(reply(context, &response.meta.message_id, posting.await)?)
        };
        let occurrence = Occurrence { time, content: Some(fingerprint.as_str()) };
        self.operation(context, &key, &fingerprint).execute_at(context, occurrence, work).await
    }

    async fn post_typing(&self, context: &RequestContext, typing: &InboundTyping) -> Result<Reply, Problem> {
        let posting = context.call(|current| async move {
            self.platforms.post_inbound_typing(&current.platform, typing, context.deadline).await
        });
        posting.await?;
        Ok(Reply::ok(json!({ "outcome": "posted" })))
    }

    async fn post_whole(&self, context: &RequestContext, message: &InboundMessage) -> Result<Reply, Problem> {
        let message = &*self.files.upload_files(&self.platforms, context, message).await?;
        let posting = context.call(|current| async move {
            self.platforms.post_inbound_message(&current.platform, message, context.deadline).await
        });
        let posted = posting.await;
        let conversation_id = posted.as_ref().ok().and_then(|posted| posted.conversation_id.as_deref());
        let customer = &message.meta.from;
        let address = || Some(CustomerAddress { id: customer.id.clone(), id_type: Some(customer.id_type.clone()) });
        self.conversations.learn(conversation_id, &context.integration, context.deadline, address).await;
        reply(context, &message.meta.message_id, posted)
    }

    /// Posts a message for each file, in order, each once: a retry posts the missing ones.
    async fn post_parts(&self, context: &RequestContext, parts: &[InboundMessage]) -> Result<Reply, OperationError> {
        let Some(first) = parts.first() else { return Ok(Reply::ok(Value::Null)) };
        let mut posted = Vec::new();
        for (part, number) in parts.iter().zip(1..) {
            let part_failed = |problem| part_failed(context, problem, number, parts.len());
            if number > 1 && !context.has_time_for_one_more() {
                let explanation = "There was no time left for all files. A retry posts the missing ones.";
                return Err(part_failed(Problem::unavailable(explanation)));
            }
            let key = self.key(context, &format!("message-part-{number}"), &first.meta.message_id);
            let fingerprint = part.fingerprint();
            let reply =
                self.operation(context, &key, &fingerprint).execute(context, self.post_whole(context, part)).await;
            let reply = reply.map_err(part_failed)?;
            if !reply.status.is_success() {
                return Err(part_failed(context.outcome_unknown()));
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

    fn key(&self, context: &RequestContext, kind: &str, message_id: &str) -> String {
        ledger::key::inbound(&context.integration.name, &context.caller, kind, message_id)
    }

    fn operation<'o>(
        &'o self,
        context: &RequestContext,
        key: &'o str,
        fingerprint: &'o Digest,
    ) -> IdempotentOperation<'o> {
        IdempotentOperation {
            ledger: &self.ledger,
            key,
            key_kind: KeyKind::MessageId,
            fingerprint: Some(fingerprint),
            retry_safety: context.retry_safety,
            replay_policy: ReplayPolicy::SuccessOnly,
        }
    }
}

fn reply(
    context: &RequestContext,
    message_id: &str,
    posted: Result<InboundAccepted, ApiError>,
) -> Result<Reply, Problem> {
    match posted {
        Ok(posted) => Ok(Reply::ok(serde_json::to_value(Response { message_id, posted }).unwrap_or_default())),
        Err(error @ ApiError::OutcomeUnknown { .. }) => {
            Err(Problem { explanation: context.outcome_unknown().explanation, ..error.into() })
        }
        Err(error) => Err(error.into()),
    }
}

/// The parts before number `number` are posted, in this attempt or an earlier one.
fn part_failed(context: &RequestContext, problem: Problem, number: usize, total: usize) -> OperationError {
    let posted = number.saturating_sub(1);
    let may_be_accepted =
        posted > 0 || matches!(problem.problem_type, ProblemType::OutcomeUnknown | ProblemType::IdempotencyKeyReused);
    let effect = Some(Effect::PartlyPosted { posted, total });
    let problem = match problem.problem_type {
        _ if total < 2 => problem,
        ProblemType::OutcomeUnknown if context.retry_safety == RetrySafety::NotIdempotent => {
            Problem { explanation: unknown_part(number, total), effect, ..problem }
        }
        // It is not known which of the files of this request were posted.
        ProblemType::IdempotencyKeyReused => problem,
        _ if posted == 0 => problem,
        _ => Problem { effect, ..problem },
    };
    OperationError { problem, may_be_accepted }
}

/// What the caller can do if the outcome of one of several messages is unknown, so that nothing reaches the agent twice.
fn unknown_part(number: usize, total: usize) -> String {
    let from = |number: usize| match number {
        1 => "all of it".to_owned(),
        _ if number == total => format!("only file {number}"),
        _ => format!("only the files from number {number} on"),
    };
    let otherwise =
        if number < total { format!("; if it has, {}", from(number.saturating_add(1))) } else { String::new() };
    format!(
        "The platform may have message {number} of {total}. Patchbay does not post it again under this messageId, whatever the \
         idempotency key. Check whether the platform has it; if not, send {} under a new messageId{otherwise}.",
        from(number)
    )
}
