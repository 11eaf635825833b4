//! The settings of the account's numbers and Messaging Services.

use super::addresses::is_webhook;
use super::answers::Refusal;
use super::message::Form;
use super::{ACCOUNT_SID, MESSAGING_SERVICE, NUMBER, NUMBER_SID};
use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use url::form_urlencoded;

pub(super) const URL: &str = "SmsUrl";
pub(super) const FALLBACK_URL: &str = "SmsFallbackUrl";

const NUMBER_SETTINGS: [&str; 5] = [URL, "SmsMethod", FALLBACK_URL, "SmsFallbackMethod", "SmsApplicationSid"];
const SERVICE_SETTINGS: [&str; 6] = [
    "InboundRequestUrl",
    "InboundMethod",
    "FallbackUrl",
    "FallbackMethod",
    "StatusCallback",
    "UseInboundWebhookOnNumber",
];

pub(super) struct Number {
    pub(super) sid: String,
    pub(super) number: String,
    pub(super) settings: BTreeMap<String, String>,
}

pub(super) struct Service {
    pub(super) sid: String,
    pub(super) settings: BTreeMap<String, String>,
}

pub(super) struct Settings {
    pub(super) numbers: Mutex<Vec<Number>>,
    pub(super) services: Mutex<Vec<Service>>,
}

impl Default for Settings {
    fn default() -> Self {
        let number = Number { sid: NUMBER_SID.to_owned(), number: NUMBER.to_owned(), settings: BTreeMap::new() };
        let service = Service { sid: MESSAGING_SERVICE.to_owned(), settings: BTreeMap::new() };
        Self { numbers: Mutex::new(vec![number]), services: Mutex::new(vec![service]) }
    }
}

/// `SmsFallbackUrl` as `sms_fallback_url`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

/// The settings as members of a JSON object.
fn members(names: &[&str], settings: &BTreeMap<String, String>) -> Map<String, Value> {
    let value = |name: &str| match (settings.get(name), name) {
        (given, "UseInboundWebhookOnNumber") => json!(given.is_some_and(|value| value == "true")),
        (Some(value), _) => json!(value),
        (None, _) if name.ends_with("Method") => json!("POST"),
        (None, _) => json!(""),
    };
    names.iter().map(|name| (snake_case(name), value(name))).collect()
}

/// Changes the settings that the form has.
fn change(settings: &mut BTreeMap<String, String>, names: &[&str], form: &[u8]) -> Result<Option<Refusal>, String> {
    let form = Form::read(form, names, &[])?;
    for (name, value) in form.entries() {
        let is_good = match name {
            _ if value.is_empty() => true,
            "UseInboundWebhookOnNumber" => ["true", "false"].contains(&value),
            _ if name.ends_with("Method") => ["GET", "POST"].contains(&value),
            "SmsApplicationSid" => true,
            _ => is_webhook(value),
        };
        if !is_good {
            return Ok(Some(Refusal::new(21_502, &format!("{name} is not valid"))));
        }
    }
    settings.extend(form.entries().map(|(name, value)| (name.to_owned(), value.to_owned())));
    Ok(None)
}

impl Number {
    fn json(&self) -> Value {
        let mut json = members(&NUMBER_SETTINGS, &self.settings);
        json.extend([
            ("sid".to_owned(), json!(self.sid)),
            ("account_sid".to_owned(), json!(ACCOUNT_SID)),
            ("phone_number".to_owned(), json!(self.number)),
            ("friendly_name".to_owned(), json!(self.number)),
            ("capabilities".to_owned(), json!({"voice": true, "sms": true, "mms": true, "fax": false})),
        ]);
        Value::Object(json)
    }
}

impl Service {
    fn json(&self) -> Value {
        let mut json = members(&SERVICE_SETTINGS, &self.settings);
        json.extend([
            ("sid".to_owned(), json!(self.sid)),
            ("account_sid".to_owned(), json!(ACCOUNT_SID)),
            ("friendly_name".to_owned(), json!("Acme")),
        ]);
        Value::Object(json)
    }
}

