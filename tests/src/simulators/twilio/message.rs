//! What a call asks to send, checked as strictly as the published rules allow.

use super::account::Account;
use super::addresses::{
    bare, file_extension, is_in_us_or_canada, is_on_whatsapp, is_recipient, is_sid, is_web_address, is_webhook,
};
use super::answers::Refusal;
use super::webhook::Status;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::time::Instant;
use url::form_urlencoded;

/// In characters.
const LONGEST_BODY: usize = 1_600;
const MOST_MEDIA: usize = 10;

/// The expected fields. Those that are published but have no use here are unexpected too.
const SINGLE: [&str; 9] = [
    "To",
    "From",
    "MessagingServiceSid",
    "Body",
    "ContentSid",
    "ContentVariables",
    "StatusCallback",
    "ValidityPeriod",
    "SmartEncoded",
];
const REPEATED: [&str; 2] = ["MediaUrl", "PersistentAction"];

/// A message that was accepted.
#[derive(Debug, Clone)]
pub struct Message {
    pub sid: String,
    pub to: String,
    /// As given, and otherwise the sender that the service would choose.
    pub from: String,
    pub messaging_service_sid: Option<String>,
    /// Empty if there is none.
    pub body: String,
    pub media_urls: Vec<String>,
    pub template: Option<Template>,
    /// Of the message, and otherwise of its service.
    pub status_callback: Option<String>,
    pub validity_period: Option<u32>,
    pub persistent_actions: Vec<String>,
    pub at: Instant,
    pub time: Timestamp,
}

/// A content template and its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pub sid: String,
    pub variables: BTreeMap<String, String>,
}

/// A form, each value of a name in order.
pub(super) struct Form(BTreeMap<String, Vec<String>>);

impl Form {
    /// Reads a form. Empty values count as missing.
    ///
    /// # Errors
    /// It has an unexpected field, or one twice.
    pub(super) fn read(body: &[u8], single: &[&str], repeated: &[&str]) -> Result<Self, String> {
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            fields.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        for (name, values) in &fields {
            let allowed = single.contains(&name.as_str()) && values.len() == 1 || repeated.contains(&name.as_str());
            if !allowed {
                return Err(format!("the field {name} is unexpected {} times", values.len()));
            }
        }
        fields.values_mut().for_each(|values| values.retain(|value| !value.is_empty()));
        Ok(Self(fields))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).first().map(String::as_str)
    }

    fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// The names that were given, and their values. A value that was given empty is empty.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, values)| (name.as_str(), values.first().map(String::as_str).unwrap_or_default()))
    }
}

impl Message {
    /// Reads a call's form.
    ///
    /// # Errors
    /// The vendor's refusal; for what no refusal is published, a mistake of the caller.
    pub(super) fn read(account: &Account, sid: String, body: &[u8]) -> Result<Result<Self, Refusal>, String> {
        let form = Form::read(body, &SINGLE, &REPEATED)?;
        let read = Self::check(account, sid, &form);
        match read.as_ref().ok().and_then(Self::loss) {
            Some(loss) => Err(loss.to_owned()),
            None => Ok(read),
        }
    }

