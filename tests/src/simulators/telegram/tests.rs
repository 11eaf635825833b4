//! Tests of the simulated Telegram over HTTP.

use super::*;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::Instant;

const ADA: i64 = 5_550_010;
const SECRET: &str = "secret-of-the-webhook";
const PICTURE: &[u8] = include_bytes!("../../../fixtures/parcel.png");
const URL: &str = "https://cdn.example.com/parcel.png";

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn try_call(telegram: &Telegram, method: &str, parameters: Value) -> reqwest::Result<(u16, Value)> {
    let request = http().post(format!("{}/bot{TOKEN}/{method}", telegram.url));
    let response = request.header("content-type", "application/json").body(parameters.to_string()).send().await?;
    let status = response.status().as_u16();
    Ok((status, serde_json::from_slice(&response.bytes().await?).unwrap_or_default()))
}

async fn call(telegram: &Telegram, method: &str, parameters: Value) -> Value {
    let (status, body) = try_call(telegram, method, parameters).await.unwrap();
    assert_eq!((200, &json!(true)), (status, &body["ok"]), "{body}");
    body["result"].clone()
}

/// Asserts that the call fails with this description.
async fn assert_refused(telegram: &Telegram, method: &str, parameters: Value, description: &str) {
    let (status, body) = try_call(telegram, method, parameters.clone()).await.unwrap();
    let told = body["description"].as_str().unwrap_or_default();
    assert!(told.contains(description), "{parameters}: {body}");
    assert_eq!((&json!(false), &json!(status)), (&body["ok"], &body["error_code"]));
}

/// Telegram with an open chat.
fn telegram() -> Telegram {
    let telegram = Telegram::start();
    let _ = telegram.start_chat(ADA, None);
    telegram
}

fn keyboard(title: &str, data: &str) -> Value {
    json!({"inline_keyboard": [[{"text": title, "callback_data": data}]]})
}

/// Uploads a file.
async fn upload(telegram: &Telegram, method: &str, kind: &str, content: Vec<u8>) -> (u16, Value) {
    let chat = format!("--b\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n{ADA}\r\n--b\r\n");
    let head = format!("Content-Disposition: form-data; name=\"{kind}\"; filename=\"parcel.png\"\r\n\r\n");
    let body = [chat.as_bytes(), head.as_bytes(), &content, b"\r\n--b--\r\n"].concat();
    let request = http().post(format!("{}/bot{TOKEN}/{method}", telegram.url)).body(body);
    let request = request.header("content-type", "multipart/form-data; boundary=b");
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
}

#[tokio::test]
async fn a_text_is_sent_trimmed_with_its_keyboard() {
    let telegram = telegram();
    let markup = keyboard("Yes", "k:1");
    let preview = json!({"is_disabled": true});
    let message = json!({"chat_id": ADA, "text": " hello ", "reply_markup": markup, "link_preview_options": preview});
    let result = call(&telegram, "sendmessage", message).await;
    let sent = telegram.wait_for_text("hello").await;
    assert_eq!((json!("hello"), json!(sent.message_id)), (result["text"].clone(), result["message_id"].clone()));
    assert_eq!((vec!["Yes"], false), (sent.buttons(), sent.has_preview));
    assert_eq!(1, telegram.sent_to(ADA).len());
}

#[tokio::test]
async fn what_telegram_refuses_is_refused_with_its_phrase() {
    let telegram = telegram();
    let _ = (telegram.block(2), telegram.text(3, "a"));
    telegram.deactivate(3);
    let button = keyboard("Yes", &"x".repeat(65));
    for (parameters, description) in [
        (json!({"chat_id": 1, "text": "a"}), "chat not found"),
        (json!({"chat_id": 2, "text": "a"}), "Forbidden: bot was blocked by the user"),
        (json!({"chat_id": 3, "text": "a"}), "Forbidden: user is deactivated"),
        (json!({"chat_id": ADA, "text": " "}), "message text is empty"),
        (json!({"chat_id": ADA, "text": "x".repeat(4_097)}), "message is too long"),
        (json!({"chat_id": ADA, "text": "a", "reply_markup": button}), "BUTTON_DATA_INVALID"),
        (
            json!({"chat_id": ADA, "text": "a", "entities": [{"type": "bold", "offset": 0, "length": 2}]}),
            "can't parse entities",
        ),
        (
            json!({"chat_id": ADA, "text": "a", "reply_parameters": {"message_id": 1}}),
            "message to be replied not found",
        ),
    ] {
        assert_refused(&telegram, "sendMessage", parameters, description).await;
    }
    let anyway = json!({"message_id": 1, "allow_sending_without_reply": true});
    call(&telegram, "sendMessage", json!({"chat_id": ADA, "text": "a", "reply_parameters": anyway})).await;
    let _ = telegram.unblock(2);
    call(&telegram, "sendMessage", json!({"chat_id": 2, "text": "a"})).await;
    assert_eq!((2, 10), (telegram.sent().len(), telegram.attempts()));
}

