//! Error responses: problem details (RFC 9457).

mod from;
mod types;

use crate::json::fields::FieldError;
use crate::platform::{PlatformError, PlatformName, Route};
use http::{HeaderName, Response, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
pub use types::ProblemType;

/// The prefix of a problem's `type`; [`ProblemType::as_str`] is the rest.
pub const TYPE_PREFIX: &str = "urn:patchbay:problem:";

/// The media type of a problem. RFC 9457, section 3.
pub const MEDIA_TYPE: &str = "application/problem+json";

const MAX_ERRORS: usize = 100;

/// The default `Retry-After`.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The explanation of an unknown outcome, where the operation is not idempotent.
pub(super) const NOT_RETRIED: &str =
    "The platform may have processed the request. Patchbay does not send it again under the same key.";

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a failed request changed nevertheless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    NothingSent,
    PartlyPosted { posted: usize, total: usize },
}

#[derive(Debug, Clone)]
pub struct Problem {
    pub problem_type: ProblemType,
    /// What happened and what the caller can do, in sentences: the first part of the detail.
    pub explanation: String,
    /// The last sentence of the detail, where there is something to say.
    pub effect: Option<Effect>,
    pub errors: Vec<FieldError>,
    pub retry_after: Option<Duration>,
    pub platform: Option<Box<PlatformError>>,
    /// The status by which the sender knows that it is to retry, if it is not that of the type.
    pub retry_status: Option<StatusCode>,
}

#[derive(Serialize)]
struct Body<'p> {
    r#type: String,
    title: &'p str,
    status: u16,
    detail: String,
    instance: String,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'p [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<&'p PlatformError>,
}

impl Problem {
    #[must_use]
    pub fn new(problem_type: ProblemType, explanation: impl Into<String>) -> Self {
        let explanation = explanation.into();
        Self {
            problem_type,
            explanation,
            effect: None,
            errors: Vec::new(),
            retry_after: None,
            platform: None,
            retry_status: None,
        }
    }

    /// The request can be retried in a few seconds.
    #[must_use]
    pub fn unavailable(explanation: impl Into<String>) -> Self {
        Self { retry_after: Some(RETRY_AFTER), ..Self::new(ProblemType::Unavailable, explanation) }
    }

    #[must_use]
    pub fn nothing_sent(self) -> Self {
        Self { effect: Some(Effect::NothingSent), ..self }
    }

    /// The problem of a call that comes before anything is sent: if its outcome is unknown, it can be made again.
    #[must_use]
    pub fn before_sending(self, explanation: impl Into<String>) -> Self {
        match self.problem_type {
            ProblemType::OutcomeUnknown => {
                Self { platform: self.platform, ..Self::unavailable(explanation).nothing_sent() }
            }
            _ => self,
        }
    }

    /// The platform has no call for the route; its integrations have `routes`.
    #[must_use]
    pub fn not_supported(platform: PlatformName, routes: impl Iterator<Item = Route>) -> Self {
        let routes: Vec<_> = routes.map(Route::as_str).collect();
        let detail = format!("An integration of {} has the routes {}.", platform.as_str(), routes.join(", "));
        Self::new(ProblemType::NotSupported, detail)
    }

    /// The caller is restricted to these routes.
    #[must_use]
    pub fn route_not_allowed(allowed: Vec<Route>) -> Self {
        let routes: Vec<_> = allowed.into_iter().map(Route::as_str).collect();
        Self::new(ProblemType::RouteNotAllowed, format!("The caller may use {} only.", routes.join(", ")))
    }

    /// Names at most [`MAX_ERRORS`] fields.
    #[must_use]
    pub fn invalid_body(mut errors: Vec<FieldError>) -> Self {
        let explanation = match errors.as_slice() {
            [only] => as_sentence(&only.to_string()),
            all if all.len() > MAX_ERRORS => {
                format!("{} fields are invalid; `errors` has the first {MAX_ERRORS}.", all.len())
            }
            several => format!("{} fields are invalid.", several.len()),
        };
        errors.truncate(MAX_ERRORS);
        Self { errors, ..Self::new(ProblemType::InvalidBody, explanation) }
    }

    /// If the request can be retried, `status` says so to its sender.
    #[must_use]
    pub fn with_retry_status(self, status: StatusCode) -> Self {
        let retry_status = Some(status).filter(|_| self.problem_type == ProblemType::Unavailable);
        Self { retry_status, ..self }
    }

