//! How a call to a platform can fail. The variants differ in what may be done next.

use crate::http_client::retry_after;
use crate::json::fields::FieldError;
use crate::model::integration_name::IntegrationName;
use crate::observability::metrics::CallOutcome;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The platform's description of an error, as far as it is useful to a caller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlatformError {
    /// The HTTP status of the platform's response.
    pub status: u16,
    /// The platform's code, such as `bad.request`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The platform's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The id to quote to the platform's support: `ININ-Correlation-Id`, else `contextId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Whether the credentials are valid but lack a permission, as far as the platform says so.
    #[serde(skip)]
    pub lacks_permission: bool,
}

const NO_CONNECTION_IN_TIME: &str = "no connection in time";
const NO_RESPONSE_IN_TIME: &str = "no response in time";

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The platform rejected our credentials, or issued no token for them. Nothing was done.
    #[error("the platform refused the credentials: status {}", .0.status)]
    Credentials(PlatformError),
    /// The integration has no valid authorization: an operator has to act. Nothing was sent.
    #[error("the authorization {state}: run `patchbay integration authorize {integration}`")]
    NotAuthorized { state: NoAuthorization, integration: IntegrationName },
    /// The call never reached the platform. Nothing was sent.
    #[error("the platform is unreachable: {0}")]
    NotSent(&'static str),
    /// The platform does not support the call. Nothing was sent.
    #[error("the platform does not support this call")]
    Unsupported,
    /// The request or the integration's configuration lacks something that the platform needs, or has something that it
    /// does not support. Nothing was sent.
    #[error("{0}")]
    InvalidRequest(FieldError),
    /// The body is larger than the platform accepts. Nothing was sent.
    #[error("the platform accepts at most {maximum} bytes")]
    TooLarge {
        /// The platform's limit in bytes.
        maximum: usize,
    },
    /// The platform's rate limit is reached. Nothing was done.
    #[error("the platform's rate limit is reached")]
    RateLimited {
        /// The delay that the platform asks for.
        retry_after: Duration,
    },
    /// The platform refused the request. Nothing was done.
    #[error("the platform refused the request: status {}", .0.status)]
    Refused(PlatformError),
    /// The platform does not know the message yet that the request is about. Nothing was done.
    #[error("the platform does not know the message yet: status {}", .0.status)]
    TooEarly(PlatformError),
    /// The platform may have done it: the connection broke, it timed out, or it failed while working on the request.
    #[error("the outcome is unknown: {cause}")]
    OutcomeUnknown {
        cause: &'static str,
        /// The platform's description, if it gave one.
        error: Option<PlatformError>,
    },
}

/// Why an integration has no valid authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAuthorization {
    #[error("is missing")]
    Missing,
    /// The app was uninstalled.
    #[error("was withdrawn")]
    Withdrawn,
    /// The platform accepts neither the refresh token nor the client.
    #[error("was lost")]
    Lost,
}

impl ApiError {
    /// A field of the request that the platform does not support.
    pub(super) fn unsupported_field(pointer: &str) -> Self {
        Self::invalid_field(pointer, "is not supported by this platform")
    }

    /// A field of the request that is invalid for the platform.
    pub(super) fn invalid_field(pointer: &str, detail: &str) -> Self {
        Self::InvalidRequest(FieldError::new(pointer, detail))
    }

    /// Whether the same call may be retried, given whether it is idempotent.
    #[must_use]
    pub fn is_retryable(&self, idempotent: bool) -> bool {
        match self {
            Self::NotSent(_) | Self::RateLimited { .. } | Self::TooEarly(_) => true,
            Self::OutcomeUnknown { .. } => idempotent,
            Self::Credentials(_)
            | Self::NotAuthorized { .. }
            | Self::Refused(_)
            | Self::TooLarge { .. }
            | Self::Unsupported
            | Self::InvalidRequest(_) => false,
        }
    }

    /// The outcome in logs and metrics.
    pub(super) fn outcome(&self) -> CallOutcome {
        match self {
            Self::Credentials(_) | Self::NotAuthorized { .. } => CallOutcome::CredentialsRefused,
            Self::Refused(error) if error.lacks_permission => CallOutcome::CredentialsRefused,
            // A fresh token may help. The platform's client returns `Credentials` once it does not.
            Self::Refused(_) | Self::TooEarly(_) => CallOutcome::Refused,
            Self::RateLimited { .. } => CallOutcome::RateLimited,
            Self::OutcomeUnknown { .. } => CallOutcome::Unknown,
            Self::NotSent(_) | Self::Unsupported | Self::InvalidRequest(_) | Self::TooLarge { .. } => {
                CallOutcome::NotSent
            }
        }
    }

