//! A bounded cache whose entries expire.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Maximum number of entries. A full cache is emptied.
const MAX_ENTRIES: usize = 10_000;

pub struct BoundedCache<K, V> {
    entries: Mutex<HashMap<K, (V, Instant)>>,
    time_to_live: Duration,
}

/// Hides the entries, which may have addresses.
impl<K, V> fmt::Debug for BoundedCache<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BoundedCache").finish_non_exhaustive()
    }
}

impl<K: Eq + Hash, V: Clone> BoundedCache<K, V> {
    #[must_use]
    pub fn new(time_to_live: Duration) -> Self {
        Self { entries: Mutex::default(), time_to_live }
    }

    #[must_use]
    pub fn get(&self, key: &K) -> Option<V> {
        self.lock().get(key).filter(|(_, until)| Instant::now() < *until).map(|(value, _)| value.clone())
    }

    pub fn insert(&self, key: K, value: V) {
        let mut entries = self.lock();
        if entries.len() >= MAX_ENTRIES {
            entries.clear();
        }
        entries.insert(key, (value, Instant::now() + self.time_to_live));
    }

    pub fn remove(&self, key: &K) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, (V, Instant)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_entry_is_remembered_until_it_expires_or_is_removed() {
        let cache = BoundedCache::new(Duration::from_secs(60));
        cache.insert("a", 1);
        cache.insert("b", 2);
        cache.remove(&"b");
        assert_eq!((Some(1), None), (cache.get(&"a"), cache.get(&"b")));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(None, cache.get(&"a"));
    }

    #[test]
    fn the_number_of_entries_is_bounded() {
        let cache = BoundedCache::new(Duration::from_secs(60));
        (0..=MAX_ENTRIES).for_each(|number| cache.insert(number, "value"));
        let entries = cache.lock().len();
        assert_eq!((1, Some("value")), (entries, cache.get(&MAX_ENTRIES)));
    }
}
