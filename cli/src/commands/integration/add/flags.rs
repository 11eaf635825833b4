//! What `patchbay integration add` is given on the command line.

use super::super::document::Document;
use super::super::given::{Given, environment};
use super::callers::CallerFlag;
use crate::failure::Failure;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::Value;
use shared::model::integration_name::IntegrationName;
use shared::platform::PlatformName;
use std::path::{Path, PathBuf};

/// Connect one: its configuration and secrets, and the platform's side of it
///
/// What is missing is asked for, or generated. Given again, it goes on where it was interrupted; for an integration that is
/// there already, it makes the platform's side good again.
#[derive(Debug, Args)]
#[command(after_help = SECRETS)]
pub(crate) struct Add {
    /// What to call it: 1 to 64 of a to z, 0 to 9 and -
    pub(super) name: IntegrationName,
    /// Its configuration in a JSON file, or - for standard input; options come on top of it
    #[arg(long, value_name = "FILE")]
    pub(super) from: Option<PathBuf>,
    #[command(flatten)]
    pub(super) fields: Fields,
    /// A caller of the sender routes, whose secret is generated: `crm` signs, `flows:bearer` sends a token, and
    /// `sms:receipts,inbound` may use these routes only
    #[arg(long = "caller", value_name = "NAME[:signing|:bearer][:ROUTE,…]")]
    pub(super) callers: Vec<CallerFlag>,
    /// Of Genesys Cloud: the open messaging integration of this name is used, or made; the integration's name unless
    /// given
    #[arg(long, value_name = "NAME")]
    pub(super) platform_name: Option<String>,
    /// Do not call the platform
    #[arg(long)]
    pub(super) no_platform: bool,
    /// Change an integration that is there already: what is given takes the place of what it has, --caller adds to its
    /// callers, and all else stays
    #[arg(long)]
    pub(super) replace: bool,
    /// Have the platform's webhooks come here without asking, if they went elsewhere
    #[arg(long)]
    pub(super) yes: bool,
    /// The KMS key that encrypts a new secret; AWS's own for Secrets Manager unless given
    #[arg(long, value_name = "KEY")]
    pub(super) kms_key_id: Option<String>,
    /// Show the secrets at the end
    #[arg(long)]
    pub(super) show_secrets: bool,
}

const SECRETS: &str = "Secrets never stand on the command line: they come from a file (- is standard input), from the \
    environment (PATCHBAY_CLIENT_SECRET, PATCHBAY_WEBHOOK_SECRET, PATCHBAY_APP_SECRET, PATCHBAY_API_KEY, \
    PATCHBAY_TOKEN, PATCHBAY_SIGNING_SECRET), or are asked for. Webhook secrets of Genesys Cloud, signing secrets and \
    callers' secrets are generated unless given.";

/// Every field of a configuration but the callers.
#[derive(Debug, Args)]
pub(super) struct Fields {
    /// The platform
    #[arg(long, value_parser = platform())]
    platform: Option<PlatformName>,

    /// The organisation's domain (mypurecloud.de) or AWS region (eu-central-1)
    #[arg(long, help_heading = GENESYS_CLOUD)]
    domain: Option<String>,
    /// The open messaging integration; found by its name, or made, unless given
    #[arg(long, value_name = "ID", help_heading = GENESYS_CLOUD)]
    integration_id: Option<String>,
    /// The OAuth client
    #[arg(long, value_name = "ID", help_heading = GENESYS_CLOUD)]
    client_id: Option<String>,
    /// The OAuth client's secret
    #[arg(long, value_name = "FILE", help_heading = GENESYS_CLOUD)]
    client_secret_file: Option<PathBuf>,
    /// The signature secret token; generated unless given
    #[arg(long, value_name = "FILE", help_heading = GENESYS_CLOUD)]
    webhook_secret_file: Option<PathBuf>,

