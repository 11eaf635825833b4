//! Errors as HTTP answers: problem details (RFC 9457).

use crate::integration::LoadError;
use crate::json::fields::FieldError;
use crate::platform::{ApiError, PlatformError, PlatformName, Route};
use http::{HeaderName, Response, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

/// What a problem's `type` begins with; [`ProblemType::as_str`] is the rest.
pub const TYPE_PREFIX: &str = "urn:patchbay:problem:";

/// How many wrong fields an answer names.
const MAXIMUM_ERRORS: usize = 100;

/// When a caller that was told to come again should, unless something better is known.
const RETRY_AFTER: Duration = Duration::from_secs(5);

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

macro_rules! problem_types {
    ($($(#[$meta:meta])* $variant:ident = $slug:literal, $status:ident, $title:literal;)+) => {
        /// What went wrong, as the caller sees it. It never says more than the caller may know; the cause goes into
        /// the log.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ProblemType { $($(#[$meta])* $variant,)+ }

        impl ProblemType {
            /// All of them: the list is closed.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The last part of the problem's `type`; also the reason in the log.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $slug,)+ }
            }

            fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)+ }
            }
        }
    };
}

problem_types! {
    /// The URL names no integration that is configured.
    IntegrationNotFound = "integration-not-found", NOT_FOUND, "No such integration";
    /// The function has no such route.
    RouteNotFound = "route-not-found", NOT_FOUND, "No such route";
    /// A part of the URL's path is not what the route needs.
    InvalidPath = "invalid-path", BAD_REQUEST, "The path is not as it should be";
    /// The body is larger than the route takes.
    BodyTooLarge = "body-too-large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// The platform's signature is missing, malformed or wrong.
    InvalidSignature = "invalid-signature", UNAUTHORIZED, "The signature was not accepted";
    /// The body cannot be read, or some of its fields are wrong.
    InvalidBody = "invalid-body", BAD_REQUEST, "The body is not as it should be";
    /// The body is genuine and belongs to another integration.
    WrongIntegration = "wrong-integration", FORBIDDEN, "The message belongs to another integration";
    /// The caller is known, and confined to other routes.
    RouteNotAllowed = "route-not-allowed", FORBIDDEN, "The caller may not use this route";
    /// The caller has not proved who it is.
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "The caller is not known";
    /// The body is not JSON by its content type.
    UnsupportedMediaType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "The body must be JSON";
    /// Nobody, or more than one, is known by the recipient's address.
    RecipientNotFound = "recipient-not-found", UNPROCESSABLE_ENTITY, "The recipient cannot be told";
    /// The file that is to be sent cannot be fetched, or the platform does not take it.
    MediaRefused = "media-refused", UNPROCESSABLE_ENTITY, "The file cannot be sent";
    /// The idempotency key cannot be used.
    InvalidIdempotencyKey = "invalid-idempotency-key", BAD_REQUEST, "The idempotency key cannot be used";
    /// The idempotency key came with another body before.
    IdempotencyKeyReused = "idempotency-key-reused", UNPROCESSABLE_ENTITY, "The idempotency key belongs to another request";
    /// The same request is being worked on.
    RequestInProgress = "request-in-progress", CONFLICT, "The same request is being worked on";
    /// Whether the platform did what was asked cannot be told.
    OutcomeUnknown = "outcome-unknown", GATEWAY_TIMEOUT, "The outcome is unknown";
    /// The platform wants fewer calls.
    RateLimited = "rate-limited", TOO_MANY_REQUESTS, "The platform's rate limit is reached";
    /// The platform refused the request.
    PlatformRefused = "platform-refused", BAD_GATEWAY, "The platform refused the request";
    /// The platform refused the integration's client.
    PlatformCredentials = "platform-credentials", BAD_GATEWAY, "The platform refused the integration's credentials";
    /// The integration's platform has no such call.
    NotSupported = "not-supported", NOT_IMPLEMENTED, "The platform has no such call";
    /// Something that we need is out of reach; nothing was lost and the request may be repeated.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Temporarily unavailable";
}

