//! Messages of the bot: how they are sent and edited.

use super::answers::{Done, Refusal};
use super::bot::{Bot, user};
use super::files::{Kind, SentFile};
use super::keyboard;
use super::parameters::Parameters;
use super::text::Text;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Instant;

/// A message of the bot, in its present state.
#[derive(Debug, Clone)]
pub struct Sent {
    pub chat: i64,
    pub message_id: i64,
    /// In seconds since 1970.
    pub date: i64,
    /// The text, or the text with the file; empty if there is none.
    pub text: String,
    pub entities: Vec<Value>,
    pub file: Option<SentFile>,
    /// `reply_markup`
    pub markup: Option<Value>,
    /// Whether a link in the text gets a preview.
    pub has_preview: bool,
    pub replies_to: Option<i64>,
    pub at: Instant,
}

impl Sent {
    /// The titles of its inline buttons.
    #[must_use]
    pub fn buttons(&self) -> Vec<&str> {
        keyboard::buttons(self.markup.as_ref()).into_iter().filter_map(|button| button["text"].as_str()).collect()
    }

    /// The inline button of this title.
    #[must_use]
    pub fn button(&self, title: &str) -> Option<&Value> {
        keyboard::buttons(self.markup.as_ref()).into_iter().find(|button| button["text"] == title)
    }

    /// The message in the API.
    pub(super) fn json(&self, bot: i64) -> Value {
        let mut message = json!({
            "message_id": self.message_id, "date": self.date, "chat": {"id": self.chat, "type": "private", "first_name": "Ada"},
            "from": user(bot),
        });
        let (text, entities) = if self.file.is_some() { ("caption", "caption_entities") } else { ("text", "entities") };
        if !self.text.is_empty() {
            message[text] = self.text.clone().into();
        }
        if !self.entities.is_empty() {
            message[entities] = json!(self.entities);
        }
        if let Some(file) = &self.file {
            message[file.kind.name()] = file.json();
        }
        if let Some(markup) = self.markup.as_ref().filter(|markup| markup["inline_keyboard"].is_array()) {
            message["reply_markup"] = markup.clone();
        }
        message
    }
}

/// The kind of file that a method sends.
pub(super) fn kind_of(method: &str) -> Option<Kind> {
    Some(match method {
        "sendPhoto" => Kind::Photo,
        "sendDocument" => Kind::Document,
        "sendVideo" => Kind::Video,
        "sendAnimation" => Kind::Animation,
        "sendAudio" => Kind::Audio,
        "sendVoice" => Kind::Voice,
        _ => return None,
    })
}

fn markup(parameters: &Parameters) -> Result<Option<Value>, Refusal> {
    let markup: Option<Value> = parameters.json("reply_markup")?;
    markup.iter().try_for_each(keyboard::check)?;
    Ok(markup)
}

impl Bot {
    pub(super) fn send(&self, parameters: &Parameters, file: Option<SentFile>) -> Result<Done, Refusal> {
        let text = if file.is_some() { Text::caption(parameters)? } else { Text::message(parameters)? };
        let markup = markup(parameters)?;
        let preview: Option<Value> = parameters.json("link_preview_options")?;
        let reply: Option<Value> = parameters.json("reply_parameters")?;
        let chat = self.open_chat(parameters)?;
        let mut replies_to = None;
        if let Some(reply) = reply {
            let wanted = reply["message_id"].as_i64();
            replies_to = wanted.filter(|id| self.has_message(chat, *id));
            if replies_to.is_none() && reply["allow_sending_without_reply"] != true {
                return Err(Refusal::bad_request("message to be replied not found"));
            }
        }
        let sent = Sent {
            chat,
            message_id: self.next_message(chat),
            date: Timestamp::now().as_second(),
            text: text.text,
            entities: text.entities,
            file,
            markup,
            has_preview: preview.is_none_or(|preview| preview["is_disabled"] != true),
            replies_to,
            at: Instant::now(),
        };
        let answer = sent.json(self.id);
        self.sent.send_modify(|all| all.push(sent));
        self.typing.lock().expect("no panic").remove(&chat);
        Ok(answer.into())
    }

    /// Edits the text, the text with the file, or the keyboard only.
    pub(super) fn edit(&self, method: &str, parameters: &Parameters) -> Result<Done, Refusal> {
        let text = match method {
            "editMessageText" => Some(Text::message(parameters)?),
            "editMessageCaption" => Some(Text::caption(parameters)?),
            _ => None,
        };
        let markup = markup(parameters)?.filter(|markup| markup["inline_keyboard"] != json!([]));
        let chat = self.open_chat(parameters)?;
        let id = parameters.integer("message_id");
        let mut outcome = Err(Refusal::bad_request("message to edit not found"));
        self.sent.send_if_modified(|all| {
            let Some(sent) = all.iter_mut().find(|sent| sent.chat == chat && Some(sent.message_id) == id) else {
                return false;
            };
            if text.is_some() && sent.file.is_some() != (method == "editMessageCaption") {
                outcome = Err(Refusal::bad_request("there is no text in the message to edit"));
                return false;
            }
            let text = text.unwrap_or_else(|| Text { text: sent.text.clone(), entities: sent.entities.clone() });
            if (&text.text, &text.entities, &markup) == (&sent.text, &sent.entities, &sent.markup) {
                outcome = Err(Refusal::bad_request("message is not modified"));
                return false;
            }
            (sent.text, sent.entities, sent.markup) = (text.text, text.entities, markup);
            outcome = Ok(sent.json(self.id).into());
            true
        });
        outcome
    }
}
