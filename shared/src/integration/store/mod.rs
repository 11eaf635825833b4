//! The cache of configurations, which are stored in Secrets Manager.

mod names;
use super::Integration;
use crate::aws::{self, MissingEnv, required_env};
use crate::channel::ChannelConfig;
use crate::digest::Digest;
use crate::json::fields::FieldError;
use crate::model::integration_name::IntegrationName;
use crate::platform::CredentialsRefusal;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_types::SdkConfig;
use names::Names;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The default for how long a configuration is cached.
pub const DEFAULT_TIME_TO_LIVE: Duration = Duration::from_secs(300);
/// The environment variable for it, in seconds.
const TIME_TO_LIVE: &str = "CONFIGURATION_CACHE_SECONDS";
/// How much longer an outdated configuration may have an effect: attempts that started with it end within this time, and so
/// does [`REFRESH_COOLDOWN`].
pub const SETTLING_TIME: Duration = Duration::from_secs(20);
/// How long errors are cached, and the minimum interval between forced refreshes.
const REFRESH_COOLDOWN: Duration = Duration::from_secs(10);

/// Reads configurations from Secrets Manager on demand, and caches them.
///
/// Concurrent requests for an integration share one read. If a refresh fails, the last good configuration stays in use. If
/// the secret has been deleted, the integration is removed at the next refresh. Reads of unknown names are rate limited;
/// those of known integrations are not.
#[derive(Debug)]
pub struct IntegrationStore {
    client: Client,
    prefix: String,
    time_to_live: Duration,
    names: Mutex<Names>,
}

/// The lock is held during a read, so that concurrent requests share it.
type Entry = tokio::sync::Mutex<CacheEntry>;

#[derive(Debug, Default)]
struct CacheEntry {
    last_good: Option<CachedConfig>,
    failure: Option<LoadError>,
    fresh_until: Option<Instant>,
    forced_at: Option<Instant>,
}

/// A configuration with the digest of its document, so that a refresh without changes returns the same `Arc`.
#[derive(Debug, Clone)]
struct CachedConfig {
    integration: Arc<Integration>,
    document: Digest,
}

/// Why a configuration could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The secret does not exist or is marked for deletion.
    #[error("no integration of this name is configured")]
    NotFound,
    #[error("the integration's configuration is invalid: {}", join(.0))]
    Invalid(Vec<FieldError>),
    #[error("Secrets Manager is unavailable: {0}")]
    Unavailable(String),
    /// The name is unknown, and the rate limit for unknown names is exceeded.
    #[error("too many requests for unknown integrations; this one is not looked up now")]
    TooManyUnknown,
}

