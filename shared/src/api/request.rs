//! A request from API Gateway.

use crate::api::problem::{Problem, ProblemType};
use crate::aws::OPERATION_TIMEOUT;
use crate::digest::Digest;
use crate::json::fields::FieldError;
use crate::json::i_json;
use crate::model::integration_name::{IntegrationName, InvalidIntegrationName};
use crate::platform::Route;
use http::{HeaderMap, HeaderName, Method, header};
use jiff::Timestamp;
use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::{Body, Request, RequestExt};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// The time for a request whose invocation has no deadline (`cargo lambda watch`).
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

const MAX_KEY_BYTES: usize = 255;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

#[derive(Debug, Clone, Default)]
pub struct Path {
    path: String,
    parameters: QueryMap,
}

impl Path {
    /// The path parameter, unchecked; empty if the route has none of this name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.first(name).unwrap_or_default()
    }

    /// Of all path parameters.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut parameters: Vec<_> = self.parameters.iter().collect();
        parameters.sort_unstable();
        Digest::of_parts(&parameters.into_iter().flat_map(|(name, value)| [name, value]).collect::<Vec<_>>())
    }

    /// Identifies the route in a function with several routes.
    #[must_use]
    pub fn last_segment(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The path without what is before and in `prefix`, as it was received; `None` if it does not contain that.
    #[must_use]
    pub fn after(&self, prefix: &str) -> Option<&str> {
        self.path.rsplit_once(prefix).map(|(_, after)| after)
    }

    /// Whether it is the path of this route.
    #[must_use]
    pub fn is_of(&self, route: Route) -> bool {
        let template = format!("integrations/{{integration}}/{}", route.path());
        let mut own = self.path.rsplit('/');
        template.rsplit('/').all(|expected| own.next().is_some_and(|own| expected.starts_with('{') || own == expected))
    }
}

#[derive(Debug)]
pub struct ApiRequest {
    /// Lambda's id of the invocation.
    pub request_id: String,
    pub method: Method,
    pub path: Path,
    /// Without the question mark.
    pub query: Option<String>,
    pub headers: HeaderMap,
    /// As it was sent: base64 from API Gateway is decoded.
    pub body: Vec<u8>,
    pub received_at: Instant,
    pub invocation_deadline: Timestamp,
}

impl From<Request> for ApiRequest {
    fn from(request: Request) -> Self {
        let context = request.lambda_context_ref();
        let now = Timestamp::now();
        let lambda_deadline =
            context.and_then(|context| Timestamp::from_millisecond(i64::try_from(context.deadline).ok()?).ok());
        let path = Path {
            path: request.raw_http_path().to_owned(),
            parameters: request.path_parameters_ref().cloned().unwrap_or_default(),
        };
        Self {
            request_id: context.map(|context| context.request_id.clone()).unwrap_or_default(),
            method: request.method().clone(),
            path,
            query: request.uri().query().map(str::to_owned),
            received_at: Instant::now(),
            // `cargo lambda watch` sends a time in the past.
            invocation_deadline: lambda_deadline.filter(|deadline| *deadline > now).unwrap_or(now + DEFAULT_TIMEOUT),
            headers: request.headers().clone(),
            body: match request.into_body() {
                Body::Text(text) => text.into_bytes(),
                Body::Binary(bytes) => bytes,
                _ => Vec::new(),
            },
        }
    }
}

impl ApiRequest {
    /// # Errors
    /// The path has none.
    pub fn integration_name(&self) -> Result<IntegrationName, Problem> {
        let parsed = self.path.parameter("integration").parse();
        parsed.map_err(|error: InvalidIntegrationName| {
            Problem::new(ProblemType::IntegrationNotFound, format!("An integration's name {error}."))
        })
    }

    /// # Errors
    /// The body is larger than that.
    pub fn check_size(&self, maximum_bytes: usize) -> Result<(), Problem> {
        if self.body.len() <= maximum_bytes {
            return Ok(());
        }
        Err(Problem::new(ProblemType::BodyTooLarge, format!("The body may have at most {maximum_bytes} bytes.")))
    }

    /// When work on the request has to end, so that there is time for two writes to the ledger and to answer.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        let left: Duration = self.invocation_deadline.duration_since(Timestamp::now()).try_into().unwrap_or_default();
        Instant::now() + left.saturating_sub(OPERATION_TIMEOUT * 2 + Duration::from_secs(1))
    }

    /// The idempotency key: the id that the caller signed, otherwise the header.
    ///
    /// The header of a signed request is not signed. If it counted, an attacker who replays the request could have it executed
    /// again under another key.
    pub(super) fn idempotency_key(&self, caller_webhook_id: Option<String>) -> Result<Option<String>, Problem> {
        let invalid = |detail: String| Err(Problem::new(ProblemType::InvalidIdempotencyKey, detail));
        if caller_webhook_id.as_deref().is_some_and(|id| !is_key(id)) {
            return invalid(format!("webhook-id must have 1 to {MAX_KEY_BYTES} printable characters."));
        }
        let mut values = self.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else { return Ok(caller_webhook_id) };
        let key = match value.to_str() {
            Ok(key) if is_key(key) && values.next().is_none() => key.to_owned(),
            _ => {
                return invalid(format!(
                    "There must be one Idempotency-Key header, with 1 to {MAX_KEY_BYTES} printable characters."
                ));
            }
        };
        match caller_webhook_id {
            Some(id) if id != key => invalid("The idempotency key of a signed request is its webhook-id.".to_owned()),
            _ => Ok(Some(key)),
        }
    }

    pub(super) fn json_body(&self) -> Result<Value, Problem> {
        let media_type =
            self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !media_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
            let detail = "The content type must be application/json.";
            return Err(Problem::new(ProblemType::UnsupportedMediaType, detail));
        }
        let body =
            i_json::normalized(i_json::without_bom(&self.body)).map_err(|fault| Problem::invalid_body(vec![fault]))?;
        serde_json::from_slice(&body).map_err(|error| {
            let detail = format!("is not valid JSON (line {}, column {})", error.line(), error.column());
            Problem::invalid_body(vec![FieldError::new("", detail)])
        })
    }
}

fn is_key(text: &str) -> bool {
    (1..=MAX_KEY_BYTES).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_route_of_a_path_is_determined_by_all_of_its_segments() {
        let route_of = |path: &str| {
            let path = Path { path: path.to_owned(), parameters: QueryMap::default() };
            Route::ALL.into_iter().filter(|route| path.is_of(*route)).collect::<Vec<_>>()
        };
        assert_eq!(vec![Route::ConversationsShow], route_of("/integrations/acme/conversations/c-1"));
        assert_eq!(vec![Route::ConversationsShow], route_of("/stage/integrations/conversations/conversations/end"));
        assert_eq!(vec![Route::ConversationsEnd], route_of("/integrations/acme/conversations/c-1/end"));
        assert_eq!(vec![Route::Receipts], route_of("/integrations/acme/receipts"));
        for none in ["", "/", "/integrations/acme/conversations", "/conversations/c-1", "/integrations/acme/webhook"] {
            assert!(route_of(none).is_empty(), "{none}");
        }
    }
}
