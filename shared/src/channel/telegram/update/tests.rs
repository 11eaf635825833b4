use super::*;
use crate::channel::event::ReceivedFile;
use crate::channel::offer::{offer_key, press_data};
use crate::model::inbound::MediaType;
use serde_json::{Value, json};

const BOT: &str = "7100001";

/// An id of the message in the chat of the tests.
fn of_chat(id: &str) -> String {
    format!("{}:{id}", name_of_chat(BOT, "5550010"))
}

fn read(update: &Value) -> Result<CustomerEvent, &'static str> {
    match event(update.to_string().as_bytes(), BOT, false) {
        ChannelEvent::Customer(event) => Ok(*event),
        ChannelEvent::Ignored(word) => Err(word),
        ChannelEvent::Status(_) => panic!("Telegram reports no status"),
    }
}

fn message(members: Value) -> Value {
    let person =
        json!({"id": 5_550_010, "is_bot": false, "first_name": "Ada", "last_name": "Example", "username": "ada"});
    let chat = json!({"id": 5_550_010, "type": "private", "first_name": "Ada"});
    let mut message = json!({"message_id": 58, "date": 1_767_323_050, "from": person, "chat": chat});
    message.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    message
}

fn written(members: Value) -> Result<CustomerEvent, &'static str> {
    read(&json!({"update_id": 731_000_101, "message": message(members)}))
}

fn edited(members: Value) -> Result<CustomerEvent, &'static str> {
    read(&json!({"update_id": 731_000_102, "edited_message": message(members)}))
}

fn pressed(members: Value) -> Result<CustomerEvent, &'static str> {
    let mut query = json!({
        "id": "23841023840001", "from": {"id": 5_550_010, "is_bot": false, "first_name": "Ada"}, "data": "key:2",
        "message": message(json!({"message_id": 57, "reply_markup": {"inline_keyboard": [
            [{"text": "Terms", "url": "https://e.com"}, {"text": "Yes", "callback_data": "key:1"}],
            [{"text": "No", "callback_data": "key:2"}],
        ]}})),
    });
    query.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    read(&json!({"update_id": 731_000_103, "callback_query": query}))
}

fn text_of(members: Value) -> Option<String> {
    written(members).unwrap().text
}

fn file_of(members: Value) -> ReceivedFile {
    let event = written(members).unwrap();
    assert_eq!(1, event.files.len());
    event.files.into_iter().next().unwrap()
}

#[test]
fn a_text_has_the_chat_as_the_customer_and_an_id_that_counts_in_the_chat() {
    let event = written(json!({"text": "Héllo", "entities": [{"type": "bold", "offset": 0, "length": 5}]})).unwrap();
    let ChannelCustomer { id, id_type, nickname, first_name, last_name } = &event.from;
    assert_eq!(("5550010", &IdType::Opaque), (id.as_str(), id_type));
    let names = [nickname, first_name, last_name].map(Option::as_deref);
    assert_eq!([Some("Ada Example"), Some("Ada"), Some("Example")], names);
    let time = event.time.unwrap().to_string();
    assert_eq!((Some("Héllo"), 0, false), (event.text.as_deref(), event.files.len(), event.press.is_some()));
    assert_eq!((of_chat("58"), "2026-01-02T03:04:10Z".to_owned()), (event.message_id, time));
}

#[test]
fn ids_have_64_bits_and_numbers_may_be_texts() {
    let chat = json!({"id": 4_503_599_627_370_495_i64, "type": "private"});
    let event = written(json!({"text": "Hi", "chat": chat, "message_id": "9007199254740993", "date": "1767323050"}));
    let event = event.unwrap();
    assert_eq!(format!("{}:9007199254740993", name_of_chat(BOT, "4503599627370495")), event.message_id);
    assert!(event.time.is_some());
}

#[test]
fn a_message_without_a_number_has_the_updates_id() {
    assert_eq!(of_chat("u731000101"), written(json!({"text": "Hi", "message_id": 0})).unwrap().message_id);
    assert_eq!(of_chat("u731000101"), written(json!({"text": "Hi", "message_id": null})).unwrap().message_id);
}

#[test]
fn an_edit_is_a_message_of_its_own_with_the_new_text() {
    let event = edited(json!({"text": "Monday", "edit_date": 1_767_323_110})).unwrap();
    assert_eq!((of_chat("u731000102"), Some("Edited: Monday")), (event.message_id.clone(), event.text.as_deref()));
    assert_eq!("2026-01-02T03:05:10Z", event.time.unwrap().to_string());
    let event =
        edited(json!({"caption": "my meter", "photo": [{"file_id": "A"}], "edit_date": 1_767_323_110})).unwrap();
    assert_eq!((Some("Edited: my meter"), 0), (event.text.as_deref(), event.files.len()));
    let moved = json!({"location": {"latitude": 1, "longitude": 2}, "edit_date": 1_767_323_110});
    assert_eq!(Err("edit without a text"), edited(moved).map(|_| ()));
}

