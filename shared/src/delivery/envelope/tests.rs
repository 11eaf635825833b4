use super::*;
use crate::delivery::payload::DeliveryPayload;
use crate::digest::Digest;
use crate::json::i_json;
use crate::platform::Withdrawal;
use std::collections::BTreeMap;

fn envelope(body: &str) -> Envelope {
    let received_at = "2026-01-01T00:00:00Z".parse().unwrap();
    Envelope::new("acme".parse().unwrap(), PlatformName::GenesysCloud, received_at, body.as_bytes()).unwrap()
}

#[test]
fn the_original_is_kept_byte_for_byte() {
    let body = "{ \"b\" : 1.0,\t\"a\":12345678901234567890123, \"a\": \"\\u00e4 ä\" }";
    let text = envelope(body).to_json().unwrap();
    let Ok(QueueMessage::Message(read)) = QueueMessage::read(&text) else { panic!() };
    assert_eq!(body, serde_json::to_string(&read.original()).unwrap());
}

#[test]
fn the_platforms_trace_is_kept_and_may_be_absent() {
    let trace_id: TraceId = "463ac35c9f6413ad".parse().unwrap();
    for trace_id in [None, Some(trace_id)] {
        let text = envelope("{}").with_trace_id(trace_id.clone()).to_json().unwrap();
        assert_eq!(trace_id.is_some(), text.contains("traceId"));
        let Ok(QueueMessage::Message(read)) = QueueMessage::read(&text) else { panic!() };
        assert_eq!(trace_id, read.trace_id);
    }
}

#[test]
fn unknown_fields_of_a_newer_version_are_ignored() {
    let more = |json: String| json.replacen('{', r#"{"fromTheFuture":{"a":1},"#, 1);
    let read = QueueMessage::read(&more(envelope("{}").to_json().unwrap()));
    assert!(
        matches!(read, Ok(QueueMessage::Message(Envelope { received_at, .. })) if received_at != Timestamp::UNIX_EPOCH)
    );
    let receipt = r#"{"integration":"acme","receivedAt":"2026-01-01T00:00:00Z","receipt":{"messageId":"m","to":{"id":"c"},
        "status":"Delivered","time":"2026-01-01T00:00:00Z","isFinal":true}}"#;
    assert!(matches!(QueueMessage::read(&more(receipt.to_owned())), Ok(QueueMessage::Receipt(_))));
}

#[test]
fn a_withdrawal_is_read_back() {
    let of_agency = [("companyId".to_owned(), "c".to_owned())].into();
    for (at, details) in [(Some(Timestamp::UNIX_EPOCH), of_agency), (None, BTreeMap::new())] {
        let (integration, withdrawal) = ("acme".parse().unwrap(), Withdrawal { at, details });
        let envelope = WithdrawalEnvelope { integration, received_at: Timestamp::UNIX_EPOCH, withdrawal };
        let text = serde_json::to_string(&envelope).unwrap();
        let Ok(QueueMessage::Withdrawal(read)) = QueueMessage::read(&text) else { panic!("{text}") };
        assert_eq!(envelope, read);
    }
}

#[test]
fn characters_that_sqs_rejects_are_escaped() {
    let text = envelope("{\"text\":\"\u{fffe}\u{ffff}\u{fffd}\"}").to_json().unwrap();
    assert!(!text.contains(['\u{fffe}', '\u{ffff}']) && text.contains('\u{fffd}'));
    let Ok(QueueMessage::Message(read)) = QueueMessage::read(&text) else { panic!() };
    let read = serde_json::to_value(read.original()).unwrap();
    assert_eq!("\u{fffe}\u{ffff}\u{fffd}", read["text"]);
}

#[test]
fn only_the_characters_that_sqs_rejects_are_escaped() {
    for (text, expected) in [
        ("", ""),
        ("\u{fffe}", "\\ufffe"),
        ("a\u{ffff}\u{ffff}b\u{fffe}", "a\\uffff\\uffffb\\ufffe"),
        ("\u{ffbf}\u{ffc0}\u{fffd}\u{10000}\u{1fffe}", "\u{ffbf}\u{ffc0}\u{fffd}\u{10000}\u{1fffe}"),
        ("\u{fffd}\u{ffff}\u{fffd}ä", "\u{fffd}\\uffff\u{fffd}ä"),
    ] {
        assert_eq!(expected, escape_noncharacters(text.to_owned()));
    }
}

