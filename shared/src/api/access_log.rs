//! How a request ended: one line of the log, and the metrics.

use super::Reply;
use crate::api::problem::{Problem, ProblemType};
use crate::api::request::Incoming;
use crate::model::integration_name::IntegrationName;
use crate::model::trace_id::TraceId;
use crate::observability::metrics::Event;
use crate::platform::genesys_cloud::api::ConversationId;
use crate::platform::{PlatformName, Route, is_code};
use serde_json::Value;
use tokio::time::Instant;

/// A request as its line names it. Of what the caller makes up only ids are named, and only if they look like ids.
#[derive(Debug)]
pub(super) struct Told {
    request_id: String,
    route: Option<Route>,
    integration: Option<IntegrationName>,
    trace_id: Option<TraceId>,
    came_at: Instant,
    /// The conversation that an authenticated caller named in the path, in the form that the route takes.
    pub(super) conversation_id: Option<ConversationId>,
    /// Who called, once that is known.
    pub(super) caller: Option<String>,
    /// The `webhook-id` that the caller signed.
    pub(super) signed_id: Option<String>,
    /// That the caller used a secret that is being rotated out.
    pub(super) secret: Option<&'static str>,
    /// The integration's platform.
    pub(super) platform: Option<PlatformName>,
    /// What the platform called its part of the work.
    pub(super) correlation_id: Option<String>,
}

/// Writes the line of a request: what every one names, and what only this end knows. A macro, because the level of an
/// event is a constant.
macro_rules! tell {
    ($told:expr, $level:ident, $($end:tt)+) => {
        tracing::$level!(
            request_id = $told.request_id,
            route = $told.route.map(Route::as_str),
            integration = $told.integration.as_ref().map(IntegrationName::as_str),
            platform = $told.platform.map(PlatformName::as_str),
            caller = $told.caller,
            secret = $told.secret,
            trace_id = $told.trace_id.as_ref().map(TraceId::as_str),
            caller_webhook_id = $told.signed_id.as_deref().filter(|id| is_webhook_id(id)),
            milliseconds = $told.came_at.elapsed().as_millis() as u64,
            $($end)+
        )
    };
}

impl Told {
    pub(super) fn new(incoming: &Incoming, route: Option<Route>) -> Self {
        Self {
            request_id: incoming.request_id.clone(),
            route,
            // A name that does not parse may hold anything, so it is not logged.
            integration: incoming.path.parameter("integration").parse().ok(),
            trace_id: TraceId::of(&incoming.headers),
            came_at: incoming.came_at,
            conversation_id: None,
            caller: None,
            signed_id: None,
            secret: None,
            platform: None,
            correlation_id: None,
        }
    }

    /// It was answered.
    pub(super) fn answered(&self, reply: &Reply) {
        if !reply.replayed && !reply.status.is_success() {
            // It had no better answer the first time.
            return self.refused(&Problem::new(ProblemType::OutcomeUnknown, "The outcome is still unknown."));
        }
        if let Some(name) = &self.integration {
            let event = if reply.replayed { Event::Duplicate(name) } else { Event::Accepted(name) };
            event.write();
        }
        let id = |name: &str| reply.body.get(name).and_then(Value::as_str).and_then(like_an_id);
        tell!(
            self,
            info,
            outcome = "answered",
            status = reply.status.as_u16(),
            replayed = reply.replayed,
            message_id = id("id").or_else(|| id("messageId")),
            conversation_id =
                id("conversationId").or_else(|| self.conversation_id.as_ref().map(|id| id.as_str().to_owned())),
            webhook_id = reply.webhook_id,
            correlation_id = self.correlation_id
        );
    }

    /// It was refused.
    pub(super) fn refused(&self, problem: &Problem) {
        Event::Refused(problem.problem_type).write();
        let words = problem.platform.as_deref();
        tell!(
            self,
            warn,
            outcome = "refused",
            reason = problem.problem_type.as_str(),
            status = problem.status().as_u16(),
            conversation_id = self.conversation_id.as_ref().map(ConversationId::as_str),
            code = words.and_then(|words| words.code.as_deref()),
            correlation_id = words.and_then(|words| words.correlation_id.as_ref()).or(self.correlation_id.as_ref())
        );
    }
}

/// An id that may stand in the log.
fn like_an_id(text: &str) -> Option<String> {
    is_code(text).then(|| text.to_owned())
}

/// Whether this is the sort of id that the senders of Standard Webhooks make, and not a name or a number: a UUID, or 20 to
/// 64 letters and digits, some of each, behind a word such as `msg_` or nothing.
fn is_webhook_id(id: &str) -> bool {
    let (word, rest) = id.split_once('_').unwrap_or(("", id));
    let has = |of: fn(&u8) -> bool| rest.as_bytes().iter().any(of);
    word.len() <= 8
        && word.bytes().all(|byte| byte.is_ascii_lowercase())
        && (uuid::Uuid::try_parse(rest).is_ok()
            || ((20..=64).contains(&rest.len())
                && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && has(u8::is_ascii_digit)
                && has(u8::is_ascii_alphabetic)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_id_is_told_where_it_can_be_no_more_than_an_id() {
        for good in [
            "msg_2KWPBgLlAfxdpX2AI54pPJ85f4W",
            "msg_05bb858a34684c82a8ce3b1a9c4e4b67",
            "05bb858a-3468-4c82-a8ce-3b1a9c4e4b67",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        ] {
            assert!(is_webhook_id(good), "{good}");
        }
        for bad in [
            "",
            "1",
            "order-4711",
            "+49 170 1234567",
            "00491701234567890123456",
            "msg_00491701234567890123456",
            "jane.doe@example.com",
            "a sentence that a customer has written 1",
            "Msg_2KWPBgLlAfxdpX2AI54pPJ85f4W",
        ] {
            assert!(!is_webhook_id(bad), "{bad}");
        }
    }
}
