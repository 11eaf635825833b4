//! What customers do, as updates.

use super::bot::{Bot, ChatState, user};
use super::files::{photo_size, unique};
use super::messages::Sent;
use axum::body::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use uuid::Uuid;

/// An update. Posted twice, it is a repeat.
#[derive(Debug, Clone)]
pub struct Update {
    pub id: i64,
    pub body: Value,
}

/// A file of a customer.
#[derive(Debug, Clone)]
pub struct CustomerFile {
    /// Its member in the message, such as `document` or `voice`.
    member: &'static str,
    name: &'static str,
    mime: &'static str,
    content: Bytes,
    size: usize,
    fields: Value,
}

impl CustomerFile {
    #[must_use]
    pub fn photo(content: impl Into<Bytes>) -> Self {
        Self::new("photo", "photo.jpg", "image/jpeg", content)
    }

    #[must_use]
    pub fn document(name: &'static str, mime: &'static str, content: impl Into<Bytes>) -> Self {
        Self { fields: json!({"file_name": name}), ..Self::new("document", name, mime, content) }
    }

    #[must_use]
    pub fn voice(content: impl Into<Bytes>) -> Self {
        Self { fields: json!({"duration": 1}), ..Self::new("voice", "voice.ogg", "audio/ogg", content) }
    }

    #[must_use]
    pub fn audio(content: impl Into<Bytes>) -> Self {
        Self { fields: json!({"duration": 1}), ..Self::new("audio", "audio.mp3", "audio/mpeg", content) }
    }

    #[must_use]
    pub fn video(content: impl Into<Bytes>) -> Self {
        let fields = json!({"width": 1280, "height": 960, "duration": 1});
        Self { fields, ..Self::new("video", "video.mp4", "video/mp4", content) }
    }

    /// A silent video, which comes as a document as well.
    #[must_use]
    pub fn animation(content: impl Into<Bytes>) -> Self {
        let fields = json!({"width": 1280, "height": 960, "duration": 1});
        Self { fields, ..Self::new("animation", "animation.mp4", "video/mp4", content) }
    }

    /// A round video.
    #[must_use]
    pub fn video_note(content: impl Into<Bytes>) -> Self {
        let fields = json!({"length": 240, "duration": 1});
        Self { fields, ..Self::new("video_note", "note.mp4", "video/mp4", content) }
    }

    /// A static sticker.
    #[must_use]
    pub fn sticker(emoji: &str, content: impl Into<Bytes>) -> Self {
        let fields = json!({
            "type": "regular", "width": 512, "height": 512, "is_animated": false, "is_video": false, "emoji": emoji,
        });
        Self { fields, ..Self::new("sticker", "sticker.webp", "image/webp", content) }
    }

    fn new(member: &'static str, name: &'static str, mime: &'static str, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        let size = content.len();
        Self { member, name, mime, content, size, fields: json!({}) }
    }

    /// Of this size in bytes, as Telegram tells it.
    #[must_use]
    pub fn of_size(self, size: usize) -> Self {
        Self { size, ..self }
    }
}

fn customer(chat: i64) -> Value {
    json!({
        "id": chat, "is_bot": false, "first_name": "Ada", "last_name": "Example", "username": "ada_example",
        "language_code": "en",
    })
}

fn private(chat: i64) -> Value {
    json!({"id": chat, "type": "private", "first_name": "Ada", "last_name": "Example", "username": "ada_example"})
}

/// The first value with the members of the second.
fn with(mut object: Value, members: Value) -> Value {
    if let (Some(object), Value::Object(members)) = (object.as_object_mut(), members) {
        object.extend(members);
    }
    object
}

impl Update {
    /// Its one member besides its id, such as `message`.
    #[must_use]
    pub fn kind(&self) -> &str {
        let names = self.body.as_object().into_iter().flat_map(|body| body.keys());
        names.map(String::as_str).find(|name| *name != "update_id").unwrap_or_default()
    }

    /// The chat that it is of.
    pub(super) fn chat(&self) -> Option<i64> {
        let content = self.content();
        let own = content.pointer("/chat/id").or_else(|| content.pointer("/message/chat/id"));
        own.and_then(Value::as_i64)
    }

    /// The member of its kind.
    #[must_use]
    pub fn content(&self) -> &Value {
        &self.body[self.kind()]
    }
}

impl Bot {
    pub(super) fn update(&self, kind: &str, content: &Value) -> Update {
        if let ("callback_query", Some(query)) = (kind, content["id"].as_str()) {
            self.queries.lock().expect("no panic").insert(query.to_owned());
        }
        let id = self.last_update.fetch_add(1, Ordering::SeqCst) + 1;
        Update { id, body: json!({"update_id": id, kind: content}) }
    }

    /// A message with this content. The bot may write to its chat from now on.
    pub(super) fn message(&self, chat: i64, content: Value) -> Update {
        self.chats.lock().expect("no panic").entry(chat).or_insert(ChatState::Open);
        let message = json!({
            "message_id": self.next_message(chat), "date": Timestamp::now().as_second(), "from": customer(chat),
            "chat": private(chat),
        });
        self.update("message", &with(message, content))
    }

    pub(super) fn file(&self, chat: i64, file: &CustomerFile, caption: Option<&str>) -> Update {
        let id = self.files.keep(file.name, file.content.clone(), file.size);
        let mut content = json!({});
        content[file.member] = if file.member == "photo" {
            let small = self.files.keep(file.name, Bytes::from_static(b"small"), 5);
            let small = with(photo_size(&small, 5), json!({"width": 90, "height": 67}));
            json!([small, photo_size(&id, file.size)])
        } else {
            let mut value = json!({"file_id": id, "file_unique_id": unique(&id), "file_size": file.size});
            if !["sticker", "video_note"].contains(&file.member) {
                value["mime_type"] = file.mime.into();
            }
            if file.member == "animation" {
                content["document"] = value.clone();
            }
            with(value, file.fields.clone())
        };
        if let Some(caption) = caption {
            content["caption"] = caption.into();
        }
        self.message(chat, content)
    }

    /// The message of `update` with another text.
    pub(super) fn edited(&self, update: &Update, text: &str) -> Update {
        let date = Timestamp::now().as_second();
        self.update("edited_message", &with(update.content().clone(), json!({"text": text, "edit_date": date})))
    }

    pub(super) fn press(&self, sent: &Sent, title: &str) -> Update {
        let data = sent.button(title).and_then(|button| button["callback_data"].as_str());
        let data = data.unwrap_or_else(|| panic!("{sent:?} has no button {title} to press"));
        let id = Uuid::new_v4().as_u128().to_string();
        let press = json!({
            "id": id, "chat_instance": "-4120", "data": data, "from": customer(sent.chat),
            "message": sent.json(self.id),
        });
        self.update("callback_query", &press)
    }

    /// The customer blocks the bot, or unblocks it.
    pub(super) fn membership(&self, chat: i64, blocks: bool) -> Update {
        let state = if blocks { ChatState::Blocked } else { ChatState::Open };
        self.chats.lock().expect("no panic").insert(chat, state);
        let (kicked, member) = (json!({"status": "kicked", "until_date": 0}), json!({"status": "member"}));
        let (old, new) = if blocks { (member, kicked) } else { (kicked, member) };
        let change = json!({
            "date": Timestamp::now().as_second(), "chat": private(chat), "from": customer(chat),
            "old_chat_member": with(old, json!({"user": user(self.id)})),
            "new_chat_member": with(new, json!({"user": user(self.id)})),
        });
        self.update("my_chat_member", &change)
    }
}