    /// The platform's description of the error, if it gave one.
    #[must_use]
    pub fn platform_error(&self) -> Option<&PlatformError> {
        match self {
            Self::Credentials(error) | Self::Refused(error) | Self::TooEarly(error) => Some(error),
            Self::OutcomeUnknown { error, .. } => error.as_ref(),
            Self::NotSent(_)
            | Self::NotAuthorized { .. }
            | Self::RateLimited { .. }
            | Self::Unsupported
            | Self::InvalidRequest(_)
            | Self::TooLarge { .. } => None,
        }
    }

    /// Whether the platform did not answer within the timeout.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(
            self,
            Self::NotSent(NO_CONNECTION_IN_TIME | NO_RESPONSE_IN_TIME)
                | Self::OutcomeUnknown { cause: NO_RESPONSE_IN_TIME, .. }
        )
    }

    /// The error of a call that was not sent because a request that precedes it, such as one for a token, failed like this.
    /// `cause` is the reason unless that request timed out.
    pub(super) fn before_call(self, cause: &'static str) -> Self {
        match self {
            Self::OutcomeUnknown { cause: NO_RESPONSE_IN_TIME, .. } => Self::NotSent(NO_RESPONSE_IN_TIME),
            Self::OutcomeUnknown { .. } => Self::NotSent(cause),
            other => other,
        }
    }

    /// Classifies a failure to get a response.
    pub(super) fn from_transport(error: &reqwest::Error) -> Self {
        if error.is_builder() {
            Self::invalid_field("", "cannot be sent to the platform")
        } else if error.is_connect() {
            Self::NotSent(if error.is_timeout() { NO_CONNECTION_IN_TIME } else { "no connection" })
        } else if error.is_timeout() {
            Self::OutcomeUnknown { cause: NO_RESPONSE_IN_TIME, error: None }
        } else {
            Self::OutcomeUnknown { cause: "the connection broke", error: None }
        }
    }

    /// Classifies an error response.
    pub(super) fn from_response(status: StatusCode, headers: &HeaderMap, error: PlatformError) -> Self {
        if status == StatusCode::TOO_MANY_REQUESTS {
            let wait = retry_after(headers, Timestamp::now()).unwrap_or(Duration::from_secs(1));
            return Self::RateLimited { retry_after: wait };
        }
        if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED {
            Self::OutcomeUnknown { cause: "the platform failed while working on it", error: Some(error) }
        } else {
            Self::Refused(error)
        }
    }
}

/// An error that may be due to credentials that the platform no longer accepts.
pub trait CredentialsRefusal {
    /// Whether the platform refused the credentials, and did nothing.
    fn is_credentials_refusal(&self) -> bool;
}

impl CredentialsRefusal for ApiError {
    fn is_credentials_refusal(&self) -> bool {
        matches!(self, Self::Credentials(_) | Self::NotAuthorized { .. })
    }
}

/// The longest error code.
const MAX_CODE_BYTES: usize = 100;

/// Whether a platform's code or correlation id is a single word such as `bad.request`, and may be logged. Free text may
/// contain personal data and must not be.
pub(crate) fn is_safe_code(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MAX_CODE_BYTES).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16) -> ApiError {
        let error = PlatformError { status, ..PlatformError::default() };
        ApiError::from_response(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), error)
    }

    #[test]
    fn a_5xx_other_than_501_leaves_the_outcome_unknown() {
        for status in [500, 502, 503, 504] {
            assert!(matches!(response(status), ApiError::OutcomeUnknown { .. }), "{status}");
        }
        assert!(matches!(response(501), ApiError::Refused(_)));
    }

    #[test]
    fn only_what_an_operator_must_fix_counts_as_credentials_refused() {
        let refused = |lacks_permission| {
            ApiError::Refused(PlatformError { lacks_permission, ..PlatformError::default() }).outcome()
        };
        assert_eq!(CallOutcome::CredentialsRefused, ApiError::Credentials(PlatformError::default()).outcome());
        assert_eq!(CallOutcome::CredentialsRefused, refused(true));
        assert_eq!(CallOutcome::Refused, refused(false));
    }

    #[test]
    fn a_call_with_unknown_outcome_is_retryable_only_if_it_is_idempotent() {
        let unknown = response(503);
        assert!(unknown.is_retryable(true) && !unknown.is_retryable(false));
        for always in [ApiError::NotSent("x"), response(429)] {
            assert!(always.is_retryable(false));
        }
        assert!(!response(400).is_retryable(true));
    }
}
