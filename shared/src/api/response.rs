//! What a sender route answers.

use super::IDEMPOTENCY_REPLAYED;
use crate::api::problem::{Problem, json_response, named};
use http::{HeaderValue, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a route answers when it did its work, or as much of it as there was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The status.
    #[serde(with = "status")]
    pub status: StatusCode,
    /// The body: ids and outcomes, no message text.
    pub body: Value,
    /// Whether parts could not be done and may be tried again: then the key is given back, and the answer not kept.
    #[serde(skip)]
    pub incomplete: bool,
    /// Whether it is the first answer once more: the work had been done before.
    #[serde(skip)]
    pub replayed: bool,
    /// The `webhook-id` under which the messaging service will get what was asked for, if it will; for the log.
    #[serde(skip)]
    pub webhook_id: Option<String>,
}

impl Reply {
    /// An answer with this status.
    #[must_use]
    pub fn new(status: StatusCode, body: Value) -> Self {
        Self { status, body, incomplete: false, replayed: false, webhook_id: None }
    }

    /// 200 with this body.
    #[must_use]
    pub fn ok(body: Value) -> Self {
        Self::new(StatusCode::OK, body)
    }

    /// What is kept of a problem: nothing of the platform's words.
    pub(super) fn of(problem: &Problem, request_id: &str) -> Self {
        Self::new(problem.status(), problem.without_words().body(request_id))
    }

    pub(super) fn read(answer: &str) -> Option<Self> {
        serde_json::from_str(answer).ok()
    }

    pub(super) fn to_answer(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    pub(super) fn into_response(self, request_id: &str) -> Response<String> {
        let good = self.status.is_success();
        let media_type = if good { "application/json" } else { "application/problem+json" };
        let mut response = json_response(self.status, media_type, &self.body);
        if self.replayed {
            response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
        }
        named(response, request_id)
    }
}

/// A status as its number.
mod status {
    use http::StatusCode;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(status.as_u16())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StatusCode, D::Error> {
        StatusCode::from_u16(u16::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
