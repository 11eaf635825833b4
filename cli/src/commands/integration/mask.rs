//! Hides secrets in a configuration. Every text that is not known to be public counts as a secret.

use serde_json::Value;
use shared::json::fields::pointer;
use url::Url;

pub(super) const HIDDEN: &str = "••••";

/// Paths of texts that are no secrets; `*` is any element of a list.
const PUBLIC: [&str; 26] = [
    "platform",
    "domain",
    "integrationId",
    "clientId",
    "webhookHeader.name",
    "apiBaseUrl",
    "contactCenterId",
    "channelId",
    "locationId",
    "appId",
    "conversationProviderId",
    "trustedKeys.*",
    "forwardMessageTypes.*",
    "cards.route",
    "delivery.url",
    "delivery.receipts",
    "channel.kind",
    "channel.publicUrl",
    "channel.apiBaseUrl",
    "channel.accountSid",
    "channel.apiKeySid",
    "channel.from",
    "channel.messagingServiceSid",
    "media.trustedOrigins.*",
    "callers.*.name",
    "callers.*.routes.*",
];

/// Those whose query may be a secret.
const URLS: [&str; 4] = ["delivery.url", "apiBaseUrl", "channel.publicUrl", "channel.apiBaseUrl"];

/// The ids of a channel's templates, by the platform's ids.
const TEMPLATES: &str = "channel.templates.";

fn is_public(path: &str) -> bool {
    PUBLIC.contains(&path) || path.starts_with(TEMPLATES)
}

pub(super) fn masked(value: &Value) -> Value {
    mask(value, "")
}

fn mask(value: &Value, path: &str) -> Value {
    let inside = |name: &str| inside(path, name);
    match value {
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), mask(value, &inside(name)))).collect())
        }
        Value::Array(elements) => elements.iter().map(|element| mask(element, &inside("*"))).collect(),
        Value::String(text) if URLS.contains(&path) => mask_url(text).into(),
        Value::String(_) if !is_public(path) => HIDDEN.into(),
        public => public.clone(),
    }
}

/// A URL without its query, which may hold a key.
fn mask_url(text: &str) -> String {
    let Ok(url) = Url::parse(text) else { return HIDDEN.to_owned() };
    let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    match url.query() {
        _ if !bare => HIDDEN.to_owned(),
        Some(_) => format!("{}?{HIDDEN}", text.split('?').next().unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The texts that are or may be secrets, with their JSON pointers.
pub(super) fn secrets(value: &Value) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    find_secrets(value, "", "", &mut found);
    found
}

fn find_secrets<'v>(value: &'v Value, path: &str, at: &str, found: &mut Vec<(String, &'v str)>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                find_secrets(value, &inside(path, name), &pointer(at, name), found);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                find_secrets(element, &inside(path, "*"), &pointer(at, &index.to_string()), found);
            }
        }
        Value::String(text) if !is_public(path) => found.push((at.to_owned(), text)),
        _ => {}
    }
}

fn inside(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

pub(super) fn lines(value: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    flatten(value, "", &mut found);
    found
}

fn flatten(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    let inside = |name: &str| inside(path, name);
    match value {
        Value::Object(members) => {
            // A caller's name says whose the rest is.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name != "name");
            members.into_iter().for_each(|(name, value)| flatten(value, &inside(name), found));
        }
        Value::Array(elements) if elements.iter().all(|element| !element.is_object()) => {
            let texts: Vec<_> = elements.iter().map(text).collect();
            found.push((path.to_owned(), texts.join(", ")));
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                flatten(element, &format!("{path}[{index}]"), found);
            }
        }
        value => found.push((path.to_owned(), text(value))),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_and_unknown_texts_are_hidden() {
        let shown = masked(&json!({
            "platform": "genesys-cloud",
            "clientId": "c",
            "clientSecret": "hidden",
            "clientSecrets": {"platform": "hidden"},
            "webhookSecrets": ["hidden", "hidden"],
            "webhookHeader": {"name": "x-barrier", "secrets": ["hidden"]},
            "delivery": {"url": "https://e.com/a?key=hidden", "signingSecrets": ["hidden"], "giveUpAfterSeconds": 5},
            "callers": [{"name": "crm", "signingSecret": "hidden", "routes": ["receipts"]}, "hidden"],
        }));
        assert!(!shown.to_string().contains("hidden"), "{shown}");
        assert_eq!("genesys-cloud", shown["platform"]);
        assert_eq!("x-barrier", shown["webhookHeader"]["name"]);
        assert_eq!("https://e.com/a?••••", shown["delivery"]["url"]);
        assert_eq!(json!(["••••", "••••"]), shown["webhookSecrets"]);
        assert_eq!(json!({"name": "crm", "signingSecret": "••••", "routes": ["receipts"]}), shown["callers"][0]);
    }

    #[test]
    fn the_secrets_of_a_channel_are_hidden_and_its_ids_are_not() {
        let shown = masked(&json!({"channel": {
            "kind": "twilio", "publicUrl": "https://e.com", "accountSid": "AC", "apiKeySid": "SK", "apiKeySecret": "hidden",
            "authTokens": ["hidden"], "from": "+1", "templates": {"welcome": "HX"}, "botToken": "hidden",
            "webhookSecrets": ["hidden"], "mms": true,
        }}));
        assert!(!shown.to_string().contains("hidden"), "{shown}");
        let channel = &shown["channel"];
        assert_eq!(
            ("AC", "SK", "HX"),
            (
                channel["accountSid"].as_str().unwrap(),
                channel["apiKeySid"].as_str().unwrap(),
                channel["templates"]["welcome"].as_str().unwrap(),
            )
        );
    }

    #[test]
    fn a_url_with_a_password_is_hidden_completely() {
        for url in ["https://u:hidden@e.com/", "https://e.com/#hidden", "hidden"] {
            assert_eq!("••••", masked(&json!({"delivery": {"url": url}}))["delivery"]["url"]);
        }
    }

    #[test]
    fn every_text_that_may_be_a_secret_is_found_with_its_pointer() {
        let document = json!({
            "platform": "p", "appSecrets": ["a", "b"], "a/b": "c", "delivery": {"url": "u", "signingSecrets": ["d"]},
            "callers": [{"name": "crm", "bearerToken": "e"}], "media": {"maximumBytes": 5},
        });
        let mut found = secrets(&document);
        found.sort_by_key(|(_, secret)| *secret);
        let pointers =
            ["/appSecrets/0", "/appSecrets/1", "/a~1b", "/delivery/signingSecrets/0", "/callers/0/bearerToken"];
        let expected: Vec<_> = pointers.map(str::to_owned).into_iter().zip(["a", "b", "c", "d", "e"]).collect();
        assert_eq!(expected, found);
    }

    #[test]
    fn every_value_has_a_line() {
        let lines = lines(&json!({"a": 1, "b": {"c": ["d", "e"]}, "f": [{"g": "h"}]}));
        let lines: Vec<_> = lines.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(vec!["a=1", "b.c=d, e", "f[0].g=h"], lines);
    }
}