#[tokio::test]
#[should_panic(expected = "the parameter parse_mode of sendMessage is unexpected")]
async fn an_unexpected_parameter_fails_the_test() {
    let telegram = telegram();
    call(&telegram, "sendMessage", json!({"chat_id": ADA, "text": "a", "parse_mode": "HTML"})).await;
    let _ = telegram.sent();
}

#[tokio::test]
#[should_panic(expected = "the method sendDice is not simulated")]
async fn an_unknown_method_fails_the_test() {
    let telegram = telegram();
    assert_refused(&telegram, "sendDice", json!({"chat_id": ADA}), "Not Found").await;
    let _ = telegram.sent();
}

#[tokio::test]
async fn only_the_bots_token_is_taken() {
    let telegram = telegram();
    for (token, expected) in [(TOKEN, 200), ("7100001:another", 401), ("another", 404)] {
        let response = http().get(format!("{}/bot{token}/getMe", telegram.url)).send().await.unwrap();
        assert_eq!(expected, response.status().as_u16(), "{token}");
    }
    assert_eq!(1, telegram.tokens().refused());
}

#[tokio::test]
async fn it_injects_the_configured_faults() {
    let telegram = telegram();
    let message = || json!({"chat_id": ADA, "text": "a"});
    let blocked = "Forbidden: bot was blocked by the user";
    telegram.fail([Fault::RateLimited(8), Fault::Text(blocked), Fault::Status(500), Fault::Status(502), Fault::Reset]);
    call(&telegram, "getMe", json!({})).await;
    let response =
        http().get(format!("{}/bot{TOKEN}/sendMessage?chat_id={ADA}&text=a", telegram.url)).send().await.unwrap();
    assert_eq!(("8", 429), (response.headers()["retry-after"].to_str().unwrap(), response.status().as_u16()));
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(json!({"retry_after": 8}), body["parameters"]);
    assert_refused(&telegram, "sendMessage", message(), blocked).await;
    assert_refused(&telegram, "sendMessage", message(), "Internal Server Error").await;
    assert_eq!((502, Value::Null), try_call(&telegram, "sendMessage", message()).await.unwrap());
    assert!(try_call(&telegram, "sendMessage", message()).await.is_err());
    assert!(telegram.sent().is_empty());

    let delay = Duration::from_millis(200);
    telegram
        .fail_method("sendMessage", [Fault::StatusAfterwards(500), Fault::ResponseLost, Fault::ResponseSlow(delay)]);
    assert_refused(&telegram, "sendMessage", message(), "Internal Server Error").await;
    assert!(try_call(&telegram, "sendMessage", message()).await.is_err());
    let begun = Instant::now();
    call(&telegram, "sendMessage", message()).await;
    assert!(begun.elapsed() >= delay);
    assert_eq!((3, 8), (telegram.sent().len(), telegram.attempts()));
}

#[tokio::test]
async fn a_file_is_uploaded_fetched_or_known() {
    let telegram = telegram();
    let (status, body) = upload(&telegram, "sendPhoto", "photo", PICTURE.to_vec()).await;
    assert_eq!(200, status, "{body}");
    let sizes = body["result"]["photo"].as_array().unwrap();
    call(&telegram, "sendPhoto", json!({"chat_id": ADA, "photo": sizes[0]["file_id"], "caption": "again"})).await;
    telegram.publish(URL, "image/png", PICTURE);
    call(&telegram, "sendPhoto", json!({"chat_id": ADA, "photo": URL})).await;
    let sent = telegram.sent();
    let sources: Vec<_> = sent.iter().map(|sent| sent.file.as_ref().unwrap().source.clone()).collect();
    assert_eq!(vec![Source::Upload, Source::FileId, Source::Url(URL.to_owned())], sources);
    assert!(sent.iter().all(|sent| sent.file.as_ref().unwrap().content == PICTURE));
    assert_eq!(("parcel.png", "again"), (&*sent[0].file.as_ref().unwrap().name, &*sent[1].text));
}

