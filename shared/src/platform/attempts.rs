//! What is known of the attempts at one piece of work, which several requests and processes may repeat.

use super::error::ApiError;
use jiff::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The attempts at one piece of work so far. A clone is about the same work.
#[derive(Debug, Clone, Default)]
pub struct Attempts {
    first_at: Option<Timestamp>,
    may_have_taken_effect: Arc<AtomicBool>,
}

impl Attempts {
    /// The first attempt was made at `first_at`, and earlier ones may have taken effect.
    #[must_use]
    pub fn after(first_at: Option<Timestamp>, may_have_taken_effect: bool) -> Self {
        Self { first_at, may_have_taken_effect: Arc::new(may_have_taken_effect.into()) }
    }

    /// Whether the platform may have done the work.
    #[must_use]
    pub fn may_have_taken_effect(&self) -> bool {
        self.may_have_taken_effect.load(Ordering::Relaxed)
    }

    pub(super) fn first_at(&self) -> Option<Timestamp> {
        self.first_at
    }

    /// Adds an attempt that failed.
    pub(super) fn note(&self, error: &ApiError) {
        if matches!(error, ApiError::OutcomeUnknown { .. }) {
            self.may_have_taken_effect.store(true, Ordering::Relaxed);
        }
    }
}
