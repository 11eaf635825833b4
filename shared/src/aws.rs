//! The AWS SDK, set up once a process.

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use std::time::Duration;

/// A request to AWS is given up after this long, repeats included. A platform waits ten seconds for its answer, and in
/// that time the receiver may need two of them.
const OPERATION_TIMEOUT: Duration = Duration::from_millis(4_000);
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1_900);
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
