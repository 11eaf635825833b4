//! python-telegram-bot, which has a class for everything in Telegram's API.

use crate::client::Client;
use serde_json::{Value, json};
use tests::simulators::telegram::{CustomerFile, Fault, Source, TOKEN, Telegram};
use tests::spec::openapi::root;

const ADA: i64 = 5_550_010;

fn client(telegram: &Telegram) -> Client {
    Client::in_python("channels", "telegram_client.py", &[&telegram.url, TOKEN])
}

async fn call(client: &mut Client, method: &str, arguments: Value) -> Value {
    client.call(&json!({"method": method, "arguments": arguments})).await
}

fn keyboard() -> Value {
    json!({"inline_keyboard": [
        [{"text": "Yes", "callback_data": "k:1"}, {"text": "No", "callback_data": "k:2"}],
        [{"text": "Terms", "url": "https://www.example.com/terms"}],
    ]})
}

/// Telegram with an open chat.
fn telegram() -> Telegram {
    let telegram = Telegram::start();
    let _ = telegram.start_chat(ADA, None);
    telegram
}

#[tokio::test]
async fn what_the_library_sends_is_accepted_and_the_answers_fit_its_classes() {
    let telegram = telegram();
    let mut client = client(&telegram);
    let text = json!({
        "chat_id": ADA, "text": "👋 Card", "entities": [{"type": "bold", "offset": 0, "length": 7}],
        "reply_markup": keyboard(), "link_preview_options": {"is_disabled": true}, "protect_content": true,
    });
    let sent = call(&mut client, "send_message", text).await;
    assert_eq!((&json!("👋 Card"), &keyboard()), (&sent["text"], &sent["reply_markup"]));
    let reply = json!({"chat_id": ADA, "text": "again", "reply_to_message_id": sent["message_id"]});
    call(&mut client, "send_message", reply).await;

    let path = root().join("tests/fixtures/parcel.png");
    for kind in ["photo", "document", "video", "animation", "audio", "voice"] {
        let file = json!({"kind": kind, "path": path});
        let arguments = json!({"chat_id": ADA, "caption": kind, "file": file, "reply_markup": keyboard()});
        call(&mut client, &format!("send_{kind}"), arguments).await;
    }
    let by_url = "https://cdn.example.com/parcel.png";
    telegram.publish(by_url, "image/png", std::fs::read(&path).unwrap());
    call(&mut client, "send_photo", json!({"chat_id": ADA, "photo": by_url})).await;

    let messages = telegram.sent_to(ADA);
    assert_eq!((9, vec!["Yes", "No", "Terms"]), (messages.len(), messages[0].buttons()));
    assert_eq!((false, Some(messages[0].message_id)), (messages[0].has_preview, messages[1].replies_to));
    let files: Vec<_> = messages.iter().filter_map(|sent| sent.file.as_ref()).collect();
    assert!(files.iter().all(|file| file.content == std::fs::read(&path).unwrap()));
    assert_eq!((&Source::Upload, &Source::Url(by_url.to_owned())), (&files[0].source, &files[6].source));
}

