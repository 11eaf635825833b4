use super::*;
use crate::channel::ChannelAddress;
use crate::channel::error::NoAnswer;
use crate::channel::event::LinkButton;
use crate::channel::telegram::setup::{self, SetupError};
use crate::http_client::TrustedRoots;
use crate::json::fields::{self, Fields};
use crate::model::message::Attachment;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const TOKEN: &str = "7100001:hidden";
const OK: (u16, &str) = (200, r#"{"ok":true,"result":{"message_id":57}}"#);

/// A request: what it calls, and its body, as a text if it is not JSON.
type Received = (String, Value);

/// Answers one request after the other, each on a connection of its own; no answer closes it.
async fn api(answers: &[(u16, &str)]) -> (String, JoinHandle<Vec<Received>>) {
    slow_api(Duration::ZERO, answers).await
}

/// The same, which takes its time for each answer.
async fn slow_api(time: Duration, answers: &[(u16, &str)]) -> (String, JoinHandle<Vec<Received>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let answers: Vec<_> = answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
    let serve = async move {
        let mut received = Vec::new();
        for (status, answer) in answers {
            let mut connection = BufReader::new(listener.accept().await.unwrap().0);
            let (mut line, mut length) = (String::new(), 0);
            connection.read_line(&mut line).await.unwrap();
            let called = line.rsplit_once(' ').unwrap().0.replace(TOKEN, "TOKEN");
            loop {
                line.clear();
                connection.read_line(&mut line).await.unwrap();
                match line.trim().split_once(": ") {
                    Some(("content-length", value)) => length = value.parse().unwrap(),
                    Some(_) => {}
                    None => break,
                }
            }
            let mut body = vec![0; length];
            connection.read_exact(&mut body).await.unwrap();
            let text = || String::from_utf8_lossy(&body).into_owned().into();
            received.push((called, serde_json::from_slice(&body).unwrap_or_else(|_| text())));
            tokio::time::sleep(time).await;
            if status > 0 {
                let head =
                    format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
                connection.write_all((head + &answer).as_bytes()).await.unwrap();
            }
        }
        received
    };
    (base, tokio::spawn(serve))
}

fn client() -> Client {
    let http = HttpClient::new(&TrustedRoots::CompiledIn).unwrap();
    Client::new(http.clone(), MediaFetcher::new(&http).unwrap())
}

fn config(base: &str) -> Config {
    let integration = "acme".parse().unwrap();
    let address = ChannelAddress::new(&"https://api.example.com".parse().unwrap(), &integration);
    let document = json!({"botToken": TOKEN, "webhookSecrets": ["s".repeat(32)], "apiBaseUrl": base});
    let read = |fields: &mut Fields<'_>| Config::read(&integration, Some(address), fields);
    fields::read_configuration(document, read).unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn passage(text: &str) -> Passage {
    text.to_owned().into()
}

fn text_part() -> Part {
    Part { chat: 5_550_010, content: Content::Text(passage("Hi")), buttons: Vec::new() }
}

/// A picture at an address that is not fetched from here.
fn picture() -> Part {
    let (media_type, url) = (Some("Image".to_owned()), Some("https://127.0.0.1/a.png".to_owned()));
    let file = OutgoingFile::of(&Attachment { media_type, url, filename: Some("A".to_owned()), mime: None }).unwrap();
    let content = Content::File { file, caption: Some(passage("Look")) };
    Part { chat: 5_550_010, content, buttons: vec![Button::option("Yes", "k:1".to_owned())] }
}

#[tokio::test]
async fn a_text_is_posted_as_json() {
    let (base, received) = api(&[OK]).await;
    assert_eq!(Ok(()), client().send(&config(&base), &text_part(), soon()).await);
    let body = json!({"chat_id": 5_550_010, "text": "Hi", "link_preview_options": {"is_disabled": true}});
    assert_eq!(vec![("POST /botTOKEN/sendMessage".to_owned(), body)], received.await.unwrap());
}

#[tokio::test]
async fn a_file_that_neither_side_can_fetch_is_sent_as_a_link_with_its_text_and_buttons() {
    let refused = r#"{"ok":false,"error_code":400,"description":"Bad Request: wrong type of the web page content"}"#;
    let (base, received) = api(&[(400, refused), OK]).await;
    assert_eq!(Ok(()), client().send(&config(&base), &picture(), soon()).await);
    let markup = json!({"inline_keyboard": [[{"text": "Yes", "callback_data": "k:1"}]]});
    let photo = json!({
        "chat_id": 5_550_010, "photo": "https://127.0.0.1/a.png", "caption": "Look", "reply_markup": markup,
    });
    let link = json!({
        "chat_id": 5_550_010, "text": "Look\nA: https://127.0.0.1/a.png", "reply_markup": markup,
        "link_preview_options": {"is_disabled": true},
    });
    let expected = [("POST /botTOKEN/sendPhoto", photo), ("POST /botTOKEN/sendMessage", link)];
    assert_eq!(expected.map(|(called, body)| (called.to_owned(), body)).to_vec(), received.await.unwrap());
}

#[tokio::test]
async fn an_image_that_is_no_photo_is_sent_as_a_document() {
    let refused = r#"{"ok":false,"error_code":400,"description":"Bad Request: PHOTO_INVALID_DIMENSIONS"}"#;
    let (base, received) = api(&[(400, refused), OK]).await;
    assert_eq!(Ok(()), client().send(&config(&base), &picture(), soon()).await);
    let document = received.await.unwrap().pop().unwrap();
    assert_eq!(("POST /botTOKEN/sendDocument", "Look"), (document.0.as_str(), document.1["caption"].as_str().unwrap()));
}

#[tokio::test]
async fn a_file_whose_outcome_is_unknown_is_not_sent_in_another_form() {
    for status in [0, 500] {
        let (base, received) = api(&[(status, "")]).await;
        let outcome = client().send(&config(&base), &picture(), soon()).await;
        assert!(matches!(&outcome, Err(SendError::OutcomeUnknown { timed_out: false, .. })), "{outcome:?}");
        assert_eq!(1, received.await.unwrap().len());
    }
}

#[tokio::test]
async fn an_upload_is_a_form_with_the_parameters_as_texts_or_json() {
    let (base, received) = api(&[OK]).await;
    let parameters = picture().with_caption(Some(&passage("Look")));
    let content = vec![Bytes::from_static(b"con"), Bytes::from_static(b"tent")];
    let file = FetchedFile { name: "a.png".to_owned(), content_type: HeaderValue::from_static("image/png"), content };
    let sent = client().upload(config(&base).bot(), Medium::Photo, &parameters, &file, soon()).await;
    assert!(sent.is_ok());
    let (called, form) = received.await.unwrap().remove(0);
    assert_eq!("POST /botTOKEN/sendPhoto", called);
    let form = form.as_str().unwrap();
    for part in [
        "name=\"caption\"\r\n\r\nLook\r\n",
        "name=\"chat_id\"\r\n\r\n5550010\r\n",
        "name=\"reply_markup\"\r\n\r\n{\"inline_keyboard\":[[{\"callback_data\":\"k:1\",\"text\":\"Yes\"}]]}\r\n",
        "name=\"photo\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\ncontent\r\n",
    ] {
        assert!(form.contains(part), "{part}: {form}");
    }
}

#[tokio::test]
async fn an_upload_waits_for_the_one_before_it_as_long_as_there_is_time_and_is_then_not_sent() {
    let refused = r#"{"ok":false,"error_code":400,"description":"Bad Request: wrong type of the web page content"}"#;
    let client = client();
    let in_time = MIN_TIME + MIN_UPLOAD_TIME + Duration::from_secs(2);
    let (base, received) = api(&[(400, refused)]).await;
    let before = client.uploads.acquire().await.unwrap();
    let sent = client.send(&config(&base), &picture(), Instant::now() + in_time).await;
    assert_eq!(Err(SendError::NotCalled("no time was left")), sent);
    assert_eq!(1, received.await.unwrap().len());
    // It goes on once the one before has ended.
    let (base, received) = api(&[(400, refused), OK]).await;
    let config = config(&base);
    let free = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        drop(before);
    };
    let part = picture();
    let (sent, ()) = tokio::join!(client.send(&config, &part, soon()), free);
    assert_eq!((Ok(()), 2), (sent, received.await.unwrap().len()));
    assert_eq!(1, client.uploads.available_permits());
}

#[tokio::test]
async fn a_file_is_sent_as_a_link_if_telegram_refuses_its_url_too_late_for_an_upload() {
    let refused = r#"{"ok":false,"error_code":400,"description":"Bad Request: failed to get HTTP URL content"}"#;
    let (time, in_time) = (Duration::from_millis(600), MIN_TIME + MIN_UPLOAD_TIME + Duration::from_millis(500));
    let (base, received) = slow_api(time, &[(400, refused), OK]).await;
    assert_eq!(Ok(()), client().send(&config(&base), &picture(), Instant::now() + in_time).await);
    assert_eq!("POST /botTOKEN/sendMessage", received.await.unwrap().pop().unwrap().0);
    // A retry has more time for the upload.
    let (base, received) = api(&[(400, refused)]).await;
    let sent = client().send(&config(&base), &picture(), Instant::now() + MIN_UPLOAD_TIME).await;
    assert_eq!((Err(SendError::NotCalled("no time was left")), 1), (sent, received.await.unwrap().len()));
}

#[tokio::test]
async fn no_upload_starts_shortly_before_the_deadline() {
    let parameters = picture().with_caption(None);
    let content = vec![Bytes::from_static(b"content")];
    let file = FetchedFile { name: "a.png".to_owned(), content_type: HeaderValue::from_static("image/png"), content };
    let config = config("http://127.0.0.1:9");
    for (left, expected) in [(7, "no time was left"), (9, "no connection")] {
        let deadline = Instant::now() + Duration::from_secs(left);
        let sent = client().upload(config.bot(), Medium::Photo, &parameters, &file, deadline).await;
        assert!(
            matches!(sent, Err(Failure::NotCalled(cause) | Failure::NoAnswer(NoAnswer { cause, .. })) if cause == expected),
            "{left}"
        );
    }
}

#[tokio::test]
async fn nothing_is_sent_without_time_or_a_connection_and_no_error_names_the_token() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for deadline in [Instant::now() + Duration::from_secs(1), soon()] {
        let error = client().send(&config(&closed), &text_part(), deadline).await.unwrap_err();
        assert!(matches!(error, SendError::NotCalled(_) | SendError::NotReached { .. }), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("hidden"), "{error:?}");
    }
}