#[test]
fn a_press_names_its_button_its_message_and_the_messages_links_and_has_no_time() {
    let event = pressed(json!({})).unwrap();
    assert_eq!((of_chat("cq23841023840001"), None, Some("No")), (event.message_id, event.time, event.text.as_deref()));
    let Press { data, acknowledge, message, links } = event.press.unwrap();
    assert_eq!(vec![LinkButton { label: "Terms".to_owned(), url: "https://e.com".to_owned() }], links);
    assert_eq!(
        ("key:2", Some("23841023840001"), Some("57")),
        (data.as_str(), acknowledge.as_deref(), message.as_deref())
    );
}

#[test]
fn two_presses_of_the_same_button_have_the_same_id_and_the_bot_and_the_chat_are_part_of_it() {
    let data = press_data(&offer_key(&Digest::of_bytes(b"message")), 2);
    let press = |id: &str| pressed(json!({"id": id, "data": data})).unwrap().message_id;
    assert_eq!((of_chat(&format!("p{data}")), press("1")), (press("2"), press("1")));
    assert!(!press("1").contains("5550010"));
    assert_ne!(name_of_chat("7100001", "5550010"), name_of_chat("7100002", "5550010"));
}

#[test]
fn a_press_of_the_chosen_button_is_the_same_choice_and_names_no_message_to_edit() {
    let data = press_data(&offer_key(&Digest::of_bytes(b"message")), 2);
    let message = |title: &str| {
        json!({
            "chat": {"id": 5_550_010, "type": "private"}, "message_id": 57, "date": 0,
            "reply_markup": {"inline_keyboard": [[{"text": title, "callback_data": data}]]},
        })
    };
    let press = |title: &str| pressed(json!({"data": data, "message": message(title)})).unwrap();
    let (offered, chosen) = (press("No"), press("✓ No"));
    assert_eq!((offered.message_id, Some("No")), (chosen.message_id, chosen.text.as_deref()));
    assert_eq!((Some("57"), None), (offered.press.unwrap().message.as_deref(), chosen.press.unwrap().message));
}

#[test]
fn a_press_in_a_message_that_telegram_no_longer_shows_has_no_title() {
    let chat = json!({"id": 5_550_010, "type": "private"});
    let event = pressed(json!({"message": {"chat": chat, "message_id": 57, "date": 0}})).unwrap();
    assert_eq!((None, Some("57")), (event.text, event.press.unwrap().message.as_deref()));
    assert!(pressed(json!({"message": null, "inline_message_id": "x"})).is_err());
    assert!(pressed(json!({"data": null, "game_short_name": "x"})).is_err());
}

#[test]
fn start_is_passed_on_only_if_that_is_switched_on() {
    for text in ["/start", "/start order-5"] {
        assert_eq!(Err("start"), written(json!({"text": text})).map(|_| ()), "{text}");
        let update = json!({"update_id": 1, "message": message(json!({"text": text}))});
        let ChannelEvent::Customer(event) = event(update.to_string().as_bytes(), BOT, true) else { panic!("{text}") };
        assert_eq!(Some(text), event.text.as_deref());
    }
    assert!(written(json!({"text": "/started"})).is_ok());
    let photo = json!([{"file_id": "f", "width": 10, "height": 10, "file_size": 9}]);
    assert_eq!(1, written(json!({"caption": "/start my meter", "photo": photo})).unwrap().files.len());
}

#[test]
fn a_photo_is_its_largest_size_that_can_be_handed_out_with_the_caption_as_the_text() {
    let size =
        |id: &str, width: u64, bytes: u64| json!({"file_id": id, "width": width, "height": 10, "file_size": bytes});
    let sizes = json!([size("small", 90, 1_201), size("large", 1_280, 152_340), size("middle", 320, 9_000)]);
    let event = written(json!({"caption": "my meter", "photo": sizes})).unwrap();
    let file = event.files.first().unwrap();
    let found = (file.media_type, file.mime.as_str(), file.reference.0.as_str());
    assert_eq!((MediaType::Image, "image/jpeg", "large"), found);
    assert_eq!(Some("my meter"), event.text.as_deref());
    let sizes = json!([size("small", 90, 1_201), size("large", 1_280, 4_400_001)]);
    assert_eq!("small", file_of(json!({"photo": sizes})).reference.0);
}

