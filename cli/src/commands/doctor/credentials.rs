//! Whether two callers have the same credential, in one integration or in two. A signature covers the id, the time and
//! the body, and not the integration: where a secret is good in two, a request to the one can be sent to the other.

use super::report::{Check, Finding, INTEGRATIONS};
use crate::output::plain;
use shared::digest::Digest;
use shared::integration::Integration;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The credentials of all callers that were seen, by digests that are never shown.
#[derive(Debug, Default)]
pub(super) struct Credentials(Mutex<BTreeMap<String, Vec<String>>>);

impl Credentials {
    /// Notes those of an integration.
    pub(super) fn note(&self, integration: &Integration) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for caller in &integration.callers {
            let digest: Digest = caller.credential.digest();
            let owner = format!("`{}` of {}", plain(&caller.name), integration.name);
            seen.entry(digest.to_string()).or_default().push(owner);
        }
    }

    /// One check; none where there are no callers.
    pub(super) fn check(&self) -> Option<Check> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shared: Vec<_> =
            seen.values().filter(|owners| owners.len() > 1).map(|owners| owners.join(", ")).collect();
        shared.sort_unstable();
        let finding = match shared.as_slice() {
            [] if seen.is_empty() => return None,
            [] => Finding::ok("no two callers of the integrations that were examined have the same"),
            shared => Finding::warning(
                format!("the same is that of {}", shared.join("; and of ")),
                "give each caller of each integration its own: `patchbay integration rotate NAME --secret caller:CALLER`",
            ),
        };
        Some(finding.about(INTEGRATIONS, "callers' credentials"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests fail by panicking
mod tests {
    use super::*;
    use crate::commands::doctor::report::Verdict;
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
        let credentials = Credentials::default();
        assert!(credentials.check().is_none());
        credentials.note(&integration("acme", &json!([{"name": "crm", "bearerToken": TOKEN}])));
        assert_eq!(Verdict::Ok, credentials.check().unwrap().finding.verdict);
        let other = json!([
            {"name": "shop", "bearerToken": TOKEN}, {"name": "flows", "bearerToken": TOKEN.to_uppercase()},
        ]);
        credentials.note(&integration("other", &other));
        let check = credentials.check().unwrap();
        assert_eq!(Verdict::Warning, check.finding.verdict);
        let said = serde_json::to_string(&check).unwrap();
        assert!(said.contains("`crm` of acme, `shop` of other\""), "{said}");
        assert!(!said.contains("hidden") && !said.contains("flows"), "{said}");
    }
}
