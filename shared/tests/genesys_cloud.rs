//! Reading Genesys Cloud's webhooks: the vendor's own examples, samples from the wire, and whatever else may come.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

use proptest::prelude::*;
use serde_json::{Value, json};
use shared::message::{IdType, Kind, Message, ReceiptStatus};
use shared::platform::genesys_cloud::content::ContentItem;
use shared::platform::genesys_cloud::{Webhook, read};
use std::fs;

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/../tests/fixtures/genesys-cloud/{name}.json", env!("CARGO_MANIFEST_DIR"));
    fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn message(name: &str) -> Message {
    read(&fixture(name)).unwrap_or_else(|fault| panic!("{name}: {fault}")).into_message()
}

#[test]
fn every_sample_names_its_integration_and_its_customer() {
    for folder in ["documentation", "wire"] {
        let path = format!("{}/../tests/fixtures/genesys-cloud/{folder}", env!("CARGO_MANIFEST_DIR"));
        for file in fs::read_dir(path).unwrap().map(Result::unwrap) {
            let name = file.file_name().into_string().unwrap().replace(".json", "");
            if name.ends_with("broken") {
                continue;
            }
            let webhook = read(&fixture(&format!("{folder}/{name}"))).unwrap();
            assert_eq!(Some("<Integration ID>"), webhook.integration_id(), "{folder}/{name}");
            let customer = if folder == "wire" { "<Customer>" } else { "messaging-user@externalservice.com" };
            assert_eq!(Some(customer), webhook.into_message().customer(), "{folder}/{name}");
        }
    }
}

#[test]
fn the_documentations_lean_text_message_is_read() {
    let message = message("documentation/text");
    assert_eq!("<Messaging Platform Message ID>", message.message_id);
    assert_eq!(Some(IdType::Email), message.to.unwrap().id_type, "it is written in lower case");
    let Kind::Text(content) = message.kind else { panic!() };
    assert_eq!(Some("Outbound message text!"), content.text.as_deref());
}

#[test]
fn media_is_text_without_text() {
    let Kind::Text(content) = message("documentation/media").kind else { panic!() };
    assert_eq!(None, content.text);
    assert_eq!(Some("image/png"), content.attachments[0].mime.as_deref());
}

#[test]
fn both_forms_of_a_template_say_the_same() {
    for name in ["documentation/template", "wire/template"] {
        let Kind::Structured(content) = message(name).kind else { panic!() };
        assert_eq!(Some("Your order 12345 shipped on Friday."), content.text.as_deref(), "{name}");
        assert_eq!("12345", content.content[0]["template"]["body"]["parameters"][0]["text"], "{name}");
    }
}

#[test]
fn a_receipt_for_an_inbound_message_is_the_customers() {
    let message = message("wire/receipt-failed");
    assert_eq!(Some("<Customer>"), message.customer());
    let Kind::Receipt(receipt) = message.kind else { panic!() };
    assert_eq!(Some(ReceiptStatus::Failed), receipt.status);
    assert_eq!(Some("GeneralError"), receipt.reasons[0].code.as_deref());
}

#[test]
fn the_documentations_broken_receipt_is_refused_at_its_place() {
    let fault = read(&fixture("documentation/receipt-broken")).err().unwrap();
    assert_eq!("the document is not valid JSON (line 18, column 1)", fault.to_string());
    // With its two commas mended it is a receipt like any other.
    let mended = String::from_utf8(fixture("documentation/receipt-broken")).unwrap();
    let mended = mended.replace("\"Inbound\"\n", "\"Inbound\",\n").replace("true,\n}", "true\n}");
    let webhook = read(mended.as_bytes()).unwrap();
    assert_eq!(Some("<Integration ID>"), webhook.integration_id());
    assert!(matches!(webhook.into_message().kind, Kind::Receipt(_)));
}

#[test]
fn typing_lasts_as_long_as_it_says_or_five_seconds() {
    let duration = |typing: Value| {
        let event = json!({"id": "1", "type": "Event", "events": [{"eventType": "Typing", "typing": typing}]});
        let Kind::Typing(typing) = read(event.to_string().as_bytes()).unwrap().into_message().kind else { panic!() };
        typing.duration_milliseconds
    };
    assert_eq!(800, duration(json!({"type": "On", "duration": 800})));
    assert_eq!(5000, duration(json!({"type": "On"})));
    assert_eq!(5000, duration(json!(null)));
}

#[test]
fn an_event_other_than_typing_is_carried_as_what_it_is() {
    let event = json!({"id": "1", "type": "Event", "events": [{"eventType": "Presence"}]});
    let message = read(event.to_string().as_bytes()).unwrap().into_message();
    assert!(!message.kind.expects_receipt());
    assert!(matches!(message.kind, Kind::Other(_)));
}

