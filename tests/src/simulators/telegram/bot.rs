//! The bot's state, and the calls to its API.

use super::answers::{Done, Refusal};
use super::chat::TYPING;
use super::files::{Files, SentFile};
use super::messages::{Sent, kind_of};
use super::parameters::Parameters;
use super::updates::Update;
use super::webhook::Webhook;
use super::{BOT_ID, TOKEN};
use crate::simulators::credentials::Credentials;
use crate::simulators::faults::{ConnectionReset, Fault, Faults, Target};
use crate::simulators::telephone::Acts;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// In bytes: a little above the largest file.
const BODY_LIMIT: usize = 51_000_000;

const NOTE_LENGTH: usize = 200;
const ACTIONS: [&str; 11] = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

/// What all methods that send a message take. `parse_mode` is left out: without it, no text needs escaping.
const SEND: [&str; 5] = ["chat_id", "reply_markup", "reply_parameters", "disable_notification", "protect_content"];

/// The methods, and the parameters that they take besides.
const METHODS: [(&str, &[&str]); 17] = [
    ("sendMessage", &["text", "entities", "link_preview_options"]),
    ("sendPhoto", &["photo", "caption", "caption_entities"]),
    ("sendDocument", &["document", "caption", "caption_entities", "disable_content_type_detection"]),
    ("sendVideo", &["video", "caption", "caption_entities", "supports_streaming"]),
    ("sendAnimation", &["animation", "caption", "caption_entities"]),
    ("sendAudio", &["audio", "caption", "caption_entities", "performer", "title"]),
    ("sendVoice", &["voice", "caption", "caption_entities"]),
    ("sendChatAction", &["chat_id", "action"]),
    ("answerCallbackQuery", &["callback_query_id", "text", "show_alert"]),
    ("editMessageReplyMarkup", &["chat_id", "message_id", "reply_markup"]),
    ("editMessageText", &["chat_id", "message_id", "text", "entities", "link_preview_options", "reply_markup"]),
    ("editMessageCaption", &["chat_id", "message_id", "caption", "caption_entities", "reply_markup"]),
    ("getMe", &[]),
    ("getFile", &["file_id"]),
    ("setWebhook", &["url", "secret_token", "allowed_updates", "max_connections", "drop_pending_updates"]),
    ("getWebhookInfo", &[]),
    ("deleteWebhook", &["drop_pending_updates"]),
];

/// What becomes of messages to a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChatState {
    Open,
    Blocked,
    Deactivated,
}

/// A successful call.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: &'static str,
    /// Other than texts, they are JSON.
    pub parameters: BTreeMap<String, String>,
}

pub(super) struct Bot {
    pub(super) id: i64,
    pub(super) tokens: Credentials,
    pub(super) faults: Faults,
    pub(super) chats: Mutex<HashMap<i64, ChatState>>,
    /// The messages of the bot.
    pub(super) sent: watch::Sender<Vec<Sent>>,
    pub(super) calls: watch::Sender<Vec<Call>>,
    /// How often a message was to be sent, successfully or not.
    pub(super) attempts: watch::Sender<usize>,
    /// What the vendor would ignore, and we never want to send.
    mistakes: Mutex<Vec<String>>,
    pub(super) files: Files,
    pub(super) webhook: Webhook,
    pub(super) acts: Acts<Update>,
    /// Until when each chat shows that the bot is typing.
    pub(super) typing: Mutex<HashMap<i64, Timestamp>>,
    /// The presses that are not answered yet.
    pub(super) queries: Mutex<HashSet<String>>,
    /// The chats and ids of all messages, the customers' too.
    messages: Mutex<HashSet<(i64, i64)>>,
    last_message: AtomicI64,
    pub(super) last_update: AtomicI64,
}

/// The bot as a user of the API.
pub(super) fn user(bot: i64) -> Value {
    json!({"id": bot, "is_bot": true, "first_name": "Acme", "username": "acme_bot"})
}

impl Bot {
    pub(super) fn new() -> Self {
        Self {
            id: BOT_ID,
            tokens: Credentials::of(TOKEN),
            faults: Faults::default(),
            chats: Mutex::default(),
            sent: watch::Sender::default(),
            calls: watch::Sender::default(),
            attempts: watch::Sender::default(),
            mistakes: Mutex::default(),
            files: Files::default(),
            webhook: Webhook::default(),
            acts: Acts::default(),
            typing: Mutex::default(),
            queries: Mutex::default(),
            messages: Mutex::default(),
            last_message: AtomicI64::new(56),
            last_update: AtomicI64::new(731_000_100),
        }
    }

    pub(super) fn assert_called_rightly(&self) {
        let mistakes = self.mistakes.lock().expect("no panic").clone();
        assert!(mistakes.is_empty(), "Telegram was called wrongly: {mistakes:#?}");
    }

    fn mistake(&self, mistake: String) {
        self.mistakes.lock().expect("no panic").push(mistake);
        // So that a test that waits fails now.
        self.sent.send_modify(|_| {});
        self.calls.send_modify(|_| {});
    }

    /// The id of the next message, which count over all chats.
    pub(super) fn next_message(&self, chat: i64) -> i64 {
        let id = self.last_message.fetch_add(1, Ordering::SeqCst) + 1;
        self.messages.lock().expect("no panic").insert((chat, id));
        id
    }

    pub(super) fn has_message(&self, chat: i64, id: i64) -> bool {
        self.messages.lock().expect("no panic").contains(&(chat, id))
    }

