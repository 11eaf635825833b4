//! What a configuration still lacks: it is generated, asked for, or named.

use super::super::document::Document;
use super::super::{generate, given};
use super::check;
use crate::ask;
use crate::failure::Failure;
use shared::model::integration_name::IntegrationName;
use shared::platform::PlatformName;

/// A field that cannot be done without.
struct Need {
    pointer: &'static str,
    option: &'static str,
    prompt: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Secret,
    /// A secret that stands in a list, for its rotation.
    SecretList,
}

const fn need(pointer: &'static str, option: &'static str, prompt: &'static str, kind: Kind) -> Need {
    Need { pointer, option, prompt, kind }
}

const PLATFORM: Need =
    need("/platform", "--platform", "Platform (genesys-cloud, multicloud-cx or highlevel)", Kind::Text);
const DELIVERY_URL: Need = need("/delivery/url", "--delivery-url", "URL that messages are posted to", Kind::Text);
const INTEGRATION_ID: Need =
    need("/integrationId", "--integration-id", "Id of the open messaging integration", Kind::Text);
const GENESYS_CLOUD: [Need; 3] = [
    need("/domain", "--domain", "Domain or AWS region of the organisation", Kind::Text),
    need("/clientId", "--client-id", "Id of the OAuth client", Kind::Text),
    need(
        "/clientSecret",
        "--client-secret-file (or PATCHBAY_CLIENT_SECRET)",
        "Secret of the OAuth client",
        Kind::Secret,
    ),
];
const MULTICLOUD_CX: [Need; 4] = [
    need("/apiBaseUrl", "--api-base-url", "URL of the API, without /nexus/v3", Kind::Text),
    need("/contactCenterId", "--contact-center-id", "Id of the contact centre", Kind::Text),
    need("/channelId", "--channel-id", "Id of the channel", Kind::Text),
    need("/appSecrets", "--app-secret-file (or PATCHBAY_APP_SECRET)", "App secret of the channel", Kind::SecretList),
];
const HIGHLEVEL: [Need; 2] = [
    need("/locationId", "--location-id", "Id of the location", Kind::Text),
    need("/token", "--token-file (or PATCHBAY_TOKEN)", "Token for calls", Kind::Secret),
];

impl Need {
    /// Asks for it, until nothing is wrong with the document at its place.
    fn ask(&self, document: &mut Document, name: &IntegrationName) -> Result<(), Failure> {
        let put = |document: &mut Document, answer: &str| {
            document.set(
                self.pointer,
                match self.kind {
                    Kind::Text | Kind::Secret => answer.into(),
                    Kind::SecretList => vec![answer].into(),
                },
            );
        };
        let wrong = |answer: &str| {
            let mut answered = document.clone();
            put(&mut answered, answer);
            check::at(&answered, name, self.pointer)
        };
        let answer = match self.kind {
            Kind::Text => ask::text(self.prompt, wrong)?,
            Kind::Secret | Kind::SecretList => given::asked(self.prompt, wrong)?,
        };
        put(document, &answer);
        Ok(())
    }
}

/// Asks for the platform, if it is missing and somebody can be asked.
pub(super) fn ask_platform(document: &mut Document, name: &IntegrationName, can_ask: bool) -> Result<(), Failure> {
    if can_ask && document.get(PLATFORM.pointer).is_none() { PLATFORM.ask(document, name) } else { Ok(()) }
}

/// Generates what can be generated, and asks for what is still missing, if somebody can be asked.
pub(super) fn fill(
    document: &mut Document,
    name: &IntegrationName,
    no_platform: bool,
    can_ask: bool,
) -> Result<(), Failure> {
    let missing = missing(document, no_platform);
    if !can_ask && !missing.is_empty() {
        let options: Vec<_> = missing.iter().map(|need| need.option).collect();
        return Err(Failure::Usage(format!("these options are missing: {}", options.join(", "))));
    }
    if !missing.is_empty() {
        // A fault that is known by now is said before anybody has answered in vain.
        check::so_far(document, name)?;
    }
    for need in missing {
        need.ask(document, name)?;
    }
    generate_secrets(document)
}

fn missing(document: &Document, no_platform: bool) -> Vec<Need> {
    let needs: Vec<Need> = match platform(document) {
        None => Vec::new(),
        Some(PlatformName::GenesysCloud) if no_platform => GENESYS_CLOUD.into_iter().chain([INTEGRATION_ID]).collect(),
        Some(PlatformName::GenesysCloud) => GENESYS_CLOUD.into(),
        Some(PlatformName::MulticloudCx) => MULTICLOUD_CX.into(),
        Some(PlatformName::HighLevel) => HIGHLEVEL.into(),
    };
    let needs = [PLATFORM].into_iter().chain(needs).chain([DELIVERY_URL]);
    needs.filter(|need| document.get(need.pointer).is_none()).collect()
}

/// The platform, if the document names one that there is.
fn platform(document: &Document) -> Option<PlatformName> {
    PlatformName::from_field(document.get(PLATFORM.pointer)?.clone()).ok()
}

fn generate_secrets(document: &mut Document) -> Result<(), Failure> {
    if platform(document) == Some(PlatformName::GenesysCloud) && document.get("/webhookSecrets").is_none() {
        document.set("/webhookSecrets", vec![generate::token()?].into());
    }
    if document.get("/delivery/signingSecrets").is_none() {
        document.set("/delivery/signingSecrets", vec![generate::signing_secret()?].into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_option_is_named_at_once() {
        let named = |document: &str, no_platform| {
            let mut document = Document::parse(document).unwrap();
            fill(&mut document, &"acme".parse().unwrap(), no_platform, false)
                .map_err(|failure| (failure.to_string(), failure.exit_code()))
        };
        let (why, code) = named("{}", false).unwrap_err();
        assert_eq!("these options are missing: --platform, --delivery-url", why);
        assert_eq!(std::process::ExitCode::from(2), code);
        let (why, _) = named(r#"{"platform": "genesys-cloud", "domain": "d"}"#, true).unwrap_err();
        let options = "--client-id, --client-secret-file (or PATCHBAY_CLIENT_SECRET), --integration-id, --delivery-url";
        assert_eq!(format!("these options are missing: {options}"), why);
    }

    #[test]
    fn what_can_be_generated_is_generated_once() {
        let mut document = Document::parse(
            r#"{"platform": "genesys-cloud", "domain": "eu-central-1", "clientId": "c", "clientSecret": "s",
                "integrationId": "i", "delivery": {"url": "https://example.com/"}}"#,
        )
        .unwrap();
        let acme = "acme".parse().unwrap();
        fill(&mut document, &acme, false, false).unwrap();
        let first = document.clone();
        assert!(first.read(&acme).is_ok());
        fill(&mut document, &acme, false, false).unwrap();
        assert!(document == first);
    }
}