/// One error answer.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What went wrong.
    pub problem_type: ProblemType,
    /// What exactly, in a sentence.
    pub detail: String,
    /// The fields that are wrong.
    pub errors: Vec<FieldError>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// What the platform said.
    pub platform: Option<Box<PlatformError>>,
}

#[derive(Serialize)]
struct Body<'p> {
    r#type: String,
    title: &'p str,
    status: u16,
    detail: &'p str,
    instance: String,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'p [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<&'p PlatformError>,
}

impl Problem {
    /// A problem with nothing to add but a sentence.
    #[must_use]
    pub fn new(problem_type: ProblemType, detail: impl Into<String>) -> Self {
        Self { problem_type, detail: detail.into(), errors: Vec::new(), retry_after: None, platform: None }
    }

    /// Something is out of reach; the request may be repeated in a few seconds.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self { retry_after: Some(RETRY_AFTER), ..Self::new(ProblemType::Unavailable, detail) }
    }

    /// The platform has no call for the route; an integration of it has these.
    #[must_use]
    pub fn not_supported(platform: PlatformName, routes: impl Iterator<Item = Route>) -> Self {
        let routes: Vec<_> = routes.map(Route::as_str).collect();
        let detail = format!("An integration of {} has the routes {}.", platform.as_str(), routes.join(", "));
        Self::new(ProblemType::NotSupported, detail)
    }

    /// The caller is confined to these routes.
    #[must_use]
    pub fn route_not_allowed(allowed: Vec<Route>) -> Self {
        let routes: Vec<_> = allowed.into_iter().map(Route::as_str).collect();
        Self::new(ProblemType::RouteNotAllowed, format!("The caller may use {} only.", routes.join(", ")))
    }

    /// Fields of the body are wrong. Only so many of them are named.
    #[must_use]
    pub fn invalid_body(mut errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => sentence(&only.to_string()),
            all if all.len() > MAXIMUM_ERRORS => {
                format!("{} fields are wrong; `errors` has the first {MAXIMUM_ERRORS}.", all.len())
            }
            several => format!("{} fields are wrong.", several.len()),
        };
        errors.truncate(MAXIMUM_ERRORS);
        Self { errors, ..Self::new(ProblemType::InvalidBody, detail) }
    }

    /// The status: the platform's own where it refused what the caller asked for.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        let of_platform = self.platform.as_ref().and_then(|error| StatusCode::from_u16(error.status).ok());
        match (self.problem_type, of_platform) {
            (ProblemType::PlatformRefused, Some(status)) if status.is_client_error() => status,
            _ => self.problem_type.status(),
        }
    }

    /// The body. `request_id` names this very occurrence, so that it can be found in the log.
    #[must_use]
    pub fn body(&self, request_id: &str) -> Value {
        serde_json::to_value(Body {
            r#type: format!("{TYPE_PREFIX}{}", self.problem_type.as_str()),
            title: self.problem_type.title(),
            status: self.status().as_u16(),
            detail: &self.detail,
            instance: format!("urn:patchbay:request:{request_id}"),
            errors: &self.errors,
            platform: self.platform.as_deref(),
        })
        .unwrap_or_default()
    }

    /// The same without the platform's sentence, which may repeat what was sent.
    #[must_use]
    pub fn without_words(&self) -> Self {
        let platform = self.platform.clone().map(|error| Box::new(PlatformError { message: None, ..*error }));
        Self { platform, ..self.clone() }
    }

    /// The answer.
    #[must_use]
    pub fn into_response(self, request_id: &str) -> Response<String> {
        let mut response = json_response(self.status(), "application/problem+json", &self.body(request_id));
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, whole_seconds(wait).into());
        }
        if self.problem_type == ProblemType::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer"));
        }
        named(response, request_id)
    }
}

