//! Which of HighLevel's webhooks are accepted: by owner, age and type.

use super::{NOW, fixture, read};
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::integration::Integration;
use shared::model::message::{Intent, MessageKind};
use shared::platform::{PlatformConfig, PlatformName, Received, Rejection};

/// The platform's configuration for this location, with additional fields.
pub(super) fn platform(location: &str, more: Value) -> PlatformConfig {
    let mut document = json!({
        "platform": "highlevel",
        "locationId": location,
        "token": "t",
        "delivery": {"url": "https://e.com/", "signingSecrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},
    });
    let fields = document.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    if fields.contains_key("clientId") {
        fields.remove("token");
    }
    Integration::parse("acme".parse().unwrap(), &document.to_string())
        .unwrap_or_else(|errors| panic!("{errors:?}"))
        .platform
}

pub(super) fn accept(platform: &PlatformConfig, body: &Value) -> Result<Received, Rejection> {
    platform.parse_webhook(body.to_string().as_bytes(), NOW.parse().unwrap())
}

/// `message`, or why the body was ignored or rejected.
fn outcome(platform: &PlatformConfig, body: &Value) -> String {
    match accept(platform, body) {
        Ok(Received::Message(_)) => "message".to_owned(),
        Ok(Received::Ignored(what)) => what.to_owned(),
        Ok(Received::Withdrawn(withdrawal)) => format!("withdrawn {withdrawal:?}"),
        Err(rejection) => rejection.to_string(),
    }
}

#[test]
fn messages_of_the_configured_provider_are_only_accepted_from_its_delivery_url() {
    let usual = platform("<Location ID>", json!({}));
    let with_provider = platform("<Location ID>", json!({"conversationProviderId": "p"}));
    let mut body = fixture("wire/sms");
    assert_eq!("message", outcome(&with_provider, &body), "a built-in channel of the platform");
    body["conversationProviderId"] = "another".into();
    assert_eq!("message", outcome(&with_provider, &body));
    body["conversationProviderId"] = "p".into();
    assert_eq!("provider's own message", outcome(&with_provider, &body));
    assert_eq!("message", outcome(&usual, &body), "there is no delivery URL in the configuration");
    body["locationId"] = "another".into();
    assert_eq!("the message does not belong to this integration", outcome(&with_provider, &body));
    assert_eq!("message", outcome(&with_provider, &fixture("wire/provider-sms")));
}

#[test]
fn a_providers_request_of_an_unexpected_type_is_accepted_and_an_event_of_an_unknown_type_is_ignored() {
    let platform = platform("<Location ID>", json!({}));
    for (word, kind) in
        [("RCS", "Text"), ("TIKTOK", "Text"), ("Call", "Other"), ("Voicemail", "Other"), ("Fax", "Other")]
    {
        let mut body = fixture("wire/provider-sms");
        body["type"] = word.into();
        assert_eq!("message", outcome(&platform, &body), "{word}");
        let message = read(&body);
        assert_eq!((Intent::Send, Some("<Contact>")), (message.intent, message.customer()), "{word}");
        assert_eq!(kind, message.kind.name(), "{word}");
        let (text, files, platform_type) = match message.kind {
            MessageKind::Text(content) => (content.text, content.attachments, word.to_owned()),
            MessageKind::Other(other) => (other.text, other.attachments, other.platform_type),
            other => panic!("{word}: {other:?}"),
        };
        assert_eq!((Some("Your parcel is on its way."), 1, word), (text.as_deref(), files.len(), &*platform_type));
        for needed in ["messageId", "contactId", "locationId"] {
            let mut lacking = body.clone();
            lacking.as_object_mut().unwrap().remove(needed);
            assert_eq!("event of another type", outcome(&platform, &lacking), "{word} without {needed}");
        }
        for of_events in ["webhookId", "appId", "versionId", "timestamp", "messageType", "direction"] {
            let mut event = body.clone();
            event[of_events] = "x".into();
            assert_eq!("event of another type", outcome(&platform, &event), "{word} with {of_events}");
        }
    }
    for record in ["InternalComment", "TYPE_INTERNAL_COMMENT", "TYPE_ACTIVITY_CONTACT"] {
        let mut body = fixture("wire/provider-sms");
        body["type"] = record.into();
        assert_eq!("event of another type", outcome(&platform, &body), "{record}");
    }
}

#[test]
fn events_of_other_locations_and_apps_are_rejected() {
    let foreign = "the message does not belong to this integration";
    let sms = fixture("wire/sms");
    for (location, more, expected) in [
        ("<Location ID>", json!({}), "message"),
        ("another", json!({}), foreign),
        ("<Location ID>", json!({"appId": "<App ID>"}), "message"),
        ("<Location ID>", json!({"appId": "another"}), foreign),
    ] {
        assert_eq!(expected, outcome(&platform(location, more), &sms), "{location}");
    }
    let with_app = platform("<Location ID>", json!({"appId": "a"}));
    let without = fixture("documentation/message");
    let mut without = without.clone();
    without["locationId"] = "<Location ID>".into();
    assert_eq!(foreign, outcome(&with_app, &without), "an event that does not name the app");
    assert_eq!("message", outcome(&with_app, &fixture("wire/provider-sms")), "a request never names the app");
    assert_eq!(foreign, outcome(&platform("another", json!({})), &fixture("wire/provider-sms")));
}

#[test]
fn an_internal_comment_is_never_forwarded_in_any_spelling() {
    let platform = platform("<Location ID>", json!({"forwardMessageTypes": ["SMS", "Other thing"]}));
    let mut body = fixture("wire/internal-comment");
    for (word, type_string) in [
        (json!("InternalComment"), Value::Null),
        (json!("INTERNALCOMMENT"), Value::Null),
        (Value::Null, json!("TYPE_INTERNAL_COMMENT")),
        (json!("SMS"), json!("TYPE_INTERNAL_COMMENT")),
        (json!("TYPE_INTERNAL_COMMENT"), Value::Null),
        (json!("Internal Comments"), json!("TYPE_SMS")),
    ] {
        body["messageType"] = word;
        body["messageTypeString"] = type_string;
        assert_eq!("InternalComment", outcome(&platform, &body));
        let error = PlatformName::HighLevel.parse_message(body.to_string().as_bytes()).unwrap_err();
        assert_eq!("/messageType is an internal comment, which is never forwarded", error.to_string());
    }
}

#[test]
fn only_listed_message_types_are_forwarded() {
    let usual = platform("<Location ID>", json!({}));
    let chosen = platform("<Location ID>", json!({"forwardMessageTypes": ["email", "live_chat", "Pigeon"]}));
    for (word, by_default, by_choice) in [
        ("SMS", true, false),
        ("CALL", true, false),
        ("IVR_Call", true, false),
        ("VoiceMail", true, false),
        ("RCS", true, false),
        ("GMB", true, false),
        ("FB", true, false),
        ("IG", true, false),
        ("TIKTOK", true, false),
        ("WhatsApp", true, false),
        ("Custom", true, false),
        ("TYPE_FACEBOOK_COMMENT", true, false),
        ("TYPE_INSTAGRAM_COMMENT", true, false),
        ("TYPE_TIKTOK_COMMENT", true, false),
        ("TYPE_REVIEW", true, false),
        ("Email", true, true),
        ("Live Chat", true, true),
        ("Pigeon", false, true),
        ("Fax", false, false),
        ("TYPE_ACTIVITY_CONTACT", false, false),
        ("TYPE_LIVE_CHAT_INFO_MESSAGE", false, false),
        ("TYPE_FORM_SUBMISSION", false, false),
    ] {
        for (word, type_string) in [(json!(word), Value::Null), (Value::Null, json!(word))] {
            let mut body = fixture("wire/sms");
            body["messageType"] = word;
            body["messageTypeString"] = type_string;
            assert_eq!(by_default, outcome(&usual, &body) == "message", "{body}");
            assert_eq!(by_choice, outcome(&chosen, &body) == "message", "{body}");
        }
    }
    // A message without a type.
    let mut body = fixture("wire/live-chat");
    assert_eq!("message", outcome(&chosen, &body));
    body.as_object_mut().unwrap().remove("messageTypeString");
    assert_eq!("message of another type", outcome(&chosen, &body));
    assert_eq!("message", outcome(&chosen, &fixture("wire/provider-sms")), "what is to be sent is not on the list");
}

#[test]
fn a_message_is_forwarded_if_its_type_or_the_word_that_it_is_refined_from_is_listed() {
    let forwards = |listed: &str, body: &Value| {
        let platform = platform("<Location ID>", json!({"forwardMessageTypes": [listed]}));
        outcome(&platform, body) == "message"
    };
    let email = fixture("wire/custom-email");
    assert_eq!([true, true, false], ["Email", "Custom", "SMS"].map(|listed| forwards(listed, &email)));
    let mut activity = fixture("wire/sms");
    activity["messageTypeString"] = "TYPE_ACTIVITY_CONTACT".into();
    assert_eq!([false, true], ["SMS", "TYPE_ACTIVITY_CONTACT"].map(|listed| forwards(listed, &activity)));
}

#[test]
fn other_events_are_acknowledged_and_the_log_says_whether_they_name_another_owner() {
    let own = platform("<Location ID>", json!({"appId": "<App ID>"}));
    let foreign = "event of another location or app";
    for (event, kind) in [
        (json!("INSTALL"), "INSTALL"),
        (json!("UNINSTALL"), "UNINSTALL"),
        (json!("InboundMessage"), "event of another type"),
        (json!("one_time"), "event of another type"),
        (Value::Null, "event without a type"),
        (json!(7), "event without a type"),
    ] {
        let mut body = fixture("wire/install");
        body["type"] = event;
        assert_eq!(kind, outcome(&own, &body), "{body}");
        for owner in ["locationId", "appId"] {
            let mut other = body.clone();
            other[owner] = "another".into();
            assert_eq!(foreign, outcome(&own, &other), "{other}");
            // An agency's event names no location, and most events no app.
            other.as_object_mut().unwrap().remove(owner);
            assert_eq!(kind, outcome(&own, &other), "{other}");
        }
    }
}

#[test]
fn an_event_of_payments_belongs_to_the_location_in_its_alt_id() {
    let own = platform("<Location ID>", json!({}));
    for (alt_type, alt_id, expected) in [
        ("location", "<Location ID>", "event without a type"),
        ("location", "another", "event of another location or app"),
        ("company", "another", "event without a type"),
    ] {
        assert_eq!(expected, outcome(&own, &json!({"_id": "i", "altType": alt_type, "altId": alt_id})));
    }
    let without = json!({"type": "OutboundMessage", "altType": "location", "altId": "<Location ID>"});
    assert_eq!("/locationId is required", outcome(&own, &without), "a message names its location");
}

/// The vendor publishes an example of each: <https://github.com/GoHighLevel/highlevel-api-docs>. A 4xx would count against
/// the app.
#[test]
fn every_published_event_is_acknowledged_and_only_messages_are_forwarded() {
    let own = platform("<Location ID>", json!({}));
    let other = platform("another", json!({}));
    let events = fixture("published-events");
    let (mut forwarded, mut untyped) = (Vec::new(), 0);
    for event in events.as_array().unwrap() {
        let (name, body) = (event["name"].as_str().unwrap(), &event["body"]);
        untyped += usize::from(body["type"].is_null());
        let names_location = body["locationId"].is_string() || body["altId"].is_string();
        match accept(&own, body) {
            Ok(Received::Message(_)) => {
                forwarded.push(name);
                assert_eq!("the message does not belong to this integration", outcome(&other, body), "{name}");
            }
            Ok(Received::Ignored(kind)) => {
                assert_eq!(body["type"].is_null(), kind == "event without a type", "{name}");
                let expected = if names_location { "event of another location or app" } else { kind };
                assert_eq!(expected, outcome(&other, body), "{name}");
            }
            Ok(Received::Withdrawn(_)) => panic!("{name}: there is no authorization"),
            Err(rejection) => panic!("{name}: {rejection}"),
        }
    }
    let messages = [
        "InboundMessage 2",
        "OutboundMessage",
        "OutboundMessage 2",
        "OutboundMessage 3",
        "OutboundMessage 4",
        "ProviderOutboundMessage",
        "ProviderOutboundMessage 2",
    ];
    assert_eq!((messages.as_slice(), 21), (forwarded.as_slice(), untyped));
}

#[test]
fn an_event_may_have_any_age_by_default_but_not_be_from_the_future() {
    let now: Timestamp = NOW.parse().unwrap();
    let future = "/timestamp is more than five minutes in the future";
    let old = "/timestamp is older than the configuration allows";
    let missing = "/timestamp must be a time if the configuration limits the age";
    let limited = platform("<Location ID>", json!({"maximumAgeSeconds": 60}));
    let unlimited = platform("<Location ID>", json!({}));
    let mut body = fixture("wire/sms");
    for (seconds, without_limit, with_limit) in [
        (0, "message", "message"),
        (300, "message", "message"),
        (301, future, future),
        (-60, "message", "message"),
        (-61, "message", old),
        (-30 * 24 * 3600, "message", old),
    ] {
        body["timestamp"] = (now + jiff::SignedDuration::from_secs(seconds)).to_string().into();
        assert_eq!(
            (without_limit, with_limit),
            (&*outcome(&unlimited, &body), &*outcome(&limited, &body)),
            "{seconds}"
        );
    }
    for unreadable in [Value::Null, json!("yesterday"), json!(7)] {
        body["timestamp"] = unreadable;
        assert_eq!(("message", missing), (&*outcome(&unlimited, &body), &*outcome(&limited, &body)));
    }
}

#[test]
fn the_age_limit_applies_to_provider_requests_that_have_a_time() {
    let now: Timestamp = NOW.parse().unwrap();
    let old = "/timestamp is older than the configuration allows";
    let future = "/timestamp is more than five minutes in the future";
    let limited = platform("<Location ID>", json!({"maximumAgeSeconds": 60}));
    let mut body = fixture("wire/provider-sms");
    assert_eq!("message", outcome(&limited, &body), "by its documentation it has no time");
    for (seconds, expected) in [(0, "message"), (-60, "message"), (-61, old), (301, future)] {
        body["timestamp"] = (now + jiff::SignedDuration::from_secs(seconds)).to_string().into();
        assert_eq!(expected, outcome(&limited, &body), "{seconds}");
    }
}

#[test]
fn an_uninstalled_app_withdraws_the_authorization_only_of_its_own_location_or_agency() {
    let with_app = |more: Value| {
        let mut fields = json!({"clientId": "66a1-m2x", "clientSecret": "s"});
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        platform("l", fields)
    };
    let event = |more: Value| {
        let mut event = json!({"type": "UNINSTALL", "appId": "66a1", "timestamp": "2026-01-01T00:00:00Z"});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let at = "withdrawn Withdrawal { at: Some(2026-01-01T00:00:00Z), details:";
    let foreign = "event of another location or app";
    for (more, expected) in [
        (json!({"locationId": "l"}), format!("{at} {{}} }}")),
        (json!({"locationId": "l", "companyId": "c"}), format!("{at} {{}} }}")),
        (json!({"companyId": "c"}), format!("{at} {{\"companyId\": \"c\"}} }}")),
        (json!({"locationId": "l", "timestamp": null}), "withdrawn Withdrawal { at: None, details: {} }".to_owned()),
        (json!({"locationId": "another"}), foreign.to_owned()),
        (json!({"locationId": "l", "appId": "another"}), "UNINSTALL".to_owned()),
        (json!({}), "UNINSTALL".to_owned()),
    ] {
        assert_eq!(expected, outcome(&with_app(json!({})), &event(more.clone())), "{more}");
    }
    let of_other_id = with_app(json!({"appId": "another"}));
    assert_eq!(foreign, outcome(&of_other_id, &event(json!({"locationId": "l"}))));
    let with_token = platform("l", json!({}));
    assert_eq!("UNINSTALL", outcome(&with_token, &event(json!({"locationId": "l"}))));
    assert_eq!("INSTALL", outcome(&with_token, &json!({"type": "INSTALL", "companyId": "c"})));
}
