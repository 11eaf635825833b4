//! The configuration of a Twilio channel.

use super::customer::{WHATSAPP, is_digits, is_phone_number, phone_number, strip_whatsapp, whatsapp_user};
use super::parameters::Parameters;
use super::render::{self, Part};
use super::sid::Sid;
use super::{signature, webhook};
use crate::channel::address::{ChannelAddress, base_url};
use crate::channel::event::ChannelEvent;
use crate::channel::message::{ChannelMessage, Unsupported};
use crate::channel::provider::{Acknowledgement, Provider, ProviderRequest};
use crate::channel::seal::Sealer;
use crate::http_client::OutboundUrl;
use crate::json::fields::{FieldError, Fields, boolean, list, secret, shared_secret, text};
use crate::model::integration_name::IntegrationName;
use crate::signature::{MatchedSecret, SignatureError};
use secrecy::SecretString;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

const API_BASE_URL: &str = "https://api.twilio.com";

/// An Auth Token has 32 characters. The vendor does not promise that it stays so.
const MIN_AUTH_TOKEN_CHARACTERS: usize = 16;

const SHORT_CODE_DIGITS: RangeInclusive<usize> = 3..=8;
const ALPHANUMERIC_SENDER_CHARACTERS: RangeInclusive<usize> = 1..=11;

/// The connection to one account, with one sender.
#[derive(Debug)]
pub struct Config {
    pub(in crate::channel) address: ChannelAddress,
    pub(in crate::channel) sealer: Sealer,
    pub(super) account_sid: Sid,
    pub(super) credentials: Credentials,
    /// Current first.
    auth_tokens: Vec<SecretString>,
    pub(super) sender: Sender,
    pub(super) network: Network,
    /// The content template for each of the platform's templates, by its id.
    pub(super) templates: BTreeMap<String, Sid>,
    pub(super) api_base_url: OutboundUrl,
}

/// What calls are made with: an API key, else the account and its Auth Token.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    pub(super) user: Sid,
    pub(super) password: SecretString,
}

/// What messages are sent from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// A phone number, a short code, an alphanumeric sender, or a phone number on WhatsApp with its prefix.
    Address(String),
    /// A Messaging Service, which chooses from its senders.
    MessagingService(Sid),
}

/// What messages are sent as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Text only: files are links.
    Sms,
    /// Text and pictures, in the United States and Canada.
    Mms,
    WhatsApp,
}

impl Config {
    pub(in crate::channel) fn read(
        integration: &IntegrationName,
        address: Option<ChannelAddress>,
        fields: &mut Fields<'_>,
    ) -> Option<Self> {
        let account_sid = fields.required("accountSid", Sid::field("AC"));
        let api_key = read_api_key(fields);
        let auth_tokens = fields.required("authTokens", list(shared_secret(MIN_AUTH_TOKEN_CHARACTERS)));
        let sender = read_sender(fields);
        let templates = fields.optional("templates", templates);
        let api_base_url = match fields.has("apiBaseUrl") {
            true => fields.optional("apiBaseUrl", base_url),
            false => API_BASE_URL.parse().ok(),
        };
        let (account_sid, auth_tokens, (sender, network)) = (account_sid?, auth_tokens?, sender?);
        let current = Credentials { user: account_sid.clone(), password: auth_tokens.first()?.clone() };
        Some(Self {
            address: address?,
            sealer: Sealer::new(&auth_tokens, integration),
            account_sid,
            credentials: api_key.unwrap_or(current),
            auth_tokens,
            sender,
            network,
            templates: templates.unwrap_or_default(),
            api_base_url: api_base_url?,
        })
    }

    #[must_use]
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    #[must_use]
    pub fn network(&self) -> Network {
        self.network
    }

    /// The account with the current Auth Token, whose secrecy the webhooks depend on.
    pub(super) fn account_credentials(&self) -> Option<Credentials> {
        let password = self.auth_tokens.first()?.clone();
        Some(Credentials { user: self.account_sid.clone(), password })
    }
}

fn read_api_key(fields: &mut Fields<'_>) -> Option<Credentials> {
    if !fields.has("apiKeySid") && !fields.has("apiKeySecret") {
        return None;
    }
    let user = fields.required("apiKeySid", Sid::field("SK"));
    let password = fields.required("apiKeySecret", secret);
    Some(Credentials { user: user?, password: password? })
}