#[test]
fn a_message_without_an_id_has_the_same_derived_id_when_accepted_and_when_delivered() {
    let highlevel = r#"{"type":"SMS","locationId":"l","contactId":"c","message":"TEXT"}"#;
    let multicloud_cx = r#" {"type":"Text","channel":{"id":"1","to":{"id":"c"}},"text":"TEXT"} "#;
    for (platform, body) in [(PlatformName::HighLevel, highlevel), (PlatformName::MulticloudCx, multicloud_cx)] {
        for text in ["plain", "\u{fffe}\u{ffff}", "cut off \\ud83d"] {
            let body = body.replace("TEXT", text);
            let normalized = i_json::normalized(body.as_bytes()).unwrap();
            let accepted = platform.parse_message(&normalized).unwrap();
            let now = Timestamp::UNIX_EPOCH;
            let queued = Envelope::new("acme".parse().unwrap(), platform, now, &normalized).unwrap().to_json();
            let Ok(QueueMessage::Message(read)) = QueueMessage::read(&queued.unwrap()) else { panic!() };
            assert_eq!(accepted, read.message().unwrap(), "{body}");
            if text == "plain" {
                let of_the_body = Digest::of_bytes(body.trim().as_bytes());
                assert_eq!(of_the_body.as_str(), accepted.message_id, "ids stay as they were");
            }
        }
    }
}

#[test]
fn what_is_not_json_in_utf_8_is_refused() {
    for body in [b"{".as_slice(), b"\"\xff\"", b"{} {}", b""] {
        let name = "acme".parse().unwrap();
        assert!(Envelope::new(name, PlatformName::GenesysCloud, Timestamp::UNIX_EPOCH, body).is_err());
    }
}

#[test]
fn a_card_in_the_form_of_2026_11_is_delivered_like_one_in_the_present_form() {
    // Exactly as that release queued it.
    let old = include_str!("../../../../tests/fixtures/queue/card-of-2026-11.json");
    let present = include_str!("../../../../tests/fixtures/queue/card.json").trim_end();
    let read = |text| match QueueMessage::read(text) {
        Ok(QueueMessage::Message(envelope)) => envelope,
        _ => panic!("{text}"),
    };
    let delivery = |envelope: &Envelope| {
        let message = envelope.message().unwrap();
        String::from_utf8(DeliveryPayload::new(envelope, &message).to_body().unwrap()).unwrap()
    };
    let (old, new) = (read(old), read(present));
    assert_eq!(delivery(&old), delivery(&new));
    assert_eq!(old.message().unwrap(), new.message().unwrap());
    assert_eq!(EnvelopeOrigin::TracedCard, new.origin);
    assert_eq!(present, new.to_json().unwrap());
}

#[test]
fn an_event_of_a_conversation_is_kept_with_its_customer_and_its_original() {
    let original = include_str!("../../../../tests/fixtures/genesys-cloud/events/customer-end.json").trim_end();
    let event = format!(r#"{{"customer":{{"id":"ada","idType":"Email"}},"original":{original}}}"#);
    let event: QueuedConversationEvent = serde_json::from_str(&event).unwrap();
    let platform = PlatformName::GenesysCloud;
    let sent = event.message(platform).unwrap();
    let received_at = "2026-06-14T16:12:12Z".parse().unwrap();
    let envelope = Envelope::of_conversation_event("acme".parse().unwrap(), platform, received_at, event);
    let Ok(QueueMessage::Message(read)) = QueueMessage::read(&envelope.to_json().unwrap()) else { panic!() };
    assert_eq!(original, serde_json::to_string(&read.original()).unwrap());
    let message = read.message().unwrap();
    assert_eq!((&sent, Some("ada")), (&message, message.customer()));
    let body = DeliveryPayload::new(&read, &message).to_body().unwrap();
    let delivery: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let data = &delivery["data"];
    assert_eq!(
        ("conversation.ended", "c03d300e-fa79-4353-9695-b97a71322785", "sent", "2026-06-14T16:12:10.949Z"),
        (
            delivery["type"].as_str().unwrap(),
            data["sessionId"].as_str().unwrap(),
            data["intent"].as_str().unwrap(),
            data["time"].as_str().unwrap()
        )
    );
    assert_eq!(None, data.get("fallbackText"));
}

#[test]
fn an_envelope_without_content_is_refused() {
    let empty = r#"{"integration":"acme","platform":"genesys-cloud","receivedAt":"2026-01-01T00:00:00Z"}"#;
    assert!(QueueMessage::read(empty).is_err());
}
