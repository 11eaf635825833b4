//! Required fields of a configuration: missing ones are generated, prompted for, or named in an error.

use super::super::document::Document;
use super::super::{generate, secret_input};
use super::check;
use super::destination::{CHANNEL_KIND, DestinationKind};
use crate::error::CliError;
use crate::ui::prompt;
use shared::channel::ChannelName;
use shared::integration::creates_contacts;
use shared::model::integration_name::IntegrationName;
use shared::platform::PlatformName;

struct RequiredField {
    pointer: &'static str,
    option: &'static str,
    prompt: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Secret,
    /// A list of secrets, for rotation.
    SecretList,
}

const fn field(pointer: &'static str, option: &'static str, prompt: &'static str, kind: Kind) -> RequiredField {
    RequiredField { pointer, option, prompt, kind }
}

const PLATFORM: RequiredField =
    field("/platform", "--platform", "Platform (genesys-cloud, multicloud-cx or highlevel)", Kind::Text);
const DELIVERY_URL: RequiredField = field("/delivery/url", "--delivery-url", "URL to deliver messages to", Kind::Text);
const CHANNEL: RequiredField = field(CHANNEL_KIND, "--channel", "Channel (twilio or telegram)", Kind::Text);
const BOT_TOKEN: RequiredField =
    field("/channel/botToken", "--bot-token-file (or PATCHBAY_BOT_TOKEN)", "Token of the Telegram bot", Kind::Secret);
const ACCOUNT_SID: RequiredField =
    field("/channel/accountSid", "--account-sid", "SID of the Twilio account", Kind::Text);
const AUTH_TOKEN: RequiredField = field(
    "/channel/authTokens",
    "--auth-token-file (or PATCHBAY_AUTH_TOKEN)",
    "Auth Token of the Twilio account",
    Kind::SecretList,
);
const API_KEY_SID: RequiredField = field("/channel/apiKeySid", "--api-key-sid", "SID of the API key", Kind::Text);
const API_KEY_SECRET: RequiredField = field(
    "/channel/apiKeySecret",
    "--api-key-secret-file (or PATCHBAY_API_KEY_SECRET)",
    "Secret of the API key",
    Kind::Secret,
);
const SENDER: RequiredField = field(
    "/channel/from",
    "--sender (or --messaging-service-sid)",
    "What messages are sent from (+15005550006, or whatsapp: and the number)",
    Kind::Text,
);
const INTEGRATION_ID: RequiredField =
    field("/integrationId", "--integration-id", "Id of the open messaging integration", Kind::Text);
const CLIENT_ID: RequiredField = field("/clientId", "--client-id", "Id of the OAuth client", Kind::Text);
const CLIENT_SECRET: RequiredField = field(
    "/clientSecret",
    "--client-secret-file (or PATCHBAY_CLIENT_SECRET)",
    "Secret of the OAuth client",
    Kind::Secret,
);
const GENESYS_CLOUD: [RequiredField; 3] =
    [field("/domain", "--domain", "Domain or AWS region of the organisation", Kind::Text), CLIENT_ID, CLIENT_SECRET];
const MULTICLOUD_CX: [RequiredField; 4] = [
    field("/apiBaseUrl", "--api-base-url", "URL of the API, without /nexus/v3", Kind::Text),
    field("/contactCenterId", "--contact-center-id", "Id of the contact centre", Kind::Text),
    field("/channelId", "--channel-id", "Id of the channel", Kind::Text),
    field("/appSecrets", "--app-secret-file (or PATCHBAY_APP_SECRET)", "App secret of the channel", Kind::SecretList),
];
const LOCATION_ID: RequiredField = field("/locationId", "--location-id", "Id of the location", Kind::Text);
/// Agents need it to answer contacts without a phone number.
const PROVIDER: RequiredField =
    field("/conversationProviderId", "--conversation-provider-id", "Id of the conversation provider", Kind::Text);
