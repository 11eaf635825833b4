//! Webhooks.

use super::config::Config;
use super::read_identity;
use crate::json::fields;
use crate::model::message::{Direction, IdType, Message, MessageKind, ReceiptStatus};
use crate::platform::webhook::WebhookPlatform;
use crate::platform::{Received, Rejection};
use jiff::Timestamp;
use serde_json::{Value, json};

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/fixtures/multicloud-cx/", $name, ".json"))
    };
}

pub(super) fn configuration() -> Value {
    json!({
        "apiBaseUrl": "https://api.example.com/digital",
        "contactCenterId": "0ff723ff-6c6f-44e0-9ce3-ce579337eadd",
        "channelId": "0123456789",
        "appSecrets": ["hidden-current", "hidden-previous"],
        "apiKey": "hidden-key",
    })
}

pub(super) fn configured(configuration: Value) -> Result<Config, Vec<String>> {
    fields::read_configuration(configuration, Config::read)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

pub(super) fn config() -> Config {
    configured(configuration()).unwrap()
}

fn parse_webhook(body: &str) -> Result<Received, Rejection> {
    config().parse_webhook(body.replace("<Channel>", "0123456789").as_bytes(), Timestamp::UNIX_EPOCH)
}

pub(super) fn message(body: &str) -> Message {
    assert!(matches!(parse_webhook(body), Ok(Received::Message(_))), "{body}");
    Config::parse_message(body.replace("<Channel>", "0123456789").as_bytes()).unwrap()
}

#[test]
fn a_text_message_is_read() {
    let message = message(sample!("sms"));
    assert_eq!(("<Message>", Direction::Outbound), (message.message_id.as_str(), message.direction.clone()));
    assert_eq!(
        (Some("<Customer>"), Some("0123456789")),
        (message.customer(), message.from.clone().unwrap().id.as_deref())
    );
    assert_eq!(Some(IdType::Phone), message.to.unwrap().id_type);
    let MessageKind::Text(content) = message.kind else { panic!() };
    assert_eq!(Some("Agent message text"), content.text.as_deref());
}

#[test]
fn an_sms_to_several_keeps_all_of_them() {
    let recipients = |to: Value| {
        let mut body: Value = serde_json::from_str(sample!("sms")).unwrap();
        body["channel"]["to"] = to;
        let message = message(&body.to_string());
        assert_eq!(Some("a"), message.customer());
        let MessageKind::Text(content) = message.kind else { panic!() };
        content.recipients
    };
    assert_eq!(vec!["a", "b"], recipients(json!([{"id": "a"}, {"id": "b"}])));
    assert_eq!(vec!["a", "b"], recipients(json!(["a", {}, "b"])));
    for one in [json!({"id": "a"}), json!([{"id": "a"}]), json!("a")] {
        assert_eq!(Vec::<String>::new(), recipients(one.clone()), "{one}");
    }
}

#[test]
fn an_email_is_read() {
    let message = message(sample!("email"));
    assert_eq!(Some(IdType::Email), message.to.clone().unwrap().id_type);
    assert_eq!(Some("no-reply@company.com"), message.from.clone().unwrap().id.as_deref());
    let MessageKind::Email(email) = message.kind else { panic!() };
    assert_eq!(
        (Some("Subject"), Some("Plain text email body"), Some("Html email body")),
        (email.subject.as_deref(), email.text.as_deref(), email.html.as_deref())
    );
    assert_eq!(vec!["<Customer>"], email.recipients);
    let reply_to = email.reply_to.unwrap();
    assert_eq!(
        (Some("reply-to@company.com"), Some("Responder display name")),
        (reply_to.id.as_deref(), reply_to.nickname.as_deref())
    );
}

#[test]
fn rich_media_is_structured_and_its_content_is_unchanged() {
    let MessageKind::Structured(content) = message(sample!("rich-media")).kind else { panic!() };
    let original: Value = serde_json::from_str(sample!("rich-media")).unwrap();
    assert_eq!(original["content"], Value::from(content.content));
    assert_eq!(Some("See the picture"), content.text.as_deref());
}

#[test]
fn a_receipt_is_read_with_its_number_as_a_code() {
    let MessageKind::Receipt(receipt) = message(sample!("receipt")).kind else { panic!() };
    assert_eq!(Some(ReceiptStatus::Failed), receipt.status);
    assert_eq!(Some("350"), receipt.reasons[0].code.as_deref());
}

#[test]
fn an_unknown_type_is_kept() {
    let MessageKind::Other(other) = message(sample!("unknown-type")).kind else { panic!() };
    assert_eq!("Reaction", other.platform_type);
}

#[test]
fn interactions_are_acknowledged_and_ignored() {
    for body in [sample!("interactions"), r#"{"data": {"entities": []}}"#] {
        assert!(matches!(parse_webhook(body), Ok(Received::Ignored("interactions"))), "{body}");
    }
    // A body with a channel and a type is always a message.
    let both = json!({"type": "Text", "channel": {"id": "0123456789"}, "data": {"entities": []}});
    assert!(matches!(parse_webhook(&both.to_string()), Ok(Received::Message(_))));
}

#[test]
fn a_message_belongs_to_the_integration_by_its_channel_or_else_its_sender() {
    let body = |channel: Value| json!({"type": "Text", "text": "t", "channel": channel}).to_string();
    for channel in [
        json!({"id": "9876543210", "from": {"id": "0123456789"}, "messageId": "m"}),
        json!({"from": {"id": "no-reply@company.com"}, "messageId": "m"}),
        json!({"id": "", "messageId": "m"}),
        json!({"messageId": "m"}),
        json!({"id": {"hidden": 1}, "from": {"id": "no-reply@company.com"}, "messageId": "m"}),
        json!("0123456789"),
        Value::Null,
    ] {
        assert!(matches!(parse_webhook(&body(channel.clone())), Err(Rejection::WrongIntegration)), "{channel}");
    }
    for channel in [
        json!({"id": "0123456789", "messageId": "m"}),
        json!({"id": "0123456789", "from": {"id": "no-reply@company.com"}, "messageId": "m"}),
        json!({"from": {"id": "0123456789"}, "messageId": "m"}),
        json!({"id": null, "from": "0123456789", "messageId": "m"}),
        json!({"id": ["hidden"], "from": "0123456789", "messageId": "m"}),
    ] {
        assert!(matches!(parse_webhook(&body(channel.clone())), Ok(Received::Message(_))), "{channel}");
    }
}

#[test]
fn variants_that_the_samples_do_not_settle_are_all_read() {
    let mail = |change: &dyn Fn(&mut Value)| {
        let mut body: Value = serde_json::from_str(sample!("email")).unwrap();
        change(&mut body);
        message(&body.to_string())
    };
    let usual = mail(&|_| {});
    let as_usual = [
        (
            "the id next to the channel",
            mail(&|body| {
                let id = body["channel"].as_object_mut().unwrap().remove("messageId").unwrap();
                body["messageId"] = id;
            }),
        ),
        (
            "the context next to the channel",
            mail(&|body| {
                let context = body["channel"].as_object_mut().unwrap().remove("context").unwrap();
                body["context"] = context;
            }),
        ),
        (
            "an empty id in the channel",
            mail(&|body| {
                body["messageId"] = body["channel"]["messageId"].take();
                body["channel"]["messageId"] = "".into();
            }),
        ),
        (
            "ends as texts",
            mail(&|body| {
                body["channel"]["from"] = "no-reply@company.com".into();
                body["channel"]["to"] = "<Customer>".into();
            }),
        ),
        (
            "a list of one sender",
            mail(&|body| body["channel"]["from"] = json!([body["channel"]["from"].take(), {"id": "other"}])),
        ),
        (
            "a list of reply addresses",
            mail(&|body| {
                let reply_to = body["channel"]["context"]["replyTo"].take();
                body["channel"]["context"]["replyTo"] = json!([reply_to]);
            }),
        ),
        ("both names", mail(&|body| body["channel"]["context"]["replyTo"]["nickname"] = "another name".into())),
        (
            "the other name",
            mail(&|body| {
                let reply_to = &mut body["channel"]["context"]["replyTo"];
                reply_to["nickname"] = reply_to.as_object_mut().unwrap().remove("name").unwrap();
            }),
        ),
        (
            "what makes no sense",
            mail(&|body| {
                for name in ["text", "status", "context", "messageId"] {
                    body[name] = json!({"a": 1});
                }
                body["reasons"] = json!([{"code": {}, "message": 1}, "x", 1]);
                body["channel"]["time"] = 1.into();
            }),
        ),
        ("a list of one addressee", mail(&|body| body["channel"]["to"] = json!([{"id": "<Customer>"}]))),
        ("a type in lower case", mail(&|body| body["type"] = "email".into())),
        ("parts in the other order", mail(&|body| body["content"].as_array_mut().unwrap().reverse())),
        (
            "unknown fields",
            mail(&|body| {
                body["colour"] = "red".into();
                body["channel"]["colour"] = json!({"a": 1});
            }),
        ),
        (
            "nulls",
            mail(&|body| {
                for name in ["text", "status", "reasons", "context", "messageId"] {
                    body[name] = Value::Null;
                }
                body["channel"]["time"] = Value::Null;
            }),
        ),
    ];
    for (what, message) in as_usual {
        assert_eq!(usual, message, "{what}");
    }
    let several = mail(&|body| body["channel"]["to"] = json!([{"id": "a"}, {"id": "b"}]));
    assert_eq!(Some("a"), several.customer());
    let MessageKind::Email(email) = several.kind else { panic!() };
    assert_eq!(vec!["a", "b"], email.recipients);
    let timed = mail(&|body| body["channel"]["time"] = "2026-01-02T03:04:05Z".into());
    assert_eq!(Some("2026-01-02T03:04:05Z"), timed.time.as_deref());
    let without_recipients = mail(&|body| body["channel"]["to"] = json!([]));
    assert_eq!(None, without_recipients.customer());
}

#[test]
fn recipients_are_texts_or_objects_and_one_or_several() {
    let read = |to: Value| {
        let message =
            message(&json!({"type": "Email", "channel": {"id": "0123456789", "to": to, "messageId": "m"}}).to_string());
        let nickname = message.to.as_ref().and_then(|to| to.nickname.clone());
        let MessageKind::Email(email) = message.kind else { panic!() };
        (email.recipients.join(" "), nickname)
    };
    for to in [json!(["a", "b"]), json!([{"id": "a"}, {"id": "b"}]), json!(["a", null, {}, 1.5, [], {"id": "b"}])] {
        assert_eq!(("a b".to_owned(), None), read(to.clone()), "{to}");
    }
    assert_eq!(("a".to_owned(), None), read(json!("a")));
    assert_eq!(("a".to_owned(), Some("A".to_owned())), read(json!({"id": "a", "nickname": "A"})));
    assert_eq!(("16504661149".to_owned(), None), read(json!({"id": 16_504_661_149_u64})));
    assert_eq!((String::new(), None), read(json!({"id": {"hidden": 1}})));
}

#[test]
fn the_reply_address_may_be_a_text() {
    let mut body: Value = serde_json::from_str(sample!("email")).unwrap();
    body["channel"]["context"]["replyTo"] = "reply-to@company.com".into();
    let MessageKind::Email(email) = message(&body.to_string()).kind else { panic!() };
    assert_eq!(Some("reply-to@company.com"), email.reply_to.unwrap().id.as_deref());
}

#[test]
fn a_text_or_subject_of_another_type_counts_as_absent() {
    for word in [json!({"a": 1}), json!(["a"]), json!(1), json!(true)] {
        let body = json!({"type": "Email", "text": word, "subject": word, "channel": {"id": "0123456789"}});
        let MessageKind::Email(email) = message(&body.to_string()).kind else { panic!() };
        assert_eq!((None, None), (email.text, email.subject), "{word}");
    }
}

#[test]
fn ids_may_be_numbers() {
    let mut configuration = configuration();
    configuration["channelId"] = "16504661140".into();
    let body = r#"{"type": "Text", "channel": {"id": 16504661140, "messageId": 7, "from": {"id": 16504661140}}}"#;
    let accepted = configured(configuration).unwrap().parse_webhook(body.as_bytes(), Timestamp::UNIX_EPOCH);
    let Ok(Received::Message(message)) = accepted else { panic!() };
    assert_eq!(("7", Some("16504661140")), (message.message_id.as_str(), message.from.unwrap().id.as_deref()));
}

#[test]
fn a_message_without_an_id_is_identified_by_its_bytes() {
    let body = |text: &str, id: Value| {
        json!({"type": "Text", "text": text, "channel": {"id": "0123456789", "messageId": id}}).to_string()
    };
    let id = |body: &str| message(body).message_id;
    let (first, second) = (body("a", Value::Null), body("b", Value::Null));
    assert_eq!((id(&first), 64), (id(&format!(" {first}\n")), id(&first).len()));
    assert_ne!(id(&first), id(&second));
    assert_eq!(id(&first), Config::parse_message(first.as_bytes()).unwrap().message_id);
    for none in [json!(""), json!(1.5), json!({"a": 1})] {
        assert_eq!(64, id(&body("a", none.clone())).len(), "{none}");
    }
}

#[test]
fn an_unreadable_body_is_rejected_without_quoting_it() {
    for (body, expected) in [
        ("{\"hidden\"".to_owned(), "the document ends too early"),
        ("[\"hidden\"]".to_owned(), "the document must be an object"),
        ("[".repeat(101), "the document is nested too deeply"),
    ] {
        let error = read_identity(body.as_bytes()).err().unwrap().to_string();
        assert_eq!(Some(expected), error.split(" (").next(), "{body}");
    }
}

#[test]
fn an_id_that_is_too_long_counts_as_absent() {
    let body = |within: usize, id_length: usize| {
        let channel = json!({"id": "0123456789", "messageId": "m".repeat(within)});
        json!({"type": "Text", "channel": channel, "messageId": "n".repeat(id_length)}).to_string()
    };
    assert_eq!("m".repeat(512), message(&body(512, 1)).message_id);
    assert_eq!("n", message(&body(513, 1)).message_id);
    assert_eq!(64, message(&body(513, 513)).message_id.len(), "its bytes");
}

#[test]
fn the_type_of_a_message_is_inferred_from_its_members_if_it_is_missing() {
    for (members, kind) in [
        (json!({"text": "t"}), "Text"),
        (json!({"text": "t", "content": {"type": "image"}}), "Structured"),
        (json!({"text": "t", "subject": "s"}), "Email"),
        (json!({"status": "Failed"}), "Receipt"),
        (json!({}), "Other"),
    ] {
        for word in [Value::Null, json!(""), json!(5), json!({"hidden": 1})] {
            let mut body = members.clone();
            body["type"] = word;
            body["channel"] = json!({"id": "0123456789"});
            assert_eq!(kind, message(&body.to_string()).kind.name(), "{body}");
        }
    }
}

#[test]
fn a_part_without_a_type_is_the_text_or_the_html_whichever_is_missing() {
    let texts = |first: Value, second: Value| {
        let parts = json!([{"type": first, "text": "1"}, {"type": second, "text": "2"}]);
        let body = json!({"type": "Email", "channel": {"id": "0123456789"}, "content": parts});
        let MessageKind::Email(email) = message(&body.to_string()).kind else { panic!() };
        (email.text.unwrap_or_default(), email.html.unwrap_or_default())
    };
    let pair = |text: &str, html: &str| (text.to_owned(), html.to_owned());
    assert_eq!(pair("1", "2"), texts(json!("text"), json!(5)));
    assert_eq!(pair("2", "1"), texts(json!("html"), Value::Null));
    assert_eq!(pair("2", "1"), texts(json!([]), json!("TEXT")));
    assert_eq!(pair("1", ""), texts(json!("text"), json!("calendar")));
}

#[test]
fn a_blank_text_of_an_email_is_skipped() {
    let email = |body: Value| {
        let MessageKind::Email(email) = message(&with_channel(body)).kind else { panic!() };
        (email.text, email.html)
    };
    let both = (Some("Hello".to_owned()), Some("<p>Hello</p>".to_owned()));
    for blank in ["", " "] {
        let blank = json!({"type": "text", "text": blank});
        let html = json!({"type": "html", "text": "<p>Hello</p>"});
        assert_eq!(both, email(json!({"type": "Email", "text": "Hello", "content": [blank, html]})));
        assert_eq!(both, email(json!({"type": "Email", "content": [blank, {"type": "text", "text": "Hello"}, html]})));
        assert_eq!(both, email(json!({"type": "Email", "text": " ", "content": [blank, {"text": "Hello"}, html]})));
    }
}

pub(super) fn with_channel(mut body: Value) -> String {
    body["channel"] = json!({"id": "0123456789", "to": {"id": "customer-17"}, "messageId": "m-1"});
    body.to_string()
}
