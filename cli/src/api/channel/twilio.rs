//! A Twilio account, and the webhooks of its sender.

use crate::api::platform_http;
use crate::error::CliError;
use shared::channel::twilio::config::{Config, Sender};
use shared::channel::twilio::setup::{Account, IncomingNumber, MessagingService, Setup, SetupError};
use url::Url;

const WHATSAPP: &str = "whatsapp:";

pub(crate) struct Twilio<'c> {
    setup: Setup<'c>,
    config: &'c Config,
}

/// What Twilio calls when a customer writes to the sender.
pub(crate) enum SenderSetup {
    /// The webhooks can be read and set.
    Webhooks(SenderWebhooks),
    /// They are set in Twilio's console.
    ByHand,
    /// Customers cannot answer.
    OneWay,
}

/// The webhooks of a phone number or a Messaging Service.
#[derive(Debug)]
pub(crate) struct SenderWebhooks {
    owner: Owner,
    inbound: Webhook,
    fallback: Webhook,
    /// What makes Twilio ignore them.
    overridden: Option<&'static str>,
}

#[derive(Debug)]
enum Owner {
    Number { sid: String, phone_number: String },
    Service,
}

#[derive(Debug)]
struct Webhook {
    url: Option<String>,
    method: Option<String>,
}

/// What is wrong with a sender's webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebhookProblem {
    /// Whether no message arrives. Otherwise some may get lost.
    pub(crate) is_fault: bool,
    pub(crate) observed: String,
}

impl<'c> Twilio<'c> {
    pub(crate) fn new(config: &'c Config) -> Result<Self, CliError> {
        Ok(Self { setup: Setup::new(platform_http()?, config), config })
    }

    pub(crate) async fn account(&self) -> Result<Account, SetupError> {
        self.setup.account().await
    }

    pub(crate) async fn check_api_key(&self) -> Result<(), SetupError> {
        self.setup.check_api_key().await
    }

    /// The account, if both secrets are accepted.
    pub(crate) async fn checked_account(&self) -> Result<Account, SetupError> {
        let account = self.account().await?;
        self.check_api_key().await.map(|()| account)
    }

    pub(crate) async fn sender(&self) -> Result<SenderSetup, SetupError> {
        Ok(match self.config.sender() {
            Sender::MessagingService(sid) => SenderSetup::Webhooks(self.setup.messaging_service(sid).await?.into()),
            Sender::Address(address) if address.starts_with('+') => {
                SenderSetup::Webhooks(self.setup.incoming_number(address).await?.into())
            }
            Sender::Address(address) if is_one_way(address) => SenderSetup::OneWay,
            Sender::Address(_) => SenderSetup::ByHand,
        })
    }

    /// Makes Twilio send what customers write here. Returns what is still wrong then.
    pub(crate) async fn connect(&self, webhooks: &SenderWebhooks) -> Result<Option<WebhookProblem>, SetupError> {
        let set: SenderWebhooks = match (&webhooks.owner, self.config.sender()) {
            (Owner::Number { sid, .. }, _) => self.setup.set_number_webhooks(sid).await?.into(),
            (Owner::Service, Sender::MessagingService(sid)) => self.setup.set_service_webhooks(sid).await?.into(),
            (Owner::Service, Sender::Address(_)) => return Err(SetupError::NotFound),
        };
        Ok(self.problem(&set))
    }

    pub(crate) fn problem(&self, webhooks: &SenderWebhooks) -> Option<WebhookProblem> {
        webhooks.problem(&self.config.webhook_url())
    }
}

impl From<IncomingNumber> for SenderWebhooks {
    fn from(number: IncomingNumber) -> Self {
        let application = filled(number.sms_application_sid);
        Self {
            owner: Owner::Number { sid: number.sid, phone_number: number.phone_number },
            inbound: Webhook::new(number.sms_url, number.sms_method),
            fallback: Webhook::new(number.sms_fallback_url, number.sms_fallback_method),
            overridden: application.map(|_| "a TwiML app is set for the number, and replaces its webhooks"),
        }
    }
}