impl Settings {
    /// The numbers, or the one that the query names.
    pub(super) fn list_numbers(&self, query: &str) -> Response {
        let wanted = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "PhoneNumber");
        let numbers = self.numbers.lock().expect("no panic");
        let is_wanted = |number: &&Number| wanted.as_ref().is_none_or(|(_, wanted)| number.number == **wanted);
        let found: Vec<_> = numbers.iter().filter(is_wanted).map(Number::json).collect();
        let page = json!({"incoming_phone_numbers": found, "page": 0, "page_size": 50, "next_page_uri": null});
        Json(page).into_response()
    }

    pub(super) fn number(&self, sid: &str) -> Response {
        let numbers = self.numbers.lock().expect("no panic");
        let found = numbers.iter().find(|number| sid.strip_suffix(".json") == Some(&number.sid));
        found.map_or_else(|| Refusal::not_found().into_response(), |number| Json(number.json()).into_response())
    }

    pub(super) fn update_number(&self, sid: &str, form: &[u8]) -> Result<Response, String> {
        let mut numbers = self.numbers.lock().expect("no panic");
        let found = numbers.iter_mut().find(|number| sid.strip_suffix(".json") == Some(&number.sid));
        let Some(number) = found else { return Ok(Refusal::not_found().into_response()) };
        let refusal = change(&mut number.settings, &NUMBER_SETTINGS, form)?;
        Ok(refusal.map_or_else(|| Json(number.json()).into_response(), IntoResponse::into_response))
    }

    pub(super) fn service(&self, sid: &str) -> Response {
        let services = self.services.lock().expect("no panic");
        let found = services.iter().find(|service| service.sid == sid);
        found.map_or_else(|| Refusal::not_found().into_response(), |service| Json(service.json()).into_response())
    }

    pub(super) fn update_service(&self, sid: &str, form: &[u8]) -> Result<Response, String> {
        let mut services = self.services.lock().expect("no panic");
        let found = services.iter_mut().find(|service| service.sid == sid);
        let Some(service) = found else { return Ok(Refusal::not_found().into_response()) };
        let refusal = change(&mut service.settings, &SERVICE_SETTINGS, form)?;
        Ok(refusal.map_or_else(|| Json(service.json()).into_response(), IntoResponse::into_response))
    }

    /// Where messages to this number are posted: the webhook and the fallback. The number's own settings, unless the
    /// service in whose pool it is has some.
    pub(super) fn inbound_webhooks(&self, number: &str, service: Option<&str>) -> (Option<String>, Option<String>) {
        let given = |settings: &BTreeMap<String, String>, name| {
            settings.get(name).filter(|url: &&String| !url.is_empty()).cloned()
        };
        let services = self.services.lock().expect("no panic");
        let service = services.iter().find(|one| Some(one.sid.as_str()) == service);
        let uses_number =
            |service: &&Service| service.settings.get("UseInboundWebhookOnNumber").is_some_and(|value| value == "true");
        if let Some(service) = service.filter(|service| !uses_number(service)) {
            return (given(&service.settings, "InboundRequestUrl"), given(&service.settings, "FallbackUrl"));
        }
        let numbers = self.numbers.lock().expect("no panic");
        let Some(number) = numbers.iter().find(|one| one.number == number) else { return (None, None) };
        (given(&number.settings, URL), given(&number.settings, FALLBACK_URL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_the_apis_names_and_defaults() {
        let settings = BTreeMap::from([("SmsFallbackUrl".to_owned(), "https://example.com/".to_owned())]);
        let expected = json!({
            "sms_url": "", "sms_method": "POST", "sms_fallback_url": "https://example.com/",
            "sms_fallback_method": "POST", "sms_application_sid": "",
        });
        assert_eq!(expected, Value::Object(members(&NUMBER_SETTINGS, &settings)));
    }
}