    /// The contact centre
    #[arg(long, value_name = "ID", help_heading = MULTICLOUD_CX)]
    contact_center_id: Option<String>,
    /// The channel: a telephone number, a domain
    #[arg(long, value_name = "ID", help_heading = MULTICLOUD_CX)]
    channel_id: Option<String>,
    /// The channel's app secret, of at least 12 characters
    #[arg(long, value_name = "FILE", help_heading = MULTICLOUD_CX)]
    app_secret_file: Option<PathBuf>,
    /// What the API's gateway asks for
    #[arg(long, value_name = "FILE", help_heading = MULTICLOUD_CX)]
    api_key_file: Option<PathBuf>,
    /// Where the API is, without /nexus/v3 (of HighLevel too)
    #[arg(long, value_name = "URL", help_heading = MULTICLOUD_CX)]
    api_base_url: Option<String>,

    /// The location
    #[arg(long, value_name = "ID", help_heading = HIGHLEVEL)]
    location_id: Option<String>,
    /// The app, where events of others are to be refused
    #[arg(long, value_name = "ID", help_heading = HIGHLEVEL)]
    app_id: Option<String>,
    /// The token for calls
    #[arg(long, value_name = "FILE", help_heading = HIGHLEVEL)]
    token_file: Option<PathBuf>,
    /// The provider that customers' messages come in by
    #[arg(long, value_name = "ID", help_heading = HIGHLEVEL)]
    conversation_provider_id: Option<String>,
    /// A public key that may have signed; the published ones unless given
    #[arg(long = "trusted-key", value_name = "KEY", help_heading = HIGHLEVEL)]
    trusted_keys: Vec<String>,
    /// Whether X-WH-Signature counts
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", help_heading = HIGHLEVEL)]
    accept_legacy_signature: Option<bool>,
    /// A kind of message that is handed on; the usual ones unless given
    #[arg(long = "forward-message-type", value_name = "TYPE", value_delimiter = ',', help_heading = HIGHLEVEL)]
    forward_message_types: Vec<String>,
    /// The age at which an event is refused
    #[arg(long, value_name = "SECONDS", help_heading = HIGHLEVEL)]
    maximum_age_seconds: Option<u64>,

    /// Where messages are posted
    #[arg(long, value_name = "URL", help_heading = DELIVERY)]
    delivery_url: Option<String>,
    /// What deliveries are signed with; generated unless given
    #[arg(long, value_name = "FILE", help_heading = DELIVERY)]
    signing_secret_file: Option<PathBuf>,
    /// The age at which a message is given up
    #[arg(long, value_name = "SECONDS", help_heading = DELIVERY)]
    give_up_after_seconds: Option<u64>,
    /// When the platform hears that a message was delivered
    #[arg(long, value_parser = ["explicit", "on-accept"], help_heading = DELIVERY)]
    receipts: Option<String>,

    /// How cards go out
    #[arg(long, value_parser = ["open-messaging", "messaging-service"], help_heading = SENDING)]
    cards_route: Option<String>,
    /// Whether the agent sees a card as text
    #[arg(long, value_name = "BOOL", help_heading = SENDING)]
    cards_text_trace: Option<bool>,
    /// The largest file that callers may have sent
    #[arg(long, value_name = "BYTES", help_heading = SENDING)]
    media_maximum_bytes: Option<u64>,
    /// Where files may be fetched although the address is not public
    #[arg(long = "media-trusted-origin", value_name = "ORIGIN", help_heading = SENDING)]
    media_trusted_origins: Vec<String>,
}

const GENESYS_CLOUD: &str = "Genesys Cloud";
const MULTICLOUD_CX: &str = "Genesys Multicloud CX";
const HIGHLEVEL: &str = "HighLevel";
const DELIVERY: &str = "Delivery";
const SENDING: &str = "Cards and files";

/// One of the platforms, by its name.
fn platform() -> impl TypedValueParser<Value = PlatformName> {
    PossibleValuesParser::new(["genesys-cloud", "multicloud-cx", "highlevel"])
        .try_map(|name| PlatformName::from_field(name.into()))
}

impl Fields {
    /// Puts what is given into `document`, secrets from their files.
    pub(super) fn put_into(&self, document: &mut Document, input: &Given) -> Result<(), Failure> {
        for (pointer, value) in self.public() {
            document.set(pointer, value);
        }
        for secret in self.secrets() {
            if let Some(file) = secret.file {
                secret.put_into(document, input.secret_in(file)?);
            }
        }
        Ok(())
    }

