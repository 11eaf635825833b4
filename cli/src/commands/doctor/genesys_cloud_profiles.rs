//! What the profiles of a Genesys Cloud integration allow: typing, and media types. Without its own, an integration has the
//! organisation's default; without one, typing is disabled in both directions and agents can send only JPEG, PNG and GIF.
//! Receipts need no setting.

use super::report::Finding;
use shared::model::integration_name::IntegrationName;
use shared::platform::ApiError;
use shared::platform::genesys_cloud::api::{
    Client, DEFAULT_PROFILE, Direction, MessagingSetting, OpenIntegration, Profile, SupportedContent,
};
use shared::platform::genesys_cloud::config::Config;
use tokio::time::Instant;

pub(super) const CHECKS: [&str; 3] = [TYPING, MEDIA_TYPES, IDENTITY_RESOLUTION];
const TYPING: &str = "typing";
const MEDIA_TYPES: &str = "media types";
const IDENTITY_RESOLUTION: &str = "identity resolution";

/// What agents can send without a supported content profile.
const DEFAULT_MEDIA_TYPES: [&str; 3] = ["image/jpeg", "image/png", "image/gif"];

pub(super) struct ProfileChecks<'c> {
    pub(super) client: &'c Client,
    pub(super) config: &'c Config,
    pub(super) name: &'c IntegrationName,
    pub(super) deadline: Instant,
}

impl ProfileChecks<'_> {
    /// At most three calls.
    pub(super) async fn check(&self, found: &OpenIntegration) -> Vec<(String, Finding)> {
        let (setting, content, identities) = tokio::join!(
            self.assigned(found.messaging_setting.as_ref()),
            self.assigned(found.supported_content.as_ref()),
            self.identity_resolution()
        );
        let typing = setting.map_or_else(|finding| finding, |setting| self.typing(setting.as_ref()));
        let media_types = content.map_or_else(|finding| finding, |content| self.media_types(content.as_ref()));
        let names = CHECKS.map(str::to_owned);
        names.into_iter().zip([typing, media_types, identities]).collect()
    }

    /// The assigned profile with its content, of which the integration may have only the id, or else the organisation's
    /// default.
    async fn assigned<P: Profile>(&self, reference: Option<&P>) -> Result<Option<P>, Finding> {
        let id = match reference.filter(|profile| !profile.id().is_empty()) {
            Some(profile) if profile.is_complete() => return Ok(Some(profile.clone())),
            Some(profile) => profile.id(),
            None => DEFAULT_PROFILE,
        };
        let found = self.client.profile(self.config, id, self.deadline).await;
        found.map_err(|error| not_returned(P::PERMISSIONS.view, &error))
    }

    fn typing(&self, setting: Option<&MessagingSetting>) -> Finding {
        let advice = self.advice("--messaging-setting own");
        let Some(setting) = setting else {
            return Finding::warning(
                "disabled in both directions: no messaging setting is assigned, and the organisation has no default",
                advice,
            );
        };
        let seen = format!("{setting}, in the messaging setting `{}`", setting.name());
        match Direction::BOTH.into_iter().all(|direction| setting.typing(direction)) {
            true => Finding::ok(seen),
            false => Finding::warning(seen, advice),
        }
    }

    fn media_types(&self, content: Option<&SupportedContent>) -> Finding {
        let Some(content) = content else {
            let types = DEFAULT_MEDIA_TYPES.join(", ");
            let seen = format!(
                "agents can send only {types}: no supported content profile is assigned, and there is no default"
            );
            return Finding::warning(seen, self.advice("--supported-content own"));
        };
        let seen = format!("{content}, in the supported content profile `{}`", content.name());
        let mut missing = Vec::new();
        // Fewer media types may be intended, but hardly none, or no more than the platform's default.
        if content.media_types(Direction::Inbound).next().is_none() {
            missing.push("--inbound-media-type '*/*'");
        }
        if content.media_types(Direction::Outbound).all(|one| DEFAULT_MEDIA_TYPES.contains(&one)) {
            missing.push("--outbound-media-type '*/*'");
        }
        if missing.is_empty() {
            return Finding::ok(seen);
        }
        Finding::warning(seen, self.advice(&format!("--supported-content own {}", missing.join(" "))))
    }

    async fn identity_resolution(&self) -> Finding {
        match self.client.identity_resolution(self.config, &self.config.integration_id, self.deadline).await {
            Ok(found) => Finding::ok(match found.is_some_and(|found| found.resolve_identities) {
                true => "customers are matched with external contacts",
                false => "customers are not matched with external contacts",
            }),
            Err(error) => not_returned("messaging:identityResolutionOpen:view", &error),
        }
    }

    fn advice(&self, options: &str) -> String {
        format!("`patchbay integration add {} {options}` assigns one that allows it", self.name)
    }
}

fn not_returned(permission: &str, error: &ApiError) -> Finding {
    match error {
        ApiError::Refused(refusal) if refusal.status == 403 => {
            Finding::skipped(format!("because the OAuth client's role lacks {permission}"))
        }
        other => Finding::warning(
            format!("Genesys Cloud does not return it: {other}"),
            "run this again; check the platform's status page",
        ),
    }
}
