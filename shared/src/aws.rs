//! The AWS SDK, set up once a process.

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;
use std::time::Duration;

/// A request to AWS is given up after this long, repeats included. A platform waits ten seconds for its answer, and in
/// that time the receiver may need three of them: two reads of the integration's secret and the write to the queue.
pub const OPERATION_TIMEOUT: Duration = Duration::from_millis(3_000);
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1_400);
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1_000);

/// Region and credentials from the environment, bounded time-outs, and one repeat.
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

/// An SDK error with its causes, for the log. Never its debug form: that holds the answer's body, and with it secrets.
#[must_use]
pub fn cause<E, R>(error: &SdkError<E, R>) -> String
where
    SdkError<E, R>: Error + ProvideErrorMetadata,
{
    let code = error.code().map(|code| format!(": code {code}")).unwrap_or_default();
    format!("{}{code}", chain(error))
}

/// An error and its causes, from the outside in.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

/// A setting that the template gives the function.
///
/// # Errors
/// The variable is not set, or empty.
pub fn setting(name: &'static str) -> Result<String, MissingSetting> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or(MissingSetting(name))
}

/// An environment variable that the function cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not set")]
pub struct MissingSetting(&'static str);
