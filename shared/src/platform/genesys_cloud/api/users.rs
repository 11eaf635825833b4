//! The organisation's users, by their e-mail addresses.

use super::{Call, Client};
use crate::platform::genesys_cloud::config::Config;
use crate::platform::{ApiError, UserLookup};
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long an address is remembered.
const TIME_TO_LIVE: Duration = Duration::from_secs(600);
/// How many addresses are remembered.
const MAXIMUM_ENTRIES: usize = 10_000;

/// Addresses that were looked up.
#[derive(Default)]
pub(super) struct Users {
    known: Mutex<HashMap<Key, (String, Instant)>>,
}

/// Addresses stay out of whatever prints them.
impl fmt::Debug for Users {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Users").finish_non_exhaustive()
    }
}

/// The organisation, the client, and the address.
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
    /// Looks a user up, unless that was done a short while ago.
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
        let found = page.who_has(email);
        if let UserLookup::Found { id, .. } = &found {
            self.users.put(key, id);
        }
        Ok(found)
    }

    /// Forgets an address: its user turned out not to be there.
    pub fn forget_user(&self, config: &Config, email: &str) {
        self.users.lock().remove(&key(config, email));
    }
}

impl Page {
    /// Only who has just this address counts, whatever the platform takes for a match. Where there are more than the one
    /// that was asked for, who they are cannot be seen.
    fn who_has(self, email: &str) -> UserLookup {
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
        let known = self.lock();
        known.get(key).filter(|(_, until)| Instant::now() < *until).map(|(id, _)| id.clone())
    }

    fn put(&self, key: Key, id: &str) {
        let mut known = self.lock();
        if known.len() >= MAXIMUM_ENTRIES {
            known.clear();
        }
        known.insert(key, (id.to_owned(), Instant::now() + TIME_TO_LIVE));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, (String, Instant)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(config: &Config, email: &str) -> Key {
    (config.region.api_url().to_string(), config.client_id.clone(), email.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(json: &str) -> UserLookup {
        serde_json::from_str::<Page>(json).unwrap().who_has("Ada@example.com")
    }

    #[test]
    fn just_one_user_with_just_this_address_counts() {
        for one in [r#"{"entities":[{"id":"u","email":"ada@example.com"}]}"#, r#"{"entities":[{"id":"u"}],"total":1}"#]
        {
            assert_eq!(UserLookup::Found { id: "u".to_owned(), cached: false }, page(one));
        }
        for nobody in [r#"{"entities":[],"total":0}"#, "{}", r#"{"entities":[{"id":"u","email":"bob@example.com"}]}"#] {
            assert_eq!(UserLookup::NotFound, page(nobody));
        }
        for several in [r#"{"entities":[{"id":"u"}],"total":2}"#, r#"{"entities":[{"id":"u"},{"id":"v"}]}"#] {
            assert_eq!(UserLookup::Ambiguous, page(several));
        }
    }
}
