//! Whether two callers have the same credential, in one integration or in two. A signature covers the id, the time and
//! the body, but not the integration: if two integrations share a secret, a request to one can be replayed to the
//! other.

use super::report::Finding;
use crate::ui::output::sanitize;
use shared::digest::Digest;
use shared::integration::Integration;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The owners of each credential, by its digest. Digests are never printed.
#[derive(Debug, Default)]
pub(super) struct CredentialReuse(Mutex<BTreeMap<String, Vec<String>>>);

impl CredentialReuse {
    /// Adds the callers of an integration.
    pub(super) fn add(&self, integration: &Integration) {
        let mut owners_by_digest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for caller in &integration.callers {
            let digest: Digest = caller.credential.digest();
            let owner = format!("`{}` of {}", sanitize(&caller.name), integration.name);
            owners_by_digest.entry(digest.to_string()).or_default().push(owner);
        }
    }

    /// `None` if there are no callers.
    pub(super) fn check(&self) -> Option<Finding> {
        let owners_by_digest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shared: Vec<_> =
            owners_by_digest.values().filter(|owners| owners.len() > 1).map(|owners| owners.join(", ")).collect();
        shared.sort_unstable();
        match shared.as_slice() {
            [] if owners_by_digest.is_empty() => None,
            [] => Some(Finding::ok("no two callers of the checked integrations share one")),
            shared => Some(Finding::warning(
                format!("shared by {}", shared.join("; and by ")),
                "give each caller of each integration its own: `patchbay integration rotate NAME --secret \
                 caller:CALLER`",
            )),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests fail by panicking
mod tests {
    use super::*;
    use crate::commands::doctor::report::Status;
    use serde_json::{Value, json};

    const TOKEN: &str = "hidden-0123456789abcdef0123456789";

    fn integration(name: &str, callers: &Value) -> Integration {
        let document = json!({
            "platform": "highlevel", "locationId": "l", "token": "t", "callers": callers,
            "delivery": {"url": "https://e.com/", "signingSecrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},
        });
        Integration::parse(name.parse().unwrap(), &document.to_string()).unwrap()
    }

    #[test]
    fn callers_with_the_same_credential_are_named_and_the_credential_is_not() {
        let credentials = CredentialReuse::default();
        assert!(credentials.check().is_none());
        credentials.add(&integration("acme", &json!([{"name": "crm", "bearerToken": TOKEN}])));
        assert_eq!(Status::Ok, credentials.check().unwrap().status);
        let other = json!([
            {"name": "shop", "bearerToken": TOKEN}, {"name": "flows", "bearerToken": TOKEN.to_uppercase()},
        ]);
        credentials.add(&integration("other", &other));
        let finding = credentials.check().unwrap();
        assert_eq!(Status::Warning, finding.status);
        let said = serde_json::to_string(&finding).unwrap();
        assert!(said.contains("`crm` of acme, `shop` of other\""), "{said}");
        assert!(!said.contains("hidden") && !said.contains("flows"), "{said}");
    }
}
