use super::*;
use crate::platform::PlatformName;
use proptest::prelude::*;
use serde_json::json;

fn fallback_text(members: Value) -> Option<String> {
    let mut webhook = json!({"id": "m", "type": "Structured"});
    webhook.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let message = PlatformName::GenesysCloud.parse_message(webhook.to_string().as_bytes()).unwrap();
    message.fallback_text.map(String::from)
}

fn of_parts(parts: Value) -> String {
    fallback_text(json!({ "content": parts })).unwrap_or_default()
}

fn of_template(template: Value) -> String {
    of_parts(json!([{"contentType": "Notification", "template": template}]))
}

fn quick_reply(text: &str) -> Value {
    json!({"contentType": "QuickReply", "quickReply": {"text": text, "payload": format!("payload of {text}")}})
}

#[test]
fn a_text_is_rendered_unchanged() {
    assert_eq!(Some("Héllo 👋\n\nSee you."), fallback_text(json!({"text": " Héllo 👋 \r\n\r\nSee you.\n"})).as_deref());
}

#[test]
fn quick_replies_are_numbered_in_order_below_the_text() {
    let content = json!([quick_reply("Yes"), quick_reply("No, not\nyet ")]);
    let text = fallback_text(json!({"text": "Did that help?", "content": content}));
    assert_eq!(Some("Did that help?\n\n1. Yes\n2. No, not yet"), text.as_deref());
}

#[test]
fn options_are_numbered_across_the_whole_message() {
    let action = |text: &str| json!({"type": "Postback", "text": text, "payload": text});
    let text = of_parts(json!([
        {"contentType": "Card", "card": {"title": "A", "actions": [action("a"), {"type": "Link", "text": "l", "url": "https://e.com"}, action("b")]}},
        quick_reply("c"),
        quick_reply("d"),
        {"contentType": "QuickReplyV2", "quickReplyV2": {"title": "B", "actions": [{"text": "e", "payload": "e"}]}},
        {"contentType": "Notification", "template": {"body": {"text": "C"}, "buttons": [{"type": "QuickReply", "text": "f"}]}},
        {"contentType": "DatePicker", "datePicker": {"title": "D", "availableTimes": [{"dateTime": "soon"}]}},
    ]));
    let expected = "A\n1. a\nl: https://e.com\n2. b\n\n3. c\n4. d\n\nB\n5. e\n\nC\n6. f\n\nD\n7. soon";
    assert_eq!(expected, text);
}

#[test]
fn an_option_without_a_label_gets_no_number_and_a_numeric_label_is_rendered() {
    let replies = json!([{"text": " ", "payload": "x"}, {"payload": "y"}, {"text": "z", "payload": "z"}]);
    let v2 = json!([{"contentType": "QuickReplyV2", "quickReplyV2": {"actions": replies}}]);
    assert_eq!("1. z", of_parts(v2));
    assert_eq!(Cow::from("5"), label(&None, json!({"text": 5}).as_object().unwrap()));
}

#[test]
fn a_card_is_rendered_as_its_texts_its_image_its_video_and_its_buttons() {
    let card = json!({
        "title": "Garden room", "description": "From 120 euros.", "image": "https://e.com/g.png",
        "video": "https://e.com/g.mp4", "actions": [{"type": "Link", "text": "See it", "url": "https://e.com/g"}],
        "defaultAction": {"type": "Link", "url": "https://e.com/g"},
    });
    let expected = "Garden room\nFrom 120 euros.\nhttps://e.com/g.png\nhttps://e.com/g.mp4\nSee it: https://e.com/g";
    assert_eq!(expected, of_parts(json!([{"contentType": "Card", "card": card}])));
    let card = json!({"image": "https://e.com/g.png", "imageAltText": "The room", "actions": []});
    assert_eq!("The room: https://e.com/g.png", of_parts(json!([{"contentType": "Card", "card": card}])));
}

#[test]
fn a_default_action_is_rendered_unless_a_button_does_the_same() {
    let card = json!({"title": "T", "actions": [], "defaultAction": {"type": "Link", "url": "https://e.com/t"}});
    assert_eq!("T\nhttps://e.com/t", of_parts(json!([{"contentType": "Card", "card": card}])));
}