#[tokio::test]
async fn a_file_that_telegram_cannot_take_is_refused_with_its_phrase() {
    let telegram = telegram();
    let photo = |photo: &str| json!({"chat_id": ADA, "photo": photo});
    assert_refused(&telegram, "sendPhoto", photo("parcel.png"), "wrong file identifier/HTTP URL specified").await;
    assert_refused(&telegram, "sendPhoto", photo(URL), "failed to get HTTP URL content").await;
    telegram.publish(URL, "text/html", "page");
    assert_refused(&telegram, "sendPhoto", photo(URL), "wrong type of the web page content").await;
    telegram.publish(URL, "image/png", vec![0; 5_000_001]);
    assert_refused(&telegram, "sendPhoto", photo(URL), "failed to get HTTP URL content").await;
    telegram.publish(URL, "image/png", PICTURE);
    let long = json!({"chat_id": ADA, "photo": URL, "caption": "x".repeat(1_025)});
    assert_refused(&telegram, "sendPhoto", long, "message caption is too long").await;
    telegram.set_fetching(false);
    assert_refused(&telegram, "sendPhoto", photo(URL), "failed to get HTTP URL content").await;
    for (method, kind, content, expected, phrase) in [
        ("sendPhoto", "photo", vec![0; 10], 400, "IMAGE_PROCESS_FAILED"),
        ("sendPhoto", "photo", vec![0; 10_000_001], 400, "file is too big"),
        ("sendDocument", "document", vec![], 400, "file must be non-empty"),
        ("sendDocument", "document", vec![0; 50_000_001], 413, "Request Entity Too Large"),
    ] {
        let (status, body) = upload(&telegram, method, kind, content).await;
        assert_eq!(expected, status);
        assert!(body["description"].as_str().unwrap().contains(phrase), "{body}");
    }
    assert!(telegram.sent().is_empty());
}

/// What a webhook's receiver saw: the secret, and the body.
type Seen = Arc<Mutex<Vec<(Option<String>, Value)>>>;

/// A receiver of updates that answers with these statuses, and then 200.
fn receiver(statuses: &[u16]) -> (Server, Seen) {
    let seen = Seen::default();
    let statuses = Arc::new(Mutex::new(statuses.to_vec()));
    let answer = move |State(seen): State<Seen>, headers: HeaderMap, body: String| async move {
        let secret = headers.get("x-telegram-bot-api-secret-token").map(|value| value.to_str().unwrap().to_owned());
        seen.lock().unwrap().push((secret, serde_json::from_str(&body).unwrap()));
        let mut statuses = statuses.lock().unwrap();
        let status = if statuses.is_empty() { 200 } else { statuses.remove(0) };
        (StatusCode::from_u16(status).unwrap(), "{}")
    };
    (Server::start(Router::new().fallback(answer).with_state(Arc::clone(&seen))), seen)
}

#[tokio::test]
async fn updates_go_to_the_webhook_that_is_set_until_they_are_accepted() {
    let (telegram, (receiver, seen)) = (telegram(), receiver(&[503]));
    let allowed = ["message", "callback_query"];
    let webhook = json!({"url": receiver.origin, "secret_token": SECRET, "allowed_updates": allowed});
    call(&telegram, "setWebhook", webhook).await;
    let update = telegram.text(ADA, "hello");
    assert_eq!(503, telegram.post(&update).await.status);
    let info = call(&telegram, "getWebhookInfo", json!({})).await;
    assert_eq!((&json!(1), &json!(allowed)), (&info["pending_update_count"], &info["allowed_updates"]));
    assert!(info["last_error_message"].as_str().unwrap().contains("503"));
    telegram.deliver(&update).await;
    assert_eq!(0, call(&telegram, "getWebhookInfo", json!({})).await["pending_update_count"]);
    assert_eq!(vec![(Some(SECRET.to_owned()), update.body.clone()); 2], *seen.lock().unwrap());
    telegram.post_to(&receiver.origin, None, &update).await;
    assert_eq!(None, seen.lock().unwrap()[2].0);
    call(&telegram, "deleteWebhook", json!({})).await;
    assert!(telegram.webhook().is_none());
}