#[tokio::test]
async fn the_library_makes_every_other_call() {
    let telegram = telegram();
    let mut client = client(&telegram);
    assert_eq!(json!(true), call(&mut client, "get_me", json!({})).await["is_bot"]);
    call(&mut client, "send_chat_action", json!({"chat_id": ADA, "action": "typing"})).await;
    call(&mut client, "send_message", json!({"chat_id": ADA, "text": "Monday?", "reply_markup": keyboard()})).await;
    let sent = telegram.wait_for(1).await.remove(0);
    let press = telegram.press(&sent, "Yes");
    let answer = json!({"callback_query_id": press.content()["id"], "text": "Yes"});
    call(&mut client, "answer_callback_query", answer).await;
    let edit = json!({"chat_id": ADA, "message_id": sent.message_id});
    call(&mut client, "edit_message_reply_markup", edit.clone()).await;
    let mut text = edit;
    text["text"] = "Monday: Yes".into();
    call(&mut client, "edit_message_text", text).await;
    assert_eq!("Monday: Yes", telegram.sent()[0].text);

    let webhook = json!({
        "url": "https://patchbay.example.com/integrations/acme/channel", "secret_token": "secret",
        "allowed_updates": ["message", "callback_query"], "max_connections": 10,
    });
    call(&mut client, "set_webhook", webhook.clone()).await;
    let info = call(&mut client, "get_webhook_info", json!({})).await;
    assert_eq!(
        (&webhook["url"], &webhook["allowed_updates"], &json!(10)),
        (&info["url"], &info["allowed_updates"], &info["max_connections"])
    );
    call(&mut client, "delete_webhook", json!({"drop_pending_updates": true})).await;

    let update = telegram.file(ADA, &CustomerFile::document("a.pdf", "application/pdf", "content"), None);
    let file = json!({"file_id": update.content()["document"]["file_id"]});
    assert_eq!(7, client.call(&file).await);
}

#[tokio::test]
async fn the_library_tells_errors_apart() {
    let telegram = telegram();
    let mut client = client(&telegram);
    let text = |chat: i64| json!({"chat_id": chat, "text": "hello"});
    let refused = |reason: &str| json!({"refused": reason});
    assert_eq!(refused("BadRequest: Chat not found"), call(&mut client, "send_message", text(1)).await);
    let _ = telegram.block(ADA);
    let blocked = refused("Forbidden: Forbidden: bot was blocked by the user");
    assert_eq!(blocked, call(&mut client, "send_message", text(ADA)).await);
    telegram.fail([Fault::RateLimited(8)]);
    assert_eq!(8, call(&mut client, "send_message", text(ADA)).await["retry_after"]);
    telegram.tokens().change_to(&[]);
    let answer = call(&mut client, "send_message", text(ADA)).await;
    assert!(answer["refused"].as_str().unwrap().starts_with("InvalidToken"), "{answer}");
}

#[tokio::test]
async fn the_library_has_a_place_for_every_member_of_every_update() {
    let telegram = telegram();
    let mut client = client(&telegram);
    call(&mut client, "send_message", json!({"chat_id": ADA, "text": "Monday?", "reply_markup": keyboard()})).await;
    let sent = telegram.wait_for(1).await.remove(0);
    let hello = telegram.text(ADA, "hello 👋");
    let contact = json!({"phone_number": "+15005550010", "first_name": "Ada", "user_id": ADA});
    let place = json!({"latitude": 52.5, "longitude": 13.4});
    let venue = json!({"location": place, "title": "Gate", "address": "1 Example Street"});
    let files = [
        CustomerFile::photo("a"),
        CustomerFile::document("a.pdf", "application/pdf", "a"),
        CustomerFile::voice("a"),
        CustomerFile::audio("a"),
        CustomerFile::video("a"),
        CustomerFile::animation("a"),
        CustomerFile::video_note("a"),
        CustomerFile::sticker("👋", "a"),
    ];
    let mut updates = vec![
        telegram.start_chat(ADA, None),
        telegram.start_chat(ADA, Some("spring-offer")),
        telegram.edited(&hello, "good morning"),
        hello,
        telegram.press(&sent, "No"),
        telegram.block(ADA),
        telegram.unblock(ADA),
        telegram.message(ADA, json!({"contact": contact})),
        telegram.message(ADA, json!({"location": place.clone()})),
        telegram.message(ADA, json!({"venue": venue, "location": place})),
    ];
    updates.extend(files.iter().map(|file| telegram.file(ADA, file, None)));
    updates.push(telegram.file(ADA, &files[0], Some("my meter")));
    for update in updates {
        let read = client.call(&json!({"update": update.body})).await;
        assert_eq!(json!(ADA), read["chat"], "{update:?}");
        assert!(read["model"].get(update.kind()).is_some(), "{update:?}");
    }
}
