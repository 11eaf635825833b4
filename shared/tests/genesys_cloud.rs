//! Genesys Cloud's webhooks: the vendor's examples, captured samples, and arbitrary input.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

use proptest::prelude::*;
use serde_json::{Value, json};
use shared::model::message::{IdType, Intent, Message, MessageKind, ReceiptStatus};
use shared::platform::PlatformName;
use shared::platform::genesys_cloud::content::ContentItem;
use shared::platform::genesys_cloud::read;
use std::fs;

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/../tests/fixtures/genesys-cloud/{name}.json", env!("CARGO_MANIFEST_DIR"));
    fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn message(name: &str) -> Message {
    PlatformName::GenesysCloud.parse_message(&fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn of(webhook: &Value) -> Message {
    PlatformName::GenesysCloud
        .parse_message(webhook.to_string().as_bytes())
        .unwrap_or_else(|error| panic!("{error}: {webhook}"))
}

#[test]
fn every_sample_contains_its_integration_and_its_customer() {
    for folder in ["documentation", "wire"] {
        let path = format!("{}/../tests/fixtures/genesys-cloud/{folder}", env!("CARGO_MANIFEST_DIR"));
        for file in fs::read_dir(path).unwrap().map(Result::unwrap) {
            let name = file.file_name().into_string().unwrap().replace(".json", "");
            if name.ends_with("broken") {
                continue;
            }
            let name = format!("{folder}/{name}");
            assert_eq!(Some("<Integration ID>"), read(&fixture(&name)).unwrap().integration_id(), "{name}");
            let customer = if folder == "wire" { "<Customer>" } else { "messaging-user@externalservice.com" };
            assert_eq!(Some(customer), message(&name).customer(), "{name}");
        }
    }
}

#[test]
fn the_short_text_message_of_the_documentation_is_read() {
    let message = message("documentation/text");
    assert_eq!("<Messaging Platform Message ID>", message.message_id);
    assert_eq!(Some(IdType::Email), message.to.unwrap().id_type, "it is written in lower case");
    let MessageKind::Text(content) = message.kind else { panic!() };
    assert_eq!(Some("Outbound message text!"), content.text.as_deref());
}

#[test]
fn media_is_text_without_text() {
    let MessageKind::Text(content) = message("documentation/media").kind else { panic!() };
    assert_eq!(None, content.text);
    assert_eq!(Some("image/png"), content.attachments[0].mime.as_deref());
}

#[test]
fn both_formats_of_a_template_mean_the_same() {
    for name in ["documentation/template", "wire/template"] {
        let MessageKind::Structured(content) = message(name).kind else { panic!() };
        assert_eq!(Some("Your order 12345 shipped on Friday."), content.text.as_deref(), "{name}");
        assert_eq!("12345", content.content[0]["template"]["body"]["parameters"][0]["text"], "{name}");
    }
}

#[test]
fn a_receipt_for_an_inbound_message_is_the_customers() {
    let message = message("wire/receipt-failed");
    assert_eq!(Some("<Customer>"), message.customer());
    let MessageKind::Receipt(receipt) = message.kind else { panic!() };
    assert_eq!(Some(ReceiptStatus::Failed), receipt.status);
    assert_eq!(Some("GeneralError"), receipt.reasons[0].code.as_deref());
}

#[test]
fn the_invalid_receipt_of_the_documentation_is_rejected_with_a_position() {
    let error = read(&fixture("documentation/receipt-broken")).err().unwrap();
    assert_eq!("the document is not valid JSON (line 18, column 1)", error.to_string());
    // With its two commas corrected, it is a valid receipt.
    let fixed = String::from_utf8(fixture("documentation/receipt-broken")).unwrap();
    let fixed = fixed.replace("\"Inbound\"\n", "\"Inbound\",\n").replace("true,\n}", "true\n}");
    assert_eq!(Some("<Integration ID>"), read(fixed.as_bytes()).unwrap().integration_id());
    assert!(matches!(
        PlatformName::GenesysCloud.parse_message(fixed.as_bytes()).unwrap().kind,
        MessageKind::Receipt(_)
    ));
}

#[test]
fn the_duration_of_typing_defaults_to_five_seconds() {
    let duration = |typing: Value| {
        let event = json!({"id": "1", "type": "Event", "events": [{"eventType": "Typing", "typing": typing}]});
        let MessageKind::Typing(typing) = of(&event).kind else { panic!() };
        typing.duration_milliseconds
    };
    assert_eq!(800, duration(json!({"type": "On", "duration": 800})));
    assert_eq!(5000, duration(json!({"type": "On"})));
    assert_eq!(5000, duration(json!(null)));
}

#[test]
fn an_event_other_than_typing_is_kept_as_such() {
    let event = json!({"id": "1", "type": "Event", "events": [{"eventType": "Presence"}]});
    let message = of(&event);
    assert!(!message.kind.expects_receipt());
    assert!(matches!(message.kind, MessageKind::Other(_)));
}

#[test]
fn null_fields_are_read_like_absent_ones() {
    let webhook = json!({
        "id": "1", "type": "Text", "text": null, "content": null, "events": null, "channel": null, "status": null,
        "reasons": null, "direction": null, "conversationId": null, "metadata": null,
    });
    assert_eq!(of(&json!({"id": "1", "type": "Text"})), of(&webhook));
}

#[test]
fn the_message_id_may_be_in_the_channel_and_may_be_a_number() {
    for id in [Value::Null, json!(""), json!(" "), json!({"a": 1}), json!(1.5), json!("x".repeat(513))] {
        let message = of(&json!({"type": "Text", "id": id, "channel": {"messageId": "m"}}));
        assert_eq!(("m", Intent::Send), (message.message_id.as_str(), message.intent), "{id}");
    }
    assert_eq!("17", of(&json!({"type": "Text", "id": 17, "channel": {"messageId": "m"}})).message_id);
}

#[test]
fn a_message_without_an_id_is_identified_by_its_bytes_and_expects_no_receipt() {
    for without in
        [json!({"type": "Text"}), json!({"type": "Text", "id": ""}), json!({"type": "Text", "id": "x".repeat(513)})]
    {
        let message = of(&without);
        assert_eq!((64, false), (message.message_id.len(), message.expects_receipt()), "{without}");
        assert_eq!(message, PlatformName::GenesysCloud.parse_message(format!("\n{without} ").as_bytes()).unwrap());
        assert_ne!(message.message_id, of(&json!({"type": "Text", "text": "another"})).message_id);
    }
}

#[test]
fn the_type_of_a_message_is_inferred_from_its_members_if_it_is_missing() {
    let file = json!({"attachment": {"url": "https://e.com/a.png"}});
    for (members, kind) in [
        (json!({"text": "t"}), "Text"),
        (json!({"content": file}), "Text"),
        (json!({"content": [{"contentType": "Text", "text": {"body": "t"}}]}), "Text"),
        (json!({"text": "t", "content": [file, {"quickReply": {"text": "a"}}]}), "Structured"),
        (json!({"content": [{"contentType": "ListPicker"}]}), "Structured"),
        (json!({"status": "Published"}), "Receipt"),
        (json!({"events": [{"typing": {}}]}), "Typing"),
        (json!({"events": [{"eventType": "Presence"}]}), "Other"),
        (json!({}), "Other"),
    ] {
        for word in [Value::Null, json!(""), json!(" "), json!(5), json!(["Text"])] {
            let mut webhook = members.clone();
            webhook["type"] = word;
            assert_eq!(kind, of(&webhook).kind.name(), "{webhook}");
        }
    }
}

#[test]
fn a_body_that_is_not_a_json_object_is_rejected_with_a_position_and_without_quoting_it() {
    for (body, error) in [
        ("", "the document ends too early (line 1, column 0)"),
        ("[]", "the document must be an object (line 1, column 0)"),
        (r#"{"type":"Text" "private"}"#, "the document is not valid JSON (line 1, column 16)"),
    ] {
        assert_eq!(error, read(body.as_bytes()).err().unwrap().to_string());
    }
}

#[test]
fn unexpected_members_of_a_receipt_are_read_leniently() {
    let receipt = |status: Value, reasons: Value, is_final: Value| {
        let receipt =
            json!({"type": "Receipt", "id": "1", "status": status, "reasons": reasons, "isFinalReceipt": is_final});
        let MessageKind::Receipt(receipt) = of(&receipt).kind else { panic!() };
        let reasons: Vec<_> =
            receipt.reasons.iter().map(|reason| (reason.code.clone(), reason.message.clone())).collect();
        (receipt.status, reasons, receipt.is_final_receipt)
    };
    let reason = |code: Option<&str>, message: Option<&str>| (code.map(str::to_owned), message.map(str::to_owned));
    let failed = Some(ReceiptStatus::Failed);
    assert_eq!(
        (failed.clone(), vec![reason(Some("350"), Some("m")), reason(None, Some("n"))], Some(true)),
        receipt(
            json!("failed"),
            json!([{"code": 350, "message": "m"}, null, {"code": {}, "message": "n"}]),
            json!("true")
        )
    );
    assert_eq!(
        (failed.clone(), vec![reason(Some("c"), None)], None),
        receipt(json!("Failed"), json!({"code": "c", "message": 1}), json!(1))
    );
    assert_eq!((failed, vec![], None), receipt(json!("Failed"), json!("hidden"), json!(null)));
    assert_eq!((None, vec![], Some(false)), receipt(json!(["Failed"]), json!(null), json!(false)));
}

#[test]
fn the_text_is_that_of_the_message_or_else_of_its_parts() {
    let text = |own: Value, parts: Value| {
        let MessageKind::Structured(content) = of(&json!({"type": "Structured", "text": own, "content": parts})).kind
        else {
            panic!()
        };
        content.text
    };
    let template = json!({"contentType": "Notification", "template": {"body": {"text": "Hi Bob", "parameters": []}}});
    let said = |body: &str| json!({"contentType": "Text", "text": {"type": "Text", "body": body}});
    for none in [Value::Null, json!(""), json!(" \n"), json!(5)] {
        assert_eq!(Some("Hi Bob"), text(none.clone(), json!([template])).as_deref(), "{none}");
        assert_eq!(Some("a\nb"), text(none.clone(), json!([said("a"), said(" "), said("b")])).as_deref(), "{none}");
        assert_eq!(Some("a"), text(none, json!({"contentType": "text", "text": "a"})).as_deref());
    }
    assert_eq!(Some("own"), text(json!("own"), json!([template, said("a")])).as_deref());
    assert_eq!(Some(" "), text(json!(" "), json!([said("")])).as_deref(), "nothing else is there");
}

#[test]
fn the_name_of_a_party_is_read_in_both_spellings_with_its_additional_ids() {
    let party =
        |name: &str, party: Value| serde_json::to_value(of(&json!({"channel": {name: party}}))).unwrap()[name].clone();
    for end in ["from", "to"] {
        assert_eq!(json!({"nickname": "a"}), party(end, json!({"nickName": "a"})));
        assert_eq!(json!({"nickname": "a"}), party(end, json!({"nickname": "a", "nickName": "b"})));
        assert_eq!(json!({"nickname": "b"}), party(end, json!({"nickname": null, "nickName": "b"})));
        let ids = json!({
            "id": "c", "externalContactId": "x",
            "additionalIds": [{"type": "PhoneNumber", "value": "+15550100"}, {"type": 1, "value": 17}],
        });
        let mut odd = ids.clone();
        let more = json!([null, {"type": "Username"}, "hidden", {"value": []}]);
        odd["additionalIds"].as_array_mut().unwrap().extend(more.as_array().unwrap().clone());
        let mut expected = ids;
        expected["additionalIds"][1] = json!({"value": "17"});
        assert_eq!(expected, party(end, odd));
    }
}

#[test]
fn a_public_message_is_marked_with_what_it_replies_to() {
    let public = |channel: Value| {
        let message = serde_json::to_value(of(&json!({ "channel": channel }))).unwrap();
        let members = ["public", "replyToId", "rootId", "publicUrl"];
        Value::Object(
            members.iter().filter_map(|name| Some(((*name).to_owned(), message.get(name)?.clone()))).collect(),
        )
    };
    let metadata = json!({"replyToId": "p2", "rootId": "p1", "url": "https://e.com/p2"});
    let all = json!({"public": true, "replyToId": "p2", "rootId": "p1", "publicUrl": "https://e.com/p2"});
    assert_eq!(all, public(json!({"type": "Public", "publicMetadata": metadata})));
    assert_eq!(all, public(json!({"type": {"odd": 1}, "publicMetadata": metadata})), "inferred from the metadata");
    assert_eq!(json!({}), public(json!({"type": "private", "publicMetadata": metadata})));
    assert_eq!(json!({"public": true}), public(json!({"type": "public", "publicMetadata": "odd"})));
    assert_eq!(
        json!({"public": true, "replyToId": "p2"}),
        public(json!({"type": "Public", "publicMetadata": {"inReplyToMessageId": "p2", "rootId": []}}))
    );
    assert_eq!(json!({}), public(json!({"type": "Private"})));
}

#[test]
fn metadata_is_kept_with_any_values() {
    let metadata = json!({"order": "17", "odd": [1, {"a": null}]});
    assert_eq!(metadata, serde_json::to_value(of(&json!({"metadata": metadata}))).unwrap()["metadata"]);
    assert_eq!(None, serde_json::to_value(of(&json!({"metadata": ["odd"]}))).unwrap().get("metadata"));
}

#[test]
fn a_message_without_a_channel_id_belongs_to_the_integration_that_sends_or_receives_it() {
    let owner = |more: Value| -> Option<String> {
        let mut webhook = json!({"id": "1", "type": "Text", "channel": {"from": {"id": "F"}, "to": {"id": "T"}}});
        webhook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        read(webhook.to_string().as_bytes()).unwrap().integration_id().map(str::to_owned)
    };
    assert_eq!(Some("F"), owner(json!({"direction": "Outbound"})).as_deref());
    assert_eq!(Some("T"), owner(json!({"direction": "Inbound"})).as_deref());
    assert_eq!(Some("F"), owner(json!({})).as_deref());
    assert_eq!(Some("T"), owner(json!({"type": "Receipt"})).as_deref());
    assert_eq!(None, owner(json!({"channel": {}})));
    for odd in [json!(null), json!(""), json!(" "), json!({"id": "C"}), json!(["C"]), json!(1.5), json!(true)] {
        assert_eq!(Some("F"), owner(json!({"channel": {"id": odd, "from": {"id": "F"}}})).as_deref(), "{odd}");
    }
    assert_eq!(Some("5"), owner(json!({"channel": {"id": 5, "from": {"id": "F"}}})).as_deref(), "that is another one");
    let both = json!({"channel": {"id": "C", "from": {"id": "F"}}, "direction": "Outbound"});
    assert_eq!(Some("C"), owner(both).as_deref());
}

#[test]
fn a_receipt_without_direction_is_the_customers_and_not_the_integrations() {
    let receipt =
        json!({"id": "1", "type": "Receipt", "channel": {"from": {"id": "customer"}, "to": {"id": "integration"}}});
    assert_eq!(Some("integration"), read(receipt.to_string().as_bytes()).unwrap().integration_id());
    assert_eq!(Some("customer"), of(&receipt).customer());
}

/// Any JSON within the nesting limit.
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

/// Names of known members, and others.
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
    fn no_bytes_cause_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = PlatformName::GenesysCloud.parse_message(&bytes);
    }

    #[test]
    fn no_json_causes_a_panic(json in any_json()) {
        let _ = PlatformName::GenesysCloud.parse_message(json.to_string().as_bytes());
    }

    #[test]
    fn a_part_of_any_form_is_read_and_written_without_loss(
        word in proptest::sample::select(vec!["Attachment", "QuickReply", "QuickReplyV2", "Card", "Carousel", "DatePicker", "Story"]),
        inner in any_json(),
        extra in any_json(),
    ) {
        let field = word.chars().next().unwrap().to_lowercase().to_string() + &word[1..];
        let part = json!({"contentType": word, field: inner, "extra": extra});
        let read = ContentItem::from(part.clone());
        prop_assert_eq!(part, read.into_value());
    }
}
