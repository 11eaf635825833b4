//! The reply to a caller.

use crate::api::prefer::RESPOND_ASYNC;
use crate::api::problem::{self, Problem, json_response, with_request_id};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// RFC 7240, section 3.
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The reply to a request that was executed, at least in part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    #[serde(with = "status")]
    pub status: StatusCode,
    /// Ids and outcomes, no message text: the ledger keeps it.
    pub body: Value,
    /// Whether parts failed and can be retried under the same key: the lease is released, and the reply is not kept.
    #[serde(skip)]
    pub retryable: bool,
    /// Whether it is the stored reply to an earlier request.
    #[serde(skip)]
    pub replayed: bool,
    /// Whether the request was accepted, to be executed later, as the caller prefers.
    #[serde(skip)]
    pub deferred: bool,
    /// The id, for the log, of the delivery that the request causes.
    #[serde(skip)]
    pub webhook_id: Option<String>,
}

impl Reply {
    #[must_use]
    pub fn new(status: StatusCode, body: Value) -> Self {
        Self { status, body, retryable: false, replayed: false, deferred: false, webhook_id: None }
    }

    #[must_use]
    pub fn ok(body: Value) -> Self {
        Self::new(StatusCode::OK, body)
    }

    /// The reply to a request that is executed later.
    #[must_use]
    pub fn accepted(body: Value) -> Self {
        Self { deferred: true, ..Self::new(StatusCode::ACCEPTED, body) }
    }

    /// The form of a problem that is stored.
    pub(super) fn from_problem(problem: &Problem, request_id: &str) -> Self {
        Self::new(problem.status(), problem.without_platform_message().body(request_id))
    }

    pub(super) fn from_stored(response: &str) -> Option<Self> {
        serde_json::from_str(response).ok()
    }

    pub(super) fn to_stored(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    pub(super) fn into_response(self, request_id: &str) -> Response<String> {
        let media_type = if self.status.is_success() { "application/json" } else { problem::MEDIA_TYPE };
        let mut response = json_response(self.status, media_type, &self.body);
        if self.replayed {
            response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
        }
        if self.deferred {
            response.headers_mut().insert(PREFERENCE_APPLIED, HeaderValue::from_static(RESPOND_ASYNC));
        }
        with_request_id(response, request_id)
    }
}

/// Serializes a status as a number.
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
