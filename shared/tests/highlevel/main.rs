//! HighLevel's webhooks: the vendor's examples, captured samples, and arbitrary input.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod acceptance;

use acceptance::{accept, platform};
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::model::message::{Direction, IdType, Intent, Message, MessageKind};
use shared::platform::{PlatformName, Received};
use std::fs;

const NOW: &str = "2026-01-02T03:04:06Z";

fn fixture(name: &str) -> Value {
    let path = format!("{}/../tests/fixtures/highlevel/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text.replace("<Time>", NOW)).unwrap()
}

fn read(body: &Value) -> Message {
    PlatformName::HighLevel.parse_message(body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error}: {body}"))
}

#[test]
fn every_example_of_the_documentation_is_accepted_and_contains_its_customer() {
    for (name, contact, kind) in [
        ("message", "cI08i1Bls3iTB9bKgFJh", "Text"),
        ("call", "gblakL5aYQC4glDtP1r2t3", "Call"),
        ("voicemail", "gb7xwL5aYQC4glDtP1r5", "Voicemail"),
        ("email", "3bN9f8LYJFG8F232XMUbfq", "Email"),
    ] {
        let body = fixture(&format!("documentation/{name}"));
        let platform = platform(body["locationId"].as_str().unwrap(), json!({}));
        let Ok(Received::Message(message)) = accept(&platform, &body) else { panic!("{name}") };
        assert_eq!((Some(contact), kind), (message.customer(), message.kind.name()), "{name}");
        assert_eq!(body["dateAdded"].as_str(), message.time.as_deref(), "{name}");
        assert_eq!(body["conversationId"].as_str(), message.conversation_id.as_deref(), "{name}");
    }
}

#[test]
fn the_call_and_the_voicemail_of_the_documentation_contain_their_recordings() {
    let MessageKind::Call(call) = read(&fixture("documentation/call")).kind else { panic!() };
    assert_eq!(Some("completed"), call.status.as_deref());
    assert_eq!(Some("call recording url"), call.attachments[0].url.as_deref());
    let MessageKind::Voicemail(voicemail) = read(&fixture("documentation/voicemail")).kind else { panic!() };
    assert_eq!(Some("voicemail url"), voicemail.recording_url.as_deref());
}

#[test]
fn a_text_message_has_its_text_its_files_and_both_parties() {
    let message = read(&fixture("wire/sms"));
    let (from, to) = (message.from.unwrap(), message.to.unwrap());
    assert_eq!((Some("<Contact>"), Some(IdType::Opaque)), (to.id.as_deref(), to.id_type));
    assert_eq!((Some("+15555550123"), None), (to.phone.as_deref(), to.email));
    assert_eq!((Some("+15555550100"), Some(IdType::Phone)), (from.id.as_deref(), from.id_type));
    assert_eq!(("<Message ID>", Some("<Webhook ID>")), (message.message_id.as_str(), message.delivery_id.as_deref()));
    let MessageKind::Text(content) = message.kind else { panic!() };
    assert_eq!(Some("Héllo 👋 your parcel is on its way."), content.text.as_deref());
    assert_eq!(Some("https://storage.example.com/map.png"), content.attachments[0].url.as_deref());
}

#[test]
fn an_email_has_both_bodies_and_all_recipients() {
    let message = read(&fixture("wire/email"));
    assert_eq!(Some("ada@example.com"), message.to.unwrap().email.as_deref());
    let from = message.from.unwrap();
    assert_eq!((Some("support@acme.example"), Some("Acme Support")), (from.id.as_deref(), from.nickname.as_deref()));
    let MessageKind::Email(email) = message.kind else { panic!() };
    assert_eq!(Some("Order confirmed"), email.subject.as_deref());
    assert_eq!(Some("<p>Your order shipped.</p>"), email.html.as_deref());
    assert_eq!(Some("Your order shipped."), email.text.as_deref());
    assert_eq!(vec!["ada@example.com", "bob@example.com"], email.recipients);
    assert_eq!((vec!["cc@example.com", "cc2@example.com"], vec!["bcc@example.com"]), as_texts(&email.cc, &email.bcc));
    let ids = (email.email_message_id.as_deref(), email.thread_id.as_deref());
    assert_eq!((Some("sddfDSF3G56GHG"), Some("sddfDSF3G56GHG")), ids);
}

fn as_texts<'t>(cc: &'t [String], bcc: &'t [String]) -> (Vec<&'t str>, Vec<&'t str>) {
    (cc.iter().map(String::as_str).collect(), bcc.iter().map(String::as_str).collect())
}