fn read_sender(fields: &mut Fields<'_>) -> Option<(Sender, Network)> {
    match (fields.has("from"), fields.has("messagingServiceSid")) {
        (false, false) => fields.error("from", "is required, unless `messagingServiceSid` is given"),
        (true, true) => fields.error("from", "must be absent if `messagingServiceSid` is given"),
        _ => {}
    }
    let from = fields.optional("from", sender_address);
    let service = fields.optional("messagingServiceSid", Sid::field("MG"));
    let whatsapp = fields.optional("whatsApp", boolean);
    let mms = fields.optional("mms", boolean);
    if from.is_some() && whatsapp.is_some() {
        fields.error(
            "whatsApp",
            "is only valid with `messagingServiceSid`: a sender on WhatsApp is `whatsapp:` and its number",
        );
    }
    let is_whatsapp = whatsapp == Some(true) || from.as_ref().is_some_and(|from| from.starts_with(WHATSAPP));
    if is_whatsapp && mms.is_some() {
        fields.error("mms", "must be absent for WhatsApp, which always has pictures");
    }
    let network = match (is_whatsapp, mms) {
        (true, _) => Network::WhatsApp,
        (false, Some(true)) => Network::Mms,
        (false, _) => Network::Sms,
    };
    let sender = from.map(Sender::Address).or(service.map(Sender::MessagingService))?;
    Some((sender, network))
}

fn sender_address(value: Value) -> Result<String, String> {
    let text = text(value)?;
    let is_short_code = SHORT_CODE_DIGITS.contains(&text.len()) && is_digits(&text);
    match strip_whatsapp(&text) {
        Some(number) if is_phone_number(number) => Ok(format!("{WHATSAPP}{number}")),
        None if is_phone_number(&text) || is_short_code || is_alphanumeric_sender(&text) => Ok(text),
        _ => {
            Err("must be a phone number such as +15550100, a short code, an alphanumeric sender, or `whatsapp:` and a \
                  phone number"
                .to_owned())
        }
    }
}

fn is_alphanumeric_sender(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b" +-_&.".contains(&byte);
    ALPHANUMERIC_SENDER_CHARACTERS.contains(&text.len())
        && text.bytes().all(is_allowed)
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn templates(value: Value) -> Result<BTreeMap<String, Sid>, String> {
    let read = |(id, sid): (String, Value)| Some((id, Sid::parse(sid.as_str()?, &["HX"])?));
    let templates = match value {
        Value::Object(members) => members.into_iter().map(read).collect::<Option<_>>(),
        _ => None,
    };
    templates.ok_or_else(|| "must be an object whose values are `HX` and 32 hexadecimal digits".to_owned())
}

impl Provider for Config {
    type Part = Part;

    /// Anything in the element would be sent to the customer.
    const ACKNOWLEDGEMENT: Acknowledgement = Acknowledgement { content_type: "text/xml", body: "<Response/>" };

    const REACHES_PHONES: bool = true;

    const NUMBERS_OPTIONS: bool = true;

    const REPORTS_STATUS: bool = true;

    const SHOWS_TYPING: bool = false;

    const WAITS_FOR_ACCEPTANCE: bool = false;

    fn canonical_address(&self, address: &str) -> Option<String> {
        match self.network {
            Network::Sms | Network::Mms => phone_number(address),
            Network::WhatsApp => whatsapp_user(address),
        }
    }

    fn verify(&self, request: &ProviderRequest<'_>) -> Result<MatchedSecret, SignatureError> {
        let query = request.query.map(|query| format!("?{query}")).unwrap_or_default();
        let url = self.address.join(request.path) + &query;
        let matched = signature::verify(request.headers, &url, request.body, &self.auth_tokens)?;
        let parameters = Parameters::parse(request.body);
        let is_own = |account: &str| account.eq_ignore_ascii_case(self.account_sid.as_str());
        if parameters.get("AccountSid").is_some_and(is_own) { Ok(matched) } else { Err(SignatureError::Mismatch) }
    }

    fn parse(&self, request: &ProviderRequest<'_>) -> Result<Vec<ChannelEvent>, FieldError> {
        webhook::parse(request.path, &Parameters::parse(request.body)).map(|event| vec![event])
    }

    fn render(&self, message: &ChannelMessage<'_>) -> Result<Vec<Part>, Unsupported> {
        render::render(self, message)
    }
}
