//! Telegram: what is particular to it.

use super::customer::Connection;
use super::platform::{FromAgent, Platform};
use crate::observability::logs::log_with;
use serde_json::{Value, json};
use shared::channel::ChannelName;
use shared::platform::PlatformName;
use tests::simulators::telegram::{CustomerFile, Fault, WEBHOOK_SECRET};

const CHAT: i64 = 5_550_010;

async fn connection() -> Connection {
    Connection::new(PlatformName::GenesysCloud, ChannelName::Telegram).await
}

impl Connection {
    async fn failure_reason(&self, message_id: &str) -> Value {
        self.wait_for_receipt(message_id, "Failed").await;
        let Platform::GenesysCloud(platform) = &self.platform else { panic!("another platform") };
        let mut receipts = platform.calls_of("receipt").into_iter();
        let receipt = receipts.rfind(|call| call.body["id"] == message_id).unwrap();
        receipt.body["reasons"][0]["code"].clone()
    }

    fn texts(&self) -> Vec<String> {
        self.shown().into_iter().map(|shown| shown.text).collect()
    }
}

#[tokio::test]
async fn a_long_text_is_sent_in_order() {
    let connection = connection().await;
    let text = "🙂".repeat(5_000);
    let id = connection.agent(&FromAgent::Text(&text)).await;
    connection.wait_for_shown(2).await;
    assert_eq!(text, connection.texts().concat());
    connection.wait_for_receipt(&id, "Delivered").await;
}

