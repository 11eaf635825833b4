//! Responses of the HTTP API.

use crate::error::CliError;
use crate::ui::output::sanitize;
use serde::Serialize;
use serde_json::Value;
use shared::api::problem::{ProblemType, TYPE_PREFIX, as_sentence};
use shared::http_client::read_body_limited;
use std::collections::BTreeMap;

const MAX_BYTES: usize = 1_000_000;

/// The headers that matter to a caller.
const HEADERS: [&str; 3] = ["content-type", "idempotency-replayed", "retry-after"];

#[derive(Debug, Serialize)]
pub(crate) struct ApiResponse {
    pub(crate) status: u16,
    headers: BTreeMap<&'static str, String>,
    pub(crate) body: Value,
}

impl ApiResponse {
    /// Reads the whole response; `retry_hint` is for the error when it is incomplete.
    pub(crate) async fn read(response: reqwest::Response, retry_hint: &str) -> Result<Self, CliError> {
        let status = response.status().as_u16();
        let text = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let headers = HEADERS.into_iter().filter_map(|name| Some((name, text(name)?))).collect();
        let body = read_body_limited(response, MAX_BYTES).await.map_err(|_| {
            CliError::Failed(format!("status {status}, but the response is incomplete or too long\n  {retry_hint}"))
        })?;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Ok(Self { status, headers, body })
    }

    /// Whether all of the request succeeded.
    pub(crate) fn is_success(&self) -> bool {
        let failed = |part: &Value| text(part, "/outcome") == Some("failed");
        (200..300).contains(&self.status) && !list(&self.body, "/receipts").any(failed)
    }

    /// Whether it is the stored response to an earlier request with the same key.
    pub(crate) fn is_replayed(&self) -> bool {
        self.headers.contains_key("idempotency-replayed")
    }

    /// The problem's `type`, if this version knows it.
    pub(crate) fn problem(&self) -> Option<ProblemType> {
        ProblemType::parse(text(&self.body, "/type")?.strip_prefix(TYPE_PREFIX)?)
    }

    /// The problem, the invalid fields, and the platform's own error.
    pub(crate) fn describe_error(&self) -> String {
        let mut lines = vec![headline(&self.body, self.status)];
        lines.extend(field_errors(&self.body));
        lines.extend(self.body.get("platform").map(platform));
        for part in list(&self.body, "/receipts") {
            if let Some(problem) = part.get("problem") {
                let id = text(part, "/messageId").unwrap_or("without a messageId");
                lines.push(format!("{id}: {}", headline(problem, self.status)));
                lines.extend(field_errors(problem));
                lines.extend(problem.get("platform").map(platform));
            }
        }
        lines.extend(self.headers.get("retry-after").map(|seconds| format!("retry after {seconds} s")));
        let request = text(&self.body, "/instance").and_then(|instance| instance.strip_prefix("urn:patchbay:request:"));
        lines.extend(request.map(|id| format!("request_id in the log: {id}")));
        lines.iter().map(|line| sanitize(line)).collect::<Vec<_>>().join("\n  ")
    }
}

fn headline(problem: &Value, status: u16) -> String {
    let of_gateway = || text(problem, "/message").unwrap_or("no problem details");
    let status = problem.get("status").and_then(Value::as_u64).unwrap_or_else(|| status.into());
    match (text(problem, "/title"), text(problem, "/detail")) {
        (Some(title), Some(detail)) => format!("{title} (status {status}): {detail}"),
        _ if status < 300 => format!("status {status}, but parts of the request failed"),
        _ => format!("status {status}: {}", of_gateway()),
    }
}

/// The invalid fields. If there is only one, the problem's detail may name it already.
fn field_errors(problem: &Value) -> Vec<String> {
    let errors: Vec<_> = list(problem, "/errors").collect();
    let detail = text(problem, "/detail").unwrap_or_default();
    match errors.as_slice() {
        [only] if ["the document", "the body"].iter().any(|whole| detail == as_sentence(&field_error(whole, only))) => {
            Vec::new()
        }
        errors => errors.iter().map(|error| field_error("the body", error)).collect(),
    }
}

