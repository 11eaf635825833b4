//! A message as plain text, so that a channel without buttons can send it.
//!
//! The text is made where a message is read, from nothing but the message, so that every attempt has the same.

use super::html;
use super::{Attachment, Email, Kind};
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// What is longer is cut off, so that a delivery does not grow by the whole of a large message: no channel that needs this
/// text takes so much at once, and the message has its own text in full.
pub(crate) const MAXIMUM_BYTES: usize = 65_536;
/// What stands at the end of a text that was cut off.
const CUT: &str = "…";

/// The members that hold words for people, in whatever object they stand, in the order in which they are read.
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

/// The members that hold data for machines, whatever is inside.
const MACHINE_MEMBERS: [&str; 7] =
    ["payload", "metadata", "parameters", "customAttributes", "extensions", "context", "data"];

/// A message as plain text.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct FallbackText(pub(crate) String);

/// What was written stays out of whatever prints it.
impl fmt::Debug for FallbackText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("FallbackText").finish_non_exhaustive()
    }
}

/// What a section of the text shows. Sections are separated by an empty line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// Text, a card, a template: each is a section of its own.
    Block,
    /// Options that stand alone; those that follow each other are one section.
    Options,
    /// Files; those that follow each other are one section.
    Files,
}

/// Writes the text, section by section.
pub(crate) struct Writer {
    /// The message's own text.
    own_text: String,
    /// Whether a part of the message shows that text.
    own_text_is_shown: bool,
    written: String,
    section: Option<Section>,
    is_new_section: bool,
    last_line: String,
    /// How many options have a number. Numbers run through the message, so that a customer can answer with one.
    options: usize,
}

impl Writer {
    /// Of a message with this text, which stands above all else unless a part shows it.
    pub(crate) fn new(own_text: Option<&str>) -> Self {
        Self {
            own_text: tidy(own_text.unwrap_or_default()),
            own_text_is_shown: false,
            written: String::new(),
            section: None,
            is_new_section: false,
            last_line: String::new(),
            options: 0,
        }
    }

    /// Begins a section, or continues the last one where both list the same.
    pub(crate) fn section(&mut self, section: Section) {
        if section == Section::Block || self.section != Some(section) {
            self.is_new_section = true;
        }
        self.section = Some(section);
    }

    /// A text, perhaps of several lines. One that has just been written is not repeated.
    pub(crate) fn text(&mut self, text: &str) {
        if self.has_room() {
            self.covers(text);
            self.push(tidy(text));
        }
    }

    /// Whether what is written next is not cut off as a whole.
    fn has_room(&self) -> bool {
        self.written.len() <= MAXIMUM_BYTES
    }

    /// Notes that a part shows this text, in another form.
    pub(crate) fn covers(&mut self, text: &str) {
        self.own_text_is_shown |= tidy(text) == self.own_text;
    }

    /// Something to choose, under the next number.
    pub(crate) fn option(&mut self, label: &str) {
        let label = one_line(label);
        if !label.is_empty() {
            self.options += 1;
            self.push(format!("{}. {label}", self.options));
        }
    }

    /// Where something leads: a URL or a telephone number.
    pub(crate) fn link(&mut self, label: &str, target: &str) {
        let (label, target) = (one_line(label), one_line(target));
        self.push(match (label.as_str(), target.as_str()) {
            ("", _) => target,
            (_, "") => label,
            _ if label == target => target,
            _ => format!("{label}: {target}"),
        });
    }

    /// A file.
    pub(crate) fn file(&mut self, file: &Attachment) {
        self.link(file.filename.as_deref().unwrap_or_default(), file.url.as_deref().unwrap_or_default());
    }

    /// A text that is written as HTML.
    pub(crate) fn html(&mut self, html: &str) {
        self.text(&html::to_text(html));
    }

    /// An e-mail, whose subject is the own text.
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

    /// Whatever words a JSON value of unknown shape has for people.
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
                HUMAN_MEMBERS.iter().filter_map(|name| members.get(*name)).for_each(|value| self.value(value));
                let is_read = |name: &str| HUMAN_MEMBERS.contains(&name) || MACHINE_MEMBERS.contains(&name);
                let inner = members.iter().filter(|(name, _)| !is_read(name));
                inner.for_each(|(_, value)| self.members(value));
            }
            _ => {}
        }
    }

    /// The text; none where there is nothing to say.
    pub(crate) fn finish(self) -> Option<FallbackText> {
        let own_text = if self.own_text_is_shown { "" } else { &self.own_text };
        let separator = if own_text.is_empty() || self.written.is_empty() { "" } else { "\n\n" };
        let mut text = [own_text, separator, &self.written].concat();
        if text.len() > MAXIMUM_BYTES {
            text.truncate(text.floor_char_boundary(MAXIMUM_BYTES - CUT.len()));
            text.truncate(text.trim_end().len());
            text.push_str(CUT);
        }
        (!text.is_empty()).then_some(FallbackText(text))
    }

    fn push(&mut self, line: String) {
        let is_repeated = line == self.last_line && !self.is_new_section;
        if line.is_empty() || is_repeated || !self.has_room() {
            return;
        }
        if !self.written.is_empty() {
            self.written.push_str(if self.is_new_section { "\n\n" } else { "\n" });
        }
        self.written.push_str(&line);
        self.is_new_section = false;
        self.last_line = line;
    }
}

impl Kind {
    /// The text of a message that is all in its kind: platforms that have further content write that themselves.
    pub(crate) fn fallback_text(&self) -> Option<FallbackText> {
        match self {
            Self::Text(content) | Self::Structured(content) => {
                let mut written = Writer::new(content.text.as_deref());
                written.files(&content.attachments);
                written.finish()
            }
            Self::Email(email) => {
                let mut written = Writer::new(email.subject.as_deref());
                written.email(email);
                written.finish()
            }
            Self::Call(call) => {
                let status = call.status.as_deref().map(|status| format!(": {status}")).unwrap_or_default();
                let sentence = format!("Phone call{}{status}.", lasting(call.duration_seconds));
                event(&sentence, call.text.as_deref(), &call.attachments)
            }
            Self::Voicemail(voicemail) => {
                let sentence = format!("Voicemail{}.", lasting(voicemail.duration_seconds));
                event(&sentence, voicemail.text.as_deref(), &voicemail.attachments)
            }
            Self::Receipt(_) | Self::Typing(_) | Self::Other(_) => None,
        }
    }
}

/// What happened, what the platform says of it, and the recordings.
fn event(sentence: &str, text: Option<&str>, recordings: &[Attachment]) -> Option<FallbackText> {
    let mut written = Writer::new(None);
    written.text(&one_line(sentence));
    written.text(text.unwrap_or_default());
    recordings.iter().for_each(|recording| written.file(recording));
    written.finish()
}

fn lasting(seconds: Option<u64>) -> String {
    match seconds {
        None => String::new(),
        Some(1) => " of 1 second".to_owned(),
        Some(seconds) => format!(" of {seconds} seconds"),
    }
}

/// Its lines, ended alike, without white space at their ends and without empty lines around them.
fn tidy(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
