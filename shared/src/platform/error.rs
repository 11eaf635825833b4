//! How a call to the platform can fail, told apart by what the caller may do next.

use crate::http_client::retry_after;
use crate::json::fields::FieldError;
use crate::observability::metrics::CallOutcome;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The platform's own words about an error: `ErrorBody`, as far as it is of use to a caller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlatformError {
    /// The HTTP status of the platform's answer.
    pub status: u16,
    /// The platform's code, such as `bad.request`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The platform's sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What to name when asking the platform's support: `ININ-Correlation-Id`, else `contextId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

impl PlatformError {
    /// Whether the credentials are good, but lack a permission: Genesys Cloud's codes for it are `missing.permissions`,
    /// `missing.any.permissions` and the like.
    fn lacks_permission(&self) -> bool {
        self.status == StatusCode::FORBIDDEN.as_u16()
            && self.code.as_deref().is_some_and(|code| code.starts_with("missing."))
    }
}

/// Why a call brought no answer that could be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The platform does not take our credentials, or gives no token for them. Nothing was done.
    #[error("the platform refused the credentials: status {}", .0.status)]
    Credentials(PlatformError),
    /// The call never reached the platform. Nothing was sent.
    #[error("the platform is out of reach: {0}")]
    NotSent(&'static str),
    /// The platform has no such call. Nothing was sent.
    #[error("the platform has no such call")]
    Unsupported,
    /// The request, or the integration's configuration, lacks something that the platform needs, or has something that it
    /// does not take. Nothing was sent.
    #[error("{0}")]
    Unfit(FieldError),
    /// The platform does not take so much. Nothing was sent.
    #[error("the platform takes {maximum} bytes at the most")]
    TooLarge {
        /// So many bytes it takes.
        maximum: usize,
    },
    /// The platform wants fewer calls. Nothing was done.
    #[error("the platform's rate limit is reached")]
    RateLimited {
        /// The wait that it asks for.
        retry_after: Duration,
    },
    /// The platform refused the request. Nothing was done.
    #[error("the platform refused the request: status {}", .0.status)]
    Refused(PlatformError),
    /// Whether the platform did what was asked cannot be told: it broke off, or did not answer in time.
    #[error("the outcome is unknown: {cause}")]
    Unknown {
        /// What happened.
        cause: &'static str,
        /// What the platform said, if it said anything.
        error: Option<PlatformError>,
    },
}

impl ApiError {
    /// The platform has no place for a part of what is to be sent.
    pub(super) fn no_place_for(pointer: &str) -> Self {
        Self::unfit(pointer, "has no place in a message of this platform")
    }

    /// Something is wrong with a part of what is to be sent.
    pub(super) fn unfit(pointer: &str, detail: &str) -> Self {
        Self::Unfit(FieldError::new(pointer, detail))
    }

    /// Whether the same call may work later, given whether it may be made twice.
    #[must_use]
    pub fn is_worth_repeating(&self, may_repeat: bool) -> bool {
        match self {
            Self::NotSent(_) | Self::RateLimited { .. } => true,
            Self::Unknown { .. } => may_repeat,
            Self::Credentials(_) | Self::Refused(_) | Self::TooLarge { .. } | Self::Unsupported | Self::Unfit(_) => {
                false
            }
        }
    }

    /// The word for it in metrics.
    pub(super) fn outcome(&self) -> CallOutcome {
        match self {
            Self::Credentials(_) => CallOutcome::CredentialsRefused,
            Self::Refused(error) if error.lacks_permission() => CallOutcome::CredentialsRefused,
            // A 401 may be cured by a new token, or pass by itself: a platform's client says when it is more than that.
            Self::Refused(_) => CallOutcome::Refused,
            Self::RateLimited { .. } => CallOutcome::RateLimited,
            Self::Unknown { .. } => CallOutcome::Unknown,
            Self::NotSent(_) | Self::Unsupported | Self::Unfit(_) | Self::TooLarge { .. } => CallOutcome::NotSent,
        }
    }

    /// What the platform said, if it said anything.
    #[must_use]
    pub fn words(&self) -> Option<&PlatformError> {
        match self {
            Self::Credentials(error) | Self::Refused(error) => Some(error),
            Self::Unknown { error, .. } => error.as_ref(),
            Self::NotSent(_)
            | Self::RateLimited { .. }
            | Self::Unsupported
            | Self::Unfit(_)
            | Self::TooLarge { .. } => None,
        }
    }

    /// Why no answer came.
    pub(super) fn from_transport(error: &reqwest::Error) -> Self {
        if error.is_builder() {
            Self::unfit("", "cannot be made into a call of the platform's")
        } else if error.is_connect() {
            Self::NotSent("no connection")
        } else if error.is_timeout() {
            Self::Unknown { cause: "no answer in time", error: None }
        } else {
            Self::Unknown { cause: "the connection broke", error: None }
        }
    }

    /// What an answer other than success means.
    pub(super) fn from_answer(status: StatusCode, headers: &HeaderMap, error: PlatformError) -> Self {
        if status == StatusCode::TOO_MANY_REQUESTS {
            let wait = retry_after(headers, Timestamp::now()).unwrap_or(Duration::from_secs(1));
            return Self::RateLimited { retry_after: wait };
        }
        if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED {
            Self::Unknown { cause: "the platform failed while working on it", error: Some(error) }
        } else {
            Self::Refused(error)
        }
    }
}

/// An error that may be due to credentials that the platform no longer takes.
pub trait CredentialsRefusal {
    /// Whether the platform refused the credentials, and did nothing.
    fn is_credentials_refusal(&self) -> bool;
}

impl CredentialsRefusal for ApiError {
    fn is_credentials_refusal(&self) -> bool {
        matches!(self, Self::Credentials(_))
    }
}

/// The longest code of an error.
const MAXIMUM_CODE_BYTES: usize = 100;

/// Whether a platform's code or correlation id is a word such as `bad.request`. They go into the log; a sentence does not.
pub(crate) fn is_code(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MAXIMUM_CODE_BYTES).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> ApiError {
        let error = PlatformError { status, ..PlatformError::default() };
        ApiError::from_answer(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), error)
    }

    #[test]
    fn a_5xx_leaves_the_outcome_open_but_for_501() {
        for status in [500, 502, 503, 504] {
            assert!(matches!(answer(status), ApiError::Unknown { .. }), "{status}");
        }
        assert!(matches!(answer(501), ApiError::Refused(_)));
    }

    #[test]
    fn only_what_an_operator_has_to_put_right_counts_as_credentials_refused() {
        let refused = |status, code: &str| {
            let error = PlatformError { status, code: Some(code.to_owned()), ..PlatformError::default() };
            ApiError::Refused(error).outcome()
        };
        assert_eq!(CallOutcome::CredentialsRefused, ApiError::Credentials(PlatformError::default()).outcome());
        assert_eq!(CallOutcome::CredentialsRefused, refused(403, "missing.any.permissions"));
        for (status, code) in [(401, "authentication.required"), (403, "not.authorized"), (400, "missing.value")] {
            assert_eq!(CallOutcome::Refused, refused(status, code), "{status} {code}");
        }
    }

    #[test]
    fn what_may_be_repeated_depends_on_whether_it_may_be_done_twice() {
        let unknown = answer(503);
        assert!(unknown.is_worth_repeating(true) && !unknown.is_worth_repeating(false));
        for always in [ApiError::NotSent("x"), answer(429)] {
            assert!(always.is_worth_repeating(false));
        }
        assert!(!answer(400).is_worth_repeating(true));
    }
}