#[tokio::test]
async fn an_update_without_the_secret_is_refused_and_one_that_cannot_be_used_is_not() {
    let connection = connection().await;
    let telegram = connection.telegram();
    let url = connection.integration.route_url("channel");
    let update = telegram.text(CHAT, "Hello");
    for secret in [None, Some("another-secret-of-the-tests-0123456789abcdef")] {
        assert_eq!(401, telegram.post_to(&url, secret, &update).await.status);
    }
    let large = telegram.text(CHAT, &"x".repeat(140_000));
    assert_eq!(
        (200, 401),
        (
            telegram.post_to(&url, Some(WEBHOOK_SECRET), &large).await.status,
            telegram.post_to(&url, None, &large).await.status,
        )
    );
    for (kind, content) in [("poll", json!({"id": "1"})), ("message", json!("odd")), ("surprise", json!(null))] {
        let answer = telegram.post_to(&url, Some(WEBHOOK_SECRET), &telegram.update(kind, &content)).await;
        assert_eq!(200, answer.status, "{kind}");
    }
    for _ in 0..2 {
        assert_eq!(200, telegram.post(&update).await.status);
    }
    connection.customer_writes("The next").await;
    let received = connection.wait_for_customers(2).await;
    assert_eq!(vec!["Hello", "The next"], received.into_iter().map(|(text, _)| text).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_card_is_a_picture_with_buttons_and_a_press_is_a_choice_once() {
    let connection = connection().await;
    let (image, link) = ("https://example.com/rooms/garden.png", "https://example.com/rooms/garden");
    connection.publish(image, b"\x89PNG\r\n\x1a\na picture");
    let id = connection.agent(&FromAgent::Card { title: "Garden room", image, link, button: "Book it" }).await;
    let shown = connection.wait_for_shown(1).await.remove(0);
    assert_eq!((vec![image.to_owned()], vec!["See it".to_owned(), "Book it".to_owned()]), (shown.files, shown.buttons));
    let telegram = connection.telegram();
    let sent = telegram.sent_to(CHAT).remove(0);
    assert_eq!(Some(link), sent.button("See it").and_then(|button| button["url"].as_str()));
    assert_eq!("bold", sent.entities[0]["type"]);
    // The customer taps twice, and the first update is repeated.
    let (first, second) = (telegram.press(&sent, "Book it"), telegram.press(&sent, "Book it"));
    for press in [&first, &first, &second] {
        assert!(telegram.post(press).await.is_success());
    }
    let chosen = |platform: &Platform| !platform.choices().unwrap().is_empty();
    connection.platform.wait_until("the choice", chosen).await;
    let choice = connection.platform.choices().unwrap().remove(0);
    let expected = (json!("payload of Book it"), json!("Button"), json!(id));
    let response = &choice["buttonResponse"];
    let found = (response["payload"].clone(), response["type"].clone(), choice["originatingMessageId"].clone());
    assert_eq!(expected, found);
    telegram.wait_until_answered().await;
    let answered = telegram.wait_for_calls_of("answerCallbackQuery", 2).await;
    assert!(answered.iter().all(|call| !call.parameters.contains_key("text")));
    let edited = telegram.wait_for_calls_of("editMessageReplyMarkup", 1).await;
    let rest: Value = serde_json::from_str(&edited[0].parameters["reply_markup"]).unwrap();
    let data = &sent.button("Book it").expect("the button")["callback_data"];
    let chosen = json!({"text": "✓ Book it", "callback_data": data});
    assert_eq!(json!({"inline_keyboard": [[chosen, {"text": "See it", "url": link}]]}), rest);
    let edited = telegram.sent_to(CHAT).remove(0);
    assert!(telegram.post(&telegram.press(&edited, "✓ Book it")).await.is_success());
    telegram.wait_for_calls_of("answerCallbackQuery", 3).await;
    connection.customer_writes("Thanks").await;
    assert_eq!(vec![("Thanks".to_owned(), vec![])], connection.wait_for_customers(1).await);
    assert_eq!(1, connection.platform.choices().unwrap().len());
    assert_eq!(1, telegram.wait_for_calls_of("editMessageReplyMarkup", 1).await.len());
}

#[tokio::test]
async fn a_press_is_acknowledged_while_earlier_messages_wait_for_the_platform() {
    let connection = connection().await;
    connection.agent(&FromAgent::Choice { text: "Well?", options: &["Yes", "No"] }).await;
    connection.wait_for_shown(1).await;
    let Platform::GenesysCloud(platform) = &connection.platform else { panic!("another platform") };
    platform.fail_operation("inbound-message", [Fault::Status(503); 20]);
    connection.customer_writes("First").await;
    log_with(connection.integration.name.as_str(), &[("\"outcome\":\"inbound_retry\"", "")]).await;
    let telegram = connection.telegram();
    assert!(telegram.post(&telegram.press(&telegram.sent_to(CHAT)[0], "Yes")).await.is_success());
    telegram.wait_for_calls_of("answerCallbackQuery", 1).await;
    assert!(connection.platform.choices().unwrap().is_empty(), "the first message is still waiting");
}

#[tokio::test]
async fn a_press_of_a_button_that_nothing_is_known_of_is_a_text() {
    let connection = connection().await;
    let message = json!({
        "message_id": 1, "date": 1_767_323_046, "chat": {"id": CHAT, "type": "private"}, "text": "?",
        "reply_markup": {"inline_keyboard": [[{"text": "Perhaps", "callback_data": "unknown"}]]},
    });
    let from = json!({"id": CHAT, "is_bot": false, "first_name": "Ada"});
    let query = json!({"id": "1", "from": from, "chat_instance": "-1", "data": "unknown", "message": message});
    let telegram = connection.telegram();
    assert!(telegram.post(&telegram.update("callback_query", &query)).await.is_success());
    assert_eq!("Perhaps", connection.wait_for_customers(1).await[0].0);
    telegram.wait_until_answered().await;
}

#[tokio::test]
async fn a_button_that_another_customer_was_shown_is_no_choice() {
    let connection = connection().await;
    connection.agent(&FromAgent::Choice { text: "Well?", options: &["Yes", "No"] }).await;
    connection.wait_for_shown(1).await;
    let telegram = connection.telegram();
    let sent = telegram.sent_to(CHAT).remove(0);
    let mut press = telegram.press(&sent, "Yes").body["callback_query"].clone();
    for at in ["/from/id", "/message/chat/id"] {
        *press.pointer_mut(at).unwrap() = json!(CHAT + 1);
    }
    assert!(telegram.post(&telegram.update("callback_query", &press)).await.is_success());
    assert_eq!("Yes", connection.wait_for_customers(1).await[0].0);
    telegram.wait_until_answered().await;
    assert!(connection.platform.choices().unwrap().is_empty());
}

#[tokio::test]
async fn a_customer_who_blocked_the_bot_has_opted_out() {
    let connection = connection().await;
    let telegram = connection.telegram();
    assert!(telegram.post(&telegram.block(CHAT)).await.is_success());
    let id = connection.agent(&FromAgent::Text("Hello?")).await;
    assert_eq!("RecipientOptedOut", connection.failure_reason(&id).await);
    assert!(telegram.post(&telegram.unblock(CHAT)).await.is_success());
    connection.agent(&FromAgent::Text("Hello!")).await;
    connection.wait_for_shown(1).await;
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_and_an_unknown_outcome_is_not_repeated() {
    let connection = connection().await;
    connection.telegram().fail([Fault::RateLimited(1)]);
    connection.agent(&FromAgent::Text("Later")).await;
    connection.wait_for_shown(1).await;
    for fault in [Fault::Status(500), Fault::Status(502)] {
        let before = connection.telegram().attempts();
        connection.telegram().fail([fault]);
        let id = connection.agent(&FromAgent::Text("Perhaps")).await;
        assert_eq!("GeneralError", connection.failure_reason(&id).await, "{fault:?}");
        assert_eq!(before + 1, connection.telegram().attempts(), "{fault:?}");
    }
    connection.telegram().fail([Fault::ResponseLost]);
    let id = connection.agent(&FromAgent::Text("Lost")).await;
    assert_eq!("GeneralError", connection.failure_reason(&id).await);
    assert_eq!(vec!["Later", "Lost"], connection.texts());
}

#[tokio::test]
async fn a_picture_that_telegram_cannot_fetch_is_a_link() {
    let connection = connection().await;
    let url = "https://files.invalid/map.png";
    connection.agent(&FromAgent::Picture { text: "The way:", url }).await;
    connection.wait_for_shown(1).await;
    let shown = |connection: &Connection| connection.texts().concat();
    connection.telegram().wait_until(|sent| sent.iter().any(|sent| sent.text.contains(url))).await;
    assert!(shown(&connection).contains("The way:"));
}

#[tokio::test]
async fn what_a_customer_changed_and_other_content_are_texts() {
    let connection = connection().await;
    let telegram = connection.telegram();
    let update = telegram.text(CHAT, "At ten");
    for update in [
        &update,
        &telegram.edited(&update, "At eleven"),
        &telegram.message(CHAT, json!({"location": {"latitude": 52.5, "longitude": 13.4}})),
        &telegram.file(
            CHAT,
            &CustomerFile::document("plan.pdf", "application/pdf", b"a plan".as_slice()).of_size(30_000_000),
            Some("The plan"),
        ),
    ] {
        assert!(telegram.post(update).await.is_success());
    }
    let texts: Vec<_> = connection.wait_for_customers(4).await.into_iter().map(|(text, _)| text).collect();
    assert_eq!(["At ten", "Edited: At eleven"], texts[..2]);
    assert!(texts[2].contains("52.5") && texts[3].contains("plan.pdf") && texts[3].contains("The plan"), "{texts:?}");
}

#[tokio::test]
async fn a_document_is_handed_out_under_its_name_and_type() {
    let connection = connection().await;
    let telegram = connection.telegram();
    let file = CustomerFile::document("plan.pdf", "application/pdf", b"a plan".as_slice());
    assert!(telegram.post(&telegram.file(CHAT, &file, None)).await.is_success());
    let files = connection.wait_for_customers(1).await.remove(0).1;
    telegram.expire_links();
    let (status, media_type, content) = connection.fetch(&files[0]).await;
    assert_eq!((200, "application/pdf", &b"a plan"[..]), (status, media_type.as_str(), content.as_slice()));
}

#[tokio::test]
async fn an_agents_typing_is_shown() {
    let connection = connection().await;
    connection.customer_writes("Hello").await;
    connection.wait_for_customers(1).await;
    let mut typing =
        tests::simulators::genesys_cloud::WIRE[8].fill(&connection.integration.integration_id, &connection.customer);
    assert_eq!("Event", typing.json()["type"]);
    typing = tests::simulators::genesys_cloud::Webhook::new(typing.body);
    typing.accepted(&connection.stack, &connection.integration).await;
    connection.telegram().wait_for_calls_of("sendChatAction", 1).await;
}
