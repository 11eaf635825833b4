//! What sets up and checks an account: its credentials, and the webhooks of its numbers and Messaging Services.

use super::api::{Client, error_code};
use super::config::{Config, Credentials};
use super::sid::Sid;
use super::signature;
use crate::channel::error::NoAnswer;
use crate::channel::provider::TrialRequest;
use crate::http_client::{HttpClient, read_body_limited};
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::{Url, form_urlencoded};

/// Settings in a URL's fragment, which Twilio neither sends nor signs: three retries after any failure, with timeouts that leave
/// time for them, because all take at most 15 s together. Without it a message or a status is lost when the first attempt fails.
pub(super) const RETRIES: &str = "#rc=3&rp=all&ct=2000&rt=4500";

/// The API of Messaging Services has a host of its own.
const API_HOST_PREFIX: &str = "api.";
const MESSAGING_HOST_PREFIX: &str = "messaging.";

const MAX_RESPONSE_BYTES: usize = 512 * 1024;

/// Sets up the account of an integration.
#[derive(Debug)]
pub struct Setup<'c> {
    client: Client,
    config: &'c Config,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    #[error("Twilio does not accept the account's Auth Token")]
    AuthToken,
    #[error("Twilio does not accept the API key")]
    ApiKey,
    #[error("Twilio does not know it")]
    NotFound,
    #[error("Twilio answered with status {status}{}", code.map(|code| format!(" and error {code}")).unwrap_or_default())]
    Refused { status: u16, code: Option<u32> },
    #[error("Twilio cannot be reached: {0}")]
    Unavailable(&'static str),
    #[error("Twilio's answer cannot be parsed")]
    InvalidAnswer,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    pub sid: String,
    #[serde(default)]
    pub friendly_name: Option<String>,
    /// `active`, `suspended` or `closed`.
    #[serde(default)]
    pub status: Option<String>,
    /// `Trial` or `Full`.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
}

/// A phone number of the account, with its webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IncomingNumber {
    pub sid: String,
    pub phone_number: String,
    #[serde(default)]
    pub sms_url: Option<String>,
    #[serde(default)]
    pub sms_method: Option<String>,
    #[serde(default)]
    pub sms_fallback_url: Option<String>,
    #[serde(default)]
    pub sms_fallback_method: Option<String>,
    /// If set, the webhooks have no effect.
    #[serde(default)]
    pub sms_application_sid: Option<String>,
}

/// A Messaging Service with its webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MessagingService {
    pub sid: String,
    #[serde(default)]
    pub friendly_name: Option<String>,
    /// If it is empty, inbound messages are dropped, unless `use_inbound_webhook_on_number` is set.
    #[serde(default)]
    pub inbound_request_url: Option<String>,
    #[serde(default)]
    pub inbound_method: Option<String>,
    #[serde(default)]
    pub fallback_url: Option<String>,
    #[serde(default)]
    pub fallback_method: Option<String>,
    /// Whether the webhooks of the numbers are used in place of the service's.
    #[serde(default)]
    pub use_inbound_webhook_on_number: bool,
}

#[derive(Deserialize)]
struct IncomingNumbers {
    incoming_phone_numbers: Vec<IncomingNumber>,
}

impl Config {
    /// The address for inbound messages, and for the fallback, as it is entered at Twilio.
    #[must_use]
    pub fn webhook_url(&self) -> String {
        self.address.join(RETRIES)
    }

    /// A status of no message.
    pub(in crate::channel) fn trial_request(&self) -> TrialRequest {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("AccountSid", self.account_sid.as_str())
            .append_pair("From", "patchbay")
            .append_pair("MessageSid", "patchbay")
            .append_pair("MessageStatus", "sent")
            .finish();
        let token = self.account_credentials().map(|account| account.password);
        let signed = token.and_then(|token| signature::sign(self.address.as_str(), body.as_bytes(), &token));
        let content_type = (CONTENT_TYPE, "application/x-www-form-urlencoded".to_owned());
        TrialRequest { headers: signed.into_iter().chain([content_type]).collect(), body }
    }
}

impl<'c> Setup<'c> {
    #[must_use]
    pub fn new(http: HttpClient, config: &'c Config) -> Self {
        Self { client: Client::new(http), config }
    }

    /// The account, which only the Auth Token may read.
    ///
    /// # Errors
    /// The current Auth Token is not accepted, or Twilio cannot be reached.
    pub async fn account(&self) -> Result<Account, SetupError> {
        let mut url = self.api_url(&[])?;
        url.set_path(&format!("{}.json", url.path()));
        let token = self.config.account_credentials().ok_or(SetupError::AuthToken)?;
        self.call(Method::GET, url, &token, &[]).await
    }

    /// Checks the API key, if there is one. A standard key may not read the account.
    ///
    /// # Errors
    /// The key is not accepted, or Twilio cannot be reached.
    pub async fn check_api_key(&self) -> Result<(), SetupError> {
        if self.config.credentials.user == self.config.account_sid {
            return Ok(());
        }
        let mut numbers = self.api_url(&["IncomingPhoneNumbers.json"])?;
        numbers.query_pairs_mut().append_pair("PageSize", "1");
        let _: IncomingNumbers = self.call(Method::GET, numbers, &self.config.credentials, &[]).await?;
        Ok(())
    }

    /// The account's number with these digits, in international form.
    ///
    /// # Errors
    /// The account has no such number, or the call failed.
    pub async fn incoming_number(&self, phone_number: &str) -> Result<IncomingNumber, SetupError> {
        let mut url = self.api_url(&["IncomingPhoneNumbers.json"])?;
        url.query_pairs_mut().append_pair("PhoneNumber", phone_number);
        let numbers: IncomingNumbers = self.call(Method::GET, url, &self.config.credentials, &[]).await?;
        let mut numbers = numbers.incoming_phone_numbers.into_iter();
        numbers.find(|number| number.phone_number == phone_number).ok_or(SetupError::NotFound)
    }

