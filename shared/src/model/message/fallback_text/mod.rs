//! Renders a message as plain text, for channels without buttons, and as blocks, for channels with them.
//!
//! Both depend only on the message, so that every attempt has the same.

mod block;

pub use block::{Answer, Block, Line};

use self::block::plain_text;
use super::html;
use super::{Attachment, Email, MessageKind};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// A longer text is truncated, and its blocks with it. This limits the size of a delivery, and in how many parts a channel
/// sends a message. The message contains its full text anyway.
pub(crate) const MAX_BYTES: usize = 65_536;

/// The statuses of a message that did not reach the customer.
const NOT_DELIVERED: [&str; 2] = ["failed", "undelivered"];

/// The members that contain text for people, in reading order.
const HUMAN_MEMBERS: [&str; 14] = [
    "title",
    "header",
    "subtitle",
    "label",
    "text",
    "body",
    "message",
    "description",
    "caption",
    "emoji",
    "address",
    "url",
    "imageUrl",
    "videoUrl",
];

/// The members that contain data for machines.
const MACHINE_MEMBERS: [&str; 7] =
    ["payload", "metadata", "parameters", "customAttributes", "extensions", "context", "data"];

/// A message as it is shown to people. It is serialized as plain text.
#[derive(Clone, PartialEq, Serialize)]
#[serde(into = "String")]
pub struct FallbackText {
    text: String,
    /// The parts of the text, in its order.
    blocks: Vec<Block>,
}

impl FallbackText {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }
}

impl From<FallbackText> for String {
    fn from(text: FallbackText) -> Self {
        text.text
    }
}

/// Hides the text.
impl fmt::Debug for FallbackText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FallbackText").finish_non_exhaustive()
    }
}

/// The kind of a block. Blocks are separated by an empty line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// A text, card or template: a section for each.
    Block,
    /// Standalone options: one section for consecutive ones.
    Options,
    /// Files: one section for consecutive ones.
    Files,
}

/// Writes the text section by section.
pub(crate) struct Writer {
    own_text: String,
    /// Whether a part of the message contains that text.
    own_text_is_shown: bool,
    /// The length of all lines, in bytes.
    written: usize,
    blocks: Vec<Block>,
    section: Option<Section>,
    is_new_section: bool,
    last_line: String,
    /// Number of options so far. They are numbered across the whole message, so that a customer can reply with a number.
    options: usize,
}

impl Writer {
    /// `own_text` is the text of the message itself. It comes first, unless a part of the message contains it.
    pub(crate) fn new(own_text: Option<&str>) -> Self {
        Self {
            own_text: tidy(own_text.unwrap_or_default()),
            own_text_is_shown: false,
            written: 0,
            blocks: Vec::new(),
            section: None,
            is_new_section: false,
            last_line: String::new(),
            options: 0,
        }
    }

    /// Starts a section, or continues the last one if both are lists of the same kind.
    pub(crate) fn section(&mut self, section: Section) {
        if section == Section::Block || self.section != Some(section) {
            self.is_new_section = true;
        }
        self.section = Some(section);
    }

    /// Writes a text of one or more lines, unless it has just been written.
    pub(crate) fn text(&mut self, text: &str) {
        if self.has_room() {
            self.covers(text);
            self.push(Line::Text(tidy(text)));
        }
    }

    /// Writes the title of a block.
    pub(crate) fn title(&mut self, text: &str) {
        if self.has_room() {
            self.covers(text);
            self.push(Line::Title(tidy(text)));
        }
    }

    fn has_room(&self) -> bool {
        self.written <= MAX_BYTES
    }

    /// Records that a part contains this text in another form.
    pub(crate) fn covers(&mut self, text: &str) {
        self.own_text_is_shown |= tidy(text) == self.own_text;
    }

    /// Writes an option with the next number. `answer` is what a customer's choice of it is.
    pub(crate) fn option(&mut self, label: &str, answer: Option<Answer>) {
        let label = one_line(label);
        if !label.is_empty() {
            self.options += 1;
            self.push(Line::Option { number: self.options, label, answer });
        }
    }

    /// Writes a link: a URL or a phone number.
    pub(crate) fn link(&mut self, label: &str, target: &str) {
        self.push(Line::Link { label: one_line(label), target: one_line(target) });
    }

    pub(crate) fn file(&mut self, file: &Attachment) {
        let tidy = |text: &Option<String>| text.as_deref().map(one_line);
        self.push(Line::File(Attachment { filename: tidy(&file.filename), url: tidy(&file.url), ..file.clone() }));
    }

    /// Writes the image of a card.
    pub(crate) fn image(&mut self, alternative: &str, url: &str) {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let media_type = text("Image");
        self.file(&Attachment { media_type, url: text(url), filename: text(alternative), mime: None });
    }

    pub(crate) fn html(&mut self, html: &str) {
        self.text(&html::to_text(html));
    }

    /// Writes an email, whose subject is the text of the message itself.
    pub(crate) fn email(&mut self, email: &Email) {
        self.section(Section::Block);
        match email.text.as_deref().filter(|text| !text.trim().is_empty()) {
            Some(text) => self.text(text),
            None => self.html(email.html.as_deref().unwrap_or_default()),
        }
        self.files(&email.attachments);
    }