#[tokio::test]
#[should_panic(expected = "the webhook is not for my_chat_member")]
async fn an_update_that_the_webhook_does_not_allow_fails_the_test() {
    let telegram = telegram();
    let webhook = json!({"url": "http://127.0.0.1:1", "allowed_updates": ["message"]});
    call(&telegram, "setWebhook", webhook).await;
    telegram.post(&telegram.block(ADA)).await;
}

#[tokio::test]
async fn a_press_has_the_buttons_data_and_is_answered_once() {
    let telegram = telegram();
    let message = json!({"chat_id": ADA, "text": "Monday?", "reply_markup": keyboard("Yes", "k:1")});
    call(&telegram, "sendMessage", message).await;
    let sent = telegram.wait_for(1).await.remove(0);
    let press = telegram.press(&sent, "Yes");
    assert_eq!(("callback_query", &json!("k:1")), (press.kind(), &press.content()["data"]));
    let again = telegram.update("callback_query", &json!({"id": "1", "data": "k:1"}));
    for press in [&press, &again] {
        let unanswered = tokio::time::timeout(Duration::from_millis(50), telegram.wait_until_answered()).await;
        assert!(unanswered.is_err(), "{press:?}");
        call(&telegram, "answerCallbackQuery", json!({"callback_query_id": press.content()["id"]})).await;
    }
    telegram.wait_until_answered().await;
    let answer = json!({"callback_query_id": press.content()["id"]});
    assert_refused(&telegram, "answerCallbackQuery", answer, "query is too old").await;

    let edit = json!({"chat_id": ADA, "message_id": sent.message_id});
    call(&telegram, "editMessageReplyMarkup", edit.clone()).await;
    assert_refused(&telegram, "editMessageReplyMarkup", edit, "message is not modified").await;
    assert_eq!(Vec::<&str>::new(), telegram.sent()[0].buttons());
    let unknown = json!({"chat_id": ADA, "message_id": 1});
    assert_refused(&telegram, "editMessageReplyMarkup", unknown, "message to edit not found").await;
    let changed = json!({"chat_id": ADA, "message_id": sent.message_id, "text": "Monday: Yes"});
    call(&telegram, "editMessageText", changed).await;
    assert_eq!("Monday: Yes", telegram.sent()[0].text);
    assert_eq!(2, telegram.wait_for_calls_of("answerCallbackQuery", 2).await.len());
}

#[tokio::test]
async fn a_customers_file_is_fetched_by_a_link_that_expires() {
    let telegram = telegram();
    let update = telegram.file(ADA, &CustomerFile::photo(PICTURE), Some("my meter"));
    let sizes = update.content()["photo"].as_array().unwrap();
    assert_eq!("my meter", update.content()["caption"]);
    let link = call(&telegram, "getFile", json!({"file_id": sizes[1]["file_id"]})).await;
    let url = format!("{}/file/bot{TOKEN}/{}", telegram.url, link["file_path"].as_str().unwrap());
    let response = http().get(&url).send().await.unwrap();
    assert_eq!("application/octet-stream", response.headers()["content-type"]);
    assert_eq!(PICTURE, response.bytes().await.unwrap());
    assert_eq!(401, http().get(url.replace(TOKEN, "1:a")).send().await.unwrap().status().as_u16());
    telegram.expire_links();
    assert_eq!(404, http().get(&url).send().await.unwrap().status().as_u16());

    let large = CustomerFile::document("a.zip", "application/zip", "a").of_size(20_000_001);
    let update = telegram.file(ADA, &large, None);
    let id = update.content()["document"]["file_id"].clone();
    assert_refused(&telegram, "getFile", json!({"file_id": id}), "file is too big").await;
    assert_refused(&telegram, "getFile", json!({"file_id": "unknown"}), "wrong file_id").await;
}
