//! Renews the tokens of integrations that make no calls: each process looks once a day, while it delivers a message.

use shared::integration::Integration;
use shared::model::integration_name::IntegrationName;
use shared::platform::Platforms;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

const INTERVAL: Duration = Duration::from_hours(24);
/// What a renewal may add to the time until a message is acknowledged.
const TIMEOUT: Duration = Duration::from_secs(10);

/// When each integration's authorization was checked last.
#[derive(Debug, Default)]
pub(crate) struct AuthorizationChecks(Mutex<HashMap<IntegrationName, Instant>>);

impl AuthorizationChecks {
    /// A failure is logged and counted by the renewal, and does not concern the delivery.
    pub(crate) async fn check(&self, integration: &Integration, platforms: &Platforms) {
        let now = Instant::now();
        if let Some(check) = platforms.check_authorization(&integration.platform, now + TIMEOUT)
            && self.start(&integration.name, now)
        {
            let _ = check.await;
        }
    }

    /// Whether it is time for a check, which counts as made.
    fn start(&self, integration: &IntegrationName, now: Instant) -> bool {
        let mut checks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = checks.get(integration).is_none_or(|last| now.duration_since(*last) >= INTERVAL);
        if is_due {
            checks.insert(integration.clone(), now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authorization_is_checked_once_a_day() {
        let (checks, now) = (AuthorizationChecks::default(), Instant::now());
        let (acme, other) = ("acme".parse().unwrap(), "other".parse().unwrap());
        let at = |hours| now + Duration::from_hours(hours);
        assert!(checks.start(&acme, now) && checks.start(&other, at(1)));
        assert!(!checks.start(&acme, at(23)));
        assert!(checks.start(&acme, at(24)) && !checks.start(&acme, at(25)));
    }
}