#[test]
fn the_cards_of_a_carousel_are_rendered_one_below_the_other() {
    let cards = json!([{"title": "A", "description": "a"}, {"title": "B", "description": "b"}]);
    let carousel = json!([{"contentType": "Carousel", "carousel": {"cards": cards}}]);
    assert_eq!("A\na\n\nB\nb", of_parts(carousel));
}

#[test]
fn times_are_rendered_in_their_own_time_zone() {
    for (time, expected) in [
        (json!({"dateTime": "2026-12-03T09:00:00.000Z", "duration": 1800}), "2026-12-03 09:00 UTC (30 min)"),
        (json!({"dateTime": "2026-12-03T09:00:00+01:00"}), "2026-12-03 09:00 UTC+01"),
        (json!({"dateTime": "2026-12-03T09:00:00-05:30", "duration": 90}), "2026-12-03 09:00 UTC-05:30 (90 s)"),
        (json!({"dateTime": "2026-12-03T09:00", "duration": 0}), "2026-12-03 09:00"),
        (json!({"dateTime": "2026-12-03"}), "2026-12-03"),
        (json!({"dateTime": "tomorrow at nine"}), "tomorrow at nine"),
    ] {
        let picker = json!({"title": "When?", "availableTimes": [time]});
        let text = of_parts(json!([{"contentType": "DatePicker", "datePicker": picker}]));
        assert_eq!(format!("When?\n1. {expected}"), text);
    }
}

#[test]
fn a_date_picker_without_times_is_rendered_as_a_range_of_days() {
    let picker = json!({
        "title": "When?", "subtitle": "Half an hour.", "location": {"address": "Main Street 1", "latitude": 1.5},
        "dateMinimum": "2026-12-01T00:00:00.000Z", "dateMaximum": "2026-12-24T00:00:00.000Z",
    });
    let text = of_parts(json!([{"contentType": "DatePicker", "datePicker": picker}]));
    assert_eq!("When?\nHalf an hour.\nMain Street 1\n2026-12-01 – 2026-12-24", text);
}

#[test]
fn a_template_is_rendered_with_its_parameters_and_its_buttons() {
    let text = of_template(json!({
        "header": {"type": "Text", "text": "Order {{1}}", "parameters": [{"name": "1", "text": "12345"}]},
        "body": {"text": "Shipped on {{ day }}, {{day}} by {{2}}; {{unknown}}.", "parameters": [
            {"name": "day", "text": "Friday"}, {"name": "7", "text": "Acme"}]},
        "footer": {"text": "Acme Ltd"},
        "buttons": [
            {"type": "Url", "text": "Track it", "url": "https://e.com/{{1}}", "parameters": [{"name": 1, "text": "12345"}]},
            {"type": "PhoneNumber", "text": "Call us", "phoneNumber": "+4930123"},
            {"type": "QuickReply", "text": "Stop", "payload": "stop"},
        ],
    }));
    let expected = "Order 12345\nShipped on Friday, Friday by Acme; {{unknown}}.\nAcme Ltd\n\
        Track it: https://e.com/12345\nCall us: +4930123\n1. Stop";
    assert_eq!(expected, text);
}

#[test]
fn a_parameter_may_be_a_number() {
    let parameters = json!([{"name": "1", "text": 42}, {"name": "price", "text": 1.5}]);
    let button = |parameters: &Value| json!({"text": 7, "url": "https://e.com/{{1}}", "parameters": parameters});
    let text = of_template(json!({
        "header": {"text": "Order {{1}}", "parameters": parameters},
        "body": {"text": "Code {{1}}, {{price}}", "parameters": parameters},
        "buttons": [button(&parameters), {"text": "Call us", "phoneNumber": 4_930_123}, {"text": 5}],
    }));
    assert_eq!("Order 42\nCode 42, 1.5\n7: https://e.com/42\nCall us: 4930123\n1. 5", text);
}