    /// What would not arrive although the message is accepted.
    fn loss(&self) -> Option<&'static str> {
        let medium = self.media_urls.first()?;
        match is_on_whatsapp(&self.to) {
            true if self.media_urls.len() > 1 => Some("WhatsApp drops all media but the first"),
            true if !self.body.is_empty() && !may_have_caption(medium) => {
                Some("WhatsApp drops the text beside another medium than a picture")
            }
            false if !is_in_us_or_canada(&self.to) => Some("media are sent in the United States and Canada only"),
            _ => None,
        }
    }

    /// Whether it fails on WhatsApp, where only these customers can be sent other messages than templates.
    pub(super) fn is_late(&self, sessions: &HashSet<String>) -> bool {
        is_on_whatsapp(&self.to) && self.template.is_none() && !sessions.contains(&self.to)
    }

    fn check(account: &Account, sid: String, form: &Form) -> Result<Self, Refusal> {
        let refuse = |code, message| Err(Refusal::new(code, message));
        let Some(to) = form.get("To") else { return refuse(21_604, "A 'To' phone number is required.") };
        if !is_recipient(to) {
            return refuse(21_211, "The 'To' number is not a valid phone number.");
        }
        let service = form.get("MessagingServiceSid");
        if service.is_some_and(|sid| !account.has_service(sid)) {
            return refuse(21_701, "The Messaging Service does not exist.");
        }
        let from = match (form.get("From"), service) {
            (Some(from), _) => from.to_owned(),
            (None, Some(_)) => account.sender_for(to),
            (None, None) => return refuse(21_603, "A 'From' phone number is required."),
        };
        if is_on_whatsapp(&from) != is_on_whatsapp(to) {
            return refuse(21_910, "'From' and 'To' must be of the same channel.");
        }
        if !account.has_number(bare(&from)) {
            let code = if is_on_whatsapp(&from) { 63_007 } else { 21_606 };
            return refuse(code, "The 'From' address is not one of this account.");
        }
        let (body, media_urls) = (form.get("Body").unwrap_or_default(), form.all("MediaUrl").to_vec());
        if body.chars().count() > LONGEST_BODY {
            return refuse(21_617, "The message body exceeds the 1600 character limit.");
        }
        if media_urls.len() > MOST_MEDIA {
            return refuse(21_623, "There are more than 10 media.");
        }
        if !media_urls.iter().all(|url| is_web_address(url)) {
            return refuse(21_620, "Invalid media URL.");
        }
        let template = Template::read(form)?;
        if body.is_empty() && media_urls.is_empty() && template.is_none() {
            return refuse(21_602, "Message body is required.");
        }
        let status_callback = form.get("StatusCallback").map(str::to_owned);
        if status_callback.as_ref().is_some_and(|url| !is_webhook(url)) {
            return refuse(21_609, "The 'StatusCallback' URL is not a valid URL.");
        }
        let validity_period = match form.get("ValidityPeriod").map(str::parse) {
            None => None,
            Some(Ok(seconds @ 1..=36_000)) => Some(seconds),
            Some(_) => return refuse(21_624, "The 'ValidityPeriod' is not valid."),
        };
        if let Some(code) = account.refusal_of(to) {
            return refuse(code, "This is simulated.");
        }
        Ok(Self {
            sid,
            to: to.to_owned(),
            from,
            messaging_service_sid: service.map(str::to_owned),
            body: body.to_owned(),
            media_urls,
            template,
            status_callback: status_callback.or_else(|| account.status_callback_of(service?)),
            validity_period,
            persistent_actions: form.all("PersistentAction").to_vec(),
            at: Instant::now(),
            time: Timestamp::now(),
        })
    }

    /// The message in the API, with the last status that was reported.
    pub(super) fn json(&self, account_sid: &str, status: Option<Status>) -> Value {
        let Self { sid, to, from, messaging_service_sid: service, body, media_urls, .. } = self;
        let now = self.time.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
        let (first, error) =
            (if service.is_some() { "accepted" } else { "queued" }, status.and_then(|status| status.error));
        let uri = format!("/2010-04-01/Accounts/{account_sid}/Messages/{sid}");
        json!({
            "sid": sid, "account_sid": account_sid, "to": to, "messaging_service_sid": service, "body": body,
            "status": status.map_or(first, |status| status.word), "direction": "outbound-api",
            // The service has chosen no sender yet.
            "from": if service.is_some() { None } else { Some(from) },
            "num_segments": if service.is_some() { "0" } else { "1" }, "num_media": media_urls.len().to_string(),
            "date_created": now, "date_updated": now, "date_sent": null, "error_code": error, "error_message": null,
            "price": null, "price_unit": "USD", "api_version": "2010-04-01", "uri": format!("{uri}.json"),
            "subresource_uris": {"media": format!("{uri}/Media.json")},
        })
    }
}

/// Whether WhatsApp shows a text beside the medium: a picture, unless it is a sticker. A URL without an extension may be one.
fn may_have_caption(url: &str) -> bool {
    file_extension(url).is_none_or(|extension| ["jpeg", "jpg", "png"].contains(&extension.as_str()))
}

impl Template {
    fn read(form: &Form) -> Result<Option<Self>, Refusal> {
        let variables: BTreeMap<String, String> = match form.get("ContentVariables").map(serde_json::from_str) {
            None => BTreeMap::new(),
            Some(Ok(variables)) => variables,
            Some(Err(_)) => return Err(Refusal::new(21_656, "The ContentVariables parameter is invalid.")),
        };
        match form.get("ContentSid") {
            None if variables.is_empty() => Ok(None),
            Some(sid) if is_sid(sid, "HX") => Ok(Some(Self { sid: sid.to_owned(), variables })),
            _ => Err(Refusal::new(21_655, "The ContentSid is invalid.")),
        }
    }
}
