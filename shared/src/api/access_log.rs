//! The access log: one line for each request, with its metrics.

use crate::api::auth::AuthenticatedCaller;
use crate::api::problem::{Problem, ProblemType};
use crate::api::request::ApiRequest;
use crate::api::response::Reply;
use crate::model::agent::ConversationId;
use crate::model::integration_name::IntegrationName;
use crate::model::trace_id::TraceId;
use crate::observability::calls::PlatformCalls;
use crate::observability::emf::Emf;
use crate::observability::logging::set_correlation_id;
use crate::observability::metrics::Event;
use crate::platform::{PlatformName, Route, is_safe_code};
use serde_json::Value;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Span, error_span};

/// The log of one request. Its span has the fields of all lines about the request. Of the caller's texts it has only ids,
/// and only those that look like ids.
#[derive(Debug)]
pub(super) struct RequestLog {
    pub(super) span: Span,
    integration: Option<IntegrationName>,
    received_at: Instant,
    /// That the caller used an old secret. Only on the last line: `integration rotate` counts the lines that have it.
    secret: Option<&'static str>,
    /// From the path of an authenticated request, if the route has one.
    pub(super) conversation_id: Option<ConversationId>,
    /// What the request called on the platform.
    pub(super) calls: PlatformCalls,
}

impl RequestLog {
    pub(super) fn new(request: &ApiRequest, route: Option<Route>) -> Self {
        // An invalid name may be any text, so it is not logged.
        let integration = request.integration_name().ok();
        let span = error_span!(
            "request",
            request_id = request.request_id,
            route = route.map(Route::as_str),
            integration = integration.as_ref().map(IntegrationName::as_str),
            trace_id = TraceId::from_headers(&request.headers).as_ref().map(TraceId::as_str),
            platform = Empty,
            caller = Empty,
            caller_webhook_id = Empty,
            correlation_id = Empty,
        );
        Self {
            span,
            integration,
            received_at: request.received_at,
            secret: None,
            conversation_id: None,
            calls: PlatformCalls::default(),
        }
    }

    pub(super) fn set_platform(&self, platform: PlatformName) {
        self.span.record("platform", platform.as_str());
    }

    pub(super) fn set_caller(&mut self, caller: &AuthenticatedCaller) {
        self.span.record("caller", &caller.name);
        self.secret = caller.secret.for_log();
        self.span.record("caller_webhook_id", caller.webhook_id.as_deref().filter(|id| is_webhook_id(id)));
    }

    fn milliseconds(&self) -> u64 {
        self.received_at.elapsed().as_millis() as u64
    }

    pub(super) fn log_reply(&self, reply: &Reply) {
        if !reply.replayed && !reply.status.is_success() {
            // The stored response of an operation with unknown outcome.
            return self.log_problem(&Problem::new(ProblemType::OutcomeUnknown, "The outcome is still unknown."));
        }
        let event = self.integration.as_ref().map(if reply.replayed { Event::Duplicate } else { Event::Accepted });
        let id = |name: &str| reply.body.get(name).and_then(Value::as_str).filter(|id| is_safe_code(id));
        let conversation_id =
            id("conversationId").or_else(|| self.conversation_id.as_ref().map(ConversationId::as_str));
        let _entered = self.span.enter();
        tracing::info!(
            emf = %Emf::of(event.into_iter().chain(self.calls.events())),
            outcome = "answered",
            status = reply.status.as_u16(),
            replayed = reply.replayed,
            message_id = id("id").or_else(|| id("messageId")),
            conversation_id,
            webhook_id = reply.webhook_id,
            secret = self.secret,
            platform_milliseconds = self.calls.milliseconds(),
            milliseconds = self.milliseconds(),
        );
    }

    pub(super) fn log_problem(&self, problem: &Problem) {
        let event = Event::Refused(problem.problem_type.as_str());
        let platform = problem.platform.as_deref();
        let _entered = self.span.enter();
        if let Some(id) = platform.and_then(|error| error.correlation_id.as_deref()) {
            set_correlation_id(id);
        }
        tracing::warn!(
            emf = %Emf::of([event].into_iter().chain(self.calls.events())),
            outcome = "refused",
            reason = problem.problem_type.as_str(),
            detail = access_detail(problem),
            status = problem.status().as_u16(),
            conversation_id = self.conversation_id.as_ref().map(ConversationId::as_str),
            code = platform.and_then(|error| error.code.as_deref()),
            secret = self.secret,
            platform_milliseconds = self.calls.milliseconds(),
            milliseconds = self.milliseconds(),
        );
    }
}

/// Why a caller was not let in: our own sentence, without anything from the request. Other details may quote it.
fn access_detail(problem: &Problem) -> Option<String> {
    let is_access = matches!(problem.problem_type, ProblemType::Unauthenticated | ProblemType::RouteNotAllowed);
    is_access.then(|| problem.detail())
}

/// Whether this is an id as senders of Standard Webhooks generate it, and not a name or a number: a UUID, or 20 to 64
/// letters and digits, some of each, after an optional prefix such as `msg_`.
fn is_webhook_id(id: &str) -> bool {
    let (prefix, rest) = id.split_once('_').unwrap_or(("", id));
    let has = |of: fn(&u8) -> bool| rest.as_bytes().iter().any(of);
    prefix.len() <= 8
        && prefix.bytes().all(|byte| byte.is_ascii_lowercase())
        && (uuid::Uuid::try_parse(rest).is_ok()
            || ((20..=64).contains(&rest.len())
                && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && has(u8::is_ascii_digit)
                && has(u8::is_ascii_alphabetic)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::fields::FieldError;

    #[test]
    fn only_the_detail_of_a_refused_caller_is_logged() {
        let unauthenticated = Problem::new(ProblemType::Unauthenticated, "The bearer token is unknown.");
        assert_eq!(Some("The bearer token is unknown."), access_detail(&unauthenticated).as_deref());
        let not_allowed = Problem::route_not_allowed(vec![Route::Receipts]);
        assert_eq!(Some("The caller may use receipts only."), access_detail(&not_allowed).as_deref());
        let from_outside = Problem::invalid_body(vec![FieldError::new("/text-of-a-customer", "is unknown")]);
        assert_eq!(None, access_detail(&from_outside));
    }

    #[test]
    fn only_a_generated_webhook_id_is_logged() {
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
