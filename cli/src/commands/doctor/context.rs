//! What the checks of integrations share.

use super::credential_reuse::CredentialReuse;
use super::routes::Routes;
use super::stack::DeployedStack;
use crate::aws::clock::ClockSkew;
use crate::aws::stack::Stack;
use aws_config::SdkConfig;
use shared::integration::Integration;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What is known of the stack by the time integrations are checked.
#[derive(Debug)]
pub(super) struct DoctorContext<'e> {
    pub(super) stack: &'e Stack,
    pub(super) aws: &'e SdkConfig,
    pub(super) http: &'e reqwest::Client,
    pub(super) deployed: &'e DeployedStack,
    pub(super) routes: &'e Routes,
    pub(super) clock: Option<ClockSkew>,
    pub(super) skip_delivery: bool,
    /// The platforms whose webhook was tested with a forged signature.
    pub(super) forged: Mutex<HashSet<&'static str>>,
    pub(super) credential_reuse: CredentialReuse,
}

#[derive(Debug)]
pub(super) struct IntegrationContext<'e> {
    pub(super) doctor: &'e DoctorContext<'e>,
    pub(super) integration: Integration,
    /// The time since the secret was written.
    pub(super) age: Duration,
    /// The time after which every function uses a new configuration.
    pub(super) propagation: Duration,
}

impl DoctorContext<'_> {
    /// Whether this call is the first for the platform. One forged signature per platform is enough: all its webhooks
    /// are verified by the same code, and each forged one counts towards the alarm SignaturesRefused.
    pub(super) fn claims_forgery_check(&self, platform: &'static str) -> bool {
        self.forged.lock().unwrap_or_else(PoisonError::into_inner).insert(platform)
    }
}