const HIGHLEVEL_APP: [RequiredField; 3] = [
    LOCATION_ID,
    field("/clientId", "--client-id", "Client id of the marketplace app", Kind::Text),
    field(
        "/clientSecret",
        "--client-secret-file (or PATCHBAY_CLIENT_SECRET)",
        "Client secret of the marketplace app",
        Kind::Secret,
    ),
];

impl RequiredField {
    /// Prompts for the field until its value is valid.
    fn prompt(&self, document: &mut Document, name: &IntegrationName) -> Result<(), CliError> {
        let set = |document: &mut Document, answer: &str| {
            document.set(
                self.pointer,
                match self.kind {
                    Kind::Text | Kind::Secret => answer.into(),
                    Kind::SecretList => vec![answer].into(),
                },
            );
        };
        let check_answer = |answer: &str| {
            let mut answered = document.clone();
            set(&mut answered, answer);
            check::field_at(&answered, name, self.pointer)
        };
        let answer = match self.kind {
            Kind::Text => prompt::text(self.prompt, check_answer)?,
            Kind::Secret | Kind::SecretList => secret_input::prompt_secret(self.prompt, check_answer)?,
        };
        set(document, &answer);
        Ok(())
    }
}

/// Returns whether it asked.
pub(super) fn prompt_platform(document: &mut Document, name: &IntegrationName) -> Result<bool, CliError> {
    let is_missing = document.get(PLATFORM.pointer).is_none();
    if is_missing {
        PLATFORM.prompt(document, name)?;
    }
    Ok(is_missing)
}

/// Prompts for the client again, which the platform refuses: for its secret, and for its id, which stays if the answer is
/// empty.
pub(super) fn prompt_client(document: &mut Document, name: &IntegrationName) -> Result<(), CliError> {
    let id = prompt::text_with_default(CLIENT_ID.prompt, document.text(CLIENT_ID.pointer).unwrap_or_default())?;
    document.set(CLIENT_ID.pointer, id.into());
    CLIENT_SECRET.prompt(document, name)
}

/// Generates what can be generated and, if `interactive`, prompts for what is still missing. Returns whether it asked.
pub(super) fn fill(
    document: &mut Document,
    name: &IntegrationName,
    no_platform: bool,
    interactive: bool,
) -> Result<bool, CliError> {
    let missing = missing(document, no_platform);
    let is_incomplete = !missing.is_empty();
    if !interactive && is_incomplete {
        let options: Vec<_> = missing.iter().map(|field| field.option).collect();
        return Err(CliError::Usage(format!("these options are missing: {}", options.join(", "))));
    }
    if is_incomplete {
        // Known errors are reported before the user answers in vain.
        check::partial(document, name)?;
    }
    for field in missing {
        field.prompt(document, name)?;
    }
    generate_secrets(document)?;
    Ok(is_incomplete)
}

fn missing(document: &Document, no_platform: bool) -> Vec<RequiredField> {
    let fields: Vec<RequiredField> = match platform(document) {
        None => Vec::new(),
        Some(PlatformName::GenesysCloud) if no_platform => GENESYS_CLOUD.into_iter().chain([INTEGRATION_ID]).collect(),
        Some(PlatformName::GenesysCloud) => GENESYS_CLOUD.into(),
        Some(PlatformName::MulticloudCx) => MULTICLOUD_CX.into(),
        Some(PlatformName::HighLevel) if document.get("/token").is_some() => vec![LOCATION_ID],
        Some(PlatformName::HighLevel) => HIGHLEVEL_APP.into(),
    };
    let provider = match (platform(document), DestinationKind::of(document)) {
        (Some(platform), Some(DestinationKind::Channel(channel))) => creates_contacts(platform, channel),
        _ => false,
    };
    let provider = provider.then_some(PROVIDER);
    let fields = [PLATFORM].into_iter().chain(fields).chain(provider).chain(of_destination(document));
    fields.filter(|field| document.get(field.pointer).is_none()).collect()
}