impl From<MessagingService> for SenderWebhooks {
    fn from(service: MessagingService) -> Self {
        let overridden = service.use_inbound_webhook_on_number;
        Self {
            owner: Owner::Service,
            inbound: Webhook::new(service.inbound_request_url, service.inbound_method),
            fallback: Webhook::new(service.fallback_url, service.fallback_method),
            overridden: overridden.then_some("the Messaging Service defers to the webhooks of its numbers"),
        }
    }
}

impl SenderWebhooks {
    pub(crate) fn name(&self) -> String {
        match &self.owner {
            Owner::Number { phone_number, .. } => format!("the number {phone_number}"),
            Owner::Service => "the Messaging Service".to_owned(),
        }
    }

    /// Where customers' messages are sent so far, if that is elsewhere. A path may be a secret.
    pub(crate) fn elsewhere(&self, address: &str) -> Option<String> {
        let url = self.inbound.url.as_deref().filter(|url| without_fragment(url) != without_fragment(address))?;
        Some(url.parse().map_or_else(|_| "elsewhere".to_owned(), |url: Url| url.origin().ascii_serialization()))
    }

    fn problem(&self, expected: &str) -> Option<WebhookProblem> {
        let fault = |observed: String| Some(WebhookProblem { is_fault: true, observed });
        let warning = |observed: &str| Some(WebhookProblem { is_fault: false, observed: observed.to_owned() });
        let name = self.name();
        if let Some(overridden) = self.overridden {
            return fault(overridden.to_owned());
        }
        if let Some(elsewhere) = self.elsewhere(expected) {
            return fault(format!("customers' messages to {name} are sent to {elsewhere}"));
        }
        let address = Some(without_fragment(expected));
        match &self.inbound {
            Webhook { url: None, .. } => fault(format!("{name} has no webhook: customers' messages are lost")),
            inbound if inbound.is_get() => fault(format!("the webhook of {name} is called by GET")),
            _ if self.fallback.address() != address || self.fallback.is_get() => {
                warning("without the fallback URL a message is lost if the first request fails")
            }
            inbound if inbound.url.as_deref() != Some(expected) => {
                warning("without the fragment of the webhook's URL Twilio hardly retries")
            }
            _ => None,
        }
    }
}

impl Webhook {
    fn new(url: Option<String>, method: Option<String>) -> Self {
        Self { url: filled(url), method }
    }

    fn address(&self) -> Option<&str> {
        self.url.as_deref().map(without_fragment)
    }

