//! The profiles of an open messaging integration: one of them enables typing, the other allows media types.
//!
//! Patchbay's own profile is found by its name, `Patchbay <integration>`, and is the only one that is changed.

use super::super::progress::Progress;
use super::client::{GenesysCloud, POLL_INTERVAL, VISIBILITY_TIMEOUT, deadline, failed};
use crate::error::CliError;
use crate::ui::prompt;
use shared::model::integration_name::IntegrationName;
use shared::platform::ApiError;
use shared::platform::genesys_cloud::api::{Direction, MessagingSetting, Profile, SupportedContent};
use std::convert::Infallible;
use std::str::FromStr;
use tokio::time::Instant;
use uuid::Uuid;

const ANY_MEDIA_TYPE: &str = "*/*";
/// How many existing profiles a question names.
const NAMES_SHOWN: usize = 10;

/// Which profile is assigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProfileChoice {
    /// Patchbay's own, which is created if it is missing.
    Own,
    /// The one that is assigned already, or none.
    Unchanged,
    /// The one with this id or name. One with another name is created.
    Named(String),
}

impl FromStr for ProfileChoice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "own" => Self::Own,
            "unchanged" => Self::Unchanged,
            text => Self::Named(text.to_owned()),
        })
    }
}

/// The media types asked for; empty if none are.
#[derive(Debug, Default)]
pub(crate) struct MediaTypes {
    pub(crate) inbound: Vec<String>,
    pub(crate) outbound: Vec<String>,
}

impl MediaTypes {
    fn asked_for(&self, direction: Direction) -> Option<&[String]> {
        let types = match direction {
            Direction::Inbound => &self.inbound,
            Direction::Outbound => &self.outbound,
        };
        (!types.is_empty()).then_some(types)
    }
}

/// What Patchbay knows of a kind of profile.
pub(crate) trait Kind: Profile {
    const WHAT: &'static str;
    const OPTION: &'static str;

    /// A new one.
    fn new(name: &str, media_types: &MediaTypes) -> Self;

    /// Whether it allows everything that is asked for, or everything if nothing is.
    fn is_sufficient(&self, media_types: &MediaTypes) -> bool;

    /// What Patchbay's own one must be changed to.
    fn corrected(&self, media_types: &MediaTypes) -> Option<Self>;
}

impl Kind for MessagingSetting {
    const WHAT: &'static str = "messaging setting";
    const OPTION: &'static str = "--messaging-setting";

    fn new(name: &str, _: &MediaTypes) -> Self {
        Self::with_typing(name)
    }

    fn is_sufficient(&self, _: &MediaTypes) -> bool {
        Direction::BOTH.into_iter().all(|direction| self.typing(direction))
    }

    fn corrected(&self, media_types: &MediaTypes) -> Option<Self> {
        (!self.is_sufficient(media_types)).then(|| self.clone().enabling_typing())
    }
}

impl Kind for SupportedContent {
    const WHAT: &'static str = "supported content profile";
    const OPTION: &'static str = "--supported-content";

    fn new(name: &str, media_types: &MediaTypes) -> Self {
        let any = [ANY_MEDIA_TYPE.to_owned()];
        Direction::BOTH.into_iter().fold(Self::named(name), |profile, direction| {
            profile.allowing(direction, media_types.asked_for(direction).unwrap_or(&any))
        })
    }

    fn is_sufficient(&self, media_types: &MediaTypes) -> bool {
        let any = [ANY_MEDIA_TYPE.to_owned()];
        Direction::BOTH.into_iter().all(|direction| {
            let types = media_types.asked_for(direction).unwrap_or(&any);
            types.iter().all(|media_type| self.allows(direction, media_type))
        })
    }

    /// A list that an earlier run was asked for stays.
    fn corrected(&self, media_types: &MediaTypes) -> Option<Self> {
        let corrected = Direction::BOTH.into_iter().fold(self.clone(), |profile, direction| {
            match media_types.asked_for(direction) {
                Some(types) if !profile.media_types(direction).eq(types) => profile.allowing(direction, types),
                _ => profile,
            }
        });
        (corrected != *self).then_some(corrected)
    }
}

pub(crate) struct ProfileRequest<'r, P> {
    pub(crate) integration: &'r IntegrationName,
    /// Given on the command line.
    pub(crate) choice: Option<&'r ProfileChoice>,
    pub(crate) assigned: Option<&'r P>,
    /// Whether a profile that somebody else has assigned may be replaced without being asked for.
    pub(crate) replaces_insufficient: bool,
    pub(crate) media_types: &'r MediaTypes,
    pub(crate) interactive: bool,
}