#[test]
fn each_kind_of_file_has_its_type() {
    for (name, own, media_type, mime) in [
        ("document", json!({"mime_type": "application/pdf", "file_name": "a.pdf"}), MediaType::File, "application/pdf"),
        ("document", json!({"mime_type": "odd"}), MediaType::File, "application/octet-stream"),
        ("audio", json!({}), MediaType::Audio, "audio/mpeg"),
        ("voice", json!({}), MediaType::Audio, "audio/ogg"),
        ("video", json!({"mime_type": "video/quicktime"}), MediaType::Video, "video/quicktime"),
        ("video_note", json!({}), MediaType::Video, "video/mp4"),
        ("animation", json!({}), MediaType::Video, "video/mp4"),
        ("sticker", json!({"emoji": "👍", "is_animated": false, "is_video": false}), MediaType::Image, "image/webp"),
    ] {
        let mut file = json!({"file_id": "F", "file_unique_id": "U", "file_size": 4_400_000});
        file.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        let file_name = own["file_name"].as_str();
        let found = file_of(json!({ name: file }));
        assert_eq!((media_type, mime), (found.media_type, found.mime.as_str()), "{name}");
        assert_eq!((file_name, "F"), (found.filename.as_deref(), found.reference.0.as_str()), "{name}");
    }
    let both = json!({"animation": {"file_id": "A"}, "document": {"file_id": "D"}});
    assert_eq!("A", file_of(both).reference.0);
}

#[test]
fn a_file_that_is_too_large_becomes_a_text_with_its_name_and_size_below_the_caption() {
    let file = json!({"file_id": "F", "file_name": "film.mp4", "file_size": 12_340_000});
    let event = written(json!({"video": file, "caption": "Look"})).unwrap();
    assert_eq!(Some("Look\n[A file that cannot be passed on: film.mp4, 12.3 MB]"), event.text.as_deref());
    assert!(event.files.is_empty());
    let nameless = text_of(json!({"voice": {"file_id": "F", "file_size": 4_400_001}}));
    assert_eq!(Some("[A file that cannot be passed on: audio/ogg, 4.4 MB]"), nameless.as_deref());
}

#[test]
fn what_has_no_file_is_a_text() {
    let place = json!({"latitude": 52.5, "longitude": -13.25});
    let link = "https://www.google.com/maps/search/?api=1&query=52.5%2C-13.25";
    let venue = json!({"title": "Acme", "address": "Main Street 1", "location": place});
    let contact = json!({"phone_number": "+15550100", "first_name": "Ada", "last_name": "Example"});
    for (members, expected) in [
        (json!({"location": place}), link.to_owned()),
        (json!({"location": place, "venue": venue}), format!("Acme\nMain Street 1\n{link}")),
        (json!({"location": {"latitude": 520, "longitude": 1}}), "[Location]".to_owned()),
        (json!({"contact": contact}), "Ada Example: +15550100".to_owned()),
        (json!({"sticker": {"file_id": "S", "is_animated": true, "emoji": "👍"}}), "👍".to_owned()),
        (json!({"sticker": {"file_id": "S", "is_video": true}}), "[Sticker]".to_owned()),
        (json!({"poll": {"question": "?"}}), "[Poll]".to_owned()),
        (json!({"dice": {"emoji": "🎲", "value": 6}}), "[Dice]".to_owned()),
    ] {
        assert_eq!(Some(expected), text_of(members.clone()), "{members}");
    }
}

#[test]
fn the_members_of_an_album_are_messages_of_their_own() {
    let event = written(json!({"media_group_id": "g", "photo": [{"file_id": "A"}]})).unwrap();
    assert_eq!((1, None), (event.files.len(), event.text));
}

#[test]
fn what_is_not_a_customers_message_is_ignored_with_a_word() {
    let group = json!({"id": -100, "type": "supergroup"});
    let change = |status: &str| json!({"update_id": 1, "my_chat_member": {"new_chat_member": {"status": status}}});
    for (update, word) in [
        (json!({"update_id": 1, "message": message(json!({"text": "Hi", "chat": group}))}), "not a private chat"),
        (
            json!({"update_id": 1, "message": message(json!({"text": "Hi", "from": {"is_bot": true}}))}),
            "written by a bot",
        ),
        (json!({"update_id": 1, "message": message(json!({"pinned_message": {}}))}), "service message"),
        (json!({"update_id": 1, "message": message(json!({"text": " "}))}), "service message"),
        (json!({"update_id": 1, "message": {"text": "Hi"}}), "unreadable update"),
        (change("kicked"), "the customer blocked the bot"),
        (change("member"), "the customer started the bot"),
        (change("new"), "the bot's membership changed"),
        (json!({"update_id": 1, "inline_query": {}}), "update of another kind"),
        (json!({"update_id": 1, "business_message": message(json!({"text": "Hi"}))}), "update of another kind"),
        (json!({}), "unreadable update"),
        (json!([1]), "unreadable update"),
    ] {
        assert_eq!(Err(word), read(&update).map(|_| ()), "{update}");
    }
}

#[test]
fn no_body_is_refused() {
    for body in [&b""[..], b"{", b"\xff", &b"[".repeat(10_000)] {
        assert_eq!(ChannelEvent::Ignored("unreadable update"), event(body, BOT, false));
    }
    let half_an_emoji = br#"{"update_id":1,"message":{"message_id":1,"date":1767323050,"text":"Hi \ud83d","chat":{"id":5,"type":"private"}}}"#;
    let ChannelEvent::Customer(event) = event(half_an_emoji, BOT, false) else { panic!("it has a text") };
    assert_eq!(Some("Hi \u{fffd}"), event.text.as_deref());
}
