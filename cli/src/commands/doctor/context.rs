//! What the checks of an integration need.

use super::credentials::Credentials;
use super::deployed::Deployed;
use super::routes::Routes;
use crate::clock::Deviation;
use crate::stack::Stack;
use aws_config::SdkConfig;
use shared::integration::Integration;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What all checks of integrations need.
#[derive(Debug)]
pub(super) struct Examination<'e> {
    pub(super) stack: &'e Stack,
    pub(super) aws: &'e SdkConfig,
    pub(super) http: &'e reqwest::Client,
    pub(super) deployed: &'e Deployed,
    pub(super) routes: &'e Routes,
    pub(super) clock: Option<Deviation>,
    pub(super) skip_delivery: bool,
    /// The platforms for which a forged signature has been tried.
    pub(super) forged: Mutex<HashSet<&'static str>>,
    /// What the callers of the integrations prove themselves by.
    pub(super) credentials: Credentials,
}

/// One integration with its configuration.
#[derive(Debug)]
pub(super) struct Subject<'e> {
    pub(super) examination: &'e Examination<'e>,
    pub(super) integration: Integration,
    /// The secret's name.
    pub(super) secret: String,
    /// How long ago it was written.
    pub(super) age: Duration,
    /// How long after that it is in use everywhere.
    pub(super) propagation: Duration,
}

impl Examination<'_> {
    /// Whether no forged signature has been tried for this platform yet. Only the first call returns true: all webhooks of a
    /// platform are checked by the same code, and each forged one counts towards the alarm SignaturesRefused.
    pub(super) fn is_first_to_forge(&self, platform: &'static str) -> bool {
        self.forged.lock().unwrap_or_else(PoisonError::into_inner).insert(platform)
    }
}
