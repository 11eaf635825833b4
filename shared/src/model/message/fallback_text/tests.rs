use super::*;
use crate::model::message::{CallLog, Content, Other, Receipt, Typing};
use serde_json::json;

fn files(names: &[(&str, &str)]) -> Vec<Attachment> {
    let named = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
    let file =
        |(name, url): &(&str, &str)| Attachment { filename: named(name), url: named(url), ..Attachment::default() };
    names.iter().map(file).collect()
}

fn text(kind: MessageKind) -> String {
    kind.fallback_text().map(String::from).unwrap_or_default()
}

#[test]
fn a_text_message_is_rendered_as_its_text_and_its_files() {
    let attachments = files(&[("a.pdf", "https://e.com/a"), ("", "https://e.com/b"), ("c.pdf", ""), ("", "")]);
    let content = Content { text: Some("Here. \n".to_owned()), attachments: attachments.clone(), ..Content::default() };
    assert_eq!("Here.\n\na.pdf: https://e.com/a\nhttps://e.com/b\nc.pdf", text(MessageKind::Text(content)));
    let without_text = Content { text: Some(" ".to_owned()), attachments, ..Content::default() };
    assert_eq!("a.pdf: https://e.com/a\nhttps://e.com/b\nc.pdf", text(MessageKind::Text(without_text)));
}

#[test]
fn an_email_is_rendered_as_its_subject_its_text_and_its_files() {
    let email = Email {
        subject: Some("Your order".to_owned()),
        text: Some("Shipped.".to_owned()),
        html: Some("<p>Shipped today.</p>".to_owned()),
        attachments: files(&[("i.pdf", "https://e.com/i")]),
        ..Email::default()
    };
    let of = |email: &Email| text(MessageKind::Email(Box::new(email.clone())));
    assert_eq!("Your order\n\nShipped.\n\ni.pdf: https://e.com/i", of(&email));
    for blank in [None, Some(" \n".to_owned())] {
        assert_eq!(
            "Your order\n\nShipped today.\n\ni.pdf: https://e.com/i",
            of(&Email { text: blank, ..email.clone() })
        );
    }
    assert_eq!("Shipped.", of(&Email { subject: Some("Shipped.".to_owned()), attachments: Vec::new(), ..email }));
}

#[test]
fn a_call_and_a_voicemail_are_rendered_as_a_sentence_and_their_recordings() {
    let call = CallLog { status: Some("completed".to_owned()), duration_seconds: Some(42), ..CallLog::default() };
    assert_eq!("Phone call of 42 seconds: completed.", text(MessageKind::Call(call)));
    assert_eq!("Phone call.", text(MessageKind::Call(CallLog::default())));
    let voicemail = CallLog {
        text: Some("Please call back.".to_owned()),
        status: Some("voicemail".to_owned()),
        duration_seconds: Some(1),
        recording_url: Some("https://e.com/r.mp3".to_owned()),
        attachments: files(&[("", "https://e.com/r.mp3")]),
    };
    assert_eq!(
        "Voicemail of 1 second.\nPlease call back.\nhttps://e.com/r.mp3",
        text(MessageKind::Voicemail(voicemail))
    );
}

#[test]
fn a_message_of_an_unknown_type_is_rendered_as_its_text_and_its_files() {
    let attachments = files(&[("", "https://e.com/a")]);
    let other = Other { text: Some("Coo".to_owned()), attachments, ..Other::default() };
    assert_eq!("Coo\n\nhttps://e.com/a", text(MessageKind::Other(other)));
}

#[test]
fn a_message_that_was_not_delivered_says_so_first() {
    let failed = |status: &str, text: Option<&str>| Content {
        text: text.map(str::to_owned),
        status: Some(status.to_owned()),
        attachments: files(&[("", "https://e.com/a")]),
        ..Content::default()
    };
    for (status, expected) in [
        ("failed", "Not delivered: failed.\n\nHi\n\nhttps://e.com/a"),
        ("Undelivered", "Not delivered: undelivered.\n\nHi\n\nhttps://e.com/a"),
        ("sent", "Hi\n\nhttps://e.com/a"),
        ("failed soon", "Hi\n\nhttps://e.com/a"),
    ] {
        assert_eq!(expected, text(MessageKind::Text(failed(status, Some("Hi")))));
    }
    let without_text = text(MessageKind::Text(failed("failed", None)));
    assert_eq!("Not delivered: failed.\n\nhttps://e.com/a", without_text);
    let email = Email { subject: Some("Order".to_owned()), status: Some("failed".to_owned()), ..Email::default() };
    assert_eq!("Not delivered: failed.\n\nOrder", text(MessageKind::Email(Box::new(email))));
    let long = text(MessageKind::Text(failed("failed", Some(&"x".repeat(MAX_BYTES)))));
    assert!(long.starts_with("Not delivered: failed.\n\nx") && long.len() <= MAX_BYTES);
}

