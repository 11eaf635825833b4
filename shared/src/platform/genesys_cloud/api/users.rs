//! Looks up users by email address.

use super::{Call, Client};
use crate::platform::genesys_cloud::config::Config;
use crate::platform::{ApiError, UserLookup};
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

const TIME_TO_LIVE: Duration = Duration::from_secs(600);
/// Maximum number of cached addresses.
const MAXIMUM_ENTRIES: usize = 10_000;

/// The cache of users that were looked up.
#[derive(Default)]
pub(super) struct Users {
    cached: Mutex<HashMap<Key, (String, Instant)>>,
}

/// Hides the addresses.
impl fmt::Debug for Users {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Users").finish_non_exhaustive()
    }
}

/// Platform, client and address.
type Key = (String, String, String);

#[derive(Deserialize, Default)]
#[serde(default)]
struct Page {
    entities: Vec<User>,
    total: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct User {
    id: String,
    email: Option<String>,
}

impl Client {
    /// Looks up a user, in the cache or on the platform.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn find_user(&self, config: &Config, email: &str, deadline: Instant) -> Result<UserLookup, ApiError> {
        let key = key(config, email);
        if let Some(id) = self.users.get(&key) {
            return Ok(UserLookup::Found { id, cached: true });
        }
        let query = [("email", email), ("pageSize", "1")];
        let page: Page = self.call(config, &Call::get(&["api", "v2", "users"]).with_query(&query), deadline).await?;
        let found = page.resolve(email);
        if let UserLookup::Found { id, .. } = &found {
            self.users.insert(key, id);
        }
        Ok(found)
    }

    /// Removes an address from the cache, because its user does not exist any more.
    pub fn forget_user(&self, config: &Config, email: &str) {
        self.users.lock().remove(&key(config, email));
    }
}

impl Page {
    /// The user with exactly this address, regardless of what the platform considers a match. The page contains only one
    /// user, so a larger total is ambiguous.
    fn resolve(self, email: &str) -> UserLookup {
        if self.total.is_some_and(|total| total > 1) {
            return UserLookup::Ambiguous;
        }
        let theirs = |user: &User| user.email.as_ref().is_none_or(|theirs| theirs.eq_ignore_ascii_case(email));
        let mut users = self.entities.into_iter().filter(|user| !user.id.is_empty() && theirs(user));
        match (users.next(), users.next()) {
            (Some(user), None) => UserLookup::Found { id: user.id, cached: false },
            (None, _) => UserLookup::NotFound,
            (Some(_), Some(_)) => UserLookup::Ambiguous,
        }
    }
}

impl Users {
    fn get(&self, key: &Key) -> Option<String> {
        let cached = self.lock();
        cached.get(key).filter(|(_, until)| Instant::now() < *until).map(|(id, _)| id.clone())
    }

    fn insert(&self, key: Key, id: &str) {
        let mut cached = self.lock();
        if cached.len() >= MAXIMUM_ENTRIES {
            cached.clear();
        }
        cached.insert(key, (id.to_owned(), Instant::now() + TIME_TO_LIVE));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, (String, Instant)>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(config: &Config, email: &str) -> Key {
    (config.region.api_url().to_string(), config.client_id.clone(), email.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(json: &str) -> UserLookup {
        serde_json::from_str::<Page>(json).unwrap().resolve("Ada@example.com")
    }

    #[test]
    fn only_a_single_user_with_exactly_this_address_is_found() {
        for one in [r#"{"entities":[{"id":"u","email":"ada@example.com"}]}"#, r#"{"entities":[{"id":"u"}],"total":1}"#]
        {
            assert_eq!(UserLookup::Found { id: "u".to_owned(), cached: false }, page(one));
        }
        for none in [r#"{"entities":[],"total":0}"#, "{}", r#"{"entities":[{"id":"u","email":"bob@example.com"}]}"#] {
            assert_eq!(UserLookup::NotFound, page(none));
        }
        for several in [r#"{"entities":[{"id":"u"}],"total":2}"#, r#"{"entities":[{"id":"u"},{"id":"v"}]}"#] {
            assert_eq!(UserLookup::Ambiguous, page(several));
        }
    }
}