#[derive(Debug, Default)]
pub(crate) struct EnsuredProfile {
    /// The profile to assign, if it is not to stay as it is.
    pub(crate) id: Option<String>,
    /// What does not work, and what to do about it.
    pub(crate) advice: Option<String>,
}

impl<P: Kind> ProfileRequest<'_, P> {
    fn own_name(&self) -> String {
        format!("Patchbay {}", self.integration)
    }

    /// The choice if none is made.
    fn default_choice(&self, assigned: Option<&P>) -> ProfileChoice {
        match assigned {
            Some(profile) if profile.name() == self.own_name() => ProfileChoice::Own,
            Some(profile) if profile.is_sufficient(self.media_types) || !self.replaces_insufficient => {
                ProfileChoice::Unchanged
            }
            _ => ProfileChoice::Own,
        }
    }

    fn ask(&self, known: &[P], default: &ProfileChoice) -> Result<ProfileChoice, CliError> {
        let mut names: Vec<_> = known.iter().take(NAMES_SHOWN).map(|one| format!("`{}`", one.name())).collect();
        if known.len() > NAMES_SHOWN {
            names.push(format!("{} more", known.len() - NAMES_SHOWN));
        }
        let existing = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
        let default = if *default == ProfileChoice::Own { "own" } else { "unchanged" };
        let question =
            format!("The {}: own (`{}`), unchanged, or the name or id of another{existing}", P::WHAT, self.own_name());
        let Ok(choice) = prompt::text_with_default(&question, default)?.parse();
        Ok(choice)
    }

    /// Reports an existing profile that is used as it is.
    fn unchanged(&self, id: Option<String>, profile: Option<&P>) -> EnsuredProfile {
        let content = match profile {
            Some(profile) if profile.is_sufficient(self.media_types) => return EnsuredProfile { id, advice: None },
            Some(profile) => format!("`{}` has {profile}", profile.name()),
            None => "is not assigned".to_owned(),
        };
        let (name, option) = (self.integration, P::OPTION);
        let advice = format!(
            "The {} {content}: `patchbay integration add {name} {option} own` assigns Patchbay's own.",
            P::WHAT
        );
        EnsuredProfile { id, advice: Some(advice) }
    }

    /// Goes on without the profile, unless it is asked for.
    fn without(&self, what: &str, permission: &str, error: &ApiError) -> Result<EnsuredProfile, CliError> {
        let failure = failed(what, permission, error);
        if self.choice.is_some() || !matches!(error, ApiError::Refused(_)) {
            return Err(failure);
        }
        let advice = format!(
            "{failure}. No {} was assigned: assign one in Genesys Cloud, or run `patchbay integration add {}` again.",
            P::WHAT,
            self.integration
        );
        Ok(EnsuredProfile { id: None, advice: Some(advice) })
    }
}

impl GenesysCloud<'_> {
    /// Finds or creates the profile to assign.
    pub(crate) async fn ensure_profile<P: Kind>(
        &self,
        request: &ProfileRequest<'_, P>,
        progress: &mut Progress,
    ) -> Result<EnsuredProfile, CliError> {
        if request.choice == Some(&ProfileChoice::Unchanged) {
            return Ok(EnsuredProfile::default());
        }
        let known: Vec<P> = match self.client.profiles(self.config, deadline()).await {
            Ok(known) => known,
            Err(error) => return request.without(&format!("list its {}s", P::WHAT), P::PERMISSIONS.view, &error),
        };
        let complete =
            |assigned| known.iter().find(|one| Profile::id(*one) == Profile::id(assigned)).unwrap_or(assigned);
        let assigned = request.assigned.map(complete);
        let default = request.default_choice(assigned);
        let choice = match request.choice {
            Some(choice) => choice.clone(),
            None if request.interactive => request.ask(&known, &default)?,
            None => default,
        };
        let own = request.own_name();
        match choice {
            ProfileChoice::Unchanged => Ok(request.unchanged(None, assigned)),
            ProfileChoice::Own => self.own_profile(request, &known, &own, progress).await,
            ProfileChoice::Named(name) if name == own => self.own_profile(request, &known, &own, progress).await,
            ProfileChoice::Named(name) => match named(&known, &name)? {
                Some(profile) => Ok(request.unchanged(Some(profile.id().to_owned()), Some(profile))),
                None => self.create_profile(request, &name, progress).await,
            },
        }
    }

    async fn own_profile<P: Kind>(
        &self,
        request: &ProfileRequest<'_, P>,
        known: &[P],
        name: &str,
        progress: &mut Progress,
    ) -> Result<EnsuredProfile, CliError> {
        let Some(profile) = named(known, name)? else { return self.create_profile(request, name, progress).await };
        if let Some(corrected) = profile.corrected(request.media_types) {
            if let Err(error) = self.client.update_profile(self.config, &corrected, deadline()).await {
                return request.without(&format!("change the {}", P::WHAT), P::PERMISSIONS.edit, &error);
            }
            progress.done(format!("the {} `{name}` is changed: {corrected}", P::WHAT));
        } else {
            progress.done(format!("the {} `{name}` exists: {profile}", P::WHAT));
        }
        Ok(EnsuredProfile { id: Some(profile.id().to_owned()), advice: None })
    }

    async fn create_profile<P: Kind>(
        &self,
        request: &ProfileRequest<'_, P>,
        name: &str,
        progress: &mut Progress,
    ) -> Result<EnsuredProfile, CliError> {
        let profile = P::new(name, request.media_types);
        let created = match self.client.create_profile(self.config, &profile, deadline()).await {
            Ok(created) => created,
            Err(error) => return request.without(&format!("create the {}", P::WHAT), P::PERMISSIONS.add, &error),
        };
        progress.done(format!("the {} `{name}` is created: {profile}", P::WHAT));
        let until = Instant::now() + VISIBILITY_TIMEOUT;
        while self.profile_by_id::<P>(created.id()).await?.is_none() && Instant::now() < until {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(EnsuredProfile { id: Some(created.id().to_owned()), advice: None })
    }

    async fn profile_by_id<P: Kind>(&self, id: &str) -> Result<Option<P>, CliError> {
        let found = self.client.profile(self.config, id, deadline()).await;
        found.map_err(|error| failed(&format!("return the {}", P::WHAT), P::PERMISSIONS.view, &error))
    }
}