    fn is_get(&self) -> bool {
        self.method.as_deref() == Some("GET")
    }
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn without_fragment(url: &str) -> &str {
    url.split('#').next().unwrap_or_default()
}

/// Whether it is a name instead of a number.
fn is_one_way(address: &str) -> bool {
    !address.starts_with(WHATSAPP) && address.contains(|letter: char| letter.is_ascii_alphabetic())
}

/// What to enter in Twilio's console.
pub(crate) fn instructions(config: &Config) -> String {
    let url = config.webhook_url();
    let (place, fields) = match config.sender() {
        Sender::MessagingService(sid) => (
            format!("in the Messaging Service {sid}, under Integration, choose `Send a webhook`"),
            "as the request URL and as the fallback URL",
        ),
        Sender::Address(address) if is_one_way(address) => {
            return format!("Customers cannot answer {address}: there is no webhook to set in Twilio.");
        }
        Sender::Address(address) => match address.strip_prefix(WHATSAPP) {
            Some(number) => (
                format!("open the WhatsApp sender {number}"),
                "as the webhook URL for incoming messages and as the fallback URL",
            ),
            None if !address.starts_with('+') => (
                format!("under Short codes, open {address}"),
                "as the URL for `A message comes in` and as its fallback URL",
            ),
            None => (
                format!("open the number {address}, and its messaging configuration"),
                "as the URL for `A message comes in` and as the one for `Primary handler fails`",
            ),
        },
    };
    format!("In Twilio's console, {place}, and enter this address {fields}, both with HTTP POST: {url}")
}

pub(crate) fn failed(what: &str, error: &SetupError) -> CliError {
    let hint = match error {
        SetupError::AuthToken => ": compare the account SID and the primary Auth Token".to_owned(),
        SetupError::ApiKey => ": compare the API key's SID and secret".to_owned(),
        SetupError::NotFound => ": the account has no such sender".to_owned(),
        SetupError::Refused { status: 403, .. } => ": the API key needs the type `Standard` or `Main`".to_owned(),
        _ => String::new(),
    };
    CliError::Failed(format!("Twilio did not {what}: {error}{hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: &str = "https://api.example.com/integrations/acme/channel#rc=3";

    fn number(change: impl FnOnce(&mut IncomingNumber)) -> Option<(bool, String)> {
        let mut number = IncomingNumber {
            sid: "PN1".to_owned(),
            phone_number: "+15005550006".to_owned(),
            sms_url: Some(EXPECTED.to_owned()),
            sms_method: Some("POST".to_owned()),
            sms_fallback_url: Some(EXPECTED.to_owned()),
            sms_fallback_method: Some("POST".to_owned()),
            sms_application_sid: Some(String::new()),
        };
        change(&mut number);
        let problem = SenderWebhooks::from(number).problem(EXPECTED);
        problem.map(|problem| (problem.is_fault, problem.observed))
    }

    #[test]
    fn webhooks_here_with_the_fallback_and_the_retries_are_right() {
        assert_eq!(None, number(|_| {}));
    }

    #[test]
    fn webhooks_by_which_no_message_arrives_are_a_fault() {
        let observed = |change: fn(&mut IncomingNumber)| {
            let (is_fault, observed) = number(change).unwrap();
            assert!(is_fault, "{observed}");
            observed
        };
        assert!(observed(|number| number.sms_url = Some(String::new())).contains("has no webhook"));
        let elsewhere = observed(|number| number.sms_url = Some("https://e.com/hidden".to_owned()));
        assert_eq!("customers' messages to the number +15005550006 are sent to https://e.com", elsewhere);
        assert!(observed(|number| number.sms_method = Some("GET".to_owned())).contains("by GET"));
        assert!(observed(|number| number.sms_application_sid = Some("AP1".to_owned())).contains("TwiML app"));
        let service = MessagingService {
            sid: "MG1".to_owned(),
            friendly_name: None,
            inbound_request_url: Some(EXPECTED.to_owned()),
            inbound_method: None,
            fallback_url: Some(EXPECTED.to_owned()),
            fallback_method: None,
            use_inbound_webhook_on_number: true,
        };
        assert!(SenderWebhooks::from(service).problem(EXPECTED).unwrap().is_fault);
    }

    #[test]
    fn webhooks_by_which_a_message_may_get_lost_are_a_warning() {
        let observed = |change: fn(&mut IncomingNumber)| {
            let (is_fault, observed) = number(change).unwrap();
            assert!(!is_fault, "{observed}");
            observed
        };
        assert!(observed(|number| number.sms_fallback_url = None).contains("fallback"));
        assert!(observed(|number| number.sms_fallback_method = Some("GET".to_owned())).contains("fallback"));
        let without = observed(|number| number.sms_url = Some(without_fragment(EXPECTED).to_owned()));
        assert!(without.contains("fragment"), "{without}");
    }

    #[test]
    fn customers_can_answer_numbers_and_not_names() {
        for (address, expected) in [("+15005550006", false), ("whatsapp:+15005550006", false), ("12345", false)] {
            assert_eq!(expected, is_one_way(address), "{address}");
        }
        assert!(is_one_way("ACME 1"));
    }
}
