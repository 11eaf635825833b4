//! The credentials that a simulated server accepts. They may change at any time, and refusals are counted.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug, Default)]
pub struct Credentials {
    taken: Mutex<Vec<String>>,
    refused: AtomicUsize,
}

impl Credentials {
    #[must_use]
    pub fn of(secret: &str) -> Self {
        let credentials = Self::default();
        credentials.change_to(&[secret]);
        credentials
    }

    /// Accepts only these secrets from now on.
    pub fn change_to(&self, secrets: &[&str]) {
        *self.taken.lock().expect("no panic") = secrets.iter().map(|&secret| secret.to_owned()).collect();
    }

    /// Whether one of the accepted secrets fits. Counts a refusal if none does.
    pub fn take(&self, fits: impl Fn(&str) -> bool) -> bool {
        let fit = self.taken.lock().expect("no panic").iter().any(|secret| fits(secret));
        if !fit {
            self.refused.fetch_add(1, Ordering::SeqCst);
        }
        fit
    }

    /// The number of refusals so far.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }
}