#[test]
fn messages_without_content_for_a_customer_have_no_text() {
    for kind in [
        MessageKind::Text(Content::default()),
        MessageKind::Email(Box::default()),
        MessageKind::Receipt(Receipt { status: None, reasons: Vec::new(), is_final_receipt: None }),
        MessageKind::Typing(Typing { duration_milliseconds: 1 }),
        MessageKind::Other(Other { platform_type: "Fax".to_owned(), ..Other::default() }),
    ] {
        assert_eq!(None, kind.fallback_text(), "{}", kind.name());
    }
}

#[test]
fn a_value_of_unknown_structure_is_rendered_as_its_texts_in_reading_order_without_its_data() {
    let value = json!({
        "url": "https://e.com", "title": "Title", "id": "hidden", "description": "Words", "count": 5,
        "payload": {"text": "hidden"}, "metadata": {"text": "hidden"}, "items": [{"text": "one"}, {"text": "one"}, ["hidden"]],
    });
    let mut written = Writer::new(None);
    written.value(&value);
    assert_eq!(Some("Title\nWords\nhttps://e.com\none".to_owned()), written.finish().map(String::from));
}

#[test]
fn in_a_value_of_unknown_structure_a_header_object_comes_before_the_body() {
    let value = json!({"body": {"text": "Shipped"}, "header": {"text": "Order"}, "footer": {"text": "Bye"}});
    let mut written = Writer::new(None);
    written.value(&value);
    assert_eq!(Some("Order\nShipped\nBye".to_owned()), written.finish().map(String::from));
}

#[test]
fn attributes_of_a_value_of_unknown_structure_are_not_sent_to_the_customer() {
    let value = json!({"title": "T", "name": "internal", "customAttributes": {"name": "crm-4711", "text": "VIP"}});
    let mut written = Writer::new(None);
    written.value(&value);
    assert_eq!(Some("T".to_owned()), written.finish().map(String::from));
}

/// A message's own text and its parts.
fn written(own_text: &str, write: impl FnOnce(&mut Writer)) -> FallbackText {
    let mut written = Writer::new(Some(own_text));
    write(&mut written);
    written.finish().unwrap()
}

/// What a channel sends.
fn lines(text: &FallbackText) -> Vec<String> {
    text.blocks().iter().flat_map(|block| &block.lines).map(Line::to_string).collect()
}

#[test]
fn what_channels_send_is_truncated_as_the_text_is() {
    let family = "👨‍👩‍👧";
    let long = format!("{}{}", "x".repeat(MAX_BYTES - 4), family.repeat(40_000));
    let option = |written: &mut Writer| written.option("Yes", None);
    let text = written(&long, option);
    assert_eq!(vec![format!("{}…", "x".repeat(MAX_BYTES - 4))], lines(&text));
    assert_eq!(lines(&text).concat(), text.as_str());
    for (own_text, part) in [("", "y ".repeat(50_000)), ("own", "y".repeat(900_000)), (&long[..60_000], long.clone())] {
        let text = written(own_text, |written| {
            written.section(Section::Block);
            written.title(&part);
            option(written);
        });
        assert!(text.as_str().len() <= MAX_BYTES && text.as_str().len() > MAX_BYTES - 20);
        assert!(text.as_str().ends_with('…') && !text.as_str().ends_with(" …"));
        assert_eq!(lines(&text).join("\n\n"), text.as_str().to_owned());
    }
}

#[test]
fn a_link_file_or_option_beyond_the_limit_is_left_out_as_a_whole() {
    let filled = "x".repeat(MAX_BYTES - 20);
    let parts: [fn(&mut Writer); 3] = [
        |written| written.link("Terms", "https://e.com/terms/of/use"),
        |written| written.file(&files(&[("a.pdf", "https://e.com/a/long/path")])[0]),
        |written| written.option("A long label of an option", None),
    ];
    for part in parts {
        let text = written(&filled, |written| {
            written.section(Section::Options);
            part(written);
        });
        assert_eq!(vec![filled.clone(), "…".to_owned()], lines(&text));
        assert_eq!(format!("{filled}\n\n…"), text.as_str());
        let fits = written("x", part);
        assert!(!fits.as_str().contains('…'));
    }
}

#[test]
fn a_part_beyond_the_limit_does_not_suppress_the_messages_own_text() {
    let mut written = Writer::new(Some("Hi"));
    written.section(Section::Block);
    written.text(&"x".repeat(MAX_BYTES + 1));
    written.text("Hi");
    assert!(written.finish().is_some_and(|text| text.as_str().starts_with("Hi\n\nx")));
}
