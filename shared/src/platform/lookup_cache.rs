//! A bounded cache of the ids that a platform has for addresses.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Maximum number of cached addresses. A full cache is emptied.
const MAXIMUM_ENTRIES: usize = 10_000;

/// Ids by address and whatever else identifies the address.
pub(super) struct LookupCache<K> {
    entries: Mutex<HashMap<K, (String, Instant)>>,
    time_to_live: Duration,
}

/// Hides the addresses.
impl<K> fmt::Debug for LookupCache<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LookupCache").finish_non_exhaustive()
    }
}

impl<K: Eq + Hash> LookupCache<K> {
    pub(super) fn new(time_to_live: Duration) -> Self {
        Self { entries: Mutex::default(), time_to_live }
    }

    pub(super) fn get(&self, key: &K) -> Option<String> {
        self.lock().get(key).filter(|(_, until)| Instant::now() < *until).map(|(id, _)| id.clone())
    }

    pub(super) fn insert(&self, key: K, id: &str) {
        let mut entries = self.lock();
        if entries.len() >= MAXIMUM_ENTRIES {
            entries.clear();
        }
        entries.insert(key, (id.to_owned(), Instant::now() + self.time_to_live));
    }

    pub(super) fn remove(&self, key: &K) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, (String, Instant)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_id_is_remembered_until_it_expires_or_is_removed() {
        let cache = LookupCache::new(Duration::from_secs(60));
        cache.insert("a", "1");
        cache.insert("b", "2");
        cache.remove(&"b");
        assert_eq!((Some("1".to_owned()), None), (cache.get(&"a"), cache.get(&"b")));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(None, cache.get(&"a"));
    }

    #[test]
    fn the_number_of_addresses_is_bounded() {
        let cache = LookupCache::new(Duration::from_secs(60));
        (0..=MAXIMUM_ENTRIES).for_each(|number| cache.insert(number, "id"));
        let entries = cache.lock().len();
        assert_eq!((1, Some("id".to_owned())), (entries, cache.get(&MAXIMUM_ENTRIES)));
    }
}
