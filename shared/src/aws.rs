//! The AWS SDK: configuration, errors for the log, and the function's environment.

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;
use std::time::Duration;

/// Timeout of an AWS request, retries included. A platform waits ten seconds for the response to a webhook, in which the
/// receiver may need three requests: two reads of the integration's secret and the write to the queue.
pub const OPERATION_TIMEOUT: Duration = Duration::from_millis(3_000);
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1_400);
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1_000);

/// Region and credentials from the environment, timeouts, and one retry.
pub async fn config() -> SdkConfig {
    aws_config::defaults(aws_config::BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(100)))
        .timeout_config(
            TimeoutConfig::builder()
                .operation_timeout(OPERATION_TIMEOUT)
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .connect_timeout(CONNECT_TIMEOUT)
                .build(),
        )
        .load()
        .await
}

/// An SDK error with its causes, for the log. Never log its debug form: that contains the response body, which may hold
/// secrets.
#[must_use]
pub fn sdk_error<E, R>(error: &SdkError<E, R>) -> String
where
    SdkError<E, R>: Error + ProvideErrorMetadata,
{
    let code = error.code().map(|code| format!(": code {code}")).unwrap_or_default();
    format!("{}{code}", error_chain(error))
}

/// An error and its sources, outermost first.
#[must_use]
pub fn error_chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", error_chain(source)),
        None => error.to_string(),
    }
}

/// Reads an environment variable that the template sets.
///
/// # Errors
/// The variable is missing or empty.
pub fn required_env(name: &'static str) -> Result<String, MissingEnv> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or(MissingEnv(name))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not set")]
pub struct MissingEnv(&'static str);
