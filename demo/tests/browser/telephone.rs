//! A telephone shows the chat as the provider has it, and posts what the customer does.

use crate::fixture::{say, shows};
use crate::telephone_fixture::{PICTURE, Phone, send_picture, wait_for_state};
use axum::http::StatusCode;
use reqwest::Method;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use serde_json::{Value, json};
use tests::harness::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_customer_writes_is_posted_and_shown() {
    for phone in Phone::both() {
        let browser = phone.browser().await;
        say(&browser, "Where-is-it").await;
        wait_for_state(&browser, "✓ Sent").await;
        assert!(phone.posted("Where-is-it").await.contains(phone.customer.trim_start_matches('+')));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_accepted_shows_as_such() {
    for is_on_telegram in [true, false] {
        let phone = Phone::answering(is_on_telegram, StatusCode::FORBIDDEN);
        let browser = phone.browser().await;
        say(&browser, "Hello?").await;
        wait_for_state(&browser, "Not accepted").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tap_on_a_button_is_posted_once_and_stays_when_the_bot_takes_the_buttons_away() {
    let phone = Phone::telegram();
    let browser = phone.browser().await;
    say(&browser, "Hello").await;
    wait_for_state(&browser, "✓ Sent").await;
    let message = phone.bot_asks("When may it come?", &["Today", "Tomorrow"]).await;
    browser.wait_until("document.querySelectorAll('.key').length === 2").await;
    browser.click(".key:last-child").await;
    wait_for_state(&browser, "✓ Tapped").await;
    let posted: Value = serde_json::from_str(&phone.posted("callback_query").await).unwrap();
    assert_eq!(json!("2"), posted["callback_query"]["data"]);
    let none = json!({"inline_keyboard": []});
    let edit = json!({"chat_id": phone.customer, "message_id": message, "reply_markup": none});
    phone.bot("editMessageReplyMarkup", &edit).await;
    browser.wait_until("document.querySelector('.key') === null && document.activeElement.id === 'log'").await;
    shows(&browser, "Tomorrow").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_shows_its_picture_what_is_bold_and_its_links() {
    let phone = Phone::telegram();
    let browser = phone.browser().await;
    say(&browser, "Hello").await;
    wait_for_state(&browser, "✓ Sent").await;
    phone.bot_sends_a_picture("The parcel").await;
    browser.wait_until("document.querySelector('.theirs img')?.naturalWidth > 0").await;
    let link = json!({"text": "Follow it", "url": "https://example.com/1"});
    let message = json!({
        "chat_id": phone.customer, "text": "👋 Parcel https://example.com/2", "reply_markup": {"inline_keyboard": [[link]]},
        "entities": [{"type": "bold", "offset": 3, "length": 6}],
    });
    phone.bot("sendMessage", &message).await;
    browser.wait_until("document.querySelector('strong')?.textContent === 'Parcel'").await;
    let links = "return [...document.querySelectorAll('.theirs a')].map((link) => link.href);";
    assert_eq!(json!(["https://example.com/2", "https://example.com/1"]), browser.run(links).await);
    phone.bot("sendChatAction", &json!({"chat_id": phone.customer, "action": "typing"})).await;
    browser.wait_until("document.getElementById('typist').textContent === 'Acme is typing'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_message_shows_that_it_was_reported_as_delivered() {
    let phone = Phone::sms();
    let browser = phone.browser().await;
    phone.company_texts("Choose:\n\n1. Today\n2. Tomorrow").await;
    shows(&browser, "2. Tomorrow").await;
    shows(&browser, "✓✓ Delivered").await;
    assert!(phone.posted("MessageStatus=delivered").await.contains("MessageSid=SM"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_the_customer_is_sent() {
    for phone in Phone::both() {
        let browser = phone.browser().await;
        send_picture(&browser, "image/png").await;
        wait_for_state(&browser, "✓ Sent").await;
        browser.wait_until("document.querySelector('.own img')?.naturalWidth > 0").await;
        let entry = phone.page.provider.chat(phone.customer).remove(0);
        assert_eq!(PICTURE, entry.files[0].content);
        send_picture(&browser, "text/html").await;
        browser.wait_until("document.getElementById('hint').textContent.includes('PNG')").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_customers_are_listed() {
    let phone = Phone::sms();
    let browser = Browser::start(412, 860).await;
    browser.open(&phone.page.url).await;
    browser
        .wait_until("!document.getElementById('empty').hidden && document.getElementById('status').textContent !== ''")
        .await;
    post(&phone, "messages", &json!({"text": "Hello"})).await;
    browser.wait_until("document.querySelector('#customers a') !== null").await;
    browser.click("#customers a").await;
    shows(&browser, "Hello").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_becomes_markup() {
    const MARKUP: &str = r#"</p>"'><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>"#;
    let phone = Phone::telegram();
    let browser = phone.browser().await;
    say(&browser, MARKUP).await;
    wait_for_state(&browser, "✓ Sent").await;
    phone.bot_asks(MARKUP, &[MARKUP]).await;
    browser.wait_until("document.querySelector('.key') !== null").await;
    let literal = "return document.body.textContent.split(arguments[0]).length - 1;";
    assert_eq!(json!(3), browser.run_with(literal, &[json!(MARKUP)]).await);
    assert_eq!(json!([null, 1]), browser.run("return [window.hacked ?? null, document.scripts.length];").await);
}

async fn post(phone: &Phone, route: &str, body: &Value) -> StatusCode {
    request(phone, route, &[(CONTENT_TYPE, "application/json")], body).await
}

async fn request(phone: &Phone, route: &str, headers: &[(HeaderName, &str)], body: &Value) -> StatusCode {
    let url = format!("{}/customers/{}/{route}", phone.page.url, phone.customer.replace('+', "%2B"));
    let request = phone.http.request(Method::POST, url).body(body.to_string());
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, *value));
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn only_the_page_itself_acts_and_reads() {
    let phone = Phone::telegram();
    let (json, text) = ((CONTENT_TYPE, "application/json"), json!({"text": "Hello"}));
    for route in ["messages", "presses", "pictures"] {
        let foreign = [json.clone(), (ORIGIN, "http://evil.example")];
        assert_eq!(StatusCode::FORBIDDEN, request(&phone, route, &foreign, &text).await, "{route}");
        let plain = [(CONTENT_TYPE, "text/plain")];
        assert_eq!(StatusCode::UNSUPPORTED_MEDIA_TYPE, request(&phone, route, &plain, &text).await, "{route}");
    }
    for path in ["", "/look", "/customers", "/customers/1/events", "/customers/1/files/1/0"] {
        let get = phone.http.get(format!("{}{path}", phone.page.url)).header(HOST, "evil.example");
        assert_eq!(StatusCode::MISDIRECTED_REQUEST, get.send().await.unwrap().status(), "{path}");
        let get = phone.http.get(format!("{}{path}", phone.page.url)).header("sec-fetch-site", "cross-site");
        assert_eq!(path.is_empty(), get.send().await.unwrap().status().is_success(), "{path}");
    }
    assert!(phone.page.provider.chat(phone.customer).is_empty());
}

#[tokio::test]
async fn what_a_telephone_could_not_send_is_refused() {
    for mut phone in Phone::both() {
        for text in [json!({}), json!({"text": " "}), json!({"text": 7}), json!({"text": "é".repeat(1_601)})] {
            assert_eq!(StatusCode::UNPROCESSABLE_ENTITY, post(&phone, "messages", &text).await, "{text}");
        }
        let picture = |media_type: &str, content: &str| json!({"contentType": media_type, "content": content});
        for picture in [picture("image/svg+xml", "aGk="), picture("image/png", "?"), json!({})] {
            assert_eq!(StatusCode::UNPROCESSABLE_ENTITY, post(&phone, "pictures", &picture).await, "{picture}");
        }
        let press = json!({"message": "57", "button": "None"});
        assert_eq!(StatusCode::CONFLICT, post(&phone, "presses", &press).await);
        phone.customer = "ada";
        assert_eq!(StatusCode::NOT_FOUND, post(&phone, "messages", &json!({"text": "Hello"})).await);
    }
}

#[tokio::test]
async fn a_file_that_is_no_picture_is_only_saved() {
    let phone = Phone::telegram();
    post(&phone, "messages", &json!({"text": "Hello"})).await;
    phone.posted("Hello").await;
    phone.bot_sends_a_file("page.html", "text/html", "<script>1</script>").await;
    let id = phone.page.provider.chat(phone.customer).pop().unwrap().id;
    let url = format!("{}/customers/{}/files/{id}/0", phone.page.url, phone.customer);
    let response = phone.http.get(url).send().await.unwrap();
    let header = |name: HeaderName| response.headers()[name].to_str().unwrap();
    assert_eq!(("attachment", "application/octet-stream"), (header(CONTENT_DISPOSITION), header(CONTENT_TYPE)));
}
