//! What `patchbay integration add` sets up in Genesys Cloud besides the open messaging integration itself: its profiles,
//! and whether its senders are matched with external contacts.

use super::super::genesys_cloud::{
    EnsuredProfile, GenesysCloud, Kind, MediaTypes, ProfileChoice, ProfileRequest, Profiles,
};
use super::super::progress::Progress;
use crate::error::CliError;
use crate::ui::prompt;
use clap::Args;
use shared::model::integration_name::IntegrationName;
use shared::platform::genesys_cloud::api::OpenIntegration;

/// The heading of the platform's options.
pub(super) const GENESYS_CLOUD: &str = "Genesys Cloud";

#[derive(Debug, Args)]
pub(super) struct SetUpFlags {
    /// Messaging setting, which enables typing: `own` is `Patchbay NAME`, which is created if it is missing; `unchanged`
    /// leaves what is assigned; another name or id [default: own, unless a sufficient one is assigned; after the first run,
    /// whatever is assigned stays]
    #[arg(long, value_name = "own|unchanged|NAME|ID", conflicts_with = NO_PLATFORM, help_heading = GENESYS_CLOUD)]
    messaging_setting: Option<ProfileChoice>,
    /// Supported content profile, which allows media types: as for --messaging-setting
    #[arg(long, value_name = "own|unchanged|NAME|ID", conflicts_with = NO_PLATFORM, help_heading = GENESYS_CLOUD)]
    supported_content: Option<ProfileChoice>,
    /// Media types of customers' files that Patchbay's own supported content profile allows [default: */*]
    #[arg(long = "inbound-media-type", value_name = "TYPE", value_delimiter = ',', value_parser = media_type)]
    #[arg(conflicts_with = NO_PLATFORM, help_heading = GENESYS_CLOUD)]
    inbound_media_types: Vec<String>,
    /// The same for agents' files
    #[arg(long = "outbound-media-type", value_name = "TYPE", value_delimiter = ',', value_parser = media_type)]
    #[arg(conflicts_with = NO_PLATFORM, help_heading = GENESYS_CLOUD)]
    outbound_media_types: Vec<String>,
    /// Whether Genesys Cloud matches customers with external contacts (identity resolution) [default: as it is]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    #[arg(conflicts_with = NO_PLATFORM, help_heading = GENESYS_CLOUD)]
    resolve_identities: Option<bool>,
}

const NO_PLATFORM: &str = "no_platform";

/// A media type such as `application/pdf`, `image/*` or `*/*`.
fn media_type(text: &str) -> Result<String, &'static str> {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    match text.split_once('/') {
        Some((kind, subtype)) if is_name(kind) && is_name(subtype) && (kind != "*" || subtype == "*") => {
            Ok(text.to_ascii_lowercase())
        }
        _ => Err("must be a media type such as application/pdf, image/* or */*"),
    }
}

impl SetUpFlags {
    pub(super) fn given(&self) -> Vec<&'static str> {
        let options = [
            ("--messaging-setting", self.messaging_setting.is_some()),
            ("--supported-content", self.supported_content.is_some()),
            ("--inbound-media-type", !self.inbound_media_types.is_empty()),
            ("--outbound-media-type", !self.outbound_media_types.is_empty()),
            ("--resolve-identities", self.resolve_identities.is_some()),
        ];
        options.into_iter().filter(|(_, is_given)| *is_given).map(|(option, _)| option).collect()
    }
}

pub(super) struct SetUp<'s> {
    pub(super) integration: &'s IntegrationName,
    pub(super) flags: &'s SetUpFlags,
    /// Whether this run connects the integration for the first time.
    pub(super) is_new: bool,
    /// Whether what is not given is asked for.
    pub(super) interactive: bool,
}

/// What to set up, once every profile exists.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) profiles: Profiles,
    pub(super) resolve_identities: Option<bool>,
    /// What does not work, and what to do about it.
    pub(super) advice: Vec<String>,
}

impl SetUp<'_> {
    /// Asks what is not given, and creates missing profiles.
    pub(super) async fn prepare(
        &self,
        genesys_cloud: &GenesysCloud<'_>,
        found: Option<&OpenIntegration>,
        progress: &mut Progress,
    ) -> Result<Plan, CliError> {
        let flags = self.flags;
        let media_types =
            MediaTypes { inbound: flags.inbound_media_types.clone(), outbound: flags.outbound_media_types.clone() };
        let assigned = found.and_then(|found| found.messaging_setting.as_ref());
        let request = self.request(flags.messaging_setting.as_ref(), assigned, &media_types);
        let messaging_setting = genesys_cloud.ensure_profile(&request, progress).await?;
        let assigned = found.and_then(|found| found.supported_content.as_ref());
        let request = self.request(flags.supported_content.as_ref(), assigned, &media_types);
        let supported_content = genesys_cloud.ensure_profile(&request, progress).await?;
        let resolve_identities = match (flags.resolve_identities, self.interactive) {
            (None, true) => ask_identity_resolution()?,
            (given, _) => given,
        };
        let (profiles, advice) = combined(messaging_setting, supported_content);
        Ok(Plan { profiles, resolve_identities, advice })
    }

    fn request<'r, P: Kind>(
        &'r self,
        choice: Option<&'r ProfileChoice>,
        assigned: Option<&'r P>,
        media_types: &'r MediaTypes,
    ) -> ProfileRequest<'r, P> {
        ProfileRequest {
            integration: self.integration,
            choice,
            assigned,
            replaces_insufficient: self.is_new,
            media_types,
            interactive: self.interactive,
        }
    }
}

fn combined(messaging_setting: EnsuredProfile, supported_content: EnsuredProfile) -> (Profiles, Vec<String>) {
    let advice = [messaging_setting.advice, supported_content.advice].into_iter().flatten().collect();
    (Profiles { messaging_setting: messaging_setting.id, supported_content: supported_content.id }, advice)
}

/// `None` leaves it as it is.
fn ask_identity_resolution() -> Result<Option<bool>, CliError> {
    let question = "Match customers with external contacts (identity resolution): yes, no or unchanged";
    prompt::one_of(question, &[("unchanged", None), ("yes", Some(true)), ("no", Some(false))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_has_two_parts_and_may_have_wildcards() {
        for right in ["application/pdf", "image/*", "*/*", "Image/PNG", "application/vnd.ms-excel"] {
            assert_eq!(Ok(right.to_ascii_lowercase()), media_type(right));
        }
        for wrong in ["", "pdf", "/", "image/", "/png", "*/png", "a/b/c", "image/p ng"] {
            assert!(media_type(wrong).is_err(), "{wrong:?}");
        }
    }
}