    /// The platform's own status if it refused the request.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        let of_platform = self.platform.as_ref().and_then(|error| StatusCode::from_u16(error.status).ok());
        match (self.problem_type, of_platform) {
            (ProblemType::PlatformRefused, Some(status)) if status.is_client_error() => status,
            _ => self.retry_status.unwrap_or_else(|| self.problem_type.status()),
        }
    }

    /// What happened, what the caller can do, and what the request changed nevertheless.
    #[must_use]
    pub fn detail(&self) -> String {
        let explanation = &self.explanation;
        match self.effect {
            None => explanation.clone(),
            Some(Effect::NothingSent) => format!("{explanation} Nothing was sent."),
            Some(Effect::PartlyPosted { posted, total }) => {
                format!("{explanation} {posted} of {total} messages were posted.")
            }
        }
    }

    /// The body. `request_id` names this occurrence, so that it can be found in the log.
    #[must_use]
    pub fn body(&self, request_id: &str) -> Value {
        serde_json::to_value(Body {
            r#type: format!("{TYPE_PREFIX}{}", self.problem_type.as_str()),
            title: self.problem_type.title(),
            status: self.status().as_u16(),
            detail: self.detail(),
            instance: format!("urn:patchbay:request:{request_id}"),
            errors: &self.errors,
            platform: self.platform.as_deref(),
        })
        .unwrap_or_default()
    }

    /// The platform's message may quote what was sent.
    #[must_use]
    pub fn without_platform_message(&self) -> Self {
        let platform = self.platform.clone().map(|error| Box::new(PlatformError { message: None, ..*error }));
        Self { platform, ..self.clone() }
    }

    #[must_use]
    pub fn into_response(self, request_id: &str) -> Response<String> {
        let mut response = json_response(self.status(), MEDIA_TYPE, &self.body(request_id));
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, ceil_seconds(wait).into());
        }
        if self.problem_type == ProblemType::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer"));
        }
        with_request_id(response, request_id)
    }
}

#[must_use]
pub fn json_response(status: StatusCode, media_type: &'static str, body: &Value) -> Response<String> {
    let mut response = Response::new(body.to_string());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(media_type));
    response
}

/// Adds the id by which the request is found in the log.
#[must_use]
pub fn with_request_id<B>(mut response: Response<B>, request_id: &str) -> Response<B> {
    if let Ok(id) = http::HeaderValue::from_str(request_id) {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    response
}

/// Capitalizes the clause and adds a full stop.
#[must_use]
pub fn as_sentence(clause: &str) -> String {
    let mut characters = clause.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}

/// Rounded up, and at least one: the caller must not retry too early.
fn ceil_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integration::LoadError;
    use crate::platform::ApiError;
    use serde_json::json;

    #[test]
    fn a_problem_has_its_status_its_media_type_and_the_invalid_fields() {
        let fault = FieldError::new("/type", "is required");
        let response = Problem::invalid_body(vec![fault]).into_response("r-1");
        assert_eq!(StatusCode::BAD_REQUEST, response.status());
        assert_eq!("application/problem+json", response.headers()[header::CONTENT_TYPE]);
        assert_eq!("r-1", response.headers()[X_REQUEST_ID]);
        assert_eq!(
            json!({
                "type": "urn:patchbay:problem:invalid-body",
                "title": "Invalid request body",
                "status": 400,
                "detail": "/type is required.",
                "instance": "urn:patchbay:request:r-1",
                "errors": [{"pointer": "/type", "detail": "is required"}],
            }),
            serde_json::from_str::<Value>(response.body()).unwrap()
        );
    }

    #[test]
    fn of_many_invalid_fields_a_problem_names_the_first_hundred() {
        let faults = |count| vec![FieldError::new("/a", "is wrong"); count];
        let problem = Problem::invalid_body(faults(20_000));
        assert_eq!(
            (100, "20000 fields are invalid; `errors` has the first 100."),
            (problem.errors.len(), problem.explanation.as_str())
        );
        assert_eq!("100 fields are invalid.", Problem::invalid_body(faults(100)).detail());
    }

    #[test]
    fn a_detail_ends_with_what_the_request_changed() {
        let problem = Problem::unavailable("Later.");
        assert_eq!("Later.", problem.detail());
        let partly = Effect::PartlyPosted { posted: 1, total: 3 };
        let problem = problem.nothing_sent();
        assert_eq!("Later. Nothing was sent.", problem.detail());
        assert_eq!("Later. 1 of 3 messages were posted.", Problem { effect: Some(partly), ..problem }.detail());
    }

    #[test]
    fn retry_after_is_whole_seconds_and_at_least_one() {
        for (wait, seconds) in [(10, "1"), (1000, "1"), (1001, "2")] {
            let mut problem = Problem::unavailable("Later.");
            problem.retry_after = Some(Duration::from_millis(wait));
            assert_eq!(seconds, problem.into_response("r-2").headers()[header::RETRY_AFTER]);
        }
    }

    #[test]
    fn only_what_can_be_retried_gets_the_status_for_a_retry() {
        let status = |problem: Problem| problem.with_retry_status(StatusCode::TOO_MANY_REQUESTS).status().as_u16();
        assert_eq!(429, status(Problem::unavailable("Later.")));
        assert_eq!(404, status(LoadError::NotFound.into()));
    }

    #[test]
    fn a_4xx_of_the_platform_is_passed_on_except_401() {
        for (platform, ours) in [(400, 400), (403, 403), (404, 404), (501, 502), (302, 502), (401, 502)] {
            let error = PlatformError { status: platform, ..PlatformError::default() };
            assert_eq!(ours, Problem::from(ApiError::Refused(error)).status().as_u16());
        }
    }
}
