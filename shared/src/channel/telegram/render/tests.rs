use super::*;
use crate::digest::Digest;
use crate::model::inbound::ChoiceType;
use crate::model::message::{Answer, Attachment};
use crate::model::receipt::Recipient;
use serde_json::{Value, json};

const KEY: &str = "q83vEjRWeJCrze8SNFZ4kA";

fn rendered_for(address: &str, blocks: &[Block]) -> Result<Vec<Part>, Unsupported> {
    let digest = Digest::parse(&"abcdef1234567890".repeat(4)).unwrap();
    let to = Recipient { id: "platform-id".to_owned(), id_type: None };
    let message = ChannelMessage {
        digest: &digest,
        message_id: "m",
        to: &to,
        address,
        blocks,
        template: None,
        replay: None,
        expects_receipt: true,
    };
    render(&message)
}

/// Each part as it is sent, with its file's URL as the file.
fn rendered(blocks: &[Block]) -> Vec<Value> {
    let shown = |part: &Part| {
        let mut parameters = match &part.content {
            Content::Text(passage) => part.with_text(&passage.text, &passage.entities),
            Content::File { file, caption } => {
                let mut parameters = part.with_caption(caption.as_ref());
                parameters.insert(file.medium.parameter().to_owned(), file.url.as_str().into());
                parameters
            }
        };
        assert_eq!(Some(json!(5_550_010)), parameters.remove("chat_id"));
        let previews = parameters.remove("link_preview_options");
        assert_eq!(parameters.contains_key("text").then(|| json!({"is_disabled": true})), previews);
        Value::Object(parameters)
    };
    rendered_for("5550010", blocks).unwrap().iter().map(shown).collect()
}

fn block(section: Section, lines: Vec<Line>) -> Block {
    Block { section, lines }
}

fn text(text: &str) -> Line {
    Line::Text(text.to_owned())
}

fn link(label: &str, target: &str) -> Line {
    Line::Link { label: label.to_owned(), target: target.to_owned() }
}

fn option(number: usize, label: &str) -> Line {
    Line::Option { number, label: label.to_owned(), answer: Some(Answer::new(ChoiceType::Button, "payload")) }
}

fn file(name: &str) -> Line {
    let url = Some(format!("https://e.com/{name}"));
    Line::File(Attachment { media_type: None, url, filename: None, mime: None })
}

fn keyboard(rows: Value) -> Value {
    json!({ "inline_keyboard": rows })
}

fn button(label: &str, number: usize) -> Value {
    json!({"text": label, "callback_data": format!("{KEY}:{number}")})
}

#[test]
fn a_text_is_sent_as_it_is_without_a_preview_and_a_long_one_in_parts() {
    assert_eq!(vec![json!({"text": "*Hi* <b>"})], rendered(&[block(Section::Block, vec![text("*Hi* <b>")])]));
    let parts = rendered(&[block(Section::Block, vec![text(&"👋".repeat(5_000))])]);
    assert_eq!(vec![json!({"text": "👋".repeat(4_096)}), json!({"text": "👋".repeat(904)})], parts);
}

#[test]
fn options_are_buttons_below_the_last_part_of_the_text_before_them() {
    let options = block(Section::Options, vec![option(1, "Yes"), option(2, "No")]);
    let long = block(Section::Block, vec![text(&"x".repeat(4_097))]);
    let markup = keyboard(json!([[button("Yes", 1), button("No", 2)]]));
    let expected = vec![json!({"text": "x".repeat(4_096)}), json!({"text": "x", "reply_markup": markup})];
    assert_eq!(expected, rendered(&[long, options]));
}

#[test]
fn options_without_a_text_or_below_a_text_with_buttons_are_below_their_labels() {
    let options = |first| block(Section::Options, vec![option(first, "Yes"), option(first + 1, "No")]);
    let labels = |first| {
        let markup = keyboard(json!([[button("Yes", first), button("No", first + 1)]]));
        json!({"text": "Yes / No", "reply_markup": markup})
    };
    assert_eq!(vec![labels(1)], rendered(&[options(1)]));
    let card = block(Section::Block, vec![Line::Title("Card".to_owned()), option(1, "Order")]);
    assert_eq!(Some(&labels(2)), rendered(&[card, options(2)]).get(1));
    let picture = block(Section::Files, vec![file("a.png")]);
    assert_eq!(vec![json!({"photo": "https://e.com/a.png"}), labels(1)], rendered(&[picture, options(1)]));
}

#[test]
fn what_is_pressed_fits_into_a_button_however_many_options_there_are() {
    assert!(format!("{KEY}:{}", usize::MAX).len() <= 64);
}

