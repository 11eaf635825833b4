use super::*;
use serde_json::json;

fn read(value: Value) -> ContentItem {
    ContentItem::from(value)
}

#[test]
fn every_content_type_of_the_channel_is_typed_and_written_back_unchanged() {
    for value in [
        json!({"contentType": "Attachment", "attachment": {"mediaType": "Image", "url": "https://e.com/a.png", "contentSizeBytes": 5, "new": 1}}),
        json!({"contentType": "Notification", "template": {"id": "t", "header": {"text": "h"}, "body": {"text": "b", "parameters": [{"name": "n", "text": "x"}]}, "buttons": [{"type": "Url", "index": 0}], "footer": {"text": "f"}}}),
        json!({"contentType": "QuickReply", "quickReply": {"text": "Yes", "payload": "yes", "action": "Message"}}),
        json!({"contentType": "QuickReplyV2", "quickReplyV2": {"title": "t", "actions": [{"text": "a", "payload": "b"}]}}),
        json!({"contentType": "Card", "card": {"title": "t", "defaultAction": {"type": "Link", "url": "https://e.com"}, "actions": [{"type": "Postback", "text": "a", "payload": "p", "more": []}]}}),
        json!({"contentType": "Carousel", "carousel": {"cards": [{"title": "1"}, {"title": "2"}]}, "extra": true}),
        json!({"contentType": "Text", "text": {"type": "Text", "body": "b"}}),
        json!({"contentType": "DatePicker", "datePicker": {"title": "t", "availableTimes": [{"duration": 1800, "dateTime": "2026-01-01T10:00:00Z"}], "location": {"latitude": 1.5}}}),
    ] {
        let item = read(value.clone());
        assert!(!matches!(item.content, Content::Other(_)), "{value}");
        assert_eq!(value, item.clone().into_value());
    }
}

#[test]
fn unknown_content_and_content_of_an_unexpected_type_are_kept_unchanged() {
    for value in [
        json!({"contentType": "ListPicker", "listPicker": {"sections": []}}),
        json!({"contentType": "NewInTheNextRelease", "x": [1, 2.5, null]}),
        json!({"contentType": "Card", "card": [{"title": "t"}]}),
        json!({"contentType": "Text", "text": "not even an object"}),
        json!({"contentType": "Card"}),
        json!({"noType": true}),
        json!("not even an object"),
    ] {
        let item = read(value.clone());
        assert_eq!(Content::Other(value.clone()), item.content);
        assert_eq!(value, item.clone().into_value());
    }
}

#[test]
fn both_formats_of_a_template_are_read_alike() {
    let parameters = json!([{"name": "order number", "text": "12345"}]);
    let flat = read(json!({"contentType": "Notification", "template": {"text": "t", "parameters": parameters}}));
    let body =
        read(json!({"contentType": "Notification", "template": {"body": {"text": "t", "parameters": parameters}}}));
    assert_eq!(body, flat);
    assert_eq!(body.clone().into_value(), flat.clone().into_value());
}

#[test]
fn a_template_in_both_formats_keeps_both() {
    let (flat, own) = (json!([{"name": "1", "text": "flat"}]), json!([{"name": "1", "text": "b"}]));
    let template = json!({"text": "flat", "parameters": flat, "body": {"text": "b", "parameters": own}});
    let value = json!({"contentType": "Notification", "template": template});
    assert_eq!((value.clone(), Some("b")), (read(value.clone()).clone().into_value(), read(value).text()));
}

#[test]
fn a_flat_member_of_a_template_is_moved_into_an_empty_body() {
    let (text, parameters) = (json!("Hi {{1}}"), json!([{"name": "1", "text": "Bob"}]));
    let expected =
        json!({"contentType": "Notification", "template": {"body": {"text": text, "parameters": parameters}}});
    for template in [
        json!({"body": "", "text": text, "parameters": parameters}),
        json!({"body": {"text": ""}, "text": text, "parameters": parameters}),
        json!({"body": {"text": " ", "parameters": []}, "text": text, "parameters": parameters}),
        json!({"body": {"text": null, "parameters": [null]}, "text": text, "parameters": parameters}),
        json!({"body": {"text": text}, "parameters": parameters}),
        json!({"body": {"parameters": parameters}, "text": text}),
    ] {
        let item = read(json!({"contentType": "Notification", "template": template}));
        assert_eq!((expected.clone(), Some("Hi {{1}}")), (item.clone().into_value(), item.text()), "{template}");
    }
    // One of another type is unchanged.
    let odd = json!({"contentType": "Notification", "template": {"body": {"text": 5}, "text": "Hi Bob"}});
    assert_eq!((odd.clone(), Some("Hi Bob")), (read(odd.clone()).clone().into_value(), read(odd).text()));
}

