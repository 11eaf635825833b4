//! Renders a message of Multicloud CX as plain text.

use super::wire::Webhook;
use crate::model::message::fallback_text::{FallbackText, Section, Writer};
use crate::model::message::{Attachment, MessageKind};
use serde_json::Value;

impl Webhook {
    /// The text for channels without buttons; `None` if it would be empty.
    pub(super) fn fallback_text(&self, kind: &MessageKind) -> Option<FallbackText> {
        let (mut written, email_texts) = match kind {
            MessageKind::Receipt(_) | MessageKind::Typing(_) => return None,
            MessageKind::Email(email) => {
                let mut written = Writer::new(self.subject.as_deref());
                written.email(email);
                (written, [email.text.as_deref(), email.html.as_deref()])
            }
            _ => (Writer::new(self.text.as_deref()), [None, None]),
        };
        let has_text = self.has_text();
        for part in &self.content {
            let (text, url, filename) = (member(part, "text"), member(part, "url"), member(part, "filename"));
            let (is_html, is_file) = (is_of_type(part, "html"), !is_blank(url) || !is_blank(filename));
            // HTML is only rendered if there is no text.
            let is_skipped = is_html && has_text || email_texts.contains(&Some(text));
            if is_skipped && !is_file {
                continue;
            }
            written.section(if is_file { Section::Files } else { Section::Block });
            match () {
                () if is_skipped => {}
                () if is_html => written.html(text),
                () if is_blank(url) => written.value(part),
                () => written.text(text),
            }
            let named = |text: &str| Some(text.to_owned()).filter(|text| !is_blank(text));
            let (mime, url, filename) = (named(member(part, "mimetype")), named(url), named(filename));
            written.file(&Attachment { media_type: None, url, mime, filename });
        }
        written.finish()
    }

    /// Whether there is a text that is not HTML.
    fn has_text(&self) -> bool {
        let parts = self.content.iter().filter(|part| is_of_type(part, "text")).map(|part| member(part, "text"));
        self.text.as_deref().into_iter().chain(parts).any(|text| !is_blank(text))
    }
}

fn is_of_type(part: &Value, part_type: &str) -> bool {
    member(part, "type").eq_ignore_ascii_case(part_type)
}

fn member<'p>(part: &'p Value, name: &str) -> &'p str {
    part.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

#[cfg(test)]
mod tests;
