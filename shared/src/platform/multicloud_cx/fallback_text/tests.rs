use crate::platform::multicloud_cx::tests::{message, with_channel};
use serde_json::{Value, json};

#[test]
fn a_message_is_rendered_as_plain_text_with_its_parts() {
    let rendered = |body: Value| message(&with_channel(body)).fallback_text.map(String::from).unwrap_or_default();
    let parts = |content: Value| rendered(json!({"type": "RichMedia", "content": content}));
    let picture = json!({"type": "image", "url": "https://e.com/p", "filename": "p.png", "text": "The parcel"});
    for (text, expected) in [
        (rendered(json!({"type": "Text", "text": "Hi"})), "Hi"),
        (
            rendered(json!({"type": "RichMedia", "text": "Hi", "content": picture})),
            "Hi\n\nThe parcel\np.png: https://e.com/p",
        ),
        (parts(json!([{"type": "html", "text": "<p>a<br>b"}])), "a\nb"),
        (parts(json!([{"type": "Text", "text": "plain"}, {"type": "html", "text": "<p>html"}])), "plain"),
        (parts(json!([{"type": "new", "title": "T", "payload": "hidden"}, null, "bare"])), "T\n\nbare"),
        (rendered(json!({"type": "Reaction", "content": {"emoji": "👍"}})), "👍"),
        (rendered(json!({"type": "Receipt", "text": "Hi", "status": "Failed"})), ""),
    ] {
        assert_eq!(expected, text);
    }
}

#[test]
fn an_email_is_rendered_as_its_subject_its_text_and_its_files() {
    let rendered = |content: Value| {
        let email = json!({"type": "Email", "subject": "Your order", "content": content});
        message(&with_channel(email)).fallback_text.unwrap().as_str().to_owned()
    };
    let (text, html) =
        (json!({"type": "text", "text": "Shipped."}), json!({"type": "html", "text": "<b>Shipped</b> today."}));
    let file = json!({"type": "file", "url": "https://e.com/i", "filename": "i.pdf"});
    assert_eq!("Your order\n\nShipped.\n\ni.pdf: https://e.com/i", rendered(json!([html, text, file])));
    assert_eq!("Your order\n\nShipped today.", rendered(json!([html])));
}

#[test]
fn html_is_rendered_if_the_text_is_blank() {
    let rendered = |body: Value| message(&with_channel(body)).fallback_text.unwrap().as_str().to_owned();
    let html = json!({"type": "html", "text": "<p>Hi</p>"});
    for blank in ["", " ", "\n"] {
        let parts = json!([{"type": "text", "text": blank}, html]);
        assert_eq!("Hi", rendered(json!({"type": "RichMedia", "content": parts})));
        assert_eq!("Hi", rendered(json!({"type": "RichMedia", "text": blank, "content": html})));
        assert_eq!("S\n\nHi", rendered(json!({"type": "Email", "subject": "S", "content": parts})));
    }
    assert_eq!("Hello", rendered(json!({"type": "RichMedia", "text": "Hello", "content": html})));
}

#[test]
fn a_part_of_an_email_that_has_no_type_is_rendered_once_and_never_as_html() {
    let rendered = |content: Value| {
        message(&with_channel(json!({"type": "Email", "subject": "S", "content": content})))
            .fallback_text
            .unwrap()
            .as_str()
            .to_owned()
    };
    for none in [Value::Null, json!(""), json!(5)] {
        let untyped = |text: &str| json!({"type": none, "text": text});
        assert_eq!("S\n\nHello", rendered(json!([untyped("Hello")])));
        assert_eq!("S\n\nHi", rendered(json!([{"type": "text", "text": "Hi"}, untyped("<p>Hi</p>")])));
        assert_eq!("S\n\nHi\n\nP.S.", rendered(json!([untyped("Hi"), untyped("<p>Hi</p>"), untyped("P.S.")])));
    }
    let file = json!({"text": "The invoice", "url": "https://e.com/i", "filename": "i.pdf"});
    let text = json!({"type": "text", "text": "Hi"});
    let html = json!({"type": "html", "text": "<p>Hi</p>"});
    assert_eq!("S\n\nHi\n\nThe invoice\ni.pdf: https://e.com/i", rendered(json!([text, html, file])));
}

#[test]
fn a_file_is_rendered_even_if_members_are_missing() {
    let rendered = |part: Value| {
        message(&with_channel(json!({"type": "RichMedia", "text": "Hi", "content": part})))
            .fallback_text
            .unwrap()
            .as_str()
            .to_owned()
    };
    for none in [Value::Null, json!(""), json!(" "), json!(5)] {
        assert_eq!("Hi\n\np.png", rendered(json!({"type": "image", "url": none, "filename": "p.png"})));
        assert_eq!(
            "Hi\n\nhttps://e.com/p",
            rendered(json!({"type": "image", "url": "https://e.com/p", "filename": none}))
        );
    }
    let page = json!({"type": "html", "url": "https://e.com/p", "filename": "page.html"});
    assert_eq!("Hi\n\npage.html: https://e.com/p", rendered(page));
}

#[test]
fn files_stay_in_one_section_even_if_a_part_between_them_is_skipped() {
    let file = |name: &str| json!({"type": "image", "url": format!("https://e.com/{name}")});
    let content = json!([file("a"), {"type": "html", "text": "<p>Hi</p>"}, file("b")]);
    let body = json!({"type": "RichMedia", "text": "Hi", "content": content});
    let text = message(&with_channel(body)).fallback_text.unwrap().as_str().to_owned();
    assert_eq!("Hi\n\nhttps://e.com/a\nhttps://e.com/b", text);
}
