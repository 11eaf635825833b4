//! Looks up users by email address.

use super::{Call, Client};
use crate::cache::BoundedCache;
use crate::platform::genesys_cloud::config::Config;
use crate::platform::{ApiError, UserLookup};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::Instant;

const TIME_TO_LIVE: Duration = Duration::from_secs(600);

/// The cache of users that were looked up.
pub(super) fn cache() -> BoundedCache<Key, String> {
    BoundedCache::new(TIME_TO_LIVE)
}

/// Platform, client and address.
pub(super) type Key = (String, String, String);

/// How many users a search returns. Two with the same address are ambiguous already.
const PAGE_SIZE: usize = 25;

/// `UserSearchRequest`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Search<'s> {
    page_size: usize,
    query: [Criterion<'s>; 1],
}

/// `UserSearchCriteria`.
#[derive(Serialize)]
struct Criterion<'s> {
    r#type: &'static str,
    fields: [&'static str; 1],
    value: &'s str,
}

/// `UsersSearchResponse`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Page {
    results: Option<Vec<User>>,
    total: Option<usize>,
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
        let criterion = Criterion { r#type: "EXACT", fields: ["email"], value: email };
        let search = Search { page_size: PAGE_SIZE, query: [criterion] };
        let call = Call::post(&["api", "v2", "users", "search"], &search)?.idempotent();
        let page: Page = self.call(config, &call, deadline).await?;
        let found = page.resolve(email)?;
        if let UserLookup::Found { id, .. } = &found {
            self.users.insert(key, id.clone());
        }
        Ok(found)
    }

    /// Removes an address from the cache, because its user does not exist any more.
    pub fn forget_user(&self, config: &Config, email: &str) {
        self.users.remove(&key(config, email));
    }
}

impl Page {
    /// The user with this address, regardless of what the platform considers a match. If there are further pages, another
    /// user may have it too.
    ///
    /// # Errors
    /// The response is no result of a search.
    fn resolve(self, email: &str) -> Result<UserLookup, ApiError> {
        if self.results.is_none() && self.total.is_none() {
            return Err(ApiError::OutcomeUnknown { cause: "the response cannot be read", error: None });
        }
        let results = self.results.unwrap_or_default();
        let is_complete = self.total.is_none_or(|total| total <= results.len());
        let has_it = |user: &User| user.email.as_ref().is_some_and(|address| address.eq_ignore_ascii_case(email));
        let mut users = results.into_iter().filter(|user| !user.id.is_empty() && has_it(user));
        Ok(match (users.next(), users.next()) {
            (Some(user), None) if is_complete => UserLookup::Found { id: user.id, cached: false },
            (None, _) => UserLookup::NotFound,
            (Some(_), _) => UserLookup::Ambiguous,
        })
    }
}

fn key(config: &Config, email: &str) -> Key {
    (config.region.api_url().to_string(), config.client_id.clone(), email.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(json: &str) -> Result<UserLookup, ApiError> {
        serde_json::from_str::<Page>(json).unwrap().resolve("Ada@example.com")
    }

    #[test]
    fn only_a_single_user_with_exactly_this_address_is_found() {
        for one in [
            r#"{"results":[{"id":"u","email":"ada@example.com"}],"total":1}"#,
            r#"{"results":[{"id":"v","email":"bob@example.com"},{"id":"u","email":"ADA@example.com"}],"total":2}"#,
            r#"{"results":[{"id":"u","email":"ada@example.com"}]}"#,
        ] {
            assert_eq!(Ok(UserLookup::Found { id: "u".to_owned(), cached: false }), page(one), "{one}");
        }
        for none in [
            r#"{"results":[],"total":0}"#,
            r#"{"total":0}"#,
            r#"{"results":[{"id":"u"}],"total":1}"#,
            r#"{"results":[{"id":"u","email":"bob@example.com"}],"total":1}"#,
            r#"{"results":[{"id":"","email":"ada@example.com"}],"total":1}"#,
        ] {
            assert_eq!(Ok(UserLookup::NotFound), page(none), "{none}");
        }
        for several in [
            r#"{"results":[{"id":"u","email":"ada@example.com"},{"id":"v","email":"Ada@example.com"}],"total":2}"#,
            r#"{"results":[{"id":"u","email":"ada@example.com"}],"total":26}"#,
        ] {
            assert_eq!(Ok(UserLookup::Ambiguous), page(several), "{several}");
        }
    }

    #[test]
    fn a_response_that_is_no_search_result_does_not_mean_that_there_is_no_user() {
        assert!(matches!(page("{}"), Err(ApiError::OutcomeUnknown { .. })));
    }
}
