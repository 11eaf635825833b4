//! The AWS SDK: configuration, errors for the log, and the function's environment.

mod http;
pub mod retry;

use crate::http_client::{HttpClient, HttpClientError};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{IdentityCache, StalledStreamProtectionConfig};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::sdk_config::SharedCredentialsProvider;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use std::error::Error;
use std::num::NonZeroU32;
use std::time::Duration;
use url::Url;

/// Timeout of an AWS request, retries included. A platform waits ten seconds for the response to a webhook, in which the
/// receiver may need three requests: two reads of the integration's secret and the write to the queue.
pub const OPERATION_TIMEOUT: Duration = Duration::from_millis(3_000);
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1_400);

/// As the SDK's own HTTP client has it. The SDK retries a request on a connection that AWS has closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";

/// How many times as long a request may take. Only the local stack sets it: the emulated AWS shares the processors with
/// everything else on the machine, which may keep it waiting for seconds.
const TIMEOUT_FACTOR: &str = "AWS_TIMEOUT_FACTOR";

/// A service that a function calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    DynamoDb,
    SecretsManager,
    Sqs,
}

/// Region and credentials from the environment, as Lambda sets them, timeouts, and one retry. A connection to each of
/// these services is open when it returns, if they can be reached under their usual host names.
///
/// # Errors
/// An environment variable is missing, or the HTTP client could not be set up.
pub async fn connect(http: &HttpClient, services: &[Service]) -> Result<SdkConfig, ConnectError> {
    connect_with(http.with_idle_timeout(IDLE_TIMEOUT)?, services).await
}

/// Like [`connect`], for a function that calls nothing but AWS.
///
/// # Errors
/// As for [`connect`].
pub async fn connect_only(services: &[Service]) -> Result<SdkConfig, ConnectError> {
    connect_with(HttpClient::from_env_with_idle_timeout(IDLE_TIMEOUT)?, services).await
}

async fn connect_with(http: HttpClient, services: &[Service]) -> Result<SdkConfig, ConnectError> {
    let region = required_env("AWS_REGION")?;
    let (use_fips, use_dual_stack) = (is_set("AWS_USE_FIPS_ENDPOINT"), is_set("AWS_USE_DUALSTACK_ENDPOINT"));
    if !use_fips && !use_dual_stack {
        http.preconnect(services.iter().filter_map(|service| service.origin(&region))).await;
    }
    let retries = RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(100));
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(credentials()?))
        .identity_cache(IdentityCache::no_cache())
        .http_client(http::sdk_client(http))
        .region(Region::new(region))
        .retry_config(retries)
        .service_config(Environment)
        .use_dual_stack(use_dual_stack)
        .use_fips(use_fips)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::new(SystemTimeSource::new()))
        // An attempt has a timeout, and its body is in memory.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .timeout_config(timeouts(required_env(TIMEOUT_FACTOR).ok().as_deref()));
    config.set_endpoint_url(required_env(ENDPOINT_URL).ok());
    Ok(config.build())
}

/// The timeouts of a request. A factor that is not a positive number is none.
fn timeouts(factor: Option<&str>) -> TimeoutConfig {
    let factor = factor.and_then(|factor| factor.parse().ok()).map_or(1, NonZeroU32::get);
    TimeoutConfig::builder()
        .operation_timeout(OPERATION_TIMEOUT.saturating_mul(factor))
        .operation_attempt_timeout(ATTEMPT_TIMEOUT.saturating_mul(factor))
        .build()
}

/// Why the SDK could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error(transparent)]
    Environment(#[from] MissingEnv),
    #[error(transparent)]
    Http(#[from] HttpClientError),
}

fn is_set(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Lambda sets them once: they live longer than the process.
fn credentials() -> Result<Credentials, MissingEnv> {
    let (id, secret) = (required_env("AWS_ACCESS_KEY_ID")?, required_env("AWS_SECRET_ACCESS_KEY")?);
    Ok(Credentials::new(id, secret, required_env("AWS_SESSION_TOKEN").ok(), None, "environment"))
}

impl Service {
    /// Where the SDK calls the service. `None` in partitions whose host names are others.
    fn origin(self, region: &str) -> Option<Url> {
        let (host, id) = match self {
            Self::DynamoDb => ("dynamodb", "DynamoDB"),
            Self::SecretsManager => ("secretsmanager", "Secrets Manager"),
            Self::Sqs => ("sqs", "SQS"),
        };
        let set = of_service(ENDPOINT_URL, id).or_else(|| required_env(ENDPOINT_URL).ok());
        let suffix = match region {
            _ if region.starts_with("cn-") => "amazonaws.com.cn",
            _ if region.contains("-iso") || region.starts_with("eusc-") => return set?.parse().ok(),
            _ => "amazonaws.com",
        };
        set.unwrap_or_else(|| format!("https://{host}.{region}.{suffix}")).parse().ok()
    }
}

/// Settings of single services in the environment. The local stack and VPC endpoints need the endpoint's URL.
/// Source: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>.
#[derive(Debug)]
struct Environment;

impl LoadServiceConfig for Environment {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        of_service(key.env(), key.service_id())
    }
}

fn of_service(variable: &str, service_id: &str) -> Option<String> {
    let service = service_id.to_ascii_uppercase().replace(' ', "_");
    std::env::var(format!("{variable}_{service}")).ok().filter(|value| !value.is_empty())
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

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use std::sync::{Arc, Mutex};

    /// Keeps the URLs that are called.
    #[derive(Debug, Clone, Default)]
    struct Called(Arc<Mutex<Vec<String>>>);

    impl HttpConnector for Called {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            self.0.lock().unwrap().push(request.uri().to_owned());
            HttpConnectorFuture::ready(Err(ConnectorError::user("not sent".into())))
        }
    }

    #[test]
    fn requests_may_take_longer_only_where_a_factor_is_set() {
        for (factor, expected) in [(None, 1), (Some("3"), 3), (Some("0"), 1), (Some("-1"), 1), (Some("long"), 1)] {
            let timeouts = timeouts(factor);
            assert_eq!(Some(OPERATION_TIMEOUT * expected), timeouts.operation_timeout(), "{factor:?}");
            assert_eq!(Some(ATTEMPT_TIMEOUT * expected), timeouts.operation_attempt_timeout(), "{factor:?}");
        }
    }

    #[tokio::test]
    async fn connections_are_opened_to_the_hosts_that_the_sdk_calls() {
        for region in ["eu-central-1", "cn-north-1", "us-gov-west-1"] {
            let called = Called::default();
            let connector = SharedHttpConnector::new(called.clone());
            let config = SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .credentials_provider(SharedCredentialsProvider::new(Credentials::new("id", "key", None, None, "test")))
                .http_client(http_client_fn(move |_, _| connector.clone()))
                .region(Region::new(region))
                .build();
            let _ = aws_sdk_dynamodb::Client::new(&config).list_tables().send().await;
            let _ = aws_sdk_secretsmanager::Client::new(&config).list_secrets().send().await;
            let _ = aws_sdk_sqs::Client::new(&config).list_queues().send().await;
            let origins = [Service::DynamoDb, Service::SecretsManager, Service::Sqs];
            let origins = origins.map(|service| service.origin(region).unwrap().to_string());
            assert_eq!(origins.to_vec(), *called.0.lock().unwrap(), "{region}");
        }
    }
}