fn press() -> Press {
    let (acknowledge, message) = (Some("77".to_owned()), Some("57".to_owned()));
    Press { data: "k:1".to_owned(), acknowledge, message, links: Vec::new() }
}

#[tokio::test]
async fn a_press_is_acknowledged_without_a_text() {
    let (base, received) = api(&[OK]).await;
    client().acknowledge_press(&config(&base), &press(), soon()).await;
    let expected = ("POST /botTOKEN/answerCallbackQuery".to_owned(), json!({"callback_query_id": "77"}));
    assert_eq!(vec![expected], received.await.unwrap());
}

#[tokio::test]
async fn of_the_buttons_of_an_answered_message_the_chosen_one_and_those_that_open_a_page_stay() {
    let link = |label: &str, url: &str| LinkButton { label: label.to_owned(), url: url.to_owned() };
    let links = vec![link("Terms", "https://e.com/terms"), link("Price", "https://e.com/p")];
    let chosen = json!({"text": "✓ Yes", "callback_data": "k:1"});
    let rest = json!([[
        chosen, {"text": "Terms", "url": "https://e.com/terms"}, {"text": "Price", "url": "https://e.com/p"},
    ]]);
    for (links, rest) in [(links, rest), (Vec::new(), json!([[chosen]]))] {
        let (base, received) = api(&[OK]).await;
        client().show_choice(&config(&base), "5550010", &Press { links, ..press() }, "Yes", soon()).await;
        let body = json!({"chat_id": 5_550_010, "message_id": 57, "reply_markup": {"inline_keyboard": rest}});
        assert_eq!(vec![("POST /botTOKEN/editMessageReplyMarkup".to_owned(), body)], received.await.unwrap());
    }
}

