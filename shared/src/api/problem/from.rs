//! The problem for each error of a load, of a platform's call and of a file.

use super::{NOT_RETRIED, Problem, ProblemType, as_sentence};
use crate::integration::LoadError;
use crate::media::MediaError;
use crate::platform::ApiError;
use http::StatusCode;

impl From<LoadError> for Problem {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::NotFound => {
                Self::new(ProblemType::IntegrationNotFound, "No integration with this name is configured.")
            }
            // The log has the errors; they are for the operator, not for the caller.
            LoadError::Invalid(_) => Self::unavailable("The integration's configuration is invalid."),
            LoadError::Unavailable(_) => Self::unavailable("The integration's configuration cannot be read."),
            // It may be a new integration: a 404 would be final.
            LoadError::TooManyUnknown => {
                Self::unavailable("Too many unknown integrations were requested, so that this one was not looked up.")
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
                let explanation = "The platform refused the integration's credentials.";
                Self { platform: Some(error.into()), ..Self::new(ProblemType::PlatformCredentials, explanation) }
            }
            error @ ApiError::NotAuthorized { .. } => {
                Self::new(ProblemType::PlatformCredentials, as_sentence(&error.to_string()))
            }
            ApiError::Unsupported => Self::new(ProblemType::NotSupported, "The platform does not support this call."),
            ApiError::InvalidRequest(fault) => Self::invalid_body(vec![fault]),
            ApiError::TooLarge { maximum } => {
                Self::new(ProblemType::BodyTooLarge, format!("The platform accepts at most {maximum} bytes."))
            }
            ApiError::NotSent(_) => Self::unavailable("The platform cannot be reached.").nothing_sent(),
            ApiError::TooEarly(error) => {
                let problem = Self::unavailable("The platform does not know the message yet.").nothing_sent();
                Self { platform: Some(error.into()), ..problem }
            }
            ApiError::RateLimited { retry_after } => {
                let problem = Self::new(ProblemType::RateLimited, "The platform's rate limit is exceeded.");
                Self { retry_after: Some(retry_after), ..problem.nothing_sent() }
            }
            ApiError::Refused(error) => {
                let explanation = "The platform refused the request; `platform` has its error.";
                Self { platform: Some(error.into()), ..Self::new(ProblemType::PlatformRefused, explanation) }
            }
            ApiError::OutcomeUnknown { error, .. } => {
                Self { platform: error.map(Box::new), ..Self::new(ProblemType::OutcomeUnknown, NOT_RETRIED) }
            }
        }
    }
}

/// A file that cannot be fetched: the caller has to change something, or can try again.
impl From<MediaError> for Problem {
    fn from(error: MediaError) -> Self {
        let explanation = as_sentence(&error.to_string());
        let problem = if error.is_client_error() {
            Self::new(ProblemType::MediaRefused, explanation)
        } else {
            Self::unavailable(explanation)
        };
        problem.nothing_sent()
    }
}
