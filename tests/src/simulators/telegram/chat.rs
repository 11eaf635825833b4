//! A chat as the customer's telephone shows it.

use super::bot::Bot;
use super::keyboard;
use super::messages::Sent;
use super::updates::Update;
use super::{TOKEN, Telegram};
use crate::simulators::telegram::parameters::Parameters;
use crate::simulators::telephone::{Act, Entry, File, Kind};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::watch;

/// How long a chat shows that the bot is typing.
pub(super) const TYPING: SignedDuration = SignedDuration::from_secs(5);

/// What the updates to an integration with [`Telegram::configuration`] are proved by.
pub const WEBHOOK_SECRET: &str = "webhook-secret-of-the-tests-0123456789";

/// The members of a message that are a file.
const FILES: [&str; 7] = ["document", "voice", "audio", "video", "animation", "video_note", "sticker"];

impl Telegram {
    /// The member `channel` of an integration's configuration.
    #[must_use]
    pub fn configuration(&self, public_url: &str) -> Value {
        json!({
            "kind": "telegram", "publicUrl": public_url, "botToken": TOKEN, "webhookSecrets": [WEBHOOK_SECRET],
            "apiBaseUrl": self.url,
        })
    }

    /// Sets the webhook of an integration with that configuration.
    pub fn connect(&self, url: &str) {
        let values = [("url", url), ("secret_token", WEBHOOK_SECRET)];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let parameters = Parameters { values: values.into(), ..Parameters::default() };
        assert!(self.bot.webhook.set(&parameters).is_ok(), "{url} cannot be a webhook");
    }

    /// Changes whenever a chat does.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.bot.acts.changes()
    }

    /// The chats that customers have written in.
    #[must_use]
    pub fn chats(&self) -> Vec<i64> {
        let mut chats: Vec<_> = self.bot.acts.all().iter().filter_map(|act| act.what.chat()).collect();
        chats.sort_unstable();
        chats.dedup();
        chats
    }

    /// What a chat shows, in order.
    #[must_use]
    pub fn chat(&self, chat: i64) -> Vec<Entry> {
        let acts = self.bot.acts.all();
        let own = acts.iter().filter(|act| act.what.chat() == Some(chat));
        let mut entries: Vec<_> = own.filter_map(|act| self.bot.entry(act)).collect();
        entries.extend(self.bot.sent.borrow().iter().filter(|sent| sent.chat == chat).map(Sent::entry));
        entries.sort_by_key(|entry| entry.at);
        entries
    }

    /// Until when the chat shows that the bot is typing.
    #[must_use]
    pub fn typing_until(&self, chat: i64) -> Option<Timestamp> {
        self.bot.typing.lock().expect("no panic").get(&chat).copied()
    }
}

impl Bot {
    /// What the chat shows of an update, if anything.
    fn entry(&self, act: &Act<Update>) -> Option<Entry> {
        let (update, content) = (&act.what, act.what.content());
        let text = |name: &str| content[name].as_str().unwrap_or_default().to_owned();
        let entry = match update.kind() {
            "message" => {
                let words = [text("text"), text("caption")].concat();
                let files = self.file_of(content).into_iter().collect();
                Entry { files, ..Entry::new(content["message_id"].to_string(), Kind::Written, words, act.at) }
            }
            "callback_query" => {
                let buttons = keyboard::buttons(content["message"].get("reply_markup"));
                let pressed = buttons.into_iter().find(|button| button["callback_data"] == content["data"])?;
                let title = pressed["text"].as_str()?.to_owned();
                Entry::new(text("id"), Kind::Pressed, title, act.at)
            }
            _ => return None,
        };
        Some(Entry { state: Some(act.state), ..entry })
    }

    /// The file of a customer's message.
    fn file_of(&self, message: &Value) -> Option<File> {
        let photo = message["photo"].as_array().and_then(|sizes| sizes.last());
        let file = photo.or_else(|| FILES.iter().find_map(|name| message.get(*name)))?;
        let (name, content) = self.files.content(file["file_id"].as_str()?)?;
        let media_type = file["mime_type"].as_str().unwrap_or("image/jpeg").to_owned();
        Some(File { name, media_type, url: None, content })
    }
}

impl Sent {
    fn entry(&self) -> Entry {
        let time = Timestamp::from_second(self.date).unwrap_or_default();
        let files = self.file.iter().map(|file| File {
            name: if file.name.is_empty() { file.kind.name().to_owned() } else { file.name.clone() },
            media_type: file.content_type.clone().unwrap_or_else(|| "application/octet-stream".to_owned()),
            url: None,
            content: file.content.clone(),
        });
        let buttons = keyboard::buttons(self.markup.as_ref()).into_iter();
        Entry {
            entities: self.entities.clone(),
            files: files.collect(),
            buttons: buttons.map(|button| json!({"text": button["text"], "url": button["url"]})).collect(),
            ..Entry::new(self.message_id.to_string(), Kind::Received, self.text.clone(), (self.at, time))
        }
    }
}