#[test]
fn a_placeholder_without_a_value_stays_and_the_other_parameters_keep_their_numbers() {
    for odd in [Value::Null, json!({}), json!("odd"), json!({"text": null}), json!({"name": "1", "text": ["odd"]})] {
        let parameters = json!([odd, {"text": "Bob"}]);
        let text = of_template(json!({
            "body": {"text": "Hi {{1}} and {{2}}", "parameters": parameters},
            "buttons": [{"text": "Look", "url": "https://e.com/{{1}}/{{2}}", "parameters": parameters}],
        }));
        assert_eq!("Hi {{1}} and Bob\nLook: https://e.com/{{1}}/Bob", text, "{odd}");
    }
    let emptied = json!({"text": "Hi{{1}}", "parameters": [{"name": "1", "text": ""}]});
    assert_eq!("Hi", of_template(json!({"body": emptied})), "an empty text is a text");
}

#[test]
fn a_template_is_rendered_in_both_formats() {
    let (text, parameters) = ("Hi {{1}}", json!([{"name": "1", "text": "Bob"}]));
    for template in [
        json!({"text": text, "parameters": parameters}),
        json!({"body": {"text": text}, "parameters": parameters}),
        json!({"body": {"parameters": parameters}, "text": text}),
        json!({"body": {"text": " ", "parameters": []}, "text": text, "parameters": parameters}),
    ] {
        assert_eq!("Hi Bob", of_template(template.clone()), "{template}");
    }
}

#[test]
fn the_image_of_a_template_is_rendered_above_its_text() {
    let header = json!({"type": "Media", "media": {"url": "https://e.com/m.png", "filename": "m.png"}});
    assert_eq!("m.png: https://e.com/m.png\nHi", of_template(json!({"header": header, "body": {"text": "Hi"}})));
}

#[test]
fn placeholders_in_parameters_are_not_replaced() {
    let parameters = json!([{"name": "a", "text": "{{b}}"}, {"name": "b", "text": "x"}]);
    assert_eq!("{{b}} x", of_template(json!({"body": {"text": "{{a}} {{b}}", "parameters": parameters}})));
}

#[test]
fn a_text_that_a_part_contains_is_rendered_once() {
    let template = json!({"header": {"text": "H"}, "body": {"text": "Hi {{1}}", "parameters": [{"text": "Bob"}]}});
    for text in ["Hi Bob", "Hi {{1}}"] {
        let content = json!([{"contentType": "Notification", "template": template}]);
        assert_eq!(Some("H\nHi Bob"), fallback_text(json!({"text": text, "content": content})).as_deref());
    }
    for part in [
        json!({"contentType": "Card", "card": {"title": "Hi", "description": "Hi"}}),
        json!({"contentType": "QuickReplyV2", "quickReplyV2": {"title": "Hi"}}),
        json!({"contentType": "Text", "text": {"type": "Text", "body": "Hi"}}),
    ] {
        assert_eq!(Some("Hi"), fallback_text(json!({"text": "Hi", "content": [part]})).as_deref());
    }
}

#[test]
fn files_are_listed_with_their_names_and_their_texts() {
    let file = |members: Value| json!({"contentType": "Attachment", "attachment": members});
    let content = json!([
        file(json!({"url": "https://e.com/1", "filename": "a.pdf"})),
        file(json!({"url": "https://e.com/2", "text": "The map"})),
        file(json!({"filename": "c.pdf"})),
    ]);
    let text = fallback_text(json!({"text": "Here.", "content": content}));
    assert_eq!(Some("Here.\n\na.pdf: https://e.com/1\nThe map\nhttps://e.com/2\nc.pdf"), text.as_deref());
}

