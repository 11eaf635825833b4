//! What the HTTP API answered.

use crate::failure::Failure;
use crate::output::plain;
use serde::Serialize;
use serde_json::Value;
use shared::api::problem::{TYPE_PREFIX, sentence};
use shared::http_client::read_body_limited;
use std::collections::BTreeMap;

/// How much of an answer is read.
const MAXIMUM_BYTES: usize = 1_000_000;

/// The headers that say something to a caller.
const HEADERS: [&str; 3] = ["content-type", "idempotency-replayed", "retry-after"];

/// An answer.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: BTreeMap<&'static str, String>,
    pub(crate) body: Value,
}

impl Answer {
    /// Reads an answer to its end; `again` says what to do where it has none.
    pub(crate) async fn read(response: reqwest::Response, again: &str) -> Result<Self, Failure> {
        let status = response.status().as_u16();
        let text = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let headers = HEADERS.into_iter().filter_map(|name| Some((name, text(name)?))).collect();
        let body = read_body_limited(response, MAXIMUM_BYTES).await.map_err(|_| {
            Failure::Failed(format!("status {status}, and the answer broke off or is too long\n  {again}"))
        })?;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Ok(Self { status, headers, body })
    }

    /// Whether it was done, all of it.
    pub(crate) fn is_good(&self) -> bool {
        let failed = |part: &Value| text(part, "/outcome") == Some("failed");
        (200..300).contains(&self.status) && !list(&self.body, "/receipts").any(failed)
    }

    /// Whether it is the first answer once more.
    pub(crate) fn is_replayed(&self) -> bool {
        self.headers.contains_key("idempotency-replayed")
    }

    /// The last part of the problem's `type`.
    pub(crate) fn problem(&self) -> Option<&str> {
        text(&self.body, "/type")?.strip_prefix(TYPE_PREFIX)
    }

    /// Why it was not done: the problem, the fields that are wrong, and the platform's own words.
    pub(crate) fn trouble(&self) -> String {
        let mut lines = vec![headline(&self.body, self.status)];
        lines.extend(faults(&self.body));
        lines.extend(self.body.get("platform").map(platform));
        for part in list(&self.body, "/receipts") {
            if let Some(problem) = part.get("problem") {
                let id = text(part, "/messageId").unwrap_or("without a messageId");
                lines.push(format!("{id}: {}", headline(problem, self.status)));
                lines.extend(faults(problem));
                lines.extend(problem.get("platform").map(platform));
            }
        }
        lines.extend(self.headers.get("retry-after").map(|seconds| format!("it asks to come again in {seconds} s")));
        let request = text(&self.body, "/instance").and_then(|instance| instance.strip_prefix("urn:patchbay:request:"));
        lines.extend(request.map(|id| format!("request_id in the log: {id}")));
        lines.iter().map(|line| plain(line)).collect::<Vec<_>>().join("\n  ")
    }
}

fn headline(problem: &Value, status: u16) -> String {
    let of_gateway = || text(problem, "/message").unwrap_or("no problem details");
    let status = problem.get("status").and_then(Value::as_u64).unwrap_or_else(|| status.into());
    match (text(problem, "/title"), text(problem, "/detail")) {
        (Some(title), Some(detail)) => format!("{title} (status {status}): {detail}"),
        _ if status < 300 => format!("status {status}, and parts of it failed"),
        _ => format!("status {status}: {}", of_gateway()),
    }
}

/// The fields that are wrong. Where there is but one, the sentence of the problem may say it all.
fn faults(problem: &Value) -> Vec<String> {
    let faults: Vec<_> = list(problem, "/errors").collect();
    let said = text(problem, "/detail").unwrap_or_default();
    match faults.as_slice() {
        [only] if [fault_of("the document", only), fault(only)].iter().any(|words| said == sentence(words)) => {
            Vec::new()
        }
        faults => faults.iter().map(|error| fault(error)).collect(),
    }
}

fn fault(error: &Value) -> String {
    fault_of("the body", error)
}

/// What is wrong, with these words for all of the body.
fn fault_of(whole: &str, error: &Value) -> String {
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

    fn answer(status: u16, body: Value) -> Answer {
        Answer { status, headers: BTreeMap::new(), body }
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
             correlation id c-1\n  it asks to come again in 7 s\n  request_id in the log: r-1",
            answer.trouble()
        );
        assert_eq!((Some("rate-limited"), false), (answer.problem(), answer.is_good()));
    }

    #[test]
    fn a_fault_that_the_problems_sentence_says_already_is_not_said_again() {
        for (pointer, sentence) in [("/textBody", "/textBody is required."), ("", "The document is required.")] {
            let errors = json!([{"pointer": pointer, "detail": "is required"}]);
            let answer = answer(400, json!({"title": "T", "status": 400, "detail": sentence, "errors": errors}));
            assert_eq!(format!("T (status 400): {sentence}"), answer.trouble());
        }
        let errors = json!([{"pointer": "/textBody", "detail": "is required"}]);
        let answer = answer(400, json!({"title": "T", "status": 400, "detail": "Another sentence.", "errors": errors}));
        assert_eq!("T (status 400): Another sentence.\n  /textBody is required", answer.trouble());
    }

    #[test]
    fn what_is_no_problem_of_ours_is_shown_by_its_status_and_the_gateways_word() {
        assert_eq!("status 404: Not Found", answer(404, json!({"message": "Not Found"})).trouble());
        assert_eq!("status 502: no problem details", answer(502, Value::Null).trouble());
    }

    #[test]
    fn a_batch_of_which_parts_failed_is_not_good() {
        let done = json!({"messageId": "m-1", "outcome": "posted"});
        let problem = json!({"title": "Refused", "detail": "No.", "status": 404});
        let failed = json!({"messageId": "m-2", "outcome": "failed", "problem": problem});
        assert!(answer(207, json!({"receipts": [done]})).is_good());
        let fault = |place: &str| json!({"pointer": place, "detail": "is required"});
        let errors = [fault("/receipts/2/messageId"), fault("/receipts/2/status")];
        let problem = json!({"title": "Invalid", "detail": "2 fields are wrong.", "status": 400, "errors": errors});
        let malformed = json!({"index": 2, "outcome": "failed", "problem": problem});
        let answer = answer(207, json!({"receipts": [done, failed, malformed]}));
        assert!(!answer.is_good());
        let expected = "\n  m-2: Refused (status 404): No.\n  without a messageId: Invalid (status 400): 2 fields are wrong.\
                        \n  /receipts/2/messageId is required\n  /receipts/2/status is required";
        assert!(answer.trouble().ends_with(expected), "{}", answer.trouble());
    }

    #[test]
    fn what_the_platform_says_cannot_steer_the_terminal() {
        let answer = answer(400, json!({"title": "T", "detail": "\u{1b}[2J\nfake"}));
        assert_eq!("T (status 400): \u{fffd}[2J\u{fffd}fake", answer.trouble());
    }
}