fn of_destination(document: &Document) -> Vec<RequiredField> {
    let has = |pointer| document.get(pointer).is_some();
    match DestinationKind::of(document) {
        Some(DestinationKind::Channel(ChannelName::Telegram)) => vec![BOT_TOKEN],
        Some(DestinationKind::Channel(ChannelName::Twilio)) => {
            let has_key = has(API_KEY_SID.pointer) || has(API_KEY_SECRET.pointer);
            let key = if has_key { vec![API_KEY_SID, API_KEY_SECRET] } else { Vec::new() };
            let sender = if has("/channel/messagingServiceSid") { Vec::new() } else { vec![SENDER] };
            [ACCOUNT_SID, AUTH_TOKEN].into_iter().chain(key).chain(sender).collect()
        }
        None if has("/channel") => vec![CHANNEL],
        Some(DestinationKind::MessagingService) | None => vec![DELIVERY_URL],
    }
}

pub(super) fn platform(document: &Document) -> Option<PlatformName> {
    PlatformName::from_field(document.get(PLATFORM.pointer)?.clone()).ok()
}

fn generate_secrets(document: &mut Document) -> Result<(), CliError> {
    if platform(document) == Some(PlatformName::GenesysCloud) && document.get("/webhookSecrets").is_none() {
        document.set("/webhookSecrets", vec![generate::token()?].into());
    }
    if document.get("/webhookHeader/name").is_some() && document.get("/webhookHeader/secrets").is_none() {
        document.set("/webhookHeader/secrets", vec![generate::token()?].into());
    }
    match DestinationKind::of(document) {
        Some(DestinationKind::Channel(ChannelName::Telegram)) if document.get("/channel/webhookSecrets").is_none() => {
            document.set("/channel/webhookSecrets", vec![generate::token()?].into());
        }
        Some(DestinationKind::MessagingService) if document.get("/delivery/signingSecrets").is_none() => {
            document.set("/delivery/signingSecrets", vec![generate::signing_secret()?].into());
        }
        _ => {}
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
    fn every_missing_option_of_a_channel_is_named() {
        let platform = r#""platform": "multicloud-cx", "apiBaseUrl": "https://e.com", "contactCenterId": "c", "channelId": "1", "appSecrets": ["0123456789ab"]"#;
        for (channel, expected) in [
            (r#"{"kind": "telegram"}"#, "--bot-token-file (or PATCHBAY_BOT_TOKEN)"),
            (
                r#"{"kind": "twilio"}"#,
                "--account-sid, --auth-token-file (or PATCHBAY_AUTH_TOKEN), --sender (or --messaging-service-sid)",
            ),
            (
                r#"{"kind": "twilio", "accountSid": "AC", "authTokens": ["t"], "apiKeySid": "SK", "messagingServiceSid": "MG"}"#,
                "--api-key-secret-file (or PATCHBAY_API_KEY_SECRET)",
            ),
            (r#"{"botToken": "t"}"#, "--channel"),
        ] {
            let mut document = Document::parse(&format!(r#"{{{platform}, "channel": {channel}}}"#)).unwrap();
            let why = fill(&mut document, &"acme".parse().unwrap(), false, false).unwrap_err().to_string();
            assert_eq!(format!("these options are missing: {expected}"), why);
        }
    }

    #[test]
    fn generated_secrets_are_kept() {
        let telegram = r#""channel": {"kind": "telegram", "publicUrl": "https://api.example.com", "botToken": "1:a"}"#;
        for destination in [r#""delivery": {"url": "https://example.com/"}"#, telegram] {
            let mut document = Document::parse(&format!(
                r#"{{"platform": "genesys-cloud", "domain": "eu-central-1", "clientId": "c", "clientSecret": "s",
                    "integrationId": "i", {destination}}}"#
            ))
            .unwrap();
            let acme = "acme".parse().unwrap();
            fill(&mut document, &acme, false, false).unwrap();
            let first = document.clone();
            assert!(first.to_integration(&acme).is_ok());
            fill(&mut document, &acme, false, false).unwrap();
            assert!(document == first);
        }
    }
}