#[tokio::test]
async fn a_file_is_read_by_its_path_up_to_the_maximum() {
    let found = r#"{"ok":true,"result":{"file_id":"F","file_path":"photos/file_0.jpg"}}"#;
    let large = r#"{"ok":true,"result":{"file_id":"F","file_size":6,"file_path":"photos/file_0.jpg"}}"#;
    for (answers, expected) in [
        (&[(200, found), (200, "12345")][..], Ok(Bytes::from_static(b"12345"))),
        (&[(200, found), (200, "123456")], Err(FileError::TooLarge { maximum: 5 })),
        (&[(200, large)], Err(FileError::TooLarge { maximum: 5 })),
        (&[(200, found), (404, "")], Err(FileError::NotFound)),
        (&[(200, found), (302, "")], Err(FileError::Unavailable("status 302".to_owned()))),
        (&[(401, "")], Err(FileError::Credentials)),
    ] {
        let (base, received) = api(answers).await;
        let reference = FileReference("F".to_owned());
        assert_eq!(expected, client().read_file(&config(&base), &reference, 5, soon()).await);
        let received = received.await.unwrap();
        assert_eq!(("POST /botTOKEN/getFile".to_owned(), json!({"file_id": "F"})), received[0]);
        if let Some((called, _)) = received.get(1) {
            assert_eq!("GET /file/botTOKEN/photos/file_0.jpg", called);
        }
    }
}