fn join(errors: &[FieldError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl IntegrationStore {
    /// A store for the secrets named `<prefix>/<integration>`, which are cached for `time_to_live`.
    #[must_use]
    pub fn new(client: Client, prefix: impl Into<String>, time_to_live: Duration) -> Self {
        Self { client, prefix: prefix.into(), time_to_live, names: Mutex::new(Names::new()) }
    }

    /// The store that the environment of the function configures.
    ///
    /// # Errors
    /// An environment variable is missing.
    pub fn connect(config: &SdkConfig) -> Result<Self, MissingEnv> {
        // During a deployment, the variable may still be missing.
        let seconds = required_env(TIME_TO_LIVE).ok().and_then(|seconds| seconds.parse().ok());
        let time_to_live = seconds.map_or(DEFAULT_TIME_TO_LIVE, Duration::from_secs);
        Ok(Self::new(Client::new(config), required_env("SECRET_PREFIX")?, time_to_live))
    }

    /// The configuration of `name`. It is only older than the time to live if Secrets Manager is unavailable.
    ///
    /// # Errors
    /// See [`LoadError`]. Errors are cached for [`REFRESH_COOLDOWN`].
    pub async fn get(&self, name: &IntegrationName) -> Result<Arc<Integration>, LoadError> {
        let entry = self.names().entry(name);
        let mut cached = entry.lock().await;
        if cached.fresh_until.is_none_or(|until| until <= Instant::now()) {
            if self.names().may_read(name) {
                self.reload(name, &mut cached).await;
            } else if cached.last_good.is_none() {
                return Err(LoadError::TooManyUnknown);
            }
        }
        cached.result()
    }

    /// Runs a check with `integration`. If it fails and `may_be_stale` says that newer secrets could make a difference, the
    /// configuration is refreshed, and the check is repeated if the configuration has changed.
    ///
    /// # Errors
    /// A failed refresh, even if an older configuration is cached, because the check has just failed with that one. The
    /// inner result is that of the check.
    pub async fn with_refresh<T, E>(
        &self,
        integration: Arc<Integration>,
        check: impl Fn(&Integration) -> Result<T, E>,
        may_be_stale: impl FnOnce(&E) -> bool,
    ) -> Result<Result<(Arc<Integration>, T), E>, LoadError> {
        let error = match check(&integration) {
            Ok(checked) => return Ok(Ok((integration, checked))),
            Err(error) => error,
        };
        if !may_be_stale(&error) {
            return Ok(Err(error));
        }
        let fresh = self.refresh_if_stale(&integration).await?;
        if Arc::ptr_eq(&fresh, &integration) {
            return Ok(Err(error));
        }
        Ok(check(&fresh).map(|checked| (fresh, checked)))
    }

    /// Opens what a channel's secret has sealed, and returns the configuration that opened it: during a rotation that may be a
    /// newer one than the cached one. `None` if none does.
    ///
    /// # Errors
    /// Those of [`with_refresh`](Self::with_refresh).
    pub async fn open_sealed<T>(
        &self,
        integration: Arc<Integration>,
        open: impl Fn(&ChannelConfig) -> Option<T>,
    ) -> Result<Option<(Arc<Integration>, T)>, LoadError> {
        let open = |integration: &Integration| integration.destination.channel().and_then(&open).ok_or(());
        Ok(self.with_refresh(integration, open, |()| true).await?.ok())
    }

    /// Refreshes a configuration that may be outdated. Returns the same `Arc` if it has not changed. Within
    /// [`REFRESH_COOLDOWN`] after a refresh, the cached one is returned.
    ///
    /// # Errors
    /// The last read failed, even if an older configuration is cached.
    pub async fn refresh_if_stale(&self, stale: &Arc<Integration>) -> Result<Arc<Integration>, LoadError> {
        let entry = self.names().entry(&stale.name);
        let mut cached = entry.lock().await;
        let replaced = cached.last_good.as_ref().is_some_and(|good| !Arc::ptr_eq(&good.integration, stale));
        let too_soon = cached.forced_at.is_some_and(|at| at.elapsed() < REFRESH_COOLDOWN);
        if !replaced && !too_soon {
            cached.forced_at = Some(Instant::now());
            self.reload(&stale.name, &mut cached).await;
        }
        match &cached.failure {
            Some(failure) => Err(failure.clone()),
            None => cached.result(),
        }
    }

    /// Calls the platform. If it rejects the credentials, which may have been rotated, the configuration is refreshed, and
    /// the call is retried once if the configuration has changed. A rejected call had no effect, so the retry is safe.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn with_current<A, E: CredentialsRefusal, F: Future<Output = Result<A, E>>>(
        &self,
        integration: &Arc<Integration>,
        mut call: impl FnMut(Arc<Integration>) -> F,
    ) -> Result<A, E> {
        let result = call(Arc::clone(integration)).await;
        if !result.as_ref().is_err_and(CredentialsRefusal::is_credentials_refusal) {
            return result;
        }
        match self.refresh_if_stale(integration).await {
            Ok(current) if !Arc::ptr_eq(&current, integration) => call(current).await,
            _ => result,
        }
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn reload(&self, name: &IntegrationName, cached: &mut CacheEntry) {
        let now = Instant::now();
        let read = self.read(name, cached.last_good.as_ref()).await;
        self.names().was_read(name, read.as_ref().err());
        match read {
            Ok(good) => {
                cached.last_good = Some(good);
                cached.failure = None;
                cached.fresh_until = Some(now + self.time_to_live);
            }
            Err(failure) => {
                if failure == LoadError::NotFound {
                    cached.last_good = None;
                } else {
                    tracing::error!(integration = %name, serving_last_good = cached.last_good.is_some(), "{failure}");
                }
                // Without a configuration to serve, the next request retries at once.
                let retry_at_once = cached.last_good.is_none() && matches!(failure, LoadError::Unavailable(_));
                cached.fresh_until = (!retry_at_once).then_some(now + REFRESH_COOLDOWN);
                cached.failure = Some(failure);
            }
        }
    }

    async fn read(&self, name: &IntegrationName, last_good: Option<&CachedConfig>) -> Result<CachedConfig, LoadError> {
        let secret_id = format!("{}/{name}", self.prefix);
        let secret =
            self.client.get_secret_value().secret_id(secret_id).send().await.map_err(|error| load_error(&error))?;
        let text = secret.secret_string().unwrap_or_default();
        let document = Digest::of_bytes(text.as_bytes());
        let version = secret.version_id();
        let is_same =
            |good: &&CachedConfig| good.document == document && good.integration.version.as_deref() == version;
        if let Some(good) = last_good.filter(is_same) {
            return Ok(good.clone());
        }
        let integration = Integration::parse(name.clone(), text).map_err(LoadError::Invalid)?;
        let integration = Integration { version: version.map(str::to_owned), ..integration };
        Ok(CachedConfig { integration: Arc::new(integration), document })
    }
}

impl CacheEntry {
    fn result(&self) -> Result<Arc<Integration>, LoadError> {
        match (&self.last_good, &self.failure) {
            (Some(good), _) => Ok(Arc::clone(&good.integration)),
            (None, Some(failure)) => Err(failure.clone()),
            (None, None) => Err(LoadError::Unavailable("the configuration has not been read yet".to_owned())),
        }
    }
}

fn load_error(error: &SdkError<GetSecretValueError>) -> LoadError {
    match error.as_service_error() {
        // A secret that is marked for deletion causes an `InvalidRequestException`.
        Some(GetSecretValueError::ResourceNotFoundException(_) | GetSecretValueError::InvalidRequestException(_)) => {
            LoadError::NotFound
        }
        _ => LoadError::Unavailable(aws::sdk_error(error)),
    }
}

#[cfg(test)]
mod tests;
