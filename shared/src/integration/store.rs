use super::{Integration, IntegrationName};
use crate::aws;
use crate::fields::Fault;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a configuration is used before it is read again.
const TIME_TO_LIVE: Duration = Duration::from_secs(300);
/// How long it is remembered that an integration is unknown or its configuration unusable, how long a failed renewal
/// is not repeated, and how far apart two forced renewals are at the least.
const PAUSE: Duration = Duration::from_secs(10);
/// How many integrations are remembered. Names come from URLs, so anybody can make them up.
const MAXIMUM_ENTRIES: usize = 1_000;

/// The integrations' configurations: read from Secrets Manager when they are needed, and kept.
///
/// Concurrent requests for one integration make one read. When a renewal fails, the last good configuration serves on.
/// An integration whose secret is deleted is gone at the next renewal.
#[derive(Debug)]
pub struct IntegrationStore {
    client: Client,
    prefix: String,
    entries: Mutex<HashMap<IntegrationName, Arc<Entry>>>,
}

/// The inner lock is held over a read, which is what makes concurrent requests share it.
type Entry = tokio::sync::Mutex<Known>;

#[derive(Debug, Default)]
struct Known {
    last_good: Option<Arc<Integration>>,
    failure: Option<LoadError>,
    fresh_until: Option<Instant>,
    forced_at: Option<Instant>,
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
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl IntegrationStore {
    /// A store over the secrets named `<prefix>/<integration>`.
    #[must_use]
    pub fn new(client: Client, prefix: impl Into<String>) -> Self {
        Self { client, prefix: prefix.into(), entries: Mutex::default() }
    }

    /// The configuration of `name`, at most five minutes old unless Secrets Manager is out of reach.
    ///
    /// # Errors
    /// See [`LoadError`]. That an integration is unknown or its configuration unusable is remembered for ten seconds.
    pub async fn get(&self, name: &IntegrationName) -> Result<Arc<Integration>, LoadError> {
        let entry = self.entry(name);
        let mut known = entry.lock().await;
        if known.fresh_until.is_none_or(|until| until <= Instant::now()) {
            self.renew(name, &mut known).await;
        }
        known.answer()
    }

    /// The configuration of `name`, read anew because `seen` did not do: a secret may have been rotated. Within ten
    /// seconds of an earlier forced read the known one is returned.
    ///
    /// # Errors
    /// As [`Self::get`]; when the last read failed, that is an error here even when an older configuration is known,
    /// because that one has just proved not to do.
    pub async fn renewed(
        &self,
        name: &IntegrationName,
        seen: &Arc<Integration>,
    ) -> Result<Arc<Integration>, LoadError> {
        let entry = self.entry(name);
        let mut known = entry.lock().await;
        let replaced = known.last_good.as_ref().is_some_and(|good| !Arc::ptr_eq(good, seen));
        let too_soon = known.forced_at.is_some_and(|at| at.elapsed() < PAUSE);
        if !replaced && !too_soon {
            known.forced_at = Some(Instant::now());
            self.renew(name, &mut known).await;
        }
        match &known.failure {
            Some(failure) => Err(failure.clone()),
            None => known.answer(),
        }
    }

    fn entry(&self, name: &IntegrationName) -> Arc<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(name) {
            return Arc::clone(entry);
        }
        if entries.len() >= MAXIMUM_ENTRIES {
            entries.retain(|_, entry| entry.try_lock().map_or(true, |known| known.last_good.is_some()));
        }
        if entries.len() >= MAXIMUM_ENTRIES {
            entries.clear();
        }
        Arc::clone(entries.entry(name.clone()).or_default())
    }

    async fn renew(&self, name: &IntegrationName, known: &mut Known) {
        let now = Instant::now();
        match self.read(name).await {
            Ok(integration) => {
                known.last_good = Some(Arc::new(integration));
                known.failure = None;
                known.fresh_until = Some(now + TIME_TO_LIVE);
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

    async fn read(&self, name: &IntegrationName) -> Result<Integration, LoadError> {
        let secret_id = format!("{}/{name}", self.prefix);
        let secret =
            self.client.get_secret_value().secret_id(secret_id).send().await.map_err(|error| refused(&error))?;
        let document = secret.secret_string().unwrap_or_default();
        Integration::parse(name.clone(), document).map_err(LoadError::Invalid)
    }
}

impl Known {
    fn answer(&self) -> Result<Arc<Integration>, LoadError> {
        match (&self.last_good, &self.failure) {
            (Some(good), _) => Ok(Arc::clone(good)),
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