#[tokio::test]
async fn a_webhook_is_set_with_its_secret_and_updates_and_read() {
    let info = r#"{"ok":true,"result":{"url":"https://e.com/","pending_update_count":3,"last_error_date":1767323050,
        "last_error_message":"Wrong response","allowed_updates":["message"]}}"#;
    let me = r#"{"ok":true,"result":{"id":7100001,"is_bot":true,"first_name":"Acme","username":"acme_bot"}}"#;
    let refused = r#"{"ok":false,"error_code":400,"description":"Bad Request: bad webhook of 7100001:hidden"}"#;
    let (base, received) = api(&[(200, me), (200, info), (200, r#"{"ok":true,"result":true}"#), (400, refused)]).await;
    let (http, config) = (client().http, config(&base));
    let identity = setup::get_me(&http, config.bot()).await.unwrap();
    assert_eq!(("7100001", Some("acme_bot")), (identity.id.as_str(), identity.username.as_deref()));
    let info = setup::webhook_info(&http, config.bot()).await.unwrap();
    assert_eq!((Some("https://e.com/"), 3), (info.url.as_deref(), info.pending_updates));
    assert_eq!(
        (Some("Wrong response"), vec!["message".to_owned()]),
        (info.last_error.as_deref(), info.allowed_updates)
    );
    let secret = "secret".into();
    assert_eq!(Ok(()), setup::set_webhook(&http, config.bot(), "https://e.com/", &secret).await);
    let description = "Bad Request: bad webhook of …".to_owned();
    assert_eq!(Err(SetupError::Refused { status: 400, description }), setup::delete_webhook(&http, config.bot()).await);
    let body = json!({"url": "https://e.com/", "secret_token": "secret",
        "allowed_updates": ["message", "edited_message", "callback_query", "my_chat_member"]});
    assert_eq!(("POST /botTOKEN/setWebhook".to_owned(), body), received.await.unwrap()[2]);
}
