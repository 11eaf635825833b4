use super::*;
use crate::digest::Digest;
use crate::json::fields;
use crate::json::fields::tests::blank_is_absent;
use jiff::SignedDuration;
use serde_json::json;
use std::collections::BTreeSet;

fn minimal() -> Value {
    json!({"messageId": "m", "from": {"id": "c"}, "text": "t"})
}

fn errors<T>(body: Value, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Vec<String> {
    fields::read(body, read).map_or_else(|errors| errors.iter().map(ToString::to_string).collect(), |_| Vec::new())
}

#[test]
fn a_message_has_an_id_a_customer_and_a_text_or_a_file() {
    let whole = json!({
        "messageId": "m-1", "from": {"id": "c", "idType": "phone", "nickname": "Ada"},
        "time": "2026-01-02T03:04:05Z", "text": "hi", "customAttributes": {"tier": "gold"},
        "attachment": {"url": "https://e.com/a.png", "mime": "image/PNG"}, "prefetchConversationId": true,
    });
    let message = fields::read(whole, InboundMessage::read).unwrap_or_else(|errors| panic!("{errors:?}"));
    let [attachment] = message.attachments.as_slice() else { panic!() };
    assert_eq!((MediaType::Image, "image/png"), (attachment.media_type, attachment.mime.as_str()));
    assert_eq!(IdType::Phone, message.meta.from.id_type);
    assert_eq!(
        vec![
            "/messageId is required",
            "/from is required",
            "/text is required, unless there is an attachment or an email",
        ],
        errors(json!({}), InboundMessage::read)
    );
}

#[test]
fn an_email_has_a_body_as_text_or_as_html() {
    let mail = |text: Option<&str>, email: Value| {
        let mut body = json!({"messageId": "m", "from": {"id": "c"}, "time": "2026-01-02T03:04:05Z", "email": email});
        if let Some(text) = text {
            body["text"] = text.into();
        }
        body
    };
    for good in [mail(None, json!({"html": "<p>hi</p>"})), mail(Some("hi"), json!({"subject": "s"}))] {
        assert!(errors(good, InboundMessage::read).is_empty());
    }
    assert_eq!(
        vec!["/text is required, unless there is HTML or an attachment"],
        errors(mail(None, json!({"subject": "s"})), InboundMessage::read)
    );
    assert_eq!(
        vec!["/email/cc must be a list of texts"],
        errors(mail(Some("hi"), json!({"subject": "", "cc": 5})), InboundMessage::read)
    );
    let whole = json!({
        "subject": "s", "html": "h", "from": "a@e.com", "to": "b@e.com", "cc": "c@e.com", "bcc": [null, "d@e.com", ""],
        "emailMessageId": "e",
    });
    let message = fields::read(mail(None, whole), InboundMessage::read).unwrap_or_else(|errors| panic!("{errors:?}"));
    let email = message.email.unwrap_or_default();
    assert_eq!((vec!["c@e.com".to_owned()], vec!["d@e.com".to_owned()]), (email.cc, email.bcc));
    assert_eq!(
        vec!["/email/cc must have at most 100 elements"],
        errors(mail(Some("hi"), json!({"cc": vec!["a@e.com"; 101]})), InboundMessage::read)
    );
    let fingerprint = |body| fields::read(body, InboundMessage::read).map(|message| message.fingerprint()).ok();
    let [one, other] = ["s", "t"].map(|subject| fingerprint(mail(Some("hi"), json!({"subject": subject}))));
    assert!(one.is_some() && one != other);
}

#[test]
fn a_call_has_two_numbers_and_a_status() {
    let of = |call: Value| errors(json!({"messageId": "m", "from": {"id": "c"}, "call": call}), InboundMessage::read);
    assert!(of(json!({"to": "1", "from": "2", "status": "NO-ANSWER"})).is_empty());
    let missing = of(json!({"status": "lost"}));
    assert_eq!(vec!["/call/to is required", "/call/from is required"], missing[..2]);
    assert!(missing[2].starts_with("/call/status must be `pending`"), "{missing:?}");
}

#[test]
fn an_email_without_a_subject_and_without_html_is_absent() {
    for blank in [json!({}), json!({"subject": null, "html": null}), json!({"subject": "", "html": " "})] {
        let mut body = minimal();
        body["email"] = blank;
        let message = fields::read(body.clone(), InboundMessage::read).unwrap_or_else(|errors| panic!("{errors:?}"));
        assert!(message.email.is_none(), "{body}");
        body["text"] = Value::Null;
        assert_eq!(
            vec!["/text is required, unless there is an attachment or an email"],
            errors(body, InboundMessage::read)
        );
    }
    let mut wrong = minimal();
    wrong["email"] = json!({"subject": 5});
    assert_eq!(vec!["/email/subject must be a string"], errors(wrong, InboundMessage::read));
}

#[test]
fn a_time_before_1970_or_more_than_a_day_ahead_is_an_error() {
    let of = |time: String| {
        errors(json!({"messageId": "m", "from": {"id": "c"}, "text": "t", "time": time}), InboundMessage::read)
    };
    let ahead = |hours| (Timestamp::now() + SignedDuration::from_hours(hours)).to_string();
    for good in ["1970-01-01T00:00:00Z".to_owned(), ahead(23)] {
        assert!(of(good.clone()).is_empty(), "{good}");
    }
    for wrong in
        ["-000001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-30T00:00:00Z", &ahead(25)]
    {
        assert_eq!(vec!["/time must be from 1970 to a day from now"], of(wrong.to_owned()), "{wrong}");
    }
}

#[test]
fn the_fingerprint_of_a_message_depends_on_its_channel() {
    let of = |change: Value| {
        let mut body = minimal();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        fields::read(body, InboundMessage::read).map(|message| message.fingerprint()).unwrap()
    };
    let (text, email) = (of(json!({})), of(json!({"email": {"subject": "s"}})));
    assert_eq!(text, of(json!({"channel": "SMS"})));
    assert_eq!(email, of(json!({"channel": "Email", "email": {"subject": "s"}})));
    let all = [text, email, of(json!({"channel": "Email"})), of(json!({"channel": "Custom"}))];
    assert_eq!(all.len(), all.iter().map(Digest::as_str).collect::<BTreeSet<_>>().len());
}

#[test]
fn custom_attributes_and_metadata_accept_strings_numbers_and_booleans() {
    for name in ["customAttributes", "metadata"] {
        let of = |attributes: Value| {
            let mut body = minimal();
            body[name] = attributes;
            fields::read(body, InboundMessage::read)
                .map(|message| if name == "metadata" { message.metadata } else { message.meta.custom_attributes })
                .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let exact = json!({"a": u64::MAX, "b": i64::MIN, "c": 9_007_199_254_740_991.0});
        let texts = [("a", "18446744073709551615"), ("b", "-9223372036854775808"), ("c", "9007199254740991")];
        let expected = texts.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        assert_eq!(Ok(expected), of(exact));
        let texts = [("a", "1"), ("b", "true"), ("c", "t"), ("e", "1.5")];
        let expected = texts.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        assert_eq!(Ok(expected), of(json!({"a": 1, "b": true, "c": "t", "d": null, "e": 1.5})));
        for (attributes, error) in [
            (json!({"a": {"b": "c"}}), "/a must be a string, a number, true or false"),
            (json!({"a": 89_490_200_001_234_567_890_f64}), "/a has too many digits for a number: write it as a string"),
            (json!({"a": 9_007_199_254_740_993_f64}), "/a has too many digits for a number: write it as a string"),
            (json!({"a": -1e300}), "/a has too many digits for a number: write it as a string"),
            (json!({"a": ["b"]}), "/a must be a string, a number, true or false"),
            (json!(["a"]), " must be an object whose values are strings, numbers or booleans"),
        ] {
            assert_eq!(Err(vec![format!("/{name}{error}")]), of(attributes));
        }
    }
}

#[test]
fn a_files_thumbnail_has_an_https_url_a_media_type_and_a_size_and_is_absent_if_it_has_nothing() {
    let of = |thumbnail: Value| {
        let file = json!({"url": "https://e.com/a", "mime": "image/png", "thumbnail": thumbnail});
        let body = json!({"messageId": "m", "from": {"id": "c"}, "attachments": [file]});
        fields::read(body, InboundMessage::read)
            .map(|mut message| serde_json::to_value(message.attachments.remove(0).thumbnail).unwrap())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let whole = json!({"url": "https://e.com/t", "mime": "image/png", "sha256": "s", "contentSizeBytes": 2048});
    assert_eq!(Ok(whole.clone()), of(whole));
    assert_eq!((Ok(Value::Null), Ok(Value::Null)), (of(json!({})), of(json!({"url": "", "mime": null}))));
    for (thumbnail, wrong) in [
        (json!({"url": "http://e.com/t"}), "url must be an https URL"),
        (json!({"mime": "png"}), "mime must be a media type, such as image/png"),
        (json!({"contentSizeBytes": -1}), "contentSizeBytes must be a whole number of bytes from 0 to 1000000000"),
        (json!({"width": 1}), "width is not a known field; known are url, mime, sha256, contentSizeBytes"),
    ] {
        assert_eq!(Err(vec![format!("/attachments/0/thumbnail/{wrong}")]), of(thumbnail));
    }
}

#[test]
fn files_have_an_https_url_and_a_media_type() {
    for (url, mime, wrong) in [
        ("http://e.com/a", "image/png", "/attachment/url must be an https URL"),
        ("data:image/png;base64,AA==", "image/png", "/attachment/url must be an https URL"),
        ("https://e.com/a", "png", "/attachment/mime must be a media type, such as image/png"),
        ("https://e.com/a", "image/p ng", "/attachment/mime must be a media type, such as image/png"),
    ] {
        let body = json!({
            "messageId": "m", "from": {"id": "c"}, "time": "2026-01-02T03:04:05Z",
            "attachment": {"url": url, "mime": mime},
        });
        assert_eq!(vec![wrong], errors(body, InboundMessage::read));
    }
}

#[test]
fn a_cards_post_back_is_a_button_and_its_im_back_a_quick_reply_in_any_case() {
    for (word, expected) in [
        ("postBack", ChoiceType::Button),
        ("BUTTON", ChoiceType::Button),
        ("imback", ChoiceType::QuickReply),
        ("QuickReply", ChoiceType::QuickReply),
        ("quickreply", ChoiceType::QuickReply),
        ("datePicker", ChoiceType::DatePicker),
    ] {
        assert_eq!(Ok(expected), one_of(CHOICE_TYPES)(word.into()));
    }
    let allowed = "must be `Button`, `postBack`, `QuickReply`, `imBack` or `DatePicker`".to_owned();
    assert_eq!(Err(allowed), one_of(CHOICE_TYPES)("button?".into()));
}

#[test]
fn the_text_and_the_payload_of_a_choice_default_to_each_other() {
    let of = |text: Value, payload: Value| {
        let body = json!({
            "messageId": "m", "from": {"id": "c"}, "originatingMessageId": "o", "type": "Button", "text": text,
            "payload": payload,
        });
        fields::read(body, InboundResponse::read)
            .map(|response| (response.choice.text, response.choice.payload))
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let both = |text: &str, payload: &str| Ok((text.to_owned(), payload.to_owned()));
    assert_eq!(both("Yes", "y"), of("Yes".into(), "y".into()));
    assert_eq!(both("Yes", "Yes"), of("Yes".into(), Value::Null));
    assert_eq!(both("y", "y"), of("".into(), "y".into()));
    assert_eq!(both("{\"a\":null}", "{\"a\":null}"), of(Value::Null, json!({"a": null})));
    assert_eq!(Err(vec!["/text is required, or a payload".to_owned()]), of(" ".into(), Value::Null));
    let too_long = of("x".repeat(2_049).into(), Value::Null).unwrap_err();
    assert!(too_long[0].starts_with("/text must have at most 2048 characters"), "{too_long:?}");
    assert_eq!(Err(vec!["/text must be a string".to_owned()]), of(5.into(), "y".into()));
}

#[test]
fn typing_is_the_only_event() {
    assert!(errors(json!({"eventType": "Typing", "from": {"id": "c"}}), InboundTyping::read).is_empty());
    assert_eq!(
        vec!["/eventType must be `Typing`"],
        errors(json!({"eventType": "CoBrowse", "from": {"id": "c"}}), InboundTyping::read)
    );
}

#[test]
fn a_message_has_one_attachment_or_a_list_of_up_to_ten() {
    let file = |number: usize| json!({"url": format!("https://e.com/{number}"), "mime": "image/png"});
    let files = |count: usize| (0..count).map(file).collect::<Vec<_>>();
    let of = |change: Value| {
        let mut body = minimal();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        fields::read(body, InboundMessage::read)
            .map(|message| message.attachments.len())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    for (change, expected) in [
        (json!({}), 0),
        (json!({"attachments": []}), 0),
        (json!({"attachments": [null]}), 0),
        (json!({"attachment": file(0)}), 1),
        (json!({"attachment": file(0), "attachments": []}), 1),
        (json!({"attachment": null, "attachments": [file(0), null, file(1)]}), 2),
        (json!({"attachments": files(10)}), 10),
    ] {
        assert_eq!(Ok(expected), of(change));
    }
    for (change, error) in [
        (json!({"attachments": files(11)}), "/attachments must have at most 10 elements"),
        (json!({"attachments": file(0)}), "/attachments must be a list of objects"),
        (json!({"attachments": [file(0), {"mime": "image/png"}]}), "/attachments/1/url is required"),
        (json!({"attachment": file(0), "attachments": [file(0)]}), "/attachments cannot be combined with `attachment`"),
    ] {
        assert_eq!(Err(vec![error.to_owned()]), of(change));
    }
    let without_text = json!({"messageId": "m", "from": {"id": "c"}, "text": "", "attachments": [null]});
    assert_eq!(
        vec!["/text is required, unless there is an attachment or an email"],
        errors(without_text, InboundMessage::read)
    );
}

#[test]
fn the_fingerprint_of_a_message_depends_on_its_files_and_their_order() {
    let fingerprint = |urls: &[&str]| {
        let files: Value = urls.iter().map(|url| json!({"url": url, "mime": "image/png"})).collect();
        let mut body = minimal();
        body["attachments"] = files;
        fields::read(body, InboundMessage::read).map(|message| message.fingerprint()).ok()
    };
    let (a, b) = ("https://e.com/a", "https://e.com/b");
    let all = [fingerprint(&[]), fingerprint(&[a]), fingerprint(&[b]), fingerprint(&[a, b]), fingerprint(&[b, a])];
    for (index, one) in all.iter().enumerate() {
        assert!(one.is_some() && !all[index + 1..].contains(one));
    }
    // The format that is stored in the ledger.
    assert_eq!(Some(Digest::of_parts(&["c", "t", a])), fingerprint(&[a]));
}

#[test]
fn the_time_defaults_to_now_and_is_read_in_several_notations() {
    let of = |time: Value| {
        let mut body = minimal();
        body["time"] = time;
        fields::read(body, InboundMessage::read).map(|message| message.meta.time)
    };
    let before = Timestamp::now();
    for absent in [Value::Null, "".into()] {
        let time = of(absent).unwrap();
        assert!(before <= time && time <= Timestamp::now());
    }
    let expected: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
    for time in [
        "2026-01-02T03:04:05.678Z",
        "2026-01-02T03:04:05.6780000Z",
        "2026-01-02T04:04:05.678+01:00",
        "2026-01-02T03:04:05.678+0000",
        "2026-01-02 03:04:05.678z",
    ] {
        assert_eq!(Ok(expected), of(time.into()), "{time}");
    }
    for wrong in ["yesterday", "2026-01-02T03:04:05"] {
        assert!(of(wrong.into()).is_err(), "{wrong}");
    }
}

#[test]
fn a_blank_member_of_a_customers_message_counts_as_absent() {
    let attachment = json!({
        "id": "f", "url": "https://e.com/a.png", "mime": "image/png", "mediaType": "file", "text": "t", "sha256": "s",
        "filename": "a.png",
        "thumbnail": {"url": "https://e.com/t.png", "mime": "image/png", "sha256": "s", "contentSizeBytes": 1},
    });
    let whole = json!({
        "messageId": "m",
        "from": {
            "id": "c", "idType": "email", "nickname": "n", "firstName": "f", "lastName": "l",
            "image": "https://e.com/i.png", "email": "e",
        },
        "time": "2026-01-02T03:04:05Z", "text": "t", "attachment": attachment,
        "email": {"subject": "s", "html": "h"}, "conversationId": "c", "channel": "sms",
        "metadata": {"a": "b"}, "customAttributes": {"a": "b"}, "prefetchConversationId": true,
    });
    let mut with_several = whole.clone();
    with_several.as_object_mut().unwrap().remove("attachment");
    with_several["attachments"] = json!([attachment, attachment]);
    for body in [whole, with_several] {
        blank_is_absent(&body, &["/metadata", "/customAttributes"], |body| {
            let mut message = fields::read(body, InboundMessage::read)?;
            message.meta.time = given(message.meta.time);
            Ok(message)
        });
    }
}

#[test]
fn a_blank_member_of_a_customers_choice_counts_as_absent() {
    let whole = json!({
        "messageId": "m", "from": {"id": "c", "nickname": "n"}, "time": "2026-01-02T03:04:05Z",
        "customAttributes": {"a": "b"}, "originatingMessageId": "o", "id": "i", "type": "button", "text": "t",
        "payload": {"free": "json"},
    });
    blank_is_absent(&whole, &["/payload", "/customAttributes"], |body| {
        let mut response = fields::read(body, InboundResponse::read)?;
        response.meta.time = given(response.meta.time);
        Ok(response)
    });
}

#[test]
fn a_blank_member_of_a_typing_event_counts_as_absent() {
    let whole = json!({"eventType": "typing", "from": {"id": "c", "nickname": "n"}, "time": "2026-01-02T03:04:05Z"});
    blank_is_absent(&whole, &[], |body| {
        let typing = fields::read(body, InboundTyping::read)?;
        Ok(InboundTyping { time: given(typing.time), ..typing })
    });
}

/// The time, unless it is the default of now, which differs between two reads.
fn given(time: Timestamp) -> Timestamp {
    if Timestamp::now().duration_since(time).as_hours() > 0 { time } else { Timestamp::UNIX_EPOCH }
}
