//! Errors as HTTP answers: problem details (RFC 9457).

use crate::fields::Fault;
use http::{Response, StatusCode, header};
use serde::Serialize;
use std::time::Duration;

/// What went wrong, as the caller sees it. It never says more than the caller may know; the cause goes into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemType {
    /// The URL names no integration that is configured.
    IntegrationNotFound,
    /// The body is larger than the route takes.
    BodyTooLarge,
    /// The signature is missing, malformed or wrong.
    InvalidSignature,
    /// The body cannot be read.
    InvalidBody,
    /// The body is genuine and belongs to another integration.
    WrongIntegration,
    /// Something that we need is out of reach; nothing was lost and the request may be repeated.
    Unavailable,
}

impl ProblemType {
    /// The last part of the problem's `type`; also the reason in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IntegrationNotFound => "integration-not-found",
            Self::BodyTooLarge => "body-too-large",
            Self::InvalidSignature => "invalid-signature",
            Self::InvalidBody => "invalid-body",
            Self::WrongIntegration => "wrong-integration",
            Self::Unavailable => "unavailable",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::IntegrationNotFound => "No such integration",
            Self::BodyTooLarge => "The body is too large",
            Self::InvalidSignature => "The signature was not accepted",
            Self::InvalidBody => "The body cannot be read",
            Self::WrongIntegration => "The message belongs to another integration",
            Self::Unavailable => "Temporarily unavailable",
        }
    }

    /// The answer's status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::IntegrationNotFound => StatusCode::NOT_FOUND,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::InvalidSignature => StatusCode::UNAUTHORIZED,
            Self::InvalidBody => StatusCode::BAD_REQUEST,
            Self::WrongIntegration => StatusCode::FORBIDDEN,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// One error answer.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What went wrong.
    pub problem_type: ProblemType,
    /// What exactly, in a sentence.
    pub detail: String,
    /// The fields that are wrong.
    pub errors: Vec<Fault>,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct Body<'p> {
    r#type: String,
    title: &'p str,
    status: u16,
    detail: &'p str,
    instance: String,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'p [Fault],
}

impl Problem {
    /// A problem with nothing to add but a sentence.
    #[must_use]
    pub fn new(problem_type: ProblemType, detail: impl Into<String>) -> Self {
        Self { problem_type, detail: detail.into(), errors: Vec::new(), retry_after: None }
    }

    /// The answer. `request_id` names this very occurrence, so that it can be found in the log.
    #[must_use]
    pub fn into_response(self, request_id: &str) -> Response<String> {
        let status = self.problem_type.status();
        let body = Body {
            r#type: format!("urn:patchbay:problem:{}", self.problem_type.as_str()),
            title: self.problem_type.title(),
            status: status.as_u16(),
            detail: &self.detail,
            instance: format!("urn:patchbay:request:{request_id}"),
            errors: &self.errors,
        };
        let mut response = Response::new(serde_json::to_string(&body).unwrap_or_default());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, wait.as_secs().max(1).into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_problem_answers_with_its_status_its_media_type_and_what_is_wrong() {
        let mut problem = Problem::new(ProblemType::InvalidBody, "One field is wrong.");
        problem.errors.push(Fault { pointer: "/type".to_owned(), detail: "is required".to_owned() });
        let response = problem.into_response("r-1");
        assert_eq!(StatusCode::BAD_REQUEST, response.status());
        assert_eq!("application/problem+json", response.headers()[header::CONTENT_TYPE]);
        assert_eq!(
            json!({
                "type": "urn:patchbay:problem:invalid-body",
                "title": "The body cannot be read",
                "status": 400,
                "detail": "One field is wrong.",
                "instance": "urn:patchbay:request:r-1",
                "errors": [{"pointer": "/type", "detail": "is required"}],
            }),
            serde_json::from_str::<Value>(response.body()).unwrap()
        );
    }

    #[test]
    fn retry_after_is_at_least_a_second() {
        let mut problem = Problem::new(ProblemType::Unavailable, "Later.");
        problem.retry_after = Some(Duration::from_millis(10));
        assert_eq!("1", problem.into_response("r-2").headers()[header::RETRY_AFTER]);
    }
}