/// `whole` is the name of the body itself, which has an empty pointer.
fn field_error(whole: &str, error: &Value) -> String {
    let pointer = text(error, "/pointer").filter(|pointer| !pointer.is_empty()).unwrap_or(whole);
    format!("{pointer} {}", text(error, "/detail").unwrap_or_default())
}

fn platform(error: &Value) -> String {
    let parts = [("code", "/code"), ("message", "/message"), ("correlation id", "/correlationId")];
    let known = parts.into_iter().filter_map(|(name, pointer)| Some(format!("{name} {}", text(error, pointer)?)));
    format!("the platform says: {}", known.collect::<Vec<_>>().join(", "))
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str()
}

fn list<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(status: u16, body: Value) -> ApiResponse {
        ApiResponse { status, headers: BTreeMap::new(), body }
    }

    #[test]
    fn a_problem_is_shown_with_each_field_and_with_the_platforms_code() {
        let mut answer = answer(
            429,
            json!({
                "type": "urn:patchbay:problem:rate-limited", "title": "Slow", "status": 429, "detail": "Slower.",
                "instance": "urn:patchbay:request:r-1",
                "errors": [{"pointer": "/to", "detail": "is required"}, {"pointer": "", "detail": "is odd"}],
                "platform": {"status": 429, "code": "too.many", "correlationId": "c-1"},
            }),
        );
        answer.headers.insert("retry-after", "7".to_owned());
        assert_eq!(
            "Slow (status 429): Slower.\n  /to is required\n  the body is odd\n  the platform says: code too.many, \
             correlation id c-1\n  retry after 7 s\n  request_id in the log: r-1",
            answer.describe_error()
        );
        assert_eq!((Some(ProblemType::RateLimited), false), (answer.problem(), answer.is_success()));
    }

    #[test]
    fn a_field_error_that_the_problems_detail_repeats_is_shown_once() {
        for (pointer, sentence) in [("/textBody", "/textBody is required."), ("", "The document is required.")] {
            let errors = json!([{"pointer": pointer, "detail": "is required"}]);
            let answer = answer(400, json!({"title": "T", "status": 400, "detail": sentence, "errors": errors}));
            assert_eq!(format!("T (status 400): {sentence}"), answer.describe_error());
        }
        let errors = json!([{"pointer": "/textBody", "detail": "is required"}]);
        let answer = answer(400, json!({"title": "T", "status": 400, "detail": "Another sentence.", "errors": errors}));
        assert_eq!("T (status 400): Another sentence.\n  /textBody is required", answer.describe_error());
    }

    #[test]
    fn a_response_without_problem_details_is_shown_by_its_status_and_the_gateways_message() {
        assert_eq!("status 404: Not Found", answer(404, json!({"message": "Not Found"})).describe_error());
        assert_eq!("status 502: no problem details", answer(502, Value::Null).describe_error());
    }

    #[test]
    fn a_batch_with_failed_parts_is_no_success() {
        let done = json!({"messageId": "m-1", "outcome": "posted"});
        let problem = json!({"title": "Refused", "detail": "No.", "status": 404});
        let failed = json!({"messageId": "m-2", "outcome": "failed", "problem": problem});
        assert!(answer(207, json!({"receipts": [done]})).is_success());
        let field_error = |place: &str| json!({"pointer": place, "detail": "is required"});
        let errors = [field_error("/receipts/2/messageId"), field_error("/receipts/2/status")];
        let problem = json!({"title": "Invalid", "detail": "2 fields are invalid.", "status": 400, "errors": errors});
        let malformed = json!({"index": 2, "outcome": "failed", "problem": problem});
        let answer = answer(207, json!({"receipts": [done, failed, malformed]}));
        assert!(!answer.is_success());
        let expected = "\n  m-2: Refused (status 404): No.\n  without a messageId: Invalid (status 400): 2 fields are invalid.\
                        \n  /receipts/2/messageId is required\n  /receipts/2/status is required";
        assert!(answer.describe_error().ends_with(expected), "{}", answer.describe_error());
    }

    #[test]
    fn control_characters_of_the_platform_are_not_printed() {
        let answer = answer(400, json!({"title": "T", "detail": "\u{1b}[2J\nfake"}));
        assert_eq!("T (status 400): \u{fffd}[2J\u{fffd}fake", answer.describe_error());
    }
}