    /// The chat of a call, if the bot may write there.
    pub(super) fn open_chat(&self, parameters: &Parameters) -> Result<i64, Refusal> {
        let chat = parameters.integer("chat_id").ok_or_else(|| Refusal::bad_request("chat_id is empty"))?;
        match self.chats.lock().expect("no panic").get(&chat) {
            Some(ChatState::Open) => Ok(chat),
            Some(ChatState::Blocked) => Err(Refusal::new("Forbidden: bot was blocked by the user")),
            Some(ChatState::Deactivated) => Err(Refusal::new("Forbidden: user is deactivated")),
            None => Err(Refusal::bad_request("chat not found")),
        }
    }

    fn authenticate(&self, token: &str) -> Result<(), Refusal> {
        let token = token.replace("%3A", ":");
        let is_token = token.split_once(':').is_some_and(|(id, _)| id.parse::<i64>().is_ok());
        if !is_token {
            return Err(Refusal::new("Not Found"));
        }
        if !self.tokens.take(|known| known == token) {
            return Err(Refusal::new("Unauthorized"));
        }
        Ok(())
    }

    fn answer_press(&self, parameters: &Parameters) -> Result<Done, Refusal> {
        if parameters.text("text").is_some_and(|text| text.chars().count() > NOTE_LENGTH) {
            return Err(Refusal::bad_request("MESSAGE_TOO_LONG"));
        }
        let id = parameters.text("callback_query_id").unwrap_or_default();
        if !self.queries.lock().expect("no panic").remove(id) {
            let reason = "query is too old and response timeout expired or query ID is invalid";
            return Err(Refusal::bad_request(reason));
        }
        Ok(json!(true).into())
    }

    fn show_action(&self, parameters: &Parameters) -> Result<Done, Refusal> {
        if !parameters.text("action").is_some_and(|action| ACTIONS.contains(&action)) {
            return Err(Refusal::bad_request("wrong parameter action in request"));
        }
        let chat = self.open_chat(parameters)?;
        self.typing.lock().expect("no panic").insert(chat, Timestamp::now() + TYPING);
        Ok(json!(true).into())
    }

    fn call(
        &self,
        method: &'static str,
        parameters: &Parameters,
        file: Option<Result<SentFile, Refusal>>,
    ) -> Result<Done, Refusal> {
        let done = match method {
            "sendChatAction" => self.show_action(parameters),
            "answerCallbackQuery" => self.answer_press(parameters),
            "getMe" => Ok(user(self.id).into()),
            "getFile" => self.files.link(parameters),
            "setWebhook" => self.webhook.set(parameters),
            "getWebhookInfo" => Ok(self.webhook.info().into()),
            "deleteWebhook" => Ok(self.webhook.delete(parameters)),
            _ if method.starts_with("edit") => self.edit(method, parameters),
            _ => self.send(parameters, file.transpose()?),
        }?;
        let call = Call { method, parameters: parameters.values.clone() };
        self.calls.send_modify(|calls| calls.push(call));
        self.acts.changed();
        Ok(done)
    }

    /// Reads and executes a call.
    async fn take(&self, method: &str, request: Request) -> Result<Response, ConnectionReset> {
        let Some((method, known)) = METHODS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(method)) else {
            self.mistake(format!("the method {method} is not simulated"));
            return Ok(Refusal::new("Not Found").into_response());
        };
        let (head, body) = request.into_parts();
        let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
            return Ok(Refusal::new("Request Entity Too Large").into_response());
        };
        if ![Method::GET, Method::POST].contains(&head.method) {
            return Ok(Refusal::new("Not Found").into_response());
        }
        let parameters = match Parameters::read(head.uri.query(), &head.headers, body).await {
            Ok(parameters) => parameters,
            Err(refusal) => return Ok(refusal.into_response()),
        };
        let kind = kind_of(method);
        let is_message = kind.is_some() || method == "sendMessage";
        let is_known = |name: &str| known.contains(&name) || is_message && SEND.contains(&name);
        if let Some(name) = parameters.values.keys().find(|name| !is_known(name)) {
            self.mistake(format!("the parameter {name} of {method} is unexpected"));
        }
        let file = match kind {
            Some(kind) => Some(self.files.read(kind, &parameters).await),
            None => None,
        };
        let fault = self.faults.next(&Target::Operation(method.to_owned()));
        let fault = fault.or_else(|| if is_message { self.faults.next(&Target::AnyCall) } else { None });
        let work = async {
            self.call(method, &parameters, file).map_or_else(IntoResponse::into_response, Done::into_response)
        };
        let outcome = Fault::inject::<Refusal>(fault, work).await;
        if is_message {
            self.attempts.send_modify(|attempts| *attempts += 1);
        }
        outcome
    }
}

pub(super) async fn handle(State(bot): State<Arc<Bot>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let (path, is_file) = match path.strip_prefix("/file") {
        Some(path) => (path, true),
        None => (path.as_str(), false),
    };
    let Some((token, rest)) = path.strip_prefix("/bot").and_then(|path| path.split_once('/')) else {
        return Refusal::new("Not Found").into_response();
    };
    if let Err(refusal) = bot.authenticate(token) {
        return refusal.into_response();
    }
    if is_file {
        return bot.files.download(rest);
    }
    bot.take(rest, request).await.unwrap_or_else(ConnectionReset::close)
}