#[test]
fn explicit_nulls_read_like_absent_fields() {
    let webhook = json!({
        "id": "1", "type": "Text", "text": null, "content": null, "events": null, "channel": null, "status": null,
        "reasons": null, "direction": null, "conversationId": null,
    });
    assert!(read(webhook.to_string().as_bytes()).is_ok());
}

#[test]
fn the_message_id_may_stand_in_the_channel() {
    let webhook = json!({"type": "Text", "channel": {"messageId": "m"}});
    assert_eq!("m", read(webhook.to_string().as_bytes()).unwrap().into_message().message_id);
    let empty = json!({"type": "Text", "id": "", "channel": {"messageId": "m"}});
    assert_eq!("m", read(empty.to_string().as_bytes()).unwrap().into_message().message_id);
    for without in [json!({"type": "Text"}), json!({"type": "Text", "id": ""})] {
        assert_eq!("/id is required", read(without.to_string().as_bytes()).err().unwrap().to_string());
    }
}

#[test]
fn faults_name_the_place_in_our_words_and_never_in_the_senders() {
    for (body, fault) in [
        ("", "the document ends too early (line 1, column 0)"),
        (r#"{"type":"Text","id":"1","id":"2"}"#, "/id comes more than once"),
        (
            r#"{"type":"Text","id":"1","content":[{"private":{"n":1e999}}]}"#,
            "/content/0 holds a number that is out of range (line 1, column 56)",
        ),
        (r#"{"type":"Text","id":"1","text":["private"]}"#, "/text is not of the expected type (line 1, column 31)"),
    ] {
        assert_eq!(fault, read(body.as_bytes()).err().unwrap().to_string());
    }
    let long = json!({"type": "Text", "id": "x".repeat(513)}).to_string();
    assert_eq!("/id must have at most 512 bytes", read(long.as_bytes()).err().unwrap().to_string());
}

#[test]
fn a_message_without_channel_id_belongs_to_the_integration_at_its_own_end() {
    let of = |more: Value| -> Option<String> {
        let mut webhook = json!({"id": "1", "type": "Text", "channel": {"from": {"id": "F"}, "to": {"id": "T"}}});
        webhook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        read(webhook.to_string().as_bytes()).unwrap().integration_id().map(str::to_owned)
    };
    assert_eq!(Some("F"), of(json!({"direction": "Outbound"})).as_deref());
    assert_eq!(Some("T"), of(json!({"direction": "Inbound"})).as_deref());
    assert_eq!(Some("F"), of(json!({})).as_deref());
    assert_eq!(Some("T"), of(json!({"type": "Receipt"})).as_deref());
    assert_eq!(None, of(json!({"channel": {}})));
    let both = json!({"channel": {"id": "C", "from": {"id": "F"}}, "direction": "Outbound"});
    assert_eq!(Some("C"), of(both).as_deref());
}

#[test]
fn a_receipt_without_direction_is_the_customers_and_not_the_integrations() {
    let receipt =
        json!({"id": "1", "type": "Receipt", "channel": {"from": {"id": "customer"}, "to": {"id": "integration"}}});
    let webhook = read(receipt.to_string().as_bytes()).unwrap();
    assert_eq!(Some("integration"), webhook.integration_id());
    assert_eq!(Some("customer"), webhook.into_message().customer());
}

/// Any JSON, not too deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(any_name(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Names that mean something to the reader, and others.
fn any_name() -> impl Strategy<Value = String> {
    let known = [
        "id",
        "type",
        "channel",
        "content",
        "contentType",
        "template",
        "body",
        "text",
        "parameters",
        "attachment",
        "card",
        "carousel",
        "cards",
        "actions",
        "events",
        "typing",
        "duration",
        "to",
        "from",
        "time",
        "header",
    ];
    prop_oneof![proptest::sample::select(known.to_vec()).prop_map(str::to_owned), any::<String>()]
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes).map(Webhook::into_message);
    }

    #[test]
    fn no_json_makes_the_reader_panic(json in any_json()) {
        let _ = read(json.to_string().as_bytes()).map(Webhook::into_message);
    }

    #[test]
    fn a_part_of_any_form_is_read_and_written_without_loss(
        word in proptest::sample::select(vec!["Attachment", "QuickReply", "QuickReplyV2", "Card", "Carousel", "DatePicker", "Story"]),
        inner in any_json(),
        beside in any_json(),
    ) {
        let field = word.chars().next().unwrap().to_lowercase().to_string() + &word[1..];
        let part = json!({"contentType": word, field: inner, "beside": beside});
        let read: ContentItem = serde_json::from_value(part.clone()).unwrap();
        prop_assert_eq!(without_nulls(part), without_nulls(read.to_value()));
    }
}

/// A known field that is `null` is the same as one that is absent.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name, without_nulls(value)))
                .collect(),
        ),
        Value::Array(elements) => elements.into_iter().map(without_nulls).collect(),
        other => other,
    }
}
