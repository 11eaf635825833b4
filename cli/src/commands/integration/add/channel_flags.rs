//! The options for the fields of a channel.

use super::field::Scope;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::Value;
use shared::channel::ChannelName;
use std::path::PathBuf;

const CHANNEL: &str = "Channel, in place of a messaging service";
const TWILIO: &str = "Twilio";
const TELEGRAM: &str = "Telegram";

#[derive(Debug, Args)]
pub(super) struct ChannelFlags {
    /// The provider through which Patchbay reaches customers
    #[arg(long, value_parser = channel(), help_heading = CHANNEL)]
    channel: Option<ChannelName>,
    /// Base URL at which the provider reaches the API, such as a custom domain or CloudFront [default: the API's]
    #[arg(long, value_name = "URL", help_heading = CHANNEL)]
    public_url: Option<String>,
    /// Base URL of the provider's API [default: the provider's own]
    #[arg(long, value_name = "URL", help_heading = CHANNEL)]
    channel_api_url: Option<String>,

    /// The bot's token, from BotFather
    #[arg(long, value_name = "FILE", help_heading = TELEGRAM)]
    pub(super) bot_token_file: Option<PathBuf>,
    /// Whether agents see that a customer has pressed Start [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", help_heading = TELEGRAM)]
    accept_start: Option<bool>,

    /// SID of the account: AC…
    #[arg(long, value_name = "SID", help_heading = TWILIO)]
    account_sid: Option<String>,
    /// SID of the API key that messages are sent with: SK… [default: the account and its Auth Token]
    #[arg(long, value_name = "SID", help_heading = TWILIO)]
    api_key_sid: Option<String>,
    /// The API key's secret
    #[arg(long, value_name = "FILE", help_heading = TWILIO)]
    pub(super) api_key_secret_file: Option<PathBuf>,
    /// The account's primary Auth Token, which signs webhooks
    #[arg(long, value_name = "FILE", help_heading = TWILIO)]
    pub(super) auth_token_file: Option<PathBuf>,
    /// What messages are sent from: +15005550006, a short code, whatsapp:+15005550006, or a name that customers cannot answer
    #[arg(long, value_name = "ADDRESS", help_heading = TWILIO)]
    sender: Option<String>,
    /// SID of Twilio's Messaging Service that chooses the sender: MG…
    #[arg(long, value_name = "SID", help_heading = TWILIO)]
    messaging_service_sid: Option<String>,
    /// Whether the senders of that Messaging Service are on WhatsApp
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", help_heading = TWILIO)]
    whatsapp: Option<bool>,
    /// Whether pictures are sent as MMS, in the United States and Canada [default: false: their links]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", help_heading = TWILIO)]
    mms: Option<bool>,
}

fn channel() -> impl TypedValueParser<Value = ChannelName> {
    PossibleValuesParser::new(ChannelName::ALL.map(ChannelName::as_str))
        .try_map(|name| ChannelName::from_field(name.into()))
}

pub(super) const IN_TWILIO: Scope = Scope::Channels(&[ChannelName::Twilio]);
pub(super) const IN_TELEGRAM: Scope = Scope::Channels(&[ChannelName::Telegram]);
const IN_CHANNELS: Scope = Scope::Channels(&ChannelName::ALL);

impl ChannelFlags {
    /// The pointer, the option, the integrations that have it, and the value.
    pub(super) fn public_fields(&self) -> [(&'static str, &'static str, Scope, Option<Value>); 10] {
        let text = |text: &Option<String>| text.clone().map(Value::from);
        [
            ("/channel/kind", "--channel", Scope::All, self.channel.map(|channel| channel.as_str().into())),
            ("/channel/publicUrl", "--public-url", IN_CHANNELS, text(&self.public_url)),
            ("/channel/apiBaseUrl", "--channel-api-url", IN_CHANNELS, text(&self.channel_api_url)),
            ("/channel/acceptStart", "--accept-start", IN_TELEGRAM, self.accept_start.map(Value::from)),
            ("/channel/accountSid", "--account-sid", IN_TWILIO, text(&self.account_sid)),
            ("/channel/apiKeySid", "--api-key-sid", IN_TWILIO, text(&self.api_key_sid)),
            ("/channel/from", "--sender", IN_TWILIO, text(&self.sender)),
            ("/channel/messagingServiceSid", "--messaging-service-sid", IN_TWILIO, text(&self.messaging_service_sid)),
            ("/channel/whatsApp", "--whatsapp", IN_TWILIO, self.whatsapp.map(Value::from)),
            ("/channel/mms", "--mms", IN_TWILIO, self.mms.map(Value::from)),
        ]
    }
}