/// The profile with this id or name.
fn named<'p, P: Kind>(known: &'p [P], text: &str) -> Result<Option<&'p P>, CliError> {
    if let Some(profile) = known.iter().find(|one| one.id() == text) {
        return Ok(Some(profile));
    }
    let mut found = known.iter().filter(|one| one.name() == text);
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(CliError::Failed(format!(
            "Genesys Cloud has several {}s named `{text}`: choose one by its id with {}",
            P::WHAT,
            P::OPTION
        ))),
        (None, _) if Uuid::parse_str(text).is_ok() => {
            Err(CliError::Failed(format!("Genesys Cloud has no {} with the id {text}", P::WHAT)))
        }
        (found, _) => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media_types(inbound: &[&str], outbound: &[&str]) -> MediaTypes {
        let list = |types: &[&str]| types.iter().map(|&one| one.to_owned()).collect();
        MediaTypes { inbound: list(inbound), outbound: list(outbound) }
    }

    fn default_choice(profile: &SupportedContent, replaces_insufficient: bool) -> ProfileChoice {
        let (integration, media_types) = ("acme".parse().unwrap(), MediaTypes::default());
        let request: ProfileRequest<'_, SupportedContent> = ProfileRequest {
            integration: &integration,
            choice: None,
            assigned: None,
            replaces_insufficient,
            media_types: &media_types,
            interactive: false,
        };
        request.default_choice(Some(profile))
    }

    #[test]
    fn an_own_profile_allows_everything_unless_media_types_are_asked_for() {
        let all = SupportedContent::new("n", &MediaTypes::default());
        assert_eq!("media types inbound */*; outbound */*", all.to_string());
        let some = SupportedContent::new("n", &media_types(&[], &["image/*", "application/pdf"]));
        assert_eq!("media types inbound */*; outbound image/*, application/pdf", some.to_string());
    }

    #[test]
    fn an_own_profile_is_changed_only_in_what_is_asked_for() {
        let profile = SupportedContent::new("n", &media_types(&["image/*"], &["application/pdf"]));
        assert_eq!(None, profile.corrected(&MediaTypes::default()));
        assert_eq!(None, profile.corrected(&media_types(&["image/*"], &[])));
        let corrected = profile.corrected(&media_types(&[], &["*/*"])).unwrap();
        assert_eq!("media types inbound image/*; outbound */*", corrected.to_string());
    }

    #[test]
    fn somebody_elses_profile_is_kept_unless_it_is_insufficient_and_the_integration_is_new() {
        let enough = SupportedContent::new("Standard", &MediaTypes::default());
        let little = SupportedContent::new("Standard", &media_types(&["*/*"], &["image/png"]));
        let own = SupportedContent::new("Patchbay acme", &media_types(&["*/*"], &["image/png"]));
        for (profile, is_new, expected) in [
            (&enough, true, ProfileChoice::Unchanged),
            (&little, true, ProfileChoice::Own),
            (&little, false, ProfileChoice::Unchanged),
            (&own, false, ProfileChoice::Own),
        ] {
            assert_eq!(expected, default_choice(profile, is_new), "{profile:?}");
        }
    }
}
