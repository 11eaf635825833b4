mod names;

use super::Integration;
use crate::aws::{self, MissingSetting, setting};
use crate::digest::Identity;
use crate::json::fields::Fault;
use crate::model::integration_name::IntegrationName;
use crate::platform::CredentialsRefusal;
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use names::Names;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a configuration is used before it is read again, where the template does not say.
pub const DEFAULT_TIME_TO_LIVE: Duration = Duration::from_secs(300);
/// The setting that says it, in seconds.
const TIME_TO_LIVE: &str = "CONFIGURATION_CACHE_SECONDS";
/// How much longer than that a configuration may show its effect: an attempt that began with it ends within this time, and
/// so does the pause after a read that failed or was forced.
pub const SETTLING_TIME: Duration = Duration::from_secs(20);
/// How long it is remembered that an integration is unknown or its configuration unusable, how long a failed renewal
/// is not repeated, and how far apart two forced renewals are at the least.
const PAUSE: Duration = Duration::from_secs(10);

/// The integrations' configurations: read from Secrets Manager when they are needed, and kept.
///
/// Concurrent requests for one integration make one read. When a renewal fails, the last good configuration serves on.
/// An integration whose secret is deleted is gone at the next renewal. Names that no integration has are read on a
/// budget; those of integrations that were there before always.
#[derive(Debug)]
pub struct IntegrationStore {
    client: Client,
    prefix: String,
    time_to_live: Duration,
    names: Mutex<Names>,
}

/// The inner lock is held over a read, which is what makes concurrent requests share it.
type Entry = tokio::sync::Mutex<Known>;

#[derive(Debug, Default)]
struct Known {
    last_good: Option<Good>,
    failure: Option<LoadError>,
    fresh_until: Option<Instant>,
    forced_at: Option<Instant>,
}

/// A configuration that was read. While its document and the version stay the same, it does too.
#[derive(Debug, Clone)]
struct Good {
    integration: Arc<Integration>,
    document: Identity,
}

