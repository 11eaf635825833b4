//! The configuration, as the registry reads it, and the webhooks of an integration as a whole.

use super::config::Config;
use super::parameters::Parameters;
use crate::channel::ChannelConfig;
use crate::channel::event::ChannelEvent;
use crate::channel::provider::ProviderRequest;
use crate::json::fields;
use crate::signature::{MatchedSecret, SignatureError, hmac};
use data_encoding::BASE64;
use hmac::{Hmac, Mac};
use http::{HeaderMap, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha1::Sha1;

const ACCOUNT: &str = "AC00000000000000000000000000000000";
const TOKEN: &str = "hidden-auth-token-current";
const PREVIOUS_TOKEN: &str = "hidden-auth-token-previous";

/// A configuration with these changes; `null` removes a member.
fn configured(changes: Value) -> Result<ChannelConfig, Vec<String>> {
    let mut document = json!({
        "kind": "twilio", "publicUrl": "https://patchbay.example.com", "accountSid": ACCOUNT,
        "authTokens": [TOKEN, PREVIOUS_TOKEN], "from": "+15005550006",
    });
    let Value::Object(changes) = changes else { panic!("no object") };
    let members = document.as_object_mut().unwrap();
    for (name, value) in changes {
        _ = if value.is_null() { members.remove(&name) } else { members.insert(name, value) };
    }
    let integration = "acme".parse().unwrap();
    let read = fields::read_configuration(document, |fields| ChannelConfig::read(&integration, fields));
    read.map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

pub(super) fn config(changes: Value) -> Config {
    match configured(changes).unwrap() {
        ChannelConfig::Twilio(config) => *config,
        other => panic!("{other:?}"),
    }
}

#[test]
fn calls_are_made_with_an_api_key_if_there_is_one_and_else_with_the_current_auth_token() {
    let credentials = |changes| {
        let credentials = config(changes).credentials;
        (credentials.user.to_string(), credentials.password.expose_secret().to_owned())
    };
    assert_eq!((ACCOUNT.to_owned(), TOKEN.to_owned()), credentials(json!({})));
    let key = "SK66666666666666666666666666666666";
    let with_key = json!({"apiKeySid": key, "apiKeySecret": "hidden-secret"});
    assert_eq!((key.to_owned(), "hidden-secret".to_owned()), credentials(with_key));
}

#[test]
fn the_debug_output_contains_no_secret() {
    let with_key = json!({"apiKeySid": "SK66666666666666666666666666666666", "apiKeySecret": "hidden-secret"});
    let shown = format!("{:?}", config(with_key));
    assert!(!shown.contains("hidden"), "{shown}");
}

#[test]
fn every_kind_of_sender_is_accepted_and_anything_else_is_not() {
    for (from, accepted) in [
        ("+15005550006", true),
        ("72345", true),
        ("ACME Shop", true),
        ("A1+-_&. ", true),
        ("whatsapp:+15005550006", true),
        ("WhatsApp:+15005550006", true),
        ("15005550006", false),
        ("12", false),
        ("ACME Shop 24/7", false),
        ("Twelve chars", false),
        ("Bücher", false),
        ("whatsapp:ACME", false),
        ("whatsapp:", false),
        ("rcs:acme", false),
        (" ", false),
    ] {
        assert_eq!(accepted, configured(json!({"from": from})).is_ok(), "{from}");
    }
}

#[test]
fn all_errors_are_reported_together_and_without_values() {
    let wrong = json!({
        "accountSid": "hidden", "apiKeySid": "SK-hidden", "apiKeySecret": 1, "authTokens": ["hidden-short"],
        "from": "hidden-sender-too-long", "messagingServiceSid": null, "whatsApp": "hidden", "mms": "hidden",
        "templates": {"hidden": "hidden"}, "apiBaseUrl": "http://api.example.com/hidden", "colour": "hidden",
    });
    let errors = configured(wrong).map(drop).unwrap_err();
    let pointers: Vec<_> = errors.iter().map(|error| error.split(' ').next().unwrap()).collect();
    let expected = vec![
        "/accountSid",
        "/apiKeySid",
        "/apiKeySecret",
        "/authTokens",
        "/from",
        "/whatsApp",
        "/mms",
        "/templates",
        "/apiBaseUrl",
        "/colour",
    ];
    assert_eq!(expected, pointers);
    assert!(!errors.concat().contains("hidden"), "{errors:?}");
    let missing = configured(json!({"accountSid": null, "authTokens": null, "from": null})).map(drop).unwrap_err();
    let expected = [
        "/accountSid is required",
        "/authTokens is required",
        "/from is required, unless `messagingServiceSid` is given",
    ];
    assert_eq!(expected, *missing);
}

#[test]
fn settings_that_exclude_each_other_are_errors() {
    let service = "MG44444444444444444444444444444444";
    for (changes, error) in [
        (json!({"messagingServiceSid": service}), "/from must be absent if `messagingServiceSid` is given"),
        (
            json!({"whatsApp": true}),
            "/whatsApp is only valid with `messagingServiceSid`: a sender on WhatsApp is `whatsapp:` and its number",
        ),
        (
            json!({"from": "whatsapp:+15005550006", "mms": true}),
            "/mms must be absent for WhatsApp, which always has pictures",
        ),
        (
            json!({"from": null, "messagingServiceSid": service, "whatsApp": true, "mms": false}),
            "/mms must be absent for WhatsApp, which always has pictures",
        ),
        (json!({"apiKeySecret": "secret"}), "/apiKeySid is required"),
        (json!({"apiKeySid": "SK66666666666666666666666666666666"}), "/apiKeySecret is required"),
    ] {
        assert_eq!(vec![error], configured(changes).map(drop).unwrap_err());
    }
}

fn signed(url: &str, body: &str, token: &str) -> HeaderMap {
    let signed = url.to_owned() + &Parameters::parse(body.as_bytes()).signed_text();
    let mac: Hmac<Sha1> = hmac(token.as_bytes(), &[signed.as_bytes()]).unwrap();
    let signature = HeaderValue::from_str(&BASE64.encode(&mac.finalize().into_bytes())).unwrap();
    HeaderMap::from_iter([(http::HeaderName::from_static("x-twilio-signature"), signature)])
}

fn verified(path: &str, query: Option<&str>, body: &str, headers: &HeaderMap) -> Result<MatchedSecret, SignatureError> {
    let config = configured(json!({})).unwrap();
    config.verify(&ProviderRequest { headers, path, query, body: body.as_bytes() })
}

#[test]
fn the_signed_url_is_the_configured_one_with_path_and_query_as_received() {
    let address = "https://patchbay.example.com/integrations/acme/channel";
    let body = format!("AccountSid={ACCOUNT}&Body=Hi");
    for (path, query) in [("", None), ("/status/a%2Bb", None), ("", Some("a=%20+b&c="))] {
        let url = format!("{address}{path}{}", query.map(|query| format!("?{query}")).unwrap_or_default());
        let current = signed(&url, &body, TOKEN);
        assert_eq!(Ok(MatchedSecret::Current), verified(path, query, &body, &current), "{url}");
        let previous = signed(&url, &body, PREVIOUS_TOKEN);
        assert_eq!(Ok(MatchedSecret::Previous), verified(path, query, &body, &previous), "{url}");
        let elsewhere = signed(&format!("{url}/"), &body, TOKEN);
        assert_eq!(Err(SignatureError::Mismatch), verified(path, query, &body, &elsewhere), "{url}");
    }
}

#[test]
fn a_signed_request_of_another_account_is_refused() {
    let address = "https://patchbay.example.com/integrations/acme/channel";
    for body in ["AccountSid=AC00000000000000000000000000000001", "AccountSid=", "Body=Hi", ""] {
        assert_eq!(Err(SignatureError::Mismatch), verified("", None, body, &signed(address, body, TOKEN)), "{body}");
    }
}

#[test]
fn a_verified_request_is_one_event_and_acknowledged_with_an_empty_answer() {
    let config = configured(json!({})).unwrap();
    let headers = HeaderMap::new();
    let body = b"MessageStatus=delivered&From=%2B15005550006";
    let request = ProviderRequest { headers: &headers, path: "/status/token", query: None, body };
    let events = config.parse(&request).unwrap();
    assert!(matches!(&events[..], [ChannelEvent::Status(report)] if report.link == "token" && report.is_final));
    let acknowledgement = config.acknowledgement();
    assert_eq!(("text/xml", "<Response/>"), (acknowledgement.content_type, acknowledgement.body));
}
