//! Telegram: one bot and its customers. It checks every call as strictly as the contract allows, can inject faults,
//! records messages, and posts updates.

mod answers;
mod bot;
mod chat;
mod files;
mod keyboard;
mod messages;
mod parameters;
#[cfg(test)]
mod tests;
mod text;
mod updates;
mod webhook;

pub use crate::simulators::answer::Answer;
pub use crate::simulators::faults::Fault;
pub use bot::Call;
pub use chat::WEBHOOK_SECRET;
pub use files::{Kind, SentFile, Source};
pub use messages::Sent;
pub use updates::{CustomerFile, Update};
pub use webhook::WebhookSettings;

use crate::harness::server::Server;
use crate::simulators::credentials::Credentials;
use crate::simulators::faults::Target;
use crate::simulators::messaging_service::WAIT_TIMEOUT;
use axum::Router;
use axum::body::Bytes;
use bot::{Bot, ChatState, handle};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub const BOT_ID: i64 = 7_100_001;
pub const TOKEN: &str = "7100001:bot-token-of-the-tests";

/// How often an update that is not accepted is posted again. The real pauses are longer.
const REPEATS: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
];

/// The running Telegram. It ends when this is dropped.
pub struct Telegram {
    /// The base of its API.
    pub url: String,
    bot: Arc<Bot>,
    _server: Server,
}

impl Telegram {
    #[must_use]
    pub fn start() -> Self {
        let bot = Arc::new(Bot::new());
        let server = Server::start(Router::new().fallback(handle).with_state(Arc::clone(&bot)));
        Self { url: server.origin.clone(), bot, _server: server }
    }

    /// The accepted tokens.
    #[must_use]
    pub fn tokens(&self) -> &Credentials {
        &self.bot.tokens
    }