#[test]
fn a_field_of_an_unexpected_type_is_kept_and_the_others_are_typed() {
    let value = json!({"contentType": "Card", "card": {
        "title": 5, "description": "d", "image": null, "defaultAction": "none",
        "actions": [{"text": "a", "payload": ["p"]}],
    }});
    let item = read(value.clone());
    assert_eq!(value, item.clone().into_value());
    let Content::Card(card) = item.content else { panic!() };
    assert_eq!((None, Some("d"), None), (card.title, card.description.as_deref(), card.image));
    assert_eq!(Some("a"), card.actions.unwrap()[0].text.as_deref());
    assert_eq!((json!(5), json!("none")), (card.extra["title"].clone(), card.extra["defaultAction"].clone()));
}

#[test]
fn a_file_is_recognised_whatever_the_type_of_its_size() {
    for size in [json!("10240"), json!(10240.0), json!(null), json!({"bytes": 10240}), json!(-1)] {
        let value = json!({"contentType": "Attachment", "attachment": {"url": "https://e.com/a.pdf", "contentSizeBytes": size}});
        let item = read(value.clone());
        assert_eq!(value, item.clone().into_value());
        let Content::Attachment(file) = item.content else { panic!("{value}") };
        assert_eq!((Some("https://e.com/a.pdf"), None), (file.url.as_deref(), file.content_size_bytes));
    }
}

#[test]
fn an_element_of_an_unexpected_type_is_kept_at_its_index() {
    for cards in [
        json!([null, {"title": "1"}, "x", {"title": "2"}, 5]),
        json!([{"title": "1"}, {"title": "2"}, []]),
        json!([[], 1]),
    ] {
        let value = json!({"contentType": "Carousel", "carousel": {"cards": cards}});
        let item = read(value.clone());
        assert_eq!(value, item.clone().into_value());
        let Content::Carousel(carousel) = item.content else { panic!("{value}") };
        let titles: Vec<_> = carousel.cards.iter().flatten().filter_map(|card| card.title.as_deref()).collect();
        assert_eq!(if cards[1] == 1 { vec![] } else { vec!["1", "2"] }, titles, "{cards}");
    }
}

#[test]
fn the_text_of_a_template_survives_an_unexpected_parameter_in_both_formats() {
    let (text, parameters) = (json!("Hi Bob"), json!([{"name": 1, "text": "Bob"}, "odd"]));
    let documented = json!({"contentType": "Notification", "template": {"header": {"text": "H"}, "body": {"text": text, "parameters": parameters}}});
    for template in [
        json!({"header": {"text": "H"}, "text": text, "parameters": parameters}),
        json!({"header": {"text": "H"}, "body": null, "text": text, "parameters": parameters}),
        documented["template"].clone(),
    ] {
        let item = read(json!({"contentType": "Notification", "template": template}));
        assert_eq!((documented.clone(), Some("Hi Bob")), (item.clone().into_value(), item.text()), "{template}");
    }
    let odd = json!({"contentType": "Notification", "template": {"body": ["odd"], "text": "Hi Bob"}});
    let item = read(odd.clone());
    assert_eq!((odd, Some("Hi Bob")), (item.clone().into_value(), item.text()));
}

#[test]
fn without_a_content_type_the_name_of_the_field_determines_it() {
    for (field, word) in [
        ("attachment", "Attachment"),
        ("template", "Notification"),
        ("quickReply", "QuickReply"),
        ("quickReplyV2", "QuickReplyV2"),
        ("card", "Card"),
        ("carousel", "Carousel"),
        ("datePicker", "DatePicker"),
        ("text", "Text"),
    ] {
        let typed = read(json!({"contentType": word, field: {"extra": 1}}));
        assert!(!matches!(typed.content, Content::Other(_)), "{word}");
        assert_eq!(typed, read(json!({field: {"extra": 1}})));
        for odd in [json!(null), json!(""), json!(5), json!([word])] {
            assert_eq!(typed, read(json!({"contentType": odd, field: {"extra": 1}})), "{odd}");
        }
        let unknown = json!({"contentType": "NewInTheNextRelease", field: {"extra": 1}});
        let item = read(unknown.clone());
        assert_eq!((&typed.content, unknown), (&item.content, item.clone().into_value()));
    }
}