    /// Points the webhooks of a number to [`Config::webhook_url`].
    ///
    /// # Errors
    /// The account has no such number, or the call failed.
    pub async fn set_number_webhooks(&self, number_sid: &str) -> Result<IncomingNumber, SetupError> {
        let sid = Sid::parse(number_sid, &["PN"]).ok_or(SetupError::NotFound)?;
        let url = self.api_url(&["IncomingPhoneNumbers", &format!("{sid}.json")])?;
        let webhook = self.config.webhook_url();
        let form = [
            ("SmsUrl", webhook.as_str()),
            ("SmsMethod", "POST"),
            ("SmsFallbackUrl", &webhook),
            ("SmsFallbackMethod", "POST"),
        ];
        self.call(Method::POST, url, &self.config.credentials, &form).await
    }

    /// A Messaging Service.
    ///
    /// # Errors
    /// The account has no such service, or the call failed.
    pub async fn messaging_service(&self, sid: &Sid) -> Result<MessagingService, SetupError> {
        self.call(Method::GET, self.service_url(sid)?, &self.config.credentials, &[]).await
    }

    /// Points the webhooks of a Messaging Service to [`Config::webhook_url`].
    ///
    /// # Errors
    /// The account has no such service, or the call failed.
    pub async fn set_service_webhooks(&self, sid: &Sid) -> Result<MessagingService, SetupError> {
        let webhook = self.config.webhook_url();
        let form = [
            ("InboundRequestUrl", webhook.as_str()),
            ("InboundMethod", "POST"),
            ("FallbackUrl", &webhook),
            ("FallbackMethod", "POST"),
            ("UseInboundWebhookOnNumber", "false"),
        ];
        self.call(Method::POST, self.service_url(sid)?, &self.config.credentials, &form).await
    }

    fn api_url(&self, path: &[&str]) -> Result<Url, SetupError> {
        self.config.account_url(path).ok_or(SetupError::InvalidAnswer)
    }

    fn service_url(&self, sid: &Sid) -> Result<Url, SetupError> {
        let mut url = self.config.api_base_url.url().clone();
        // Another host, such as a simulated one, has all APIs.
        if let Some(rest) = url.host_str().and_then(|host| host.strip_prefix(API_HOST_PREFIX)) {
            let host = format!("{MESSAGING_HOST_PREFIX}{rest}");
            url.set_host(Some(&host)).map_err(|_| SetupError::InvalidAnswer)?;
        }
        let segments = url.path_segments_mut();
        segments.map_err(|()| SetupError::InvalidAnswer)?.pop_if_empty().extend(["v1", "Services", sid.as_str()]);
        Ok(url)
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        credentials: &Credentials,
        form: &[(&str, &str)],
    ) -> Result<T, SetupError> {
        let mut request = self.client.request(method, url, Some(credentials));
        if !form.is_empty() {
            request = request.form(form);
        }
        let response = self.client.http().send(request).await;
        let response = response.map_err(|error| SetupError::Unavailable(NoAnswer::from(&error).cause))?;
        let status = response.status();
        let body = read_body_limited(response, MAX_RESPONSE_BYTES).await.map_err(|_| SetupError::InvalidAnswer)?;
        match status {
            _ if status.is_success() => serde_json::from_slice(&body).map_err(|_| SetupError::InvalidAnswer),
            StatusCode::UNAUTHORIZED if credentials.user == self.config.account_sid => Err(SetupError::AuthToken),
            StatusCode::UNAUTHORIZED => Err(SetupError::ApiKey),
            StatusCode::NOT_FOUND => Err(SetupError::NotFound),
            _ => Err(SetupError::Refused { status: status.as_u16(), code: error_code(&body) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::event::ChannelEvent;
    use crate::channel::provider::{Provider, ProviderRequest};
    use crate::channel::twilio::tests::config;
    use crate::http_client::TrustedRoots;
    use crate::signature::MatchedSecret;
    use serde_json::json;

    #[test]
    fn messaging_services_have_a_host_of_their_own_unless_the_api_is_elsewhere() {
        let sid = Sid::parse("MG44444444444444444444444444444444", &["MG"]).unwrap();
        for (base, expected) in [
            ("https://api.twilio.com", "https://messaging.twilio.com"),
            ("https://api.dublin.ie1.twilio.com/", "https://messaging.dublin.ie1.twilio.com"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("https://gateway.example.com/sms", "https://gateway.example.com/sms"),
        ] {
            let config = config(json!({"apiBaseUrl": base}));
            let setup = Setup::new(HttpClient::new(&TrustedRoots::CompiledIn).unwrap(), &config);
            assert_eq!(format!("{expected}/v1/Services/{sid}"), setup.service_url(&sid).unwrap().as_str());
        }
    }

    #[test]
    fn a_trial_is_genuine_and_ignored() {
        let config = config(json!({"authTokens": ["current-token-0123456789", "previous-token-012345678"]}));
        let TrialRequest { headers, body } = config.trial_request();
        let headers = headers.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect();
        let request = ProviderRequest { headers: &headers, path: "", query: None, body: body.as_bytes() };
        assert_eq!(Ok(MatchedSecret::Current), config.verify(&request));
        assert!(matches!(config.parse(&request).as_deref(), Ok([ChannelEvent::Ignored(_)])));
    }

    #[test]
    fn the_webhook_asks_twilio_for_repetitions() {
        let expected = "https://patchbay.example.com/integrations/acme/channel#rc=3&rp=all&ct=2000&rt=4500";
        assert_eq!(expected, config(json!({})).webhook_url());
    }
}
