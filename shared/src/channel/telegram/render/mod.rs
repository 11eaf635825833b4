//! Renders messages for Telegram.

use super::part::{Button, Content, MAX_BUTTONS, OutgoingFile, Part};
use super::text::{Lines, MAX_CAPTION, MAX_TEXT, Passage};
use crate::channel::message::{ChannelMessage, Unsupported};
use crate::channel::offer::{offer_key, press_data};
use crate::limits::truncate;
use crate::model::message::{Block, Line, Section};

/// The parts of a message: a text, a card and a file are a part each; options are buttons below the text before them.
pub(super) fn render(message: &ChannelMessage<'_>) -> Result<Vec<Part>, Unsupported> {
    let chat = chat_id(message.address).ok_or(Unsupported("The customer's address is not a Telegram chat."))?;
    let mut renderer = Renderer { chat, offer: offer_key(message.digest), parts: Vec::new() };
    message.blocks.iter().for_each(|block| renderer.block(block));
    let parts = renderer.parts;
    if parts.is_empty() { Err(Unsupported("The message has nothing that Telegram can show.")) } else { Ok(parts) }
}

/// The chat with a customer: a number. A group's is negative.
pub(super) fn chat_id(address: &str) -> Option<i64> {
    let digits = address.strip_prefix('-').unwrap_or(address);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { address.parse().ok() } else { None }
}

struct Renderer {
    chat: i64,
    offer: String,
    parts: Vec<Part>,
}

impl Renderer {
    fn block(&mut self, block: &Block) {
        let is_list = block.section == Section::Files;
        let is_only_file = is_list && block.lines.iter().filter(|line| matches!(line, Line::File(_))).count() == 1;
        let (mut lines, mut buttons, mut images) = (Lines::default(), Vec::new(), Vec::new());
        for line in &block.lines {
            match line {
                Line::Text(text) => lines.push(text),
                Line::Title(title) => lines.push_title(title),
                Line::Option { number, label, .. } => {
                    buttons.push(Button::option(label, press_data(&self.offer, *number)));
                }
                Line::Link { label, target } => match Button::link(label, target) {
                    Some(button) => buttons.push(button),
                    None => lines.push(&line.to_string()),
                },
                Line::File(file) => match OutgoingFile::of(file) {
                    None => lines.push(&line.to_string()),
                    Some(file) if !is_list => images.push(file),
                    Some(file) if is_only_file && lines.is_empty() => {
                        let caption = self.take_text();
                        self.push(Content::File { file, caption }, Vec::new());
                    }
                    // In a list, the text before a file belongs to it.
                    Some(file) => self.file(file, &std::mem::take(&mut lines), Vec::new()),
                },
            }
        }
        let mut images = images.into_iter();
        match images.next() {
            Some(image) => self.file(image, &lines, buttons),
            None => self.text(&lines, buttons),
        }
        images.for_each(|image| self.push(Content::File { file: image, caption: None }, Vec::new()));
    }

    /// A file with its text, which follows it if it is too long for a caption.
    fn file(&mut self, file: OutgoingFile, lines: &Lines, buttons: Vec<Button>) {
        let mut captions = lines.passages(MAX_CAPTION);
        if captions.len() <= 1 {
            self.push(Content::File { file, caption: captions.pop() }, buttons);
        } else {
            self.push(Content::File { file, caption: None }, Vec::new());
            self.text(lines, buttons);
        }
    }

    /// A text with buttons below its last part.
    fn text(&mut self, lines: &Lines, buttons: Vec<Button>) {
        let mut passages = lines.passages(MAX_TEXT);
        let Some(last) = passages.pop() else { return self.buttons(buttons) };
        passages.into_iter().for_each(|passage| self.push(Content::Text(passage), Vec::new()));
        self.push(Content::Text(last), buttons);
    }

    /// Buttons without a text of their own: below the last text, unless that has buttons already, else below their labels.
    fn buttons(&mut self, mut buttons: Vec<Button>) {
        if let Some(part) = self.parts.iter_mut().rfind(|part| part.has_text())
            && part.buttons.is_empty()
        {
            let further = buttons.split_off(buttons.len().min(MAX_BUTTONS));
            part.buttons = std::mem::replace(&mut buttons, further);
        }
        if !buttons.is_empty() {
            let labels: Vec<_> = buttons.iter().map(Button::label).take(MAX_BUTTONS).collect();
            let text = truncate(labels.join(" / "), MAX_TEXT);
            self.push(Content::Text(text.into()), buttons);
        }
    }

    /// A part with these buttons, and further ones for those that are too many.
    fn push(&mut self, content: Content, mut buttons: Vec<Button>) {
        let further = buttons.split_off(buttons.len().min(MAX_BUTTONS));
        self.parts.push(Part { chat: self.chat, content, buttons });
        self.buttons(further);
    }

    /// The text before a file, to be its caption.
    fn take_text(&mut self) -> Option<Passage> {
        let is_caption = |part: &mut Part| {
            matches!(&part.content, Content::Text(passage) if passage.text.chars().count() <= MAX_CAPTION)
                && part.buttons.is_empty()
        };
        match self.parts.pop_if(is_caption)?.content {
            Content::Text(passage) => Some(passage),
            Content::File { caption, .. } => caption,
        }
    }
}

#[cfg(test)]
mod tests;