    /// Puts the secrets of the environment into `document`, as far as its platform has them and no file is given.
    pub(super) fn put_environment_into(&self, document: &mut Document) -> Result<(), Failure> {
        for secret in self.secrets() {
            let platform = secret.platform.map(PlatformName::as_str);
            let has_it = platform.is_none() || platform == document.text("/platform");
            if secret.file.is_none()
                && has_it
                && let Some(value) = environment(secret.variable)?
            {
                secret.put_into(document, value);
            }
        }
        Ok(())
    }

    fn public(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let list = |texts: &[String]| (!texts.is_empty()).then(|| Value::from(texts));
        [
            ("/platform", self.platform.map(|platform| platform.as_str().into())),
            ("/domain", text(&self.domain)),
            ("/integrationId", text(&self.integration_id)),
            ("/clientId", text(&self.client_id)),
            ("/apiBaseUrl", text(&self.api_base_url)),
            ("/contactCenterId", text(&self.contact_center_id)),
            ("/channelId", text(&self.channel_id)),
            ("/locationId", text(&self.location_id)),
            ("/appId", text(&self.app_id)),
            ("/conversationProviderId", text(&self.conversation_provider_id)),
            ("/trustedKeys", list(&self.trusted_keys)),
            ("/acceptLegacySignature", self.accept_legacy_signature.map(Value::from)),
            ("/forwardMessageTypes", list(&self.forward_message_types)),
            ("/maximumAgeSeconds", self.maximum_age_seconds.map(Value::from)),
            ("/delivery/url", text(&self.delivery_url)),
            ("/delivery/giveUpAfterSeconds", self.give_up_after_seconds.map(Value::from)),
            ("/delivery/receipts", text(&self.receipts)),
            ("/cards/route", text(&self.cards_route)),
            ("/cards/textTrace", self.cards_text_trace.map(Value::from)),
            ("/media/maximumBytes", self.media_maximum_bytes.map(Value::from)),
            ("/media/trustedOrigins", list(&self.media_trusted_origins)),
        ]
        .into_iter()
        .filter_map(|(pointer, value)| Some((pointer, value?)))
    }

    fn secrets(&self) -> [SecretField<'_>; 6] {
        const GENESYS_CLOUD: Option<PlatformName> = Some(PlatformName::GenesysCloud);
        const MULTICLOUD_CX: Option<PlatformName> = Some(PlatformName::MulticloudCx);
        const HIGHLEVEL: Option<PlatformName> = Some(PlatformName::HighLevel);
        [
            ("/clientSecret", &self.client_secret_file, "PATCHBAY_CLIENT_SECRET", GENESYS_CLOUD),
            ("/webhookSecrets", &self.webhook_secret_file, "PATCHBAY_WEBHOOK_SECRET", GENESYS_CLOUD),
            ("/appSecrets", &self.app_secret_file, "PATCHBAY_APP_SECRET", MULTICLOUD_CX),
            ("/apiKey", &self.api_key_file, "PATCHBAY_API_KEY", MULTICLOUD_CX),
            ("/token", &self.token_file, "PATCHBAY_TOKEN", HIGHLEVEL),
            ("/delivery/signingSecrets", &self.signing_secret_file, "PATCHBAY_SIGNING_SECRET", None),
        ]
        .map(|(pointer, file, variable, platform)| SecretField {
            pointer,
            file: file.as_deref(),
            variable,
            platform,
        })
    }
}

/// A field that is a secret, and where it may be given.
struct SecretField<'f> {
    pointer: &'static str,
    file: Option<&'f Path>,
    variable: &'static str,
    /// The platform that has it; none if all have.
    platform: Option<PlatformName>,
}

impl SecretField<'_> {
    fn put_into(&self, document: &mut Document, secret: String) {
        let is_list = self.pointer.ends_with("Secrets");
        document.set(self.pointer, if is_list { vec![secret].into() } else { secret.into() });
    }
}