    /// Injects faults into the next calls that send a message, one each.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.bot.faults.plan(Target::AnyCall, faults);
    }

    /// Injects faults into the next calls of a method, one each.
    pub fn fail_method(&self, method: &str, faults: impl IntoIterator<Item = Fault>) {
        self.bot.faults.plan(Target::Operation(method.to_owned()), faults);
    }

    /// All messages of the bot in their present state, in the order in which they were sent.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.bot.assert_called_rightly();
        self.bot.sent.borrow().clone()
    }

    /// The messages of the bot to this chat.
    #[must_use]
    pub fn sent_to(&self, chat: i64) -> Vec<Sent> {
        self.sent().into_iter().filter(|sent| sent.chat == chat).collect()
    }

    /// Waits until `enough` holds for all messages of the bot, and returns them.
    pub async fn wait_until(&self, enough: impl Fn(&[Sent]) -> bool) -> Vec<Sent> {
        let mut sent = self.bot.sent.subscribe();
        let waiting = sent.wait_for(|sent| {
            self.bot.assert_called_rightly();
            enough(sent)
        });
        let in_time = tokio::time::timeout(WAIT_TIMEOUT, waiting).await.is_ok();
        assert!(in_time, "not sent; so far: {:#?}", self.sent());
        self.sent()
    }

    /// Waits for `count` messages, and returns all.
    pub async fn wait_for(&self, count: usize) -> Vec<Sent> {
        self.wait_until(|sent| sent.len() >= count).await
    }

    /// Waits for a message with this text in it, and returns it.
    pub async fn wait_for_text(&self, text: &str) -> Sent {
        let there = |sent: &&Sent| sent.text.contains(text);
        let sent = self.wait_until(|sent| sent.iter().any(|sent| there(&sent))).await;
        sent.iter().find(there).expect("it is there").clone()
    }

    /// All successful calls, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.bot.assert_called_rightly();
        self.bot.calls.borrow().clone()
    }

    /// Waits for `count` successful calls of a method, and returns all of them.
    pub async fn wait_for_calls_of(&self, method: &str, count: usize) -> Vec<Call> {
        let of_method = |calls: &[Call]| calls.iter().filter(|call| call.method == method).count();
        let mut calls = self.bot.calls.subscribe();
        let waiting = calls.wait_for(|calls| {
            self.bot.assert_called_rightly();
            of_method(calls) >= count
        });
        let in_time = tokio::time::timeout(WAIT_TIMEOUT, waiting).await.is_ok();
        assert!(in_time, "{method} was not called; so far: {:#?}", self.calls());
        self.calls().into_iter().filter(|call| call.method == method).collect()
    }

    /// Waits until every press is answered: before that, the customer's button is busy.
    pub async fn wait_until_answered(&self) {
        let unanswered = || self.bot.queries.lock().expect("no panic").clone();
        let mut calls = self.bot.calls.subscribe();
        let waiting = calls.wait_for(|_| {
            self.bot.assert_called_rightly();
            unanswered().is_empty()
        });
        let in_time = tokio::time::timeout(WAIT_TIMEOUT, waiting).await.is_ok();
        assert!(in_time, "presses are not answered: {:?}", unanswered());
    }

    /// How often a message was to be sent, successfully or not.
    #[must_use]
    pub fn attempts(&self) -> usize {
        *self.bot.attempts.borrow()
    }

    /// Waits for at least `count` calls that send a message, successful or not.
    pub async fn wait_for_attempts(&self, count: usize) {
        let mut attempts = self.bot.attempts.subscribe();
        let waiting = tokio::time::timeout(WAIT_TIMEOUT, attempts.wait_for(|attempts| *attempts >= count)).await;
        waiting.expect("attempts in time").expect("the bot is there");
    }

    /// The customer has deleted the account.
    pub fn deactivate(&self, chat: i64) {
        self.bot.chats.lock().expect("no panic").insert(chat, ChatState::Deactivated);
    }

    /// Puts a file on the web, for Telegram to fetch.
    pub fn publish(&self, url: &str, media_type: &str, content: impl Into<Bytes>) {
        let file = (media_type.to_owned(), content.into());
        self.bot.files.web.lock().expect("no panic").insert(url.to_owned(), file);
    }

    /// Whether Telegram can fetch files by their URLs.
    pub fn set_fetching(&self, fetching: bool) {
        self.bot.files.is_offline.store(!fetching, Ordering::SeqCst);
    }

    /// Ends all links to files, as some time after they were made.
    pub fn expire_links(&self) {
        self.bot.files.expire_links();
    }

    /// Presses until now can no longer be answered.
    pub fn expire_presses(&self) {
        self.bot.queries.lock().expect("no panic").clear();
    }

    /// The webhook that is set.
    #[must_use]
    pub fn webhook(&self) -> Option<WebhookSettings> {
        self.bot.webhook.settings()
    }

    /// A customer's message. The bot may write to the chat from now on.
    #[must_use]
    pub fn text(&self, chat: i64, text: &str) -> Update {
        self.bot.message(chat, json!({"text": text}))
    }

    /// A customer opens the bot's chat, perhaps by a link with a parameter.
    #[must_use]
    pub fn start_chat(&self, chat: i64, parameter: Option<&str>) -> Update {
        let text = parameter.map_or_else(|| "/start".to_owned(), |parameter| format!("/start {parameter}"));
        let command = json!([{"type": "bot_command", "offset": 0, "length": 6}]);
        self.bot.message(chat, json!({"text": text, "entities": command}))
    }

    /// A customer's message with this content, such as `{"location": …}`.
    #[must_use]
    pub fn message(&self, chat: i64, content: Value) -> Update {
        self.bot.message(chat, content)
    }

    #[must_use]
    pub fn file(&self, chat: i64, file: &CustomerFile, caption: Option<&str>) -> Update {
        self.bot.file(chat, file, caption)
    }

    /// A customer's message with another text.
    #[must_use]
    pub fn edited(&self, update: &Update, text: &str) -> Update {
        self.bot.edited(update, text)
    }

    /// The press of a button that the message has.
    #[must_use]
    pub fn press(&self, sent: &Sent, title: &str) -> Update {
        self.bot.press(sent, title)
    }

    #[must_use]
    pub fn block(&self, chat: i64) -> Update {
        self.bot.membership(chat, true)
    }

    #[must_use]
    pub fn unblock(&self, chat: i64) -> Update {
        self.bot.membership(chat, false)
    }

    /// An update of any kind.
    #[must_use]
    pub fn update(&self, kind: &str, content: &Value) -> Update {
        self.bot.update(kind, content)
    }

    /// Posts an update once to the webhook that is set.
    pub async fn post(&self, update: &Update) -> Answer {
        let act = self.bot.acts.begin(update, |other| other.id == update.id);
        let answer = self.bot.webhook.post(update).await;
        self.bot.acts.end(act, answer.is_success());
        webhook::assert_runs_nothing(&answer);
        answer
    }

    /// Posts an update once to this URL, with this secret if any.
    pub async fn post_to(&self, url: &str, secret: Option<&str>, update: &Update) -> Answer {
        let answer = webhook::post(url, secret, update).await;
        webhook::assert_runs_nothing(&answer);
        answer
    }

    /// Posts an update to the webhook that is set until it is accepted, and asserts that this is soon: until then, no other
    /// update of its chat would come.
    pub async fn deliver(&self, update: &Update) -> Answer {
        let mut answer = self.post(update).await;
        for pause in REPEATS {
            if answer.is_success() {
                break;
            }
            tokio::time::sleep(pause).await;
            answer = self.post(update).await;
        }
        assert!(answer.is_success(), "the update blocks its chat: {answer:?}");
        answer
    }
}