    fn files(&mut self, files: &[Attachment]) {
        self.section(Section::Files);
        files.iter().for_each(|file| self.file(file));
    }

    /// Writes the text for people in a JSON value of unknown structure.
    pub(crate) fn value(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            other => self.members(other),
        }
    }

    fn members(&mut self, value: &Value) {
        match value {
            Value::Array(elements) => elements.iter().for_each(|element| self.members(element)),
            Value::Object(members) => {
                let order = |name: &str| HUMAN_MEMBERS.iter().position(|human| *human == name);
                let mut human: Vec<_> =
                    members.iter().filter_map(|(name, value)| Some((order(name)?, value))).collect();
                human.sort_unstable_by_key(|(order, _)| *order);
                human.into_iter().for_each(|(_, value)| self.value(value));
                let is_read = |name: &str| HUMAN_MEMBERS.contains(&name) || MACHINE_MEMBERS.contains(&name);
                let inner = members.iter().filter(|(name, _)| !is_read(name));
                inner.for_each(|(_, value)| self.members(value));
            }
            _ => {}
        }
    }

    /// The text, or `None` if it is empty.
    pub(crate) fn finish(self) -> Option<FallbackText> {
        let own_text = Some(self.own_text).filter(|text| !self.own_text_is_shown && !text.is_empty());
        let mut blocks: Vec<_> = own_text.map(Block::of_text).into_iter().chain(self.blocks).collect();
        let mut text = plain_text(&blocks);
        if text.len() > MAX_BYTES {
            block::truncate(&mut blocks, MAX_BYTES);
            text = plain_text(&blocks);
        }
        (!text.is_empty()).then_some(FallbackText { text, blocks })
    }

    fn push(&mut self, line: Line) {
        let text = line.to_string();
        let is_repeated = text == self.last_line && !self.is_new_section;
        if text.is_empty() || is_repeated || !self.has_room() {
            return;
        }
        self.written += text.len();
        match self.blocks.last_mut() {
            Some(block) if !self.is_new_section => block.lines.push(line),
            _ => {
                let section = self.section.unwrap_or(Section::Block);
                self.blocks.push(Block { section, lines: vec![line] });
            }
        }
        self.is_new_section = false;
        self.last_line = text;
    }
}

impl MessageKind {
    /// The text for the content that all platforms have in common. Platforms with more content write it themselves.
    pub(crate) fn fallback_text(&self) -> Option<FallbackText> {
        match self {
            Self::Text(content) | Self::Structured(content) => {
                text_and_files(content.status.as_deref(), content.text.as_deref(), &content.attachments)
            }
            Self::Email(email) => {
                let mut written =
                    Writer::new(with_status(email.status.as_deref(), email.subject.as_deref()).as_deref());
                written.email(email);
                written.finish()
            }
            Self::Call(call) => {
                let status = call.status.as_deref().map(|status| format!(": {status}")).unwrap_or_default();
                let sentence = format!("Phone call{}{status}.", duration(call.duration_seconds));
                event(&sentence, call.text.as_deref(), &call.attachments)
            }
            Self::Voicemail(voicemail) => {
                let sentence = format!("Voicemail{}.", duration(voicemail.duration_seconds));
                event(&sentence, voicemail.text.as_deref(), &voicemail.attachments)
            }
            Self::Other(other) => text_and_files(other.status.as_deref(), other.text.as_deref(), &other.attachments),
            Self::Receipt(_) | Self::Typing(_) | Self::Conversation(_) | Self::InboundFailed(_) => None,
        }
    }
}

fn text_and_files(status: Option<&str>, text: Option<&str>, files: &[Attachment]) -> Option<FallbackText> {
    let mut written = Writer::new(with_status(status, text).as_deref());
    written.files(files);
    written.finish()
}

/// The text of a message that the platform has sent, after a sentence if it was not delivered.
fn with_status<'t>(status: Option<&str>, text: Option<&'t str>) -> Option<Cow<'t, str>> {
    let status = NOT_DELIVERED.into_iter().find(|word| status.is_some_and(|status| word.eq_ignore_ascii_case(status)));
    match status {
        Some(word) => Some(format!("Not delivered: {word}.\n\n{}", text.unwrap_or_default()).into()),
        None => text.map(Cow::from),
    }
}

/// The sentence, the platform's description, and the recordings.
fn event(sentence: &str, text: Option<&str>, recordings: &[Attachment]) -> Option<FallbackText> {
    let mut written = Writer::new(None);
    written.text(&one_line(sentence));
    written.text(text.unwrap_or_default());
    recordings.iter().for_each(|recording| written.file(recording));
    written.finish()
}

fn duration(seconds: Option<u64>) -> String {
    match seconds {
        None => String::new(),
        Some(1) => " of 1 second".to_owned(),
        Some(seconds) => format!(" of {seconds} seconds"),
    }
}

/// Normalizes line endings, and removes trailing whitespace and surrounding empty lines.
fn tidy(text: &str) -> String {
    let mut text = Cow::from(text.trim());
    if text.contains('\r') {
        text = text.replace("\r\n", "\n").replace('\r', "\n").into();
    }
    let mut tidied = String::with_capacity(text.len());
    for line in text.lines() {
        if !tidied.is_empty() {
            tidied.push('\n');
        }
        tidied.push_str(line.trim_end());
    }
    tidied
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
