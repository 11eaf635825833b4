//! What the far side takes as a proof of who calls: it may change at any moment, and what is refused is counted.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The secrets that the far side takes.
#[derive(Debug, Default)]
pub struct Credentials {
    taken: Mutex<Vec<String>>,
    refused: AtomicUsize,
}

impl Credentials {
    /// This one.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        let credentials = Self::default();
        credentials.change_to(&[secret]);
        credentials
    }

    /// From now on these are taken, and no others.
    pub fn change_to(&self, secrets: &[&str]) {
        *self.taken.lock().expect("no panic") = secrets.iter().map(|&secret| secret.to_owned()).collect();
    }

    /// Whether one of those that are taken fits; one more is refused if none does.
    pub fn take(&self, fits: impl Fn(&str) -> bool) -> bool {
        let fit = self.taken.lock().expect("no panic").iter().any(|secret| fits(secret));
        if !fit {
            self.refused.fetch_add(1, Ordering::SeqCst);
        }
        fit
    }

    /// How many have been refused so far.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }
}