#[test]
fn a_card_is_a_photo_with_its_text_below_and_buttons_for_its_actions() {
    let card = block(
        Section::Block,
        vec![
            Line::Title("👋 Card".to_owned()),
            text("From 120 euros."),
            file("g.png"),
            link("See it", "https://e.com/g"),
            link("Call", "+4930123"),
            option(1, "Order"),
        ],
    );
    let expected = json!({
        "photo": "https://e.com/g.png",
        "caption": "👋 Card\nFrom 120 euros.\nCall: +4930123",
        "caption_entities": [{"type": "bold", "offset": 0, "length": 7}],
        "reply_markup": keyboard(json!([[{"text": "See it", "url": "https://e.com/g"}, button("Order", 1)]])),
    });
    assert_eq!(vec![expected], rendered(&[card]));
}

#[test]
fn a_cards_text_that_is_too_long_for_a_caption_follows_the_photo_with_the_buttons() {
    let words = "x".repeat(1_025);
    let card = block(Section::Block, vec![text(&words), file("g.png"), option(1, "Order")]);
    let markup = keyboard(json!([[button("Order", 1)]]));
    let expected = vec![json!({"photo": "https://e.com/g.png"}), json!({"text": words, "reply_markup": markup})];
    assert_eq!(expected, rendered(&[card]));
}

#[test]
fn the_cards_of_a_carousel_are_messages_of_their_own() {
    let card = |number, title: &str| {
        block(Section::Block, vec![Line::Title(title.to_owned()), file("g.png"), option(number, "Order")])
    };
    let captions = rendered(&[card(1, "A"), card(2, "B")]).into_iter().map(|part| part["caption"].clone());
    assert_eq!(vec![json!("A"), json!("B")], captions.collect::<Vec<_>>());
}

#[test]
fn a_message_with_one_file_has_its_text_as_the_caption() {
    let (words, files) = (block(Section::Block, vec![text("Hi")]), block(Section::Files, vec![file("a.pdf")]));
    let expected = json!({"document": "https://e.com/a.pdf", "caption": "Hi"});
    assert_eq!(vec![expected], rendered(&[words, files.clone()]));
    let long = block(Section::Block, vec![text(&"x".repeat(1_025))]);
    assert_eq!(2, rendered(&[long, files.clone()]).len());
    let offer = block(Section::Block, vec![text("Hi"), option(1, "Yes")]);
    assert_eq!(2, rendered(&[offer, files]).len(), "the buttons stay with their text");
}

#[test]
fn several_files_are_sent_one_by_one_each_with_its_own_text() {
    let words = block(Section::Block, vec![text("Hi")]);
    let files = vec![file("a.mp4"), text("The plan"), file("b.gif"), text("Bye")];
    let expected = vec![
        json!({"text": "Hi"}),
        json!({"video": "https://e.com/a.mp4"}),
        json!({"animation": "https://e.com/b.gif", "caption": "The plan"}),
        json!({"text": "Bye"}),
    ];
    assert_eq!(expected, rendered(&[words, block(Section::Files, files)]));
}

#[test]
fn a_file_without_a_url_and_a_page_are_lines_of_text() {
    let attachment = |media_type: &str, url: Option<&str>| {
        let (media_type, url) = (Some(media_type.to_owned()), url.map(str::to_owned));
        Line::File(Attachment { media_type, url, filename: Some("Plan".to_owned()), mime: None })
    };
    let files = vec![attachment("File", None), attachment("Link", Some("https://e.com/plan"))];
    assert_eq!(vec![json!({"text": "Plan\nPlan: https://e.com/plan"})], rendered(&[block(Section::Files, files)]));
}

#[test]
fn more_than_a_hundred_options_continue_in_further_messages() {
    let options = (1..=250).map(|number| option(number, &format!("Option {number}"))).collect();
    let parts =
        rendered_for("5550010", &[block(Section::Block, vec![text("Which?")]), block(Section::Options, options)]);
    let counts: Vec<_> = parts.unwrap().iter().map(|part| part.buttons.len()).collect();
    assert_eq!(vec![100, 100, 50], counts);
}

#[test]
fn a_customer_without_a_chat_cannot_get_a_message_and_none_is_empty() {
    let hi = [block(Section::Block, vec![text("Hi")])];
    for address in ["", "-", "+4930123", "ada", "1.5", "99999999999999999999"] {
        assert!(rendered_for(address, &hi).is_err(), "{address}");
    }
    for address in ["4503599627370495", "-100123"] {
        assert!(rendered_for(address, &hi).is_ok(), "{address}");
    }
    assert!(rendered_for("5550010", &[block(Section::Block, vec![text(" ")])]).is_err());
    assert!(rendered_for("5550010", &[]).is_err());
}