#[test]
fn unknown_content_is_rendered_as_its_texts_for_people() {
    for (part, expected) in [
        (json!({"contentType": "Text", "text": {"type": "Text", "body": "Please choose"}}), "Please choose"),
        (
            json!({"contentType": "Location", "location": {"url": "https://e.com/m", "address": "Main Street 1"}}),
            "Main Street 1\nhttps://e.com/m",
        ),
        (
            json!({"contentType": "ListPicker", "listPicker": {"id": "x", "sections": [
                {"title": "Rooms", "items": [{"id": "1", "title": "Garden", "subtitle": "120"}, {"title": "Harbour"}]}]}}),
            "Rooms\nGarden\n120\nHarbour",
        ),
        (
            json!({"contentType": "ButtonResponse", "buttonResponse": {"text": "Yes", "payload": {"text": "hidden"}}}),
            "Yes",
        ),
        (json!({"contentType": "Card", "card": ["not a card"]}), ""),
        (json!("a bare text"), "a bare text"),
        (json!(5), ""),
    ] {
        assert_eq!(expected, of_parts(json!([part])), "{part}");
    }
}

#[test]
fn a_message_of_an_unknown_type_is_rendered_and_an_event_is_not() {
    assert_eq!(Some("Hi"), fallback_text(json!({"type": "Fax", "text": "Hi"})).as_deref());
    assert_eq!(None, fallback_text(json!({"type": "Event", "events": [{"eventType": "Presence"}]})));
    assert_eq!(None, fallback_text(json!({"type": "Receipt", "text": "Hi"})));
    assert_eq!(None, fallback_text(json!({"type": "Text", "text": " "})));
}

#[test]
fn a_text_that_is_too_long_is_truncated_and_ends_with_an_ellipsis() {
    let parameters = json!([{"name": "1", "text": "é".repeat(100_000)}]);
    let body = json!({"text": "{{1}}".repeat(100_000), "parameters": parameters});
    let part = json!({"contentType": "Notification", "template": {"body": body}});
    let braces = json!([{"contentType": "Notification", "template": {"body": {"text": "{".repeat(400_000)}}}]);
    for text in [of_parts(json!([part, part])), of_parts(braces), of_parts(json!(["x ".repeat(400_000)]))] {
        let kept = text.strip_suffix('…').unwrap();
        assert!(text.len() <= MAX_BYTES && text.len() > MAX_BYTES - 8 && kept.trim_end() == kept, "{}", text.len());
    }
    let fits = "é".repeat(MAX_BYTES / 2);
    assert_eq!(fits, of_parts(json!([fits])));
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[ a-c{}1\n\r\t]{0,12}", any::<String>()]
}

fn any_part() -> impl Strategy<Value = Value> {
    let field = prop_oneof![Just("card"), Just("template"), Just("quickReply"), Just("datePicker"), Just("story")];
    let texts = proptest::collection::vec(any_text(), 6);
    (field, texts).prop_map(|(field, texts)| {
        let [a, b, c, d, e, f] = texts.try_into().unwrap();
        let content_type = if field == "template" { "Notification".to_owned() } else { field.to_owned() };
        let inner = json!({
            "title": a, "text": b, "description": c, "image": d, "dateMinimum": e, "header": {"text": f},
            "body": {"text": b, "parameters": [{"name": c, "text": d}]}, "url": d,
            "actions": [{"text": e, "url": f}, {"type": "Postback", "text": a}], "availableTimes": [{"dateTime": b}],
        });
        json!({"contentType": content_type, field: inner})
    })
}

proptest! {
    #[test]
    fn the_text_is_tidy_limited_and_deterministic(text in any_text(), parts in proptest::collection::vec(any_part(), 0..4)) {
        let webhook = json!({"text": text, "content": parts});
        let written = fallback_text(webhook.clone());
        prop_assert_eq!(&written, &fallback_text(webhook.clone()));
        if let Some(written) = written {
            prop_assert!(!written.is_empty() && written.trim() == written && !written.contains('\r'), "{:?}", written);
            prop_assert!(written.lines().all(|line| line.trim_end() == line), "{:?}", written);
            prop_assert!(written.len() <= 4 * webhook.to_string().len() + 64, "{:?}", written);
        }
    }
}

#[test]
fn a_link_without_a_url_gets_no_number() {
    let actions =
        json!([{"type": "Link", "text": "See", "url": null}, {"type": "Postback", "text": "Book", "payload": "b"}]);
    let text = of_parts(json!([{"contentType": "Card", "card": {"title": "T", "actions": actions}}]));
    assert_eq!("T\nSee\n1. Book", text);
}