#[test]
fn recipients_may_be_a_text_or_a_list() {
    for to in [json!("ada@example.com"), json!(["ada@example.com"])] {
        let mut body = fixture("wire/email");
        body["to"] = to;
        let MessageKind::Email(email) = read(&body).kind else { panic!() };
        assert_eq!(vec!["ada@example.com"], email.recipients);
    }
}

#[test]
fn a_call_has_its_status_and_its_duration() {
    let mut body = fixture("wire/call");
    for (duration, seconds) in
        [(json!(42), Some(42)), (json!("42"), Some(42)), (json!(41.6), Some(42)), (json!({}), None)]
    {
        body["callDuration"] = duration;
        let MessageKind::Call(call) = read(&body).kind else { panic!() };
        assert_eq!((Some("completed"), seconds), (call.status.as_deref(), call.duration_seconds));
    }
    body["status"] = "sent".into();
    body["callStatus"] = "no-answer".into();
    let MessageKind::Call(call) = read(&body).kind else { panic!() };
    assert_eq!(Some("no-answer"), call.status.as_deref());
}

#[test]
fn a_message_is_rendered_as_plain_text() {
    let rendered = |body: Value| serde_json::to_value(read(&body)).unwrap()["fallbackText"].take();
    let observed = |more: Value| {
        let mut body = json!({"type": "OutboundMessage", "locationId": "l", "messageId": "m", "contactId": "c"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rendered(body)
    };
    let files = json!(["https://e.com/1", "https://e.com/2"]);
    let email = json!({"messageType": "Email", "subject": "Order", "body": "<p>Shipped <b>today</b>.</p>"});
    for (text, expected) in [
        (
            observed(json!({"messageType": "SMS", "body": "Hi", "attachments": files})),
            "Hi\n\nhttps://e.com/1\nhttps://e.com/2",
        ),
        (
            observed(json!({"messageType": "Email", "subject": "Order", "plainText": "Shipped.", "body": "<p>x"})),
            "Order\n\nShipped.",
        ),
        (observed(email), "Order\n\nShipped today."),
        (observed(json!({"messageType": "CALL", "callStatus": "no-answer"})), "Phone call: no-answer."),
        (
            observed(json!({"messageType": "Voicemail", "callDuration": 7, "attachments": ["https://e.com/r"]})),
            "Voicemail of 7 seconds.\nhttps://e.com/r",
        ),
        (
            observed(json!({"messageType": "Pigeon", "body": "Coo", "attachments": "https://e.com/1"})),
            "Coo\n\nhttps://e.com/1",
        ),
        (observed(json!({"messageType": "SMS", "body": "Hi", "status": "failed"})), "Not delivered: failed.\n\nHi"),
        (
            rendered(json!({"type": "SMS", "locationId": "l", "messageId": "m", "contactId": "c", "message": "Hi"})),
            "Hi",
        ),
    ] {
        assert_eq!(expected, text);
    }
    assert_eq!(Value::Null, observed(json!({"messageType": "Pigeon"})));
}

#[test]
fn the_customer_is_the_sender_of_an_inbound_message() {
    let mut body = fixture("wire/sms");
    body["direction"] = "inbound".into();
    let message = read(&body);
    assert_eq!((Direction::Inbound, Some("<Contact>")), (message.direction.clone(), message.customer()));
    assert_eq!(Some("+15555550100"), message.from.unwrap().phone.as_deref());
}

#[test]
fn without_a_contact_the_customer_is_identified_by_the_address() {
    let mut body = fixture("wire/sms");
    body.as_object_mut().unwrap().remove("contactId");
    let to = read(&body).to.unwrap();
    assert_eq!((Some("+15555550123"), Some(IdType::Phone)), (to.id.as_deref(), to.id_type));
}

#[test]
fn a_providers_request_is_read_from_its_flat_body() {
    let sms = read(&fixture("wire/provider-sms"));
    assert_eq!(("<Message ID>", None), (sms.message_id.as_str(), sms.delivery_id.as_deref()));
    assert_eq!(Intent::Send, sms.intent);
    assert_eq!(Some("+15555550123"), sms.to.unwrap().phone.as_deref());
    let MessageKind::Text(content) = sms.kind else { panic!() };
    assert_eq!(Some("Your parcel is on its way."), content.text.as_deref());

    let email = read(&fixture("wire/provider-email"));
    assert_eq!(Some("support@acme.example"), email.from.unwrap().email.as_deref());
    assert_eq!(Some("ada@example.com"), email.to.unwrap().email.as_deref());
    let MessageKind::Email(email) = email.kind else { panic!() };
    assert_eq!((Some("Hello"), Some("<p>Hello</p>")), (email.text.as_deref(), email.html.as_deref()));
}

#[test]
fn messages_that_a_user_has_sent_always_have_the_intent_sent() {
    let mut body = fixture("wire/sms");
    assert_eq!(Intent::Sent, read(&body).intent);
    body["conversationProviderId"] = "p".into();
    assert_eq!(Intent::Sent, read(&body).intent);
    body["direction"] = "inbound".into();
    assert_eq!(Intent::Sent, read(&body).intent);
}

#[test]
fn a_request_without_an_id_is_sent_and_expects_no_receipt() {
    for sample in ["wire/provider-sms", "wire/provider-email"] {
        let mut body = fixture(sample);
        let message = read(&body);
        assert_eq!((Intent::Send, true), (message.intent, message.expects_receipt()));
        body.as_object_mut().unwrap().remove("messageId");
        let message = read(&body);
        assert_eq!(("send", false), (message.intent.as_str(), message.expects_receipt()));
    }
}

#[test]
fn the_type_string_decides_and_a_known_message_type_is_preferred_to_an_unknown_one() {
    for (word, type_string, kind) in [
        (json!("Fax"), json!("TYPE_EMAIL"), "Email"),
        (json!("TYPE_CALL"), Value::Null, "Call"),
        (json!("Email"), json!("TYPE_FAX"), "Email"),
        (json!("Email"), json!("TYPE_SMS"), "Text"),
        (json!("Custom"), json!("TYPE_CUSTOM_PROVIDER_EMAIL"), "Email"),
        (json!("Custom"), json!("TYPE_CUSTOM_CALL"), "Call"),
        (json!("Call"), json!("TYPE_IVR_CALL"), "Call"),
        (json!("Fax"), json!("TYPE_PIGEON"), "Other"),
    ] {
        let mut body = fixture("wire/sms");
        body["messageType"] = word;
        body["messageTypeString"] = type_string;
        assert_eq!(kind, read(&body).kind.name(), "{body}");
    }
}

#[test]
fn the_members_of_an_email_make_a_message_an_email_unless_its_type_names_another_kind() {
    for (name, value) in [
        ("subject", json!("Order")),
        ("html", json!("<p>Hi</p>")),
        ("emailMessageId", json!("e")),
        ("cc", json!("a@e.com")),
        ("bccList", json!(["a@e.com"])),
    ] {
        for (word, kind) in [("Custom", "Email"), ("SMS", "Text")] {
            let mut body = fixture("wire/sms");
            body["messageTypeString"] = Value::Null;
            body["messageType"] = word.into();
            body[name] = value.clone();
            assert_eq!(kind, read(&body).kind.name(), "{name}");
        }
    }
    for name in ["subject", "html", "emailTo", "emailCc", "emailBcc", "emailMessageId"] {
        for (word, value, kind) in [
            ("Custom", "a@e.com", "Email"),
            ("Custom", " ", "Text"),
            ("Custom", "", "Text"),
            ("SMS", "a@e.com", "Text"),
        ] {
            let mut body = fixture("wire/provider-sms");
            body["type"] = word.into();
            body[name] = value.into();
            assert_eq!(kind, read(&body).kind.name(), "{name}: {value:?}");
        }
    }
}

#[test]
fn an_unknown_type_keeps_its_content() {
    let mut body = fixture("wire/sms");
    body["messageType"] = "Pigeon".into();
    body["messageTypeString"] = Value::Null;
    body["callDuration"] = 7.into();
    let MessageKind::Other(other) = read(&body).kind else { panic!() };
    assert_eq!(("pigeon", Some("delivered")), (&*other.platform_type, other.status.as_deref()));
    assert_eq!((Some("Héllo 👋 your parcel is on its way."), Some(7)), (other.text.as_deref(), other.duration_seconds));
    assert_eq!(1, other.attachments.len());
}

#[test]
fn comments_and_answers_to_reviews_are_public() {
    for (type_string, is_public) in [
        ("TYPE_FACEBOOK_COMMENT", true),
        ("TYPE_INSTAGRAM_COMMENT", true),
        ("TYPE_TIKTOK_COMMENT", true),
        ("TYPE_REVIEW", true),
        ("TYPE_FACEBOOK", false),
        ("TYPE_SMS", false),
    ] {
        let mut body = fixture("wire/sms");
        body["messageTypeString"] = type_string.into();
        let message = read(&body);
        assert_eq!((is_public, "Text"), (message.public.is_some(), message.kind.name()), "{type_string}");
    }
}

#[test]
fn html_and_plain_text_beside_each_other_are_both_kept() {
    let mut body = fixture("wire/email");
    body["html"] = "<p>the HTML</p>".into();
    let email = |body: &Value| {
        let MessageKind::Email(email) = read(body).kind else { panic!() };
        (email.html.unwrap(), email.text)
    };
    assert_eq!(("<p>the HTML</p>".to_owned(), Some("Your order shipped.".to_owned())), email(&body));
    body["plainText"] = Value::Null;
    body["body"] = "the text".into();
    assert_eq!(("<p>the HTML</p>".to_owned(), Some("the text".to_owned())), email(&body));
}

/// The first version read these as texts, or as messages of an unknown type.
#[test]
fn a_message_that_is_now_another_kind_keeps_its_deduplication_id() {
    let id = |body: &Value| read(body).deduplication_id(&"acme".parse().unwrap());
    let mut sms = fixture("wire/sms");
    let text = id(&sms);
    for name in ["subject", "emailMessageId"] {
        sms[name] = "x".into();
        assert_eq!(text, id(&sms), "{name}");
    }
    sms["messageType"] = "Custom".into();
    for type_string in ["TYPE_CUSTOM_PROVIDER_EMAIL", "TYPE_CUSTOM_CALL", "TYPE_RCS"] {
        sms["messageTypeString"] = type_string.into();
        assert_eq!(text, id(&sms), "{type_string}");
    }
    sms["messageType"] = "RCS".into();
    assert_ne!(text, id(&sms), "`rcs` was another word");
    let mut request = fixture("wire/provider-sms");
    let text = id(&request);
    request["html"] = "<p>x</p>".into();
    assert_eq!(text, id(&request));
    request["type"] = "RCS".into();
    assert_ne!(text, id(&request));
}

#[test]
fn the_same_bytes_are_the_same_message_even_without_ids() {
    let acme = "acme".parse().unwrap();
    let mut body = fixture("wire/sms");
    let identity = |body: &Value| read(body).deduplication_id(&acme);
    for lost in ["webhookId", "messageId"] {
        body.as_object_mut().unwrap().remove(lost);
        assert_eq!(identity(&body), identity(&body.clone()));
        let mut other = body.clone();
        other["body"] = "another".into();
        let both_have_an_id = lost == "webhookId";
        assert_eq!(both_have_an_id, identity(&body) == identity(&other), "without {lost}");
    }
    // The queue does not keep whitespace around the document.
    let text = body.to_string();
    let read = |text: &str| PlatformName::HighLevel.parse_message(text.as_bytes()).unwrap().message_id;
    assert_eq!(read(&text), read(&format!("\n{text}\r\n ")));
}

#[test]
fn errors_never_quote_the_document() {
    for (body, expected) in [
        (r#"{"locationId": "l"}"#, "/type is not the type of a message"),
        (r#"{"type": 7}"#, "/type is not the type of a message"),
        (r#"{"type": "OutboundMessage"}"#, "/locationId is required"),
        (r#"{"type": "SMS", "locationId": ""}"#, "/locationId is required"),
        (r#"{"type": hidden"#, "the document is not valid JSON (line 1, column 10)"),
        (r#"["OutboundMessage", "l"]"#, "the document must be an object (line 1, column 0)"),
    ] {
        let error = PlatformName::HighLevel.parse_message(body.as_bytes()).unwrap_err();
        assert_eq!(expected, error.to_string(), "{body}");
    }
}

#[test]
fn an_id_that_is_too_long_counts_as_absent() {
    let mut body = fixture("wire/sms");
    body["webhookId"] = "x".repeat(513).into();
    assert_eq!((None, "<Message ID>"), (read(&body).delivery_id, &*read(&body).message_id));
    body["messageId"] = "x".repeat(513).into();
    assert_eq!(64, read(&body).message_id.len(), "its bytes");
    let mut request = fixture("wire/provider-sms");
    request["messageId"] = "x".repeat(513).into();
    assert_eq!(Intent::SendUntracked, read(&request).intent);
}

proptest! {
    #[test]
    fn a_message_is_read_whatever_a_field_contains(
        field in prop::sample::select(vec![
            "attachments", "body", "contactId", "to", "from", "cc", "ccList", "callDuration", "callStatus", "status",
            "dateAdded", "direction", "html", "emailMessageId", "threadId", "originalMessageId", "replyToAltId", "messageType", "messageTypeString", "messageId", "subject", "timestamp", "mentions",
        ]),
        value in prop_oneof![
            Just(Value::Null), any::<bool>().prop_map(Value::from), any::<f64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from), Just(json!([])), Just(json!([null, 1, "a", {"url": "u"}])), Just(json!({"a": {}})),
        ],
    ) {
        for name in ["sms", "email", "call", "voicemail"] {
            let mut body = fixture(&format!("wire/{name}"));
            body[field] = value.clone();
            prop_assert!(PlatformName::HighLevel.parse_message(body.to_string().as_bytes()).is_ok());
        }
    }
}