/// Why there is no configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// No such secret, or one that is marked for deletion.
    #[error("no integration of this name is configured")]
    NotFound,
    /// The secret's document has faults.
    #[error("the integration's configuration is not usable: {}", list(.0))]
    Invalid(Vec<Fault>),
    /// Secrets Manager did not answer, or refused.
    #[error("Secrets Manager is out of reach: {0}")]
    Unavailable(String),
    /// Too many names that no integration has were asked for, so that this one, which is not known, is not looked up now.
    #[error("too many unknown integrations were asked for; this one is not looked up now")]
    TooManyUnknown,
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl IntegrationStore {
    /// A store over the secrets named `<prefix>/<integration>`, each of which is read again after `time_to_live`.
    #[must_use]
    pub fn new(client: Client, prefix: impl Into<String>, time_to_live: Duration) -> Self {
        Self { client, prefix: prefix.into(), time_to_live, names: Mutex::new(Names::new()) }
    }

    /// The store that the function's environment names.
    ///
    /// # Errors
    /// The environment names none.
    pub fn connect(config: &SdkConfig) -> Result<Self, MissingSetting> {
        // A function whose code is newer than its settings, in the middle of a deployment, has the default.
        let seconds = setting(TIME_TO_LIVE).ok().and_then(|seconds| seconds.parse().ok());
        let time_to_live = seconds.map_or(DEFAULT_TIME_TO_LIVE, Duration::from_secs);
        Ok(Self::new(Client::new(config), setting("SECRET_PREFIX")?, time_to_live))
    }

    /// The configuration of `name`, no older than the time to live unless Secrets Manager is out of reach.
    ///
    /// # Errors
    /// See [`LoadError`]. That an integration is unknown or its configuration unusable is remembered for ten seconds.
    pub async fn get(&self, name: &IntegrationName) -> Result<Arc<Integration>, LoadError> {
        let entry = self.names().entry(name);
        let mut known = entry.lock().await;
        if known.fresh_until.is_none_or(|until| until <= Instant::now()) {
            if self.names().may_read(name) {
                self.renew(name, &mut known).await;
            } else if known.last_good.is_none() {
                return Err(LoadError::TooManyUnknown);
            }
        }
        known.answer()
    }

    /// Checks a proof against `integration`. Where it fails and `may_be_stale` says that newer secrets could make a
    /// difference, it is checked once more against a configuration that is read now, if that is another one.
    ///
    /// # Errors
    /// As [`Self::get`]; and where a fresh configuration was to be read and could not be, that is an error even when an
    /// older one is known, because that one has just proved not to do. Inside, those of the check.
    pub async fn with_refresh<T, E>(
        &self,
        integration: Arc<Integration>,
        check: impl Fn(&Integration) -> Result<T, E>,
        may_be_stale: impl FnOnce(&E) -> bool,
    ) -> Result<Result<(Arc<Integration>, T), E>, LoadError> {
        let error = match check(&integration) {
            Ok(proved) => return Ok(Ok((integration, proved))),
            Err(error) => error,
        };
        if !may_be_stale(&error) {
            return Ok(Err(error));
        }
        let fresh = self.refreshed(&integration).await?;
        if Arc::ptr_eq(&fresh, &integration) {
            return Ok(Err(error));
        }
        Ok(check(&fresh).map(|proved| (fresh, proved)))
    }

    /// The configuration of which `seen` is an older reading, or `seen` itself where nothing has changed. Within ten
    /// seconds of an earlier forced read the known one is returned.
    ///
    /// # Errors
    /// As [`Self::get`]; when the last read failed, that is an error here even when an older configuration is known,
    /// because that one has just proved not to do.
    pub async fn refreshed(&self, seen: &Arc<Integration>) -> Result<Arc<Integration>, LoadError> {
        let entry = self.names().entry(&seen.name);
        let mut known = entry.lock().await;
        let replaced = known.last_good.as_ref().is_some_and(|good| !Arc::ptr_eq(&good.integration, seen));
        let too_soon = known.forced_at.is_some_and(|at| at.elapsed() < PAUSE);
        if !replaced && !too_soon {
            known.forced_at = Some(Instant::now());
            self.renew(&seen.name, &mut known).await;
        }
        match &known.failure {
            Some(failure) => Err(failure.clone()),
            None => known.answer(),
        }
    }

    /// Makes a call to the platform. Where the platform refuses the credentials, the configuration is read again, and the
    /// call is made once more if it is another one: a secret may have been replaced. A refused call was not accepted, so
    /// that this doubles nothing.
    ///
    /// # Errors
    /// The call's own.
    pub async fn with_current<A, E: CredentialsRefusal, F: Future<Output = Result<A, E>>>(
        &self,
        integration: &Arc<Integration>,
        mut call: impl FnMut(Arc<Integration>) -> F,
    ) -> Result<A, E> {
        let result = call(Arc::clone(integration)).await;
        if !result.as_ref().is_err_and(CredentialsRefusal::is_credentials_refusal) {
            return result;
        }
        match self.refreshed(integration).await {
            Ok(current) if !Arc::ptr_eq(&current, integration) => call(current).await,
            _ => result,
        }
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn renew(&self, name: &IntegrationName, known: &mut Known) {
        let now = Instant::now();
        let read = self.read(name, known.last_good.as_ref()).await;
        self.names().was_read(name, read.as_ref().err());
        match read {
            Ok(good) => {
                known.last_good = Some(good);
                known.failure = None;
                known.fresh_until = Some(now + self.time_to_live);
            }
            Err(failure) => {
                if failure == LoadError::NotFound {
                    known.last_good = None;
                } else {
                    tracing::error!(integration = %name, serving_last_good = known.last_good.is_some(), "{failure}");
                }
                // Without anything to serve, the next request asks again at once.
                let asks_again = known.last_good.is_none() && matches!(failure, LoadError::Unavailable(_));
                known.fresh_until = (!asks_again).then_some(now + PAUSE);
                known.failure = Some(failure);
            }
        }
    }

    async fn read(&self, name: &IntegrationName, last_good: Option<&Good>) -> Result<Good, LoadError> {
        let secret_id = format!("{}/{name}", self.prefix);
        let secret =
            self.client.get_secret_value().secret_id(secret_id).send().await.map_err(|error| refused(&error))?;
        let text = secret.secret_string().unwrap_or_default();
        let document = Identity::of_bytes(text.as_bytes());
        let version = secret.version_id();
        let is_same = |good: &&Good| good.document == document && good.integration.version.as_deref() == version;
        if let Some(good) = last_good.filter(is_same) {
            return Ok(good.clone());
        }
        let integration = Integration::parse(name.clone(), text).map_err(LoadError::Invalid)?;
        let integration = Integration { version: version.map(str::to_owned), ..integration };
        Ok(Good { integration: Arc::new(integration), document })
    }
}

impl Known {
    fn answer(&self) -> Result<Arc<Integration>, LoadError> {
        match (&self.last_good, &self.failure) {
            (Some(good), _) => Ok(Arc::clone(&good.integration)),
            (None, Some(failure)) => Err(failure.clone()),
            (None, None) => Err(LoadError::Unavailable("it has not been asked yet".to_owned())),
        }
    }
}

fn refused(error: &SdkError<GetSecretValueError>) -> LoadError {
    match error.as_service_error() {
        // A secret that is marked for deletion answers "invalid request".
        Some(GetSecretValueError::ResourceNotFoundException(_) | GetSecretValueError::InvalidRequestException(_)) => {
            LoadError::NotFound
        }
        _ => LoadError::Unavailable(aws::cause(error)),
    }
}

#[cfg(test)]
mod tests;