impl From<LoadError> for Problem {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::NotFound => {
                Self::new(ProblemType::IntegrationNotFound, "No integration of this name is configured.")
            }
            // What is wrong is in the log already; it is not the caller's business.
            LoadError::Invalid(_) => Self::unavailable("The integration's configuration is not usable."),
            LoadError::Unavailable(_) => Self::unavailable("The integration's configuration is out of reach."),
            // It may be a new one: a 404 would be final.
            LoadError::TooManyUnknown => {
                Self::unavailable("Too many unknown integrations were asked for; whether this one exists is not known.")
            }
        }
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Refused(error) if error.status == StatusCode::UNAUTHORIZED.as_u16() => {
                ApiError::Credentials(error).into()
            }
            ApiError::Credentials(error) => {
                let detail = "The platform does not take the integration's credentials.";
                Self { platform: Some(error.into()), ..Self::new(ProblemType::PlatformCredentials, detail) }
            }
            ApiError::Unsupported => Self::new(ProblemType::NotSupported, "The platform has no such call."),
            ApiError::InvalidRequest(fault) => Self::invalid_body(vec![fault]),
            ApiError::TooLarge { maximum } => {
                Self::new(ProblemType::BodyTooLarge, format!("The platform takes {maximum} bytes at the most."))
            }
            ApiError::NotSent(_) => Self::unavailable("The platform is out of reach. Nothing was sent."),
            ApiError::RateLimited { retry_after } => {
                let problem = Self::new(ProblemType::RateLimited, "The platform wants fewer calls. Nothing was sent.");
                Self { retry_after: Some(retry_after), ..problem }
            }
            ApiError::Refused(error) => {
                let detail = "The platform refused the request; `platform` holds its own words.";
                Self { platform: Some(error.into()), ..Self::new(ProblemType::PlatformRefused, detail) }
            }
            ApiError::OutcomeUnknown { error, .. } => {
                let detail = "The platform may have done what was asked. It is not sent again under the same key.";
                Self { platform: error.map(Box::new), ..Self::new(ProblemType::OutcomeUnknown, detail) }
            }
        }
    }
}

/// An answer with a JSON body.
#[must_use]
pub fn json_response(status: StatusCode, media_type: &'static str, body: &Value) -> Response<String> {
    let mut response = Response::new(body.to_string());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(media_type));
    response
}

/// The answer with our id of the request, by which its line in the log is found.
#[must_use]
pub fn named(mut response: Response<String>, request_id: &str) -> Response<String> {
    if let Ok(id) = http::HeaderValue::from_str(request_id) {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    response
}

/// A clause as a sentence of its own.
#[must_use]
pub fn sentence(clause: &str) -> String {
    let mut characters = clause.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}

/// Rounded up, and at least one: a wait must not be cut short.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_problem_answers_with_its_status_its_media_type_and_what_is_wrong() {
        let fault = FieldError::new("/type", "is required");
        let response = Problem::invalid_body(vec![fault]).into_response("r-1");
        assert_eq!(StatusCode::BAD_REQUEST, response.status());
        assert_eq!("application/problem+json", response.headers()[header::CONTENT_TYPE]);
        assert_eq!("r-1", response.headers()[X_REQUEST_ID]);
        assert_eq!(
            json!({
                "type": "urn:patchbay:problem:invalid-body",
                "title": "The body is not as it should be",
                "status": 400,
                "detail": "/type is required.",
                "instance": "urn:patchbay:request:r-1",
                "errors": [{"pointer": "/type", "detail": "is required"}],
            }),
            serde_json::from_str::<Value>(response.body()).unwrap()
        );
    }

    #[test]
    fn of_very_many_wrong_fields_an_answer_names_the_first_hundred() {
        let faults = |count| vec![FieldError::new("/a", "is wrong"); count];
        let problem = Problem::invalid_body(faults(20_000));
        assert_eq!(
            (100, "20000 fields are wrong; `errors` has the first 100."),
            (problem.errors.len(), problem.detail.as_str())
        );
        assert_eq!("100 fields are wrong.", Problem::invalid_body(faults(100)).detail);
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
    fn the_platforms_4xx_is_passed_on_but_for_its_401() {
        for (platform, ours) in [(400, 400), (403, 403), (404, 404), (501, 502), (302, 502), (401, 502)] {
            let error = PlatformError { status: platform, ..PlatformError::default() };
            assert_eq!(ours, Problem::from(ApiError::Refused(error)).status().as_u16());
        }
    }
}
