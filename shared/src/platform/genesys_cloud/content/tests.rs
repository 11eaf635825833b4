use super::*;
use serde_json::json;

fn read(value: Value) -> ContentItem {
    serde_json::from_value(value).unwrap()
}

#[test]
fn every_content_type_of_the_channel_is_typed_and_written_back_unchanged() {
    for value in [
        json!({"contentType": "Attachment", "attachment": {"mediaType": "Image", "url": "https://e.com/a.png", "contentSizeBytes": 5, "new": 1}}),
        json!({"contentType": "Notification", "template": {"id": "t", "header": {"text": "h"}, "body": {"text": "b", "parameters": [{"name": "n", "text": "x"}]}, "buttons": [{"type": "Url", "index": 0}], "footer": {"text": "f"}}}),
        json!({"contentType": "QuickReply", "quickReply": {"text": "Yes", "payload": "yes", "action": "Message"}}),
        json!({"contentType": "QuickReplyV2", "quickReplyV2": {"title": "t", "actions": [{"text": "a", "payload": "b"}]}}),
        json!({"contentType": "Card", "card": {"title": "t", "defaultAction": {"type": "Link", "url": "https://e.com"}, "actions": [{"type": "Postback", "text": "a", "payload": "p", "more": []}]}}),
        json!({"contentType": "Carousel", "carousel": {"cards": [{"title": "1"}, {"title": "2"}]}, "beside": true}),
        json!({"contentType": "DatePicker", "datePicker": {"title": "t", "availableTimes": [{"duration": 1800, "dateTime": "2026-01-01T10:00:00Z"}], "location": {"latitude": 1.5}}}),
    ] {
        let item = read(value.clone());
        assert!(!matches!(item.content, Content::Other(_)), "{value}");
        assert_eq!(value, item.to_value());
    }
}

#[test]
fn other_channels_content_and_misfits_are_carried_untouched() {
    for value in [
        json!({"contentType": "ListPicker", "listPicker": {"sections": []}}),
        json!({"contentType": "NewInTheNextRelease", "x": [1, 2.5, null]}),
        json!({"contentType": "Card", "card": {"title": 5}}),
        json!({"contentType": "Card"}),
        json!({"noType": true}),
        json!("not even an object"),
    ] {
        let item = read(value.clone());
        assert_eq!(Content::Other(value.clone()), item.content);
        assert_eq!(value, item.to_value());
    }
}

#[test]
fn both_forms_of_a_template_read_as_one() {
    let parameters = json!([{"name": "order number", "text": "12345"}]);
    let flat = read(json!({"contentType": "Notification", "template": {"text": "t", "parameters": parameters}}));
    let body =
        read(json!({"contentType": "Notification", "template": {"body": {"text": "t", "parameters": parameters}}}));
    assert_eq!(body, flat);
    assert_eq!(body.to_value(), flat.to_value());
}

#[test]
fn a_template_with_both_forms_keeps_both() {
    let value =
        json!({"contentType": "Notification", "template": {"text": "flat", "parameters": [], "body": {"text": "b"}}});
    assert_eq!(value, read(value.clone()).to_value());
}
